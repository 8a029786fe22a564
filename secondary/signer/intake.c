// Nearly every transfer changes little or nothing, so it is compared first and judged as a change.
// Whatever the comparison or that judgement leaves open is read again as a whole, by the way that
// needs no served version; its verdict is the law, and only its texts tell of what is wrong.
#include "secondary/signer/intake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/arena.h"
#include "common/dns/rdata.h"
#include "common/dns/rrtype.h"
#include "common/transfer/rr_stream.h"
#include "secondary/signer/sign/verify.h"

void
intake_init(struct intake *intake)
{
    *intake = (struct intake){.stream = -1};
    diff_init(&intake->diff);
    diff_init(&intake->whole);
    intake_compare_init(&intake->compare);
    intake_delta_init(&intake->delta);
    gate_verdict_init(&intake->verdict);
}

void
intake_close(struct intake *intake)
{
    if (intake->stream >= 0) {
        close(intake->stream);
        intake->stream = -1;
    }
    diff_close(&intake->diff);
    diff_close(&intake->whole);
    intake_compare_close(&intake->compare);
    intake_delta_close(&intake->delta);
    gate_verdict_close(&intake->verdict);
    draft_free(&intake->draft);
}

static bool
read_stream(struct intake *intake, struct rr_stream_reader *reader)
{
    struct rr_stream_rr rr;
    for (;;) {
        switch (rr_stream_next(reader, &rr, &intake->fault)) {
        case RR_STREAM_DONE:
            return true;
        case RR_STREAM_BAD:
            return false;
        case RR_STREAM_RR:
            if (!draft_add(intake->draft, rr.owner, rr.type, rr.ttl, rr.rdata, rr.rdlength,
                           &intake->fault)) {
                return false;
            }
            break;
        }
    }
}

// The stream repeats owners in full: twice the limit on the content is room for any zone that keeps
// it.
static uint64_t
stream_max(const struct intake *intake)
{
    return intake->limits.max_size_octets > 0 ? 2 * intake->limits.max_size_octets
                                              : RR_STREAM_SIZE_MAX;
}

static bool
read_draft(struct intake *intake)
{
    struct rr_stream_reader *reader = memory_zalloc(sizeof *reader);
    bool good = rr_stream_reader_map(reader, intake->stream, stream_max(intake), &intake->fault);
    if (good) {
        if (reader->is_delta || !name_equal(reader->apex, intake->apex)) {
            good = fault_set(&intake->fault, FAULT_CORRUPT, "the transfer is not this zone, whole");
        } else {
            intake->draft = draft_new(intake->apex);
            good = read_stream(intake, reader);
        }
        rr_stream_reader_close(reader);
    }
    free(reader);
    return good;
}

static void
note_soa(struct intake *intake, const struct draft *draft)
{
    const struct node *apex = draft_find(draft, intake->apex);
    struct rrset set;
    struct rr rr;
    uint32_t at = 0;
    struct rdata_soa soa;
    if (apex != NULL && node_rrset_find(apex, RRTYPE_SOA, &set) &&
        rrset_next(set.wire, set.wire_length, &at, &rr) &&
        rdata_soa_read(rr.rdata, rr.rdlength, &soa)) {
        intake->has_soa = true;
        intake->serial = soa.serial;
        intake->soa_expire_seconds = soa.expire;
    }
}

// policy: none: every signature and the chain must verify before such a zone is served.
static void
verify_signed(struct intake *intake)
{
    struct verify_report report;
    verify_report_init(&report);
    if (!verify_draft(intake->draft, intake->pool, intake->now, &report)) {
        struct fault fault = {0};
        verify_report_fault(&report, &fault);
        intake->verdict.outcome = GATE_HELD;
        intake->verdict.reason = "not-valid";
        snprintf(intake->verdict.sentence, sizeof intake->verdict.sentence,
                 "the signed zone does not verify: %.400s", fault.text);
    }
    verify_report_close(&report);
}

// A diff against damaged records tells only a part: where they are, the whole content takes the
// place of all.
static void
take_whole(struct intake *intake)
{
    intake->anew = true;
    diff_version_draft(NULL, intake->draft, intake->already_signed ? DIFF_WHOLE : DIFF_UNSIGNED,
                       &intake->whole);
    intake->whole.damaged = true; // so it is published as a whole content
}

static void
count_content(struct intake *intake)
{
    for (size_t i = 0; i < draft_node_count(intake->draft); i++) {
        const struct node *node = draft_node_at(intake->draft, i);
        intake->octets += node_size(node);
        for (unsigned k = 0; k < node_rrset_count(node); k++) {
            struct rrset set;
            node_rrset_at(node, k, &set);
            intake->rr_count += set.rr_count;
        }
    }
}

static void
run_whole(struct intake *intake)
{
    struct draft_findings findings = {0};
    if (!read_draft(intake) || !draft_seal(intake->draft, &findings, &intake->fault)) {
        return;
    }
    intake->readable = true;
    struct gate_candidate candidate = {.served = intake->served,
                                       .draft = &intake->draft,
                                       .findings = &findings,
                                       .already_signed = intake->already_signed,
                                       .accepted = intake->has_accepted ? &intake->accepted : NULL};
    gate_judge(&candidate, &intake->limits, &intake->diff, &intake->verdict);
    note_soa(intake, intake->draft);
    count_content(intake);
    intake->exact = intake->verdict.stripped_rrs == 0 && intake->verdict.lowered_ttls == 0 &&
                    findings.ttl_differs == 0 && findings.orphan_signatures == 0;
    if (intake->verdict.outcome != GATE_REJECTED && (intake->anew || intake->diff.damaged)) {
        take_whole(intake);
    }
    if (intake->already_signed && intake->verdict.outcome == GATE_ACCEPTED &&
        (intake->diff.count > 0 || intake->anew)) {
        verify_signed(intake);
    }
}

// --- As a change

// The served content may have come in under another limit on TTLs; the other limits are on totals,
// which are known.
static bool
ttls_keep_limit(const struct intake *intake)
{
    uint32_t limit = intake->limits.max_ttl_seconds;
    return limit == 0 || intake->compare.largest_ttl <= limit;
}

static bool
judge_change(struct intake *intake)
{
    struct intake_compare *compare = &intake->compare;
    struct gate_change change = {.served = intake->served,
                                 .diff = &compare->diff,
                                 .changed = compare->changed,
                                 .rr_count = compare->rr_count,
                                 .octets = compare->octets};
    bool digest_wanted = intake->wants_digest && compare->diff.count > 0;
    return !digest_wanted && ttls_keep_limit(intake) &&
           gate_judge_change(&change, &intake->limits, &intake->verdict);
}

static bool
run_change(struct intake *intake)
{
    struct intake_compare *compare = &intake->compare;
    if (intake->served == NULL || intake->anew || intake->already_signed || intake->has_accepted) {
        return false;
    }
    compare->apex = intake->apex;
    compare->served = intake->served;
    compare->stream_max = stream_max(intake);
    if (!intake_compare_run(compare, intake->stream) || !judge_change(intake)) {
        intake_compare_close(compare);
        intake_compare_init(compare);
        return false;
    }
    intake->readable = intake->compared = intake->exact = intake->has_soa = true;
    intake->diff = compare->diff;
    diff_init(&compare->diff);
    intake->rr_count = compare->rr_count;
    intake->octets = compare->octets;
    intake->serial = compare->serial;
    intake->soa_expire_seconds = compare->soa_expire_seconds;
    return true;
}

// --- A delta

static bool
doubt(struct intake *intake, const char *why)
{
    intake->doubt = true;
    return fault_set(&intake->fault, FAULT_REFUSED, "%s", why);
}

static bool
delta_apply(struct intake *intake)
{
    struct intake_delta *delta = &intake->delta;
    if (intake->already_signed || intake->anew || intake->served == NULL || !intake->base.known) {
        return doubt(intake, "what is served is not exactly what the primary gave");
    }
    delta->apex = intake->apex;
    delta->served = intake->served;
    delta->from_serial = intake->base.serial;
    delta->rr_count = intake->base.rr_count;
    delta->octets = intake->base.octets;
    delta->stream_max = stream_max(intake);
    if (!intake_delta_run(delta, intake->stream, &intake->fault)) {
        intake->doubt = true;
        intake->anew = delta->damaged;
    }
    return !intake->doubt;
}

// The content is what it was, or the gate lets it pass by what is changed.
static bool
delta_judge(struct intake *intake)
{
    const struct intake_delta *delta = &intake->delta;
    const struct gate_change change = {.served = intake->served,
                                       .diff = &delta->diff,
                                       .changed = delta->changed,
                                       .rr_count = delta->new_rr_count,
                                       .octets = delta->new_octets};
    if (delta->diff.count > 0 && intake->wants_digest) {
        return doubt(intake, "what is reviewed, or held, is kept whole");
    }
    return delta->diff.count == 0 ||
           gate_judge_change(&change, &intake->limits, &intake->verdict) ||
           doubt(intake, "the gate judges this change by the whole content only");
}

static void
run_delta(struct intake *intake)
{
    struct intake_delta *delta = &intake->delta;
    if (!delta_apply(intake) || !delta_judge(intake)) {
        return;
    }
    intake->readable = intake->exact = true;
    intake->rr_count = delta->new_rr_count;
    intake->octets = delta->new_octets;
    note_soa(intake, delta->changed);
    intake->diff = delta->diff; // its records stay where they are
    diff_init(&delta->diff);
}

void
intake_run(struct intake *intake)
{
    if (intake->is_delta) {
        run_delta(intake);
        return;
    }
    if (!run_change(intake)) {
        run_whole(intake);
    }
}
