// The order form: what is typed, what the server says it would do, and the button.
import { computed, signal } from "@preact/signals";
import { call, placeOnce, newClientOid } from "../shared/api";
import * as decimal from "../shared/decimal";
import type { Preview } from "../shared/types";
import { Check, Choice, Num, NumberField, Percent, Select, saying, tell } from "../shared/ui";
import { words } from "../shared/words";
import * as draft from "./draft";
import { balance, book, instrument, marks, person, symbol, userLink } from "./state";
import { loginOpen } from "./login";
import { Leverage } from "./positions";

const busy = signal(false);
const refusal = signal<string | null>(null);

function LeverageField() {
  const row = instrument.value!;
  const most = Number(row.max_leverage);
  const held = draft.isolation.value;
  if (held)
    return (
      <p class="hint joined">
        <span>Joins your isolated position (<Leverage row={held} />). Change its leverage under Positions.</span>
      </p>
    );
  return (
    <div class="leverage">
      <NumberField label="Leverage" name="leverage" value={draft.leverage.value} suffix="×"
        fault={draft.faults.value.leverage} onInput={(text) => (draft.leverage.value = text)} />
      <input type="range" aria-label="Leverage" min={1} max={most} step={1}
        value={Math.min(most, Math.max(1, Number(draft.leverage.value) || 1))}
        onInput={(event) => (draft.leverage.value = event.currentTarget.value)} />
    </div>
  );
}

function PriceFields() {
  const { faults, kind, price, trigger, triggerBy, hasPrice, isTrigger } = draft;
  const best = draft.side.value === "BUY" ? book.value.asks[0] : book.value.bids[0];
  return (
    <>
      {isTrigger.value && (
        <div class="pair">
          <NumberField label="Trigger price" name="trigger" value={trigger.value} suffix="USD"
            fault={faults.value.trigger} onInput={(text) => (trigger.value = text)} />
          <Select label="Triggered by" value={triggerBy.value} onChange={(value) => (triggerBy.value = value)}
            options={[["MARK_PRICE", "Mark"], ["LAST_PRICE", "Last"], ["INDEX_PRICE", "Index"]] as const} />
        </div>
      )}
      {hasPrice.value && (
        <NumberField label="Price" name="price" value={price.value} suffix="USD" fault={faults.value.price}
          onInput={(text) => (price.value = text)}
          hint={kind.value === "LIMIT" && best && (
            <button type="button" class="link" onClick={() => (price.value = best[0])}>Best: <Num value={best[0]} field="best" /></button>
          )} />
      )}
    </>
  );
}

function QuantityField() {
  const row = instrument.value!;
  const { unit, amount, quantity } = draft;
  const value = decimal.mul(quantity.value, draft.referencePrice.value);
  const other = unit.value === "COIN"
    ? <span><Num value={decimal.text(value, value.scale)} places={2} field="quantity_value" /> USD</span>
    : <span><Num value={decimal.text(quantity.value, row.quantity_decimals)} field="quantity_coins" /> {row.base_ccy}</span>;
  return (
    <div class="quantity">
      <NumberField label="Quantity" name="quantity" value={amount.value} fault={draft.faults.value.amount}
        onInput={(text) => (amount.value = text)}
        hint={decimal.sign(quantity.value) > 0 && <>≈ {other}</>} />
      <Choice label="Unit of the quantity" class="unit" value={unit.value}
        options={[["COIN", row.base_ccy], ["USD", "USD"]] as const} onChange={(value) => (unit.value = value)} />
      <div class="percents" role="group" aria-label="Part of the largest possible order">
        {[25, 50, 75, 100].map((part) => (
          <button type="button" key={part} disabled={!person.value} onClick={() => void draft.usePercent(part)}>{part}%</button>
        ))}
      </div>
    </div>
  );
}

function Options() {
  const { kind, mode, tif, postOnly, reduceOnly, attach, extraMargin, takeProfit, stopLoss, faults } = draft;
  return (
    <>
      <div class="options">
        {kind.value === "LIMIT" && (
          <Select label="Time in force" value={tif.value} onChange={(value) => (tif.value = value)}
            options={[["GOOD_TILL_CANCEL", "Good till cancel"], ["IMMEDIATE_OR_CANCEL", "Immediate or cancel"],
              ["FILL_OR_KILL", "Fill or kill"]] as const} />
        )}
        {kind.value === "LIMIT" && (
          <Check label="Post only" checked={postOnly.value} disabled={tif.value !== "GOOD_TILL_CANCEL"}
            onChange={(on) => (postOnly.value = on)} />
        )}
        <Check label="Reduce only" checked={reduceOnly.value} onChange={(on) => (reduceOnly.value = on)} />
        {!draft.isTrigger.value && !reduceOnly.value && (
          <Check label="Take profit / stop loss" checked={attach.value} onChange={(on) => (attach.value = on)} />
        )}
      </div>
      {mode.value === "ISOLATED" && !reduceOnly.value && (
        <NumberField label="Margin to ring-fence (empty: what is required)" name="extraMargin" value={extraMargin.value}
          suffix="USD" fault={faults.value.extraMargin} onInput={(text) => (extraMargin.value = text)} />
      )}
      {attach.value && !draft.isTrigger.value && !reduceOnly.value && (
        <div class="pair">
          <NumberField label="Take profit at mark" name="takeProfit" value={takeProfit.value}
            fault={faults.value.takeProfit} onInput={(text) => (takeProfit.value = text)} />
          <NumberField label="Stop loss at mark" name="stopLoss" value={stopLoss.value}
            fault={faults.value.stopLoss} onInput={(text) => (stopLoss.value = text)} />
        </div>
      )}
    </>
  );
}

// ---- What it would do --------------------------------------------------------------------------------------

const shown = computed<Preview | null>(() => {
  const state = draft.preview.value;
  return state.kind === "known" ? state.preview : null;
});

function slippage(preview: Preview): string | null {
  const mark = decimal.of(marks.value[symbol.value]);
  const average = decimal.of(preview.fill.avg_price);
  if (decimal.sign(mark) === 0 || decimal.sign(average) === 0) return null;
  const away = decimal.div(decimal.sub(average, mark), mark, 6);
  return decimal.text(draft.side.value === "BUY" ? away : decimal.negate(away), 6);
}

function PreviewPanel() {
  const row = instrument.value!;
  const state = draft.preview.value;
  const preview = shown.value;
  const isolated = draft.mode.value === "ISOLATED";
  const slip = preview ? slippage(preview) : null;
  // What the button was answered stands beside it already.
  const said = state.kind === "failed" ? state.words : preview && !preview.accepted ? refusalWords(preview) : null;
  const line = (label: string, field: string, value: string | undefined, places: number, strong = false) => (
    <div class={strong ? "strong" : ""}>
      <dt>{label}</dt>
      <dd><Num value={value} places={places} field={field} /></dd>
    </div>
  );
  return (
    <section class={"preview" + (draft.stale.value ? " stale" : "")} aria-label="What this order would do" aria-live="off">
      <dl>
        {line(isolated ? "Margin to be ring-fenced" : "Margin required", "required_margin", preview?.required_margin, 2)}
        {line("Fee, at most now", "fee", preview?.fee, 4)}
        {line("Average fill", "avg_price", preview && decimal.sign(decimal.of(preview.fill.avg_price)) ? preview.fill.avg_price : "", row.quote_decimals)}
        <div>
          <dt>Slippage against mark</dt>
          <dd><Percent value={slip} places={3} signed field="slippage" /></dd>
        </div>
        {line(isolated ? "Liquidation price" : "Liquidation", "est_liquidation_price", isolated ? preview?.est_liquidation_price : "", row.quote_decimals)}
        {line("The most you can lose", "max_loss", isolated && preview?.accepted ? preview.max_loss : "", 2, true)}
        {line("Largest possible order", "max_order_quantity", preview?.max_order_quantity, row.quantity_decimals)}
      </dl>
      {!isolated && <p class="hint">Cross: your whole main account stands behind this position.</p>}
      {said && said !== refusal.value && <p class="fault" role="alert">{said}</p>}
    </section>
  );
}

function refusalWords(preview: Preview): string {
  return words(preview.code, preview.message, preview.code === 306 ? { required_margin: preview.required_margin } : {});
}

// ---- Sending -----------------------------------------------------------------------------------------------

interface Placed {
  order_id?: string;
  status?: string;
  list_id?: string;
  cumulative_quantity?: string;
}

async function send(): Promise<void> {
  const legs = draft.attachedLegs();
  const params = draft.orderParams();
  busy.value = true;
  refusal.value = null;
  try {
    if (legs.length === 0) {
      const method = draft.isTrigger.value ? "private/advanced/create-order" : "private/create-order";
      told(await placeOnce<Placed>(method, params));
    } else {
      const method = legs.length === 1 ? "private/advanced/create-oto" : "private/advanced/create-otoco";
      const primary = { ...params, client_oid: newClientOid() };
      const linked = legs.length === 2 ? { linked: true } : {};
      await call<Placed>(method, { order_list: [primary, ...legs], ...linked });
      tell("Order placed with its take profit and stop loss.", "good");
    }
    draft.amount.value = "";
  } catch (error) {
    refusal.value = saying(error);
  } finally {
    busy.value = false;
  }
}

function told(placed: Placed): void {
  const filled = decimal.sign(decimal.of(placed.cumulative_quantity)) > 0;
  if (placed.status === "FILLED") tell("Order filled.", "good");
  else if (filled) tell("Order partly filled; see Open orders for the rest.", "good");
  else if (placed.status === "PENDING") tell("Order waits for its trigger.", "good");
  else tell("Order placed.", "good");
}

export function OrderForm() {
  const row = instrument.value;
  if (!row) return <section class="panel form" aria-label="Order" />;
  const { side, mode, kind } = draft;
  const live = userLink.value === "live";
  const verb = side.value === "BUY" ? "Buy / Long" : "Sell / Short";
  return (
    <section class="panel form" aria-label="Order">
      <form onSubmit={(event) => { event.preventDefault(); if (person.value) void send(); else loginOpen.value = true; }}>
        <Choice label="Margin mode" class="mode" value={mode.value} onChange={(value) => (mode.value = value)}
          options={[["CROSS", "Cross"], ["ISOLATED", "Isolated"]] as const} />
        <Choice label="Side" class={"side " + side.value.toLowerCase()} value={side.value} onChange={(value) => (side.value = value)}
          options={[["BUY", "Buy / Long"], ["SELL", "Sell / Short"]] as const} />
        <Select label="Order type" options={draft.KINDS} value={kind.value} onChange={(value) => (kind.value = value)} />
        {mode.value === "ISOLATED" && <LeverageField />}
        <PriceFields />
        <QuantityField />
        <Options />
        <div class="available">
          <span>Available</span>
          <span><Num value={balance.value?.total_available_balance} places={2} field="total_available_balance" />{balance.value && " USD"}</span>
        </div>
        <PreviewPanel />
        {refusal.value && <p class="fault" role="alert" data-test="refusal">{refusal.value}</p>}
        {person.value ? (
          <button class={"submit " + side.value.toLowerCase()} disabled={busy.value || !draft.complete.value || !live}>
            {busy.value ? "Sending…" : live ? `${verb} ${mode.value === "ISOLATED" ? "isolated" : "cross"}` : "No connection"}
          </button>
        ) : (
          <button class="submit" type="submit">Log in to trade</button>
        )}
      </form>
    </section>
  );
}
