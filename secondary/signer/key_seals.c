#include "secondary/signer/key_seals.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/daemon/log.h"
#include "secondary/signer/keys/key_store.h"

struct seal_entry {
    char *secret_file;
    struct key_seal *seal;
};

void
key_seals_init(struct key_seals *seals)
{
    vector_init(&seals->all, sizeof(struct seal_entry));
    seals->state_directory = NULL;
}

void
key_seals_close(struct key_seals *seals)
{
    for (size_t i = 0; i < seals->all.count; i++) {
        struct seal_entry *entry = vector_at(&seals->all, i);
        key_seal_free(&entry->seal);
        free(entry->secret_file);
    }
    vector_close(&seals->all);
}

// Any zone's key means that the secret exists and must not be made anew.
static bool
has_keys(const struct key_seals *seals)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/keys", seals->state_directory);
    DIR *keys = opendir(path);
    if (keys == NULL) {
        return false;
    }
    bool found = false;
    struct dirent *entry;
    while (!found && (entry = readdir(keys)) != NULL) {
        int length =
            snprintf(path, sizeof path, "%s/keys/%s", seals->state_directory, entry->d_name);
        found = entry->d_name[0] != '.' && length > 0 && (size_t)length < sizeof path &&
                key_store_has_keys(path);
    }
    closedir(keys);
    return found;
}

const struct key_seal *
key_seals_open(struct key_seals *seals, const char *secret_file, struct fault *fault)
{
    for (size_t i = 0; i < seals->all.count; i++) {
        struct seal_entry *entry = vector_at(&seals->all, i);
        if (strcmp(entry->secret_file, secret_file) == 0) {
            return entry->seal;
        }
    }
    if (seals->all.count >= KEY_SEALS_MAX) {
        fault_set(fault, FAULT_LIMIT, "more than %d different key-secret-files", KEY_SEALS_MAX);
        return NULL;
    }
    char path[PATH_MAX];
    bool made = false;
    snprintf(path, sizeof path, "%s/key-secret", seals->state_directory);
    struct key_seal_options options = {.secret_file = secret_file,
                                       .credentials_directory = getenv("CREDENTIALS_DIRECTORY"),
                                       .default_file = path,
                                       .may_make = !has_keys(seals)};
    struct seal_entry entry = {0};
    if (!key_seal_open(&options, &entry.seal, &made, fault)) {
        return NULL;
    }
    if (made) {
        log_info("made the secret that opens sealed keys; back it up apart from the keys", "file",
                 path);
    }
    entry.secret_file = memory_text(secret_file);
    vector_add(&seals->all, &entry);
    return entry.seal;
}
