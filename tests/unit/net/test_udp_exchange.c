#include "common/net/udp_exchange.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/net/listen.h"

#define TURNS_MAX 20000

struct asked {
    struct loop *loop;
    struct udp_exchange *exchange;
    unsigned datagrams;
    unsigned ended;
    bool answered;
    enum fault_kind kind;
    char text[FAULT_TEXT_MAX];
    bool free_in_answer;
};

// "yes" is the answer, anything else is not.
static bool
on_answer(void *context, const uint8_t *octets, size_t length)
{
    struct asked *asked = context;
    asked->datagrams++;
    if (asked->free_in_answer)
        udp_exchange_free(&asked->exchange);
    return length == 3 && memcmp(octets, "yes", 3) == 0;
}

static void
on_ended(void *context, const struct fault *fault)
{
    struct asked *asked = context;
    asked->ended++;
    asked->answered = fault == NULL;
    if (fault) {
        asked->kind = fault->kind;
        memcpy(asked->text, fault->text, sizeof(asked->text));
    }
    udp_exchange_free(&asked->exchange);
}

static const struct udp_exchange_events EVENTS = {on_answer, on_ended};

static int
open_server(struct address *ret_address)
{
    const struct listen_options alone = {0};
    int fd = -1;
    assert_true(address_from_text("127.0.0.1@0", 0, ret_address, NULL));
    assert_true(listen_udp(ret_address, &alone, &fd, NULL));
    assert_true(listen_local_address(fd, ret_address, NULL));
    return fd;
}

static void
ask(struct asked *asked, const struct address *peer, unsigned tries, uint64_t timeout_ms)
{
    const struct udp_exchange_options options = {.peer = *peer,
                                                 .octets = (const uint8_t *)"question",
                                                 .length = 8,
                                                 .tries = tries,
                                                 .timeout_ms = timeout_ms};
    struct fault fault = {0};
    asked->exchange = udp_exchange_new(asked->loop, &options, &EVENTS, asked, &fault);
    if (!asked->exchange)
        fail_msg("%s", fault.text);
}

// Runs the loop until a question is at the server; gives whom to answer.
static bool
take_question(struct loop *loop, int server, struct sockaddr_in *ret_from)
{
    for (unsigned i = 0; i < TURNS_MAX; i++) {
        char octets[64];
        socklen_t length = sizeof(*ret_from);
        ssize_t received = recvfrom(server, octets, sizeof(octets), MSG_DONTWAIT,
                                    (struct sockaddr *)ret_from, &length);
        if (received >= 0) {
            assert_int_equal(received, 8);
            assert_memory_equal(octets, "question", 8);
            return true;
        }
        loop_run_once(loop, false);
        usleep(100);
    }
    return false;
}

static void
answer(int server, const struct sockaddr_in *to, const char *text)
{
    assert_int_equal(
        sendto(server, text, strlen(text), 0, (const struct sockaddr *)to, sizeof(*to)),
        strlen(text));
}

static void
run_until_ended(struct asked *asked)
{
    for (unsigned i = 0; i < TURNS_MAX && asked->ended == 0; i++) {
        loop_run_once(asked->loop, false);
        usleep(100);
    }
    assert_int_equal(asked->ended, 1);
    assert_null(asked->exchange);
}

static void
strays_are_passed_over_and_the_answer_ends_it(void **state)
{
    struct asked asked = {.loop = loop_new()};
    struct address address;
    struct sockaddr_in from;
    int server = open_server(&address);
    (void)state;
    ask(&asked, &address, 3, 60000);
    assert_true(take_question(asked.loop, server, &from));
    answer(server, &from, "no");
    answer(server, &from, "yes");
    answer(server, &from, "too late");
    run_until_ended(&asked);
    assert_true(asked.answered);
    assert_int_equal(asked.datagrams, 2);
    close(server);
    loop_free(&asked.loop);
}

static void
a_datagram_from_elsewhere_is_never_seen(void **state)
{
    struct asked asked = {.loop = loop_new()};
    struct address address;
    struct address other_address;
    struct sockaddr_in from;
    int server = open_server(&address);
    int other = open_server(&other_address);
    (void)state;
    ask(&asked, &address, 1, 60000);
    assert_true(take_question(asked.loop, server, &from));
    (void)!sendto(other, "yes", 3, 0, (const struct sockaddr *)&from, sizeof(from));
    for (int i = 0; i < 20; i++)
        loop_run_once(asked.loop, false);
    assert_int_equal(asked.datagrams, 0);
    udp_exchange_free(&asked.exchange);
    close(server);
    close(other);
    loop_free(&asked.loop);
}

static void
an_unanswered_question_is_sent_again_and_then_times_out(void **state)
{
    struct asked asked = {.loop = loop_new()};
    struct address address;
    struct sockaddr_in from;
    char text[ADDRESS_TEXT_MAX];
    int server = open_server(&address);
    (void)state;
    ask(&asked, &address, 3, 5);
    for (int i = 0; i < 3; i++)
        assert_true(take_question(asked.loop, server, &from));
    run_until_ended(&asked);
    assert_false(asked.answered);
    assert_int_equal(asked.kind, FAULT_TIMEOUT);
    assert_non_null(strstr(asked.text, address_to_text(&address, text)));
    assert_true(recv(server, text, sizeof(text), MSG_DONTWAIT) < 0); // three and no more
    close(server);
    loop_free(&asked.loop);
}

static void
a_late_answer_to_the_first_try_counts(void **state)
{
    struct asked asked = {.loop = loop_new()};
    struct address address;
    struct sockaddr_in first;
    struct sockaddr_in second;
    int server = open_server(&address);
    (void)state;
    ask(&asked, &address, 5, 5);
    assert_true(take_question(asked.loop, server, &first));
    assert_true(take_question(asked.loop, server, &second));
    assert_int_equal(first.sin_port, second.sin_port);
    answer(server, &first, "yes");
    run_until_ended(&asked);
    assert_true(asked.answered);
    close(server);
    loop_free(&asked.loop);
}

static void
nobody_there_is_told_as_refused(void **state)
{
    struct asked asked = {.loop = loop_new()};
    struct address address;
    (void)state;
    close(open_server(&address));
    ask(&asked, &address, 2, 10);
    run_until_ended(&asked);
    assert_int_equal(asked.kind, FAULT_REFUSED);
    loop_free(&asked.loop);
}

static void
too_many_strays_end_it(void **state)
{
    struct asked asked = {.loop = loop_new()};
    struct address address;
    struct sockaddr_in from;
    int server = open_server(&address);
    (void)state;
    ask(&asked, &address, 1, 60000);
    assert_true(take_question(asked.loop, server, &from));
    for (unsigned i = 0; i < UDP_EXCHANGE_STRAYS_MAX; i++)
        answer(server, &from, "guess");
    run_until_ended(&asked);
    assert_int_equal(asked.kind, FAULT_LIMIT);
    close(server);
    loop_free(&asked.loop);
}

static void
it_may_be_freed_in_its_callback(void **state)
{
    struct asked asked = {.loop = loop_new(), .free_in_answer = true};
    struct address address;
    struct sockaddr_in from;
    int server = open_server(&address);
    (void)state;
    ask(&asked, &address, 1, 60000);
    assert_true(take_question(asked.loop, server, &from));
    answer(server, &from, "yes");
    answer(server, &from, "yes");
    for (int i = 0; i < 20; i++)
        loop_run_once(asked.loop, false);
    assert_int_equal(asked.datagrams, 1);
    assert_int_equal(asked.ended, 0);
    close(server);
    loop_free(&asked.loop);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strays_are_passed_over_and_the_answer_ends_it),
        cmocka_unit_test(a_datagram_from_elsewhere_is_never_seen),
        cmocka_unit_test(an_unanswered_question_is_sent_again_and_then_times_out),
        cmocka_unit_test(a_late_answer_to_the_first_try_counts),
        cmocka_unit_test(nobody_there_is_told_as_refused),
        cmocka_unit_test(too_many_strays_end_it),
        cmocka_unit_test(it_may_be_freed_in_its_callback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
