// TSIG, RFC 8945: transaction signatures with HMAC over one message or over the messages of a
// transfer. The secret is borrowed and belongs to the caller.
#ifndef TANDEM_DNS_TSIG_H
#define TANDEM_DNS_TSIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/base/octets.h"
#include "common/dns/message_read.h"
#include "common/dns/name.h"

#define TSIG_MAC_MAX    64
#define TSIG_SECRET_MAX 512
#define TSIG_FUDGE      300 // seconds, RFC 8945 section 10
#define TSIG_SIZE_MAX                                                                              \
    (NAME_SIZE_MAX * 2 + TSIG_MAC_MAX + 64) // room to leave in a message to be signed
#define TSIG_UNSIGNED_MAX                                                                          \
    99 // messages between two signed ones in a transfer, RFC 8945 section 5.3.1

enum tsig_algorithm {
    TSIG_HMAC_SHA1,
    TSIG_HMAC_SHA224,
    TSIG_HMAC_SHA256,
    TSIG_HMAC_SHA384,
    TSIG_HMAC_SHA512,
};
struct tsig_key {
    uint8_t name[NAME_SIZE_MAX];
    enum tsig_algorithm algorithm;
    uint16_t secret_length;
    uint8_t secret[TSIG_SECRET_MAX];
};
bool tsig_algorithm_from_text(const char *text,
                              enum tsig_algorithm *ret_algorithm); // "hmac-sha256"
const char *tsig_algorithm_text(enum tsig_algorithm algorithm);

// What goes from one message to the next: query -> answer -> further messages of a transfer.
struct tsig_exchange {
    const struct tsig_key *key; // borrowed
    uint16_t prior_mac_length;  // 0: nothing yet
    uint8_t prior_mac[TSIG_MAC_MAX];
    unsigned messages; // of the answer signed or verified so far (the first has the full variables)
    unsigned unsigned_count;      // received since the last signed one
    struct octets_buffer pending; // unsigned messages that the next MAC covers
    size_t plain_length; // of the last message that tsig_check_answer saw, without its TSIG
};
void tsig_exchange_init(struct tsig_exchange *exchange, const struct tsig_key *key);
void tsig_exchange_close(struct tsig_exchange *exchange);

// The TSIG RR of a message, found at its end.
struct tsig_rr {
    bool present;
    size_t position; // where the RR begins
    uint8_t key_name[NAME_SIZE_MAX];
    uint8_t algorithm_name[NAME_SIZE_MAX];
    uint64_t time_signed;
    uint16_t fudge, mac_length, original_id, error;
    uint8_t mac[TSIG_MAC_MAX];
    uint16_t other_length;
    size_t other_position; // of the other data in the message
};
// False: malformed (a TSIG that is not last, two of them, a MAC over 64): FORMERR.
bool tsig_find(const uint8_t *message, size_t length, struct tsig_rr *ret_tsig);

// Server side: checks a query against the keys that may sign it. On success *ret_key is the key
// (NULL: the query was not signed) and the exchange, if a key, is ready to sign the answer. On
// failure gives the TSIG error of RFC 8945 section 5.2 (BADSIG 16, BADKEY 17, BADTIME 18) or
// RCODE_FORMERR for malformed; 0 is success.
unsigned tsig_check_query(const uint8_t *message, size_t length, const struct tsig_key *keys,
                          size_t key_count, uint64_t now, struct tsig_exchange *exchange,
                          const struct tsig_key **ret_key);
// Why a request was refused that tsig_check_query found this error in, for the log: a sentence with
// the cure.
const char *tsig_refusal(unsigned error);
// Signs the message in place (memory has room for size octets): adds the TSIG RR, counts it in
// ARCOUNT, gives the new length, 0 when it does not fit. error: a TSIG error to report (BADTIME is
// signed, BADSIG and BADKEY go unsigned with an empty MAC: then exchange->key may be NULL and query
// is the TSIG of the query).
size_t tsig_sign(struct tsig_exchange *exchange, uint8_t *message, size_t length, size_t size,
                 uint64_t now, unsigned error, const struct tsig_rr *query);
// Octets that tsig_sign adds for a key when there is no error to report.
size_t tsig_size(const struct tsig_key *key);
// Client side: checks the next message of an answer. last says that no more will come (then it must
// be signed). Copies nothing; the message is as received.
bool tsig_check_answer(struct tsig_exchange *exchange, const uint8_t *message, size_t length,
                       uint64_t now, struct fault *fault);
// After the last message: false when it was not a signed one.
bool tsig_check_end(const struct tsig_exchange *exchange, struct fault *fault);

#endif
