// The operator's verbs that the signer answers: zone diff, accept, sign, verify, history, show,
// export; key list, ds, dnskey, generate, import, export, retire, timeline. Shapes of results:
// common/tandemctl/README.md.
#ifndef TANDEM_SIGNER_VERBS_H
#define TANDEM_SIGNER_VERBS_H

#include <stddef.h>

#include "secondary/messages.h"
#include "secondary/signer/keeper.h"

#define VERBS_RECORDS_SHOWN_MAX 10000        // of zone show
#define VERBS_CHANGES_SHOWN_MAX 1000         // of zone diff
#define VERBS_EXPORT_MAX        (512U << 20) // octets of zone export

// Answers the request by keeper_reply, now or at the end of the change that it began.
void zone_verb(struct keeper *keeper, const struct message_control *control, uint64_t request);
void key_verb(struct keeper *keeper, const struct message_control *control,
              struct message *message);

struct json_value;
// {"ok": true, ...}; result is taken over and may be NULL.
void verb_reply(struct keeper *keeper, uint64_t request, struct json_value **result);
void verb_fail(struct keeper *keeper, uint64_t request, int exit_code, const struct fault *fault);
// done + text, and zone and serial besides.
void verb_done(struct keeper *keeper, uint64_t request, bool dry_run, const char *text);
bool verb_flag(const struct message_control *control, const char *name); // an option that is on

#endif
