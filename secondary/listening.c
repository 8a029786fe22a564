// Why one socket for each worker and address, and not one shared one? SO_REUSEPORT lets the kernel
// spread packets without a thundering herd; the sockets stay open here, so a packet that comes
// while a server restarts waits in its buffer.
#include "secondary/listening.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/net/listen.h"
#include "secondary/child.h"

struct listen_entry {
    uint32_t worker;
    bool tcp;
    char address[64];
    int fd;
};

void
listening_init(struct listening *listening)
{
    *listening = (struct listening){0};
    vector_init(&listening->sockets, sizeof(struct listen_entry));
}

void
listening_close(struct listening *listening)
{
    for (size_t i = 0; i < listening->sockets.count; i++) {
        close(((struct listen_entry *)vector_at(&listening->sockets, i))->fd);
    }
    vector_close(&listening->sockets);
}

static bool
open_socket(struct listening *listening, const struct address *address, uint32_t worker, bool tcp,
            struct fault *fault)
{
    struct listen_options options = {.share_port = true};
    struct listen_entry entry = {.worker = worker, .tcp = tcp};
    char text[ADDRESS_TEXT_MAX];
    snprintf(entry.address, sizeof entry.address, "%.*s", (int)sizeof entry.address - 1,
             address_to_text(address, text));
    bool opened = tcp ? listen_tcp(address, &options, &entry.fd, fault)
                      : listen_udp(address, &options, &entry.fd, fault);
    if (opened) {
        vector_add(&listening->sockets, &entry);
    }
    return opened;
}

bool
listening_open(struct listening *listening, const struct settings_addresses *addresses,
               uint32_t workers, struct fault *fault)
{
    listening->workers = workers;
    for (size_t i = 0; i < addresses->count; i++) {
        const struct address *address = &addresses->items[i];
        if (!listen_check_free(address, fault)) {
            return fault_wrap(fault, "server.listen");
        }
        for (uint32_t worker = 0; worker < workers; worker++) {
            if (!open_socket(listening, address, worker, false, fault) ||
                !open_socket(listening, address, worker, true, fault)) {
                return fault_wrap(fault, "server.listen");
            }
        }
    }
    return true;
}

static void
send_some(const struct message_listen *listen, const int *descriptors, struct child *child)
{
    struct octets_buffer body;
    octets_buffer_init(&body);
    message_listen_write(listen, &body);
    child_order(child, MESSAGE_LISTEN, MESSAGE_NO_ZONE, &body, descriptors, listen->socket_count);
    octets_buffer_close(&body);
}

static size_t
count_sockets(const struct listening *listening, uint32_t worker)
{
    size_t count = 0;
    for (size_t i = 0; i < listening->sockets.count; i++) {
        count += ((struct listen_entry *)vector_at(&listening->sockets, i))->worker == worker;
    }
    return count;
}

void
listening_send(const struct listening *listening, uint32_t worker, struct child *child)
{
    struct message_listen listen = {.server_index = worker, .server_count = listening->workers};
    int descriptors[MESSAGES_DESCRIPTORS_MAX];
    size_t left = count_sockets(listening, worker);
    for (size_t i = 0; i < listening->sockets.count; i++) {
        const struct listen_entry *entry = vector_at(&listening->sockets, i);
        if (entry->worker != worker) {
            continue;
        }
        struct message_listen_socket *socket = &listen.sockets[listen.socket_count];
        memcpy(socket->address, entry->address, sizeof socket->address);
        socket->tcp = entry->tcp;
        descriptors[listen.socket_count++] = entry->fd;
        left--;
        if (listen.socket_count == MESSAGES_DESCRIPTORS_MAX || left == 0) {
            listen.last = left == 0;
            send_some(&listen, descriptors, child);
            listen.socket_count = 0;
        }
    }
}
