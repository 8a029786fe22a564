#include "tests/support/zone_model.h"

#include "common/base/fault.h"
#include "common/dns/rrtype.h"
#include "common/zone/fetch.h"
#include "common/zone/find.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition, name) ((condition) ? (void)0 : check_failed(#condition, __LINE__, name))

_Noreturn static void
check_failed(const char *condition, int line, const uint8_t *name)
{
    char text[NAME_TEXT_MAX];
    fprintf(stderr, "model: %s (line %d) does not hold for %s\n", condition, line,
            name ? name_to_text(name, text) : "-");
    abort();
}

uint32_t
random_below(struct random *random, uint32_t limit)
{
    random->state = random->state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)((random->state >> 33) % limit);
}

static struct model_rr *
model_at(const struct model *model, size_t place)
{
    return vector_at(&model->rrs, place);
}

const uint8_t *
model_wire(const char *text)
{
    static uint8_t names[8][NAME_SIZE_MAX];
    static unsigned next;
    uint8_t *name = names[next++ % 8];
    ENSURE(name_from_text(text, (const uint8_t *)"\7example\3gov", name, NULL));
    return name;
}

void
model_init(struct model *model, const char *apex)
{
    static const uint8_t soa[22] = {0, 0, 0, 0, 0, 1, 0, 0, 14, 16, 0, 0, 3, 132, 0, 9, 58, 128};
    static const uint8_t ns[1] = {0};
    vector_init(&model->rrs, sizeof(struct model_rr));
    if (!name_from_text(apex, NULL, model->apex, NULL))
        abort();
    model_put(model, model->apex, RRTYPE_SOA, 3600, soa, sizeof soa);
    model_put(model, model->apex, RRTYPE_NS, 3600, ns, sizeof ns);
}

void
model_close(struct model *model)
{
    vector_close(&model->rrs);
}

void
model_copy(struct model *to, const struct model *from)
{
    name_copy(to->apex, from->apex);
    to->nsec3 = from->nsec3;
    vector_init(&to->rrs, sizeof(struct model_rr));
    for (size_t i = 0; i < from->rrs.count; i++)
        vector_add(&to->rrs, model_at(from, i));
}

void
model_put(struct model *model, const uint8_t *owner, uint16_t type, uint32_t ttl,
          const uint8_t *rdata, uint16_t rdlength)
{
    struct model_rr rr = {.type = type, .ttl = ttl, .rdlength = rdlength};
    bool known = false;
    name_copy(rr.owner, owner);
    memcpy(rr.rdata, rdata, rdlength);
    for (size_t i = 0; i < model->rrs.count; i++) {
        struct model_rr *other = model_at(model, i);
        if (!name_equal(other->owner, owner) || other->type != type)
            continue;
        if (type != RRTYPE_RRSIG)
            other->ttl = ttl; // one TTL for an RRset
        known =
            known || (other->rdlength == rdlength && memcmp(other->rdata, rdata, rdlength) == 0);
    }
    if (!known)
        vector_add(&model->rrs, &rr);
}

void
model_remove(struct model *model, const uint8_t *owner, uint16_t type)
{
    size_t kept = 0;
    for (size_t i = 0; i < model->rrs.count; i++) {
        struct model_rr *rr = model_at(model, i);
        bool goes = name_equal(rr->owner, owner) && (type == 0 || rr->type == type);
        if (!goes)
            *model_at(model, kept++) = *rr;
    }
    model->rrs.count = kept;
}

void
model_set_serial(struct model *model, uint32_t serial)
{
    for (size_t i = 0; i < model->rrs.count; i++)
        if (model_at(model, i)->type == RRTYPE_SOA)
            octets_put_u32(model_at(model, i)->rdata + 2, serial);
}

// Few, so that chains get more than one record.
static void
random_parameters(struct random *random, struct nsec3_parameters *ret_parameters)
{
    unsigned which = random_below(random, 8);
    *ret_parameters = (struct nsec3_parameters){.algorithm = NSEC3_SHA1};
    if (which == 1)
        ret_parameters->iterations = 2;
    if (which == 2 || which == 3)
        ret_parameters->salt_length = ret_parameters->salt[0] = (uint8_t)(which - 1);
}

static void
random_hashed_name(const struct model *model, struct random *random, uint8_t *ret_name)
{
    static const char *const labels[] = {"\1a", "\1b", "\1*", "\2aa"};
    struct nsec3_parameters parameters;
    uint8_t hash[NSEC3_HASH_SIZE], name[NAME_SIZE_MAX];
    const char *label = labels[random_below(random, 4)];
    size_t length = random_below(random, 3) ? strlen(label) : 0; // 0: the apex itself
    memcpy(name, label, length);
    name_copy(name + length, model->apex);
    random_parameters(random, &parameters);
    nsec3_hash(&parameters, name, hash);
    if (!nsec3_owner(hash, model->apex, ret_name))
        abort();
}

void
model_random_name(const struct model *model, struct random *random, unsigned depth,
                  uint8_t ret_name[static NAME_SIZE_MAX])
{
    static const char *const labels[] = {"a", "b", "c", "*", "aa", "x-long-label-to-pass-samples"};
    uint8_t name[NAME_SIZE_MAX];
    name_copy(name, model->apex);
    if (model->nsec3 && depth && random_below(random, 3) == 0) {
        random_hashed_name(model, random, name);
        depth = random_below(random, 3) == 0; // mostly the hashed name itself
    }
    for (unsigned count = random_below(random, depth + 1); count; count--) {
        uint8_t longer[NAME_SIZE_MAX + 64];
        const char *label = labels[random_below(random, 6)];
        size_t length = strlen(label);
        longer[0] = (uint8_t)length;
        memcpy(longer + 1, label, length);
        size_t total = name_copy(longer + 1 + length, name) + 1 + length;
        if (total > NAME_SIZE_MAX)
            break;
        memcpy(name, longer, total);
    }
    name_copy(ret_name, name);
}

// Signatures without what they sign are no content.
static void
orphans_remove(struct model *model, const uint8_t *name)
{
    size_t kept = 0;
    for (size_t i = 0; i < model->rrs.count; i++) {
        struct model_rr *rr = model_at(model, i);
        bool orphan = rr->type == RRTYPE_RRSIG && name_equal(rr->owner, name);
        for (size_t k = 0; k < model->rrs.count && orphan; k++)
            orphan = !name_equal(model_at(model, k)->owner, name) ||
                     model_at(model, k)->type != octets_get_u16(rr->rdata);
        if (!orphan)
            *model_at(model, kept++) = *rr;
    }
    model->rrs.count = kept;
}

static void
put_signed(struct model *model, struct random *random, const uint8_t *name, uint16_t type,
           const uint8_t *rdata, uint16_t rdlength)
{
    uint8_t signature[20] = {0};
    model_put(model, name, type, 60 + random_below(random, 3), rdata, rdlength);
    octets_put_u16(signature, type);
    signature[3] = (uint8_t)random_below(random, 2);
    if (random_below(random, 2))
        model_put(model, name, RRTYPE_RRSIG, 60, signature, sizeof signature);
}

// A record of a chain, mostly at the hashed name of these parameters.
static void
random_put_nsec3(struct model *model, struct random *random, const uint8_t *name)
{
    struct nsec3_parameters parameters;
    uint8_t rdata[64], hash[NSEC3_HASH_SIZE], owner[NAME_SIZE_MAX];
    random_parameters(random, &parameters);
    size_t length = nsec3_parameters_write(&parameters, rdata);
    rdata[1] = random_below(random, 3) == 0;
    rdata[length++] = NSEC3_HASH_SIZE;
    memset(rdata + length, (int)random_below(random, 3), NSEC3_HASH_SIZE);
    length += NSEC3_HASH_SIZE;
    if (random_below(random, 8) == 0)
        length--; // malformed
    nsec3_hash(&parameters, name, hash);
    if (!nsec3_owner(hash, model->apex, owner))
        abort();
    bool stray = random_below(random, 4) == 0;
    put_signed(model, random, stray ? name : owner, RRTYPE_NSEC3, rdata, (uint16_t)length);
}

// Parameters come and go; an NSEC at the apex says that they do not hold yet.
static void
random_put_parameters(struct model *model, struct random *random)
{
    struct nsec3_parameters parameters;
    uint8_t rdata[64];
    random_parameters(random, &parameters);
    if (random_below(random, 8) == 0)
        parameters.algorithm = 2;
    if (random_below(random, 16) == 0)
        parameters.iterations = 5000;
    size_t length = nsec3_parameters_write(&parameters, rdata);
    rdata[1] = random_below(random, 8) == 0;
    if (random_below(random, 2))
        model_remove(model, model->apex, RRTYPE_NSEC3PARAM);
    if (random_below(random, 3))
        model_remove(model, model->apex, RRTYPE_NSEC);
    orphans_remove(model, model->apex);
    put_signed(model, random, model->apex, RRTYPE_NSEC3PARAM, rdata, (uint16_t)length);
}

static void
random_put(struct model *model, struct random *random, const uint8_t *name)
{
    static const uint16_t types[] = {RRTYPE_A,    RRTYPE_A,     RRTYPE_TXT,  RRTYPE_NS,
                                     RRTYPE_NSEC, RRTYPE_DNAME, RRTYPE_NSEC, RRTYPE_AAAA};
    uint16_t type = types[random_below(random, 8)];
    uint8_t rdata[24] = {0};
    rdata[3] = (uint8_t)random_below(random, 4);
    model_put(model, name, type, 60 + random_below(random, 3), rdata, 4);
    if (random_below(random, 2)) {
        octets_put_u16(rdata, type);
        model_put(model, name, RRTYPE_RRSIG, 60, rdata, 20);
    }
}

void
model_random_edit(struct model *model, struct random *random)
{
    uint8_t name[NAME_SIZE_MAX];
    bool pick = model->rrs.count && random_below(random, 3) == 0;
    if (pick)
        name_copy(name, model_at(model, random_below(random, (uint32_t)model->rrs.count))->owner);
    else
        model_random_name(model, random, 4, name);
    bool apex = name_equal(name, model->apex);
    if (model->nsec3 && random_below(random, 16) == 0) {
        random_put_parameters(model, random);
        return;
    }
    if (model->nsec3 && random_below(random, 3) == 0) {
        random_put_nsec3(model, random, name);
        return;
    }
    switch (random_below(random, 5)) {
    case 0:
        if (!apex)
            model_remove(model, name, 0);
        break;
    case 1:
        if (pick && !apex) {
            model_remove(model, name,
                         model_at(model, random_below(random, (uint32_t)model->rrs.count))->type);
            orphans_remove(model, name);
        }
        break;
    default:
        random_put(model, random, name);
    }
}

struct draft *
model_draft(const struct model *model)
{
    struct draft *draft = draft_new(model->apex);
    struct fault fault;
    for (size_t i = 0; i < model->rrs.count; i++) {
        const struct model_rr *rr = model_at(model, i);
        if (!draft_add(draft, rr->owner, rr->type, rr->ttl, rr->rdata, rr->rdlength, &fault))
            abort();
    }
    if (!draft_seal(draft, NULL, &fault))
        abort();
    return draft;
}

bool
model_has_data(const struct model *model, const uint8_t *name)
{
    for (size_t i = 0; i < model->rrs.count; i++)
        if (name_equal(model_at(model, i)->owner, name))
            return true;
    return false;
}

// Anything at it or below it.
static bool
model_has_record(const struct model *model, const uint8_t *name)
{
    for (size_t i = 0; i < model->rrs.count; i++)
        if (name_is_at_or_below(model_at(model, i)->owner, name))
            return true;
    return name_equal(name, model->apex);
}

bool
model_exists(const struct model *model, const uint8_t *name)
{
    for (size_t i = 0; i < model->rrs.count; i++) {
        const struct model_rr *rr = model_at(model, i);
        uint16_t type = rr->type == RRTYPE_RRSIG ? octets_get_u16(rr->rdata) : rr->type;
        bool at = name_equal(rr->owner, name);
        if (at ? type != RRTYPE_NSEC3 : name_is_at_or_below(rr->owner, name))
            return true;
    }
    return name_equal(name, model->apex);
}

static bool
model_has(const struct model *model, const uint8_t *name, uint16_t type)
{
    for (size_t i = 0; i < model->rrs.count; i++)
        if (model_at(model, i)->type == type && name_equal(model_at(model, i)->owner, name))
            return true;
    return false;
}

// Every RR of a run is the model's, with its TTL; gives how many.
static size_t
run_is_model(const struct model *model, const struct node *node, const uint8_t *run,
             uint32_t length, uint16_t type)
{
    uint32_t position = 0;
    size_t count = 0;
    struct rr rr;
    for (; rrset_next(run, length, &position, &rr); count++) {
        bool found = false;
        for (size_t i = 0; i < model->rrs.count && !found; i++) {
            const struct model_rr *other = model_at(model, i);
            found = name_equal(other->owner, node_owner(node)) && other->type == type &&
                    rr.type == type && other->ttl == rr.ttl && other->rdlength == rr.rdlength &&
                    memcmp(other->rdata, rr.rdata, rr.rdlength) == 0;
        }
        if (!found)
            return SIZE_MAX;
    }
    return position == length ? count : SIZE_MAX;
}

// SIZE_MAX: it is not the model's.
static size_t
node_is_model(const struct model *model, const struct node *node)
{
    size_t count = 0;
    for (unsigned i = 0; i < node_rrset_count(node); i++) {
        struct rrset rrset;
        node_rrset_at(node, i, &rrset);
        size_t rrs = run_is_model(model, node, rrset.wire, rrset.wire_length, rrset.type);
        size_t signatures =
            run_is_model(model, node, rrset.signatures, rrset.signatures_length, RRTYPE_RRSIG);
        if (rrs != rrset.rr_count || signatures != rrset.signature_count)
            return SIZE_MAX;
        count += rrs + signatures;
    }
    if (count == 0 && !model_has_record(model, node_owner(node)))
        return SIZE_MAX;
    return count;
}

bool
model_is_version(const struct model *model, const struct version *version)
{
    struct version_cursor cursor;
    const struct node *node, *last = NULL;
    size_t count = 0;
    version_cursor_first(&cursor, version);
    for (; (node = version_cursor_next(&cursor)); last = node) {
        size_t own = node_is_model(model, node);
        if (own == SIZE_MAX || (last && name_compare(node_owner(last), node_owner(node)) >= 0))
            return false;
        count += own;
    }
    return !cursor.damaged && count == model->rrs.count;
}

// The topmost cut at or above, or DNAME above; NULL: none.
static const uint8_t *
model_cut(const struct model *model, const uint8_t *name, bool *ret_dname)
{
    unsigned labels = name_labels(name);
    for (unsigned depth = name_labels(model->apex); depth <= labels; depth++) {
        const uint8_t *ancestor = name_skip(name, labels - depth);
        bool apex = name_equal(ancestor, model->apex);
        *ret_dname = false;
        if (!apex && model_has(model, ancestor, RRTYPE_NS))
            return ancestor;
        *ret_dname = true;
        if (model_has(model, ancestor, RRTYPE_DNAME))
            return depth < labels ? ancestor : NULL; // nothing above it, or it would be the topmost
    }
    return NULL;
}

static int
rdata_order(const struct model_rr *a, const struct model_rr *b)
{
    size_t shorter = a->rdlength < b->rdlength ? a->rdlength : b->rdlength;
    int order = memcmp(a->rdata, b->rdata, shorter);
    return order ? order : (int)a->rdlength - (int)b->rdlength;
}

// The NSEC3 with these parameters at name that comes first; NULL: none.
static const struct model_rr *
model_nsec3_at(const struct model *model, const uint8_t *name,
               const struct nsec3_parameters *parameters)
{
    const struct model_rr *best = NULL;
    for (size_t i = 0; i < model->rrs.count; i++) {
        const struct model_rr *rr = model_at(model, i);
        struct nsec3_rdata nsec3;
        if (rr->type == RRTYPE_NSEC3 && name_equal(rr->owner, name) &&
            nsec3_rdata_read(rr->rdata, rr->rdlength, &nsec3) &&
            nsec3_parameters_equal(&nsec3.parameters, parameters) &&
            (!best || rdata_order(rr, best) < 0))
            best = rr;
    }
    return best;
}

static bool
parameters_count(const struct model_rr *rr, struct nsec3_parameters *ret_parameters)
{
    return rr->type == RRTYPE_NSEC3PARAM &&
           nsec3_parameters_read(rr->rdata, rr->rdlength, ret_parameters) &&
           ret_parameters->algorithm == 1 && ret_parameters->flags == 0 &&
           ret_parameters->iterations <= 2500;
}

// The parameters whose NSEC3 deny: of those with a record for the apex the first, else the first.
// False: NSEC, or nothing, denies.
static bool
model_parameters(const struct model *model, struct nsec3_parameters *ret_parameters)
{
    const struct model_rr *best = NULL;
    bool best_whole = false;
    if (model_has(model, model->apex, RRTYPE_NSEC))
        return false;
    for (size_t i = 0; i < model->rrs.count; i++) {
        const struct model_rr *rr = model_at(model, i), *apex_rr;
        struct nsec3_parameters parameters;
        uint8_t hash[NSEC3_HASH_SIZE], owner[NAME_SIZE_MAX];
        if (!parameters_count(rr, &parameters))
            continue;
        nsec3_hash(&parameters, model->apex, hash);
        apex_rr = nsec3_owner(hash, model->apex, owner) ? model_nsec3_at(model, owner, &parameters)
                                                        : NULL;
        bool whole = apex_rr != NULL;
        if (best && (whole != best_whole ? best_whole : rdata_order(rr, best) > 0))
            continue;
        best = rr;
        best_whole = whole;
        *ret_parameters = parameters;
        ret_parameters->flags = whole ? apex_rr->rdata[1] & 1 : 0;
    }
    return best != NULL;
}

// The model's RR makes its owner one of the chain.
static bool
rr_denies(const struct model *model, const struct model_rr *rr,
          const struct nsec3_parameters *parameters)
{
    struct nsec3_rdata nsec3;
    uint8_t hash[NSEC3_HASH_SIZE];
    if (!parameters)
        return rr->type == RRTYPE_NSEC;
    return rr->type == RRTYPE_NSEC3 && nsec3_rdata_read(rr->rdata, rr->rdlength, &nsec3) &&
           nsec3_parameters_equal(&nsec3.parameters, parameters) &&
           nsec3_owner_hash(rr->owner, model->apex, hash);
}

// The last owner of the chain that is not after name (NULL: of all).
static const uint8_t *
model_nsec(const struct model *model, const uint8_t *name)
{
    struct nsec3_parameters parameters;
    bool nsec3 = model_parameters(model, &parameters);
    const uint8_t *best = NULL;
    for (size_t i = 0; i < model->rrs.count; i++) {
        const struct model_rr *rr = model_at(model, i);
        if (rr_denies(model, rr, nsec3 ? &parameters : NULL) &&
            (!name || name_compare(rr->owner, name) <= 0) &&
            (!best || name_compare(rr->owner, best) > 0))
            best = rr->owner;
    }
    return best;
}

static bool
node_is_at(const struct node *node, const uint8_t *name)
{
    return node && name ? name_equal(node_owner(node), name) : !node && !name;
}

// In steps as at once.
static const struct node *
find_nsec_in_steps(const struct version *version, const uint8_t *name)
{
    struct zone_near near;
    zone_near_find(version, name, &near);
    zone_near_fetch_slots(version, &near);
    zone_near_fetch_records(version, &near);
    return zone_find_nsec_near(version, name, &near);
}

static const struct node *
find_nsec3_in_steps(const struct version *version, const uint8_t *owner, bool *ret_matches)
{
    struct zone_near near;
    zone_near_find(version, owner, &near);
    return zone_find_nsec3_near(version, owner, &near, ret_matches);
}

// The ring of hashes, at the name's own hash and, where the name is a hashed one, at that.
static void
check_ring(const struct model *model, const struct version *version, const uint8_t *name)
{
    struct nsec3_parameters parameters;
    uint8_t hash[NSEC3_HASH_SIZE], owner[NAME_SIZE_MAX];
    bool nsec3 = model_parameters(model, &parameters), matches;
    CHECK(version_facts(version)->nsec3 == nsec3, name);
    CHECK((version_nsec3(version) != NULL) == nsec3, name);
    if (!nsec3)
        parameters = (struct nsec3_parameters){.algorithm = NSEC3_SHA1};
    if (!nsec3_owner_hash(name, model->apex, hash))
        nsec3_hash(&parameters, name, hash);
    const struct node *node = zone_find_nsec3(version, hash, &matches);
    bool damaged;
    CHECK(zone_find_nsec3_match(version, hash, &damaged) == (matches ? node : NULL), name);
    CHECK(!damaged, name);
    if (!nsec3) {
        CHECK(!node && !matches, name);
        return;
    }
    CHECK(nsec3_parameters_equal(version_nsec3(version), &parameters), name);
    CHECK(version_nsec3(version)->flags == parameters.flags, name);
    CHECK(nsec3_owner(hash, model->apex, owner), name);
    const uint8_t *expected = model_nsec(model, owner);
    CHECK(matches == (expected && name_equal(expected, owner)), name);
    CHECK(node_is_at(node, expected ? expected : model_nsec(model, NULL)), name);
    bool matches_in_steps;
    CHECK(find_nsec3_in_steps(version, owner, &matches_in_steps) == node, name);
    CHECK(matches_in_steps == matches, name);
}

static void
check_record(const struct model *model, const struct version *version, const uint8_t *name)
{
    bool damaged;
    const struct node *node = zone_find_record(version, name, &damaged);
    CHECK(!damaged, name);
    CHECK(node_is_at(node, model_has_record(model, name) ? name : NULL), name);
}

static void
check_match(const uint8_t *name, const struct zone_match *match, const struct zone_match *expected)
{
    CHECK(match->node == expected->node && match->encloser == expected->encloser, name);
    CHECK(match->encloser_labels == expected->encloser_labels, name);
    CHECK(match->cut == expected->cut && match->cut_is_dname == expected->cut_is_dname, name);
    CHECK(match->damaged == expected->damaged, name);
}

// One probe where that is enough, or two, and the suffixes where they are not.
static void
check_hashed(const struct version *version, const uint8_t *name,
             const struct name_suffixes *suffixes, const struct zone_match *expected)
{
    struct name_suffixes made = {.labels = NAME_LABELS_MAX};
    struct zone_match match;
    uint64_t hash = suffixes->hash[suffixes->labels];
    zone_fetch_slot(version, hash);
    zone_fetch_record(version, hash);
    zone_find_hashed(version, name, hash, &made, &match);
    check_match(name, &match, expected);
    CHECK((match.node && !match.cut) || made.labels == suffixes->labels, name);
    if (name_equal(name, version_apex(version)))
        return;
    zone_find_beside(version, name, hash, suffixes->hash[suffixes->labels - 1], &made, &match);
    check_match(name, &match, expected);
}

static void
check_lookup(const struct model *model, const struct version *version, const uint8_t *name)
{
    struct name_suffixes suffixes;
    struct zone_match match;
    uint8_t wildcard[NAME_SIZE_MAX];
    bool dname = false;
    name_suffixes_init(&suffixes, name, version_hash_key(version));
    zone_find(version, name, &suffixes, &match);
    CHECK(!match.damaged, name);
    check_hashed(version, name, &suffixes, &match);
    CHECK(node_is_at(match.node, model_exists(model, name) ? name : NULL), name);
    const uint8_t *encloser = name;
    while (!model_exists(model, encloser))
        encloser = name_skip(encloser, 1);
    CHECK(node_is_at(match.encloser, encloser), name);
    CHECK(match.encloser_labels == name_labels(encloser), name);
    const uint8_t *cut = model_cut(model, name, &dname);
    CHECK(node_is_at(match.cut, cut), name);
    CHECK(!cut || match.cut_is_dname == dname, name);
    CHECK(node_is_at(zone_find_exact(version, name), match.node ? name : NULL), name);
    CHECK(node_is_at(zone_find_nsec(version, name), model_nsec(model, name)), name);
    CHECK(find_nsec_in_steps(version, name) == zone_find_nsec(version, name), name);
    check_ring(model, version, name);
    check_record(model, version, name);
    if (!name_wildcard_of(encloser, wildcard))
        return;
    bool damaged;
    uint64_t hash = name_hash(wildcard, version_hash_key(version));
    const struct node *source = zone_find_wildcard(version, match.encloser, &damaged);
    CHECK(!damaged, name);
    CHECK(zone_find_wildcard_hashed(version, match.encloser, hash, &damaged) == source, name);
    CHECK(!damaged, name);
    CHECK(node_is_at(source, model_exists(model, wildcard) ? wildcard : NULL), name);
}

static void
check_seek(const struct model *model, const struct version *version, const uint8_t *name)
{
    struct version_cursor cursor;
    version_cursor_seek(&cursor, version, name);
    const struct node *node = version_cursor_next(&cursor);
    for (size_t i = 0; i < model->rrs.count; i++) { // no data between name and what was found
        const uint8_t *owner = model_at(model, i)->owner;
        CHECK(name_compare(owner, name) < 0 || (node && name_compare(node_owner(node), owner) <= 0),
              name);
    }
    CHECK(!node || name_compare(node_owner(node), name) >= 0, name);
}

static void
check_counts(const struct model *model, const struct version *version)
{
    const struct version_facts *facts = version_facts(version);
    struct version_cursor cursor;
    size_t nodes = 0, signatures = 0;
    version_cursor_first(&cursor, version);
    while (version_cursor_next(&cursor))
        nodes++;
    for (size_t i = 0; i < model->rrs.count; i++)
        signatures += model_at(model, i)->type == RRTYPE_RRSIG;
    CHECK(facts->node_count == nodes, NULL);
    CHECK(facts->signature_count == signatures, NULL);
    CHECK(facts->rr_count == model->rrs.count - signatures, NULL);
}

void
model_check_version(const struct model *model, const struct version *version, struct random *random,
                    unsigned queries)
{
    CHECK(model_is_version(model, version), NULL);
    check_counts(model, version);
    for (size_t i = 0; i < model->rrs.count; i++) {
        const uint8_t *owner = model_at(model, i)->owner;
        for (; name_labels(owner) >= name_labels(model->apex); owner = name_skip(owner, 1)) {
            check_lookup(model, version, owner);
            if (name_labels(owner) == 0)
                break;
        }
    }
    for (; queries; queries--) {
        uint8_t name[NAME_SIZE_MAX];
        model_random_name(model, random, 5, name);
        check_lookup(model, version, name);
        check_seek(model, version, name);
    }
}
