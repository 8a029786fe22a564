// A set of addresses of one type: A (4 octets each) or AAAA (16), without duplicates, in canonical
// order (RFC 4034 section 6.3: as octets). Owns its memory.
#ifndef TANDEM_ALIAS_ADDRESS_SET_H
#define TANDEM_ALIAS_ADDRESS_SET_H

#include <stdbool.h>
#include <stdint.h>

#include "common/net/address.h"

#define ADDRESS_SET_OCTETS_MAX 16

struct address_set {
    uint8_t *octets;
    uint32_t count, capacity;
    uint8_t width; // 4 or 16
};

void address_set_init(struct address_set *set, uint16_t type); // RRTYPE_A or RRTYPE_AAAA
void address_set_close(struct address_set *set);
void address_set_clear(struct address_set *set);
const uint8_t *address_set_at(const struct address_set *set, uint32_t index);
bool address_set_has(const struct address_set *set, const uint8_t *octets);
// False: it was there.
bool address_set_add(struct address_set *set, const uint8_t *octets);
void address_set_remove_at(struct address_set *set, uint32_t index);
void address_set_add_all(struct address_set *set, const struct address_set *from);
// Keeps the first maximum.
void address_set_cut(struct address_set *set, uint32_t maximum);
bool address_set_equal(const struct address_set *a, const struct address_set *b);
// to is initialised; its old content goes.
void address_set_copy(struct address_set *to, const struct address_set *from);
// What is in a and not in b, added to ret_set (initialised).
void address_set_minus(const struct address_set *a, const struct address_set *b,
                       struct address_set *ret_set);
// "192.0.2.1". Gives text.
const char *address_set_text(const struct address_set *set, uint32_t index,
                             char text[static ADDRESS_TEXT_MAX]);

#endif
