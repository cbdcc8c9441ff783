#include "venue/service.h"

#include <stdlib.h>
#include <string.h>

#include "api/put.h"

void rf_service_text(rf_args *args, unsigned param, char *to, size_t size, const char *absent)
{
    const char *text = rf_arg_text(args, param, absent);
    size_t length = strlen(text);
    if (length >= size) {
        rf_args_refuse(args, RF_ERR_MISSING_OR_INVALID_ARGUMENT, rf_params[param].name);
        return;
    }
    memset(to, 0, size);
    memcpy(to, text, length);
}

/* ---- Notices --------------------------------------------------------------------------------- */

static rf_error announce(rf_world *world, rf_call *call)
{
    rf_args *args = &call->args;
    rf_notice notice = {.time_ns = call->time_ns};
    rf_service_text(args, RF_P_ANNOUNCE_title, notice.title, sizeof notice.title, "");
    rf_service_text(args, RF_P_ANNOUNCE_content, notice.content, sizeof notice.content, "");
    rf_service_text(args, RF_P_ANNOUNCE_category, notice.category, sizeof notice.category,
                    "system");
    rf_service_text(args, RF_P_ANNOUNCE_product_type, notice.product_type,
                    sizeof notice.product_type, "");
    rf_service_text(args, RF_P_ANNOUNCE_instrument_name, notice.instrument,
                    sizeof notice.instrument, "");
    if (args->problem)
        return args->problem;
    char memory[RF_REGISTRY_RECORD_MAX];
    rf_bytes record;
    rf_bytes_init(&record, memory, sizeof memory, NULL);
    rf_record_notice(&record, &notice);
    if (!rf_world_record(world, record.data, record.size))
        return RF_ERR_ERR_INTERNAL;
    rf_put_open(call->out, NULL, '{');
    rf_put_id(call->out, "id", rf_registry_notices_count(world->registry));
    rf_put_close(call->out, '}');
    return RF_ERR_OK;
}

static void put_notice(rf_bytes *out, const rf_notice *notice)
{
    rf_put_open(out, NULL, '{');
    rf_put_id(out, "id", notice->id);
    rf_put_text(out, "category", notice->category);
    rf_put_text(out, "product_type", notice->product_type);
    rf_put_ms(out, "announced_at", notice->time_ns);
    rf_put_text(out, "title", notice->title);
    rf_put_text(out, "content", notice->content);
    rf_put_text(out, "instrument_name", notice->instrument);
    rf_put_close(out, '}');
}

static rf_error get_announcements(rf_world *world, rf_call *call)
{
    const char *category = rf_arg_text(&call->args, RF_P_NOTICES_category, NULL);
    const char *product = rf_arg_text(&call->args, RF_P_NOTICES_product_type, NULL);
    const rf_notice *notice;
    rf_put_open(call->out, NULL, '{');
    rf_put_open(call->out, "data", '[');
    for (uint64_t ago = 0; (notice = rf_registry_notice(world->registry, ago)) != NULL; ago++)
        if ((!category || strcmp(category, notice->category) == 0) &&
            (!product || strcmp(product, notice->product_type) == 0))
            put_notice(call->out, notice);
    rf_put_close(call->out, ']');
    rf_put_close(call->out, '}');
    return RF_ERR_OK;
}

/* ---- Withdrawals ----------------------------------------------------------------------------- */

enum { DAY_S = 86400 };

rf_withdrawal_note rf_service_withdrawal(rf_call *call)
{
    rf_args *args = &call->args;
    rf_withdrawal_note note = {.account = call->account};
    note.currency = (uint32_t)rf_decode_currency(call, args, RF_P_WITHDRAWAL_currency);
    note.amount = rf_arg_positive(args, RF_P_WITHDRAWAL_amount, 8, 0);
    rf_service_text(args, RF_P_WITHDRAWAL_address, note.address, sizeof note.address, "");
    if (note.address[0] == '\0')
        rf_args_refuse(args, RF_ERR_MISSING_OR_INVALID_ARGUMENT, "address");
    rf_service_text(args, RF_P_WITHDRAWAL_client_wid, note.client_wid, sizeof note.client_wid, "");
    rf_service_text(args, RF_P_WITHDRAWAL_address_tag, note.tag, sizeof note.tag, "");
    rf_service_text(args, RF_P_WITHDRAWAL_network_id, note.network, sizeof note.network,
                    rf_arg_text(args, RF_P_WITHDRAWAL_currency, ""));
    return note;
}

static bool over_day_limit(const rf_world *world, const rf_withdrawal_note *note, int64_t time_ns)
{
    int64_t limit = rf_registry_day_limit(world->registry, note->account, note->currency);
    int64_t sum = rf_registry_withdrawn(world->registry, note->account, note->currency,
                                        time_ns - DAY_S * 1000000000LL);
    return limit >= 0 && (__builtin_add_overflow(sum, note->amount, &sum) || sum > limit);
}

static void put_withdrawal(rf_call *call, const rf_withdrawal_note *note)
{
    const char *currency = rf_arg_text(&call->args, RF_P_WITHDRAWAL_currency, "");
    rf_put_open(call->out, NULL, '{');
    rf_put_id(call->out, "id", call->result.id);
    rf_put_money(call->out, "amount", note->amount);
    rf_put_money(call->out, "fee", 0);
    rf_put_text(call->out, "symbol", currency);
    rf_put_text(call->out, "currency", currency);
    rf_put_text(call->out, "address", note->address);
    rf_put_text(call->out, "client_wid", note->client_wid);
    rf_put_ms(call->out, "create_time", call->time_ns);
    rf_put_text(call->out, "network_id", note->network);
    rf_put_close(call->out, '}');
}

/* The note goes first, so that the withdrawal is never without its address (venue/registry.h). */
static rf_error create_withdrawal(rf_world *world, rf_call *call)
{
    rf_withdrawal_note note = rf_service_withdrawal(call);
    if (call->args.problem)
        return rf_decode_problem(call, &call->args);
    if (over_day_limit(world, &note, call->time_ns))
        return RF_ERR_MAX_AMOUNT_VIOLATED;
    char memory[RF_REGISTRY_RECORD_MAX];
    rf_bytes record;
    rf_bytes_init(&record, memory, sizeof memory, NULL);
    rf_record_note(&record, &note);
    if (!rf_world_record(world, record.data, record.size))
        return RF_ERR_ERR_INTERNAL;
    rf_command command = {.kind = RF_COMMAND_REQUEST_WITHDRAWAL};
    command.u.money.account = note.account;
    command.u.money.currency = note.currency;
    command.u.money.amount = note.amount;
    rf_error code = rf_call_apply(call, &command);
    if (code == RF_ERR_OK)
        put_withdrawal(call, &note);
    return code;
}

/* ---- The table ------------------------------------------------------------------------------- */

rf_error rf_service_serve(rf_world *world, rf_call *call)
{
    static const struct {
        rf_method_id method;
        rf_error (*serve)(rf_world *world, rf_call *call);
    } rows[] = {
        {RF_M_ANNOUNCE, announce},
        {RF_M_GET_ANNOUNCEMENTS, get_announcements},
        {RF_M_CREATE_WITHDRAWAL, create_withdrawal},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].method == rf_method_number(call->method))
            return rows[i].serve(world, call);
    return RF_ERR_METHOD_NOT_FOUND;
}

rf_error rf_service_call(rf_call *call)
{
    return rf_service_serve(call->api->servers[RF_SERVICE_REGISTRY].context, call);
}
