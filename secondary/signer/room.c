// How much is a signed zone that is not there yet?
//
// Every RRset is at least one RR, so the number of RRs bounds the number of signatures; the next
// names of all NSECs together are the owners once more; an NSEC3 is a record of its own with a
// signature of its own. A version that is signed again is written anew as a whole: what it has,
// less its signatures, and new ones. Against what is really written the estimate is 1.0 to 2.5
// times as much (tests/unit/signer/test_room.c).
#include "secondary/signer/room.h"

#include <errno.h>
#include <sys/statvfs.h>

#include "common/dns/name.h"
#include "common/dns/nsec3_hash.h"

#define RR_HEAD         12                  // slot, type, class, TTL, length
#define RRSIG_HEAD      18                  // RFC 4034 section 3.1, without signer and signature
#define SIGNATURE_LEAST 64                  // of any algorithm
#define BITMAP_USUAL    34                  // all types below 256: window, length, 32 octets
#define RECORD_HEAD     48                  // of a record, RRset heads and alignment
#define OWNER_USUAL     48                  // an owner whose record is not looked at
#define INDEX_OCTETS    80                  // of a full index for each name
#define SLACK_OCTETS    ((uint64_t)1 << 20) // heads of files, the apex, steps of growth

struct content {
    uint64_t names, rrs, octets, owner_octets;
};

static void
count_node(const struct node *node, struct content *content)
{
    content->names++;
    content->octets += node_size(node);
    content->owner_octets += name_length(node_owner(node));
    for (unsigned i = 0; i < node_rrset_count(node); i++) {
        struct rrset rrset;
        node_rrset_at(node, i, &rrset);
        content->rrs++;
    }
}

static size_t
rrsig_octets(const struct room_work *work, size_t signatures_octets)
{
    return RR_HEAD + RRSIG_HEAD + work->apex_octets + signatures_octets;
}

static void
count_current(const struct room_work *work, struct content *content)
{
    const struct version_facts *facts = version_facts(work->current);
    uint64_t signatures = facts->signature_count * rrsig_octets(work, SIGNATURE_LEAST);
    content->names += facts->node_count;
    content->rrs += facts->rr_count;
    content->octets += work->current_octets > signatures ? work->current_octets - signatures
                                                         : work->current_octets;
    content->owner_octets += facts->node_count * OWNER_USUAL;
}

// NSEC or NSEC3 of every name, with their signatures.
static uint64_t
denial_octets(const struct room_work *work, const struct content *content)
{
    uint64_t each = RR_HEAD + BITMAP_USUAL + rrsig_octets(work, work->signature_octets);
    if (work->nsec3)
        return content->names * (each + RECORD_HEAD + 1 + NSEC3_LABEL_SIZE + work->apex_octets + 6 +
                                 NSEC3_HASH_SIZE + INDEX_OCTETS);
    return content->names * each + content->owner_octets;
}

uint64_t
room_needed(const struct room_work *work)
{
    struct content content = {.names = work->due_count,
                              .rrs = work->due_count,
                              .owner_octets = work->due_count * OWNER_USUAL,
                              .octets = work->due_count * (RECORD_HEAD + OWNER_USUAL)};
    for (size_t i = 0; work->changes && i < work->changes->count; i++)
        if (work->changes->entries[i].new_node)
            count_node(work->changes->entries[i].new_node, &content);
    if (work->current)
        count_current(work, &content);
    if (content.names < ROOM_RECORDS_LEAST)
        return 0;
    uint64_t octets = content.octets + content.rrs * rrsig_octets(work, work->signature_octets) +
                      denial_octets(work, &content) + content.names * (RECORD_HEAD + INDEX_OCTETS);
    return octets + octets / 8 + SLACK_OCTETS;
}

bool
room_free(const char *directory, uint64_t *ret_octets, struct fault *fault)
{
    struct statvfs status;
    if (statvfs(directory, &status) != 0)
        return fault_set_errno(fault, errno, "cannot ask for the room in %s", directory);
    *ret_octets = (uint64_t)status.f_bavail * status.f_frsize;
    return true;
}
