// Money that comes and goes by the operator's hand: withdrawals to decide, deposits, the fund, new accounts.
import * as decimal from "../shared/decimal";
import { confirm, Num, Time } from "../shared/ui";
import { CallForm } from "./callform";
import { act, withdrawals, type Row } from "./state";
import { Table } from "./table";

const text = (row: Row, key: string): string => (row[key] === undefined || row[key] === null ? "" : String(row[key]));

function decide(row: Row, verb: string, then: string, done: string, method: string): void {
  const amount = decimal.show(decimal.of(text(row, "amount")), decimal.of(text(row, "amount")).scale);
  confirm(`${verb} withdrawal ${text(row, "id")}`, `${amount} ${text(row, "currency")} of ${text(row, "account") || text(row, "account_id")} to ${text(row, "address") || "no address"}. ${then}`,
    `${verb} it`, () => void act(done, method, { id: text(row, "id") }));
}

const WAITING = [
  { title: "Withdrawal", text: true, show: (row: Row) => text(row, "id") },
  { title: "Asked", text: true, show: (row: Row) => (row["create_time"] ? <Time ms={Number(row["create_time"])} date /> : "–") },
  { title: "Account", text: true, show: (row: Row) => text(row, "account") || text(row, "account_id") },
  { title: "Amount", show: (row: Row) => <><Num value={text(row, "amount")} places={4} field="amount" /> {text(row, "currency")}</> },
  { title: "To", text: true, show: (row: Row) => text(row, "address") || "–" },
  { title: "Network", text: true, show: (row: Row) => text(row, "network_id") || "–" },
  { title: "", show: (row: Row) => (
    <span class="withbuttons">
      <button type="button" class="small" onClick={() => decide(row, "Approve", "It is paid out and cannot be called back.", "Approved: paid out.", "operator/approve-withdrawal")}>Approve</button>
      <button type="button" class="small" onClick={() => decide(row, "Reject", "The money goes back to the account.", "Rejected: the money is back.", "operator/reject-withdrawal")}>Reject</button>
    </span>) },
];

export function Money() {
  return (
    <>
      <section class="panel wide" aria-label="Withdrawals">
        <h2>Withdrawals to decide</h2>
        <Table columns={WAITING} rows={withdrawals.value} id={(row, at) => text(row, "id") || at} empty="No withdrawal waits." />
      </section>
      <CallForm title="Credit a deposit" button="Credit" done="Credited." method="operator/deposit"
        inputs={[{ key: "account", title: "Account" }, { key: "currency", title: "Currency" }, { key: "amount", title: "Amount", number: true }]} />
      <CallForm title="Pay into the insurance fund" button="Pay in" done="Paid in." method="operator/fund-insurance"
        inputs={[{ key: "currency", title: "Currency" }, { key: "amount", title: "Amount", number: true }]} />
      <CallForm title="Withdrawal limit" button="Set the limit" done="The limit holds from now on." method="operator/set-withdrawal-limit"
        hint="Units that may leave within a day. Without an account: of everybody without a limit of their own. Without an amount: no limit any more."
        inputs={[{ key: "account", title: "Account (optional)", optional: true }, { key: "currency", title: "Currency" }, { key: "amount", title: "Amount a day (optional)", number: true, optional: true }]} />
      <CallForm title="Transaction of a withdrawal" button="Note it" done="Noted: the account sees it." method="operator/set-withdrawal-txid"
        inputs={[{ key: "id", title: "Withdrawal" }, { key: "txid", title: "Transaction" }]} />
      <CallForm title="Open an account" button="Open" done="Opened." method="operator/create-account" inputs={[{ key: "account", title: "Label" }]} />
    </>
  );
}
