// needs: zone test_support
// A file of a pool with octets changed and the checksums of its entries made right again: entries
// are left out, or a version maps, or is refused, and nothing leaves the file. Input: one octet of
// switches, then changes of four octets: place (three octets), value.
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/hash.h"
#include "common/zone/zone_pool_segment.h"
#include "tests/support/pool_bed.h"
#include "tests/support/store_bed.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length);

#define ZONES 3
enum { SWITCH_KEEP_ENTRY_CRC = 1, SWITCH_KEEP_CONTENT_CRC = 2 };

static struct pool_bed bed;
static uint8_t *content;
static size_t content_length;
static char path[STORE_DIRECTORY_MAX];

static void
content_make(void)
{
    struct zone_pool_place place;
    store_io_without_sync();
    pool_bed_open(&bed, ZONES, NULL);
    for (size_t i = 0; i < 2 * ZONES; i++) {
        pool_bed_edit(&bed, i % ZONES, 6);
        pool_bed_publish(&bed, i % ZONES);
    }
    ENSURE(store_pool_place(bed.zones[0].store, &place));
    struct heap_map *map = zone_pool_map(bed.pool, place.segment);
    content_length = (size_t)map->length;
    content = malloc(content_length);
    ENSURE(content);
    memcpy(content, map->octets, content_length);
    pool_bed_shut(&bed);
    store_directory_make(path);
}

// Where entries stood, and as long as they were.
static void
entries_mend(uint8_t *octets, uint8_t switches)
{
    struct zone_pool_entry stood, entry;
    for (size_t at = ZONE_POOL_FIRST; at < content_length; at += stood.length) {
        memcpy(&stood, content + at, sizeof stood);
        memcpy(&entry, octets + at, sizeof entry);
        if (!(switches & SWITCH_KEEP_CONTENT_CRC) && entry.length >= sizeof entry &&
            entry.length <= content_length - at)
            entry.content_crc =
                hash_crc32c(0, octets + at + sizeof entry, entry.length - sizeof entry);
        size_t from = offsetof(struct zone_pool_entry, content_crc);
        if (!(switches & SWITCH_KEEP_ENTRY_CRC))
            entry.crc = hash_crc32c(0, (const uint8_t *)&entry + from, sizeof entry - from);
        memcpy(octets + at, &entry, sizeof entry);
    }
}

static void
file_write(const uint8_t *octets)
{
    char name[STORE_DIRECTORY_MAX + ZONE_POOL_NAME_MAX + 2];
    snprintf(name, sizeof name, "%s/pool.1", path);
    int file = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ENSURE(file >= 0 && write(file, octets, content_length) == (ssize_t)content_length);
    close(file);
}

static void
zones_try(void)
{
    static struct pool_bed other;
    ENSURE(pool_bed_open_copy(&bed, path, &other));
    for (size_t i = 0; i < ZONES; i++) {
        const struct version *version = store_current(other.zones[i].store);
        struct octets_buffer octets;
        octets_buffer_init(&octets);
        if (version) {
            version_dump(version, &octets);
            journal_dump(version, &octets);
        }
        octets_buffer_close(&octets);
    }
    pool_bed_shut(&other);
}

int
LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
    if (!content)
        content_make();
    uint8_t *changed = malloc(content_length);
    ENSURE(changed);
    memcpy(changed, content, content_length);
    for (size_t at = 1; at + 4 <= length; at += 4) {
        uint32_t place = octets_get_u32(octets + at) >> 8;
        changed[place % content_length] = octets[at + 3];
    }
    entries_mend(changed, length ? octets[0] : 0);
    file_write(changed);
    free(changed);
    zones_try();
    return 0;
}
