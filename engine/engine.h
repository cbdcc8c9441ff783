/* The engine's own loop: dispatch of commands and what follows each of them.
 *
 * May include: everything of the engine. */
#ifndef RF_ENGINE_ENGINE_H
#define RF_ENGINE_ENGINE_H

#include "engine/state.h"

/* The look at the end of each step over what it touched: sweeps isolations that were closed to zero, releases
 * empty records, re-keys watches. Empties the list of touched positions. */
void rf_engine_look(rf_engine *engine);
/* Carves the arena: sets every pointer of the state. Used by size, init. Returns the bytes needed. */
size_t rf_engine_layout(rf_engine *engine, const rf_limits *limits, unsigned char *memory);

#endif
