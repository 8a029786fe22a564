#include "common/daemon/mail_content.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/base/hash.h"
#include "common/daemon/mail_queue.h"
#include "common/daemon/mail_text.h"

struct json_value *
mail_content_new(uint64_t number, const char *host, const char *zone, bool many, int64_t now,
                 const char *const *to, size_t to_count)
{
    struct json_value *content = json_value_object();
    // The random part keeps ids of a host whose clock or disk went back apart.
    json_value_printf(content, "message_id", "%" PRIu64 ".%016" PRIx64 "@%s", number,
                      hash_key_draw(), host);
    json_value_put_text(content, "zone", zone);
    json_value_put_boolean(content, "many", many);
    json_value_put_integer(content, "created_at", now);
    json_value_put_integer(content, "folded", 0);
    struct json_value *recipients = json_value_put_array(content, "recipients");
    for (size_t i = 0; i < to_count; i++)
        json_value_add_text(recipients, to[i]);
    json_value_put_array(content, "parts");
    return content;
}

// A part's text, cut at a character and with a line that says so.
static void
body_put(struct json_value *part, const char *body)
{
    size_t length = strlen(body);
    if (length <= MAIL_BODY_MAX) {
        json_value_put_text(part, "body", body);
        return;
    }
    size_t kept = MAIL_BODY_MAX;
    while (kept > 0 && ((unsigned char)body[kept] & 0xc0) == 0x80)
        kept--;
    char *cut = memory_alloc(kept + 100);
    memcpy(cut, body, kept);
    snprintf(cut + kept, 100, "\n(%zu octets more are not shown)\n", length - kept);
    json_value_put_text(part, "body", cut);
    free(cut);
}

static struct json_value *
part_make(const struct mail_item *item, int64_t now)
{
    struct json_value *part = json_value_object();
    char subject[MAIL_SUBJECT_MAX + 1];
    snprintf(subject, sizeof subject, "%s", item->subject);
    json_value_put_integer(part, "at", now);
    json_value_put_text(part, "kind", item->kind);
    json_value_put_text(part, "zone", item->zone);
    json_value_put_text(part, "subject", subject);
    json_value_put_text(part, "once", item->once);
    body_put(part, item->body);
    return part;
}

static void
part_append(struct json_value *content, struct json_value **part)
{
    int64_t octets = (int64_t)strlen(json_value_get_text(*part, "body", ""));
    json_value_put_integer(content, "octets",
                           json_value_get_integer(content, "octets", 0) + octets);
    json_value_add(json_value_child(content, "parts"), part);
}

void
mail_content_add(struct json_value *content, const struct mail_item *item, int64_t now)
{
    struct json_value *part = part_make(item, now);
    part_append(content, &part);
    mail_content_trim(content);
}

void
mail_content_append(struct json_value *content, const struct json_value *other)
{
    const struct json_value *parts = json_value_get(other, "parts");
    for (size_t i = 0; i < json_value_count(parts); i++) {
        struct json_value *copy = json_value_copy(json_value_at(parts, i));
        part_append(content, &copy);
    }
    json_value_put_integer(content, "folded",
                           json_value_get_integer(content, "folded", 0) +
                               json_value_get_integer(other, "folded", 0));
}

void
mail_content_trim(struct json_value *content)
{
    const struct json_value *old = json_value_get(content, "parts");
    size_t count = json_value_count(old), bare = count;
    size_t drop = count > MAIL_QUEUE_PARTS_MAX ? count - MAIL_QUEUE_PARTS_MAX : 0;
    int64_t octets = 0;
    if (drop == 0 && json_value_get_integer(content, "octets", 0) <= MAIL_QUEUE_DIGEST_MAX)
        return;
    for (; bare > drop; bare--) { // parts before bare lose their bodies; the newest never does
        const char *body = json_value_get_text(json_value_at(old, bare - 1), "body", "");
        int64_t length = (int64_t)strlen(body);
        if (octets + length > MAIL_QUEUE_DIGEST_MAX && bare < count)
            break;
        octets += length;
    }
    struct json_value *parts = json_value_array();
    for (size_t i = drop; i < count; i++) {
        struct json_value *copy = json_value_copy(json_value_at(old, i));
        if (i < bare)
            json_value_put_text(copy, "body", "");
        json_value_add(parts, &copy);
    }
    json_value_put_integer(content, "folded",
                           json_value_get_integer(content, "folded", 0) + (int64_t)drop);
    json_value_put_integer(content, "octets", octets);
    json_value_put(content, "parts", &parts);
}

static const struct json_value *
newest(const struct json_value *content)
{
    const struct json_value *parts = json_value_get(content, "parts");
    return json_value_at(parts, json_value_count(parts) - 1);
}

const char *
mail_content_kind(const struct json_value *content)
{
    return json_value_get_text(newest(content), "kind", "");
}

void
mail_content_render(const struct json_value *content, const char *from, const char *host,
                    struct octets_buffer *ret_text)
{
    const struct json_value *parts = json_value_get(content, "parts");
    const struct json_value *to = json_value_get(content, "recipients");
    size_t count = json_value_count(parts), to_count = json_value_count(to);
    struct mail_part *items = memory_zalloc((count + 1) * sizeof *items);
    const char **mailboxes = memory_zalloc((to_count + 1) * sizeof *mailboxes);
    for (size_t i = 0; i < to_count; i++)
        mailboxes[i] = json_value_as_text(json_value_at(to, i), "");
    for (size_t i = 0; i < count; i++) {
        const struct json_value *part = json_value_at(parts, i);
        items[i] = (struct mail_part){
            json_value_get_text(part, "kind", ""), json_value_get_text(part, "zone", ""),
            json_value_get_text(part, "subject", ""), json_value_get_text(part, "body", ""),
            json_value_get_integer(part, "at", 0)};
    }
    struct mail_text mail = {
        .from = from,
        .to = mailboxes,
        .to_count = to_count,
        .host = host,
        .message_id = json_value_get_text(content, "message_id", ""),
        .zone = json_value_get_text(content, "zone", ""),
        .date = json_value_get_integer(newest(content), "at", 0),
        .parts = items,
        .part_count = count,
        .folded = (size_t)json_value_get_integer(content, "folded", 0),
    };
    mail_text_render(&mail, ret_text);
    free(items);
    free(mailboxes);
}
