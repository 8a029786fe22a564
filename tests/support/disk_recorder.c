#include "tests/support/disk_recorder.h"

#include "common/base/arena.h"
#include "common/base/vector.h"
#include "common/zone/store_io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTOR       512
#define NAME_MAX_    64
#define OPEN_MAX_    64
#define DIRECTORY_ID (-1)

enum call_kind {
    CALL_CREATE,
    CALL_WRITE,
    CALL_RENAME,
    CALL_UNLINK,
    CALL_SYNC,
    CALL_SYNC_DIRECTORY
};

struct call {
    enum call_kind kind;
    int file; // id of the file that is written or synced, or that the entry then names
    char name[NAME_MAX_], from[NAME_MAX_];
    uint64_t offset;
    uint8_t *octets;
    size_t length;
};

static struct {
    struct vector calls;
    int open_file[1024]; // descriptor -> id of file
    struct vector names; // struct name_now: what the directory says while recording
    int next_file;
    struct store_io io;
} disk;

struct name_now {
    char name[NAME_MAX_];
    int file;
};

// ---- the directory as a list of names ----

static struct name_now *
name_find(const struct vector *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++) {
        struct name_now *now = vector_at(names, i);
        if (strcmp(now->name, name) == 0)
            return now;
    }
    return NULL;
}

static void
name_set(struct vector *names, const char *name, int file)
{
    struct name_now *now = name_find(names, name);
    if (!now)
        now = vector_add(names, NULL);
    snprintf(now->name, sizeof now->name, "%s", name);
    now->file = file;
}

static void
name_remove(struct vector *names, const char *name)
{
    struct name_now *now = name_find(names, name);
    if (!now)
        return;
    *now = *(struct name_now *)vector_at(names, names->count - 1);
    names->count--;
}

// ---- recording ----

static struct call *
call_add(enum call_kind kind, int file)
{
    struct call *call = vector_add(&disk.calls, NULL);
    call->kind = kind;
    call->file = file;
    return call;
}

static int
record_open(int directory, const char *name, int flags, mode_t mode)
{
    int descriptor = openat(directory, name, flags | O_CLOEXEC, mode);
    if (descriptor < 0)
        return descriptor;
    if (descriptor >= 1024)
        abort();
    struct name_now *now = name_find(&disk.names, name);
    if (!now || ((flags & O_TRUNC) != 0 && (flags & O_CREAT) != 0)) {
        if (!(flags & O_CREAT))
            abort(); // it was there before the recording
        struct call *call = call_add(CALL_CREATE, disk.next_file);
        snprintf(call->name, sizeof call->name, "%s", name);
        name_set(&disk.names, name, disk.next_file++);
        now = name_find(&disk.names, name);
    }
    disk.open_file[descriptor] = now->file;
    return descriptor;
}

static ssize_t
record_pwrite(int file, const void *octets, size_t length, off_t offset)
{
    ssize_t written = pwrite(file, octets, length, offset);
    if (written > 0) {
        struct call *call = call_add(CALL_WRITE, disk.open_file[file]);
        call->offset = (uint64_t)offset;
        call->length = (size_t)written;
        call->octets = memory_alloc((size_t)written);
        memcpy(call->octets, octets, (size_t)written);
    }
    return written;
}

static int
record_sync(int file)
{
    struct stat status;
    if (fstat(file, &status) != 0)
        return -1;
    if (S_ISDIR(status.st_mode))
        call_add(CALL_SYNC_DIRECTORY, DIRECTORY_ID);
    else
        call_add(CALL_SYNC, disk.open_file[file]);
    return 0;
}

static int
record_rename(int directory, const char *from, const char *to)
{
    if (renameat(directory, from, directory, to) != 0)
        return -1;
    int file = name_find(&disk.names, from)->file;
    struct call *call = call_add(CALL_RENAME, file);
    snprintf(call->name, sizeof call->name, "%s", to);
    snprintf(call->from, sizeof call->from, "%s", from);
    name_remove(&disk.names, from);
    name_set(&disk.names, to, file);
    return 0;
}

static int
record_unlink(int directory, const char *name)
{
    if (unlinkat(directory, name, 0) != 0)
        return -1;
    struct call *call = call_add(CALL_UNLINK, DIRECTORY_ID);
    snprintf(call->name, sizeof call->name, "%s", name);
    name_remove(&disk.names, name);
    return 0;
}

void
disk_record_start(void)
{
    vector_init(&disk.calls, sizeof(struct call));
    vector_init(&disk.names, sizeof(struct name_now));
    disk.next_file = 0;
    store_io_set(NULL);
    disk.io = *store_io();
    disk.io.open = record_open;
    disk.io.pwrite = record_pwrite;
    disk.io.fsync = disk.io.fdatasync = record_sync;
    disk.io.rename = record_rename;
    disk.io.unlink = record_unlink;
    store_io_set(&disk.io);
}

void
disk_record_stop(void)
{
    store_io_set(NULL);
}

void
disk_record_forget(void)
{
    for (size_t i = 0; i < disk.calls.count; i++)
        free(((struct call *)vector_at(&disk.calls, i))->octets);
    vector_close(&disk.calls);
    vector_close(&disk.names);
}

size_t
disk_record_calls(void)
{
    return disk.calls.count;
}

// ---- what a crash leaves ----

static const struct call *
call_at(size_t place)
{
    return vector_at(&disk.calls, place);
}

// True where a later call among the issued ones makes this one safe.
static bool
call_is_synced(size_t place, size_t issued)
{
    const struct call *call = call_at(place);
    for (size_t i = place + 1; i < issued; i++) {
        const struct call *sync = call_at(i);
        if (call->kind == CALL_WRITE ? sync->kind == CALL_SYNC && sync->file == call->file
                                     : sync->kind == CALL_SYNC_DIRECTORY)
            return true;
    }
    return false;
}

static bool
call_changes(const struct call *call)
{
    return call->kind != CALL_SYNC && call->kind != CALL_SYNC_DIRECTORY;
}

struct disk_state
disk_state_at(size_t issued)
{
    struct disk_state state = {.issued = issued};
    for (size_t i = 0; i < issued; i++)
        state.pending += call_changes(call_at(i)) && !call_is_synced(i, issued);
    return state;
}

struct file_now {
    uint8_t *octets;
    size_t length;
};

static void
octets_apply(struct file_now *file, uint64_t offset, const uint8_t *octets, size_t length)
{
    size_t end = (size_t)offset + length;
    if (end > file->length) {
        file->octets = memory_realloc(file->octets, end);
        memset(file->octets + file->length, 0, end - file->length);
        file->length = end;
    }
    memcpy(file->octets + offset, octets, length);
}

// Sector by sector: there, zero, rubbish, or not reached (which only shows at the end of the file).
static void
torn_apply(struct file_now *file, const struct call *call, struct random *random)
{
    uint8_t rubbish[SECTOR];
    for (size_t done = 0; done < call->length;) {
        uint64_t at = call->offset + done;
        size_t length = SECTOR - (size_t)(at % SECTOR);
        if (length > call->length - done)
            length = call->length - done;
        uint32_t fate = random_below(random, 5);
        for (size_t i = 0; i < length; i++)
            rubbish[i] = fate == 1 ? (uint8_t)random_below(random, 256) : 0;
        if (fate <= 1)
            octets_apply(file, at, rubbish, length);
        else if (fate <= 3)
            octets_apply(file, at, call->octets + done, length);
        done += length;
    }
}

static void
entry_apply(struct vector *names, const struct call *call)
{
    if (call->kind == CALL_UNLINK)
        name_remove(names, call->name);
    if (call->kind == CALL_RENAME)
        name_remove(names, call->from);
    if (call->kind == CALL_RENAME || call->kind == CALL_CREATE)
        name_set(names, call->name, call->file);
}

static void
file_write(const char *directory, const char *name, const struct file_now *file)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (descriptor < 0)
        abort();
    if (file->length && write(descriptor, file->octets, file->length) != (ssize_t)file->length)
        abort();
    close(descriptor);
}

enum fate { FATE_LOST, FATE_KEPT, FATE_TORN };
typedef enum fate fate_choose(size_t pending, void *context);

static void
state_make(const struct disk_state *state, fate_choose *choose, void *context,
           struct random *random, const char *directory)
{
    struct file_now *files = memory_zalloc((size_t)(disk.next_file + 1) * sizeof *files);
    struct vector names;
    size_t pending = 0;
    vector_init(&names, sizeof(struct name_now));
    for (size_t i = 0; i < state->issued; i++) {
        const struct call *call = call_at(i);
        if (!call_changes(call))
            continue;
        enum fate fate = call_is_synced(i, state->issued) ? FATE_KEPT : choose(pending++, context);
        if (call->kind == CALL_WRITE && fate == FATE_KEPT)
            octets_apply(files + call->file, call->offset, call->octets, call->length);
        else if (call->kind == CALL_WRITE && fate == FATE_TORN)
            torn_apply(files + call->file, call, random);
        else if (call->kind != CALL_WRITE && fate != FATE_LOST)
            entry_apply(&names, call);
    }
    for (size_t i = 0; i < names.count; i++) {
        const struct name_now *now = vector_at(&names, i);
        file_write(directory, now->name, files + now->file);
    }
    for (int i = 0; i < disk.next_file; i++)
        free(files[i].octets);
    free(files);
    vector_close(&names);
}

static enum fate
choose_by_bits(size_t pending, void *context)
{
    const uint64_t *bits = context;
    return pending < 64 && (*bits >> pending & 1) ? FATE_KEPT : FATE_LOST;
}

static enum fate
choose_prefix(size_t pending, void *context)
{
    const size_t *prefix = context;
    return pending < *prefix ? FATE_KEPT : FATE_LOST;
}

static enum fate
choose_at_random(size_t pending, void *context)
{
    (void)pending;
    return (enum fate)random_below(context, 3);
}

void
disk_state_make(const struct disk_state *state, uint64_t kept, const char *directory)
{
    state_make(state, choose_by_bits, &kept, NULL, directory);
}

void
disk_state_make_prefix(const struct disk_state *state, size_t prefix, const char *directory)
{
    state_make(state, choose_prefix, &prefix, NULL, directory);
}

void
disk_state_make_torn(const struct disk_state *state, struct random *random, const char *directory)
{
    state_make(state, choose_at_random, random, random, directory);
}
