#include "primary/source.h"

#include <stdlib.h>

#include "common/base/arena.h"
#include "common/dns/rdata.h"
#include "common/dns/rrtype.h"
#include "common/zone/zonefile_load.h"

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
    zonefile_texts_clear(texts);
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

// Of one reading.
struct reading {
    struct source_files *files;
    int64_t now;
};

static void
file_note(void *context, const char *path, const struct stat *status,
          const struct hash_digest *digest)
{
    struct reading *reading = context;
    source_files_add(reading->files, path, status, digest, reading->now);
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
    struct zonefile_loading read;
    loading_init(ret_loading);
    struct reading reading = {.files = &ret_loading->files, .now = now};
    const struct zonefile_load_options options = {.file_read = file_note, .context = &reading};
    zonefile_load(path, apex, &options, &read);
    ret_loading->errors = read.errors;
    ret_loading->warnings = read.warnings;
    if (read.draft)
        ret_loading->source = source_new(&read.draft, &ret_loading->files, now);
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
