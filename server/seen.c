#include "server/seen.h"

#include <stdlib.h>

#include "server/clock.h"

#define NS_PER_MS 1000000LL

enum {
    /* Good nonces lie in 122 seconds: another second in a window's place is no longer good. */
    WINDOWS = 128,
    SIZE_FIRST = 256,
};

/* The signatures of one second: an open-addressing set of their hashes, at most three quarters full. */
typedef struct window {
    int64_t second;
    int64_t begun_ns; /* by the clock that nobody can set */
    uint64_t *hashes; /* 0 = empty */
    uint32_t size, count;
} window;

struct rf_seen {
    window windows[WINDOWS];
};

rf_seen *rf_seen_open(void)
{
    return calloc(1, sizeof(rf_seen));
}

void rf_seen_close(rf_seen *seen)
{
    for (size_t i = 0; seen && i < WINDOWS; i++)
        free(seen->windows[i].hashes);
    free(seen);
}

/* The place of a hash, or the empty one where it would go. */
static uint64_t *find_place(uint64_t *hashes, uint32_t size, uint64_t hash)
{
    uint32_t at = (uint32_t)(hash >> 32) & (size - 1);
    while (hashes[at] != 0 && hashes[at] != hash)
        at = (at + 1) & (size - 1);
    return &hashes[at];
}

static bool grow(window *of)
{
    uint32_t size = of->size ? 2 * of->size : SIZE_FIRST;
    uint64_t *hashes = calloc(size, sizeof *hashes);
    if (!hashes)
        return false;
    for (uint32_t i = 0; i < of->size; i++)
        if (of->hashes[i] != 0)
            *find_place(hashes, size, of->hashes[i]) = of->hashes[i];
    free(of->hashes);
    of->hashes = hashes;
    of->size = size;
    return true;
}

/* A nonce is good for twice RF_NONCE_MS at most, from its first use on. */
static void forget_old(rf_seen *seen, int64_t now_ns)
{
    for (size_t i = 0; i < WINDOWS; i++) {
        window *old = &seen->windows[i];
        if (!old->hashes || now_ns - old->begun_ns <= (2 * RF_NONCE_MS + 1000) * NS_PER_MS)
            continue;
        free(old->hashes);
        *old = (window){0};
    }
}

static window *window_of(rf_seen *seen, int64_t second)
{
    window *chosen = &seen->windows[second % WINDOWS];
    if (chosen->hashes && chosen->second == second)
        return chosen;
    int64_t now_ns = rf_clock_monotonic_ns();
    forget_old(seen, now_ns);
    free(chosen->hashes);
    *chosen = (window){.second = second, .begun_ns = now_ns};
    return chosen;
}

rf_seen_answer rf_seen_add(rf_seen *seen, uint64_t hash, int64_t nonce_ms, uint32_t most)
{
    hash |= hash == 0;
    window *of = window_of(seen, nonce_ms / 1000);
    if (of->count >= of->size / 4 * 3 && !grow(of))
        return RF_SEEN_FULL;
    uint64_t *place = find_place(of->hashes, of->size, hash);
    if (*place == hash)
        return RF_SEEN_BEFORE;
    if (of->count >= most)
        return RF_SEEN_FULL;
    *place = hash;
    of->count++;
    return RF_SEEN_NEW;
}
