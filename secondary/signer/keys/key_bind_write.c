#include <stdio.h>
#include <string.h>
#include <time.h>

#include "secondary/signer/keys/key_base64.h"
#include "secondary/signer/keys/key_bind.h"

#define TIME_TEXT_MAX 32

// YYYYMMDDHHMMSS, UTC.
static const char *
time_text(int64_t seconds, char text[static TIME_TEXT_MAX])
{
    time_t when = (time_t)seconds;
    struct tm tm;
    gmtime_r(&when, &tm);
    strftime(text, TIME_TEXT_MAX, "%Y%m%d%H%M%S", &tm);
    return text;
}

// What dnssec-settime knows of; the rest is in the .state file.
static const struct {
    const char *tag;
    enum key_state state;
} timing[] = {
    {"Created", KEY_GENERATED}, {"Publish", KEY_PUBLISHED}, {"Activate", KEY_ACTIVE},
    {"Inactive", KEY_RETIRED},  {"Delete", KEY_REMOVED},
};
#define TIMING_COUNT (sizeof timing / sizeof timing[0])

void
key_bind_file_name(const struct key_pair *key, char ret_name[static KEY_BIND_NAME_MAX])
{
    char owner[NAME_TEXT_MAX];
    size_t at = 0;
    ret_name[at++] = 'K';
    for (const char *from = name_to_text(key->apex, owner); *from; from++) {
        bool plain = (*from >= 'a' && *from <= 'z') || (*from >= '0' && *from <= '9') ||
                     strchr("-_.", *from);
        if (at + 4 + sizeof "+255+65535" > 255 - sizeof ".private.new") // NAME_MAX of a directory
            break;
        at += (size_t)snprintf(ret_name + at, 4, plain ? "%c" : "%%%02X", (unsigned char)*from);
    }
    snprintf(ret_name + at, KEY_BIND_NAME_MAX - at, "+%03u+%05u", key->algorithm, key->tag);
}

bool
key_bind_name_check(const char *name, const struct key_pair *key, struct fault *fault)
{
    unsigned algorithm, tag;
    const char *plus = strchr(name, '+');
    if (name[0] != 'K' || !plus || sscanf(plus, "+%3u+%5u", &algorithm, &tag) != 2 ||
        (algorithm == key->algorithm && tag == key->tag))
        return true;
    return fault_set(fault, FAULT_CORRUPT,
                     "by its name a key of algorithm %u with tag %u, but what is in it makes "
                     "algorithm %u and tag %u (its flags are part of the tag); give all files of "
                     "the key, or take them from a backup",
                     algorithm, tag, key->algorithm, key->tag);
}

void
key_bind_write_public(const struct key_pair *key, uint32_t ttl, struct octets_buffer *text)
{
    char owner[NAME_TEXT_MAX], when[TIME_TEXT_MAX];
    octets_buffer_printf(text, "; This is a %s-signing key, keyid %u, for %s\n",
                         key->flags & KEY_FLAG_SEP ? "key" : "zone", key->tag,
                         name_to_text(key->apex, owner));
    for (size_t i = 0; i < TIMING_COUNT; i++)
        if (key->times.at[timing[i].state])
            octets_buffer_printf(text, "; %s: %s\n", timing[i].tag,
                                 time_text(key->times.at[timing[i].state], when));
    key_pair_dnskey_text(key, ttl, text);
}

void
key_bind_write_state(const struct key_pair *key, struct octets_buffer *text)
{
    static const struct {
        const char *tag;
        enum key_state state;
    } times[] = {{"Generated", KEY_GENERATED}, {"Published", KEY_PUBLISHED}, {"Active", KEY_ACTIVE},
                 {"Retired", KEY_RETIRED},     {"Removed", KEY_REMOVED},     {"; Ready", KEY_READY},
                 {"; Dead", KEY_DEAD}};
    char owner[NAME_TEXT_MAX], when[TIME_TEXT_MAX];
    octets_buffer_printf(text, "; This is the state of key %u, for %s\n", key->tag,
                         name_to_text(key->apex, owner));
    octets_buffer_printf(text, "; State: %s\n; Origin: %s\n", key_state_word(key->state),
                         key->imported ? "imported" : "generated");
    octets_buffer_printf(text, "Algorithm: %u\nLength: %u\nLifetime: 0\nKSK: %s\nZSK: %s\n",
                         key->algorithm, key_pair_bits(key), key->role == KEY_ZSK ? "no" : "yes",
                         key->role == KEY_KSK ? "no" : "yes");
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
        if (key->times.at[times[i].state])
            octets_buffer_printf(text, "%s: %s\n", times[i].tag,
                                 time_text(key->times.at[times[i].state], when));
}

struct private_request {
    const struct key_pair *key;
    char *text;
    size_t at;
};

static void
put_tag(struct private_request *request, const char *word, struct octets number)
{
    request->at += (size_t)snprintf(request->text + request->at, KEY_BIND_TEXT_MAX - request->at,
                                    "%s: ", word);
    key_base64_write(number.data, number.length, request->text + request->at);
    request->at += strlen(request->text + request->at);
    request->text[request->at++] = '\n';
}

static bool
put_secret(void *context, const uint8_t *secret, size_t length)
{
    struct private_request *request = context;
    struct octets numbers[KEY_RSA_PARTS] = {{secret, length}};
    if (!key_algorithm_is_rsa(request->key->algorithm)) {
        put_tag(request, "PrivateKey", numbers[0]);
        return true;
    }
    ENSURE(key_rsa_unpack(numbers[0], numbers, NULL));
    for (int i = 0; i < KEY_RSA_PARTS; i++)
        put_tag(request, key_rsa_part_word((enum key_rsa_part)i), numbers[i]);
    return true;
}

size_t
key_bind_write_private(struct key_memory *memory, const struct key_pair *key, char *text)
{
    char when[TIME_TEXT_MAX];
    struct private_request request = {.key = key, .text = text};
    request.at =
        (size_t)snprintf(text, KEY_BIND_TEXT_MAX, "Private-key-format: v1.3\nAlgorithm: %u (%s)\n",
                         key->algorithm, key_algorithm_name(key->algorithm));
    key_memory_with(memory, key->secret, put_secret, &request);
    size_t at = request.at;
    for (size_t i = 0; i < TIMING_COUNT; i++)
        if (key->times.at[timing[i].state])
            at += (size_t)snprintf(text + at, KEY_BIND_TEXT_MAX - at, "%s: %s\n", timing[i].tag,
                                   time_text(key->times.at[timing[i].state], when));
    return at;
}
