/* Doubly linked lists through a member of what they link: joining and leaving cost the same anywhere.
 *
 * Promise: a link that is in no list points at itself, so that leaving twice is harmless.
 *
 * May include: C's stddef and stdbool. */
#ifndef RF_SERVER_LINK_H
#define RF_SERVER_LINK_H

#include <stdbool.h>
#include <stddef.h>

typedef struct rf_link rf_link;
struct rf_link {
    rf_link *next, *previous;
};

/* The record whose member `member` is `link`. */
#define RF_LINKED(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))

static inline void rf_link_init(rf_link *link)
{
    link->next = link->previous = link;
}

static inline bool rf_link_alone(const rf_link *link)
{
    return link->next == link;
}

static inline void rf_link_leave(rf_link *link)
{
    link->next->previous = link->previous;
    link->previous->next = link->next;
    rf_link_init(link);
}

static inline void rf_link_join(rf_link *list, rf_link *link)
{
    rf_link_leave(link);
    link->previous = list->previous;
    link->next = list;
    list->previous->next = link;
    list->previous = link;
}

/* Moves all of `from` into `to`, which was empty. */
static inline void rf_link_take_all(rf_link *to, rf_link *from)
{
    if (rf_link_alone(from))
        return;
    *to = *from;
    to->next->previous = to;
    to->previous->next = to;
    rf_link_init(from);
}

#endif
