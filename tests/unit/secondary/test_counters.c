#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/dns/rcode.h"
#include "secondary/counters.h"

static void
counts_of_two_servers_are_summed(void **state)
{
    (void)state;
    struct counters_memory *writers[2], *reader;
    struct counters sum = {0};
    struct fault fault;
    for (int i = 0; i < 2; i++) {
        int fd;
        assert_true(counters_create(&fd, &fault));
        assert_true(counters_map(fd, true, &writers[i], &fault));
        counters_answered(&writers[i]->counters, COUNTERS_UDP, RCODE_NXDOMAIN);
        counters_answered(&writers[i]->counters, COUNTERS_TCP, 4000);
        counter_add(&writers[i]->counters.truncated, 3);
        assert_true(counters_map(fd, false, &reader, &fault));
        counters_sum(reader, &sum);
        counters_unmap(&reader);
        close(fd);
    }
    assert_int_equal(sum.queries[COUNTERS_UDP][RCODE_NXDOMAIN], 2);
    assert_int_equal(sum.queries[COUNTERS_TCP][COUNTERS_RCODE_OTHER], 2);
    assert_int_equal(sum.truncated, 6);
    for (int i = 0; i < 2; i++)
        counters_unmap(&writers[i]);
}

static void
a_server_can_neither_shrink_nor_grow_what_others_map(void **state)
{
    (void)state;
    struct fault fault;
    int fd;
    assert_true(counters_create(&fd, &fault));
    assert_int_not_equal(ftruncate(fd, 0), 0);
    assert_int_not_equal(ftruncate(fd, 1 << 30), 0);
    close(fd);
}

static void
memory_of_another_size_or_layout_is_refused(void **state)
{
    (void)state;
    struct counters_memory *memory = NULL;
    struct fault fault;
    int fd = memfd_create("test", MFD_CLOEXEC);
    assert_int_equal(ftruncate(fd, 4096), 0);
    assert_false(counters_map(fd, false, &memory, &fault));
    assert_int_equal(ftruncate(fd, sizeof *memory), 0);
    assert_false(counters_map(fd, false, &memory, &fault));
    assert_int_equal(fault.kind, FAULT_CORRUPT);
    assert_null(memory);
    close(fd);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_of_two_servers_are_summed),
        cmocka_unit_test(a_server_can_neither_shrink_nor_grow_what_others_map),
        cmocka_unit_test(memory_of_another_size_or_layout_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
