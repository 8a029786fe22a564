// A zone under the signer's hands for tests: keys, policy, a store in a directory of its own, and
// the steps that the keeper takes: diff, sign, verify, publish. Header only; each test file is a
// program.
#ifndef TANDEM_TESTS_SIGN_WORLD_H
#define TANDEM_TESTS_SIGN_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/dns/rdata_text.h"
#include "common/dns/rrtype.h"
#include "common/zone/diff.h"
#include "common/zone/find.h"
#include "common/zone/store.h"
#include "common/zone/zonefile_read.h"
#include "common/zone/zonefile_write.h"
#include "secondary/signer/keys/keyset.h"
#include "secondary/signer/sign/expiry_queue.h"
#include "secondary/signer/sign/sign_publish.h"
#include "secondary/signer/sign/sign_zone.h"
#include "secondary/signer/sign/verify.h"

#define NOW 1795263000

struct world {
    uint8_t apex[NAME_SIZE_MAX];
    char folder[64];
    struct key_memory *memory;
    struct keyset *keyset;
    struct sign_policy policy;
    struct store *store;
    struct expiry_queue *queue;
    struct pool *pool;
    int64_t now;
    size_t made, kept, looked_at, entries; // of the last step
    bool empty;
};

static inline void
world_open(struct world *world, const char *apex_text, bool csk)
{
    struct fault fault = {0};
    struct store_opening opening;
    memset(world, 0, sizeof *world);
    world->now = NOW;
    assert_true(name_from_text(apex_text, NULL, world->apex, &fault));
    strcpy(world->folder, "/tmp/tandem-sign-XXXXXX");
    assert_non_null(mkdtemp(world->folder));
    world->memory = key_memory_new();
    world->keyset = keyset_new(world->apex, world->memory);
    const struct key_pair *key;
    for (int i = 0; i < (csk ? 1 : 2); i++) {
        enum key_role role = csk ? KEY_CSK : i ? KEY_ZSK : KEY_KSK;
        assert_true(keyset_generate(world->keyset, role, 13, NOW, &key, &fault));
        assert_true(keyset_move(world->keyset, key->tag, KEY_EVENT_INTRODUCE, NOW, &fault));
    }
    sign_policy_default(&world->policy);
    char path[96];
    snprintf(path, sizeof path, "%s/store", world->folder);
    struct store_options options = {0};
    if (!store_open(path, world->apex, &options, &world->store, &opening, &fault))
        fail_msg("%s", fault.text);
    world->queue = expiry_queue_new(world->apex);
}

static inline void
world_close(struct world *world)
{
    char command[96];
    store_close(&world->store);
    expiry_queue_free(&world->queue);
    keyset_free(&world->keyset);
    key_memory_free(&world->memory);
    pool_free(&world->pool);
    snprintf(command, sizeof command, "rm -rf %s", world->folder);
    assert_int_equal(system(command), 0);
}

static inline struct draft *
draft_from_text(const uint8_t *apex, const char *text)
{
    struct draft *draft = draft_new(apex);
    struct vector errors;
    struct fault fault;
    struct draft_findings findings;
    struct zonefile_options options = {.default_ttl = 300};
    if (!zonefile_read_memory("test", text, strlen(text), NULL, draft, &options, &errors)) {
        char line[512];
        zonefile_error_text(vector_at(&errors, 0), line, sizeof line);
        fail_msg("%s", line);
    }
    zonefile_errors_close(&errors);
    if (!draft_seal(draft, &findings, &fault))
        fail_msg("%s", fault.text);
    return draft;
}

// Signs what request says; the caller looks at the result and frees the job.
static inline struct sign_job *
world_sign(struct world *world, struct sign_request request, const struct sign_result **ret_result)
{
    struct sign_job *job;
    struct fault fault;
    request.current = store_current(world->store);
    request.keyset = world->keyset;
    request.policy = &world->policy;
    request.pool = world->pool;
    request.now = world->now;
    if (!sign_zone_prepare(&request, &job, &fault) || !sign_zone_run(job, ret_result, &fault))
        fail_msg("%s", fault.text);
    world->made = (*ret_result)->signatures_made;
    world->kept = (*ret_result)->signatures_kept;
    world->looked_at = (*ret_result)->records_looked_at;
    world->entries = (*ret_result)->diff.count;
    world->empty = (*ret_result)->empty;
    return job;
}

static inline void
world_verify_diff(struct world *world, const struct sign_result *result)
{
    struct verify_report report;
    struct fault fault;
    verify_report_init(&report);
    struct verify_changes changes = {.current = store_current(world->store),
                                     .diff = &result->diff,
                                     .must = result->must_verify,
                                     .now = world->now};
    if (!verify_changes(&changes, &report)) {
        for (size_t i = 0; i < result->diff.count; i++) {
            struct octets_buffer text;
            octets_buffer_init(&text);
            const struct diff_entry *entry = &result->diff.entries[i];
            octets_buffer_printf(&text, "--- %zu\n", i);
            if (entry->old_node)
                zonefile_write_node(entry->old_node, false, true, &text);
            octets_buffer_printf(&text, "->\n");
            if (entry->new_node)
                zonefile_write_node(entry->new_node, false, true, &text);
            fprintf(stderr, "%.*s", (int)text.length, (char *)text.data);
            octets_buffer_close(&text);
        }
        verify_report_fault(&report, &fault);
        fail_msg("%s", fault.text);
    }
    verify_report_close(&report);
}

static inline void
world_publish(struct world *world, const struct sign_result *result)
{
    struct fault fault;
    if (!sign_publish(world->store, world->apex, &result->diff, &result->facts, &fault))
        fail_msg("%s", fault.text);
    expiry_queue_note(world->queue, &result->diff);
}

static inline void
world_step(struct world *world, struct sign_request request)
{
    const struct sign_result *result;
    struct sign_job *job = world_sign(world, request, &result);
    if (!result->empty) {
        world_verify_diff(world, result);
        world_publish(world, result);
    }
    sign_job_free(&job);
}

// A new content, the incremental way.
static inline void
world_content(struct world *world, const struct draft *draft)
{
    struct diff changes;
    diff_init(&changes);
    diff_version_draft(store_current(world->store), draft, DIFF_UNSIGNED, &changes);
    world_step(world, (struct sign_request){.changes = &changes, .unsigned_serial = 1});
    diff_close(&changes);
}

static inline void
world_text(struct world *world, const char *text)
{
    struct draft *draft = draft_from_text(world->apex, text);
    world_content(world, draft);
    draft_free(&draft);
}

static inline void
world_verify_all(struct world *world)
{
    struct verify_report report;
    struct fault fault;
    verify_report_init(&report);
    if (!verify_version(store_current(world->store), world->pool, world->now, &report)) {
        verify_report_fault(&report, &fault);
        fail_msg("%s", fault.text);
    }
    verify_report_close(&report);
}

// Everything but what signatures and the serial make different, as text.
static inline void
world_shape(const struct version *version, struct octets_buffer *text)
{
    struct version_cursor cursor;
    const struct node *node;
    char owner[NAME_TEXT_MAX];
    version_cursor_first(&cursor, version);
    while ((node = version_cursor_next(&cursor))) {
        octets_buffer_printf(text, "%s (%u)\n", name_to_text(node_owner(node), owner),
                             node_rrset_count(node));
        for (unsigned i = 0; i < node_rrset_count(node); i++) {
            struct rrset rrset;
            struct rr rr;
            uint32_t position = 0;
            node_rrset_at(node, i, &rrset);
            octets_buffer_printf(text, "  %u signed %u: ", rrset.type, rrset.signature_count);
            while (rrset_next(rrset.wire, rrset.wire_length, &position, &rr)) {
                if (rr.type == RRTYPE_SOA)
                    octets_buffer_printf(text, "SOA %u ", rr.ttl);
                else
                    rr_to_text(node_owner(node), rr.ttl, rr.type, rr.rdata, rr.rdlength, text);
                octets_buffer_printf(text, "; ");
            }
            octets_buffer_printf(text, "\n");
        }
    }
    octets_buffer_add_u8(text, 0);
}

// Every RRset that is in both versions has the signatures that it had, octet for octet; asked where
// none was due.
static inline void
world_signatures_kept(const struct version *old, const struct version *new)
{
    struct version_cursor cursor;
    const struct node *node;
    char owner[NAME_TEXT_MAX];
    version_cursor_first(&cursor, old);
    while ((node = version_cursor_next(&cursor))) {
        bool damaged;
        const struct node *later = zone_find_record(new, node_owner(node), &damaged);
        for (unsigned i = 0; later && i < node_rrset_count(node); i++) {
            struct rrset was, is;
            node_rrset_at(node, i, &was);
            bool signed_twice = node_rrset_find(later, was.type, &is) && was.signature_count &&
                                is.signature_count && rrset_equal(&was, &is, false);
            if (signed_twice && !rrset_equal(&was, &is, true))
                fail_msg("%s type %u was signed again", name_to_text(node_owner(node), owner),
                         was.type);
        }
    }
}

static inline void
world_write(const struct world *world, const char *path)
{
    struct version_cursor cursor;
    struct octets_buffer text;
    octets_buffer_init(&text);
    version_cursor_first(&cursor, store_current(world->store));
    while (zonefile_write_some(&cursor, true, 1 << 20, &text))
        ;
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text.data, 1, text.length, file), text.length);
    fclose(file);
    octets_buffer_close(&text);
}

// Programs of others that look at a whole zone file; those that are not installed are left out.
static inline void
world_others_accept(const struct world *world)
{
    char path[128], command[2048], apex[NAME_TEXT_MAX];
    static const char *const validators[][2] = {
        {"ldns-verify-zone", ""}, {"dnssec-verify", "-o"}, {"kzonecheck", "-o"}};
    snprintf(path, sizeof path, "%s/zone", world->folder);
    world_write(world, path);
    name_to_text_short(world->apex, apex);
    for (size_t i = 0; i < 3; i++) {
        snprintf(command, sizeof command, "command -v %s >/dev/null", validators[i][0]);
        if (system(command) != 0)
            continue;
        snprintf(command, sizeof command, "%s %s %s %s >%s/out 2>&1 || { cat %s %s/out; exit 1; }",
                 validators[i][0], validators[i][1], validators[i][1][0] ? apex : "", path,
                 world->folder, path, world->folder);
        if (system(command) != 0)
            fail_msg("%s", validators[i][0]);
    }
}

// The first expiration of the served version, read off every record; 0: it has none.
static inline uint32_t
world_first_expiration(const struct world *world)
{
    struct version_cursor cursor;
    const struct node *node;
    uint32_t first = 0;
    version_cursor_first(&cursor, store_current(world->store));
    while ((node = version_cursor_next(&cursor))) {
        uint32_t expiration = node_first_expiration(node);
        if (expiration && (first == 0 || expiration < first))
            first = expiration;
    }
    return first;
}

// The RDATA text of one RRset of the served version, RRs one behind the other; "" where there is
// none.
static inline void
world_rrset_text(const struct world *world, const char *owner_text, uint16_t type, char *text,
                 size_t size)
{
    uint8_t owner[NAME_SIZE_MAX];
    struct fault fault;
    struct rrset rrset;
    struct rr rr;
    struct octets_buffer buffer;
    uint32_t position = 0;
    assert_true(name_from_text(owner_text, world->apex, owner, &fault));
    bool damaged;
    const struct node *node = zone_find_record(store_current(world->store), owner, &damaged);
    octets_buffer_init(&buffer);
    if (node && node_rrset_find(node, type, &rrset))
        while (rrset_next(rrset.wire, rrset.wire_length, &position, &rr))
            rdata_to_text(type, rr.rdata, rr.rdlength, &buffer);
    octets_buffer_add_u8(&buffer, 0);
    snprintf(text, size, "%s", (char *)buffer.data);
    octets_buffer_close(&buffer);
}

#endif
