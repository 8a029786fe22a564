// What came of a job goes into its keeper: versions are mapped, settings and wishes follow, the log
// and the program are told. Inner to the keeper; loop's thread.
#ifndef TANDEM_PRIMARY_KEEPER_TAKE_H
#define TANDEM_PRIMARY_KEEPER_TAKE_H

#include "primary/keeper_inside.h"

// A job of each kind that has ended and was not cancelled.
void keeper_take(struct keeper *keeper, struct job *job);
// The engine follows this source under the present settings.
void keeper_take_aliases(struct keeper *keeper, const struct source *source);
// The mark beside the versions speaks of the files of this source.
bool keeper_take_marked(const struct keeper *keeper, const struct source *source);

#endif
