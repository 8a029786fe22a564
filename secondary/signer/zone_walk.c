#include "secondary/signer/zone_walk.h"

#include <stdlib.h>

#include "common/base/arena.h"
#include "common/net/loop.h"

struct zone_walk {
    struct loop *loop;
    struct verify_walk *walk;
    struct verify_report report;
    bool more;      // there are records left
    bool runs;      // a thread has it
    bool abandoned; // freed while a thread had it
};

struct zone_walk *
zone_walk_new(struct loop *loop, const struct version *version, int64_t now)
{
    struct zone_walk *walk = memory_zalloc(sizeof *walk);
    walk->loop = loop;
    walk->walk = verify_walk_new(version, now);
    walk->more = true;
    verify_report_init(&walk->report);
    return walk;
}

static void
walk_end(struct zone_walk *walk)
{
    verify_walk_free(&walk->walk);
    verify_report_close(&walk->report);
    free(walk);
}

static void
portion_verify(void *context)
{
    struct zone_walk *walk = context;
    walk->more = verify_walk_some(walk->walk, ZONE_WALK_RECORDS, &walk->report);
}

static void
portion_done(void *context, bool cancelled)
{
    struct zone_walk *walk = context;
    (void)cancelled; // then it is asked for again, or nobody is there to ask
    walk->runs = false;
    if (walk->abandoned) {
        walk_end(walk);
    }
}

bool
zone_walk_more(struct zone_walk *walk)
{
    if (walk->runs) {
        return true;
    }
    if (!walk->more || walk->report.finding_count > 0) {
        return false;
    }
    walk->runs = true;
    loop_work(walk->loop, portion_verify, portion_done, walk);
    return true;
}

const struct verify_report *
zone_walk_report(const struct zone_walk *walk)
{
    return &walk->report;
}

void
zone_walk_free(struct zone_walk **walk)
{
    struct zone_walk *old = *walk;
    *walk = NULL;
    if (old == NULL) {
        return;
    }
    if (old->runs) {
        old->abandoned = true;
    } else {
        walk_end(old);
    }
}
