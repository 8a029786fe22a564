// One walk in canonical order: what is below a name comes right after it, so the zone cut and the
// DNAME that rule over a record are the last ones that were passed. Targets of NS and MX are looked
// up in the draft. Most names have nothing but types about which there is no rule: one look at
// their types passes them.
#include "common/zone/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/dns/nsec3_hash.h"
#include "common/dns/rdata.h"
#include "common/dns/rrtype.h"

#define CHECK_TTL_MAX INT32_MAX // RFC 2181 section 8
#define CHECK_WARNINGS_MAX                                                                         \
    (CHECK_FINDINGS_MAX / 2) // so that errors find room behind a flood of warnings

struct check {
    const struct draft *draft;
    const struct check_options *options;
    struct vector *findings;
    size_t errors, warnings;
    const uint8_t *apex;
    const uint8_t *cut, *dname; // the topmost that rule over the present record; NULL: none
    struct vector ns_targets; // of const uint8_t *, sorted: who is glue; collected when it is asked
    bool ns_targets_known;
    bool dnssec_told;
};

// The record that is being checked.
struct subject {
    const struct node *node;
    const uint8_t *owner;
    bool apex, below_cut, at_cut;
};

// Of the findings that say that something is not there.
static bool
is_absence(const char *word)
{
    static const char *const words[] = {"no-soa",        "no-ns",         "glue-missing",
                                        "ns-no-address", "mx-no-address", "below-cut"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(word, words[i]) == 0)
            return true;
    return false;
}

static void __attribute__((format(printf, 6, 7)))
finding_add(struct check *check, enum check_severity severity, const uint8_t *owner, uint16_t type,
            const char *word, const char *format, ...)
{
    if (check->options->incomplete && is_absence(word))
        return;
    size_t *counter = severity == CHECK_ERROR ? &check->errors : &check->warnings;
    ++*counter;
    if (check->findings->count >= CHECK_FINDINGS_MAX ||
        (severity == CHECK_WARNING && check->warnings > CHECK_WARNINGS_MAX))
        return;
    struct check_finding *finding = vector_add(check->findings, NULL);
    finding->severity = severity;
    name_copy(finding->owner, owner);
    finding->type = type;
    finding->word = word;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(finding->text, sizeof finding->text, format, arguments);
    va_end(arguments);
}

// RRsets that stand at the name itself. An NSEC3 stands there for another one.
static unsigned
content_count(const struct node *node)
{
    return node_rrset_count(node) - node_has(node, RRTYPE_NSEC3);
}

// The record of a name; NULL: there is none, or one that holds nothing but NSEC3 (RFC 5155 section
// 7.2.8).
static const struct node *
name_record(const struct check *check, const uint8_t *name)
{
    const struct node *node = draft_find(check->draft, name);
    if (!node || content_count(node) > 0 || node_rrset_count(node) == 0)
        return node;
    size_t next = draft_lower_bound(check->draft, name) + 1;
    bool above = next < draft_node_count(check->draft) &&
                 name_is_at_or_below(node_owner(draft_node_at(check->draft, next)), name);
    return above ? node : NULL;
}

// Names of NS records, to tell glue from forgotten data.

static int
name_pointer_compare(const void *a, const void *b)
{
    return name_compare(*(const uint8_t *const *)a, *(const uint8_t *const *)b);
}

static void
ns_targets_collect(struct check *check)
{
    struct rrset rrset;
    struct rr rr;
    for (size_t i = 0; i < draft_node_count(check->draft); i++) {
        uint32_t position = 0;
        if (!node_rrset_find(draft_node_at(check->draft, i), RRTYPE_NS, &rrset))
            continue;
        while (rrset_next(rrset.wire, rrset.wire_length, &position, &rr)) {
            const uint8_t *target = rdata_target(RRTYPE_NS, rr.rdata, rr.rdlength);
            if (target && name_is_at_or_below(target, check->apex))
                vector_add(&check->ns_targets, &target);
        }
    }
    if (check->ns_targets.count > 0)
        qsort(check->ns_targets.items, check->ns_targets.count, check->ns_targets.item_size,
              name_pointer_compare);
}

static bool
is_ns_target(struct check *check, const uint8_t *name)
{
    if (!check->ns_targets_known)
        ns_targets_collect(check);
    check->ns_targets_known = true;
    return check->ns_targets.count > 0 &&
           bsearch(&name, check->ns_targets.items, check->ns_targets.count,
                   check->ns_targets.item_size, name_pointer_compare);
}

// What one owner may hold.

static void
apex_check(struct check *check, const struct subject *subject)
{
    struct rrset rrset;
    if (!node_rrset_find(subject->node, RRTYPE_SOA, &rrset))
        finding_add(check, CHECK_ERROR, subject->owner, RRTYPE_SOA, "no-soa",
                    "the zone has no SOA record: add one at the apex");
    else if (rrset.rr_count > 1)
        finding_add(check, CHECK_ERROR, subject->owner, RRTYPE_SOA, "two-soas",
                    "%u different SOA records: keep one", rrset.rr_count);
    if (!node_has(subject->node, RRTYPE_NS))
        finding_add(check, CHECK_ERROR, subject->owner, RRTYPE_NS, "no-ns",
                    "the zone has no NS record: add its name servers at the apex");
}

// Served all the same, as long as the chain is used at all (chain.h).
static void
nsec3_check(struct check *check, const struct subject *subject)
{
    struct rrset rrset;
    struct rr rr;
    struct nsec3_parameters parameters;
    uint32_t position = 0;
    if (!check->options->dnssec_allowed ||
        !node_rrset_find(subject->node, RRTYPE_NSEC3PARAM, &rrset))
        return;
    while (rrset_next(rrset.wire, rrset.wire_length, &position, &rr))
        if (nsec3_parameters_read(rr.rdata, rr.rdlength, &parameters) &&
            parameters.iterations > NSEC3_ITERATIONS_MAX)
            finding_add(check, CHECK_WARNING, subject->owner, RRTYPE_NSEC3PARAM, "nsec3-iterations",
                        "NSEC3 with %u iterations: validators check no more than %u and take what "
                        "is above for unsigned or bogus; sign the zone with 0 (RFC 9276)",
                        parameters.iterations, NSEC3_ITERATIONS_MAX);
}

static void
alone_check(struct check *check, const struct subject *subject, uint16_t type, const char *word)
{
    struct rrset rrset;
    char text[RRTYPE_TEXT_MAX];
    if (node_rrset_find(subject->node, type, &rrset) && rrset.rr_count > 1)
        finding_add(check, CHECK_ERROR, subject->owner, type, word,
                    "%u different %s records at one owner: keep one", rrset.rr_count,
                    rrtype_text(type, text));
}

static void
cname_check(struct check *check, const struct subject *subject)
{
    char text[RRTYPE_TEXT_MAX];
    if (!node_has(subject->node, RRTYPE_CNAME))
        return;
    alone_check(check, subject, RRTYPE_CNAME, "two-cnames");
    for (unsigned i = 0; i < node_rrset_count(subject->node); i++) {
        struct rrset rrset;
        node_rrset_at(subject->node, i, &rrset);
        if (rrtype_beside_cname(rrset.type))
            continue;
        if (rrset.type == RRTYPE_ALIAS)
            finding_add(check, CHECK_ERROR, subject->owner, RRTYPE_ALIAS, "alias-and-cname",
                        "ALIAS beside a CNAME: keep one of them");
        else
            finding_add(check, CHECK_ERROR, subject->owner, rrset.type, "cname-and-other",
                        "%s beside a CNAME: a CNAME stands alone%s", rrtype_text(rrset.type, text),
                        subject->apex ? "; at the apex use ALIAS instead" : "");
    }
}

static void
alias_check(struct check *check, const struct subject *subject)
{
    if (!node_has(subject->node, RRTYPE_ALIAS))
        return;
    if (!check->options->alias_allowed)
        finding_add(check, CHECK_ERROR, subject->owner, RRTYPE_ALIAS, "alias-left",
                    "ALIAS was not replaced by addresses: it must not leave the primary");
    for (unsigned i = 0; i < 2; i++) {
        uint16_t type = i ? RRTYPE_AAAA : RRTYPE_A;
        char text[RRTYPE_TEXT_MAX];
        if (node_has(subject->node, type))
            finding_add(check, CHECK_ERROR, subject->owner, type, "alias-and-address",
                        "%s beside an ALIAS, which gives the addresses itself: keep one of them",
                        rrtype_text(type, text));
    }
    if (subject->below_cut || subject->at_cut)
        finding_add(check, CHECK_WARNING, subject->owner, RRTYPE_ALIAS, "alias-below-cut",
                    "ALIAS at or below a zone cut is ignored: the delegated zone answers there");
}

static void
dname_check(struct check *check, const struct subject *subject)
{
    alone_check(check, subject, RRTYPE_DNAME, "two-dnames");
    if (subject->at_cut && node_has(subject->node, RRTYPE_DNAME))
        finding_add(check, CHECK_ERROR, subject->owner, RRTYPE_DNAME, "dname-and-ns",
                    "DNAME beside a delegation: keep one of them (RFC 6672 section 2.3)");
    if (check->dname && content_count(subject->node) > 0) { // at the apex all NSEC3 is below it
        char text[NAME_TEXT_MAX];
        finding_add(check, CHECK_ERROR, subject->owner, 0, "below-dname",
                    "data below the DNAME at %s can never be answered: remove the one or the other",
                    name_to_text(check->dname, text));
    }
}

static void
rrsets_check(struct check *check, const struct subject *subject)
{
    char text[RRTYPE_TEXT_MAX];
    for (unsigned i = 0; i < node_rrset_count(subject->node); i++) {
        struct rrset rrset;
        node_rrset_at(subject->node, i, &rrset);
        rrtype_text(rrset.type, text);
        if (rrset.ttl > CHECK_TTL_MAX)
            finding_add(check, CHECK_ERROR, subject->owner, rrset.type, "ttl-too-long",
                        "%s: TTL %u is over %d (RFC 2181 section 8)", text, rrset.ttl,
                        CHECK_TTL_MAX);
        if (rrset.type == RRTYPE_SOA && !subject->apex)
            finding_add(check, CHECK_ERROR, subject->owner, RRTYPE_SOA, "soa-not-apex",
                        "SOA inside of the zone: only the apex has one");
        bool made = rrtype_is_dnssec(rrset.type) || rrset.signature_count > 0;
        if (made && !check->options->dnssec_allowed && !check->dnssec_told) {
            check->dnssec_told = true;
            finding_add(check, CHECK_WARNING, subject->owner, rrset.type, "dnssec-record",
                        "%s%s: the zone holds DNSSEC records; the secondary that signs it puts its "
                        "own in their place",
                        text, rrset.signature_count ? " with RRSIG" : "");
        }
    }
}

static void
below_cut_check(struct check *check, const struct subject *subject)
{
    char cut[NAME_TEXT_MAX];
    unsigned count = content_count(subject->node), addresses = 0;
    if (!subject->below_cut || count == 0)
        return;
    addresses += node_has(subject->node, RRTYPE_A);
    addresses += node_has(subject->node, RRTYPE_AAAA);
    if (addresses < count || !is_ns_target(check, subject->owner))
        finding_add(check, CHECK_WARNING, subject->owner, 0, "below-cut",
                    "data below the zone cut at %s that is no glue is never answered: it belongs "
                    "into the delegated zone",
                    name_to_text(check->cut, cut));
}

// Where NS and MX point.

// The topmost zone cut or DNAME that rules over a name of the zone; NULL: none.
static const struct node *
ruler_find(const struct check *check, const uint8_t *name)
{
    unsigned labels = name_labels(name), apex_labels = name_labels(check->apex);
    for (unsigned depth = apex_labels; depth <= labels; depth++) {
        const struct node *node = name_record(check, name_skip(name, labels - depth));
        if (!node)
            return NULL;
        if (depth > apex_labels && node_has(node, RRTYPE_NS))
            return node;
        if (depth < labels && node_has(node, RRTYPE_DNAME))
            return node;
    }
    return NULL;
}

// The record that answers for the name: itself or the wildcard of its closest encloser (RFC 4592).
static const struct node *
source_find(const struct check *check, const uint8_t *name)
{
    const struct node *node = name_record(check, name);
    uint8_t wildcard[NAME_SIZE_MAX];
    if (node)
        return node;
    do
        name = name_skip(name, 1);
    while (!name_record(check, name));
    return name_wildcard_of(name, wildcard) ? name_record(check, wildcard) : NULL;
}

static bool
has_address(const struct node *node)
{
    return node && (node_has(node, RRTYPE_A) || node_has(node, RRTYPE_AAAA) ||
                    node_has(node, RRTYPE_ALIAS));
}

static void
target_check(struct check *check, const struct subject *subject, uint16_t type,
             const uint8_t *target)
{
    char name[NAME_TEXT_MAX];
    const char *type_text = type == RRTYPE_NS ? "NS" : "MX";
    if (!target || !name_is_at_or_below(target, check->apex))
        return;
    const struct node *ruler = ruler_find(check, target);
    name_to_text(target, name);
    if (ruler) {
        // Glue is needed below the very cut whose NS it is.
        if (type == RRTYPE_NS && subject->at_cut && name_equal(node_owner(ruler), subject->owner) &&
            !has_address(draft_find(check->draft, target)))
            finding_add(check, CHECK_WARNING, subject->owner, type, "glue-missing",
                        "the name server %s stands inside of the delegated zone and has no "
                        "address here: add an A or AAAA record as glue",
                        name);
        return;
    }
    const struct node *source = source_find(check, target);
    if (source && node_has(source, RRTYPE_CNAME))
        finding_add(check, CHECK_WARNING, subject->owner, type,
                    type == RRTYPE_NS ? "ns-is-cname" : "mx-is-cname",
                    "the %s target %s is a CNAME: name the host itself (RFC 2181 section 10.3)",
                    type_text, name);
    else if (!has_address(source))
        finding_add(check, CHECK_WARNING, subject->owner, type,
                    type == RRTYPE_NS ? "ns-no-address" : "mx-no-address",
                    "the %s target %s has no address in this zone: add an A or AAAA record",
                    type_text, name);
}

static void
targets_check(struct check *check, const struct subject *subject, uint16_t type)
{
    struct rrset rrset;
    struct rr rr;
    uint32_t position = 0;
    if (subject->below_cut || !node_rrset_find(subject->node, type, &rrset))
        return;
    while (rrset_next(rrset.wire, rrset.wire_length, &position, &rr))
        target_check(check, subject, type, rdata_target(type, rr.rdata, rr.rdlength));
}

// The walk.

// Types of which some rule speaks.
static bool
type_has_rules(uint16_t type)
{
    switch (type) {
    case RRTYPE_SOA:
    case RRTYPE_NS:
    case RRTYPE_CNAME:
    case RRTYPE_DNAME:
    case RRTYPE_MX:
    case RRTYPE_ALIAS:
        return true;
    default:
        return rrtype_is_dnssec(type);
    }
}

static bool
is_plain(const struct node *node)
{
    for (unsigned i = 0; i < node_rrset_count(node); i++) {
        struct rrset rrset;
        node_rrset_at(node, i, &rrset);
        if (type_has_rules(rrset.type) || rrset.ttl > CHECK_TTL_MAX || rrset.signature_count > 0)
            return false;
    }
    return true;
}

static void
subject_check(struct check *check, const struct node *node, bool apex)
{
    struct subject subject = {.node = node, .owner = node_owner(node), .apex = apex};
    if (check->cut && !name_is_at_or_below(subject.owner, check->cut))
        check->cut = NULL;
    if (check->dname && !name_is_at_or_below(subject.owner, check->dname))
        check->dname = NULL;
    if (!apex && !check->cut && !check->dname && is_plain(node))
        return;
    subject.below_cut = check->cut != NULL;
    subject.at_cut = !subject.apex && !subject.below_cut && node_has(node, RRTYPE_NS);
    if (subject.apex) {
        apex_check(check, &subject);
        nsec3_check(check, &subject);
    }
    rrsets_check(check, &subject);
    cname_check(check, &subject);
    alias_check(check, &subject);
    dname_check(check, &subject);
    below_cut_check(check, &subject);
    targets_check(check, &subject, RRTYPE_NS);
    targets_check(check, &subject, RRTYPE_MX);
    if (subject.at_cut && name_is_wildcard(subject.owner))
        finding_add(check, CHECK_WARNING, subject.owner, RRTYPE_NS, "wildcard-ns",
                    "NS at a wildcard: its meaning is undefined (RFC 4592 section 4.2)");
    if (subject.at_cut)
        check->cut = subject.owner;
    else if (!subject.below_cut && !check->dname && node_has(node, RRTYPE_DNAME))
        check->dname = subject.owner;
}

size_t
check_draft(const struct draft *draft, const struct check_options *options,
            struct vector *ret_findings)
{
    struct check check = {
        .draft = draft, .options = options, .findings = ret_findings, .apex = draft_apex(draft)};
    vector_init(ret_findings, sizeof(struct check_finding));
    vector_init(&check.ns_targets, sizeof(const uint8_t *));
    if (draft_node_count(draft) == 0)
        finding_add(&check, CHECK_ERROR, check.apex, RRTYPE_SOA, "no-soa", "the zone is empty");
    for (size_t i = 0; i < draft_node_count(draft); i++)
        subject_check(&check, draft_node_at(draft, i), i == 0);
    vector_close(&check.ns_targets);
    return check.errors;
}
