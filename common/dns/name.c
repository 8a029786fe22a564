// Names are walked by their length octets; every function here trusts that its name is well formed,
// because names come into the program by name_read, name_read_plain and name_from_text only, which
// check it.
//
// Which way round? The wire has the leaf first; order, suffix hashes and common labels want the
// root first. So such functions first note where each label starts (at most 127 of them, one octet
// each) and then go through that list backwards.
#include "common/dns/name.h"

#include "common/base/hash.h"

#include <endian.h>
#include <string.h>

#define NAME_POINTER_MAX 127 // a longer chain of pointers has no use: a name has no more labels

// Lower-cases eight octets at once: an octet from 'A' to 'Z' gets bit 5. Length octets are at most
// 63, below 'A', so a whole name can be folded without looking at its labels.
static uint64_t
octets_lower(uint64_t word)
{
    const uint64_t ones = 0x0101010101010101U;
    uint64_t low = word & (0x7f * ones);
    uint64_t from_a = low + (0x80 - 'A') * ones;
    uint64_t over_z = low + (0x7f - 'Z') * ones;
    uint64_t upper = (from_a ^ over_z) & ~word & (0x80 * ones);
    return word | upper >> 2;
}

static void
word_lower(uint8_t *to, const uint8_t *from)
{
    uint64_t word;
    memcpy(&word, from, 8);
    word = octets_lower(word);
    memcpy(to, &word, 8);
}

static void
lower_copy(uint8_t *to, const uint8_t *from, size_t length)
{
    size_t at = 0;
    for (; at + 8 <= length; at += 8)
        word_lower(to + at, from + at);
    for (; at < length; at++)
        to[at] = (uint8_t)(from[at] | (from[at] >= 'A' && from[at] <= 'Z' ? 0x20 : 0));
}

// Where each label starts, the root label too; gives the number without it.
static unsigned
label_starts(const uint8_t *name, uint8_t starts[static NAME_LABELS_MAX + 1])
{
    unsigned labels = 0, at = 0;
    starts[0] = 0;
    while (name[at]) {
        at += name[at] + 1U;
        starts[++labels] = (uint8_t)at;
    }
    return labels;
}

size_t
name_length(const uint8_t *name)
{
    size_t at = 0;
    while (name[at])
        at += name[at] + 1U;
    return at + 1;
}

unsigned
name_labels(const uint8_t *name)
{
    unsigned labels = 0;
    for (; *name; name += *name + 1)
        labels++;
    return labels;
}

bool
name_equal(const uint8_t *a, const uint8_t *b)
{
    size_t length = name_length(a);
    return name_length(b) == length && memcmp(a, b, length) == 0;
}

bool
name_equal_any_case(const uint8_t *a, const uint8_t *b)
{
    uint8_t a_lower[NAME_SIZE_MAX], b_lower[NAME_SIZE_MAX];
    size_t length = name_copy_lower(a_lower, a);
    return name_copy_lower(b_lower, b) == length && memcmp(a_lower, b_lower, length) == 0;
}

// By octets; where one is the beginning of the other, the shorter comes first.
static int
label_compare(const uint8_t *a, const uint8_t *b)
{
    unsigned shorter = *a < *b ? *a : *b;
    int order = memcmp(a + 1, b + 1, shorter);
    return order ? order : (int)*a - (int)*b;
}

int
name_compare(const uint8_t *a, const uint8_t *b)
{
    uint8_t a_starts[NAME_LABELS_MAX + 1], b_starts[NAME_LABELS_MAX + 1];
    unsigned i = label_starts(a, a_starts);
    unsigned j = label_starts(b, b_starts);
    while (i && j) {
        int order = label_compare(a + a_starts[--i], b + b_starts[--j]);
        if (order)
            return order;
    }
    return (int)i - (int)j;
}

bool
name_is_at_or_below(const uint8_t *name, const uint8_t *ancestor)
{
    size_t left = name_length(name);
    size_t length = name_length(ancestor);
    while (left > length) {
        left -= *name + 1U;
        name += *name + 1;
    }
    return left == length && memcmp(name, ancestor, length) == 0;
}

const uint8_t *
name_skip(const uint8_t *name, unsigned count)
{
    for (; count; count--) {
        ENSURE(*name);
        name += *name + 1;
    }
    return name;
}

bool
name_is_wildcard(const uint8_t *name)
{
    return name[0] == 1 && name[1] == '*';
}

size_t
name_copy(uint8_t *to, const uint8_t *name)
{
    size_t length = name_length(name);
    memcpy(to, name, length);
    return length;
}

size_t
name_copy_lower(uint8_t *to, const uint8_t *name)
{
    size_t length = name_length(name);
    lower_copy(to, name, length);
    return length;
}

bool
name_wildcard_of(const uint8_t *name, uint8_t ret_name[static NAME_SIZE_MAX])
{
    size_t length = name_length(name);
    if (length + 2 > NAME_SIZE_MAX)
        return false;
    memmove(ret_name + 2, name, length);
    ret_name[0] = 1;
    ret_name[1] = '*';
    return true;
}

bool
name_replace_suffix(const uint8_t *name, const uint8_t *old_suffix, const uint8_t *new_suffix,
                    uint8_t ret_name[static NAME_SIZE_MAX])
{
    ENSURE(name_is_at_or_below(name, old_suffix));
    size_t kept = name_length(name) - name_length(old_suffix);
    size_t length = name_length(new_suffix);
    if (kept + length > NAME_SIZE_MAX)
        return false;
    memcpy(ret_name, name, kept);
    memcpy(ret_name + kept, new_suffix, length);
    return true;
}

unsigned
name_common_labels_counted(const uint8_t *a, unsigned a_labels, const uint8_t *b, unsigned b_labels)
{
    unsigned left = a_labels < b_labels ? a_labels : b_labels, common = left;
    a = name_skip(a, a_labels - left);
    b = name_skip(b, b_labels - left);
    // From the left, a label that differs takes away what seemed common before it.
    for (; left > 0; left--, a += *a + 1, b += *b + 1)
        if (*a != *b || memcmp(a + 1, b + 1, *a) != 0)
            common = left - 1;
    return common;
}

unsigned
name_common_labels(const uint8_t *a, const uint8_t *b)
{
    return name_common_labels_counted(a, name_labels(a), b, name_labels(b));
}

// No octet is 0 or 1: so it is of nearly every label.
static bool
label_is_plain(const uint8_t *label)
{
    const uint64_t ones = 0x0101010101010101U;
    unsigned at = 1;
    uint64_t word, low = 0;
    for (; at + 8 <= *label + 1U; at += 8) {
        memcpy(&word, label + at, 8);
        low |= (word - 2 * ones) & ~word & (0x80 * ones);
    }
    for (; at <= *label; at++)
        low |= label[at] <= 1;
    return low == 0;
}

static uint8_t *
label_escape(const uint8_t *label, uint8_t *to)
{
    for (unsigned i = 1; i <= *label; i++) {
        if (label[i] <= 1) {
            *to++ = 1;
            *to++ = (uint8_t)(label[i] + 1);
        } else {
            *to++ = label[i];
        }
    }
    return to;
}

// A label is closed by 0, and octets 0 and 1 inside a label become 1 1 and 1 2, so that the end of
// a label sorts before every octet that could follow in a longer one. At most 2 * 254 octets.
size_t
name_key_part(const uint8_t *name, unsigned skipped, uint8_t *ret_key, size_t size)
{
    uint8_t starts[NAME_LABELS_MAX + 1], escaped[2 * NAME_LABEL_MAX];
    unsigned labels = label_starts(name, starts);
    size_t made = 0;
    for (unsigned i = labels > skipped ? labels - skipped : 0; i-- > 0 && made < size;) {
        const uint8_t *label = name + starts[i], *from = label + 1;
        size_t length = *label;
        if (!label_is_plain(label)) {
            length = (size_t)(label_escape(label, escaped) - escaped);
            from = escaped;
        }
        if (length > size - made)
            length = size - made;
        memcpy(ret_key + made, from, length);
        made += length;
        if (made < size)
            ret_key[made++] = 0;
    }
    return made;
}

size_t
name_key(const uint8_t *name, uint8_t ret_key[static NAME_KEY_MAX])
{
    return name_key_part(name, 0, ret_key, NAME_KEY_MAX);
}

// Where a compression pointer at the reader's place leads: strictly before `before`, the start of
// the run of labels that it ends, so that a chain of pointers must come to its end. NULL: it does
// not.
static const uint8_t *
pointer_follow(const struct octets_reader *reader, const uint8_t *at, const uint8_t *before)
{
    if (reader->end - at < 2)
        return NULL;
    unsigned position = (at[0] & 0x3fU) << 8 | at[1];
    return position < (size_t)(before - reader->start) ? reader->start + position : NULL;
}

// Reads from reader->at; gives where the reader goes on, NULL for a bad name.
static const uint8_t *
name_unpack(const struct octets_reader *reader, bool pointers, uint8_t *ret_name)
{
    const uint8_t *at = reader->at, *run = at, *after = NULL;
    unsigned length = 0, followed = 0;
    while (at < reader->end) {
        unsigned octet = *at;
        if (octet >= 0xc0) {
            if (!pointers || ++followed > NAME_POINTER_MAX)
                return NULL;
            after = after ? after : at + 2;
            at = run = pointer_follow(reader, at, run);
            if (!at)
                return NULL;
            continue;
        }
        // Label types 01 and 10 do not exist (RFC 6891 section 5). The root label must still fit.
        if (octet > NAME_LABEL_MAX || (size_t)(reader->end - at) < octet + 1U ||
            length + octet + 1U + (octet != 0) > NAME_SIZE_MAX)
            return NULL;
        memcpy(ret_name + length, at, octet + 1U);
        length += octet + 1U;
        at += octet + 1U;
        if (!octet)
            return after ? after : at;
    }
    return NULL;
}

static bool
name_read_into(struct octets_reader *reader, bool pointers, uint8_t *ret_name)
{
    const uint8_t *after = reader->failed ? NULL : name_unpack(reader, pointers, ret_name);
    if (after)
        reader->at = after;
    else
        reader->failed = true;
    return after != NULL;
}

bool
name_read(struct octets_reader *reader, uint8_t ret_name[static NAME_SIZE_MAX])
{
    return name_read_into(reader, true, ret_name);
}

bool
name_read_plain(struct octets_reader *reader, uint8_t ret_name[static NAME_SIZE_MAX])
{
    return name_read_into(reader, false, ret_name);
}

// Octets of the plain name at the reader's place; 0: none. At most 127 labels end at 255 octets.
static size_t
name_measure(const struct octets_reader *reader, unsigned *ret_labels)
{
    size_t left = reader->failed ? 0 : (size_t)(reader->end - reader->at), length = 0;
    unsigned labels = 0;
    while (length < left && length < NAME_SIZE_MAX) {
        unsigned octet = reader->at[length];
        length += octet + 1U;
        if (octet == 0) {
            *ret_labels = labels;
            return length;
        }
        if (octet > NAME_LABEL_MAX)
            return 0;
        labels++;
    }
    return 0;
}

bool
name_read_lower(struct octets_reader *reader, uint8_t ret_name[static NAME_SIZE_MAX],
                unsigned *ret_labels)
{
    size_t length = name_measure(reader, ret_labels);
    if (length == 0) {
        reader->failed = true;
        return false;
    }
    lower_copy(ret_name, reader->at, length);
    reader->at += length;
    return true;
}

// Eight octets of a name from a place on, the first lowest, zeros behind the name's end. Read in
// one load that stays inside the name, so that nothing is copied first.
static inline uint64_t
name_word(const uint8_t *name, unsigned size, unsigned place)
{
    uint64_t word = 0;
    if (place + 8 <= size) {
        memcpy(&word, name + place, 8);
        return le64toh(word);
    }
    if (size >= 8) {
        memcpy(&word, name + size - 8, 8);
        return le64toh(word) >> 8 * (place + 8 - size);
    }
    for (unsigned i = size; i-- > place;)
        word = word << 8 | name[i];
    return word;
}

// A word of a label as it goes into the hash: in lower case whatever the case of the name.
static inline uint64_t
word_fold(uint64_t word, bool fold)
{
    return fold ? octets_lower(word) : word;
}

// The running hash after one more label. The length octet goes in as well: it is what keeps "ab.c"
// and "a.bc" apart. Most labels are one word.
static inline uint64_t
label_hash(uint64_t state, const uint8_t *name, unsigned size, unsigned place, bool fold)
{
    unsigned left = name[place] + 1U;
    for (; left > 8; left -= 8, place += 8)
        state = hash_mix(state, word_fold(name_word(name, size, place), fold));
    uint64_t rest = UINT64_MAX >> 8 * (8 - left);
    return hash_mix(state, word_fold(name_word(name, size, place), fold) & rest);
}

// What the running hash begins with at the root.
#define ROOT_VALUE 1

static inline void
suffixes_make(struct name_suffixes *ret_suffixes, const uint8_t *name, uint64_t key, bool fold)
{
    uint8_t starts[NAME_LABELS_MAX + 1];
    unsigned labels = label_starts(name, starts);
    unsigned size = starts[labels] + 1U;
    uint64_t state = hash_mix(key, ROOT_VALUE);
    ret_suffixes->labels = labels;
    ret_suffixes->hash[0] = hash_finish(state);
    ret_suffixes->offset[0] = starts[labels];
    for (unsigned depth = 1; depth <= labels; depth++) {
        uint8_t start = starts[labels - depth];
        state = label_hash(state, name, size, start, fold);
        ret_suffixes->hash[depth] = hash_finish(state);
        ret_suffixes->offset[depth] = start;
    }
}

void
name_suffixes_init(struct name_suffixes *ret_suffixes, const uint8_t *name, uint64_t key)
{
    suffixes_make(ret_suffixes, name, key, true);
}

void
name_suffixes_init_lower(struct name_suffixes *ret_suffixes, const uint8_t *name, uint64_t key)
{
    suffixes_make(ret_suffixes, name, key, false);
}

// The running hash of the name's last count labels, which begin at starts.
static inline uint64_t
hash_run(const uint8_t *name, const uint8_t *starts, unsigned labels, unsigned count, uint64_t key,
         bool fold)
{
    unsigned size = starts[labels] + 1U;
    uint64_t state = hash_mix(key, ROOT_VALUE);
    for (unsigned depth = 1; depth <= count; depth++)
        state = label_hash(state, name, size, starts[labels - depth], fold);
    return state;
}

uint64_t
name_hash(const uint8_t *name, uint64_t key)
{
    uint8_t starts[NAME_LABELS_MAX + 1];
    unsigned labels = label_starts(name, starts);
    return hash_finish(hash_run(name, starts, labels, labels, key, true));
}

uint64_t
name_hash_lower(const uint8_t *name, uint64_t key)
{
    uint8_t starts[NAME_LABELS_MAX + 1];
    unsigned labels = label_starts(name, starts);
    return hash_finish(hash_run(name, starts, labels, labels, key, false));
}

uint64_t
name_hash_split(const uint8_t *name, uint64_t key, uint64_t *ret_above)
{
    uint8_t starts[NAME_LABELS_MAX + 1];
    unsigned labels = label_starts(name, starts);
    ENSURE(labels > 0);
    *ret_above = hash_run(name, starts, labels, labels - 1, key, false);
    return hash_finish(label_hash(*ret_above, name, starts[labels] + 1U, 0, false));
}

uint64_t
name_hash_parent(uint64_t above)
{
    return hash_finish(above);
}

uint64_t
name_hash_wildcard(uint64_t above)
{
    static const uint8_t star[8] = {1, '*'};
    return hash_finish(label_hash(above, star, sizeof star, 0, false));
}
