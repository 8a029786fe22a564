// BIND's key files (Private-key-format v1.3 and the DNSKEY line beside it), both ways, from and to
// octets; PowerDNS's `pdnsutil export-zone-key` is the private one with a first comment line that
// may name flags. Text with private parts stands in scratch pages only.
#ifndef TANDEM_KEYS_KEY_BIND_H
#define TANDEM_KEYS_KEY_BIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/base/octets.h"
#include "secondary/signer/keys/key_pair.h"
#include "secondary/signer/keys/key_rsa.h"

#define KEY_BIND_TEXT_MAX (64U << 10) // octets of one key file; more is not a key

// What a set of files said. secret stands in scratch pages.
struct key_bind {
    bool has_public, has_private, has_role, has_times, has_state;
    uint8_t owner[NAME_SIZE_MAX]; // of the .key file
    uint16_t flags;               // of the .key file
    uint8_t algorithm;            // 0: not known yet
    bool is_rsa;                  // a PEM key that may be of algorithm 8 or 10
    uint8_t public_key[KEY_DNSKEY_MAX];
    size_t public_length;
    uint8_t *secret; // KEY_SECRET_MAX octets of scratch, or NULL
    size_t secret_length;
    uint8_t *numbers; // RSA: each number in KEY_RSA_NUMBER_MAX octets of scratch, or NULL
    size_t number_length[KEY_RSA_PARTS];
    enum key_role role; // of a .state file (KSK: yes, ZSK: yes)
    enum key_state state;
    bool imported; // of a .state file of ours
    struct key_times times;
};
void key_bind_close(struct key_bind *bind); // wipes
// Each adds to *bind what its file says; name is used in faults ("Kexample.gov.+013+12345.key:3:
// ...").
bool key_bind_read_public(const char *name, struct octets text, struct key_bind *bind,
                          struct fault *fault);
bool key_bind_read_private(const char *name, struct octets text, struct key_bind *bind,
                           struct fault *fault);
// text.data NULL: there is no such file, which is no fault (dnssec-keygen writes none).
bool key_bind_read_state(const char *name, struct octets text, struct key_bind *bind,
                         struct fault *fault);

// "Kexample.gov.+013+12345" without an ending; octets that a file name should not hold are
// percent-escaped.
#define KEY_BIND_NAME_MAX 800
void key_bind_file_name(const struct key_pair *key, char ret_name[static KEY_BIND_NAME_MAX]);
// Whether a file of this name, where it has BIND's form, can be of this key: a flag, a letter of
// the key or the whole file may have been changed.
bool key_bind_name_check(const char *name, const struct key_pair *key, struct fault *fault);
void key_bind_write_public(const struct key_pair *key, uint32_t ttl, struct octets_buffer *text);
void key_bind_write_state(const struct key_pair *key, struct octets_buffer *text);
// text: KEY_BIND_TEXT_MAX octets of scratch; gives the length.
size_t key_bind_write_private(struct key_memory *memory, const struct key_pair *key, char *text);

#endif
