#include "primary/history.h"

#include <stdlib.h>

#include "common/base/arena.h"

void
history_add(struct history *history, const struct history_step *step)
{
    if (history->next == history->count && history->count < HISTORY_KEPT) {
        // Grows by doubling, from one: most zones change seldom.
        size_t room = history->count == 0 ? 1 : history->count * 2;
        if ((history->count & (history->count - 1)) == 0)
            history->steps = memory_realloc(history->steps, room * sizeof *history->steps);
        history->steps[history->count++].why = NULL;
    }
    free(history->steps[history->next].why);
    history->steps[history->next] = *step;
    history->steps[history->next].why = step->why ? memory_text(step->why) : NULL;
    history->next = history->next + 1 == HISTORY_KEPT ? 0 : history->next + 1;
}

const struct history_step *
history_at(const struct history *history, size_t index)
{
    if (index >= history->count)
        return NULL;
    size_t at = history->next + history->count - 1 - index;
    return &history->steps[at % history->count];
}

void
history_close(struct history *history)
{
    for (size_t i = 0; i < history->count; i++)
        free(history->steps[i].why);
    free(history->steps);
    *history = (struct history){0};
}
