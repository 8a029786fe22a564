// Every function here takes what it reads at `at` and gives where it ended, or NULL for "not
// usual". The line ends with a newline that was looked for first, and a newline is nothing that
// any of them passes, so they need no other bound on the text. RDATA and names have bounds of
// their own.
#include "common/zone/zonefile_quick.h"

#include <arpa/inet.h>
#include <string.h>

#include "common/dns/rrtype.h"

#define STRING_MAX 255 // RFC 1035 section 3.3
#define TAG_MAX    15  // as zonefile_fields has it

// Octets of names as they go into the wire; 0: not one of the usual ones (letters, digits, - _ *
// /).
static const uint8_t name_octets[256] = {
    ['*'] = '*', ['-'] = '-', ['/'] = '/', ['_'] = '_', ['0'] = '0', ['1'] = '1', ['2'] = '2',
    ['3'] = '3', ['4'] = '4', ['5'] = '5', ['6'] = '6', ['7'] = '7', ['8'] = '8', ['9'] = '9',
    ['a'] = 'a', ['b'] = 'b', ['c'] = 'c', ['d'] = 'd', ['e'] = 'e', ['f'] = 'f', ['g'] = 'g',
    ['h'] = 'h', ['i'] = 'i', ['j'] = 'j', ['k'] = 'k', ['l'] = 'l', ['m'] = 'm', ['n'] = 'n',
    ['o'] = 'o', ['p'] = 'p', ['q'] = 'q', ['r'] = 'r', ['s'] = 's', ['t'] = 't', ['u'] = 'u',
    ['v'] = 'v', ['w'] = 'w', ['x'] = 'x', ['y'] = 'y', ['z'] = 'z', ['A'] = 'a', ['B'] = 'b',
    ['C'] = 'c', ['D'] = 'd', ['E'] = 'e', ['F'] = 'f', ['G'] = 'g', ['H'] = 'h', ['I'] = 'i',
    ['J'] = 'j', ['K'] = 'k', ['L'] = 'l', ['M'] = 'm', ['N'] = 'n', ['O'] = 'o', ['P'] = 'p',
    ['Q'] = 'q', ['R'] = 'r', ['S'] = 's', ['T'] = 't', ['U'] = 'u', ['V'] = 'v', ['W'] = 'w',
    ['X'] = 'x', ['Y'] = 'y', ['Z'] = 'z',
};

static const bool ends[256] = {
    [' '] = true, ['\t'] = true, ['\r'] = true, ['\n'] = true, [';'] = true};

struct quick {
    const struct zonefile_state *state;
    uint8_t *rdata;
    size_t length;
};

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

// Behind a word there must be a blank or the end of what counts.
static bool
is_end(char c)
{
    return ends[(uint8_t)c];
}

static const char *
blanks_pass(const char *at)
{
    while (is_blank(*at))
        at++;
    return at;
}

// ---- names ----

// The labels of a name up to what is neither of a name nor a dot. *ret_length: of the labels, each
// with its length octet; *ret_last: where the last label begins.
static const char *
labels_take(const char *at, uint8_t *name, size_t *ret_length, size_t *ret_last, unsigned *ret_dots)
{
    size_t label = 0, to = 1, last = 0;
    unsigned dots = 0;
    for (;; at++) {
        uint8_t octet = name_octets[(uint8_t)*at];
        if (octet) {
            if (to >= NAME_SIZE_MAX - 1)
                return NULL;
            name[to++] = octet;
            continue;
        }
        size_t length = to - label - 1;
        if (length > NAME_LABEL_MAX)
            return NULL;
        name[label] = (uint8_t)length;
        last = length > 0 ? label : last;
        if (*at != '.' || length == 0)
            break;
        dots++;
        label = to++;
    }
    *ret_length = name[label] > 0 ? to : label;
    *ret_last = last;
    *ret_dots = dots;
    return at;
}

// A relative name that the thorough reader may warn of: one that ends like the origin, or an
// address.
static bool
is_doubtful(const struct zonefile_state *state, const char *text, const char *end,
            const uint8_t *last, unsigned dots)
{
    const uint8_t *tail = state->origin + state->origin_last;
    if (last[0] == tail[0] && memcmp(last + 1, tail + 1, last[0]) == 0)
        return true;
    return dots == 3 && is_digit(text[0]) && is_digit(end[-1]);
}

// A whole name in wire format, relative ones completed by the origin.
static const char *
name_take(const struct zonefile_state *state, const char *at, uint8_t *name, size_t *ret_length)
{
    size_t length, last;
    unsigned dots;
    const char *end = labels_take(at, name, &length, &last, &dots);
    if (!end || length == 0 || !is_end(*end))
        return NULL;
    if (end[-1] == '.') {
        name[length] = 0;
        *ret_length = length + 1;
        return end;
    }
    if (length + state->origin_length > NAME_SIZE_MAX ||
        is_doubtful(state, at, end, name + last, dots))
        return NULL;
    memcpy(name + length, state->origin, state->origin_length);
    *ret_length = length + state->origin_length;
    return end;
}

// ---- numbers ----

// Digits without leading zeros, at most maximum, and a blank or the end behind them.
static const char *
number_take(const char *at, uint32_t maximum, uint32_t *ret_value)
{
    uint64_t value = 0;
    const char *start = at;
    for (; is_digit(*at) && at - start < 10; at++)
        value = value * 10 + (unsigned)(*at - '0');
    if (at == start || !is_end(*at) || value > maximum || (*start == '0' && at - start > 1))
        return NULL;
    *ret_value = (uint32_t)value;
    return at;
}

static const char *
u16_take(struct quick *quick, const char *at)
{
    uint32_t value;
    at = number_take(blanks_pass(at), UINT16_MAX, &value);
    if (!at)
        return NULL;
    octets_put_u16(quick->rdata + quick->length, (uint16_t)value);
    quick->length += 2;
    return at;
}

// ---- RDATA ----

static const char *
ipv4_take(struct quick *quick, const char *at)
{
    at = blanks_pass(at);
    for (int i = 0; i < 4; i++) {
        const char *start = at;
        unsigned value = 0;
        for (; is_digit(*at) && at - start < 3; at++)
            value = value * 10 + (unsigned)(*at - '0');
        if (at == start || value > UINT8_MAX || (*start == '0' && at - start > 1))
            return NULL;
        quick->rdata[quick->length++] = (uint8_t)value;
        if (i < 3 && *at++ != '.')
            return NULL;
    }
    return is_end(*at) ? at : NULL;
}

static const char *
ipv6_take(struct quick *quick, const char *at)
{
    char text[INET6_ADDRSTRLEN];
    size_t length = 0;
    for (at = blanks_pass(at); !is_end(*at); at++) {
        if (length == sizeof text - 1 || *at == '\0')
            return NULL;
        text[length++] = *at;
    }
    text[length] = '\0';
    if (inet_pton(AF_INET6, text, quick->rdata) != 1)
        return NULL;
    quick->length = 16;
    return at;
}

static const char *
target_take(struct quick *quick, const char *at)
{
    size_t length;
    at = name_take(quick->state, blanks_pass(at), quick->rdata + quick->length, &length);
    if (at)
        quick->length += length;
    return at;
}

static const char *
mx_take(struct quick *quick, const char *at)
{
    at = u16_take(quick, at);
    return at ? target_take(quick, at) : NULL;
}

static const char *
srv_take(struct quick *quick, const char *at)
{
    for (int i = 0; i < 3 && at; i++)
        at = u16_take(quick, at);
    return at ? target_take(quick, at) : NULL;
}

// What is between quotes, or a word; without the quotes. *ret_next: behind it.
static const char *
text_end(const char *at, bool quoted)
{
    if (quoted) {
        while (*at != '"' && *at != '\\' && *at != '\n' && *at != '\0')
            at++;
        return *at == '"' && is_end(at[1]) ? at : NULL;
    }
    while (!is_end(*at) && *at != '"' && *at != '\\' && *at != '(' && *at != ')' && *at != '\0')
        at++;
    return is_end(*at) && *at != ';' ? at : NULL; // a ; right behind it gets a warning
}

// Appends the text's octets; with_length: as a character string.
static const char *
text_take(struct quick *quick, const char *at, bool with_length)
{
    bool quoted = *at == '"';
    const char *start = at + quoted, *end = text_end(start, quoted);
    if (!end)
        return NULL;
    size_t length = (size_t)(end - start);
    if ((with_length && length > STRING_MAX) ||
        length + 1 > ZONEFILE_QUICK_RDATA_MAX - quick->length)
        return NULL;
    if (with_length)
        quick->rdata[quick->length++] = (uint8_t)length;
    memcpy(quick->rdata + quick->length, start, length);
    quick->length += length;
    return end + quoted;
}

static const char *
txt_take(struct quick *quick, const char *at)
{
    at = blanks_pass(at);
    if (is_end(*at))
        return NULL;
    while (at && !is_end(*at)) {
        at = text_take(quick, at, true);
        at = at ? blanks_pass(at) : NULL;
    }
    return at;
}

static const char *
caa_take(struct quick *quick, const char *at)
{
    uint32_t flags;
    at = number_take(blanks_pass(at), UINT8_MAX, &flags);
    if (!at)
        return NULL;
    const char *tag = at = blanks_pass(at);
    while (is_digit(*at) || (*at >= 'a' && *at <= 'z'))
        at++;
    size_t length = (size_t)(at - tag);
    if (length == 0 || length > TAG_MAX || !is_blank(*at))
        return NULL;
    quick->rdata[0] = (uint8_t)flags;
    quick->rdata[1] = (uint8_t)length;
    memcpy(quick->rdata + 2, tag, length);
    quick->length = length + 2;
    at = blanks_pass(at);
    return is_end(*at) ? NULL : text_take(quick, at, false);
}

// ---- the line ----

// A word of up to eight letters, in upper case, as a number: the first one highest.
static const char *
word_take(const char *at, uint64_t *ret_word)
{
    uint64_t word = 0;
    const char *start = at;
    for (; !is_end(*at); at++) {
        char upper = (char)(*at & ~0x20);
        if (upper < 'A' || upper > 'Z' || at - start == 8)
            return NULL;
        word = word << 8 | (uint8_t)upper;
    }
    *ret_word = word;
    return at > start ? at : NULL;
}

#define W2(a, b)          ((uint64_t)(a) << 8 | (b))
#define W3(a, b, c)       (W2(a, b) << 8 | (c))
#define W4(a, b, c, d)    (W3(a, b, c) << 8 | (d))
#define W5(a, b, c, d, e) (W4(a, b, c, d) << 8 | (e))

static const char *
rdata_take(struct quick *quick, const char *at, uint64_t word, uint16_t *ret_type)
{
    switch (word) {
    case 'A':
        *ret_type = RRTYPE_A;
        return ipv4_take(quick, at);
    case W4('A', 'A', 'A', 'A'):
        *ret_type = RRTYPE_AAAA;
        return ipv6_take(quick, at);
    case W2('N', 'S'):
        *ret_type = RRTYPE_NS;
        return target_take(quick, at);
    case W5('C', 'N', 'A', 'M', 'E'):
        *ret_type = RRTYPE_CNAME;
        return target_take(quick, at);
    case W3('P', 'T', 'R'):
        *ret_type = RRTYPE_PTR;
        return target_take(quick, at);
    case W5('A', 'L', 'I', 'A', 'S'):
        *ret_type = RRTYPE_ALIAS;
        return target_take(quick, at);
    case W2('M', 'X'):
        *ret_type = RRTYPE_MX;
        return mx_take(quick, at);
    case W3('S', 'R', 'V'):
        *ret_type = RRTYPE_SRV;
        return srv_take(quick, at);
    case W3('T', 'X', 'T'):
        *ret_type = RRTYPE_TXT;
        return txt_take(quick, at);
    case W3('C', 'A', 'A'):
        *ret_type = RRTYPE_CAA;
        return caa_take(quick, at);
    default:
        return NULL;
    }
}

// TTL and class in either order, each once at most; *ret_word: the word behind them, at *ret_at.
static const char *
fixed_take(const char *at, struct zonefile_header *header, const char **ret_at, uint64_t *ret_word)
{
    bool has_class = false;
    header->has_ttl = false;
    for (;;) {
        at = blanks_pass(at);
        if (is_digit(*at)) {
            at = header->has_ttl ? NULL : number_take(at, ZONEFILE_TTL_MAX, &header->ttl);
            header->has_ttl = true;
        } else {
            *ret_at = at;
            at = word_take(at, ret_word);
            if (!at || *ret_word != W2('I', 'N'))
                return at;
            at = has_class ? NULL : at;
            has_class = true;
        }
        if (!at)
            return NULL;
    }
}

static const char *
owner_take(const struct zonefile_state *state, const char *at, struct zonefile_header *header,
           bool *ret_new_owner)
{
    size_t length;
    *ret_new_owner = !is_blank(*at);
    if (*ret_new_owner) {
        at = name_take(state, at, header->owner, &length);
        bool is_class = at && memcmp(header->owner, "\2in", 3) == 0; // it gets a warning
        return is_class ? NULL : at;
    }
    if (!state->has_owner)
        return NULL;
    name_copy(header->owner, state->owner);
    return at;
}

bool
zonefile_quick_read(struct zonefile_scan *scan, const struct zonefile_state *state,
                    struct zonefile_header *header, bool *ret_new_owner,
                    uint8_t rdata[static ZONEFILE_QUICK_RDATA_MAX], uint16_t *ret_rdlength)
{
    struct quick quick = {.state = state, .rdata = rdata};
    const char *start = scan->at, *type = start;
    uint64_t word = 0;
    const char *newline =
        start < scan->end ? memchr(start, '\n', (size_t)(scan->end - start)) : NULL;
    if (!newline)
        return false;
    const char *at = owner_take(state, start, header, ret_new_owner);
    at = at ? fixed_take(at, header, &type, &word) : NULL;
    at = at ? rdata_take(&quick, at, word, &header->type) : NULL;
    at = at ? blanks_pass(at) : NULL;
    if (!at || (*at != '\n' && *at != ';'))
        return false;
    header->type_place = (struct zonefile_place){.line = scan->line,
                                                 .column = (unsigned)(type - scan->line_start) + 1};
    *ret_rdlength = (uint16_t)quick.length;
    scan->at = scan->line_start = newline + 1;
    scan->line++;
    return true;
}
