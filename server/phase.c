#include "server/phase.h"

#include "server/clock.h"
#include "server/note.h"

static const char *const names[] = {"warm", "cancel-only", "post-only", "open"};

const char *rf_phase_text(const rf_phase *phase)
{
    return phase->disk_low ? "disk-low" : names[phase->name];
}

static void enter(rf_phase *phase, rf_phase_name name)
{
    phase->name = name;
    phase->since_ns = rf_clock_monotonic_ns();
    RF_NOTE(RF_NOTE_INFO, "phase", RF_NOTE_TEXT("name", names[name]));
}

static bool is_traded(const rf_instrument_view *view)
{
    return view->open_interest != 0 || view->best_bid != 0 || view->best_ask != 0;
}

/* Does every instrument that somebody has something in know its price? */
static bool is_warm(const rf_engine *engine, bool *empty)
{
    bool warm = true;
    *empty = true;
    for (uint32_t i = 0; i < rf_instruments_count(engine); i++) {
        rf_instrument_view view;
        if (!rf_view_instrument(engine, i, &view) || !is_traded(&view))
            continue;
        *empty = false;
        warm = warm && view.mark != 0 && !view.mark_stale;
    }
    return warm;
}

static bool lasted(const rf_phase *phase, rf_setting setting)
{
    int64_t ns = phase->config->numbers[setting] * 1000000000;
    return rf_clock_monotonic_ns() - phase->since_ns >= ns;
}

/* What comes after the present phase, if its time is over. */
static rf_phase_name find_next(const rf_phase *phase, const rf_engine *engine)
{
    bool empty;
    switch (phase->name) {
    case RF_PHASE_WARM:
        return is_warm(engine, &empty) || lasted(phase, RF_SETTING_warm_seconds)
                   ? RF_PHASE_CANCEL_ONLY
                   : RF_PHASE_WARM;
    case RF_PHASE_CANCEL_ONLY:
        return lasted(phase, RF_SETTING_cancel_only_seconds) ? RF_PHASE_POST_ONLY : phase->name;
    case RF_PHASE_POST_ONLY:
        return lasted(phase, RF_SETTING_post_only_seconds) ? RF_PHASE_OPEN : phase->name;
    case RF_PHASE_OPEN:
        break;
    }
    return RF_PHASE_OPEN;
}

/* A phase may last no time at all. */
void rf_phase_tick(rf_phase *phase, const rf_engine *engine)
{
    for (rf_phase_name next; (next = find_next(phase, engine)) != phase->name;)
        enter(phase, next);
}

void rf_phase_start(rf_phase *phase, const rf_config *config, const rf_engine *engine)
{
    bool empty;
    *phase = (rf_phase){.config = config};
    is_warm(engine, &empty);
    /* The sandbox's customers quote by themselves and know what they do. */
    if (empty || config->numbers[RF_SETTING_sandbox])
        enter(phase, RF_PHASE_OPEN);
    else
        enter(phase, RF_PHASE_WARM);
    rf_phase_tick(phase, engine);
}

rf_error rf_phase_admits(const rf_phase *phase, bool reserved, bool rests)
{
    if (reserved)
        return RF_ERR_OK;
    if (phase->disk_low)
        return RF_ERR_SYSTEM_MAINTENANCE;
    switch (phase->name) {
    case RF_PHASE_WARM:
        return RF_ERR_SYSTEM_MAINTENANCE;
    case RF_PHASE_CANCEL_ONLY:
        return RF_ERR_INSTRUMENT_NOT_TRADABLE;
    case RF_PHASE_POST_ONLY:
        return rests ? RF_ERR_OK : RF_ERR_MARKET_IS_NOT_OPEN;
    case RF_PHASE_OPEN:
        break;
    }
    return RF_ERR_OK;
}

void rf_phase_disk(rf_phase *phase, bool low)
{
    if (low == phase->disk_low)
        return;
    phase->disk_low = low;
    RF_NOTE(low ? RF_NOTE_WARNING : RF_NOTE_INFO, "disk",
            RF_NOTE_TEXT("space", low ? "low" : "good"));
}
