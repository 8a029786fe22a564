// The serial moves if and only if the content does. So the fresh content is first made with the
// last serial and compared as it is: an empty difference means that nothing happens at all, neither
// a serial nor a write. Only then the next serial is drawn, and the apex record made once more with
// it.
#include "primary/publication.h"

#include <stdio.h>
#include <string.h>

#include "common/dns/rdata.h"
#include "common/dns/rrtype.h"
#include "common/zone/find.h"
#include "primary/expanded.h"
#include "primary/source_mark.h"

static bool
store_ready(struct publication *publication)
{
    if (*publication->store) {
        store_set_journal_max(*publication->store, publication->journal_octets_max);
        return true;
    }
    const struct store_options options = {.journal_octets_max = publication->journal_octets_max,
                                          .sync_later = publication->synced};
    return store_open(publication->directory, publication->apex, &options, publication->store,
                      &publication->opening, &publication->fault);
}

static uint32_t
soa_expire(const struct source *source)
{
    struct rrset soa;
    struct rr rr;
    struct rdata_soa rdata = {0};
    uint32_t position = 0;
    if (node_rrset_find(draft_node_at(source->draft, 0), RRTYPE_SOA, &soa) &&
        rrset_next(soa.wire, soa.wire_length, &position, &rr))
        rdata_soa_read(rr.rdata, rr.rdlength, &rdata);
    return rdata.expire;
}

static struct version_facts
facts_make(const struct publication *publication, uint32_t serial)
{
    return (struct version_facts){.unsigned_serial = publication->source->serial,
                                  .signed_serial = serial,
                                  .published_seconds = publication->now,
                                  .soa_expire_seconds = soa_expire(publication->source)};
}

// The whole content in a heap of its own: the first version of all (a store that held versions but
// none whole has lost its serial), or the next one where records of current are damaged.
static bool
whole_publish(struct publication *publication, const struct version *current)
{
    bool lost = !current && (publication->state_lost || publication->opening.torn_indexes > 0);
    uint32_t serial =
        serial_next(publication->policy, publication->source->serial, current != NULL,
                    current ? version_facts(current)->signed_serial : 0, lost, publication->now);
    struct draft *expanded = expanded_draft(publication->source->draft, publication->addresses,
                                            serial, &publication->fault);
    if (!expanded)
        return false;
    struct version_facts facts = facts_make(publication, serial);
    struct diff diff;
    bool good = store_publish_draft(*publication->store, expanded, &facts, &publication->fault);
    if (good) {
        diff_init(&diff);
        diff_version_draft(NULL, expanded, DIFF_WHOLE, &diff);
        diff_count(&diff, DIFF_WHOLE, publication->apex, &publication->counts);
        diff_close(&diff);
        publication->changed = true;
    }
    draft_free(&expanded);
    return good;
}

static bool
node_same(const struct node *a, const struct node *b)
{
    if (!a || !b)
        return a == b;
    return node_size(a) == node_size(b) && memcmp(a, b, node_size(a)) == 0;
}

// The difference when only the given owners may differ.
static void
owners_compare(const struct publication *publication, const struct version *current,
               struct arena *arena, struct diff *diff)
{
    const struct draft *source = publication->source->draft;
    uint32_t last = version_facts(current)->signed_serial;
    for (size_t i = 0; i < publication->owners->count; i++) {
        const uint8_t *owner = vector_at(publication->owners, i);
        const struct node *addresses =
            publication->addresses ? draft_find(publication->addresses, owner) : NULL;
        const struct node *before = zone_find_exact(current, owner);
        const struct node *after = expanded_node(arena, draft_find(source, owner), addresses);
        if (before && node_rrset_count(before) == 0)
            before = NULL; // an empty non-terminal is the store's business
        if (after && name_equal(owner, publication->apex))
            after = expanded_with_serial(arena, after, last);
        if (!node_same(before, after))
            diff_add(diff, before, after);
    }
    diff_sort(diff);
}

// Puts the serial into the apex record of the difference, adding the record when it is not there.
static void
serial_move(struct publication *publication, const struct version *current, struct arena *arena,
            struct diff *diff, uint32_t serial)
{
    const struct node *apex = version_apex_node(current);
    for (size_t i = 0; i < diff->count; i++) {
        struct diff_entry *entry = &diff->entries[i];
        if (!entry->new_node || !name_equal(node_owner(entry->new_node), publication->apex))
            continue;
        entry->new_node = expanded_with_serial(arena, entry->new_node, serial);
        return;
    }
    diff_add(diff, apex, expanded_with_serial(arena, apex, serial));
    diff_sort(diff);
}

static void
first_change_name(struct publication *publication, const struct diff *diff)
{
    struct diff_walk walk;
    struct diff_rr rr;
    char owner[NAME_TEXT_MAX], type[RRTYPE_TEXT_MAX];
    diff_walk_init(&walk, diff, DIFF_UNSIGNED, publication->apex);
    if (diff_walk_next(&walk, &rr))
        snprintf(publication->first_change, sizeof publication->first_change, "%.600s %s",
                 name_to_text(rr.owner, owner), rrtype_text(rr.type, type));
}

static bool
diff_publish(struct publication *publication, const struct version *current, struct arena *arena,
             struct diff *diff)
{
    uint32_t last = version_facts(current)->signed_serial;
    diff_count(diff, DIFF_WHOLE, publication->apex, &publication->counts);
    first_change_name(publication, diff);
    uint32_t serial = serial_next(publication->policy, publication->source->serial, true, last,
                                  false, publication->now);
    if (serial != last)
        serial_move(publication, current, arena, diff, serial);
    struct version_facts facts = facts_make(publication, serial);
    publication->changed =
        store_publish_diff(*publication->store, diff, &facts, &publication->fault);
    return publication->changed;
}

// "keep" gives out the file's serial whatever it is; the other policies compare under the last one.
static uint32_t
comparison_serial(const struct publication *publication, const struct version *current)
{
    return publication->policy == SERIAL_KEEP ? publication->source->serial
                                              : version_facts(current)->signed_serial;
}

static bool
next_publish(struct publication *publication, const struct version *current)
{
    struct arena *arena = arena_new();
    struct draft *expanded = NULL;
    struct diff diff;
    bool good = true;
    diff_init(&diff);
    if (publication->owners) {
        owners_compare(publication, current, arena, &diff);
    } else {
        expanded = expanded_draft(publication->source->draft, publication->addresses,
                                  comparison_serial(publication, current), &publication->fault);
        good = expanded != NULL;
        if (good)
            diff_version_draft(current, expanded, DIFF_WHOLE, &diff);
    }
    if (diff.damaged)
        good = fault_set(&publication->fault, FAULT_CORRUPT, "saved records are damaged");
    if (good && diff.count > 0)
        good = diff_publish(publication, current, arena, &diff);
    diff_close(&diff);
    draft_free(&expanded);
    arena_free(&arena);
    return good;
}

// The keeper maps it in its own thread, with what it has mapped already; the store has just read
// what must be read of it.
static bool
place_take(struct publication *publication)
{
    const struct version *current = store_current(*publication->store);
    if (!current || version_facts(current)->sequence == publication->mapped)
        return true;
    publication->has_place =
        store_place(*publication->store, &publication->place, &publication->fault);
    publication->place.whole = true;
    return publication->has_place;
}

void
publication_prepare(struct publication *publication)
{
    if (store_ready(publication))
        publication->had_version = store_current(*publication->store) != NULL;
}

void
publication_open(struct publication *publication, const char *path, struct hash_digest *ret_source)
{
    struct source_files files, now;
    size_t looked_into;
    publication_prepare(publication);
    if (!publication->had_version || !path || !source_mark_read(publication->directory, &files))
        return;
    publication->marked = source_files_compare(&files, path, publication->now, &now,
                                               &looked_into) == SOURCE_FILES_SAME &&
                          source_files_digest(&now, ret_source);
    if (publication->marked)
        place_take(publication);
    source_files_close(&files);
    source_files_close(&now);
}

// No mark may speak of a version that is not of its files, so the old one goes before.
static bool
marked_publish(struct publication *publication, const struct version *current)
{
    if (!publication->marked && !source_mark_remove(publication->directory, &publication->fault))
        return false;
    bool good = current ? next_publish(publication, current) : whole_publish(publication, current);
    current = store_current(*publication->store);
    if (!good && current && publication->fault.kind == FAULT_CORRUPT) {
        publication->fault = (struct fault){0};
        good = whole_publish(publication, current);
    }
    if (good && !publication->marked)
        source_mark_write(publication->directory, &publication->source->files);
    return good;
}

static bool
upkeep_is_due(const struct publication *publication)
{
    return store_wants_merge(*publication->store) || store_wants_compact(*publication->store);
}

void
publication_run(struct publication *publication)
{
    if (!store_ready(publication))
        return;
    const struct version *current = store_current(*publication->store);
    publication->had_version = current != NULL;
    publication->old_serial = current ? version_facts(current)->signed_serial : 0;
    bool good = marked_publish(publication, current);
    good = place_take(publication) && good;
    publication->upkeep_wanted = publication->changed && upkeep_is_due(publication);
    store_sizes(*publication->store, &publication->sizes);
    publication->good = good;
}

void
publication_keep_up(struct publication *publication)
{
    struct store *store = *publication->store;
    publication->good = (!store_wants_merge(store) || store_merge(store, &publication->fault)) &&
                        (!store_wants_compact(store) || store_compact(store, &publication->fault));
    publication->good = place_take(publication) && publication->good;
    publication->upkeep_wanted = publication->good && upkeep_is_due(publication);
    store_sizes(store, &publication->sizes);
}
