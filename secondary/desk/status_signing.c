#include "secondary/desk/status_signing.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/base/quantity.h"

#define GROUPED_TEXT_MAX 32 // of a 64-bit number with its commas

// "41000" -> "41,000".
static const char *
grouped_text(uint64_t number, char text[static GROUPED_TEXT_MAX])
{
    char digits[GROUPED_TEXT_MAX];
    int length = snprintf(digits, sizeof digits, "%" PRIu64, number);
    char *at = text;
    for (int i = 0; i < length; i++) {
        *at++ = digits[i];
        if (i + 1 < length && (length - i - 1) % 3 == 0) {
            *at++ = ',';
        }
    }
    *at = '\0';
    return text;
}

// "signing 41% (41,000/100,000 names, 23 k/s, about 3s left)".
const char *
status_signing_text(const struct message_zone_facts *facts, char text[static STATUS_SIGNING_MAX])
{
    char done[GROUPED_TEXT_MAX], total[GROUPED_TEXT_MAX], left[QUANTITY_TEXT_MAX];
    int length = snprintf(text, STATUS_SIGNING_MAX, "signing %d%% (%s/%s names",
                          (int)(facts->signing_done * 100 / facts->signing_total),
                          grouped_text(facts->signing_done, done),
                          grouped_text(facts->signing_total, total));
    char *end = text + length;
    size_t room = STATUS_SIGNING_MAX - (size_t)length;
    if (facts->signing_left_seconds < 0) {
        snprintf(end, room, ")");
    } else {
        bool thousands = facts->signing_per_second >= 10000;
        snprintf(end, room, ", %" PRIu64 "%s/s, about %s left)",
                 thousands ? facts->signing_per_second / 1000 : facts->signing_per_second,
                 thousands ? " k" : "", quantity_about_text(facts->signing_left_seconds, left));
    }
    return text;
}

void
status_signing_put(struct json_value *object, const struct message_zone_facts *facts)
{
    if (facts == NULL || facts->signing_total == 0) {
        json_value_put_null(object, "signing");
        return;
    }
    struct json_value *signing = json_value_put_object(object, "signing");
    json_value_put_integer(signing, "names_done", (int64_t)facts->signing_done);
    json_value_put_integer(signing, "names", (int64_t)facts->signing_total);
    json_value_put_integer(signing, "names_per_second", (int64_t)facts->signing_per_second);
    if (facts->signing_left_seconds < 0) {
        json_value_put_null(signing, "left_seconds");
    } else {
        json_value_put_integer(signing, "left_seconds", facts->signing_left_seconds);
    }
}
