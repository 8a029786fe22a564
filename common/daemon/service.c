// The datagrams are few and small and never waited for: a service manager that does not listen must
// not stop the daemon. The socket is connected at the start, because later the process may have
// lost the path (another root, no right to it) or the system call.
#include "common/daemon/service.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/base/quantity.h"

static int service_socket = -1;
static uint64_t watchdog_half_ms;

// "@name" is an abstract name: its first octet is NUL and it has no NUL at its end.
static bool
make_address(const char *name, struct sockaddr_un *ret_address, socklen_t *ret_length)
{
    size_t length = strlen(name);
    if ((name[0] != '/' && name[0] != '@') || length < 2 || length >= sizeof(ret_address->sun_path))
        return false;
    memset(ret_address, 0, sizeof(*ret_address));
    ret_address->sun_family = AF_UNIX;
    memcpy(ret_address->sun_path, name, length);
    if (name[0] == '@')
        ret_address->sun_path[0] = '\0';
    else
        length++; // the NUL
    *ret_length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    return true;
}

static bool
connect_to(const char *name, struct fault *fault)
{
    struct sockaddr_un address;
    socklen_t length;
    if (!make_address(name, &address, &length))
        return fault_set(fault, FAULT_CONFIG,
                         "NOTIFY_SOCKET \"%s\": neither a path nor an abstract name", name);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return fault_set_errno(fault, errno, "NOTIFY_SOCKET: socket");
    if (connect(fd, (const struct sockaddr *)&address, length) != 0) {
        fault_set_errno(fault, errno, "NOTIFY_SOCKET %s", name);
        close(fd);
        return false;
    }
    service_socket = fd;
    return true;
}

static uint64_t
read_watchdog(void)
{
    const char *interval = getenv("WATCHDOG_USEC");
    const char *process = getenv("WATCHDOG_PID");
    uint64_t interval_us;
    uint64_t pid;
    if (!interval || !quantity_unsigned(interval, UINT64_MAX, &interval_us, NULL))
        return 0;
    if (process &&
        (!quantity_unsigned(process, INT32_MAX, &pid, NULL) || pid != (uint64_t)getpid()))
        return 0;
    uint64_t half_ms = interval_us / 2000;
    return half_ms || interval_us == 0 ? half_ms : 1;
}

bool
service_open(struct fault *fault)
{
    const char *name = getenv("NOTIFY_SOCKET");
    bool good = true;
    service_close();
    if (name && name[0])
        good = connect_to(name, fault);
    watchdog_half_ms = service_socket >= 0 ? read_watchdog() : 0;
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    return good;
}

void
service_close(void)
{
    if (service_socket >= 0)
        close(service_socket);
    service_socket = -1;
    watchdog_half_ms = 0;
}

bool
service_is_on(void)
{
    return service_socket >= 0;
}

// What cannot be sent is not sent: the next one tells.
static void
tell(const char *text)
{
    if (service_socket >= 0)
        (void)!send(service_socket, text, strlen(text), MSG_NOSIGNAL);
}

// word, then STATUS= on a line of its own; a line break inside would be an assignment of its own.
static void
tell_with_status(const char *word, const char *status)
{
    char text[SERVICE_STATUS_MAX + 64];
    int head = snprintf(text, sizeof(text), "%s", word);
    if (status)
        snprintf(text + head, sizeof(text) - (size_t)head, "%sSTATUS=%.*s", head ? "\n" : "",
                 SERVICE_STATUS_MAX, status);
    size_t start = status ? (size_t)head + (head ? 1 : 0) : strlen(text);
    for (char *at = text + start; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            *at = ' ';
    tell(text);
}

void
service_ready(const char *status)
{
    tell_with_status("READY=1", status);
}

void
service_status(const char *status)
{
    tell_with_status("", status ? status : "");
}

void
service_reloading(uint64_t monotonic_us)
{
    char text[80];
    snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%llu",
             (unsigned long long)monotonic_us);
    tell(text);
}

void
service_stopping(const char *status)
{
    tell_with_status("STOPPING=1", status);
}

void
service_watchdog(void)
{
    tell("WATCHDOG=1");
}

uint64_t
service_watchdog_ms(void)
{
    return watchdog_half_ms;
}
