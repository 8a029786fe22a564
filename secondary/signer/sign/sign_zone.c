// How does one change become a signed diff, and how is nothing found to be nothing?
//
// A plan lists the records to look at; the pool makes their signed form, each by itself
// (sign_node), and a record that comes out as it is served is no change. The apex is done last, by
// the caller: only when it is known whether anything else changed is there a new serial, and a new
// SOA to sign. So a refresh that finds nothing due, or a poll that brings the same content, ends
// with an empty result and not one signature.
//
// Whether every record must be looked at is read off the served apex: other signing keys than the
// keyset's, another kind of denial, other NSEC3 parameters or opt-out, another TTL of the chain
// (RFC 9077), no chain at all. Nothing of that is kept beside the zone.
//
// A ZONEMD is the digest of all that is published, so it comes when all else is signed, the apex
// too, whose bitmap shows it already; then it is signed itself. Where nothing changes the served
// one stays and nothing is walked.
#include "secondary/signer/sign/sign_zone.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/dns/rdata.h"
#include "common/dns/rrtype.h"
#include "secondary/signer/sign/sign_apex.h"
#include "secondary/signer/sign/sign_content.h"
#include "secondary/signer/sign/sign_node.h"
#include "secondary/signer/sign/sign_plan.h"
#include "secondary/signer/sign/sign_served.h"
#include "secondary/signer/sign/signed_serial.h"
#include "secondary/signer/sign/zonemd.h"

#define SMALL_CHANGE                                                                               \
    64           // records up to which one thread does it all: no other contexts are prepared
#define BLOCK 32 // records of one portion of the pool

struct sign_job {
    struct sign_request request;
    struct sign_content content;
    struct sign_plan plan;
    struct sign_context **contexts; // one for each thread
    struct sign_hand *hands;
    unsigned threads;
    bool whole, damaged;
    uint32_t signed_serial;
    struct sign_apex apex;
    struct sign_common common;
    atomic_bool failed;
    struct sign_result result;
    uint8_t *must_verify;
};

static bool
must_be_whole(const struct sign_request *request, const struct node *new_apex)
{
    return request->anew || request->whole || request->force || !request->current ||
           !sign_served_as_wanted(request->current, request->keyset, request->policy, new_apex);
}

static bool
serial_choose(struct sign_job *job, struct fault *fault)
{
    const struct sign_request *request = &job->request;
    struct signed_serial_input input = {
        .policy = request->policy->serial_policy,
        .unsigned_serial = request->unsigned_serial,
        .has_last = request->current != NULL,
        .last = request->current ? version_facts(request->current)->signed_serial : 0,
        .state_lost = request->state_lost,
        .now = request->now,
    };
    if (request->has_forced_serial)
        return signed_serial_forced(&input, request->forced_serial, &job->signed_serial, fault);
    job->signed_serial = signed_serial_next(&input);
    return true;
}

static unsigned
threads_wanted(const struct sign_job *job)
{
    const struct sign_request *request = &job->request;
    size_t changed = (request->changes ? request->changes->count : 0) + request->due_count;
    if (!request->pool || (!job->whole && changed <= SMALL_CHANGE))
        return 1;
    return pool_threads(request->pool);
}

static bool
hands_prepare(struct sign_job *job, struct fault *fault)
{
    job->threads = threads_wanted(job);
    job->contexts = memory_zalloc(job->threads * sizeof *job->contexts);
    job->hands = memory_zalloc(job->threads * sizeof *job->hands);
    for (unsigned i = 0; i < job->threads; i++) {
        if (!sign_context_new(job->request.keyset, job->request.policy, &job->contexts[i], fault))
            return false;
        sign_hand_init(&job->hands[i], job->contexts[i]);
    }
    return true;
}

static bool
damage_fault(const struct sign_job *job, struct fault *fault)
{
    char apex[NAME_TEXT_MAX];
    if (job->request.ret_damaged)
        *job->request.ret_damaged = true;
    return fault_set(fault, FAULT_CORRUPT,
                     "zone %s: records of the saved version are damaged; \"zone retransfer\" "
                     "fetches and signs the whole zone again",
                     name_to_text_short(job->content.apex, apex));
}

static bool
request_check(const struct sign_request *request, const struct node *new_apex, struct fault *fault)
{
    char apex[NAME_TEXT_MAX];
    if (!new_apex || !node_has(new_apex, RRTYPE_SOA))
        return fault_set(fault, FAULT_SYNTAX, "zone %s: no SOA at the apex",
                         name_to_text_short(keyset_apex(request->keyset), apex));
    if (request->policy->nsec3 && name_length(keyset_apex(request->keyset)) > NSEC3_APEX_MAX)
        return fault_set(fault, FAULT_CONFIG,
                         "zone %s: its name has %zu octets and hashed names below it would be too "
                         "long: NSEC3 needs an apex of at most %d; set nsec3: no in its policy",
                         name_to_text_short(keyset_apex(request->keyset), apex),
                         name_length(keyset_apex(request->keyset)), NSEC3_APEX_MAX);
    return keyset_can_sign(request->keyset, fault) &&
           sign_clock_check(sign_served_inception(request->current), request->now, fault);
}

static void
plan_start(struct sign_job *job)
{
    const struct sign_request *request = &job->request;
    sign_plan_init(&job->plan, request->policy->nsec3 ? &request->policy->nsec3_parameters : NULL,
                   request->progress ? &request->progress->stop : NULL);
}

bool
sign_zone_prepare(const struct sign_request *request, struct sign_job **ret_job,
                  struct fault *fault)
{
    struct sign_job *job = memory_zalloc(sizeof *job);
    job->request = *request;
    job->content = (struct sign_content){.version = request->anew ? NULL : request->current,
                                         .changes = request->changes,
                                         .apex = keyset_apex(request->keyset),
                                         .damaged = &job->damaged};
    plan_start(job);
    sign_apex_init(&job->apex, request->keyset, request->policy);
    vector_init(&job->result.refused, sizeof(struct sign_refusal));
    diff_init(&job->result.diff);
    const struct node *new_apex = content_find(&job->content, job->content.apex);
    if (request->changes && request->changes->damaged && !request->anew)
        job->damaged = true;
    if (job->damaged) {
        damage_fault(job, fault);
        sign_job_free(&job);
        return false;
    }
    if (!request_check(request, new_apex, fault) || !serial_choose(job, fault)) {
        sign_job_free(&job);
        return false;
    }
    job->whole = must_be_whole(request, new_apex);
    if (!hands_prepare(job, fault)) {
        sign_job_free(&job);
        return false;
    }
    *ret_job = job;
    return true;
}

void
sign_job_free(struct sign_job **job)
{
    if (!*job)
        return;
    for (unsigned i = 0; i < (*job)->threads; i++) {
        if ((*job)->hands[i].arena)
            sign_hand_close(&(*job)->hands[i]);
        sign_context_free(&(*job)->contexts[i]);
    }
    free((*job)->hands);
    free((*job)->contexts);
    free((*job)->must_verify);
    sign_plan_close(&(*job)->plan);
    sign_apex_close(&(*job)->apex);
    vector_close(&(*job)->result.refused);
    diff_close(&(*job)->result.diff);
    free(*job);
    *job = NULL;
}

static bool
is_stopped(const struct sign_job *job)
{
    return atomic_load(&job->failed) ||
           (job->request.progress && atomic_load(&job->request.progress->stop));
}

// Items from first to end, counted from the one behind the apex.
static void
block_sign(void *context, unsigned thread, size_t first, size_t end)
{
    struct sign_job *job = context;
    for (size_t i = first; i < end && !is_stopped(job); i++) {
        struct sign_item *item = vector_at(&job->plan.items, i + 1);
        if (!sign_node(&job->hands[thread], &job->common, item, false))
            atomic_store(&job->failed, true);
        if (job->request.progress) // for each: one thread alone has a single block
            atomic_fetch_add(&job->request.progress->records_done, 1);
    }
}

static bool
items_sign(struct sign_job *job, struct fault *fault)
{
    size_t count = job->plan.items.count - 1;
    if (job->request.progress)
        atomic_store(&job->request.progress->records_total, count);
    if (job->threads > 1)
        pool_run(job->request.pool, count, BLOCK, block_sign, job);
    else
        block_sign(job, 0, 0, count);
    if (atomic_load(&job->failed))
        return fault_set(fault, FAULT_CORRUPT, "libcrypto made no signature; see \"key list\"");
    if (is_stopped(job))
        return fault_set(fault, FAULT_BUSY, "signing was stopped");
    return true;
}

static bool
items_changed(const struct sign_job *job)
{
    for (size_t i = 1; i < job->plan.items.count; i++) {
        const struct sign_item *item = vector_at(&job->plan.items, i);
        // An owner that was empty and stays so is no change, whether it goes or not.
        bool was = item->old && node_rrset_count(item->old) > 0;
        if (item->result != item->old && (item->result || was))
            return true;
    }
    return false;
}

// Whether the apex changes by more than its serial.
static bool
apex_changed(struct sign_job *job, struct sign_item *apex)
{
    if (!job->request.current || job->request.anew)
        return true;
    const struct version *served = job->request.current;
    if (job->request.policy->zonemd && !sign_apex_zonemd_served(&job->apex, served, apex->content))
        return true;
    sign_apex_soa(&job->apex, apex->content, version_facts(served)->signed_serial);
    return !sign_node_is_settled(&job->hands[0], &job->common, apex, true);
}

static const struct sign_item *
plan_item_at(const struct sign_job *job, size_t index)
{
    return vector_at(&job->plan.items, index);
}

// The next item from *index on whose record changes, or end.
static size_t
changed_next(const struct sign_job *job, size_t index, size_t end)
{
    for (; index < end; index++) {
        const struct sign_item *item = plan_item_at(job, index);
        bool was_empty = item->old && node_rrset_count(item->old) == 0;
        if (item->result != item->old && (item->result || !was_empty))
            break;
    }
    return index;
}

static const uint8_t *
changed_owner(const struct sign_item *item)
{
    return node_owner(item->result ? item->result : item->old);
}

static void
diff_put(struct sign_job *job, const struct sign_item *item)
{
    job->must_verify[job->result.diff.count] = item->must_verify;
    diff_add(&job->result.diff, item->old, item->result);
}

// All but the apex, in canonical order, from the plan's two runs.
static void
diff_fill(struct sign_job *job)
{
    size_t middle = job->plan.content_count, end = job->plan.items.count;
    size_t a = changed_next(job, 1, middle), b = changed_next(job, middle, end);
    while (a < middle || b < end) {
        bool first =
            b == end || (a < middle && name_compare(changed_owner(plan_item_at(job, a)),
                                                    changed_owner(plan_item_at(job, b))) < 0);
        diff_put(job, plan_item_at(job, first ? a : b));
        if (first)
            a = changed_next(job, a + 1, middle);
        else
            b = changed_next(job, b + 1, end);
    }
    job->result.must_verify = job->must_verify;
    job->result.diff.damaged = job->request.anew; // published and verified as a whole content
}

// Over what is in the diff by now. False: damaged, which is noted.
static bool
zonemd_digest(struct sign_job *job, struct sign_item *apex)
{
    uint8_t rdata[ZONEMD_RDATA_SIZE];
    const struct version *current = job->request.anew ? NULL : job->request.current;
    if (!zonemd_make(current, &job->result.diff, apex->result, job->signed_serial, rdata)) {
        job->damaged = true;
        return false;
    }
    sign_apex_zonemd(&job->apex, apex->content, rdata);
    return true;
}

static bool
apex_sign(struct sign_job *job, struct fault *fault)
{
    struct sign_item *apex = vector_at(&job->plan.items, 0);
    job->result.empty =
        !job->request.has_forced_serial && !items_changed(job) && !apex_changed(job, apex);
    if (job->result.empty)
        return true;
    bool zonemd = job->request.policy->zonemd;
    job->common.unsigned_yet = zonemd ? &job->apex.zonemd : NULL;
    sign_apex_soa(&job->apex, apex->content, job->signed_serial);
    job->must_verify = memory_zalloc(job->plan.items.count);
    bool made = sign_node(&job->hands[0], &job->common, apex, true);
    if (made) {
        diff_put(job, apex);
        diff_fill(job);
    }
    if (made && zonemd) {
        if (!zonemd_digest(job, apex))
            return damage_fault(job, fault);
        made = sign_node_finish(&job->hands[0], &job->common, apex, &job->apex.zonemd);
        job->result.diff.entries[0].new_node = apex->result;
    }
    return made || fault_set(fault, FAULT_CORRUPT, "libcrypto made no signature of the apex");
}

static void
tallies_sum(struct sign_job *job)
{
    struct sign_result *result = &job->result;
    for (unsigned i = 0; i < job->threads; i++) {
        const struct sign_tally *tally = sign_context_tally(job->contexts[i]);
        result->signatures_made += tally->made;
        result->signatures_kept += tally->kept;
        if (tally->first_expiration &&
            (result->first_expiration == 0 ||
             (int32_t)(tally->first_expiration - result->first_expiration) < 0))
            result->first_expiration = tally->first_expiration;
        if (tally->newest_inception &&
            (result->newest_inception == 0 ||
             (int32_t)(tally->newest_inception - result->newest_inception) > 0))
            result->newest_inception = tally->newest_inception;
    }
}

static void
facts_fill(struct sign_job *job)
{
    const struct sign_item *apex = vector_at(&job->plan.items, 0);
    struct rrset soa_rrset;
    struct rr rr;
    struct rdata_soa soa = {0};
    uint32_t position = 0;
    ENSURE(node_rrset_find(apex->content, RRTYPE_SOA, &soa_rrset) &&
           rrset_next(soa_rrset.wire, soa_rrset.wire_length, &position, &rr) &&
           rdata_soa_read(rr.rdata, rr.rdlength, &soa));
    job->result.facts = (struct version_facts){
        .unsigned_serial = job->request.unsigned_serial,
        .signed_serial = job->signed_serial,
        .published_seconds = job->request.now,
        .is_signed = true,
        .soa_expire_seconds = soa.expire,
    };
}

static bool
plan_choose(struct sign_job *job, struct fault *fault)
{
    const struct sign_request *request = &job->request;
    if (!job->whole && sign_plan_changes(&job->content, job->contexts[0], request->due,
                                         request->due_count, &job->plan))
        return true;
    sign_plan_close(&job->plan);
    plan_start(job);
    return sign_plan_whole(&job->content, job->contexts[0], request->pool, &job->plan, fault);
}

static void
common_fill(struct sign_job *job)
{
    const struct sign_request *request = &job->request;
    const struct node *apex = plan_item_at(job, 0)->content;
    job->common = (struct sign_common){.apex = job->content.apex,
                                       .nsec3 = job->plan.nsec3,
                                       .links = job->plan.links.items,
                                       .items = job->plan.items.items,
                                       .nsec_ttl = nsec_ttl(apex),
                                       .force = request->force,
                                       .now = request->now};
    sign_apex_share(&job->apex, apex, request->policy, &job->common);
}

static bool
plan_make(struct sign_job *job, struct fault *fault)
{
    if (!plan_choose(job, fault))
        return false;
    common_fill(job);
    job->result.records_looked_at = job->plan.items.count;
    job->result.refusals = job->plan.refusals;
    for (size_t i = 0; i < job->plan.refused.count; i++)
        vector_add(&job->result.refused, vector_at(&job->plan.refused, i));
    return true;
}

bool
sign_zone_run(struct sign_job *job, const struct sign_result **ret_result, struct fault *fault)
{
    bool planned = plan_make(job, fault);
    if (job->damaged)
        return damage_fault(job, fault);
    if (!planned || !items_sign(job, fault) || !apex_sign(job, fault))
        return false;
    tallies_sum(job);
    facts_fill(job);
    sign_plan_close(&job->plan); // 40 octets a record, 32 a hash: not needed while it is published
    *ret_result = &job->result;
    return true;
}
