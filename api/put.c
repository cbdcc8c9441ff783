#include "api/put.h"

#include <string.h>

#include "api/plain.h"

/* Whether the next value is the first of its container shows in the last byte written: no value
 * ends with one of these. */
static void put_key(rf_bytes *out, const char *key)
{
    char last = out->size > 0 ? out->data[out->size - 1] : '[';
    if (last != '{' && last != '[' && last != ':')
        rf_bytes_char(out, ',');
    if (key) {
        rf_bytes_char(out, '"');
        rf_bytes_text(out, key);
        rf_bytes_add(out, "\":", 2);
    }
}

void rf_put_open(rf_bytes *out, const char *key, char bracket)
{
    put_key(out, key);
    rf_bytes_char(out, bracket);
}

void rf_put_close(rf_bytes *out, char bracket)
{
    rf_bytes_char(out, bracket);
}

static void put_escape(rf_bytes *out, unsigned char c)
{
    if (c < 0x20) {
        rf_bytes_text(out, "\\u00");
        rf_bytes_hex(out, c, 2);
    } else {
        rf_bytes_char(out, '\\');
        rf_bytes_char(out, (char)c);
    }
}

void rf_put_escaped(rf_bytes *out, const char *text, size_t size)
{
    const char *end = text + size;
    for (const char *at; text < end; text = at + 1) {
        at = rf_plain_end(text, end);
        rf_bytes_add(out, text, (size_t)(at - text));
        if (at == end)
            return;
        put_escape(out, (unsigned char)*at);
    }
}

void rf_put_text(rf_bytes *out, const char *key, const char *text)
{
    put_key(out, key);
    rf_bytes_char(out, '"');
    rf_put_escaped(out, text, strlen(text));
    rf_bytes_char(out, '"');
}

void rf_put_decimal(rf_bytes *out, const char *key, rf_wide value, unsigned decimals)
{
    put_key(out, key);
    rf_bytes_char(out, '"');
    rf_bytes_decimal(out, value, decimals);
    rf_bytes_char(out, '"');
}

void rf_put_money(rf_bytes *out, const char *key, rf_wide value)
{
    rf_put_decimal(out, key, value, 8);
}

void rf_put_id(rf_bytes *out, const char *key, uint64_t id)
{
    rf_put_decimal(out, key, (rf_wide)id, 0);
}

void rf_put_int(rf_bytes *out, const char *key, int64_t value)
{
    put_key(out, key);
    rf_bytes_int(out, value);
}

void rf_put_bool(rf_bytes *out, const char *key, bool value)
{
    put_key(out, key);
    rf_bytes_text(out, value ? "true" : "false");
}

void rf_put_null(rf_bytes *out, const char *key)
{
    put_key(out, key);
    rf_bytes_text(out, "null");
}
