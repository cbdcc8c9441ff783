/* How much memory connections make the server hold, all together: what they have yet to be sent, requests
 * and messages that are not whole or must wait, questions to the history. The gate and the doors look
 * at the sum (server/limits.h, RF_QUEUES_SIZE_MAX).
 *
 * Promise: bytes that several connections wait for count once. The loop's thread only.
 *
 * May include: C's stddef. */
#ifndef RF_SERVER_HELD_H
#define RF_SERVER_HELD_H

#include <stddef.h>

void rf_held_more(size_t bytes);
void rf_held_less(size_t bytes);
size_t rf_held_bytes(void);

#endif
