// Keys of an algorithm that takes long: made in a thread, saved and taken in the loop, whatever
// happens to the zone meanwhile; and the operator's orders that wait for them. Threads wait for the
// test and have small keys.
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/net/loop.h"
#include "secondary/signer/keeper.h"
#include "secondary/signer/key_errands.h"
#include "secondary/signer/key_maker.h"
#include "secondary/signer/keys/key_memory.h"
#include "secondary/signer/keys/key_rsa.h"
#include "secondary/signer/sign/pool.h"
#include "secondary/signer/verbs.h"

static sem_t may_make;
static bool fails;
static pthread_t loop_thread;
static unsigned verdicts; // that were told
#define REPLIES_MAX (2 * KEY_ERRANDS_MAX)
static struct {
    uint64_t request;
    char text[4096]; // as much of it
} replies[REPLIES_MAX];
static unsigned reply_count;

struct bed {
    char directory[64];
    struct pooled pooled;
    struct keeper_shared shared;
    struct policy_settings policy, other_policy;
    struct secondary_zone_settings zone;
    struct zone_rules rules;
    struct keeper *keeper;
};

static bool
make_small(uint8_t algorithm, uint8_t *ret_secret, size_t *ret_length, struct fault *fault)
{
    while (sem_wait(&may_make) != 0) {
    }
    assert_false(pthread_equal(pthread_self(), loop_thread));
    assert_true(key_algorithm_is_rsa(algorithm));
    return fails ? fault_set(fault, FAULT_CORRUPT, "no primes today")
                 : key_rsa_generate(KEY_RSA_BITS_MIN, ret_secret, ret_length, fault);
}

static void
note_message(void *context, const struct message *message)
{
    (void)context;
    verdicts += message->type == MESSAGE_VERDICT;
    if (message->type != MESSAGE_CONTROL_REPLY)
        return;
    assert_true(reply_count < REPLIES_MAX);
    replies[reply_count].request = message->request;
    snprintf(replies[reply_count++].text, sizeof replies[0].text, "%.*s", (int)message->body.length,
             (const char *)message->body.data);
}

static const struct key_seal *
no_seal(void *context, const char *secret_file, struct fault *fault)
{
    (void)context;
    (void)secret_file;
    fault_set(fault, FAULT_NOT_FOUND, "no seal here");
    return NULL;
}

static void
bed_open(struct bed *bed, uint8_t algorithm)
{
    memset(bed, 0, sizeof *bed);
    strcpy(bed->directory, "/tmp/tandem-keeper-keys-XXXXXX");
    assert_non_null(mkdtemp(bed->directory));
    assert_int_equal(sem_init(&may_make, 0, 0), 0);
    fails = false;
    verdicts = reply_count = 0;
    loop_thread = pthread_self();
    pooled_init(&bed->pooled, NULL);
    bed->pooled.state_directory = bed->directory;
    bed->shared = (struct keeper_shared){.loop = loop_new(),
                                         .pool = pool_new(1),
                                         .memory = key_memory_new(),
                                         .policies = policy_pool_new(),
                                         .pooled = &bed->pooled,
                                         .state_directory = bed->directory,
                                         .seal = no_seal,
                                         .send = note_message};
    bed->shared.key_maker = key_maker_new(bed->shared.loop, bed->shared.pool, make_small);
    bed->policy = (struct policy_settings){.id = "p",
                                           .algorithm = algorithm,
                                           .rrsig_lifetime_seconds = 14 * 86400,
                                           .rrsig_refresh_seconds = 7 * 86400,
                                           .rrsig_jitter_seconds = 86400,
                                           .key_storage = POLICY_STORAGE_PLAIN,
                                           .key_secret_file = "",
                                           .dnskey_ttl_seconds = 3600,
                                           .nsec3_salt = ""};
    bed->rules = (struct zone_rules){.gate = {.review = ""}, .expire_seconds = EXPIRE_NEVER};
    bed->zone = (struct secondary_zone_settings){.name = (const uint8_t *)"\7example\3gov",
                                                 .rules = &bed->rules};
    bed->keeper = keeper_new(&bed->shared, 1, &bed->zone, &bed->policy);
    keeper_wake(bed->keeper);
}

static void
bed_close(struct bed *bed)
{
    char command[96];
    keeper_free(&bed->keeper);
    policy_pool_free(&bed->shared.policies);
    pooled_close(&bed->pooled);
    key_maker_free(&bed->shared.key_maker);
    loop_free(&bed->shared.loop);
    pool_free(&bed->shared.pool);
    key_memory_free(&bed->shared.memory);
    assert_int_equal(sem_destroy(&may_make), 0);
    snprintf(command, sizeof command, "rm -rf %s", bed->directory);
    assert_int_equal(system(command), 0);
}

static void
let_make(unsigned keys)
{
    while (keys-- > 0)
        assert_int_equal(sem_post(&may_make), 0);
}

static void
stop_when_idle(void *context)
{
    struct bed *bed = context;
    if (key_maker_works(bed->shared.key_maker))
        loop_defer(bed->shared.loop, stop_when_idle, bed);
    else
        loop_stop(bed->shared.loop);
}

// Until no thread makes keys, and what they made was told.
static void
run(struct bed *bed)
{
    loop_defer(bed->shared.loop, stop_when_idle, bed);
    loop_run(bed->shared.loop);
}

static unsigned
files(const struct bed *bed, const char *ending)
{
    unsigned count = 0;
    struct dirent *entry;
    DIR *directory = opendir(bed->keeper->key_directory);
    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        const char *dot = strrchr(entry->d_name, '.');
        count += dot != NULL && strcmp(dot, ending) == 0;
    }
    if (directory != NULL)
        closedir(directory);
    return count;
}

static void
assert_keys(const struct bed *bed, uint8_t algorithm, unsigned bits)
{
    struct fault fault;
    assert_false(bed->keeper->awaits_keys);
    assert_null(bed->keeper->state_fault);
    assert_non_null(bed->keeper->keyset);
    assert_int_equal(keyset_count(bed->keeper->keyset), 2);
    assert_int_equal(keyset_at(bed->keeper->keyset, 0)->role, KEY_KSK);
    assert_int_equal(keyset_at(bed->keeper->keyset, 1)->role, KEY_ZSK);
    for (size_t i = 0; i < 2; i++) {
        const struct key_pair *key = keyset_at(bed->keeper->keyset, i);
        assert_int_equal(key->algorithm, algorithm);
        assert_int_equal(key_pair_bits(key), bits);
        assert_int_equal(key->state, KEY_ACTIVE);
        assert_true(key->times.at[KEY_GENERATED] > 0);
    }
    assert_true(keyset_can_sign(bed->keeper->keyset, &fault));
    assert_int_equal(files(bed, ".private"), 2); // on disk before anything is signed
}

// A transfer that cannot be read: what matters is that it waits.
static void
send_candidate(struct bed *bed)
{
    int stream = open("/dev/null", O_RDONLY | O_CLOEXEC);
    struct message_candidate candidate = {0};
    assert_true(stream >= 0);
    candidate.primary = strdup("primary");
    keeper_take_candidate(bed->keeper, &candidate, &stream);
}

static void
keys_that_take_long_are_made_in_a_thread_and_a_transfer_waits_for_them(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed, KEY_RSASHA256);
    assert_true(bed.keeper->awaits_keys);
    assert_int_equal(keyset_count(bed.keeper->keyset), 0);
    send_candidate(&bed);
    assert_true(bed.keeper->has_next); // it is not begun ...
    assert_int_equal(verdicts, 0);     // ... and the fetcher need not begin again
    let_make(2);
    run(&bed);
    assert_keys(&bed, KEY_RSASHA256, KEY_RSA_BITS_MIN);
    assert_false(bed.keeper->has_next);
    while (bed.keeper->phase != KEEPER_IDLE) // its stream is empty
        run(&bed);
    assert_int_equal(verdicts, 1);
    bed_close(&bed);
}

static void
keys_that_take_no_time_are_there_at_once(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed, KEY_ECDSAP256SHA256);
    assert_keys(&bed, KEY_ECDSAP256SHA256, 256);
    assert_false(key_maker_works(bed.shared.key_maker));
    bed_close(&bed);
}

// `key verb`, with one descriptor where file is not negative.
static void
ask(struct bed *bed, uint64_t request, char *verb, char *option, int file)
{
    const struct message_control order = {.object = "key",
                                          .verb = verb,
                                          .argument_count = 2,
                                          .arguments = {"example.gov", "K.private"},
                                          .option_count = option != NULL,
                                          .options = {option}};
    struct octets_buffer body;
    struct message_control read;
    octets_buffer_init(&body);
    message_control_write(&order, &body);
    struct message message = {.request = request,
                              .body = {body.data, body.length},
                              .descriptor_count = file >= 0,
                              .descriptors = {file}};
    assert_true(message_control_read(message.body, &read));
    key_verb(bed->keeper, &read, &message);
    message_control_close(&read);
    octets_buffer_close(&body); // nothing of it is looked at later
    if (file >= 0 && message.descriptors[0] >= 0)
        close(file);
}

static void
assert_reply(unsigned index, uint64_t request, const char *words)
{
    assert_true(index < reply_count);
    assert_int_equal(replies[index].request, request);
    if (strstr(replies[index].text, words) == NULL)
        fail_msg("no \"%s\" in %s", words, replies[index].text);
}

static void
orders_of_the_operator_wait_for_the_first_keys_and_are_answered_in_turn(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed, KEY_RSASHA256);
    ask(&bed, 1, "list", NULL, -1);
    ask(&bed, 2, "generate", "role=KSK", -1);
    ask(&bed, 3, "generate", "role=cook", -1);
    ask(&bed, 4, "ds", NULL, -1);
    assert_int_equal(reply_count, 0);
    let_make(2 + 1);
    run(&bed);
    assert_int_equal(reply_count, 4);
    assert_reply(0, 1, "\"ZSK\"");
    assert_reply(1, 3, "expected KSK, ZSK or CSK, not cook");
    assert_reply(2, 4, "\"ok\": true"); // while the key of the second one is made
    assert_reply(3, 2, "made KSK");
    assert_int_equal(keyset_count(bed.keeper->keyset), 3);
    assert_int_equal(files(&bed, ".private"), 3);
    assert_null(bed.keeper->errands);
    bed_close(&bed);
}

static void
a_further_key_is_made_in_a_thread_and_other_orders_go_on(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed, KEY_RSASHA512);
    let_make(2);
    run(&bed);
    ask(&bed, 1, "generate", "role=ZSK", -1);
    ask(&bed, 2, "generate", "role=KSK", -1);
    ask(&bed, 3, "list", NULL, -1);
    assert_int_equal(reply_count, 1);
    assert_reply(0, 3, "\"ok\": true");
    assert_int_equal(keyset_count(bed.keeper->keyset), 2);
    ask(&bed, 4, "generate", "dry-run=", -1); // no role: refused at once
    assert_reply(1, 4, "--role");
    let_make(2);
    run(&bed);
    assert_int_equal(reply_count, 4);
    assert_int_equal(replies[2].request + replies[3].request, 1 + 2);
    assert_int_equal(keyset_count(bed.keeper->keyset), 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(key_pair_bits(keyset_at(bed.keeper->keyset, i)), KEY_RSA_BITS_MIN);
    bed_close(&bed);
}

static void
a_key_that_could_not_be_made_is_said_to_who_ordered_it(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed, KEY_RSASHA256);
    let_make(2);
    run(&bed);
    fails = true;
    ask(&bed, 1, "generate", "role=ZSK", -1);
    let_make(1);
    run(&bed);
    assert_reply(0, 1, "no key was made: no primes today");
    assert_reply(0, 1, "\"ok\": false");
    assert_keys(&bed, KEY_RSASHA256, KEY_RSA_BITS_MIN);
    bed_close(&bed);
}

static void
no_more_orders_wait_than_may(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed, KEY_RSASHA256);
    for (unsigned i = 1; i <= KEY_ERRANDS_MAX + 1; i++)
        ask(&bed, i, "list", NULL, -1);
    assert_int_equal(reply_count, 1);
    assert_reply(0, KEY_ERRANDS_MAX + 1, "try again in a moment");
    let_make(2);
    run(&bed);
    assert_int_equal(reply_count, KEY_ERRANDS_MAX + 1);
    for (unsigned i = 1; i <= KEY_ERRANDS_MAX; i++)
        assert_reply(i, i, "\"ok\": true");
    bed_close(&bed);
}

static void
who_waits_is_told_when_the_zone_stops_or_goes(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed, KEY_RSASHA256);
    let_make(2);
    run(&bed);
    ask(&bed, 1, "generate", "role=ZSK", -1);
    keeper_stop(bed.keeper);
    assert_reply(0, 1, "before the key was made; nothing was changed");
    ask(&bed, 2, "generate", "role=ZSK", -1);
    keeper_free(&bed.keeper);
    assert_reply(1, 2, "before the key was made; nothing was changed");
    let_make(2);
    run(&bed);
    assert_int_equal(reply_count, 2);
    bed_close(&bed);
}

static void
a_reload_may_take_the_policy_while_a_key_is_made(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed, KEY_RSASHA256);
    ask(&bed, 1, "list", NULL, -1);
    keeper_change_settings(bed.keeper, &bed.zone, NULL);
    let_make(2);
    run(&bed);
    assert_reply(0, 1, "has policy: none");
    keeper_change_settings(bed.keeper, &bed.zone, &bed.policy);
    let_make(2);
    run(&bed);
    ask(&bed, 2, "generate", "role=ZSK", -1);
    keeper_change_settings(bed.keeper, &bed.zone, NULL);
    let_make(1);
    run(&bed);
    assert_reply(1, 2, "has policy: none");
    assert_int_equal(files(&bed, ".private"), 2);
    bed_close(&bed);
}

// The files of an import are read when its turn has come, and closed.
static void
the_files_of_an_order_wait_with_it(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed, KEY_RSASHA256);
    int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
    ask(&bed, 1, "import", NULL, file);
    assert_true(fcntl(file, F_GETFD) >= 0);
    let_make(2);
    run(&bed);
    assert_reply(0, 1, "nothing was imported");
    assert_true(fcntl(file, F_GETFD) < 0);
    assert_keys(&bed, KEY_RSASHA256, KEY_RSA_BITS_MIN);
    file = open("/dev/null", O_RDONLY | O_CLOEXEC); // and where its turn never comes
    bed.zone.name = (const uint8_t *)"\7example\3net";
    keeper_free(&bed.keeper);
    bed.keeper = keeper_new(&bed.shared, 2, &bed.zone, &bed.policy);
    keeper_wake(bed.keeper);
    ask(&bed, 2, "import", NULL, file);
    keeper_stop(bed.keeper);
    assert_true(fcntl(file, F_GETFD) < 0);
    let_make(2);
    run(&bed);
    bed_close(&bed);
}

static void
a_zone_may_go_while_its_keys_are_made(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed, KEY_RSASHA256);
    keeper_free(&bed.keeper);
    let_make(2);
    run(&bed);
    bed_close(&bed);
}

static void
a_zone_that_was_stopped_takes_no_keys(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed, KEY_RSASHA256);
    keeper_stop(bed.keeper);
    let_make(2);
    run(&bed);
    assert_int_equal(keyset_count(bed.keeper->keyset), 0);
    assert_int_equal(files(&bed, ".private"), 0);
    bed_close(&bed);
}

static void
a_reload_with_another_algorithm_is_heeded(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed, KEY_RSASHA256);
    bed.other_policy = bed.policy;
    bed.other_policy.algorithm = KEY_ED25519;
    keeper_change_settings(bed.keeper, &bed.zone, &bed.other_policy);
    assert_true(bed.keeper->awaits_keys);
    let_make(2);
    run(&bed);
    assert_keys(&bed, KEY_ED25519, 256);
    bed_close(&bed);
}

static void
a_reload_with_another_kind_of_rsa_orders_anew(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed, KEY_RSASHA256);
    bed.other_policy = bed.policy;
    bed.other_policy.algorithm = KEY_RSASHA512;
    keeper_change_settings(bed.keeper, &bed.zone, &bed.other_policy);
    let_make(4);
    run(&bed);
    assert_keys(&bed, KEY_RSASHA512, KEY_RSA_BITS_MIN);
    bed_close(&bed);
}

static void
keys_that_wait_for_the_parents_answer_are_made_in_a_thread_too(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed, KEY_ECDSAP256SHA256);
    keeper_free(&bed.keeper);
    bed.policy.algorithm = KEY_RSASHA256;
    bed.policy.ds_check_parents.count = 1;
    bed.zone.name = (const uint8_t *)"\7example\3net";
    bed.keeper = keeper_new(&bed.shared, 2, &bed.zone, &bed.policy);
    keeper_wake(bed.keeper);
    assert_true(bed.keeper->awaits_ds && !bed.keeper->awaits_keys);
    const struct message_ds_seen seen = {.answered = true};
    keeper_take_ds(bed.keeper, &seen);
    assert_true(!bed.keeper->awaits_ds && bed.keeper->awaits_keys);
    keeper_take_ds(bed.keeper, &seen); // told again: no second order
    let_make(2);
    run(&bed);
    assert_keys(&bed, KEY_RSASHA256, KEY_RSA_BITS_MIN);
    bed_close(&bed);
}

static void
a_reload_may_take_the_policy_and_give_it_back(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed, KEY_RSASHA256);
    keeper_change_settings(bed.keeper, &bed.zone, NULL);
    let_make(2);
    run(&bed);
    assert_int_equal(files(&bed, ".private"), 0);
    keeper_change_settings(bed.keeper, &bed.zone, &bed.policy);
    let_make(2);
    run(&bed);
    assert_keys(&bed, KEY_RSASHA256, KEY_RSA_BITS_MIN);
    bed_close(&bed);
}

static void
a_failure_is_the_zones_state_and_the_transfer_that_waits_is_told(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed, KEY_RSASHA256);
    send_candidate(&bed);
    fails = true;
    let_make(2);
    run(&bed);
    assert_null(bed.keeper->keyset); // so that they are tried again
    assert_non_null(bed.keeper->state_fault);
    assert_non_null(strstr(bed.keeper->state_fault->text, "cannot make its keys: no primes today"));
    assert_true(bed.keeper->has_next);
    assert_int_equal(verdicts, 1);
    bed_close(&bed);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_that_take_long_are_made_in_a_thread_and_a_transfer_waits_for_them),
        cmocka_unit_test(keys_that_take_no_time_are_there_at_once),
        cmocka_unit_test(orders_of_the_operator_wait_for_the_first_keys_and_are_answered_in_turn),
        cmocka_unit_test(a_further_key_is_made_in_a_thread_and_other_orders_go_on),
        cmocka_unit_test(a_key_that_could_not_be_made_is_said_to_who_ordered_it),
        cmocka_unit_test(no_more_orders_wait_than_may),
        cmocka_unit_test(who_waits_is_told_when_the_zone_stops_or_goes),
        cmocka_unit_test(a_reload_may_take_the_policy_while_a_key_is_made),
        cmocka_unit_test(the_files_of_an_order_wait_with_it),
        cmocka_unit_test(a_zone_may_go_while_its_keys_are_made),
        cmocka_unit_test(a_zone_that_was_stopped_takes_no_keys),
        cmocka_unit_test(a_reload_with_another_algorithm_is_heeded),
        cmocka_unit_test(a_reload_with_another_kind_of_rsa_orders_anew),
        cmocka_unit_test(keys_that_wait_for_the_parents_answer_are_made_in_a_thread_too),
        cmocka_unit_test(a_reload_may_take_the_policy_and_give_it_back),
        cmocka_unit_test(a_failure_is_the_zones_state_and_the_transfer_that_waits_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
