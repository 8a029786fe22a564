// One zone's life in the signer: its store, keys, quarantine; a candidate comes in, is judged,
// signed, verified, published, told. One change at a time; the slow parts run in worker threads,
// everything else on the loop's thread. Faults never end the process: the zone keeps what it
// serves, and its state says why.
#ifndef TANDEM_SIGNER_KEEPER_H
#define TANDEM_SIGNER_KEEPER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/daemon/settings_secondary.h"
#include "common/zone/store.h"
#include "secondary/messages.h"
#include "secondary/signer/contact.h"
#include "secondary/signer/gate/quarantine.h"
#include "secondary/signer/history.h"
#include "secondary/signer/intake.h"
#include "secondary/signer/key_maker.h"
#include "secondary/signer/keys/key_seal.h"
#include "secondary/signer/keys/key_store.h"
#include "secondary/signer/keys/keyset.h"
#include "secondary/signer/policy_pool.h"
#include "secondary/signer/pooled.h"
#include "secondary/signer/sign/expiry_queue.h"
#include "secondary/signer/sign/refresh_load.h"
#include "secondary/signer/sign/sign_zone.h"
#include "secondary/signer/sign/verify.h"

#define KEEPER_WAITERS_MAX    16   // operators who wait for the end of one change
#define KEEPER_VERIFY_RECORDS 2000 // of the verification in the background, at a time
#define KEEPER_SCRUB_RECORDS  50   // looked at for damage, at a time: half a second of a slow disk
#define KEEPER_EXPIRY_RECORDS 5000 // whose expiration is noted at a start, at a time: some 3 ms
#define KEEPER_FACTS_SECONDS  1    // progress of a long signing is told so often ...
#define KEEPER_LOG_EVERY      10   // ... and logged every so many times
#define KEEPER_RETRY_SECONDS  30   // after a fault of disk or keys
// A zone of so many records at most lets its queue of expirations and its history go while it
// rests: with the usual policies they are not asked for at each contact, and made in some
// microseconds when they are.
#define KEEPER_REST_RECORDS 64
// A signer whose supervisor was killed ends at the end of what it does; the one that was started at
// once instead waits so long for the store before it says that something is wrong.
#define KEEPER_BUSY_SECONDS 10
#define KEEPER_BUSY_MS      50

struct loop;
struct loop_timer;
struct spare_memory;

// What all zones of the signer share.
struct keeper_shared {
    struct loop *loop;
    struct pool *pool;
    struct key_memory *memory;
    struct key_maker *key_maker; // NULL: all keys are made in the loop
    struct policy_pool *policies;
    const char *state_directory;
    // Gives the secret that opens sealed keys, made at first need; NULL with a fault.
    const struct key_seal *(*seal)(void *context, const char *secret_file, struct fault *fault);
    void (*send)(void *context, const struct message *message);
    struct pooled *pooled;      // the small zones'
    struct spare_memory *spare; // the process's
    void *context;
};

// A start with ten thousand zones, or one of a million names, answers before all is read: first
// every zone is opened and told to the servers, then each finds its keys and what else it had.
enum keeper_stage {
    KEEPER_NEW,
    KEEPER_FOUND,  // the store was looked for
    KEEPER_OPENED, // the store was looked for, servers answer from what is there
    KEEPER_AWAKE,  // all of it
};
enum keeper_phase { KEEPER_IDLE, KEEPER_INTAKE, KEEPER_REVIEW, KEEPER_SIGN };

// Records of the last change that are kept for `zone diff`: as many as a mail shows, since each of
// ten thousand zones keeps its own.
#define KEEPER_CHANGES_KEPT_MAX 200

struct json_value;
struct keeper_waiter {
    uint64_t request;
    bool of_next; // it came while another change ran: answered at the end of the one after it
    struct json_value *result; // what it is told when that went well; NULL: "done"
};

// That what is served is exactly the primary's content under a serial of its own: only then a delta
// from there can be applied. In memory only, so that every start begins with the whole zone.
struct keeper_stand {
    bool known;
    uint32_t serial;           // of the primary; moves also without any change of content
    uint64_t rr_count, octets; // of that content
};

// A change under way: what it came from, how it goes, what it will be told as.
struct keeper_change {
    char cause[16];
    char why[HISTORY_WHY_MAX];
    bool is_content;
    uint32_t added, removed;
    int64_t started_ms;
    struct octets_buffer diff_text;
    struct json_value *changes; // as change_json; NULL: not of content
    size_t diff_lines;
    uint32_t soa_expire_seconds;
    struct sign_policy policy; // of its signing, whatever a reload brings meanwhile
    struct arena *due_arena;
    struct vector due; // of const uint8_t *
    struct verify_report report;
    bool report_made;
};

// Since the start, for status and metrics.
struct keeper_counters {
    uint64_t changes_added, changes_removed;
    uint64_t signatures_changed, signatures_refreshed, signatures_initial;
    uint64_t sign_count, sign_microseconds;
    uint32_t sign_histogram[MESSAGE_SIGN_BUCKETS];
};

// What is known of the queue of expirations that a small zone has let go.
struct keeper_ends {
    uint64_t of; // version_identity; 0: nothing is known
    uint32_t first, last_from, owners;
};

// What is still looked at when the settings are gone.
struct keeper_orphanage {
    struct secondary_zone_settings settings;
    struct zone_rules rules;
    struct policy_settings policy;
};

// Most of ten thousand zones have no event in a day: what only an event needs is NULL until then.
struct keeper {
    const struct keeper_shared *shared;
    // Begins what waits and looks at the time again: called where a change has ended.
    void (*go_on)(struct keeper *keeper);
    uint32_t id;
    const uint8_t *apex;
    char *domain;                                   // apex as text
    const struct secondary_zone_settings *settings; // of the role's settings now in force
    const struct policy_settings *policy;           // NULL: none
    const struct sign_policy *sign_policy;          // held in shared->policies
    // Counts the policies that a reload brought; the signing under way began under job_policies.
    unsigned policies, job_policies;
    char *directory, *key_directory;
    struct store *store; // NULL: could not be opened; state_fault says why
    bool fresh_store;
    struct quarantine *quarantine;
    struct contact contact;
    struct history *history; // NULL: read by keeper_history when it is asked for
    bool remembered;         // what the store and the history say of the time before this start
    struct key_store *key_store;
    struct keyset *keyset; // NULL: none, or it could not be read
    bool key_lost;         // the served zone publishes one whose file is gone; keyset has the rest
    bool awaits_ds;        // first start without keys: the parent's DS decides
    bool awaits_keys;      // shared->key_maker makes the first ones
    bool blocked_by_ds;    // it has one that no key matches
    struct key_errand *errands;  // key_errands.h: orders that wait for a key
    struct expiry_queue *expiry; // NULL: made by keeper_expiry when it is asked for
    struct keeper_ends ends;
    // Not NULL: expiry is still being filled from this version, which was the served one when that
    // began.
    const struct version *expiry_of;
    struct version_cursor expiry_cursor;
    enum keeper_stage stage;
    bool announced; // the servers have the version of the start
    uint32_t newest_inception;
    int64_t clock_refused_at; // what the clock said when it was first found wrong; 0: it is right
    // state
    struct fault *state_fault; // of store or keys; NULL: well
    char *rejected;            // sentence of the last candidate that was no zone; NULL: none
    bool expired;
    bool stopping;
    struct keeper_orphanage *orphanage;
    int64_t last_refresh_seconds, not_before_seconds, expiring_told_seconds;
    struct keeper_stand stand;
    // the change under way
    enum keeper_phase phase;
    struct intake *intake;
    struct message_candidate candidate; // of the intake
    char intake_cause[16];
    struct sign_job *job;
    const struct version *job_base; // what the job starts from: served, or former
    const struct sign_result *result;
    struct sign_progress progress;
    unsigned progress_told; // in this signing
    bool job_good;
    struct fault *job_fault; // while there is a job
    struct keeper_change *change;
    struct keeper_waiter *waiters; // KEEPER_WAITERS_MAX of them
    unsigned waiter_count;
    uint64_t review_request;
    // what waits for its turn
    bool has_next;
    struct message_candidate next;
    int next_stream;
    bool wants_keys, wants_sign, sign_force, has_forced_serial;
    bool policy_settled; // what is served was brought to what the policy says
    uint64_t room_free_told, room_needed_told;
    uint32_t forced_serial;
    struct zone_walk *walk; // zone_walk.h: while not all of what is served was verified
    // The version before the first one that the walk has not seen all of: what is published again
    // where it finds a signature that does not verify. NULL: none.
    const struct version *former;
    bool wants_restore;
    bool
        distrust; // a publish by sample went wrong: the next long one is verified as a whole before
    struct zone_verification *verification; // zone_verify.h: while one runs
    // Records of what is served are damaged on disk: the next content is published whole, in a heap
    // of its own, under a serial after the served one.
    bool damaged;
    bool job_damaged; // the job found that out
    size_t scrub_position;
    int64_t scrub_seconds; // when the next records are looked at
    int64_t begun_seconds; // when this keeper was made
    bool store_is_busy;    // a predecessor that is on its way out still has it
    // facts
    struct keeper_counters *counted; // NULL: nothing was published yet
    uint32_t last_added, last_removed;
    struct json_value *last_changes; // of the same change, for `zone diff`; NULL after a restart
    struct loop_timer *timer, *facts_timer; // facts_timer: while it signs
    struct octets_buffer ds_seen;           // RDATAs behind their u16 length, as they came last
    bool ds_known;
};

struct keeper *keeper_new(const struct keeper_shared *shared, uint32_t id,
                          const struct secondary_zone_settings *settings,
                          const struct policy_settings *policy); // KEEPER_NEW
// Opens what was saved. Who does so for many has store_sync_all make all of them durable, before
// keeper_serve does it for each. Nothing the second time.
void keeper_find(struct keeper *keeper);
// Opens what was saved and has the servers answer from it, where no signature of it may have ended:
// what takes time is left to keeper_wake. Nothing the second time.
void keeper_serve(struct keeper *keeper);
// Whatever keeper_serve left; every order, message and timer comes after it. Nothing the second
// time.
void keeper_wake(struct keeper *keeper);
// Waits for no thread: only when phase is KEEPER_IDLE or the loop has ended (loop_free waits for
// its threads).
void keeper_free(struct keeper **keeper);
// New settings of a reload (the former ones are about to be freed).
void keeper_change_settings(struct keeper *keeper, const struct secondary_zone_settings *settings,
                            const struct policy_settings *policy);
void keeper_announce(struct keeper *keeper); // version, state, facts, again
// Its zone is gone from the settings while a thread still works for it: copies what it still looks
// at.
void keeper_orphan(struct keeper *keeper);
void keeper_stop(struct keeper *keeper); // no new change; one that runs is let go soon

// stream is taken over.
void keeper_take_candidate(struct keeper *keeper, struct message_candidate *candidate, int *stream);
void keeper_take_contact(struct keeper *keeper, const struct message_contact *contact);
void keeper_take_ds(struct keeper *keeper, const struct message_ds_seen *seen);
void keeper_take_review(struct keeper *keeper, uint64_t request,
                        const struct message_review_done *done);

// Orders of the operator. request: answered when the change has ended where wait, else 0.
// What the gate holds, opened; false: it is not of this digest, or nothing is held.
bool keeper_held(struct keeper *keeper, const char *digest, int *ret_file, struct fault *fault);
bool keeper_accept(struct keeper *keeper, const char *digest, uint64_t request,
                   struct fault *fault);
bool keeper_may_sign(const struct keeper *keeper, bool has_serial, uint32_t serial,
                     struct fault *fault);
bool keeper_sign(struct keeper *keeper, bool has_serial, uint32_t serial, uint64_t request,
                 struct fault *fault);
// What the policy says of keys.
void keeper_key_policy_fill(const struct policy_settings *policy, struct key_policy *ret_policy);
// After a command that changed keys: is a lost one back? replaced: the command made one, so that
// it may stay away once every role has its key.
void keeper_look_after_lost_key(struct keeper *keeper, bool replaced);
// The keys are other ones: the zone will show it. The request is answered with result, which is
// taken over: where wait and keeper_keys_can_wait when the zone shows it, else at once.
void keeper_keys_changed(struct keeper *keeper, uint64_t request, bool wait,
                         struct json_value **result);
// False: nothing is served yet, a key is lost, or too many wait.
bool keeper_keys_can_wait(const struct keeper *keeper);
// A fresh key, moved by event and saved; false: there is none, not in memory either. secret: one
// that a thread made; NULL: it is made here.
bool keeper_make_key(struct keeper *keeper, enum key_role role, enum key_event event,
                     const struct octets *secret, uint16_t *ret_tag, struct fault *fault);
// Takes a key's files away; what cannot be taken away is told, for the next start would find it.
void keeper_drop_key_files(struct keeper *keeper, const struct key_pair *key);
// Moves a key by the events one after the other, and saves it; false: it is where it was.
bool keeper_move_key(struct keeper *keeper, uint16_t tag, const enum key_event *events,
                     size_t count, struct fault *fault);
// Whether a fresh key takes so long that a thread makes it (key_maker.h). algorithm: what it will
// be of.
bool keeper_makes_in_thread(const struct keeper *keeper, uint8_t *ret_algorithm);

// What was published; read where it is not at hand. NULL: the zone has no directory yet.
struct history *keeper_history(struct keeper *keeper);
// Lets go what a small zone needs only while something happens to it, where nothing is under way.
void keeper_rest(struct keeper *keeper);

const char *keeper_state(const struct keeper *keeper, char *reason,
                         size_t size); // word; reason "" where ok
void keeper_reply(struct keeper *keeper, uint64_t request, const char *json, size_t length);
int64_t keeper_now(void);
// A held stream from disk as a sealed memfd, the only form in which streams are read.
bool keeper_sealed_copy(int from, int *ret_memfd, struct fault *fault);

#endif
