#include "secondary/signer/keys/key_pair.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/arena.h"
#include "common/dns/rdata.h"
#include "secondary/signer/keys/key_base64.h"
#include "secondary/signer/keys/key_crypto.h"
#include "secondary/signer/keys/key_rsa.h"

#define PROTOCOL_DNSSEC 3 // RFC 4034 section 2.1.2
#define DS_HEAD         4 // tag, algorithm, digest type
#define DNSKEY_HEAD     4 // flags, protocol, algorithm

static const char *const role_words[] = {[KEY_KSK] = "KSK", [KEY_ZSK] = "ZSK", [KEY_CSK] = "CSK"};

const char *
key_role_word(enum key_role role)
{
    return role_words[role];
}

bool
key_role_from_word(const char *word, enum key_role *ret_role)
{
    for (int i = KEY_KSK; i <= KEY_CSK; i++) {
        if (strcasecmp(word, role_words[i]) == 0) {
            *ret_role = (enum key_role)i;
            return true;
        }
    }
    return false;
}

uint16_t
key_role_flags(enum key_role role)
{
    return role == KEY_ZSK ? KEY_FLAG_ZONE : KEY_FLAG_ZONE | KEY_FLAG_SEP;
}

static void
face_set(struct key_pair *key, const uint8_t *apex, struct octets public_key)
{
    struct octets_writer writer;
    size_t length = DNSKEY_HEAD + public_key.length;
    ENSURE(length <= KEY_DNSKEY_MAX);
    key->apex = memory_alloc(name_length(apex) + length);
    key->dnskey = key->apex + name_copy_lower(key->apex, apex);
    octets_writer_init(&writer, key->dnskey, length);
    octets_write_u16(&writer, key->flags);
    octets_write_u8(&writer, PROTOCOL_DNSSEC);
    octets_write_u8(&writer, key->algorithm);
    octets_write(&writer, public_key.data, public_key.length);
    ENSURE(!writer.failed);
    key->dnskey_length = (uint16_t)octets_written(&writer);
    key->tag = rdata_dnskey_tag(key->dnskey, key->dnskey_length);
}

static bool
parts_check(const struct key_parts *parts, struct octets computed, struct fault *fault)
{
    if (!(parts->flags & KEY_FLAG_ZONE) && parts->flags != 0)
        return fault_set(fault, FAULT_SYNTAX,
                         "flags %u lack the zone key bit (256); use a key of a zone", parts->flags);
    if (parts->flags & KEY_FLAG_REVOKE)
        return fault_set(fault, FAULT_REFUSED, "the key is revoked (flags %u); make a new one",
                         parts->flags);
    if (parts->flags & ~(KEY_FLAG_ZONE | KEY_FLAG_SEP))
        return fault_set(fault, FAULT_SYNTAX,
                         "flags %u have bits that mean nothing in a zone's key; expected 256 or "
                         "257: take the file from a backup",
                         parts->flags);
    if (parts->public_key.length == 0)
        return true;
    if (parts->public_key.length != computed.length ||
        memcmp(parts->public_key.data, computed.data, computed.length) != 0)
        return fault_set(fault, FAULT_CORRUPT,
                         "public and private part do not belong together; give the files of one "
                         "and the same key");
    return true;
}

bool
key_pair_from_parts(struct key_memory *memory, const uint8_t *apex, const struct key_parts *parts,
                    struct key_pair *ret_key, struct fault *fault)
{
    uint8_t public_key[KEY_DNSKEY_MAX];
    size_t length;
    if (!key_crypto_public(parts->algorithm, parts->secret, public_key, &length, fault))
        return false;
    struct octets computed = {public_key, length};
    if (!parts_check(parts, computed, fault))
        return false;
    *ret_key = (struct key_pair){
        .role = parts->role,
        .algorithm = parts->algorithm,
        .flags = parts->flags ? parts->flags : key_role_flags(parts->role),
        .state = KEY_GENERATED,
    };
    face_set(ret_key, apex, computed);
    ret_key->secret = key_memory_put(memory, parts->secret.data, parts->secret.length);
    return true;
}

bool
key_pair_generate(struct key_memory *memory, const uint8_t *apex, enum key_role role,
                  uint8_t algorithm, int64_t now, struct key_pair *ret_key, struct fault *fault)
{
    uint8_t *secret = key_scratch_new(KEY_SECRET_MAX);
    size_t length;
    bool good = key_crypto_generate(algorithm, secret, &length, fault);
    if (good) {
        struct key_parts parts = {.role = role, .algorithm = algorithm, .secret = {secret, length}};
        good = key_pair_from_parts(memory, apex, &parts, ret_key, fault);
    }
    key_scratch_free(secret);
    if (good)
        ret_key->times.at[KEY_GENERATED] = now;
    return good;
}

void
key_pair_close(struct key_memory *memory, struct key_pair *key)
{
    key_memory_forget(memory, &key->secret);
    free(key->apex);
    memset(key, 0, sizeof *key);
}

bool
key_pair_signs_dnskey(const struct key_pair *key)
{
    return key->state == KEY_ACTIVE && key->role != KEY_ZSK;
}

bool
key_pair_signs_zone(const struct key_pair *key)
{
    return key->state == KEY_ACTIVE && key->role != KEY_KSK;
}

size_t
key_pair_signature_size(const struct key_pair *key)
{
    const struct key_algorithm *row = key_algorithm_find(key->algorithm);
    return row && row->signature_size ? row->signature_size : (key_pair_bits(key) + 7) / 8;
}

unsigned
key_pair_bits(const struct key_pair *key)
{
    const struct key_algorithm *row = key_algorithm_find(key->algorithm);
    if (!key_algorithm_is_rsa(key->algorithm))
        return row ? row->bits : 0;
    return key_rsa_bits((struct octets){key->dnskey + 4, key->dnskey_length - 4U});
}

size_t
key_pair_ds(const struct key_pair *key, uint8_t digest_type, uint8_t ret_rdata[static KEY_DS_MAX])
{
    uint8_t input[NAME_SIZE_MAX + KEY_DNSKEY_MAX];
    size_t owner = name_copy(input, key->apex);
    memcpy(input + owner, key->dnskey, key->dnskey_length);
    octets_put_u16(ret_rdata, key->tag);
    ret_rdata[2] = key->algorithm;
    ret_rdata[3] = digest_type;
    struct octets whole = {input, owner + key->dnskey_length};
    size_t length = key_crypto_ds_digest(digest_type, whole, ret_rdata + DS_HEAD);
    return length ? DS_HEAD + length : 0;
}

void
key_pair_ds_text(const struct key_pair *key, uint32_t ttl, struct octets_buffer *text)
{
    static const uint8_t digest_types[] = {2, 4};
    char owner[NAME_TEXT_MAX];
    name_to_text(key->apex, owner);
    for (size_t i = 0; i < sizeof digest_types; i++) {
        uint8_t ds[KEY_DS_MAX];
        size_t length = key_pair_ds(key, digest_types[i], ds);
        octets_buffer_printf(text, "%s %u IN DS %u %u %u ", owner, ttl, key->tag, key->algorithm,
                             digest_types[i]);
        for (size_t at = DS_HEAD; at < length; at++)
            octets_buffer_printf(text, "%02X", ds[at]);
        octets_buffer_printf(text, "\n");
    }
}

void
key_pair_dnskey_text(const struct key_pair *key, uint32_t ttl, struct octets_buffer *text)
{
    char owner[NAME_TEXT_MAX];
    char public_key[KEY_BASE64_SIZE(KEY_DNSKEY_MAX)];
    key_base64_write(key->dnskey + 4, key->dnskey_length - 4U, public_key);
    octets_buffer_printf(text, "%s %u IN DNSKEY %u %u %u %s\n", name_to_text(key->apex, owner), ttl,
                         key->flags, PROTOCOL_DNSSEC, key->algorithm, public_key);
}
