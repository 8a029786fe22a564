// Which files make one key? The operator gives them in any order. Files with the same name up to
// the ending (Kexample.gov.+013+12345 . key private state) belong together; that is how BIND writes
// them. A file is read as what its octets say it is, not its ending: PEM, DNSKEY record, private
// key or state. All keys are read and checked before the first is given out, so a faulty file among
// ten leaves nothing half imported.
#include "secondary/signer/keys/key_import.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/base/descriptor.h"
#include "secondary/signer/keys/key_bind.h"
#include "secondary/signer/keys/key_crypto.h"

bool
key_import_read(int descriptor, const char *name, struct key_import_file *ret_file,
                struct fault *fault)
{
    uint8_t *text = key_scratch_new(KEY_BIND_TEXT_MAX + 1);
    ssize_t length = descriptor_read(descriptor, text, KEY_BIND_TEXT_MAX + 1);
    int error = errno;
    if (length < 0) {
        key_scratch_free(text);
        return fault_set_errno(fault, error, "%s: reading", name);
    }
    if ((size_t)length > KEY_BIND_TEXT_MAX) {
        key_scratch_free(text);
        return fault_set(fault, FAULT_LIMIT, "%s: longer than a key file can be (%u octets)", name,
                         KEY_BIND_TEXT_MAX);
    }
    *ret_file = (struct key_import_file){.text = {text, (size_t)length}};
    strncpy(ret_file->name, name, sizeof ret_file->name - 1);
    return true;
}

bool
key_pem_read(const char *name, struct octets text, uint8_t *ret_algorithm, uint8_t *ret_secret,
             size_t *ret_length, struct fault *fault)
{
    if (!key_crypto_pem(text, ret_algorithm, ret_secret, ret_length, fault))
        return fault_wrap(fault, "%s", name);
    return true;
}

enum file_kind { FILE_PEM, FILE_PRIVATE, FILE_STATE, FILE_PUBLIC };

static bool
holds(struct octets text, const char *word)
{
    return text.length > 0 && memmem(text.data, text.length, word, strlen(word)) != NULL;
}

static enum file_kind
kind_of(const struct key_import_file *file)
{
    if (holds(file->text, "-----BEGIN"))
        return FILE_PEM;
    if (holds(file->text, "Private-key-format") || holds(file->text, "PrivateKey:"))
        return FILE_PRIVATE;
    if (holds(file->text, "\nKSK:") || holds(file->text, "\nZSK:"))
        return FILE_STATE;
    return FILE_PUBLIC;
}

// The name without folder and known ending.
static size_t
stem_length(const char *name)
{
    static const char *const endings[] = {".key", ".private", ".state", ".pem"};
    size_t length = strlen(name);
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        size_t ending = strlen(endings[i]);
        if (length > ending && strcmp(name + length - ending, endings[i]) == 0)
            return length - ending;
    }
    return length;
}

static bool
same_stem(const struct key_import_file *a, const struct key_import_file *b)
{
    size_t length = stem_length(a->name);
    return length == stem_length(b->name) && memcmp(a->name, b->name, length) == 0;
}

struct import {
    struct keyset *keyset;
    const struct key_import_options *options;
    const struct key_import_file *files;
    size_t count;
    bool done[KEY_IMPORT_FILES_MAX];
    struct vector *keys;
};

static bool
pem_into(const struct key_import_file *file, struct key_bind *bind, struct fault *fault)
{
    uint8_t algorithm;
    if (!bind->secret)
        bind->secret = key_scratch_new(KEY_SECRET_MAX);
    if (!key_pem_read(file->name, file->text, &algorithm, bind->secret, &bind->secret_length,
                      fault))
        return false;
    bind->has_private = true;
    bind->is_rsa = algorithm == 0;
    bool fits = bind->is_rsa ? key_algorithm_is_rsa(bind->algorithm) : algorithm == bind->algorithm;
    if (bind->algorithm != 0 && !fits)
        return fault_set(fault, FAULT_CORRUPT,
                         "%s: a key of %s, but the other file says %s: they are not files of one "
                         "key",
                         file->name, bind->is_rsa ? "RSA" : key_algorithm_name(algorithm),
                         key_algorithm_name(bind->algorithm));
    if (algorithm != 0)
        bind->algorithm = algorithm;
    return true;
}

static bool
file_into(const struct key_import_file *file, struct key_bind *bind, struct fault *fault)
{
    switch (kind_of(file)) {
    case FILE_PEM:
        return pem_into(file, bind, fault);
    case FILE_PRIVATE:
        return key_bind_read_private(file->name, file->text, bind, fault);
    case FILE_STATE:
        return key_bind_read_state(file->name, file->text, bind, fault);
    case FILE_PUBLIC:
        return key_bind_read_public(file->name, file->text, bind, fault);
    }
    ENSURE(false);
    return false;
}

static bool
role_of(const struct import *import, const char *name, const struct key_bind *bind,
        enum key_role *ret_role, struct fault *fault)
{
    if (import->options->has_role)
        *ret_role = import->options->role;
    else if (bind->has_role)
        *ret_role = bind->role;
    else if (bind->flags != 0)
        *ret_role = bind->flags & KEY_FLAG_SEP ? KEY_KSK : KEY_ZSK;
    else
        return fault_set(fault, FAULT_CONFIG,
                         "%s: does not say what the key is for; add its .key file, or --role KSK, "
                         "ZSK or CSK",
                         name);
    return true;
}

static bool
private_check(const struct import *import, const char *name, const struct key_bind *bind,
              struct fault *fault)
{
    char ours[NAME_TEXT_MAX], theirs[NAME_TEXT_MAX];
    if (!bind->has_private)
        return fault_set(fault, FAULT_CONFIG,
                         "%s: only the public part; give the .private file with it", name);
    if (bind->has_public && !name_equal(bind->owner, keyset_apex(import->keyset)))
        return fault_set(fault, FAULT_CONFIG, "%s: a key of zone %s, not of %s", name,
                         name_to_text_short(bind->owner, theirs),
                         name_to_text_short(keyset_apex(import->keyset), ours));
    return true;
}

// RSA keys of PEM files are the same for SHA-256 and SHA-512, but their DNSKEY and DS are not.
static bool
algorithm_settle(const struct import *import, const char *name, struct key_bind *bind,
                 struct fault *fault)
{
    if (bind->is_rsa && bind->algorithm == 0)
        bind->algorithm = import->options->rsa_algorithm;
    if (bind->is_rsa && !key_algorithm_is_rsa(bind->algorithm))
        return fault_set(fault, FAULT_CONFIG,
                         "%s: an RSA key that does not say whether it signs with RSASHA256 or "
                         "RSASHA512; add its .key file, or set algorithm in the zone's policy to "
                         "rsasha256 or rsasha512",
                         name);
    return true;
}

// A key that comes with times is what its times say; one without is at work where it comes from.
static void
state_set(const struct import *import, const struct key_bind *bind, struct key_pair *key)
{
    int64_t now = import->options->now;
    key->times = bind->times;
    if (key->times.at[KEY_GENERATED] == 0)
        key->times.at[KEY_GENERATED] = now;
    if (import->options->standby) {
        key->state = KEY_PUBLISHED;
        key->times.at[KEY_PUBLISHED] = now;
    } else if (bind->has_state) {
        key->state = bind->state;
    } else if (bind->has_times) {
        key->state = key_state_at(&key->times, now);
    } else {
        key->state = KEY_ACTIVE;
        for (int i = KEY_PUBLISHED; i <= KEY_ACTIVE; i++)
            key->times.at[i] = now;
    }
}

static bool
tag_check(const struct import *import, const char *name, const struct key_pair *key,
          struct fault *fault)
{
    bool taken = keyset_tag_taken(import->keyset, key->tag);
    for (size_t i = 0; !taken && i < import->keys->count; i++)
        taken = ((const struct key_pair *)vector_at(import->keys, i))->tag == key->tag;
    if (!taken)
        return true;
    char apex[NAME_TEXT_MAX];
    return fault_set(fault, FAULT_EXISTS,
                     "%s: zone %s has a key with tag %u already; tags must be unique", name,
                     name_to_text_short(key->apex, apex), key->tag);
}

static bool
key_from(struct import *import, const char *name, struct key_bind *bind, struct fault *fault)
{
    if (!private_check(import, name, bind, fault) || !algorithm_settle(import, name, bind, fault))
        return false;
    struct key_parts parts = {.flags = bind->flags,
                              .algorithm = bind->algorithm,
                              .secret = {bind->secret, bind->secret_length}};
    if (bind->has_public)
        parts.public_key = (struct octets){bind->public_key, bind->public_length};
    if (!role_of(import, name, bind, &parts.role, fault))
        return false;
    struct key_memory *memory = keyset_memory(import->keyset);
    struct key_pair key;
    if (!key_pair_from_parts(memory, keyset_apex(import->keyset), &parts, &key, fault))
        return fault_wrap(fault, "%s", name);
    key.imported = true;
    state_set(import, bind, &key);
    bool named = key_bind_name_check(name, &key, fault);
    if (!named)
        fault_wrap(fault, "%s", name);
    if (!named || !tag_check(import, name, &key, fault)) {
        key_pair_close(memory, &key);
        return false;
    }
    vector_add(import->keys, &key);
    return true;
}

// The files that belong with file first.
static bool
group_import(struct import *import, size_t first, struct fault *fault)
{
    struct key_bind bind = {0};
    bool good = true;
    for (size_t i = first; good && i < import->count; i++) {
        if (import->done[i] || !same_stem(&import->files[first], &import->files[i]))
            continue;
        import->done[i] = true;
        good = file_into(&import->files[i], &bind, fault);
    }
    good = good && key_from(import, import->files[first].name, &bind, fault);
    key_bind_close(&bind);
    return good;
}

static void
keys_close(struct key_memory *memory, struct vector *keys)
{
    for (size_t i = 0; i < keys->count; i++)
        key_pair_close(memory, vector_at(keys, i));
    vector_clear(keys);
}

bool
key_import(struct keyset *keyset, const struct key_import_file *files, size_t count,
           const struct key_import_options *options, struct vector *ret_keys, struct fault *fault)
{
    if (count == 0 || count > KEY_IMPORT_FILES_MAX)
        return fault_set(fault, FAULT_LIMIT, "expected 1 to %d key files", KEY_IMPORT_FILES_MAX);
    struct import import = {
        .keyset = keyset, .options = options, .files = files, .count = count, .keys = ret_keys};
    for (size_t i = 0; i < count; i++) {
        if (!import.done[i] && !group_import(&import, i, fault)) {
            keys_close(keyset_memory(keyset), ret_keys);
            return false;
        }
    }
    return true;
}
