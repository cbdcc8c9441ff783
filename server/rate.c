#include "server/rate.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* A bucket is one number: the time at which it is full again. One that is full already says nothing
 * and its place is free. */
typedef struct bucket {
    uint64_t name; /* hash of who and which method, under a secret key */
    int64_t full_ns;
} bucket;

enum { WAYS = 8, SETS = RF_RATE_BUCKETS / WAYS };

struct rf_rates {
    uint32_t factor;
    uint8_t secret[crypto_shorthash_KEYBYTES];
    bucket buckets[SETS][WAYS];
};

enum {
    MS = 1000000,
};

rf_rates *rf_rate_open(uint32_t factor)
{
    rf_rates *rates = sodium_init() < 0 ? NULL : calloc(1, sizeof *rates);
    if (!rates)
        return NULL;
    rates->factor = factor;
    randombytes_buf(rates->secret, sizeof rates->secret);
    return rates;
}

void rf_rate_close(rf_rates *rates)
{
    free(rates);
}

/* The bucket of this name, or the one whose place it may have: the nearest to full. */
static bucket *find_bucket(rf_rates *rates, const char *who, const rf_method *method)
{
    char text[256];
    size_t size = strlen(who);
    if (size > sizeof text - 2)
        size = sizeof text - 2;
    memcpy(text, who, size);
    unsigned number = rf_method_number(method);
    text[size] = (char)number;
    text[size + 1] = (char)(number >> 8);
    uint64_t name;
    crypto_shorthash((unsigned char *)&name, (const unsigned char *)text, size + 2, rates->secret);
    bucket *set = rates->buckets[name % SETS], *chosen = set;
    for (unsigned i = 0; i < WAYS; i++) {
        if (set[i].name == name)
            return &set[i];
        if (set[i].full_ns < chosen->full_ns)
            chosen = &set[i];
    }
    *chosen = (bucket){.name = name};
    return chosen;
}

static int64_t ms_up(int64_t ns)
{
    return (ns + MS - 1) / MS;
}

static rf_rate_answer take(bucket *of, rf_quota rule, uint32_t factor, int64_t now_ns)
{
    uint32_t limit = rule.calls * factor;
    int64_t step_ns = rule.period_ms * (int64_t)MS / limit;
    int64_t full_ns = (of->full_ns > now_ns ? of->full_ns : now_ns) + step_ns;
    rf_rate_answer answer = {.allowed = full_ns - now_ns <= step_ns * limit, .limit = limit};
    if (answer.allowed)
        of->full_ns = full_ns;
    else
        answer.retry_after_ms = ms_up(full_ns - now_ns - step_ns * limit);
    answer.remaining = (uint32_t)((step_ns * limit - (of->full_ns - now_ns)) / step_ns);
    answer.reset_ms = ms_up(of->full_ns - now_ns);
    return answer;
}

rf_rate_answer rf_rate_method(rf_rates *rates, const char *who, const rf_method *method,
                              int64_t now_ns)
{
    rf_quota quota = rf_method_quota(method);
    if (rates->factor == 0 || quota.calls == 0)
        return (rf_rate_answer){.allowed = true};
    return take(find_bucket(rates, who, method), quota, rates->factor, now_ns);
}

rf_rate_answer rf_rate_message(const rf_rates *rates, rf_rate_second *budget, bool market,
                               int64_t now_ns)
{
    if (rates->factor == 0)
        return (rf_rate_answer){.allowed = true};
    int64_t second = now_ns / (1000LL * MS);
    if (budget->second != second)
        *budget = (rf_rate_second){.second = second};
    uint32_t limit = (market ? RF_RATE_MARKET_SOCKET : RF_RATE_USER_SOCKET) * rates->factor;
    int64_t rest_ms = ms_up((second + 1) * 1000LL * MS - now_ns);
    rf_rate_answer answer = {.allowed = budget->used < limit, .limit = limit, .reset_ms = rest_ms};
    if (answer.allowed)
        budget->used++;
    else
        answer.retry_after_ms = rest_ms;
    answer.remaining = limit - budget->used;
    return answer;
}

/* ---- Overload -------------------------------------------------------------------------------- */

bool rf_rate_admits(bool reserved, uint64_t waiting, uint64_t most)
{
    return waiting < (reserved ? 2 * most : most);
}
