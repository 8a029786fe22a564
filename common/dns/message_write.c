// Owner names are compressed against the suffixes written before, which are compared in the message
// itself: the table holds their positions only, so a message costs no memory of its own. Letter
// case is not looked at (RFC 1035 section 2.3.3): an answer's owner points at the question and so
// echoes its case.
#include "common/dns/message_write.h"

#include "common/base/fault.h"

#include <ctype.h>
#include <string.h>

#define POINTER_FLAG         0xc000U
#define POINTER_POSITION_MAX 0x3fffU // 14 bits

// What a failed write goes back to. A writer that had failed before stays so.
struct message_mark {
    uint8_t *at;
    unsigned suffix_count;
    bool failed;
};

static struct message_mark
message_mark(const struct message_writer *writer)
{
    return (struct message_mark){writer->out.at, writer->suffix_count, writer->out.failed};
}

static bool
message_undo(struct message_writer *writer, struct message_mark mark)
{
    writer->out.at = mark.at;
    writer->out.failed = mark.failed;
    writer->suffix_count = mark.suffix_count;
    return false;
}

void
message_writer_init(struct message_writer *writer, void *memory, size_t size, uint16_t id,
                    uint16_t flags)
{
    octets_writer_init(&writer->out, memory, size);
    writer->suffix_count = 0;
    octets_write_u16(&writer->out, id);
    octets_write_u16(&writer->out, flags);
    octets_write_u64(&writer->out, 0);
}

static bool
label_equal_any_case(const uint8_t *a, const uint8_t *b)
{
    if (*a != *b)
        return false;
    for (unsigned i = 1; i <= *a; i++)
        if (tolower(a[i]) != tolower(b[i]))
            return false;
    return true;
}

// True when the name at a position of the message (written by us, so its pointers lead backwards)
// is name.
static bool
written_equal(const uint8_t *message, size_t position, const uint8_t *name)
{
    const uint8_t *at = message + position;
    for (;;) {
        while (*at >= 0xc0)
            at = message + (octets_get_u16(at) & POINTER_POSITION_MAX);
        if (!label_equal_any_case(at, name))
            return false;
        if (!*name)
            return true;
        at += *at + 1;
        name += *name + 1;
    }
}

// Where the name was written before, or 0.
static unsigned
suffix_find(const struct message_writer *writer, const uint8_t *name)
{
    for (unsigned i = 0; i < writer->suffix_count; i++)
        if (written_equal(writer->out.start, writer->suffix_position[i], name))
            return writer->suffix_position[i];
    return 0;
}

static void
suffix_remember(struct message_writer *writer, size_t position)
{
    if (position <= POINTER_POSITION_MAX && writer->suffix_count < MESSAGE_COMPRESSION_MAX)
        writer->suffix_position[writer->suffix_count++] = (uint16_t)position;
}

static void
owner_write(struct message_writer *writer, const uint8_t *name)
{
    unsigned known = writer->suffix_count;
    for (; *name; name += *name + 1) {
        // What this very name has added is no suffix of it; it is not complete in the message yet.
        unsigned added = writer->suffix_count;
        writer->suffix_count = known;
        unsigned position = suffix_find(writer, name);
        writer->suffix_count = added;
        if (position) {
            octets_write_u16(&writer->out, (uint16_t)(POINTER_FLAG | position));
            return;
        }
        size_t start = octets_written(&writer->out);
        octets_write(&writer->out, name, *name + 1U);
        if (!writer->out.failed)
            suffix_remember(writer, start);
    }
    octets_write_u8(&writer->out, 0);
}

// Counts one more in a section; false when the count is full.
static bool
section_count(struct message_writer *writer, enum message_section section)
{
    size_t position = 4 + 2 * (size_t)section;
    uint16_t count = octets_get_u16(writer->out.start + position);
    if (count == UINT16_MAX)
        return false;
    octets_patch_u16(&writer->out, position, (uint16_t)(count + 1));
    return true;
}

bool
message_write_question(struct message_writer *writer, const uint8_t *name, uint16_t type,
                       uint16_t class)
{
    struct message_mark mark = message_mark(writer);
    owner_write(writer, name);
    octets_write_u16(&writer->out, type);
    octets_write_u16(&writer->out, class);
    if (writer->out.failed || !section_count(writer, MESSAGE_QUESTION))
        return message_undo(writer, mark);
    return true;
}

bool
message_write_rr(struct message_writer *writer, enum message_section section, const uint8_t *owner,
                 uint16_t type, uint16_t class, uint32_t ttl, const uint8_t *rdata,
                 uint16_t rdlength)
{
    ENSURE(section != MESSAGE_QUESTION);
    struct message_mark mark = message_mark(writer);
    owner_write(writer, owner);
    octets_write_u16(&writer->out, type);
    octets_write_u16(&writer->out, class);
    octets_write_u32(&writer->out, ttl);
    octets_write_u16(&writer->out, rdlength);
    octets_write(&writer->out, rdata, rdlength);
    if (writer->out.failed || !section_count(writer, section))
        return message_undo(writer, mark);
    return true;
}

void
message_set_flags(struct message_writer *writer, uint16_t flags)
{
    octets_patch_u16(&writer->out, 2, flags);
}

size_t
message_length(const struct message_writer *writer)
{
    return octets_written(&writer->out);
}
