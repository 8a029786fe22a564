#include "primary/alias/address_set.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/base/fault.h"
#include "common/dns/rrtype.h"

#define CAPACITY_FIRST 4

void
address_set_init(struct address_set *set, uint16_t type)
{
    ENSURE(type == RRTYPE_A || type == RRTYPE_AAAA);
    *set = (struct address_set){.width = type == RRTYPE_A ? 4 : 16};
}

void
address_set_close(struct address_set *set)
{
    free(set->octets);
    set->octets = NULL;
    set->count = set->capacity = 0;
}

void
address_set_clear(struct address_set *set)
{
    set->count = 0;
}

const uint8_t *
address_set_at(const struct address_set *set, uint32_t index)
{
    ENSURE(index < set->count);
    return set->octets + (size_t)index * set->width;
}

// The first place whose octets are not before these.
static uint32_t
lower_bound(const struct address_set *set, const uint8_t *octets)
{
    uint32_t low = 0, high = set->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (memcmp(address_set_at(set, middle), octets, set->width) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool
stands_at(const struct address_set *set, uint32_t place, const uint8_t *octets)
{
    return place < set->count && memcmp(address_set_at(set, place), octets, set->width) == 0;
}

bool
address_set_has(const struct address_set *set, const uint8_t *octets)
{
    return stands_at(set, lower_bound(set, octets), octets);
}

bool
address_set_add(struct address_set *set, const uint8_t *octets)
{
    uint32_t place = lower_bound(set, octets);
    if (stands_at(set, place, octets))
        return false;
    if (set->count == set->capacity) {
        set->capacity = set->capacity ? set->capacity * 2 : CAPACITY_FIRST;
        set->octets = memory_realloc(set->octets, (size_t)set->capacity * set->width);
    }
    uint8_t *at = set->octets + (size_t)place * set->width;
    memmove(at + set->width, at, (size_t)(set->count - place) * set->width);
    memcpy(at, octets, set->width);
    set->count++;
    return true;
}

void
address_set_remove_at(struct address_set *set, uint32_t index)
{
    ENSURE(index < set->count);
    uint8_t *at = set->octets + (size_t)index * set->width;
    set->count--;
    memmove(at, at + set->width, (size_t)(set->count - index) * set->width);
}

void
address_set_add_all(struct address_set *set, const struct address_set *from)
{
    ENSURE(set->width == from->width);
    for (uint32_t i = 0; i < from->count; i++)
        address_set_add(set, address_set_at(from, i));
}

void
address_set_cut(struct address_set *set, uint32_t maximum)
{
    if (set->count > maximum)
        set->count = maximum;
}

bool
address_set_equal(const struct address_set *a, const struct address_set *b)
{
    return a->width == b->width && a->count == b->count &&
           (a->count == 0 || memcmp(a->octets, b->octets, (size_t)a->count * a->width) == 0);
}

void
address_set_copy(struct address_set *to, const struct address_set *from)
{
    ENSURE(to->width == from->width);
    if (to == from)
        return;
    if (to->capacity < from->count) {
        to->capacity = from->count;
        to->octets = memory_realloc(to->octets, (size_t)to->capacity * to->width);
    }
    to->count = from->count;
    if (from->count > 0)
        memcpy(to->octets, from->octets, (size_t)from->count * from->width);
}

void
address_set_minus(const struct address_set *a, const struct address_set *b,
                  struct address_set *ret_set)
{
    for (uint32_t i = 0; i < a->count; i++)
        if (!address_set_has(b, address_set_at(a, i)))
            address_set_add(ret_set, address_set_at(a, i));
}

const char *
address_set_text(const struct address_set *set, uint32_t index, char text[static ADDRESS_TEXT_MAX])
{
    struct address address;
    // Not address_from_octets: a v4-mapped AAAA is shown as it is.
    if (set->width == 4) {
        address_from_octets(address_set_at(set, index), 4, 0, &address);
    } else {
        address = (struct address){.v6 = {.sin6_family = AF_INET6}};
        memcpy(&address.v6.sin6_addr, address_set_at(set, index), 16);
    }
    return address_to_text_bare(&address, text);
}
