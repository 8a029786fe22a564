// How does one change become a signed diff, and how is nothing found to be nothing?
//
// A plan lists the records to look at; the pool makes their signed form, each by itself
// (sign_node), and a record that comes out as it is served is no change. The apex is done last, by
// the caller: only when it is known whether anything else changed is there a new serial, and a new
// SOA to sign. So a refresh that finds nothing due, or a poll that brings the same content, ends
// with an empty result and not one signature.
//
// Whether every record must be looked at is read off the served apex: other signing keys than the
// keyset's, another TTL of the NSECs (RFC 9077), no chain at all. Nothing of that is kept beside
// the zone.
#include "secondary/signer/sign/sign_zone.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/dns/rdata.h"
#include "common/dns/rrtype.h"
#include "secondary/signer/sign/sign_content.h"
#include "secondary/signer/sign/sign_node.h"
#include "secondary/signer/sign/sign_plan.h"
#include "secondary/signer/sign/signed_serial.h"

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
    struct rrset dnskey, soa;
    struct sign_common common;
    struct octets_buffer dnskey_run, soa_run;
    atomic_bool failed;
    struct sign_result result;
    uint8_t *must_verify;
};

static const struct node *
served_apex(const struct sign_request *request)
{
    return request->current ? version_apex_node(request->current) : NULL;
}

// The keys that signed the served SOA are the ones that sign now.
static bool
zone_keys_match(const struct node *apex, const struct keyset *keyset)
{
    const struct key_pair *keys[KEYSET_KEYS_MAX];
    unsigned count = keyset_signing(keyset, false, keys);
    struct rrset soa;
    struct rr rr;
    if (!node_rrset_find(apex, RRTYPE_SOA, &soa) || soa.signature_count != count)
        return false;
    for (unsigned i = 0; i < count; i++) {
        bool found = false;
        uint32_t position = 0;
        while (rrset_next(soa.signatures, soa.signatures_length, &position, &rr)) {
            struct rdata_rrsig rrsig;
            found =
                found || (rdata_rrsig_read(rr.rdata, rr.rdlength, &rrsig) &&
                          rrsig.key_tag == keys[i]->tag && rrsig.algorithm == keys[i]->algorithm);
        }
        if (!found)
            return false;
    }
    return true;
}

static bool
chain_matches(const struct node *apex, const struct node *new_apex)
{
    struct rrset nsec;
    return node_rrset_find(apex, RRTYPE_NSEC, &nsec) && nsec.ttl == nsec_ttl(new_apex);
}

static bool
must_be_whole(const struct sign_job *job, const struct node *new_apex)
{
    const struct sign_request *request = &job->request;
    const struct node *apex = served_apex(request);
    return request->anew || request->whole || request->force || !apex ||
           !version_facts(request->current)->is_signed || !zone_keys_match(apex, request->keyset) ||
           !chain_matches(apex, new_apex);
}

// The newest signature of a zone is that of its SOA.
static uint32_t
served_inception(const struct node *apex)
{
    struct rrset soa;
    struct rr rr;
    struct rdata_rrsig rrsig;
    uint32_t position = 0, newest = 0;
    if (!apex || !node_rrset_find(apex, RRTYPE_SOA, &soa))
        return 0;
    while (rrset_next(soa.signatures, soa.signatures_length, &position, &rr))
        if (rdata_rrsig_read(rr.rdata, rr.rdlength, &rrsig) &&
            (newest == 0 || (int32_t)(rrsig.inception - newest) > 0))
            newest = rrsig.inception;
    return newest;
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

static void
dnskey_build(struct sign_job *job)
{
    const struct key_pair *keys[KEYSET_KEYS_MAX];
    unsigned count = keyset_published(job->request.keyset, keys);
    uint32_t ttl = job->request.policy->dnskey_ttl_seconds;
    octets_buffer_init(&job->dnskey_run);
    for (unsigned i = 0; i < count; i++)
        rrset_append(&job->dnskey_run, RRTYPE_DNSKEY, ttl, keys[i]->dnskey, keys[i]->dnskey_length);
    job->dnskey = (struct rrset){.type = RRTYPE_DNSKEY,
                                 .rr_count = (uint16_t)count,
                                 .ttl = ttl,
                                 .wire = job->dnskey_run.data,
                                 .wire_length = (uint32_t)job->dnskey_run.length};
}

static void
soa_build(struct sign_job *job, const struct node *apex, uint32_t serial)
{
    struct rrset soa;
    struct rr rr;
    uint32_t position = 0;
    ENSURE(node_rrset_find(apex, RRTYPE_SOA, &soa) &&
           rrset_next(soa.wire, soa.wire_length, &position, &rr));
    job->soa_run.length = 0;
    octets_buffer_add(&job->soa_run, soa.wire, soa.wire_length);
    size_t at = (size_t)(rr.rdata - soa.wire);
    rdata_soa_set_serial(job->soa_run.data + at, rr.rdlength, serial);
    job->soa = (struct rrset){.type = RRTYPE_SOA,
                              .rr_count = 1,
                              .ttl = soa.ttl,
                              .wire = job->soa_run.data,
                              .wire_length = (uint32_t)job->soa_run.length};
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
    return keyset_can_sign(request->keyset, fault) &&
           sign_clock_check(served_inception(served_apex(request)), request->now, fault);
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
    sign_plan_init(&job->plan);
    octets_buffer_init(&job->soa_run);
    octets_buffer_init(&job->dnskey_run);
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
    job->whole = must_be_whole(job, new_apex);
    dnskey_build(job);
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
    octets_buffer_close(&(*job)->soa_run);
    octets_buffer_close(&(*job)->dnskey_run);
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
    }
    if (job->request.progress)
        atomic_fetch_add(&job->request.progress->records_done, end - first);
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
    soa_build(job, apex->content, version_facts(job->request.current)->signed_serial);
    return !sign_node_is_settled(&job->hands[0], &job->common, apex, true);
}

static bool
apex_sign(struct sign_job *job, struct fault *fault)
{
    struct sign_item *apex = vector_at(&job->plan.items, 0);
    job->result.empty =
        !job->request.has_forced_serial && !items_changed(job) && !apex_changed(job, apex);
    if (job->result.empty)
        return true;
    soa_build(job, apex->content, job->signed_serial);
    if (!sign_node(&job->hands[0], &job->common, apex, true))
        return fault_set(fault, FAULT_CORRUPT, "libcrypto made no signature of the apex");
    return true;
}

static void
diff_fill(struct sign_job *job)
{
    struct sign_result *result = &job->result;
    size_t count = job->plan.items.count;
    job->must_verify = memory_zalloc(count);
    for (size_t i = 0; i < count; i++) {
        const struct sign_item *item = vector_at(&job->plan.items, i);
        bool was_empty = item->old && node_rrset_count(item->old) == 0;
        if (item->result == item->old || (was_empty && !item->result))
            continue;
        job->must_verify[result->diff.count] = item->must_verify;
        diff_add(&result->diff, item->old, item->result);
    }
    result->must_verify = job->must_verify;
    result->diff.damaged = job->request.anew; // published and verified as a whole content
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

static void
plan_make(struct sign_job *job)
{
    const struct sign_request *request = &job->request;
    if (job->whole)
        sign_plan_whole(&job->content, job->contexts[0], &job->plan);
    else
        sign_plan_changes(&job->content, job->contexts[0], request->due, request->due_count,
                          &job->plan);
    const struct sign_item *apex = vector_at(&job->plan.items, 0);
    job->common = (struct sign_common){.soa = &job->soa,
                                       .dnskey = &job->dnskey,
                                       .nsec_ttl = nsec_ttl(apex->content),
                                       .force = request->force,
                                       .now = request->now};
    job->result.records_looked_at = job->plan.items.count;
    job->result.refusals = job->plan.refusals;
    for (size_t i = 0; i < job->plan.refused.count; i++)
        vector_add(&job->result.refused, vector_at(&job->plan.refused, i));
}

bool
sign_zone_run(struct sign_job *job, const struct sign_result **ret_result, struct fault *fault)
{
    plan_make(job);
    if (job->damaged)
        return damage_fault(job, fault);
    if (!items_sign(job, fault) || !apex_sign(job, fault))
        return false;
    if (!job->result.empty)
        diff_fill(job);
    tallies_sum(job);
    facts_fill(job);
    *ret_result = &job->result;
    return true;
}
