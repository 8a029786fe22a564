// The socket itself: who connects, and who has been silent for too long. What a connection does is
// control_client's, what a request says control_request's, how it is answered control_answer's.
#include "common/daemon/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/arena.h"
#include "common/daemon/control_inside.h"
#include "common/daemon/log.h"
#include "common/net/loop.h"

#define SWEEP_MS 5000

static void
server_event(void *context, unsigned events)
{
    (void)events;
    struct control *server = context;
    // Level-triggered: those that are not taken now come in the next turn.
    int fd = accept4(server->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
            log_limited(LOG_LEVEL_WARNING, "control accept", 60, "control connection not taken",
                        "error", strerror(errno));
        return;
    }
    if (server->client_count >= CONTROL_CLIENTS_MAX)
        control_client_turn_away(fd);
    else
        control_client_new(server, fd);
}

static void
server_sweep(void *context)
{
    struct control *server = context;
    uint64_t now = loop_now_ms(server->loop);
    for (struct control_client *client = server->clients, *next; client; client = next) {
        next = client->next;
        if (client->state != CLIENT_WAITS && now - client->active_ms > CONTROL_IDLE_SECONDS * 1000)
            control_client_free(client);
    }
}

static struct control *
server_new(struct loop *loop, int fd, const struct control_options *options)
{
    struct control *server = memory_zalloc(sizeof *server);
    server->loop = loop;
    server->options = *options;
    server->path = memory_text(options->path ? options->path : "");
    server->fd = fd;
    server->watch = loop_watch_new(loop, fd, server_event, server);
    loop_watch_want(server->watch, LOOP_READABLE);
    server->sweep = loop_timer_new(loop, server_sweep, server);
    loop_timer_start(server->sweep, SWEEP_MS, SWEEP_MS);
    return server;
}

bool
control_open_socket(struct control **ret_control, struct loop *loop, int listening_socket,
                    const struct control_options *options, struct fault *fault)
{
    (void)fault;
    *ret_control = server_new(loop, listening_socket, options);
    return true;
}

bool
control_open(struct control **ret_control, struct loop *loop, const struct control_options *options,
             struct fault *fault)
{
    struct stat status;
    int fd = control_listen(options->path, options->group, fault);
    if (fd < 0)
        return false;
    struct control *server = server_new(loop, fd, options);
    if (stat(options->path, &status) == 0) {
        server->owns_path = true;
        server->path_device = status.st_dev;
        server->path_inode = status.st_ino;
    }
    *ret_control = server;
    return true;
}

// Only the file that we made: a successor may have its own there already.
static void
path_remove(const struct control *server)
{
    struct stat status;
    if (server->owns_path && lstat(server->path, &status) == 0 &&
        status.st_dev == server->path_device && status.st_ino == server->path_inode)
        unlink(server->path);
}

void
control_close(struct control **control)
{
    struct control *server = *control;
    if (!server)
        return;
    while (server->clients)
        control_client_free(server->clients);
    path_remove(server);
    loop_timer_free(&server->sweep);
    loop_watch_free(&server->watch);
    close(server->fd);
    free(server->path);
    free(server);
    *control = NULL;
}
