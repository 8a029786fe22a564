#include "primary/alias/rules.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/dns/name.h"

void
rules_copy(struct rules *to, const struct rules *from)
{
    struct rules copy = *from;
    struct address_prefix *deny = memory_alloc((from->deny_count + 1) * sizeof *deny);
    const char **allow = memory_alloc((from->allow_count + 1) * sizeof *allow);
    if (from->deny_count > 0)
        memcpy(deny, from->deny, from->deny_count * sizeof *deny);
    for (size_t i = 0; i < from->allow_count; i++)
        allow[i] = memory_text(from->allow[i]);
    copy.deny = deny;
    copy.allow = allow;
    *to = copy;
}

void
rules_close(struct rules *rules)
{
    for (size_t i = 0; i < rules->allow_count; i++)
        free((void *)(uintptr_t)rules->allow[i]);
    free((void *)(uintptr_t)rules->allow);
    free((void *)(uintptr_t)rules->deny);
    *rules = (struct rules){0};
}

// "*" in the pattern stands for one or more characters. A later "*" that cannot match makes room by
// letting the one before take one more; only the last needs to be remembered.
static bool
pattern_matches(const char *pattern, const char *text)
{
    const char *star = NULL, *star_end = NULL;
    while (*text) {
        if (*pattern == '*') {
            star = ++pattern;
            star_end = ++text;
        } else if (*pattern && *pattern == *text) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star;
            text = ++star_end;
        } else {
            return false;
        }
    }
    return *pattern == '\0';
}

bool
rules_allow(const struct rules *rules, const uint8_t *name)
{
    char text[NAME_TEXT_MAX];
    if (rules->allow_count == 0)
        return true;
    name_to_text_short(name, text);
    for (size_t i = 0; i < rules->allow_count; i++)
        if (pattern_matches(rules->allow[i], text))
            return true;
    return false;
}

static bool
is_denied(const struct rules *rules, const struct address *address)
{
    for (size_t i = 0; i < rules->deny_count; i++)
        if (address_prefix_match(&rules->deny[i], address))
            return true;
    return false;
}

uint32_t
rules_deny(const struct rules *rules, struct address_set *set)
{
    uint32_t denied = 0;
    for (uint32_t i = 0; i < set->count;) {
        struct address address;
        // A v4-mapped AAAA is judged as the IPv4 address that a host would connect to, too.
        bool known = address_from_octets(address_set_at(set, i), set->width, 0, &address);
        if (known && is_denied(rules, &address)) {
            address_set_remove_at(set, i);
            denied++;
        } else {
            i++;
        }
    }
    return denied;
}
