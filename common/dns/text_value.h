// Single words of a master file line as values: numbers, mnemonics, times, encoded octets. Pure; false always
// means that the word is not one, and then nothing was written.
#ifndef TANDEM_DNS_TEXT_VALUE_H
#define TANDEM_DNS_TEXT_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/octets.h"
#include "common/dns/text_token.h"

#define TEXT_WORD_MAX 128 // characters of a number, an address or a mnemonic, with the NUL

// The word as a C string, escapes as written; "" when it is too long to be anything that we know.
const char *text_word(const struct text_token *token, char word[static TEXT_WORD_MAX]);
bool text_number(const struct text_token *token, uint64_t maximum, uint64_t *ret_value);
// A number from 0 to 255 or a mnemonic of IANA's DNSSEC algorithms.
bool text_algorithm(const struct text_token *token, uint64_t *ret_value);
// A number from 0 to 65535 or a mnemonic of RFC 4398 section 2.1.
bool text_certificate_type(const struct text_token *token, uint64_t *ret_value);
// Seconds, or "1h30m" in letters of any case.
bool text_period(const struct text_token *token, uint64_t *ret_seconds);
// YYYYMMDDHHmmSS or seconds since 1970, modulo 2^32 (RFC 4034 section 3.2).
bool text_time(const struct text_token *token, uint64_t *ret_seconds);
// Hexadecimal digits in pairs, appended.
bool text_hex(const struct text_token *token, struct octets_writer *writer);
// Base32 with the extended hexadecimal alphabet, no padding (RFC 4648 section 7): at most 255 octets.
bool text_base32hex(const struct text_token *token, uint8_t ret_octets[static UINT8_MAX],
                    unsigned *ret_length);

#endif
