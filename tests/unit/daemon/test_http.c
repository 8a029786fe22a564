#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/daemon/http.h"
#include "common/daemon/http_page.h"
#include "common/net/loop.h"

struct bench {
    struct loop *loop;
    struct http *http;
    unsigned renders;
};

static unsigned
render_health(void *context, struct octets_buffer *ret_body)
{
    ((struct bench *)context)->renders++;
    octets_buffer_printf(ret_body, "zone example.net: held\n");
    return 503;
}

static unsigned
render_large(void *context, struct octets_buffer *ret_body)
{
    (void)context;
    for (unsigned i = 0; i < 400000; i++)
        octets_buffer_add(ret_body, "0123456789", 10);
    return 200;
}

static const struct http_route routes[] = {
    {"/healthz", HTTP_TYPE_TEXT, render_health},
    {"/large", HTTP_TYPE_TEXT, render_large},
};

static int
setup(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    struct address address;
    assert_true(address_from_text("127.0.0.1@0", 0, &address, NULL));
    bench->loop = loop_new();
    assert_true(http_open(&bench->http, bench->loop, &address, routes, 2, bench, NULL));
    *state = bench;
    return 0;
}

static int
teardown(void **state)
{
    struct bench *bench = *state;
    http_close(&bench->http);
    loop_free(&bench->loop);
    free(bench);
    return 0;
}

// Sends a request and gives everything up to the end of the connection.
static char *
ask(struct bench *bench, const char *request)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)http_port(bench->http)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct octets_buffer answer;
    octets_buffer_init(&answer);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
    for (;;) {
        uint8_t octets[65536];
        ssize_t got = recv(fd, octets, sizeof octets, MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EAGAIN))
            break;
        if (got > 0)
            octets_buffer_add(&answer, octets, (size_t)got);
        else
            loop_run_once(bench->loop, false);
    }
    close(fd);
    octets_buffer_add_u8(&answer, 0);
    return (char *)answer.data;
}

static void
expect_answer(struct bench *bench, const char *request, const char *start, const char *part)
{
    char *answer = ask(bench, request);
    assert_memory_equal(answer, start, strlen(start));
    if (part)
        assert_non_null(strstr(answer, part));
    free(answer);
}

#define ASK(method, path, host)                                                                    \
    method " " path " HTTP/1.1\r\nHost: " host "\r\nConnection: close\r\n\r\n"

static void
a_route_is_rendered_with_its_status(void **state)
{
    expect_answer(*state, ASK("GET", "/healthz", "127.0.0.1:9354"), "HTTP/1.1 503 ",
                  "zone example.net: held\n");
}

static void
head_gives_headers_only(void **state)
{
    char *answer = ask(*state, ASK("HEAD", "/healthz", "localhost"));
    assert_non_null(strstr(answer, "Content-Length: 23"));
    assert_null(strstr(answer, "held"));
    free(answer);
}

static void
other_methods_are_refused_and_render_nothing(void **state)
{
    struct bench *bench = *state;
    expect_answer(bench, ASK("DELETE", "/healthz", "127.0.0.1"), "HTTP/1.1 405 ",
                  "Allow: GET, HEAD");
    expect_answer(bench,
                  "POST /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 3\r\n"
                  "Connection: close\r\n\r\nabc",
                  "HTTP/1.1 405 ", NULL);
    assert_int_equal(bench->renders, 0);
}

static void
an_unknown_path_is_not_found(void **state)
{
    expect_answer(*state, ASK("GET", "/healthz/", "127.0.0.1"), "HTTP/1.1 404 ", NULL);
}

static void
a_name_of_somebody_else_in_the_host_header_is_refused(void **state)
{
    struct bench *bench = *state;
    expect_answer(bench, ASK("GET", "/healthz", "evil.example:9354"), "HTTP/1.1 403 ", NULL);
    expect_answer(bench, ASK("GET", "/healthz", "[::1]:9354"), "HTTP/1.1 503 ", NULL);
    assert_int_equal(bench->renders, 1);
}

static void
a_long_page_arrives_whole(void **state)
{
    char *answer = ask(*state, ASK("GET", "/large", "127.0.0.1"));
    const char *body = strstr(answer, "\r\n\r\n");
    assert_int_equal(strlen(body + 4), 4000000);
    free(answer);
}

static void
nonsense_is_refused_and_the_server_lives_on(void **state)
{
    struct bench *bench = *state;
    free(ask(bench, "\x16\x03\x01 nonsense\r\n\r\n"));
    expect_answer(bench, ASK("GET", "/healthz", "127.0.0.1"), "HTTP/1.1 503 ", NULL);
}

static void
the_page_shows_zones_and_escapes_what_is_foreign(void **state)
{
    (void)state;
    static const char text[] =
        "{\"program\":\"tandem-secondary\",\"host\":\"ns1<b>\",\"state\":\"degraded\",\"zones\":[{"
        "\"zone\":\"example.gov\",\"state\":\"held\",\"reason\":\"61% & <script>\",\"serial\":{"
        "\"unsigned\":7,\"signed\":9},\"last_change\":{\"at\":\"2026-11-21T18:42:07Z\"}}],"
        "\"hints\":[{\"commands\":[\"tandemctl zone diff example.gov\"]}]}";
    struct json_value *status = NULL;
    struct octets_buffer html;
    assert_true(json_value_read(text, sizeof text - 1, &status, NULL));
    octets_buffer_init(&html);
    http_page_render(status, 1795286527 + 42, &html);
    octets_buffer_add_u8(&html, 0);
    const char *page = (const char *)html.data;
    assert_non_null(strstr(page, "<td>7 &rarr; 9</td>"));
    assert_non_null(strstr(page, "61% &amp; &lt;script&gt;"));
    assert_non_null(strstr(page, "ns1&lt;b&gt;"));
    assert_non_null(strstr(page, "<td>42s ago</td>"));
    assert_non_null(strstr(page, "<code>tandemctl zone diff example.gov</code>"));
    octets_buffer_close(&html);
    json_value_free(&status);
    // Nothing at all is a page, too.
    octets_buffer_init(&html);
    http_page_render(NULL, 0, &html);
    octets_buffer_close(&html);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_route_is_rendered_with_its_status),
        TEST(head_gives_headers_only),
        TEST(other_methods_are_refused_and_render_nothing),
        TEST(an_unknown_path_is_not_found),
        TEST(a_name_of_somebody_else_in_the_host_header_is_refused),
        TEST(a_long_page_arrives_whole),
        TEST(nonsense_is_refused_and_the_server_lives_on),
        TEST(the_page_shows_zones_and_escapes_what_is_foreign),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
