// The operator's verbs that the signer answers: zone diff, accept, sign, verify, history, show,
// export; key list, ds, dnskey, generate, import, export, activate, retire,
// timeline. Shapes of results:
// common/tandemctl/README.md.
#ifndef TANDEM_SIGNER_VERBS_H
#define TANDEM_SIGNER_VERBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/octets.h"
#include "secondary/messages.h"
#include "secondary/signer/keeper.h"

#define VERBS_RECORDS_SHOWN_MAX 10000        // of zone show
#define VERBS_CHANGES_SHOWN_MAX 1000         // of zone diff
#define VERBS_EXPORT_MAX        (512U << 20) // octets of zone export

// Answers the request by keeper_reply, now or at the end of the change that it began.
void zone_verb(struct keeper *keeper, const struct message_control *control, uint64_t request);
void key_verb(struct keeper *keeper, const struct message_control *control,
              struct message *message);

// --- verb_reply

struct json_value;
// {"ok": true, ...}; result is taken over and may be NULL.
void verb_reply(struct keeper *keeper, uint64_t request, struct json_value **result);
// The same, and a text behind it that goes out as chunks.
void verb_reply_text(struct keeper *keeper, uint64_t request, struct json_value **result,
                     struct octets text);
// exit_code 0: the fault's own.
void verb_fail(struct keeper *keeper, uint64_t request, int exit_code, const struct fault *fault);
void verb_fail_with(struct keeper *keeper, uint64_t request, int exit_code,
                    const struct fault *fault, struct json_value **result);
// done + text, and zone and serial besides.
void verb_done(struct keeper *keeper, uint64_t request, bool dry_run, const char *text);
struct json_value *verb_done_result(const struct keeper *keeper, bool dry_run, const char *text);
// {"unsigned", "signed"} of what is served, both null where nothing is.
void verb_put_serial(const struct keeper *keeper, struct json_value *object, const char *key);
// False: nothing is served yet, and the request is answered with that.
bool verb_has_content(struct keeper *keeper, uint64_t request);
// The key whose tag is the second argument. NULL: there is none, and the request is answered.
const struct key_pair *verb_key(struct keeper *keeper, const struct message_control *control,
                                uint64_t request);
bool verb_flag(const struct message_control *control, const char *name); // an option that is on

#endif
