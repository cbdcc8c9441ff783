/* Who calls: by the key that signed, by the session of a page, by the user of a Unix socket. */
#include <string.h>

#include "server/clock.h"
#include "server/door.h"
#include "server/lane.h"

/* ---- Addresses ------------------------------------------------------------------------------- */

static bool is_proxy(const rf_doors *doors, const char *address)
{
    char proxy[RF_ADDRESS_MAX];
    for (unsigned i = 0;
         rf_config_item(doors->parts.config, RF_SETTING_behind_proxy, i, proxy, sizeof proxy); i++)
        if (rf_address_matches(proxy, address))
            return true;
    return false;
}

const char *rf_access_address(const rf_doors *doors, rf_conn conn, const rf_http_request *request,
                              char address[RF_ADDRESS_MAX])
{
    const char *peer = rf_gate_peer(doors->parts.gate, conn);
    const char *hops = rf_http_header(request, "x-forwarded-for");
    if (!hops || !is_proxy(doors, peer))
        return peer;
    const char *last = strrchr(hops, ',');
    last = last ? last + 1 : hops;
    last += strspn(last, " \t");
    size_t size = strcspn(last, " \t");
    if (size == 0 || size >= RF_ADDRESS_MAX)
        return peer;
    memcpy(address, last, size);
    address[size] = '\0';
    return address;
}

/* ---- Identities ------------------------------------------------------------------------------ */

static rf_error check_key(rf_doors *doors, const rf_envelope *envelope, const rf_method *method,
                          const char *address, rf_identity *identity)
{
    const rf_credentials credentials = {
        .call = {.method = envelope->method,
                 .id = envelope->id_text,
                 .api_key = envelope->api_key,
                 .nonce = envelope->nonce,
                 .json = &doors->json,
                 .params = envelope->params},
        .sig = envelope->sig,
        .address = address,
        .method = method,
        .reserved = method && rf_lane_reserved(method, &doors->json, envelope->params),
        .time_ns = rf_clock_wall_ns(),
    };
    return rf_auth_check(doors->parts.auth, &credentials, identity);
}

rf_error rf_access_sign_in(rf_doors *doors, const rf_envelope *envelope, const char *address,
                           rf_identity *identity)
{
    return check_key(doors, envelope, NULL, address, identity);
}

static rf_error find_operator(rf_doors *doors, rf_conn conn, const rf_http_request *request,
                              const rf_method *method, const char *address, bool console,
                              rf_access *access)
{
    rf_error code = RF_ERR_OK;
    access->caller = (rf_caller){.door = RF_DOOR_OPERATOR};
    if (console)
        code =
            rf_login_identify(doors->parts.login, request, address, true, false, &access->identity);
    else
        access->identity = rf_auth_peer(rf_gate_peer_uid(doors->parts.gate, conn));
    return code ? code : rf_auth_permit(doors->parts.auth, &access->identity, method);
}

/* A call without key and signature may come from a page, whose session its cookie names. */
static rf_error find_trader(rf_doors *doors, const rf_http_request *request,
                            const rf_envelope *envelope, const rf_method *method,
                            const char *address, rf_access *access)
{
    rf_error code;
    bool page = !envelope->api_key && !envelope->sig;
    if (page)
        code = rf_login_identify(doors->parts.login, request, address, false, false,
                                 &access->identity);
    else
        code = check_key(doors, envelope, method, address, &access->identity);
    if (code == RF_ERR_OK && page)
        code = rf_auth_permit(doors->parts.auth, &access->identity, method);
    if (code != RF_ERR_OK)
        return code;
    access->caller = (rf_caller){.door = RF_DOOR_PRIVATE, .account = access->identity.account};
    const char *who =
        access->identity.api_key[0] ? access->identity.api_key : access->identity.user;
    access->rate = rf_rate_method(doors->parts.rates, who, method, rf_clock_monotonic_ns());
    return access->rate.allowed ? RF_ERR_OK : RF_ERR_TOO_MANY_REQUESTS;
}

rf_error rf_access_request(rf_doors *doors, rf_conn conn, const rf_http_request *request,
                           const rf_envelope *envelope, const rf_method *method, rf_access *access)
{
    char memory[RF_ADDRESS_MAX];
    const char *address = rf_access_address(doors, conn, request, memory);
    int listener = rf_gate_tag(doors->parts.gate, conn);
    *access = (rf_access){.caller = {.door = RF_DOOR_PUBLIC}};
    if (listener == RF_LISTENER_OPERATOR || listener == RF_LISTENER_CONSOLE)
        return find_operator(doors, conn, request, method, address, listener == RF_LISTENER_CONSOLE,
                             access);
    if (method->door == RF_DOOR_PRIVATE)
        return find_trader(doors, request, envelope, method, address, access);
    access->rate = rf_rate_method(doors->parts.rates, address, method, rf_clock_monotonic_ns());
    return access->rate.allowed ? RF_ERR_OK : RF_ERR_TOO_MANY_REQUESTS;
}
