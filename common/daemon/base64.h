// Base64 of RFC 4648 section 4, for secrets of TSIG keys.
#ifndef TANDEM_DAEMON_BASE64_H
#define TANDEM_DAEMON_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// At most size octets; blanks between characters are skipped, padding must be right. False: no
// base64, or longer than size.
bool base64_decode(const char *text, uint8_t *ret_octets, size_t size, size_t *ret_length);
// text holds BASE64_TEXT_SIZE(length) characters.
#define BASE64_TEXT_SIZE(length) (((length) + 2) / 3 * 4 + 1)
void base64_encode(const uint8_t *octets, size_t length, char *text);

#endif
