#include "secondary/fetcher/ds_watch.h"

#include "common/dns/message_read.h"
#include "common/dns/message_write.h"
#include "common/dns/rcode.h"
#include "common/dns/rrtype.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static uint8_t apex[NAME_SIZE_MAX], other[NAME_SIZE_MAX];
static uint8_t answer[65535];
static struct message_writer writer;
static struct octets_buffer rdatas;
static uint32_t count;
static struct fault fault;

static int
names_make(void **state)
{
    (void)state;
    assert_true(name_from_text("example.gov.", NULL, apex, NULL));
    assert_true(name_from_text("other.gov.", NULL, other, NULL));
    return 0;
}

static void
begin(uint16_t flags)
{
    memset(&fault, 0, sizeof(fault));
    rdatas.length = 0;
    message_writer_init(&writer, answer, sizeof(answer), 1, (uint16_t)(MESSAGE_QR | flags));
    assert_true(message_write_question(&writer, apex, RRTYPE_DS, RRCLASS_IN));
}

static void
add_ds(const uint8_t *owner, uint16_t length)
{
    uint8_t rdata[36] = {0x30, 0x39, 13, 2};
    assert_true(
        message_write_rr(&writer, MESSAGE_ANSWER, owner, RRTYPE_DS, RRCLASS_IN, 60, rdata, length));
}

static bool
result(void)
{
    return ds_watch_read(answer, message_length(&writer), apex, &rdatas, &count, &fault);
}

static void
ds_records_of_the_zone_are_taken_and_others_not(void **state)
{
    (void)state;
    begin(MESSAGE_AA);
    add_ds(apex, 36);
    add_ds(other, 36);
    add_ds(apex, 36);
    assert_true(result());
    assert_int_equal(count, 2);
    assert_int_equal(rdatas.length, 2 * (2 + 36));
    assert_int_equal(octets_get_u16(rdatas.data), 36);
    assert_memory_equal(rdatas.data + 2, "\x30\x39\x0d\x02", 4);
    octets_buffer_close(&rdatas);
    octets_buffer_init(&rdatas);
}

static void
authority_or_a_resolver_may_say_that_there_is_none(void **state)
{
    (void)state;
    begin(MESSAGE_AA);
    assert_true(result());
    assert_int_equal(count, 0);
    begin(MESSAGE_RA);
    assert_true(result());
    begin(MESSAGE_AA | RCODE_NXDOMAIN);
    assert_true(result());
}

static void
referrals_refusals_and_failures_are_no_answer(void **state)
{
    (void)state;
    begin(0);
    assert_false(result());
    assert_non_null(strstr(fault.text, "referral"));
    begin(MESSAGE_AA | RCODE_REFUSED);
    assert_false(result());
    assert_non_null(strstr(fault.text, "REFUSED"));
    begin(MESSAGE_AA | RCODE_SERVFAIL);
    assert_false(result());
}

static void
bad_records_are_no_answer(void **state)
{
    (void)state;
    begin(MESSAGE_AA);
    add_ds(apex, 3);
    assert_false(result());
    begin(MESSAGE_AA);
    for (unsigned i = 0; i <= DS_WATCH_RECORDS_MAX; i++)
        add_ds(apex, 36);
    assert_false(result());
    assert_int_equal(fault.kind, FAULT_LIMIT);
    begin(MESSAGE_AA);
    add_ds(apex, 36);
    size_t whole = message_length(&writer);
    for (size_t cut = 0; cut < whole; cut++) {
        rdatas.length = 0;
        assert_false(ds_watch_read(answer, cut, apex, &rdatas, &count, &fault));
    }
    octets_buffer_close(&rdatas);
    octets_buffer_init(&rdatas);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ds_records_of_the_zone_are_taken_and_others_not),
        cmocka_unit_test(authority_or_a_resolver_may_say_that_there_is_none),
        cmocka_unit_test(referrals_refusals_and_failures_are_no_answer),
        cmocka_unit_test(bad_records_are_no_answer),
    };
    return cmocka_run_group_tests(tests, names_make, NULL);
}
