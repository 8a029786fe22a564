// The RFCs' own examples octet for octet, and what two signers with the same keys make.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/arena.h"
#include "common/dns/rdata.h"
#include "common/dns/rdata_text.h"
#include "common/dns/rrtype.h"
#include "secondary/signer/keys/key_base64.h"
#include "secondary/signer/keys/key_bind.h"
#include "secondary/signer/keys/key_signer.h"
#include "secondary/signer/sign/sign_rrset.h"
#include "secondary/signer/sign/verify_keys.h"

#define NOW 1795263000

struct example {
    const char *rfc;
    const char *zone, *owner;
    uint16_t flags, type, tag;
    const char *private_text; // as BIND's file
    const char *public_key;
    const char *rdata;
    const char *ds;    // digest type and digest, or NULL where the RFC gives none
    const char *rrsig; // RDATA
    bool deterministic;
};

static const struct example examples[] = {
    {"RFC 5702 section 6.1", "example.net", "www.example.net", 256, RRTYPE_A, 9033,
     "Private-key-format: v1.2\n"
     "Algorithm:       8 (RSASHA256)\n"
     "Modulus:         wVwaxrHF2CK64aYKRUibLiH30KpPuPBjel7E8ZydQW1HYWHfoGmidzC2RnhwCC293hCzw+TFR2n"
     "qn8OVSY5t2Q==\n"
     "PublicExponent:  AQAB\n"
     "PrivateExponent: UR44xX6zB3eaeyvTRzmskHADrPCmPWnr8dxsNwiDGHzrMKLN+i/HAam+97HxIKVWNDH2ba9Mf1S"
     "A8xu9dcHZAQ==\n"
     "Prime1:          4c8IvFu1AVXGWeFLLFh5vs7fbdzdC6U82fduE6KkSWk=\n"
     "Prime2:          2zZpBE8ZXVnL74QjG4zINlDfH+EOEtjJJ3RtaYDugvE=\n"
     "Exponent1:       G2xAPFfK0KGxGANDVNxd1K1c9wOmmJ51mGbzKFFNMFk=\n"
     "Exponent2:       GYxP1Pa7CAwtHm8SAGX594qZVofOMhgd6YFCNyeVpKE=\n"
     "Coefficient:     icQdNRjlZGPmuJm2TIadubcO8X7V4y07aVhX464tx8Q=\n",
     "AwEAAcFcGsaxxdgiuuGmCkVImy4h99CqT7jwY3pexPGcnUFtR2Fh36BponcwtkZ4cAgtvd4Qs8PkxUdp6p/"
     "DlUmObdk=",
     "192.0.2.91", NULL,
     "A 8 3 3600 20300101000000 20000101000000 9033 example.net. "
     "kRCOH6u7l0QGy9qpC9l1sLncJcOKFLJ7GhiUOibu4teYp5VE9RncriShZNz85mwlMgNEacFYK/lPtPiVYP4bwg==",
     true},
    {"RFC 5702 section 6.2", "example.net", "www.example.net", 256, RRTYPE_A, 3740,
     "Private-key-format: v1.2\n"
     "Algorithm:       10 (RSASHA512)\n"
     "Modulus:         0eg1M5b563zoq4k5ZEOnWmd2/BvpjzedJVdfIsDcMuuhE5SQ3pfQ7qmdaeMlC6Nf8DKGoUPGPXe"
     "06cP27/WRODtxXquSUytkO0kJDk8KX8PtA0+yBWwy7UnZDyCkynO00Uuk8HPVtZeMO1pHtlAGVnc8VjXZlNKdyit99wa"
     "aE4s=\n"
     "PublicExponent:  AQAB\n"
     "PrivateExponent: rFS1IPbJllFFgFc33B5DDlC1egO8e81P4fFadODbp56V7sphKa6AZQCx8NYAew6VXFFPAKTw41Q"
     "dHnK5kIYOwxvfFDjDcUGza88qbjyrDPSJenkeZbISMUSSqy7AMFzEolkk6WSn6k3thUVRgSlqDoOV3SEIAsrB043XzGr"
     "KIVE=\n"
     "Prime1:          8mbtsu9Tl9v7tKSHdCIeprLIQXQLzxlSZun5T1n/OjvXSUtvD7xnZJ+LHqaBj1dIgMbCq2U8O04"
     "QVcK3TS9GiQ==\n"
     "Prime2:          3a6gkfs74d0Jb7yL4j4adAif4fcp7ZrGt7G5NRVDDY/Mv4TERAKMa0TKN3okKE0A7X+Rv2K84mh"
     "T4QLDlllEcw==\n"
     "Exponent1:       v3D5A9uuCn5rgVR7wgV8ba0/KSpsdSiLgsoA42GxiB1gvvs7gJMMmVTDu/ZG1p1ZnpLbhh/S/Qd"
     "/MSwyNlxC+Q==\n"
     "Exponent2:       m+ezf9dsDvYQK+gzjOLWYeKq5xWYBEYFGa3BLocMiF4oxkzOZ3JPZSWU/h1Fjp5RV7aPP0Vmx+h"
     "NjYMPIQ8Y5w==\n"
     "Coefficient:     Je5YhYpUron/WdOXjxNAxDubAp3i5X7UOUfhJcyIggqwY86IE0Q/Bk0Dw4SC9zxnsimmdBXW2Iz"
     "d8Lwuk8FQcQ==\n",
     "AwEAAdHoNTOW+et86KuJOWRDp1pndvwb6Y83nSVXXyLA3DLroROUkN6X0O6pnWnjJQujX/"
     "AyhqFDxj13tOnD9u/1kTg7cV6rklMrZDtJCQ5PCl/D7QNPsgVsMu1J2Q8gpMpztNFLpPBz1bWXjDtaR7ZQBlZ3PFY12"
     "ZTSncorffcGmhOL",
     "192.0.2.91", NULL,
     "A 10 3 3600 20300101000000 20000101000000 3740 example.net. "
     "tsb4wnjRUDnB1BUi+t6TMTXThjVnG+eCkWqjvvjhzQL1d0YRoOe0CbxrVDYd0xDtsuJRaeUw1ep94PzEWzr0iGYgZBW"
     "m/zpq+9fOuagYJRfDqfReKBzMweOLDiNa8iP5g9vMhpuv6OPlvpXwm9Sa9ZXIbNl1MBGk0fthPgxdDLw=",
     true},
    {"RFC 6605 section 6.1", "example.net", "www.example.net", 257, RRTYPE_A, 55648,
     "Private-key-format: v1.2\n"
     "Algorithm: 13 (ECDSAP256SHA256)\n"
     "PrivateKey: GU6SnQ/Ou+xC5RumuIUIuJZteXT2z0O/ok1s38Et6mQ=\n",
     "GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==",
     "192.0.2.1", "2 B4C8C1FE2E7477127B27115656AD6256F424625BF5C1E2770CE6D6E37DF61D17",
     "A 13 3 3600 20100909100439 20100812100439 55648 example.net. "
     "qx6wLYqmh+l9oCKTN6qIc+bw6ya+KJ8oMz0YP107epXAyGmt+3SNruPFKG7tZoLBLlUzGGus7ZwmwWep666VCw==",
     false},
    {"RFC 6605 section 6.2", "example.net", "www.example.net", 257, RRTYPE_A, 10771,
     "Private-key-format: v1.2\n"
     "Algorithm: 14 (ECDSAP384SHA384)\n"
     "PrivateKey: WURgWHCcYIYUPWgeLmiPY2DJJk02vgrmTfitxgqcL4vwW7BOrbawVmVe0d9V94SR\n",
     "xKYaNhWdGOfJ+nPrL8/arkwf2EY3MDJ+SErKivBVSum1w/"
     "egsXvSADtNJhyem5RCOpgQ6K8X1DRSEkrbYQ+OB+v8/uX45NBwY8rp65F6Glur8I/mlVNgF6W/qTI37m40",
     "192.0.2.1",
     "4 "
     "72D7B62976CE06438E9C0BF319013CF801F09ECC84B8D7E9495F27E305C6A9B0563A9B5F4D288405C3008A946DF9"
     "83D6",
     "A 14 3 3600 20100909102025 20100812102025 10771 example.net. "
     "/L5hDKIvGDyI1fcARX3z65qrmPsVz73QD1Mr5CEqOiLP95hxQouuroGCeZOvzFaxsT8Glr74hbavRKayJNuydCuzWTS"
     "SPdz7wnqXL5bdcJzusdnI0RSMROxxwGipWcJm",
     false},
    {"RFC 8080 section 6.1 (erratum 4935)", "example.com", "example.com", 257, RRTYPE_MX, 3613,
     "Private-key-format: v1.2\n"
     "Algorithm: 15 (ED25519)\n"
     "PrivateKey: ODIyNjAzODQ2MjgwODAxMjI2NDUxOTAyMDQxNDIyNjI=\n",
     "l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=", "10 mail.example.com.",
     "2 3AA5AB37EFCE57F737FC1627013FEE07BDF241BD10F3B1964AB55C78E79A304B",
     "MX 15 2 3600 1440021600 1438207200 3613 example.com. "
     "oL9krJun7xfBOIWcGHi7mag5/hdZrKWw15jPGrHpjQeRAvTdszaPD+QLs3fx8A4M3e23mRZ9VrbpMngwcrqNAg==",
     true},
    {"RFC 8080 section 6.1, second (erratum 4935)", "example.com", "example.com", 257, RRTYPE_MX,
     35217,
     "Private-key-format: v1.2\n"
     "Algorithm: 15 (ED25519)\n"
     "PrivateKey: DSSF3o0s0f+ElWzj9E/Osxw8hLpk55chkmx0LYN5WiY=\n",
     "zPnZ/QwEe7S8C5SPz2OfS5RR40ATk2/rYnE9xHIEijs=", "10 mail.example.com.",
     "2 401781B934E392DE492EC77AE2E15D70F6575A1C0BC59C5275C04EBE80C6614C",
     "MX 15 2 3600 1440021600 1438207200 35217 example.com. "
     "zXQ0bkYgQTEFyfLyi9QoiY6D8ZdYo4wyUhVioYZXFdT410QPRITQSqJSnzQoSm5poJ7gD7AQR0O7KuI5k2pcBg==",
     true},
    {"RFC 8080 section 6.2 (erratum 4935)", "example.com", "example.com", 257, RRTYPE_MX, 9713,
     "Private-key-format: v1.2\n"
     "Algorithm: 16 (ED448)\n"
     "PrivateKey: "
     "xZ+5Cgm463xugtkY5B0Jx6erFTXp13rYegst0qRtNsOYnaVpMx0Z/c5EiA9x8wWbDDct/U3FhYWA\n",
     "3kgROaDjrh0H2iuixWBrc8g2EpBBLCdGzHmn+G2MpTPhpj/OiBVHHSfPodx1FYYUcJKm1MDpJtIA",
     "10 mail.example.com.", "2 6CCF18D5BC5D7FC2FCEB1D59D17321402F2AA8D368048DB93DD811F5CB2B19C7",
     "MX 16 2 3600 1440021600 1438207200 9713 example.com. "
     "3cPAHkmlnxcDHMyg7vFC34l0blBhuG1qpwLmjInI8w1CMB29FkEAIJUA0amxWndkmnBZ6SKiwZSAxGILn/NBtOXft0+"
     "Gj7FSvOKxE/07+4RQvE581N3Aj/JtIyaiYVdnYtyMWbSNyGEY2213WKsJlwEA",
     true},
    {"RFC 8080 section 6.2, second (erratum 4935)", "example.com", "example.com", 257, RRTYPE_MX,
     38353,
     "Private-key-format: v1.2\n"
     "Algorithm: 16 (ED448)\n"
     "PrivateKey: "
     "WEykD3ht3MHkU8iH4uVOLz8JLwtRBSqiBoM6fF72+Mrp/u5gjxuB1DV6NnPO2BlZdz4hdSTkOdOA\n",
     "kkreGWoccSDmUBGAe7+zsbG6ZAFQp+syPmYUurBRQc3tDjeMCJcVMRDmgcNLp5HlHAMy12VoISsA",
     "10 mail.example.com.", "2 645FF078B3568F5852B70CB60E8E696CC77B75BFAAFFC118CF79CBDA1BA28AF4",
     "MX 16 2 3600 1440021600 1438207200 38353 example.com. "
     "E1/oLjSGIbmLny/4fcgM1z4oL6aqo+izT3urCyHyvEp4Sp8Syg1eI+lJ57CSnZqjJP41O/9l4m0AsQ4f7qI1gVnML8v"
     "WWiyW2KXhT9kuAICUSxv5OWbf81Rq7Yu60npabODB0QFPb/rkW3kUZmQ0YQUA",
     true},
};

// An example as octets.
struct opened {
    uint8_t zone[NAME_SIZE_MAX], owner[NAME_SIZE_MAX];
    struct key_memory *memory;
    struct key_pair key;
    struct octets_buffer run, dnskey_run, rrsig, input;
    struct rrset rrset, dnskey;
    size_t head; // octets of the RRSIG's RDATA before the signature
};

static struct rrset
rrset_of(const struct octets_buffer *run, uint16_t type)
{
    return (struct rrset){.type = type,
                          .rr_count = 1,
                          .ttl = 3600,
                          .wire = run->data,
                          .wire_length = (uint32_t)run->length};
}

// The 512 bits of RFC 5702's first key are fewer than this version takes in, so the key is put
// together here and not by key_pair_from_parts.
static void
key_open(const struct example *example, struct opened *opened)
{
    struct key_bind bind = {0};
    struct fault fault;
    struct octets text = {(const uint8_t *)example->private_text, strlen(example->private_text)};
    if (!key_bind_read_private("example", text, &bind, &fault))
        fail_msg("%s: %s", example->rfc, fault.text);
    struct key_pair *key = &opened->key;
    *key = (struct key_pair){
        .role = KEY_CSK, .algorithm = bind.algorithm, .flags = example->flags, .state = KEY_ACTIVE};
    key->apex = memory_alloc(NAME_SIZE_MAX + KEY_DNSKEY_MAX);
    key->dnskey = key->apex + name_copy_lower(key->apex, opened->zone);
    octets_put_u16(key->dnskey, key->flags);
    key->dnskey[2] = 3;
    key->dnskey[3] = key->algorithm;
    size_t length;
    assert_true(key_base64_read(example->public_key, strlen(example->public_key), key->dnskey + 4,
                                KEY_DNSKEY_MAX - 4, &length));
    key->dnskey_length = (uint16_t)(length + 4);
    key->tag = rdata_dnskey_tag(key->dnskey, key->dnskey_length);
    key->secret = key_memory_put(opened->memory, bind.secret, bind.secret_length);
    key_bind_close(&bind);
}

static void
example_open(const struct example *example, struct opened *opened)
{
    struct fault fault;
    uint8_t rdata[2048];
    size_t length;
    memset(opened, 0, sizeof *opened);
    opened->memory = key_memory_new();
    octets_buffer_init(&opened->run);
    octets_buffer_init(&opened->dnskey_run);
    octets_buffer_init(&opened->rrsig);
    octets_buffer_init(&opened->input);
    assert_true(name_from_text(example->zone, (const uint8_t *)"", opened->zone, &fault));
    assert_true(name_from_text(example->owner, (const uint8_t *)"", opened->owner, &fault));
    key_open(example, opened);
    rrset_append(&opened->dnskey_run, RRTYPE_DNSKEY, 3600, opened->key.dnskey,
                 opened->key.dnskey_length);
    opened->dnskey = rrset_of(&opened->dnskey_run, RRTYPE_DNSKEY);
    struct octets_writer writer;
    octets_writer_init(&writer, rdata, sizeof rdata);
    assert_true(rdata_from_text(example->type, example->rdata, NULL, &writer, &fault));
    length = octets_written(&writer);
    rrset_append(&opened->run, example->type, 3600, rdata, (uint16_t)length);
    opened->rrset = rrset_of(&opened->run, example->type);
    octets_writer_init(&writer, rdata, sizeof rdata);
    assert_true(rdata_from_text(RRTYPE_RRSIG, example->rrsig, NULL, &writer, &fault));
    octets_buffer_add(&opened->rrsig, rdata, octets_written(&writer));
    opened->head = 18 + name_length(opened->zone);
    // RFC 4034 section 3.1.8.1, put together by hand.
    octets_buffer_add(&opened->input, opened->rrsig.data, opened->head);
    octets_buffer_add(&opened->input, opened->owner, name_length(opened->owner));
    octets_buffer_add(&opened->input, opened->run.data + 2, opened->run.length - 2);
}

static void
example_close(struct opened *opened)
{
    key_pair_close(opened->memory, &opened->key);
    key_memory_free(&opened->memory);
    octets_buffer_close(&opened->run);
    octets_buffer_close(&opened->dnskey_run);
    octets_buffer_close(&opened->rrsig);
    octets_buffer_close(&opened->input);
}

static void
the_keys_of_the_rfcs_have_their_public_parts_tags_and_ds(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        struct opened opened;
        example_open(&examples[i], &opened);
        assert_int_equal(opened.key.tag, examples[i].tag);
        if (i > 0) { // all but the one that is too short: public part from the private one
            struct key_bind bind = {0};
            struct octets text = {(const uint8_t *)examples[i].private_text,
                                  strlen(examples[i].private_text)};
            struct fault fault;
            assert_true(key_bind_read_private("example", text, &bind, &fault));
            struct key_parts parts = {.role = KEY_CSK,
                                      .flags = examples[i].flags,
                                      .algorithm = bind.algorithm,
                                      .secret = {bind.secret, bind.secret_length}};
            struct key_pair key;
            assert_true(key_pair_from_parts(opened.memory, opened.zone, &parts, &key, &fault));
            assert_int_equal(key.dnskey_length, opened.key.dnskey_length);
            assert_memory_equal(key.dnskey, opened.key.dnskey, key.dnskey_length);
            key_pair_close(opened.memory, &key);
            key_bind_close(&bind);
        }
        if (examples[i].ds) {
            struct octets_buffer text;
            octets_buffer_init(&text);
            key_pair_ds_text(&opened.key, 3600, &text);
            octets_buffer_add_u8(&text, 0);
            assert_non_null(strstr((char *)text.data, examples[i].ds));
            octets_buffer_close(&text);
        }
        example_close(&opened);
    }
}

static void
signatures_are_those_of_the_rfcs(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        struct opened opened;
        struct key_signer *signer;
        struct fault fault;
        uint8_t rrsig[1024];
        size_t length;
        example_open(&examples[i], &opened);
        struct verify_keys *keys = verify_keys_new(&opened.dnskey);
        struct verify_hand *hand = verify_hand_new(keys);
        assert_int_equal(verify_signature(hand, opened.owner, &opened.rrset, opened.rrsig.data,
                                          opened.rrsig.length),
                         VERIFY_GOOD); // the RFC's
        assert_true(key_signer_new(opened.memory, &opened.key, &signer, &fault));
        memcpy(rrsig, opened.rrsig.data, opened.head);
        assert_true(key_signer_sign(signer, opened.input.data, opened.input.length,
                                    rrsig + opened.head, &length));
        if (opened.head + length != opened.rrsig.length ||
            (examples[i].deterministic && memcmp(rrsig, opened.rrsig.data, opened.rrsig.length)))
            fail_msg("%s: another signature", examples[i].rfc);
        assert_int_equal(key_pair_signature_size(&opened.key), length);
        assert_int_equal(
            verify_signature(hand, opened.owner, &opened.rrset, rrsig, opened.rrsig.length),
            VERIFY_GOOD); // ours
        rrsig[opened.head + 7] ^= 1;
        assert_int_equal(
            verify_signature(hand, opened.owner, &opened.rrset, rrsig, opened.rrsig.length),
            VERIFY_BAD);
        key_signer_free(&signer);
        verify_hand_free(&hand);
        verify_keys_free(&keys);
        example_close(&opened);
    }
}

// --- Two signers with the same keys

static const uint8_t apex[] = "\7example\3gov";

// Keys of one algorithm in one signer: two KSKs, two ZSKs, one standby of each role.
static struct keyset *
keyset_make(struct key_memory *memory, uint8_t algorithm)
{
    static const enum key_role roles[] = {KEY_KSK, KEY_KSK, KEY_ZSK, KEY_ZSK, KEY_KSK, KEY_ZSK};
    struct keyset *keyset = keyset_new(apex, memory);
    struct fault fault;
    for (int i = 0; i < 6; i++) {
        const struct key_pair *key;
        assert_true(keyset_generate(keyset, roles[i], algorithm, NOW, &key, &fault));
        assert_true(keyset_move(keyset, key->tag, i < 4 ? KEY_EVENT_INTRODUCE : KEY_EVENT_PUBLISH,
                                NOW, &fault));
    }
    return keyset;
}

// The same keys in another signer, by way of BIND's files.
static struct keyset *
keyset_carry(const struct keyset *from, struct key_memory *memory)
{
    struct keyset *keyset = keyset_new(apex, memory);
    struct fault fault;
    char *text = key_scratch_new(KEY_BIND_TEXT_MAX);
    for (size_t i = keyset_count(from); i-- > 0;) { // in another order
        const struct key_pair *key = keyset_at(from, i);
        struct key_bind bind = {0};
        struct key_pair copy;
        size_t length = key_bind_write_private(keyset_memory(from), key, text);
        struct octets file = {(const uint8_t *)text, length};
        assert_true(key_bind_read_private("carried", file, &bind, &fault));
        struct key_parts parts = {.role = key->role,
                                  .algorithm = bind.algorithm,
                                  .secret = {bind.secret, bind.secret_length}};
        assert_true(key_pair_from_parts(memory, apex, &parts, &copy, &fault));
        copy.state = key->state;
        assert_true(keyset_add(keyset, &copy, &fault));
        key_bind_close(&bind);
    }
    key_scratch_free(text);
    return keyset;
}

static void
rrset_sign(const struct keyset *keyset, uint16_t type, unsigned times, struct octets_buffer *run,
           uint16_t *ret_count)
{
    static const uint8_t rdata[] = {192, 0, 2, 1};
    struct sign_policy policy;
    struct sign_context *context;
    struct octets_buffer wire;
    struct fault fault;
    sign_policy_default(&policy);
    octets_buffer_init(&wire);
    rrset_append(&wire, type, 3600, rdata, sizeof rdata);
    struct rrset rrset = rrset_of(&wire, type);
    assert_true(sign_context_new(keyset, &policy, &context, &fault));
    for (unsigned i = 0; i < times; i++) {
        run->length = 0;
        assert_int_equal(sign_rrset(context, apex, &rrset, NULL, false, NOW, run, ret_count),
                         SIGN_MADE);
    }
    sign_context_free(&context);
    octets_buffer_close(&wire);
}

static void
two_signers_with_the_same_keys_make_the_same_octets(void **state)
{
    (void)state;
    static const uint8_t algorithms[] = {8, 15, 16}; // 10 differs from 8 in the digest only
    for (size_t i = 0; i < sizeof algorithms; i++) {
        struct key_memory *here = key_memory_new(), *there = key_memory_new();
        struct keyset *one = keyset_make(here, algorithms[i]);
        struct keyset *other = keyset_carry(one, there);
        struct octets_buffer run[2];
        uint16_t count[2];
        static const uint16_t types[] = {RRTYPE_A, RRTYPE_DNSKEY};
        for (int t = 0; t < 2; t++) {
            octets_buffer_init(&run[0]);
            octets_buffer_init(&run[1]);
            rrset_sign(one, types[t], 1, &run[0], &count[0]);
            rrset_sign(other, types[t], 3, &run[1], &count[1]);
            assert_int_equal(count[0], 2); // both active keys of the role, no standby
            assert_int_equal(count[1], 2);
            assert_int_equal(run[0].length, run[1].length);
            assert_memory_equal(run[0].data, run[1].data, run[0].length);
            octets_buffer_close(&run[0]);
            octets_buffer_close(&run[1]);
        }
        keyset_free(&one);
        keyset_free(&other);
        key_memory_free(&here);
        key_memory_free(&there);
    }
}

// OpenSSL 3.2 and later can; before that the nonce is random. Either way key_signer says so.
static void
ecdsa_is_deterministic_where_libcrypto_can(void **state)
{
    (void)state;
    for (uint8_t algorithm = 13; algorithm <= 14; algorithm++) {
        struct key_memory *memory = key_memory_new();
        struct keyset *keyset = keyset_make(memory, algorithm);
        struct octets_buffer run[2];
        uint16_t count;
        octets_buffer_init(&run[0]);
        octets_buffer_init(&run[1]);
        rrset_sign(keyset, RRTYPE_A, 1, &run[0], &count);
        rrset_sign(keyset, RRTYPE_A, 1, &run[1], &count);
        assert_int_equal(run[0].length, run[1].length);
        bool same = memcmp(run[0].data, run[1].data, run[0].length) == 0;
        assert_int_equal(same, key_signer_is_deterministic(algorithm));
        octets_buffer_close(&run[0]);
        octets_buffer_close(&run[1]);
        keyset_free(&keyset);
        key_memory_free(&memory);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_keys_of_the_rfcs_have_their_public_parts_tags_and_ds),
        cmocka_unit_test(signatures_are_those_of_the_rfcs),
        cmocka_unit_test(two_signers_with_the_same_keys_make_the_same_octets),
        cmocka_unit_test(ecdsa_is_deterministic_where_libcrypto_can),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
