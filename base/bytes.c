#include "base/bytes.h"

#include "base/check.h"
#include "base/decimal.h"

void rf_bytes_init(rf_bytes *bytes, char *data, size_t capacity, rf_bytes_grow grow)
{
    *bytes = (rf_bytes){.data = data, .capacity = capacity, .grow = grow};
}

void rf_bytes_clear(rf_bytes *bytes)
{
    rf_bytes_cut(bytes, 0);
}

void rf_bytes_cut(rf_bytes *bytes, size_t size)
{
    RF_CHECK(size <= bytes->size);
    bytes->size = size;
    bytes->full = false;
}

char *rf_bytes_room(rf_bytes *bytes, size_t size)
{
    if (bytes->full)
        return NULL;
    if (size > bytes->capacity - bytes->size) {
        if (size > SIZE_MAX / 2 - bytes->size || !bytes->grow ||
            !bytes->grow(bytes, bytes->size + size)) {
            bytes->full = true;
            return NULL;
        }
        RF_CHECK(size <= bytes->capacity - bytes->size);
    }
    char *place = bytes->data + bytes->size;
    bytes->size += size;
    return place;
}

void rf_bytes_id(rf_bytes *bytes, uint64_t value)
{
    rf_bytes_decimal(bytes, (rf_wide)value, 0);
}

void rf_bytes_int(rf_bytes *bytes, int64_t value)
{
    rf_bytes_decimal(bytes, value, 0);
}

void rf_bytes_hex(rf_bytes *bytes, uint64_t value, unsigned digits)
{
    RF_CHECK(digits <= 16);
    char text[16];
    for (unsigned i = digits; i > 0; i--, value >>= 4)
        text[i - 1] = "0123456789abcdef"[value & 15];
    rf_bytes_add(bytes, text, digits);
}

void rf_bytes_decimal(rf_bytes *bytes, rf_wide value, unsigned decimals)
{
    char text[RF_DECIMAL_TEXT_MAX];
    rf_bytes_add(bytes, text, rf_decimal_print(text, value, decimals));
}
