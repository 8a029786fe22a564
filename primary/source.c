// The check works on the sealed draft, which knows no lines. To name them for a finding ("ALIAS
// beside an A record") without keeping a line for every record, a broken file is read a second
// time, and only the lines of the owners that have a finding are noted.
#include "primary/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/dns/rdata.h"
#include "common/dns/rrtype.h"
#include "common/zone/check.h"
#include "common/zone/zonefile_read.h"

#define TEXT_MAX 4096

struct source *
source_hold(struct source *source)
{
    source->references++;
    return source;
}

void
source_drop(struct source **source)
{
    struct source *old = *source;
    *source = NULL;
    if (!old || --old->references > 0)
        return;
    draft_free(&old->draft);
    source_files_close(&old->files);
    free(old);
}

void
source_texts_clear(struct vector *texts)
{
    for (size_t i = 0; i < texts->count; i++)
        free(*(char **)vector_at(texts, i));
    vector_clear(texts);
}

void
source_loading_close(struct source_loading *loading)
{
    source_drop(&loading->source);
    source_files_close(&loading->files);
    source_texts_clear(&loading->errors);
    source_texts_clear(&loading->warnings);
    vector_close(&loading->errors);
    vector_close(&loading->warnings);
}

static void
text_add(struct vector *texts, const char *text)
{
    char *copy = memory_text(text);
    if (texts->count < SOURCE_TEXTS_MAX)
        vector_add(texts, &copy);
    else
        free(copy);
}

// Where the records of the findings' owners stand.
struct lines {
    const struct vector *findings;
    struct place {
        char *file;
        unsigned line[SOURCE_LINES_MAX];
        unsigned count;
    } * places; // one for each finding
};

static void
line_note(void *context, const char *file, unsigned line, const uint8_t *owner, uint16_t type,
          uint32_t ttl)
{
    struct lines *lines = context;
    (void)ttl;
    for (size_t i = 0; i < lines->findings->count; i++) {
        const struct check_finding *finding = vector_at(lines->findings, i);
        struct place *place = &lines->places[i];
        bool concerned =
            finding->severity == CHECK_ERROR && (finding->type == 0 || finding->type == type ||
                                                 type == RRTYPE_ALIAS || type == RRTYPE_CNAME);
        if (!concerned || place->count == SOURCE_LINES_MAX || !name_equal(finding->owner, owner))
            continue;
        if (!place->file)
            place->file = memory_text(file);
        if (strcmp(place->file, file) == 0)
            place->line[place->count++] = line;
    }
}

static void
lines_find(struct lines *lines, const char *path, const uint8_t *apex)
{
    struct zonefile_options options = {.record_seen = line_note, .context = lines};
    struct draft *draft = draft_new(apex);
    struct vector errors;
    zonefile_read(path, draft, &options, &errors);
    zonefile_errors_close(&errors);
    draft_free(&draft);
}

// "db.example.gov:12,15: www.example.gov. A: ALIAS beside ..."
static void
finding_text(const struct check_finding *finding, const char *path, const struct place *place,
             char text[static TEXT_MAX])
{
    char owner[NAME_TEXT_MAX], type[RRTYPE_TEXT_MAX];
    int length = snprintf(text, TEXT_MAX, "%s:", place && place->file ? place->file : path);
    for (unsigned i = 0; place && i < place->count && length < TEXT_MAX; i++)
        length += snprintf(text + length, (size_t)(TEXT_MAX - length), "%s%u", i ? "," : "",
                           place->line[i]);
    if (length < TEXT_MAX)
        snprintf(text + length, (size_t)(TEXT_MAX - length), "%s %s%s%s: %s",
                 place && place->count ? ":" : "", name_to_text(finding->owner, owner),
                 finding->type ? " " : "", finding->type ? rrtype_text(finding->type, type) : "",
                 finding->text);
}

static void
findings_add(struct source_loading *loading, const struct vector *findings, size_t errors,
             const char *path, const uint8_t *apex)
{
    struct lines lines = {.findings = findings};
    if (errors > 0) {
        lines.places = memory_zalloc(findings->count * sizeof *lines.places);
        lines_find(&lines, path, apex);
    }
    for (size_t i = 0; i < findings->count; i++) {
        const struct check_finding *finding = vector_at(findings, i);
        char text[TEXT_MAX];
        finding_text(finding, path, lines.places ? &lines.places[i] : NULL, text);
        text_add(finding->severity == CHECK_ERROR ? &loading->errors : &loading->warnings, text);
        if (lines.places)
            free(lines.places[i].file);
    }
    free(lines.places);
}

// Of one reading.
struct reading {
    struct source_files *files;
    int64_t now;
};

static void
file_note(void *context, const char *path, const struct stat *status, const char *text,
          size_t length)
{
    struct reading *reading = context;
    source_files_add(reading->files, path, status, text, length, reading->now);
}

static bool
file_read(const char *path, struct draft *draft, int64_t now, struct source_loading *loading)
{
    struct reading reading = {.files = &loading->files, .now = now};
    struct zonefile_options options = {.file_read = file_note, .context = &reading};
    struct vector errors;
    char text[TEXT_MAX];
    bool good = zonefile_read(path, draft, &options, &errors);
    for (size_t i = 0; i < errors.count; i++) {
        const struct zonefile_error *error = vector_at(&errors, i);
        zonefile_error_text(error, text, sizeof text);
        text_add(error->is_warning ? &loading->warnings : &loading->errors, text);
    }
    zonefile_errors_close(&errors);
    return good;
}

static bool
draft_finish(struct draft *draft, const char *path, struct source_loading *loading)
{
    struct draft_findings findings;
    struct fault fault;
    char text[TEXT_MAX], owner[NAME_TEXT_MAX], type[RRTYPE_TEXT_MAX];
    if (!draft_seal(draft, &findings, &fault)) {
        snprintf(text, sizeof text, "%s: %s", path, fault.text);
        text_add(&loading->errors, text);
        return false;
    }
    if (findings.ttl_differs > 0) {
        snprintf(text, sizeof text,
                 "%s: %zu record sets have records with different TTLs, the first is %s %s; the "
                 "lowest is taken",
                 path, findings.ttl_differs, name_to_text(findings.ttl_owner, owner),
                 rrtype_text(findings.ttl_type, type));
        text_add(&loading->warnings, text);
    }
    return true;
}

static bool
draft_good(const struct draft *draft, const char *path, struct source_loading *loading)
{
    struct check_options options = {.alias_allowed = true};
    struct vector findings;
    size_t errors = check_draft(draft, &options, &findings);
    findings_add(loading, &findings, errors, path, draft_apex(draft));
    vector_close(&findings);
    return errors == 0;
}

static struct source *
source_new(struct draft **draft, struct source_files *files, int64_t now)
{
    struct source *source = memory_zalloc(sizeof *source);
    struct rrset rrset;
    struct rr rr;
    struct rdata_soa soa;
    uint32_t position = 0;
    *source = (struct source){.references = 1, .draft = *draft, .loaded_at = now};
    source_files_take(&source->files, files);
    *draft = NULL;
    bool has = node_rrset_find(draft_node_at(source->draft, 0), RRTYPE_SOA, &rrset) &&
               rrset_next(rrset.wire, rrset.wire_length, &position, &rr) &&
               rdata_soa_read(rr.rdata, rr.rdlength, &soa);
    ENSURE(has); // check_draft asks for it
    source->serial = soa.serial;
    for (size_t i = 0; i < draft_node_count(source->draft); i++)
        source->alias_owners += node_has(draft_node_at(source->draft, i), RRTYPE_ALIAS);
    return source;
}

static void
loading_init(struct source_loading *loading)
{
    *loading = (struct source_loading){0};
    source_files_init(&loading->files);
    vector_init(&loading->errors, sizeof(char *));
    vector_init(&loading->warnings, sizeof(char *));
}

void
source_load(const char *path, const uint8_t *apex, int64_t now, struct source_loading *ret_loading)
{
    struct draft *draft = draft_new(apex);
    loading_init(ret_loading);
    if (file_read(path, draft, now, ret_loading) && draft_finish(draft, path, ret_loading) &&
        draft_good(draft, path, ret_loading))
        ret_loading->source = source_new(&draft, &ret_loading->files, now);
    draft_free(&draft);
}

void
source_load_changed(const struct source *known, const char *path, const uint8_t *apex, int64_t now,
                    struct source_loading *ret_loading)
{
    struct source_files files;
    size_t looked_into;
    if (!known || source_files_compare(&known->files, path, now, &files, &looked_into) ==
                      SOURCE_FILES_CHANGED) {
        source_load(path, apex, now, ret_loading);
        return;
    }
    loading_init(ret_loading);
    ret_loading->unchanged = true;
    ret_loading->looked_into = looked_into;
    source_files_take(&ret_loading->files, &files);
}
