// One line, one write(2): lines of several processes and threads on one stderr never mix (a pipe
// takes up to PIPE_BUF whole, journald's socket takes any). Nothing is buffered, so nothing is lost
// in a crash. A stderr that takes nothing loses lines rather than stop the daemon.
#include "common/daemon/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/quantity.h"
#include "common/daemon/clock.h"
#include "common/daemon/log_line.h"

static char log_role[LOG_ROLE_MAX] = "tandem";
static atomic_int log_threshold = LOG_LEVEL_INFO;
static atomic_int log_shape = LOG_FORMAT_TEXT;
static atomic_bool log_to_journald;

// A message that repeats.
struct limited {
    char key[LOG_LIMIT_KEY_MAX]; // "" = free
    uint64_t printed_ms;
    uint64_t seen_ms;
    unsigned long left_out;
};
static struct limited limited_keys[LOG_LIMIT_KEYS_MAX];
static pthread_mutex_t limited_lock = PTHREAD_MUTEX_INITIALIZER;

// JOURNAL_STREAM is inherited by processes whose stderr is something else by now; only the same
// device and inode count (systemd.exec(5)).
static bool
stderr_is_journald(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long device;
    unsigned long long inode;
    struct stat status;
    if (!stream || sscanf(stream, "%llu:%llu", &device, &inode) != 2)
        return false;
    return fstat(STDERR_FILENO, &status) == 0 && status.st_dev == device && status.st_ino == inode;
}

void
log_open(const char *role, enum log_level level, enum log_format format)
{
    if (strcmp(role, log_role) != 0)
        snprintf(log_role, sizeof(log_role), "%s", role);
    atomic_store(&log_threshold, (int)level);
    atomic_store(&log_shape, (int)format);
    atomic_store(&log_to_journald, stderr_is_journald());
}

bool
log_is_on(enum log_level level)
{
    return (int)level <= atomic_load_explicit(&log_threshold, memory_order_relaxed);
}

const char *
log_number_text(char text[static 24], int64_t value)
{
    snprintf(text, 24, "%lld", (long long)value);
    return text;
}

// "2026-11-21T18:42:07.113Z"
static const char *
now_text(char text[static QUANTITY_TEXT_MAX])
{
    int64_t now = clock_unix_ms();
    char seconds[QUANTITY_TEXT_MAX];
    quantity_time_text(now / 1000, seconds);
    size_t length = strcspn(seconds, "Z");
    snprintf(text, QUANTITY_TEXT_MAX, "%.*s.%03dZ", (int)length, seconds, (int)(now % 1000));
    return text;
}

static void
write_line(const struct log_line *line)
{
    ssize_t written;
    do
        written = write(STDERR_FILENO, line->text, line->length);
    while (written < 0 && errno == EINTR);
}

static void
write_pairs(enum log_level level, unsigned long more, const char *sentence, va_list pairs)
{
    struct log_line line;
    char time[QUANTITY_TEXT_MAX];
    int saved = errno;
    enum log_format format = (enum log_format)atomic_load(&log_shape);
    log_line_begin(&line, format, level, atomic_load(&log_to_journald) ? NULL : now_text(time),
                   log_role);
    log_line_sentence(&line, sentence, more);
    for (int i = 0; i < LOG_PAIRS_MAX; i++) {
        const char *key = va_arg(pairs, const char *);
        if (!key)
            break;
        const char *value = va_arg(pairs, const char *);
        log_line_pair(&line, key, value ? value : "-");
    }
    log_line_end(&line);
    write_line(&line);
    errno = saved;
}

void
log_write(enum log_level level, const char *sentence, ...)
{
    va_list pairs;
    va_start(pairs, sentence);
    write_pairs(level, 0, sentence, pairs);
    va_end(pairs);
}

// The key's place, or that of the free or longest unseen one, made the key's.
static struct limited *
limited_place(const char *key)
{
    struct limited *oldest = &limited_keys[0];
    for (size_t i = 0; i < LOG_LIMIT_KEYS_MAX; i++) {
        struct limited *entry = &limited_keys[i];
        if (strncmp(entry->key, key, sizeof(entry->key) - 1) == 0)
            return entry;
        if (entry->seen_ms < oldest->seen_ms)
            oldest = entry;
    }
    memset(oldest, 0, sizeof(*oldest));
    snprintf(oldest->key, sizeof(oldest->key), "%s", key);
    return oldest;
}

// True when the line may go; then *ret_more of its like were left out before it.
static bool
limited_pass(const char *key, uint64_t interval_ms, unsigned long *ret_more)
{
    uint64_t now = clock_monotonic_ms();
    pthread_mutex_lock(&limited_lock);
    struct limited *entry = limited_place(key);
    bool pass = entry->printed_ms == 0 || now - entry->printed_ms >= interval_ms;
    entry->seen_ms = now;
    if (pass) {
        *ret_more = entry->left_out;
        entry->left_out = 0;
        entry->printed_ms = now ? now : 1;
    } else {
        entry->left_out++;
    }
    pthread_mutex_unlock(&limited_lock);
    return pass;
}

void
log_write_limited(enum log_level level, const char *key, unsigned interval_seconds,
                  const char *sentence, ...)
{
    unsigned long more;
    va_list pairs;
    if (!limited_pass(key[0] ? key : "-", (uint64_t)interval_seconds * 1000, &more))
        return;
    va_start(pairs, sentence);
    write_pairs(level, more, sentence, pairs);
    va_end(pairs);
}
