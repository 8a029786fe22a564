// Orders of the operator: each is refused at once with the cure, or begins a change of its own.
#include "secondary/signer/keeper_inside.h"

#include <errno.h>
#include <unistd.h>

#include "common/base/arena.h"
#include "common/transfer/rr_stream.h"
#include "secondary/signer/verbs.h"

bool
keeper_sealed_copy(int from, int *ret_memfd, struct fault *fault)
{
    int to = rr_stream_memfd("held", fault);
    if (to < 0) {
        return false;
    }
    uint8_t block[65536];
    ssize_t got;
    while ((got = read(from, block, sizeof block)) > 0) {
        if (write(to, block, (size_t)got) != got) {
            got = -1;
            break;
        }
    }
    if (got < 0) {
        fault_set_errno(fault, errno, "cannot read the held candidate");
        close(to);
        return false;
    }
    if (!rr_stream_seal(to, fault)) {
        close(to);
        return false;
    }
    *ret_memfd = to;
    return true;
}

bool
keeper_held(struct keeper *keeper, const char *digest, int *ret_file, struct fault *fault)
{
    if (keeper->quarantine == NULL) {
        return fault_set(fault, FAULT_IO,
                         "zone %s: the directory of what is held could not be opened; see "
                         "\"tandemctl zone status %s\"",
                         keeper->domain, keeper->domain);
    }
    return quarantine_accept(keeper->quarantine, digest, ret_file, fault) ||
           fault_wrap(fault, "zone %s", keeper->domain);
}

bool
keeper_accept(struct keeper *keeper, const char *digest, uint64_t request, struct fault *fault)
{
    int file = -1, stream = -1;
    if (request != 0 && !keeper_can_wait(keeper, fault)) {
        return false;
    }
    if (!keeper_held(keeper, digest, &file, fault)) {
        return false;
    }
    if (keeper->phase != KEEPER_IDLE || keeper->awaits_keys) {
        close(file);
        return fault_set(fault, FAULT_BUSY, "zone %s: a change is under way; try again in a moment",
                         keeper->domain);
    }
    bool good = keeper_sealed_copy(file, &stream, fault);
    close(file);
    if (!good) {
        return fault_wrap(fault, "zone %s", keeper->domain);
    }
    struct hash_digest accepted = quarantine_current(keeper->quarantine)->digest;
    struct message_candidate candidate = {.primary = memory_text("quarantine"),
                                          .received_seconds = keeper_now()};
    if (request != 0) {
        keeper_add_waiter(keeper, request, NULL);
    }
    candidate_start(keeper, &candidate, &stream, "accept", &accepted);
    return true;
}

bool
keeper_may_sign(const struct keeper *keeper, bool has_serial, uint32_t serial, struct fault *fault)
{
    if (keeper->policy == NULL) {
        return fault_set(fault, FAULT_REFUSED, "zone %s has policy: none, it is signed elsewhere",
                         keeper->domain);
    }
    if (keeper_served(keeper) == NULL) {
        return fault_set(fault, FAULT_BUSY, "zone %s has no content yet", keeper->domain);
    }
    if (!keeper_keys_ready(keeper)) { // nobody would sign, and who waits would wait for that
        return fault_set(fault, FAULT_REFUSED, "%s",
                         keeper->state_fault != NULL ? keeper->state_fault->text
                                                     : "the zone waits for its keys");
    }
    if (has_serial &&
        !serial_is_after(serial, version_facts(keeper_served(keeper))->signed_serial)) {
        return fault_set(fault, FAULT_REFUSED,
                         "zone %s: serial %u is not after the present %u (RFC 1982); secondaries "
                         "would not follow",
                         keeper->domain, serial,
                         version_facts(keeper_served(keeper))->signed_serial);
    }
    return true;
}

bool
keeper_sign(struct keeper *keeper, bool has_serial, uint32_t serial, uint64_t request,
            struct fault *fault)
{
    if (!keeper_may_sign(keeper, has_serial, serial, fault) ||
        (request != 0 && !keeper_can_wait(keeper, fault))) {
        return false;
    }
    keeper->wants_sign = keeper->sign_force = true;
    keeper->has_forced_serial = has_serial;
    keeper->forced_serial = serial;
    if (request != 0) {
        keeper_add_waiter(keeper, request, NULL);
    }
    keeper->go_on(keeper);
    return true;
}

bool
keeper_keys_can_wait(const struct keeper *keeper)
{
    struct fault busy = {0};
    return keeper_served(keeper) != NULL && !keeper->key_lost && keeper_can_wait(keeper, &busy);
}

void
keeper_keys_changed(struct keeper *keeper, uint64_t request, bool wait, struct json_value **result)
{
    keeper_look_after_lost_key(keeper, false);
    if (keyset_count(keeper->keyset) > 0 && !keeper->key_lost) {
        keeper->awaits_ds = keeper->blocked_by_ds = false;
        keeper_fault_clear(keeper);
    }
    if (wait && keeper_keys_can_wait(keeper)) {
        keeper_add_waiter(keeper, request, result);
    } else {
        verb_reply(keeper, request, result);
    }
    keeper->wants_keys = keeper_served(keeper) != NULL;
    keeper_tell_facts(keeper);
    keeper->go_on(keeper);
}
