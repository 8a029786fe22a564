#include "secondary/desk/verbs.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/base/quantity.h"
#include "common/daemon/clock.h"
#include "common/daemon/json_value.h"
#include "common/daemon/mail.h"
#include "secondary/desk/alert.h"
#include "secondary/desk/desk_inside.h"
#include "secondary/desk/status.h"
#include "secondary/desk/status_rate.h"

#define TEST_WAIT_SECONDS 60

// --- Answered here ---

static void
verb_status(void *context, struct control_request *request)
{
    struct desk *desk = context;
    struct json_value *result = desk_state_status(desk, clock_unix_seconds());
    control_reply(&request, &result);
    spare_memory_soon(&desk->spare);
}

static void
verb_version(void *context, struct control_request *request)
{
    (void)context;
    struct json_value *result = json_value_object();
    json_value_put_text(result, "program", "tandem-secondary");
    json_value_put_text(result, "version", TANDEM_VERSION);
    json_value_put_text(result, "build", __VERSION__);
    control_reply(&request, &result);
}

static void
verb_check(void *context, struct control_request *request)
{
    struct json_value *result;
    int code = desk_state_check(context, &result);
    control_reply_code(&request, code, &result);
}

static void
verb_zone_list(void *context, struct control_request *request)
{
    struct desk *desk = context;
    int64_t now = clock_unix_seconds();
    struct json_value *result = json_value_object();
    struct json_value *zones = json_value_put_array(result, "zones");
    for (size_t i = 0; i < desk->known.zones.count; i++) {
        struct json_value *zone = status_zone(&desk->known, vector_at(&desk->known.zones, i), now);
        json_value_add(zones, &zone);
    }
    control_reply(&request, &result);
    spare_memory_soon(&desk->spare);
}

// The zone that a request names; answers the request itself when there is none.
static struct known_zone *
named_zone(struct desk *desk, struct control_request **request)
{
    const char *name = control_argument(*request, 0);
    struct known_zone *zone = known_zone_by_name(&desk->known, name);
    if (zone == NULL) {
        size_t count = desk->known.zones.count;
        const char **names = memory_zalloc(sizeof *names * (count + 1));
        for (size_t i = 0; i < count; i++) {
            names[i] = ((struct known_zone *)vector_at(&desk->known.zones, i))->domain;
        }
        const char *nearest = quantity_nearest_word(name, names, count);
        struct fault fault = {0};
        fault_set(&fault, FAULT_NOT_FOUND, "zone %.900s: not configured here%s%s", name,
                  nearest != NULL ? "; nearest is " : "; see \"tandemctl zone list\"",
                  nearest != NULL ? nearest : "");
        free(names);
        control_reply_fault(request, &fault);
    }
    return zone;
}

static void
verb_zone_status(void *context, struct control_request *request)
{
    struct desk *desk = context;
    struct known_zone *zone = named_zone(desk, &request);
    if (zone == NULL) {
        return;
    }
    struct json_value *result = json_value_object();
    struct json_value *one = status_zone(&desk->known, zone, clock_unix_seconds());
    struct json_value *keys = status_zone_keys(zone);
    json_value_put(result, "zone", &one);
    json_value_put(result, "keys", &keys);
    control_reply(&request, &result);
}

static void
verb_alert_list(void *context, struct control_request *request)
{
    struct desk *desk = context;
    struct mail_status mail;
    mail_status(desk->mail, &mail);
    struct json_value *result = json_value_object();
    struct json_value *mails = status_mail(&mail);
    struct json_value *alerts = alerts_list(desk->alerts);
    json_value_put(result, "mail", &mails);
    json_value_put(result, "alerts", &alerts);
    control_reply(&request, &result);
}

static void
verb_rate_limit_list(void *context, struct control_request *request)
{
    struct desk *desk = context;
    const char *all = control_option(request, "all");
    struct json_value *result = status_rate_list(
        &desk->known, all != NULL && strcmp(all, "false") != 0, clock_unix_seconds());
    control_reply(&request, &result);
}

static struct json_value *
test_result(struct desk *desk, bool done, const char *text)
{
    struct mail_status mail;
    mail_status(desk->mail, &mail);
    struct json_value *result = json_value_object();
    struct json_value *mails = status_mail(&mail);
    json_value_put_boolean(result, "done", done);
    json_value_put_boolean(result, "dry_run", !done);
    json_value_put_text(result, "text", text);
    json_value_put(result, "mail", &mails);
    return result;
}

static void
verb_alert_test(void *context, struct control_request *request)
{
    struct desk *desk = context;
    struct fault fault = {0};
    struct mail_status mail;
    mail_status(desk->mail, &mail);
    if (control_dry_run(request)) {
        struct json_value *result = test_result(desk, false, "would send a test mail");
        control_reply(&request, &result);
        return;
    }
    if (!alerts_test(desk->alerts, &desk->known, clock_unix_seconds(), &fault)) {
        control_reply_fault(&request, &fault);
        return;
    }
    if (!control_wait(request) || desk->mail_test.request != NULL) {
        struct json_value *result = test_result(desk, true, "a test mail is in the queue");
        control_reply(&request, &result);
        return;
    }
    desk->mail_test.request = request;
    desk->mail_test.sent = mail.sent_total;
    desk->mail_test.failed = mail.failed_total;
    desk->mail_test.since = clock_unix_seconds();
}

// The end of `alert test -b`: accepted, or the first try failed.
void
verbs_look_after_test(struct desk *desk, int64_t now)
{
    struct mail_status mail;
    if (desk->mail_test.request == NULL) {
        return;
    }
    mail_status(desk->mail, &mail);
    if (mail.sent_total > desk->mail_test.sent) {
        struct json_value *result = test_result(desk, true, "the test mail was accepted");
        control_reply(&desk->mail_test.request, &result);
    } else if (mail.failed_total > desk->mail_test.failed ||
               now - desk->mail_test.since > TEST_WAIT_SECONDS) {
        struct fault fault = {0};
        struct json_value *result =
            test_result(desk, true, "the test mail was not accepted; it stays in the queue");
        fault_set(&fault, FAULT_IO, "the test mail was not accepted: %.1500s",
                  mail.last_error[0] != '\0' ? mail.last_error : "no answer yet");
        control_reply_failed(&desk->mail_test.request, CONTROL_FAILED, &fault, &result);
    }
}

// --- Of other roles ---

static void
pass_to(struct desk *desk, struct control_request *request, enum message_role role, uint32_t zone)
{
    errands_pass(&desk->errands, request, role, zone, clock_unix_seconds());
}

static void
verb_of_supervisor(void *context, struct control_request *request)
{
    pass_to(context, request, ROLE_SUPERVISOR, MESSAGE_NO_ZONE);
}

static void
verb_of_signer(void *context, struct control_request *request)
{
    struct known_zone *zone = named_zone(context, &request);
    if (zone != NULL) {
        pass_to(context, request, ROLE_SIGNER, zone->id);
    }
}

// The signer knows that nothing came; why it does not come is known from the fetcher's polls.
static void
verb_of_content(void *context, struct control_request *request)
{
    struct known_zone *zone = named_zone(context, &request);
    if (zone == NULL) {
        return;
    }
    const char *state = status_zone_state(zone, clock_unix_seconds());
    const char *reason = status_zone_reason(zone, state);
    if (zone->has_facts && !zone->facts.has_version && strcmp(state, "loading") == 0 &&
        zone->poll.failures_in_row > 0 && reason != NULL) {
        struct fault fault = {0};
        fault_set(&fault, FAULT_NOT_FOUND, "zone %s has no content yet: %s", zone->domain, reason);
        control_reply_fault(&request, &fault);
        return;
    }
    pass_to(context, request, ROLE_SIGNER, zone->id);
}

static void
verb_of_fetcher(void *context, struct control_request *request)
{
    struct known_zone *zone = named_zone(context, &request);
    if (zone != NULL) {
        pass_to(context, request, ROLE_FETCHER, zone->id);
    }
}

static const struct control_verb VERBS[] = {
    {"", "status", 0, 0, 0, NULL, verb_status, NULL},
    {"", "version", 0, 0, 0, NULL, verb_version, NULL},
    {"", "check", 0, 0, 0, NULL, verb_check, NULL},
    {"", "reload", 0, 0, CONTROL_CHANGES | CONTROL_MAY_WAIT, NULL, verb_of_supervisor, NULL},
    {"", "stop", 0, 0, CONTROL_CHANGES | CONTROL_MAY_WAIT, NULL, verb_of_supervisor, NULL},
    {"zone", "list", 0, 0, 0, NULL, verb_zone_list, NULL},
    {"zone", "status", 1, 1, 0, NULL, verb_zone_status, NULL},
    {"zone", "history", 1, 1, 0, NULL, verb_of_signer, NULL},
    {"zone", "show", 1, 3, 0, NULL, verb_of_content, NULL},
    {"zone", "diff", 1, 1, 0, "all", verb_of_content, NULL},
    {"zone", "refresh", 1, 1, CONTROL_CHANGES | CONTROL_MAY_WAIT, NULL, verb_of_fetcher, NULL},
    {"zone", "retransfer", 1, 1, CONTROL_CHANGES | CONTROL_MAY_WAIT, NULL, verb_of_fetcher, NULL},
    {"zone", "accept", 2, 2, CONTROL_CHANGES | CONTROL_MAY_WAIT, NULL, verb_of_signer, NULL},
    {"zone", "sign", 1, 1, CONTROL_CHANGES | CONTROL_MAY_WAIT, "serial", verb_of_content, NULL},
    {"zone", "notify", 1, 1, CONTROL_CHANGES, NULL, verb_of_fetcher, NULL},
    {"zone", "verify", 1, 1, 0, NULL, verb_of_content, NULL},
    {"zone", "export", 1, 1, 0, "signed", verb_of_content, NULL},
    {"key", "list", 1, 1, 0, NULL, verb_of_signer, NULL},
    {"key", "ds", 1, 1, 0, NULL, verb_of_signer, NULL},
    {"key", "dnskey", 1, 1, 0, NULL, verb_of_signer, NULL},
    {"key", "timeline", 1, 1, 0, NULL, verb_of_signer, NULL},
    {"key", "generate", 1, 1, CONTROL_CHANGES | CONTROL_NEEDS_KEYS | CONTROL_MAY_WAIT,
     "role standby", verb_of_signer, NULL},
    {"key", "import", 2, CONTROL_ARGUMENTS_MAX,
     CONTROL_CHANGES | CONTROL_NEEDS_KEYS | CONTROL_MAY_WAIT, "role standby", verb_of_signer, NULL},
    {"key", "export", 2, 2, CONTROL_NEEDS_KEYS, NULL, verb_of_signer, NULL},
    {"key", "activate", 2, 2, CONTROL_CHANGES | CONTROL_NEEDS_KEYS | CONTROL_MAY_WAIT, NULL,
     verb_of_signer, NULL},
    {"key", "retire", 2, 2, CONTROL_CHANGES | CONTROL_NEEDS_KEYS | CONTROL_MAY_WAIT, NULL,
     verb_of_signer, NULL},
    {"key", "roll", 1, 1, CONTROL_CHANGES | CONTROL_NEEDS_KEYS, "role", NULL, NULL},
    {"alert", "list", 0, 0, 0, NULL, verb_alert_list, NULL},
    {"alert", "test", 0, 0, CONTROL_CHANGES | CONTROL_MAY_WAIT, NULL, verb_alert_test, NULL},
    {"rate-limit", "list", 0, 0, 0, "all", verb_rate_limit_list, NULL},
    {"alias", "list", 0, 1, 0, NULL, NULL, "ALIAS records are the primary's: ask tandem-primary"},
    {"alias", "show", 1, 1, 0, NULL, NULL, "ALIAS records are the primary's: ask tandem-primary"},
    {"alias", "history", 1, 1, 0, NULL, NULL,
     "ALIAS records are the primary's: ask tandem-primary"},
    {"alias", "refresh", 1, 1, CONTROL_CHANGES, NULL, NULL,
     "ALIAS records are the primary's: ask tandem-primary"},
};

const struct control_verb *
verbs_table(size_t *ret_count)
{
    *ret_count = sizeof VERBS / sizeof VERBS[0];
    return VERBS;
}
