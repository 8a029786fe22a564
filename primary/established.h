// Is the state directory the one that the run before has left, or a new one in the place of one
// that was lost? What is new cannot be told from what is lost by looking at it, and a serial that
// goes back stops transfers without a word. So a state directory says that it is one, from the
// moment when every zone has a saved version; until then zones without one begin as after a loss.
#ifndef TANDEM_PRIMARY_ESTABLISHED_H
#define TANDEM_PRIMARY_ESTABLISHED_H

#include <stdbool.h>

#include "common/base/fault.h"

bool established_read(const char *state_directory);
bool established_write(const char *state_directory, struct fault *fault);

#endif
