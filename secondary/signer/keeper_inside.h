// What the files of one zone's life tell each other; nobody else includes it. Calls go down this
// list: keeper -> keeper_upkeep; both, keeper_orders -> candidate -> change -> publish, stand,
// keeper_open, keeper_keys -> keeper_fresh -> keeper_waiters -> keeper_tell -> keeper_facts ->
// keeper_rest. Upwards there is only keeper->go_on.
#ifndef TANDEM_SIGNER_KEEPER_INSIDE_H
#define TANDEM_SIGNER_KEEPER_INSIDE_H

#include "secondary/signer/keeper.h"
#include "secondary/signer/upkeep.h"

// --- keeper_rest

// Who expires next; made where there is none.
struct expiry_queue *keeper_expiry(struct keeper *keeper);
uint32_t keeper_first_expiration(struct keeper *keeper); // of signatures; 0: none
// refresh_load's goes_on.
bool keeper_refresh_goes_on(struct keeper *keeper, int64_t now);

// --- keeper_facts

const struct version *keeper_served(const struct keeper *keeper); // NULL: nothing yet
int64_t keeper_expire_seconds(const struct keeper *keeper);       // 0: never
// How far a signing is; total 0: none runs, or it is not known yet.
struct keeper_progress {
    uint64_t done, total; // records
    uint64_t per_second;
    int64_t left_seconds; // -1: nothing was done yet
};
struct keeper_progress keeper_progress(struct keeper *keeper);
void keeper_facts_fill(struct keeper *keeper, struct message_zone_facts *ret_facts); // to be closed

// --- keeper_tell

void keeper_send(struct keeper *keeper, enum message_type type, enum message_role to,
                 const struct octets_buffer *body, const int *descriptors, unsigned count,
                 uint64_t request);
void keeper_tell_facts(struct keeper *keeper);
void keeper_tell_progress(void *keeper); // of a timer
void keeper_tell_zone_state(struct keeper *keeper);
void keeper_tell_version(struct keeper *keeper);
void keeper_tell_served(struct keeper *keeper); // version and state
void keeper_tell_notify(struct keeper *keeper);
// verdict: all but the text.
void keeper_tell_verdict(struct keeper *keeper, const struct message_verdict *verdict,
                         const char *text);
// A transfer that waits here for keys or store does not keep the fetcher from polling.
void keeper_tell_next_waits(struct keeper *keeper);
// To the fetcher: whatever it knows of this zone, the next transfer is to be whole and come here.
void keeper_want_whole(struct keeper *keeper, const char *why);
void keeper_tell_event(struct keeper *keeper, const struct message_event *event);
// An event that is a sentence and perhaps a command; dedup says which occurrences are one.
void keeper_tell_simple_event(struct keeper *keeper, enum message_event_kind kind,
                              const char *dedup, const char *why, const char *hint);
// A state that an operator must see: logged and mailed once for each text.
void keeper_fault_set(struct keeper *keeper, const struct fault *fault,
                      enum message_event_kind kind, const char *hint);
// Not where records are damaged: that is over when a whole content was published.
void keeper_fault_clear(struct keeper *keeper);
// Records of what is served are damaged (README.md, decision 12): told, and mended by the next
// content.
void keeper_damage_note(struct keeper *keeper, const struct fault *fault);

// --- keeper_waiters

// FAULT_BUSY: KEEPER_WAITERS_MAX wait.
bool keeper_can_wait(const struct keeper *keeper, struct fault *fault);
// For the end of the change that begins next: who comes while another runs is not answered with its
// end. There is room (keeper_can_wait). result is taken over: what to say if it went well, with the
// serial that is served then; NULL: that it is done.
void keeper_add_waiter(struct keeper *keeper, uint64_t request, struct json_value **result);
void keeper_answer_waiters(struct keeper *keeper, bool good, const struct fault *fault);
void keeper_free_waiters(struct keeper *keeper); // without an answer

// --- keeper_fresh

// Makes what keys the policy asks for, or orders them where that takes long: then awaits_keys until
// they are there. False with a fault.
bool keeper_make_keys(struct keeper *keeper, struct fault *fault);
void keeper_forget_key_order(struct keeper *keeper);                 // where keys are being made
void keeper_keys_failed(struct keeper *keeper, struct fault *fault); // they are tried again
void keeper_note_algorithm(const struct keeper *keeper); // where it is not the policy's: a line

// --- keeper_keys

void keeper_sign_policy_fill(const struct policy_settings *policy, struct sign_policy *ret_policy);
// Keys as they are on disk; at a first start made, or held back until the parent's DS is known. A
// fault becomes the zone's state.
void keeper_prepare_keys(struct keeper *keeper);
bool keeper_keys_ready(const struct keeper *keeper);

// What is served is not what the policy says: another denial, digest or TTL of the keys. why: what
// differs, for history.
bool keeper_policy_differs(const struct keeper *keeper, char *why, size_t size);

// --- keeper_open

void keeper_open_store(struct keeper *keeper); // again where it could not be opened
// Keys, what is held, history; again where something is missing.
void keeper_open_rest(struct keeper *keeper);
// Notes when the next so many records of what was saved end; false when all are noted.
bool keeper_fill_expiry(struct keeper *keeper, size_t records);

// --- publish

struct published {
    const struct diff *diff;
    const struct version_facts *facts;
    size_t made, kept, refusals;
    bool sampled;
};
// Publishes, tells everybody, remembers. False: nothing happened.
bool publish_version(struct keeper *keeper, const struct published *what, struct fault *fault);

// --- stand

// What is served has become another: by this outcome of the change under way. Fills exact and
// steady.
void stand_note(struct keeper *keeper, enum message_outcome outcome,
                struct message_verdict *verdict);

// --- change

void change_begin(struct keeper *keeper, const char *cause, const char *why);
void change_start_refresh(struct keeper *keeper);
void change_start_whole(struct keeper *keeper);   // what wants_sign and wants_keys ask for
void change_start_restore(struct keeper *keeper); // of keeper->former
void change_start_policy(struct keeper *keeper, const char *why); // keeper_policy_differs
void change_start_content(struct keeper *keeper);                 // of keeper->intake
void change_publish_received(struct keeper *keeper);              // the same with policy: none
// Every change ends here, well or not. text and fault may stand in what is freed here.
void change_end(struct keeper *keeper, enum message_outcome outcome, const char *text,
                const struct fault *fault);
void change_failed(struct keeper *keeper, const struct fault *fault);
void change_close(struct keeper *keeper); // frees what it holds
void change_clear_quarantine(struct keeper *keeper, const char *why);

// --- candidate

// accepted: the digest that an operator let pass, or NULL. candidate and stream are taken over.
void candidate_start(struct keeper *keeper, struct message_candidate *candidate, int *stream,
                     const char *cause, const struct hash_digest *accepted);
void candidate_contact(struct keeper *keeper, int64_t at_seconds); // a primary was heard

// --- keeper_upkeep

// What is due by itself at now, or when the next is.
struct upkeep_plan keeper_upkeep_next(struct keeper *keeper, int64_t now);
// Does it: a portion of what a sample left over, the warning of signatures that end, one action.
void keeper_upkeep(struct keeper *keeper, int64_t now);

#endif
