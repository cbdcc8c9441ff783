#include "server/address.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "server/limits.h"

enum { BUCKETS = 8192 };

typedef struct address_row {
    uint64_t key;
    uint32_t count;
    uint32_t next; /* in its bucket, or among the free ones */
} address_row;

struct rf_addresses {
    uint32_t buckets[BUCKETS];
    uint32_t free;
    address_row rows[RF_CONNECTIONS_MAX + 1]; /* row 0 stays unused */
};

rf_addresses *rf_addresses_open(void)
{
    rf_addresses *addresses = calloc(1, sizeof *addresses);
    for (uint32_t row = RF_CONNECTIONS_MAX; addresses && row > 0; row--) {
        addresses->rows[row].next = addresses->free;
        addresses->free = row;
    }
    return addresses;
}

void rf_addresses_close(rf_addresses *addresses)
{
    free(addresses);
}

static uint32_t *bucket_of(rf_addresses *addresses, uint64_t key)
{
    return &addresses->buckets[(key * 0x9E3779B97F4A7C15u) >> 51]; /* 64 - log2(BUCKETS) */
}

uint32_t rf_addresses_join(rf_addresses *addresses, uint64_t key, uint32_t max)
{
    uint32_t *bucket = bucket_of(addresses, key), row = *bucket;
    while (row && addresses->rows[row].key != key)
        row = addresses->rows[row].next;
    if (!row) {
        row = addresses->free;
        if (!row || max == 0)
            return 0;
        addresses->free = addresses->rows[row].next;
        addresses->rows[row] = (address_row){.key = key, .next = *bucket};
        *bucket = row;
    }
    if (addresses->rows[row].count >= max)
        return 0;
    addresses->rows[row].count++;
    return row;
}

void rf_addresses_leave(rf_addresses *addresses, uint32_t place)
{
    address_row *row = &addresses->rows[place];
    RF_CHECK(place > 0 && row->count > 0);
    if (--row->count > 0)
        return;
    uint32_t *link = bucket_of(addresses, row->key);
    while (*link != place)
        link = &addresses->rows[*link].next;
    *link = row->next;
    row->next = addresses->free;
    addresses->free = place;
}

uint64_t rf_address_key(const struct sockaddr *address)
{
    uint64_t key = 0;
    if (address->sa_family == AF_INET) {
        key = ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr);
    } else if (address->sa_family == AF_INET6) {
        const struct in6_addr *bytes =
            &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
        memcpy(&key, bytes->s6_addr, sizeof key);
    }
    return key;
}

bool rf_address_is_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(
            &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr);
    return address->sa_family == AF_INET && rf_address_key(address) >> 24 == 127;
}
