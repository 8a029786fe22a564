#include "secondary/signer/change_text.h"

#include <stdio.h>
#include <string.h>

#include "common/dns/name.h"
#include "common/dns/rdata.h"
#include "common/dns/rdata_text.h"
#include "common/dns/rrtype.h"

struct lines {
    struct octets_buffer *text;
    size_t maximum, count;
};

static bool
begin_line(struct lines *lines)
{
    lines->count++;
    return lines->count <= lines->maximum;
}

static void
add_rr(struct lines *lines, char mark, const struct rr *rr)
{
    if (begin_line(lines)) {
        octets_buffer_printf(lines->text, "%c ", mark);
        rdata_to_text(rr->type, rr->rdata, rr->rdlength, lines->text);
        octets_buffer_add_u8(lines->text, '\n');
    }
}

static void
add_header(struct lines *lines, const uint8_t *owner, const struct rrset *old,
           const struct rrset *new)
{
    char name[NAME_TEXT_MAX];
    char type[RRTYPE_TEXT_MAX];
    if (!begin_line(lines)) {
        return;
    }
    const struct rrset *any = new != NULL ? new : old;
    octets_buffer_printf(lines->text, "  %s  ", name_to_text(owner, name));
    if (old != NULL && new != NULL && old->ttl != new->ttl) {
        octets_buffer_printf(lines->text, "%u -> ", old->ttl);
    }
    octets_buffer_printf(lines->text, "%u  %s\n", any->ttl, rrtype_text(any->type, type));
}

// Order of two RRs of one type in one RRset (both runs are canonical); an end counts as greatest.
static int
compare_rrs(bool has_a, const struct rr *a, bool has_b, const struct rr *b)
{
    if (!has_a || !has_b) {
        return has_a ? -1 : 1;
    }
    return rdata_compare(a->rdata, a->rdlength, b->rdata, b->rdlength);
}

// Three passes keep the marks together: what goes, what comes, what stays.
static void
add_rrs(struct lines *lines, const struct rrset *old, const struct rrset *new, char wanted)
{
    static const struct rrset none = {0};
    old = old != NULL ? old : &none;
    new = new != NULL ? new : &none;
    uint32_t old_at = 0, new_at = 0;
    struct rr a, b;
    bool has_a = rrset_next(old->wire, old->wire_length, &old_at, &a);
    bool has_b = rrset_next(new->wire, new->wire_length, &new_at, &b);
    while (has_a || has_b) {
        int order = compare_rrs(has_a, &a, has_b, &b);
        char mark = order < 0 ? '-' : order > 0 ? '+' : ' ';
        if (mark == wanted) {
            add_rr(lines, mark, order <= 0 ? &a : &b);
        }
        if (order <= 0) {
            has_a = rrset_next(old->wire, old->wire_length, &old_at, &a);
        }
        if (order >= 0) {
            has_b = rrset_next(new->wire, new->wire_length, &new_at, &b);
        }
    }
}

static void
add_rrset(struct lines *lines, const uint8_t *owner, const struct rrset *old,
          const struct rrset *new)
{
    add_header(lines, owner, old, new);
    add_rrs(lines, old, new, '-');
    add_rrs(lines, old, new, '+');
    add_rrs(lines, old, new, ' ');
}

// The SOA's serial moves at every poll of some primaries: an SOA that differs in nothing else is no
// change.
static bool
soa_same_but_serial(const struct rrset *before, const struct rrset *after)
{
    uint32_t at = 0;
    struct rr a, b;
    struct rdata_soa soa_a, soa_b;
    bool good = rrset_next(before->wire, before->wire_length, &at, &a);
    at = 0;
    good = good && rrset_next(after->wire, after->wire_length, &at, &b);
    good = good && rdata_soa_read(a.rdata, a.rdlength, &soa_a) &&
           rdata_soa_read(b.rdata, b.rdlength, &soa_b);
    return good && before->ttl == after->ttl && name_equal(soa_a.mname, soa_b.mname) &&
           name_equal(soa_a.rname, soa_b.rname) && soa_a.refresh == soa_b.refresh &&
           soa_a.retry == soa_b.retry && soa_a.expire == soa_b.expire &&
           soa_a.minimum == soa_b.minimum;
}

static bool
rrset_changed(const struct rrset *old, const struct rrset *new)
{
    if (old == NULL || new == NULL) {
        return true;
    }
    if (old->type == RRTYPE_SOA) {
        return !soa_same_but_serial(old, new);
    }
    return !rrset_equal(old, new, false);
}

typedef void changed_rrset(void *context, const uint8_t *owner, const struct rrset *old,
                           const struct rrset *new);

// Calls for every RRset of the unsigned view that differs between the two records of an entry.
static void
walk_entry(const struct diff_entry *entry, const uint8_t *apex, changed_rrset *call, void *context)
{
    struct rrset old[NODE_RRSETS_MAX], new[NODE_RRSETS_MAX];
    const uint8_t *owner = node_owner(entry->new_node != NULL ? entry->new_node : entry->old_node);
    bool at_apex = name_equal(owner, apex);
    unsigned old_count = entry->old_node == NULL
                             ? 0
                             : node_unsigned_rrsets(entry->old_node, at_apex, old, NODE_RRSETS_MAX);
    unsigned new_count = entry->new_node == NULL
                             ? 0
                             : node_unsigned_rrsets(entry->new_node, at_apex, new, NODE_RRSETS_MAX);
    for (unsigned i = 0, k = 0; i < old_count || k < new_count;) {
        bool takes_old = i < old_count && (k == new_count || old[i].type <= new[k].type);
        bool takes_new = k < new_count && (i == old_count || new[k].type <= old[i].type);
        const struct rrset *a = takes_old ? &old[i++] : NULL;
        const struct rrset *b = takes_new ? &new[k++] : NULL;
        if (rrset_changed(a, b)) {
            call(context, owner, a, b);
        }
    }
}

static void
line_call(void *context, const uint8_t *owner, const struct rrset *old, const struct rrset *new)
{
    add_rrset(context, owner, old, new);
}

size_t
change_text_lines(const struct diff *diff, const uint8_t *apex, size_t maximum,
                  struct octets_buffer *text)
{
    struct lines lines = {text, maximum, 0};
    for (size_t i = 0; i < diff->count; i++) {
        walk_entry(&diff->entries[i], apex, line_call, &lines);
    }
    return lines.count;
}

struct summary {
    size_t count;
    char first[NAME_TEXT_MAX + RRTYPE_TEXT_MAX + 1];
    const char *verb;
};

static void
summary_call(void *context, const uint8_t *owner, const struct rrset *old, const struct rrset *new)
{
    struct summary *summary = context;
    const char *verb = old == NULL ? "added" : new == NULL ? "removed" : "changed";
    if (summary->count++ == 0) {
        char name[NAME_TEXT_MAX];
        char type[RRTYPE_TEXT_MAX];
        snprintf(summary->first, sizeof summary->first, "%s %s", name_to_text(owner, name),
                 rrtype_text((new != NULL ? new : old)->type, type));
        summary->verb = verb;
    } else if (strcmp(summary->verb, verb) != 0) {
        summary->verb = "changed";
    }
}

void
change_text_summary(const struct diff *diff, const uint8_t *apex, char *text, size_t size)
{
    struct summary summary = {.verb = "changed"};
    for (size_t i = 0; i < diff->count; i++) {
        walk_entry(&diff->entries[i], apex, summary_call, &summary);
    }
    if (summary.count == 0) {
        snprintf(text, size, "nothing changed");
    } else if (summary.count == 1) {
        snprintf(text, size, "%s %s", summary.first, summary.verb);
    } else {
        snprintf(text, size, "%s and %zu more %s", summary.first, summary.count - 1, summary.verb);
    }
}
