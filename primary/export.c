#include "primary/export.h"

#include <stdlib.h>

#include "common/base/arena.h"
#include "common/zone/zonefile_write.h"
#include "primary/request.h"

#define EXPORT_PIECE (CONTROL_CHUNK_MAX / 2) // a record of a piece may be long

struct export
{
    const struct version *version; // or
    struct source *source;
    struct version_cursor cursor;
    size_t index; // of the source's next record
    bool ended;
};

static bool
version_next(void *context, struct octets_buffer *ret_text, struct fault *fault)
{
    struct export *export = context;
    char zone[NAME_TEXT_MAX];
    if (!export->ended)
        export->ended = !zonefile_write_some(&export->cursor, true, EXPORT_PIECE, ret_text);
    if (export->cursor.damaged)
        return fault_set(fault, FAULT_CORRUPT,
                         "zone %s: a saved record is damaged, so the text would have a gap; look "
                         "at the disk",
                         name_to_text_short(version_apex(export->version), zone));
    return true;
}

static bool
source_next(void *context, struct octets_buffer *ret_text, struct fault *fault)
{
    struct export *export = context;
    const struct draft *draft = export->source->draft;
    (void)fault;
    while (ret_text->length < EXPORT_PIECE && export->index < draft_node_count(draft)) {
        zonefile_write_node(draft_node_at(draft, export->index), export->index == 0, true,
                            ret_text);
        export->index++;
    }
    return true;
}

static void
export_stop(void *context)
{
    struct export *export = context;
    version_drop(&export->version);
    source_drop(&export->source);
    free(export);
}

static struct json_value *
result_make(const struct keeper *keeper, size_t records)
{
    struct json_value *result = json_value_object();
    request_zone_put(keeper, result);
    json_value_put_integer(result, "records", (int64_t)records);
    return result;
}

void
export_nothing(struct control_request **request, const struct keeper *keeper)
{
    struct keeper_status status;
    struct fault fault;
    keeper_status(keeper, &status);
    fault_set(&fault, FAULT_NOT_FOUND,
              "zone %s: not loaded: %.900s; see \"tandemctl zone status %s\"",
              keeper_zone(keeper)->domain,
              status.reason ? status.reason : keeper_state_word(status.state),
              keeper_zone(keeper)->domain);
    control_reply_fault(request, &fault);
}

void
export_version(struct control_request **request, const struct keeper *keeper)
{
    const struct version *version = keeper_version(keeper);
    if (!version) {
        export_nothing(request, keeper);
        return;
    }
    struct export *export = memory_zalloc(sizeof *export);
    struct control_stream stream = {.next = version_next, .stop = export_stop, .context = export};
    struct json_value *result = result_make(keeper, version_facts(version)->rr_count);
    export->version = version_hold(version);
    version_cursor_first(&export->cursor, export->version);
    control_reply_stream(request, &stream, &result);
}

void
export_source(struct control_request **request, const struct keeper *keeper)
{
    struct source *source = keeper_source(keeper);
    if (!source) {
        export_nothing(request, keeper);
        return;
    }
    struct export *export = memory_zalloc(sizeof *export);
    struct control_stream stream = {.next = source_next, .stop = export_stop, .context = export};
    struct json_value *result = result_make(keeper, draft_rr_count(source->draft));
    export->source = source_hold(source);
    control_reply_stream(request, &stream, &result);
}
