// What a resolver's answer to one of our questions is worth. Pure: octets and the question in, a
// verdict out. The resolver may be mistaken, overloaded or not itself: whatever does not fit the
// question is a failure, never "no data" (RFC 1034 4.3.1, RFC 2308, RFC 5452 section 9.1).
#ifndef TANDEM_ALIAS_REPLY_H
#define TANDEM_ALIAS_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/octets.h"
#include "primary/alias/address_set.h"

#define REPLY_HOPS_MAX      16   // CNAMEs and DNAMEs in a row; more than any service uses
#define REPLY_ADDRESSES_MAX 4096 // of one type: about as many as 64 KiB hold
#define REPLY_TEXT_MAX      200

enum reply_kind {
    REPLY_ADDRESSES,
    REPLY_NODATA,   // the name is there, the type is not
    REPLY_NXDOMAIN, // the name is not there
    REPLY_FAILURE,  // nothing was learnt
};
// What may help after a failure.
enum reply_cure {
    CURE_NONE,
    CURE_TCP,          // the answer was cut, or an answer by UDP did not fit
    CURE_WITHOUT_EDNS, // the server does not know EDNS
    CURE_OTHER_SERVER,
};

struct reply_question {
    uint16_t id, type;
    const uint8_t *name; // with the letter case in which it was sent
    bool exact_case;     // the answer's question must have that case (0x20)
    bool require_ad;
};

struct reply {
    enum reply_kind kind;
    enum reply_cure cure;
    int rcode;     // -1: no answer that can be read
    bool has_edns; // the answer had an OPT
    struct address_set addresses;
    struct octets_buffer chain; // the names behind the question's, one after another, lower case
    unsigned chain_count;
    char text[REPLY_TEXT_MAX]; // of a failure: what it was, for people; else ""
};

void reply_init(struct reply *reply, uint16_t type); // a failure without a text
void reply_close(struct reply *reply);
// reply: initialised, of the question's type; its old content goes.
void reply_read(const uint8_t *octets, size_t length, const struct reply_question *question,
                struct reply *reply);
// Makes it a failure that says why; the rest as it is.
void reply_fail(struct reply *reply, enum reply_cure cure, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
// "ok" "nodata" "nxdomain" "servfail" "refused" "timeout" "error": for the metric. A reply without
// any RCODE is "timeout" when it says so, else "error".
const char *reply_word(const struct reply *reply);

#endif
