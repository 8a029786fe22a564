// HTTP for looking, not for acting: GET and HEAD of a few routes (libmicrohttpd behind), driven by
// the loop through the daemon's epoll descriptor, so that every renderer runs on the loop's thread
// and sees the program's state without locks. Bounded: connections, time, request size. No bodies
// are taken. A name in the Host header that is neither an address nor localhost nor this host is
// refused (DNS rebinding).
#ifndef TANDEM_DAEMON_HTTP_H
#define TANDEM_DAEMON_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/fault.h"
#include "common/base/octets.h"
#include "common/net/address.h"

#define HTTP_CONNECTIONS_MAX 64 // a scraper, a load balancer's check, some browsers
#define HTTP_TIMEOUT_SECONDS 30

#define HTTP_TYPE_TEXT    "text/plain; charset=utf-8"
#define HTTP_TYPE_METRICS "text/plain; version=0.0.4; charset=utf-8"
#define HTTP_TYPE_JSON    "application/json"
#define HTTP_TYPE_HTML    "text/html; charset=utf-8"

struct loop;
struct http;

struct http_route {
    const char *path;         // "/metrics"
    const char *content_type; // HTTP_TYPE_...
    // Adds the body and gives the HTTP status (200, or 503 of /healthz).
    unsigned (*render)(void *context, struct octets_buffer *ret_body);
};

// routes and context are borrowed for the life of the server. FAULT_IO names the address.
bool http_open(struct http **ret_http, struct loop *loop, const struct address *listen,
               const struct http_route *routes, size_t route_count, void *context,
               struct fault *fault);
// On a listening socket made before privileges were dropped (taken over).
bool http_open_socket(struct http **ret_http, struct loop *loop, int listening_socket,
                      const struct http_route *routes, size_t route_count, void *context,
                      struct fault *fault);
void http_close(struct http **http);
unsigned http_port(const struct http *http); // for tests that listen on port 0

#endif
