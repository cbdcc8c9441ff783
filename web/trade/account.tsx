// The main account and each fence: what is there, what is bound, what can leave.
import * as decimal from "../shared/decimal";
import { Empty, Num } from "../shared/ui";
import { open } from "./dialogs";
import { Leverage, RatioBar } from "./positions";
import { balance, marginScore, person } from "./state";

function Line(props: { label: string; value: string | undefined; field: string; title?: string }) {
  return (
    <div title={props.title}>
      <dt>{props.label}</dt>
      <dd><Num value={props.value} places={2} field={props.field} /></dd>
    </div>
  );
}

export function Account() {
  const row = balance.value;
  if (!person.value || !row)
    return (
      <section class="panel account" aria-label="Account">
        <h2>Account</h2>
        <Empty>Log in to see what you have, what is bound, and what is inside a fence.</Empty>
      </section>
    );
  const usd = row.position_balances.find((one) => one.instrument_name === "USD");
  const waiting = row.isolated_positions.filter((one) => decimal.sign(decimal.of(one.quantity)) === 0);
  const held = waiting.reduce((sum, one) => decimal.add(sum, decimal.of(one.isolated_cash_balance ?? one.total_cash_balance)), decimal.ZERO);
  return (
    <section class="panel account" aria-label="Account">
      <h2>Main account <small>cross margin, USD</small></h2>
      {row.is_liquidating && <p class="fault" role="alert">The main account is being liquidated. Isolated positions are not touched by it.</p>}
      <dl>
        <Line label="Margin balance" value={row.total_margin_balance} field="total_margin_balance" />
        <Line label="Available" value={row.total_available_balance} field="total_available_balance" />
        <Line label="Initial margin" value={row.total_initial_margin} field="total_initial_margin" />
        <Line label="Maintenance margin" value={row.total_maintenance_margin} field="total_maintenance_margin" />
        <div><dt>Margin ratio</dt><dd><RatioBar ratio={marginScore.value || null} label="Margin ratio of the account" /></dd></div>
        <Line label="Withdrawable" value={usd?.max_withdrawal_balance} field="max_withdrawal_balance" />
      </dl>
      <h2>Isolated <small>not available, not withdrawable</small></h2>
      <dl>
        <Line label="Inside all fences" value={row.total_isolated_cash_balance} field="total_isolated_cash_balance" />
        {decimal.sign(held) > 0 && (
          <div><dt>Of it for resting isolated orders</dt><dd><Num value={decimal.text(held, 8)} places={2} field="waiting_margin_sum" /></dd></div>
        )}
        {row.isolated_positions.map((one) => (
          <div key={one.isolation_id} data-row={one.isolation_id}>
            <dt>{one.instrument_name} <Leverage row={one} /></dt>
            <dd class="withbuttons">
              <Num value={one.isolated_cash_balance ?? one.total_cash_balance} places={2} field="isolated_cash_balance" />
              <button type="button" class="small" aria-label={"Add or remove margin of " + one.instrument_name} onClick={() => open({ kind: "margin", id: one.isolation_id })}>±</button>
            </dd>
          </div>
        ))}
      </dl>
      {row.position_balances.length > 0 && (
        <details>
          <summary>Money by currency</summary>
          <dl>
            {row.position_balances.map((one) => (
              <div key={one.instrument_name} data-row={one.instrument_name}><dt>{one.instrument_name}</dt><dd><Num value={one.quantity} places={4} field="quantity" /></dd></div>
            ))}
          </dl>
        </details>
      )}
    </section>
  );
}
