// What the fetcher says to the other roles, by its one connection with the supervisor; and the
// shape of its answers to an operator (common/tandemctl/README.md). Nothing here keeps state.
#ifndef TANDEM_FETCHER_REPORT_H
#define TANDEM_FETCHER_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "secondary/messages.h"

// body may be NULL (empty); descriptor -1: none, else borrowed.
void report_send(struct message_link *link, enum message_type type, enum message_role to,
                 uint32_t zone, const struct octets_buffer *body, int descriptor);
void report_facts(struct message_link *link, uint32_t zone, const struct message_poll_facts *facts);
void report_event(struct message_link *link, uint32_t zone, enum message_event_kind kind,
                  int64_t now, const char *why, const char *health, const char *hint);
void report_ds(struct message_link *link, uint32_t zone, const struct message_ds_seen *seen);

// One operator's request that is answered once.
struct report_request {
    uint32_t zone;
    uint64_t request;
};
// {"ok": true, ... "result": {"done", "dry_run", "text", "zone", "changed"}}
void report_done(struct message_link *link, const struct report_request *request,
                 const char *domain, bool done, bool dry_run, bool changed, const char *text);
// exit_code: enum control_exit.
void report_failed(struct message_link *link, const struct report_request *request, int exit_code,
                   const struct fault *fault);

#endif
