// The story of an isolation or a liquidation as the venue's journal tells it: events, numbers, formulas with values.
import { useEffect, useState } from "preact/hooks";
import { call } from "./api";
import { Dialog, saying, Time } from "./ui";

interface Formula {
  name: string;
  formula: string;
  values: string;
  result: string;
}
interface StoryEvent {
  t: number;
  event: string;
  text: string;
  formulas?: Formula[];
}
interface Told {
  instrument_name: string;
  complete: boolean;
  events: StoryEvent[];
}

function Event(props: { event: StoryEvent }) {
  const { event } = props;
  return (
    <li>
      <Time ms={event.t} date /> {event.text}
      {event.formulas && event.formulas.length > 0 && (
        <table>
          <tbody>
            {event.formulas.map((one) => (
              <tr key={one.name}><th scope="row">{one.name}</th><td class="num result">{one.result}</td><td>{one.formula}</td><td>{one.values}</td></tr>
            ))}
          </tbody>
        </table>
      )}
    </li>
  );
}

export function StoryDialog(props: { method: string; id: string; onClose: () => void }) {
  const [told, setTold] = useState<Told | null>(null);
  const [fault, setFault] = useState<string | null>(null);
  useEffect(() => {
    call<Told>(props.method, { id: props.id }).then(setTold, (error: unknown) => setFault(saying(error)));
  }, [props.id]);
  return (
    <Dialog title={"How it went" + (told ? ": " + told.instrument_name : "")} wide onClose={props.onClose}>
      {fault && <p class="fault" role="alert">{fault}</p>}
      {!told && !fault && <p>Asking the journal…</p>}
      {told && <ol class="story">{told.events.map((event, at) => <Event event={event} key={at} />)}</ol>}
      {told && !told.complete && <p class="hint">There is more than fits here.</p>}
    </Dialog>
  );
}
