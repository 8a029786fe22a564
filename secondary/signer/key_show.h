// The verbs that show keys (list, ds, dnskey, timeline), and one key as JSON for the others.
#ifndef TANDEM_SIGNER_KEY_SHOW_H
#define TANDEM_SIGNER_KEY_SHOW_H

#include <stdbool.h>
#include <stdint.h>

#include "secondary/signer/keeper.h"
#include "secondary/signer/keys/key_pair.h"

struct json_value;

// One key as common/tandemctl/README.md has it, into an object.
void key_show_put(const struct keeper *keeper, struct json_value *object,
                  const struct key_pair *key);
// Whether a DS of the key was among those that the parent had when it was asked last (ds-check).
bool key_is_at_parent(const struct keeper *keeper, const struct key_pair *key);
// Each answers the request; the keeper has a keyset.
void key_show_list(struct keeper *keeper, uint64_t request);
void key_show_ds(struct keeper *keeper, uint64_t request);
void key_show_dnskey(struct keeper *keeper, uint64_t request);
void key_show_timeline(struct keeper *keeper, uint64_t request);

#endif
