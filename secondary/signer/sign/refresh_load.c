// How is a bump made flat without a plan that must be remembered?
//
// A first signing, a new key, a change of policy sign all owners at one moment; jitter spreads
// their ends over a day, and a week later that day has the work of a week. What evens it out is to
// begin earlier: the least constant pace that renews everything in time is the greatest of (owners
// due within h) / h over all h, and the earliest to expire go first. (Scheduling knows this as the
// schedule of least peak speed: Yao, Demers and Shenker, 1995.) A flat queue gives the mean and
// nothing is renewed before its time; a bump a week away gives about the mean now, so after one
// round it is gone. Nothing is remembered: the pace is measured again at each refresh, from the
// numbers in the buckets.
//
// What is due already (the signer was down, rrsig-refresh became longer) has its time behind it: a
// backlog is worked off within half of what a signature has before or after it is due, beside the
// rest and not at once. What ends within a day (or half the refresh time) is renewed at once,
// whatever that costs.
//
// Price: in the first week after a bulk signing up to as many signatures again are made, spread
// over it. Small zones (REFRESH_AHEAD_LEAST) never run ahead.
#include "secondary/signer/sign/refresh_load.h"

static int64_t
least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

// Unix seconds of a 32-bit time (RFC 1982).
static int64_t
moment(uint32_t when, int64_t now)
{
    return now + (int32_t)(when - (uint32_t)now);
}

// Over how long a backlog is worked off.
static int64_t
backlog_seconds(const struct sign_policy *policy)
{
    int64_t half = least(policy->rrsig_refresh_seconds,
                         policy->rrsig_lifetime_seconds - policy->rrsig_refresh_seconds) /
                   2;
    return half > SIGN_PUBLISH_GAP_SECONDS ? half : SIGN_PUBLISH_GAP_SECONDS;
}

// The shortest time whose numbers are believed: an hour, and where a backlog takes the place of
// what would have been renewed ahead of it, as long as the backlog is, up to a day.
#define FINEST_SECONDS   3600
#define COARSEST_SECONDS 86400

static int64_t
shortest_seconds(const struct expiry_queue *queue, const struct sign_policy *policy, uint64_t due)
{
    int64_t period = policy->rrsig_lifetime_seconds - policy->rrsig_refresh_seconds;
    size_t owners = expiry_queue_size(queue);
    int64_t behind = owners == 0 ? 0 : (int64_t)((double)due / (double)owners * (double)period);
    return behind < FINEST_SECONDS ? FINEST_SECONDS : least(behind, COARSEST_SECONDS);
}

static int64_t
urgent_seconds(const struct sign_policy *policy)
{
    return least(SIGN_URGENT_SECONDS, policy->rrsig_refresh_seconds / 2);
}

static int64_t
late_from(const struct sign_policy *policy, int64_t now)
{
    return now + policy->rrsig_lifetime_seconds + REFRESH_LATE_SLACK_SECONDS;
}

void
refresh_load_measure(const struct expiry_queue *queue, const struct sign_policy *policy,
                     uint32_t first_expiration, int64_t now, struct refresh_load *ret_load)
{
    struct refresh_load load = {.pace = 0};
    uint64_t due = 0, owners = 0, most_owners = 0;
    int64_t most_seconds = 1;
    for (size_t i = 0; i < expiry_queue_buckets(queue); i++) {
        struct expiry_bucket bucket = expiry_queue_bucket(queue, i);
        int64_t from = moment(bucket.from, now);
        int64_t due_in = from + EXPIRY_BUCKET_SECONDS - policy->rrsig_refresh_seconds - now;
        due += due_in <= 0 ? bucket.hints : 0;
        owners += due_in <= 0 ? 0 : bucket.hints;
        int64_t shortest = due_in > COARSEST_SECONDS ? 0 : shortest_seconds(queue, policy, due);
        int64_t seconds = due_in > shortest ? due_in : shortest;
        if (owners * (uint64_t)most_seconds > most_owners * (uint64_t)seconds) {
            most_owners = owners;
            most_seconds = seconds;
        }
        if (from > late_from(policy, now))
            load.late += bucket.hints;
    }
    load.pace =
        (double)most_owners / (double)most_seconds + (double)due / (double)backlog_seconds(policy);
    bool gains =
        first_expiration != 0 && moment(first_expiration, now) <= sign_ahead_until(policy, now);
    load.goes_on =
        load.late > 0 || (gains && load.pace * SIGN_PUBLISH_GAP_SECONDS >= REFRESH_AHEAD_LEAST);
    *ret_load = load;
}

// As if all were in the worst place: within the finest time, and behind.
bool
refresh_load_may_go_on(size_t hints, uint32_t last_from, const struct sign_policy *policy,
                       int64_t now)
{
    double most = (double)hints / FINEST_SECONDS + (double)hints / (double)backlog_seconds(policy);
    return moment(last_from, now) > late_from(policy, now) ||
           most * SIGN_PUBLISH_GAP_SECONDS >= REFRESH_AHEAD_LEAST;
}

// Owners of one refresh. One that comes late makes up for nothing: what is left behind is in the
// next pace.
static size_t
portion(double pace)
{
    double owners = pace * SIGN_PUBLISH_GAP_SECONDS + 1;
    return owners > EXPIRY_DUE_MAX ? EXPIRY_DUE_MAX : (size_t)owners;
}

static uint32_t
later(uint32_t a, uint32_t b)
{
    return a == 0 || (b != 0 && (int32_t)(b - a) > 0) ? b : a;
}

// What lasts too long goes at the pace of a zone that is renewed once in the time from fresh to
// due; at least as many as no load.
static size_t
late_portion(const struct expiry_queue *queue, const struct sign_policy *policy,
             const struct refresh_load *load)
{
    int64_t period = policy->rrsig_lifetime_seconds - policy->rrsig_refresh_seconds;
    double pace = (double)expiry_queue_size(queue) / (double)(period > 0 ? period : 1);
    size_t owners = portion(pace);
    if (load->late == 0)
        return 0;
    return owners > REFRESH_AHEAD_LEAST ? owners : REFRESH_AHEAD_LEAST;
}

void
refresh_load_take(struct expiry_queue *queue, const struct expiry_source *source,
                  const struct sign_policy *policy, int64_t now, struct arena *arena,
                  struct vector *ret_owners, struct sign_policy *ret_policy)
{
    struct refresh_load load;
    refresh_load_measure(queue, policy, (uint32_t)now, now, &load);
    size_t even = portion(load.pace);
    bool ahead = load.pace * SIGN_PUBLISH_GAP_SECONDS >= REFRESH_AHEAD_LEAST;
    int64_t due = now + policy->rrsig_refresh_seconds, until = due;
    if (ahead && sign_ahead_until(policy, now) > until)
        until = sign_ahead_until(policy, now);
    uint32_t last = expiry_queue_take(queue, source, (uint32_t)(now + urgent_seconds(policy)),
                                      EXPIRY_DUE_MAX, arena, ret_owners);
    last = later(last, expiry_queue_take(queue, source, (uint32_t)until, even, arena, ret_owners));
    if (!ahead)
        last = later(last, expiry_queue_take(queue, source, (uint32_t)due, REFRESH_DUE_LEAST, arena,
                                             ret_owners));
    size_t room = EXPIRY_DUE_MAX - ret_owners->count;
    size_t late = late_portion(queue, policy, &load);
    if (late > 0)
        expiry_queue_take_after(queue, source, (uint32_t)late_from(policy, now),
                                ret_owners->count + (late < room ? late : room), arena, ret_owners);
    *ret_policy = *policy;
    ret_policy->renew_until = last;
    ret_policy->renew_after = late > 0 ? (uint32_t)late_from(policy, now) : 0;
}
