#include "secondary/signer/history.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/base/octets.h"
#include "secondary/signer/zone_directory.h"

#define HISTORY_FILE    "history"
#define LINE_MAX_OCTETS 512

struct history {
    const char *directory;
    struct history_step *steps; // in order of time; HISTORY_KEPT at most
    size_t count, room, refreshes;
    size_t lines; // of the file
    bool unsaved; // it lacks a step: written anew with the next one
};

static bool
is_refresh(const struct history_step *step)
{
    return strcmp(step->cause, HISTORY_REFRESH) == 0;
}

// Which step a new one puts out: a large zone is refreshed every quarter of an hour, and that must
// not put out in two days what was changed by people.
static size_t
step_to_drop(const struct history *history)
{
    size_t i = 0;
    if (history->refreshes < HISTORY_REFRESHES_KEPT)
        return 0;
    while (!is_refresh(&history->steps[i]))
        i++;
    return i;
}

static void
keep(struct history *history, const struct history_step *step)
{
    bool full = history->count == HISTORY_KEPT ||
                (is_refresh(step) && history->refreshes == HISTORY_REFRESHES_KEPT);
    if (full) {
        size_t at = step_to_drop(history);
        history->refreshes -= is_refresh(&history->steps[at]);
        history->count--;
        memmove(&history->steps[at], &history->steps[at + 1],
                (history->count - at) * sizeof history->steps[0]);
    }
    if (history->count == history->room) { // ten thousand zones with one step each are the rule
        history->room = history->room == 0 ? 1 : history->room * 2;
        history->steps = memory_realloc(history->steps, history->room * sizeof history->steps[0]);
    }
    history->steps[history->count++] = *step;
    history->refreshes += is_refresh(step);
}

static bool
read_line(const char *line, struct history_step *step)
{
    int at = 0;
    *step = (struct history_step){0};
    int fields = sscanf(line,
                        "%" SCNd64 " %" SCNu32 " %" SCNu32 " %15s %" SCNu32 " %" SCNu32 " %" SCNu32
                        " %" SCNu32 " %" SCNd64 " %n",
                        &step->at_seconds, &step->unsigned_serial, &step->signed_serial,
                        step->cause, &step->added, &step->removed, &step->signatures_new,
                        &step->signatures_kept, &step->duration_ms, &at);
    if (fields != 9) {
        return false;
    }
    snprintf(step->why, sizeof step->why, "%.*s", (int)strcspn(line + at, "\n"), line + at);
    return true;
}

static void
write_line(const struct history_step *step, struct octets_buffer *text)
{
    octets_buffer_printf(text,
                         "%" PRId64 " %" PRIu32 " %" PRIu32 " %s %" PRIu32 " %" PRIu32 " %" PRIu32
                         " %" PRIu32 " %" PRId64 " %s\n",
                         step->at_seconds, step->unsigned_serial, step->signed_serial, step->cause,
                         step->added, step->removed, step->signatures_new, step->signatures_kept,
                         step->duration_ms, step->why);
}

struct history *
history_new(const char *directory)
{
    struct history *history = memory_zalloc(sizeof *history);
    history->directory = directory;
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/" HISTORY_FILE, directory);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return history;
    }
    char line[LINE_MAX_OCTETS] = "";
    while (fgets(line, sizeof line, file) != NULL) {
        struct history_step step;
        history->lines++;
        if (read_line(line, &step)) { // a line torn by a crash is left out
            keep(history, &step);
        }
    }
    fclose(file);
    // What comes next must not grow onto a torn line: the file is written anew then.
    if (line[0] != '\0' && strchr(line, '\n') == NULL) {
        history->lines = HISTORY_FILE_MAX;
    }
    return history;
}

void
history_free(struct history **history)
{
    if (*history != NULL) {
        free((*history)->steps);
        free(*history);
        *history = NULL;
    }
}

size_t
history_count(const struct history *history)
{
    return history->count;
}

const struct history_step *
history_at(const struct history *history, size_t index)
{
    ENSURE(index < history->count);
    return &history->steps[history->count - 1 - index];
}

static bool
write_all(struct history *history, struct fault *fault)
{
    struct octets_buffer text;
    octets_buffer_init(&text);
    for (size_t i = history->count; i-- > 0;) {
        write_line(history_at(history, i), &text);
    }
    bool good =
        zone_directory_write(history->directory, HISTORY_FILE, text.data, text.length, fault);
    octets_buffer_close(&text);
    history->lines = good ? history->count : history->lines;
    return good;
}

static bool
append(struct history *history, const struct history_step *step, struct fault *fault)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/" HISTORY_FILE, history->directory);
    FILE *file = fopen(path, "ae");
    if (file == NULL) {
        return fault_set_errno(fault, errno, "cannot write %s", path);
    }
    struct octets_buffer text;
    octets_buffer_init(&text);
    write_line(step, &text);
    bool good = fwrite(text.data, 1, text.length, file) == text.length;
    good = fclose(file) == 0 && good;
    octets_buffer_close(&text);
    history->lines++;
    return good || fault_set_errno(fault, errno, "cannot write %s", path);
}

bool
history_add(struct history *history, const struct history_step *step, struct fault *fault)
{
    struct history_step clean = *step;
    for (char *at = clean.why; *at != '\0'; at++) {
        if (*at == '\n' || *at == '\r') {
            *at = ' ';
        }
    }
    keep(history, &clean);
    bool whole = history->unsaved || history->lines >= HISTORY_FILE_MAX;
    history->unsaved = whole ? !write_all(history, fault) : !append(history, &clean, fault);
    return !history->unsaved;
}

bool
history_is_saved(const struct history *history)
{
    return !history->unsaved;
}
