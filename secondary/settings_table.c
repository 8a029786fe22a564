#include "secondary/settings_table.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/base/fault.h"
#include "common/dns/nsec3_hash.h"
#include "secondary/body.h"

// --- Who gets what ---

#define TO(role) (1U << (unsigned)(role))
#define FETCHER  TO(ROLE_FETCHER)
#define SIGNER   TO(ROLE_SIGNER)
#define DESK     TO(ROLE_DESK)
#define SERVER   TO(ROLE_SERVER)
#define ALL      (FETCHER | SIGNER | DESK | SERVER)
#define NOBODY   0U // of those who are sent any: the supervisor keeps every row for itself

#define LISTED(type, member, what, items, who)                                                     \
    {                                                                                              \
        .offset = offsetof(type, member), .kind = SETTINGS_##what, .roles = (uint8_t)(who),        \
        .count = (unsigned)(items)                                                                 \
    }
#define TABLE(name, rows)                                                                          \
    const struct settings_table name = {rows, sizeof(rows) / sizeof((rows)[0])}

_Static_assert(sizeof(unsigned) == sizeof(uint32_t) && sizeof(enum smtp_tls) == sizeof(unsigned),
               "rows of 32 bits");

#define ROW(member, what, who) LISTED(struct role_extras, member, what, 0, who)
static const struct settings_row extras_rows[] = {
    ROW(host, TEXT, ALL),
    ROW(server_count, U32, ALL),
};
TABLE(settings_table_extras, extras_rows);
#undef ROW

#define ROW(member, what, who)           LISTED(struct secondary_settings, member, what, 0, who)
#define ROW_OF(member, what, items, who) LISTED(struct secondary_settings, member, what, items, who)
static const struct settings_row root_rows[] = {
    ROW(file, TEXT, DESK),
    ROW(listen, ADDRESSES, DESK),
    ROW(user, TEXT, ALL),
    ROW(server_user, TEXT, SERVER),
    ROW(state_directory, TEXT, SIGNER | DESK),
    ROW(workers, U32, NOBODY),
    ROW(tcp_clients, U32, SERVER),
    ROW(tcp_idle_seconds, I64, SERVER),
    ROW(rate_limit.per_second, U32, SERVER | DESK),
    ROW(rate_limit.slip, U32, SERVER | DESK),
    ROW(rate_limit.prefix_v4, U32, SERVER | DESK),
    ROW(rate_limit.prefix_v6, U32, SERVER | DESK),
    ROW(cookies, BOOL, SERVER),
    ROW(cookie_secret_file, TEXT, NOBODY), // the supervisor alone opens it
    ROW(nsid, TEXT, SERVER),
    ROW(version, TEXT, SERVER),
    ROW(control_socket, TEXT, DESK),
    ROW(http.listen, ADDRESS, DESK),
    ROW_OF(log.level, CHOICE, LOG_LEVEL_DEBUG + 1, ALL),
    ROW_OF(log.format, CHOICE, LOG_FORMAT_JSON + 1, ALL),
    ROW(alert.smtp_address, TEXT, DESK),
    ROW_OF(alert.smtp_tls, CHOICE, SMTP_TLS_NONE + 1, DESK),
    ROW(alert.smtp_user, TEXT, DESK),
    ROW(alert.smtp_password, TEXT, DESK),
    ROW(alert.smtp_password_file, TEXT, DESK),
    ROW(alert.smtp_ca_file, TEXT, DESK),
    ROW(alert.mail_directory, TEXT, DESK),
    ROW(alert.from, TEXT, DESK),
    ROW(alert.to, TEXTS, DESK),
    ROW_OF(alert.on, BOOLS, ALERT_KIND_COUNT, DESK),
    ROW(alert.min_interval_seconds, I64, DESK),
    ROW(alert.heartbeat_seconds, I64, DESK),
};
TABLE(settings_table_root, root_rows);
#undef ROW
#undef ROW_OF

#define ROW(member, what, who) LISTED(struct remote_settings, member, what, 0, who)
static const struct settings_row remote_rows[] = {
    ROW(id, TEXT, FETCHER | DESK),
    ROW(addresses, ADDRESSES, FETCHER | DESK),
    ROW(key, KEY, FETCHER),
    ROW(source, ADDRESS, FETCHER | DESK),
};
TABLE(settings_table_remote, remote_rows);
#undef ROW

// The desk shows a policy's name, the fetcher asks its parents, the signer does the rest.
#define ROW(member, what, who)           LISTED(struct policy_settings, member, what, 0, who)
#define ROW_OF(member, what, items, who) LISTED(struct policy_settings, member, what, items, who)
static const struct settings_row policy_rows[] = {
    ROW(id, TEXT, FETCHER | SIGNER | DESK),
    ROW(ds_check_parents, ADDRESSES, FETCHER | SIGNER),
    ROW(ds_check_interval_seconds, I64, FETCHER | SIGNER),
    ROW(algorithm, OCTET, SIGNER),
    ROW(single_type_signing, BOOL, SIGNER),
    ROW(ksk_lifetime_seconds, I64, SIGNER),
    ROW(zsk_lifetime_seconds, I64, SIGNER),
    ROW(rrsig_lifetime_seconds, I64, SIGNER),
    ROW(rrsig_refresh_seconds, I64, SIGNER),
    ROW(rrsig_jitter_seconds, I64, SIGNER),
    ROW_OF(key_storage, CHOICE, POLICY_STORAGE_PLAIN + 1, SIGNER),
    ROW(key_secret_file, TEXT, SIGNER),
    ROW(dnskey_ttl_seconds, U32, SIGNER),
    ROW(propagation_delay_seconds, I64, SIGNER),
    ROW(nsec3, BOOL, SIGNER),
    ROW(nsec3_opt_out, BOOL, SIGNER),
    ROW_OF(nsec3_iterations, CHOICE, NSEC3_ITERATIONS_MAX + 1, SIGNER),
    ROW(nsec3_salt, TEXT, SIGNER),
    ROW_OF(serial_policy, CHOICE, SECONDARY_SERIAL_DATESERIAL + 1, SIGNER),
    ROW_OF(cds_cdnskey_publish, CHOICE, CDS_PUBLISH_DELETE + 1, SIGNER),
    ROW(zonemd, BOOL, SIGNER),
    ROW(signing_threads, U32, SIGNER),
    ROW_OF(verify, CHOICE, POLICY_VERIFY_OFF + 1, SIGNER),
};
TABLE(settings_table_policy, policy_rows);
#undef ROW
#undef ROW_OF

// Limits of what comes in: the fetcher breaks off early, the signer's gate judges.
#define ROW(member, what, who)           LISTED(struct zone_rules, member, what, 0, who)
#define ROW_OF(member, what, items, who) LISTED(struct zone_rules, member, what, items, who)
static const struct settings_row rules_rows[] = {
    ROW(refresh_seconds, I64, FETCHER | DESK),
    ROW(retry_seconds, I64, FETCHER | DESK),
    ROW_OF(request_ixfr, CHOICE, REQUEST_IXFR_YES + 1, FETCHER | DESK),
    ROW(gate.max_records, U64, FETCHER | SIGNER),
    ROW(gate.max_size_octets, U64, FETCHER | SIGNER),
    ROW(expire_seconds, I64, SIGNER),
    ROW(gate.max_removed_percent, U32, SIGNER),
    ROW(gate.max_ttl_seconds, U32, SIGNER),
    ROW(gate.review, TEXT, SIGNER),
    ROW(gate.review_timeout_seconds, I64, SIGNER),
    ROW(journal_max_octets, U64, SIGNER),
    ROW(policy, POLICY, FETCHER | SIGNER | DESK),
    ROW(primaries, REMOTES, FETCHER | DESK),
    ROW(notify, REMOTES, FETCHER | DESK),
};
TABLE(settings_table_rules, rules_rows);
#undef ROW
#undef ROW_OF

static bool
is_for(unsigned roles, enum message_role role)
{
    return role == ROLE_SUPERVISOR || (roles & TO(role)) != 0;
}

bool
settings_table_has_remotes(enum message_role role)
{
    return is_for(FETCHER | DESK, role);
}

bool
settings_table_has_policies(enum message_role role)
{
    return is_for(SIGNER | FETCHER | DESK, role);
}

bool
settings_table_has_serving(enum message_role role)
{
    return is_for(SERVER, role);
}

// --- Writing ---

static void
write_address(struct octets_buffer *body, const struct address *address)
{
    octets_buffer_add(body, address, sizeof *address);
}

static void
write_addresses(struct octets_buffer *body, const struct settings_addresses *addresses)
{
    octets_buffer_add_u32(body, (uint32_t)addresses->count);
    for (size_t i = 0; i < addresses->count; i++) {
        write_address(body, &addresses->items[i]);
    }
}

static void
write_texts(struct octets_buffer *body, const struct settings_texts *texts)
{
    octets_buffer_add_u32(body, (uint32_t)texts->count);
    for (size_t i = 0; i < texts->count; i++) {
        octets_buffer_add_text(body, texts->items[i]);
    }
}

static void
write_indexes(struct octets_buffer *body, const struct settings_indexes *indexes)
{
    octets_buffer_add_u32(body, (uint32_t)indexes->count);
    for (size_t i = 0; i < indexes->count; i++) {
        octets_buffer_add_u32(body, (uint32_t)indexes->items[i]);
    }
}

static void
write_bools(struct octets_buffer *body, const bool *values, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        octets_buffer_add_u8(body, values[i]);
    }
}

// SETTINGS_NONE travels as the greatest 32-bit number.
static void
write_index(struct octets_buffer *body, size_t index)
{
    octets_buffer_add_u32(body, index == SETTINGS_NONE ? UINT32_MAX : (uint32_t)index);
}

static void
write_value(const struct settings_row *row, const void *value, struct octets_buffer *body)
{
    switch ((enum settings_kind)row->kind) {
    case SETTINGS_BOOL:
        write_bools(body, value, 1);
        break;
    case SETTINGS_BOOLS:
        write_bools(body, value, row->count);
        break;
    case SETTINGS_OCTET:
        octets_buffer_add_u8(body, *(const uint8_t *)value);
        break;
    case SETTINGS_CHOICE:
        octets_buffer_add_u8(body, (uint8_t) * (const unsigned *)value);
        break;
    case SETTINGS_U32:
        octets_buffer_add_u32(body, *(const uint32_t *)value);
        break;
    case SETTINGS_U64:
    case SETTINGS_I64:
        octets_buffer_add_u64(body, *(const uint64_t *)value);
        break;
    case SETTINGS_TEXT:
        octets_buffer_add_text(body, *(const char *const *)value);
        break;
    case SETTINGS_TEXTS:
        write_texts(body, value);
        break;
    case SETTINGS_ADDRESS:
        write_address(body, value);
        break;
    case SETTINGS_ADDRESSES:
        write_addresses(body, value);
        break;
    case SETTINGS_KEY:
    case SETTINGS_POLICY:
        write_index(body, *(const size_t *)value);
        break;
    case SETTINGS_REMOTES:
        write_indexes(body, value);
        break;
    }
}

void
settings_table_write(const struct settings_table *table, const void *object, enum message_role role,
                     struct octets_buffer *body)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct settings_row *row = &table->rows[i];
        if (is_for(row->roles, role)) {
            write_value(row, (const uint8_t *)object + row->offset, body);
        }
    }
}

// --- Reading ---

uint32_t
settings_read_count(struct octets_reader *reader, size_t item_octets)
{
    uint32_t count = octets_read_u32(reader);
    if (count > ROLE_SETTINGS_ITEMS_MAX || count > octets_left(reader) / item_octets) {
        reader->failed = true;
        return 0;
    }
    return count;
}

const char *
settings_read_text(struct octets_reader *reader, struct arena *arena)
{
    uint32_t length = octets_read_u32(reader);
    const uint8_t *octets = length <= MESSAGES_TEXT_MAX ? octets_read_view(reader, length) : NULL;
    if (octets == NULL || length == 0 || memchr(octets, '\0', length) != NULL) {
        reader->failed = reader->failed || length > 0;
        return "";
    }
    char *text = arena_alloc(arena, (size_t)length + 1);
    memcpy(text, octets, length);
    text[length] = '\0';
    return text;
}

static void
read_address(struct octets_reader *reader, struct address *ret_address)
{
    octets_read_copy(reader, ret_address, sizeof *ret_address);
    if (ret_address->family != AF_UNSPEC && ret_address->family != AF_INET &&
        ret_address->family != AF_INET6) {
        reader->failed = true;
    }
}

static struct settings_addresses
read_addresses(struct octets_reader *reader, struct arena *arena)
{
    uint32_t count = settings_read_count(reader, sizeof(struct address));
    struct address *items = arena_zalloc(arena, sizeof *items * count);
    for (uint32_t i = 0; i < count; i++) {
        read_address(reader, &items[i]);
    }
    return (struct settings_addresses){items, count};
}

static struct settings_texts
read_texts(struct octets_reader *reader, struct arena *arena)
{
    uint32_t count = settings_read_count(reader, sizeof(uint32_t));
    const char **items = arena_zalloc(arena, sizeof *items * count);
    for (uint32_t i = 0; i < count; i++) {
        items[i] = settings_read_text(reader, arena);
    }
    return (struct settings_texts){items, count};
}

// Indexes of a list with limit items.
static struct settings_indexes
read_indexes(struct octets_reader *reader, struct arena *arena, size_t limit)
{
    uint32_t count = settings_read_count(reader, sizeof(uint32_t));
    size_t *items = arena_zalloc(arena, sizeof *items * count);
    for (uint32_t i = 0; i < count; i++) {
        items[i] = octets_read_u32(reader);
        if (items[i] >= limit) {
            reader->failed = true;
        }
    }
    return (struct settings_indexes){items, count};
}

static size_t
read_index(struct octets_reader *reader, size_t limit)
{
    uint32_t index = octets_read_u32(reader);
    if (index == UINT32_MAX) {
        return SETTINGS_NONE;
    }
    if (index >= limit) {
        reader->failed = true;
    }
    return index;
}

static void
read_bools(struct octets_reader *reader, bool *values, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        values[i] = body_read_bool(reader);
    }
}

static void
read_value(const struct settings_row *row, struct octets_reader *reader,
           const struct role_settings *into, void *value)
{
    switch ((enum settings_kind)row->kind) {
    case SETTINGS_BOOL:
        read_bools(reader, value, 1);
        break;
    case SETTINGS_BOOLS:
        read_bools(reader, value, row->count);
        break;
    case SETTINGS_OCTET:
        *(uint8_t *)value = octets_read_u8(reader);
        break;
    case SETTINGS_CHOICE:
        *(unsigned *)value = body_read_choice(reader, row->count);
        break;
    case SETTINGS_U32:
        *(uint32_t *)value = octets_read_u32(reader);
        break;
    case SETTINGS_U64:
    case SETTINGS_I64:
        *(uint64_t *)value = octets_read_u64(reader);
        break;
    case SETTINGS_TEXT:
        *(const char **)value = settings_read_text(reader, into->arena);
        break;
    case SETTINGS_TEXTS:
        *(struct settings_texts *)value = read_texts(reader, into->arena);
        break;
    case SETTINGS_ADDRESS:
        read_address(reader, value);
        break;
    case SETTINGS_ADDRESSES:
        *(struct settings_addresses *)value = read_addresses(reader, into->arena);
        break;
    case SETTINGS_KEY:
        *(size_t *)value = read_index(reader, into->settings.key_count);
        break;
    case SETTINGS_POLICY:
        *(size_t *)value = read_index(reader, into->settings.policy_count);
        break;
    case SETTINGS_REMOTES:
        *(struct settings_indexes *)value =
            read_indexes(reader, into->arena, into->settings.remote_count);
        break;
    }
}

// What a role does not get: nothing, where nothing is not all bits zero.
static void
leave_out(const struct settings_row *row, void *value)
{
    if (row->kind == SETTINGS_TEXT) {
        *(const char **)value = "";
    } else if (row->kind == SETTINGS_KEY || row->kind == SETTINGS_POLICY) {
        *(size_t *)value = SETTINGS_NONE;
    }
}

void
settings_table_read(const struct settings_table *table, struct octets_reader *reader,
                    enum message_role role, const struct role_settings *into, void *object)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct settings_row *row = &table->rows[i];
        void *value = (uint8_t *)object + row->offset;
        if (is_for(row->roles, role)) {
            read_value(row, reader, into, value);
        } else {
            leave_out(row, value);
        }
    }
}
