/* The pages over HTTP: the trading page at "/", the operator's console on its own listener.
 *
 * Promise: what is served came with the program (or from --web-dir, for development); nothing else of
 * the file system can be named. Every answer carries the headers of SECURITY.md S7.
 *
 * May include: base, server/gate.h, server/assets.h. */
#ifndef RF_SERVER_PAGES_H
#define RF_SERVER_PAGES_H

#include "server/gate.h"

typedef enum rf_page { RF_PAGE_TRADE, RF_PAGE_CONSOLE } rf_page;

typedef struct rf_pages rf_pages;

/* web_dir NULL: the embedded files. NULL: out of memory. */
rf_pages *rf_pages_open(const char *web_dir);
void rf_pages_close(rf_pages *pages);
/* Why there are no pages; NULL = there are. */
const char *rf_pages_missing(const rf_pages *pages);

/* True: answered (also with 304). False: this is not a path of a page; somebody else answers. */
bool rf_pages_answer(rf_pages *pages, rf_gate *gate, rf_ticket ticket, rf_page page,
                     const rf_http_request *request);

#endif
