#include "common/daemon/mail_queue.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/base/vector.h"
#include "common/daemon/log.h"
#include "common/daemon/mail_content.h"
#include "common/daemon/mail_file.h"
#include "common/daemon/mail_marks.h"

// The index holds what decides (zone, times, state); texts stay in the files and are read to be
// added to or sent. A mail whose file could not be written keeps its content in memory (`unsaved`)
// and is written at the next chance. Merging makes a new file before it removes the old ones: a
// crash in between sends something twice, never nothing.

struct entry {
    uint64_t number; // file name; order of creation
    char *zone;      // "" for the daemon itself or many zones
    char *once;      // of the newest event, NULL: none
    bool many;       // about several zones: nothing is added any more
    bool urgent;
    bool exposed; // a server may have it: the text stays as it is
    bool under_way;
    int64_t created_at, due_at;
    unsigned attempts;
    struct json_value *unsaved; // the content, when the disk refused it
};

struct mail_queue {
    char *folder, *host;
    struct mail_queue_rules rules; // own copies
    struct vector entries;         // of struct entry, by number
    struct mail_marks marks;       // not older than min_interval
    uint64_t last_number;
    unsigned failures; // in a row to reach any server
    int64_t server_try_at;
};

// ---- rules and memory

static void
rules_close(struct mail_queue_rules *rules)
{
    for (size_t i = 0; i < rules->to_count; i++)
        free((void *)(uintptr_t)rules->to[i]);
    free((void *)(uintptr_t)rules->to);
    free((void *)(uintptr_t)rules->from);
}

// A shorter min_interval is meant for what waits already, too: no mail waits for longer than one
// interval before its first try. What waits for the server to come back tries the new way.
static void
entries_hasten(struct mail_queue *queue)
{
    for (size_t i = 0; i < queue->entries.count; i++) {
        struct entry *entry = vector_at(&queue->entries, i);
        int64_t latest = entry->created_at + queue->rules.min_interval_seconds;
        bool waits_for_server = queue->server_try_at && entry->due_at == queue->server_try_at;
        if (waits_for_server || (entry->attempts == 0 && entry->due_at > latest))
            entry->due_at = latest;
    }
}

void
mail_queue_change(struct mail_queue *queue, const struct mail_queue_rules *rules)
{
    const char **to = memory_zalloc((rules->to_count + 1) * sizeof *to);
    for (size_t i = 0; i < rules->to_count; i++)
        to[i] = memory_text(rules->to[i]);
    rules_close(&queue->rules);
    queue->rules = *rules;
    queue->rules.from = memory_text(rules->from);
    queue->rules.to = to;
    entries_hasten(queue);
    queue->server_try_at = 0;
    queue->failures = 0;
}

static void
entry_close(struct entry *entry)
{
    free(entry->zone);
    free(entry->once);
    if (entry->unsaved)
        json_value_free(&entry->unsaved);
}

void
mail_queue_free(struct mail_queue **queue)
{
    if (!*queue)
        return;
    for (size_t i = 0; i < (*queue)->entries.count; i++)
        entry_close(vector_at(&(*queue)->entries, i));
    vector_close(&(*queue)->entries);
    mail_marks_close(&(*queue)->marks);
    rules_close(&(*queue)->rules);
    free((*queue)->folder);
    free((*queue)->host);
    free(*queue);
    *queue = NULL;
}

// ---- contents

static struct json_value *
mail_queue_content(const struct mail_queue *queue, const struct entry *entry, struct fault *fault)
{
    struct json_value *content = NULL;
    if (entry->unsaved)
        return json_value_copy(entry->unsaved);
    return mail_file_read(queue->folder, entry->number, &content, fault) ? content : NULL;
}

// Takes content over. False: it is kept in memory.
static bool
content_save(const struct mail_queue *queue, struct entry *entry, struct json_value **content,
             struct fault *fault)
{
    json_value_put_integer(*content, "due_at", entry->due_at);
    json_value_put_integer(*content, "attempts", entry->attempts);
    json_value_put_boolean(*content, "exposed", entry->exposed);
    json_value_put_boolean(*content, "urgent", entry->urgent);
    if (entry->unsaved)
        json_value_free(&entry->unsaved);
    if (mail_file_write(queue->folder, entry->number, *content, fault)) {
        json_value_free(content);
        return true;
    }
    entry->unsaved = *content;
    *content = NULL;
    return false;
}

// ---- entries

static struct entry *
entry_at(const struct mail_queue *queue, size_t index)
{
    return vector_at(&queue->entries, index);
}

static struct entry *
entry_find(const struct mail_queue *queue, uint64_t number)
{
    for (size_t i = 0; i < queue->entries.count; i++)
        if (entry_at(queue, i)->number == number)
            return entry_at(queue, i);
    return NULL;
}

static void
entry_drop(struct mail_queue *queue, struct entry *entry)
{
    struct entry *items = queue->entries.items;
    size_t index = (size_t)(entry - items);
    entry_close(entry);
    memmove(entry, entry + 1, (queue->entries.count - index - 1) * sizeof *entry);
    queue->entries.count--;
}

static void
entry_remove(struct mail_queue *queue, struct entry *entry)
{
    mail_file_remove(queue->folder, entry->number);
    entry_drop(queue, entry);
}

static struct entry *
entry_new(struct mail_queue *queue, const char *zone, int64_t now)
{
    uint64_t number = (uint64_t)(now > 0 ? now : 0) * 1000;
    queue->last_number = number > queue->last_number ? number : queue->last_number + 1;
    struct entry *entry = vector_add(&queue->entries, NULL);
    entry->number = queue->last_number;
    entry->zone = memory_text(zone);
    entry->created_at = now;
    entry->due_at = now;
    return entry;
}

static void
entry_load(struct mail_queue *queue, uint64_t number)
{
    struct json_value *content = NULL;
    struct fault fault;
    if (!mail_file_read(queue->folder, number, &content, &fault) ||
        json_value_count(json_value_get(content, "parts")) == 0) {
        log_warning("a damaged mail is set aside", "queue", queue->folder, "number",
                    LOG_NUMBER(number));
        mail_file_set_aside(queue->folder, number);
        if (content)
            json_value_free(&content);
        return;
    }
    struct entry *entry = entry_new(queue, json_value_get_text(content, "zone", ""), 0);
    const struct json_value *parts = json_value_get(content, "parts");
    const char *once =
        json_value_get_text(json_value_at(parts, json_value_count(parts) - 1), "once", NULL);
    entry->number = number;
    entry->once = once ? memory_text(once) : NULL;
    entry->many = json_value_get_boolean(content, "many", false);
    entry->urgent = json_value_get_boolean(content, "urgent", false);
    entry->exposed = json_value_get_boolean(content, "exposed", false);
    entry->created_at = json_value_get_integer(content, "created_at", 0);
    entry->due_at = json_value_get_integer(content, "due_at", 0);
    entry->attempts = (unsigned)json_value_get_integer(content, "attempts", 0);
    queue->last_number = number > queue->last_number ? number : queue->last_number;
    json_value_free(&content);
}

bool
mail_queue_open(struct mail_queue **ret_queue, const char *folder, const char *host,
                const struct mail_queue_rules *rules, struct fault *fault)
{
    struct vector numbers;
    vector_init(&numbers, sizeof(uint64_t));
    if (!mail_files_prepare(folder, fault) || !mail_files_list(folder, &numbers, fault)) {
        vector_close(&numbers);
        return false;
    }
    struct mail_queue *queue = memory_zalloc(sizeof *queue);
    queue->folder = memory_text(folder);
    queue->host = memory_text(host);
    vector_init(&queue->entries, sizeof(struct entry));
    mail_marks_init(&queue->marks);
    mail_queue_change(queue, rules);
    for (size_t i = 0; i < numbers.count; i++)
        entry_load(queue, *(uint64_t *)vector_at(&numbers, i));
    entries_hasten(queue);
    vector_close(&numbers);
    *ret_queue = queue;
    return true;
}

// ---- adding

// The zone's mail that may still grow.
static struct entry *
entry_growing(const struct mail_queue *queue, const char *zone)
{
    for (size_t i = queue->entries.count; i > 0; i--) {
        struct entry *entry = entry_at(queue, i - 1);
        if (!entry->many && !entry->exposed && !entry->under_way && strcmp(entry->zone, zone) == 0)
            return entry;
    }
    return NULL;
}

// Puts all events of `from` (by number) into one mail of many zones in place of them.
static void
entries_merge(struct mail_queue *queue, const uint64_t *from, size_t count, int64_t now)
{
    struct fault fault = {.text = ""};
    struct json_value *content = NULL;
    struct entry *merged = entry_new(queue, "", now);
    uint64_t number = merged->number;
    merged->many = true;
    content = mail_content_new(number, queue->host, "", true, now, queue->rules.to,
                               queue->rules.to_count);
    for (size_t i = 0; i < count; i++) {
        struct json_value *one = mail_queue_content(queue, entry_find(queue, from[i]), &fault);
        if (!one)
            continue; // it is set aside when its turn comes
        mail_content_append(content, one);
        json_value_free(&one);
    }
    mail_content_trim(content);
    merged = entry_find(queue, number);
    content_save(queue, merged, &content, &fault);
    for (size_t i = 0; i < count; i++)
        entry_remove(queue, entry_find(queue, from[i]));
}

// Over the limit the two oldest that are not on their way become one.
static void
overflow_merge(struct mail_queue *queue, int64_t now)
{
    uint64_t oldest[2];
    size_t count = 0;
    for (size_t i = 0; i < queue->entries.count && count < 2; i++)
        if (!entry_at(queue, i)->under_way)
            oldest[count++] = entry_at(queue, i)->number;
    if (count == 2)
        entries_merge(queue, oldest, 2, now);
}

static bool
entry_extend(struct mail_queue *queue, struct entry *entry, const struct mail_item *item,
             int64_t now, struct fault *fault)
{
    if (item->once && entry->once && strcmp(item->once, entry->once) == 0)
        return true;
    struct json_value *content = mail_queue_content(queue, entry, fault);
    if (!content)
        return false;
    mail_content_add(content, item, now);
    free(entry->once);
    entry->once = item->once ? memory_text(item->once) : NULL;
    entry->urgent |= item->urgent;
    if (item->urgent && entry->due_at > now)
        entry->due_at = now;
    return content_save(queue, entry, &content, fault);
}

bool
mail_queue_add(struct mail_queue *queue, const struct mail_item *item, int64_t now,
               struct fault *fault)
{
    mail_marks_prune(&queue->marks, queue->rules.min_interval_seconds, now);
    struct entry *entry = entry_growing(queue, item->zone);
    if (entry)
        return entry_extend(queue, entry, item, now, fault);
    if (queue->entries.count >= MAIL_QUEUE_MAX)
        overflow_merge(queue, now);
    int64_t free_at =
        mail_marks_zone_free_at(&queue->marks, item->zone, queue->rules.min_interval_seconds, now);
    entry = entry_new(queue, item->zone, now);
    entry->once = item->once ? memory_text(item->once) : NULL;
    entry->urgent = item->urgent;
    entry->due_at = item->urgent ? now : free_at;
    struct json_value *content = mail_content_new(entry->number, queue->host, item->zone, false,
                                                  now, queue->rules.to, queue->rules.to_count);
    mail_content_add(content, item, now);
    return content_save(queue, entry, &content, fault);
}

// ---- sending

static bool
is_due(const struct entry *entry, int64_t now)
{
    return !entry->under_way && entry->due_at <= now;
}

// Mails that begin now count against the burst; urgent ones and second tries do not wait for it.
static bool
is_limited(const struct entry *entry)
{
    return !entry->urgent && entry->attempts == 0;
}

// When more is due than the burst has room for, all of it becomes one mail about many zones.
static void
burst_merge(struct mail_queue *queue, int64_t now)
{
    size_t count = 0, sent = mail_marks_mails(&queue->marks);
    uint64_t *numbers = memory_alloc((queue->entries.count + 1) * sizeof *numbers);
    for (size_t i = 0; i < queue->entries.count; i++)
        if (is_due(entry_at(queue, i), now) && is_limited(entry_at(queue, i)))
            numbers[count++] = entry_at(queue, i)->number;
    if (count > 1 && sent + count > MAIL_QUEUE_BURST)
        entries_merge(queue, numbers, count, now);
    free(numbers);
}

static struct entry *
entry_due(const struct mail_queue *queue, int64_t now)
{
    bool burst_is_used_up = mail_marks_mails(&queue->marks) >= MAIL_QUEUE_BURST;
    for (size_t i = 0; i < queue->entries.count; i++) {
        struct entry *entry = entry_at(queue, i);
        if (is_due(entry, now) && !(burst_is_used_up && is_limited(entry)))
            return entry;
    }
    return NULL;
}

// The first try marks its zones: the next mail about them waits min_interval.
static void
entry_mark(struct mail_queue *queue, const struct entry *entry, const struct json_value *content,
           int64_t now)
{
    if (entry->attempts > 0)
        return;
    mail_marks_add(&queue->marks, entry->many ? "*" : entry->zone, true, now);
    const struct json_value *parts = json_value_get(content, "parts");
    for (size_t i = 0; entry->many && i < json_value_count(parts); i++)
        mail_marks_add(&queue->marks, json_value_get_text(json_value_at(parts, i), "zone", ""),
                       false, now);
}

bool
mail_queue_next(struct mail_queue *queue, int64_t now, struct mail_letter *ret_letter)
{
    struct fault fault;
    struct json_value *content = NULL;
    struct entry *entry = NULL;
    mail_marks_prune(&queue->marks, queue->rules.min_interval_seconds, now);
    if (queue->server_try_at > now)
        return false;
    burst_merge(queue, now);
    while (!content && (entry = entry_due(queue, now))) {
        content = mail_queue_content(queue, entry, &fault);
        if (!content) {
            log_warning("a mail that cannot be read is set aside", "reason", fault.text);
            mail_file_set_aside(queue->folder, entry->number);
            entry_drop(queue, entry);
        }
    }
    if (!content)
        return false;
    mail_letter_make(content, entry->number, queue->rules.from, queue->host, ret_letter);
    entry_mark(queue, entry, content, now);
    entry->under_way = true;
    entry->attempts++;
    json_value_free(&content);
    return true;
}

static int64_t
retry_seconds(unsigned attempts)
{
    int64_t wait = MAIL_QUEUE_RETRY_MIN;
    while (--attempts > 0 && wait < MAIL_QUEUE_RETRY_MAX)
        wait *= 2;
    return wait < MAIL_QUEUE_RETRY_MAX ? wait : MAIL_QUEUE_RETRY_MAX;
}

static void
entry_put_back(struct mail_queue *queue, struct entry *entry, const struct mail_letter *letter,
               int64_t now)
{
    struct fault fault;
    struct json_value *content = mail_queue_content(queue, entry, &fault);
    bool unreached = letter->fault.kind == FAULT_IO, any = false;
    struct json_value *left = json_value_array();
    for (size_t i = 0; i < letter->recipient_count; i++) {
        any |= letter->accepted[i];
        if (!letter->accepted[i])
            json_value_add_text(left, letter->recipients[i]);
    }
    entry->under_way = false;
    entry->exposed |= any || !unreached;
    entry->due_at = now + retry_seconds(entry->attempts);
    if (unreached) {
        queue->failures++;
        queue->server_try_at = now + retry_seconds(queue->failures);
        entry->due_at = queue->server_try_at;
    }
    if (content) {
        json_value_put(content, "recipients", &left);
        content_save(queue, entry, &content, &fault);
    } else {
        json_value_free(&left);
    }
}

void
mail_queue_result(struct mail_queue *queue, struct mail_letter *letter, int64_t now)
{
    struct entry *entry = entry_find(queue, letter->number);
    bool all = true;
    for (size_t i = 0; i < letter->recipient_count; i++)
        all &= letter->accepted[i];
    if (all || letter->fault.kind != FAULT_IO)
        queue->failures = 0, queue->server_try_at = 0;
    if (entry && all)
        entry_remove(queue, entry);
    else if (entry)
        entry_put_back(queue, entry, letter, now);
    mail_letter_close(letter);
}

// ---- looking

int64_t
mail_queue_next_at(const struct mail_queue *queue, int64_t now)
{
    int64_t next = 0, burst_at = mail_marks_burst_free_at(&queue->marks, MAIL_QUEUE_BURST,
                                                          queue->rules.min_interval_seconds, now);
    for (size_t i = 0; i < queue->entries.count; i++) {
        const struct entry *entry = entry_at(queue, i);
        int64_t at = entry->due_at > queue->server_try_at ? entry->due_at : queue->server_try_at;
        if (is_limited(entry) && at < burst_at)
            at = burst_at;
        if (!entry->under_way && (next == 0 || at < next))
            next = at;
    }
    return next;
}

size_t
mail_queue_length(const struct mail_queue *queue)
{
    return queue->entries.count;
}

int64_t
mail_queue_oldest_at(const struct mail_queue *queue)
{
    return queue->entries.count ? entry_at(queue, 0)->created_at : 0;
}
