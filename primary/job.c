#include "primary/job.h"

#include <stdlib.h>

#include "common/base/arena.h"
#include "common/dns/name.h"

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
