#include "secondary/signer/sign/verify_damage.h"

#ifdef TANDEM_SANITIZED

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/fault.h"
#include "common/base/hash.h"
#include "common/dns/rrtype.h"

#define HEAD         12 // octets of an RR before its RDATA
#define ORIGINAL_TTL 4  // in an RRSIG's RDATA
#define ANY          0

static const struct damage {
    const char *word;
    uint16_t types[2]; // of the RRset, either
    bool of_signature;
    bool from_end;
    uint32_t offset; // of the octet, from the beginning or the end of the run
} damages[] = {
    {"signature", {ANY, ANY}, true, true, 3},
    {"data", {RRTYPE_A, RRTYPE_AAAA}, false, true, 1},
    {"ttl", {ANY, ANY}, true, false, HEAD + ORIGINAL_TTL + 3},
    {"next", {RRTYPE_NSEC, RRTYPE_NSEC3}, false, false, HEAD + 6},
    {"bitmap", {RRTYPE_NSEC, RRTYPE_NSEC3}, false, true, 1},
    {"key", {RRTYPE_DNSKEY, RRTYPE_DNSKEY}, false, true, 1},
    {"zonemd", {RRTYPE_ZONEMD, RRTYPE_ZONEMD}, false, true, 1},
};

static const struct damage *
wanted_damage(void)
{
    char word[32] = "";
    const char *path = getenv(VERIFY_DAMAGE_VARIABLE);
    FILE *file = path ? fopen(path, "re") : NULL;
    if (!file)
        return NULL;
    if (fscanf(file, "%31s", word) != 1)
        word[0] = '\0';
    fclose(file);
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++)
        if (strcmp(damages[i].word, word) == 0)
            return &damages[i];
    return NULL;
}

static bool
fits(const struct damage *damage, const struct rrset *rrset)
{
    return rrset->signature_count > 0 &&
           (damage->types[0] == ANY || rrset->type == damage->types[0] ||
            rrset->type == damage->types[1]);
}

// Who signs wrongly writes a sound record all the same: the checksum that it begins with is made
// anew.
static void
node_seal_again(const struct node *node)
{
    uint8_t *octets = (uint8_t *)(uintptr_t)node; // a new record stands in the arena of its job
    uint32_t crc = hash_crc32c(0, octets + sizeof crc, node_size(node) - sizeof crc);
    memcpy(octets, &crc, sizeof crc);
    ENSURE(node_check(octets, node_size(node)));
}

static bool
node_damage(const struct damage *damage, const struct diff_entry *entry)
{
    for (unsigned i = 0; i < node_rrset_count(entry->new_node); i++) {
        struct rrset rrset, old;
        node_rrset_at(entry->new_node, i, &rrset);
        bool fresh = !entry->old_node || !node_rrset_find(entry->old_node, rrset.type, &old) ||
                     !rrset_equal(&old, &rrset, true);
        if (!fits(damage, &rrset) || (!fresh && damage->types[0] != RRTYPE_DNSKEY))
            continue;
        const uint8_t *run = damage->of_signature ? rrset.signatures : rrset.wire;
        uint32_t length = damage->of_signature ? rrset.signatures_length : rrset.wire_length;
        uint32_t at = damage->from_end ? length - damage->offset : damage->offset;
        *(uint8_t *)(uintptr_t)(run + at) ^= 1;
        node_seal_again(entry->new_node);
        return true;
    }
    return false;
}

void
verify_damage(const struct diff *diff)
{
    const struct damage *damage = wanted_damage();
    for (size_t i = diff->count; damage && i-- > 0;)
        if (diff->entries[i].new_node && node_damage(damage, &diff->entries[i]))
            return;
}

#endif
