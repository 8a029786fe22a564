// When is a name without addresses believed? A type that is missing while the other one is there is
// a fact about the name, and the type goes. Neither type, or no such name, is what a broken or
// half-configured DNS says just as well as a finished one: it is definitive, but the last good set
// is held all the same (pdns #6666). Between the two questions of a round the name may vanish: "A
// is missing" is therefore only believed beside an AAAA answer of the same round, or a later one.
#include "primary/alias/contribution.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"

const char *
target_state_word(enum target_state state)
{
    static const char *const words[TARGET_STATES] = {"fresh", "held", "failing", "loop", "waiting"};
    return words[state];
}

void
contribution_init(struct contribution *contribution, uint16_t type, int64_t now)
{
    *contribution = (struct contribution){.state = TARGET_WAITING, .since = now};
    address_set_init(&contribution->good, type);
}

void
contribution_close(struct contribution *contribution)
{
    address_set_close(&contribution->good);
    free(contribution->reason);
    contribution->reason = NULL;
}

static void
reason_set(struct contribution *contribution, const char *text)
{
    if (contribution->reason && text && strcmp(contribution->reason, text) == 0)
        return;
    free(contribution->reason);
    contribution->reason = text ? memory_text(text) : NULL;
}

static unsigned
state_set(struct contribution *contribution, enum target_state state, int64_t now)
{
    if (contribution->state == state)
        return 0;
    contribution->state = state;
    contribution->since = now;
    return STEP_STATE;
}

static unsigned
good_set(struct contribution *contribution, const struct address_set *addresses, int64_t now)
{
    if (contribution->known && address_set_equal(&contribution->good, addresses))
        return 0;
    address_set_copy(&contribution->good, addresses);
    contribution->known = true;
    contribution->changed_at = now;
    return STEP_CHANGED;
}

static unsigned
become_fresh(struct contribution *contribution, const struct address_set *addresses, int64_t now)
{
    unsigned steps = good_set(contribution, addresses, now);
    steps |= state_set(contribution, TARGET_FRESH, now);
    if (contribution->trouble_since)
        steps |= STEP_RECOVERED;
    contribution->trouble_since = contribution->reminded_at = 0;
    contribution->expired = false;
    reason_set(contribution, NULL);
    return steps;
}

static unsigned
be_in_trouble(struct contribution *contribution, const struct outcome *outcome, bool stands_in,
              int64_t now)
{
    unsigned steps = 0;
    bool held = (contribution->known || stands_in) && !contribution->expired;
    if (!contribution->trouble_since) {
        contribution->trouble_since = now;
        steps |= STEP_TROUBLE;
    }
    reason_set(contribution, outcome->text);
    if (outcome->kind == OUTCOME_LOOP)
        return steps | state_set(contribution, TARGET_LOOP, now);
    return steps | state_set(contribution, held ? TARGET_HELD : TARGET_FAILING, now);
}

static bool
is_definitive(enum outcome_kind kind)
{
    return kind != OUTCOME_NONE && kind != OUTCOME_FAILURE;
}

unsigned
contribution_apply(struct contribution *contribution, const struct outcome *outcome,
                   const struct rules *rules, bool stands_in, int64_t now)
{
    struct address_set none = {.width = contribution->good.width};
    unsigned steps;
    if (outcome->kind == OUTCOME_NONE)
        return 0;
    contribution->tried = true;
    contribution->definitive = contribution->definitive || is_definitive(outcome->kind);
    if (outcome->kind == OUTCOME_ADDRESSES)
        return become_fresh(contribution, &outcome->addresses, now);
    if (outcome->kind == OUTCOME_ABSENT)
        return become_fresh(contribution, &none, now);
    steps = be_in_trouble(contribution, outcome, stands_in, now);
    return steps | contribution_age(contribution, rules, now);
}

static unsigned
drop(struct contribution *contribution, int64_t now)
{
    unsigned steps = STEP_DROPPED;
    if (contribution->known && contribution->good.count > 0) {
        steps |= STEP_CHANGED;
        contribution->changed_at = now;
    }
    address_set_clear(&contribution->good);
    contribution->known = false;
    return steps;
}

static unsigned
expire(struct contribution *contribution, const struct rules *rules, int64_t now)
{
    unsigned steps = STEP_EXPIRED;
    contribution->expired = true;
    contribution->reminded_at = now;
    if (contribution->state == TARGET_HELD)
        steps |= state_set(contribution, TARGET_FAILING, now);
    return rules->after_hold == AFTER_HOLD_DROP ? steps | drop(contribution, now) : steps;
}

unsigned
contribution_age(struct contribution *contribution, const struct rules *rules, int64_t now)
{
    if (!contribution->trouble_since)
        return 0;
    if (!contribution->expired) {
        bool over = now - contribution->trouble_since >= rules->hold_seconds;
        return over ? expire(contribution, rules, now) : 0;
    }
    if (rules->after_hold == AFTER_HOLD_DROP && contribution->known) // the rule is a new one
        return drop(contribution, now);
    if (now - contribution->reminded_at < CONTRIBUTION_REMIND_SECONDS)
        return 0;
    contribution->reminded_at = now;
    return STEP_REMIND;
}

int64_t
contribution_until(const struct contribution *contribution, const struct rules *rules)
{
    if (!contribution->trouble_since || contribution->expired)
        return 0;
    return contribution->trouble_since + rules->hold_seconds;
}

enum outcome_kind
outcome_beside(enum outcome_kind mine, enum outcome_kind other, bool other_round, bool has_set)
{
    if (mine != OUTCOME_NODATA && mine != OUTCOME_NXDOMAIN)
        return mine;
    if (other == OUTCOME_NONE || other_round)
        return OUTCOME_NONE;
    switch (other) {
    case OUTCOME_ADDRESSES:
    case OUTCOME_FILTERED:
        // "No such name" beside addresses of that name is a contradiction; nothing is lost for it.
        return mine == OUTCOME_NXDOMAIN && has_set ? OUTCOME_NXDOMAIN : OUTCOME_ABSENT;
    case OUTCOME_FAILURE:
    case OUTCOME_DENIED:
    case OUTCOME_LOOP:
        return has_set ? mine : OUTCOME_ABSENT;
    case OUTCOME_NXDOMAIN:
    case OUTCOME_NODATA:
    case OUTCOME_ABSENT:
    case OUTCOME_NONE:
        break;
    }
    return mine;
}
