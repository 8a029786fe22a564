#include "tests/support/zone_fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/dns/rdata.h"
#include "common/dns/rrtype.h"
#include "common/zone/find.h"
#include "common/zone/zonefile_read.h"

static bool
draft_read(const char *zone_file, struct draft *draft, struct fault *fault)
{
    struct vector errors;
    struct zonefile_options options = {0};
    bool read = zonefile_read(zone_file, draft, &options, &errors);
    if (!read && errors.count > 0) {
        char text[FAULT_TEXT_MAX / 2];
        zonefile_error_text(vector_at(&errors, 0), text, sizeof text);
        fault_set(fault, FAULT_SYNTAX, "%s", text);
    }
    zonefile_errors_close(&errors);
    return read && draft_seal(draft, NULL, fault);
}

static bool
facts_read(const struct draft *draft, struct version_facts *ret_facts, struct fault *fault)
{
    const struct node *apex = draft_find(draft, draft_apex(draft));
    struct rrset rrset;
    struct rr rr;
    struct rdata_soa soa;
    uint32_t position = 0;
    if (!apex || !node_rrset_find(apex, RRTYPE_SOA, &rrset) ||
        !rrset_next(rrset.wire, rrset.wire_length, &position, &rr) ||
        !rdata_soa_read(rr.rdata, rr.rdlength, &soa))
        return fault_set(fault, FAULT_SYNTAX, "the zone has no SOA at its apex");
    *ret_facts = (struct version_facts){
        .unsigned_serial = soa.serial,
        .signed_serial = soa.serial,
        .is_signed = rrset.signature_count > 0,
        .soa_expire_seconds = soa.expire,
    };
    return true;
}

bool
zone_freeze(const char *apex_text, const char *zone_file, const char *directory,
            struct fault *fault)
{
    uint8_t apex[NAME_SIZE_MAX];
    const uint8_t root[] = {0};
    struct store *store = NULL;
    struct version_facts facts;
    if (!name_from_text(apex_text, root, apex, fault))
        return false;
    struct draft *draft = draft_new(apex);
    bool done = draft_read(zone_file, draft, fault) && facts_read(draft, &facts, fault) &&
                store_open(directory, apex, NULL, &store, NULL, fault) &&
                store_publish_draft(store, draft, &facts, fault);
    if (store)
        store_close(&store);
    draft_free(&draft);
    return done || fault_wrap(fault, "%s", zone_file);
}

static void
fixture_check(bool good, const struct fault *fault)
{
    if (good)
        return;
    fprintf(stderr, "zone fixture: %s\n", fault->text);
    abort();
}

static void
fixture_map(struct zone_fixture *fixture)
{
    struct fault fault = {0};
    struct version_place place;
    fixture_check(store_place(fixture->store, &place, &fault), &fault);
    fixture_check(version_map(&place, NULL, &fixture->version, &fault), &fault);
    version_place_close(&place);
}

void
zone_fixture_open(struct zone_fixture *fixture, const char *apex_text, const char *zone_file)
{
    struct fault fault = {0};
    uint8_t apex[NAME_SIZE_MAX];
    const uint8_t root[] = {0};
    snprintf(fixture->directory, sizeof fixture->directory, "/tmp/tandem-zone-XXXXXX");
    if (!mkdtemp(fixture->directory))
        abort();
    fixture_check(zone_freeze(apex_text, zone_file, fixture->directory, &fault), &fault);
    fixture_check(name_from_text(apex_text, root, apex, &fault), &fault);
    fixture_check(store_open(fixture->directory, apex, NULL, &fixture->store, NULL, &fault),
                  &fault);
    fixture_map(fixture);
}

void
zone_fixture_damage(struct zone_fixture *fixture, const char *owner_text)
{
    struct fault fault = {0};
    uint8_t owner[NAME_SIZE_MAX];
    static uint8_t heap[1 << 20];
    char path[96];
    fixture_check(
        name_from_text(owner_text, version_apex(store_current(fixture->store)), owner, &fault),
        &fault);
    bool damaged;
    const struct node *node = zone_find_record(store_current(fixture->store), owner, &damaged);
    snprintf(path, sizeof path, "%s/heap.1", fixture->directory);
    int descriptor = open(path, O_RDWR);
    ssize_t length = read(descriptor, heap, sizeof heap);
    const uint8_t *at =
        node && length > 0 ? memmem(heap, (size_t)length, node, node_size(node)) : NULL;
    if (!at)
        abort();
    size_t place = (size_t)(at - heap) + node_size(node) / 2;
    uint8_t flipped = heap[place] ^ 1;
    if (pwrite(descriptor, &flipped, 1, (off_t)place) != 1)
        abort();
    close(descriptor);
    version_drop(&fixture->version);
    fixture_map(fixture);
}

static void
directory_remove(const char *path)
{
    char file[512];
    DIR *directory = opendir(path);
    struct dirent *entry;
    while (directory && (entry = readdir(directory)))
        if (snprintf(file, sizeof file, "%s/%s", path, entry->d_name) < (int)sizeof file)
            unlink(file);
    if (directory)
        closedir(directory);
    rmdir(path);
}

void
zone_fixture_close(struct zone_fixture *fixture)
{
    version_drop(&fixture->version);
    store_close(&fixture->store);
    directory_remove(fixture->directory);
}
