// Three readers, one rule: text becomes wire format by the shape table (rdata_parse), by ldns, or
// by RFC 3597's generic form, and what came out is always checked and canonicalised by rdata, which
// reads what a stranger sends. So no text form can make RDATA that a transfer would refuse. The
// other way, text that would not be read back is not shown: the generic form is, which always can
// be.
#include "common/dns/rdata_text.h"

#include "common/dns/name.h"
#include "common/dns/rdata.h"
#include "common/dns/rdata_ldns.h"
#include "common/dns/rdata_parse.h"
#include "common/dns/rdata_print.h"
#include "common/dns/rdata_shape.h"
#include "common/dns/rrtype.h"
#include "common/dns/text_token.h"
#include "common/dns/text_value.h"

#include <sodium.h>
#include <string.h>

static bool
length_read(const char **at, uint64_t *ret_length, struct fault *fault)
{
    struct text_token token;
    if (!text_token_next(at, &token))
        return fault_set(fault, FAULT_SYNTAX, "missing length after \\#");
    if (!text_number(&token, RDATA_SIZE_MAX, ret_length))
        return fault_set(fault, FAULT_SYNTAX, "length after \\# \"%.*s\": expected 0 to 65535",
                         (int)(token.length > 64 ? 64 : token.length), token.text);
    return true;
}

// One word of hexadecimal digits; a digit pair may not be split between words.
static bool
hex_word_write(const struct text_token *token, struct octets_writer *writer, struct fault *fault)
{
    if (text_hex(token, writer))
        return true;
    return fault_set(fault, FAULT_SYNTAX,
                     "octets after \\# \"%.*s\": expected hexadecimal digits in pairs",
                     (int)(token->length > 64 ? 64 : token->length), token->text);
}

// RFC 3597 section 5, behind the \#.
static bool
generic_parse(const char *at, struct octets_writer *writer, struct fault *fault)
{
    uint64_t length;
    size_t before = octets_written(writer);
    struct text_token token;
    if (!length_read(&at, &length, fault))
        return false;
    if (length > octets_room(writer))
        return fault_set(fault, FAULT_LIMIT, "%u octets after \\# have no room", (unsigned)length);
    while (text_token_next(&at, &token))
        if (!hex_word_write(&token, writer, fault))
            return false;
    size_t written = octets_written(writer) - before;
    if (written != length)
        return fault_set(fault, FAULT_SYNTAX, "\\# says %u octets, but %zu follow",
                         (unsigned)length, written);
    return true;
}

static bool
is_generic(const struct text_token *token)
{
    return !token->quoted && token->length == 2 && memcmp(token->text, "\\#", 2) == 0;
}

static bool
text_parse(uint16_t type, const char *text, const uint8_t *origin, struct octets_writer *writer,
           struct fault *fault)
{
    const struct rdata_shape *shape = rdata_shape_of(type);
    const char *at = text;
    struct text_token token;
    if (text_token_next(&at, &token) && is_generic(&token))
        return generic_parse(at, writer, fault);
    if (shape && rdata_parse_knows(shape))
        return rdata_parse(shape, text, origin, writer, fault);
    if (rdata_ldns_knows(type))
        return rdata_ldns_parse(type, text, origin, writer, fault);
    return fault_set(fault, FAULT_SYNTAX,
                     "this type has no text form of its own: expected \\# LENGTH HEXADECIMAL");
}

bool
rdata_from_text(uint16_t type, const char *text, const uint8_t *origin,
                struct octets_writer *writer, struct fault *fault)
{
    char type_text[RRTYPE_TEXT_MAX];
    uint8_t *start = writer->at;
    ENSURE(!writer->failed);
    rrtype_text(type, type_text);
    if (!text_parse(type, text, origin, writer, fault)) {
        writer->at = start;
        return fault_wrap(fault, "%s", type_text);
    }
    if (writer->failed) {
        writer->at = start;
        return fault_set(fault, FAULT_LIMIT, "%s: RDATA is longer than there is room for",
                         type_text);
    }
    if (!rdata_canonicalise(type, start, (size_t)(writer->at - start), fault)) {
        writer->at = start;
        return false;
    }
    return true;
}

static void
generic_print(const uint8_t *rdata, size_t length, struct octets_buffer *text)
{
    octets_buffer_printf(text, "\\# %zu", length);
    if (!length)
        return;
    octets_buffer_add_u8(text, ' ');
    uint8_t *place = octets_buffer_reserve(text, length * 2 + 1);
    sodium_bin2hex((char *)place, length * 2 + 1, rdata, length);
    text->length += length * 2;
}

// True when the text from `start` on reads back to the RDATA. Asked for the types whose text is a
// language of its own: ldns shows a LOC of another version, SVCB may break a rule that only text is
// held to.
static bool
reads_back(uint16_t type, const uint8_t *rdata, size_t length, struct octets_buffer *text,
           size_t start)
{
    struct octets_buffer again;
    struct octets_writer writer;
    octets_buffer_init(&again);
    octets_writer_init(&writer, octets_buffer_reserve(&again, length), length);
    octets_buffer_add_u8(text, '\0');
    bool same = text_parse(type, (const char *)text->data + start, NULL, &writer, NULL) &&
                !writer.failed && octets_written(&writer) == length &&
                memcmp(again.data, rdata, length) == 0;
    text->length--;
    octets_buffer_close(&again);
    return same;
}

static bool
text_print(uint16_t type, const uint8_t *rdata, size_t length, struct octets_buffer *text)
{
    const struct rdata_shape *shape = rdata_shape_of(type);
    size_t start = text->length;
    // RDATA without an octet has no words, and nothing would be no RDATA at all to a reader.
    if (!length)
        return false;
    if (shape && rdata_parse_knows(shape))
        return rdata_print(shape, rdata, length, text) &&
               (!strchr(shape->fields, SHAPE_SVCPARAMS) ||
                reads_back(type, rdata, length, text, start));
    return rdata_ldns_knows(type) && rdata_ldns_print(type, rdata, length, text) &&
           reads_back(type, rdata, length, text, start);
}

void
rdata_to_text(uint16_t type, const uint8_t *rdata, size_t length, struct octets_buffer *text)
{
    size_t start = text->length;
    if (text_print(type, rdata, length, text))
        return;
    text->length = start;
    generic_print(rdata, length, text);
}

void
rr_to_text(const uint8_t *owner, uint32_t ttl, uint16_t type, const uint8_t *rdata, size_t length,
           struct octets_buffer *text)
{
    char owner_text[NAME_TEXT_MAX], type_text[RRTYPE_TEXT_MAX];
    octets_buffer_printf(text, "%s %u IN %s ", name_to_text(owner, owner_text), ttl,
                         rrtype_text(type, type_text));
    rdata_to_text(type, rdata, length, text);
}
