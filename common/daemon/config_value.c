#include "common/daemon/config_value.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/quantity.h"
#include "common/daemon/base64.h"
#include "common/dns/name.h"

#define WORDS_MAX       32
#define QUOTED_MAX      200 // of a wrong value in a message
#define SECRET_SIZE_MAX 512 // TSIG_SECRET_MAX
#define MAILBOX_MAX     254 // RFC 5321 section 4.5.3.1.3, without the angle brackets
#define HOST_MAX        253

int
config_word_index(const char *words, const char *word)
{
    size_t length = strlen(word);
    int index = 0;
    for (const char *at = words; at && *at; index++) {
        size_t span = strcspn(at, "|");
        if (span == length && memcmp(at, word, length) == 0)
            return index;
        at += span + (at[span] == '|');
    }
    return -1;
}

// ---- what is expected
// ------------------------------------------------------------------------------

static const char *
type_phrase(enum config_type type)
{
    switch (type) {
    case CONFIG_MAP:
        return "a map (key: value)";
    case CONFIG_MAPS:
        return "a list of maps (- key: value)";
    case CONFIG_TEXT:
        return "a text";
    case CONFIG_WORD:
        return "a word";
    case CONFIG_BOOLEAN:
        return "yes or no";
    case CONFIG_INTEGER:
        return "a whole number";
    case CONFIG_DURATION:
        return "a duration such as 30s, 15m, 24h or 7d";
    case CONFIG_SIZE:
        return "a size such as 64KiB or 1MiB";
    case CONFIG_PERCENT:
        return "a percentage from 0% to 100%";
    case CONFIG_ADDRESS:
        return "an address such as 192.0.2.1@53 or 2001:db8::1@53";
    case CONFIG_PREFIX:
        return "an address or prefix such as 192.0.2.0/24 or 2001:db8::/32";
    case CONFIG_NAME:
        return "a domain name";
    case CONFIG_ID:
        return "a name of letters, digits, '.', '-' and '_'";
    case CONFIG_REFERENCE:
        return "the id of an item"; // and of which list
    case CONFIG_PATH:
        return "a path";
    case CONFIG_SECRET:
        return "a secret in base64";
    case CONFIG_HOST_PORT:
        return "a host with a port such as smtp.example.gov@587";
    case CONFIG_MAILBOX:
        return "a mail address such as sre@example.gov";
    }
    return "a value";
}

static void
limit_text(const struct config_row *row, int64_t limit, char text[static QUANTITY_TEXT_MAX])
{
    if (row->type == CONFIG_DURATION)
        quantity_duration_text(limit, text);
    else if (row->type == CONFIG_SIZE)
        quantity_size_text((uint64_t)limit, text);
    else
        snprintf(text, QUANTITY_TEXT_MAX, "%" PRId64, limit);
}

static bool
has_limits(const struct config_row *row)
{
    return row->maximum > row->minimum;
}

const char *
config_value_expected(const struct config_row *row, char text[static CONFIG_EXPECTED_MAX])
{
    size_t used = 0;
    const char *type = row->type == CONFIG_WORD ? NULL : type_phrase(row->type);
    for (const char *at = row->words; at && *at;) {
        size_t span = strcspn(at, "|");
        bool last = at[span] == '\0';
        const char *joint = used == 0 ? "" : last && !type ? " or " : ", ";
        used += (size_t)snprintf(text + used, CONFIG_EXPECTED_MAX - used, "%s%.*s", joint,
                                 (int)span, at);
        ENSURE(used < CONFIG_EXPECTED_MAX - 200);
        at += span + !last;
    }
    if (type)
        used += (size_t)snprintf(text + used, CONFIG_EXPECTED_MAX - used, "%s%s%s%s",
                                 used ? " or " : "", type, row->refers ? " of " : "",
                                 row->refers ? row->refers : "");
    if (has_limits(row) && row->type != CONFIG_PERCENT) {
        char low[QUANTITY_TEXT_MAX], high[QUANTITY_TEXT_MAX];
        limit_text(row, row->minimum, low);
        limit_text(row, row->maximum, high);
        snprintf(text + used, CONFIG_EXPECTED_MAX - used, " (%s to %s)", low, high);
    }
    return text;
}

static bool
unexpected(const struct config_row *row, const char *text, const char *why, struct fault *fault)
{
    char expected[CONFIG_EXPECTED_MAX];
    const char *shown = row->type == CONFIG_SECRET ? "something else" : text;
    const char *quote = row->type == CONFIG_SECRET ? "" : "\"";
    const char *words[WORDS_MAX];
    size_t count = 0;
    char copy[CONFIG_EXPECTED_MAX];
    snprintf(copy, sizeof copy, "%s", row->words ? row->words : "");
    char *rest = NULL;
    for (char *at = strtok_r(copy, "|", &rest); at && count < WORDS_MAX;
         at = strtok_r(NULL, "|", &rest))
        words[count++] = at;
    const char *nearest = count ? quantity_nearest_word(text, words, count) : NULL;
    return fault_set(fault, FAULT_CONFIG, "expected %s, got %s%.*s%s%s%s%s%s%s",
                     config_value_expected(row, expected), quote, QUOTED_MAX, shown, quote,
                     why ? " (" : "", why ? why : "", why ? ")" : "",
                     row->type == CONFIG_SECRET ? "; make one by \"tandemctl tsig generate\""
                     : nearest                  ? "; the nearest is "
                                                : "",
                     nearest ? nearest : "");
}

// ---- types
// -----------------------------------------------------------------------------------------

static bool
boolean_read(const char *text, int64_t *ret_value)
{
    static const char *const words[] = {"no", "yes", "off", "on", "false", "true"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcasecmp(text, words[i]) == 0) {
            *ret_value = (int64_t)(i % 2);
            return true;
        }
    return false;
}

static bool
percent_read(const char *text, int64_t *ret_value)
{
    char digits[8];
    uint64_t value;
    size_t length = strlen(text);
    if (length > 0 && text[length - 1] == '%')
        length--;
    if (length == 0 || length >= sizeof digits)
        return false;
    memcpy(digits, text, length);
    digits[length] = '\0';
    if (!quantity_unsigned(digits, 100, &value, NULL))
        return false;
    *ret_value = (int64_t)value;
    return true;
}

// The number behind INTEGER, DURATION, SIZE, PERCENT and BOOLEAN.
static bool
number_read(const struct config_row *row, const char *text, struct config_value *value,
            struct fault *fault)
{
    uint64_t number = 0;
    bool fine = false;
    if (row->type == CONFIG_BOOLEAN)
        fine = boolean_read(text, &value->integer);
    else if (row->type == CONFIG_PERCENT)
        fine = percent_read(text, &value->integer);
    else if (row->type == CONFIG_DURATION)
        fine = quantity_duration(text, &value->integer, NULL);
    else if (row->type == CONFIG_SIZE)
        fine = quantity_size(text, &number, NULL) && number <= INT64_MAX;
    else
        fine = quantity_unsigned(text, INT32_MAX, &number, NULL);
    if (row->type == CONFIG_SIZE || row->type == CONFIG_INTEGER)
        value->integer = (int64_t)number;
    if (fine && has_limits(row))
        fine = value->integer >= row->minimum && value->integer <= row->maximum;
    return fine || unexpected(row, text, NULL, fault);
}

static bool
is_printable(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return false;
    return true;
}

static bool
is_id(const char *text)
{
    if (!*text || strlen(text) > 64)
        return false;
    for (; *text; text++)
        if (!isalnum((unsigned char)*text) && !strchr(".-_", *text))
            return false;
    return true;
}

static bool
is_host_character(char character)
{
    return isalnum((unsigned char)character) || character == '.' || character == '-' ||
           character == '_';
}

static bool
is_host_port(const char *text, struct arena *arena, int64_t default_port, const char **ret_text)
{
    struct address address;
    char shown[ADDRESS_TEXT_MAX];
    if (address_from_text(text, (uint16_t)default_port, &address, NULL)) {
        *ret_text = arena_text(arena, address_to_text(&address, shown));
        return true;
    }
    size_t length = 0;
    while (is_host_character(text[length]))
        length++;
    uint64_t port = (uint64_t)default_port;
    if (length == 0 || length > HOST_MAX || text[0] == '-' ||
        (text[length] != '\0' && text[length] != '@') ||
        (text[length] == '@' && !quantity_unsigned(text + length + 1, 65535, &port, NULL)) ||
        port == 0)
        return false;
    *ret_text = arena_printf(arena, "%.*s@%" PRIu64, (int)length, text, port);
    return true;
}

// What may stand between angle brackets in a mail command without quoting (RFC 5321 section 4.1.2,
// ASCII): nothing in it can end a header line or an SMTP command.
static bool
is_mailbox(const char *text)
{
    const char *at = strrchr(text, '@');
    if (!at || at == text || strlen(text) > MAILBOX_MAX || !at[1])
        return false;
    for (const char *c = text; c < at; c++)
        if (!isalnum((unsigned char)*c) && !strchr(".!#$%&'*+/=?^_`{|}~-", *c))
            return false;
    for (const char *c = at + 1; *c; c++)
        if (!is_host_character(*c))
            return false;
    return true;
}

static bool
name_read_text(const struct config_row *row, const char *text, struct arena *arena,
               struct config_value *value, struct fault *fault)
{
    static const uint8_t root[1] = {0};
    uint8_t name[NAME_SIZE_MAX];
    struct fault why;
    if (!*text || !name_from_text(text, root, name, &why))
        return unexpected(row, text, *text ? why.text : NULL, fault);
    value->name = arena_copy(arena, name, name_length(name));
    return true;
}

static bool
secret_read(const struct config_row *row, const char *text, struct arena *arena,
            struct config_value *value, struct fault *fault)
{
    uint8_t octets[SECRET_SIZE_MAX];
    size_t length = 0;
    if (!base64_decode(text, octets, sizeof octets, &length) || length == 0)
        return unexpected(row, text, NULL, fault);
    value->secret = (struct octets){arena_copy(arena, octets, length), length};
    return true;
}

static bool
prefix_read(const struct config_row *row, const char *text, struct config_value *value,
            struct fault *fault)
{
    struct address_prefix prefix;
    struct fault why = {.text = ""};
    if (!address_prefix_from_text(text, &prefix, &why))
        return unexpected(row, text, why.text, fault);
    value->address = prefix.address;
    value->prefix_length = prefix.bits;
    return true;
}

static bool
by_type(const struct config_row *row, const char *text, const char *folder, struct arena *arena,
        struct config_value *value, struct fault *fault)
{
    bool fine = true;
    switch (row->type) {
    case CONFIG_BOOLEAN:
    case CONFIG_INTEGER:
    case CONFIG_DURATION:
    case CONFIG_SIZE:
    case CONFIG_PERCENT:
        return number_read(row, text, value, fault);
    case CONFIG_NAME:
        return name_read_text(row, text, arena, value, fault);
    case CONFIG_SECRET:
        return secret_read(row, text, arena, value, fault);
    case CONFIG_PREFIX:
        return prefix_read(row, text, value, fault);
    case CONFIG_ADDRESS:
        fine = address_from_text(text, (uint16_t)row->minimum, &value->address, NULL);
        break;
    case CONFIG_HOST_PORT:
        fine = is_host_port(text, arena, row->minimum, &value->text);
        break;
    case CONFIG_ID:
    case CONFIG_REFERENCE:
        fine = is_id(text);
        break;
    case CONFIG_PATH:
        fine = *text && is_printable(text);
        if (fine && folder && text[0] != '/')
            value->text = arena_printf(arena, "%s/%s", folder, text);
        break;
    case CONFIG_MAILBOX:
        fine = is_mailbox(text);
        break;
    case CONFIG_TEXT:
        fine = is_printable(text);
        break;
    case CONFIG_WORD:
    case CONFIG_MAP:
    case CONFIG_MAPS:
        fine = false; // a word was found before
        break;
    }
    return fine || unexpected(row, text, NULL, fault);
}

static bool
scalar_equal(const struct config_value *a, const struct config_value *b)
{
    if (a->word >= 0 || b->word >= 0)
        return a->word == b->word;
    if (a->row->type == CONFIG_NAME && a->name && b->name)
        return name_equal(a->name, b->name);
    if (a->row->type == CONFIG_ADDRESS)
        return address_equal(&a->address, &b->address);
    if (a->row->type == CONFIG_PREFIX)
        return a->prefix_length == b->prefix_length && address_equal(&a->address, &b->address);
    if (a->row->type >= CONFIG_BOOLEAN && a->row->type <= CONFIG_PERCENT)
        return a->integer == b->integer;
    return strcmp(a->text ? a->text : "", b->text ? b->text : "") == 0;
}

// Right by the table but not one of the values that this version performs?
static bool
is_performed(const struct config_value *value, struct arena *arena)
{
    const struct config_row *row = value->row;
    if (!row->performed)
        return true;
    struct config_row open = *row;
    open.performed = NULL;
    char copy[256];
    snprintf(copy, sizeof copy, "%s", row->performed);
    char *rest = NULL;
    for (char *at = strtok_r(copy, "|", &rest); at; at = strtok_r(NULL, "|", &rest)) {
        struct config_value one;
        ENSURE(config_value_read(&open, at, NULL, arena, &one, NULL));
        if (scalar_equal(&one, value))
            return true;
    }
    return false;
}

static bool
not_performed(const struct config_row *row, const char *text, struct fault *fault)
{
    char words[256] = "";
    size_t used = 0;
    for (const char *at = row->performed; *at; at++)
        used += (size_t)snprintf(words + used, sizeof words - used, "%.*s", *at == '|' ? 4 : 1,
                                 *at == '|' ? " or " : at);
    return fault_set(fault, FAULT_UNSUPPORTED, "\"%.*s\" is not in this version (only %s is)",
                     QUOTED_MAX, text, words);
}

bool
config_value_read(const struct config_row *row, const char *text, const char *folder,
                  struct arena *arena, struct config_value *ret_value, struct fault *fault)
{
    struct config_value value = {.row = row, .text = arena_text(arena, text), .word = -1};
    bool is_empty = !*text && (row->flags & CONFIG_PERMIT_EMPTY);
    if (row->words)
        value.word = config_word_index(row->words, text);
    if (value.word < 0 && !is_empty && !by_type(row, text, folder, arena, &value, fault))
        return false;
    if (!is_performed(&value, arena))
        return not_performed(row, text, fault);
    *ret_value = value;
    return true;
}

bool
config_value_equal(const struct config_value *a, const struct config_value *b)
{
    if (!(a->row->flags & CONFIG_LIST))
        return a->is_given == b->is_given && scalar_equal(a, b);
    bool equal = a->item_count == b->item_count;
    for (size_t i = 0; equal && i < a->item_count; i++)
        equal = scalar_equal(&a->items[i], &b->items[i]);
    return equal;
}
