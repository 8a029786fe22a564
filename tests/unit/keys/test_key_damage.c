// Damaged key files: whatever one flipped bit, dropped line or cut leaves of a file, the key set
// that is loaded is the one that was saved, or none with a fault that names the file. Never another
// role, state or key.
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

#include "secondary/signer/keys/key_bind.h"
#include "secondary/signer/keys/key_crypto.h"
#include "secondary/signer/keys/key_import.h"
#include "secondary/signer/keys/key_store.h"

#define NOW 1795000000

static const uint8_t apex[] = "\7example\3gov";
static const char *const endings[] = {".key", ".private", ".state", ".sealed"};

struct world {
    char folder[64], keys[96];
    struct key_memory *memory;
    struct key_seal *seal;
    struct key_store *store;
    struct key_pair key; // as it was saved
    char stem[KEY_BIND_NAME_MAX];
    size_t loaded, refused;
};

static void
world_open(struct world *world, enum key_storage storage)
{
    char secret[96];
    struct fault fault;
    bool made;
    *world = (struct world){.memory = key_memory_new()};
    strcpy(world->folder, "/tmp/tandem-damage-XXXXXX");
    assert_non_null(mkdtemp(world->folder));
    snprintf(secret, sizeof secret, "%s/secret", world->folder);
    snprintf(world->keys, sizeof world->keys, "%s/keys", world->folder);
    struct key_seal_options seal = {.default_file = secret, .may_make = true};
    if (storage == KEY_STORAGE_SEALED)
        assert_true(key_seal_open(&seal, &world->seal, &made, &fault));
    struct key_store_options options = {
        .storage = storage, .seal = world->seal, .dnskey_ttl = 3600};
    assert_true(key_store_open(world->keys, apex, &options, &world->store, &fault));
}

static void
world_close(struct world *world)
{
    char command[128];
    key_pair_close(world->memory, &world->key);
    key_store_close(&world->store);
    key_seal_free(&world->seal);
    assert_int_equal(key_memory_count(world->memory), 0);
    key_memory_free(&world->memory);
    snprintf(command, sizeof command, "rm -rf %s", world->folder);
    assert_int_equal(system(command), 0);
}

static void
key_make(struct world *world, uint8_t algorithm)
{
    struct fault fault;
    struct key_pair *key = &world->key;
    uint8_t *secret = key_scratch_new(KEY_SECRET_MAX);
    struct key_parts parts = {.role = KEY_CSK, .algorithm = algorithm, .secret = {secret, 0}};
    if (algorithm == 8) // short, for speed
        assert_true(key_rsa_generate(1024, secret, &parts.secret.length, &fault));
    else
        assert_true(key_crypto_generate(algorithm, secret, &parts.secret.length, &fault));
    assert_true(key_pair_from_parts(world->memory, apex, &parts, key, &fault));
    key->times.at[KEY_GENERATED] = NOW;
    key_scratch_free(secret);
    assert_true(key_state_move(&key->state, &key->times, KEY_EVENT_INTRODUCE, NOW, &fault));
    assert_true(key_state_move(&key->state, &key->times, KEY_EVENT_RETIRE, NOW + 1, &fault));
    assert_true(key_state_move(&key->state, &key->times, KEY_EVENT_ACTIVATE, NOW + 2, &fault));
    key->imported = true;
    assert_true(key_store_save(world->store, world->memory, key, &fault));
    key_bind_file_name(key, world->stem);
}

static size_t
file_read(const char *path, uint8_t *octets, size_t size)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t length = fread(octets, 1, size, file);
    fclose(file);
    return length;
}

static void
file_write(const char *path, const uint8_t *octets, size_t length)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(octets, 1, length, file), length);
    fclose(file);
}

// Loads what is there now.
static void
load_and_judge(struct world *world, const char *what, size_t where)
{
    struct keyset *keyset = keyset_new(apex, world->memory);
    struct fault fault = {0};
    if (!key_store_load(world->store, keyset, NOW + 100, &fault)) {
        if (!strstr(fault.text, world->stem) || keyset_count(keyset) != 0)
            fail_msg("%s %zu: %s", what, where, fault.text);
        world->refused++;
    } else {
        const struct key_pair *key = keyset_count(keyset) == 1 ? keyset_at(keyset, 0) : NULL;
        if (!key || key->dnskey_length != world->key.dnskey_length ||
            memcmp(key->dnskey, world->key.dnskey, key->dnskey_length) != 0 ||
            key->role != world->key.role || key->state != world->key.state ||
            key->imported != world->key.imported)
            fail_msg("%s at %zu: another key was loaded", what, where);
        world->loaded++;
    }
    keyset_free(&keyset);
}

static void
every_octet_flipped(struct world *world, const char *path, uint8_t *octets, size_t length,
                    size_t stride)
{
    for (size_t i = 0; i < length; i += stride) {
        uint8_t mask = (uint8_t)(1U << ((i * 5 + 3) % 8));
        octets[i] ^= mask;
        file_write(path, octets, length);
        load_and_judge(world, path, i);
        octets[i] ^= mask;
    }
}

static void
every_line_dropped(struct world *world, const char *path, const uint8_t *octets, size_t length)
{
    uint8_t rest[16384];
    for (size_t start = 0; start < length;) {
        const uint8_t *stop = memchr(octets + start, '\n', length - start);
        size_t end = stop ? (size_t)(stop - octets) + 1 : length;
        memcpy(rest, octets, start);
        memcpy(rest + start, octets + end, length - end);
        file_write(path, rest, length - (end - start));
        load_and_judge(world, path, start);
        start = end;
    }
}

static void
cut_everywhere(struct world *world, const char *path, const uint8_t *octets, size_t length,
               size_t step)
{
    for (size_t i = 0; i < length; i += step) {
        file_write(path, octets, i);
        load_and_judge(world, path, i);
    }
}

static void
files_of(struct world *world, int first, int count, size_t stride)
{
    for (int i = first; i < first + count; i++) {
        uint8_t octets[16384];
        char path[1024];
        snprintf(path, sizeof path, "%s/%s%s", world->keys, world->stem, endings[i]);
        size_t length = file_read(path, octets, sizeof octets);
        assert_true(length > 0 && length < sizeof octets);
        every_octet_flipped(world, path, octets, length, stride);
        every_line_dropped(world, path, octets, length);
        cut_everywhere(world, path, octets, length, 7 * stride);
        file_write(path, octets, length);
        load_and_judge(world, path, 0); // whole again
    }
}

static void
plain_files_load_as_they_were_saved_or_not_at_all(void **state)
{
    (void)state;
    static const uint8_t algorithms[] = {8, 13, 15};
    for (size_t i = 0; i < sizeof algorithms; i++) {
        struct world world;
        world_open(&world, KEY_STORAGE_PLAIN);
        key_make(&world, algorithms[i]);
        files_of(&world, 0, 3, algorithms[i] == 8 ? 3 : 1);     // RSA: long files, long checks
        assert_true(world.refused > 100 && world.loaded > 100); // comments and times may differ
        world_close(&world);
    }
}

static void
sealed_files_load_whole_or_not_at_all(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, KEY_STORAGE_SEALED);
    key_make(&world, 15);
    files_of(&world, 3, 1, 1);
    assert_int_equal(world.loaded, 1);
    world_close(&world);
}

// --- Each kind of damage has its sentence

struct case_of_damage {
    const char *ending, *from, *to; // replaced once; from NULL: the file is removed
    const char *sentence;
};

static void
replace_once(const char *path, const char *from, const char *to)
{
    uint8_t octets[16384], changed[16384];
    size_t length = file_read(path, octets, sizeof octets);
    const uint8_t *at = memmem(octets, length, from, strlen(from));
    assert_non_null(at);
    size_t before = (size_t)(at - octets), after = length - before - strlen(from);
    memcpy(changed, octets, before);
    memcpy(changed + before, to, strlen(to));
    memcpy(changed + before + strlen(to), at + strlen(from), after);
    file_write(path, changed, before + strlen(to) + after);
}

static void
damage_says(uint8_t algorithm, const struct case_of_damage *damage)
{
    struct world world;
    struct fault fault = {0};
    char path[1024];
    world_open(&world, KEY_STORAGE_PLAIN);
    key_make(&world, algorithm);
    snprintf(path, sizeof path, "%s/%s%s", world.keys, world.stem, damage->ending);
    if (damage->from)
        replace_once(path, damage->from, damage->to);
    else
        assert_int_equal(unlink(path), 0);
    struct keyset *keyset = keyset_new(apex, world.memory);
    assert_false(key_store_load(world.store, keyset, NOW, &fault));
    if (!strstr(fault.text, damage->sentence) || !strstr(fault.text, world.stem))
        fail_msg("expected \"%s\", got \"%s\"", damage->sentence, fault.text);
    keyset_free(&keyset);
    world_close(&world);
}

static void
each_damage_has_its_sentence(void **state)
{
    (void)state;
    static const struct case_of_damage cases[] = {
        {".private", NULL, NULL, "a key needs all of its files: take it from a backup"},
        {".key", "257 3 ", "257 2 ", ".key:6: DNSKEY: protocol 2: expected 3"},
        {".key", "257 3 ", "256 3 ", "by its name a key of algorithm 13 with tag"},
        {".key", "257 3 ", "1 3 ", "flags 1 lack the zone key bit (256)"},
        {".key", "257 3 ", "769 3 ", "flags 769 have bits that mean nothing in a zone's key"},
        {".key", "257 3 ", "385 3 ", "the key is revoked (flags 385)"},
        {".key", "257 3 ", "abc 3 ", "DNSKEY: flags abc: expected 256 or 257"},
        {".key", "3 13 ", "3 5 ", "algorithm 5 (RSASHA1) is not supported: use ECDSAP256SHA256"},
        {".key", "3 13 ", "3 14 ", "algorithm 13 here, 14 in the other file"},
        {".key", "example.gov. 3600", "example.net. 3600",
         "is a key of zone example.net, not of example.gov"},
        {".private", "Algorithm: 13", "Algorithm: 1", "algorithm 1 (RSAMD5) is not supported"},
        {".private", "Algorithm: 13", "Algorithm: 3", "algorithm 3 (DSA) is not supported"},
        {".private", "Algorithm: 13", "Algorithm: 7",
         "algorithm 7 (RSASHA1-NSEC3-SHA1) is not supported"},
        {".private", "Algorithm: 13", "Algorithm: 12", "algorithm 12 (ECC-GOST) is not supported"},
        {".private", "Algorithm: 13", "Algorithm: 17", "algorithm 17 (SM2SM3) is not supported"},
        {".private", "Algorithm: 13", "Algorithm: 253",
         "algorithm 253 (PRIVATEDNS) is not supported"},
        {".private", "Algorithm: 13", "Algorithm: 200", "algorithm 200 (unassigned)"},
        {".private", "Algorithm: 13", "Algorithm: 15", "they are not files of one key"},
        {".private", "PrivateKey", "PublicKey", "no PrivateKey line"},
        {".state", "KSK: yes", "KSK: perhaps", "lines KSK and ZSK: expected yes or no in both"},
        {".state", "KSK: yes\nZSK: yes\n", "", "lines KSK and ZSK: expected yes or no in both"},
        {".state", "ZSK: yes\n", "", "lines KSK and ZSK: expected yes or no in both"},
        {".state", "State: active", "State: alive", "lines State (alive) and Origin (imported)"},
        {".state", "Algorithm: 13", "Algorithm: 14", "they are not files of one key"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        damage_says(13, &cases[i]);
    static const struct case_of_damage eddsa[] = {
        {".private", "PrivateKey: ", "PrivateKey: AAAA",
         "private key of 35 octets: ED25519 has 32"},
    };
    damage_says(15, &eddsa[0]);
}

// Tags have 16 bits: among a few hundred keys two have the same.
static void
two_keys_with_one_tag_are_refused_by_name(void **state)
{
    (void)state;
    enum { KEYS = 4000 };
    static struct key_pair keys[KEYS];
    static int by_tag[65536];
    struct world world;
    struct fault fault = {0};
    world_open(&world, KEY_STORAGE_PLAIN);
    int count = 0, twin = 0;
    memset(by_tag, 0, sizeof by_tag);
    while (!twin && count < KEYS) {
        struct key_pair *key = &keys[count++];
        assert_true(
            key_pair_generate(world.memory, apex, KEY_ZSK, count % 2 ? 15 : 13, NOW, key, &fault));
        twin = by_tag[key->tag] && keys[by_tag[key->tag] - 1].algorithm != key->algorithm
                   ? by_tag[key->tag]
                   : 0;
        by_tag[key->tag] = count;
    }
    assert_true(twin > 0);
    struct key_pair *a = &keys[twin - 1], *b = &keys[count - 1];
    char stem[KEY_BIND_NAME_MAX];
    key_bind_file_name(a->algorithm == 15 ? a : b, stem); // the later of both
    assert_true(key_store_save(world.store, world.memory, a, &fault));
    assert_true(key_store_save(world.store, world.memory, b, &fault));
    struct keyset *keyset = keyset_new(apex, world.memory);
    assert_false(key_store_load(world.store, keyset, NOW, &fault));
    assert_int_equal(keyset_count(keyset), 0);
    assert_non_null(strstr(fault.text, stem));
    assert_non_null(strstr(fault.text, "has a key with tag"));
    keyset_free(&keyset);
    for (int i = 0; i < count; i++)
        key_pair_close(world.memory, &keys[i]);
    world_close(&world);
}

// An RSA key, one number of which is another's.
static void
the_wrong_number_of_an_rsa_key_is_named(void **state)
{
    (void)state;
    struct key_memory *memory = key_memory_new();
    uint8_t *secret = key_scratch_new(KEY_SECRET_MAX), *damaged = key_scratch_new(KEY_SECRET_MAX);
    struct octets numbers[KEY_RSA_PARTS];
    size_t length;
    struct fault fault;
    assert_true(key_rsa_generate(1024, secret, &length, &fault));
    static const char *const named[KEY_RSA_PARTS] = {
        "Modulus", "PrivateExponent", "PrivateExponent", "Modulus",
        "Modulus", "Exponent1",       "Exponent2",       "Coefficient"};
    for (int part = 0; part < KEY_RSA_PARTS; part++) {
        memcpy(damaged, secret, length);
        assert_true(key_rsa_unpack((struct octets){damaged, length}, numbers, &fault));
        assert_true(key_rsa_check(numbers, &fault));
        uint8_t *at = damaged + (numbers[part].data - damaged);
        at[numbers[part].length - 1] ^= 2;
        assert_false(key_rsa_check(numbers, &fault));
        char wanted[64];
        snprintf(wanted, sizeof wanted, "%s of the RSA key does not go with the other numbers",
                 named[part]);
        if (!strstr(fault.text, wanted))
            fail_msg("part %d: %s", part, fault.text);
    }
    key_scratch_free(secret);
    key_scratch_free(damaged);
    key_memory_free(&memory);
}

static void
rsa_keys_have_1024_to_4096_bits(void **state)
{
    (void)state;
    static const struct {
        unsigned bits;
        bool taken;
    } cases[] = {{768, false}, {1024, true}, {1032, true}};
    uint8_t *secret = key_scratch_new(KEY_SECRET_MAX);
    struct key_memory *memory = key_memory_new();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct key_parts parts = {.role = KEY_ZSK, .algorithm = 8};
        struct key_pair key;
        struct fault fault;
        size_t length;
        assert_true(key_rsa_generate(cases[i].bits, secret, &length, &fault));
        parts.secret = (struct octets){secret, length};
        assert_int_equal(key_pair_from_parts(memory, apex, &parts, &key, &fault), cases[i].taken);
        if (cases[i].taken) {
            assert_int_equal(key_pair_bits(&key), cases[i].bits);
            assert_int_equal(key_pair_signature_size(&key), cases[i].bits / 8);
            key_pair_close(memory, &key);
        } else {
            assert_non_null(strstr(fault.text, "RSA key of 768 bits: 1024 to 4096 are read"));
        }
    }
    key_scratch_free(secret);
    key_memory_free(&memory);
}

// The largest key that is read, with numbers of full length: it must fit everywhere.
static void
an_rsa_key_of_4096_bits_fits_memory_files_and_signatures(void **state)
{
    (void)state;
    uint8_t octets[KEY_RSA_NUMBER_MAX], *secret = key_scratch_new(KEY_SECRET_MAX);
    struct octets numbers[KEY_RSA_PARTS];
    size_t length;
    struct fault fault;
    memset(octets, 0xff, sizeof octets);
    for (int i = 0; i < KEY_RSA_PARTS; i++)
        numbers[i] = (struct octets){octets, i >= KEY_RSA_PRIME1 ? 256 : 512};
    numbers[KEY_RSA_PUBLIC_EXPONENT].length = 8;
    assert_true(key_rsa_pack(numbers, secret, &length, &fault));
    assert_true(length <= KEY_SECRET_MAX);
    assert_true(4 + 1 + 8 + 512 <= KEY_DNSKEY_MAX);
    numbers[KEY_RSA_PRIME2].length = 257;
    assert_false(key_rsa_pack(numbers, secret, &length, &fault));
    assert_non_null(strstr(fault.text, "Prime2 of the RSA key has 257 octets"));
    key_scratch_free(secret);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_files_load_as_they_were_saved_or_not_at_all),
        cmocka_unit_test(sealed_files_load_whole_or_not_at_all),
        cmocka_unit_test(each_damage_has_its_sentence),
        cmocka_unit_test(two_keys_with_one_tag_are_refused_by_name),
        cmocka_unit_test(the_wrong_number_of_an_rsa_key_is_named),
        cmocka_unit_test(rsa_keys_have_1024_to_4096_bits),
        cmocka_unit_test(an_rsa_key_of_4096_bits_fits_memory_files_and_signatures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
