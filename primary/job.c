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
// as two or three copies of it.
static void
memory_give_back(const struct job *job)
{
    const struct source *source =
        job->kind == JOB_LOAD ? job->loading.source : job->publication.source;
    if (source && draft_memory(source->draft) > MEMORY_WORTH_TRIMMING)
        malloc_trim(0);
}

void
job_work(void *context)
{
    struct job *job = context;
    if (job->kind == JOB_LOAD) {
        source_load(job->path, job->apex, job->now, &job->loading);
        publication_prepare(&job->publication);
    } else {
        publication_run(&job->publication);
    }
    memory_give_back(job);
}

void
job_free(struct job **job)
{
    struct job *old = *job;
    *job = NULL;
    if (old->kind == JOB_LOAD && old->path)
        source_loading_close(&old->loading);
    free(old->path);
    draft_free(&old->addresses);
    source_drop(&old->source);
    vector_close(&old->owners);
    version_drop(&old->publication.version);
    free(old);
}
