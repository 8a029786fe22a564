#include "secondary/signer/verbs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/quantity.h"
#include "common/daemon/control.h"
#include "common/daemon/json_value.h"
#include "common/dns/rdata_text.h"
#include "common/dns/rrtype.h"
#include "common/net/loop.h"
#include "common/zone/diff.h"
#include "common/zone/find.h"
#include "common/zone/zonefile_write.h"
#include "secondary/signer/change_json.h"
#include "secondary/signer/change_text.h"
#include "secondary/signer/zone_verify.h"

static const struct version *
served(const struct keeper *keeper)
{
    return keeper->store != NULL ? store_current(keeper->store) : NULL;
}

// --- show and export
// ----------------------------------------------------------------------------------------------------------

struct shown {
    struct json_value *records;
    size_t count, left_out;
    bool any_type;
    uint16_t type;
};

static void
show_rr(struct shown *shown, const uint8_t *owner, const struct rr *rr)
{
    if (!shown->any_type && rr->type != shown->type) {
        return;
    }
    if (shown->count >= VERBS_RECORDS_SHOWN_MAX) {
        shown->left_out++;
        return;
    }
    shown->count++;
    char type[RRTYPE_TEXT_MAX];
    struct octets_buffer text;
    octets_buffer_init(&text);
    rdata_to_text(rr->type, rr->rdata, rr->rdlength, &text);
    struct json_value *record = json_value_add_object(shown->records);
    json_value_put_owner(record, "owner", owner);
    json_value_put_integer(record, "ttl_seconds", rr->ttl);
    json_value_put_text(record, "type", rrtype_text(rr->type, type));
    struct json_value *data = json_value_text_of((const char *)text.data, text.length);
    json_value_put(record, "data", &data);
    octets_buffer_close(&text);
}

static void
show_run(struct shown *shown, const uint8_t *owner, const uint8_t *run, uint32_t length)
{
    struct rr rr;
    uint32_t at = 0;
    while (rrset_next(run, length, &at, &rr)) {
        show_rr(shown, owner, &rr);
    }
}

static void
show_node(struct shown *shown, const struct node *node)
{
    for (unsigned i = 0; i < node_rrset_count(node); i++) {
        struct rrset set;
        node_rrset_at(node, i, &set);
        show_run(shown, node_owner(node), set.wire, set.wire_length);
        if (set.signature_count > 0) {
            show_run(shown, node_owner(node), set.signatures, set.signatures_length);
        }
    }
}

static bool
read_selection(const struct keeper *keeper, const struct message_control *control, uint8_t *name,
               struct shown *shown, struct fault *fault)
{
    shown->any_type = true;
    if (control->argument_count > 1 &&
        !name_from_text_of_zone(control->arguments[1], keeper->apex, name, fault)) {
        return false;
    }
    if (control->argument_count > 2) {
        shown->any_type = false;
        if (!rrtype_from_text(control->arguments[2], &shown->type)) {
            return fault_set(fault, FAULT_SYNTAX, "\"%s\": no RR type is known by this name",
                             control->arguments[2]);
        }
    }
    return true;
}

// What is left after a damaged record was left out is not the zone.
static void
fail_damaged(struct keeper *keeper, uint64_t request)
{
    struct fault fault = {0};
    fault_set(
        &fault, FAULT_CORRUPT,
        "zone %s: a saved record is damaged, so there would be a gap; the next content of the "
        "primary mends it (tandemctl zone retransfer %s); look at the disk",
        keeper->domain, keeper->domain);
    verb_fail(keeper, request, 0, &fault);
}

// The records of one name, or of all where owner is NULL; false: some are damaged.
static bool
show_records(struct keeper *keeper, const uint8_t *owner, struct shown *shown)
{
    struct version_cursor cursor;
    const struct node *node;
    if (owner == NULL) {
        version_cursor_first(&cursor, served(keeper));
        while ((node = version_cursor_next(&cursor)) != NULL) {
            show_node(shown, node);
        }
        return !cursor.damaged;
    }
    bool damaged = false;
    node = zone_find_record(served(keeper), owner, &damaged);
    if (node != NULL) {
        show_node(shown, node);
    }
    return !damaged;
}

static void
zone_show(struct keeper *keeper, const struct message_control *control, uint64_t request)
{
    struct fault fault = {0};
    struct shown shown = {0};
    uint8_t name[NAME_SIZE_MAX];
    if (!verb_has_content(keeper, request)) {
        return;
    }
    if (!read_selection(keeper, control, name, &shown, &fault)) {
        verb_fail(keeper, request,
                  fault.kind == FAULT_NOT_FOUND ? CONTROL_NOT_FOUND : CONTROL_USAGE, &fault);
        return;
    }
    struct json_value *result = json_value_object();
    json_value_put_text(result, "zone", keeper->domain);
    verb_put_serial(keeper, result, "serial");
    shown.records = json_value_put_array(result, "records");
    if (!show_records(keeper, control->argument_count > 1 ? name : NULL, &shown)) {
        json_value_free(&result);
        fail_damaged(keeper, request);
        return;
    }
    json_value_put_null(result, "alias");
    json_value_put_integer(result, "left_out", (int64_t)shown.left_out);
    verb_reply(keeper, request, &result);
}

static void
zone_export(struct keeper *keeper, const struct message_control *control, uint64_t request)
{
    struct fault fault = {0};
    if (!verb_has_content(keeper, request)) {
        return;
    }
    bool with_signatures = verb_flag(control, "signed");
    struct octets_buffer text;
    struct version_cursor cursor;
    octets_buffer_init(&text);
    version_cursor_first(&cursor, served(keeper));
    bool more = true;
    while (more && text.length <= VERBS_EXPORT_MAX) {
        more = zonefile_write_some(&cursor, with_signatures, 1U << 20, &text);
    }
    if (cursor.damaged) {
        fail_damaged(keeper, request);
    } else if (more) {
        fault_set(&fault, FAULT_LIMIT,
                  "zone %s is larger than %u octets as text; take it by AXFR instead",
                  keeper->domain, VERBS_EXPORT_MAX);
        verb_fail(keeper, request, 0, &fault);
    } else {
        struct json_value *result = json_value_object();
        const struct version_facts *facts = version_facts(served(keeper));
        json_value_put_text(result, "zone", keeper->domain);
        verb_put_serial(keeper, result, "serial");
        json_value_put_integer(
            result, "records",
            (int64_t)(facts->rr_count + (with_signatures ? facts->signature_count : 0)));
        json_value_put_integer(result, "octets", (int64_t)text.length);
        verb_reply_text(keeper, request, &result, (struct octets){text.data, text.length});
    }
    octets_buffer_close(&text);
}

// --- history
// ------------------------------------------------------------------------------------------------------------------

static void
zone_history(struct keeper *keeper, uint64_t request)
{
    struct json_value *result = json_value_object();
    json_value_put_text(result, "zone", keeper->domain);
    struct json_value *versions = json_value_put_array(result, "versions");
    const struct history *history = keeper_history(keeper);
    size_t count = history != NULL ? history_count(history) : 0;
    for (size_t i = 0; i < count; i++) {
        const struct history_step *step = history_at(history, i);
        struct json_value *version = json_value_add_object(versions);
        json_value_put_time(version, "at", step->at_seconds);
        struct json_value *serial = json_value_put_object(version, "serial");
        json_value_put_integer(serial, "unsigned", step->unsigned_serial);
        json_value_put_integer(serial, "signed", step->signed_serial);
        json_value_put_text(version, "cause", step->cause);
        json_value_put_text(version, "why", step->why);
        json_value_put_integer(version, "added", step->added);
        json_value_put_integer(version, "removed", step->removed);
        json_value_put_integer(version, "signatures_new", step->signatures_new);
        json_value_put_integer(version, "signatures_kept", step->signatures_kept);
        json_value_put_integer(version, "duration_milliseconds", step->duration_ms);
    }
    verb_reply(keeper, request, &result);
    keeper_rest(keeper);
}

// --- diff
// ---------------------------------------------------------------------------------------------------------------------

struct held {
    struct intake intake;
    struct message_control *control;
    struct keeper *keeper;
};

// The held candidate is parsed again here: it is on disk, and an operator's question may take its
// time.
static bool
read_held(struct keeper *keeper, struct intake *intake, struct fault *fault)
{
    int file = -1;
    if (!quarantine_stream(keeper->quarantine, &file, fault)) {
        return false;
    }
    bool good = keeper_sealed_copy(file, &intake->stream, fault);
    close(file);
    if (!good) {
        return false;
    }
    intake->apex = keeper->apex;
    intake->served = served(keeper);
    intake->limits =
        (struct gate_limits){.max_removed_percent = 100,
                             .max_ttl_seconds = keeper->settings->rules->gate.max_ttl_seconds};
    intake->has_accepted = true;
    intake->accepted = quarantine_current(keeper->quarantine)->digest;
    intake->already_signed = false;
    intake->now = keeper_now();
    intake_run(intake);
    if (!intake->readable) {
        *fault = intake->fault;
    }
    return intake->readable;
}

static void
zone_diff(struct keeper *keeper, const struct message_control *control, uint64_t request)
{
    struct fault fault = {0};
    const struct quarantine_entry *entry =
        keeper->quarantine != NULL ? quarantine_current(keeper->quarantine) : NULL;
    struct json_value *result = json_value_object();
    json_value_put_text(result, "zone", keeper->domain);
    json_value_put_boolean(result, "held", entry != NULL);
    verb_put_serial(keeper, result, "from");
    if (entry == NULL) {
        verb_put_serial(keeper, result, "to");
        json_value_put_integer(result, "added", keeper->last_added);
        json_value_put_integer(result, "removed", keeper->last_removed);
        struct json_value *changes =
            keeper->last_changes ? json_value_copy(keeper->last_changes) : json_value_array();
        size_t shown = json_value_count(changes);
        size_t all = (size_t)keeper->last_added + keeper->last_removed;
        json_value_put(result, "changes", &changes);
        json_value_put_integer(result, "left_out", (int64_t)(all > shown ? all - shown : 0));
        verb_reply(keeper, request, &result);
        return;
    }
    struct intake intake;
    intake_init(&intake);
    if (!read_held(keeper, &intake, &fault)) {
        fault_wrap(&fault, "zone %s: the held candidate", keeper->domain);
        verb_fail(keeper, request, 0, &fault);
        json_value_free(&result);
    } else {
        char digest[2 * HASH_DIGEST_SIZE + 1];
        struct octets_buffer text;
        struct diff_counts counts;
        octets_buffer_init(&text);
        hash_digest_text(&entry->digest, QUARANTINE_DIGEST_SHOWN, digest);
        json_value_put_text(result, "digest", digest);
        json_value_put_text(result, "reason", entry->sentence);
        json_value_put_time(result, "since", entry->since_seconds);
        struct json_value *to = json_value_put_object(result, "to");
        json_value_put_integer(to, "unsigned", entry->unsigned_serial);
        diff_count(&intake.diff, DIFF_UNSIGNED, keeper->apex, &counts);
        json_value_put_integer(result, "added", (int64_t)counts.added_rrs);
        json_value_put_integer(result, "removed", (int64_t)counts.removed_rrs);
        if (verb_flag(control, "all")) {
            diff_to_text(&intake.diff, DIFF_UNSIGNED, keeper->apex, SIZE_MAX, &text);
        } else {
            size_t left_out;
            struct json_value *changes =
                change_json(&intake.diff, keeper->apex, VERBS_CHANGES_SHOWN_MAX, &left_out);
            json_value_put(result, "changes", &changes);
            json_value_put_integer(result, "left_out", (int64_t)left_out);
        }
        verb_reply_text(keeper, request, &result, (struct octets){text.data, text.length});
        octets_buffer_close(&text);
    }
    intake_close(&intake);
}

// --- accept, sign
// -----------------------------------------------------------------------------------------------------

// A syntax error is one of the digest, so of the command line. That a change is under way, or too
// many wait, is a failure like any other: CONTROL_REFUSED would say that the gate refused.
static void
not_accepted(struct keeper *keeper, uint64_t request, const struct fault *fault)
{
    verb_fail(keeper, request, fault->kind == FAULT_SYNTAX ? CONTROL_USAGE : 0, fault);
}

static void
zone_accept(struct keeper *keeper, const struct message_control *control, uint64_t request)
{
    struct fault fault = {0};
    bool wait = verb_flag(control, "wait");
    if (verb_flag(control, "dry_run")) {
        int file = -1;
        if (!keeper_held(keeper, control->arguments[1], &file, &fault)) {
            not_accepted(keeper, request, &fault);
            return;
        }
        close(file);
        verb_done(keeper, request, true, "would publish the held candidate");
        return;
    }
    if (!keeper_accept(keeper, control->arguments[1], wait ? request : 0, &fault)) {
        not_accepted(keeper, request, &fault);
    } else if (!wait) {
        verb_done(keeper, request, false, "the held candidate is being signed and published");
    }
}

static void
zone_sign(struct keeper *keeper, const struct message_control *control, uint64_t request)
{
    struct fault fault = {0};
    bool wait = verb_flag(control, "wait");
    const char *text = message_control_option(control, "serial");
    uint64_t serial = 0;
    if (text != NULL && !quantity_unsigned(text, UINT32_MAX, &serial, &fault)) {
        fault_wrap(&fault, "--serial");
        verb_fail(keeper, request, CONTROL_USAGE, &fault);
        return;
    }
    if (verb_flag(control, "dry_run")) {
        if (!keeper_may_sign(keeper, text != NULL, (uint32_t)serial, &fault)) {
            verb_fail(keeper, request, 0, &fault);
            return;
        }
        char would[128];
        snprintf(would, sizeof would, "would make all %" PRIu64 " signatures again",
                 version_facts(served(keeper))->signature_count);
        verb_done(keeper, request, true, would);
        return;
    }
    if (!keeper_sign(keeper, text != NULL, (uint32_t)serial, wait ? request : 0, &fault)) {
        verb_fail(keeper, request, 0, &fault);
    } else if (!wait) {
        verb_done(keeper, request, false, "the zone is being signed again");
    }
}

void
zone_verb(struct keeper *keeper, const struct message_control *control, uint64_t request)
{
    if (strcmp(control->verb, "show") == 0) {
        zone_show(keeper, control, request);
    } else if (strcmp(control->verb, "export") == 0) {
        zone_export(keeper, control, request);
    } else if (strcmp(control->verb, "history") == 0) {
        zone_history(keeper, request);
    } else if (strcmp(control->verb, "diff") == 0) {
        zone_diff(keeper, control, request);
    } else if (strcmp(control->verb, "accept") == 0 && control->argument_count > 1) {
        zone_accept(keeper, control, request);
    } else if (strcmp(control->verb, "sign") == 0) {
        zone_sign(keeper, control, request);
    } else if (strcmp(control->verb, "verify") == 0) {
        zone_verify(keeper, request);
    } else {
        struct fault fault = {0};
        fault_set(&fault, FAULT_UNSUPPORTED, "zone %s: not in this version", control->verb);
        verb_fail(keeper, request, 0, &fault);
    }
}
