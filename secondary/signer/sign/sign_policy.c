// How are signature times chosen so that two signers agree and no hour has all the work?
//
// Everything follows from a number drawn from (owner, key tag). Time moves in steps of a quantum
// (at most two hours) whose phase that number gives: the inception is the last step before now,
// less an hour. So a signer that signs the same RRset twenty minutes later, or another one with the
// same key, nearly always chooses the same times. The expiration is the step plus the lifetime less
// an offset within the jitter, from the same number; all signatures of an owner by one key expire
// together, so that a record is rewritten once. The quantum shrinks where the policy leaves little
// room: a fresh signature must never be due at once.
#include "secondary/signer/sign/sign_policy.h"

#include <string.h>

#include "common/base/hash.h"
#include "common/base/octets.h"
#include "common/base/quantity.h"
#include "common/dns/name.h"

#define CLOCK_BACK_SECONDS  3600 // more than an hour before what was signed: the clock is wrong
#define CLOCK_AHEAD_SECONDS 315360000  // ten years after it: absurd
#define CLOCK_LEAST         1704067200 // 2024: before this program

void
sign_policy_default(struct sign_policy *ret_policy)
{
    *ret_policy = (struct sign_policy){
        .rrsig_lifetime_seconds = 14 * 86400,
        .rrsig_refresh_seconds = 7 * 86400,
        .rrsig_jitter_seconds = 86400,
        .serial_policy = SERIAL_UNIXTIME,
        .verify = VERIFY_CHANGES,
        .dnskey_ttl_seconds = 3600,
    };
}

bool
sign_policy_check(const struct sign_policy *policy, const struct key_policy *keys,
                  uint32_t largest_ttl, struct fault *fault)
{
    char a[QUANTITY_TEXT_MAX], b[QUANTITY_TEXT_MAX], c[QUANTITY_TEXT_MAX];
    if (policy->rrsig_jitter_seconds < 0 || policy->rrsig_refresh_seconds <= 0)
        return fault_set(fault, FAULT_CONFIG,
                         "rrsig-refresh and rrsig-jitter cannot be negative, nor rrsig-refresh 0");
    if (policy->rrsig_lifetime_seconds > INT32_MAX / 2)
        return fault_set(fault, FAULT_CONFIG,
                         "rrsig-lifetime: %s is more than RFC 4034 can express; use 14d",
                         quantity_duration_text(policy->rrsig_lifetime_seconds, a));
    if (policy->rrsig_lifetime_seconds <=
        policy->rrsig_refresh_seconds + policy->rrsig_jitter_seconds)
        return fault_set(
            fault, FAULT_CONFIG,
            "rrsig-lifetime (%s) must be longer than rrsig-refresh (%s) + rrsig-jitter "
            "(%s); lengthen it or shorten those",
            quantity_duration_text(policy->rrsig_lifetime_seconds, a),
            quantity_duration_text(policy->rrsig_refresh_seconds, b),
            quantity_duration_text(policy->rrsig_jitter_seconds, c));
    uint32_t ttl =
        largest_ttl > policy->dnskey_ttl_seconds ? largest_ttl : policy->dnskey_ttl_seconds;
    if (policy->rrsig_refresh_seconds <= (int64_t)ttl + keys->propagation_delay_seconds)
        return fault_set(fault, FAULT_CONFIG,
                         "rrsig-refresh (%s) must be longer than the largest TTL (%s) + "
                         "propagation-delay (%s); lengthen it, or lower the TTLs (gate: max-ttl)",
                         quantity_duration_text(policy->rrsig_refresh_seconds, a),
                         quantity_duration_text(ttl, b),
                         quantity_duration_text(keys->propagation_delay_seconds, c));
    return true;
}

// The same on every machine and in every run.
static uint64_t
owner_number(const uint8_t *owner, uint16_t key_tag)
{
    static const uint8_t key[16];
    uint8_t octets[NAME_SIZE_MAX + 2];
    size_t length = name_copy(octets, owner);
    octets_put_u16(octets + length, key_tag);
    return hash_siphash24(key, octets, length + 2);
}

static int64_t
quantum(const struct sign_policy *policy)
{
    int64_t room = (policy->rrsig_lifetime_seconds - policy->rrsig_refresh_seconds -
                    policy->rrsig_jitter_seconds) /
                   2;
    return room < 1 ? 1 : room > SIGN_QUANTUM_SECONDS ? SIGN_QUANTUM_SECONDS : room;
}

void
sign_times(const struct sign_policy *policy, const uint8_t *owner, uint16_t key_tag, int64_t now,
           struct sign_times *ret_times)
{
    uint64_t number = owner_number(owner, key_tag);
    int64_t step = quantum(policy);
    int64_t phase = (int64_t)((uint32_t)number % (uint64_t)step);
    int64_t base = now - ((now - phase) % step + step) % step;
    int64_t early = policy->rrsig_jitter_seconds == 0
                        ? 0
                        : (int64_t)((number >> 32) % (uint64_t)policy->rrsig_jitter_seconds);
    ret_times->inception = (uint32_t)(base - SIGN_BACKDATE_SECONDS);
    ret_times->expiration = (uint32_t)(base + policy->rrsig_lifetime_seconds - early);
}

// Seconds from now to a 32-bit time, RFC 1982 (RFC 4034 section 3.1.5).
static int64_t
seconds_until(uint32_t when, int64_t now)
{
    return (int32_t)(when - (uint32_t)now);
}

bool
sign_is_due(const struct sign_policy *policy, uint32_t expiration, int64_t now)
{
    return seconds_until(expiration, now) <= policy->rrsig_refresh_seconds ||
           (policy->renew_until != 0 && (int32_t)(expiration - policy->renew_until) <= 0) ||
           (policy->renew_after != 0 && (int32_t)(expiration - policy->renew_after) > 0);
}

int64_t
sign_ahead_until(const struct sign_policy *policy, int64_t now)
{
    // One step for the phase of the owner, and one that is gained at least.
    return now - 2 * quantum(policy) + policy->rrsig_lifetime_seconds -
           policy->rrsig_jitter_seconds;
}

int64_t
sign_refresh_at(const struct sign_policy *policy, uint32_t first_expiration, int64_t last_publish,
                int64_t now)
{
    if (first_expiration == 0)
        return INT64_MAX;
    int64_t first = now + seconds_until(first_expiration, now);
    int64_t due = first - policy->rrsig_refresh_seconds;
    int64_t gap_end = last_publish == 0 ? due : last_publish + SIGN_PUBLISH_GAP_SECONDS;
    if (due >= gap_end)
        return due;
    // Where the whole refresh time is shorter than two days, a day before the end is no emergency.
    int64_t urgent = policy->rrsig_refresh_seconds / 2;
    if (urgent > SIGN_URGENT_SECONDS)
        urgent = SIGN_URGENT_SECONDS;
    int64_t latest = first - urgent;
    int64_t at = gap_end < latest ? gap_end : latest;
    return at > due ? at : due;
}

bool
sign_clock_check(uint32_t newest_inception, int64_t now, struct fault *fault)
{
    char text[QUANTITY_TEXT_MAX];
    if (now < CLOCK_LEAST)
        return fault_set(fault, FAULT_REFUSED,
                         "the clock says %s: too early to sign; set the time (NTP)",
                         quantity_time_text(now, text));
    if (newest_inception == 0)
        return true;
    int64_t signed_at = now + seconds_until(newest_inception, now) + SIGN_BACKDATE_SECONDS;
    if (now < signed_at - CLOCK_BACK_SECONDS)
        return fault_set(fault, FAULT_REFUSED,
                         "the clock says %s, more than an hour before the newest signature was "
                         "made: nothing is signed until the time is set (NTP)",
                         quantity_time_text(now, text));
    if (now > signed_at + CLOCK_AHEAD_SECONDS)
        return fault_set(
            fault, FAULT_REFUSED,
            "the clock says %s, ten years after the newest signature: nothing is signed "
            "until the time is set (NTP)",
            quantity_time_text(now, text));
    return true;
}
