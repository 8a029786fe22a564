// What one target gives to one owner for one type: the last good set and the state it is in. A pure
// state machine: outcomes and `now` in, steps out. It never forgets a good set because of a bad
// answer; what happens when it grows old is the zone's rule (alias.md).
#ifndef TANDEM_ALIAS_CONTRIBUTION_H
#define TANDEM_ALIAS_CONTRIBUTION_H

#include <stdbool.h>
#include <stdint.h>

#include "primary/alias/address_set.h"
#include "primary/alias/rules.h"
#include "primary/alias/view.h"

#define CONTRIBUTION_REMIND_SECONDS (24 * 3600) // after-hold keep: "mail again daily"

enum outcome_kind {
    OUTCOME_NONE,      // not known yet, or the other type must answer first
    OUTCOME_ADDRESSES, // after the filters
    OUTCOME_ABSENT,    // the type is not there, but the name has the other type
    OUTCOME_NXDOMAIN,
    OUTCOME_NODATA,   // neither type
    OUTCOME_FAILURE,  // nothing was learnt
    OUTCOME_FILTERED, // every address is denied
    OUTCOME_DENIED,   // the target may not be asked for
    OUTCOME_LOOP,
};
struct outcome {
    enum outcome_kind kind;
    struct address_set addresses; // OUTCOME_ADDRESSES; owned by who made it
    char text[256];               // why there are none
};

struct contribution {
    bool known;              // good was learnt; it may be empty: the type is absent
    struct address_set good; // the last good set
    enum target_state state;
    int64_t since;         // of the state
    int64_t trouble_since; // 0: none
    bool expired;          // the trouble has lasted longer than hold
    int64_t reminded_at;
    int64_t changed_at; // of good
    bool tried;         // there was an outcome: a new owner need not be waited for any more
    bool definitive;    // there was one that a zone never given out may go out with
    char *reason;       // of the trouble; NULL
};

enum contribution_step {
    STEP_CHANGED = 1,   // good is another set, or became known
    STEP_STATE = 2,     // the state is another one
    STEP_TROUBLE = 4,   // a trouble began
    STEP_RECOVERED = 8, // it is over
    STEP_EXPIRED = 16,  // hold has ended
    STEP_DROPPED = 32,  // and the rule is to drop
    STEP_REMIND = 64,   // a day later
};

void contribution_init(struct contribution *contribution, uint16_t type, int64_t now);
void contribution_close(struct contribution *contribution);
// stands_in: another set stands in where this one never was good (the owner had other targets).
// Gives the steps taken, or-ed.
unsigned contribution_apply(struct contribution *contribution, const struct outcome *outcome,
                            const struct rules *rules, bool stands_in, int64_t now);
// Time goes by: hold ends, a day has passed.
unsigned contribution_age(struct contribution *contribution, const struct rules *rules,
                          int64_t now);
// When the set that stands in has stood in for long enough; 0: no trouble, or that time is over.
int64_t contribution_until(const struct contribution *contribution, const struct rules *rules);

// What NODATA and NXDOMAIN of one type mean beside what the other type said. mine and other are
// those of the same target; other_round: they were asked in different rounds, so an answer of the
// later one is still to be waited for. has_set: something would be lost.
enum outcome_kind outcome_beside(enum outcome_kind mine, enum outcome_kind other, bool other_round,
                                 bool has_set);

#endif
