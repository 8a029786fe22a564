// What does a MAC cover? (RFC 8945 section 4.3 and 5.3.1)
//
//     the MAC before it, behind its length (the query's for an answer; for a query there is none)
//     the messages that came unsigned since then, as they are
//     the message as it was before the TSIG was added: without the TSIG, ARCOUNT one less, with the
//     original ID the TSIG's variables: all of them in a query and in the first message of an
//     answer, time and fudge only in the further ones
//
// One struct tsig_exchange carries the MAC from message to message, on both sides, so that neither
// the transfers nor the servers know of this. Names go into it in lower case.
#include "common/dns/tsig.h"

#include "common/dns/hmac.h"
#include "common/dns/rcode.h"
#include "common/dns/rrtype.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#define TIME_SIZE       6  // a time is 48 bits
#define MAC_SIZE_MIN    10 // RFC 8945 section 5.2.2.1
#define VARIABLES_FIXED 16 // time, fudge, MAC size, original ID, error, other length
#define RR_FIXED_SIZE   10 // type, class, TTL, RDLENGTH
#define ALGORITHM_COUNT 5

static const struct {
    enum hmac_hash hash;
    const char *text;
    const char *wire; // the name's octets; the root label is the text's own NUL
} algorithms[ALGORITHM_COUNT] = {
    [TSIG_HMAC_SHA1] = {HMAC_SHA1, "hmac-sha1", "\011hmac-sha1"},
    [TSIG_HMAC_SHA224] = {HMAC_SHA224, "hmac-sha224", "\013hmac-sha224"},
    [TSIG_HMAC_SHA256] = {HMAC_SHA256, "hmac-sha256", "\013hmac-sha256"},
    [TSIG_HMAC_SHA384] = {HMAC_SHA384, "hmac-sha384", "\013hmac-sha384"},
    [TSIG_HMAC_SHA512] = {HMAC_SHA512, "hmac-sha512", "\013hmac-sha512"},
};

bool
tsig_algorithm_from_text(const char *text, enum tsig_algorithm *ret_algorithm)
{
    for (unsigned i = 0; i < ALGORITHM_COUNT; i++)
        if (strcasecmp(text, algorithms[i].text) == 0) {
            *ret_algorithm = (enum tsig_algorithm)i;
            return true;
        }
    return false;
}

const char *
tsig_algorithm_text(enum tsig_algorithm algorithm)
{
    return algorithms[algorithm].text;
}

static const uint8_t *
algorithm_name(enum tsig_algorithm algorithm)
{
    return (const uint8_t *)algorithms[algorithm].wire;
}

void
tsig_exchange_init(struct tsig_exchange *exchange, const struct tsig_key *key)
{
    memset(exchange, 0, sizeof(*exchange));
    exchange->key = key;
    octets_buffer_init(&exchange->pending);
}

void
tsig_exchange_close(struct tsig_exchange *exchange)
{
    octets_buffer_close(&exchange->pending);
    memset(exchange, 0, sizeof(*exchange));
}

// The variables that a MAC covers besides time and fudge.
struct tsig_variables {
    uint64_t time_signed;
    uint16_t fudge, error, other_length;
    const uint8_t *other;
};

static void
add_variables(struct hmac *hmac, const struct tsig_key *key, const struct tsig_variables *variables,
              bool timers_only)
{
    uint8_t name[NAME_SIZE_MAX];
    if (!timers_only) {
        hmac_add(hmac, name, name_copy_lower(name, key->name));
        hmac_add_u16(hmac, RRCLASS_ANY);
        hmac_add_u32(hmac, 0); // TTL
        const uint8_t *algorithm = algorithm_name(key->algorithm);
        hmac_add(hmac, algorithm, name_length(algorithm));
    }
    hmac_add_u16(hmac, (uint16_t)(variables->time_signed >> 32));
    hmac_add_u32(hmac, (uint32_t)variables->time_signed);
    hmac_add_u16(hmac, variables->fudge);
    if (!timers_only) {
        hmac_add_u16(hmac, variables->error);
        hmac_add_u16(hmac, variables->other_length);
        hmac_add(hmac, variables->other, variables->other_length);
    }
}

// The message without its TSIG: header with the original ID and ARCOUNT as it was, then the rest.
static void
add_message(struct hmac *hmac, const uint8_t *message, size_t length, uint16_t original_id,
            uint16_t arcount)
{
    uint8_t header[MESSAGE_HEADER_SIZE];
    memcpy(header, message, sizeof(header));
    octets_put_u16(header, original_id);
    octets_put_u16(header + 10, arcount);
    hmac_add(hmac, header, sizeof(header));
    hmac_add(hmac, message + sizeof(header), length - sizeof(header));
}

// Starts the MAC of the next message of the exchange with what went before it.
static void
exchange_mac_init(const struct tsig_exchange *exchange, struct hmac *hmac)
{
    const struct tsig_key *key = exchange->key;
    hmac_init(hmac, algorithms[key->algorithm].hash, key->secret, key->secret_length);
    if (exchange->prior_mac_length) {
        hmac_add_u16(hmac, exchange->prior_mac_length);
        hmac_add(hmac, exchange->prior_mac, exchange->prior_mac_length);
    }
    hmac_add(hmac, exchange->pending.data, exchange->pending.length);
}

static void
exchange_keep_mac(struct tsig_exchange *exchange, const uint8_t *mac, size_t length)
{
    exchange->prior_mac_length = (uint16_t)length;
    memcpy(exchange->prior_mac, mac, length);
    exchange->pending.length = 0;
    exchange->unsigned_count = 0;
}

// True when the MAC of a received message is the one that we compute.
static bool
mac_fits(const struct tsig_exchange *exchange, const uint8_t *message, const struct tsig_rr *tsig)
{
    const struct tsig_variables variables = {
        .time_signed = tsig->time_signed,
        .fudge = tsig->fudge,
        .error = tsig->error,
        .other_length = tsig->other_length,
        .other = message + tsig->other_position,
    };
    uint16_t arcount = octets_get_u16(message + 10);
    uint8_t mac[HMAC_SIZE_MAX];
    struct hmac hmac;
    exchange_mac_init(exchange, &hmac);
    add_message(&hmac, message, tsig->position, tsig->original_id, (uint16_t)(arcount - 1));
    add_variables(&hmac, exchange->key, &variables, exchange->messages > 0);
    hmac_end(&hmac, mac);
    return hmac_equal(mac, tsig->mac, tsig->mac_length);
}

// RFC 8945 section 5.2.2.1: not longer than the hash, not shorter than half of it nor than 10
// octets.
static bool
mac_length_fits(const struct tsig_key *key, size_t length)
{
    size_t whole = hmac_size(algorithms[key->algorithm].hash);
    return length <= whole && length >= MAC_SIZE_MIN && length * 2 >= whole;
}

static bool
time_fits(const struct tsig_rr *tsig, uint64_t now)
{
    uint64_t apart = now > tsig->time_signed ? now - tsig->time_signed : tsig->time_signed - now;
    return apart <= tsig->fudge;
}

static bool
key_fits(const struct tsig_key *key, const struct tsig_rr *tsig)
{
    return name_equal_any_case(key->name, tsig->key_name) &&
           name_equal(algorithm_name(key->algorithm), tsig->algorithm_name);
}

static const struct tsig_key *
key_find(const struct tsig_key *keys, size_t count, const struct tsig_rr *tsig)
{
    for (size_t i = 0; i < count; i++)
        if (key_fits(&keys[i], tsig))
            return &keys[i];
    return NULL;
}

unsigned
tsig_check_query(const uint8_t *message, size_t length, const struct tsig_key *keys,
                 size_t key_count, uint64_t now, struct tsig_exchange *exchange,
                 const struct tsig_key **ret_key)
{
    struct tsig_rr tsig;
    *ret_key = NULL;
    tsig_exchange_init(exchange, NULL);
    if (!tsig_find(message, length, &tsig))
        return RCODE_FORMERR;
    if (!tsig.present)
        return 0;
    const struct tsig_key *key = key_find(keys, key_count, &tsig);
    if (!key)
        return RCODE_BADKEY;
    if (!mac_length_fits(key, tsig.mac_length))
        return RCODE_FORMERR;
    exchange->key = key;
    if (!mac_fits(exchange, message, &tsig)) {
        exchange->key = NULL;
        return RCODE_BADVERS; // 16 is BADSIG here
    }
    exchange_keep_mac(exchange, tsig.mac, tsig.mac_length);
    if (!time_fits(&tsig, now))
        return RCODE_BADTIME;
    *ret_key = key;
    return 0;
}

const char *
tsig_refusal(unsigned error)
{
    switch (error) {
    case RCODE_BADVERS: // BADSIG has the same number
        return "its signature (TSIG) is wrong; compare the secret of the key on both sides";
    case RCODE_BADKEY:
        return "it is signed with a key that is not known here; compare name and algorithm of the "
               "key on both sides";
    case RCODE_BADTIME:
        return "it was signed at another time; set the clocks of both hosts";
    default:
        return "its TSIG is malformed, or cut shorter than RFC 8945 allows; look for what changes it "
               "on its way, and let the peer send its MAC whole";
    }
}

static void
write_u48(struct octets_writer *writer, uint64_t value)
{
    octets_write_u16(writer, (uint16_t)(value >> 32));
    octets_write_u32(writer, (uint32_t)value);
}

static void
write_tsig(struct octets_writer *writer, const uint8_t *key_name, const uint8_t *algorithm,
           const struct tsig_variables *variables, struct octets mac, uint16_t original_id)
{
    octets_write(writer, key_name, name_length(key_name));
    octets_write_u16(writer, RRTYPE_TSIG);
    octets_write_u16(writer, RRCLASS_ANY);
    octets_write_u32(writer, 0);
    octets_write_u16(writer, (uint16_t)(name_length(algorithm) + VARIABLES_FIXED + mac.length +
                                        variables->other_length));
    octets_write(writer, algorithm, name_length(algorithm));
    write_u48(writer, variables->time_signed);
    octets_write_u16(writer, variables->fudge);
    octets_write_u16(writer, (uint16_t)mac.length);
    octets_write(writer, mac.data, mac.length);
    octets_write_u16(writer, original_id);
    octets_write_u16(writer, variables->error);
    octets_write_u16(writer, variables->other_length);
    octets_write(writer, variables->other, variables->other_length);
}

// Adds the TSIG behind the message and counts it; 0 when it does not fit.
static size_t
append_tsig(uint8_t *message, size_t length, size_t size, const uint8_t *key_name,
            const uint8_t *algorithm, const struct tsig_variables *variables, struct octets mac)
{
    struct octets_writer writer;
    octets_writer_init(&writer, message + length, size - length);
    write_tsig(&writer, key_name, algorithm, variables, mac, octets_get_u16(message));
    uint16_t arcount = octets_get_u16(message + 10);
    if (writer.failed || arcount == UINT16_MAX)
        return 0;
    octets_put_u16(message + 10, (uint16_t)(arcount + 1));
    return length + octets_written(&writer);
}

static size_t
sign_with_key(struct tsig_exchange *exchange, uint8_t *message, size_t length, size_t size,
              const struct tsig_variables *variables)
{
    const struct tsig_key *key = exchange->key;
    uint8_t mac[HMAC_SIZE_MAX];
    struct hmac hmac;
    bool is_answer = exchange->prior_mac_length > 0;
    exchange_mac_init(exchange, &hmac);
    hmac_add(&hmac, message, length);
    add_variables(&hmac, key, variables, exchange->messages > 0);
    size_t mac_length = hmac_end(&hmac, mac);
    size_t signed_length =
        append_tsig(message, length, size, key->name, algorithm_name(key->algorithm), variables,
                    (struct octets){mac, mac_length});
    if (!signed_length)
        return 0;
    exchange_keep_mac(exchange, mac, mac_length);
    exchange->messages += is_answer;
    return signed_length;
}

size_t
tsig_sign(struct tsig_exchange *exchange, uint8_t *message, size_t length, size_t size,
          uint64_t now, unsigned error, const struct tsig_rr *query)
{
    ENSURE(length >= MESSAGE_HEADER_SIZE && length <= size);
    struct tsig_variables variables = {
        .time_signed = now, .fudge = TSIG_FUDGE, .error = (uint16_t)error};
    uint8_t server_time[TIME_SIZE];
    if (error == RCODE_BADVERS || error == RCODE_BADKEY)
        return append_tsig(message, length, size, query->key_name, query->algorithm_name,
                           &variables, (struct octets){NULL, 0});
    ENSURE(exchange->key);
    if (error == RCODE_BADTIME) {
        // The client's own time, so that it can check the MAC; ours beside it (RFC 8945
        // section 5.2.3).
        variables.time_signed = query->time_signed;
        variables.fudge = query->fudge;
        octets_put_u16(server_time, (uint16_t)(now >> 32));
        octets_put_u32(server_time + 2, (uint32_t)now);
        variables.other = server_time;
        variables.other_length = TIME_SIZE;
    }
    return sign_with_key(exchange, message, length, size, &variables);
}

size_t
tsig_size(const struct tsig_key *key)
{
    return name_length(key->name) + RR_FIXED_SIZE + name_length(algorithm_name(key->algorithm)) +
           VARIABLES_FIXED + hmac_size(algorithms[key->algorithm].hash);
}

static bool
take_unsigned(struct tsig_exchange *exchange, const uint8_t *message, size_t length,
              struct fault *fault)
{
    if (exchange->messages == 0)
        return fault_set(fault, FAULT_REFUSED, "the answer is not signed; it must be, by TSIG");
    if (exchange->unsigned_count == TSIG_UNSIGNED_MAX)
        return fault_set(fault, FAULT_REFUSED,
                         "%d messages without a TSIG follow one another; at most %d may",
                         TSIG_UNSIGNED_MAX + 1, TSIG_UNSIGNED_MAX);
    exchange->unsigned_count++;
    octets_buffer_add(&exchange->pending, message, length);
    return true;
}

// What the other side says of our query's TSIG.
static bool
refused_by_server(const struct tsig_key *key, unsigned error, struct fault *fault)
{
    char name[NAME_TEXT_MAX];
    name_to_text(key->name, name);
    if (error == RCODE_BADKEY)
        return fault_set(
            fault, FAULT_REFUSED,
            "it does not know the key %s with %s (TSIG error BADKEY); compare name and "
            "algorithm of the key on both sides",
            name, tsig_algorithm_text(key->algorithm));
    if (error == RCODE_BADVERS)
        return fault_set(fault, FAULT_REFUSED,
                         "our signature by key %s is wrong to it (TSIG error BADSIG); compare the "
                         "key's secret on both sides",
                         name);
    return fault_set(fault, FAULT_REFUSED, "it answers with TSIG error %u to the key %s", error,
                     name);
}

static bool
clocks_differ(uint64_t ours, uint64_t theirs, const char *which, struct fault *fault)
{
    return fault_set(fault, FAULT_REFUSED,
                     "%s: its clock is %" PRIu64 " s %s ours; set the clocks of both hosts", which,
                     theirs > ours ? theirs - ours : ours - theirs,
                     theirs > ours ? "ahead of" : "behind");
}

// Errors that come with a signature that fits.
static bool
check_signed_error(const uint8_t *message, const struct tsig_rr *tsig, uint64_t now,
                   const struct tsig_key *key, struct fault *fault)
{
    if (tsig->error == RCODE_BADTIME && tsig->other_length == TIME_SIZE) {
        const uint8_t *other = message + tsig->other_position;
        uint64_t theirs = (uint64_t)octets_get_u16(other) << 32 | octets_get_u32(other + 2);
        return clocks_differ(now, theirs, "TSIG error BADTIME", fault);
    }
    if (tsig->error)
        return refused_by_server(key, tsig->error, fault);
    if (!time_fits(tsig, now))
        return clocks_differ(now, tsig->time_signed, "the TSIG's time is out of bounds", fault);
    return true;
}

static bool
check_key(const struct tsig_key *key, const struct tsig_rr *tsig, struct fault *fault)
{
    char name[NAME_TEXT_MAX], other[NAME_TEXT_MAX];
    if (!key_fits(key, tsig))
        return fault_set(fault, FAULT_REFUSED, "it signs by another key (%s) than ours (%s, %s)",
                         name_to_text(tsig->key_name, other), name_to_text(key->name, name),
                         tsig_algorithm_text(key->algorithm));
    if (tsig->mac_length == 0 && tsig->error)
        return refused_by_server(key, tsig->error, fault);
    if (!mac_length_fits(key, tsig->mac_length))
        return fault_set(fault, FAULT_SYNTAX, "a TSIG with a MAC of %u octets; %s has %zu",
                         tsig->mac_length, tsig_algorithm_text(key->algorithm),
                         hmac_size(algorithms[key->algorithm].hash));
    return true;
}

bool
tsig_check_answer(struct tsig_exchange *exchange, const uint8_t *message, size_t length,
                  uint64_t now, struct fault *fault)
{
    struct tsig_rr tsig;
    char name[NAME_TEXT_MAX];
    ENSURE(exchange->key && exchange->prior_mac_length);
    if (!tsig_find(message, length, &tsig))
        return fault_set(fault, FAULT_SYNTAX, "not a whole DNS message, or a TSIG not at its end");
    exchange->plain_length = tsig.present ? tsig.position : length;
    if (!tsig.present)
        return take_unsigned(exchange, message, length, fault);
    if (!check_key(exchange->key, &tsig, fault))
        return false;
    if (!mac_fits(exchange, message, &tsig))
        return fault_set(fault, FAULT_REFUSED,
                         "the signature by key %s does not fit the message; the secrets differ, or "
                         "the message was changed on its way",
                         name_to_text(exchange->key->name, name));
    if (!check_signed_error(message, &tsig, now, exchange->key, fault))
        return false;
    exchange_keep_mac(exchange, tsig.mac, tsig.mac_length);
    exchange->messages++;
    return true;
}

bool
tsig_check_end(const struct tsig_exchange *exchange, struct fault *fault)
{
    if (exchange->messages && exchange->unsigned_count == 0)
        return true;
    return fault_set(fault, FAULT_REFUSED, "the last message is not signed; it must be, by TSIG");
}
