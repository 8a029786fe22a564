#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "secondary/signer/keys/key_signer.h"
#include "secondary/signer/keys/key_store.h"

#define NOW 1795000000

static const uint8_t apex[] = "\7example\3gov";
static char folder[64];

struct world {
    struct key_memory *memory;
    struct keyset *keyset;
    struct key_seal *seal;
    struct key_store *store;
    char keys[128]; // its directory
};

static int
folder_make(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/tandem-keys-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int
folder_remove(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static void
world_open(struct world *world, enum key_storage storage, bool with_seal)
{
    char secret[128];
    struct fault fault;
    bool made;
    snprintf(secret, sizeof secret, "%s/key-secret", folder);
    *world = (struct world){.memory = key_memory_new()};
    snprintf(world->keys, sizeof world->keys, "%s/example.gov", folder);
    world->keyset = keyset_new(apex, world->memory);
    struct key_seal_options seal = {.default_file = secret, .may_make = true};
    if (with_seal)
        assert_true(key_seal_open(&seal, &world->seal, &made, &fault));
    struct key_store_options options = {
        .storage = storage, .seal = world->seal, .dnskey_ttl = 3600};
    assert_true(key_store_open(world->keys, apex, &options, &world->store, &fault));
}

static void
world_close(struct world *world)
{
    key_store_close(&world->store);
    key_seal_free(&world->seal);
    keyset_free(&world->keyset);
    assert_int_equal(key_memory_count(world->memory), 0);
    key_memory_free(&world->memory);
}

static uint16_t
key_make(struct world *world, enum key_role role)
{
    const struct key_pair *key;
    struct fault fault;
    assert_true(keyset_generate(world->keyset, role, 13, NOW, &key, &fault));
    assert_true(keyset_move(world->keyset, key->tag, KEY_EVENT_INTRODUCE, NOW + 5, &fault));
    assert_true(key_store_save(world->store, world->memory, key, &fault));
    return key->tag;
}

static void
the_file(const char *ending, uint16_t tag, char path[static 256])
{
    snprintf(path, 256, "%s/example.gov/Kexample.gov.+013+%05u%s", folder, tag, ending);
}

static size_t
key_signature(struct world *world, const struct key_pair *key,
              uint8_t ret_signature[static KEY_SIGNATURE_MAX])
{
    struct key_signer *signer;
    struct fault fault;
    size_t length;
    assert_true(key_signer_new(world->memory, key, &signer, &fault));
    assert_true(key_signer_sign(signer, (const uint8_t *)"input", 5, ret_signature, &length));
    key_signer_free(&signer);
    return length;
}

static void
keys_come_back_as(enum key_storage storage)
{
    struct world world;
    struct fault fault;
    world_open(&world, storage, storage == KEY_STORAGE_SEALED);
    uint16_t ksk = key_make(&world, KEY_KSK), csk = key_make(&world, KEY_CSK);
    struct key_pair brought = *keyset_find(world.keyset, ksk);
    brought.imported = true;
    assert_true(key_store_save(world.store, world.memory, &brought, &fault));
    struct key_pair before = *keyset_find(world.keyset, csk);
    world_close(&world);
    world_open(&world, storage, storage == KEY_STORAGE_SEALED);
    assert_true(key_store_load(world.store, world.keyset, NOW + 9, &fault));
    assert_int_equal(keyset_count(world.keyset), 2);
    assert_int_equal(keyset_find(world.keyset, ksk)->role, KEY_KSK);
    assert_true(keyset_find(world.keyset, ksk)->imported);
    assert_false(keyset_find(world.keyset, csk)->imported);
    const struct key_pair *after = keyset_find(world.keyset, csk);
    assert_int_equal(after->role, KEY_CSK);
    assert_int_equal(after->state, KEY_ACTIVE);
    assert_memory_equal(&after->times, &before.times, sizeof after->times);
    assert_memory_equal(after->dnskey, before.dnskey, before.dnskey_length);
    assert_true(key_store_remove(world.store, after, &fault));
    assert_true(keyset_remove(world.keyset, csk, &fault));
    world_close(&world);
    world_open(&world, storage, storage == KEY_STORAGE_SEALED);
    assert_true(key_store_load(world.store, world.keyset, NOW, &fault));
    assert_int_equal(keyset_count(world.keyset), 1);
    world_close(&world);
}

static void
sealed_keys_come_back_with_role_state_and_times(void **state)
{
    (void)state;
    keys_come_back_as(KEY_STORAGE_SEALED);
}

static void
plain_keys_come_back_with_role_state_and_times(void **state)
{
    (void)state;
    keys_come_back_as(KEY_STORAGE_PLAIN);
}

static void
key_files_are_readable_by_their_owner_only_and_a_sealed_one_shows_nothing(void **state)
{
    (void)state;
    struct world world;
    struct stat status;
    char path[256], text[4096];
    world_open(&world, KEY_STORAGE_SEALED, true);
    uint16_t tag = key_make(&world, KEY_ZSK);
    the_file(".sealed", tag, path);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    FILE *file = fopen(path, "r");
    size_t length = fread(text, 1, sizeof text, file);
    fclose(file);
    assert_null(memmem(text, length, "PrivateKey", 10));
    world_close(&world);
    world_open(&world, KEY_STORAGE_PLAIN, true);
    tag = key_make(&world, KEY_ZSK);
    the_file(".private", tag, path);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    world_close(&world);
    snprintf(path, sizeof path, "%s/example.gov", folder);
    assert_int_equal(chmod(path, 0755), 0);
    struct key_store *store;
    struct fault fault;
    struct key_store_options options = {.storage = KEY_STORAGE_PLAIN};
    assert_false(key_store_open(path, apex, &options, &store, &fault));
    assert_int_equal(fault.kind, FAULT_CONFIG);
    assert_int_equal(chmod(path, 0700), 0);
}

static void
one_changed_octet_of_a_sealed_file_is_a_fault_that_names_it_and_loads_nothing(void **state)
{
    (void)state;
    struct world world;
    struct fault fault;
    char path[256];
    world_open(&world, KEY_STORAGE_SEALED, true);
    key_make(&world, KEY_KSK);
    uint16_t tag = key_make(&world, KEY_ZSK);
    world_close(&world);
    the_file(".sealed", tag, path);
    int descriptor = open(path, O_RDWR);
    uint8_t octet;
    assert_int_equal(pread(descriptor, &octet, 1, 100), 1);
    octet ^= 0x10;
    assert_int_equal(pwrite(descriptor, &octet, 1, 100), 1);
    close(descriptor);
    world_open(&world, KEY_STORAGE_SEALED, true);
    assert_false(key_store_load(world.store, world.keyset, NOW, &fault));
    assert_int_equal(fault.kind, FAULT_CORRUPT);
    char wanted[32];
    snprintf(wanted, sizeof wanted, "+013+%05u.sealed", tag);
    assert_non_null(strstr(fault.text, wanted));
    assert_int_equal(keyset_count(world.keyset), 0);
    world_close(&world);
}

static void
one_keys_sealed_file_under_anothers_name_does_not_open(void **state)
{
    (void)state;
    struct world world;
    struct fault fault;
    char from[256], to[256];
    world_open(&world, KEY_STORAGE_SEALED, true);
    uint16_t tag = key_make(&world, KEY_ZSK);
    world_close(&world);
    the_file(".sealed", tag, from);
    the_file(".sealed", (uint16_t)(tag ^ 1), to);
    assert_int_equal(rename(from, to), 0);
    world_open(&world, KEY_STORAGE_SEALED, true);
    assert_false(key_store_load(world.store, world.keyset, NOW, &fault));
    assert_int_equal(fault.kind, FAULT_CORRUPT);
    world_close(&world);
}

static void
without_the_secret_sealed_keys_do_not_load(void **state)
{
    (void)state;
    struct world world;
    struct fault fault;
    bool made;
    world_open(&world, KEY_STORAGE_SEALED, true);
    key_make(&world, KEY_ZSK);
    world_close(&world);
    world_open(&world, KEY_STORAGE_PLAIN, false);
    assert_false(key_store_load(world.store, world.keyset, NOW, &fault));
    assert_non_null(strstr(fault.text, "key-secret-file"));
    world_close(&world);
    char path[128];
    snprintf(path, sizeof path, "%s/key-secret", folder);
    assert_int_equal(unlink(path), 0);
    struct key_seal *seal;
    struct key_seal_options options = {.default_file = path, .may_make = false};
    assert_false(key_seal_open(&options, &seal, &made, &fault));
    assert_int_equal(fault.kind, FAULT_NOT_FOUND);
    snprintf(path, sizeof path, "%s/example.gov", folder);
    assert_true(key_store_has_keys(path));
}

static void
a_secret_that_others_can_read_is_refused(void **state)
{
    (void)state;
    char path[128];
    struct key_seal *seal;
    struct fault fault;
    bool made;
    snprintf(path, sizeof path, "%s/secret", folder);
    FILE *file = fopen(path, "w");
    for (int i = 0; i < 64; i++)
        fputc("0123456789abcdef"[i & 15], file);
    fputc('\n', file);
    fclose(file);
    struct key_seal_options options = {.secret_file = path};
    assert_int_equal(chmod(path, 0644), 0);
    assert_false(key_seal_open(&options, &seal, &made, &fault));
    assert_non_null(strstr(fault.text, "chmod 600"));
    assert_int_equal(chmod(path, 0600), 0);
    assert_true(key_seal_open(&options, &seal, &made, &fault));
    assert_false(made);
    key_seal_free(&seal);
}

static void
changing_the_storage_kind_leaves_one_file_of_each_key(void **state)
{
    (void)state;
    struct world world;
    struct fault fault;
    char path[256];
    world_open(&world, KEY_STORAGE_PLAIN, true);
    uint16_t tag = key_make(&world, KEY_ZSK);
    world_close(&world);
    world_open(&world, KEY_STORAGE_SEALED, true);
    assert_true(key_store_load(world.store, world.keyset, NOW, &fault));
    assert_true(key_store_save(world.store, world.memory, keyset_find(world.keyset, tag), &fault));
    the_file(".private", tag, path);
    assert_int_not_equal(access(path, F_OK), 0);
    world_close(&world);
    world_open(&world, KEY_STORAGE_PLAIN, true);
    assert_true(key_store_load(world.store, world.keyset, NOW, &fault));
    assert_int_equal(keyset_count(world.keyset), 1);
    world_close(&world);
}

static void
what_a_crash_leaves_without_the_last_file_is_passed_over(void **state)
{
    (void)state;
    struct world world;
    struct fault fault;
    char path[256];
    world_open(&world, KEY_STORAGE_PLAIN, false);
    uint16_t tag = key_make(&world, KEY_ZSK);
    world_close(&world);
    the_file(".key", tag, path);
    assert_int_equal(unlink(path), 0);
    world_open(&world, KEY_STORAGE_PLAIN, false);
    assert_true(key_store_load(world.store, world.keyset, NOW, &fault));
    assert_int_equal(keyset_count(world.keyset), 0);
    world_close(&world);
}

static void
a_private_file_that_is_missing_or_cut_is_a_fault(void **state)
{
    (void)state;
    struct world world;
    struct fault fault;
    char path[256];
    world_open(&world, KEY_STORAGE_PLAIN, false);
    uint16_t tag = key_make(&world, KEY_ZSK);
    world_close(&world);
    the_file(".private", tag, path);
    assert_int_equal(truncate(path, 40), 0);
    world_open(&world, KEY_STORAGE_PLAIN, false);
    assert_false(key_store_load(world.store, world.keyset, NOW, &fault));
    assert_int_equal(fault.kind, FAULT_SYNTAX);
    assert_int_equal(unlink(path), 0);
    assert_false(key_store_load(world.store, world.keyset, NOW, &fault));
    assert_int_equal(fault.kind, FAULT_IO);
    world_close(&world);
}

// Both storages hold keys of every algorithm, and what comes back signs as before.
static void
keys_of_every_algorithm_come_back_and_sign_the_same(void **state)
{
    (void)state;
    static const uint8_t algorithms[] = {8, 10, 13, 14, 15, 16};
    for (int storage = KEY_STORAGE_SEALED; storage <= KEY_STORAGE_PLAIN; storage++) {
        struct world world;
        struct key_pair keys[sizeof algorithms];
        uint8_t before[KEY_SIGNATURE_MAX], after[KEY_SIGNATURE_MAX];
        struct fault fault;
        world_open(&world, (enum key_storage)storage, true);
        for (size_t i = 0; i < sizeof algorithms; i++) {
            assert_true(key_pair_generate(world.memory, apex, KEY_ZSK, algorithms[i], NOW, &keys[i],
                                          &fault));
            assert_true(key_store_save(world.store, world.memory, &keys[i], &fault));
        }
        assert_true(key_store_load(world.store, world.keyset, NOW, &fault));
        for (size_t i = 0; i < sizeof algorithms; i++) {
            const struct key_pair *key = keyset_find(world.keyset, keys[i].tag);
            assert_int_equal(key->dnskey_length, keys[i].dnskey_length);
            assert_memory_equal(key->dnskey, keys[i].dnskey, key->dnskey_length);
            size_t length = key_signature(&world, &keys[i], before);
            assert_int_equal(key_signature(&world, key, after), length);
            if (key_signer_is_deterministic(algorithms[i]))
                assert_memory_equal(before, after, length);
            assert_true(key_store_remove(world.store, key, &fault));
            key_pair_close(world.memory, &keys[i]);
        }
        world_close(&world);
    }
}

// Not ours to read: root in these tests steps down to see what the daemon's user sees.
static void
a_file_without_rights_is_a_fault_with_its_cure(void **state)
{
    (void)state;
    struct world world;
    struct fault fault;
    char path[256];
    world_open(&world, KEY_STORAGE_PLAIN, false);
    uint16_t tag = key_make(&world, KEY_CSK);
    world_close(&world);
    world_open(&world, KEY_STORAGE_PLAIN, false);
    the_file(".private", tag, path);
    assert_int_equal(chmod(path, 0), 0);
    assert_int_equal(chmod(folder, 0755), 0);
    snprintf(path, sizeof path, "%s/example.gov", folder);
    assert_int_equal(chmod(path, 0755), 0);
    snprintf(path, sizeof path, "%s/example.gov/Kexample.gov.+013+%05u.key", folder, tag);
    assert_int_equal(chmod(path, 0644), 0);
    bool root = geteuid() == 0;
    if (root)
        assert_int_equal(seteuid(65534), 0);
    bool good = key_store_load(world.store, world.keyset, NOW, &fault);
    if (root)
        assert_int_equal(seteuid(0), 0);
    assert_false(good);
    assert_int_equal(fault.kind, FAULT_IO);
    assert_non_null(strstr(fault.text, ".private: cannot be opened (chown it to the daemon's user "
                                       "and chmod 600 it): Permission denied"));
    world_close(&world);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_make, folder_remove)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(sealed_keys_come_back_with_role_state_and_times),
        IN_FOLDER(plain_keys_come_back_with_role_state_and_times),
        IN_FOLDER(key_files_are_readable_by_their_owner_only_and_a_sealed_one_shows_nothing),
        IN_FOLDER(one_changed_octet_of_a_sealed_file_is_a_fault_that_names_it_and_loads_nothing),
        IN_FOLDER(one_keys_sealed_file_under_anothers_name_does_not_open),
        IN_FOLDER(without_the_secret_sealed_keys_do_not_load),
        IN_FOLDER(a_secret_that_others_can_read_is_refused),
        IN_FOLDER(changing_the_storage_kind_leaves_one_file_of_each_key),
        IN_FOLDER(what_a_crash_leaves_without_the_last_file_is_passed_over),
        IN_FOLDER(a_private_file_that_is_missing_or_cut_is_a_fault),
        IN_FOLDER(keys_of_every_algorithm_come_back_and_sign_the_same),
        IN_FOLDER(a_file_without_rights_is_a_fault_with_its_cure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
