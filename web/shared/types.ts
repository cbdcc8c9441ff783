// The venue's objects as they stand on the wire; only the fields that the pages use.

export interface Instrument {
  symbol: string;
  display_name: string;
  base_ccy: string;
  quote_ccy: string;
  quote_decimals: number;
  quantity_decimals: number;
  price_tick_size: string;
  qty_tick_size: string;
  max_leverage: string;
  tradable: boolean;
  state: string;
  underlying_symbol: string;
  contract_size: string;
}

export interface Ticker {
  i: string;
  h: string | null;
  l: string | null;
  a: string | null;
  b: string | null;
  bs: string | null;
  k: string | null;
  ks: string | null;
  c: string | null;
  v: string;
  vv: string;
  oi: string;
  t: number;
}

export interface Trade {
  d: string;
  t: number;
  q: string;
  p: string;
  s: "BUY" | "SELL";
  i: string;
}

export interface Candle {
  o: string;
  h: string;
  l: string;
  c: string;
  v: string;
  t: number;
}

export interface Sample {
  v: string;
  t: number;
}

export type Level = [price: string, quantity: string, orders: string];

export interface BookSnapshot {
  asks: Level[];
  bids: Level[];
  t: number;
  u: number;
}

export interface BookDelta {
  update: { asks: Level[]; bids: Level[] };
  t: number;
  u: number;
  pu: number;
}

export interface Order {
  order_id: string;
  client_oid: string;
  order_type: string;
  time_in_force: string;
  side: "BUY" | "SELL";
  exec_inst: string[];
  quantity: string;
  limit_price: string;
  order_value: string;
  avg_price: string;
  cumulative_quantity: string;
  cumulative_value: string;
  cumulative_fee: string;
  status: string;
  reason?: number;
  instrument_name: string;
  create_time: number;
  update_time: number;
  isolation_id?: string;
  isolation_type?: string;
  ref_price?: string;
  ref_price_type?: string;
  list_id?: string;
  contingency_type?: string;
  leverage?: string;
}

export interface Position {
  account_id: string;
  instrument_name: string;
  quantity: string;
  cost: string;
  open_pos_cost: string;
  open_position_pnl: string;
  session_pnl: string;
  update_timestamp_ms: number;
  isolation_id?: string;
  isolation_type?: string;
  leverage?: string;
  average_price: string;
  mark_price: string;
  market_value: string;
  isolated_cash_balance?: string;
  isolated_margin_balance?: string;
  initial_margin: string;
  maintenance_margin: string;
  fee_reserve: string;
  opening_loss?: string;
  available_margin?: string;
  max_removable_margin?: string;
  liquidation_price?: string;
  bankruptcy_price?: string;
  margin_ratio: string;
  max_loss?: string;
  adl_rank: number | string;
  is_liquidating: boolean;
}

export interface BalanceRow {
  instrument_name: string;
  quantity: string;
  market_value: string;
  collateral_eligible: boolean;
  haircut: string;
  collateral_amount: string;
  max_withdrawal_balance: string;
  reserved_qty: string;
}

export interface IsolatedRow extends Position {
  isolation_id: string;
  total_cash_balance: string;
  total_margin_balance: string;
  total_initial_margin: string;
  total_maintenance_margin: string;
  total_available_balance: string;
  position_limit: string;
}

export interface Balance {
  instrument_name: string;
  total_available_balance: string;
  total_margin_balance: string;
  total_initial_margin: string;
  total_position_im: string;
  total_haircut: string;
  total_maintenance_margin: string;
  total_cash_balance: string;
  total_collateral_value: string;
  total_session_unrealized_pnl: string;
  total_session_realized_pnl: string;
  is_liquidating: boolean;
  total_effective_leverage: string;
  position_limit: string;
  used_position_limit: string;
  total_isolated_cash_balance: string;
  position_balances: BalanceRow[];
  isolated_positions: IsolatedRow[];
}

export interface Preview {
  accepted: boolean;
  code: number;
  message: string;
  fill: { avg_price: string; quantity: string; worst_price: string };
  fee: string;
  required_margin: string;
  margin_source: { main_before: string; main_after: string };
  isolation_id?: string;
  position_after: { quantity: string; avg_price: string; leverage: string };
  est_liquidation_price: string;
  est_bankruptcy_price: string;
  initial_margin: string;
  maintenance_margin: string;
  max_loss: string;
  max_order_quantity: string;
}

export interface Limits {
  isolation_id: string;
  max_removable: string;
  min_leverage: string | number;
  max_leverage?: string | number;
  topup_needed: string;
  /** Only with a target: whether the account or the fence has that much. */
  transfer_possible?: boolean;
  liquidation_price_after: string;
}
