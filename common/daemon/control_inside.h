// What the files of the control socket tell each other; nobody else includes it. Calls go down this
// list: control -> control_client -> control_answer -> control_request. Upwards there is only
// client->go_on.
#ifndef TANDEM_DAEMON_CONTROL_INSIDE_H
#define TANDEM_DAEMON_CONTROL_INSIDE_H

#include <sys/stat.h>

#include "common/daemon/control.h"
#include "common/daemon/control_call.h"

struct loop_timer;
struct loop_watch;

enum client_state { CLIENT_READS, CLIENT_WAITS, CLIENT_WRITES, CLIENT_ENDS };

struct control_client {
    struct control *server;
    struct control_client *next;
    int fd;
    struct loop_watch *watch;
    enum client_state state;
    bool going_on; // inside go_on
    // The only place that moves it: called where something may go on.
    void (*go_on)(struct control_client *client);
    bool input_ended; // the peer will send no more
    uid_t uid;
    gid_t gid;
    uint64_t active_ms;
    struct octets_buffer input;
    int descriptors[CONTROL_DESCRIPTORS_MAX];
    size_t descriptor_count;
    bool descriptors_lost; // there were more than we take
    struct octets_buffer output;
    size_t output_sent;
    size_t reply_octets;             // of the present answer so far
    struct control_request *request; // that is waited for
    struct control_stream stream;    // next NULL: none
    struct json_value *stream_result;
};

struct control {
    struct loop *loop;
    struct control_options options;
    char *path;
    bool owns_path;
    dev_t path_device;
    ino_t path_inode;
    int fd;
    struct loop_watch *watch;
    struct loop_timer *sweep;
    struct control_client *clients;
    size_t client_count;
};

struct control_request {
    struct control_client *client; // NULL: it is gone
    struct control_call call;
    uid_t uid, daemon_uid;
    gid_t gid;
    int descriptors[CONTROL_DESCRIPTORS_MAX];
    size_t descriptor_count;
    char option_text[32]; // a number or boolean option as text
};

// --- control_request

void control_request_descriptors_close(int *descriptors, size_t *count);
void control_request_free(struct control_request **request);

// --- control_answer

// An answer's last line; fault (NULL: none) and result (may be NULL or point to NULL) are its
// parts, the result is taken over.
struct json_value *control_answer_make(bool ok, int exit_code, const struct fault *fault,
                                       struct json_value **result);
// A line of an answer; the value is freed.
void control_answer_queue(struct control_client *client, struct json_value **value);
// The last line of an answer is queued: the client reads again when it has left.
void control_answer_end(struct control_client *client, struct json_value **reply);
void control_answer_stop_stream(struct control_client *client);

// --- control_client

// Takes over the descriptor of an accepted connection.
void control_client_new(struct control *server, int fd);
void control_client_free(struct control_client *client);
// One too many: told so, and closed.
void control_client_turn_away(int fd);

#endif
