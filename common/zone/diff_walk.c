// A walk over a diff, RR by RR. Its state is six numbers, so that a caller may stop anywhere and go
// on later: which RRset of either record comes next, which of four runs of that type is being
// compared (RRs that go, RRs that come, then the same of the signatures), and where in it and in
// its counterpart the walk is. RRs stand in canonical order in both, so a run is compared with its
// counterpart in one pass.
#include "common/zone/diff.h"

#include "common/dns/rdata.h"
#include "common/dns/rdata_text.h"

enum state_place { STATE_OLD, STATE_NEW, STATE_PHASE, STATE_AT, STATE_OTHER };
enum phase { PHASE_REMOVED, PHASE_ADDED, PHASE_SIGNATURES_REMOVED, PHASE_SIGNATURES_ADDED, PHASES };

void
diff_walk_init(struct diff_walk *walk, const struct diff *diff, enum diff_view view,
               const uint8_t *apex)
{
    *walk = (struct diff_walk){.diff = diff, .view = view, .apex = apex};
}

// The RRsets of one type of both records; type 0: the record has none.
struct pair {
    struct rrset old, new;
};

static bool
side_at(const struct node *node, uint32_t *index, enum diff_view view, bool apex,
        struct rrset *ret_rrset)
{
    for (; node && *index < node_rrset_count(node); ++*index) {
        node_rrset_at(node, *index, ret_rrset);
        if (view == DIFF_WHOLE || !rrset_is_signers(ret_rrset->type, apex))
            return true;
    }
    *ret_rrset = (struct rrset){0};
    return false;
}

static bool
pair_at(struct diff_walk *walk, const struct diff_entry *entry, bool apex, struct pair *ret_pair)
{
    bool old = side_at(entry->old_node, &walk->state[STATE_OLD], walk->view, apex, &ret_pair->old);
    bool new = side_at(entry->new_node, &walk->state[STATE_NEW], walk->view, apex, &ret_pair->new);
    if (old && new && ret_pair->old.type < ret_pair->new.type)
        ret_pair->new = (struct rrset){0};
    else if (old && new && ret_pair->new.type < ret_pair->old.type)
        ret_pair->old = (struct rrset){0};
    return old || new;
}

static void
pair_done(struct diff_walk *walk, const struct pair *pair)
{
    walk->state[STATE_OLD] += pair->old.rr_count != 0;
    walk->state[STATE_NEW] += pair->new.rr_count != 0;
    walk->state[STATE_PHASE] = walk->state[STATE_AT] = walk->state[STATE_OTHER] = 0;
}

struct run {
    const uint8_t *wire;
    uint32_t length;
};

static struct run
pair_run(const struct pair *pair, bool of_new, bool signatures)
{
    const struct rrset *rrset = of_new ? &pair->new : &pair->old;
    return signatures ? (struct run){rrset->signatures, rrset->signatures_length}
                      : (struct run){rrset->wire, rrset->wire_length};
}

// True where the other run has this RR with this TTL; *other stays at the first RR not before it.
static bool
run_has(const struct run *run, uint32_t *other, const struct rr *rr)
{
    struct rr candidate;
    uint32_t next = *other;
    while (rrset_next(run->wire, run->length, &next, &candidate)) {
        int order = rdata_compare(candidate.rdata, candidate.rdlength, rr->rdata, rr->rdlength);
        if (order >= 0)
            return order == 0 && candidate.ttl == rr->ttl;
        *other = next;
    }
    return false;
}

// The next RR of the phase's run that its counterpart lacks.
static bool
phase_next(struct diff_walk *walk, const struct pair *pair, struct rr *ret_rr)
{
    uint32_t phase = walk->state[STATE_PHASE];
    bool of_new = phase == PHASE_ADDED || phase == PHASE_SIGNATURES_ADDED;
    bool signatures = phase >= PHASE_SIGNATURES_REMOVED;
    struct run run = pair_run(pair, of_new, signatures);
    struct run other = pair_run(pair, !of_new, signatures);
    while (rrset_next(run.wire, run.length, &walk->state[STATE_AT], ret_rr))
        if (!run_has(&other, &walk->state[STATE_OTHER], ret_rr))
            return true;
    return false;
}

static bool
pair_next(struct diff_walk *walk, const struct pair *pair, bool apex, struct rr *ret_rr)
{
    if (walk->view == DIFF_UNSIGNED && rrset_equal_unsigned(&pair->old, &pair->new, apex))
        return false;
    uint32_t phases = walk->view == DIFF_UNSIGNED ? PHASE_SIGNATURES_REMOVED : PHASES;
    while (walk->state[STATE_PHASE] < phases) {
        if (phase_next(walk, pair, ret_rr))
            return true;
        walk->state[STATE_PHASE]++;
        walk->state[STATE_AT] = walk->state[STATE_OTHER] = 0;
    }
    return false;
}

bool
diff_walk_next(struct diff_walk *walk, struct diff_rr *ret_rr)
{
    struct pair pair;
    struct rr rr;
    for (; walk->entry < walk->diff->count; walk->entry++) {
        const struct diff_entry *entry = walk->diff->entries + walk->entry;
        const uint8_t *owner = node_owner(entry->new_node ? entry->new_node : entry->old_node);
        bool apex = name_equal(owner, walk->apex);
        while (pair_at(walk, entry, apex, &pair)) {
            if (pair_next(walk, &pair, apex, &rr)) {
                bool added = walk->state[STATE_PHASE] == PHASE_ADDED ||
                             walk->state[STATE_PHASE] == PHASE_SIGNATURES_ADDED;
                *ret_rr = (struct diff_rr){.added = added,
                                           .owner = owner,
                                           .type = rr.type,
                                           .ttl = rr.ttl,
                                           .rdata = rr.rdata,
                                           .rdlength = rr.rdlength};
                return true;
            }
            pair_done(walk, &pair);
        }
        walk->state[STATE_OLD] = walk->state[STATE_NEW] = 0;
    }
    return false;
}

// RRsets of the record in the view.
static size_t
view_pairs(const struct node *node, enum diff_view view, bool apex)
{
    struct rrset rrset;
    size_t pairs = 0;
    for (uint32_t index = 0; side_at(node, &index, view, apex, &rrset); index++)
        pairs++;
    return pairs;
}

static size_t
removed_pairs(const struct diff_entry *entry, enum diff_view view, bool apex)
{
    struct rrset rrset;
    size_t removed = 0;
    for (uint32_t index = 0; side_at(entry->old_node, &index, view, apex, &rrset); index++)
        removed += !entry->new_node || !node_has(entry->new_node, rrset.type);
    return removed;
}

static void
entry_count(const struct diff_entry *entry, enum diff_view view, const uint8_t *apex,
            struct diff_counts *counts)
{
    bool is_apex =
        name_equal(node_owner(entry->new_node ? entry->new_node : entry->old_node), apex);
    bool old = view_pairs(entry->old_node, view, is_apex) > 0;
    bool new = view_pairs(entry->new_node, view, is_apex) > 0;
    counts->added_owners += new && !old;
    counts->removed_owners += old && !new;
    counts->changed_owners += old && new;
    counts->removed_pairs += removed_pairs(entry, view, is_apex);
}

void
diff_count(const struct diff *diff, enum diff_view view, const uint8_t *apex,
           struct diff_counts *ret_counts)
{
    struct diff_walk walk;
    struct diff_rr rr;
    *ret_counts = (struct diff_counts){.old_pairs = diff->old_pairs};
    for (size_t i = 0; i < diff->count; i++)
        entry_count(diff->entries + i, view, apex, ret_counts);
    diff_walk_init(&walk, diff, view, apex);
    while (diff_walk_next(&walk, &rr)) {
        ret_counts->added_rrs += rr.added;
        ret_counts->removed_rrs += !rr.added;
    }
}

size_t
diff_to_text(const struct diff *diff, enum diff_view view, const uint8_t *apex, size_t maximum,
             struct octets_buffer *text)
{
    struct diff_walk walk;
    struct diff_rr rr;
    size_t lines = 0;
    diff_walk_init(&walk, diff, view, apex);
    while (diff_walk_next(&walk, &rr)) {
        if (lines++ >= maximum)
            continue;
        octets_buffer_add(text, rr.added ? "+ " : "- ", 2);
        rr_to_text(rr.owner, rr.ttl, rr.type, rr.rdata, rr.rdlength, text);
        octets_buffer_add_u8(text, '\n');
    }
    return lines;
}
