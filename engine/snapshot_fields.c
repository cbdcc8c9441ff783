/* What of each record is state, field by field, in the order of the stream. A field that is not named here is
 * derived (rebuilt by load) or transient (empty between commands). */
#include "engine/snapshot.h"

static void x_work(rf_stream *stream, rf_work *work)
{
    rf_x_i64(stream, &work->target_ns);
    rf_x_i64(stream, &work->next_hour_ns);
    rf_x_u32(stream, &work->stage);
    rf_x_u32(stream, &work->instrument);
    rf_x_u32(stream, &work->step);
    rf_x_i64(stream, &work->given_rate);
    rf_x_i64(stream, &work->loss);
    rf_x_i64(stream, &work->profit_sum);
    rf_x_i64(stream, &work->collected);
    rf_x_u8(stream, &work->aftermath);
    rf_x_u8(stream, &work->marks);
    rf_x_u32(stream, &work->cross_account);
}

void rf_x_counters(rf_stream *stream, rf_engine *engine)
{
    rf_x_u64(stream, &engine->seq);
    rf_x_i64(stream, &engine->now_ns);
    rf_x_i64(stream, &engine->command_time_ns);
    rf_x_u64(stream, &engine->next_order);
    rf_x_u64(stream, &engine->next_isolation);
    rf_x_u64(stream, &engine->next_list);
    rf_x_u64(stream, &engine->next_match);
    rf_x_u64(stream, &engine->next_withdrawal);
    rf_x_u64(stream, &engine->next_age);
    rf_x_u64(stream, &engine->recents_count);
    rf_x_u32(stream, &engine->currencies_count);
    rf_x_u32(stream, &engine->indexes_count);
    rf_x_u32(stream, &engine->instruments_count);
    rf_x_u32(stream, &engine->accounts_count);
    rf_x_u8(stream, &engine->look);
    x_work(stream, &engine->work);
}

void rf_x_currency(rf_stream *stream, rf_currency *currency)
{
    rf_x_text(stream, currency->name, RF_NAME_SIZE);
    rf_x_u8(stream, &currency->kind);
    rf_x_u32(stream, &currency->index);
    rf_x_i64(stream, &currency->factor);
    rf_x_i64(stream, &currency->haircut);
    rf_x_i64(stream, &currency->cap);
    rf_x_i64(stream, &currency->custody);
    rf_x_i64(stream, &currency->world);
    rf_x_i64(stream, &currency->fees);
    rf_x_i64(stream, &currency->insurance);
    rf_x_i64(stream, &currency->rounding);
    rf_x_i64(stream, &currency->withdrawals);
}

void rf_x_index(rf_stream *stream, rf_index *index)
{
    rf_x_text(stream, index->name, RF_NAME_SIZE);
    rf_x_u32(stream, &index->sources_count);
    rf_x_u32(stream, &index->sources_used);
    rf_x_i64(stream, &index->price_e8);
    rf_x_i64(stream, &index->time_ns);
    if (!rf_stream_want(stream, index->sources_count <= RF_INDEX_SOURCES_MAX,
                        "an index has too many sources"))
        return;
    for (uint32_t i = 0; i < index->sources_count; i++) {
        rf_x_text(stream, index->sources[i].name, RF_NAME_SIZE);
        rf_x_i64(stream, &index->sources[i].price_e8);
        rf_x_i64(stream, &index->sources[i].time_ns);
    }
}

void rf_x_tiers(rf_stream *stream, rf_instrument_config *config)
{
    rf_x_u32(stream, &config->tiers_count);
    if (!rf_stream_want(stream, config->tiers_count <= RF_TIERS_MAX,
                        "an instrument has too many tiers"))
        return;
    for (uint32_t i = 0; i < config->tiers_count; i++) {
        rf_x_i64(stream, &config->tiers[i].notional_floor);
        rf_x_i64(stream, &config->tiers[i].maintenance_rate);
        rf_x_u32(stream, &config->tiers[i].max_leverage);
    }
}

/* The fields of field.def: texts with their padding, bounds are checked elsewhere. */
#define FIELD_u8(field, max) rf_x_u8(stream, &(field));
#define FIELD_u16(field, max) rf_x_u16(stream, &(field));
#define FIELD_u32(field, max) rf_x_u32(stream, &(field));
#define FIELD_u64(field, max) rf_x_u64(stream, &(field));
#define FIELD_i64(field, max) rf_x_i64(stream, &(field));
#define FIELD_text(field, max) rf_x_text(stream, field, max);
#define FIELD_tiers(field, max) rf_x_tiers(stream, config);

static void x_config(rf_stream *stream, rf_instrument_config *config)
{
#define RF_CONFIG_FIELD(type, name, max) FIELD_##type(config->name, max)
#include "engine/field.def"
}

void rf_x_instrument(rf_stream *stream, rf_instrument *instrument)
{
    x_config(stream, &instrument->config);
    rf_x_u8(stream, &instrument->state);
    rf_x_u8(stream, &instrument->mark_pinned);
    rf_x_u8(stream, &instrument->rate_pinned);
    rf_x_u8(stream, &instrument->moved);
    rf_x_u32(stream, &instrument->index);
    rf_x_i64(stream, &instrument->mark);
    rf_x_i64(stream, &instrument->mark_time_ns);
    rf_x_i64(stream, &instrument->basis_e8);
    rf_x_i64(stream, &instrument->basis_time_ns);
    rf_x_i64(stream, &instrument->last_price);
    rf_x_i64(stream, &instrument->clearing);
    rf_x_i64(stream, &instrument->funding_rate);
    rf_x_i64(stream, &instrument->pinned_rate);
    rf_x_wide(stream, &instrument->premium_sum);
    rf_x_i64(stream, &instrument->premium_time_ns);
    rf_x_i64(stream, &instrument->premium_start_ns);
    rf_x_i64(stream, &instrument->premium_now);
    rf_x_i64(stream, &instrument->settlement_price);
    rf_x_i64(stream, &instrument->settled_mark);
}

/* Those that are state; the others belong to lists that are empty between commands. */
static void x_flags(rf_stream *stream, uint16_t *flags, uint16_t state)
{
    uint16_t saved = *flags & state;
    rf_x_u16(stream, &saved);
    if (stream->loading)
        *flags = saved;
    rf_stream_want(stream, (saved & ~state) == 0, "a flag of the snapshot is none");
}

void rf_x_account(rf_stream *stream, rf_account *account)
{
    rf_x_text(stream, account->label, RF_NAME_SIZE);
    rf_x_u32(stream, &account->master);
    rf_x_u32(stream, &account->leverage);
    x_flags(stream, &account->flags,
            RF_ACCOUNT_SUSPENDED | RF_ACCOUNT_LIQUIDATING | RF_ACCOUNT_OWN_FEES);
    rf_x_u16(stream, &account->stp_id);
    rf_x_u8(stream, &account->stp);
    rf_x_u8(stream, &account->stp_scope);
    rf_x_u32(stream, &account->cancel_include_reduce_only);
    rf_x_i64(stream, &account->maker_rate);
    rf_x_i64(stream, &account->taker_rate);
    rf_x_i64(stream, &account->cancel_after_ns);
    rf_x_i64(stream, &account->cancel_timeout_ns);
    rf_x_i64(stream, &account->create_time_ns);
    rf_x_i64(stream, &account->session_realized);
    rf_x_i64(stream, &account->withdrawing);
}

void rf_x_seat(rf_stream *stream, rf_seat *seat)
{
    rf_x_u16(stream, &seat->instrument);
    rf_x_u32(stream, &seat->last_leverage);
}

void rf_x_list(rf_stream *stream, rf_list *list)
{
    rf_x_u64(stream, &list->id);
    rf_x_u32(stream, &list->account);
    rf_x_u16(stream, &list->instrument);
    rf_x_u8(stream, &list->contingency);
    rf_x_u8(stream, &list->linked);
    rf_x_u8(stream, &list->legs_count);
}

void rf_x_position(rf_stream *stream, rf_position *position, rf_position_cold *cold)
{
    rf_x_u32(stream, &position->account);
    rf_x_u64(stream, &position->id);
    x_flags(stream, &position->flags, RF_POSITION_ISOLATED | RF_POSITION_LIQUIDATING);
    rf_x_u32(stream, &position->leverage);
    rf_x_i64(stream, &position->q);
    rf_x_i64(stream, &position->cost);
    rf_x_i64(stream, &position->cost_user);
    rf_x_i64(stream, &position->wallet);
    rf_x_i64(stream, &cold->put_in);
    rf_x_i64(stream, &cold->taken_out);
    rf_x_i64(stream, &cold->settled_value);
    rf_x_i64(stream, &position->update_time_ns);
    rf_x_i64(stream, &cold->create_time_ns);
    rf_x_u64(stream, &cold->age);
    rf_x_i64(stream, &cold->session_profit);
    rf_x_i64(stream, &cold->flagged_qty);
    rf_x_i64(stream, &cold->session_realized);
}

static void x_params(rf_stream *stream, rf_order_params *params)
{
#define RF_ORDER_FIELD(type, name, max) FIELD_##type(params->name, max)
#include "engine/field.def"
}

void rf_x_order(rf_stream *stream, rf_order *order, rf_order_cold *cold)
{
    rf_x_u64(stream, &order->id);
    rf_x_i64(stream, &order->price);
    rf_x_i64(stream, &order->leaves);
    rf_x_i64(stream, &order->earmark);
    rf_x_u32(stream, &order->account);
    rf_x_u16(stream, &order->instrument);
    rf_x_u16(stream, &order->flags);
    rf_x_u8(stream, &order->side);
    rf_x_u8(stream, &order->type);
    rf_x_u8(stream, &order->state);
    x_params(stream, &cold->params);
    rf_x_i64(stream, &cold->filled_qty);
    rf_x_i64(stream, &cold->filled_value);
    rf_x_i64(stream, &cold->fee);
    rf_x_i64(stream, &cold->maker_rate);
    rf_x_i64(stream, &cold->taker_rate);
    rf_x_i64(stream, &cold->create_time_ns);
    rf_x_i64(stream, &cold->update_time_ns);
    rf_x_u8(stream, &cold->leg);
    rf_x_u8(stream, &cold->status);
    rf_x_u8(stream, &cold->triggered);
    rf_x_u8(stream, &cold->contingency);
    rf_x_u32(stream, &cold->reason);
    rf_x_u64(stream, &cold->isolation_id);
    rf_x_u64(stream, &cold->list_id);
}

void rf_x_withdrawal(rf_stream *stream, rf_withdrawal *withdrawal)
{
    rf_x_u64(stream, &withdrawal->id);
    rf_x_u32(stream, &withdrawal->account);
    rf_x_u32(stream, &withdrawal->currency);
    rf_x_i64(stream, &withdrawal->amount);
    rf_x_i64(stream, &withdrawal->debit);
    rf_x_i64(stream, &withdrawal->time_ns);
}
