#include "secondary/signer/signer.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/arena.h"
#include "common/daemon/clock.h"
#include "common/daemon/control.h"
#include "common/daemon/log.h"
#include "common/daemon/privileges.h"
#include "common/daemon/spare_memory.h"
#include "common/net/loop.h"
#include "secondary/messages.h"
#include "secondary/settings.h"
#include "secondary/signer/keeper.h"
#include "secondary/signer/key_seals.h"
#include "secondary/signer/keys/key_crypto.h"
#include "secondary/signer/pooled.h"
#include "secondary/signer/sign/pool.h"
#include "secondary/signer/verbs.h"
#include "secondary/signer/zone_verify.h"

#define HEARTBEAT_MS     1000
#define STOP_POLL_MS     20
#define STOP_PATIENCE_MS 500 // for threads at work; a service manager's patience is longer
#define WAKE_SLICE_MS    4
#define WAKE_WAITING_MAX 100  // messages in the link
#define SERVE_TOGETHER   1024 // zones that one sync of the disk makes durable: 40 ms of opening

struct signer {
    struct loop *loop;
    struct message_link *link;
    struct role_settings *settings;
    struct keeper_shared shared;
    struct vector keepers; // of struct keeper *
    struct loop_timer *heartbeat, *stopping, *waking;
    struct spare_memory spare;
    size_t found, served, woken; // keepers that were, since the last settings
    uint64_t stop_by_ms;         // 0: nobody asked
    char *state_directory;
    struct pooled pooled;
    struct key_seals seals;
    int exit_code;
};

static struct keeper *
keeper_at(const struct signer *signer, size_t index)
{
    return *(struct keeper **)vector_at(&signer->keepers, index);
}

// Among the first count keepers, which are in order of their numbers.
static struct keeper *
keeper_among(const struct signer *signer, size_t count, uint32_t id)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (keeper_at(signer, middle)->id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < count && keeper_at(signer, low)->id == id ? keeper_at(signer, low) : NULL;
}

static struct keeper *
keeper_by_id(const struct signer *signer, uint32_t id)
{
    return keeper_among(signer, signer->keepers.count, id);
}

static int
compare_ids(const void *a, const void *b)
{
    uint32_t left = (*(struct keeper *const *)a)->id, right = (*(struct keeper *const *)b)->id;
    return left < right ? -1 : left > right;
}

static void
send_message(void *context, const struct message *message)
{
    struct signer *signer = context;
    if (message->to == ROLE_SERVER) { // in their order
        pooled_send(&signer->pooled);
    }
    message_link_send(signer->link, message);
}

static const struct key_seal *
open_seal(void *context, const char *secret_file, struct fault *fault)
{
    struct signer *signer = context;
    return key_seals_open(&signer->seals, secret_file, fault);
}

// --- Settings ---

static const struct policy_settings *
policy_of(const struct role_settings *settings, size_t zone)
{
    size_t policy = settings->settings.zones[zone].rules->policy;
    return policy == POLICY_NONE ? NULL : &settings->settings.policies[policy];
}

// First settings: from here on we are who we shall be.
static bool
settle(struct signer *signer, const struct role_settings *settings, struct fault *fault)
{
    struct privileges_options drop = {.user = settings->settings.user};
    if (!privileges_drop(&drop, fault) || !privileges_seccomp(PRIVILEGES_SIGNER, fault)) {
        return false;
    }
    unsigned threads = 0;
    for (size_t i = 0; i < settings->settings.policy_count; i++) {
        unsigned wanted = settings->settings.policies[i].signing_threads;
        threads = wanted > threads ? wanted : threads;
    }
    signer->state_directory = memory_text(settings->settings.state_directory);
    signer->pooled.state_directory = signer->state_directory;
    signer->seals.state_directory = signer->state_directory;
    signer->shared = (struct keeper_shared){.loop = signer->loop,
                                            .pool = pool_new(threads),
                                            .memory = key_memory_new(),
                                            .policies = policy_pool_new(),
                                            .state_directory = signer->state_directory,
                                            .seal = open_seal,
                                            .send = send_message,
                                            .pooled = &signer->pooled,
                                            .spare = &signer->spare,
                                            .context = signer};
    signer->shared.key_maker =
        key_maker_new(signer->loop, signer->shared.pool, key_crypto_generate);
    return true;
}

static void
drop_gone_keepers(struct signer *signer, const struct role_settings *settings)
{
    size_t kept = 0;
    for (size_t i = 0; i < signer->keepers.count; i++) {
        struct keeper *keeper = keeper_at(signer, i);
        bool stays = role_settings_zone(settings, keeper->id) != SETTINGS_NONE;
        if (!stays && keeper->phase == KEEPER_IDLE) {
            keeper_free(&keeper);
            continue;
        }
        if (!stays) {
            keeper_stop(keeper); // freed at the end of the process: its thread still looks at it
        }
        memcpy(vector_at(&signer->keepers, kept++), &keeper, sizeof keeper);
    }
    signer->keepers.count = kept;
}

static void
take_zones(struct signer *signer, const struct role_settings *settings)
{
    size_t known = signer->keepers.count; // new ones stand behind these until all are there
    for (size_t i = 0; i < settings->settings.zone_count; i++) {
        struct keeper *keeper = keeper_among(signer, known, settings->zone_ids[i]);
        const struct secondary_zone_settings *zone = &settings->settings.zones[i];
        if (keeper != NULL) {
            keeper_change_settings(keeper, zone, policy_of(settings, i));
        } else {
            keeper =
                keeper_new(&signer->shared, settings->zone_ids[i], zone, policy_of(settings, i));
            vector_add(&signer->keepers, &keeper);
        }
    }
    if (signer->keepers.count > 0) {
        qsort(signer->keepers.items, signer->keepers.count, sizeof(struct keeper *), compare_ids);
    }
}

static void
find_some(struct signer *signer)
{
    struct store *stores[SERVE_TOGETHER];
    size_t count = 0, end = signer->found + SERVE_TOGETHER;
    end = end < signer->keepers.count ? end : signer->keepers.count;
    for (; signer->found < end; signer->found++) {
        struct keeper *keeper = keeper_at(signer, signer->found);
        keeper_find(keeper);
        if (keeper->store != NULL) {
            stores[count++] = keeper->store;
        }
    }
    store_sync_all(stores, count);
}

// First all are opened, so that the servers have them, then all the rest is looked for. False:
// done.
static bool
wake_one(struct signer *signer)
{
    if (signer->served < signer->found) {
        keeper_serve(keeper_at(signer, signer->served++));
    } else if (signer->found < signer->keepers.count) {
        find_some(signer);
    } else if (signer->woken < signer->keepers.count) {
        keeper_wake(keeper_at(signer, signer->woken++));
    } else {
        return false;
    }
    return true;
}

// A slice of time, then what it brought goes out: what waits in the link has descriptors of its
// own, and ten thousand zones would need more of them than a process may have.
static void
wake_some(void *context)
{
    struct signer *signer = context;
    uint64_t until = clock_monotonic_ms() + WAKE_SLICE_MS;
    bool more = true;
    pooled_gather(&signer->pooled);
    while (more && clock_monotonic_ms() <= until &&
           message_link_waiting(signer->link) < WAKE_WAITING_MAX) {
        more = wake_one(signer);
    }
    pooled_gathered(&signer->pooled);
    if (more) { // at once would be before the loop has read or written anything
        loop_timer_start(signer->waking, 1, 0);
    } else {
        pooled_rest(&signer->pooled);
        spare_memory_give_back(&signer->spare);
    }
}

static void
take_settings(struct signer *signer, const struct message *message)
{
    struct role_settings *settings;
    struct fault fault = {0};
    if (!role_settings_read(message->body, &settings)) {
        message_link_tell(signer->link, ROLE_SIGNER, MESSAGE_READY,
                          "the settings are not readable");
        return;
    }
    log_open("signer", settings->settings.log.level, settings->settings.log.format);
    if (signer->settings == NULL && !settle(signer, settings, &fault)) {
        log_error(fault.text);
        signer->exit_code = 1;
        role_settings_free(&settings);
        loop_stop(signer->loop);
        return;
    }
    drop_gone_keepers(signer, settings);
    take_zones(signer, settings);
    for (size_t i = 0; i < signer->keepers.count;
         i++) { // a keeper that is still to go must not look at freed settings
        struct keeper *keeper = keeper_at(signer, i);
        if (role_settings_zone(settings, keeper->id) == SETTINGS_NONE) {
            keeper_orphan(keeper);
        }
    }
    role_settings_free(&signer->settings);
    signer->settings = settings;
    pooled_tell_again(&signer->pooled); // some files may have gone with their last zone
    signer->found = signer->served = signer->woken = 0;
    wake_some(signer);
    message_link_tell(signer->link, ROLE_SIGNER, MESSAGE_READY, NULL);
}

// --- Messages ---

static void
take_candidate(struct keeper *keeper, struct message *message)
{
    struct message_candidate candidate;
    if (message->descriptor_count != 1 || !message_candidate_read(message->body, &candidate)) {
        log_limited(LOG_LEVEL_ERROR, "candidate", 60, "a candidate could not be read", "zone",
                    keeper->domain);
        return;
    }
    keeper_take_candidate(keeper, &candidate, &message->descriptors[0]);
}

static void
take_contact(struct keeper *keeper, const struct message *message)
{
    struct message_contact contact;
    if (message_contact_read(message->body, &contact)) {
        keeper_take_contact(keeper, &contact);
    }
}

static void
take_ds(struct keeper *keeper, const struct message *message)
{
    struct message_ds_seen seen;
    if (message_ds_seen_read(message->body, &seen)) {
        keeper_take_ds(keeper, &seen);
        message_ds_seen_close(&seen);
    }
}

static void
take_review(struct keeper *keeper, const struct message *message)
{
    struct message_review_done done;
    if (message_review_done_read(message->body, &done)) {
        keeper_take_review(keeper, message->request, &done);
        message_review_done_close(&done);
    }
}

static void
take_control(struct keeper *keeper, struct message *message)
{
    struct message_control control;
    if (!message_control_read(message->body, &control)) {
        return;
    }
    if (strcmp(control.object, "key") == 0) {
        key_verb(keeper, &control, message);
    } else {
        zone_verb(keeper, &control, message->request);
    }
    message_control_close(&control);
}

// A thread that parses or verifies a million records cannot be asked to stop, and need not be: what
// it does is nowhere visible before the publish, which is the loop's own. The system takes the
// memory; that of the keys was never written anywhere.
static void
stop_when_idle(void *context)
{
    struct signer *signer = context;
    if (clock_monotonic_ms() >= signer->stop_by_ms) {
        log_info("stopped in the middle of a change; nothing of it was published");
        _exit(signer->exit_code);
    }
    if (signer->shared.key_maker != NULL && key_maker_works(signer->shared.key_maker)) {
        return;
    }
    for (size_t i = 0; i < signer->keepers.count; i++) {
        enum keeper_phase phase = keeper_at(signer, i)->phase;
        if (phase == KEEPER_INTAKE || phase == KEEPER_SIGN ||
            zone_verify_runs(keeper_at(signer, i))) {
            return;
        }
    }
    loop_stop(signer->loop);
}

static void
stop(struct signer *signer)
{
    loop_timer_stop(signer->waking);
    for (size_t i = 0; i < signer->keepers.count; i++) {
        keeper_stop(keeper_at(signer, i));
    }
    if (signer->stop_by_ms == 0) {
        signer->stop_by_ms = clock_monotonic_ms() + STOP_PATIENCE_MS;
    }
    loop_timer_start(signer->stopping, 1, STOP_POLL_MS);
}

static void
take_zone_message(struct signer *signer, struct message *message)
{
    struct keeper *keeper = keeper_by_id(signer, message->zone);
    if (keeper == NULL) {
        return; // of a zone that a reload took away
    }
    keeper_wake(keeper);
    switch ((int)message->type) {
    case MESSAGE_CANDIDATE:
        take_candidate(keeper, message);
        break;
    case MESSAGE_CONTACT:
        take_contact(keeper, message);
        break;
    case MESSAGE_DS_SEEN:
        take_ds(keeper, message);
        break;
    case MESSAGE_REVIEW_DONE:
        take_review(keeper, message);
        break;
    case MESSAGE_CONTROL_REQUEST:
        take_control(keeper, message);
        break;
    default:
        break;
    }
}

static void
announce_all(struct signer *signer)
{
    pooled_tell_again(&signer->pooled);
    pooled_gather(&signer->pooled);
    for (size_t i = 0; i < signer->keepers.count; i++) {
        keeper_wake(keeper_at(signer, i));
        keeper_announce(keeper_at(signer, i));
    }
    pooled_gathered(&signer->pooled);
}

static void
received(void *context, struct message *message)
{
    struct signer *signer = context;
    if (message->type == MESSAGE_SETTINGS) {
        take_settings(signer, message);
    } else if (message->type == MESSAGE_STOP) {
        stop(signer);
    } else if (message->type == MESSAGE_PLACES_WANTED) {
        announce_all(signer);
    } else {
        take_zone_message(signer, message);
    }
}

static void
closed(void *context)
{
    struct signer *signer = context;
    stop(signer); // the supervisor is gone
}

static void
beat(void *context)
{
    struct signer *signer = context;
    message_link_tell(signer->link, ROLE_SIGNER, MESSAGE_HEARTBEAT, NULL);
    spare_memory_beat(&signer->spare);
}

struct signer *
signer_new(struct loop *loop, int link_fd)
{
    struct signer *signer = memory_zalloc(sizeof *signer);
    signer->loop = loop;
    vector_init(&signer->keepers, sizeof(struct keeper *));
    key_seals_init(&signer->seals);
    signer->link = message_link_new(loop, &link_fd, received, closed, signer);
    pooled_init(&signer->pooled, signer->link);
    signer->heartbeat = loop_timer_new(loop, beat, signer);
    loop_timer_start(signer->heartbeat, 0, HEARTBEAT_MS);
    signer->waking = loop_timer_new(loop, wake_some, signer);
    signer->stopping = loop_timer_new(loop, stop_when_idle, signer);
    return signer;
}

int
signer_exit_code(const struct signer *signer)
{
    return signer->exit_code;
}

void
signer_free(struct signer **signer)
{
    struct signer *old = *signer;
    for (size_t i = 0; i < old->keepers.count; i++) {
        struct keeper *keeper = keeper_at(old, i);
        keeper_free(&keeper);
    }
    vector_close(&old->keepers);
    pooled_close(&old->pooled);
    key_seals_close(&old->seals);
    key_maker_free(&old->shared.key_maker);
    pool_free(&old->shared.pool);
    key_memory_free(&old->shared.memory);
    policy_pool_free(&old->shared.policies);
    loop_timer_free(&old->heartbeat);
    loop_timer_free(&old->stopping);
    loop_timer_free(&old->waking);
    message_link_free(&old->link);
    role_settings_free(&old->settings);
    free(old->state_directory);
    free(old);
    *signer = NULL;
}
