#include "secondary/signer/change_json.h"

#include "common/base/octets.h"
#include "common/daemon/json_value.h"
#include "common/dns/rdata_text.h"
#include "common/dns/rrtype.h"

static void
record_add(struct json_value *changes, const struct diff_rr *rr)
{
    char type[RRTYPE_TEXT_MAX];
    struct octets_buffer text;
    octets_buffer_init(&text);
    rdata_to_text(rr->type, rr->rdata, rr->rdlength, &text);
    struct json_value *change = json_value_add_object(changes);
    json_value_put_text(change, "op", rr->added ? "+" : "-");
    json_value_put_owner(change, "owner", rr->owner);
    json_value_put_integer(change, "ttl_seconds", rr->ttl);
    json_value_put_text(change, "type", rrtype_text(rr->type, type));
    struct json_value *data = json_value_text_of((const char *)text.data, text.length);
    json_value_put(change, "data", &data);
    octets_buffer_close(&text);
}

struct json_value *
change_json(const struct diff *diff, const uint8_t *apex, size_t maximum, size_t *ret_left_out)
{
    struct json_value *changes = json_value_array();
    struct diff_walk walk;
    struct diff_rr rr;
    size_t count = 0;
    diff_walk_init(&walk, diff, DIFF_UNSIGNED, apex);
    for (; diff_walk_next(&walk, &rr); count++)
        if (count < maximum)
            record_add(changes, &rr);
    *ret_left_out = count > maximum ? count - maximum : 0;
    return changes;
}
