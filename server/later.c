/* Answers that wait for the history: the job is done in its worker, the answer is sent from the loop. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "server/door.h"
#include "server/held.h"

typedef struct question question;
struct question {
    question *next;
    rf_later *later;
    rf_job job;
    rf_origin origin;
    const rf_method *method;
    int64_t id;
    char *original; /* a copy */
    rf_error code;
    rf_bytes out;
};

struct rf_later {
    rf_doors *doors;
    uv_async_t wake;
    uv_mutex_t lock;
    question *answered; /* under the lock, newest first */
    size_t waiting;     /* the loop's own count */
};

/* In the history's worker. */
static void run(void *context)
{
    question *asked = context;
    rf_later *later = asked->later;
    asked->code = rf_api_job(&asked->job, asked->id, asked->method->name, &asked->out);
    uv_mutex_lock(&later->lock);
    asked->next = later->answered;
    later->answered = asked;
    uv_mutex_unlock(&later->lock);
    uv_async_send(&later->wake);
}

static size_t size_of(const question *asked)
{
    return sizeof *asked + asked->origin.original_size;
}

static void drop(question *asked)
{
    rf_held_less(size_of(asked));
    free(asked->original);
    free(asked->out.data);
    free(asked);
}

static void send_answer(rf_later *later, question *asked)
{
    rf_bytes *out = &later->doors->out;
    asked->origin.original = asked->original;
    rf_bytes_clear(out);
    rf_bytes_add(out, asked->out.data, asked->out.size);
    rf_doors_answer(later->doors, &asked->origin, asked->method, asked->code, 0);
    later->waiting--;
    drop(asked);
}

static void on_wake(uv_async_t *async)
{
    rf_later *later = async->data;
    uv_mutex_lock(&later->lock);
    question *answered = later->answered;
    later->answered = NULL;
    uv_mutex_unlock(&later->lock);
    question *oldest = NULL;
    while (answered) { /* oldest first */
        question *next = answered->next;
        answered->next = oldest;
        oldest = answered;
        answered = next;
    }
    while (oldest) {
        question *next = oldest->next;
        send_answer(later, oldest);
        oldest = next;
    }
}

rf_later *rf_later_open(rf_doors *doors)
{
    rf_later *later = calloc(1, sizeof *later);
    if (!later)
        return NULL;
    later->doors = doors;
    RF_CHECK(uv_mutex_init(&later->lock) == 0);
    RF_CHECK(uv_async_init(doors->parts.loop, &later->wake, on_wake) == 0);
    later->wake.data = later;
    uv_unref((uv_handle_t *)&later->wake);
    return later;
}

static void on_closed(uv_handle_t *handle)
{
    rf_later *later = handle->data;
    uv_mutex_destroy(&later->lock);
    free(later);
}

void rf_later_close(rf_later *later)
{
    uv_close((uv_handle_t *)&later->wake, on_closed);
}

void rf_later_ask(rf_later *later, const rf_job *job, const rf_origin *origin,
                  const rf_request *request)
{
    question *asked = calloc(1, sizeof *asked);
    char *original = origin->original_size ? malloc(origin->original_size) : NULL;
    if (!asked || (origin->original_size && !original)) {
        free(asked);
        free(original);
        job->drop(job->work);
        rf_doors_refuse(later->doors, origin, request->id, request->method, RF_ERR_ERR_INTERNAL,
                        NULL, 0);
        return;
    }
    if (original)
        memcpy(original, origin->original, origin->original_size);
    *asked = (question){.later = later,
                        .job = *job,
                        .origin = *origin,
                        .method = rf_method_find(request->method),
                        .id = request->id,
                        .original = original};
    rf_bytes_init(&asked->out, NULL, 0, rf_world_grow);
    rf_held_more(size_of(asked));
    later->waiting++;
    rf_history_ask(later->doors->parts.history, run, asked);
}

size_t rf_later_waiting(const rf_later *later)
{
    return later->waiting;
}
