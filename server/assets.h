/* The pages' files as the build embeds them (web/make.sh writes the table).
 *
 * May include: nothing. */
#ifndef RF_SERVER_ASSETS_H
#define RF_SERVER_ASSETS_H

#include <stddef.h>

typedef struct rf_asset {
    const char *path; /* "/trade.js" */
    const char *content_type;
    const char *etag; /* with its quotes */
    const unsigned char *gzip, *gzip_end;
    size_t size; /* unpacked */
} rf_asset;

extern const rf_asset rf_assets[];
extern const size_t rf_assets_count;        /* 0: built without pages */
extern const char *const rf_assets_missing; /* why, NULL = they are here */

#endif
