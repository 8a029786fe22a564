#include "secondary/signer/sign/verify_report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/dns/name.h"
#include "common/dns/rrtype.h"

void
verify_report_init(struct verify_report *report)
{
    *report = (struct verify_report){0};
    vector_init(&report->findings, sizeof(struct verify_finding));
}

void
verify_report_close(struct verify_report *report)
{
    vector_close(&report->findings);
}

void
verify_report_add(struct verify_report *report, const uint8_t *owner, uint16_t type,
                  const char *word, const char *format, ...)
{
    if (report->finding_count++ >= VERIFY_FINDINGS_MAX)
        return;
    struct verify_finding *finding = vector_add(&report->findings, NULL);
    name_copy(finding->owner, owner);
    finding->type = type;
    finding->word = word;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(finding->text, sizeof finding->text, format, arguments);
    va_end(arguments);
}

const char *
verify_denial_word(enum verify_denial denial)
{
    static const char *const words[] = {"none", "nsec", "nsec3"};
    return words[denial];
}

static void
finding_insert(struct verify_report *report, const struct verify_finding *finding)
{
    if (report->findings.count >= VERIFY_FINDINGS_MAX)
        return;
    vector_add(&report->findings, NULL);
    size_t at = report->findings.count - 1;
    struct verify_finding *all = report->findings.items;
    for (; at > 0 && name_compare(all[at - 1].owner, finding->owner) > 0; at--)
        all[at] = all[at - 1];
    all[at] = *finding;
}

void
verify_report_merge(struct verify_report *report, const struct verify_report *part)
{
    for (size_t i = 0; i < part->findings.count; i++)
        finding_insert(report, vector_at(&part->findings, i));
    report->finding_count += part->finding_count;
    report->names += part->names;
    report->records += part->records;
    report->rrs += part->rrs;
    report->rrsets += part->rrsets;
    report->signatures += part->signatures;
    if (part->denial != VERIFY_NONE)
        report->denial = part->denial;
    report->chain_owners += part->chain_owners;
    report->sampled = report->sampled || part->sampled;
    report->zonemd_checked = report->zonemd_checked || part->zonemd_checked;
    if (part->first_expiration &&
        (report->first_expiration == 0 ||
         (int32_t)(part->first_expiration - report->first_expiration) < 0))
        report->first_expiration = part->first_expiration;
}

bool
verify_report_fault(const struct verify_report *report, struct fault *fault)
{
    if (report->findings.count == 0)
        return report->stopped
                   ? fault_set(fault, FAULT_BUSY, "the verification was stopped before its end")
                   : fault_set(fault, FAULT_CORRUPT, "verification failed");
    const struct verify_finding *first = vector_at(&report->findings, 0);
    char owner[NAME_TEXT_MAX], type[RRTYPE_TEXT_MAX], more[64] = "";
    if (report->finding_count > 1)
        snprintf(more, sizeof more, " (and %zu more)", report->finding_count - 1);
    return fault_set(fault, FAULT_CORRUPT, "%s%s%s: %s: %s%s", name_to_text(first->owner, owner),
                     first->type ? " " : "", first->type ? rrtype_text(first->type, type) : "",
                     first->word, first->text, more);
}
