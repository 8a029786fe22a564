// From a query and the zones held here to the octets of the response: RFC 1034 section 4.3.2 with
// 2308, 4592, 6672, 4035, 6604, 8482, 9471. Pure: no allocation, no lock, no log, no clock, no
// system call. One thread for each service; nothing is kept between two calls but in its memo,
// which only saves time. The caller looks up nothing: it reads the query (query.h), checks a TSIG
// where there is one, and calls answer_query.
#ifndef TANDEM_ANSWER_ANSWER_H
#define TANDEM_ANSWER_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/answer/denial_memo.h"
#include "common/answer/query.h"
#include "common/dns/cookie.h"
#include "common/dns/rcode.h"
#include "common/zone/version.h"
#include "common/zone/zone_set.h"

#define ANSWER_UDP_SIZE     1232 // largest UDP response: what fits an IPv6 path without fragments
#define ANSWER_UDP_SIZE_MIN 512  // without EDNS, RFC 1035 section 4.2.1
#define ANSWER_CHAIN_MAX    16   // CNAME and DNAME steps followed in one answer
#define ANSWER_NEVER        INT64_MAX
#define ANSWER_COOKIE_SIZE  (COOKIE_CLIENT_SIZE + COOKIE_SERVER_SIZE)

// What a zone_set of an answering process holds as values (a first member of the process's own
// struct).
struct answer_zone {
    const struct version *version; // NULL: not there yet (SERVFAIL with EDE 14)
    int64_t expire_at; // unix seconds from which the zone is SERVFAIL with EDE 24, or ANSWER_NEVER
};

// Whether this client may ask this zone; else REFUSED with EDE 18, and no chain is followed into
// it.
typedef bool answer_may_ask(const void *context, const struct answer_zone *zone);

// The process: settings and zones. Borrowed, unchanged during a call.
struct answer_service {
    const struct zone_set *zones; // of struct answer_zone *
    answer_may_ask *may_ask;      // NULL: everybody may ask everything
    const char *version;          // version.bind, version.server; NULL or "": REFUSED
    const char *identity;         // hostname.bind, id.server; NULL or "": REFUSED
    struct octets nsid;           // at most 255 octets; length 0: NSID is not answered
    bool cookies_on;
    struct cookie_secrets cookies;
    uint16_t tcp_idle_tenths; // of a second, told over TCP to a client that asks (RFC 7828); 0: not
    struct denial_memo *memo; // written by answers; of one thread; NULL: none
};

// The client and its transport.
struct answer_client {
    const uint8_t *address; // 4 or 16 octets, for the cookie
    size_t address_length;
    bool tcp;            // no limit but the memory's, ANY in full
    size_t tail_room;    // octets to leave free behind the response (TSIG_SIZE_MAX where it will be
                         // signed)
    const void *context; // for may_ask
    bool serial_follows; // say so to a client that asks (common/dns/edns.h)
    int64_t now;         // unix seconds
};

enum answer_kind { ANSWER_ERROR, ANSWER_POSITIVE, ANSWER_NODATA, ANSWER_NXDOMAIN, ANSWER_REFERRAL };

// What the caller counts and limits by.
struct answer_outcome {
    size_t length; // octets of the response; 0: send nothing
    enum answer_kind kind;
    uint16_t rcode;
    bool truncated;
    bool cookie_valid; // the client showed a server cookie of ours: exempt from rate limits
    bool synthesised;  // from a wildcard or a DNAME: as many names get this answer as one likes
    const struct answer_zone *zone; // of the question's name; NULL: not ours
};

// Whether this client can be answered from the zone: RCODE_NOERROR, or the RCODE and *ret_ede. zone
// may be NULL: not ours.
unsigned answer_zone_judge(const struct answer_service *service, const struct answer_client *client,
                           const struct answer_zone *zone, int *ret_ede);

// Where queries come in batches, most of an answer's time would be spent waiting for memory. So all
// are read first, then this is called, and only then answer_query for each: what the questions
// touch comes together. Zones must not change in between. May be left out.
#define ANSWER_BATCH_MAX 64
void answer_look_ahead(const struct answer_service *service, struct query *queries, size_t count);

// Answers QUERY_ERROR, QUERY_COOKIE and QUERY_QUESTION; QUERY_DROP gives length 0. memory: at least
// 512 octets, and must not overlap the query. QUERY_NOTIFY and QUERY_TRANSFER are the caller's
// (they give NOTIMP here).
void answer_query(const struct answer_service *service, const struct answer_client *client,
                  const struct query *query, uint8_t *memory, size_t size,
                  struct answer_outcome *ret_outcome);

// A response with this RCODE, the question, and nothing in the sections: a NOTIFY taken (aa true),
// a transfer refused. ede: EDE_NONE for none.
void answer_rcode(const struct answer_service *service, const struct answer_client *client,
                  const struct query *query, unsigned rcode, bool aa, int ede, uint8_t *memory,
                  size_t size, struct answer_outcome *ret_outcome);

// The question alone with TC: "come by TCP", instead of an answer that a rate limit holds back.
void answer_truncated(const struct answer_service *service, const struct answer_client *client,
                      const struct query *query, uint8_t *memory, size_t size,
                      struct answer_outcome *ret_outcome);

// The cookie for the answer to who sent one (RFC 7873 section 5.2.3); false: none is due. For those
// who write a response themselves, as a transfer does.
bool answer_cookie(const struct answer_service *service, const struct answer_client *client,
                   const struct edns *asked, uint8_t ret_cookie[static ANSWER_COOKIE_SIZE]);

// Seconds for the EXPIRE option (RFC 7314) of a zone with a version: what is left, or the SOA's
// own.
uint32_t answer_expire(const struct answer_zone *zone, int64_t now);

// The answer to an IXFR over UDP: the SOA alone (RFC 1995 section 2), which is the whole answer to
// a client that has that serial and sends others to TCP.
void answer_soa(const struct answer_service *service, const struct answer_client *client,
                const struct query *query, const struct answer_zone *zone, uint8_t *memory,
                size_t size, struct answer_outcome *ret_outcome);

#endif
