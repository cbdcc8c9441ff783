/* Cross positions summed up: what each realised, paid and received since it was last flat. An
 * isolation has a number of its own; here the account, the instrument and the row that opened it
 * are one. Sums wait in memory until the batch is taken: a maker trades far more often than that. */
#include <stdlib.h>

#include "history/feeder_state.h"

/* 0 ends a chain, so the first place stays empty. */
static feeder_holding *at(const rf_feeder *feeder, uint32_t place)
{
    return &feeder->holdings[place];
}

static uint32_t find(const rf_feeder *feeder, uint32_t account, int64_t instrument)
{
    uint32_t place = feeder->holdings_of[account];
    while (place && at(feeder, place)->row.instrument != instrument)
        place = at(feeder, place)->next;
    return place;
}

/* A place in the chain of its account. 0: out of memory, noted. */
static uint32_t add(rf_feeder *feeder, const rf_row_holding *row)
{
    uint32_t place = feeder->holdings_free;
    if (place)
        feeder->holdings_free = at(feeder, place)->next;
    else if (feeder_room(feeder, (void **)&feeder->holdings, feeder->holdings_count + 1,
                         &feeder->holdings_max, sizeof *feeder->holdings))
        place = (uint32_t)++feeder->holdings_count;
    if (place) {
        *at(feeder, place) =
            (feeder_holding){.row = *row, .next = feeder->holdings_of[row->account]};
        feeder->holdings_of[row->account] = place;
    }
    return place;
}

static void unlink_holding(rf_feeder *feeder, uint32_t place)
{
    uint32_t *link = &feeder->holdings_of[at(feeder, place)->row.account];
    while (*link != place)
        link = &at(feeder, *link)->next;
    *link = at(feeder, place)->next;
}

static bool note(rf_feeder *feeder, feeder_places *list, uint32_t place)
{
    if (!feeder_room(feeder, (void **)&list->places, list->count, &list->max, sizeof place))
        return false;
    list->places[list->count++] = place;
    return true;
}

static void sum_up(feeder_holding *holding, const rf_event *event)
{
    rf_row_holding *row = &holding->row;
    if (event->kind == RF_EVENT_LEDGER) {
        row->funding += event->slot_from == RF_SLOT_MAIN ? -event->amount : event->amount;
        return;
    }
    row->realized += event->realized;
    if (event->kind == RF_EVENT_FILL) {
        row->fees += event->fee;
        holding->qty += event->side == RF_BUY ? event->qty : -event->qty;
    }
    if (event->kind == RF_EVENT_POSITION_MOVED)
        holding->qty += event->qty;
}

static bool changes_it(const rf_event *event)
{
    if (event->account == 0 || event->isolation_id != 0)
        return false;
    return event->kind == RF_EVENT_FILL || event->kind == RF_EVENT_POSITION_MOVED ||
           event->kind == RF_EVENT_POSITION_SETTLED ||
           (event->kind == RF_EVENT_LEDGER && event->reason == RF_REASON_FUNDING);
}

/* Before the event's other rows: its own row is the one whose number comes next. */
void feeder_holding_event(rf_feeder *feeder, const rf_event *event)
{
    if (!changes_it(event))
        return;
    int64_t number = rf_row_number(feeder->record, feeder->place);
    uint32_t place = find(feeder, event->account, event->instrument);
    if (!place)
        place = add(feeder, &(rf_row_holding){.opened = number,
                                              .account = event->account,
                                              .instrument = event->instrument,
                                              .opened_ns = event->time_ns});
    if (!place)
        return;
    feeder_holding *holding = at(feeder, place);
    holding->last = number;
    holding->row.time_ns = event->time_ns;
    sum_up(holding, event);
    holding->listed = holding->listed || note(feeder, &feeder->changed, place);
    holding->met = holding->met || note(feeder, &feeder->met, place);
}

/* What the engine has now that the command is done: asked once, then it is known by its changes. */
static void learn(const rf_feeder *feeder, feeder_holding *holding)
{
    size_t max = 2 * (size_t)feeder->world->limits.instruments_max;
    size_t count = rf_view_positions(feeder->world->engine, (uint32_t)holding->row.account,
                                     feeder->views, max);
    holding->qty = 0;
    for (size_t i = 0; i < count; i++)
        if (!feeder->views[i].isolated && feeder->views[i].instrument == holding->row.instrument)
            holding->qty = feeder->views[i].qty;
    holding->known = true;
}

/* What is flat at the end of a command is over; what an order turned over goes on. */
void feeder_holding_done(rf_feeder *feeder)
{
    for (size_t i = 0; i < feeder->met.count; i++) {
        uint32_t place = feeder->met.places[i];
        feeder_holding *holding = at(feeder, place);
        holding->met = false;
        if (!holding->known)
            learn(feeder, holding);
        if (holding->qty != 0)
            continue;
        holding->row.number = holding->last;
        unlink_holding(feeder, place);
    }
    feeder->met.count = 0;
}

/* The rows of what changed; of what is over the last ones. */
void feeder_holding_flush(rf_feeder *feeder)
{
    for (size_t i = 0; i < feeder->changed.count; i++) {
        uint32_t place = feeder->changed.places[i];
        feeder_holding *holding = at(feeder, place);
        rf_row_holding *row = &holding->row;
        if (row->number == 0)
            row->time_ns = 0;
        feeder_add(feeder, RF_TABLE_holding, row);
        row->realized = row->fees = row->funding = 0;
        holding->listed = false;
        if (row->number) {
            holding->next = feeder->holdings_free;
            feeder->holdings_free = place;
        }
    }
    feeder->changed.count = 0;
}

static bool take_holding(void *to, const void *from)
{
    rf_row_holding row = *(const rf_row_holding *)from;
    row.realized = row.fees = row.funding = 0;
    return add(to, &row) != 0;
}

bool feeder_load_holdings(rf_feeder *feeder, rf_store *store, char error[256])
{
    rf_query query = {.table = RF_TABLE_holding, .order = RF_C_holding_opened, .ascending = true};
    rf_query_where(&query, RF_C_holding_number, RF_EQUAL, 0);
    return store->find(store, &query, take_holding, feeder, error);
}
