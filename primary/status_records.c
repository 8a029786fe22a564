// What a zone says and what its last step changed, as JSON.
#include "primary/status_inside.h"

#include "common/dns/rdata_text.h"
#include "common/dns/rrtype.h"
#include "common/zone/find.h"

static void
record_put(struct json_value *record, const uint8_t *owner, uint32_t ttl, uint16_t type,
           const uint8_t *rdata, uint16_t rdlength)
{
    char type_text[RRTYPE_TEXT_MAX];
    struct octets_buffer text;
    octets_buffer_init(&text);
    rdata_to_text(type, rdata, rdlength, &text);
    octets_buffer_add_u8(&text, '\0');
    json_value_put_owner(record, "owner", owner);
    json_value_put_integer(record, "ttl_seconds", ttl);
    json_value_put_text(record, "type", rrtype_text(type, type_text));
    json_value_put_text(record, "data", (const char *)text.data);
    octets_buffer_close(&text);
}

// Gives how many were left out.
static size_t
node_records_put(struct json_value *records, const struct node *node, uint16_t type)
{
    size_t left_out = 0;
    for (unsigned i = 0; i < node_rrset_count(node); i++) {
        struct rrset rrset;
        struct rr rr;
        uint32_t position = 0;
        node_rrset_at(node, i, &rrset);
        if (type != 0 && rrset.type != type)
            continue;
        while (rrset_next(rrset.wire, rrset.wire_length, &position, &rr)) {
            if (json_value_count(records) >= STATUS_RECORDS_MAX)
                left_out++;
            else
                record_put(json_value_add_object(records), node_owner(node), rr.ttl, rr.type,
                           rr.rdata, rr.rdlength);
        }
    }
    return left_out;
}

struct json_value *
status_zone_records(struct keeper *keeper, const uint8_t *owner, uint16_t type)
{
    struct json_value *object = json_value_object();
    struct keeper_status status;
    const struct version *version = keeper_version(keeper);
    const struct node *node;
    size_t left_out = 0;
    keeper_status(keeper, &status);
    json_value_put_text(object, "zone", keeper_zone(keeper)->domain);
    status_serials_put(object, &status);
    struct json_value *records = json_value_put_array(object, "records");
    if (version && owner) {
        if ((node = zone_find_exact(version, owner)))
            left_out = node_records_put(records, node, type);
    } else if (version) {
        struct version_cursor cursor;
        version_cursor_first(&cursor, version);
        while ((node = version_cursor_next(&cursor)))
            left_out += node_records_put(records, node, type);
    }
    json_value_put_integer(object, "left_out", (int64_t)left_out);
    json_value_put_null(object, "alias");
    return object;
}

static void
changes_put(struct json_value *object, const struct diff *diff, const uint8_t *apex)
{
    struct diff_walk walk;
    struct diff_rr rr;
    size_t left_out = 0;
    struct json_value *changes = json_value_put_array(object, "changes");
    diff_walk_init(&walk, diff, DIFF_WHOLE, apex);
    while (diff_walk_next(&walk, &rr)) {
        if (json_value_count(changes) >= STATUS_CHANGES_MAX) {
            left_out++;
            continue;
        }
        struct json_value *change = json_value_add_object(changes);
        json_value_put_text(change, "op", rr.added ? "+" : "-");
        record_put(change, rr.owner, rr.ttl, rr.type, rr.rdata, rr.rdlength);
    }
    json_value_put_integer(object, "left_out", (int64_t)left_out);
}

static void
version_serial_put(struct json_value *object, const char *key, const struct version *version)
{
    struct json_value *serial = json_value_put_object(object, key);
    status_serial_put(serial, "unsigned", version != NULL,
                      version ? version_facts(version)->signed_serial : 0);
    json_value_put_null(serial, "signed");
}

struct json_value *
status_zone_diff(struct keeper *keeper)
{
    struct json_value *object = json_value_object();
    const struct version *before = keeper_version_before(keeper), *now = keeper_version(keeper);
    const uint8_t *apex = keeper_served(keeper)->apex;
    struct diff diff;
    struct diff_counts counts = {0};
    diff_init(&diff);
    if (before && now)
        diff_version_version(before, now, DIFF_WHOLE, &diff);
    diff_count(&diff, DIFF_WHOLE, apex, &counts);
    json_value_put_text(object, "zone", keeper_zone(keeper)->domain);
    json_value_put_boolean(object, "held", false);
    json_value_put_null(object, "digest");
    json_value_put_null(object, "reason");
    version_serial_put(object, "from", before);
    version_serial_put(object, "to", now);
    json_value_put_integer(object, "added", (int64_t)counts.added_rrs);
    json_value_put_integer(object, "removed", (int64_t)counts.removed_rrs);
    changes_put(object, &diff, apex);
    diff_close(&diff);
    return object;
}
