// Base64 (RFC 4648 section 4) without branches that depend on the content (libsodium), for key
// files.
#ifndef TANDEM_KEYS_KEY_BASE64_H
#define TANDEM_KEYS_KEY_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEY_BASE64_SIZE(octets) (((octets) + 2) / 3 * 4 + 1)

// text: KEY_BASE64_SIZE(length) octets, NUL-terminated.
void key_base64_write(const uint8_t *octets, size_t length, char *text);
// Blanks between are skipped. False: no base64, or more than size octets.
bool key_base64_read(const char *text, size_t text_length, uint8_t *ret_octets, size_t size,
                     size_t *ret_length);

#endif
