#include "secondary/desk/status_check.h"

#include <stdio.h>
#include <string.h>

#include "common/base/quantity.h"
#include "secondary/desk/status.h"

#define EXPIRY_WARNING     (3 * 86400) // of signatures
#define EXPIRY_CRITICAL    86400
#define MAIL_STUCK_SECONDS 3600

struct check {
    struct json_value *findings;
    int worst;
    size_t count;
};

static void
find(struct check *check, int severity, const char *zone, const char *text)
{
    struct json_value *finding = json_value_add_object(check->findings);
    json_value_put_text(finding, "severity", severity == 2 ? "critical" : "warning");
    json_value_put_text(finding, "zone", zone);
    json_value_put_text(finding, "text", text);
    check->count++;
    if (severity > check->worst) {
        check->worst = severity;
    }
}

static void
check_expiry(struct check *check, const struct known_zone *zone, int64_t now)
{
    int64_t left = zone->facts.signature_expiry_seconds - now;
    if (zone->facts.signature_expiry_seconds == 0 || left > EXPIRY_WARNING) {
        return;
    }
    char about[QUANTITY_TEXT_MAX], text[128];
    snprintf(text, sizeof text,
             left > 0 ? "first signature expires in %s" : "signatures expired %s ago",
             quantity_about_text(left > 0 ? left : -left, about));
    find(check, left > EXPIRY_CRITICAL ? 1 : 2, zone->domain, text);
}

static void
check_zone(struct check *check, const struct known_zone *zone, int64_t now)
{
    const char *state = status_zone_state(zone, now);
    const char *reason = status_zone_reason(zone, state);
    char text[1024];
    if (strcmp(state, "ok") != 0) {
        bool critical = strcmp(state, "expired") == 0 || strcmp(state, "failed") == 0;
        snprintf(text, sizeof text, "%s%s%.900s", state, reason != NULL ? ": " : "",
                 reason != NULL ? reason : "");
        find(check, critical ? 2 : 1, zone->domain, text);
    }
    check_expiry(check, zone, now);
}

int
status_check(const struct known *known, const struct mail_status *mail, int64_t now,
             struct json_value **ret_result)
{
    static const char *const words[] = {"OK", "WARNING", "CRITICAL"};
    struct check check = {.findings = json_value_array()};
    size_t good = 0, held = 0;
    for (size_t i = 0; i < known->zones.count; i++) {
        const struct known_zone *zone = vector_at(&known->zones, i);
        const char *state = status_zone_state(zone, now);
        good += strcmp(state, "ok") == 0;
        held += strcmp(state, "held") == 0;
        check_zone(&check, zone, now);
    }
    for (size_t i = 0; i < known->roles.count; i++) {
        const struct message_role_facts *role = vector_at(&known->roles, i);
        if (role->pid == 0) {
            char text[64], word[STATUS_ROLE_WORD_MAX];
            snprintf(text, sizeof text, "%s is being restarted", status_role_word(role, word));
            find(&check, 1, NULL, text);
        }
    }
    if (mail->queue_length > 0 && mail->oldest_at != 0 &&
        now - mail->oldest_at > MAIL_STUCK_SECONDS) {
        find(&check, 1, NULL, "mail waits for more than an hour");
    }
    struct json_value *result = json_value_object();
    json_value_put_text(result, "nagios", words[check.worst]);
    if (check.count == 0) {
        json_value_printf(result, "text", "%zu zones ok", known->zones.count);
    } else {
        const struct json_value *first = json_value_at(check.findings, 0);
        const char *zone = json_value_get_text(first, "zone", "");
        json_value_printf(result, "text", "%zu of %zu zones ok; %s%s%s", good, known->zones.count,
                          zone, zone[0] != '\0' ? " " : "", json_value_get_text(first, "text", ""));
    }
    json_value_put(result, "findings", &check.findings);
    struct json_value *counts = json_value_put_object(result, "counts");
    json_value_put_integer(counts, "zones", (int64_t)known->zones.count);
    json_value_put_integer(counts, "ok", (int64_t)good);
    json_value_put_integer(counts, "held", (int64_t)held);
    *ret_result = result;
    return check.worst;
}
