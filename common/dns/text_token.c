#include "common/dns/text_token.h"

#include <ctype.h>
#include <string.h>

// Skips blanks, parentheses and a comment, which goes to the end of its line.
static const char *
blanks_skip(const char *at)
{
    for (;;) {
        at += strspn(at, " \t\r\n()");
        if (*at != ';')
            return at;
        at += strcspn(at, "\n");
    }
}

static const char *
quoted_end(const char *at)
{
    while (*at && *at != '"')
        at += at[0] == '\\' && at[1] ? 2 : 1;
    return at;
}

// A word may hold quoted parts (alpn="h2,h3"), in which blanks do not end it.
static const char *
word_end(const char *at)
{
    while (*at && !strchr(" \t\r\n();", *at)) {
        if (*at == '"') {
            at = quoted_end(at + 1);
            at += *at == '"';
        } else {
            at += at[0] == '\\' && at[1] ? 2 : 1;
        }
    }
    return at;
}

bool
text_token_next(const char **at, struct text_token *ret_token)
{
    const char *start = blanks_skip(*at);
    *at = start;
    if (!*start)
        return false;
    bool quoted = *start == '"';
    start += quoted;
    const char *end = quoted ? quoted_end(start) : word_end(start);
    *ret_token = (struct text_token){
        .text = start,
        .length = (size_t)(end - start),
        .quoted = quoted,
        .open = quoted && !*end,
    };
    *at = quoted && *end ? end + 1 : end;
    return true;
}

unsigned
text_escape_read(const char *text, uint8_t *ret_octet)
{
    if (!isdigit((unsigned char)text[0])) {
        *ret_octet = (uint8_t)text[0];
        return text[0] ? 1 : 0;
    }
    if (!isdigit((unsigned char)text[1]) || !isdigit((unsigned char)text[2]))
        return 0;
    int value = (text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0');
    *ret_octet = (uint8_t)value;
    return value <= 255 ? 3 : 0;
}

size_t
text_unescape(const char *text, size_t length, uint8_t *ret_octets, size_t room)
{
    size_t octets = 0;
    for (size_t at = 0; at < length;) {
        uint8_t octet = (uint8_t)text[at++];
        if (octet == '\\') {
            unsigned eaten = at < length ? text_escape_read(text + at, &octet) : 0;
            if (!eaten || eaten > length - at)
                return SIZE_MAX;
            at += eaten;
        }
        if (octets == room)
            return SIZE_MAX;
        ret_octets[octets++] = octet;
    }
    return octets;
}

// Room for one octet as \DDD.
#define QUOTED_OCTET_MAX 4

static uint8_t *
octet_quote(uint8_t octet, uint8_t *to)
{
    if (octet < ' ' || octet >= 0x7f) {
        *to++ = '\\';
        *to++ = (uint8_t)('0' + octet / 100);
        *to++ = (uint8_t)('0' + octet / 10 % 10);
        *to++ = (uint8_t)('0' + octet % 10);
        return to;
    }
    if (octet == '"' || octet == '\\')
        *to++ = '\\';
    *to++ = octet;
    return to;
}

void
text_quote(struct octets_buffer *text, const uint8_t *octets, size_t length)
{
    uint8_t *to = octets_buffer_reserve(text, length * QUOTED_OCTET_MAX + 2);
    *to++ = '"';
    for (size_t i = 0; i < length; i++)
        to = octet_quote(octets[i], to);
    *to++ = '"';
    text->length = (size_t)(to - text->data);
}
