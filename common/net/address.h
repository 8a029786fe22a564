// An IPv4 or IPv6 address with a port, and address prefixes. Plain values, copied freely; no memory
// of their own. A v4-mapped IPv6 address (::ffff:192.0.2.1, RFC 4291 section 2.5.5.2) becomes the
// IPv4 address on the way in, so that one peer has one form in access rules, cookies and logs.
#ifndef TANDEM_NET_ADDRESS_H
#define TANDEM_NET_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "common/base/fault.h"

#define ADDRESS_TEXT_MAX 80 // 45 of IPv6 (INET6_ADDRSTRLEN), %scope of at most 16, @65535, NUL
#define ADDRESS_PORT_DNS 53

// Zeroed (family AF_UNSPEC) means "no address". Never longer than a sockaddr_in6, so that the
// kernel can write it in place.
struct address {
    union {
        sa_family_t family; // AF_UNSPEC, AF_INET, AF_INET6
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    };
};

// "192.0.2.1@53", "2001:db8::1@53", "::@53", "fe80::1%eth0@53"; without "@port" the port is
// default_port. FAULT_SYNTAX names the text and what was expected.
bool address_from_text(const char *text, uint16_t default_port, struct address *ret_address,
                       struct fault *fault);
// What accept, recvmsg or getaddrinfo gave; false when it is neither IPv4 nor IPv6 (ret_
// untouched).
bool address_from_sockaddr(const struct sockaddr *sockaddr, socklen_t length,
                           struct address *ret_address);
// octets in network order, length 4 or 16 (16: v4-mapped is normalised); port in host order.
bool address_from_octets(const uint8_t *octets, size_t length, uint16_t port,
                         struct address *ret_address);

// "192.0.2.1@53", "2001:db8::1@53"; "none" for AF_UNSPEC. Gives text.
const char *address_to_text(const struct address *address, char text[static ADDRESS_TEXT_MAX]);
// The same without "@port".
const char *address_to_text_bare(const struct address *address, char text[static ADDRESS_TEXT_MAX]);

bool address_is_set(const struct address *address);
// 0.0.0.0 or ::, whatever the port.
bool address_is_wildcard(const struct address *address);
uint16_t address_port(const struct address *address); // host order; 0 for AF_UNSPEC
void address_set_port(struct address *address, uint16_t port);
// The address's octets in network order inside address: 4 or 16 of them (0 and NULL for AF_UNSPEC).
// What cookies (RFC 9018 section 4) and rate limiting hash.
const uint8_t *address_octets(const struct address *address, size_t *ret_length);
// For bind, connect, sendmsg: the length that belongs to &address->any.
socklen_t address_sockaddr_length(const struct address *address);

// Same family, octets, port and scope.
bool address_equal(const struct address *a, const struct address *b);
// Same family, octets and scope; ports may differ.
bool address_equal_host(const struct address *a, const struct address *b);

struct address_prefix {
    struct address address; // port 0, octets behind the prefix are zero
    uint8_t bits;           // 0 to 32 or 0 to 128
};

#define ADDRESS_PREFIX_TEXT_MAX (ADDRESS_TEXT_MAX + 4)

// "192.0.2.0/24", "2001:db8::/32"; a bare address is the whole length. FAULT_SYNTAX when bits are
// set behind the prefix (the text says which prefix was meant).
bool address_prefix_from_text(const char *text, struct address_prefix *ret_prefix,
                              struct fault *fault);
// Always with "/bits". Gives text.
const char *address_prefix_to_text(const struct address_prefix *prefix,
                                   char text[static ADDRESS_PREFIX_TEXT_MAX]);
// Port and scope of address play no part; families must agree.
bool address_prefix_match(const struct address_prefix *prefix, const struct address *address);

#endif
