/* Decimals: what is read is written back as the same number. */
#include <string.h>

#include "base/decimal.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    unsigned decimals = data[0] % (RF_DECIMALS_MAX + 1);
    const char *text = (const char *)data + 1;
    char printed[RF_DECIMAL_TEXT_MAX];
    int64_t value = 77, again;
    uint64_t id;
    size--;
    if (rf_decimal_parse(text, size, decimals, &value) == RF_DECIMAL_OK) {
        size_t length = rf_decimal_print(printed, value, decimals);
        MUST(length < sizeof printed);
        MUST(rf_decimal_parse(printed, length, decimals, &again) == RF_DECIMAL_OK);
        MUST(again == value);
        MUST(rf_decimal_places(text, size) <= decimals);
        MUST(!memchr(text, 'e', size) && !memchr(text, '\0', size));
    } else {
        MUST(value == 77);
    }
    if (rf_decimal_parse_id(text, size, &id)) {
        size_t length = rf_decimal_print(printed, (rf_wide)id, 0);
        MUST(length <= size && memcmp(text + size - length, printed, length) == 0);
    }
    return 0;
}
