#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>

#include "common/daemon/log.h"
#include "secondary/counters.h"
#include "secondary/last_batch.h"

#define LINES_MAX (1U << 20)

// What the log says of this memory, and how many packets were told.
static char *
log_of(const struct counters_memory *content, size_t *ret_told)
{
    struct counters_memory *memory;
    struct fault fault;
    char *text = calloc(1, LINES_MAX);
    int fd, lines = memfd_create("lines", MFD_CLOEXEC), standard = dup(STDERR_FILENO);
    assert_true(counters_create(&fd, &fault));
    assert_true(counters_map(fd, true, &memory, &fault));
    memory->seen = content->seen;
    memory->tcp = content->tcp;
    dup2(lines, STDERR_FILENO);
    *ret_told = last_batch_log(fd, 3);
    dup2(standard, STDERR_FILENO);
    assert_true(pread(lines, text, LINES_MAX - 1, 0) >= 0);
    counters_unmap(&memory);
    close(standard);
    close(lines);
    close(fd);
    return text;
}

static struct counters_memory *
batch_of(uint32_t count, uint32_t current)
{
    struct counters_memory *memory = NULL;
    assert_int_equal(posix_memalign((void **)&memory, 4096, sizeof *memory), 0);
    memset(memory, 0, sizeof *memory);
    memory->seen.count = count;
    memory->seen.current = current;
    for (uint32_t i = 0; i < UDP_BATCH_PACKETS; i++) {
        struct fault fault;
        assert_true(address_from_text("192.0.2.1@5353", 0, &memory->seen.packet[i].peer, &fault));
        memory->seen.packet[i].length = 3;
        memset(memory->seen.request[i], (int)(0xa0 + i), 3);
    }
    return memory;
}

static void
the_packet_in_hand_is_an_error_and_comes_first(void **state)
{
    (void)state;
    size_t told;
    struct counters_memory *memory = batch_of(3, 1);
    char *text = log_of(memory, &told);
    assert_int_equal(told, 3);
    assert_non_null(strstr(text, "server=3"));
    assert_non_null(strstr(text, "from=192.0.2.1@5353"));
    char *hand = strstr(text, "a1a1a1"), *before = strstr(text, "a0a0a0"),
         *behind = strstr(text, "a2a2a2");
    assert_non_null(hand);
    assert_true(before > hand && behind > before);
    assert_null(strstr(text, "a3a3a3")); // of an earlier batch
    assert_true(strstr(text, "error") < hand);
    free(text);
    free(memory);
}

static void
nothing_in_hand_and_no_batch_at_all_are_told_as_they_are(void **state)
{
    (void)state;
    size_t told;
    struct counters_memory *memory = batch_of(2, 2);
    char *text = log_of(memory, &told);
    assert_int_equal(told, 2);
    assert_null(strstr(text, "was answering"));
    free(text);
    memory->seen.count = memory->seen.current = 0;
    text = log_of(memory, &told);
    assert_int_equal(told, 0);
    assert_string_equal(text, "");
    free(text);
    free(memory);
}

// One thread: while a message over TCP is in hand, no packet of the last batch is.
static void
a_message_over_tcp_in_hand_is_an_error_and_comes_before_the_batch(void **state)
{
    (void)state;
    size_t told;
    struct fault fault;
    struct counters_memory *memory = batch_of(1, 1);
    memory->tcp.length = 5;
    memset(memory->tcp.octets, 0xcc, sizeof memory->tcp.octets);
    assert_true(address_from_text("2001:db8::7@4000", 0, &memory->tcp.peer, &fault));
    char *text = log_of(memory, &told);
    assert_int_equal(told, 1); // answered long ago
    assert_null(strstr(text, "TCP"));
    free(text);
    memory->tcp.in_hand = 1;
    text = log_of(memory, &told);
    assert_int_equal(told, 2);
    char *hand = strstr(text, "over TCP"), *batch = strstr(text, "same batch");
    assert_true(hand && batch > hand && strstr(text, "error") < hand);
    assert_non_null(strstr(text, "from=2001:db8::7@4000 octets=5 hexadecimal=cccccccccc\n"));
    free(text);
    memory->tcp.length = 65535;
    text = log_of(memory, &told);
    assert_non_null(strstr(text, "octets=65535 hexadecimal_cut=cccc"));
    free(text);
    memory->tcp.length = 65536; // no message has so many
    text = log_of(memory, &told);
    assert_int_equal(told, 1);
    free(text);
    free(memory);
}

static void
a_long_packet_is_cut_and_says_so(void **state)
{
    (void)state;
    size_t told;
    struct counters_memory *memory = batch_of(1, 0);
    memory->seen.packet[0].length = UDP_BATCH_REQUEST_SIZE;
    char *text = log_of(memory, &told);
    assert_int_equal(told, 1);
    assert_non_null(strstr(text, "octets=4096"));
    assert_non_null(strstr(text, "hexadecimal_cut=a0a0a0"));
    assert_true(strlen(text) < 2 * LAST_BATCH_OCTETS_MAX + 512);
    free(text);
    free(memory);
}

static void
memory_of_a_server_that_was_taken_over_does_no_harm(void **state)
{
    (void)state;
    size_t told;
    struct counters_memory *memory = batch_of(0, 0);
    for (int round = 0; round < 20; round++) {
        randombytes_buf_deterministic(&memory->seen, sizeof memory->seen,
                                      (uint8_t[randombytes_SEEDBYTES]){(uint8_t)round});
        randombytes_buf_deterministic(&memory->tcp, sizeof memory->tcp,
                                      (uint8_t[randombytes_SEEDBYTES]){(uint8_t)round, 1});
        memory->tcp.in_hand = (uint32_t)round % 4;
        memory->seen.count = round % 2 ? UINT32_MAX : memory->seen.count;
        for (int i = 0; i < UDP_BATCH_PACKETS && round % 2; i++)
            memory->seen.packet[i].length %= 8192;
        char *text = log_of(memory, &told);
        assert_true(told <= UDP_BATCH_PACKETS + 1);
        free(text);
    }
    free(memory);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_packet_in_hand_is_an_error_and_comes_first),
        cmocka_unit_test(nothing_in_hand_and_no_batch_at_all_are_told_as_they_are),
        cmocka_unit_test(a_message_over_tcp_in_hand_is_an_error_and_comes_before_the_batch),
        cmocka_unit_test(a_long_packet_is_cut_and_says_so),
        cmocka_unit_test(memory_of_a_server_that_was_taken_over_does_no_harm),
    };
    log_open("test", LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
    return sodium_init() < 0 || cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
