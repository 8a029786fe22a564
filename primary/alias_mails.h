// Mails about ALIAS targets in trouble and out of it. What happens within a few seconds is
// gathered, so that a resolver that dies with ten thousand targets makes some mails and not ten
// thousand: one for each zone, or one for all where they are many. Loop's thread.
#ifndef TANDEM_PRIMARY_ALIAS_MAILS_H
#define TANDEM_PRIMARY_ALIAS_MAILS_H

#include "common/net/loop.h"
#include "primary/alerts.h"
#include "primary/alias/event.h"

#define ALIAS_MAILS_GATHER_MS 2000 // an outage shows itself to all targets of a turn by then
#define ALIAS_MAILS_ITEMS_MAX 4096 // gathered; then they go at once
#define ALIAS_MAILS_LINES_MAX 200  // shown in one mail (interface.md), the rest is counted
#define ALIAS_MAILS_ZONES_MAX 20   // with a mail of their own; more: one about all of them

struct alias_mails;
struct alias_mails *alias_mails_new(struct loop *loop, const char *host); // host: copied
// Submits what was gathered.
void alias_mails_free(struct alias_mails **mails);
// Where they go; before that none are made.
void alias_mails_set_alerts(struct alias_mails *mails, struct alerts *alerts);
// kind: ALERT_ALIAS_HELD or ALERT_RECOVERED; sentence: what such an event is, static.
void alias_mails_add(struct alias_mails *mails, enum alert_kind kind, const char *sentence,
                     const struct event *event);

#endif
