#include "secondary/signer/keys/key_state.h"

#include <string.h>

static const char *const state_words[KEY_STATE_COUNT] = {
    [KEY_GENERATED] = "generated", [KEY_PUBLISHED] = "published", [KEY_READY] = "ready",
    [KEY_ACTIVE] = "active",       [KEY_RETIRED] = "retired",     [KEY_DEAD] = "dead",
    [KEY_REMOVED] = "removed",
};

static const char *const event_words[KEY_EVENT_COUNT] = {
    [KEY_EVENT_INTRODUCE] = "introduced", [KEY_EVENT_PUBLISH] = "published",
    [KEY_EVENT_READY] = "made ready",     [KEY_EVENT_ACTIVATE] = "activated",
    [KEY_EVENT_RETIRE] = "retired",       [KEY_EVENT_DIE] = "declared dead",
    [KEY_EVENT_REMOVE] = "removed",
};

// One row for each step that may be taken. A published key may be taken back (removed) as long as
// it has never signed; a key that has signed goes through retired and dead, so that nothing is
// removed while a cache may need it.
static const struct key_step {
    enum key_state from;
    enum key_event event;
    enum key_state to;
} steps[] = {
    {KEY_GENERATED, KEY_EVENT_INTRODUCE, KEY_ACTIVE},
    {KEY_GENERATED, KEY_EVENT_PUBLISH, KEY_PUBLISHED},
    {KEY_GENERATED, KEY_EVENT_REMOVE, KEY_REMOVED},
    {KEY_PUBLISHED, KEY_EVENT_READY, KEY_READY},
    {KEY_PUBLISHED, KEY_EVENT_REMOVE, KEY_REMOVED},
    {KEY_READY, KEY_EVENT_ACTIVATE, KEY_ACTIVE},
    {KEY_READY, KEY_EVENT_REMOVE, KEY_REMOVED},
    {KEY_ACTIVE, KEY_EVENT_RETIRE, KEY_RETIRED},
    {KEY_RETIRED, KEY_EVENT_ACTIVATE, KEY_ACTIVE},
    {KEY_RETIRED, KEY_EVENT_DIE, KEY_DEAD},
    {KEY_DEAD, KEY_EVENT_REMOVE, KEY_REMOVED},
};

const char *
key_state_word(enum key_state state)
{
    return state < KEY_STATE_COUNT ? state_words[state] : "unknown";
}

bool
key_state_from_word(const char *word, enum key_state *ret_state)
{
    for (int i = 0; i < KEY_STATE_COUNT; i++) {
        if (strcmp(word, state_words[i]) == 0) {
            *ret_state = (enum key_state)i;
            return true;
        }
    }
    return false;
}

static const struct key_step *
step_find(enum key_state state, enum key_event event)
{
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        if (steps[i].from == state && steps[i].event == event)
            return &steps[i];
    return NULL;
}

static bool
step_refused(enum key_state state, enum key_event event, struct fault *fault)
{
    char allowed[128] = "";
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if (steps[i].event != event)
            continue;
        if (allowed[0])
            strcat(allowed, " or ");
        strcat(allowed, state_words[steps[i].from]);
    }
    return fault_set(fault, FAULT_REFUSED, "a key that is %s cannot be %s: it must be %s",
                     key_state_word(state), event_words[event], allowed);
}

bool
key_state_next(enum key_state state, enum key_event event, enum key_state *ret_state,
               struct fault *fault)
{
    const struct key_step *step = step_find(state, event);
    if (!step)
        return step_refused(state, event, fault);
    *ret_state = step->to;
    return true;
}

bool
key_state_move(enum key_state *state, struct key_times *times, enum key_event event, int64_t now,
               struct fault *fault)
{
    enum key_state next;
    if (!key_state_next(*state, event, &next, fault))
        return false;
    if (event == KEY_EVENT_INTRODUCE)
        times->at[KEY_PUBLISHED] = times->at[KEY_READY] = now;
    times->at[next] = now;
    *state = next;
    return true;
}

bool
key_state_is_published(enum key_state state)
{
    return state == KEY_PUBLISHED || state == KEY_READY || state == KEY_ACTIVE ||
           state == KEY_RETIRED || state == KEY_DEAD;
}

enum key_state
key_state_at(const struct key_times *times, int64_t now)
{
    static const enum key_state latest_first[] = {KEY_REMOVED, KEY_DEAD,  KEY_RETIRED,
                                                  KEY_ACTIVE,  KEY_READY, KEY_PUBLISHED};
    for (size_t i = 0; i < sizeof latest_first / sizeof latest_first[0]; i++) {
        int64_t at = times->at[latest_first[i]];
        if (at != 0 && at <= now)
            return latest_first[i];
    }
    return KEY_GENERATED;
}
