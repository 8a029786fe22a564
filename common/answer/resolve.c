// One pass through the algorithm of RFC 1034 section 4.3.2 is a *step*: choose the zone, look the
// name up, and either end or follow a CNAME or DNAME to the next name. The answer section is
// written as the steps go; what belongs to the authority section (the proofs that a wildcard was
// rightly used, a referral, an SOA with its denial) is gathered and written behind it, addresses
// last.
//
// Only the first step decides on REFUSED and SERVFAIL: a chain that leaves the zones which can be
// answered from simply ends, and the resolver goes on from there. The RCODE is that of the last
// name (RFC 6604 section 2.1).
#include "common/answer/resolve.h"

#include "common/answer/additional.h"
#include "common/answer/denial.h"
#include "common/answer/referral.h"
#include "common/base/fault.h"
#include "common/dns/rdata.h"
#include "common/dns/rrtype.h"
#include "common/zone/find.h"

#define SOA_SIZE_MIN 22 // two names, five numbers of four octets

enum step { STEP_END, STEP_FOLLOW };

struct resolve {
    const struct answer_service *service;
    const struct answer_client *client;
    struct reply *reply;
    struct answer_outcome *outcome;
    uint16_t type;
    unsigned rcode;
    bool proofs;   // the client wants DNSSEC records
    bool negative; // SOA and the denial of the last zone
    const struct answer_zone *zone;
    const struct version *version;   // of zone
    const struct query_ahead *ahead; // what is known of name in zone already; NULL: nothing
    const uint8_t *name;             // of this step
    struct name_suffixes suffixes;
    struct zone_match match;
    struct denial denial;
    struct additional courtesy, glue;
    unsigned step_count;
    const uint8_t *seen[ANSWER_CHAIN_MAX + 1];
    uint8_t made[ANSWER_CHAIN_MAX + 1][NAME_SIZE_MAX]; // targets that a DNAME gave
};

static unsigned
resolve_fail(struct resolve *resolve)
{
    resolve->rcode = RCODE_SERVFAIL;
    resolve->reply->edns.ede = EDE_OTHER;
    return RCODE_SERVFAIL;
}

// A record that the answer needs failed its checksum. Whether the name is there, or the type, is
// then not known: neither NXDOMAIN nor NODATA may be said.
static void
resolve_damaged(struct resolve *resolve)
{
    resolve_fail(resolve);
    resolve->reply->edns.ede = EDE_INVALID_DATA;
}

void
resolve_expire_add(struct reply *reply, const struct answer_client *client,
                   const struct answer_zone *zone)
{
    if (!reply->query->edns.expire)
        return;
    reply->edns.has_expire = true;
    reply->edns.expire = answer_expire(zone, client->now);
}

// The zone that the name belongs to. A DS belongs to the parent of its owner (RFC 4035
// section 3.1.4.1), which is asked where it is here.
static const struct answer_zone *
zone_choose(const struct resolve *resolve, bool parent_side)
{
    const struct zone_set *zones = resolve->service->zones;
    const struct answer_zone *zone = NULL;
    unsigned labels = name_labels(resolve->name);
    if (parent_side && labels > 0)
        zone = zone_set_closest(zones, resolve->name, labels - 1);
    return zone ? zone : zone_set_closest(zones, resolve->name, labels);
}

static void
version_search(struct resolve *resolve)
{
    const struct query *query = resolve->reply->query;
    const struct version *version = resolve->zone->version;
    bool known = resolve->step_count == 1 && resolve->zone == query->ahead.zone;
    const struct query_ahead *ahead = resolve->ahead = known ? &query->ahead : NULL;
    resolve->version = version;
    resolve->denial.ahead = ahead;
    resolve->denial.ahead_name = resolve->name;
    if (known && ahead->beside) {
        zone_find_beside(version, resolve->name, ahead->hash, ahead->parent_hash,
                         &resolve->suffixes, &resolve->match);
        return;
    }
    uint64_t hash = known ? ahead->hash : name_hash_lower(resolve->name, version_hash_key(version));
    zone_find_hashed(version, resolve->name, hash, &resolve->suffixes, &resolve->match);
}

// At the cut itself the parent answers for the DS (and for nothing else).
static bool
ds_at_cut(const struct resolve *resolve)
{
    const struct zone_match *match = &resolve->match;
    return resolve->type == RRTYPE_DS && match->cut && !match->cut_is_dname && match->node &&
           name_equal(node_owner(match->cut), resolve->name);
}

// A DS question for the apex of a zone here whose true parent is not here, only a more distant
// ancestor, which would refer elsewhere: the child says NODATA (RFC 4035 section 3.1.4.1).
static void
ds_to_child(struct resolve *resolve)
{
    int ede;
    if (!resolve->match.cut || resolve->match.cut_is_dname || ds_at_cut(resolve))
        return;
    const struct answer_zone *child = zone_choose(resolve, false);
    if (child == resolve->zone ||
        answer_zone_judge(resolve->service, resolve->client, child, &ede) != RCODE_NOERROR ||
        !name_equal(version_apex(child->version), resolve->name))
        return;
    resolve->zone = child;
    version_search(resolve);
}

// False: there is nothing to answer from; the RCODE is set when it is the question itself.
static bool
zone_enter(struct resolve *resolve)
{
    int ede;
    const struct answer_zone *zone =
        resolve->step_count == 1 ? resolve->reply->query->ahead.zone : NULL; // looked up ahead
    if (!zone)
        zone = zone_choose(resolve, resolve->type == RRTYPE_DS);
    unsigned rcode = answer_zone_judge(resolve->service, resolve->client, zone, &ede);
    if (resolve->step_count == 1) {
        resolve->outcome->zone = zone;
        resolve->reply->edns.ede = ede;
        resolve->rcode = rcode;
    }
    if (rcode != RCODE_NOERROR)
        return false;
    resolve->zone = zone;
    version_search(resolve);
    if (resolve->type == RRTYPE_DS)
        ds_to_child(resolve);
    return true;
}

static size_t
answer_add(struct resolve *resolve, const struct rrset *rrset, bool optional)
{
    size_t offset;
    struct reply_rrset add = {.section = MESSAGE_ANSWER,
                              .owner = resolve->name,
                              .rrset = rrset,
                              .signatures = true,
                              .optional = optional};
    reply_add(resolve->reply, &add, &offset);
    return offset;
}

// Goes on with another name, unless that was asked already or the chain is too long.
static enum step
name_follow(struct resolve *resolve, const uint8_t *target)
{
    for (unsigned i = 0; i < resolve->step_count; i++)
        if (name_equal(resolve->seen[i], target))
            return STEP_END;
    if (resolve->step_count > ANSWER_CHAIN_MAX || resolve->reply->truncated)
        return STEP_END;
    resolve->name = target;
    return STEP_FOLLOW;
}

static enum step
cname_follow(struct resolve *resolve, const struct rrset *cname)
{
    uint32_t position = 0;
    struct rr rr;
    size_t offset = answer_add(resolve, cname, false);
    if (!rrset_next(cname->wire, cname->wire_length, &position, &rr))
        return STEP_END;
    const uint8_t *target = rdata_target(RRTYPE_CNAME, rr.rdata, rr.rdlength);
    if (!target)
        return STEP_END;
    if (offset > 0)
        reply_anchor(resolve->reply, target, offset + (size_t)(target - cname->wire));
    return name_follow(resolve, target);
}

// The question's own name is one of any number that are answered alike; further on in a chain it is
// the chain's beginning that tells answers apart.
static void
synthesised_tell(struct resolve *resolve)
{
    if (resolve->step_count == 1)
        resolve->outcome->synthesised = true;
}

// RFC 6672 section 3.2 step 3c.
static enum step
dname_follow(struct resolve *resolve)
{
    const uint8_t *owner = node_owner(resolve->match.cut);
    uint8_t *target = resolve->made[resolve->step_count - 1];
    struct rrset dname;
    struct rr rr;
    uint32_t position = 0;
    if (!node_rrset_find(resolve->match.cut, RRTYPE_DNAME, &dname) ||
        !rrset_next(dname.wire, dname.wire_length, &position, &rr))
        return STEP_END;
    struct reply_rrset add = {
        .section = MESSAGE_ANSWER, .owner = owner, .rrset = &dname, .signatures = true};
    reply_add(resolve->reply, &add, NULL);
    synthesised_tell(resolve);
    if (!name_replace_suffix(resolve->name, owner, rr.rdata, target)) {
        resolve->rcode = RCODE_YXDOMAIN;
        return STEP_END;
    }
    reply_add_cname(resolve->reply, resolve->name, dname.ttl, target);
    if (resolve->type == RRTYPE_CNAME || resolve->type == RRTYPE_ANY)
        return STEP_END;
    return name_follow(resolve, target);
}

static bool
has_targets(uint16_t type)
{
    return type == RRTYPE_NS || type == RRTYPE_MX || type == RRTYPE_SRV || type == RRTYPE_SVCB ||
           type == RRTYPE_HTTPS;
}

static enum step
positive(struct resolve *resolve, const struct rrset *rrset)
{
    size_t offset = answer_add(resolve, rrset, false);
    if (has_targets(rrset->type))
        resolve->courtesy = (struct additional){
            .version = resolve->version, .rrset = *rrset, .owner = resolve->name, .offset = offset};
    return STEP_END;
}

// What an ANY or RRSIG question may see of the record's RRset number index; false: not this one.
static bool
several_at(const struct resolve *resolve, const struct node *node, unsigned index,
           struct rrset *ret_rrset)
{
    node_rrset_at(node, index, ret_rrset);
    if (ret_rrset->type == RRTYPE_NSEC3)
        return false;
    if (resolve->type == RRTYPE_ANY)
        return ret_rrset->type != RRTYPE_NSEC || resolve->proofs;
    if (ret_rrset->signature_count == 0)
        return false;
    *ret_rrset = (struct rrset){.type = RRTYPE_RRSIG,
                                .rr_count = ret_rrset->signature_count,
                                .ttl = ret_rrset->ttl,
                                .wire = ret_rrset->signatures,
                                .wire_length = ret_rrset->signatures_length};
    return true;
}

static uint32_t
rrset_octets(const struct rrset *rrset)
{
    return rrset->wire_length + rrset->signatures_length;
}

// ANY and RRSIG: over UDP the smallest RRset stands for all (RFC 8482 section 4.1), over TCP all
// that fit. Gives how many there were.
static unsigned
several_add(struct resolve *resolve, const struct node *node)
{
    struct rrset rrset, smallest = {0};
    unsigned count = 0;
    for (unsigned i = 0; i < node_rrset_count(node); i++) {
        if (!several_at(resolve, node, i, &rrset))
            continue;
        if (resolve->client->tcp)
            answer_add(resolve, &rrset, count > 0);
        else if (count == 0 || rrset_octets(&rrset) < rrset_octets(&smallest))
            smallest = rrset;
        count++;
    }
    if (count > 0 && !resolve->client->tcp)
        answer_add(resolve, &smallest, false);
    return count;
}

// True when the record has something for the type; *ret_step says how it goes on.
static bool
node_answer(struct resolve *resolve, const struct node *node, enum step *ret_step)
{
    struct rrset rrset;
    *ret_step = STEP_END;
    if (resolve->type == RRTYPE_ANY || resolve->type == RRTYPE_RRSIG)
        return several_add(resolve, node) > 0;
    // An NSEC3 beside other data stands there for another name (RFC 5155 section 7.2.8).
    if (resolve->type != RRTYPE_NSEC3 && node_rrset_find(node, resolve->type, &rrset)) {
        *ret_step = positive(resolve, &rrset);
        return true;
    }
    if (!node_rrset_find(node, RRTYPE_CNAME, &rrset))
        return false;
    *ret_step = cname_follow(resolve, &rrset);
    return true;
}

// A denial was asked for; where it cannot be had there is no answer.
static void
denial_check(struct resolve *resolve, bool proven)
{
    if (!proven)
        resolve_fail(resolve);
}

static bool
denial_wanted(const struct resolve *resolve)
{
    return resolve->proofs && version_facts(resolve->version)->is_signed;
}

static enum step
name_exists(struct resolve *resolve)
{
    enum step step;
    if (node_answer(resolve, resolve->match.node, &step))
        return step;
    resolve->negative = true;
    if (denial_wanted(resolve))
        denial_check(resolve,
                     denial_no_data(resolve->version, resolve->match.node, &resolve->denial));
    return STEP_END;
}

static enum step
name_missing(struct resolve *resolve)
{
    resolve->negative = true;
    resolve->rcode = RCODE_NXDOMAIN;
    if (denial_wanted(resolve))
        denial_check(resolve, denial_name_error(resolve->version, resolve->name,
                                                resolve->match.encloser, &resolve->denial));
    return STEP_END;
}

// RFC 4592 section 3.3: the wildcard's data with the owner that was asked for. The proof must use
// this step's name.
static enum step
name_synthesised(struct resolve *resolve, const struct node *wildcard)
{
    enum step step;
    const uint8_t *name = resolve->name;
    bool proofs = denial_wanted(resolve), proven = true;
    synthesised_tell(resolve);
    if (node_answer(resolve, wildcard, &step)) {
        if (proofs)
            proven = denial_wildcard_answer(
                resolve->version, name, name_labels(node_owner(wildcard)) - 1, &resolve->denial);
        denial_check(resolve, proven);
        return proven ? step : STEP_END;
    }
    resolve->negative = true;
    if (proofs)
        proven = denial_wildcard_no_data(resolve->version, name, resolve->match.encloser, wildcard,
                                         &resolve->denial);
    denial_check(resolve, proven);
    return STEP_END;
}

static enum step
referral_make(struct resolve *resolve)
{
    if (resolve->step_count == 1)
        resolve->reply->flags &= (uint16_t)~MESSAGE_AA;
    resolve->outcome->kind = ANSWER_REFERRAL;
    denial_check(resolve, referral_add(resolve->reply, resolve->version, resolve->match.cut,
                                       &resolve->denial, &resolve->glue));
    return STEP_END;
}

static const struct node *
wildcard_find(const struct resolve *resolve, bool *ret_damaged)
{
    const struct zone_match *match = &resolve->match;
    const struct query_ahead *ahead = resolve->ahead;
    if (ahead && ahead->beside && match->encloser_labels + 1 == resolve->reply->query->labels)
        return zone_find_wildcard_hashed(resolve->version, match->encloser, ahead->wildcard_hash,
                                         ret_damaged);
    return zone_find_wildcard(resolve->version, match->encloser, ret_damaged);
}

static enum step
step_once(struct resolve *resolve)
{
    const struct zone_match *match = &resolve->match;
    bool damaged = match->damaged;
    if (match->cut && !ds_at_cut(resolve))
        return match->cut_is_dname ? dname_follow(resolve) : referral_make(resolve);
    if (match->node)
        return name_exists(resolve);
    const struct node *wildcard = NULL;
    if (!damaged)
        wildcard = wildcard_find(resolve, &damaged);
    if (damaged) {
        resolve_damaged(resolve);
        return STEP_END;
    }
    return wildcard ? name_synthesised(resolve, wildcard) : name_missing(resolve);
}

// The SOA of a negative answer, with the TTL for which it may be believed (RFC 2308 section 3).
static void
soa_add(struct resolve *resolve)
{
    const struct node *apex = version_apex_node(resolve->version);
    struct rrset rrset;
    struct rr rr;
    uint32_t position = 0;
    if (!node_rrset_find(apex, RRTYPE_SOA, &rrset) ||
        !rrset_next(rrset.wire, rrset.wire_length, &position, &rr) || rr.rdlength < SOA_SIZE_MIN) {
        resolve_fail(resolve);
        return;
    }
    struct reply_rrset add = {.section = MESSAGE_AUTHORITY,
                              .owner = version_apex(resolve->version),
                              .rrset = &rrset,
                              .signatures = true,
                              .has_ttl = true,
                              .ttl = octets_get_u32(rr.rdata + rr.rdlength - 4)}; // MINIMUM
    reply_add(resolve->reply, &add, NULL);
}

static void
proofs_add(struct resolve *resolve)
{
    for (unsigned i = 0; i < resolve->denial.count; i++) {
        const struct denial_proof *proof = resolve->denial.proof + i;
        struct rrset rrset;
        struct reply_rrset add = {.section = MESSAGE_AUTHORITY,
                                  .owner = node_owner(proof->node),
                                  .rrset = &rrset,
                                  .signatures = true};
        if (node_rrset_find(proof->node, proof->type, &rrset))
            reply_add(resolve->reply, &add, NULL);
    }
}

static void
sections_finish(struct resolve *resolve)
{
    if (resolve->negative)
        soa_add(resolve);
    proofs_add(resolve);
    if (resolve->glue.version &&
        !additional_add_glue(resolve->reply, &resolve->glue, resolve->glue.owner))
        resolve_damaged(resolve);
    if (resolve->courtesy.version)
        additional_add(resolve->reply, &resolve->courtesy);
}

static void
outcome_fill(struct resolve *resolve)
{
    struct answer_outcome *outcome = resolve->outcome;
    if (resolve->rcode == RCODE_NXDOMAIN)
        outcome->kind = ANSWER_NXDOMAIN;
    else if (resolve->rcode != RCODE_NOERROR && resolve->rcode != RCODE_YXDOMAIN)
        outcome->kind = ANSWER_ERROR;
    else if (resolve->negative)
        outcome->kind = ANSWER_NODATA;
    else if (outcome->kind != ANSWER_REFERRAL)
        outcome->kind = ANSWER_POSITIVE;
}

// made and the tables of suffixes are not cleared: each is written before it is read.
static void
resolve_init(struct resolve *resolve, const struct answer_service *service,
             const struct answer_client *client, struct reply *reply,
             struct answer_outcome *outcome)
{
    resolve->service = service;
    resolve->client = client;
    resolve->reply = reply;
    resolve->outcome = outcome;
    resolve->type = reply->query->type;
    resolve->rcode = RCODE_NOERROR;
    resolve->proofs = reply->dnssec_ok;
    resolve->negative = false;
    resolve->name = reply->query->lower;
    resolve->denial.memo = service->memo;
    resolve->denial.count = 0;
    resolve->courtesy.version = resolve->glue.version = NULL;
    resolve->step_count = 0;
}

// EXPIRE goes with the SOA of the zone that was asked for (RFC 7314 section 2), not with a denial
// of one.
static bool
soa_answered(const struct resolve *resolve)
{
    return resolve->type == RRTYPE_SOA && resolve->rcode == RCODE_NOERROR &&
           resolve->step_count == 1 && resolve->outcome->kind == ANSWER_POSITIVE;
}

unsigned
resolve_question(const struct answer_service *service, const struct answer_client *client,
                 struct reply *reply, struct answer_outcome *outcome)
{
    struct resolve resolve;
    enum step step;
    resolve_init(&resolve, service, client, reply, outcome);
    do {
        resolve.seen[resolve.step_count++] = resolve.name;
        if (!zone_enter(&resolve))
            break;
        if (resolve.step_count == 1)
            reply->flags |= MESSAGE_AA;
        step = step_once(&resolve);
    } while (step == STEP_FOLLOW);
    if (resolve.rcode != RCODE_SERVFAIL && resolve.rcode != RCODE_REFUSED)
        sections_finish(&resolve);
    outcome_fill(&resolve);
    if (soa_answered(&resolve))
        resolve_expire_add(reply, client, outcome->zone);
    return resolve.rcode;
}
