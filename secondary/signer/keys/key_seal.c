// A sealed file: the magic line, a nonce drawn at random (24 octets: no counter is needed), the
// content and the authentication code of XChaCha20-Poly1305. The magic and the label (which zone,
// which key) are authenticated with it, so that one zone's file under another's name does not open.
#include "secondary/signer/keys/key_seal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "common/base/arena.h"
#include "secondary/signer/keys/key_file.h"
#include "secondary/signer/keys/key_memory.h"

#define SECRET_SIZE     crypto_aead_xchacha20poly1305_ietf_KEYBYTES
#define NONCE_SIZE      crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define CODE_SIZE       crypto_aead_xchacha20poly1305_ietf_ABYTES
#define HEX_SIZE        (2 * SECRET_SIZE)
#define SECRET_FILE_MAX 256 // hexadecimal and a newline, with room for an editor's second one
#define LABEL_MAX       2048

static const char magic[] = "TANDEM-KEY 1\n";
#define MAGIC_SIZE (sizeof magic - 1)
_Static_assert(MAGIC_SIZE + NONCE_SIZE + CODE_SIZE <= KEY_SEAL_OVERHEAD, "KEY_SEAL_OVERHEAD");

struct key_seal {
    uint8_t *secret; // SECRET_SIZE octets of guarded memory, read-only
};

static struct key_seal *
seal_new(const uint8_t secret[static SECRET_SIZE])
{
    struct key_seal *seal = memory_zalloc(sizeof *seal);
    seal->secret = key_scratch_new(SECRET_SIZE);
    memcpy(seal->secret, secret, SECRET_SIZE);
    ENSURE(sodium_mprotect_readonly(seal->secret) == 0);
    return seal;
}

// 32 octets as they are, or 64 hexadecimal digits.
static bool
secret_parse(const char *path, struct octets content, uint8_t *ret_secret, struct fault *fault)
{
    if (content.length == SECRET_SIZE) {
        memcpy(ret_secret, content.data, SECRET_SIZE);
        return true;
    }
    size_t length;
    const char *end;
    if (content.length >= HEX_SIZE &&
        sodium_hex2bin(ret_secret, SECRET_SIZE, (const char *)content.data, content.length, "\r\n ",
                       &length, &end) == 0 &&
        length == SECRET_SIZE && end == (const char *)content.data + content.length)
        return true;
    return fault_set(fault, FAULT_CONFIG,
                     "%s: expected 32 octets or 64 hexadecimal digits (make one: openssl rand -hex "
                     "32)",
                     path);
}

static bool
rights_check(const char *path, struct fault *fault)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return fault_set_errno(fault, errno, "%s", path);
    if (status.st_mode & (S_IRWXO | S_IWGRP))
        return fault_set(fault, FAULT_CONFIG,
                         "%s: others may read or write it (mode %04o); chmod 600 it", path,
                         (unsigned)status.st_mode & 07777);
    return true;
}

static bool
open_file(const char *path, struct key_seal **ret_seal, struct fault *fault)
{
    struct octets content;
    if (!key_file_read(AT_FDCWD, ".", path, SECRET_FILE_MAX, &content, fault))
        return fault_wrap(fault, "key-secret-file");
    uint8_t *secret = key_scratch_new(SECRET_SIZE);
    bool good = secret_parse(path, content, secret, fault);
    if (good)
        *ret_seal = seal_new(secret);
    key_scratch_free(secret);
    uint8_t *pages = (uint8_t *)(uintptr_t)content.data;
    key_scratch_free(pages);
    return good;
}

// Writes a fresh secret so that it is there for good before the first key is sealed with it.
static bool
make_file(const char *path, struct key_seal **ret_seal, struct fault *fault)
{
    char *directory = memory_text(path);
    char *slash = strrchr(directory, '/');
    const char *name = slash ? slash + 1 : path;
    if (slash)
        *slash = '\0';
    int descriptor = open(slash ? directory : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) {
        int error = errno;
        free(directory);
        return fault_set_errno(fault, error, "%s: opening its directory", path);
    }
    uint8_t *secret = key_scratch_new(SECRET_SIZE);
    randombytes_buf(secret, SECRET_SIZE);
    bool good = key_file_replace(descriptor, slash ? directory : ".", name,
                                 (struct octets){secret, SECRET_SIZE}, fault);
    if (good)
        *ret_seal = seal_new(secret);
    key_scratch_free(secret);
    close(descriptor);
    free(directory);
    return good;
}

static bool
credential_path(const struct key_seal_options *options, char *ret_path, size_t size)
{
    if (!options->credentials_directory || !options->credentials_directory[0])
        return false;
    snprintf(ret_path, size, "%s/%s", options->credentials_directory, KEY_SEAL_CREDENTIAL);
    return access(ret_path, R_OK) == 0;
}

bool
key_seal_open(const struct key_seal_options *options, struct key_seal **ret_seal, bool *ret_made,
              struct fault *fault)
{
    char path[4096];
    *ret_made = false;
    ENSURE(sodium_init() >= 0);
    if (options->secret_file && options->secret_file[0])
        return rights_check(options->secret_file, fault) &&
               open_file(options->secret_file, ret_seal, fault);
    if (credential_path(options, path, sizeof path))
        return open_file(path, ret_seal, fault);
    if (access(options->default_file, F_OK) == 0)
        return rights_check(options->default_file, fault) &&
               open_file(options->default_file, ret_seal, fault);
    if (!options->may_make)
        return fault_set(
            fault, FAULT_NOT_FOUND,
            "%s: the secret that opens the sealed keys is missing; restore it from the "
            "backup, or set key-secret-file",
            options->default_file);
    *ret_made = true;
    return make_file(options->default_file, ret_seal, fault);
}

void
key_seal_free(struct key_seal **seal)
{
    if (!*seal)
        return;
    key_scratch_free((*seal)->secret);
    free(*seal);
    *seal = NULL;
}

// What is authenticated beside the content.
static size_t
label_bytes(const char *label, char text[static LABEL_MAX])
{
    int length = snprintf(text, LABEL_MAX, "%s%s", magic, label);
    ENSURE(length > 0 && length < LABEL_MAX);
    return (size_t)length;
}

size_t
key_seal_close_over(const struct key_seal *seal, const char *label, struct octets content,
                    uint8_t *ret_sealed)
{
    char beside[LABEL_MAX];
    size_t beside_length = label_bytes(label, beside);
    uint8_t *nonce = ret_sealed + MAGIC_SIZE;
    unsigned long long length;
    memcpy(ret_sealed, magic, MAGIC_SIZE);
    randombytes_buf(nonce, NONCE_SIZE);
    crypto_aead_xchacha20poly1305_ietf_encrypt(nonce + NONCE_SIZE, &length, content.data,
                                               content.length, (const uint8_t *)beside,
                                               beside_length, NULL, nonce, seal->secret);
    return MAGIC_SIZE + NONCE_SIZE + (size_t)length;
}

bool
key_seal_break(const struct key_seal *seal, const char *label, struct octets sealed,
               uint8_t *ret_content, size_t *ret_length, struct fault *fault)
{
    if (sealed.length < MAGIC_SIZE + NONCE_SIZE + CODE_SIZE ||
        memcmp(sealed.data, magic, MAGIC_SIZE) != 0)
        return fault_set(fault, FAULT_CORRUPT,
                         "no whole sealed key file of this version; take it from a backup");
    char beside[LABEL_MAX];
    size_t beside_length = label_bytes(label, beside);
    const uint8_t *nonce = sealed.data + MAGIC_SIZE;
    unsigned long long length;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(
            ret_content, &length, NULL, nonce + NONCE_SIZE, sealed.length - MAGIC_SIZE - NONCE_SIZE,
            (const uint8_t *)beside, beside_length, nonce, seal->secret) != 0)
        return fault_set(fault, FAULT_CORRUPT,
                         "does not open: the file was changed, or sealed with another "
                         "key-secret-file; take the file from a backup, or restore that secret");
    *ret_length = (size_t)length;
    return true;
}
