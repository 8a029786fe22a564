// All errors at once: what can be read of a broken file is checked as well, but for what its broken
// lines may have said (that there is no NS is no news when the line with the NS is broken).
//
// The check works on the sealed draft, which knows no lines. To name them for a finding ("ALIAS
// beside an A record") without keeping a line for every record, a file with findings is read a
// second time, and only the lines of the owners that have one are noted.
#include "common/zone/zonefile_load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/dns/rrtype.h"
#include "common/zone/check.h"

#define TEXT_MAX 4096

struct load {
    const char *path;
    struct draft *draft;
    const struct zonefile_load_options *options;
    bool readable;
    size_t errors, warnings; // found, also those that are not kept
    struct zonefile_loading *loading;
};

void
zonefile_texts_clear(struct vector *texts)
{
    for (size_t i = 0; i < texts->count; i++)
        free(*(char **)vector_at(texts, i));
    vector_clear(texts);
}

void
zonefile_loading_close(struct zonefile_loading *loading)
{
    draft_free(&loading->draft);
    zonefile_texts_clear(&loading->errors);
    zonefile_texts_clear(&loading->warnings);
    vector_close(&loading->errors);
    vector_close(&loading->warnings);
}

static void
text_add(struct load *load, bool is_warning, const char *text)
{
    struct vector *texts = is_warning ? &load->loading->warnings : &load->loading->errors;
    size_t *count = is_warning ? &load->warnings : &load->errors;
    if (++*count > ZONEFILE_TEXTS_MAX)
        return;
    char *copy = memory_text(text);
    vector_add(texts, &copy);
}

// Says how many were found beyond those that are shown.
static void
rest_tell(struct vector *texts, size_t found, const char *path, const char *what)
{
    char text[TEXT_MAX];
    if (found <= texts->count)
        return;
    snprintf(text, sizeof text, "%s: %zu more %ss are not shown (at most %d are)", path,
             found - texts->count, what, ZONEFILE_TEXTS_MAX);
    char *copy = memory_text(text);
    vector_add(texts, &copy);
}

// ---- lines of findings ----

struct place {
    const struct check_finding *finding;
    size_t number; // of the finding
    char *file;    // NULL: no line is known
    unsigned line[ZONEFILE_LINES_MAX], count;
};
struct lines {
    struct place *places; // by owner
    size_t count;
};

static int
place_compare(const void *left, const void *right)
{
    const struct place *a = left, *b = right;
    int order = name_compare(a->finding->owner, b->finding->owner);
    return order ? order : (a->number > b->number) - (a->number < b->number);
}

static int
place_number_compare(const void *left, const void *right)
{
    const struct place *a = left, *b = right;
    return (a->number > b->number) - (a->number < b->number);
}

static bool
is_concerned(const struct check_finding *finding, uint16_t type)
{
    return finding->type == 0 || finding->type == type ||
           (finding->severity == CHECK_ERROR && (type == RRTYPE_ALIAS || type == RRTYPE_CNAME));
}

static void
place_note(struct place *place, const char *file, unsigned line)
{
    if (place->count == ZONEFILE_LINES_MAX)
        return;
    if (!place->file)
        place->file = memory_text(file);
    if (strcmp(place->file, file) == 0)
        place->line[place->count++] = line;
}

static void
line_note(void *context, const char *file, unsigned line, const uint8_t *owner, uint16_t type,
          uint32_t ttl)
{
    struct lines *lines = context;
    size_t low = 0, high = lines->count;
    (void)ttl;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (name_compare(lines->places[middle].finding->owner, owner) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < lines->count && name_equal(lines->places[low].finding->owner, owner); low++)
        if (is_concerned(lines->places[low].finding, type))
            place_note(&lines->places[low], file, line);
}

static void
lines_find(struct lines *lines, const char *path, const uint8_t *apex)
{
    struct zonefile_options options = {.record_seen = line_note, .context = lines};
    struct draft *draft = draft_new(apex);
    struct vector errors;
    qsort(lines->places, lines->count, sizeof *lines->places, place_compare);
    zonefile_read(path, draft, &options, &errors);
    zonefile_errors_close(&errors);
    draft_free(&draft);
    qsort(lines->places, lines->count, sizeof *lines->places, place_number_compare);
}

// ---- findings ----

// "db.example.gov:12,15: www.example.gov. A: ALIAS beside ..."
static void
finding_text(const struct place *place, const char *path, char text[static TEXT_MAX])
{
    const struct check_finding *finding = place->finding;
    char owner[NAME_TEXT_MAX], type[RRTYPE_TEXT_MAX];
    int length = snprintf(text, TEXT_MAX, "%s:", place->file ? place->file : path);
    for (unsigned i = 0; i < place->count && length < TEXT_MAX; i++)
        length += snprintf(text + length, (size_t)(TEXT_MAX - length), "%s%u", i ? "," : "",
                           place->line[i]);
    if (length < TEXT_MAX)
        snprintf(text + length, (size_t)(TEXT_MAX - length), "%s %s%s%s%s: %s",
                 place->count ? ":" : "", finding->severity == CHECK_WARNING ? "warning: " : "",
                 name_to_text(finding->owner, owner), finding->type ? " " : "",
                 finding->type ? rrtype_text(finding->type, type) : "", finding->text);
}

static void
findings_tell(struct load *load, const struct vector *findings, size_t errors)
{
    struct lines lines = {.count = findings->count};
    lines.places = memory_zalloc(findings->count * sizeof *lines.places);
    for (size_t i = 0; i < findings->count; i++)
        lines.places[i] = (struct place){.finding = vector_at(findings, i), .number = i};
    if (errors > 0 || (findings->count > 0 && load->options->lines_of_warnings))
        lines_find(&lines, load->path, draft_apex(load->draft));
    for (size_t i = 0; i < lines.count; i++) {
        char text[TEXT_MAX];
        finding_text(&lines.places[i], load->path, text);
        text_add(load, lines.places[i].finding->severity == CHECK_WARNING, text);
        free(lines.places[i].file);
    }
    free(lines.places);
}

// The TTLs that sealing made equal, as a finding like those of the check.
static void
ttl_finding_add(const struct draft_findings *sealed, struct vector *findings)
{
    if (sealed->ttl_differs == 0)
        return;
    struct check_finding *finding = vector_add(findings, NULL);
    finding->severity = CHECK_WARNING;
    finding->type = sealed->ttl_type;
    finding->word = "ttl-differs";
    name_copy(finding->owner, sealed->ttl_owner);
    if (sealed->ttl_differs == 1)
        snprintf(finding->text, sizeof finding->text,
                 "the records of this set have different TTLs; the lowest is taken: write the same "
                 "in all of them");
    else
        snprintf(finding->text, sizeof finding->text,
                 "the records of this set, and those of %zu more, have different TTLs; the lowest "
                 "is taken: write the same in all of a set",
                 sealed->ttl_differs - 1);
}

// ---- the steps ----

static void
file_read(struct load *load)
{
    struct vector errors;
    char text[TEXT_MAX];
    struct zonefile_options options = {.file_read = load->options->file_read,
                                       .context = load->options->context};
    load->readable = zonefile_read(load->path, load->draft, &options, &errors);
    for (size_t i = 0; i < errors.count; i++) {
        const struct zonefile_error *error = vector_at(&errors, i);
        zonefile_error_text(error, text, sizeof text);
        text_add(load, error->is_warning, text);
    }
    zonefile_errors_close(&errors);
}

static void
content_check(struct load *load)
{
    struct draft_findings sealed;
    struct fault fault;
    struct vector findings;
    char text[TEXT_MAX];
    struct check_options options = {.alias_allowed = true, .incomplete = !load->readable};
    if (!draft_seal(load->draft, &sealed, &fault)) {
        snprintf(text, sizeof text, "%s: %s", load->path, fault.text);
        text_add(load, false, text);
        return;
    }
    size_t errors = check_draft(load->draft, &options, &findings);
    size_t kept = findings.count;
    ttl_finding_add(&sealed, &findings);
    findings_tell(load, &findings, errors);
    size_t warnings = 0;
    for (size_t i = 0; i < kept; i++)
        warnings +=
            ((const struct check_finding *)vector_at(&findings, i))->severity == CHECK_WARNING;
    load->errors += errors - (kept - warnings); // those that the check counted only
    vector_close(&findings);
}

static void
empty_tell(struct load *load)
{
    char text[TEXT_MAX], apex[NAME_TEXT_MAX];
    snprintf(
        text, sizeof text,
        "%s: there is no record in the file: a zone begins with an SOA and NS records, such as "
        "'%s 3600 IN SOA ns1 hostmaster 1 1h 15m 2w 5m'",
        load->path, name_to_text(draft_apex(load->draft), apex));
    text_add(load, false, text);
}

void
zonefile_load(const char *path, const uint8_t *apex, const struct zonefile_load_options *options,
              struct zonefile_loading *ret_loading)
{
    struct load load = {
        .path = path, .draft = draft_new(apex), .options = options, .loading = ret_loading};
    *ret_loading = (struct zonefile_loading){0};
    vector_init(&ret_loading->errors, sizeof(char *));
    vector_init(&ret_loading->warnings, sizeof(char *));
    file_read(&load);
    if (draft_rr_count(load.draft) > 0)
        content_check(&load);
    else if (load.readable)
        empty_tell(&load);
    rest_tell(&ret_loading->errors, load.errors, path, "error");
    rest_tell(&ret_loading->warnings, load.warnings, path, "warning");
    if (load.errors == 0)
        ret_loading->draft = load.draft;
    else
        draft_free(&load.draft);
}
