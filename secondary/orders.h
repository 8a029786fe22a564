// What the supervisor itself tells its children, one function for each kind. All are sent at once
// and lost on a child that does not run: it is told everything when it starts.
#ifndef TANDEM_SECONDARY_ORDERS_H
#define TANDEM_SECONDARY_ORDERS_H

#include <stdint.h>

#include "secondary/child.h"
#include "secondary/places.h"
#include "secondary/settings.h"

// ids: one for each zone of settings.
void order_settings(struct child *child, const struct secondary_settings *settings,
                    const uint32_t *ids, const struct role_extras *extras);
void order_counters(struct child *child, uint32_t server, int memory); // a memfd, borrowed
// memory: the memfd of rate_table.h, borrowed.
void order_rate_table(struct child *child, uint64_t key, int memory);
void order_version(struct child *server, const struct kept_place *zone);
void order_zone_state(struct child *server, const struct kept_place *zone);
void order_file(struct child *server, const struct kept_file *file); // of the pool
void order_file_gone(struct child *server, uint32_t number);
void order_pooled(struct child *server, const struct octets_buffer *items); // message_pooled
void order_zone_gone(struct child *server, uint32_t zone);
void order_role_facts(struct child *desk, const struct child *about);
void order_review_done(struct child *signer, uint32_t zone, uint64_t request,
                       const struct message_review_done *done);
// The answer to a CONTROL_REQUEST: JSON text.
void order_reply(struct child *desk, uint64_t request, const struct octets_buffer *json);

#endif
