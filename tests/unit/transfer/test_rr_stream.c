#include "common/transfer/rr_stream.h"

#include "common/base/arena.h"
#include "common/base/hash.h"
#include "common/dns/rrtype.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static uint8_t apex[NAME_SIZE_MAX];
static uint8_t www[NAME_SIZE_MAX];
static uint8_t elsewhere[NAME_SIZE_MAX];

static int
names_make(void **state)
{
    (void)state;
    assert_true(name_from_text("example.gov.", NULL, apex, NULL));
    assert_true(name_from_text("www.example.gov.", NULL, www, NULL));
    assert_true(name_from_text("www.example.com.", NULL, elsewhere, NULL));
    return 0;
}

static void
add_a(struct rr_stream_writer *writer, const uint8_t *owner, uint8_t last)
{
    const uint8_t rdata[4] = {192, 0, 2, last};
    rr_stream_add(writer, owner, RRTYPE_A, 60, rdata, sizeof(rdata));
}

static void
what_was_written_is_read(void **state)
{
    (void)state;
    struct rr_stream_writer writer;
    struct rr_stream_reader *reader = memory_alloc(sizeof(*reader));
    struct rr_stream_rr rr;
    uint8_t upper[NAME_SIZE_MAX];
    name_copy(upper, www);
    memcpy(upper + 1, "WwW", 3);
    rr_stream_writer_init(&writer, apex, -1);
    add_a(&writer, apex, 1);
    add_a(&writer, www, 2);
    add_a(&writer, upper, 3);
    assert_true(rr_stream_end(&writer, NULL));
    assert_true(rr_stream_reader_init(reader, writer.buffer.data, writer.buffer.length, NULL));
    assert_true(name_equal(reader->apex, apex));
    const uint8_t *owners[3] = {apex, www, www};
    for (uint8_t i = 0; i < 3; i++) {
        assert_int_equal(rr_stream_next(reader, &rr, NULL), RR_STREAM_RR);
        assert_true(name_equal(rr.owner, owners[i]));
        assert_int_equal(rr.type, RRTYPE_A);
        assert_int_equal(rr.ttl, 60);
        assert_int_equal(rr.rdlength, 4);
        assert_int_equal(rr.rdata[3], i + 1);
    }
    assert_int_equal(rr_stream_next(reader, &rr, NULL), RR_STREAM_DONE);
    assert_int_equal(rr_stream_next(reader, &rr, NULL), RR_STREAM_DONE);
    assert_int_equal(reader->count, 3);
    rr_stream_reader_close(reader);
    free(reader);
    rr_stream_writer_close(&writer);
}

static void
a_stream_in_a_sealed_memfd_comes_back_whole(void **state)
{
    (void)state;
    enum { COUNT = 60000 }; // several flushes
    struct rr_stream_writer writer;
    struct rr_stream_reader *reader = memory_alloc(sizeof(*reader));
    struct rr_stream_rr rr;
    struct fault fault = {0};
    int fd = rr_stream_memfd("test", NULL);
    assert_true(fd >= 0);
    rr_stream_writer_init(&writer, apex, fd);
    for (unsigned i = 0; i < COUNT; i++)
        add_a(&writer, i & 1 ? www : apex, (uint8_t)i);
    assert_true(rr_stream_end(&writer, NULL));
    assert_int_equal(lseek(fd, 0, SEEK_END), rr_stream_size(&writer));
    assert_false(rr_stream_reader_map(reader, fd, RR_STREAM_SIZE_MAX, &fault));
    assert_non_null(strstr(fault.text, "not sealed"));
    assert_true(rr_stream_seal(fd, NULL));
    assert_int_equal(write(fd, "x", 1), -1);
    assert_false(rr_stream_reader_map(reader, fd, 1000, &fault));
    assert_int_equal(fault.kind, FAULT_LIMIT);
    assert_true(rr_stream_reader_map(reader, fd, RR_STREAM_SIZE_MAX, NULL));
    close(fd);
    unsigned count = 0;
    while (rr_stream_next(reader, &rr, NULL) == RR_STREAM_RR)
        assert_int_equal(rr.rdata[3], count++ & 255);
    assert_true(reader->ended);
    assert_int_equal(count, COUNT);
    rr_stream_reader_close(reader);
    free(reader);
    rr_stream_writer_close(&writer);
}

static void
a_full_disk_is_told_at_the_end(void **state)
{
    (void)state;
    struct rr_stream_writer writer;
    struct fault fault = {0};
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    close(ends[1]); // a descriptor that cannot be written
    rr_stream_writer_init(&writer, apex, ends[0]);
    add_a(&writer, apex, 1);
    assert_false(rr_stream_end(&writer, &fault));
    assert_int_equal(fault.kind, FAULT_IO);
    close(ends[0]);
    rr_stream_writer_close(&writer);
}

// Reads on by views, which must say what rr_stream_next says of a second reader.
static enum rr_stream_step
read_views(struct rr_stream_reader *reader, struct rr_stream_reader *other)
{
    struct rr_stream_view view;
    struct rr_stream_rr rr, expected;
    for (;;) {
        enum rr_stream_step step = rr_stream_next_view(reader, &view, NULL);
        if (step == RR_STREAM_RR && !rr_stream_check_view(reader, &view, &rr, NULL))
            step = RR_STREAM_BAD;
        enum rr_stream_step expected_step = rr_stream_next(other, &expected, NULL);
        assert_int_equal(step, expected_step);
        if (step != RR_STREAM_RR)
            return step;
        assert_true(name_equal(rr.owner, expected.owner));
        assert_int_equal(view.owner_length, name_length(rr.owner));
        assert_int_equal(rr.type, expected.type);
        assert_int_equal(rr.ttl, expected.ttl);
        assert_int_equal(rr.rdlength, expected.rdlength);
        assert_memory_equal(rr.rdata, expected.rdata, rr.rdlength);
    }
}

// The result of reading a stream to its end, by both ways.
static enum rr_stream_step
read_all(const uint8_t *octets, size_t length, struct fault *fault)
{
    struct rr_stream_reader *reader = memory_alloc(sizeof(*reader));
    struct rr_stream_reader *views = memory_alloc(sizeof(*reader));
    struct rr_stream_reader *other = memory_alloc(sizeof(*reader));
    struct rr_stream_rr rr;
    enum rr_stream_step step = RR_STREAM_BAD;
    uint8_t *exact = memory_alloc(length + 1);
    memcpy(exact, octets, length);
    if (rr_stream_reader_init(reader, exact, length, fault)) {
        assert_true(rr_stream_reader_init(views, exact, length, NULL));
        assert_true(rr_stream_reader_init(other, exact, length, NULL));
        if (!reader->is_delta)
            read_views(views, other);
        do
            step = rr_stream_next(reader, &rr, fault);
        while (step == RR_STREAM_RR);
    }
    free(exact);
    free(reader);
    free(views);
    free(other);
    return step;
}

static void
every_cut_and_every_flipped_bit_is_found(void **state)
{
    (void)state;
    struct rr_stream_writer writer;
    rr_stream_writer_init(&writer, apex, -1);
    add_a(&writer, apex, 1);
    add_a(&writer, www, 2);
    assert_true(rr_stream_end(&writer, NULL));
    uint8_t *octets = writer.buffer.data;
    size_t length = writer.buffer.length;
    assert_int_equal(read_all(octets, length, NULL), RR_STREAM_DONE);
    for (size_t cut = 0; cut < length; cut++)
        assert_int_equal(read_all(octets, cut, NULL), RR_STREAM_BAD);
    for (size_t bit = 0; bit < length * 8; bit++) {
        octets[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_equal(read_all(octets, length, NULL), RR_STREAM_BAD);
        octets[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    rr_stream_writer_close(&writer);
}

// One stream of a SOA, two addresses at www and one at the apex, and a TXT longer than a SOA.
#define TEXT_SIZE 40
struct content {
    uint32_t serial, refresh, ttl;
    uint8_t first, second;
    uint8_t text[TEXT_SIZE];
    bool other_order;
};

static void
digest_of(const struct content *content, int fd, struct hash_digest *ret_digest)
{
    struct rr_stream_writer writer;
    uint8_t soa[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    octets_put_u32(soa + 2, content->serial);
    octets_put_u32(soa + 6, content->refresh);
    rr_stream_writer_init(&writer, apex, fd);
    rr_stream_add(&writer, apex, RRTYPE_SOA, content->ttl, soa, sizeof soa);
    if (content->other_order)
        add_a(&writer, www, content->second);
    add_a(&writer, www, content->first);
    if (!content->other_order)
        add_a(&writer, www, content->second);
    rr_stream_add(&writer, www, RRTYPE_TXT, 300, content->text, TEXT_SIZE);
    for (unsigned i = 0; fd >= 0 && i < 60000; i++) // several flushes
        add_a(&writer, apex, (uint8_t)i);
    assert_true(rr_stream_end(&writer, NULL));
    rr_stream_digest(&writer, ret_digest);
    rr_stream_writer_close(&writer);
}

static bool
same_digest(const struct content *a, const struct content *b)
{
    struct hash_digest of_a, of_b;
    digest_of(a, -1, &of_a);
    digest_of(b, -1, &of_b);
    return memcmp(&of_a, &of_b, sizeof of_a) == 0;
}

static void
the_digest_is_of_the_content_without_the_serial(void **state)
{
    (void)state;
    const struct content base = {.serial = 1, .refresh = 2, .ttl = 60, .first = 1, .second = 2};
    struct content other = base;
    assert_true(same_digest(&base, &other));
    other.serial = 0x01020304;
    assert_true(same_digest(&base, &other));
    other.refresh = 3;
    assert_false(same_digest(&base, &other));
    other = base;
    other.ttl = 61;
    assert_false(same_digest(&base, &other));
    other = base;
    other.second = 3;
    assert_false(same_digest(&base, &other));
    for (size_t i = 0; i < TEXT_SIZE; i++) { // where a SOA has its serial, too
        other = base;
        other.text[i] ^= 1;
        assert_false(same_digest(&base, &other));
    }
    other = base;
    other.other_order = true; // as good as another content, to whoever compares digests only
    assert_false(same_digest(&base, &other));
}

static void
the_digest_is_read_off_the_end_of_a_sealed_memfd(void **state)
{
    (void)state;
    struct content content = {.serial = 1, .refresh = 2, .ttl = 60, .first = 1, .second = 2};
    struct hash_digest digest, peeked, again;
    struct fault fault = {0};
    int fd = rr_stream_memfd("test", NULL), other = rr_stream_memfd("test", NULL);
    digest_of(&content, fd, &digest);
    assert_false(rr_stream_peek_digest(fd, &peeked, &fault));
    assert_non_null(strstr(fault.text, "not sealed"));
    assert_true(rr_stream_seal(fd, NULL));
    assert_true(rr_stream_peek_digest(fd, &peeked, &fault));
    assert_memory_equal(&digest, &peeked, sizeof digest);
    content.serial = 99;
    digest_of(&content, other, &again);
    assert_memory_equal(&digest, &again, sizeof digest);
    close(fd);
    close(other);
    fd = rr_stream_memfd("test", NULL);
    assert_int_equal(write(fd, "short", 5), 5);
    assert_true(rr_stream_seal(fd, NULL));
    assert_false(rr_stream_peek_digest(fd, &peeked, &fault));
    assert_int_equal(fault.kind, FAULT_CORRUPT);
    close(fd);
}

static void
repair_checksum(uint8_t *octets, size_t length)
{
    octets_put_u32(octets + length - 4, hash_crc32c(0, octets, length - 4));
}

#define HEAD_SIZE 10 // magic and format

// The checksum finds accidents. A sender that lies makes it fit, so everything else must hold
// without it.
static void
a_lying_sender_is_found_or_harmless(void **state)
{
    (void)state;
    struct rr_stream_writer writer;
    rr_stream_writer_init(&writer, apex, -1);
    add_a(&writer, apex, 1);
    add_a(&writer, www, 2);
    assert_true(rr_stream_end(&writer, NULL));
    uint8_t *octets = writer.buffer.data;
    size_t length = writer.buffer.length;
    for (size_t bit = 0; bit < (length - 4) * 8; bit++) {
        octets[bit / 8] ^= (uint8_t)(1U << bit % 8);
        repair_checksum(octets, length);
        enum rr_stream_step step = read_all(octets, length, NULL); // AddressSanitizer is the judge
        if (bit / 8 < HEAD_SIZE)
            assert_int_equal(step, RR_STREAM_BAD);
        octets[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    for (size_t cut = 5; cut < length; cut++) {
        uint8_t copy[256];
        memcpy(copy, octets, cut);
        repair_checksum(copy, cut);
        assert_int_equal(read_all(copy, cut, NULL), RR_STREAM_BAD);
    }
    rr_stream_writer_close(&writer);
}

static void
records_that_no_zone_holds_are_refused(void **state)
{
    (void)state;
    static const struct {
        bool outside;
        uint16_t type, rdlength;
    } cases[] = {
        {true, RRTYPE_A, 4},     {false, RRTYPE_A, 3}, {false, RRTYPE_OPT, 0},
        {false, RRTYPE_AXFR, 0}, {false, 0, 0},
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rr_stream_writer writer;
        struct fault fault = {0};
        rr_stream_writer_init(&writer, apex, -1);
        rr_stream_add(&writer, cases[i].outside ? elsewhere : www, cases[i].type, 60,
                      (const uint8_t *)"\1\2\3\4", cases[i].rdlength);
        assert_true(rr_stream_end(&writer, NULL));
        assert_int_equal(read_all(writer.buffer.data, writer.buffer.length, &fault), RR_STREAM_BAD);
        assert_non_null(strstr(fault.text, "record 1"));
        rr_stream_writer_close(&writer);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(a_stream_in_a_sealed_memfd_comes_back_whole),
        cmocka_unit_test(a_full_disk_is_told_at_the_end),
        cmocka_unit_test(every_cut_and_every_flipped_bit_is_found),
        cmocka_unit_test(the_digest_is_of_the_content_without_the_serial),
        cmocka_unit_test(the_digest_is_read_off_the_end_of_a_sealed_memfd),
        cmocka_unit_test(a_lying_sender_is_found_or_harmless),
        cmocka_unit_test(records_that_no_zone_holds_are_refused),
    };
    return cmocka_run_group_tests(tests, names_make, NULL);
}
