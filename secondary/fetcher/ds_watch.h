// The DS RRset that the parent of a zone publishes, asked for at the start and then at an interval
// (ds-check). The servers are tried in order; the first that answers the question decides. What is
// seen goes to the signer and the desk, who know what it means.
#ifndef TANDEM_FETCHER_DS_WATCH_H
#define TANDEM_FETCHER_DS_WATCH_H

#include <stdint.h>

#include "common/daemon/settings.h"
#include "secondary/fetcher/turns.h"
#include "secondary/messages.h"

// At a first start a zone waits for this answer before it is signed, so the first retry is soon.
#define DS_WATCH_RETRY_FIRST_SECONDS 5
#define DS_WATCH_RETRY_MAX_SECONDS   300
#define DS_WATCH_RECORDS_MAX         64 // more DS records than that are no DS RRset of this world

struct ds_watch;
// All is copied but loop, turns and link. Asks at once.
struct ds_watch *ds_watch_new(struct loop *loop, struct turns *turns, struct message_link *link,
                              uint32_t zone, const uint8_t *apex,
                              const struct settings_addresses *parents, int64_t interval_seconds);
void ds_watch_free(struct ds_watch **watch); // *watch may be NULL

// Pure, for tests: the DS records in an answer, each behind its u16 length, appended to rdatas.
// False and a fault: the server did not answer the question.
bool ds_watch_read(const uint8_t *octets, size_t length, const uint8_t *apex,
                   struct octets_buffer *rdatas, uint32_t *ret_count, struct fault *fault);

#endif
