#include "common/zone/zonefile_text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/arena.h"
#include "common/zone/zonefile_read.h"

// Fills the window up to its capacity or the file's end as it was when it was opened.
static bool
window_fill(struct zonefile_text *text, const char *path, struct fault *fault)
{
    while (text->left > 0 && text->length < text->capacity) {
        size_t room = text->capacity - text->length;
        size_t wanted = text->left < room ? (size_t)text->left : room;
        ssize_t got = read(text->descriptor, text->text + text->length, wanted);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fault_set_errno(fault, errno, "cannot read '%s'", path);
        if (got == 0)
            return fault_set(fault, FAULT_IO,
                             "'%s' became shorter while it was read: write a new file and rename "
                             "it into place",
                             path);
        if (text->digest)
            hash_digest_add(text->digest, text->text + text->length, (size_t)got);
        text->length += (size_t)got;
        text->left -= (uint64_t)got;
    }
    return true;
}

static bool
stat_check(const struct stat *stat, const char *path, struct fault *fault)
{
    if (S_ISDIR(stat->st_mode))
        return fault_set(fault, FAULT_IO, "'%s' is a directory: a zone file is expected", path);
    if (!S_ISREG(stat->st_mode))
        return fault_set(fault, FAULT_IO, "'%s' is not a regular file", path);
    if ((uint64_t)stat->st_size > ZONEFILE_SIZE_MAX)
        return fault_set(fault, FAULT_LIMIT, "'%s' is over %llu octets", path, ZONEFILE_SIZE_MAX);
    return true;
}

static bool
text_start(struct zonefile_text *text, const char *path, struct fault *fault)
{
    if (fstat(text->descriptor, &text->status) != 0)
        return fault_set_errno(fault, errno, "cannot stat '%s'", path);
    if (!stat_check(&text->status, path, fault))
        return false;
    text->left = (uint64_t)text->status.st_size;
    text->capacity = text->left < ZONEFILE_WINDOW_SIZE ? (size_t)text->left : ZONEFILE_WINDOW_SIZE;
    text->text = memory_alloc(text->capacity);
    return window_fill(text, path, fault);
}

static struct hash_digest_state *
digest_new(void)
{
    struct hash_digest_state *state =
        aligned_alloc(_Alignof(struct hash_digest_state), sizeof(struct hash_digest_state));
    ENSURE(state); // 384 octets
    hash_digest_init(state);
    return state;
}

// O_NONBLOCK: a FIFO must not hold up the worker for ever.
bool
zonefile_text_open(const char *path, bool digest_wanted, struct zonefile_text *ret_text,
                   struct fault *fault)
{
    struct zonefile_text text = {.descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    if (text.descriptor < 0 && errno == EACCES)
        return fault_set(
            fault, FAULT_IO,
            "cannot open '%s': Permission denied: let the user that the daemon runs as "
            "read it, and pass the directories above it",
            path);
    if (text.descriptor < 0)
        return fault_set_errno(fault, errno, "cannot open '%s'", path);
    text.digest = digest_wanted ? digest_new() : NULL;
    bool good = text_start(&text, path, fault);
    if (good)
        *ret_text = text;
    else
        zonefile_text_close(&text);
    return good;
}

bool
zonefile_text_more(struct zonefile_text *text, size_t from, const char *path, struct fault *fault)
{
    ENSURE(text->left > 0 && from <= text->length);
    if (from == 0) {
        text->capacity *= 2;
        text->text = memory_realloc(text->text, text->capacity);
    }
    text->length -= from;
    memmove(text->text, text->text + from, text->length);
    return window_fill(text, path, fault);
}

bool
zonefile_text_digest(struct zonefile_text *text, struct hash_digest *ret_digest)
{
    bool whole = text->digest && text->left == 0;
    if (whole)
        hash_digest_end(text->digest, ret_digest);
    free(text->digest);
    text->digest = NULL;
    return whole;
}

bool
zonefile_text_look(const char *path, struct stat *ret_status, struct hash_digest *ret_digest,
                   struct fault *fault)
{
    struct zonefile_text text;
    if (!zonefile_text_open(path, true, &text, fault))
        return false;
    bool good = true;
    while (good && text.left > 0)
        good = zonefile_text_more(&text, text.length, path, fault);
    *ret_status = text.status;
    good = good && zonefile_text_digest(&text, ret_digest);
    zonefile_text_close(&text);
    return good;
}

void
zonefile_text_close(struct zonefile_text *text)
{
    if (text->text || text->descriptor > 0)
        close(text->descriptor);
    free(text->text);
    free(text->digest);
    *text = (struct zonefile_text){0};
}
