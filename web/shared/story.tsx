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

const LETTERS: [string, string][] = [
  ["q", "quantity, negative when short"], ["C", "cost of the position: quantity times price of each fill"], ["W", "margin inside the fence"],
  ["N", "value at the mark"], ["U", "unrealised profit, q × mark − C"], ["MM", "maintenance margin"], ["IM", "initial margin"],
  ["FR", "reserve for the fees of closing"], ["OL", "loss at once of opening orders"], ["MB", "margin balance"], ["A", "available inside the fence"],
  ["m, D", "rate of maintenance and its deduction in the tier"], ["f", "taker and liquidation fee, fractions"],
];

/** The formulas are the rules' own; what their letters stand for is said below them. */
function Letters() {
  return (
    <details class="letters">
      <summary>What the letters mean</summary>
      <dl>{LETTERS.map(([letter, meaning]) => <div key={letter}><dt>{letter}</dt><dd>{meaning}</dd></div>)}</dl>
    </details>
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
      {told && told.events.some((event) => event.formulas?.length) && <Letters />}
      {told && !told.complete && <p class="hint">There is more than fits here.</p>}
    </Dialog>
  );
}
