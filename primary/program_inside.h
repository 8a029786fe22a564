// What the files of the program call of each other, in one direction: program (the whole) ->
// program_reload -> program_zones.
#ifndef TANDEM_PRIMARY_PROGRAM_INSIDE_H
#define TANDEM_PRIMARY_PROGRAM_INSIDE_H

#include "primary/program.h"

// program_zones.c: what befalls a zone; the context is the program.
extern const struct keeper_events program_zone_events;
void program_zone_removed(void *context, struct keeper *keeper);
// Once every zone has a version: from then on zones without a saved one are new (established.h).
void program_establish(struct program *program);

// program_reload.c
void program_reload_init(struct program *program);
// The first load is a reload whose settings are there already; with its end the program is ready.
void program_first_load(struct program *program);
// Work in a thread that is under way ends after the program: it will not find it any more.
void program_reload_leave(struct program *program);
void program_reload_close(struct program *program); // after all that may still call back

#endif
