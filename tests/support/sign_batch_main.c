// Signs a master file as a batch, as ldns-signzone, dnssec-signzone and kzonesign do, with the code
// of the signer: read, sort, sign, verify, write. tests/bench/sign measures it beside them.
//
//   sign_batch sign [-n THREADS] [-3 | -O] [-v changes|all|off] APEX ZONEFILE STORE KEYFILE...
//       into a fresh directory STORE; -3: NSEC3 without iterations and salt, -O: with opt-out.
//       KEYFILE: BIND's .key and .private, both of each key. Threads 0: as many as cores.
//       Prints "PHASE WALL_SECONDS CPU_SECONDS RESIDENT_MIB" for each phase (memory after it) and
//       "signatures MADE".
//   sign_batch export APEX STORE
//       the signed zone in canonical order on stdout.
//   sign_batch export-state STATE DIRECTORY
//       the same of each zone that standard input names, a line each without the final dot, into a
//       file of this name; STATE is the state directory of a tandem-secondary that is stopped.
//
// The phases are the steps that the daemon takes for a first signing, without transfer and gate.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/base/hash.h"
#include "common/dns/rdata.h"
#include "common/dns/rrtype.h"
#include "common/zone/store.h"
#include "common/zone/zonefile_read.h"
#include "common/zone/zonefile_write.h"
#include "secondary/signer/keys/key_import.h"
#include "secondary/signer/sign/sign_publish.h"
#include "secondary/signer/sign/sign_zone.h"
#include "secondary/signer/sign/verify.h"

#define EXPORT_CHUNK_OCTETS (1U << 20)
#define KEY_FILES_MAX       (2 * KEYSET_KEYS_MAX)

struct batch {
    const char *zonefile, *directory;
    char **key_files;
    size_t key_file_count;
    unsigned threads;
    uint8_t apex[NAME_SIZE_MAX];
    struct sign_policy policy;
    struct key_memory *memory;
    struct keyset *keyset;
    struct pool *pool;
    struct draft *draft;
    struct diff changes;
    struct sign_job *job;
    const struct sign_result *result;
    struct store *store;
    int64_t now;
};

static double
seconds_of(clockid_t clock)
{
    struct timespec at;
    clock_gettime(clock, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static double
resident_mib(void)
{
    unsigned long pages = 0, resident = 0;
    FILE *counts = fopen("/proc/self/statm", "re");
    if (counts == NULL)
        return 0;
    if (fscanf(counts, "%lu %lu", &pages, &resident) != 2)
        resident = 0;
    fclose(counts);
    return (double)resident * (double)sysconf(_SC_PAGESIZE) / 1048576;
}

// Reads and imports the keys: all of them are active where their timing lines do not say otherwise.
static bool
step_keys(struct batch *batch, struct fault *fault)
{
    struct key_import_file files[KEY_FILES_MAX];
    struct key_import_options options = {.now = batch->now};
    struct vector keys;
    size_t count = 0;
    bool good = true;
    vector_init(&keys, sizeof(struct key_pair));
    for (; good && count < batch->key_file_count; count += good) {
        int descriptor = open(batch->key_files[count], O_RDONLY | O_CLOEXEC);
        if (descriptor < 0)
            return fault_set(fault, FAULT_IO, "cannot open %s", batch->key_files[count]);
        good = key_import_read(descriptor, batch->key_files[count], &files[count], fault);
        close(descriptor);
    }
    good = good && key_import(batch->keyset, files, count, &options, &keys, fault);
    for (size_t i = 0; i < count; i++)
        key_scratch_free((void *)(uintptr_t)files[i].text.data);
    for (size_t i = 0; good && i < keys.count; i++)
        good = keyset_add(batch->keyset, vector_at(&keys, i), fault);
    vector_close(&keys);
    return good && keyset_can_sign(batch->keyset, fault);
}

static bool
step_read(struct batch *batch, struct fault *fault)
{
    struct vector errors;
    char line[8192];
    batch->draft = draft_new(batch->apex);
    bool good = zonefile_read(batch->zonefile, batch->draft, NULL, &errors);
    for (size_t i = 0; !good && i < errors.count; i++) {
        zonefile_error_text(vector_at(&errors, i), line, sizeof line);
        fprintf(stderr, "%s\n", line);
    }
    zonefile_errors_close(&errors);
    return good || fault_set(fault, FAULT_SYNTAX, "%s has errors", batch->zonefile);
}

static bool
step_sort(struct batch *batch, struct fault *fault)
{
    struct draft_findings findings;
    if (!draft_seal(batch->draft, &findings, fault))
        return false;
    diff_version_draft(NULL, batch->draft, DIFF_UNSIGNED, &batch->changes);
    return true;
}

static uint32_t
soa_serial(const struct draft *draft)
{
    struct rrset set;
    struct rdata_soa soa;
    struct rr rr;
    uint32_t position = 0;
    bool good = node_rrset_find(draft_node_at(draft, 0), RRTYPE_SOA, &set) &&
                rrset_next(set.wire, set.wire_length, &position, &rr) &&
                rdata_soa_read(rr.rdata, rr.rdlength, &soa);
    return good ? soa.serial : 0;
}

static bool
step_sign(struct batch *batch, struct fault *fault)
{
    struct sign_request request = {.changes = &batch->changes,
                                   .keyset = batch->keyset,
                                   .policy = &batch->policy,
                                   .pool = batch->pool,
                                   .unsigned_serial = soa_serial(batch->draft),
                                   .state_lost = true,
                                   .now = batch->now};
    return sign_zone_prepare(&request, &batch->job, fault) &&
           sign_zone_run(batch->job, &batch->result, fault);
}

// As the daemon before it publishes (change.c).
static bool
step_verify(struct batch *batch, struct fault *fault)
{
    struct verify_report report;
    struct verify_changes changes = {.diff = &batch->result->diff,
                                     .must = batch->result->must_verify,
                                     .everything = batch->policy.verify == VERIFY_EVERYTHING,
                                     .seed = hash_key_draw(),
                                     .pool = batch->pool,
                                     .now = batch->now};
    if (batch->policy.verify == VERIFY_OFF)
        return true;
    verify_report_init(&report);
    bool good = verify_changes(&changes, &report) || verify_report_fault(&report, fault);
    verify_report_close(&report);
    return good;
}

static bool
step_write(struct batch *batch, struct fault *fault)
{
    struct store_opening opening;
    struct store_options options = {0};
    struct version_facts facts = batch->result->facts;
    facts.published_seconds = batch->now;
    return store_open(batch->directory, batch->apex, &options, &batch->store, &opening, fault) &&
           sign_publish(batch->store, batch->apex, &batch->result->diff, &facts, fault);
}

static bool
batch_run(struct batch *batch, struct fault *fault)
{
    static const struct {
        const char *name;
        bool (*step)(struct batch *batch, struct fault *fault);
    } phases[] = {{"keys", step_keys}, {"read", step_read},     {"sort", step_sort},
                  {"sign", step_sign}, {"verify", step_verify}, {"write", step_write}};
    for (size_t i = 0; i < sizeof phases / sizeof phases[0]; i++) {
        double wall = seconds_of(CLOCK_MONOTONIC), cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
        if (!phases[i].step(batch, fault))
            return fault_wrap(fault, "%s", phases[i].name);
        printf("%s %.6f %.6f %.1f\n", phases[i].name, seconds_of(CLOCK_MONOTONIC) - wall,
               seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu, resident_mib());
    }
    printf("signatures %zu\n", batch->result->signatures_made);
    return true;
}

static void
batch_close(struct batch *batch)
{
    store_close(&batch->store);
    sign_job_free(&batch->job);
    diff_close(&batch->changes);
    draft_free(&batch->draft);
    pool_free(&batch->pool);
    keyset_free(&batch->keyset);
    key_memory_free(&batch->memory);
}

static bool
batch_options(int count, char **values, struct batch *batch)
{
    static const char *const modes[] = {
        [VERIFY_CHANGES] = "changes", [VERIFY_EVERYTHING] = "all", [VERIFY_OFF] = "off"};
    struct sign_policy *policy = &batch->policy;
    bool good = true;
    for (int option; good && (option = getopt(count, values, "n:3Ov:")) != -1;) {
        good = option != '?';
        if (option == 'n')
            batch->threads = (unsigned)strtoul(optarg, NULL, 10);
        if (option == '3' || option == 'O') {
            policy->nsec3 = true;
            policy->nsec3_parameters.algorithm = NSEC3_SHA1;
        }
        if (option == 'O')
            policy->nsec3_parameters.flags = NSEC3_FLAG_OPT_OUT;
        for (unsigned mode = 0; option == 'v' && mode < 3; mode++)
            if (strcmp(optarg, modes[mode]) == 0)
                policy->verify = (enum verify_mode)mode;
    }
    if (!good || count - optind < 4 || count - optind - 3 > KEY_FILES_MAX)
        return false;
    batch->zonefile = values[optind + 1];
    batch->directory = values[optind + 2];
    batch->key_files = values + optind + 3;
    batch->key_file_count = (size_t)(count - optind - 3);
    return name_from_text(values[optind], NULL, batch->apex, NULL);
}

static bool
sign_file(struct batch *batch, struct fault *fault)
{
    batch->now = (int64_t)time(NULL);
    batch->memory = key_memory_new();
    batch->keyset = keyset_new(batch->apex, batch->memory);
    batch->pool = pool_new(batch->threads);
    bool good = batch_run(batch, fault);
    batch_close(batch);
    return good;
}

static bool
export_store(const char *apex_text, const char *directory, struct zone_pool *zones, FILE *to,
             struct fault *fault)
{
    uint8_t apex[NAME_SIZE_MAX];
    struct store *store;
    struct store_opening opening;
    struct store_options options = {.pool = zones};
    struct version_cursor cursor;
    struct octets_buffer text;
    if (!name_from_text(apex_text, NULL, apex, fault) ||
        !store_open(directory, apex, &options, &store, &opening, fault))
        return false;
    if (store_current(store) == NULL)
        return fault_set(fault, FAULT_NOT_FOUND, "%s holds no zone", directory);
    octets_buffer_init(&text);
    version_cursor_first(&cursor, store_current(store));
    for (bool more = true; more;) {
        text.length = 0;
        more = zonefile_write_some(&cursor, true, EXPORT_CHUNK_OCTETS, &text);
        fwrite(text.data, 1, text.length, to);
    }
    octets_buffer_close(&text);
    store_close(&store);
    return !cursor.damaged || fault_set(fault, FAULT_CORRUPT, "%s is damaged", directory);
}

static bool
export_named(const char *domain, const char *state, const char *directory, struct zone_pool *zones,
             struct fault *fault)
{
    char apex[NAME_TEXT_MAX + 2], store[4096], path[4096];
    snprintf(apex, sizeof apex, "%s.", domain);
    snprintf(store, sizeof store, "%s/zones/%s/store", state, domain);
    snprintf(path, sizeof path, "%s/%s", directory, domain);
    FILE *to = fopen(path, "we");
    if (to == NULL)
        return fault_set(fault, FAULT_IO, "%s cannot be written", path);
    bool good = export_store(apex, store, zones, to, fault);
    return fclose(to) == 0 && good;
}

static bool
export_state(const char *state, const char *directory, struct fault *fault)
{
    char path[4096], domain[NAME_TEXT_MAX];
    struct zone_pool *zones;
    snprintf(path, sizeof path, "%s/pool", state);
    if (!zone_pool_open(path, NULL, &zones, NULL, fault))
        return false;
    bool good = true;
    while (good && fgets(domain, sizeof domain, stdin) != NULL) {
        domain[strcspn(domain, "\n")] = '\0';
        good = export_named(domain, state, directory, zones, fault);
    }
    zone_pool_close(&zones);
    return good;
}

int
main(int count, char **values)
{
    struct fault fault = {0};
    struct batch batch = {0};
    const char *verb = count > 1 ? values[1] : "";
    sign_policy_default(&batch.policy);
    diff_init(&batch.changes);
    bool is_export = strcmp(verb, "export") == 0 && count == 4;
    bool is_state = strcmp(verb, "export-state") == 0 && count == 4;
    if (!is_export && !is_state &&
        (strcmp(verb, "sign") != 0 || !batch_options(count - 1, values + 1, &batch))) {
        fprintf(stderr, "usage: sign_batch sign [-n THREADS] [-3 | -O] [-v changes|all|off] APEX "
                        "ZONEFILE STORE KEYFILE...\n       sign_batch export APEX STORE\n"
                        "       sign_batch export-state STATE DIRECTORY < NAMES\n");
        return 2;
    }
    if (is_export  ? export_store(values[2], values[3], NULL, stdout, &fault)
        : is_state ? export_state(values[2], values[3], &fault)
                   : sign_file(&batch, &fault))
        return 0;
    fprintf(stderr, "sign_batch: %s\n", fault.text);
    return 1;
}
