#include "secondary/signer/keys/key_crypto.h"

#include <string.h>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

#include "secondary/signer/keys/key_ed25519.h"
#include "secondary/signer/keys/key_rsa.h"

// libcrypto's last reason, and its queue emptied.
static bool
crypto_fault(struct fault *fault, const char *what)
{
    char reason[160] = "no reason given";
    unsigned long error = ERR_peek_last_error();
    if (error)
        ERR_error_string_n(error, reason, sizeof reason);
    ERR_clear_error();
    return fault_set(fault, FAULT_CORRUPT, "%s: libcrypto refuses: %s", what, reason);
}

// One row for each algorithm whose keys are a number below the order of a curve.
static const struct curve {
    uint8_t algorithm;
    int nid;
    const char *group;
} curves[] = {
    {KEY_ECDSAP256SHA256, NID_X9_62_prime256v1, "prime256v1"},
    {KEY_ECDSAP384SHA384, NID_secp384r1, "secp384r1"},
};

static const struct curve *
curve_find(uint8_t algorithm)
{
    for (size_t i = 0; i < sizeof curves / sizeof curves[0]; i++)
        if (curves[i].algorithm == algorithm)
            return &curves[i];
    return NULL;
}

// The secret as a number from 1 to the order less 1, or NULL.
static BIGNUM *
curve_scalar(const EC_GROUP *group, struct octets secret)
{
    BIGNUM *scalar = BN_secure_new();
    if (!scalar || !BN_bin2bn(secret.data, (int)secret.length, scalar) || BN_is_zero(scalar) ||
        BN_cmp(scalar, EC_GROUP_get0_order(group)) >= 0) {
        BN_clear_free(scalar);
        return NULL;
    }
    BN_set_flags(scalar, BN_FLG_CONSTTIME);
    return scalar;
}

// x and y of secret times the generator.
static bool
curve_public(const struct curve *curve, struct octets secret, uint8_t *ret_public, size_t size)
{
    uint8_t point_octets[1 + KEY_DNSKEY_MAX];
    EC_GROUP *group = EC_GROUP_new_by_curve_name(curve->nid);
    BIGNUM *scalar = group ? curve_scalar(group, secret) : NULL;
    EC_POINT *point = scalar ? EC_POINT_new(group) : NULL;
    bool good = point && EC_POINT_mul(group, point, scalar, NULL, NULL, NULL) == 1 &&
                EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, point_octets,
                                   sizeof point_octets, NULL) == size + 1;
    if (good)
        memcpy(ret_public, point_octets + 1, size);
    EC_POINT_free(point);
    BN_clear_free(scalar);
    EC_GROUP_free(group);
    return good;
}

// RFC 8032: any octets of the right number are a private key.
static bool
ed448_public(struct octets secret, uint8_t *ret_public, size_t size)
{
    EVP_PKEY *object =
        EVP_PKEY_new_raw_private_key_ex(NULL, "ED448", NULL, secret.data, secret.length);
    size_t length = size;
    bool good =
        object && EVP_PKEY_get_raw_public_key(object, ret_public, &length) == 1 && length == size;
    EVP_PKEY_free(object);
    return good;
}

bool
key_crypto_public(uint8_t algorithm, struct octets secret,
                  uint8_t ret_public[static KEY_DNSKEY_MAX], size_t *ret_length,
                  struct fault *fault)
{
    const struct key_algorithm *row = key_algorithm_find(algorithm);
    if (!row)
        return key_algorithm_refuse(algorithm, fault);
    if (key_algorithm_is_rsa(algorithm))
        return key_rsa_public(secret, ret_public, ret_length, fault);
    if (secret.length != row->secret_size)
        return fault_set(fault, FAULT_CORRUPT,
                         "private key of %zu octets: %s has %u; the file is cut or damaged: take "
                         "it from a backup",
                         secret.length, row->mnemonic, row->secret_size);
    bool good = true;
    if (algorithm == KEY_ED25519)
        key_ed25519_public(secret.data, ret_public);
    else if (algorithm == KEY_ED448)
        good = ed448_public(secret, ret_public, row->public_size);
    else
        good = curve_public(curve_find(algorithm), secret, ret_public, row->public_size);
    if (!good)
        return crypto_fault(fault, "private key out of range");
    *ret_length = row->public_size;
    return true;
}

static bool
curve_generate(const struct curve *curve, uint8_t *ret_secret, size_t size)
{
    EVP_PKEY *object = EVP_EC_gen(curve->group);
    BIGNUM *scalar = NULL;
    bool good = object && EVP_PKEY_get_bn_param(object, OSSL_PKEY_PARAM_PRIV_KEY, &scalar) == 1 &&
                BN_bn2binpad(scalar, ret_secret, (int)size) == (int)size;
    BN_clear_free(scalar);
    EVP_PKEY_free(object);
    return good;
}

bool
key_crypto_generate(uint8_t algorithm, uint8_t *ret_secret, size_t *ret_length, struct fault *fault)
{
    const struct key_algorithm *row = key_algorithm_find(algorithm);
    if (!row)
        return key_algorithm_refuse(algorithm, fault);
    if (key_algorithm_is_rsa(algorithm))
        return key_rsa_generate(row->bits, ret_secret, ret_length, fault);
    const struct curve *curve = curve_find(algorithm);
    *ret_length = row->secret_size;
    if (curve ? !curve_generate(curve, ret_secret, row->secret_size)
              : RAND_priv_bytes(ret_secret, row->secret_size) != 1)
        return crypto_fault(fault, "making a key");
    return true;
}

static EVP_PKEY *
object_from(OSSL_PARAM *parameters)
{
    EVP_PKEY *object = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    if (context && EVP_PKEY_fromdata_init(context) == 1)
        EVP_PKEY_fromdata(context, &object, EVP_PKEY_KEYPAIR, parameters);
    EVP_PKEY_CTX_free(context);
    return object;
}

static EVP_PKEY *
curve_object(const struct curve *curve, struct octets secret, struct octets public_key)
{
    uint8_t point[1 + KEY_DNSKEY_MAX] = {POINT_CONVERSION_UNCOMPRESSED};
    memcpy(point + 1, public_key.data, public_key.length);
    EC_GROUP *group = EC_GROUP_new_by_curve_name(curve->nid);
    BIGNUM *scalar = group ? curve_scalar(group, secret) : NULL;
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    EVP_PKEY *object = NULL;
    if (scalar && build &&
        OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, curve->group, 0) &&
        OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point,
                                         public_key.length + 1) &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, scalar)) {
        OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(build);
        if (parameters)
            object = object_from(parameters);
        OSSL_PARAM_free(parameters);
    }
    OSSL_PARAM_BLD_free(build);
    BN_clear_free(scalar);
    EC_GROUP_free(group);
    return object;
}

void *
key_crypto_object(uint8_t algorithm, struct octets secret, struct octets public_key,
                  struct fault *fault)
{
    const struct curve *curve = curve_find(algorithm);
    EVP_PKEY *object = NULL;
    if (curve)
        object = curve_object(curve, secret, public_key);
    else if (key_algorithm_is_rsa(algorithm))
        object = key_rsa_object(secret);
    else if (algorithm == KEY_ED448)
        object = EVP_PKEY_new_raw_private_key_ex(NULL, "ED448", NULL, secret.data, secret.length);
    if (!object)
        crypto_fault(fault, "preparing a key");
    return object;
}

void
key_crypto_object_free(void *object)
{
    EVP_PKEY_free(object); // clears the private number
}

// A passphrase is never asked for on a daemon's terminal.
static int
pem_no_passphrase(char *buffer, int size, int writing, void *context)
{
    (void)buffer, (void)size, (void)writing, (void)context;
    return -1;
}

static bool
pem_scalar(const EVP_PKEY *object, const struct curve *curve, uint8_t *ret_secret,
           size_t *ret_length, struct fault *fault)
{
    size_t size = key_algorithm_find(curve->algorithm)->secret_size;
    BIGNUM *scalar = NULL;
    bool good = EVP_PKEY_get_bn_param(object, OSSL_PKEY_PARAM_PRIV_KEY, &scalar) == 1 &&
                BN_bn2binpad(scalar, ret_secret, (int)size) == (int)size;
    BN_clear_free(scalar);
    *ret_length = size;
    return good ? true : crypto_fault(fault, "PEM key without a private part");
}

static bool
pem_curve(const EVP_PKEY *object, uint8_t *ret_algorithm, uint8_t *ret_secret, size_t *ret_length,
          struct fault *fault)
{
    char group[64] = "";
    size_t length = 0;
    EVP_PKEY_get_utf8_string_param(object, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof group,
                                   &length);
    for (size_t i = 0; i < sizeof curves / sizeof curves[0]; i++) {
        if (strcmp(curves[i].group, group) != 0)
            continue;
        *ret_algorithm = curves[i].algorithm;
        return pem_scalar(object, &curves[i], ret_secret, ret_length, fault);
    }
    ERR_clear_error();
    return fault_set(fault, FAULT_UNSUPPORTED,
                     "PEM key on curve %s: DNSSEC has keys on P-256 (13) and P-384 (14) only; use "
                     "one of those",
                     group[0] ? group : "without a name");
}

static bool
pem_edwards(const EVP_PKEY *object, uint8_t algorithm, uint8_t *ret_algorithm, uint8_t *ret_secret,
            size_t *ret_length, struct fault *fault)
{
    *ret_algorithm = algorithm;
    *ret_length = KEY_SECRET_MAX;
    if (EVP_PKEY_get_raw_private_key(object, ret_secret, ret_length) != 1)
        return crypto_fault(fault, "PEM key without a private part");
    return true;
}

static bool
pem_secret(const EVP_PKEY *object, uint8_t *ret_algorithm, uint8_t *ret_secret, size_t *ret_length,
           struct fault *fault)
{
    if (EVP_PKEY_is_a(object, "EC"))
        return pem_curve(object, ret_algorithm, ret_secret, ret_length, fault);
    if (EVP_PKEY_is_a(object, "ED25519"))
        return pem_edwards(object, KEY_ED25519, ret_algorithm, ret_secret, ret_length, fault);
    if (EVP_PKEY_is_a(object, "ED448"))
        return pem_edwards(object, KEY_ED448, ret_algorithm, ret_secret, ret_length, fault);
    if (EVP_PKEY_is_a(object, "RSA")) {
        *ret_algorithm = 0;
        return key_rsa_from_object(object, ret_secret, ret_length, fault);
    }
    const char *type = EVP_PKEY_get0_type_name(object);
    return fault_set(fault, FAULT_UNSUPPORTED,
                     "PEM key of type %s: DNSSEC has no such signatures; use an ECDSA, Ed25519, "
                     "Ed448 or RSA key",
                     type ? type : "unknown");
}

bool
key_crypto_pem(struct octets text, uint8_t *ret_algorithm, uint8_t *ret_secret, size_t *ret_length,
               struct fault *fault)
{
    if (text.length > 0 && memmem(text.data, text.length, "ENCRYPTED", strlen("ENCRYPTED")))
        return fault_set(fault, FAULT_UNSUPPORTED,
                         "the PEM key is under a passphrase; write it without one (openssl pkey "
                         "-in FILE -out OTHER) and import that");
    BIO *bio = BIO_new_mem_buf(text.data, (int)text.length);
    EVP_PKEY *object = bio ? PEM_read_bio_PrivateKey(bio, NULL, pem_no_passphrase, NULL) : NULL;
    BIO_free(bio);
    if (!object)
        return crypto_fault(
            fault, "no readable PEM private key (PKCS#8); it may be cut: take it from a backup");
    bool good = pem_secret(object, ret_algorithm, ret_secret, ret_length, fault);
    EVP_PKEY_free(object);
    return good;
}

size_t
key_crypto_ds_digest(uint8_t digest_type, struct octets input, uint8_t *ret_digest)
{
    const EVP_MD *kind = digest_type == 2 ? EVP_sha256() : digest_type == 4 ? EVP_sha384() : NULL;
    unsigned length = 0;
    if (!kind || EVP_Digest(input.data, input.length, ret_digest, &length, kind, NULL) != 1)
        return 0;
    return length;
}
