// Questions over real sockets of 127.0.0.1 to a resolver that misbehaves on demand.
#include "fake.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include "common/dns/name.h"
#include "common/dns/rrtype.h"
#include "primary/alias/question.h"
#include "primary/alias/resolver.h"
#include "primary/alias/server_check.h"

#define ENDED_MAX 4400

struct ended {
    char name[64], text[REPLY_TEXT_MAX];
    uint16_t type;
    enum reply_kind kind;
    int rcode;
    uint32_t addresses;
    struct address server;
};
struct bed {
    struct loop *loop;
    struct fake fake, second;
    struct questions *questions;
    struct ended ended[ENDED_MAX];
    size_t count, wanted;
};
static struct bed bed;

static const uint8_t *
wire(const char *text)
{
    static uint8_t name[NAME_SIZE_MAX];
    static const uint8_t root[] = {0};
    assert_true(name_from_text(text, root, name, NULL));
    return name;
}

static void
on_answered(void *context, const uint8_t *name, uint16_t type, const struct reply *reply,
            const struct address *server, unsigned round_trip_ms)
{
    char text[NAME_TEXT_MAX];
    (void)context;
    (void)round_trip_ms;
    assert_true(bed.count < ENDED_MAX);
    struct ended *ended = &bed.ended[bed.count++];
    *ended = (struct ended){.type = type,
                            .kind = reply->kind,
                            .rcode = reply->rcode,
                            .addresses = reply->addresses.count,
                            .server = *server};
    snprintf(ended->name, sizeof ended->name, "%.60s", name_to_text_short(name, text));
    snprintf(ended->text, sizeof ended->text, "%s", reply->text);
}

static void
questions_open(const struct address *servers, size_t count, unsigned in_flight, uint64_t timeout_ms)
{
    struct questions_options options = {.loop = bed.loop,
                                        .servers = servers,
                                        .server_count = count,
                                        .timeout_ms = timeout_ms,
                                        .tries = 2,
                                        .max_in_flight = in_flight,
                                        .answered = on_answered};
    bed.count = 0;
    assert_true(questions_new(&options, &bed.questions, NULL));
}

static bool
all_ended(const void *context)
{
    (void)context;
    return bed.count >= bed.wanted;
}

static const struct ended *
ask(const char *name, uint16_t type)
{
    bed.wanted = bed.count + 1;
    questions_ask(bed.questions, wire(name), type);
    loop_until(bed.loop, all_ended, NULL);
    return &bed.ended[bed.count - 1];
}

static void
answers_come_with_their_addresses(void **state)
{
    (void)state;
    questions_open(&bed.fake.address, 1, 256, 2000);
    fake_tell(&bed.fake, "set good.test A 192.0.2.1 192.0.2.2");
    fake_tell(&bed.fake, "set good.test AAAA 2001:db8::1");
    fake_tell(&bed.fake, "set nodata.test A");
    assert_int_equal(ask("good.test", RRTYPE_A)->addresses, 2);
    assert_int_equal(ask("good.test", RRTYPE_AAAA)->addresses, 1);
    assert_int_equal(ask("nodata.test", RRTYPE_A)->kind, REPLY_NODATA);
    assert_int_equal(ask("none.test", RRTYPE_A)->kind, REPLY_NXDOMAIN);
    assert_int_equal(fake_tell(&bed.fake, "count good.test A"), 1);
    questions_free(&bed.questions);
}

static void
two_hundred_addresses_come_over_tcp(void **state)
{
    (void)state;
    char command[4000] = "set big.test A";
    questions_open(&bed.fake.address, 1, 256, 2000);
    for (int i = 1; i <= 200; i++)
        snprintf(command + strlen(command), sizeof command - strlen(command), " 192.0.2.%d", i);
    fake_tell(&bed.fake, command);
    assert_int_equal(ask("big.test", RRTYPE_A)->addresses, 200);
    questions_free(&bed.questions);
}

// 60 addresses are more than 512 octets and fewer than 1232.
static void
edns_lets_more_than_512_octets_come_by_udp(void **state)
{
    (void)state;
    char command[4000] = "set middle.test A";
    questions_open(&bed.fake.address, 1, 256, 2000);
    for (int i = 1; i <= 60; i++)
        snprintf(command + strlen(command), sizeof command - strlen(command), " 192.0.2.%d", i);
    fake_tell(&bed.fake, command);
    assert_int_equal(ask("middle.test", RRTYPE_A)->addresses, 60);
    assert_int_equal(fake_tell(&bed.fake, "count middle.test A"), 1);
    questions_free(&bed.questions);
}

static void
failures_keep_their_rcode(void **state)
{
    (void)state;
    static const struct {
        const char *how, *word;
        int rcode;
    } cases[] = {{"servfail", "SERVFAIL", 2},
                 {"refused", "REFUSED", 5},
                 {"notimp", "NOTIMP", 4},
                 {"formerr", "FORMERR", 1},
                 {"referral", "referral", 0},
                 {"loop", "circle", 0},
                 {"foreign-owner", "nobody asked for", 0},
                 {"extra", "nobody asked for", 0},
                 {"class", "class", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char command[200];
        // A server that does not know EDNS is remembered: each case has its own memory.
        questions_open(&bed.fake.address, 1, 256, 2000);
        fake_tell(&bed.fake, "set bad.test A 192.0.2.1");
        snprintf(command, sizeof command, "misbehave bad.test %s", cases[i].how);
        fake_tell(&bed.fake, command);
        const struct ended *ended = ask("bad.test", RRTYPE_A);
        assert_int_equal(ended->kind, REPLY_FAILURE);
        assert_int_equal(ended->rcode, cases[i].rcode);
        assert_non_null(strstr(ended->text, cases[i].word));
        assert_int_equal(ended->addresses, 0);
        questions_free(&bed.questions);
    }
    fake_tell(&bed.fake, "behave bad.test");
}

static void
silence_and_lies_about_the_question_end_in_no_answer(void **state)
{
    (void)state;
    static const char *const how[] = {"timeout", "wrong-id", "wrong-question"};
    questions_open(&bed.fake.address, 1, 256, 100);
    fake_tell(&bed.fake, "set mute.test A 192.0.2.1");
    for (size_t i = 0; i < 3; i++) {
        char command[200];
        snprintf(command, sizeof command, "misbehave mute.test %s", how[i]);
        fake_tell(&bed.fake, command);
        long before = fake_tell(&bed.fake, "count mute.test");
        const struct ended *ended = ask("mute.test", RRTYPE_A);
        assert_int_equal(ended->kind, REPLY_FAILURE);
        assert_int_equal(ended->rcode, -1);
        assert_non_null(strstr(ended->text, "no answer in 2 tries"));
        assert_int_equal(fake_tell(&bed.fake, "count mute.test"), before + 2);
    }
    questions_free(&bed.questions);
}

static void
a_truncated_answer_without_tcp_is_a_failure_that_says_so(void **state)
{
    (void)state;
    questions_open(&bed.fake.address, 1, 256, 300);
    fake_tell(&bed.fake, "set cut.test A 192.0.2.1");
    fake_tell(&bed.fake, "misbehave cut.test truncate-always");
    const struct ended *ended = ask("cut.test", RRTYPE_A);
    assert_int_equal(ended->kind, REPLY_FAILURE);
    assert_non_null(strstr(ended->text, "TCP failed"));
    fake_tell(&bed.fake, "misbehave cut.test truncate");
    assert_int_equal(ask("cut.test", RRTYPE_A)->addresses, 1);
    questions_free(&bed.questions);
}

static void
a_resolver_that_loses_the_letter_case_is_asked_over_tcp(void **state)
{
    (void)state;
    questions_open(&bed.fake.address, 1, 256, 2000);
    fake_tell(&bed.fake, "set a-long-name-with-many-letters.test A 192.0.2.1");
    fake_tell(&bed.fake, "misbehave a-long-name-with-many-letters.test wrong-case");
    assert_int_equal(ask("a-long-name-with-many-letters.test", RRTYPE_A)->addresses, 1);
    assert_int_equal(fake_tell(&bed.fake, "count a-long-name-with-many-letters.test"), 2);
    questions_free(&bed.questions);
}

static void
half_a_message_and_no_message_are_asked_again_over_tcp_and_then_fail(void **state)
{
    (void)state;
    static const char *const how[] = {"cut", "garbage"};
    for (size_t i = 0; i < 2; i++) {
        char command[200];
        questions_open(&bed.fake.address, 1, 256, 300);
        fake_tell(&bed.fake, "set half.test A 192.0.2.1");
        snprintf(command, sizeof command, "misbehave half.test %s", how[i]);
        fake_tell(&bed.fake, command);
        assert_int_equal(ask("half.test", RRTYPE_A)->kind, REPLY_FAILURE);
        questions_free(&bed.questions);
    }
}

static void
a_server_without_edns_is_asked_without(void **state)
{
    (void)state;
    questions_open(&bed.fake.address, 1, 256, 2000);
    fake_tell(&bed.fake, "set old.test A 192.0.2.1");
    fake_tell(&bed.fake, "misbehave old.test no-opt");
    assert_int_equal(ask("old.test", RRTYPE_A)->addresses, 1);
    long before = fake_tell(&bed.fake, "count old.test");
    assert_int_equal(ask("old.test", RRTYPE_A)->addresses, 1);
    assert_int_equal(fake_tell(&bed.fake, "count old.test"), before + 1); // remembered
    questions_free(&bed.questions);
}

static void
the_next_server_answers_for_one_that_is_dead_or_refuses(void **state)
{
    (void)state;
    struct address servers[2] = {bed.fake.address, bed.second.address};
    questions_open(servers, 2, 256, 200);
    fake_tell(&bed.fake, "set over.test A 192.0.2.1");
    fake_tell(&bed.second, "set over.test A 192.0.2.2");
    assert_true(address_equal(&ask("over.test", RRTYPE_A)->server, &servers[0]));
    fake_tell(&bed.fake, "misbehave over.test refused");
    assert_true(address_equal(&ask("over.test", RRTYPE_A)->server, &servers[1]));
    fake_tell(&bed.fake, "misbehave over.test timeout");
    const struct ended *ended = ask("over.test", RRTYPE_A);
    assert_int_equal(ended->kind, REPLY_ADDRESSES);
    assert_true(address_equal(&ended->server, &servers[1]));
    long before = fake_tell(&bed.fake, "count over.test");
    ask("over.test", RRTYPE_A); // the silent one comes last now
    assert_int_equal(fake_tell(&bed.fake, "count over.test"), before);
    fake_tell(&bed.second, "misbehave over.test servfail");
    ended = ask("over.test", RRTYPE_A);
    assert_int_equal(ended->kind, REPLY_FAILURE);
    assert_int_equal(ended->rcode, 2);
    questions_free(&bed.questions);
    fake_tell(&bed.fake, "behave over.test");
    fake_tell(&bed.second, "behave over.test");
}

static void
a_port_where_nobody_listens_is_told(void **state)
{
    (void)state;
    struct address nobody = bed.fake.address;
    socklen_t length = sizeof nobody.v4;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    address_set_port(&nobody, 0);
    assert_int_equal(bind(fd, &nobody.any, address_sockaddr_length(&nobody)), 0);
    assert_int_equal(getsockname(fd, &nobody.any, &length), 0);
    close(fd);
    questions_open(&nobody, 1, 256, 300);
    const struct ended *ended = ask("x.test", RRTYPE_A);
    assert_int_equal(ended->kind, REPLY_FAILURE);
    assert_int_equal(ended->rcode, -1);
    assert_non_null(strstr(ended->text, "no answer"));
    questions_free(&bed.questions);
}

static void
no_more_than_the_limit_are_under_way(void **state)
{
    (void)state;
    size_t in_flight, queued;
    questions_open(&bed.fake.address, 1, 8, 5000);
    fake_tell(&bed.fake, "set *.many.test A 192.0.2.1");
    for (int i = 0; i < 100; i++) {
        char name[64];
        snprintf(name, sizeof name, "n%d.many.test", i);
        questions_ask(bed.questions, wire(name), RRTYPE_A);
    }
    questions_count(bed.questions, &in_flight, &queued);
    assert_int_equal(in_flight, 8);
    assert_int_equal(queued, 92);
    bed.wanted = 100;
    loop_until(bed.loop, all_ended, NULL);
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(bed.ended[i].addresses, 1);
    questions_count(bed.questions, &in_flight, &queued);
    assert_int_equal(in_flight + queued, 0);
    questions_free(&bed.questions);
}

// More messages than the channels may send: every channel is replaced while others are in flight,
// so answers come to more source ports than there are channels, and the IDs are no counter's.
static void
channels_are_replaced_under_load(void **state)
{
    (void)state;
    enum { MANY = RESOLVER_CHANNELS * (RESOLVER_CHANNEL_SENDS + 50) };
    questions_open(&bed.fake.address, 1, 64, 5000);
    fake_tell(&bed.fake, "set *.load.test A 192.0.2.1");
    long ports = fake_tell(&bed.fake, "ports"), ids = fake_tell(&bed.fake, "ids");
    for (int i = 0; i < MANY; i++)
        questions_ask(bed.questions, wire("x.load.test"), RRTYPE_A);
    bed.wanted = MANY;
    loop_until(bed.loop, all_ended, NULL);
    for (size_t i = 0; i < bed.count; i++)
        assert_int_equal(bed.ended[i].kind, REPLY_ADDRESSES);
    // One or two new ports may be ones that were used before.
    assert_true(fake_tell(&bed.fake, "ports") - ports > RESOLVER_CHANNELS + 1);
    assert_true(fake_tell(&bed.fake, "ids") - ids > MANY * 8 / 10);
    assert_true(fake_tell(&bed.fake, "id-steps") < MANY / 100);
    questions_free(&bed.questions);
}

static void
questions_under_way_end_silently_with_their_asker(void **state)
{
    (void)state;
    questions_open(&bed.fake.address, 1, 4, 5000);
    fake_tell(&bed.fake, "set slow.test A 192.0.2.1");
    fake_tell(&bed.fake, "misbehave slow.test slow:0.2");
    for (int i = 0; i < 10; i++)
        questions_ask(bed.questions, wire("slow.test"), RRTYPE_A);
    loop_run_once(bed.loop, false);
    questions_free(&bed.questions);
    loop_run_once(bed.loop, false);
    assert_int_equal(bed.count, 0);
}

static void
others_take_over_what_is_under_way(void **state)
{
    (void)state;
    questions_open(&bed.fake.address, 1, 2, 5000);
    fake_tell(&bed.fake, "set moved.test A 192.0.2.1");
    fake_tell(&bed.fake, "misbehave moved.test timeout");
    fake_tell(&bed.second, "set moved.test A 192.0.2.2");
    for (int i = 0; i < 5; i++)
        questions_ask(bed.questions, wire("moved.test"), RRTYPE_A);
    struct questions *old = bed.questions;
    questions_open(&bed.second.address, 1, 2, 5000);
    questions_take_over(bed.questions, old);
    questions_free(&old);
    bed.wanted = 5;
    loop_until(bed.loop, all_ended, NULL);
    for (size_t i = 0; i < 5; i++)
        assert_true(address_equal(&bed.ended[i].server, &bed.second.address));
    questions_free(&bed.questions);
}

static struct address
address_of(const char *text)
{
    struct address address;
    assert_true(address_from_text(text, 53, &address, NULL));
    return address;
}

static void
our_own_listeners_are_recognised(void **state)
{
    (void)state;
    struct address listen = address_of("127.0.0.1@5301"), all = address_of("0.0.0.0@5301"),
                   all6 = address_of("::@5301");
    struct address same = address_of("127.0.0.1@5301"), port = address_of("127.0.0.1@53"),
                   other = address_of("127.0.0.2@5301"), far = address_of("192.0.2.1@5301");
    assert_true(server_is_ourselves(&same, &listen, 1));
    assert_false(server_is_ourselves(&port, &listen, 1));
    assert_false(server_is_ourselves(&other, &listen, 1));
    assert_true(server_is_ourselves(&other, &all, 1));
    assert_true(server_is_ourselves(&other, &all6, 1));
    assert_false(server_is_ourselves(&far, &all, 1));
    assert_true(server_is_ourselves(&all, &listen, 1)); // 0.0.0.0 is this host, too
}

static void
near_and_far_resolvers_are_told_apart(void **state)
{
    (void)state;
    static const char *const near[] = {"127.0.0.1", "10.1.2.3", "172.31.0.1", "192.168.1.1",
                                       "::1",       "fd00::1",  "fe80::1",    "100.64.0.1"};
    static const char *const far[] = {"192.0.2.1", "172.32.0.1", "2001:db8::1", "9.9.9.9"};
    for (size_t i = 0; i < sizeof near / sizeof near[0]; i++) {
        struct address address = address_of(near[i]);
        assert_false(server_is_far(&address));
    }
    for (size_t i = 0; i < sizeof far / sizeof far[0]; i++) {
        struct address address = address_of(far[i]);
        assert_true(server_is_far(&address));
    }
}

static int
group_begin(void **state)
{
    (void)state;
    fake_open(&bed.fake);
    fake_open(&bed.second);
    bed.loop = loop_new();
    return 0;
}

static int
group_end(void **state)
{
    (void)state;
    loop_free(&bed.loop);
    fake_close(&bed.fake);
    fake_close(&bed.second);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_come_with_their_addresses),
        cmocka_unit_test(two_hundred_addresses_come_over_tcp),
        cmocka_unit_test(edns_lets_more_than_512_octets_come_by_udp),
        cmocka_unit_test(failures_keep_their_rcode),
        cmocka_unit_test(silence_and_lies_about_the_question_end_in_no_answer),
        cmocka_unit_test(a_truncated_answer_without_tcp_is_a_failure_that_says_so),
        cmocka_unit_test(a_resolver_that_loses_the_letter_case_is_asked_over_tcp),
        cmocka_unit_test(half_a_message_and_no_message_are_asked_again_over_tcp_and_then_fail),
        cmocka_unit_test(a_server_without_edns_is_asked_without),
        cmocka_unit_test(the_next_server_answers_for_one_that_is_dead_or_refuses),
        cmocka_unit_test(a_port_where_nobody_listens_is_told),
        cmocka_unit_test(no_more_than_the_limit_are_under_way),
        cmocka_unit_test(channels_are_replaced_under_load),
        cmocka_unit_test(questions_under_way_end_silently_with_their_asker),
        cmocka_unit_test(others_take_over_what_is_under_way),
        cmocka_unit_test(our_own_listeners_are_recognised),
        cmocka_unit_test(near_and_far_resolvers_are_told_apart),
    };
    return cmocka_run_group_tests(tests, group_begin, group_end);
}
