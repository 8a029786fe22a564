#include "primary/job.h"

#include <malloc.h>
#include <stdlib.h>

#include "common/base/arena.h"
#include "common/dns/name.h"

#define MEMORY_WORTH_TRIMMING (8U << 20)

struct job *
job_new(enum job_kind kind, const uint8_t *apex, const char *cause, uint64_t started_ms,
        int64_t now)
{
    struct job *job = memory_zalloc(sizeof *job);
    job->kind = kind;
    job->cause = cause;
    job->started_ms = started_ms;
    job->now = now;
    name_copy(job->apex, apex);
    vector_init(&job->owners, NAME_SIZE_MAX);
    return job;
}

// What a large zone took for a moment goes back to the system; else the process would stay as large
// as two or three copies of it. Not after a few owners: it takes longer than publishing them.
static void
memory_give_back(const struct job *job)
{
    const struct source *source =
        job->kind == JOB_LOAD ? job->loading.source : job->publication.source;
    bool whole = job->kind == JOB_LOAD || !job->publication.owners;
    if (whole && source && draft_memory(source->draft) > MEMORY_WORTH_TRIMMING)
        malloc_trim(0);
}

void
job_work(void *context)
{
    struct job *job = context;
    switch (job->kind) {
    case JOB_OPEN:
        publication_open(&job->publication, job->path, &job->marked);
        break;
    case JOB_LOAD:
        source_load_changed(job->known, job->path, job->apex, job->now, &job->loading);
        publication_prepare(&job->publication);
        break;
    case JOB_PUBLISH:
        publication_run(&job->publication);
        break;
    case JOB_UPKEEP:
        publication_keep_up(&job->publication);
        break;
    }
    memory_give_back(job);
}

void
job_free(struct job **job)
{
    struct job *old = *job;
    *job = NULL;
    if (old->kind == JOB_LOAD)
        source_loading_close(&old->loading);
    free(old->path);
    draft_free(&old->addresses);
    source_drop(&old->source);
    source_drop(&old->known);
    vector_close(&old->owners);
    if (old->publication.has_place)
        version_place_close(&old->publication.place);
    free(old);
}
