// Two files: the stream of the candidate, named by its digest, and `entry`, which says which of
// them is held and why. The stream is written and synced first, then the entry takes its place by
// rename: a crash leaves the former entry with its stream, or the new one with its own. Streams
// that no entry names are removed at the next opening.
#include "secondary/signer/gate/quarantine.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/arena.h"
#include "common/base/descriptor.h"

#define ENTRY_FILE    "entry"
#define STREAM_PREFIX "stream."
#define ENTRY_MAGIC   0x54514e31U // "TQN1"; another layout gets another number
#define COPY_OCTETS   65536

struct stored_entry { // as it stands on disk
    uint32_t magic;
    uint32_t crc; // of what follows
    struct quarantine_entry entry;
};

struct quarantine {
    char *directory;
    struct quarantine_entry *entry; // NULL: nothing is held
};

static void
keep_entry(struct quarantine *quarantine, const struct quarantine_entry *entry)
{
    if (quarantine->entry == NULL) {
        quarantine->entry = memory_alloc(sizeof *quarantine->entry);
    }
    *quarantine->entry = *entry;
}

static void
drop_entry(struct quarantine *quarantine)
{
    free(quarantine->entry);
    quarantine->entry = NULL;
}

static void
digest_text(const struct hash_digest *digest, char text[static 2 * HASH_DIGEST_SIZE + 1])
{
    hash_digest_text(digest, HASH_DIGEST_SIZE, text);
}

static bool
path_of(const struct quarantine *quarantine, const char *name, char path[static PATH_MAX])
{
    int length = snprintf(path, PATH_MAX, "%s/%s", quarantine->directory, name);
    return length > 0 && length < PATH_MAX;
}

static void
stream_name(const struct hash_digest *digest, char name[static 96])
{
    char text[2 * HASH_DIGEST_SIZE + 1];
    digest_text(digest, text);
    snprintf(name, 96, STREAM_PREFIX "%s", text);
}

static void
load_entry(struct quarantine *quarantine)
{
    char path[PATH_MAX], name[96];
    struct stored_entry stored;
    if (!path_of(quarantine, ENTRY_FILE, path)) {
        return;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return;
    }
    bool whole = read(fd, &stored, sizeof stored) == (ssize_t)sizeof stored &&
                 stored.magic == ENTRY_MAGIC &&
                 stored.crc == hash_crc32c(0, &stored.entry, sizeof stored.entry);
    close(fd);
    if (!whole) {
        return;
    }
    stored.entry.reason[sizeof stored.entry.reason - 1] = '\0';
    stored.entry.sentence[sizeof stored.entry.sentence - 1] = '\0';
    stream_name(&stored.entry.digest, name);
    if (path_of(quarantine, name, path) && access(path, R_OK) == 0) {
        keep_entry(quarantine, &stored.entry);
    }
}

// Streams of candidates that are held no more.
static void
remove_others(const struct quarantine *quarantine)
{
    char kept[96] = "", path[PATH_MAX];
    if (quarantine->entry != NULL) {
        stream_name(&quarantine->entry->digest, kept);
    }
    DIR *directory = opendir(quarantine->directory);
    struct dirent *file;
    while (directory != NULL && (file = readdir(directory)) != NULL) {
        bool stream = strncmp(file->d_name, STREAM_PREFIX, sizeof STREAM_PREFIX - 1) == 0;
        bool rest = file->d_name[0] == '.' && strncmp(file->d_name, ".new.", 5) == 0;
        if ((rest || (stream && strcmp(file->d_name, kept) != 0)) &&
            path_of(quarantine, file->d_name, path)) {
            unlink(path);
        }
    }
    if (directory != NULL) {
        closedir(directory);
    }
}

bool
quarantine_open(const char *directory, struct quarantine **ret_quarantine, struct fault *fault)
{
    if (mkdir(directory, 0700) != 0 && errno != EEXIST) {
        return fault_set_errno(fault, errno, "cannot make the directory %s", directory);
    }
    struct quarantine *quarantine = memory_zalloc(sizeof *quarantine);
    quarantine->directory = memory_text(directory);
    load_entry(quarantine);
    remove_others(quarantine);
    *ret_quarantine = quarantine;
    return true;
}

void
quarantine_close(struct quarantine **quarantine)
{
    if (*quarantine != NULL) {
        drop_entry(*quarantine);
        free((*quarantine)->directory);
        free(*quarantine);
        *quarantine = NULL;
    }
}

const struct quarantine_entry *
quarantine_current(const struct quarantine *quarantine)
{
    return quarantine->entry;
}

static bool
same_digest(const struct hash_digest *a, const struct hash_digest *b)
{
    return memcmp(a->octets, b->octets, HASH_DIGEST_SIZE) == 0;
}

enum quarantine_advice
quarantine_ask(const struct quarantine *quarantine, const struct hash_digest *digest,
               uint64_t served_sequence)
{
    bool known = quarantine->entry != NULL && same_digest(&quarantine->entry->digest, digest) &&
                 quarantine->entry->against_sequence == served_sequence;
    return known ? QUARANTINE_KNOWN : QUARANTINE_JUDGE;
}

// Writes what fill gives under a temporary name, syncs, renames.
static bool
write_file(const struct quarantine *quarantine, const char *name, int from, const void *data,
           size_t length, struct fault *fault)
{
    char path[PATH_MAX], temporary[PATH_MAX], hidden[128];
    snprintf(hidden, sizeof hidden, ".new.%s", name);
    if (!path_of(quarantine, name, path) || !path_of(quarantine, hidden, temporary)) {
        return fault_set(fault, FAULT_LIMIT, "the path of the quarantine is too long");
    }
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool good = fd >= 0;
    if (good && data != NULL) {
        good = descriptor_write(fd, data, length);
    }
    uint8_t block[COPY_OCTETS];
    for (uint64_t at = 0; good && data == NULL && at < length;) {
        ssize_t got = pread(from, block, sizeof block, (off_t)at);
        good = got > 0 && descriptor_write(fd, block, (size_t)got);
        at += got > 0 ? (uint64_t)got : 0;
    }
    good = good && fsync(fd) == 0;
    int error = errno;
    if (fd >= 0) {
        close(fd);
    }
    if (!good || rename(temporary, path) != 0) {
        error = good ? errno : error;
        unlink(temporary);
        return fault_set_errno(fault, error, "cannot write %s", path);
    }
    return true;
}

bool
quarantine_put(struct quarantine *quarantine, const struct quarantine_entry *entry, int stream,
               uint64_t length, bool *ret_new, struct fault *fault)
{
    char name[96];
    struct stored_entry stored;
    memset(&stored, 0, sizeof stored); // its padding stands in the checksum
    stored.magic = ENTRY_MAGIC;
    memcpy(&stored.entry, entry, sizeof *entry);
    bool same =
        quarantine->entry != NULL && same_digest(&quarantine->entry->digest, &entry->digest);
    if (same) {
        stored.entry.since_seconds = quarantine->entry->since_seconds;
    }
    stored.crc = hash_crc32c(0, &stored.entry, sizeof stored.entry);
    stream_name(&entry->digest, name);
    if ((!same && !write_file(quarantine, name, stream, NULL, length, fault)) ||
        !write_file(quarantine, ENTRY_FILE, -1, &stored, sizeof stored, fault)) {
        return false;
    }
    if (!descriptor_sync_folder(quarantine->directory)) {
        return fault_set_errno(fault, errno, "cannot sync %s", quarantine->directory);
    }
    keep_entry(quarantine, &stored.entry);
    *ret_new = !same;
    remove_others(quarantine);
    return true;
}

bool
quarantine_stream(const struct quarantine *quarantine, int *ret_stream, struct fault *fault)
{
    char path[PATH_MAX], name[96];
    if (quarantine->entry == NULL) {
        return fault_set(fault, FAULT_NOT_FOUND, "nothing is held");
    }
    stream_name(&quarantine->entry->digest, name);
    path_of(quarantine, name, path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return fault_set_errno(fault, errno, "cannot open the held candidate %s", path);
    }
    *ret_stream = fd;
    return true;
}

bool
quarantine_accept(const struct quarantine *quarantine, const char *text, int *ret_stream,
                  struct fault *fault)
{
    char held[2 * HASH_DIGEST_SIZE + 1], shown[2 * HASH_DIGEST_SIZE + 1];
    size_t length = strlen(text);
    if (quarantine->entry == NULL) {
        return fault_set(fault, FAULT_NOT_FOUND, "nothing is held");
    }
    digest_text(&quarantine->entry->digest, held);
    hash_digest_text(&quarantine->entry->digest, QUARANTINE_DIGEST_SHOWN, shown);
    if (length < 2 * QUARANTINE_DIGEST_LEAST) {
        return fault_set(fault, FAULT_SYNTAX, "\"%s\": a digest has at least %d digits; held is %s",
                         text, 2 * QUARANTINE_DIGEST_LEAST, shown);
    }
    if (length > strlen(held) || strncasecmp(held, text, length) != 0) {
        return fault_set(fault, FAULT_NOT_FOUND,
                         "%.80s is not what is held; that is %s (look at it first: the candidate "
                         "may have changed)",
                         text, shown);
    }
    return quarantine_stream(quarantine, ret_stream, fault);
}

bool
quarantine_clear(struct quarantine *quarantine, bool *ret_was, struct fault *fault)
{
    char path[PATH_MAX];
    *ret_was = quarantine->entry != NULL;
    if (quarantine->entry == NULL) {
        return true;
    }
    drop_entry(quarantine);
    path_of(quarantine, ENTRY_FILE, path);
    if (unlink(path) != 0 && errno != ENOENT) {
        return fault_set_errno(fault, errno, "cannot remove %s", path);
    }
    remove_others(quarantine);
    if (!descriptor_sync_folder(quarantine->directory)) {
        return fault_set_errno(fault, errno, "cannot sync %s", quarantine->directory);
    }
    return true;
}
