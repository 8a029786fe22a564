#include "common/daemon/http.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/arena.h"
#include "common/net/listen.h"
#include "common/net/loop.h"

// libmicrohttpd would rather have threads. It gets none: its epoll descriptor is watched by the
// loop and MHD_run is called when it stirs or a connection's time is over. So renderers read the
// program's state as it is, without locks or copies, and a scrape costs the loop what the rendering
// costs.

#define MEMORY_PER_CONNECTION 16384 // request line and headers; more is refused by the library
#define HOST_NAME_MAX_OCTETS  256

struct http {
    struct loop *loop;
    const struct http_route *routes;
    size_t route_count;
    void *context;
    unsigned port;
    struct MHD_Daemon *daemon;
    struct loop_watch *watch;
    struct loop_timer *timer;
};

// ---- answers
// ---------------------------------------------------------------------------------------------

static enum MHD_Result
respond(struct MHD_Connection *connection, unsigned status, const char *content_type,
        struct octets_buffer *body)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(body->length, body->data, MHD_RESPMEM_MUST_COPY);
    octets_buffer_close(body);
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, "Content-Type", content_type);
    MHD_add_response_header(response, "Cache-Control", "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(
        response, "Content-Security-Policy",
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'");
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, "Allow", "GET, HEAD");
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result
respond_text(struct MHD_Connection *connection, unsigned status, const char *sentence)
{
    struct octets_buffer body;
    octets_buffer_init(&body);
    octets_buffer_printf(&body, "%s\n", sentence);
    return respond(connection, status, HTTP_TYPE_TEXT, &body);
}

// A browser that was led here by a name of somebody else's sends that name: only addresses,
// localhost and the name of this host are answered.
static bool
host_is_ours(const char *header)
{
    char host[HOST_NAME_MAX_OCTETS], own[HOST_NAME_MAX_OCTETS] = "";
    if (!header)
        return true; // HTTP/1.0: no browser
    size_t length = header[0] == '[' ? strcspn(header, "]") + 1 : strcspn(header, ":");
    if (length >= sizeof host || length > strlen(header))
        return false;
    memcpy(host, header, length);
    host[length] = '\0';
    struct in_addr v4;
    if (host[0] == '[' || inet_pton(AF_INET, host, &v4) == 1 || strcasecmp(host, "localhost") == 0)
        return true;
    gethostname(own, sizeof own - 1);
    size_t first = strcspn(own, ".");
    return strcasecmp(host, own) == 0 ||
           (strlen(host) == first && strncasecmp(host, own, first) == 0);
}

static const struct http_route *
route_find(const struct http *http, const char *path)
{
    for (size_t i = 0; i < http->route_count; i++)
        if (strcmp(http->routes[i].path, path) == 0)
            return &http->routes[i];
    return NULL;
}

static enum MHD_Result
request_take(void *context, struct MHD_Connection *connection, const char *path, const char *method,
             const char *version, const char *upload, size_t *upload_size, void **state)
{
    (void)version, (void)upload;
    static char begun;
    struct http *http = context;
    // Called first with the headers, then for each piece of a body, then to answer. Answering at
    // the headers makes the library close after a body that nobody wants.
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
        return respond_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD");
    if (!*state) {
        *state = &begun;
        return MHD_YES;
    }
    if (*upload_size > 0)
        return MHD_NO;
    const char *host =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST);
    if (!host_is_ours(host))
        return respond_text(connection, MHD_HTTP_FORBIDDEN, "ask by address, not by that name");
    const struct http_route *route = route_find(http, path);
    if (!route)
        return respond_text(connection, MHD_HTTP_NOT_FOUND, "no such page");
    struct octets_buffer body;
    octets_buffer_init(&body);
    unsigned status = route->render(http->context, &body);
    return respond(connection, status, route->content_type, &body);
}

// ---- the loop
// --------------------------------------------------------------------------------------------

static void
run(struct http *http)
{
    MHD_UNSIGNED_LONG_LONG wait_ms;
    MHD_run(http->daemon);
    if (MHD_get_timeout(http->daemon, &wait_ms) == MHD_YES)
        loop_timer_start(http->timer, wait_ms, 0);
    else
        loop_timer_stop(http->timer);
}

static void
descriptor_event(void *context, unsigned events)
{
    (void)events;
    run(context);
}

static void
timer_event(void *context)
{
    run(context);
}

bool
http_open_socket(struct http **ret_http, struct loop *loop, int listening_socket,
                 const struct http_route *routes, size_t route_count, void *context,
                 struct fault *fault)
{
    struct http *http = memory_zalloc(sizeof *http);
    struct address local;
    *http = (struct http){
        .loop = loop, .routes = routes, .route_count = route_count, .context = context};
    http->daemon = MHD_start_daemon(
        MHD_USE_EPOLL, 0, NULL, NULL, request_take, http, MHD_OPTION_LISTEN_SOCKET,
        listening_socket, MHD_OPTION_CONNECTION_LIMIT, (unsigned)HTTP_CONNECTIONS_MAX,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)HTTP_TIMEOUT_SECONDS,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_PER_CONNECTION, MHD_OPTION_END);
    if (!http->daemon) {
        free(http);
        close(listening_socket);
        return fault_set(fault, FAULT_IO, "HTTP cannot be started on its socket");
    }
    if (listen_local_address(listening_socket, &local, NULL))
        http->port = address_port(&local);
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    ENSURE(info);
    http->watch = loop_watch_new(loop, info->epoll_fd, descriptor_event, http);
    loop_watch_want(http->watch, LOOP_READABLE);
    http->timer = loop_timer_new(loop, timer_event, http);
    *ret_http = http;
    return true;
}

bool
http_open(struct http **ret_http, struct loop *loop, const struct address *listen,
          const struct http_route *routes, size_t route_count, void *context, struct fault *fault)
{
    int fd = -1;
    if (!listen_tcp(listen, &(struct listen_options){0}, &fd, fault))
        return fault_wrap(fault, "http.listen");
    return http_open_socket(ret_http, loop, fd, routes, route_count, context, fault);
}

void
http_close(struct http **http)
{
    if (!*http)
        return;
    loop_timer_free(&(*http)->timer);
    loop_watch_free(&(*http)->watch);
    MHD_stop_daemon((*http)->daemon); // closes the listening socket too
    free(*http);
    *http = NULL;
}

unsigned
http_port(const struct http *http)
{
    return http->port;
}
