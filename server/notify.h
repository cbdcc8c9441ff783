/* The few words that systemd understands (sd_notify), by a datagram of our own.
 *
 * May include: nothing of ours. */
#ifndef RF_SERVER_NOTIFY_H
#define RF_SERVER_NOTIFY_H

#include <stdint.h>

/* "READY=1", "STOPPING=1", "WATCHDOG=1". Nothing happens where nobody listens. */
void rf_notify(const char *words);
/* How often WATCHDOG=1 is awaited; 0 = never. */
int64_t rf_notify_watchdog_ns(void);

#endif
