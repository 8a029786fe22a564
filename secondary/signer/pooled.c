#include "secondary/signer/pooled.h"

#include <limits.h>
#include <stdio.h>

#include "common/daemon/log.h"

void
pooled_init(struct pooled *pooled, struct message_link *link)
{
    *pooled = (struct pooled){.link = link};
    vector_init(&pooled->told, sizeof(uint32_t));
    octets_buffer_init(&pooled->items);
}

void
pooled_close(struct pooled *pooled)
{
    zone_pool_close(&pooled->pool);
    vector_close(&pooled->told);
    octets_buffer_close(&pooled->items);
}

static void
log_opening(const struct zone_pool_opening *opening)
{
    if (opening->damaged_segments > 0) {
        log_error(
            "files in the state directory's pool are none of a pool, or damaged: set aside as "
            "torn.pool.*; their zones come again from the primary; look at the disk",
            "files", LOG_NUMBER(opening->damaged_segments));
    }
    if (opening->damaged_entries > 0) {
        log_error("versions in the state directory's pool are damaged: what can be is served of "
                  "them, or else those before them; look at the disk",
                  "versions", LOG_NUMBER(opening->damaged_entries));
    }
    if (opening->torn_entries > 0) {
        log_warning("versions were not whole on disk (a crash in the middle of a publish): those "
                    "before them are served",
                    "versions", LOG_NUMBER(opening->torn_entries));
    }
}

struct zone_pool *
pooled_open(struct pooled *pooled, struct fault *fault)
{
    char path[PATH_MAX];
    struct zone_pool_opening opening;
    if (pooled->pool != NULL) {
        return pooled->pool;
    }
    snprintf(path, sizeof path, "%s/pool", pooled->state_directory);
    if (!zone_pool_open(path, NULL, &pooled->pool, &opening, fault)) {
        return NULL;
    }
    log_opening(&opening);
    return pooled->pool;
}

void
pooled_send(struct pooled *pooled)
{
    const struct message message = {.type = MESSAGE_POOLED,
                                    .to = ROLE_SERVER,
                                    .from = ROLE_SIGNER,
                                    .zone = MESSAGE_NO_ZONE,
                                    .body = {pooled->items.data, pooled->items.length}};
    if (pooled->item_count > 0) {
        message_link_send(pooled->link, &message);
    }
    pooled->items.length = 0;
    pooled->item_count = 0;
}

static bool
file_is_told(const struct pooled *pooled, uint32_t number)
{
    for (size_t i = 0; i < pooled->told.count; i++) {
        if (*(uint32_t *)vector_at(&pooled->told, i) == number) {
            return true;
        }
    }
    return false;
}

static void
tell_file(struct pooled *pooled, uint32_t number)
{
    struct octets_buffer body;
    octets_buffer_init(&body);
    octets_buffer_add_u32(&body, number);
    const struct message message = {.type = MESSAGE_POOL,
                                    .to = ROLE_SERVER,
                                    .from = ROLE_SIGNER,
                                    .zone = MESSAGE_NO_ZONE,
                                    .body = {body.data, body.length},
                                    .descriptor_count = 1,
                                    .descriptors = {zone_pool_descriptor(pooled->pool, number)}};
    message_link_send(pooled->link, &message);
    vector_add(&pooled->told, &number);
    octets_buffer_close(&body);
}

void
pooled_tell(struct pooled *pooled, const struct message_pooled *item)
{
    if (!file_is_told(pooled, item->place.segment)) {
        tell_file(pooled, item->place.segment);
    }
    message_pooled_write(item, &pooled->items);
    if (++pooled->item_count == MESSAGE_POOLED_MAX || !pooled->gathering) {
        pooled_send(pooled);
    }
}

void
pooled_gather(struct pooled *pooled)
{
    pooled->gathering = true;
}

void
pooled_gathered(struct pooled *pooled)
{
    pooled->gathering = false;
    pooled_send(pooled);
}

void
pooled_tell_again(struct pooled *pooled)
{
    vector_clear(&pooled->told);
}

void
pooled_rest(const struct pooled *pooled)
{
    if (pooled->pool != NULL) {
        zone_pool_rest(pooled->pool);
    }
}
