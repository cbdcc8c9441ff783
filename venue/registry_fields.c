/* What of each thing is in the stream, field by field. Integers are little-endian; a text is its
 * length in 2 bytes and so many bytes, without NUL. Journals and snapshots share this file: fields
 * are appended under a new RF_REGISTRY_VERSION, never moved. */
#include <string.h>

#include "venue/registry_state.h"

static uint16_t text_length(const char *text, uint16_t size)
{
    const char *end = memchr(text, 0, size);
    return end ? (uint16_t)(end - text) : size;
}

/* `size` is that of the array, whose rest is cleared: equal things have equal bytes. */
static void x_text(rf_flow *flow, char *text, uint16_t size)
{
    uint16_t length = flow->loading ? 0 : text_length(text, size);
    rf_flow_u16(flow, &length);
    if (!rf_flow_want(flow, length < size, "a text is too long"))
        length = 0;
    if (flow->loading)
        memset(text, 0, size);
    rf_flow_bytes(flow, text, length);
    rf_flow_want(flow, memchr(text, 0, length) == NULL, "a text contains NUL");
}

static void x_sealed(rf_flow *flow, uint16_t *size, uint8_t sealed[RF_SEALED_SIZE])
{
    rf_flow_u16(flow, size);
    if (!rf_flow_want(flow, *size <= RF_SEALED_SIZE, "a sealed secret is too long"))
        *size = 0;
    if (flow->loading)
        memset(sealed, 0, RF_SEALED_SIZE);
    rf_flow_bytes(flow, sealed, *size);
}

void rf_x_key(rf_flow *flow, rf_api_key *key)
{
    x_text(flow, key->key, sizeof key->key);
    x_text(flow, key->label, sizeof key->label);
    rf_flow_u32(flow, &key->account);
    rf_flow_u32(flow, &key->scopes);
    rf_flow_bool(flow, &key->revoked);
    rf_flow_u8(flow, &key->addresses_count);
    rf_flow_want(flow, key->key[0] != '\0' && key->account > 0, "a key without name or account");
    rf_flow_want(flow,
                 key->scopes != 0 &&
                     key->scopes <= (RF_SCOPE_READ | RF_SCOPE_TRADE | RF_SCOPE_WITHDRAW),
                 "a key without scopes, or with unknown ones");
    if (!rf_flow_want(flow, key->addresses_count <= RF_KEY_ADDRESSES_MAX,
                      "a key with too many addresses"))
        key->addresses_count = 0;
    for (unsigned i = 0; i < key->addresses_count; i++)
        x_text(flow, key->addresses[i], sizeof key->addresses[i]);
    x_sealed(flow, &key->sealed_size, key->sealed);
    rf_flow_i64(flow, &key->create_time_ns);
}

void rf_x_user(rf_flow *flow, rf_user *user)
{
    x_text(flow, user->name, sizeof user->name);
    rf_flow_u8(flow, &user->role);
    rf_flow_u32(flow, &user->account);
    x_text(flow, user->password_hash, sizeof user->password_hash);
    x_sealed(flow, &user->totp_size, user->totp);
    rf_flow_u32(flow, &user->version);
    rf_flow_i64(flow, &user->create_time_ns);
    rf_flow_want(flow, user->name[0] != '\0', "a user without a name");
    rf_flow_want(flow, user->role >= RF_ROLE_TRADER && user->role <= RF_ROLE_ADMIN,
                 "a user of no known role");
    rf_flow_want(flow, (user->account > 0) == (user->role == RF_ROLE_TRADER),
                 "a trader without an account, or an operator with one");
}

void rf_x_wallet(rf_flow *flow, rf_wallet *wallet)
{
    rf_flow_u32(flow, &wallet->account);
    rf_flow_u32(flow, &wallet->currency);
    x_text(flow, wallet->address, sizeof wallet->address);
    x_text(flow, wallet->tag, sizeof wallet->tag);
    x_text(flow, wallet->network, sizeof wallet->network);
    x_text(flow, wallet->label, sizeof wallet->label);
    rf_flow_i64(flow, &wallet->create_time_ns);
    rf_flow_i64(flow, &wallet->usable_time_ns);
    rf_flow_want(flow, wallet->account > 0 && wallet->address[0] != '\0',
                 "an address of nobody, or none");
}

void rf_x_note(rf_flow *flow, rf_withdrawal_note *note)
{
    rf_flow_u64(flow, &note->id);
    rf_flow_u32(flow, &note->account);
    rf_flow_u32(flow, &note->currency);
    rf_flow_i64(flow, &note->amount);
    x_text(flow, note->address, sizeof note->address);
    x_text(flow, note->tag, sizeof note->tag);
    x_text(flow, note->network, sizeof note->network);
    x_text(flow, note->client_wid, sizeof note->client_wid);
    x_text(flow, note->txid, sizeof note->txid);
    rf_flow_u8(flow, &note->status);
    rf_flow_i64(flow, &note->create_time_ns);
    rf_flow_i64(flow, &note->update_time_ns);
    rf_flow_want(flow, note->status <= RF_WITHDRAWAL_CANCELLED, "a withdrawal of no known status");
}

void rf_x_day_limit(rf_flow *flow, rf_day_limit *limit)
{
    rf_flow_u32(flow, &limit->account);
    rf_flow_u32(flow, &limit->currency);
    rf_flow_i64(flow, &limit->amount);
    rf_flow_want(flow, limit->amount >= -1, "a limit below nothing");
}

void rf_x_notice(rf_flow *flow, rf_notice *notice)
{
    rf_flow_u64(flow, &notice->id);
    rf_flow_i64(flow, &notice->time_ns);
    x_text(flow, notice->title, sizeof notice->title);
    x_text(flow, notice->content, sizeof notice->content);
    x_text(flow, notice->category, sizeof notice->category);
    x_text(flow, notice->product_type, sizeof notice->product_type);
    x_text(flow, notice->instrument, sizeof notice->instrument);
}

/* ---- Records --------------------------------------------------------------------------------- */

void rf_x_record(rf_flow *flow, rf_record *record)
{
    rf_flow_u8(flow, &record->version);
    rf_flow_u8(flow, &record->kind);
    if (!rf_flow_want(flow, record->version == RF_REGISTRY_VERSION, "another version"))
        return;
    switch (record->kind) {
    case RF_REGISTRY_KEY:
        rf_x_key(flow, &record->u.key);
        return;
    case RF_REGISTRY_REVOKE:
        x_text(flow, record->u.key.key, RF_KEY_SIZE);
        return;
    case RF_REGISTRY_USER:
        rf_x_user(flow, &record->u.user);
        return;
    case RF_REGISTRY_WALLET:
    case RF_REGISTRY_WALLET_REMOVED:
        rf_x_wallet(flow, &record->u.wallet);
        return;
    case RF_REGISTRY_NOTE:
        rf_x_note(flow, &record->u.note);
        return;
    case RF_REGISTRY_TXID:
        rf_flow_u64(flow, &record->u.note.id);
        x_text(flow, record->u.note.txid, RF_TXID_SIZE);
        return;
    case RF_REGISTRY_DAY_LIMIT:
        rf_x_day_limit(flow, &record->u.day_limit);
        return;
    case RF_REGISTRY_NOTICE:
        rf_x_notice(flow, &record->u.notice);
        return;
    default:
        rf_flow_want(flow, false, "a record of no known kind");
        return;
    }
}

typedef struct span {
    const unsigned char *bytes;
    size_t size;
} span;

static bool read_span(void *context, void *bytes, size_t size)
{
    span *from = context;
    if (size > from->size)
        return false;
    memcpy(bytes, from->bytes, size);
    from->bytes += size;
    from->size -= size;
    return true;
}

bool rf_record_read(const void *bytes, size_t size, rf_record *record)
{
    span from = {.bytes = bytes, .size = size};
    rf_flow flow;
    rf_flow_start(&flow, NULL, read_span, &from);
    memset(record, 0, sizeof *record);
    rf_x_record(&flow, record);
    return !flow.error && rf_flow_finish(&flow) && from.size == 0;
}

static bool write_bytes(void *context, const void *bytes, size_t size)
{
    rf_bytes *out = context;
    rf_bytes_add(out, bytes, size);
    return !out->full;
}

static void write_record(rf_bytes *out, rf_record *record)
{
    rf_flow flow;
    rf_flow_start(&flow, write_bytes, NULL, out);
    record->version = RF_REGISTRY_VERSION;
    rf_x_record(&flow, record);
    rf_flow_finish(&flow);
}

void rf_record_key(rf_bytes *out, const rf_api_key *key)
{
    write_record(out, &(rf_record){.kind = RF_REGISTRY_KEY, .u.key = *key});
}

void rf_record_revoke(rf_bytes *out, const char *api_key)
{
    rf_record record = {.kind = RF_REGISTRY_REVOKE};
    strncpy(record.u.key.key, api_key, RF_KEY_SIZE - 1);
    write_record(out, &record);
}

void rf_record_user(rf_bytes *out, const rf_user *user)
{
    write_record(out, &(rf_record){.kind = RF_REGISTRY_USER, .u.user = *user});
}

void rf_record_wallet(rf_bytes *out, const rf_wallet *wallet)
{
    write_record(out, &(rf_record){.kind = RF_REGISTRY_WALLET, .u.wallet = *wallet});
}

void rf_record_wallet_removed(rf_bytes *out, const rf_wallet *wallet)
{
    write_record(out, &(rf_record){.kind = RF_REGISTRY_WALLET_REMOVED, .u.wallet = *wallet});
}

void rf_record_note(rf_bytes *out, const rf_withdrawal_note *note)
{
    write_record(out, &(rf_record){.kind = RF_REGISTRY_NOTE, .u.note = *note});
}

void rf_record_txid(rf_bytes *out, uint64_t withdrawal, const char *txid)
{
    rf_record record = {.kind = RF_REGISTRY_TXID};
    record.u.note.id = withdrawal;
    strncpy(record.u.note.txid, txid, RF_TXID_SIZE - 1);
    write_record(out, &record);
}

void rf_record_day_limit(rf_bytes *out, const rf_day_limit *limit)
{
    write_record(out, &(rf_record){.kind = RF_REGISTRY_DAY_LIMIT, .u.day_limit = *limit});
}

void rf_record_notice(rf_bytes *out, const rf_notice *notice)
{
    write_record(out, &(rf_record){.kind = RF_REGISTRY_NOTICE, .u.notice = *notice});
}
