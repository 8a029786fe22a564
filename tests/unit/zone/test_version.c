// Versions in another process, and what successive versions share.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/base/hash.h"
#include "common/zone/version_inside.h"
#include "tests/support/store_bed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PUBLISHES  1000
#define SENT_EVERY 10

// What the parent sends with the descriptors.
struct sent {
    struct version_place place; // its descriptors are -1 or 0, 1, 2, 3: which of those sent
    uint32_t serial;
    uint32_t crc; // of all records
};

static uint32_t
version_crc(const struct version *version)
{
    struct octets_buffer octets;
    octets_buffer_init(&octets);
    if (!version_dump(version, &octets))
        abort();
    uint32_t crc = hash_crc32c(0, octets.data, octets.length);
    octets_buffer_close(&octets);
    return crc;
}

static void
sent_pack(int *descriptor, int *descriptors, unsigned *count)
{
    if (*descriptor < 0)
        return;
    descriptors[*count] = *descriptor;
    *descriptor = (int)(*count)++;
}

static void
version_send(int socket, const struct store *store)
{
    struct sent sent = {.serial = version_facts(store_current(store))->signed_serial,
                        .crc = version_crc(store_current(store))};
    int descriptors[VERSION_DESCRIPTORS_MAX];
    unsigned count = 0;
    struct fault fault;
    assert_true(store_place(store, &sent.place, &fault));
    struct version_place place = sent.place;
    sent_pack(&sent.place.heap, descriptors, &count);
    sent_pack(&sent.place.old_heap, descriptors, &count);
    sent_pack(&sent.place.base, descriptors, &count);
    sent_pack(&sent.place.index, descriptors, &count);
    _Alignas(8) char control[CMSG_SPACE(sizeof descriptors)];
    struct iovec part = {.iov_base = &sent, .iov_len = sizeof sent};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = CMSG_SPACE(count * sizeof(int))};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(count * sizeof(int));
    memcpy(CMSG_DATA(head), descriptors, count * sizeof(int));
    assert_int_equal(sendmsg(socket, &message, 0), sizeof sent);
    version_place_close(&place);
}

static bool
version_receive(int socket, struct sent *ret_sent)
{
    int descriptors[VERSION_DESCRIPTORS_MAX];
    _Alignas(8) char control[CMSG_SPACE(sizeof descriptors)];
    struct iovec part = {.iov_base = ret_sent, .iov_len = sizeof *ret_sent};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
    if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != sizeof *ret_sent)
        return false;
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    memcpy(descriptors, CMSG_DATA(head), head->cmsg_len - CMSG_LEN(0));
    int *places[] = {&ret_sent->place.heap, &ret_sent->place.old_heap, &ret_sent->place.base,
                     &ret_sent->place.index};
    for (unsigned i = 0; i < 4; i++)
        if (*places[i] >= 0)
            *places[i] = descriptors[*places[i]];
    return true;
}

// A server: maps what it is sent, and all the while sees in every version what was sent with it.
// Exit code 0: so it was.
static int
server_run(int socket)
{
    const struct version *first = NULL, *now = NULL;
    struct sent sent;
    uint32_t first_crc = 0;
    unsigned count = 0;
    for (; version_receive(socket, &sent); count++) {
        const struct version *next;
        struct fault fault;
        if (!version_map(&sent.place, now, &next, &fault)) {
            fprintf(stderr, "%s\n", fault.text);
            return 1;
        }
        version_place_close(&sent.place);
        if (version_facts(next)->signed_serial != sent.serial || version_crc(next) != sent.crc)
            return 2;
        if (!first) {
            first = version_hold(next);
            first_crc = sent.crc;
        }
        version_drop(&now);
        now = next;
        if (version_crc(first) != first_crc)
            return 3;
    }
    version_drop(&first);
    version_drop(&now);
    return count == PUBLISHES / SENT_EVERY ? 0 : 4;
}

static void
bed_move(struct store_bed *bed, unsigned i)
{
    struct fault fault;
    store_bed_edit(bed, 2);
    if (i % 97 == 50)
        store_bed_publish_draft(bed);
    else
        store_bed_publish_diff(bed);
    if (i % 29 == 7)
        assert_true(store_merge(bed->store, &fault));
    if (i % 41 == 9)
        assert_true(store_compact(bed->store, &fault));
}

static void
a_server_sees_whole_versions_while_the_store_publishes_a_thousand_times(void **state)
{
    (void)state;
    struct store_options options = {.overlay_entries_max = 40, .compact_octets_max = 2000};
    struct store_bed bed;
    int sockets[2], status;
    store_bed_open(&bed, 21, &options);
    store_bed_edit(&bed, 20);
    store_bed_publish_draft(&bed);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets), 0);
    pid_t server = fork();
    assert_true(server >= 0);
    if (server == 0) {
        close(sockets[0]);
        _exit(server_run(sockets[1]));
    }
    close(sockets[1]);
    for (unsigned i = 0; i < PUBLISHES; i++) {
        bed_move(&bed, i);
        if (i % SENT_EVERY == 0)
            version_send(sockets[0], bed.store);
    }
    close(sockets[0]);
    assert_int_equal(waitpid(server, &status, 0), server);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    store_bed_close(&bed);
}

static void
the_next_version_shares_the_maps_of_heap_and_base(void **state)
{
    (void)state;
    struct store_bed bed;
    store_bed_open(&bed, 22, NULL);
    store_bed_edit(&bed, 20);
    store_bed_publish_draft(&bed);
    const struct version *first = version_hold(store_current(bed.store));
    for (unsigned i = 0; i < 5; i++) {
        store_bed_edit(&bed, 2);
        store_bed_publish_diff(&bed);
        const struct version *next = store_current(bed.store);
        assert_ptr_not_equal(next, first);
        assert_ptr_equal(next->heap, first->heap);
        assert_ptr_equal(next->base, first->base);
    }
    version_drop(&first);
    store_bed_close(&bed);
}

static void
a_heap_that_outgrows_its_reserve_is_mapped_anew(void **state)
{
    (void)state;
    struct store_bed bed;
    struct octets_buffer before, after;
    octets_buffer_init(&before);
    octets_buffer_init(&after);
    store_bed_open(&bed, 23, NULL);
    store_bed_publish_draft(&bed);
    const struct version *first = version_hold(store_current(bed.store));
    assert_true(version_dump(first, &before));
    unsigned i = 0;
    while (store_current(bed.store)->heap == first->heap) {
        // An RRset of 3,000 octets that changes each time.
        struct draft *draft = draft_new(bed.model.apex);
        uint8_t rdata[3000];
        memset(rdata, (int)i, sizeof rdata);
        uint8_t name[NAME_SIZE_MAX];
        model_random_name(&bed.model, &bed.random, 1, name);
        assert_true(draft_add(draft, name, 65280, 60, rdata, sizeof rdata, NULL));
        assert_true(draft_seal(draft, NULL, NULL));
        struct diff diff;
        diff_init(&diff);
        diff_add(&diff, NULL, draft_find(draft, name));
        struct version_facts facts = {.signed_serial = i};
        struct fault fault;
        assert_true(store_publish_diff(bed.store, &diff, &facts, &fault));
        diff_close(&diff);
        draft_free(&draft);
        assert_true(++i < 100);
    }
    assert_true(i > 10);
    assert_true(version_dump(first, &after));
    assert_int_equal(before.length, after.length);
    assert_memory_equal(before.data, after.data, before.length);
    octets_buffer_close(&before);
    octets_buffer_close(&after);
    version_drop(&first);
    store_bed_close(&bed);
}

static void
descriptors_of_another_version_are_refused(void **state)
{
    (void)state;
    struct store_bed bed, other;
    struct version_place place, other_place;
    struct fault fault;
    const struct version *version;
    store_bed_open(&bed, 24, NULL);
    store_bed_open(&other, 25, NULL);
    store_bed_publish_draft(&bed);
    store_bed_publish_draft(&other);
    store_bed_edit(&bed, 9);
    store_bed_publish_diff(&bed);
    store_bed_edit(&other, 9);
    store_bed_publish_diff(&other);
    assert_true(store_place(bed.store, &place, &fault));
    assert_true(store_place(other.store, &other_place, &fault));
    // Base of another store, overlay without a base, full index where an overlay should be.
    struct version_place mixed = place;
    mixed.base = other_place.base;
    mixed.base_length = other_place.base_length;
    assert_false(version_map(&mixed, NULL, &version, &fault));
    assert_int_equal(fault.kind, FAULT_CORRUPT);
    mixed = place;
    mixed.base = -1;
    assert_false(version_map(&mixed, NULL, &version, &fault));
    assert_int_equal(fault.kind, FAULT_CORRUPT);
    mixed = place;
    mixed.index = place.base;
    mixed.index_length = place.base_length;
    assert_false(version_map(&mixed, NULL, &version, &fault));
    assert_int_equal(fault.kind, FAULT_CORRUPT);
    mixed = place;
    mixed.heap = place.index;
    assert_false(version_map(&mixed, NULL, &version, &fault));
    version_place_close(&place);
    version_place_close(&other_place);
    store_bed_close(&bed);
    store_bed_close(&other);
}

static void
small_zones_may_share_a_file(void **state)
{
    (void)state;
    struct store_bed bed;
    struct version_place place;
    struct fault fault = {.text = ""};
    const struct version *version;
    char path[STORE_DIRECTORY_MAX + 8];
    uint8_t octets[65536];
    store_bed_open(&bed, 26, NULL);
    store_bed_edit(&bed, 9);
    store_bed_publish_draft(&bed);
    assert_true(store_place(bed.store, &place, &fault));
    snprintf(path, sizeof path, "%s/pool", bed.path);
    int pool = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true(pool >= 0);
    assert_true(place.index_length <= sizeof octets);
    assert_int_equal(pread(place.index, octets, place.index_length, 0), place.index_length);
    assert_int_equal(pwrite(pool, octets, place.index_length, 5000), place.index_length);
    close(place.index);
    place.index = pool;
    place.index_offset = 5000;
    if (!version_map(&place, NULL, &version, &fault))
        fail_msg("%s", fault.text);
    assert_true(model_is_version(&bed.model, version));
    version_drop(&version);
    version_place_close(&place);
    unlink(path);
    store_bed_close(&bed);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_sees_whole_versions_while_the_store_publishes_a_thousand_times),
        cmocka_unit_test(the_next_version_shares_the_maps_of_heap_and_base),
        cmocka_unit_test(a_heap_that_outgrows_its_reserve_is_mapped_anew),
        cmocka_unit_test(descriptors_of_another_version_are_refused),
        cmocka_unit_test(small_zones_may_share_a_file),
    };
    store_io_without_sync();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
