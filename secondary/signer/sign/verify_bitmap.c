#include "secondary/signer/sign/verify_bitmap.h"

#include "common/dns/rrtype.h"

#define WINDOW_TYPES 256

// Takes the types of a bitmap out of its windows.
struct bitmap {
    const uint8_t *at, *end;
    unsigned window, length, octet, bit; // place within a window
    int last_window;
    bool failed;
};

// The window at `at` becomes the present one. False: the end, or malformed.
static bool
window_enter(struct bitmap *bitmap)
{
    bitmap->at += bitmap->length;
    bitmap->octet = bitmap->bit = bitmap->length = 0;
    if (bitmap->at == bitmap->end)
        return false;
    if (bitmap->end - bitmap->at < 3 || bitmap->at[0] <= bitmap->last_window ||
        bitmap->at[1] == 0 || bitmap->at[1] > 32 || bitmap->end - bitmap->at < 2 + bitmap->at[1] ||
        bitmap->at[1 + bitmap->at[1]] == 0) { // trailing zero octets are not allowed
        bitmap->failed = true;
        return false;
    }
    bitmap->window = bitmap->at[0];
    bitmap->last_window = bitmap->at[0];
    bitmap->length = bitmap->at[1];
    bitmap->at += 2;
    return true;
}

// The next type, or -1.
static int
bitmap_next(struct bitmap *bitmap)
{
    do {
        for (; bitmap->octet < bitmap->length; bitmap->octet++, bitmap->bit = 0) {
            uint8_t value = bitmap->at[bitmap->octet];
            while (bitmap->bit < 8) {
                unsigned bit = bitmap->bit++;
                if (value & (0x80U >> bit))
                    return (int)(bitmap->window * WINDOW_TYPES + bitmap->octet * 8 + bit);
            }
        }
    } while (window_enter(bitmap));
    return -1;
}

static bool
shown(uint16_t type, bool cut, bool nsec)
{
    if (type == RRTYPE_NSEC3 || (type == RRTYPE_NSEC && !nsec))
        return false;
    return !cut || type == RRTYPE_NS || type == RRTYPE_DS || type == RRTYPE_NSEC;
}

// In ascending order, RRSIG put in at its place where anything shown is signed.
static unsigned
types_gather(const struct node *node, bool cut, bool nsec, uint16_t *ret_types)
{
    unsigned count = 0, all = node ? node_rrset_count(node) : 0;
    bool is_signed = nsec, placed = false;
    for (unsigned i = 0; i < all; i++) {
        struct rrset rrset;
        node_rrset_at(node, i, &rrset);
        is_signed =
            is_signed || (shown(rrset.type, cut, nsec) && (!cut || rrset.type == RRTYPE_DS));
    }
    for (unsigned i = 0; i <= all; i++) {
        struct rrset rrset = {0};
        if (i < all)
            node_rrset_at(node, i, &rrset);
        if (is_signed && !placed && (i == all || rrset.type > RRTYPE_RRSIG)) {
            placed = true;
            ret_types[count++] = RRTYPE_RRSIG;
        }
        if (i < all && shown(rrset.type, cut, nsec))
            ret_types[count++] = rrset.type;
    }
    return count;
}

bool
verify_bitmap_matches(const struct node *node, bool cut, bool nsec, const uint8_t *octets,
                      size_t length)
{
    uint16_t types[NODE_RRSETS_MAX + 1];
    struct bitmap bitmap = {.at = octets, .end = octets + length, .last_window = -1};
    unsigned count = types_gather(node, cut, nsec, types);
    for (unsigned i = 0; i < count; i++)
        if (bitmap_next(&bitmap) != types[i])
            return false;
    return bitmap_next(&bitmap) == -1 && !bitmap.failed;
}
