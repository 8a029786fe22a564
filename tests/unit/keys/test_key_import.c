#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <glob.h>
#include <unistd.h>

#include <cmocka.h>

#include "secondary/signer/keys/key_bind.h"
#include "secondary/signer/keys/key_import.h"

#define NOW 1795000000

static const uint8_t apex[] = "\7example\3gov";

// A key that dnssec-keygen made.
static const char bind_public[] = "; This is a key-signing key, keyid 23475, for example.gov.\n"
                                  "; Created: 20261101223243 (Sun Nov  1 22:32:43 2026)\n"
                                  "; Publish: 20261101223243 (Sun Nov  1 22:32:43 2026)\n"
                                  "; Activate: 20261101223243 (Sun Nov  1 22:32:43 2026)\n"
                                  "example.gov. IN DNSKEY 257 3 13 "
                                  "f/MPYKCi4o1EtI2lrlN0z44TMlmCT8MGSOgsQwa63KXZl3rJAvyubY97 "
                                  "YWa7Dr9vPnJ0hXRk94KCALnI6mg7GQ==\n";
static const char bind_private[] = "Private-key-format: v1.3\n"
                                   "Algorithm: 13 (ECDSAP256SHA256)\n"
                                   "PrivateKey: m5yIRUnPpdZYfnJtQrZUFibPmlPhFn5AvPm7O/XVI5o=\n"
                                   "Created: 20261101223243\n"
                                   "Publish: 20261101223243\n"
                                   "Activate: 20261101223243\n";
static const char bind_state[] = "; This is the state of key 23475, for example.gov.\n"
                                 "Algorithm: 13\nLength: 256\nLifetime: 0\nKSK: yes\nZSK: yes\n"
                                 "Generated: 20261101223243 (Sun Nov  1 22:32:43 2026)\n"
                                 "Published: 20261101223243\nActive: 20261101223243\n"
                                 "DNSKEYChange: 20261101223243\nDNSKEYState: omnipresent\n";
// What pdnsutil prints.
static const char pdns_private[] = "Private-key-format: v1.2\n"
                                   "Algorithm: 13 (ECDSAP256SHA256)\n"
                                   "PrivateKey: 4h/LPP7a7wI4+ItpCg5YU5syHKHsQ1TjUBhlycE56Ns=\n\n";

struct world {
    struct key_memory *memory;
    struct keyset *keyset;
    struct vector keys;
    struct key_import_file files[8];
    size_t count;
};

static void
world_open(struct world *world)
{
    *world = (struct world){.memory = key_memory_new()};
    world->keyset = keyset_new(apex, world->memory);
    vector_init(&world->keys, sizeof(struct key_pair));
}

static void
world_close(struct world *world)
{
    for (size_t i = 0; i < world->keys.count; i++)
        key_pair_close(world->memory, vector_at(&world->keys, i));
    vector_close(&world->keys);
    keyset_free(&world->keyset);
    assert_int_equal(key_memory_count(world->memory), 0);
    key_memory_free(&world->memory);
}

static void
file_add(struct world *world, const char *name, const char *text)
{
    struct key_import_file *file = &world->files[world->count++];
    snprintf(file->name, sizeof file->name, "%s", name);
    file->text = (struct octets){(const uint8_t *)text, strlen(text)};
}

static bool
import(struct world *world, struct key_import_options options, struct fault *fault)
{
    if (!options.now)
        options.now = NOW;
    return key_import(world->keyset, world->files, world->count, &options, &world->keys, fault);
}

static void
binds_files_are_taken_in_either_order(void **state)
{
    (void)state;
    for (int order = 0; order < 2; order++) {
        struct world world;
        struct fault fault;
        world_open(&world);
        file_add(&world, order ? "Kexample.gov.+013+23475.key" : "Kexample.gov.+013+23475.private",
                 order ? bind_public : bind_private);
        file_add(&world, order ? "Kexample.gov.+013+23475.private" : "Kexample.gov.+013+23475.key",
                 order ? bind_private : bind_public);
        assert_true(import(&world, (struct key_import_options){0}, &fault));
        assert_int_equal(world.keys.count, 1);
        const struct key_pair *key = vector_at(&world.keys, 0);
        assert_int_equal(key->tag, 23475);
        assert_int_equal(key->role, KEY_KSK);
        assert_int_equal(key->state, KEY_ACTIVE);
        assert_int_equal(key->times.at[KEY_ACTIVE], 1793572363);
        world_close(&world);
    }
}

static void
a_state_file_and_an_option_say_that_a_key_is_a_csk(void **state)
{
    (void)state;
    struct world world;
    struct fault fault;
    world_open(&world);
    file_add(&world, "K.private", bind_private);
    file_add(&world, "K.state", bind_state);
    file_add(&world, "K.key", bind_public);
    assert_true(import(&world, (struct key_import_options){0}, &fault));
    assert_int_equal(((struct key_pair *)vector_at(&world.keys, 0))->role, KEY_CSK);
    world_close(&world);
    world_open(&world);
    file_add(&world, "K.private", bind_private);
    file_add(&world, "K.key", bind_public);
    struct key_import_options csk = {.has_role = true, .role = KEY_CSK};
    assert_true(import(&world, csk, &fault));
    assert_int_equal(((struct key_pair *)vector_at(&world.keys, 0))->role, KEY_CSK);
    world_close(&world);
}

static void
timing_lines_of_the_future_and_the_past_are_heeded(void **state)
{
    (void)state;
    struct world world;
    struct fault fault;
    world_open(&world);
    file_add(&world, "K.private", bind_private);
    file_add(&world, "K.key", bind_public);
    assert_true(import(&world, (struct key_import_options){.now = 1793572362}, &fault));
    assert_int_equal(((struct key_pair *)vector_at(&world.keys, 0))->state, KEY_GENERATED);
    world_close(&world);
}

static void
powerdns_output_needs_a_role_unless_it_names_flags(void **state)
{
    (void)state;
    struct world world;
    struct fault fault;
    char with_flags[512];
    snprintf(with_flags, sizeof with_flags, "Flags: 256\n%s", pdns_private);
    world_open(&world);
    file_add(&world, "pdns.key", pdns_private);
    assert_false(import(&world, (struct key_import_options){0}, &fault));
    assert_non_null(strstr(fault.text, "pdns.key"));
    assert_non_null(strstr(fault.text, "--role"));
    struct key_import_options csk = {.has_role = true, .role = KEY_CSK};
    assert_true(import(&world, csk, &fault));
    const struct key_pair *key = vector_at(&world.keys, 0);
    assert_int_equal(key->tag, 20610); // as pdnsutil show-zone says
    assert_int_equal(key->state, KEY_ACTIVE);
    world_close(&world);
    world_open(&world);
    file_add(&world, "pdns.key", with_flags);
    assert_true(import(&world, (struct key_import_options){0}, &fault));
    assert_int_equal(((struct key_pair *)vector_at(&world.keys, 0))->role, KEY_ZSK);
    world_close(&world);
}

static void
faulty_files_import_nothing_and_say_why(void **state)
{
    (void)state;
    static const struct {
        const char *public_text, *private_text, *word;
        enum fault_kind kind;
    } cases[] = {
        {"example.net. IN DNSKEY 257 3 13 "
         "f/MPYKCi4o1EtI2lrlN0z44TMlmCT8MGSOgsQwa63KXZl3rJAvyubY97YWa7Dr9vPnJ0hXRk94KCALnI6mg7GQ==",
         bind_private, "a key of zone example.net, not of example.gov", FAULT_CONFIG},
        {bind_public, pdns_private, "do not belong together", FAULT_CORRUPT},
        {bind_public, NULL, ".private", FAULT_CONFIG},
        {bind_public, "Private-key-format: v1.3\nAlgorithm: 8 (RSASHA256)\nModulus: AAAA\n",
         "they are not files of one key", FAULT_CORRUPT},
        {NULL, "Private-key-format: v1.3\nAlgorithm: 8 (RSASHA256)\nModulus: AAAA\n",
         "Modulus is missing", FAULT_CORRUPT},
        {NULL, "Private-key-format: v1.3\nAlgorithm: 7 (NSEC3RSASHA1)\nModulus: AAAA\n",
         "Kx.private:2: algorithm 7 (RSASHA1-NSEC3-SHA1) is not supported: use", FAULT_UNSUPPORTED},
        {bind_public, "Private-key-format: v2.0\nAlgorithm: 13\nPrivateKey: AAAA\n", "v2.0",
         FAULT_UNSUPPORTED},
        {bind_public, "Private-key-format: v1.3\nAlgorithm: 13\nPrivateKey: !!!!\n", "base64",
         FAULT_SYNTAX},
        {bind_public, "Private-key-format: v1.3\nAlgorithm: 13\nPrivateKey: AAAA\n", "3 octets",
         FAULT_CORRUPT},
        {bind_public, "Private-key-format: v1.3\nAlgorithm: 13\nEngine: cGtjczEx\nLabel: AAAA\n",
         "hardware", FAULT_UNSUPPORTED},
        {"hello\n", bind_private, "DNSKEY", FAULT_SYNTAX},
        {"", bind_private, "no DNSKEY", FAULT_SYNTAX},
        {"example.gov. IN DNSKEY 385 3 13 "
         "f/MPYKCi4o1EtI2lrlN0z44TMlmCT8MGSOgsQwa63KXZl3rJAvyubY97YWa7Dr9vPnJ0hXRk94KCALnI6mg7GQ==",
         bind_private, "revoked", FAULT_REFUSED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world world;
        struct fault fault = {0};
        world_open(&world);
        if (cases[i].public_text)
            file_add(&world, "Kx.key", cases[i].public_text);
        if (cases[i].private_text)
            file_add(&world, "Kx.private", cases[i].private_text);
        assert_false(import(&world, (struct key_import_options){0}, &fault));
        if (!strstr(fault.text, cases[i].word) || !strstr(fault.text, "Kx."))
            fail_msg("case %zu: %s", i, fault.text);
        assert_int_equal(fault.kind, cases[i].kind);
        assert_int_equal(world.keys.count, 0);
        world_close(&world);
    }
}

static void
the_same_key_twice_is_refused(void **state)
{
    (void)state;
    struct world world;
    struct fault fault;
    world_open(&world);
    file_add(&world, "a.key", bind_public);
    file_add(&world, "a.private", bind_private);
    file_add(&world, "b.key", bind_public);
    file_add(&world, "b.private", bind_private);
    assert_false(import(&world, (struct key_import_options){0}, &fault));
    assert_int_equal(fault.kind, FAULT_EXISTS);
    assert_int_equal(world.keys.count, 0);
    world.count = 2;
    assert_true(import(&world, (struct key_import_options){0}, &fault));
    assert_true(keyset_add(world.keyset, vector_at(&world.keys, 0), &fault));
    vector_clear(&world.keys);
    assert_false(import(&world, (struct key_import_options){0}, &fault));
    assert_int_equal(fault.kind, FAULT_EXISTS);
    world_close(&world);
}

static void
an_exported_key_comes_back_the_same(void **state)
{
    (void)state;
    struct world world, other;
    struct fault fault;
    const struct key_pair *key;
    world_open(&world);
    world_open(&other);
    assert_true(keyset_generate(world.keyset, KEY_CSK, 13, NOW, &key, &fault));
    assert_true(keyset_move(world.keyset, key->tag, KEY_EVENT_INTRODUCE, NOW, &fault));
    struct octets_buffer public_text, state_text;
    octets_buffer_init(&public_text);
    octets_buffer_init(&state_text);
    char *private_text = key_scratch_new(KEY_BIND_TEXT_MAX);
    key_bind_write_public(key, 3600, &public_text);
    key_bind_write_state(key, &state_text);
    key_bind_write_private(world.memory, key, private_text);
    octets_buffer_add_u8(&public_text, 0);
    octets_buffer_add_u8(&state_text, 0);
    file_add(&other, "k.private", private_text);
    file_add(&other, "k.state", (char *)state_text.data);
    file_add(&other, "k.key", (char *)public_text.data);
    assert_true(import(&other, (struct key_import_options){0}, &fault));
    const struct key_pair *back = vector_at(&other.keys, 0);
    assert_int_equal(back->role, KEY_CSK);
    assert_int_equal(back->state, KEY_ACTIVE);
    assert_memory_equal(&back->times, &key->times, sizeof back->times);
    assert_memory_equal(back->dnskey, key->dnskey, key->dnskey_length);
    key_scratch_free(private_text);
    octets_buffer_close(&public_text);
    octets_buffer_close(&state_text);
    world_close(&other);
    world_close(&world);
}

static void
a_file_that_cannot_be_a_key_is_not_read_whole(void **state)
{
    (void)state;
    struct key_import_file file;
    struct fault fault;
    int descriptor = open("/dev/zero", O_RDONLY);
    assert_false(key_import_read(descriptor, "zero", &file, &fault));
    assert_int_equal(fault.kind, FAULT_LIMIT);
    close(descriptor);
}

static char folder[64];

__attribute__((format(printf, 1, 2))) static bool
run(const char *format, ...)
{
    char command[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(command, sizeof command, format, arguments);
    va_end(arguments);
    return system(command) == 0;
}

static int
folder_make(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/tandem-import-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int
folder_remove(void **state)
{
    (void)state;
    return run("rm -rf %s", folder) ? 0 : -1;
}

static void
files_add(struct world *world, const char *pattern, const char *base)
{
    char whole[256];
    glob_t found;
    struct fault fault;
    snprintf(whole, sizeof whole, "%s/%s", folder, pattern);
    assert_int_equal(glob(whole, 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        int descriptor = open(found.gl_pathv[i], O_RDONLY);
        assert_true(key_import_read(descriptor, base ? base : found.gl_pathv[i],
                                    &world->files[world->count++], &fault));
        close(descriptor);
    }
    globfree(&found);
}

static void
files_free(struct world *world)
{
    for (size_t i = 0; i < world->count; i++)
        key_scratch_free((void *)(uintptr_t)world->files[i].text.data);
}

static void
the_line_in(const char *file, char *line, size_t size)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, file);
    FILE *stream = fopen(path, "r");
    assert_non_null(stream);
    assert_non_null(fgets(line, (int)size, stream));
    fclose(stream);
}

static void
dnssec_keygens_keys_are_taken_and_its_tools_take_ours(void **state)
{
    (void)state;
    struct world world;
    struct fault fault;
    if (!run("command -v dnssec-keygen dnssec-dsfromkey >/dev/null"))
        skip();
    assert_true(run("cd %s && dnssec-keygen -q -a 13 -f KSK example.gov >/dev/null && "
                    "dnssec-keygen -q -a 13 example.gov >/dev/null",
                    folder));
    world_open(&world);
    files_add(&world, "K*", NULL);
    assert_true(import(&world, (struct key_import_options){.now = 4000000000}, &fault));
    assert_int_equal(world.keys.count, 2);
    const struct key_pair *key = vector_at(&world.keys, 0);
    if (key->role != KEY_KSK)
        key = vector_at(&world.keys, 1);
    // Our DS and theirs from the file that we export.
    struct octets_buffer text;
    octets_buffer_init(&text);
    key_bind_write_public(key, 3600, &text);
    char path[1200], line[512];
    char stem[KEY_BIND_NAME_MAX];
    assert_true(run("mkdir %s/out", folder));
    key_bind_file_name(key, stem);
    snprintf(path, sizeof path, "%s/out/%s.key", folder, stem);
    FILE *stream = fopen(path, "w");
    fwrite(text.data, 1, text.length, stream);
    fclose(stream);
    assert_true(run("dnssec-dsfromkey -T 3600 -2 %s > %s/ds", path, folder));
    the_line_in("ds", line, sizeof line);
    text.length = 0;
    key_pair_ds_text(key, 3600, &text);
    assert_memory_equal(text.data, line, strlen(line));
    // A private file of ours signs in their hands.
    char *private_text = key_scratch_new(KEY_BIND_TEXT_MAX);
    size_t length = key_bind_write_private(world.memory, key, private_text);
    snprintf(path, sizeof path, "%s/out/%s.private", folder, stem);
    stream = fopen(path, "w");
    fwrite(private_text, 1, length, stream);
    fclose(stream);
    key_scratch_free(private_text);
    assert_true(
        run("cd %s/out && printf '@ 60 IN SOA a. b. 1 2 3 4 5\\n@ 60 NS a.\\n' > zone && "
            "cat *.key >> zone && dnssec-signzone -z -o example.gov zone %s >/dev/null 2>&1",
            folder, stem));
    octets_buffer_close(&text);
    files_free(&world);
    world_close(&world);
}

static void
keymgrs_pem_is_taken_with_a_role_and_has_its_tag(void **state)
{
    (void)state;
    struct world world;
    struct fault fault;
    char line[512];
    if (!run("command -v keymgr >/dev/null"))
        skip();
    assert_true(run("keymgr -D %s example.gov generate algorithm=ECDSAP256SHA256 ksk=yes "
                    ">/dev/null 2>&1 && keymgr -D %s example.gov dnskey >%s/dnskey 2>/dev/null; "
                    "keymgr -D %s -x example.gov list > %s/list",
                    folder, folder, folder, folder, folder));
    world_open(&world);
    files_add(&world, "keys/*.pem", "knot.pem");
    assert_false(import(&world, (struct key_import_options){0}, &fault));
    assert_non_null(strstr(fault.text, "--role"));
    struct key_import_options ksk = {.has_role = true, .role = KEY_KSK};
    assert_true(import(&world, ksk, &fault));
    the_line_in("list", line, sizeof line);
    unsigned tag;
    assert_int_equal(sscanf(line, "%*s %u", &tag), 1);
    assert_int_equal(((struct key_pair *)vector_at(&world.keys, 0))->tag, tag);
    files_free(&world);
    world_close(&world);
}

static void
pdnsutils_export_is_taken(void **state)
{
    (void)state;
    struct world world;
    struct fault fault;
    if (!run("command -v pdnsutil >/dev/null"))
        skip();
    assert_true(
        run("cd %s && printf 'zone \"example.gov\" { type master; file \"%s/z\"; };\\n' > n && "
            "printf '@ 60 IN SOA a. b. 1 2 3 4 5\\n@ 60 NS a.\\n' > z && "
            "printf 'launch=bind\\nbind-config=%s/n\\nbind-dnssec-db=%s/d\\n' > pdns.conf && "
            "(pdnsutil --config-dir=. create-bind-db d && "
            "pdnsutil --config-dir=. secure-zone example.gov) >/dev/null 2>&1 && "
            "pdnsutil --config-dir=. export-zone-key example.gov 1 2>/dev/null > exported && "
            "pdnsutil --config-dir=. export-zone-dnskey example.gov 1 2>/dev/null > dnskey",
            folder, folder, folder, folder));
    world_open(&world);
    files_add(&world, "exported", NULL);
    struct key_import_options csk = {.has_role = true, .role = KEY_CSK};
    assert_true(import(&world, csk, &fault));
    char line[512];
    the_line_in("dnskey", line, sizeof line);
    struct octets_buffer text;
    octets_buffer_init(&text);
    key_pair_dnskey_text(vector_at(&world.keys, 0), 60, &text);
    octets_buffer_add_u8(&text, 0);
    char *base64 = strstr((char *)text.data, "257 3 13 ") + 9;
    base64[strcspn(base64, "\n")] = '\0';
    assert_non_null(strstr(line, base64));
    octets_buffer_close(&text);
    files_free(&world);
    world_close(&world);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_make, folder_remove)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(binds_files_are_taken_in_either_order),
        cmocka_unit_test(a_state_file_and_an_option_say_that_a_key_is_a_csk),
        cmocka_unit_test(timing_lines_of_the_future_and_the_past_are_heeded),
        cmocka_unit_test(powerdns_output_needs_a_role_unless_it_names_flags),
        cmocka_unit_test(faulty_files_import_nothing_and_say_why),
        cmocka_unit_test(the_same_key_twice_is_refused),
        cmocka_unit_test(an_exported_key_comes_back_the_same),
        cmocka_unit_test(a_file_that_cannot_be_a_key_is_not_read_whole),
        IN_FOLDER(dnssec_keygens_keys_are_taken_and_its_tools_take_ours),
        IN_FOLDER(keymgrs_pem_is_taken_with_a_role_and_has_its_tag),
        IN_FOLDER(pdnsutils_export_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
