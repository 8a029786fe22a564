// needs: net daemon zone answer
// The path of a packet through a worker: what it may not do for each packet (allocate, read a
// clock, write a log line) is counted over ten thousand mixed queries. Its system calls are counted
// from outside, in tests/journey/test_packet_path.py.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/dns/message_write.h"
#include "common/dns/rrtype.h"
#include "common/net/listen.h"
#include "secondary/server/udp_worker.h"
#include "tests/support/zone_fixture.h"

#define TURN_PACKETS (2 * UDP_BATCH_PACKETS)
#define TURNS        80 // 10,240 packets
#define QUERIES_MAX  512

// --- what is counted

static unsigned long allocations, clock_readings;

#ifdef TANDEM_SANITIZED
int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void *, size_t),
                                              void (*on_free)(const volatile void *));

static void
count_malloc(const volatile void *memory, size_t size)
{
    (void)memory;
    (void)size;
    allocations++;
}

static void
count_free(const volatile void *memory)
{
    (void)memory;
}

static void
counting_start(void)
{
    static bool started;
    if (!started)
        assert_int_not_equal(__sanitizer_install_malloc_and_free_hooks(count_malloc, count_free),
                             0);
    started = true;
}
#else
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);

void *
malloc(size_t size)
{
    allocations++;
    return __libc_malloc(size);
}

void *
calloc(size_t count, size_t size)
{
    allocations++;
    return __libc_calloc(count, size);
}

void *
realloc(void *memory, size_t size)
{
    allocations++;
    return __libc_realloc(memory, size);
}

static void
counting_start(void)
{
}
#endif

int
clock_gettime(clockid_t clock, struct timespec *ret_time)
{
    clock_readings++;
    return (int)syscall(SYS_clock_gettime, clock, ret_time);
}

// --- a worker on a socket

static struct zone_fixture fixtures[2];
static struct served_zone served[2];
static struct zones zones;
static struct counters counters;
static struct rate_table *table;
static struct responder responder;
static struct acl nobody;
static struct loop *loop;
static struct udp_worker *worker;
static int client;

static void
zone_serve(unsigned index, const char *apex, const char *file)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/golden/answer/%s", TEST_SOURCE_DIR, file);
    zone_fixture_open(&fixtures[index], apex, path);
    served[index].id = index;
    served[index].answer =
        (struct answer_zone){.version = fixtures[index].version, .expire_at = ANSWER_NEVER};
    served[index].apex = version_apex(fixtures[index].version);
    served[index].acl = &nobody;
    zone_set_put(zones.set, served[index].apex, &served[index]);
}

static int
worker_open(void **state)
{
    struct rate_limit_settings limit = {
        .per_second = 1000000, .slip = 2, .prefix_v4 = 24, .prefix_v6 = 56};
    const struct listen_options options = {0};
    struct address address;
    int server, file;
    (void)state;
    zones_init(&zones);
    acl_init(&nobody);
    zone_serve(0, "tandem.example.", "tandem.example.signed");
    zone_serve(1, "nsec3.example.", "nsec3.example.signed");
    assert_true(rate_table_create(&file, NULL) && rate_table_map(file, true, &table, NULL));
    close(file);
    static struct denial_memo memo;
    responder.service = (struct answer_service){.zones = zones.set,
                                                .memo = &memo,
                                                .version = "one",
                                                .nsid = {(const uint8_t *)"ns1", 3},
                                                .cookies_on = true,
                                                .cookies.count = 1};
    responder.zones = &zones;
    responder.counters = &counters;
    responder.refusals = refusals_new();
    responder.rate = response_rate_new(&limit, table, 1);
    loop = loop_new();
    worker = udp_worker_new(loop, &responder, NULL);
    assert_true(address_from_text("127.0.0.1@0", 0, &address, NULL));
    assert_true(listen_udp(&address, &options, &server, NULL));
    assert_true(listen_local_address(server, &address, NULL));
    udp_worker_add(worker, &server);
    client = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return connect(client, &address.any, address_sockaddr_length(&address));
}

static int
worker_close(void **state)
{
    (void)state;
    close(client);
    udp_worker_free(&worker);
    loop_free(&loop);
    response_rate_free(&responder.rate);
    refusals_free(&responder.refusals);
    rate_table_unmap(&table);
    zones_close(&zones);
    acl_close(&nobody);
    for (unsigned i = 0; i < 2; i++)
        zone_fixture_close(&fixtures[i]);
    return 0;
}

// --- queries

static struct {
    uint8_t octets[512];
    size_t length;
} queries[QUERIES_MAX];
static unsigned query_count, query_next;

// Without an OPT, with one, with DO, with DO and options.
enum shape { PLAIN, EDNS, DNSSEC, OPTIONS, SHAPES };

static void
query_add(const char *text, uint16_t type, uint16_t class, uint16_t flags, enum shape shape)
{
    static const uint8_t opt[] = {0, 0, 41, 1232 >> 8, 1232 & 255, 0, 0, 0, 0, 0, 0};
    static const uint8_t options[] = "\0\3\0\0\0\12\0\10clientck"; // NSID and a client's cookie
    struct message_writer writer;
    uint8_t name[NAME_SIZE_MAX];
    assert_true(query_count < QUERIES_MAX);
    uint8_t *octets = queries[query_count].octets;
    size_t length;
    assert_true(name_from_text_kept(text, NULL, name, NULL));
    message_writer_init(&writer, octets, 512, (uint16_t)query_count, flags);
    assert_true(message_write_question(&writer, name, type, class));
    length = message_length(&writer);
    if (shape != PLAIN) {
        memcpy(octets + length, opt, sizeof opt);
        octets[length + 7] = shape == EDNS ? 0 : 0x80;
        octets[11] = 1; // ARCOUNT
        length += sizeof opt;
    }
    if (shape == OPTIONS) {
        octets[length - 1] = sizeof options - 1;
        memcpy(octets + length, options, sizeof options - 1);
        length += sizeof options - 1;
    }
    queries[query_count++].length = length;
}

// Every kind of answer in every shape; all of them get one.
static void
queries_make(void)
{
    static const char *const names[] = {
        "tandem.example.",         "www.tandem.example.",       "wWw.TANDEM.example.",
        "nothere.tandem.example.", "x.wild.tandem.example.",    "alias2.tandem.example.",
        "x.y.z.tandem.example.",   "www.child.tandem.example.", "www.dname.tandem.example.",
        "nsec3.example.",          "nothere.nsec3.example.",    "x.wild.nsec3.example.",
        "elsewhere.example.",      "big.tandem.example."};
    static const uint16_t types[] = {RRTYPE_A,  RRTYPE_SOA,    RRTYPE_TXT,
                                     RRTYPE_DS, RRTYPE_DNSKEY, RRTYPE_ANY};
    if (query_count > 0)
        return;
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        for (unsigned k = 0; k < sizeof types / sizeof types[0]; k++)
            for (enum shape shape = PLAIN; shape < SHAPES; shape++)
                query_add(names[i], types[k], RRCLASS_IN, MESSAGE_RD, shape);
    query_add("version.bind.", RRTYPE_TXT, RRCLASS_CH, 0, PLAIN);
    query_add("www.tandem.example.", RRTYPE_AXFR, RRCLASS_IN, 0, EDNS);    // FORMERR
    query_add("www.tandem.example.", RRTYPE_A, RRCLASS_IN, 0x2800, PLAIN); // UPDATE: NOTIMP
    query_add("other.example.", RRTYPE_SOA, RRCLASS_IN, 0x2000, PLAIN);    // NOTIFY: REFUSED
    query_add("www.tandem.example.", RRTYPE_A, RRCLASS_IN, 0, DNSSEC);
    queries[query_count - 1].length--; // its OPT is cut off: FORMERR
}

// So many packets wait, one turn of the loop, their answers; gives how many came.
static unsigned
turn(unsigned count)
{
    static uint8_t answer[4096];
    unsigned answers = 0;
    for (unsigned i = 0; i < count; i++, query_next = (query_next + 1) % query_count)
        assert_int_equal(send(client, queries[query_next].octets, queries[query_next].length, 0),
                         queries[query_next].length);
    loop_run_once(loop, true);
    while (recv(client, answer, sizeof answer, MSG_DONTWAIT) > 0)
        answers++;
    return answers;
}

// --- tests

static void
ten_thousand_mixed_queries_allocate_nothing_and_log_nothing(void **state)
{
    struct stat written;
    unsigned answers = 0;
    (void)state;
    queries_make();
    counting_start();
    for (unsigned i = 0; i < 4; i++) // warm
        turn(TURN_PACKETS);
    int errors = dup(2), file = memfd_create("log", MFD_CLOEXEC);
    assert_true(errors >= 0 && file >= 0 && dup2(file, 2) == 2);
    unsigned long before = allocations;
    for (unsigned i = 0; i < TURNS; i++)
        answers += turn(TURN_PACKETS);
    unsigned long allocated = allocations - before;
    assert_int_equal(dup2(errors, 2), 2);
    assert_int_equal(fstat(file, &written), 0);
    close(errors);
    close(file);
    assert_int_equal(answers, TURNS * TURN_PACKETS);
    assert_int_equal(allocated, 0);
    assert_int_equal(written.st_size, 0);
    void *volatile proof = malloc(1); // the count counts
    free(proof);
    assert_true(allocations > before);
}

// Whoever it is, and as often as he asks: what a refusal costs beside the answer is one line.
static void
ten_thousand_refused_transfers_allocate_nothing_and_are_one_line(void **state)
{
    static const uint8_t soa[] = {0xc0, 12, 0, 6, 0, 1, 0, 0, 0, 0, 0, 22, 0, 0, 0, 0, 0,
                                  9,    0,  0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  0, 0, 0, 0, 0};
    unsigned kept = query_count, answers = 0;
    uint64_t refused = counters.transfers_refused;
    char text[4096] = "";
    (void)state;
    counting_start();
    query_count = query_next = 0; // in place of the mixed ones
    query_add("tandem.example.", RRTYPE_IXFR, RRCLASS_IN, 0, PLAIN);
    queries[0].octets[9] = 1; // NSCOUNT
    memcpy(queries[0].octets + queries[0].length, soa, sizeof soa);
    queries[0].length += sizeof soa;
    int errors = dup(2), file = memfd_create("log", MFD_CLOEXEC);
    assert_true(errors >= 0 && file >= 0 && dup2(file, 2) == 2);
    turn(TURN_PACKETS);
    unsigned long before = allocations;
    for (unsigned i = 1; i < TURNS; i++)
        answers += turn(TURN_PACKETS);
    unsigned long allocated = allocations - before;
    assert_int_equal(dup2(errors, 2), 2);
    assert_true(pread(file, text, sizeof text - 1, 0) > 0);
    close(errors);
    close(file);
    query_count = 0;
    queries_make();
    assert_true(kept == 0 || query_count == kept);
    assert_int_equal(answers, (TURNS - 1) * TURN_PACKETS);
    assert_int_equal(allocated, 0);
    assert_int_equal(counters.transfers_refused - refused, TURNS * TURN_PACKETS);
    const char *line = strstr(text, "request refused");
    assert_non_null(line);
    assert_null(strstr(line + 1, "request refused"));
    assert_non_null(strstr(line, "zone=tandem.example asked=IXFR key=- rcode=REFUSED"));
}

static void
a_full_batch_reads_the_clock_no_more_often_than_a_single_packet(void **state)
{
    (void)state;
    queries_make();
    turn(1);
    unsigned long before = clock_readings;
    assert_int_equal(turn(1), 1);
    unsigned long single = clock_readings - before;
    before = clock_readings;
    assert_int_equal(turn(UDP_BATCH_PACKETS), UDP_BATCH_PACKETS);
    assert_int_equal(clock_readings - before, single);
    assert_true(single > 0); // time for cookies and expiry: the count counts
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_thousand_mixed_queries_allocate_nothing_and_log_nothing),
        cmocka_unit_test(ten_thousand_refused_transfers_allocate_nothing_and_are_one_line),
        cmocka_unit_test(a_full_batch_reads_the_clock_no_more_often_than_a_single_packet),
    };
    return cmocka_run_group_tests(tests, worker_open, worker_close);
}
