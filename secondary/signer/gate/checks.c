// Order of judging, and why: first what makes it no zone at all (nobody may publish that), then
// what is mended silently (records of a signer, TTLs over the cap), then what an operator may have
// meant but is more often an accident (a limit, most of the zone gone, the apex without addresses,
// doubled names). The first hold reason found is told; the counts are always filled, so that status
// and mail can show how much would change.
#include "secondary/signer/gate/checks.h"

#include <stdio.h>
#include <string.h>

#include "common/dns/rrtype.h"
#include "common/zone/check.h"
#include "secondary/signer/gate/change_targets.h"
#include "secondary/signer/gate/checks_inside.h"
#include "secondary/signer/gate/doubled.h"

#define MAX_TTL_DEFAULT     (5U * 86400)
#define MAX_SIZE_DEFAULT    (256ULL << 20)
#define MAX_REMOVED_DEFAULT 30

void
gate_limits_default(struct gate_limits *ret_limits)
{
    *ret_limits = (struct gate_limits){.max_removed_percent = MAX_REMOVED_DEFAULT,
                                       .max_size_octets = MAX_SIZE_DEFAULT,
                                       .max_ttl_seconds = MAX_TTL_DEFAULT};
}

void
gate_verdict_init(struct gate_verdict *verdict)
{
    *verdict = (struct gate_verdict){.reason = ""};
    vector_init(&verdict->warnings, sizeof(struct gate_warning));
}

void
gate_verdict_close(struct gate_verdict *verdict)
{
    vector_close(&verdict->warnings);
}

static void
warn(struct gate_verdict *verdict, const uint8_t *owner, uint16_t type, const char *word,
     const char *text)
{
    verdict->warning_count++;
    if (verdict->warnings.count >= GATE_WARNINGS_MAX) {
        return;
    }
    struct gate_warning *warning = vector_add(&verdict->warnings, NULL);
    name_copy(warning->owner, owner);
    warning->type = type;
    warning->word = word;
    snprintf(warning->text, sizeof warning->text, "%s", text);
}

static bool
decided(const struct gate_verdict *verdict)
{
    return verdict->outcome != GATE_ACCEPTED;
}

static void
decide(struct gate_verdict *verdict, enum gate_outcome outcome, const char *reason)
{
    verdict->outcome = outcome;
    verdict->reason = reason;
}

// --- Mending
// ------------------------------------------------------------------------------------------------------------------

struct mending {
    const struct gate_limits *limits;
    struct gate_verdict *verdict;
    struct draft *into; // NULL: only look whether there is anything to mend
    bool needed;
};

static uint32_t
capped_ttl(const struct mending *mending, uint32_t ttl)
{
    uint32_t limit = mending->limits->max_ttl_seconds;
    return limit != 0 && ttl > limit ? limit : ttl;
}

static void
add_rrset(const struct mending *mending, const uint8_t *owner, const struct rrset *set,
          uint32_t ttl)
{
    struct rr rr;
    uint32_t at = 0;
    while (rrset_next(set->wire, set->wire_length, &at, &rr)) {
        struct fault fault = {0};
        // It stood in a sealed draft of the same apex: it cannot be refused.
        ENSURE(draft_add(mending->into, owner, rr.type, ttl, rr.rdata, rr.rdlength, &fault));
    }
}

static void
mend_rrset(struct mending *mending, const uint8_t *owner, const struct rrset *set)
{
    uint32_t ttl = capped_ttl(mending, set->ttl);
    if (ttl != set->ttl) {
        mending->needed = true;
        if (mending->into != NULL) {
            char text[160];
            mending->verdict->lowered_ttls++;
            snprintf(text, sizeof text, "its TTL of %u was lowered to %u (gate.max-ttl)", set->ttl,
                     ttl);
            warn(mending->verdict, owner, set->type, "ttl-lowered", text);
        }
    }
    if (mending->into != NULL) {
        add_rrset(mending, owner, set, ttl);
    }
    if (ttl > mending->verdict->largest_ttl) {
        mending->verdict->largest_ttl = ttl;
    }
}

static size_t
signatures_of(const struct node *node)
{
    size_t count = 0;
    for (unsigned i = 0; i < node_rrset_count(node); i++) {
        struct rrset set;
        node_rrset_at(node, i, &set);
        count += set.signature_count;
    }
    return count;
}

static size_t
rrs_of(const struct node *node)
{
    size_t count = 0;
    for (unsigned i = 0; i < node_rrset_count(node); i++) {
        struct rrset set;
        node_rrset_at(node, i, &set);
        count += set.rr_count;
    }
    return count;
}

static void
mend_node(struct mending *mending, const struct node *node, bool apex)
{
    struct rrset sets[NODE_RRSETS_MAX];
    unsigned count = node_unsigned_rrsets(node, apex, sets, NODE_RRSETS_MAX);
    size_t kept = 0;
    for (unsigned i = 0; i < count; i++) {
        kept += sets[i].rr_count;
        mend_rrset(mending, node_owner(node), &sets[i]);
    }
    size_t stripped = rrs_of(node) + signatures_of(node) - kept;
    if (stripped > 0) {
        mending->needed = true;
        if (mending->into != NULL) {
            char text[160];
            mending->verdict->stripped_rrs += stripped;
            snprintf(text, sizeof text,
                     "%zu DNSSEC records were taken out: this signer makes its own", stripped);
            warn(mending->verdict, node_owner(node), 0, "dnssec-stripped", text);
        }
    }
}

static void
look_at_all(struct mending *mending, const struct draft *draft)
{
    for (size_t i = 0; i < draft_node_count(draft); i++) {
        mend_node(mending, draft_node_at(draft, i), i == 0);
    }
}

// A zone that comes signed is passed on octet for octet.
static void
mend(struct draft **draft, const struct gate_limits *limits, struct gate_verdict *verdict)
{
    struct mending look = {.limits = limits, .verdict = verdict};
    look_at_all(&look, *draft);
    if (!look.needed) {
        return;
    }
    struct mending build = {
        .limits = limits, .verdict = verdict, .into = draft_new(draft_apex(*draft))};
    look_at_all(&build, *draft);
    struct draft_findings findings;
    struct fault fault = {0};
    ENSURE(draft_seal(build.into, &findings, &fault));
    draft_free(draft);
    *draft = build.into;
}

// --- Shape
// --------------------------------------------------------------------------------------------------------------------

static void
sentence_of_finding(const struct check_finding *finding, size_t errors,
                    struct gate_verdict *verdict)
{
    char owner[NAME_TEXT_MAX];
    char more[48] = "";
    if (errors > 1) {
        snprintf(more, sizeof more, " (and %zu more)", errors - 1);
    }
    snprintf(verdict->sentence, sizeof verdict->sentence, "%.180s: %.220s%s",
             name_to_text(finding->owner, owner), finding->text, more);
}

// Names the first owners whose ALIAS nobody resolved: the cure is at the primary.
static void
sentence_of_aliases(const struct vector *findings, struct gate_verdict *verdict)
{
    char names[400] = "", owner[NAME_TEXT_MAX];
    size_t count = 0, at = 0;
    for (size_t i = 0; i < findings->count; i++) {
        const struct check_finding *finding = vector_at(findings, i);
        if (strcmp(finding->word, "alias-left") == 0 && count++ < GATE_ALIASES_NAMED_MAX) {
            at += (size_t)snprintf(names + at, sizeof names - at, "%s%.64s", at > 0 ? ", " : "",
                                   name_to_text(finding->owner, owner));
        }
    }
    snprintf(verdict->sentence, sizeof verdict->sentence,
             "%zu ALIAS records are not expanded (%s): the primary must resolve them", count,
             names);
}

static void
check_shape(const struct draft *draft, bool already_signed, struct gate_verdict *verdict)
{
    struct check_options options = {.alias_allowed = false, .dnssec_allowed = already_signed};
    struct vector findings;
    vector_init(&findings, sizeof(struct check_finding));
    size_t errors = check_draft(draft, &options, &findings);
    for (size_t i = 0; i < findings.count; i++) {
        const struct check_finding *finding = vector_at(&findings, i);
        if (finding->severity == CHECK_WARNING) {
            warn(verdict, finding->owner, finding->type, finding->word, finding->text);
        } else if (!decided(verdict)) {
            decide(verdict, GATE_REJECTED, finding->word);
            sentence_of_finding(finding, errors, verdict);
        }
    }
    if (strcmp(verdict->reason, "alias-left") == 0) {
        sentence_of_aliases(&findings, verdict);
    }
    if (errors > 0 && !decided(verdict)) { // the error itself was one finding too many to be kept
        decide(verdict, GATE_REJECTED, "shape");
        snprintf(verdict->sentence, sizeof verdict->sentence, "%zu errors in the zone", errors);
    }
    vector_close(&findings);
}

// --- What an operator may have meant
// ------------------------------------------------------------------------------------------

static void
check_limits(const struct draft *draft, const struct gate_limits *limits,
             struct gate_verdict *verdict)
{
    uint64_t octets = 0, rrs = 0;
    for (size_t i = 0; i < draft_node_count(draft); i++) {
        octets += node_size(draft_node_at(draft, i));
        rrs += rrs_of(draft_node_at(draft, i));
    }
    if (limits->max_records != 0 && rrs > limits->max_records) {
        decide(verdict, GATE_HELD, "records");
        snprintf(verdict->sentence, sizeof verdict->sentence, "%llu records (limit %llu)",
                 (unsigned long long)rrs, (unsigned long long)limits->max_records);
    } else if (limits->max_size_octets != 0 && octets > limits->max_size_octets) {
        decide(verdict, GATE_HELD, "size");
        snprintf(verdict->sentence, sizeof verdict->sentence, "%llu octets of content (limit %llu)",
                 (unsigned long long)octets, (unsigned long long)limits->max_size_octets);
    }
}

bool
gate_removes_too_much(const struct diff_counts *counts, const struct gate_limits *limits)
{
    bool too_many = counts->removed_pairs * 100 > counts->old_pairs * limits->max_removed_percent;
    return counts->removed_pairs >= GATE_REMOVED_FROM && too_many;
}

unsigned
gate_removed_percent(const struct diff_counts *counts)
{
    return counts->old_pairs > 0 ? (unsigned)(counts->removed_pairs * 100 / counts->old_pairs) : 0;
}

static void
check_removed(const struct gate_limits *limits, struct gate_verdict *verdict)
{
    verdict->removed_percent = gate_removed_percent(&verdict->counts);
    if (!decided(verdict) && gate_removes_too_much(&verdict->counts, limits)) {
        decide(verdict, GATE_HELD, "removed");
        snprintf(verdict->sentence, sizeof verdict->sentence, "%u%% removed (limit %u%%)",
                 verdict->removed_percent, limits->max_removed_percent);
    }
}

static void
check_apex(const struct version *served, const struct draft *draft, struct gate_verdict *verdict)
{
    const struct node *was = version_apex_node(served);
    const struct node *is = draft_find(draft, draft_apex(draft));
    bool had = change_has_address(was);
    bool has = change_has_address(is);
    if (!decided(verdict) && had && !has) {
        decide(verdict, GATE_HELD, "apex-addresses");
        snprintf(verdict->sentence, sizeof verdict->sentence,
                 "the apex would lose its last address");
    }
}

static void
check_doubled(const struct version *served, const struct draft *draft, struct gate_verdict *verdict)
{
    struct doubled doubled;
    doubled_init(&doubled, served, draft_apex(draft));
    if (decided(verdict) || !doubled_is_looked_for(&doubled)) {
        return;
    }
    for (size_t i = 0; i < draft_node_count(draft); i++) {
        if (node_rrset_count(draft_node_at(draft, i)) > 0) {
            doubled_look(&doubled, draft_node_at(draft, i));
        }
    }
    if (doubled.count >= GATE_DOUBLED_FROM &&
        doubled.count * 100 >= doubled.places * GATE_DOUBLED_PERCENT) {
        char name[NAME_TEXT_MAX];
        decide(verdict, GATE_HELD, "doubled-names");
        snprintf(verdict->sentence, sizeof verdict->sentence,
                 "%zu names have the zone's name twice, such as %.300s: a final dot is missing in "
                 "the source",
                 doubled.count, name_to_text(doubled.first, name));
    }
}

static void
note_findings(const struct draft_findings *findings, struct gate_verdict *verdict)
{
    if (findings != NULL && findings->ttl_differs > 0) {
        char text[160];
        snprintf(text, sizeof text,
                 "the TTLs of one RRset differ (%zu RRsets in all); the least was taken",
                 findings->ttl_differs);
        warn(verdict, findings->ttl_owner, findings->ttl_type, "ttl-differs", text);
    }
}

void
gate_judge(const struct gate_candidate *candidate, const struct gate_limits *limits,
           struct diff *ret_diff, struct gate_verdict *verdict)
{
    if (!candidate->already_signed) {
        mend(candidate->draft, limits, verdict);
    }
    const struct draft *draft = *candidate->draft;
    note_findings(candidate->findings, verdict);
    check_shape(draft, candidate->already_signed, verdict);
    if (verdict->outcome == GATE_REJECTED) {
        draft_digest(draft, &verdict->digest);
        return;
    }
    diff_version_draft(candidate->served, draft,
                       candidate->already_signed ? DIFF_WHOLE : DIFF_UNSIGNED, ret_diff);
    diff_count(ret_diff, DIFF_UNSIGNED, draft_apex(draft), &verdict->counts);
    check_limits(draft, limits, verdict);
    if (candidate->served != NULL) {
        check_removed(limits, verdict);
        check_apex(candidate->served, draft, verdict);
    }
    check_doubled(candidate->served, draft, verdict);
    // Nobody names an unchanged candidate, and that is what nearly every poll brings.
    if (decided(verdict) || candidate->accepted != NULL || ret_diff->count > 0) {
        draft_digest(draft, &verdict->digest);
    }
    bool accepted =
        candidate->accepted != NULL &&
        memcmp(candidate->accepted->octets, verdict->digest.octets, HASH_DIGEST_SIZE) == 0;
    if (verdict->outcome == GATE_HELD && accepted) {
        decide(verdict, GATE_ACCEPTED, "");
        verdict->sentence[0] = '\0';
    }
}
