// needs: zone
// Any octets as a master file: no crash, no endless loop; what is read seals, is checked and
// printed. The quick way of reading and the thorough one give the same errors and the same records.
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/base/fault.h"
#include "common/zone/check.h"
#include "common/zone/zonefile_read.h"
#include "common/zone/zonefile_write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct reading {
    struct draft *draft;
    struct vector errors;
    bool sealed;
};

static void
text_read(const uint8_t *data, size_t size, bool thorough, struct reading *ret_reading)
{
    static const uint8_t apex[] = "\7example\3gov";
    struct zonefile_options options = {.generate_max = 1000, .thorough = thorough};
    struct draft_findings findings;
    ret_reading->draft = draft_new(apex);
    bool good = zonefile_read_memory("fuzz", (const char *)data, size, NULL, ret_reading->draft,
                                     &options, &ret_reading->errors);
    ENSURE(good || ret_reading->errors.count > 0);
    ret_reading->sealed = draft_seal(ret_reading->draft, &findings, NULL);
}

static void
reading_close(struct reading *reading)
{
    zonefile_errors_close(&reading->errors);
    draft_free(&reading->draft);
}

static void
errors_compare(const struct vector *a, const struct vector *b)
{
    ENSURE(a->count == b->count);
    for (size_t i = 0; i < a->count; i++) {
        const struct zonefile_error *one = vector_at(a, i), *other = vector_at(b, i);
        ENSURE(one->line == other->line && one->column == other->column &&
               one->is_warning == other->is_warning && strcmp(one->text, other->text) == 0);
    }
}

static void
drafts_compare(const struct draft *a, const struct draft *b)
{
    ENSURE(draft_node_count(a) == draft_node_count(b));
    for (size_t i = 0; i < draft_node_count(a); i++) {
        const struct node *node = draft_node_at(a, i), *other = draft_node_at(b, i);
        ENSURE(node_size(node) == node_size(other) && memcmp(node, other, node_size(node)) == 0);
    }
}

static void
draft_use(const struct draft *draft)
{
    struct octets_buffer text;
    struct vector findings;
    struct check_options options = {.alias_allowed = true};
    octets_buffer_init(&text);
    check_draft(draft, &options, &findings);
    vector_close(&findings);
    for (size_t i = 0; i < draft_node_count(draft); i++)
        zonefile_write_node(draft_node_at(draft, i), i == 0, true, &text);
    octets_buffer_close(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reading quick, thorough;
    text_read(data, size, false, &quick);
    text_read(data, size, true, &thorough);
    errors_compare(&quick.errors, &thorough.errors);
    ENSURE(quick.sealed == thorough.sealed);
    if (quick.sealed) {
        drafts_compare(quick.draft, thorough.draft);
        draft_use(quick.draft);
    }
    reading_close(&quick);
    reading_close(&thorough);
    return 0;
}
