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
#include "common/zone/find.h"
#include "secondary/signer/sign/sign_content.h"
#include "secondary/signer/sign/sign_node.h"
#include "secondary/signer/sign/sign_plan.h"
#include "secondary/signer/sign/signed_serial.h"
#include "secondary/signer/sign/zonemd.h"

#define SMALL_CHANGE                                                                               \
    64 // records up to which one thread does it all: no other contexts are prepared
#define BLOCK                32 // records of one portion of the pool
#define NSEC3PARAM_RDATA_MAX (5 + NSEC3_SALT_MAX)

struct sign_job {
    struct sign_request request;
    struct sign_content content;
    struct sign_plan plan;
    struct sign_context **contexts; // one for each thread
    struct sign_hand *hands;
    unsigned threads;
    bool whole, damaged;
    uint32_t signed_serial;
    struct rrset dnskey, soa, nsec3param, zonemd;
    struct sign_common common;
    struct octets_buffer dnskey_run, soa_run, nsec3param_run, zonemd_run;
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

// The NSEC3 of the apex in the served chain.
static const struct node *
apex_nsec3(const struct version *version, struct rrset *ret_rrset)
{
    uint8_t hash[NSEC3_HASH_SIZE];
    bool matches;
    nsec3_chain_hash(version_nsec3(version), version_apex(version), hash);
    const struct node *node = zone_find_nsec3(version, hash, &matches);
    return node && matches && node_rrset_find(node, RRTYPE_NSEC3, ret_rrset) ? node : NULL;
}

// The served chain is of the kind that the policy wants, with its parameters and the right TTL.
static bool
chain_matches(const struct sign_request *request, const struct node *new_apex)
{
    const struct nsec3_parameters *wanted = &request->policy->nsec3_parameters;
    const struct nsec3_parameters *served = version_nsec3(request->current);
    struct rrset denial;
    if (!request->policy->nsec3)
        return !served && node_rrset_find(served_apex(request), RRTYPE_NSEC, &denial) &&
               denial.ttl == nsec_ttl(new_apex);
    return served && nsec3_parameters_equal(served, wanted) && served->flags == wanted->flags &&
           apex_nsec3(request->current, &denial) && denial.ttl == nsec_ttl(new_apex);
}

static bool
must_be_whole(const struct sign_job *job, const struct node *new_apex)
{
    const struct sign_request *request = &job->request;
    const struct node *apex = served_apex(request);
    return request->anew || request->whole || request->force || !apex ||
           !version_facts(request->current)->is_signed || !zone_keys_match(apex, request->keyset) ||
           !chain_matches(request, new_apex);
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

// RFC 5155 section 4. TTL 0: nobody but a secondary has a use for it, and that one reads the zone;
// a cache that kept it would only be wrong about the chain after a change of the salt.
static void
nsec3param_build(struct sign_job *job)
{
    uint8_t rdata[NSEC3PARAM_RDATA_MAX];
    size_t length = nsec3_parameters_write(&job->request.policy->nsec3_parameters, rdata);
    rrset_append(&job->nsec3param_run, RRTYPE_NSEC3PARAM, 0, rdata, (uint16_t)length);
    job->nsec3param = (struct rrset){.type = RRTYPE_NSEC3PARAM,
                                     .rr_count = 1,
                                     .wire = job->nsec3param_run.data,
                                     .wire_length = (uint32_t)job->nsec3param_run.length};
}

// With the SOA's TTL, as its life is that of the serial that it names.
static void
zonemd_build(struct sign_job *job, const struct node *apex,
             const uint8_t rdata[static ZONEMD_RDATA_SIZE])
{
    struct rrset soa;
    ENSURE(node_rrset_find(apex, RRTYPE_SOA, &soa));
    job->zonemd_run.length = 0;
    rrset_append(&job->zonemd_run, RRTYPE_ZONEMD, soa.ttl, rdata, ZONEMD_RDATA_SIZE);
    job->zonemd = (struct rrset){.type = RRTYPE_ZONEMD,
                                 .rr_count = 1,
                                 .ttl = soa.ttl,
                                 .wire = job->zonemd_run.data,
                                 .wire_length = (uint32_t)job->zonemd_run.length};
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
    if (request->policy->nsec3 && name_length(keyset_apex(request->keyset)) > NSEC3_APEX_MAX)
        return fault_set(fault, FAULT_CONFIG,
                         "zone %s: its name has %zu octets and hashed names below it would be too "
                         "long: NSEC3 needs an apex of at most %d; set nsec3: no in its policy",
                         name_to_text_short(keyset_apex(request->keyset), apex),
                         name_length(keyset_apex(request->keyset)), NSEC3_APEX_MAX);
    return keyset_can_sign(request->keyset, fault) &&
           sign_clock_check(served_inception(served_apex(request)), request->now, fault);
}

static const struct nsec3_parameters *
plan_nsec3(const struct sign_request *request)
{
    return request->policy->nsec3 ? &request->policy->nsec3_parameters : NULL;
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
    sign_plan_init(&job->plan, plan_nsec3(request));
    octets_buffer_init(&job->soa_run);
    octets_buffer_init(&job->dnskey_run);
    octets_buffer_init(&job->nsec3param_run);
    octets_buffer_init(&job->zonemd_run);
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
    octets_buffer_close(&(*job)->nsec3param_run);
    octets_buffer_close(&(*job)->zonemd_run);
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

// The served ZONEMD in the place of the one to be made. False: there is none that could stay.
static bool
zonemd_served(struct sign_job *job, const struct node *apex_content)
{
    struct rrset soa, served;
    struct rr rr;
    uint32_t position = 0;
    const struct node *apex = served_apex(&job->request);
    if (!node_rrset_find(apex, RRTYPE_ZONEMD, &served) || served.rr_count != 1 ||
        !rrset_next(served.wire, served.wire_length, &position, &rr) ||
        rr.rdlength != ZONEMD_RDATA_SIZE)
        return false;
    ENSURE(node_rrset_find(apex_content, RRTYPE_SOA, &soa));
    if (served.ttl != soa.ttl || rr.rdata[4] != ZONEMD_SCHEME_SIMPLE ||
        rr.rdata[5] != ZONEMD_HASH_SHA384 ||
        octets_get_u32(rr.rdata) != version_facts(job->request.current)->signed_serial)
        return false;
    zonemd_build(job, apex_content, rr.rdata);
    return true;
}

// Whether the apex changes by more than its serial.
static bool
apex_changed(struct sign_job *job, struct sign_item *apex)
{
    if (!job->request.current || job->request.anew)
        return true;
    if (job->request.policy->zonemd && !zonemd_served(job, apex->content))
        return true;
    soa_build(job, apex->content, version_facts(job->request.current)->signed_serial);
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
    zonemd_build(job, apex->content, rdata);
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
    job->common.unsigned_yet = zonemd ? &job->zonemd : NULL;
    soa_build(job, apex->content, job->signed_serial);
    job->must_verify = memory_zalloc(job->plan.items.count);
    bool made = sign_node(&job->hands[0], &job->common, apex, true);
    if (made) {
        diff_put(job, apex);
        diff_fill(job);
    }
    if (made && zonemd) {
        if (!zonemd_digest(job, apex))
            return damage_fault(job, fault);
        made = sign_node_finish(&job->hands[0], &job->common, apex, &job->zonemd);
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
    sign_plan_init(&job->plan, plan_nsec3(request));
    return sign_plan_whole(&job->content, job->contexts[0], request->pool, &job->plan, fault);
}

static void
common_fill(struct sign_job *job)
{
    static const uint8_t no_digest[ZONEMD_RDATA_SIZE] = {0};
    const struct sign_request *request = &job->request;
    const struct node *apex = plan_item_at(job, 0)->content;
    job->common = (struct sign_common){.apex = job->content.apex,
                                       .soa = &job->soa,
                                       .added = {&job->dnskey},
                                       .added_count = 1,
                                       .nsec3 = plan_nsec3(request),
                                       .links = job->plan.links.items,
                                       .items = job->plan.items.items,
                                       .nsec_ttl = nsec_ttl(apex),
                                       .force = request->force,
                                       .now = request->now};
    if (request->policy->nsec3) {
        nsec3param_build(job);
        job->common.added[job->common.added_count++] = &job->nsec3param;
    }
    if (request->policy->zonemd) {
        zonemd_build(job, apex, no_digest);
        job->common.added[job->common.added_count++] = &job->zonemd;
    }
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
    *ret_result = &job->result;
    return true;
}
