// The gate: judges a transfer whole, beside the served zone, before anything of it is believed
// (signing.md, "The gate: nothing bad is ever published"). Pure: a draft in, a verdict and the
// mended draft out. Rejected is what no operator may publish (it is not a zone); held is what one
// may have meant, and `zone accept` publishes.
#ifndef TANDEM_GATE_CHECKS_H
#define TANDEM_GATE_CHECKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/base/hash.h"
#include "common/base/vector.h"
#include "common/zone/diff.h"
#include "common/zone/draft.h"
#include "common/zone/version.h"

struct gate_limits {              // `gate:` of a zone (interface.md)
    unsigned max_removed_percent; // of the (owner, type) pairs; 100: never holds for that
    uint64_t max_records;         // 0: no limit
    uint64_t max_size_octets;     // of the content; 0: no limit
    uint32_t max_ttl_seconds;     // above: lowered, with a warning; 0: no limit
};
#define GATE_REMOVED_FROM      10 // gone pairs below this never hold a zone, whatever the share
#define GATE_DOUBLED_FROM      3  // doubled names below this are somebody's intention
#define GATE_DOUBLED_PERCENT   10 // ... and below this share of the names: hold from both on
#define GATE_WARNINGS_MAX      50 // kept; more are counted
#define GATE_ALIASES_NAMED_MAX 5  // owners named in a sentence

void gate_limits_default(struct gate_limits *ret_limits); // 30%, 0, 256 MiB, 5 d

enum gate_outcome { GATE_ACCEPTED, GATE_HELD, GATE_REJECTED };
struct gate_warning {
    uint8_t owner[NAME_SIZE_MAX];
    uint16_t type;
    const char
        *word; // "ttl-lowered" "ttl-differs" "dnssec-stripped" and those of common/zone/check.h
    char text[256];
};
struct gate_verdict {
    enum gate_outcome outcome;
    // "" where accepted; else a word for JSON and metrics: where rejected the error of
    // common/zone/check.h ("no-soa" "no-ns" "alias-left" ...), where held "removed"
    // "apex-addresses" "doubled-names" "records" "size" ("review", "not-valid": the caller's)
    const char *reason;
    char sentence[512]; // "61% of the records gone (limit 30%)": status, log and mail
    // Of the candidate (draft_digest of the mended draft): what `zone accept` names. Zero where it
    // passes and changes nothing.
    struct hash_digest digest;
    struct diff_counts counts; // against the served version, unsigned view
    unsigned removed_percent;
    size_t stripped_rrs;  // DNSSEC records that were taken out
    size_t lowered_ttls;  // RRsets
    uint32_t largest_ttl; // of what stays
    size_t warning_count;
    struct vector warnings; // of struct gate_warning
};
void gate_verdict_init(struct gate_verdict *verdict);
void gate_verdict_close(struct gate_verdict *verdict);

struct gate_candidate {
    const struct version *served; // NULL: nothing is served yet
    struct draft **draft; // sealed, as it came; replaced by the mended one where something was
                          // stripped or lowered
    const struct draft_findings *findings; // of sealing it; NULL
    bool already_signed; // policy: none: nothing is stripped, ALIAS and DNSSEC shape only
    const struct hash_digest
        *accepted; // `zone accept`: a held candidate with this digest passes; NULL
};
// The diff against the served version (unsigned view; whole where already_signed) is given for
// reuse (diff_init'ed by the caller), its records stand in the draft and the version.
void gate_judge(const struct gate_candidate *candidate, const struct gate_limits *limits,
                struct diff *ret_diff, struct gate_verdict *verdict);

// The same from the change alone, so that one changed record of a million costs what one record
// costs. What it lets pass, gate_judge on the whole content lets pass with the same counts, mends
// nothing of it, and warns of nothing of which it did not warn when it judged what is served. Where
// it cannot know that from a few lookups (and one walk over the served owners where an address or a
// zone cut went), it says so.
//
// For the caller to ask the whole judgement at once: limits that are not those under which the
// served content came in; TTLs of one RRset that differ (draft_findings of changed); a digest that
// somebody wants.
struct gate_change {
    const struct version *served; // what it changes; it passed the gate itself
    const struct diff *diff;      // unsigned view, canonical order
    const struct draft *changed;  // sealed: the whole new unsigned content of the changed owners
                                  // that stay, nothing else
    uint64_t rr_count, octets;    // of the whole new content, or a little more
};
// True: it passes, verdict is filled (digest zero, largest_ttl that of the changed owners). False:
// judge the whole content; verdict is untouched.
bool gate_judge_change(const struct gate_change *change, const struct gate_limits *limits,
                       struct gate_verdict *verdict);

#endif
