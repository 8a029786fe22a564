// Names as text (RFC 1035 section 5.1). Off the path of a packet: configuration, zone files, logs.
#include "common/dns/name.h"
#include "common/dns/text_token.h"

#include <string.h>

static bool
text_fault(struct fault *fault, const char *text, const char *what)
{
    return fault_set(fault, FAULT_SYNTAX, "name \"%.300s\": %s", text, what);
}

// Reads one label behind *at into label (length octet first) and stops at a dot or the end.
static const char *
label_from_text(const char **at, uint8_t label[static NAME_LABEL_MAX + 1])
{
    unsigned length = 0;
    while (**at && **at != '.') {
        uint8_t octet = (uint8_t) * *at;
        unsigned eaten = 1;
        if (octet == '\\') {
            eaten = text_escape_read(*at + 1, &octet);
            if (!eaten)
                return "expected \\DDD (000 to 255) or \\ and a character";
            eaten++;
        }
        if (length == NAME_LABEL_MAX)
            return "a label is longer than 63 octets";
        label[++length] = octet;
        *at += eaten;
    }
    label[0] = (uint8_t)length;
    return length ? NULL : "empty label: two dots in a row or a dot at the beginning";
}

// The labels of the text without what completes it. Says whether the text ended with a dot.
static const char *
labels_from_text(const char *text, uint8_t name[static NAME_SIZE_MAX], size_t *ret_length,
                 bool *ret_absolute)
{
    size_t length = 0;
    const char *at = text;
    bool absolute = false;
    while (*at) {
        uint8_t label[NAME_LABEL_MAX + 1];
        const char *wrong = label_from_text(&at, label);
        if (wrong)
            return wrong;
        if (length + label[0] + 2U > NAME_SIZE_MAX)
            return "longer than 255 octets";
        memcpy(name + length, label, label[0] + 1U);
        length += label[0] + 1U;
        absolute = *at == '.';
        at += absolute;
    }
    *ret_length = length;
    *ret_absolute = absolute;
    return NULL;
}

bool
name_from_text_kept(const char *text, const uint8_t *origin, uint8_t ret_name[static NAME_SIZE_MAX],
                    struct fault *fault)
{
    static const uint8_t root[1] = {0};
    uint8_t name[NAME_SIZE_MAX];
    size_t length = 0;
    bool absolute = strcmp(text, ".") == 0;
    bool at_sign = strcmp(text, "@") == 0;
    if (!*text)
        return fault_set(fault, FAULT_SYNTAX, "expected a domain name, got nothing");
    const char *wrong =
        absolute || at_sign ? NULL : labels_from_text(text, name, &length, &absolute);
    if (wrong)
        return text_fault(fault, text, wrong);
    if (!absolute && !origin)
        return text_fault(fault, text, "relative, and there is no origin: end it with a dot");
    const uint8_t *suffix = absolute ? root : origin;
    size_t suffix_length = name_length(suffix);
    if (length + suffix_length > NAME_SIZE_MAX)
        return text_fault(fault, text, "longer than 255 octets when completed by the origin");
    memcpy(ret_name, name, length);
    memcpy(ret_name + length, suffix, suffix_length);
    return true;
}

bool
name_from_text(const char *text, const uint8_t *origin, uint8_t ret_name[static NAME_SIZE_MAX],
               struct fault *fault)
{
    if (!name_from_text_kept(text, origin, ret_name, fault))
        return false;
    name_copy_lower(ret_name, ret_name);
    return true;
}

bool
name_from_text_of_zone(const char *text, const uint8_t *apex,
                       uint8_t ret_name[static NAME_SIZE_MAX], struct fault *fault)
{
    static const uint8_t root[1] = {0};
    char zone[NAME_TEXT_MAX];
    struct fault relative;
    bool read = name_from_text(text, strcmp(text, "@") == 0 ? apex : root, ret_name, fault);
    if (!read || name_is_at_or_below(ret_name, apex))
        return read;
    // Without an origin only what ends with a dot is read.
    if (!name_from_text(text, NULL, ret_name, &relative))
        return name_from_text(text, apex, ret_name, fault);
    return fault_set(fault, FAULT_NOT_FOUND, "%s is no name of the zone %s", text,
                     name_to_text(apex, zone));
}

// One octet of a label as text; gives where the next goes.
static char *
octet_to_text(uint8_t octet, char *to)
{
    if (octet <= ' ' || octet >= 0x7f) {
        *to++ = '\\';
        *to++ = (char)('0' + octet / 100);
        *to++ = (char)('0' + octet / 10 % 10);
        *to++ = (char)('0' + octet % 10);
        return to;
    }
    if (strchr(".;()\\\"@$", octet))
        *to++ = '\\';
    *to++ = (char)octet;
    return to;
}

const char *
name_to_text(const uint8_t *name, char text[static NAME_TEXT_MAX])
{
    char *to = text;
    if (!*name)
        *to++ = '.';
    for (; *name; name += *name + 1) {
        for (unsigned i = 1; i <= *name; i++)
            to = octet_to_text(name[i], to);
        *to++ = '.';
    }
    *to = '\0';
    return text;
}

const char *
name_to_text_short(const uint8_t *name, char text[static NAME_TEXT_MAX])
{
    name_to_text(name, text);
    size_t length = strlen(text);
    if (length > 1)
        text[length - 1] = '\0';
    return text;
}
