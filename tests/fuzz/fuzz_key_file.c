// needs: keys
// Any octets as key files. The first octet says how they come: bit 0 as an import, bit 1 as a
// sealed file, else as one text that is public, private and state at once. Whatever is accepted
// signs, and comes back the same from what is written of it.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/fault.h"
#include "common/base/vector.h"
#include "secondary/signer/keys/key_bind.h"
#include "secondary/signer/keys/key_import.h"
#include "secondary/signer/keys/key_signer.h"
#include "secondary/signer/keys/key_store.h"

#define NOW 1795000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t apex[] = "\7example\3gov";
static struct key_memory *memory;

static void
key_signs(const struct key_pair *key)
{
    struct key_signer *signer;
    uint8_t signature[KEY_SIGNATURE_MAX];
    size_t length;
    ENSURE(key_signer_new(memory, key, &signer, NULL));
    // A composite "prime" that the equations let through may fail; it never writes more than it
    // says.
    if (key_signer_sign(signer, (const uint8_t *)"input", 5, signature, &length))
        ENSURE(length == key_pair_signature_size(key));
    key_signer_free(&signer);
}

static void
key_comes_back(const struct key_pair *key)
{
    struct key_bind bind = {0};
    struct octets_buffer text;
    char *private_text = key_scratch_new(KEY_BIND_TEXT_MAX);
    octets_buffer_init(&text);
    key_bind_write_public(key, 3600, &text);
    ENSURE(key_bind_read_public("k", (struct octets){text.data, text.length}, &bind, NULL));
    size_t length = key_bind_write_private(memory, key, private_text);
    ENSURE(
        key_bind_read_private("k", (struct octets){(uint8_t *)private_text, length}, &bind, NULL));
    text.length = 0;
    key_bind_write_state(key, &text);
    ENSURE(key_bind_read_state("k", (struct octets){text.data, text.length}, &bind, NULL));
    ENSURE(bind.role == key->role && bind.state == key->state && bind.flags == key->flags);
    ENSURE(bind.public_length == key->dnskey_length - 4U &&
           memcmp(bind.public_key, key->dnskey + 4, bind.public_length) == 0);
    octets_buffer_close(&text);
    key_scratch_free(private_text);
    key_bind_close(&bind);
}

static void
files_import(const struct key_import_file *files, size_t count)
{
    struct keyset *keyset = keyset_new(apex, memory);
    struct vector keys;
    struct fault fault = {0};
    struct key_import_options options = {
        .has_role = true, .role = KEY_CSK, .now = NOW, .rsa_algorithm = 8};
    vector_init(&keys, sizeof(struct key_pair));
    if (!key_import(keyset, files, count, &options, &keys, &fault))
        ENSURE(fault.kind != FAULT_NONE && fault.text[0] && keys.count == 0);
    for (size_t i = 0; i < keys.count; i++) {
        key_signs(vector_at(&keys, i));
        key_comes_back(vector_at(&keys, i));
        key_pair_close(memory, vector_at(&keys, i));
    }
    vector_close(&keys);
    keyset_free(&keyset);
}

// Files are parted by octets of zero.
static void
import_try(struct octets text)
{
    struct key_import_file files[3] = {
        {.name = "k.key"}, {.name = "k.private"}, {.name = "k.state"}};
    size_t count = 0;
    while (count < 3 && text.length > 0) {
        const uint8_t *stop = memchr(text.data, 0, text.length);
        size_t length = stop ? (size_t)(stop - text.data) : text.length;
        files[count++].text = (struct octets){text.data, length};
        length += stop != NULL;
        text.data += length;
        text.length -= length;
    }
    if (count > 0)
        files_import(files, count);
}

static char folder[] = "/tmp/tandem-fuzz-keys-XXXXXX";
static struct key_seal *seal;
static struct key_store *store;

static void
folder_remove(void)
{
    char command[64];
    key_store_close(&store);
    key_seal_free(&seal);
    key_memory_free(&memory);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    (void)!system(command);
}

static void
store_make(void)
{
    char path[64];
    bool made;
    ENSURE(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/secret", folder);
    struct key_seal_options seal_options = {.default_file = path, .may_make = true};
    ENSURE(key_seal_open(&seal_options, &seal, &made, NULL));
    struct key_store_options options = {.storage = KEY_STORAGE_SEALED, .seal = seal};
    ENSURE(key_store_open(folder, apex, &options, &store, NULL));
    atexit(folder_remove);
}

static void
file_write(const char *path, const uint8_t *octets, size_t length)
{
    FILE *file = fopen(path, "w");
    ENSURE(file && fwrite(octets, 1, length, file) == length);
    fclose(file);
}

static void
store_load(void)
{
    struct keyset *keyset = keyset_new(apex, memory);
    struct fault fault = {0};
    if (!key_store_load(store, keyset, NOW, &fault))
        ENSURE(strstr(fault.text, "Kexample.gov.+") && keyset_count(keyset) == 0);
    for (size_t i = 0; i < keyset_count(keyset); i++)
        key_signs(keyset_at(keyset, i));
    keyset_free(&keyset);
}

// As a sealed file, and as what is inside one: our own seal around it.
static void
sealed_try(struct octets text)
{
    static const char label[] = "Kexample.gov.+013+23475";
    char path[128];
    if (!store)
        store_make();
    snprintf(path, sizeof path, "%s/%s.sealed", folder, label);
    file_write(path, text.data, text.length);
    store_load();
    uint8_t *sealed = malloc(text.length + KEY_SEAL_OVERHEAD);
    ENSURE(sealed);
    file_write(path, sealed, key_seal_close_over(seal, label, text, sealed));
    free(sealed);
    store_load();
}

static void
text_try(struct octets text)
{
    struct key_bind bind = {0};
    struct fault fault = {0};
    if (!key_bind_read_public("k", text, &bind, &fault))
        ENSURE(fault.text[0]);
    if (!key_bind_read_private("k", text, &bind, &fault))
        ENSURE(fault.text[0]);
    if (!key_bind_read_state("k", text, &bind, &fault))
        ENSURE(fault.text[0]);
    ENSURE(bind.secret_length <= KEY_SECRET_MAX && bind.public_length <= KEY_DNSKEY_MAX);
    key_bind_close(&bind);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (!memory)
        memory = key_memory_new();
    struct octets text = {data + 1, size - 1};
    if (data[0] & 1)
        import_try(text);
    else if (data[0] & 2)
        sealed_try(text);
    else
        text_try(text);
    ENSURE(key_memory_count(memory) == 0);
    return 0;
}
