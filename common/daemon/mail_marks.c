#include "common/daemon/mail_marks.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"

struct sent_mark {
    char *zone;
    int64_t at;
    bool is_mail; // false: the zone was one of several in a mail that has its own mark
};

void
mail_marks_init(struct mail_marks *marks)
{
    vector_init(&marks->all, sizeof(struct sent_mark));
}

void
mail_marks_close(struct mail_marks *marks)
{
    for (size_t i = 0; i < marks->all.count; i++)
        free(((struct sent_mark *)vector_at(&marks->all, i))->zone);
    vector_close(&marks->all);
}

void
mail_marks_prune(struct mail_marks *marks, int64_t interval_seconds, int64_t now)
{
    struct sent_mark *all = marks->all.items;
    size_t kept = 0;
    for (size_t i = 0; i < marks->all.count; i++) {
        // A clock that went back makes marks of the future: they count no longer than an interval.
        bool alive = all[i].at + interval_seconds > now && all[i].at <= now;
        if (alive)
            all[kept++] = all[i];
        else
            free(all[i].zone);
    }
    marks->all.count = kept;
}

void
mail_marks_add(struct mail_marks *marks, const char *zone, bool is_mail, int64_t now)
{
    vector_add(&marks->all, &(struct sent_mark){memory_text(zone), now, is_mail});
}

size_t
mail_marks_mails(const struct mail_marks *marks)
{
    size_t count = 0;
    for (size_t i = 0; i < marks->all.count; i++)
        count += ((const struct sent_mark *)vector_at(&marks->all, i))->is_mail;
    return count;
}

int64_t
mail_marks_zone_free_at(const struct mail_marks *marks, const char *zone, int64_t interval_seconds,
                        int64_t now)
{
    for (size_t i = marks->all.count; i > 0; i--) {
        const struct sent_mark *mark = vector_at(&marks->all, i - 1);
        if (strcmp(mark->zone, zone) == 0)
            return mark->at + interval_seconds;
    }
    return now;
}

int64_t
mail_marks_burst_free_at(const struct mail_marks *marks, size_t burst, int64_t interval_seconds,
                         int64_t now)
{
    if (mail_marks_mails(marks) < burst)
        return now;
    for (size_t i = 0; i < marks->all.count; i++) {
        const struct sent_mark *mark = vector_at(&marks->all, i);
        if (mark->is_mail)
            return mark->at + interval_seconds;
    }
    return now;
}
