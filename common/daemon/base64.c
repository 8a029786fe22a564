#include "common/daemon/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int
digit_value(char character)
{
    for (int i = 0; i < 64; i++)
        if (alphabet[i] == character)
            return i;
    return -1;
}

bool
base64_decode(const char *text, uint8_t *ret_octets, size_t size, size_t *ret_length)
{
    uint32_t bits = 0;
    unsigned digits = 0, padding = 0;
    size_t length = 0;
    for (; *text; text++) {
        if (*text == ' ' || *text == '\t' || *text == '\n' || *text == '\r')
            continue;
        int value = digit_value(*text);
        if (*text == '=' ? ++padding > 2 : value < 0 || padding > 0)
            return false;
        bits = bits << 6 | (padding ? 0 : (uint32_t)value);
        if (++digits % 4 != 0)
            continue;
        if (length + 3 - padding > size)
            return false;
        for (unsigned i = 0; i < 3 - padding; i++)
            ret_octets[length++] = (uint8_t)(bits >> (16 - 8 * i));
        bits = 0;
    }
    *ret_length = length;
    return digits % 4 == 0;
}

void
base64_encode(const uint8_t *octets, size_t length, char *text)
{
    for (size_t i = 0; i < length; i += 3) {
        uint32_t bits = (uint32_t)octets[i] << 16;
        if (i + 1 < length)
            bits |= (uint32_t)octets[i + 1] << 8;
        if (i + 2 < length)
            bits |= octets[i + 2];
        *text++ = alphabet[bits >> 18];
        *text++ = alphabet[bits >> 12 & 63];
        *text++ = i + 1 < length ? alphabet[bits >> 6 & 63] : '=';
        *text++ = i + 2 < length ? alphabet[bits & 63] : '=';
    }
    *text = '\0';
}
