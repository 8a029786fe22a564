#include "secondary/signer/keys/key_algorithm.h"

#include <stdlib.h>
#include <strings.h>

static const struct key_algorithm algorithms[] = {
    {KEY_RSASHA256, "RSASHA256", "rsasha256", 2048, 0, 0, 0},
    {KEY_RSASHA512, "RSASHA512", "rsasha512", 2048, 0, 0, 0},
    {KEY_ECDSAP256SHA256, "ECDSAP256SHA256", "ecdsap256sha256", 256, 64, 32, 64},
    {KEY_ECDSAP384SHA384, "ECDSAP384SHA384", "ecdsap384sha384", 384, 96, 48, 96},
    {KEY_ED25519, "ED25519", "ed25519", 256, 32, 32, 64},
    {KEY_ED448, "ED448", "ed448", 456, 57, 57, 114},
};

// The registry's other names, for refusals.
static const struct {
    uint8_t number;
    const char *name;
} others[] = {
    {0, "DELETE"},       {1, "RSAMD5"},     {2, "DH"},
    {3, "DSA"},          {5, "RSASHA1"},    {6, "DSA-NSEC3-SHA1"},
    {12, "ECC-GOST"},    {17, "SM2SM3"},    {7, "RSASHA1-NSEC3-SHA1"},
    {23, "ECC-GOST12"},  {252, "INDIRECT"}, {253, "PRIVATEDNS"},
    {254, "PRIVATEOID"},
};

const struct key_algorithm *
key_algorithm_find(uint8_t number)
{
    for (size_t i = 0; i < sizeof algorithms / sizeof algorithms[0]; i++)
        if (algorithms[i].number == number)
            return &algorithms[i];
    return NULL;
}

const struct key_algorithm *
key_algorithm_from_word(const char *word)
{
    for (size_t i = 0; i < sizeof algorithms / sizeof algorithms[0]; i++)
        if (strcasecmp(algorithms[i].word, word) == 0)
            return &algorithms[i];
    char *end;
    long number = strtol(word, &end, 10);
    if (end == word || *end != '\0' || number < 0 || number > 255)
        return NULL;
    return key_algorithm_find((uint8_t)number);
}

bool
key_algorithm_is_rsa(uint8_t number)
{
    return number == KEY_RSASHA256 || number == KEY_RSASHA512;
}

const char *
key_algorithm_name(uint8_t number)
{
    const struct key_algorithm *row = key_algorithm_find(number);
    if (row)
        return row->mnemonic;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (others[i].number == number)
            return others[i].name;
    return "unassigned";
}

bool
key_algorithm_refuse(unsigned long number, struct fault *fault)
{
    return fault_set(
        fault, FAULT_UNSUPPORTED,
        "algorithm %lu (%s) is not supported: use ECDSAP256SHA256 (13), ED25519 (15) "
        "or RSASHA256 (8)",
        number, number <= UINT8_MAX ? key_algorithm_name((uint8_t)number) : "no algorithm number");
}
