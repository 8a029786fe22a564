// A master file is a stack of texts ($INCLUDE) and a running state: the origin, the last owner, the
// TTL that stands in for an omitted one.
#include "common/zone/zonefile_read.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/base/quantity.h"
#include "common/dns/rdata.h"
#include "common/zone/zonefile_fields.h"
#include "common/zone/zonefile_generate.h"
#include "common/zone/zonefile_header.h"
#include "common/zone/zonefile_quick.h"
#include "common/zone/zonefile_scan.h"
#include "common/zone/zonefile_stack.h"

#define TTL_DEFAULT           3600U
#define ZONEFILE_WARNINGS_MAX 100 // further ones are counted: a warning is for reading

struct reader {
    struct draft *draft;
    struct zonefile_options options;
    struct zonefile_errors errors;
    struct zonefile_stack stack;
    struct zonefile_state state;
    struct zonefile_entry entry, generated;
    uint8_t *rdata; // RDATA_SIZE_MAX octets
};

static const struct zonefile_place file_start = {1, 1};

// Directives.

// The one argument of a directive, or NULL with an error.
static const struct zonefile_token *
argument(struct reader *reader, const char *directive, const char *what)
{
    const struct zonefile_token *token = zonefile_entry_token(&reader->entry, 1);
    const struct zonefile_token *second = zonefile_entry_token(&reader->entry, 2);
    if (!token)
        zonefile_error_add(&reader->errors, reader->entry.end, "%s: missing %s", directive, what);
    else if (second)
        zonefile_error_add(&reader->errors, second->place,
                           "%s: '%s' is too much: one %s is expected", directive, second->text,
                           what);
    return second ? NULL : token;
}

static void
origin_read(struct reader *reader)
{
    uint8_t origin[NAME_SIZE_MAX];
    const struct zonefile_token *token = argument(reader, "$ORIGIN", "name");
    if (token &&
        zonefile_name_read(token, "$ORIGIN", reader->state.origin, origin, &reader->errors))
        zonefile_origin_set(&reader->state, origin);
}

static void
default_ttl_read(struct reader *reader)
{
    const struct zonefile_token *token = argument(reader, "$TTL", "time");
    if (token && zonefile_ttl_read(&reader->errors, token, "$TTL", &reader->state.default_ttl))
        reader->state.has_default_ttl = true;
}

static bool
include_allowed(struct reader *reader)
{
    const struct zonefile_entry *entry = &reader->entry;
    const struct zonefile_token *more = zonefile_entry_token(entry, 3);
    if (!zonefile_entry_token(entry, 1))
        return zonefile_error_add(&reader->errors, entry->end, "$INCLUDE: missing file name");
    if (more)
        return zonefile_error_add(&reader->errors, more->place,
                                  "$INCLUDE: '%s' is too much: a file and an origin are expected",
                                  more->text);
    if (!zonefile_stack_top(&reader->stack)->directory)
        return zonefile_error_add(&reader->errors, zonefile_entry_place(entry, 0),
                                  "$INCLUDE is not allowed here");
    if (reader->stack.depth > ZONEFILE_INCLUDE_DEPTH_MAX)
        return zonefile_error_add(&reader->errors, zonefile_entry_place(entry, 0),
                                  "$INCLUDE: more than %d files inside each other",
                                  ZONEFILE_INCLUDE_DEPTH_MAX);
    return true;
}

static void
include_read(struct reader *reader)
{
    struct zonefile_frame frame = {0};
    uint8_t origin[NAME_SIZE_MAX];
    const struct zonefile_token *new_origin = zonefile_entry_token(&reader->entry, 2);
    if (!include_allowed(reader))
        return;
    name_copy(origin, reader->state.origin);
    bool good = !new_origin || zonefile_name_read(new_origin, "$INCLUDE: origin",
                                                  reader->state.origin, origin, &reader->errors);
    if (!zonefile_stack_open_included(&reader->stack, zonefile_entry_token(&reader->entry, 1),
                                      &frame) ||
        !good) {
        zonefile_frame_close(&frame);
        return;
    }
    zonefile_stack_push(&reader->stack, &frame);
    zonefile_origin_set(&reader->state, origin);
}

// Records.

static bool
owner_check(struct reader *reader, const struct zonefile_header *header)
{
    char owner[NAME_TEXT_MAX], apex[NAME_TEXT_MAX];
    if (name_is_at_or_below(header->owner, draft_apex(reader->draft)))
        return true;
    return zonefile_error_add(&reader->errors, header->owner_place,
                              "owner %s is outside of the zone %s: remove the record, or mend the "
                              "owner or $ORIGIN",
                              name_to_text(header->owner, owner),
                              name_to_text(draft_apex(reader->draft), apex));
}

// The RDATA stands in reader->rdata.
static bool
record_keep(struct reader *reader, const struct zonefile_header *header, uint16_t length)
{
    struct fault fault;
    uint32_t ttl = zonefile_ttl_choose(&reader->state, header, reader->rdata, length);
    if (!draft_add(reader->draft, header->owner, header->type, ttl, reader->rdata, length, &fault))
        return zonefile_error_add(&reader->errors, header->type_place, "%s", fault.text);
    if (reader->options.record_seen)
        reader->options.record_seen(reader->options.context, reader->errors.file,
                                    header->type_place.line, header->owner, header->type, ttl);
    return true;
}

static bool
record_read(struct reader *reader, const struct zonefile_entry *entry)
{
    struct zonefile_header header;
    struct octets_writer writer;
    octets_writer_init(&writer, reader->rdata, RDATA_SIZE_MAX);
    if (!zonefile_header_read(&reader->state, entry, &header))
        return false;
    bool inside = owner_check(reader, &header);
    if (!zonefile_fields_read(entry, header.rdata, header.type, reader->state.origin, &writer,
                              &reader->errors) ||
        !inside)
        return false;
    return record_keep(reader, &header, (uint16_t)octets_written(&writer));
}

// A usual line in one go; false: it is not one.
static bool
usual_read(struct reader *reader)
{
    struct zonefile_header header;
    struct zonefile_state *state = &reader->state;
    struct zonefile_scan *scan = &zonefile_stack_top(&reader->stack)->scan, before = *scan;
    bool new_owner;
    uint16_t length;
    if (!zonefile_quick_read(scan, state, &header, &new_owner, reader->rdata, &length))
        return false;
    if (!name_is_at_or_below(header.owner, draft_apex(reader->draft))) {
        *scan = before;
        return false;
    }
    if (new_owner)
        zonefile_owner_set(state, header.owner);
    record_keep(reader, &header, length);
    return true;
}

// $GENERATE.

// The record of one number: every token of the template expanded, at the template's places.
static bool
generated_make(struct reader *reader, uint32_t number, struct octets_buffer *text)
{
    const struct zonefile_entry *entry = &reader->entry;
    struct fault fault;
    zonefile_entry_clear(&reader->generated);
    reader->generated.end = entry->end;
    for (size_t i = 2; i < entry->tokens.count; i++) {
        const struct zonefile_token *token = zonefile_entry_token(entry, i);
        text->length = 0;
        if (!zonefile_generate_expand(token->text, number, text, &fault))
            return zonefile_error_add(&reader->errors, token->place, "$GENERATE: %s", fault.text);
        const char *expanded = text->length ? (const char *)text->data : "";
        if (!zonefile_entry_add(&reader->generated, expanded, text->length, token->place,
                                token->quoted))
            return zonefile_error_add(&reader->errors, token->place,
                                      "$GENERATE: a record of more than %u octets",
                                      ZONEFILE_RECORD_TEXT_MAX);
    }
    return true;
}

// One error is enough: what is wrong for one number is mostly wrong for all.
static void
range_generate(struct reader *reader, const struct zonefile_range *range)
{
    struct octets_buffer text;
    octets_buffer_init(&text);
    for (uint64_t number = range->start; number <= range->stop; number += range->step)
        if (!generated_make(reader, (uint32_t)number, &text) ||
            !record_read(reader, &reader->generated)) {
            zonefile_error_add(&reader->errors, zonefile_entry_place(&reader->entry, 1),
                               "$GENERATE stopped at number %" PRIu64 " by the error before",
                               number);
            break;
        }
    octets_buffer_close(&text);
}

static void
generate_read(struct reader *reader)
{
    const struct zonefile_entry *entry = &reader->entry;
    const struct zonefile_token *token = zonefile_entry_token(entry, 1);
    struct zonefile_range range;
    struct fault fault;
    if (entry->tokens.count < 5)
        zonefile_error_add(&reader->errors, entry->end,
                           "$GENERATE: RANGE OWNER [TTL] [IN] TYPE RDATA is expected");
    else if (!zonefile_range_read(token->text, &range, &fault))
        zonefile_error_add(&reader->errors, token->place, "$GENERATE: %s", fault.text);
    else if (zonefile_range_count(&range) > reader->options.generate_max)
        zonefile_error_add(&reader->errors, token->place,
                           "$GENERATE: range '%s' makes %" PRIu64 " records, at most %u are made",
                           token->text, zonefile_range_count(&range), reader->options.generate_max);
    else
        range_generate(reader, &range);
}

// The whole.

struct directive {
    const char *word;
    void (*read)(struct reader *reader);
};
static const struct directive directives[] = {
    {"$ORIGIN", origin_read},
    {"$TTL", default_ttl_read},
    {"$INCLUDE", include_read},
    {"$GENERATE", generate_read},
};
#define DIRECTIVES (sizeof directives / sizeof directives[0])

static void
directive_read(struct reader *reader, const struct zonefile_token *token)
{
    const char *words[DIRECTIVES];
    for (size_t i = 0; i < DIRECTIVES; i++) {
        words[i] = directives[i].word;
        if (strcasecmp(token->text, words[i]) == 0) {
            directives[i].read(reader);
            return;
        }
    }
    const char *nearest = quantity_nearest_word(token->text, words, DIRECTIVES);
    zonefile_error_add(&reader->errors, token->place, "unknown directive '%s'%s%s%s", token->text,
                       nearest ? ": did you mean "
                               : ": $ORIGIN, $TTL, $INCLUDE and $GENERATE are known",
                       nearest ? nearest : "", nearest ? "?" : "");
}

static void
entry_read(struct reader *reader)
{
    const struct zonefile_token *first = zonefile_entry_token(&reader->entry, 0);
    if (!first->quoted && first->text[0] == '$')
        directive_read(reader, first);
    else
        record_read(reader, &reader->entry);
}

static void
reader_step(struct reader *reader)
{
    switch (zonefile_scan_next(&zonefile_stack_top(&reader->stack)->scan, &reader->entry,
                               &reader->errors)) {
    case ZONEFILE_ENTRY:
        entry_read(reader);
        break;
    case ZONEFILE_BROKEN:
        break;
    case ZONEFILE_STARVED:
        zonefile_stack_feed(&reader->stack);
        break;
    case ZONEFILE_END:
        zonefile_stack_pop(&reader->stack);
        break;
    }
}

static void
reader_run(struct reader *reader)
{
    while (reader->stack.depth > 0 && !zonefile_errors_full(&reader->errors))
        if (reader->options.thorough || !usual_read(reader))
            reader_step(reader);
    while (reader->stack.depth > 0)
        zonefile_stack_pop(&reader->stack);
}

static void
reader_init(struct reader *reader, struct draft *draft, const struct zonefile_options *options)
{
    *reader = (struct reader){.draft = draft};
    if (options)
        reader->options = *options;
    reader->state.errors = &reader->errors;
    reader->state.fallback_ttl =
        reader->options.default_ttl ? reader->options.default_ttl : TTL_DEFAULT;
    if (reader->options.generate_max == 0)
        reader->options.generate_max = ZONEFILE_GENERATE_MAX;
    zonefile_errors_init(&reader->errors, ZONEFILE_ERRORS_MAX, ZONEFILE_WARNINGS_MAX);
    zonefile_origin_set(&reader->state, draft_apex(draft));
    zonefile_entry_init(&reader->entry);
    zonefile_entry_init(&reader->generated);
    reader->rdata = memory_alloc(RDATA_SIZE_MAX);
    zonefile_stack_init(&reader->stack, &reader->state, &reader->options);
}

static bool
reader_close(struct reader *reader, const char *name, struct vector *ret_errors)
{
    reader->errors.file = name;
    bool full = zonefile_errors_full(&reader->errors);
    reader->errors.errors_max++; // room for the last word
    if (full)
        zonefile_error_add(&reader->errors, file_start,
                           "too many errors: reading stopped after %d of them",
                           ZONEFILE_ERRORS_MAX);
    if (reader->errors.warning_count > ZONEFILE_WARNINGS_MAX) {
        unsigned more = reader->errors.warning_count - ZONEFILE_WARNINGS_MAX;
        reader->errors.warning_count = 0;
        zonefile_warning_add(&reader->errors, file_start, "%u more warnings are not shown", more);
    }
    zonefile_entry_close(&reader->entry);
    zonefile_entry_close(&reader->generated);
    free(reader->rdata);
    zonefile_stack_close(&reader->stack);
    *ret_errors = reader->errors.list;
    return reader->errors.error_count == 0;
}

bool
zonefile_read(const char *path, struct draft *draft, const struct zonefile_options *options,
              struct vector *ret_errors)
{
    struct reader *reader = memory_zalloc(sizeof *reader);
    struct zonefile_frame frame = {0};
    struct fault fault;
    reader_init(reader, draft, options);
    reader->errors.file = path;
    if (zonefile_stack_open(&reader->stack, path, path, &frame, &fault)) {
        zonefile_stack_push(&reader->stack, &frame);
        reader_run(reader);
    } else {
        zonefile_error_add(&reader->errors, file_start, "%s", fault.text);
        zonefile_frame_close(&frame);
    }
    bool good = reader_close(reader, path, ret_errors);
    free(reader);
    return good;
}

bool
zonefile_read_memory(const char *name, const char *text, size_t length, const char *directory,
                     struct draft *draft, const struct zonefile_options *options,
                     struct vector *ret_errors)
{
    struct reader *reader = memory_zalloc(sizeof *reader);
    struct zonefile_frame frame = {.name = memory_text(name),
                                   .directory = directory ? memory_text(directory) : NULL};
    reader_init(reader, draft, options);
    zonefile_scan_init(&frame.scan, text, length, false);
    zonefile_stack_push(&reader->stack, &frame);
    reader_run(reader);
    bool good = reader_close(reader, name, ret_errors);
    free(reader);
    return good;
}
