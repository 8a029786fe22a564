// What is a key on disk? Sealed: one file, three texts in it (public, private, state) behind their
// lengths. Plain: BIND's three files, the .key last. The file that is renamed last says that the
// key exists; what a crash leaves without it was never used and is passed over. A key is taken out
// the other way round, .key first.
#include "secondary/signer/keys/key_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/arena.h"
#include "common/base/vector.h"
#include "secondary/signer/keys/key_bind.h"
#include "secondary/signer/keys/key_file.h"

#define SEALED_MAX (4 * KEY_BIND_TEXT_MAX)
#define PARTS      3 // public, private, state

static const char *const part_endings[PARTS] = {".key", ".private", ".state"};
static const char sealed_ending[] = ".sealed";

struct key_store {
    const char *path;
    int directory; // open only while something is read or written; else -1
    struct key_store_options options;
    uint8_t apex[]; // lower case
};

static bool
directory_make(const char *path, struct fault *fault)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return fault_set_errno(fault, errno, "%s: making the directory of keys", path);
    struct stat status;
    if (stat(path, &status) != 0)
        return fault_set_errno(fault, errno, "%s", path);
    if (status.st_mode & (S_IRWXO | S_IWGRP))
        return fault_set(fault, FAULT_CONFIG,
                         "%s: others may read or write it (mode %04o); chmod 700 it", path,
                         (unsigned)status.st_mode & 07777);
    return true;
}

// Ten thousand zones must not hold ten thousand descriptors.
static bool
directory_open(struct key_store *store, struct fault *fault)
{
    store->directory = open(store->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return store->directory >= 0 || fault_set_errno(fault, errno, "%s: opening", store->path);
}

static void
directory_close(struct key_store *store)
{
    if (store->directory >= 0)
        close(store->directory);
    store->directory = -1;
}

bool
key_store_open(const char *directory, const uint8_t *apex, const struct key_store_options *options,
               struct key_store **ret_store, struct fault *fault)
{
    if (!directory_make(directory, fault))
        return false;
    struct key_store *store = memory_zalloc(sizeof *store + name_length(apex));
    store->path = directory;
    store->directory = -1;
    store->options = *options;
    name_copy_lower(store->apex, apex);
    bool good = directory_open(store, fault); // what cannot be opened is said now
    directory_close(store);
    if (!good)
        key_store_close(&store);
    else
        *ret_store = store;
    return good;
}

void
key_store_close(struct key_store **store)
{
    if (!*store)
        return;
    free(*store);
    *store = NULL;
}

// The name without this ending, or NULL.
static char *
stem_of(const char *name, const char *ending)
{
    size_t length = strlen(name), tail = strlen(ending);
    if (name[0] != 'K' || length <= tail || strcmp(name + length - tail, ending) != 0)
        return NULL;
    char *stem = memory_text(name);
    stem[length - tail] = '\0';
    return stem;
}

static bool
stems_have(const struct vector *stems, const char *stem)
{
    for (size_t i = 0; i < stems->count; i++)
        if (strcmp(*(char **)vector_at(stems, i), stem) == 0)
            return true;
    return false;
}

static int
stem_order(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

// The keys of a directory by name, each once, in a fixed order.
static bool
stems_list(const char *path, struct vector *stems, struct fault *fault)
{
    DIR *listing = opendir(path);
    if (!listing)
        return fault_set_errno(fault, errno, "%s: listing", path);
    const struct dirent *entry;
    while ((entry = readdir(listing))) {
        char *stem = stem_of(entry->d_name, sealed_ending);
        if (!stem)
            stem = stem_of(entry->d_name, part_endings[0]);
        if (stem && !stems_have(stems, stem))
            vector_add(stems, &stem);
        else
            free(stem);
    }
    closedir(listing);
    if (stems->count)
        qsort(stems->items, stems->count, sizeof(char *), stem_order);
    return true;
}

static void
stems_close(struct vector *stems)
{
    for (size_t i = 0; i < stems->count; i++)
        free(*(char **)vector_at(stems, i));
    vector_close(stems);
}

bool
key_store_has_keys(const char *directory)
{
    struct vector stems;
    vector_init(&stems, sizeof(char *));
    bool has = stems_list(directory, &stems, NULL) && stems.count > 0;
    stems_close(&stems);
    return has;
}

bool
key_store_has_sealed(const char *directory)
{
    bool has = false;
    const struct dirent *entry;
    DIR *listing = opendir(directory);
    while (listing && !has && (entry = readdir(listing))) {
        char *stem = stem_of(entry->d_name, sealed_ending);
        has = stem != NULL;
        free(stem);
    }
    if (listing)
        closedir(listing);
    return has;
}

// The three texts of a key while it is read.
struct key_texts {
    struct octets part[PARTS];
    uint8_t *pages[PARTS]; // scratch to free
    bool sealed;
};

static void
texts_close(struct key_texts *texts)
{
    for (int i = 0; i < PARTS; i++)
        key_scratch_free(texts->pages[i]);
}

static bool
sealed_split(struct octets content, struct key_texts *texts)
{
    struct octets_reader reader;
    octets_reader_init(&reader, content.data, content.length);
    for (int i = 0; i < PARTS; i++) {
        texts->part[i].length = octets_read_u32(&reader);
        texts->part[i].data = octets_read_view(&reader, texts->part[i].length);
    }
    return !reader.failed && octets_left(&reader) == 0;
}

static bool
sealed_open(const struct key_store *store, const char *stem, struct octets sealed,
            struct key_texts *texts, struct fault *fault)
{
    if (!store->options.seal)
        return fault_set(fault, FAULT_CONFIG,
                         "is sealed, but no key-secret-file is set to open it");
    struct octets content;
    texts->pages[0] = key_scratch_new(sealed.length + 1);
    content.data = texts->pages[0];
    if (!key_seal_break(store->options.seal, stem, sealed, texts->pages[0], &content.length, fault))
        return false;
    if (!sealed_split(content, texts))
        return fault_set(fault, FAULT_CORRUPT, "holds no key; take the file from a backup");
    return true;
}

static bool
sealed_read(const struct key_store *store, const char *stem, struct key_texts *texts,
            struct fault *fault)
{
    char name[KEY_BIND_NAME_MAX + 16];
    struct octets sealed;
    snprintf(name, sizeof name, "%s%s", stem, sealed_ending);
    if (!key_file_read(store->directory, store->path, name, SEALED_MAX, &sealed, fault))
        return false;
    bool good = sealed_open(store, stem, sealed, texts, fault);
    key_scratch_free((void *)(uintptr_t)sealed.data);
    return good ? true : fault_wrap(fault, "%s/%s", store->path, name);
}

// The .state file may be missing: keys that BIND's own tools put here have none.
static bool
plain_read(const struct key_store *store, const char *stem, struct key_texts *texts,
           struct fault *fault)
{
    for (int i = 0; i < PARTS; i++) {
        char name[KEY_BIND_NAME_MAX + 16];
        snprintf(name, sizeof name, "%s%s", stem, part_endings[i]);
        if (i == 2 && faccessat(store->directory, name, F_OK, 0) != 0)
            continue;
        if (!key_file_read(store->directory, store->path, name, KEY_BIND_TEXT_MAX, &texts->part[i],
                           fault))
            return false;
        texts->pages[i] = (uint8_t *)(uintptr_t)texts->part[i].data;
    }
    return true;
}

static bool
texts_read(const struct key_store *store, const char *stem, struct key_texts *texts,
           struct fault *fault)
{
    char name[KEY_BIND_NAME_MAX + 16];
    snprintf(name, sizeof name, "%s%s", stem, sealed_ending);
    texts->sealed = faccessat(store->directory, name, F_OK, 0) == 0;
    if (texts->sealed)
        return sealed_read(store, stem, texts, fault);
    return plain_read(store, stem, texts, fault);
}

static bool
bind_check(const struct key_store *store, const struct key_bind *bind, struct fault *fault)
{
    char ours[NAME_TEXT_MAX], theirs[NAME_TEXT_MAX];
    if (!name_equal(bind->owner, store->apex))
        return fault_set(fault, FAULT_CORRUPT, "is a key of zone %s, not of %s",
                         name_to_text_short(bind->owner, theirs),
                         name_to_text_short(store->apex, ours));
    return true;
}

static bool
key_of(const struct key_store *store, struct key_memory *memory, const char *stem,
       const struct key_bind *bind, int64_t now, struct key_pair *ret_key, struct fault *fault)
{
    struct key_parts parts = {
        .role = bind->has_role               ? bind->role
                : bind->flags & KEY_FLAG_SEP ? KEY_KSK
                                             : KEY_ZSK,
        .flags = bind->flags,
        .algorithm = bind->algorithm,
        .public_key = {bind->public_key, bind->public_length},
        .secret = {bind->secret, bind->secret_length},
    };
    if (!bind_check(store, bind, fault) ||
        !key_pair_from_parts(memory, store->apex, &parts, ret_key, fault))
        return false;
    if (!key_bind_name_check(stem, ret_key, fault)) {
        key_pair_close(memory, ret_key);
        return false;
    }
    ret_key->times = bind->times;
    ret_key->imported = bind->imported || !bind->has_state; // without a state: put here by others
    ret_key->state = bind->has_state ? bind->state : key_state_at(&bind->times, now);
    return true;
}

// Each text by the name that an operator finds it under.
static bool
texts_parse(const struct key_store *store, const char *stem, const struct key_texts *texts,
            struct key_bind *bind, struct fault *fault)
{
    typedef bool text_read(const char *name, struct octets text, struct key_bind *bind,
                           struct fault *fault);
    static text_read *const readers[PARTS] = {key_bind_read_public, key_bind_read_private,
                                              key_bind_read_state};
    char name[KEY_BIND_NAME_MAX + 16];
    for (int i = 0; i < PARTS; i++) {
        snprintf(name, sizeof name, "%s%s", stem, texts->sealed ? sealed_ending : part_endings[i]);
        if (!readers[i](name, texts->part[i], bind, fault))
            return fault_wrap(fault, "directory %s", store->path);
    }
    return true;
}

static bool
key_load(const struct key_store *store, struct key_memory *memory, const char *stem, int64_t now,
         struct key_pair *ret_key, struct fault *fault)
{
    struct key_texts texts = {0};
    struct key_bind bind = {0};
    bool good =
        texts_read(store, stem, &texts, fault) && texts_parse(store, stem, &texts, &bind, fault);
    if (good && !key_of(store, memory, stem, &bind, now, ret_key, fault))
        good = fault_wrap(fault, "%s/%s%s", store->path, stem,
                          texts.sealed ? sealed_ending : part_endings[1]);
    key_bind_close(&bind);
    texts_close(&texts);
    return good;
}

// All or nothing: what went in before a fault is taken out again. keys are in the order of stems.
static bool
keys_into(const struct key_store *store, const struct vector *stems, struct keyset *keyset,
          struct vector *keys, struct fault *fault)
{
    uint16_t added[KEYSET_KEYS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < keys->count; i++) {
        struct key_pair *key = vector_at(keys, i);
        uint16_t tag = key->tag;
        if (!keyset_add(keyset, key, fault)) {
            while (count > 0)
                keyset_remove(keyset, added[--count], NULL);
            return fault_wrap(fault, "%s/%s", store->path, *(char **)vector_at(stems, i));
        }
        added[count++] = tag;
    }
    return true;
}

bool
key_store_load(struct key_store *store, struct keyset *keyset, int64_t now, struct fault *fault)
{
    struct vector stems, keys;
    vector_init(&stems, sizeof(char *));
    vector_init(&keys, sizeof(struct key_pair));
    bool good = directory_open(store, fault) && stems_list(store->path, &stems, fault);
    for (size_t i = 0; good && i < stems.count; i++) {
        struct key_pair key;
        good = key_load(store, keyset_memory(keyset), *(char **)vector_at(&stems, i), now, &key,
                        fault);
        if (good)
            vector_add(&keys, &key);
    }
    good = good && keys_into(store, &stems, keyset, &keys, fault);
    for (size_t i = 0; i < keys.count; i++)
        key_pair_close(keyset_memory(keyset), vector_at(&keys, i));
    vector_close(&keys);
    stems_close(&stems);
    directory_close(store);
    return good;
}

static void
part_write(struct key_memory *memory, const struct key_pair *key, uint32_t ttl, int part,
           char *text, size_t *ret_length)
{
    struct octets_buffer buffer;
    octets_buffer_init(&buffer);
    if (part == 1) {
        *ret_length = key_bind_write_private(memory, key, text);
        return;
    }
    if (part == 0)
        key_bind_write_public(key, ttl, &buffer);
    else
        key_bind_write_state(key, &buffer);
    ENSURE(buffer.length < KEY_BIND_TEXT_MAX);
    memcpy(text, buffer.data, buffer.length);
    *ret_length = buffer.length;
    octets_buffer_close(&buffer);
}

static bool
plain_save(const struct key_store *store, struct key_memory *memory, const struct key_pair *key,
           const char *stem, struct fault *fault)
{
    static const int order[PARTS] = {1, 2, 0}; // .key last
    char *text = key_scratch_new(KEY_BIND_TEXT_MAX);
    bool good = true;
    for (int i = 0; good && i < PARTS; i++) {
        char name[KEY_BIND_NAME_MAX + 16];
        struct octets content = {(uint8_t *)text, 0};
        part_write(memory, key, store->options.dnskey_ttl, order[i], text, &content.length);
        snprintf(name, sizeof name, "%s%s", stem, part_endings[order[i]]);
        good = key_file_replace(store->directory, store->path, name, content, fault);
    }
    key_scratch_free(text);
    return good;
}

static bool
sealed_save(const struct key_store *store, struct key_memory *memory, const struct key_pair *key,
            const char *stem, struct fault *fault)
{
    uint8_t *content = key_scratch_new(SEALED_MAX);
    uint8_t *sealed = memory_alloc(SEALED_MAX + KEY_SEAL_OVERHEAD);
    size_t at = 0;
    for (int part = 0; part < PARTS; part++) {
        size_t length;
        part_write(memory, key, store->options.dnskey_ttl, part, (char *)content + at + 4, &length);
        octets_put_u32(content + at, (uint32_t)length);
        at += 4 + length;
    }
    size_t length =
        key_seal_close_over(store->options.seal, stem, (struct octets){content, at}, sealed);
    char name[KEY_BIND_NAME_MAX + 16];
    snprintf(name, sizeof name, "%s%s", stem, sealed_ending);
    bool good = key_file_replace(store->directory, store->path, name,
                                 (struct octets){sealed, length}, fault);
    free(sealed);
    key_scratch_free(content);
    return good;
}

static bool
remove_endings(const struct key_store *store, const char *stem, bool sealed, bool plain,
               struct fault *fault)
{
    char name[KEY_BIND_NAME_MAX + 16];
    bool gone, any = false;
    for (int i = 0; plain && i < PARTS; i++) {
        snprintf(name, sizeof name, "%s%s", stem, part_endings[i]);
        if (!key_file_unlink(store->directory, store->path, name, &gone, fault))
            return false;
        any = any || gone;
    }
    if (sealed) {
        snprintf(name, sizeof name, "%s%s", stem, sealed_ending);
        if (!key_file_unlink(store->directory, store->path, name, &gone, fault))
            return false;
        any = any || gone;
    }
    return !any || key_file_sync(store->directory, store->path, fault);
}

bool
key_store_save(struct key_store *store, struct key_memory *memory, const struct key_pair *key,
               struct fault *fault)
{
    char stem[KEY_BIND_NAME_MAX];
    key_bind_file_name(key, stem);
    bool sealed = store->options.storage == KEY_STORAGE_SEALED;
    if (sealed && !store->options.seal)
        return fault_set(fault, FAULT_CONFIG,
                         "%s/%s: key-storage is sealed, but there is no secret", store->path, stem);
    bool good = directory_open(store, fault) &&
                (sealed ? sealed_save(store, memory, key, stem, fault)
                        : plain_save(store, memory, key, stem, fault)) &&
                remove_endings(store, stem, !sealed, sealed, fault); // of the other kind
    directory_close(store);
    return good;
}

bool
key_store_remove(struct key_store *store, const struct key_pair *key, struct fault *fault)
{
    char stem[KEY_BIND_NAME_MAX];
    key_bind_file_name(key, stem);
    bool good = directory_open(store, fault) && remove_endings(store, stem, true, true, fault);
    directory_close(store);
    return good;
}
