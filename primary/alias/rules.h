// The settings `alias:` of one zone, as the engine needs them, and the two filters among them.
#ifndef TANDEM_ALIAS_RULES_H
#define TANDEM_ALIAS_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/net/address.h"
#include "primary/alias/address_set.h"

enum after_hold { AFTER_HOLD_KEEP, AFTER_HOLD_DROP, AFTER_HOLD_REFUSE };

#define RULES_SETTLE_AUTO (-1)
#define RULES_REFRESH_MIN                                                                          \
    5 // seconds; a resolver's cache gives nothing newer to one who asks faster

struct rules {
    uint32_t ttl_seconds; // cap
    int64_t refresh_seconds, hold_seconds;
    int64_t settle_seconds; // RULES_SETTLE_AUTO, or 0 or more
    enum after_hold after_hold;
    uint32_t max_addresses;
    const struct address_prefix *deny;
    size_t deny_count;
    const char *const *allow; // lower case; "*" stands for any labels
    size_t allow_count;
};

// A copy that owns its lists.
void rules_copy(struct rules *to, const struct rules *from);
void rules_close(struct rules *rules); // of a copy
// May the resolver be asked for this name on behalf of the zone? No pattern at all allows all.
bool rules_allow(const struct rules *rules, const uint8_t *name);
// Takes denied addresses out of the set; gives how many.
uint32_t rules_deny(const struct rules *rules, struct address_set *set);

#endif
