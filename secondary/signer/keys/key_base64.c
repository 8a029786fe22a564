#include "secondary/signer/keys/key_base64.h"

#include <sodium.h>

void
key_base64_write(const uint8_t *octets, size_t length, char *text)
{
    sodium_bin2base64(text, KEY_BASE64_SIZE(length), octets, length,
                      sodium_base64_VARIANT_ORIGINAL);
}

bool
key_base64_read(const char *text, size_t text_length, uint8_t *ret_octets, size_t size,
                size_t *ret_length)
{
    const char *end;
    return sodium_base642bin(ret_octets, size, text, text_length, " \t\r", ret_length, &end,
                             sodium_base64_VARIANT_ORIGINAL) == 0 &&
           end == text + text_length;
}
