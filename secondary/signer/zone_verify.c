#include "secondary/signer/zone_verify.h"

#include <stdio.h>

#include "common/daemon/control.h"
#include "common/daemon/json_value.h"
#include "common/dns/rrtype.h"
#include "secondary/signer/verbs.h"

static const struct version *
served(const struct keeper *keeper)
{
    return keeper->store != NULL ? store_current(keeper->store) : NULL;
}

void
zone_verify(struct keeper *keeper, uint64_t request)
{
    if (!verb_has_content(keeper, request)) {
        return;
    }
    struct verify_report report;
    verify_report_init(&report);
    bool good = verify_version(served(keeper), keeper->shared->pool, keeper_now(), &report);
    struct json_value *result = json_value_object();
    json_value_put_text(result, "zone", keeper->domain);
    json_value_put_boolean(result, "verified", good);
    json_value_put_integer(result, "signatures", (int64_t)report.signatures);
    json_value_put_integer(result, "names", (int64_t)report.records);
    struct json_value *problems = json_value_put_array(result, "problems");
    for (size_t i = 0; i < report.findings.count; i++) {
        const struct verify_finding *finding = vector_at(&report.findings, i);
        char owner[NAME_TEXT_MAX], type[RRTYPE_TEXT_MAX], line[NAME_TEXT_MAX + 400];
        snprintf(line, sizeof line, "%s %s: %s: %s", name_to_text(finding->owner, owner),
                 finding->type != 0 ? rrtype_text(finding->type, type) : "", finding->word,
                 finding->text);
        json_value_add_text(problems, line);
    }
    json_value_put_time(result, "first_expiry_at", report.first_expiration);
    if (good) {
        verb_reply(keeper, request, &result);
    } else {
        struct fault fault = {0};
        verify_report_fault(&report, &fault);
        fault_wrap(&fault, "zone %s", keeper->domain);
        verb_fail_with(keeper, request, CONTROL_FAILED, &fault, &result);
    }
    verify_report_close(&report);
}
