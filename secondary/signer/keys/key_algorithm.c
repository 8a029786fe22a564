#include "secondary/signer/keys/key_algorithm.h"

#include <stddef.h>
#include <stdlib.h>
#include <strings.h>

static const struct key_algorithm algorithms[] = {
    {KEY_RSASHA256, "RSASHA256", "rsasha256", 2048, 0, 0, 0, false},
    {KEY_RSASHA512, "RSASHA512", "rsasha512", 2048, 0, 0, 0, false},
    {KEY_ECDSAP256SHA256, "ECDSAP256SHA256", "ecdsap256sha256", 256, 64, 32, 64, true},
    {KEY_ECDSAP384SHA384, "ECDSAP384SHA384", "ecdsap384sha384", 384, 96, 48, 96, false},
    {KEY_ED25519, "ED25519", "ed25519", 256, 32, 32, 64, false},
    {KEY_ED448, "ED448", "ed448", 456, 57, 57, 114, false},
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
