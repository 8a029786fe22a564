// A .state file: BIND's, or ours, which says in two comments what BIND has no word for: the state
// by its name, and where the key came from. What ours always has and BIND's mostly (dnssec-settime
// -s writes no KSK and ZSK lines) must be there whole, with words that these lines can have:
// guessing the role of a key out of a damaged file would leave a zone signed in part.
#include <string.h>
#include <strings.h>

#include "secondary/signer/keys/key_bind.h"
#include "secondary/signer/keys/key_bind_lines.h"

#define WORD_MAX 16 // octets of a word with its NUL

struct state_lines {
    char ksk[WORD_MAX], zsk[WORD_MAX], state[WORD_MAX], origin[WORD_MAX]; // "": no such line
    bool has_algorithm;
};

// Where the word of this tag goes; NULL: the tag has no word.
static char *
word_of(struct state_lines *lines, const char *tag)
{
    if (strcasecmp(tag, "KSK") == 0)
        return lines->ksk;
    if (strcasecmp(tag, "ZSK") == 0)
        return lines->zsk;
    if (strcasecmp(tag, "State") == 0)
        return lines->state;
    return strcasecmp(tag, "Origin") == 0 ? lines->origin : NULL;
}

static bool
state_line(const char *name, unsigned line, const struct key_tagged *tagged,
           struct state_lines *lines, struct key_bind *bind, struct fault *fault)
{
    unsigned long number;
    char *word = word_of(lines, tagged->tag);
    if (word) {
        size_t length = tagged->length < WORD_MAX ? tagged->length : WORD_MAX - 1;
        memcpy(word, tagged->value, length);
        word[length] = '\0';
        return true;
    }
    if (strcasecmp(tagged->tag, "Algorithm") != 0)
        return key_line_time(name, line, tagged, bind, fault);
    if (!key_line_number(tagged, &number))
        return fault_set(fault, FAULT_SYNTAX, "%s:%u: Algorithm: expected a number", name, line);
    lines->has_algorithm = true;
    return key_line_algorithm(name, line, number, bind, fault);
}

static bool
yes_or_no(const char *word, bool *ret_yes)
{
    *ret_yes = strcasecmp(word, "yes") == 0;
    return *ret_yes || strcasecmp(word, "no") == 0;
}

static bool
role_take(const char *name, const struct state_lines *lines, struct key_bind *bind,
          struct fault *fault)
{
    bool ksk, zsk;
    bool is_ours = lines->state[0] || lines->origin[0];
    if (!lines->ksk[0] && !lines->zsk[0] && !is_ours)
        return true;
    if (!yes_or_no(lines->ksk, &ksk) || !yes_or_no(lines->zsk, &zsk) || (!ksk && !zsk))
        return fault_set(fault, FAULT_CORRUPT,
                         "%s: lines KSK and ZSK: expected yes or no in both and at least one yes; "
                         "the file is damaged: take it from a backup",
                         name);
    bind->has_role = true;
    bind->role = ksk && zsk ? KEY_CSK : ksk ? KEY_KSK : KEY_ZSK;
    return true;
}

static bool
state_take(const char *name, const struct state_lines *lines, struct key_bind *bind,
           struct fault *fault)
{
    if (!lines->state[0] && !lines->origin[0])
        return true;
    bind->imported = strcmp(lines->origin, "imported") == 0;
    bind->has_state = key_state_from_word(lines->state, &bind->state);
    if (bind->has_state && (bind->imported || strcmp(lines->origin, "generated") == 0))
        return true;
    return fault_set(fault, FAULT_CORRUPT,
                     "%s: lines State (%s) and Origin (%s) do not say what they should; the file "
                     "is damaged: take it from a backup",
                     name, lines->state[0] ? lines->state : "missing",
                     lines->origin[0] ? lines->origin : "missing");
}

bool
key_bind_read_state(const char *name, struct octets text, struct key_bind *bind,
                    struct fault *fault)
{
    struct key_lines lines = key_lines_of(text);
    const char *line;
    size_t length;
    struct key_tagged tagged;
    struct state_lines words = {0};
    if (!text.data) // no such file
        return true;
    while (key_lines_next(&lines, &line, &length))
        if (key_line_tagged(line, length, &tagged) &&
            !state_line(name, lines.number, &tagged, &words, bind, fault))
            return false;
    if (!words.has_algorithm)
        return fault_set(fault, FAULT_CORRUPT,
                         "%s: no Algorithm line; the file is cut or damaged: take it from a backup",
                         name);
    return role_take(name, &words, bind, fault) && state_take(name, &words, bind, fault);
}
