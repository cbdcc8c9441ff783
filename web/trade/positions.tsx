// The positions: one row per instrument and mode. A cross row has no liquidation price of its own: the account's
// ratio stands there instead.
import * as decimal from "../shared/decimal";
import type { IsolatedRow, Position } from "../shared/types";
import { Empty, Num, Percent } from "../shared/ui";
import { open } from "./dialogs";
import { results, rowKey } from "./results";
import { balance, instruments, marginScore, person, positions, symbol } from "./state";
import { whatIf } from "./whatif";

export function isIsolated(row: Position): boolean {
  return !!row.isolation_id;
}

export function placesOf(name: string): { price: number; qty: number; base: string } {
  const row = instruments.value.find((one) => one.symbol === name);
  return { price: row?.quote_decimals ?? 2, qty: row?.quantity_decimals ?? 4, base: row?.base_ccy ?? "" };
}

export function Leverage(props: { row: { leverage?: string | undefined } }) {
  const { leverage } = props.row;
  return <span data-field="leverage" data-value={leverage}>{decimal.plain(decimal.of(leverage))}×</span>;
}

/** (liquidation - mark) / mark, as a fraction of the mark; null when there is no liquidation price. */
export function distance(row: Position): string | null {
  const price = decimal.of(row.liquidation_price);
  const mark = decimal.of(row.mark_price);
  if (decimal.sign(price) === 0 || decimal.sign(mark) === 0) return null;
  return decimal.text(decimal.div(decimal.abs(decimal.sub(price, mark)), mark, 6), 6);
}

/** Profit over what stands behind it: for an isolation the margin put in, for cross the initial margin. */
export function roe(row: Position): string | null {
  const base = decimal.of(isIsolated(row) ? row.isolated_cash_balance : row.initial_margin);
  if (decimal.sign(base) <= 0) return null;
  return decimal.text(decimal.div(decimal.of(row.open_position_pnl), base, 6), 6);
}

export function RatioBar(props: { ratio: string | null; label: string }) {
  if (!props.ratio) return <span class="num none">–</span>;
  const ratio = decimal.of(props.ratio);
  const percent = Math.min(100, Math.max(0, decimal.toNumber(ratio) * 100));
  const tone = percent >= 80 ? "danger" : percent >= 50 ? "warn" : "calm";
  return (
    <span class={"ratio " + tone} role="meter" aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(percent)} aria-label={props.label}>
      <svg viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true"><rect width={percent} height="4" /></svg>
      <span class="num" data-field="margin_ratio" data-value={props.ratio}>{decimal.show(decimal.mul(ratio, decimal.of("100")), 1)}%</span>
    </span>
  );
}

function AdlLight(props: { rank: number }) {
  const words = `Place in the queue for deleveraging: ${props.rank} of 5`;
  return (
    <span class={"adl rank" + props.rank} role="img" aria-label={words} title={words} data-field="adl_rank" data-value={props.rank}>
      {[1, 2, 3, 4, 5].map((step) => <i key={step} class={step <= props.rank ? "on" : ""} />)}
    </span>
  );
}

/** What is realised since it was opened, with its fees and funding. */
function Realised(props: { row: Position }) {
  const result = results.value[rowKey(props.row)];
  return (
    <>
      <Num value={result?.realized_pnl} places={2} signed colour field="realized_pnl" />
      <small>fees <Num value={result?.fees} places={2} signed field="fees" /></small>
      <small>funding <Num value={result?.funding} places={2} signed field="funding_paid" /></small>
    </>
  );
}

function Row(props: { row: Position }) {
  const { row } = props;
  const places = placesOf(row.instrument_name);
  const long = !row.quantity.startsWith("-");
  const isolated = isIsolated(row);
  const away = distance(row);
  const profit = roe(row);
  const key = rowKey(row);
  return (
    <tr data-row={key} data-mode={isolated ? "isolated" : "cross"} class={row.is_liquidating ? "liquidating" : ""}>
      <th scope="row">
        <button type="button" class="link name" onClick={() => (symbol.value = row.instrument_name)}>{row.instrument_name}</button>
        <span class={"badge " + (isolated ? "isolated" : "cross")}>
          {isolated ? <>Isolated <Leverage row={row} /></> : "Cross"}
        </span>
        {row.is_liquidating && <span class="badge bad">In liquidation</span>}
      </th>
      <td class={long ? "up" : "down"} data-label="Size"><span>{long ? "Long" : "Short"} <Num value={row.quantity.replace("-", "")} places={places.qty} field="quantity" /></span>
        <small><Num value={row.market_value} places={2} field="market_value" /> USD</small></td>
      <td data-label="Entry, mark"><Num value={row.average_price} places={places.price} field="average_price" />
        <small><Num value={row.mark_price} places={places.price} field="mark_price" /></small></td>
      <td data-label="Liquidation">
        {isolated ? (
          <>
            <Num value={row.liquidation_price} places={places.price} field="liquidation_price" />
            {away && <small><Percent value={away} field="distance" /> away</small>}
          </>
        ) : (
          <span class="hint" title="In cross margin the whole account is liquidated together">account’s ratio</span>
        )}
      </td>
      <td data-label="Margin ratio">
        {isolated ? <RatioBar ratio={row.margin_ratio} label={"Margin ratio of " + row.instrument_name} />
          : <RatioBar ratio={marginScore.value || null} label="Margin ratio of the account" />}
      </td>
      <td data-label="Margin">
        {isolated ? (
          <span class="withbuttons">
            <Num value={row.isolated_cash_balance} places={2} field="isolated_cash_balance" />
            <button type="button" class="small" title="Add or remove margin" aria-label={"Add or remove margin of " + row.instrument_name} onClick={() => open({ kind: "margin", id: row.isolation_id! })}>±</button>
            <button type="button" class="small" title="Change the leverage" aria-label={"Change leverage of " + row.instrument_name} onClick={() => open({ kind: "leverage", id: row.isolation_id! })}><Leverage row={row} /></button>
          </span>
        ) : <Num value={row.initial_margin} places={2} field="initial_margin" />}
      </td>
      <td data-label="Unrealised">
        <Num value={row.open_position_pnl} places={2} signed colour field="open_position_pnl" />
        {profit && <small><Percent value={profit} places={1} signed field="roe" /></small>}
      </td>
      <td data-label="Realised"><Realised row={row} /></td>
      <td data-label="Deleveraging"><AdlLight rank={Number(row.adl_rank)} /></td>
      <td class="actions">
        <button type="button" class="small" disabled={row.is_liquidating} onClick={() => open({ kind: "close", row })}>Close</button>
        <button type="button" class="small" disabled={row.is_liquidating} onClick={() => open({ kind: "tpsl", row })}>TP/SL</button>
        <button type="button" class="small" disabled={row.is_liquidating} onClick={() => open({ kind: "reverse", row })}>Reverse</button>
      </td>
    </tr>
  );
}

/** An isolation without a position holds margin for resting orders: said, not hidden. */
function Waiting(props: { rows: IsolatedRow[] }) {
  if (props.rows.length === 0) return null;
  return (
    <div class="waiting">
      {props.rows.map((row) => (
        <p key={row.isolation_id}>
          {row.instrument_name}: <Num value={row.isolated_cash_balance ?? row.total_cash_balance} places={2} field="waiting_margin" /> USD are
          ring-fenced for resting isolated orders. They come back when the orders are cancelled.
        </p>
      ))}
    </div>
  );
}

export function Positions() {
  if (!person.value)
    return <Empty>Log in to see your positions. Isolated positions can lose only the margin inside their fence.</Empty>;
  const rows = positions.value;
  const waiting = (balance.value?.isolated_positions ?? []).filter((row) => /^-?0(\.0*)?$/.test(row.quantity ?? "0"));
  return (
    <>
      <Waiting rows={waiting} />
      {rows.length === 0 ? (
        <Empty>No open position. Choose Isolated on the order form to see, before you press the button, the most that a trade can cost you.</Empty>
      ) : (
        <div class="scroll">
          <table class="positions">
            <thead>
              <tr>
                <th scope="col">Instrument</th><th scope="col">Size, value</th><th scope="col">Entry, mark</th><th scope="col">Liquidation</th><th scope="col">Margin ratio</th>
                <th scope="col">Margin</th><th scope="col">Unrealised</th><th scope="col">Realised</th><th scope="col">ADL</th>
                <th scope="col"><button type="button" class="small" onClick={() => (whatIf.value = !whatIf.value)}>What if…</button></th>
              </tr>
            </thead>
            <tbody>{rows.map((row) => <Row row={row} key={rowKey(row)} />)}</tbody>
          </table>
        </div>
      )}
    </>
  );
}
