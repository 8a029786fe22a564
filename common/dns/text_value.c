#include "common/dns/text_value.h"

#include "common/base/quantity.h"

#include <ctype.h>
#include <sodium.h>
#include <string.h>
#include <strings.h>
#include <time.h>

struct mnemonic {
    const char *word;
    unsigned value;
};

static const struct mnemonic algorithms[] = {
    {"RSAMD5", 1},
    {"DH", 2},
    {"DSA", 3},
    {"RSASHA1", 5},
    {"DSA-NSEC3-SHA1", 6},
    {"RSASHA1-NSEC3-SHA1", 7},
    {"RSASHA256", 8},
    {"RSASHA512", 10},
    {"ECC-GOST", 12},
    {"ECDSAP256SHA256", 13},
    {"ECDSAP384SHA384", 14},
    {"ED25519", 15},
    {"ED448", 16},
    {"INDIRECT", 252},
    {"PRIVATEDNS", 253},
    {"PRIVATEOID", 254},
    {NULL, 0},
};
static const struct mnemonic certificates[] = {
    {"PKIX", 1},   {"SPKI", 2},    {"PGP", 3},   {"IPKIX", 4}, {"ISPKI", 5}, {"IPGP", 6},
    {"ACPKIX", 7}, {"IACPKIX", 8}, {"URI", 253}, {"OID", 254}, {NULL, 0},
};

const char *
text_word(const struct text_token *token, char word[static TEXT_WORD_MAX])
{
    size_t length = token->length < TEXT_WORD_MAX ? token->length : 0;
    memcpy(word, token->text, length);
    word[length] = '\0';
    return word;
}

bool
text_number(const struct text_token *token, uint64_t maximum, uint64_t *ret_value)
{
    char word[TEXT_WORD_MAX];
    return quantity_unsigned(text_word(token, word), maximum, ret_value, NULL);
}

static bool
mnemonic_read(const struct text_token *token, const struct mnemonic *mnemonics, uint64_t *ret_value)
{
    char word[TEXT_WORD_MAX];
    text_word(token, word);
    for (; mnemonics->word; mnemonics++)
        if (strcasecmp(word, mnemonics->word) == 0) {
            *ret_value = mnemonics->value;
            return true;
        }
    return false;
}

bool
text_algorithm(const struct text_token *token, uint64_t *ret_value)
{
    return text_number(token, UINT8_MAX, ret_value) || mnemonic_read(token, algorithms, ret_value);
}

bool
text_certificate_type(const struct text_token *token, uint64_t *ret_value)
{
    return text_number(token, UINT16_MAX, ret_value) ||
           mnemonic_read(token, certificates, ret_value);
}

bool
text_period(const struct text_token *token, uint64_t *ret_seconds)
{
    char word[TEXT_WORD_MAX];
    int64_t seconds;
    if (text_number(token, UINT32_MAX, ret_seconds))
        return true;
    text_word(token, word);
    for (char *at = word; *at; at++)
        *at = (char)tolower((unsigned char)*at);
    if (!quantity_duration(word, &seconds, NULL) || seconds > UINT32_MAX)
        return false;
    *ret_seconds = (uint64_t)seconds;
    return true;
}

bool
text_time(const struct text_token *token, uint64_t *ret_seconds)
{
    char word[TEXT_WORD_MAX], again[sizeof "YYYYMMDDHHmmSS"];
    struct tm parts = {0};
    text_word(token, word);
    if (strlen(word) != 14)
        return text_number(token, UINT32_MAX, ret_seconds);
    if (strspn(word, "0123456789") != 14 || !strptime(word, "%Y%m%d%H%M%S", &parts))
        return false;
    // A day that does not exist has been rolled over to the next month: it comes out changed.
    time_t seconds = timegm(&parts);
    if (seconds < 0 || !strftime(again, sizeof again, "%Y%m%d%H%M%S", &parts) ||
        strcmp(again, word) != 0)
        return false;
    *ret_seconds = (uint32_t)seconds;
    return true;
}

bool
text_hex(const struct text_token *token, struct octets_writer *writer)
{
    size_t length;
    const char *end;
    if (!token->length || token->length % 2 || token->length / 2 > octets_room(writer) ||
        sodium_hex2bin(writer->at, octets_room(writer), token->text, token->length, NULL, &length,
                       &end) != 0 ||
        end != token->text + token->length)
        return false;
    writer->at += length;
    return true;
}

static int
base32hex_digit(char character)
{
    if (character >= '0' && character <= '9')
        return character - '0';
    int letter = tolower((unsigned char)character);
    return letter >= 'a' && letter <= 'v' ? letter - 'a' + 10 : -1;
}

bool
text_base32hex(const struct text_token *token, uint8_t ret_octets[static UINT8_MAX],
               unsigned *ret_length)
{
    unsigned length = 0, bits = 0, held = 0;
    for (size_t i = 0; i < token->length; i++) {
        int digit = base32hex_digit(token->text[i]);
        if (digit < 0 || length == UINT8_MAX)
            return false;
        held = (held << 5 | (unsigned)digit) & 0xfffU;
        bits += 5;
        if (bits >= 8) {
            bits -= 8;
            ret_octets[length++] = (uint8_t)(held >> bits);
        }
    }
    // What is left must be the zero bits that fill the last digit.
    if (bits >= 5 || held & ((1U << bits) - 1))
        return false;
    *ret_length = length;
    return true;
}
