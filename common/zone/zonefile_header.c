// Which TTL has a record without one? That of $TTL (RFC 2308 section 4); where there is no $TTL
// before an SOA without a TTL of its own, the SOA's minimum stands in for it (what BIND does, whose
// files these mostly were); else the last one that was written (RFC 1035 section 5.1); else the
// caller's default. All last over the end of an included file; the origin and the last owner do not
// (RFC 1035: an included file never changes the origin of its parent).
#include "common/zone/zonefile_header.h"

#include <ctype.h>
#include <string.h>

#include "common/base/quantity.h"
#include "common/dns/rdata.h"
#include "common/dns/rrtype.h"
#include "common/zone/zonefile_fields.h"

#define KNOWN_TYPES_MAX 128 // mnemonics to look for a near one

void
zonefile_origin_set(struct zonefile_state *state, const uint8_t *origin)
{
    unsigned labels = name_labels(origin);
    state->origin_length = name_copy(state->origin, origin);
    state->origin_last =
        labels ? (size_t)(name_skip(state->origin, labels - 1) - state->origin) : 0;
}

void
zonefile_owner_set(struct zonefile_state *state, const uint8_t *owner)
{
    name_copy(state->owner, owner);
    state->has_owner = true;
}

bool
zonefile_ttl_read(struct zonefile_errors *errors, const struct zonefile_token *token,
                  const char *what, uint32_t *ret_ttl)
{
    if (!token->quoted && zonefile_period_read(token->text, ZONEFILE_TTL_MAX, ret_ttl))
        return true;
    return zonefile_error_add(errors, token->place,
                              "%s '%s' is not a time in seconds (or like 1h30m) up to %d", what,
                              token->text, ZONEFILE_TTL_MAX);
}

// TTL and class stand in any order and may both be missing; fills them and gives the index of the
// type's token.
static bool
ttl_and_class_read(struct zonefile_state *state, const struct zonefile_entry *entry, size_t *at,
                   struct zonefile_header *header)
{
    bool has_class = false;
    for (const struct zonefile_token *token; (token = zonefile_entry_token(entry, *at)); ++*at) {
        if (token->quoted)
            break;
        if (isdigit((unsigned char)token->text[0]) && !header->has_ttl) {
            if (zonefile_address_type(token->text))
                break; // the type was forgotten
            if (!zonefile_ttl_read(state->errors, token, "TTL", &header->ttl))
                return false;
            header->has_ttl = true;
            continue;
        }
        bool is_in = strcasecmp(token->text, "IN") == 0 || strcasecmp(token->text, "CLASS1") == 0;
        if (!is_in || has_class)
            break;
        has_class = true;
    }
    return true;
}

static bool
word_is_class(const char *text)
{
    return strcasecmp(text, "CH") == 0 || strcasecmp(text, "HS") == 0 ||
           strcasecmp(text, "CS") == 0 || strcasecmp(text, "ANY") == 0 ||
           strncasecmp(text, "CLASS", 5) == 0;
}

// Where types have mnemonics; in between there are none, and 65,536 look-ups for one error are too
// many.
static const struct {
    uint16_t first, last;
} named_types[] = {{1, 300}, {32768, 32800}, {RRTYPE_ALIAS, RRTYPE_ALIAS}};

static size_t
known_types(char words[KNOWN_TYPES_MAX][RRTYPE_TEXT_MAX], const char *known[KNOWN_TYPES_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < sizeof named_types / sizeof named_types[0]; i++)
        for (unsigned type = named_types[i].first;
             type <= named_types[i].last && count < KNOWN_TYPES_MAX; type++) {
            rrtype_text((uint16_t)type, words[count]);
            if (rrtype_is_meta((uint16_t)type) || strncmp(words[count], "TYPE", 4) == 0)
                continue;
            known[count] = words[count];
            count++;
        }
    return count;
}

static const char *
type_nearest(const char *text, char words[KNOWN_TYPES_MAX][RRTYPE_TEXT_MAX])
{
    const char *known[KNOWN_TYPES_MAX];
    char upper[RRTYPE_TEXT_MAX];
    size_t length = strlen(text);
    if (length >= sizeof upper)
        return NULL;
    for (size_t i = 0; i <= length; i++)
        upper[i] = (char)toupper((unsigned char)text[i]);
    return quantity_nearest_word(upper, known, known_types(words, known));
}

// A line that begins with its type (in capitals: many hosts are called ns or mx) in column 1, where
// the owner stands.
static const char *
owner_hint(const struct zonefile_entry *entry)
{
    const struct zonefile_token *first = zonefile_entry_token(entry, 0);
    uint16_t type;
    if (entry->blank_owner || first->quoted || !isupper((unsigned char)first->text[0]) ||
        (strcmp(first->text, "IN") != 0 && !rrtype_from_text(first->text, &type)))
        return "";
    return "; the first word of the line is read as the owner: begin the line with white space to "
           "mean the owner of the record before";
}

// What stands where the type should, in the place of a type that was forgotten: NULL for what is
// probably a mistyped type.
static const char *
type_forgotten(const struct zonefile_token *token, const struct zonefile_header *header)
{
    uint32_t seconds;
    if (strcasecmp(token->text, "IN") == 0)
        return "is a second class: one is enough";
    if (header->has_ttl && zonefile_period_read(token->text, ZONEFILE_TTL_MAX, &seconds))
        return "is a second TTL: one is enough";
    switch (zonefile_address_type(token->text)) {
    case RRTYPE_A:
        return "is an address: write its type A before it";
    case RRTYPE_AAAA:
        return "is an address: write its type AAAA before it";
    default:
        break;
    }
    if (strchr(token->text, '.'))
        return "looks like a name: write its type (CNAME, NS, ...) before it";
    return NULL;
}

static bool
type_unknown(struct zonefile_state *state, const struct zonefile_entry *entry,
             const struct zonefile_token *token, const struct zonefile_header *header)
{
    char words[KNOWN_TYPES_MAX][RRTYPE_TEXT_MAX];
    if (word_is_class(token->text))
        return zonefile_error_add(
            state->errors, token->place,
            "class %s: only records of class IN are served: remove the record", token->text);
    const char *forgotten = type_forgotten(token, header), *hint = owner_hint(entry);
    if (forgotten)
        return zonefile_error_add(state->errors, token->place,
                                  "'%s' stands where the type is expected; it %s%s", token->text,
                                  forgotten, hint);
    const char *nearest = *hint ? NULL : type_nearest(token->text, words);
    if (nearest)
        return zonefile_error_add(state->errors, token->place,
                                  "unknown type '%s': did you mean %s?", token->text, nearest);
    return zonefile_error_add(state->errors, token->place,
                              "unknown type '%s': a type, a TTL or the class IN is expected here%s",
                              token->text, hint);
}

static bool
type_read(struct zonefile_state *state, const struct zonefile_entry *entry, size_t at,
          struct zonefile_header *header)
{
    const struct zonefile_token *token = zonefile_entry_token(entry, at);
    header->type_place = zonefile_entry_place(entry, at);
    header->rdata = at + 1;
    if (!token)
        return zonefile_error_add(state->errors, entry->end, "missing type%s", owner_hint(entry));
    if (token->quoted)
        return zonefile_error_add(state->errors, token->place,
                                  "\"%s\" is quoted: a type is expected here", token->text);
    if (!rrtype_from_text(token->text, &header->type))
        return type_unknown(state, entry, token, header);
    if (rrtype_is_meta(header->type))
        return zonefile_error_add(state->errors, token->place,
                                  "%s is not a type of records: it stands in no zone", token->text);
    return true;
}

// "IN A 192.0.2.1" without white space before it is a record of the owner "in". (In small letters
// it is a name like any other.)
static void
owner_warn(struct zonefile_state *state, const struct zonefile_token *token)
{
    if (strcmp(token->text, "IN") == 0)
        zonefile_warning_add(state->errors, token->place,
                             "owner '%s' is probably meant as the class: begin the line with white "
                             "space to mean the owner of the record before",
                             token->text);
}

static bool
owner_read(struct zonefile_state *state, const struct zonefile_entry *entry, size_t *at,
           struct zonefile_header *header)
{
    const struct zonefile_token *token = zonefile_entry_token(entry, 0);
    header->owner_place = token->place;
    if (!entry->blank_owner) {
        ++*at;
        if (!zonefile_name_read(token, "owner", state->origin, header->owner, state->errors)) {
            state->has_owner = false; // what follows it with a blank owner cannot be placed
            return false;
        }
        zonefile_owner_set(state, header->owner);
        owner_warn(state, token);
        return true;
    }
    if (!state->has_owner)
        return zonefile_error_add(state->errors, (struct zonefile_place){token->place.line, 1},
                                  "no owner: the line begins with white space and there is no "
                                  "record before it to take the owner from");
    name_copy(header->owner, state->owner);
    return true;
}

uint32_t
zonefile_ttl_choose(struct zonefile_state *state, const struct zonefile_header *header,
                    const uint8_t *rdata, size_t length)
{
    struct rdata_soa soa;
    if (header->has_ttl) {
        state->last_ttl = header->ttl;
        state->has_last_ttl = true;
        return header->ttl;
    }
    if (!state->has_default_ttl && header->type == RRTYPE_SOA &&
        rdata_soa_read(rdata, length, &soa)) {
        state->default_ttl = soa.minimum <= ZONEFILE_TTL_MAX ? soa.minimum : ZONEFILE_TTL_MAX;
        state->has_default_ttl = true;
    }
    if (state->has_default_ttl)
        return state->default_ttl;
    return state->has_last_ttl ? state->last_ttl : state->fallback_ttl;
}

bool
zonefile_header_read(struct zonefile_state *state, const struct zonefile_entry *entry,
                     struct zonefile_header *header)
{
    size_t at = 0;
    *header = (struct zonefile_header){0};
    bool good = owner_read(state, entry, &at, header);
    if (!ttl_and_class_read(state, entry, &at, header) || !type_read(state, entry, at, header))
        return false;
    return good;
}
