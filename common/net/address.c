// A peer must have one form. A dual-stack peer may reach us as 192.0.2.1 or as ::ffff:192.0.2.1;
// rules, cookies, rate limits and logs would each have to know both. So the mapped form ends here,
// where text, octets and the kernel's addresses come in, and nothing behind this file ever sees it.
#include "common/net/address.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPECTED "expected an address such as 192.0.2.1@53 or 2001:db8::1@53"

_Static_assert(sizeof(struct address) == sizeof(struct sockaddr_in6), "the kernel writes in place");

static struct address
address_of_v4(const void *octets, uint16_t port)
{
    struct address address;
    memset(&address, 0, sizeof(address));
    address.v4.sin_family = AF_INET;
    address.v4.sin_port = htons(port);
    memcpy(&address.v4.sin_addr, octets, 4);
    return address;
}

static struct address
address_of_v6(const void *octets, uint16_t port)
{
    struct in6_addr in6;
    memcpy(&in6, octets, sizeof(in6));
    if (IN6_IS_ADDR_V4MAPPED(&in6))
        return address_of_v4(in6.s6_addr + 12, port);
    struct address address;
    memset(&address, 0, sizeof(address));
    address.v6.sin6_family = AF_INET6;
    address.v6.sin6_port = htons(port);
    address.v6.sin6_addr = in6;
    return address;
}

// Decimal digits only, at most maximum; false for anything else.
static bool
read_number(const char *text, unsigned long maximum, unsigned long *ret_value)
{
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 9 || text[digits] != '\0')
        return false;
    unsigned long value = strtoul(text, NULL, 10);
    if (value > maximum)
        return false;
    *ret_value = value;
    return true;
}

// The number of an interface: its name, or digits.
static bool
read_scope(const char *text, uint32_t *ret_scope)
{
    unsigned long number = if_nametoindex(text);
    if (number == 0 && !read_number(text, UINT32_MAX, &number))
        return false;
    *ret_scope = (uint32_t)number;
    return true;
}

// host has neither port nor prefix length.
static bool
host_from_text(char *host, uint16_t port, struct address *ret_address)
{
    uint8_t octets[16];
    if (inet_pton(AF_INET, host, octets) == 1) {
        *ret_address = address_of_v4(octets, port);
        return true;
    }
    uint32_t scope = 0;
    char *percent = strchr(host, '%');
    if (percent) {
        if (!read_scope(percent + 1, &scope))
            return false;
        *percent = '\0';
    }
    if (inet_pton(AF_INET6, host, octets) != 1)
        return false;
    *ret_address = address_of_v6(octets, port);
    if (ret_address->family == AF_INET6)
        ret_address->v6.sin6_scope_id = scope;
    return true;
}

bool
address_from_text(const char *text, uint16_t default_port, struct address *ret_address,
                  struct fault *fault)
{
    char host[ADDRESS_TEXT_MAX];
    unsigned long port = default_port;
    const char *at = strchr(text, '@');
    size_t length = at ? (size_t)(at - text) : strlen(text);
    if (at && !read_number(at + 1, 65535, &port))
        return fault_set(fault, FAULT_SYNTAX, "\"%.80s\": the port behind @ is not 0 to 65535",
                         text);
    if (length >= sizeof(host))
        return fault_set(fault, FAULT_SYNTAX, "\"%.80s...\": too long, " EXPECTED, text);
    memcpy(host, text, length);
    host[length] = '\0';
    if (!host_from_text(host, (uint16_t)port, ret_address))
        return fault_set(fault, FAULT_SYNTAX, "\"%.80s\": " EXPECTED, text);
    return true;
}

bool
address_from_sockaddr(const struct sockaddr *sockaddr, socklen_t length,
                      struct address *ret_address)
{
    if (length >= sizeof(struct sockaddr_in) && sockaddr->sa_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, sockaddr, sizeof(v4));
        *ret_address = address_of_v4(&v4.sin_addr, ntohs(v4.sin_port));
        return true;
    }
    if (length >= sizeof(struct sockaddr_in6) && sockaddr->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, sockaddr, sizeof(v6));
        *ret_address = address_of_v6(&v6.sin6_addr, ntohs(v6.sin6_port));
        if (ret_address->family == AF_INET6)
            ret_address->v6.sin6_scope_id = v6.sin6_scope_id;
        return true;
    }
    return false;
}

bool
address_from_octets(const uint8_t *octets, size_t length, uint16_t port,
                    struct address *ret_address)
{
    if (length != 4 && length != 16)
        return false;
    *ret_address = length == 4 ? address_of_v4(octets, port) : address_of_v6(octets, port);
    return true;
}

const char *
address_to_text_bare(const struct address *address, char text[static ADDRESS_TEXT_MAX])
{
    if (address->family == AF_INET) {
        inet_ntop(AF_INET, &address->v4.sin_addr, text, ADDRESS_TEXT_MAX);
    } else if (address->family == AF_INET6) {
        inet_ntop(AF_INET6, &address->v6.sin6_addr, text, ADDRESS_TEXT_MAX);
        size_t length = strlen(text);
        if (address->v6.sin6_scope_id != 0)
            snprintf(text + length, ADDRESS_TEXT_MAX - length, "%%%u", address->v6.sin6_scope_id);
    } else {
        snprintf(text, ADDRESS_TEXT_MAX, "none");
    }
    return text;
}

const char *
address_to_text(const struct address *address, char text[static ADDRESS_TEXT_MAX])
{
    address_to_text_bare(address, text);
    size_t length = strlen(text);
    if (address_is_set(address))
        snprintf(text + length, ADDRESS_TEXT_MAX - length, "@%u", address_port(address));
    return text;
}

bool
address_is_set(const struct address *address)
{
    return address->family == AF_INET || address->family == AF_INET6;
}

bool
address_is_wildcard(const struct address *address)
{
    if (address->family == AF_INET)
        return address->v4.sin_addr.s_addr == htonl(INADDR_ANY);
    return address->family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&address->v6.sin6_addr);
}

uint16_t
address_port(const struct address *address)
{
    if (address->family == AF_INET)
        return ntohs(address->v4.sin_port);
    return address->family == AF_INET6 ? ntohs(address->v6.sin6_port) : 0;
}

void
address_set_port(struct address *address, uint16_t port)
{
    if (address->family == AF_INET)
        address->v4.sin_port = htons(port);
    else if (address->family == AF_INET6)
        address->v6.sin6_port = htons(port);
}

const uint8_t *
address_octets(const struct address *address, size_t *ret_length)
{
    if (address->family == AF_INET) {
        *ret_length = 4;
        return (const uint8_t *)&address->v4.sin_addr;
    }
    if (address->family == AF_INET6) {
        *ret_length = 16;
        return address->v6.sin6_addr.s6_addr;
    }
    *ret_length = 0;
    return NULL;
}

socklen_t
address_sockaddr_length(const struct address *address)
{
    if (address->family == AF_INET)
        return sizeof(struct sockaddr_in);
    return address->family == AF_INET6 ? sizeof(struct sockaddr_in6) : 0;
}

bool
address_equal_host(const struct address *a, const struct address *b)
{
    if (a->family != b->family)
        return false;
    size_t length;
    const uint8_t *octets = address_octets(a, &length);
    if (length == 0)
        return true;
    if (memcmp(octets, address_octets(b, &length), length) != 0)
        return false;
    return a->family == AF_INET || a->v6.sin6_scope_id == b->v6.sin6_scope_id;
}

bool
address_equal(const struct address *a, const struct address *b)
{
    return address_equal_host(a, b) && address_port(a) == address_port(b);
}

// The mask of octet index under a prefix of bits.
static uint8_t
mask_octet(unsigned bits, size_t index)
{
    if (bits >= 8 * (index + 1))
        return 0xff;
    if (bits <= 8 * index)
        return 0;
    return (uint8_t)(0xff << (8 * (index + 1) - bits));
}

// Zeroes what lies behind the prefix; true when something did.
static bool
clear_behind(struct address *address, unsigned bits)
{
    uint8_t octets[16] = {0};
    size_t length;
    const uint8_t *given = address_octets(address, &length);
    memcpy(octets, given, length);
    for (size_t i = 0; i < length; i++)
        octets[i] &= mask_octet(bits, i);
    bool changed = memcmp(octets, given, length) != 0;
    if (length == 4)
        memcpy(&address->v4.sin_addr, octets, 4);
    else
        memcpy(&address->v6.sin6_addr, octets, 16);
    return changed;
}

// The number behind the slash, against the family as it was written: ::ffff:192.0.2.0/120 is
// 192.0.2.0/24.
static bool
read_bits(const char *slash, bool written_as_v6, const struct address *address, unsigned *ret_bits)
{
    unsigned long whole = address->family == AF_INET ? 32 : 128;
    unsigned long mapped = written_as_v6 && address->family == AF_INET ? 96 : 0;
    unsigned long bits = whole + mapped;
    if (slash && !read_number(slash + 1, whole + mapped, &bits))
        return false;
    if (bits < mapped)
        return false;
    *ret_bits = (unsigned)(bits - mapped);
    return true;
}

bool
address_prefix_from_text(const char *text, struct address_prefix *ret_prefix, struct fault *fault)
{
    char host[ADDRESS_TEXT_MAX];
    struct address_prefix prefix;
    unsigned bits;
    const char *slash = strchr(text, '/');
    size_t length = slash ? (size_t)(slash - text) : strlen(text);
    if (length < sizeof(host)) {
        memcpy(host, text, length);
        host[length] = '\0';
    }
    if (length >= sizeof(host) || !host_from_text(host, 0, &prefix.address))
        return fault_set(fault, FAULT_SYNTAX,
                         "\"%.80s\": expected a prefix such as 192.0.2.0/24 or 2001:db8::/32",
                         text);
    if (!read_bits(slash, memchr(text, ':', length) != NULL, &prefix.address, &bits))
        return fault_set(fault, FAULT_SYNTAX, "\"%.80s\": the prefix length is not 0 to %d", text,
                         prefix.address.family == AF_INET ? 32 : 128);
    prefix.bits = (uint8_t)bits;
    if (clear_behind(&prefix.address, bits)) {
        char meant[ADDRESS_PREFIX_TEXT_MAX];
        return fault_set(fault, FAULT_SYNTAX,
                         "\"%.80s\": bits are set behind the prefix; write %s or the whole address",
                         text, address_prefix_to_text(&prefix, meant));
    }
    *ret_prefix = prefix;
    return true;
}

const char *
address_prefix_to_text(const struct address_prefix *prefix,
                       char text[static ADDRESS_PREFIX_TEXT_MAX])
{
    address_to_text_bare(&prefix->address, text);
    size_t length = strlen(text);
    snprintf(text + length, ADDRESS_PREFIX_TEXT_MAX - length, "/%u", prefix->bits);
    return text;
}

bool
address_prefix_match(const struct address_prefix *prefix, const struct address *address)
{
    size_t length;
    if (prefix->address.family != address->family || !address_is_set(address))
        return false;
    const uint8_t *want = address_octets(&prefix->address, &length);
    const uint8_t *have = address_octets(address, &length);
    size_t whole = prefix->bits / 8;
    if (memcmp(want, have, whole) != 0)
        return false;
    uint8_t mask = prefix->bits % 8 ? mask_octet(prefix->bits, whole) : 0;
    return mask == 0 || ((want[whole] ^ have[whole]) & mask) == 0;
}
