// Reading. A key file is lines of "Tag: value"; what we do not know is passed over, as BIND does
// with the versions that came after it. Nothing of a private file is copied but the number itself,
// from one scratch page to another.
#include "secondary/signer/keys/key_bind.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/dns/rdata.h"
#include "secondary/signer/keys/key_base64.h"
#include "secondary/signer/keys/key_bind_lines.h"

#define VALUE_MAX  4096 // of a line: an RSA modulus in base64
#define TOKENS_MAX 64   // of a DNSKEY line; base64 may be cut by blanks

#define SCALAR_ZEROS_MAX 3 // leading zero octets that an elliptic private key may lack

static bool
secret_read(const char *name, unsigned line, const struct key_tagged *tagged, struct key_bind *bind,
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
rsa_line(const char *name, unsigned line, const struct key_tagged *tagged, struct key_bind *bind,
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
flags_line(const char *name, unsigned line, const struct key_tagged *tagged, struct key_bind *bind,
           struct fault *fault)
{
    unsigned long number;
    if (!key_line_number(tagged, &number) || number > UINT16_MAX)
        return fault_set(fault, FAULT_SYNTAX, "%s:%u: Flags: expected 256 or 257", name, line);
    bind->flags = (uint16_t)number;
    return true;
}

static bool
private_line(const char *name, unsigned line, const struct key_tagged *tagged,
             struct key_bind *bind, struct fault *fault)
{
    unsigned long number;
    if (strcasecmp(tagged->tag, "Private-key-format") == 0 &&
        (tagged->length < 2 || strncmp(tagged->value, "v1", 2) != 0))
        return fault_set(fault, FAULT_UNSUPPORTED, "%s:%u: private key format %.*s: expected v1.x",
                         name, line, (int)tagged->length, tagged->value);
    if (strcasecmp(tagged->tag, "Algorithm") == 0) {
        if (!key_line_number(tagged, &number))
            return fault_set(fault, FAULT_SYNTAX, "%s:%u: Algorithm: expected a number", name,
                             line);
        return key_line_algorithm(name, line, number, bind, fault);
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
           key_line_time(name, line, tagged, bind, fault);
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
    struct key_lines lines = key_lines_of(text);
    const char *line;
    size_t length;
    struct key_tagged tagged;
    while (key_lines_next(&lines, &line, &length))
        if (key_line_tagged(line, length, &tagged) &&
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
    if (!key_line_algorithm(name, line, algorithm, bind, fault))
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
    struct key_lines lines = key_lines_of(text);
    const char *line;
    size_t length;
    struct key_tagged tagged;
    struct tokens tokens;
    while (key_lines_next(&lines, &line, &length)) {
        if (length == 0)
            continue;
        if (line[0] == ';') {
            if (key_line_tagged(line, length, &tagged) &&
                !key_line_time(name, lines.number, &tagged, bind, fault))
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
        return fault_set(
            fault, FAULT_SYNTAX,
            "%s: no DNSKEY record in it; the file is cut or damaged: take it from a backup", name);
    return true;
}

void
key_bind_close(struct key_bind *bind)
{
    key_scratch_free(bind->secret);
    key_scratch_free(bind->numbers);
    memset(bind, 0, sizeof *bind);
}
