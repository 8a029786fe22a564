// Reading. A key file is lines of "Tag: value"; what we do not know is passed over, as BIND does
// with the versions that came after it. Nothing of a private file is copied but the number itself,
// from one scratch page to another.
#include "secondary/signer/keys/key_bind.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "common/dns/rdata.h"
#include "secondary/signer/keys/key_base64.h"

#define TAG_MAX     32
#define VALUE_MAX   4096 // of a line: an RSA modulus in base64
#define TOKENS_MAX  64   // of a DNSKEY line; base64 may be cut by blanks
#define TIME_DIGITS 14   // YYYYMMDDHHMMSS

#define SCALAR_ZEROS_MAX 3 // leading zero octets that an elliptic private key may lack

struct lines {
    const char *at, *end;
    unsigned number;
};

static struct lines
lines_of(struct octets text)
{
    const char *start = text.data ? (const char *)text.data : "";
    return (struct lines){start, start + text.length, 0};
}

// The next line without its end and leading blanks.
static bool
lines_next(struct lines *lines, const char **ret_line, size_t *ret_length)
{
    if (lines->at >= lines->end)
        return false;
    const char *stop = memchr(lines->at, '\n', (size_t)(lines->end - lines->at));
    const char *end = stop ? stop : lines->end;
    const char *start = lines->at;
    lines->at = stop ? stop + 1 : lines->end;
    lines->number++;
    while (end > start && isspace((unsigned char)end[-1]))
        end--;
    while (start < end && isspace((unsigned char)*start))
        start++;
    *ret_line = start;
    *ret_length = (size_t)(end - start);
    return true;
}

struct tagged {
    char tag[TAG_MAX];
    const char *value;
    size_t length;
};

// "Tag: value", also behind a comment sign: timing lines of a .key file and our own in a .state
// file stand there.
static bool
line_tagged(const char *line, size_t length, struct tagged *ret_tagged)
{
    const char *end = line + length;
    while (line < end && (*line == ';' || *line == ' '))
        line++;
    const char *colon = memchr(line, ':', (size_t)(end - line));
    if (!colon || colon - line >= TAG_MAX)
        return false;
    memcpy(ret_tagged->tag, line, (size_t)(colon - line));
    ret_tagged->tag[colon - line] = '\0';
    for (colon++; colon < end && *colon == ' ';)
        colon++;
    ret_tagged->value = colon;
    ret_tagged->length = (size_t)(end - colon);
    return true;
}

static unsigned
digits(const char *at, size_t count)
{
    unsigned value = 0;
    for (size_t i = 0; i < count; i++)
        value = value * 10 + (unsigned)(at[i] - '0');
    return value;
}

static bool
time_read(const struct tagged *tagged, int64_t *ret_seconds)
{
    if (tagged->length < TIME_DIGITS)
        return false;
    for (size_t i = 0; i < TIME_DIGITS; i++)
        if (!isdigit((unsigned char)tagged->value[i]))
            return false;
    const char *at = tagged->value;
    struct tm tm = {.tm_year = (int)digits(at, 4) - 1900,
                    .tm_mon = (int)digits(at + 4, 2) - 1,
                    .tm_mday = (int)digits(at + 6, 2),
                    .tm_hour = (int)digits(at + 8, 2),
                    .tm_min = (int)digits(at + 10, 2),
                    .tm_sec = (int)digits(at + 12, 2)};
    *ret_seconds = timegm(&tm);
    return *ret_seconds > 0;
}

// BIND's words for times (dnssec-settime's in .key and .private, the policy's in .state), and ours.
static const struct {
    const char *tag;
    enum key_state state;
} time_tags[] = {
    {"Created", KEY_GENERATED},   {"Generated", KEY_GENERATED}, {"Publish", KEY_PUBLISHED},
    {"Published", KEY_PUBLISHED}, {"Ready", KEY_READY},         {"Activate", KEY_ACTIVE},
    {"Active", KEY_ACTIVE},       {"Inactive", KEY_RETIRED},    {"Retired", KEY_RETIRED},
    {"Dead", KEY_DEAD},           {"Delete", KEY_REMOVED},      {"Removed", KEY_REMOVED},
};

static bool
timing_read(const char *name, unsigned line, const struct tagged *tagged, struct key_bind *bind,
            struct fault *fault)
{
    for (size_t i = 0; i < sizeof time_tags / sizeof time_tags[0]; i++) {
        if (strcasecmp(tagged->tag, time_tags[i].tag) != 0)
            continue;
        int64_t seconds;
        if (!time_read(tagged, &seconds))
            return fault_set(fault, FAULT_SYNTAX,
                             "%s:%u: %s: expected a time as YYYYMMDDHHMMSS (UTC)", name, line,
                             tagged->tag);
        bind->times.at[time_tags[i].state] = seconds;
        if (time_tags[i].state != KEY_GENERATED)
            bind->has_times = true;
    }
    return true;
}

static bool
algorithm_read(const char *where, unsigned line, unsigned long number, struct key_bind *bind,
               struct fault *fault)
{
    const struct key_algorithm *row = number <= 255 ? key_algorithm_find((uint8_t)number) : NULL;
    if (!row) {
        key_algorithm_refuse(number, fault);
        return fault_wrap(fault, "%s:%u", where, line);
    }
    if (bind->algorithm != 0 && bind->algorithm != row->number)
        return fault_set(
            fault, FAULT_CORRUPT,
            "%s:%u: algorithm %u here, %u in the other file: they are not files of one "
            "key",
            where, line, row->number, bind->algorithm);
    bind->algorithm = row->number;
    return true;
}

static bool
number_of(const struct tagged *tagged, unsigned long *ret_number)
{
    char text[TAG_MAX];
    if (tagged->length >= sizeof text)
        return false;
    memcpy(text, tagged->value, tagged->length);
    text[tagged->length] = '\0';
    char *end;
    *ret_number = strtoul(text, &end, 10);
    return end != text && (*end == '\0' || *end == ' ');
}

static bool
secret_read(const char *name, unsigned line, const struct tagged *tagged, struct key_bind *bind,
            struct fault *fault)
{
    if (!bind->secret)
        bind->secret = key_scratch_new(KEY_SECRET_MAX);
    if (!key_base64_read(tagged->value, tagged->length, bind->secret, KEY_SECRET_MAX,
                         &bind->secret_length) ||
        bind->secret_length == 0)
        return fault_set(fault, FAULT_SYNTAX, "%s:%u: PrivateKey: expected base64", name, line);
    bind->has_private = true;
    return true;
}

// One of an RSA key's numbers; they are packed when all are there.
static bool
rsa_line(const char *name, unsigned line, const struct tagged *tagged, struct key_bind *bind,
         struct fault *fault)
{
    int part = 0;
    while (part < KEY_RSA_PARTS &&
           strcasecmp(tagged->tag, key_rsa_part_word((enum key_rsa_part)part)) != 0)
        part++;
    if (part == KEY_RSA_PARTS)
        return true;
    if (!bind->numbers)
        bind->numbers = key_scratch_new(KEY_RSA_PARTS * KEY_RSA_NUMBER_MAX);
    uint8_t *at = bind->numbers + part * KEY_RSA_NUMBER_MAX;
    if (!key_base64_read(tagged->value, tagged->length, at, KEY_RSA_NUMBER_MAX,
                         &bind->number_length[part]) ||
        bind->number_length[part] == 0)
        return fault_set(fault, FAULT_SYNTAX, "%s:%u: %s: expected base64 of at most %d octets",
                         name, line, tagged->tag, KEY_RSA_NUMBER_MAX);
    return true;
}

static bool
flags_line(const char *name, unsigned line, const struct tagged *tagged, struct key_bind *bind,
           struct fault *fault)
{
    unsigned long number;
    if (!number_of(tagged, &number) || number > UINT16_MAX)
        return fault_set(fault, FAULT_SYNTAX, "%s:%u: Flags: expected 256 or 257", name, line);
    bind->flags = (uint16_t)number;
    return true;
}

static bool
private_line(const char *name, unsigned line, const struct tagged *tagged, struct key_bind *bind,
             struct fault *fault)
{
    unsigned long number;
    if (strcasecmp(tagged->tag, "Private-key-format") == 0 &&
        (tagged->length < 2 || strncmp(tagged->value, "v1", 2) != 0))
        return fault_set(fault, FAULT_UNSUPPORTED, "%s:%u: private key format %.*s: expected v1.x",
                         name, line, (int)tagged->length, tagged->value);
    if (strcasecmp(tagged->tag, "Algorithm") == 0) {
        if (!number_of(tagged, &number))
            return fault_set(fault, FAULT_SYNTAX, "%s:%u: Algorithm: expected a number", name,
                             line);
        return algorithm_read(name, line, number, bind, fault);
    }
    if (strcasecmp(tagged->tag, "Flags") == 0) // PowerDNS
        return flags_line(name, line, tagged, bind, fault);
    if (strcasecmp(tagged->tag, "PrivateKey") == 0)
        return secret_read(name, line, tagged, bind, fault);
    if (strcasecmp(tagged->tag, "Engine") == 0 || strcasecmp(tagged->tag, "Label") == 0)
        return fault_set(fault, FAULT_UNSUPPORTED,
                         "%s:%u: the key rests in a hardware module: not in this version", name,
                         line);
    return rsa_line(name, line, tagged, bind, fault) &&
           timing_read(name, line, tagged, bind, fault);
}

static bool
numbers_pack(const char *name, struct key_bind *bind, struct fault *fault)
{
    struct octets numbers[KEY_RSA_PARTS] = {0};
    for (int i = 0; bind->numbers && i < KEY_RSA_PARTS; i++)
        numbers[i] =
            (struct octets){bind->numbers + i * KEY_RSA_NUMBER_MAX, bind->number_length[i]};
    if (!bind->secret)
        bind->secret = key_scratch_new(KEY_SECRET_MAX);
    if (!key_rsa_pack(numbers, bind->secret, &bind->secret_length, fault))
        return fault_wrap(fault, "%s", name);
    bind->has_private = true;
    return true;
}

// Elliptic secrets are numbers, and some tools drop leading zeros of numbers (one key in 256; four
// zeros never happen, that is a cut file).
static void
scalar_pad(struct key_bind *bind)
{
    const struct key_algorithm *row = key_algorithm_find(bind->algorithm);
    bool is_number =
        bind->algorithm == KEY_ECDSAP256SHA256 || bind->algorithm == KEY_ECDSAP384SHA384;
    if (!is_number || bind->secret_length >= row->secret_size ||
        bind->secret_length + SCALAR_ZEROS_MAX < row->secret_size)
        return;
    size_t zeros = row->secret_size - bind->secret_length;
    memmove(bind->secret + zeros, bind->secret, bind->secret_length);
    memset(bind->secret, 0, zeros);
    bind->secret_length = row->secret_size;
}

bool
key_bind_read_private(const char *name, struct octets text, struct key_bind *bind,
                      struct fault *fault)
{
    struct lines lines = lines_of(text);
    const char *line;
    size_t length;
    struct tagged tagged;
    while (lines_next(&lines, &line, &length))
        if (line_tagged(line, length, &tagged) &&
            !private_line(name, lines.number, &tagged, bind, fault))
            return false;
    if (key_algorithm_is_rsa(bind->algorithm))
        return numbers_pack(name, bind, fault);
    if (!bind->has_private || bind->algorithm == 0)
        return fault_set(fault, FAULT_SYNTAX,
                         "%s: no %s line: expected a private key file (Private-key-format: v1.3); "
                         "it may be cut: take it from a backup",
                         name, bind->algorithm == 0 ? "Algorithm" : "PrivateKey");
    scalar_pad(bind);
    return true;
}

static bool
yes(const struct tagged *tagged)
{
    return tagged->length == 3 && strncasecmp(tagged->value, "yes", 3) == 0;
}

bool
key_bind_read_state(const char *name, struct octets text, struct key_bind *bind,
                    struct fault *fault)
{
    struct lines lines = lines_of(text);
    const char *line;
    size_t length;
    struct tagged tagged;
    bool ksk = false, zsk = false;
    while (lines_next(&lines, &line, &length)) {
        if (!line_tagged(line, length, &tagged))
            continue;
        char word[TAG_MAX] = "";
        if (tagged.length < sizeof word)
            memcpy(word, tagged.value, tagged.length);
        if (strcasecmp(tagged.tag, "KSK") == 0)
            ksk = yes(&tagged);
        else if (strcasecmp(tagged.tag, "ZSK") == 0)
            zsk = yes(&tagged);
        else if (strcasecmp(tagged.tag, "State") == 0)
            bind->has_state = key_state_from_word(word, &bind->state);
        else if (strcasecmp(tagged.tag, "Origin") == 0)
            bind->imported = strcmp(word, "imported") == 0;
        else if (!timing_read(name, lines.number, &tagged, bind, fault))
            return false;
    }
    if (ksk || zsk) {
        bind->has_role = true;
        bind->role = ksk && zsk ? KEY_CSK : ksk ? KEY_KSK : KEY_ZSK;
    }
    return true;
}

struct tokens {
    char *at[TOKENS_MAX];
    unsigned count;
    char text[VALUE_MAX];
};

static bool
tokens_split(const char *line, size_t length, struct tokens *tokens)
{
    if (length >= sizeof tokens->text)
        return false;
    memcpy(tokens->text, line, length);
    tokens->text[length] = '\0';
    tokens->text[strcspn(tokens->text, ";")] = '\0'; // a comment behind
    tokens->count = 0;
    char *rest = NULL;
    for (char *word = strtok_r(tokens->text, " \t()", &rest); word;
         word = strtok_r(NULL, " \t()", &rest)) {
        if (tokens->count == TOKENS_MAX)
            return false;
        tokens->at[tokens->count++] = word;
    }
    return true;
}

static bool
public_join(const struct tokens *tokens, unsigned from, struct key_bind *bind)
{
    char base64[VALUE_MAX] = "";
    for (unsigned i = from; i < tokens->count; i++)
        strcat(base64, tokens->at[i]); // shorter than the line that it comes from
    return key_base64_read(base64, strlen(base64), bind->public_key, sizeof bind->public_key,
                           &bind->public_length) &&
           bind->public_length > 0;
}

static bool
text_number(const char *text, unsigned long *ret_number)
{
    char *end;
    *ret_number = strtoul(text, &end, 10);
    return isdigit((unsigned char)text[0]) && *end == '\0';
}

static bool
dnskey_algorithm(const char *text, unsigned long *ret_number)
{
    const struct key_algorithm *row = key_algorithm_from_word(text);
    if (!row)
        return text_number(text, ret_number);
    *ret_number = row->number;
    return true;
}

// owner [TTL] [IN] DNSKEY flags 3 algorithm base64
static bool
dnskey_line(const char *name, unsigned line, const struct tokens *tokens, struct key_bind *bind,
            struct fault *fault)
{
    unsigned at = 1;
    while (at < tokens->count && strcasecmp(tokens->at[at], "DNSKEY") != 0)
        at++;
    if (at + 4 >= tokens->count)
        return fault_set(fault, FAULT_SYNTAX,
                         "%s:%u: expected \"owner IN DNSKEY flags 3 algorithm key\"", name, line);
    unsigned long flags, algorithm;
    if (!dnskey_algorithm(tokens->at[at + 3], &algorithm))
        return fault_set(fault, FAULT_UNSUPPORTED, "%s:%u: algorithm %.32s is unknown", name, line,
                         tokens->at[at + 3]);
    if (!algorithm_read(name, line, algorithm, bind, fault))
        return false;
    if (!text_number(tokens->at[at + 1], &flags) || flags > UINT16_MAX)
        return fault_set(fault, FAULT_SYNTAX, "%s:%u: DNSKEY: flags %.32s: expected 256 or 257",
                         name, line, tokens->at[at + 1]);
    if (strcmp(tokens->at[at + 2], "3") != 0)
        return fault_set(fault, FAULT_SYNTAX, "%s:%u: DNSKEY: protocol %.32s: expected 3", name,
                         line, tokens->at[at + 2]);
    if (!name_from_text(tokens->at[0], (const uint8_t *)"", bind->owner, fault))
        return fault_wrap(fault, "%s:%u", name, line);
    if (!public_join(tokens, at + 4, bind))
        return fault_set(fault, FAULT_SYNTAX, "%s:%u: DNSKEY: the key is no base64", name, line);
    bind->flags = (uint16_t)flags;
    bind->has_public = true;
    return true;
}

bool
key_bind_read_public(const char *name, struct octets text, struct key_bind *bind,
                     struct fault *fault)
{
    struct lines lines = lines_of(text);
    const char *line;
    size_t length;
    struct tagged tagged;
    struct tokens tokens;
    while (lines_next(&lines, &line, &length)) {
        if (length == 0)
            continue;
        if (line[0] == ';') {
            if (line_tagged(line, length, &tagged) &&
                !timing_read(name, lines.number, &tagged, bind, fault))
                return false;
            continue;
        }
        if (!tokens_split(line, length, &tokens))
            return fault_set(fault, FAULT_SYNTAX, "%s:%u: the line is too long for a key", name,
                             lines.number);
        if (!dnskey_line(name, lines.number, &tokens, bind, fault))
            return false;
    }
    if (!bind->has_public)
        return fault_set(fault, FAULT_SYNTAX, "%s: no DNSKEY record in it", name);
    return true;
}

void
key_bind_close(struct key_bind *bind)
{
    key_scratch_free(bind->secret);
    key_scratch_free(bind->numbers);
    memset(bind, 0, sizeof *bind);
}
