#include "common/tandemctl/client.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/base/arena.h"
#include "common/base/octets.h"
#include "common/daemon/clock.h"
#include "common/daemon/control.h"

#define PATH_ROOM  4096
#define NAMES_ROOM 512
#define READ_STEP  65536

bool
client_find_socket(char **ret_path, struct fault *fault)
{
    const char *folder = getenv(CLIENT_FOLDER_NAME);
    char path[PATH_ROOM], found[PATH_ROOM] = "", names[NAMES_ROOM] = "";
    size_t count = 0;
    folder = folder && *folder ? folder : CLIENT_FOLDER;
    DIR *directory = opendir(folder);
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        struct stat status;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (stat(path, &status) != 0 || !S_ISSOCK(status.st_mode))
            continue;
        snprintf(found, sizeof found, "%s", path);
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%s", count++ ? ", " : "", entry->d_name);
    }
    if (directory)
        closedir(directory);
    if (count == 0)
        return fault_set(fault, FAULT_NOT_FOUND,
                         "no daemon: there is no control socket in %s; is one running? (-s names "
                         "another socket)",
                         folder);
    if (count > 1)
        return fault_set(fault, FAULT_CONFIG, "several daemons in %s (%s): say which one with -s",
                         folder, names);
    *ret_path = memory_text(found);
    return true;
}

// ---- one exchange
// ------------------------------------------------------------------------------------------------

struct exchange {
    const struct client_request *request;
    int fd;
    uint64_t until_ms; // monotonic; 0: never
    struct octets_buffer input;
    size_t searched; // of the input, no line end is before it
};

static bool
open_socket(const char *path, int *ret_fd, struct fault *fault)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        return fault_set(fault, FAULT_NOT_FOUND, "%s: too long for the path of a socket", path);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fault_set_errno(fault, errno, "control socket %s", path);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        int error = errno;
        close(fd);
        if (error == EACCES || error == EPERM)
            return fault_set(fault, FAULT_IO,
                             "control socket %s: only root and the group of the socket may use it",
                             path);
        fault_set_errno(fault, error, "no daemon: control socket %s", path);
        fault->kind = FAULT_NOT_FOUND;
        return false;
    }
    *ret_fd = fd;
    return true;
}

// Waits for the socket. False: the time is over.
static bool
wait_for(const struct exchange *exchange, short events, struct fault *fault)
{
    for (;;) {
        uint64_t now = clock_monotonic_ms();
        int wait_ms = -1;
        if (exchange->until_ms)
            wait_ms =
                exchange->until_ms > now
                    ? (int)(exchange->until_ms - now < 3600000 ? exchange->until_ms - now : 3600000)
                    : 0;
        struct pollfd poll_fd = {.fd = exchange->fd, .events = events};
        int ready = poll(&poll_fd, 1, wait_ms);
        if (ready > 0)
            return true;
        if (ready == 0 && exchange->until_ms && clock_monotonic_ms() >= exchange->until_ms)
            return fault_set(fault, FAULT_TIMEOUT,
                             "no answer in time; the daemon may still be at it (--timeout gives it "
                             "longer)");
    }
}

// The descriptors ride on the first octets.
static bool
request_send(const struct exchange *exchange, struct fault *fault)
{
    union {
        char space[CMSG_SPACE(sizeof(int) * CONTROL_DESCRIPTORS_MAX)];
        struct cmsghdr align;
    } control = {.space = {0}};
    const struct client_request *request = exchange->request;
    size_t length, size = request->descriptor_count * sizeof(int), sent = 0;
    char *line = json_value_write(request->request, 0, &length);
    line[length++] = '\n'; // in the place of the NUL
    ENSURE(request->descriptor_count <= CONTROL_DESCRIPTORS_MAX);
    while (sent < length && wait_for(exchange, POLLOUT, fault)) {
        struct iovec vector = {line + sent, length - sent};
        struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
        if (sent == 0 && size > 0) {
            message.msg_control = &control;
            message.msg_controllen = CMSG_SPACE(size);
            struct cmsghdr *part = CMSG_FIRSTHDR(&message);
            *part = (struct cmsghdr){CMSG_LEN(size), SOL_SOCKET, SCM_RIGHTS};
            memcpy(CMSG_DATA(part), request->descriptors, size);
        }
        ssize_t step = sendmsg(exchange->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (step < 0 && errno != EAGAIN && errno != EINTR) {
            fault_set_errno(fault, errno, "control socket %s", request->socket);
            break;
        }
        sent += step > 0 ? (size_t)step : 0;
    }
    free(line);
    return sent == length;
}

// Reads on until there is a whole line; *ret_length without its end.
static bool
line_read(struct exchange *exchange, size_t *ret_length, struct fault *fault)
{
    struct octets_buffer *input = &exchange->input;
    for (;;) {
        uint8_t *end =
            input->length > exchange->searched
                ? memchr(input->data + exchange->searched, '\n', input->length - exchange->searched)
                : NULL;
        if (end) {
            *ret_length = (size_t)(end - input->data);
            return true;
        }
        exchange->searched = input->length;
        if (input->length > CLIENT_REPLY_MAX)
            return fault_set(fault, FAULT_LIMIT, "the reply is longer than %d octets",
                             CLIENT_REPLY_MAX);
        if (!wait_for(exchange, POLLIN, fault))
            return false;
        ssize_t got =
            recv(exchange->fd, octets_buffer_reserve(input, READ_STEP), READ_STEP, MSG_DONTWAIT);
        if (got == 0)
            return fault_set(fault, FAULT_IO, "the daemon closed the connection without an answer");
        if (got < 0 && errno != EAGAIN && errno != EINTR)
            return fault_set_errno(fault, errno, "control socket %s", exchange->request->socket);
        input->length += got > 0 ? (size_t)got : 0;
    }
}

static void
line_drop(struct exchange *exchange, size_t length)
{
    struct octets_buffer *input = &exchange->input;
    memmove(input->data, input->data + length + 1, input->length - length - 1);
    input->length -= length + 1;
    exchange->searched = 0;
}

static bool
chunk_take(const struct exchange *exchange, const struct json_value *line, struct fault *fault)
{
    const char *text = json_value_get_text(line, "chunk", "");
    const struct client_request *request = exchange->request;
    return !request->chunk || request->chunk(request->context, text, strlen(text)) ||
           fault_set(fault, FAULT_IO, "the text cannot be written");
}

static bool
reply_read(struct exchange *exchange, struct json_value **ret_reply, struct fault *fault)
{
    for (;;) {
        size_t length;
        struct json_value *line = NULL;
        if (!line_read(exchange, &length, fault))
            return false;
        if (!json_value_read((const char *)exchange->input.data, length, &line, fault))
            return fault_wrap(fault, "reply of the daemon");
        line_drop(exchange, length);
        if (!json_value_get(line, "chunk")) {
            *ret_reply = line;
            return true;
        }
        bool fine = chunk_take(exchange, line, fault);
        json_value_free(&line);
        if (!fine)
            return false;
    }
}

bool
client_ask(const struct client_request *request, struct json_value **ret_reply, struct fault *fault)
{
    struct exchange exchange = {.request = request};
    if (!open_socket(request->socket, &exchange.fd, fault))
        return false;
    if (request->timeout_seconds > 0)
        exchange.until_ms = clock_monotonic_ms() + (uint64_t)request->timeout_seconds * 1000;
    octets_buffer_init(&exchange.input);
    bool fine = request_send(&exchange, fault) && reply_read(&exchange, ret_reply, fault);
    octets_buffer_close(&exchange.input);
    close(exchange.fd);
    return fine;
}

bool
client_await_end(pid_t pid, int64_t timeout_seconds, struct fault *fault)
{
    struct exchange exchange = {.fd = pidfd_open(pid, 0)};
    if (exchange.fd < 0)
        return errno == ESRCH || fault_set_errno(fault, errno, "process %jd", (intmax_t)pid);
    if (timeout_seconds > 0)
        exchange.until_ms = clock_monotonic_ms() + (uint64_t)timeout_seconds * 1000;
    bool ended = wait_for(&exchange, POLLIN, fault);
    close(exchange.fd);
    return ended;
}
