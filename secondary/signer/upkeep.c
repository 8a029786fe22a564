#include "secondary/signer/upkeep.h"

static int64_t
earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t
refresh_at(const struct upkeep_state *state, const struct sign_policy *policy, int64_t now)
{
    int64_t last = state->last_refresh_seconds;
    int64_t at = sign_refresh_at(policy, state->first_expiration, last, now);
    if (!state->refresh_goes_on) {
        return at;
    }
    // A last refresh that lies ahead is from before the clock went back.
    return last == 0 || last > now ? now : earlier(at, last + SIGN_PUBLISH_GAP_SECONDS);
}

struct upkeep_plan
upkeep_next(const struct upkeep_state *state, const struct sign_policy *policy, int64_t now)
{
    struct upkeep_plan plan = {UPKEEP_WAIT, now + UPKEEP_LATEST_SECONDS};
    if (state->expires_seconds != 0) {
        if (now >= state->expires_seconds && !state->expired) {
            return (struct upkeep_plan){UPKEEP_EXPIRE, now};
        }
        if (now < state->expires_seconds) {
            plan.at_seconds = earlier(plan.at_seconds, state->expires_seconds);
        }
    }
    if (state->expired && (state->expires_seconds == 0 || now < state->expires_seconds)) {
        return (struct upkeep_plan){UPKEEP_REVIVE, now};
    }
    if (!state->has_version || state->busy) {
        return plan; // the end of what is under way asks again
    }
    // A moment further ahead than any pause was set before the clock went back: it does not count.
    bool waits =
        now < state->not_before_seconds && state->not_before_seconds <= now + UPKEEP_LATEST_SECONDS;
    if (waits) {
        plan.at_seconds = earlier(plan.at_seconds, state->not_before_seconds);
        return plan;
    }
    if (state->is_signed && state->first_expiration != 0) {
        int64_t at = refresh_at(state, policy, now);
        if (at <= now) {
            return (struct upkeep_plan){UPKEEP_REFRESH, now};
        }
        plan.at_seconds = earlier(plan.at_seconds, at);
    }
    if (state->wants_merge) {
        return (struct upkeep_plan){UPKEEP_MERGE, now};
    }
    if (state->wants_compact) {
        return (struct upkeep_plan){UPKEEP_COMPACT, now};
    }
    if (state->scrub_seconds != 0) {
        // As above: further ahead than the longest rest is from before the clock went back.
        if (now >= state->scrub_seconds || state->scrub_seconds > now + UPKEEP_SCRUB_REST_SECONDS) {
            return (struct upkeep_plan){UPKEEP_SCRUB, now};
        }
        plan.at_seconds = earlier(plan.at_seconds, state->scrub_seconds);
    }
    return plan;
}
