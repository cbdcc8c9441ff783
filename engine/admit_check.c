/* The first half of the ladder: what is wrong with an order before anybody looks at the market. Each rung is
 * one refusal; the order of the rungs is the order of the rows in errors.def. */
#include "engine/book.h"
#include "engine/entry.h"
#include "engine/isolate.h"
#include "engine/mark.h"
#include "engine/order.h"
#include "engine/position.h"
#include "engine/trigger.h"

enum {
    USER_FLAGS = RF_FLAG_POST_ONLY | RF_FLAG_SMART_POST_ONLY | RF_FLAG_REDUCE_ONLY |
                 RF_FLAG_ISOLATED | RF_FLAG_CLOSE | RF_FLAG_OID_DEFAULTED | RF_FLAG_NOTIONAL |
                 RF_FLAG_PREVIEW,
};

static bool is_trigger(uint8_t type)
{
    return type != RF_LIMIT && type != RF_MARKET;
}

static bool is_market(uint8_t type)
{
    return type == RF_MARKET || type == RF_STOP_LOSS || type == RF_TAKE_PROFIT;
}

static rf_error check_account(const rf_engine *engine, uint32_t account)
{
    if (account == RF_FUND || account >= engine->accounts_count)
        return RF_ERR_MISSING_OR_INVALID_ARGUMENT;
    if ((engine->accounts[account].flags & RF_ACCOUNT_SUSPENDED) != 0)
        return RF_ERR_ACCOUNT_IS_SUSPENDED;
    return RF_ERR_OK;
}

/* Side of an order; a close stands against its position (BUY when there is none: refused further down). */
static uint8_t side_of(const rf_engine *engine, const rf_order_params *params)
{
    if ((params->flags & RF_FLAG_CLOSE) == 0)
        return params->side;
    const uint32_t position =
        params->isolation_id != 0
            ? rf_isolate_find(engine, params->account, params->isolation_id)
            : rf_position_find(engine, params->account, params->instrument, false);
    return position != RF_NONE ? rf_opposite(rf_position_side(&engine->positions[position]))
                               : RF_BUY;
}

/* Would take at once, from its bare parameters; a post-only order never takes. */
static bool takes(const rf_engine *engine, const rf_instrument *instrument,
                  const rf_order_params *params)
{
    if (is_trigger(params->type) ||
        (params->flags & (RF_FLAG_POST_ONLY | RF_FLAG_SMART_POST_ONLY)) != 0)
        return false;
    if (params->type == RF_MARKET || params->time_in_force != RF_GTC || params->side > RF_SELL)
        return true;
    const uint8_t side = side_of(engine, params);
    const rf_price best = rf_book_best_price(instrument, rf_opposite(side));
    return best != 0 && (side == RF_BUY ? params->price >= best : params->price <= best);
}

static rf_error check_instrument(rf_engine *engine, const rf_order_params *params, rf_entry *entry)
{
    if (params->instrument >= engine->instruments_count)
        return RF_ERR_INVALID_INSTRUMENT;
    rf_instrument *instrument = entry->instrument = &engine->instruments[params->instrument];
    if (instrument->state >= RF_STATE_CANCEL_ONLY)
        return RF_ERR_INSTRUMENT_NOT_TRADABLE;
    if (instrument->state == RF_STATE_POST_ONLY && takes(engine, instrument, params))
        return RF_ERR_MARKET_IS_NOT_OPEN;
    if (!entry->isolated && instrument->config.margin_modes == RF_MODES_ISOLATED)
        return RF_ERR_INSTRUMENT_MUST_USE_ISOLATED_MARGIN;
    if (entry->isolated && instrument->config.margin_modes == RF_MODES_CROSS)
        return RF_ERR_UNSUPPORTED_OPERATION_ON_ISOLATED_POSITION;
    if (entry->isolated && is_trigger(params->type) && !entry->reduce_only)
        return RF_ERR_UNSUPPORTED_OPERATION_ON_ISOLATED_POSITION;
    return RF_ERR_OK;
}

static rf_error check_enums(const rf_order_params *params)
{
    const uint16_t post = RF_FLAG_POST_ONLY | RF_FLAG_SMART_POST_ONLY;
    if (params->side > RF_SELL)
        return RF_ERR_INVALID_SIDE;
    if (params->type > RF_TAKE_PROFIT_LIMIT)
        return RF_ERR_INVALID_ORDTYPE;
    if (params->time_in_force > RF_FOK)
        return RF_ERR_INVALID_TIF;
    if ((params->flags & ~USER_FLAGS) != 0 || (params->flags & post) == post ||
        ((params->flags & post) != 0 && is_market(params->type)) || params->stp > RF_STP_BOTH ||
        params->stp_scope > RF_STP_SCOPE_FAMILY)
        return RF_ERR_INVALID_EXECINST;
    return RF_ERR_OK;
}

static rf_error check_reference(const rf_engine *engine, const rf_instrument *instrument,
                                const rf_order_params *params, bool waiting)
{
    if (!is_trigger(params->type))
        return RF_ERR_OK;
    if (params->ref_price_type > RF_REF_LAST)
        return RF_ERR_INVALID_REF_PRICE_TYPE;
    if (params->ref_price <= 0 || params->ref_price > instrument->mark_max)
        return RF_ERR_INVALID_REF_PRICE;
    if (!waiting && rf_trigger_already(engine, params))
        return RF_ERR_INVALID_REF_PRICE;
    return RF_ERR_OK;
}

rf_error rf_entry_check_size(const rf_instrument *instrument, rf_qty qty, rf_price price,
                             rf_price valued_at, bool closes)
{
    const rf_instrument_config *config = &instrument->config;
    if (qty <= 0 || (config->qty_tick != 1 && qty % config->qty_tick != 0))
        return RF_ERR_INVALID_ORDERQTY;
    if (price < 0 || (config->price_tick != 1 && price % config->price_tick != 0) ||
        price > instrument->mark_max)
        return RF_ERR_INVALID_PRICE;
    /* Sizes whose notional would leave the number range at the highest mark (decisions: Numbers). */
    const bool too_big = qty > instrument->qty_max;
    const rf_price at = price != 0 ? price : valued_at;
    /* A trigger price is judged later (229); until then it may be anything. */
    const bool valued = at > 0 && at <= instrument->mark_max;
    if (!too_big && !closes &&
        (qty < config->min_order_qty ||
         (valued && rf_notional(instrument->k, qty, at) < config->min_notional)))
        return RF_ERR_BELOW_MIN_ORDER_SIZE;
    if (too_big || (config->max_order_qty != 0 && qty > config->max_order_qty))
        return RF_ERR_EXCEEDS_MAX_ORDER_SIZE;
    return RF_ERR_OK;
}

/* Quantity of a market buy by notional: what the money buys at the mark, in whole lots. */
static rf_error find_qty(const rf_entry *entry, const rf_order_params *params, rf_qty *qty)
{
    *qty = params->qty;
    if ((params->flags & RF_FLAG_NOTIONAL) == 0)
        return RF_ERR_OK;
    const rf_instrument *instrument = entry->instrument;
    if (params->notional <= 0 || params->type != RF_MARKET || params->side != RF_BUY)
        return RF_ERR_INVALID_ORDERQTY;
    if (instrument->mark == 0) {
        *qty = instrument->config.min_order_qty; /* answered 207 further down */
        return RF_ERR_OK;
    }
    const rf_qty bought = params->notional / rf_mul(instrument->mark, instrument->k);
    *qty = bought - bought % instrument->config.qty_tick;
    return *qty > 0 ? RF_ERR_OK : RF_ERR_BELOW_MIN_ORDER_SIZE;
}

static rf_error check_amounts(rf_engine *engine, const rf_order_params *params, rf_entry *entry)
{
    const bool whole_close = (params->flags & RF_FLAG_CLOSE) != 0 && params->qty == 0;
    rf_error code = RF_ERR_OK;
    if (!whole_close)
        code = find_qty(entry, params, &entry->qty);
    if (code == RF_ERR_OK && !entry->market && params->price <= 0)
        code = entry->qty > 0 || whole_close ? RF_ERR_INVALID_PRICE : RF_ERR_INVALID_ORDERQTY;
    if (code == RF_ERR_OK)
        code = rf_entry_check_size(
            entry->instrument, whole_close ? entry->instrument->config.qty_tick : entry->qty,
            entry->price, entry->trigger ? params->ref_price : entry->instrument->mark,
            (params->flags & RF_FLAG_CLOSE) != 0);
    if (code != RF_ERR_OK)
        return code;
    if ((params->flags & RF_FLAG_OID_DEFAULTED) == 0 && params->client_oid[0] != 0 &&
        rf_order_oid_used(engine, params->account, params->client_oid))
        return RF_ERR_DUPLICATE_CLORDID;
    return RF_ERR_OK;
}

static rf_error check_new_isolation(const rf_engine *engine, const rf_entry *entry)
{
    if (rf_position_find(engine, entry->account, entry->instrument->number, true) != RF_NONE)
        return RF_ERR_DUPLICATED_INSTRUMENT_ORDER_FOR_ISOLATED_MARGIN;
    if (engine->accounts[entry->account].isolations_count >=
        entry->instrument->config.isolations_max)
        return RF_ERR_EXCEEDS_ISOLATED_POSITION_LIMIT;
    return RF_ERR_OK;
}

static rf_error find_position(rf_engine *engine, const rf_order_params *params, rf_entry *entry)
{
    const uint64_t id =
        params->isolation_id != 0 ? params->isolation_id : params->attach_isolation_id;
    if (!entry->isolated) {
        entry->position =
            rf_position_find(engine, entry->account, entry->instrument->number, false);
        return RF_ERR_OK;
    }
    if (id == 0)
        return check_new_isolation(engine, entry);
    entry->position = rf_isolate_find(engine, entry->account, id);
    if (entry->position == RF_NONE ||
        engine->positions[entry->position].instrument != entry->instrument->number) {
        entry->position = RF_NONE;
        return RF_ERR_INVALID_ISOLATION_ID;
    }
    if ((engine->positions[entry->position].flags & RF_POSITION_LIQUIDATING) != 0)
        return RF_ERR_POSITION_IS_IN_LIQUIDATION;
    return RF_ERR_OK;
}

/* Sets L of a new isolation: as asked, else the last one used here, else the instrument's maximum. */
static rf_error find_leverage(const rf_engine *engine, const rf_order_params *params,
                              rf_entry *entry)
{
    const uint32_t asked = params->leverage;
    const uint32_t max = (uint32_t)rf_margin_leverage_max(&entry->instrument->margin, 0);
    if (asked == UINT32_MAX || (entry->isolated && asked > max))
        return RF_ERR_INVALID_LEVERAGE;
    if (!entry->isolated)
        return RF_ERR_OK;
    if (entry->position != RF_NONE) {
        entry->leverage = engine->positions[entry->position].leverage;
        return asked == 0 || asked == entry->leverage ? RF_ERR_OK : RF_ERR_INVALID_LEVERAGE;
    }
    const rf_seat *seat = rf_seat_find(engine, entry->account, entry->instrument->number);
    const uint32_t last = seat ? seat->last_leverage : 0;
    entry->leverage = asked != 0 ? asked : last != 0 && last <= max ? last : max;
    return RF_ERR_OK;
}

/* 316, 201, 317, 216: what the order refers to must be there. */
static rf_error check_referred(rf_engine *engine, const rf_order_params *params, rf_entry *entry)
{
    const rf_qty q = entry->position != RF_NONE ? engine->positions[entry->position].q : 0;
    if (params->attach_order_id != 0 &&
        rf_order_find(engine, entry->account, params->attach_order_id, "") == RF_NONE)
        return RF_ERR_NO_ACTIVE_ORDER;
    if ((params->flags & RF_FLAG_CLOSE) != 0) {
        if (q == 0)
            return RF_ERR_NO_POSITION;
        entry->side = q > 0 ? RF_SELL : RF_BUY;
        if (entry->qty == 0)
            entry->qty = rf_size(q);
        if (entry->qty > rf_size(q))
            return RF_ERR_INVALID_POSITION_QTY;
    }
    if (params->attach_position != 0 && q == 0)
        return RF_ERR_POSITION_NO_EXIST;
    return RF_ERR_OK;
}

static void fill_entry(const rf_order_params *params, rf_entry *entry)
{
    *entry = (rf_entry){0};
    entry->params = params;
    entry->account = params->account;
    entry->side = params->side;
    entry->isolated = (params->flags & RF_FLAG_ISOLATED) != 0 || params->isolation_id != 0 ||
                      (params->attach_position != 0 && params->attach_isolation_id != 0);
    entry->reduce_only = (params->flags & (RF_FLAG_REDUCE_ONLY | RF_FLAG_CLOSE)) != 0;
    entry->trigger = is_trigger(params->type);
    entry->market = is_market(params->type);
    entry->price = entry->market ? 0 : params->price;
    entry->given = params->isolated_margin;
}

rf_error rf_entry_check(rf_engine *engine, const rf_order_params *params, bool waiting,
                        rf_entry *entry)
{
    fill_entry(params, entry);
    rf_error code = check_account(engine, params->account);
    if (code == RF_ERR_OK)
        code = check_instrument(engine, params, entry);
    if (code == RF_ERR_OK)
        code = check_enums(params);
    if (code == RF_ERR_OK)
        code = check_reference(engine, entry->instrument, params, waiting);
    if (code == RF_ERR_OK)
        code = check_amounts(engine, params, entry);
    if (code == RF_ERR_OK && entry->given != -1 &&
        (entry->given <= 0 || entry->given >= RF_AMOUNT_MAX))
        code = RF_ERR_MISSING_OR_INVALID_ARGUMENT;
    if (code == RF_ERR_OK)
        code = find_position(engine, params, entry);
    if (code == RF_ERR_OK)
        code = find_leverage(engine, params, entry);
    if (code == RF_ERR_OK)
        code = check_referred(engine, params, entry);
    return code;
}

/* A position of nobody, for questions about one that does not exist yet. */
static const rf_position no_position;

static const rf_position *position_or_none(const rf_engine *engine, const rf_entry *entry)
{
    return entry->position != RF_NONE ? &engine->positions[entry->position] : &no_position;
}

bool rf_entry_takes(const rf_entry *entry)
{
    const rf_price best = rf_book_best_price(entry->instrument, rf_opposite(entry->side));
    if (best == 0)
        return false;
    return entry->side == RF_BUY ? entry->price >= best : entry->price <= best;
}

static rf_error check_post_only(rf_entry *entry)
{
    const uint16_t flags = entry->params->flags;
    if ((flags & (RF_FLAG_POST_ONLY | RF_FLAG_SMART_POST_ONLY)) == 0)
        return RF_ERR_OK;
    if (entry->params->time_in_force != RF_GTC)
        return RF_ERR_POST_ONLY_REJ;
    if (!rf_entry_takes(entry))
        return RF_ERR_OK;
    if ((flags & RF_FLAG_POST_ONLY) != 0)
        return RF_ERR_POST_ONLY_REJ;
    const rf_price best = rf_book_best_price(entry->instrument, rf_opposite(entry->side));
    const rf_price tick = entry->instrument->config.price_tick;
    const rf_price behind = entry->side == RF_BUY ? best - tick : best + tick;
    if (behind <= 0 || behind > entry->instrument->mark_max)
        return RF_ERR_POST_ONLY_REJ;
    entry->price = behind;
    return RF_ERR_OK;
}

rf_error rf_entry_check_market(rf_engine *engine, rf_entry *entry)
{
    const rf_position *position = position_or_none(engine, entry);
    if (entry->instrument->mark == 0)
        return RF_ERR_NO_MARK_PRICE;
    entry->adds_uncovered =
        !entry->reduce_only && rf_adds_uncovered(position, entry->side, entry->qty);
    if (!entry->isolated && entry->adds_uncovered &&
        (engine->accounts[entry->account].flags & RF_ACCOUNT_LIQUIDATING) != 0)
        return RF_ERR_POSITION_IS_IN_LIQUIDATION;
    if (entry->reduce_only && rf_reducible(position, entry->side) == 0)
        return RF_ERR_REDUCE_ONLY_REJECTED;
    if (entry->instrument->state == RF_STATE_REDUCE_ONLY && entry->adds_uncovered)
        return RF_ERR_REDUCE_ONLY_REJECTED;
    if (entry->adds_uncovered && rf_mark_stale(engine, entry->instrument))
        return RF_ERR_STALE_MARK_PRICE;
    const rf_error code = check_post_only(entry);
    if (code == RF_ERR_OK && entry->instrument->state == RF_STATE_POST_ONLY &&
        (entry->market || rf_entry_takes(entry)))
        return RF_ERR_MARKET_IS_NOT_OPEN;
    return code;
}

rf_error rf_entry_check_counts(const rf_engine *engine, const rf_entry *entry, uint32_t orders)
{
    uint32_t here = 0;
    const rf_seat *seat = rf_seat_find(engine, entry->account, entry->instrument->number);
    for (uint32_t i = 0; seat && i < 2; i++)
        if (seat->position[i] != RF_NONE)
            here += engine->positions[seat->position[i]].orders_count +
                    engine->positions_cold[seat->position[i]].triggers_count;
    if (entry->order != RF_NONE && rf_order_owned(&engine->orders[entry->order]))
        here--; /* on trial in its own list: it is among the orders asked for */
    if (here + orders > RF_ORDERS_PER_INSTRUMENT ||
        engine->accounts[entry->account].orders_count + orders > RF_ORDERS_PER_ACCOUNT)
        return RF_ERR_EXCEEDS_MAX_ALLOWED_ORDERS;
    /* One record stays free for a liquidation order. */
    if (engine->orders_used + orders + 1 > engine->limits.orders_max)
        return RF_ERR_ERR_INTERNAL;
    return RF_ERR_OK;
}
