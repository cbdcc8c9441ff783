// What can be done to a position: margin in and out, leverage, close, reverse, take profit and stop loss. Each dialog
// shows the server's numbers for what is about to be done, and says a refusal in words.
import { CloseDialog, ReverseDialog } from "./dialogs/close";
import { opened } from "./dialogs/common";
import { LeverageDialog } from "./dialogs/leverage";
import { MarginDialog } from "./dialogs/margin";
import { TpSlDialog } from "./dialogs/protect";

export { open } from "./dialogs/common";

export function Dialogs() {
  const what = opened.value;
  if (!what) return null;
  switch (what.kind) {
    case "margin":
      return <MarginDialog id={what.id} key={what.id} />;
    case "leverage":
      return <LeverageDialog id={what.id} key={what.id} />;
    case "close":
      return <CloseDialog row={what.row} />;
    case "reverse":
      return <ReverseDialog row={what.row} />;
    case "tpsl":
      return <TpSlDialog row={what.row} />;
  }
}
