// What the files of one zone's poll tell each other; nobody else includes it. Calls go down this
// list: poll -> poll_verdict -> poll_ask -> poll_end.
#ifndef TANDEM_FETCHER_POLL_INSIDE_H
#define TANDEM_FETCHER_POLL_INSIDE_H

#include "secondary/fetcher/attempt.h"
#include "secondary/fetcher/poll.h"
#include "secondary/fetcher/primaries.h"
#include "secondary/fetcher/waiters.h"

struct loop_timer;

enum poll_state { POLL_IDLE, POLL_QUEUED, POLL_TRANSFER, POLL_VERDICT };

struct poll {
    struct poll_shared shared;
    uint32_t id;
    const struct secondary_settings *settings;
    const struct secondary_zone_settings *zone;
    enum poll_state state;
    struct loop_timer *timer;
    struct turn turn;
    struct attempt *attempt;
    // The poll that runs.
    struct primaries_place place;
    char *label; // of the address that is asked, or was asked last; NULL: none was yet
    uint64_t begun_ms;
    uint64_t verdict_left_ms; // from the end of its turn on
    bool notified, forced;
    bool whole;      // the zone is transferred whole, whatever could be asked
    bool comparing;  // what comes must be what is served, where the serial is the same
    uint32_t number; // of the last candidate
    struct basis_arrival candidate;
    struct fault *fault; // of the last attempt of the poll that runs; NULL: well
    int exit_code;       // for those who wait, where fault is set
    // The poll that is to come behind it.
    bool again, again_notified, again_forced;
    struct waiters waiters;
    // What is known.
    struct basis basis;
    struct message_poll_facts facts;
    int64_t started_seconds;
    bool told_failing;
    unsigned spell; // of failures: the first one of each is logged, however soon it comes
};

// --- poll_end

void poll_set_text(char **text, const char *value); // NULL for ""
struct fault *poll_fault(struct poll *poll);        // to be set
void poll_fault_clear(struct poll *poll);
void poll_plan(struct poll *poll, uint64_t after_ms);
uint64_t poll_since_begun_ms(const struct poll *poll);
// Every poll ends here. text: what those who wait are told, where fault is not set.
void poll_finish(struct poll *poll, bool failed, bool changed, const char *text);
void poll_note_contact(struct poll *poll); // the primary gave an answer that is one
void poll_all_failed(struct poll *poll);   // no address is left
void poll_note_failed_attempt(struct poll *poll, const char *reason, const struct fault *fault);

// --- poll_ask

// Asks the address whose turn it is, or a later one; none is left: the poll has failed.
void poll_try_addresses(struct poll *poll);

// --- poll_verdict

// Of the candidate that the poll waits for.
void poll_obey_verdict(struct poll *poll, const struct message_verdict *verdict);

#endif
