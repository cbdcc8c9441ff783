#include "api/put.h"

#include <string.h>

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

static bool needs_escape(unsigned char c)
{
    return c == '"' || c == '\\' || c < 0x20;
}

void rf_put_escaped(rf_bytes *out, const char *text, size_t size)
{
    size_t plain = 0; /* where the run of bytes that go out as they are began */
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        if (!needs_escape(c))
            continue;
        rf_bytes_add(out, text + plain, i - plain);
        plain = i + 1;
        if (c < 0x20) {
            rf_bytes_text(out, "\\u00");
            rf_bytes_hex(out, c, 2);
        } else {
            rf_bytes_char(out, '\\');
            rf_bytes_char(out, (char)c);
        }
    }
    rf_bytes_add(out, text + plain, size - plain);
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
