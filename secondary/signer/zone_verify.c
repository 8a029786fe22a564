// Who owns what, when the zone changes or goes while its verification runs? The verification holds
// the version, which outlives the store that it came from, and its own copies of what it needs of
// the zone; the thread sees nothing else but the pool. The keeper and the verification point at
// each other, and either lets go of the other in the loop's thread.
#include "secondary/signer/zone_verify.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/arena.h"
#include "common/daemon/clock.h"
#include "common/daemon/control.h"
#include "common/daemon/json_value.h"
#include "common/daemon/log.h"
#include "common/dns/rrtype.h"
#include "common/net/loop.h"
#include "secondary/signer/verbs.h"

#define TOLD_MS 10000 // progress of a long verification is logged so often

struct zone_verification {
    struct keeper *keeper; // NULL: it went
    char domain[NAME_TEXT_MAX];
    const struct version *version; // held
    struct verify_whole whole;
    struct verify_progress progress;
    struct verify_report report;
    uint64_t requests[KEEPER_WAITERS_MAX];
    unsigned request_count;
    uint64_t started_ms;
    struct loop_timer *timer;
};

static const struct version *
served(const struct keeper *keeper)
{
    return keeper->store != NULL ? store_current(keeper->store) : NULL;
}

// --- What is said

static void
put_finding(struct json_value *findings, struct json_value *problems,
            const struct verify_finding *finding)
{
    char owner[NAME_TEXT_MAX], type[RRTYPE_TEXT_MAX] = "", line[NAME_TEXT_MAX + 400];
    struct json_value *object = json_value_add_object(findings);
    json_value_put_owner(object, "owner", finding->owner);
    if (finding->type != 0) {
        json_value_put_text(object, "type", rrtype_text(finding->type, type));
    } else {
        json_value_put_null(object, "type");
    }
    json_value_put_text(object, "word", finding->word);
    json_value_put_text(object, "text", finding->text);
    snprintf(line, sizeof line, "%s%s%s: %s: %s", name_to_text(finding->owner, owner),
             finding->type != 0 ? " " : "", type, finding->word, finding->text);
    json_value_add_text(problems, line);
}

static struct json_value *
result_of(const struct zone_verification *verification, bool good)
{
    const struct verify_report *report = &verification->report;
    const struct version_facts *facts = version_facts(verification->version);
    struct json_value *result = json_value_object();
    json_value_put_text(result, "zone", verification->domain);
    struct json_value *serial = json_value_put_object(result, "serial");
    json_value_put_integer(serial, "unsigned", facts->unsigned_serial);
    json_value_put_integer(serial, "signed", facts->signed_serial);
    json_value_put_boolean(result, "verified", good);
    json_value_put_integer(result, "names", (int64_t)report->names);
    json_value_put_integer(result, "records", (int64_t)report->rrs);
    json_value_put_integer(result, "rrsets", (int64_t)report->rrsets);
    json_value_put_integer(result, "signatures", (int64_t)report->signatures);
    json_value_put_text(result, "denial", verify_denial_word(report->denial));
    json_value_put_integer(result, "chain", (int64_t)report->chain_owners);
    json_value_put_boolean(result, "zonemd", report->zonemd_checked);
    json_value_put_time(result, "first_expiry_at", report->first_expiration);
    json_value_put_integer(result, "duration_milliseconds",
                           (int64_t)(clock_monotonic_ms() - verification->started_ms));
    struct json_value *findings = json_value_put_array(result, "findings");
    struct json_value *problems = json_value_put_array(result, "problems");
    for (size_t i = 0; i < report->findings.count; i++) {
        put_finding(findings, problems, vector_at(&report->findings, i));
    }
    json_value_put_integer(result, "left_out",
                           (int64_t)(report->finding_count - report->findings.count));
    return result;
}

static void
answer_all(struct zone_verification *verification, bool good, const struct fault *fault)
{
    for (unsigned i = 0; i < verification->request_count; i++) {
        uint64_t request = verification->requests[i];
        struct json_value *result = NULL;
        if (verification->report.stopped) {
            verb_fail(verification->keeper, request, 0, fault);
            continue;
        }
        result = result_of(verification, good);
        if (good) {
            verb_reply(verification->keeper, request, &result);
        } else {
            verb_fail_with(verification->keeper, request, CONTROL_FAILED, fault, &result);
        }
    }
    verification->request_count = 0;
}

static void
log_end(const struct zone_verification *verification, bool good, const struct fault *fault)
{
    const struct verify_report *report = &verification->report;
    int64_t milliseconds = (int64_t)(clock_monotonic_ms() - verification->started_ms);
    if (good) {
        log_info("verified by command", "zone", verification->domain, "signatures",
                 LOG_NUMBER(report->signatures), "milliseconds", LOG_NUMBER(milliseconds));
    } else if (report->stopped) {
        log_info(fault->text, "zone", verification->domain);
    } else {
        log_error(fault->text, "zone", verification->domain, "findings",
                  LOG_NUMBER(report->finding_count), "milliseconds", LOG_NUMBER(milliseconds));
    }
}

static unsigned
percent_done(const struct zone_verification *verification)
{
    size_t total = atomic_load(&verification->progress.records_total);
    size_t done = atomic_load(&verification->progress.records_done);
    return total == 0 || done > total ? 100 : (unsigned)(done * 100 / total);
}

static void
tell_progress(void *context)
{
    const struct zone_verification *verification = context;
    char percent[16];
    snprintf(percent, sizeof percent, "%u%%", percent_done(verification));
    log_info("verifying goes on", "zone", verification->domain, "done", percent);
}

// --- Its life

static void
verify_in_thread(void *context)
{
    struct zone_verification *verification = context;
    (void)verify_whole(&verification->whole, &verification->report);
}

static void
verification_free(struct zone_verification *verification)
{
    if (verification->keeper != NULL) {
        verification->keeper->verification = NULL;
    }
    loop_timer_free(&verification->timer);
    verify_report_close(&verification->report);
    version_drop(&verification->version);
    free(verification);
}

static void
fault_of(const struct zone_verification *verification, struct fault *fault)
{
    if (verification->report.stopped) {
        fault_set(fault, FAULT_BUSY, "zone %s: the verification was stopped before its end",
                  verification->domain);
        return;
    }
    verify_report_fault(&verification->report, fault);
    fault_wrap(fault, "zone %s", verification->domain);
}

static void
verify_done(void *context, bool cancelled)
{
    struct zone_verification *verification = context;
    verification->report.stopped = verification->report.stopped || cancelled;
    bool good = verification->report.finding_count == 0 && !verification->report.stopped;
    struct fault fault = {0};
    if (!good) {
        fault_of(verification, &fault);
    }
    if (verification->keeper != NULL) {
        log_end(verification, good, &fault);
        answer_all(verification, good, &fault);
    }
    verification_free(verification);
}

static void
start(struct keeper *keeper)
{
    struct zone_verification *verification = memory_zalloc(sizeof *verification);
    verification->keeper = keeper;
    verification->version = version_hold(served(keeper));
    verification->started_ms = clock_monotonic_ms();
    snprintf(verification->domain, sizeof verification->domain, "%s", keeper->domain);
    verify_report_init(&verification->report);
    bool own = keeper->policy != NULL;
    verification->whole = (struct verify_whole){.version = verification->version,
                                                .pool = keeper->shared->pool,
                                                .now = keeper_now(),
                                                .own = own,
                                                .zonemd = own && keeper->sign_policy->zonemd,
                                                .progress = &verification->progress};
    verification->timer = loop_timer_new(keeper->shared->loop, tell_progress, verification);
    loop_timer_start(verification->timer, TOLD_MS, TOLD_MS);
    keeper->verification = verification;
    loop_work(keeper->shared->loop, verify_in_thread, verify_done, verification);
}

void
zone_verify(struct keeper *keeper, uint64_t request)
{
    if (!verb_has_content(keeper, request)) {
        return;
    }
    if (keeper->verification == NULL) {
        start(keeper);
    }
    struct zone_verification *verification = keeper->verification;
    if (verification->request_count == KEEPER_WAITERS_MAX) {
        struct fault fault = {0};
        fault_set(&fault, FAULT_BUSY,
                  "zone %s: a verification is %u%% done and %d operators wait for it; ask again "
                  "when it has ended",
                  keeper->domain, percent_done(verification), KEEPER_WAITERS_MAX);
        verb_fail(keeper, request, 0, &fault);
        return;
    }
    verification->requests[verification->request_count++] = request;
}

void
zone_verify_stop(struct keeper *keeper)
{
    if (keeper->verification != NULL) {
        atomic_store(&keeper->verification->progress.stop, true);
    }
}

bool
zone_verify_runs(const struct keeper *keeper)
{
    return keeper->verification != NULL;
}

void
zone_verify_forget(struct keeper *keeper)
{
    struct zone_verification *verification = keeper->verification;
    struct fault fault = {0};
    if (verification == NULL) {
        return;
    }
    zone_verify_stop(keeper);
    fault_set(&fault, FAULT_BUSY, "zone %s: it is not configured any more", keeper->domain);
    for (unsigned i = 0; i < verification->request_count; i++) {
        verb_fail(keeper, verification->requests[i], 0, &fault);
    }
    keeper->verification = NULL;
    verification->keeper = NULL;
}
