#include "primary/alias/saver.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "common/base/arena.h"
#include "primary/alias/state_file.h"

struct saver {
    struct saver_options options;
    char *path;
    struct loop_timer *timer;
    uint64_t saved_changes; // in the file
    uint64_t saved_ms;      // 0: never
    struct saving *saving;  // under way
    enum fault_kind trouble;
};

enum saving_state { SAVING_QUEUED, SAVING_WRITES, SAVING_ENDED };
struct saving {
    struct saver *saver; // NULL: it is gone
    _Atomic int state;   // enum saving_state; the worker's but for the end of the saver
    char *path;
    struct octets_buffer buffer;
    uint64_t changes;
    bool good;
    struct fault fault;
};

static void
told(struct saver *saver, const struct fault *fault)
{
    bool same = fault && fault->kind == saver->trouble;
    saver->trouble = fault ? fault->kind : FAULT_NONE;
    if (fault && !same)
        saver->options.failed(saver->options.context, fault);
}

static uint64_t
changes_of(const struct saver *saver)
{
    return saver->options.changes(saver->options.context);
}

static void
saving_work(void *context)
{
    struct saving *saving = context;
    int queued = SAVING_QUEUED;
    if (!atomic_compare_exchange_strong(&saving->state, &queued, SAVING_WRITES))
        return; // the saver ended before, and wrote itself
    saving->good =
        state_file_write(saving->path, saving->buffer.data, saving->buffer.length, &saving->fault);
    atomic_store(&saving->state, SAVING_ENDED);
}

static void
saving_free(struct saving *saving)
{
    octets_buffer_close(&saving->buffer);
    free(saving->path);
    free(saving);
}

static void
saving_done(void *context, bool cancelled)
{
    struct saving *saving = context;
    struct saver *saver = saving->saver;
    if (saver) {
        saver->saving = NULL;
        if (saving->good)
            saver->saved_changes = saving->changes;
        told(saver, saving->good || cancelled ? NULL : &saving->fault);
        saver_look(saver);
    }
    saving_free(saving);
}

static struct saving *
saving_new(struct saver *saver)
{
    struct saving *saving = memory_zalloc(sizeof *saving);
    saving->saver = saver;
    saving->path = memory_text(saver->path);
    saving->changes = changes_of(saver);
    octets_buffer_init(&saving->buffer);
    saver->options.write(saver->options.context, &saving->buffer);
    return saving;
}

static void
on_timer(void *context)
{
    struct saver *saver = context;
    if (saver->saving || changes_of(saver) == saver->saved_changes)
        return;
    saver->saving = saving_new(saver);
    saver->saved_ms = loop_now_ms(saver->options.loop);
    loop_work(saver->options.loop, saving_work, saving_done, saver->saving);
}

void
saver_look(struct saver *saver)
{
    uint64_t now = loop_now_ms(saver->options.loop), wait = saver->options.delay_ms;
    if (saver->saving || loop_timer_is_running(saver->timer) ||
        changes_of(saver) == saver->saved_changes)
        return;
    uint64_t next = saver->saved_ms + saver->options.interval_ms;
    if (saver->saved_ms && now + wait < next)
        wait = next - now;
    loop_timer_start(saver->timer, wait, 0);
}

// The worker must not write the same file beside us: it is told not to begin, or waited for.
static void
saving_end(struct saving *saving)
{
    int queued = SAVING_QUEUED;
    saving->saver = NULL;
    if (atomic_compare_exchange_strong(&saving->state, &queued, SAVING_ENDED))
        return;
    while (atomic_load(&saving->state) != SAVING_ENDED)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static void
save_last(struct saver *saver)
{
    if (saver->saving)
        saving_end(saver->saving);
    if (changes_of(saver) == saver->saved_changes)
        return;
    struct saving *saving = saving_new(saver);
    saving_work(saving);
    if (!saving->good)
        told(saver, &saving->fault);
    saving_free(saving);
}

struct saver *
saver_new(const struct saver_options *options)
{
    struct saver *saver = memory_zalloc(sizeof *saver);
    saver->options = *options;
    saver->path = memory_text(options->path);
    saver->timer = loop_timer_new(options->loop, on_timer, saver);
    return saver;
}

void
saver_restore(struct saver *saver,
              bool (*restore)(void *context, const void *octets, size_t length),
              const char *consequence)
{
    struct octets_buffer buffer;
    struct fault fault;
    if (!state_file_read(saver->path, &buffer, &fault)) {
        if (fault.kind != FAULT_NOT_FOUND)
            told(saver, &fault);
        return;
    }
    if (!restore(saver->options.context, buffer.data, buffer.length)) {
        state_file_set_aside(saver->path);
        fault_set(&fault, FAULT_CORRUPT, "%s: damaged, so it was set aside as .damaged; %s",
                  saver->path, consequence);
        told(saver, &fault);
    }
    octets_buffer_close(&buffer);
}

void
saver_free(struct saver **saver)
{
    struct saver *old = *saver;
    *saver = NULL;
    if (!old)
        return;
    save_last(old);
    loop_timer_free(&old->timer);
    free(old->path);
    free(old);
}
