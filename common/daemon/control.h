// The control socket's server side: one Unix socket on the loop, requests and replies as JSON
// lines.
//
//   request   one line {"object": "zone", "verb": "status", "args": ["example.gov"],
//                       "options": {"dry_run": true, "wait": true, ...}}; descriptors may ride
//                       along
//   reply     any number of lines {"chunk": "text"} (an export), then one line
//             {"ok": true, "exit_code": 0, "result": {...}} or
//             {"ok": false, "exit_code": 5, "error": {"kind": "not_found", "text": "..."},
//             "result": {...}}
//
// A connection may send one request after the other; each is answered before the next is read. main
// hands in the verb table; unknown words, wrong counts of arguments, missing privilege and verbs of
// later versions are answered here. A handler answers at once or keeps the request and answers
// later, exactly once; when the client went away meanwhile, the answer is dropped silently.
// Everything on the loop's thread.
#ifndef TANDEM_DAEMON_CONTROL_H
#define TANDEM_DAEMON_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/base/fault.h"
#include "common/base/octets.h"
#include "common/daemon/json_value.h"

#define CONTROL_REQUEST_MAX     (64 * 1024) // one request line: the longest argument is a path
#define CONTROL_REPLY_MAX       (64 * 1024 * 1024) // an export of about a million records
#define CONTROL_CHUNK_MAX       (64 * 1024) // text of one chunk line: what is asked for at a time
#define CONTROL_CLIENTS_MAX     64 // an operator, a monitor, and room for a script gone wild
#define CONTROL_DESCRIPTORS_MAX 16 // key files of one import
#define CONTROL_ARGUMENTS_MAX   32
#define CONTROL_IDLE_SECONDS    60 // a connection without a request under way is closed after this

// Exit codes of tandemctl (interface.md).
enum control_exit {
    CONTROL_OK = 0,
    CONTROL_FAILED = 1,
    CONTROL_USAGE = 2,
    CONTROL_INVALID = 3, // configuration or zone
    CONTROL_NO_DAEMON = 4,
    CONTROL_NOT_FOUND = 5,
    CONTROL_REFUSED = 6, // by the gate
    CONTROL_TIMEOUT = 7,
};

struct loop;
struct control;
struct control_request;

enum control_flags {
    CONTROL_CHANGES = 1 << 0,    // changes something: takes --dry-run, and is logged at info
    CONTROL_NEEDS_KEYS = 1 << 1, // touches keys: only for root and the daemon's user
    CONTROL_MAY_WAIT = 1 << 2,   // takes -b: answered when the work has ended
};

struct control_verb {
    const char *object; // "" for verbs that stand alone: status, version, reload, stop, check
    const char *verb;
    unsigned arguments_min, arguments_max;
    unsigned flags; // enum control_flags
    // Names of further options, apart by spaces ("serial role"); NULL: none.
    const char *options;
    // NULL: refused. refusal says why; NULL means "not in this version".
    void (*handle)(void *context, struct control_request *request);
    const char *refusal;
};

struct control_options {
    const char *path;                 // of the socket
    const char *group;                // given to the socket when that group exists; NULL: "tandem"
    const struct control_verb *verbs; // borrowed for the life of the server
    size_t verb_count;
    void *context;    // for the handlers
    uid_t daemon_uid; // besides root, who may use CONTROL_NEEDS_KEYS verbs
};
// Makes the socket (mode 0660). A socket file that nobody listens on is replaced; one that answers
// is FAULT_BUSY: another daemon runs. FAULT_IO names the path.
bool control_open(struct control **ret_control, struct loop *loop,
                  const struct control_options *options, struct fault *fault);
// As above on a listening socket made before privileges were dropped (taken over); options->path is
// only named and not removed at the end.
bool control_open_socket(struct control **ret_control, struct loop *loop, int listening_socket,
                         const struct control_options *options, struct fault *fault);
// The socket alone, for control_open_socket; -1 with a fault.
int control_listen(const char *path, const char *group, struct fault *fault);
// Requests that handlers still hold stay valid and may be answered (to nobody). Not from inside a
// handler.
void control_close(struct control **control);

// What a request says. Texts are borrowed until the answer.
const char *control_object(const struct control_request *request);
const char *control_verb(const struct control_request *request);
size_t control_argument_count(const struct control_request *request);
const char *control_argument(const struct control_request *request,
                             size_t index); // NULL: not given
// Text of a further option, NULL when absent; a number or boolean as its text.
const char *control_option(struct control_request *request, const char *name);
bool control_dry_run(const struct control_request *request);
bool control_wait(const struct control_request *request);
uid_t control_uid(const struct control_request *request);
gid_t control_gid(const struct control_request *request);
bool control_may_use_keys(const struct control_request *request); // root or the daemon's user
bool control_client_is_there(const struct control_request *request);
size_t control_descriptor_count(const struct control_request *request);
// Takes the descriptor over (close it); -1 when it was taken before or is not there. Those not
// taken are closed with the request.
int control_take_descriptor(struct control_request *request, size_t index);
// The whole request as JSON, for passing it to another process.
const struct json_value *control_request_value(const struct control_request *request);

// Answers: each ends the request and sets the caller's pointer to NULL.
// result may be NULL or point to NULL; it is taken over.
void control_reply(struct control_request **request, struct json_value **result);
// With an exit code of its own (check: the Nagios codes 0-3) that is still an answer.
void control_reply_code(struct control_request **request, int exit_code,
                        struct json_value **result);
// kind decides the exit code (control_exit_of).
void control_reply_fault(struct control_request **request, const struct fault *fault);
// As above with an exit code of its own (the gate: CONTROL_REFUSED) and a result besides (may be
// NULL).
void control_reply_failed(struct control_request **request, int exit_code,
                          const struct fault *fault, struct json_value **result);
// A whole reply line made by another process ({"ok": ...}), passed on as it is. FAULT text is sent
// instead when it is no JSON object.
void control_reply_line(struct control_request **request, const char *line, size_t length);
// A long text in chunks, read as the client takes them: next adds at most CONTROL_CHUNK_MAX octets
// to ret_text and says true, or adds nothing and says true at the end, or false with a fault.
// Afterwards, or when the client goes away, stop (may be NULL) is called once; then result ends the
// reply.
struct control_stream {
    bool (*next)(void *context, struct octets_buffer *ret_text, struct fault *fault);
    void (*stop)(void *context);
    void *context;
};
void control_reply_stream(struct control_request **request, const struct control_stream *stream,
                          struct json_value **result);
// A long text that is there already (malloc; taken over), sent in chunks.
void control_reply_text(struct control_request **request, char **text, size_t length,
                        struct json_value **result);

int control_exit_of(enum fault_kind kind);

#endif
