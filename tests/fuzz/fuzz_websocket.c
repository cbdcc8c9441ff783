/* WebSocket: how the bytes are cut makes no difference, and wslay - a library of other authors - finds the
 * same texts in what we accept. The first byte says how the bytes are cut. */
#include <string.h>
#include <wslay/wslay.h>

#include "server/limits.h"
#include "server/websocket.h"
#include "tests/fuzz/fuzz.h"

typedef struct reading {
    uint64_t sum;
    unsigned texts, controls;
    uint16_t broken, closed;
    bool waits; /* in the middle of a message at the end */
} reading;

static void add(reading *to, const uint8_t *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        to->sum = (to->sum ^ text[i]) * 1099511628211u;
    to->sum = (to->sum ^ 0x100) * 1099511628211u;
}

static void take(reading *to, const rf_websocket_event *event)
{
    switch (event->kind) {
    case RF_WEBSOCKET_MORE:
        break;
    case RF_WEBSOCKET_GOT_TEXT:
        MUST(event->size <= RF_MESSAGE_SIZE_MAX);
        add(to, (const uint8_t *)event->text, event->size);
        to->texts++;
        break;
    case RF_WEBSOCKET_GOT_PING:
    case RF_WEBSOCKET_GOT_PONG:
        MUST(event->size <= RF_WEBSOCKET_CONTROL_MAX);
        to->controls++;
        break;
    case RF_WEBSOCKET_GOT_CLOSE:
        to->closed = event->code;
        break;
    case RF_WEBSOCKET_BROKEN:
        MUST(rf_websocket_code_is_valid(event->code));
        to->broken = event->code;
        break;
    }
}

static reading read_all(const uint8_t *bytes, size_t size, size_t step)
{
    reading told = {0};
    rf_websocket websocket = {0};
    for (size_t at = 0; at < size && !told.broken && !told.closed;) {
        size_t part = size - at < step ? size - at : step, used = 0;
        char *copy = malloc(part + 1); /* and one that may be overwritten for a while */
        memcpy(copy, bytes + at, part);
        at += part;
        while (used < part && !told.broken && !told.closed) {
            rf_websocket_event event;
            size_t taken = rf_websocket_feed(&websocket, copy + used, part - used, &event);
            MUST(taken > 0 && taken <= part - used);
            used += taken;
            if (event.kind == RF_WEBSOCKET_GOT_TEXT)
                event.text[event.size] ^= 0;
            take(&told, &event);
        }
        free(copy);
    }
    told.waits = rf_websocket_waits(&websocket);
    rf_websocket_finish(&websocket);
    return told;
}

/* ---- The same through wslay ------------------------------------------------------------------ */

typedef struct other {
    const uint8_t *bytes;
    size_t size, at;
    reading told;
} other;

static ssize_t give(wslay_event_context_ptr context, uint8_t *to, size_t size, int flags,
                    void *user)
{
    other *from = user;
    size_t part = from->size - from->at < size ? from->size - from->at : size;
    (void)flags;
    if (part == 0) {
        wslay_event_set_error(context, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    memcpy(to, from->bytes + from->at, part);
    from->at += part;
    return (ssize_t)part;
}

static void got(wslay_event_context_ptr context, const struct wslay_event_on_msg_recv_arg *message,
                void *user)
{
    other *to = user;
    (void)context;
    if (message->opcode == WSLAY_TEXT_FRAME) {
        add(&to->told, message->msg, message->msg_length);
        to->told.texts++;
    } else if (message->opcode == WSLAY_CONNECTION_CLOSE) {
        to->told.closed = message->status_code ? message->status_code : RF_CLOSE_NONE;
    } else {
        to->told.controls++;
    }
}

static reading read_by_wslay(const uint8_t *bytes, size_t size)
{
    struct wslay_event_callbacks callbacks = {.recv_callback = give, .on_msg_recv_callback = got};
    other from = {.bytes = bytes, .size = size};
    wslay_event_context_ptr context;
    MUST(wslay_event_context_server_init(&context, &callbacks, &from) == 0);
    wslay_event_recv(context);
    wslay_event_context_free(context);
    return from.told;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    reading whole = read_all(data + 1, size - 1, size);
    reading pieces = read_all(data + 1, size - 1, 1 + data[0] % 16);
    MUST(whole.sum == pieces.sum && whole.texts == pieces.texts &&
         whole.controls == pieces.controls);
    MUST(whole.broken == pieces.broken && whole.closed == pieces.closed);
    /* wslay judges a message before it is complete, we judge it then. */
    if (whole.broken || whole.waits)
        return 0;
    reading theirs = read_by_wslay(data + 1, size - 1);
    MUST(theirs.sum == whole.sum && theirs.texts == whole.texts);
    MUST(theirs.controls == whole.controls && theirs.closed == whole.closed);
    return 0;
}
