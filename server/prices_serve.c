/* How the price sources are: operator/get-price-sources and /metrics. */
#include "api/handlers.h"
#include "api/put.h"
#include "server/prices_state.h"

/* The index now; 0 = it has no price or no instrument follows it. */
static int64_t index_of(const rf_price_sources *sources, const char *name)
{
    const rf_engine *engine = sources->options.api->engine;
    rf_instrument_view view;
    int index = rf_find_index(engine, name);
    for (uint32_t i = 0; index >= 0 && i < rf_instruments_count(engine); i++)
        if (rf_view_instrument(engine, i, &view) && view.index == (uint32_t)index)
            return view.index_e8;
    return 0;
}

/* How far the source's last price is from the index, in e8. */
static rf_wide deviation(const price_source *source, int64_t index_e8)
{
    return (rf_wide)(source->price_e8 - index_e8) * RF_E8 / index_e8;
}

static void put_source(rf_bytes *out, const price_source *source)
{
    const rf_price_sources *all = source->all;
    int64_t index_e8 = index_of(all, source->index_name);
    rf_put_open(out, NULL, '{');
    rf_put_text(out, "source", source->name);
    rf_put_text(out, "adapter", source->adapter->name);
    rf_put_text(out, "symbol", source->symbol);
    rf_put_text(out, "index_name", source->index_name);
    if (source->price_ns) {
        rf_put_decimal(out, "price", source->price_e8, 8);
        rf_put_int(out, "age_ms",
                   (all->options.now_ns(all->options.context) - source->price_ns) / 1000000);
        if (index_e8)
            rf_put_decimal(out, "deviation", deviation(source, index_e8), 8);
    }
    rf_put_text(out, "last_error", source->error);
    rf_put_int(out, "asked", (int64_t)source->asked);
    rf_put_int(out, "taken", (int64_t)source->taken);
    rf_put_int(out, "failed", (int64_t)source->failed);
    rf_put_close(out, '}');
}

rf_error prices_serve(rf_call *call)
{
    const rf_price_sources *sources = call->api->servers[RF_SERVICE_PRICES].context;
    rf_put_open(call->out, NULL, '{');
    rf_put_open(call->out, "data", '[');
    for (unsigned i = 0; i < sources->count; i++)
        put_source(call->out, &sources->sources[i]);
    rf_put_close(call->out, ']');
    rf_put_close(call->out, '}');
    return RF_ERR_OK;
}

static void print_one(rf_bytes *out, const price_source *source, const char *name, rf_wide value,
                      unsigned decimals)
{
    rf_bytes_text(out, "ringfence_price_source_");
    rf_bytes_text(out, name);
    rf_bytes_text(out, "{source=\"");
    rf_bytes_text(out, source->name);
    rf_bytes_text(out, "\"} ");
    rf_bytes_decimal(out, value, decimals);
    rf_bytes_char(out, '\n');
}

static void print_head(rf_bytes *out, const char *name, const char *kind, const char *help)
{
    rf_bytes_text(out, "# HELP ringfence_price_source_");
    rf_bytes_text(out, name);
    rf_bytes_char(out, ' ');
    rf_bytes_text(out, help);
    rf_bytes_text(out, "\n# TYPE ringfence_price_source_");
    rf_bytes_text(out, name);
    rf_bytes_char(out, ' ');
    rf_bytes_text(out, kind);
    rf_bytes_char(out, '\n');
}

void rf_price_sources_print(const rf_price_sources *sources, rf_bytes *out)
{
    int64_t now_ns = sources->options.now_ns(sources->options.context);
    print_head(out, "taken_total", "counter", "Prices that were taken from a source.");
    for (unsigned i = 0; i < sources->count; i++)
        print_one(out, &sources->sources[i], "taken_total", (rf_wide)sources->sources[i].taken, 0);
    print_head(out, "failed_total", "counter", "Questions that had no good answer.");
    for (unsigned i = 0; i < sources->count; i++)
        print_one(out, &sources->sources[i], "failed_total", (rf_wide)sources->sources[i].failed,
                  0);
    print_head(out, "age_seconds", "gauge", "Since the last good answer.");
    for (unsigned i = 0; i < sources->count; i++)
        if (sources->sources[i].price_ns)
            print_one(out, &sources->sources[i], "age_seconds",
                      now_ns - sources->sources[i].price_ns, 9);
    print_head(out, "deviation", "gauge", "Of a source's last price from its index.");
    for (unsigned i = 0; i < sources->count; i++) {
        const price_source *source = &sources->sources[i];
        int64_t index_e8 = index_of(sources, source->index_name);
        if (source->price_ns && index_e8)
            print_one(out, source, "deviation", deviation(source, index_e8), 8);
    }
}
