// needs: dns
// Any octets as a name, in wire format and as text: what is accepted comes back the same by the
// other way, its key sorts as name_compare does, and its suffix hashes are the hashes of its
// suffixes.
#include <string.h>

#include "common/base/fault.h"
#include "common/dns/name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
text_round_trip(const uint8_t *name)
{
    char text[NAME_TEXT_MAX];
    uint8_t lower[NAME_SIZE_MAX], again[NAME_SIZE_MAX];
    name_copy_lower(lower, name);
    ENSURE(name_from_text(name_to_text(lower, text), NULL, again, NULL));
    ENSURE(name_equal(lower, again) && name_equal_any_case(name, again));
}

static void
hashes_agree(const uint8_t *name)
{
    struct name_suffixes suffixes;
    name_suffixes_init(&suffixes, name, 7);
    ENSURE(suffixes.labels == name_labels(name));
    for (unsigned depth = 0; depth <= suffixes.labels; depth++)
        ENSURE(name_hash(name + suffixes.offset[depth], 7) == suffixes.hash[depth]);
}

static void
order_agrees(const uint8_t *a, const uint8_t *b)
{
    uint8_t a_lower[NAME_SIZE_MAX], b_lower[NAME_SIZE_MAX];
    uint8_t a_key[NAME_KEY_MAX], b_key[NAME_KEY_MAX];
    name_copy_lower(a_lower, a);
    name_copy_lower(b_lower, b);
    size_t a_length = name_key(a_lower, a_key), b_length = name_key(b_lower, b_key);
    size_t shorter = a_length < b_length ? a_length : b_length;
    int by_key = memcmp(a_key, b_key, shorter);
    by_key = by_key ? by_key : (int)a_length - (int)b_length;
    int by_name = name_compare(a_lower, b_lower);
    ENSURE((by_key < 0) == (by_name < 0) && (by_key > 0) == (by_name > 0));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct octets_reader reader;
    uint8_t name[NAME_SIZE_MAX], last[NAME_SIZE_MAX] = {0};
    octets_reader_init(&reader, data, size);
    for (unsigned i = 0; i < 8 && name_read(&reader, name); i++) {
        text_round_trip(name);
        hashes_agree(name);
        order_agrees(name, last);
        name_copy(last, name);
    }
    char text[NAME_TEXT_MAX * 2];
    if (size >= sizeof text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    if (name_from_text(text, last, name, NULL))
        text_round_trip(name);
    return 0;
}
