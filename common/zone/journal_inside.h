// A step as it stands in the heap. Inner to the room: journal.c reads, journal_write.c writes.
#ifndef TANDEM_ZONE_JOURNAL_INSIDE_H
#define TANDEM_ZONE_JOURNAL_INSIDE_H

#include "common/zone/heap.h"
#include "common/zone/journal.h"

#define JOURNAL_MAGIC 0x50455453U // "STEP": never what the fourth word of a node record says (0)

// The header, native little-endian, 8-aligned; items follow, and zeros up to a multiple of 8.
struct journal_record {
    uint32_t crc;       // CRC32C of the header behind this field
    uint32_t items_crc; // of the items
    uint32_t reserved;  // 0
    uint32_t magic;
    uint64_t items_length;
    uint64_t previous; // offset of the step before in the same heap, smaller than this one's; 0: none
    uint32_t from_serial, to_serial;
};
#define JOURNAL_CRC_FROM offsetof(struct journal_record, items_crc)

// What begins an item: an RR without what it shares with the RR before it. In this order follow: the owner's wire
// name, type (16 bits) and TTL (32), RDLENGTH (16) and RDATA, all in network order.
#define JOURNAL_ITEM_OWNER 0x01 // an owner is told, else the last one holds
#define JOURNAL_ITEM_TYPE  0x02 // type and TTL are told, else the last ones hold
#define JOURNAL_ITEM_ADDED 0x04 // from this item on RRs come, and no longer go

static inline uint64_t
journal_record_octets(const struct journal_record *record)
{
    return sizeof *record + ((record->items_length + 7) & ~UINT64_C(7));
}
static inline const uint8_t *
journal_record_items(const struct journal_record *record)
{
    return (const uint8_t *)(record + 1);
}
// The step at this offset of the current generation, or NULL where none stands whole: the header is checked, the
// items lie inside the heap, and the step before lies before.
const struct journal_record *journal_record_at(const struct heap_view *heaps, uint64_t offset);
// Its items are whole too: checksum, shape, and the two SOAs with the header's serials.
bool journal_record_check(const struct journal_record *record);
// The serial in the SOA of an apex record; false where there is not exactly one SOA. ret_soa: its RR (may be NULL).
bool journal_apex_serial(const struct node *apex, uint32_t *ret_serial, struct rr *ret_soa);

#endif
