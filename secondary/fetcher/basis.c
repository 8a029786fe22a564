// When is it safe not to look at the whole zone? A serial says "changed", never "unchanged", unless
// its owner promises more: with `request-ixfr: yes` the operator does, with `auto` the primary
// itself, signed. Even then three things must hold: what is served is exactly what this address
// gave (the signer says so), nothing has cast doubt on it since, and the last full comparison is
// not older than a day.
#include "secondary/fetcher/basis.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/transfer/xfr_marks.h"

void
basis_set_marks(struct basis *basis, struct xfr_marks *marks)
{
    struct xfr_marks *held = xfr_marks_hold(marks);
    xfr_marks_drop(&basis->marks);
    basis->marks = held;
}

void
basis_forget(struct basis *basis)
{
    basis->exact = basis->has_digest = false;
    basis->deltas = 0;
    basis_set_marks(basis, NULL);
}

void
basis_reset(struct basis *basis)
{
    basis_set_marks(basis, NULL);
    free(basis->label);
    *basis = (struct basis){0};
}

static bool
is_of(const struct basis *basis, const char *label)
{
    return basis->label && strcmp(basis->label, label) == 0;
}

// Facts about an address do not outlive the change to another one.
static void
label_set(struct basis *basis, const char *label)
{
    if (is_of(basis, label))
        return;
    free(basis->label);
    basis->label = memory_text(label);
    basis->distrusted = basis->compared = false;
    basis->denied_until_seconds = basis->whole_due_seconds = 0;
}

enum basis_ask
basis_ask(const struct basis *basis, const struct basis_question *question)
{
    if (question->request == REQUEST_IXFR_NO || !question->signed_zone || !basis->exact ||
        basis->distrusted || !is_of(basis, question->label) ||
        question->now < basis->denied_until_seconds)
        return BASIS_AXFR;
    if (question->request == REQUEST_IXFR_YES)
        return BASIS_IXFR;
    return question->has_key ? BASIS_SOA : BASIS_AXFR;
}

bool
basis_whole_is_due(const struct basis *basis, int64_t now, bool *ret_late)
{
    *ret_late = now >= basis->whole_due_seconds + BASIS_WHOLE_LATE_SECONDS;
    return now >= basis->whole_due_seconds;
}

void
basis_deny(struct basis *basis, const char *label, int64_t now)
{
    if (is_of(basis, label))
        basis->denied_until_seconds = now + BASIS_DENIAL_SECONDS;
}

uint64_t
basis_delta_records_max(const struct basis *basis)
{
    return 2 * basis->records + BASIS_DELTA_RECORDS_LEAST;
}

bool
basis_knows(const struct basis *basis, const struct hash_digest *digest, uint32_t serial,
            bool signed_zone)
{
    return basis->has_digest && (signed_zone || serial == basis->digest_serial) &&
           memcmp(basis->digest.octets, digest->octets, sizeof digest->octets) == 0;
}

void
basis_note_same(struct basis *basis, const char *label, uint32_t serial)
{
    label_set(basis, label);
    basis->serial = serial;
}

static int64_t
whole_after(const struct basis *basis, uint64_t chance)
{
    int64_t seconds = basis->compared ? BASIS_WHOLE_SECONDS : BASIS_WHOLE_FIRST_SECONDS;
    return seconds - (int64_t)(chance % (uint64_t)(seconds * BASIS_WHOLE_JITTER / 100));
}

void
basis_settle(struct basis *basis, const struct basis_arrival *arrival)
{
    bool was_exact = basis->exact && is_of(basis, arrival->label);
    label_set(basis, arrival->label);
    basis->exact = arrival->exact;
    basis->serial = arrival->serial;
    basis_set_marks(basis, arrival->is_delta || !arrival->steady ? NULL : arrival->marks);
    if (arrival->is_delta) {
        basis->has_digest = false;
        basis->deltas++;
        return;
    }
    basis->compared = basis->compared || was_exact;
    basis->records = arrival->records;
    basis->deltas = 0;
    basis->has_digest = arrival->steady;
    basis->digest = arrival->digest;
    basis->digest_serial = arrival->serial;
    basis->whole_due_seconds = arrival->now + whole_after(basis, arrival->chance);
}
