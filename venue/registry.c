#include "venue/registry.h"

#include <stdlib.h>
#include <string.h>

#include "base/flow.h"

struct rf_registry {
    uint32_t keys_count;
};

rf_registry *rf_registry_open(void)
{
    return calloc(1, sizeof(rf_registry));
}

void rf_registry_close(rf_registry *registry)
{
    free(registry);
}

bool rf_registry_apply(rf_registry *registry, const void *bytes, size_t size)
{
    (void)registry;
    (void)bytes;
    (void)size;
    return false;
}

void rf_registry_event(rf_registry *registry, const rf_event *event)
{
    (void)registry;
    (void)event;
}

static bool x_registry(rf_flow *flow, rf_registry *registry)
{
    rf_flow_u32(flow, &registry->keys_count);
    return rf_flow_finish(flow);
}

bool rf_registry_save(const rf_registry *registry, rf_write write, void *context)
{
    rf_flow flow;
    rf_flow_start(&flow, write, NULL, context);
    return x_registry(&flow, (rf_registry *)registry);
}

bool rf_registry_load(rf_registry *registry, rf_read read, void *context, const char **error)
{
    rf_flow flow;
    rf_flow_start(&flow, NULL, read, context);
    const bool good = x_registry(&flow, registry);
    *error = flow.error;
    return good;
}

const rf_api_key *rf_registry_key(const rf_registry *registry, const char *api_key)
{
    (void)registry;
    (void)api_key;
    return NULL;
}
