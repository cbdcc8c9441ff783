#include "server/sandbox_price.h"

#include "base/arith.h"

enum {
    PPB = 1000000000,
    NOISES = 4,         /* uniform numbers whose sum passes for a normal one */
    NOISE_MAX = 866025, /* of each: their sum has a deviation of 1e6 */
    JUMP_STEPS = 2400,  /* on average between two jumps: ten minutes */
    JUMP_MIN = 3000000, /* 0.3 % */
    JUMP_MAX = 15000000,
    TREND_STEPS_MIN = 120,
    TREND_STEPS_MAX = 1200,
    PULL_STEPS = 14400, /* in an hour a distance from the anchor would shrink by a factor of e */
    FAR = 4,
};

/* splitmix64: any seed is a good one. */
uint64_t rf_sandbox_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

uint32_t rf_sandbox_below(uint64_t *state, uint32_t bound)
{
    return (uint32_t)(((rf_sandbox_random(state) >> 32) * bound) >> 32);
}

static int64_t between(rf_walk *walk, int64_t low, int64_t high)
{
    return low + rf_sandbox_below(&walk->random, (uint32_t)(high - low + 1));
}

void rf_walk_start(rf_walk *walk, uint64_t seed, int64_t price_e8, int64_t sigma)
{
    *walk = (rf_walk){.random = seed,
                      .price_e8 = price_e8,
                      .anchor_e8 = price_e8,
                      .base_sigma = sigma,
                      .sigma = sigma};
}

void rf_walk_follow(rf_walk *walk, const rf_prices *prices)
{
    walk->prices = prices;
    walk->replay_ms = 0;
    walk->price_e8 = walk->anchor_e8 = prices->bars[0].open;
}

/* ---- At random ------------------------------------------------------------------------------- */

/* Trends last half a minute to five minutes and are a fraction of the noise. */
static void pick_trend(rf_walk *walk)
{
    if (walk->drift_steps-- > 0)
        return;
    walk->drift = between(walk, -walk->base_sigma / 16, walk->base_sigma / 16);
    walk->drift_steps = between(walk, TREND_STEPS_MIN, TREND_STEPS_MAX);
}

static int64_t noise(rf_walk *walk)
{
    int64_t sum = 0;
    for (int i = 0; i < NOISES; i++)
        sum += between(walk, -NOISE_MAX, NOISE_MAX);
    return walk->sigma * sum / 1000000;
}

static int64_t jump(rf_walk *walk)
{
    if (rf_sandbox_below(&walk->random, JUMP_STEPS) != 0)
        return 0;
    int64_t size = between(walk, JUMP_MIN, JUMP_MAX);
    return rf_sandbox_below(&walk->random, 2) ? size : -size;
}

/* A large move makes the next ones larger, and the excitement wears off: the mean stays at base. */
static void learn(rf_walk *walk, int64_t move)
{
    int64_t excited = 120 * walk->sigma + 4 * walk->base_sigma + 5 * rf_abs(move);
    walk->sigma = rf_min(excited / 128, 8 * walk->base_sigma);
}

static int64_t pull(const rf_walk *walk)
{
    rf_wide distance = (rf_wide)(walk->price_e8 - walk->anchor_e8) * PPB / walk->anchor_e8;
    return -rf_narrow(distance) / PULL_STEPS;
}

static void wander(rf_walk *walk)
{
    pick_trend(walk);
    int64_t move = walk->drift + noise(walk);
    learn(walk, move);
    move += jump(walk) + pull(walk);
    walk->price_e8 += rf_narrow((rf_wide)walk->price_e8 * move / PPB);
}

/* ---- After a file ---------------------------------------------------------------------------- */

static int64_t on_line(int64_t from, int64_t to, int64_t part, int64_t whole)
{
    return from + rf_narrow((rf_wide)(to - from) * part / whole);
}

/* A bar is walked in three lines: from the open to the far end, to the other end, to the close. */
static int64_t inside_bar(const rf_price_bar *bar, int64_t ms, int64_t interval_ms)
{
    bool rises = bar->close >= bar->open;
    int64_t first = rises ? bar->low : bar->high, second = rises ? bar->high : bar->low;
    int64_t third = interval_ms / 3;
    if (third == 0)
        return bar->close;
    if (ms < third)
        return on_line(bar->open, first, ms, third);
    if (ms < 2 * third)
        return on_line(first, second, ms - third, third);
    return on_line(second, bar->close, rf_min(ms - 2 * third, third), third);
}

static void replay(rf_walk *walk)
{
    const rf_prices *prices = walk->prices;
    int64_t last = walk->price_e8;
    walk->replay_ms += RF_SANDBOX_STEP_MS;
    int64_t now_ms = prices->bars[0].time_ms + walk->replay_ms;
    size_t low = 0, high = prices->count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (prices->bars[middle].time_ms <= now_ms)
            low = middle;
        else
            high = middle;
    }
    const rf_price_bar *bar = &prices->bars[low];
    if (low + 1 == prices->count && now_ms >= bar->time_ms + prices->interval_ms) {
        walk->prices = NULL;
        walk->anchor_e8 = last;
        return;
    }
    walk->price_e8 = inside_bar(bar, now_ms - bar->time_ms, prices->interval_ms);
    walk->anchor_e8 = walk->price_e8;
}

/* ---- Both ------------------------------------------------------------------------------------ */

/* The anchor slides along, or the price would creep back from a crash at once. */
static void slide(rf_walk *walk)
{
    if (walk->slide_steps == 0)
        return;
    walk->slide_steps--;
    walk->price_e8 += walk->slide_e8;
    walk->anchor_e8 = rf_max(walk->anchor_e8 + walk->slide_e8, 1);
}

void rf_walk_step(rf_walk *walk)
{
    if (walk->prices)
        replay(walk);
    else
        wander(walk);
    slide(walk);
    int64_t low = rf_max(walk->anchor_e8 / FAR, 1), high = walk->anchor_e8 * FAR;
    walk->price_e8 = rf_min(rf_max(walk->price_e8, low), high);
}

void rf_walk_slide(rf_walk *walk, int64_t fraction_e8, int64_t steps)
{
    walk->slide_steps = rf_max(steps, 1);
    walk->slide_e8 = rf_narrow((rf_wide)walk->price_e8 * fraction_e8 / RF_E8) / walk->slide_steps;
}
