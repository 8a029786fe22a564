// One tag octet for each RR says whether the owner is the one before: transfers come owner by
// owner, so most RRs cost no name at all, and a name is no longer than in the message.
//
// The digest is taken of the gathered octets as they leave the buffer, in long pieces; a SOA cuts a
// piece, for its serial goes in as zeros.
#include "common/transfer/rr_stream.h"

#include "common/base/descriptor.h"
#include "common/base/hash.h"
#include "common/dns/rrtype.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define STREAM_MAGIC  UINT64_C(0x54444D5252530D0A) // "TDMRRS\r\n"
#define STREAM_FORMAT 2
#define STREAM_HEAD   10                                  // magic and format
#define STREAM_TAIL   (9 + HASH_DIGEST_SIZE + STREAM_CRC) // end tag, count, digest, CRC
#define STREAM_CRC    4
#define RR_FIXED      8  // type, TTL, RDLENGTH
#define SOA_NUMBERS   20 // the serial and four more at the end of a SOA's RDATA
#define STREAM_SEALS  (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

enum stream_tag {
    TAG_SAME = 0,
    TAG_OWNER = 1,
    TAG_END = 2,
    TAG_DELTA = 3,
    TAG_REMOVED = 4,
    TAG_ADDED = 5
};

void
rr_stream_writer_init(struct rr_stream_writer *writer, const uint8_t *apex, int fd)
{
    memset(writer, 0, sizeof(*writer));
    octets_buffer_init(&writer->buffer);
    writer->fd = fd;
    octets_buffer_add_u64(&writer->buffer, STREAM_MAGIC);
    octets_buffer_add_u16(&writer->buffer, STREAM_FORMAT);
    octets_buffer_add(&writer->buffer, apex, name_length(apex));
    hash_digest_init(&writer->digest);
    writer->digested = STREAM_HEAD;
}

void
rr_stream_writer_close(struct rr_stream_writer *writer)
{
    octets_buffer_close(&writer->buffer);
}

static void
digest_up_to(struct rr_stream_writer *writer, size_t position)
{
    hash_digest_add(&writer->digest, writer->buffer.data + writer->digested,
                    position - writer->digested);
    writer->digested = position;
}

// The RDATA of a SOA are the last octets of the buffer.
static void
digest_soa(struct rr_stream_writer *writer)
{
    static const uint8_t zeros[4];
    digest_up_to(writer, writer->buffer.length - SOA_NUMBERS);
    hash_digest_add(&writer->digest, zeros, sizeof zeros);
    writer->digested += sizeof zeros;
}

// Moves the buffer into the file. After a failure nothing more is written; the end says so.
static void
flush(struct rr_stream_writer *writer)
{
    const struct octets_buffer *buffer = &writer->buffer;
    writer->crc = hash_crc32c(writer->crc, buffer->data, buffer->length);
    if (!writer->error && !descriptor_write(writer->fd, buffer->data, buffer->length))
        writer->error = errno;
    writer->written += writer->buffer.length;
    writer->buffer.length = writer->digested = 0;
}

// Puts tag and owner, where it is another one; gives the place behind.
static uint8_t *
put_owner(struct rr_stream_writer *writer, uint8_t *at, const uint8_t *owner)
{
    size_t length = name_length(owner);
    bool same = length == writer->owner_length && memcmp(owner, writer->owner, length) == 0;
    if (!same) {
        name_copy_lower(at + 1, owner);
        same = length == writer->owner_length && memcmp(at + 1, writer->owner, length) == 0;
    }
    *at = same ? TAG_SAME : TAG_OWNER;
    if (same)
        return at + 1;
    memcpy(writer->owner, at + 1, length);
    writer->owner_length = (uint8_t)length;
    return at + 1 + length;
}

void
rr_stream_add(struct rr_stream_writer *writer, const uint8_t *owner, uint16_t type, uint32_t ttl,
              const uint8_t *rdata, uint16_t rdlength)
{
    size_t most = 1 + NAME_SIZE_MAX + RR_FIXED + (size_t)rdlength;
    uint8_t *start = octets_buffer_reserve(&writer->buffer, most);
    uint8_t *at = put_owner(writer, start, owner);
    octets_put_u16(at, type);
    octets_put_u32(at + 2, ttl);
    octets_put_u16(at + 6, rdlength);
    if (rdlength)
        memcpy(at + RR_FIXED, rdata, rdlength);
    writer->buffer.length += (size_t)(at - start) + RR_FIXED + rdlength;
    writer->count++;
    if (type == RRTYPE_SOA && rdlength >= SOA_NUMBERS)
        digest_soa(writer);
    if (writer->fd < 0 || writer->buffer.length < RR_STREAM_FLUSH)
        return;
    digest_up_to(writer, writer->buffer.length);
    flush(writer);
}

void
rr_stream_add_delta(struct rr_stream_writer *writer, uint32_t from_serial, uint32_t to_serial)
{
    ENSURE(writer->count == 0);
    octets_buffer_add_u8(&writer->buffer, TAG_DELTA);
    octets_buffer_add_u32(&writer->buffer, from_serial);
    octets_buffer_add_u32(&writer->buffer, to_serial);
}

void
rr_stream_add_mark(struct rr_stream_writer *writer, enum rr_stream_part part, uint32_t serial)
{
    ENSURE(part != RR_STREAM_CONTENT);
    octets_buffer_add_u8(&writer->buffer, part == RR_STREAM_REMOVED ? TAG_REMOVED : TAG_ADDED);
    octets_buffer_add_u32(&writer->buffer, serial);
}

bool
rr_stream_end(struct rr_stream_writer *writer, struct fault *fault)
{
    digest_up_to(writer, writer->buffer.length);
    hash_digest_end(&writer->digest, &writer->digest_ended);
    octets_buffer_add_u8(&writer->buffer, TAG_END);
    octets_buffer_add_u64(&writer->buffer, writer->count);
    octets_buffer_add(&writer->buffer, writer->digest_ended.octets, HASH_DIGEST_SIZE);
    uint32_t crc = hash_crc32c(writer->crc, writer->buffer.data, writer->buffer.length);
    octets_buffer_add_u32(&writer->buffer, crc);
    if (writer->fd < 0)
        return true;
    flush(writer);
    return !writer->error ||
           fault_set_errno(fault, writer->error, "the transferred zone cannot be kept in memory");
}

void
rr_stream_digest(const struct rr_stream_writer *writer, struct hash_digest *ret_digest)
{
    *ret_digest = writer->digest_ended;
}

uint64_t
rr_stream_size(const struct rr_stream_writer *writer)
{
    return writer->written + writer->buffer.length;
}

int
rr_stream_memfd(const char *name, struct fault *fault)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        fault_set_errno(fault, errno, "memfd %s cannot be made", name);
    return fd;
}

bool
rr_stream_seal(int fd, struct fault *fault)
{
    if (fcntl(fd, F_ADD_SEALS, STREAM_SEALS) == 0)
        return true;
    return fault_set_errno(fault, errno, "a memfd cannot be sealed");
}

static bool
corrupt(struct fault *fault, const char *what)
{
    return fault_set(fault, FAULT_CORRUPT, "a stream of records is corrupt: %s", what);
}

// Whether it is a delta stands in front of everything, so that a receiver knows before it reads a
// record.
static bool
read_kind(struct rr_stream_reader *reader, struct fault *fault)
{
    if (!octets_left(&reader->reader) || *reader->reader.at != TAG_DELTA)
        return true;
    octets_read_u8(&reader->reader);
    reader->is_delta = true;
    reader->from_serial = reader->serial = octets_read_u32(&reader->reader);
    reader->to_serial = octets_read_u32(&reader->reader);
    return !reader->reader.failed || corrupt(fault, "its serials are cut");
}

static bool
read_head(struct rr_stream_reader *reader, struct fault *fault)
{
    uint64_t magic = octets_read_u64(&reader->reader);
    uint16_t format = octets_read_u16(&reader->reader);
    uint8_t apex[NAME_SIZE_MAX];
    if (magic != STREAM_MAGIC || format != STREAM_FORMAT)
        return corrupt(fault, "its head is of another kind or format");
    if (!name_read_plain(&reader->reader, apex))
        return corrupt(fault, "the zone's name is not a name");
    name_copy_lower(reader->apex, apex);
    return read_kind(reader, fault);
}

bool
rr_stream_reader_init(struct rr_stream_reader *reader, const void *octets, size_t length,
                      struct fault *fault)
{
    memset(reader, 0, offsetof(struct rr_stream_reader, rdata));
    reader->map = NULL;
    reader->map_size = 0;
    if (length < STREAM_HEAD + 1 + STREAM_TAIL)
        return corrupt(fault, "it is too short");
    const uint8_t *crc = (const uint8_t *)octets + length - STREAM_CRC;
    if (hash_crc32c(0, octets, length - STREAM_CRC) != octets_get_u32(crc))
        return corrupt(fault, "its checksum does not fit");
    octets_reader_init(&reader->reader, octets, length - STREAM_CRC);
    return read_head(reader, fault);
}

static bool
check_memfd(int fd, uint64_t maximum, size_t *ret_size, struct fault *fault)
{
    struct stat status;
    int seals = fcntl(fd, F_GET_SEALS);
    if (seals < 0 || (seals & STREAM_SEALS) != STREAM_SEALS)
        return corrupt(fault, "its memfd is not sealed");
    if (fstat(fd, &status) != 0)
        return fault_set_errno(fault, errno, "a memfd cannot be examined");
    if (status.st_size <= 0 || (uint64_t)status.st_size > maximum)
        return fault_set(fault, FAULT_LIMIT,
                         "a stream of records has %jd octets; at most %" PRIu64 " may it have",
                         (intmax_t)status.st_size, maximum);
    *ret_size = (size_t)status.st_size;
    return true;
}

bool
rr_stream_peek_digest(int fd, struct hash_digest *ret_digest, struct fault *fault)
{
    size_t size;
    if (!check_memfd(fd, UINT64_MAX, &size, fault))
        return false;
    if (size < STREAM_HEAD + 1 + STREAM_TAIL)
        return corrupt(fault, "it is too short");
    off_t at = (off_t)(size - STREAM_CRC - HASH_DIGEST_SIZE);
    struct hash_digest digest;
    if (pread(fd, digest.octets, sizeof digest.octets, at) != sizeof digest.octets)
        return fault_set_errno(fault, errno, "a stream of records cannot be read");
    *ret_digest = digest;
    return true;
}

bool
rr_stream_reader_map(struct rr_stream_reader *reader, int fd, uint64_t maximum, struct fault *fault)
{
    size_t size;
    reader->map = NULL;
    if (!check_memfd(fd, maximum, &size, fault))
        return false;
    void *map = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED)
        return fault_set_errno(fault, errno, "a stream of %zu octets cannot be mapped", size);
    bool good = rr_stream_reader_init(reader, map, size, fault);
    reader->map = map;
    reader->map_size = size;
    if (!good)
        rr_stream_reader_close(reader);
    return good;
}

void
rr_stream_reader_close(struct rr_stream_reader *reader)
{
    if (reader->map)
        munmap(reader->map, reader->map_size);
    reader->map = NULL;
}

static enum rr_stream_step
bad_rr(const struct rr_stream_reader *reader, struct fault *fault, const char *what)
{
    corrupt(fault, what);
    fault_wrap(fault, "record %" PRIu64, reader->count + 1);
    return RR_STREAM_BAD;
}

static enum rr_stream_step
read_end(struct rr_stream_reader *reader, struct fault *fault)
{
    uint64_t count = octets_read_u64(&reader->reader);
    octets_read_view(&reader->reader, HASH_DIGEST_SIZE);
    if (reader->reader.failed || count != reader->count || octets_left(&reader->reader))
        return bad_rr(reader, fault, "it ends in the wrong place");
    if (reader->is_delta &&
        (reader->part != RR_STREAM_ADDED || reader->soa_due || reader->serial != reader->to_serial))
        return bad_rr(reader, fault, "it ends before the serial that it promised");
    reader->ended = true;
    return RR_STREAM_DONE;
}

static bool
is_after(uint32_t serial, uint32_t other)
{
    return (int32_t)(serial - other) > 0;
}

// The steps chain: each begins where the one before ended, ends later, and none goes past the end.
static bool
mark_fits(const struct rr_stream_reader *reader, enum rr_stream_part part, uint32_t serial)
{
    if (!reader->is_delta || reader->soa_due)
        return false;
    if (part == RR_STREAM_REMOVED)
        return reader->part != RR_STREAM_REMOVED && serial == reader->serial &&
               serial != reader->to_serial;
    return reader->part == RR_STREAM_REMOVED && is_after(serial, reader->serial) &&
           !is_after(serial, reader->to_serial);
}

// Marks stand alone: after one an RR must follow.
static bool
read_mark(struct rr_stream_reader *reader, unsigned tag)
{
    enum rr_stream_part part = tag == TAG_REMOVED ? RR_STREAM_REMOVED : RR_STREAM_ADDED;
    uint32_t serial = octets_read_u32(&reader->reader);
    if (reader->reader.failed || !mark_fits(reader, part, serial))
        return false;
    reader->part = part;
    reader->serial = serial;
    reader->soa_due = true;
    return true;
}

// A part of a delta begins with the SOA of its mark and has no other.
static bool
soa_fits(struct rr_stream_reader *reader, const struct rr_stream_rr *rr)
{
    struct rdata_soa soa;
    if (!reader->is_delta)
        return true;
    if (!reader->soa_due)
        return reader->part != RR_STREAM_CONTENT && rr->type != RRTYPE_SOA;
    reader->soa_due = false;
    return rr->type == RRTYPE_SOA && name_equal(rr->owner, reader->apex) &&
           rdata_soa_read(rr->rdata, rr->rdlength, &soa) && soa.serial == reader->serial;
}

// Owner names are read for each new owner only; a name with an upper-case letter is made lower
// case.
static bool
read_owner(struct rr_stream_reader *reader, unsigned tag)
{
    uint8_t name[NAME_SIZE_MAX];
    if (tag == TAG_SAME)
        return reader->count > 0;
    if (tag != TAG_OWNER || !name_read_plain(&reader->reader, name))
        return false;
    name_copy_lower(reader->owner, name);
    return name_is_at_or_below(reader->owner, reader->apex);
}

static enum rr_stream_step
read_rdata(struct rr_stream_reader *reader, struct rr_stream_rr *rr, struct fault *fault)
{
    const uint8_t *rdata = octets_read_view(&reader->reader, rr->rdlength);
    if (!rdata)
        return bad_rr(reader, fault, "it is cut");
    memcpy(reader->rdata, rdata, rr->rdlength);
    if (!rdata_canonicalise(rr->type, reader->rdata, rr->rdlength, fault)) {
        fault_wrap(fault, "record %" PRIu64 " of a stream", reader->count + 1);
        return RR_STREAM_BAD;
    }
    rr->rdata = reader->rdata;
    rr->part = reader->part;
    name_copy(rr->owner, reader->owner);
    if (!soa_fits(reader, rr))
        return bad_rr(reader, fault, "a delta whose parts do not begin with their SOA");
    reader->count++;
    return RR_STREAM_RR;
}

enum rr_stream_step
rr_stream_next(struct rr_stream_reader *reader, struct rr_stream_rr *ret_rr, struct fault *fault)
{
    if (reader->ended)
        return RR_STREAM_DONE;
    unsigned tag = octets_read_u8(&reader->reader);
    if (tag == TAG_REMOVED || tag == TAG_ADDED) {
        if (!read_mark(reader, tag))
            return bad_rr(reader, fault, "a delta whose serials do not chain");
        tag = octets_read_u8(&reader->reader);
    }
    if (tag == TAG_END && !reader->reader.failed)
        return read_end(reader, fault);
    if (reader->reader.failed || !read_owner(reader, tag))
        return bad_rr(reader, fault, "an owner is not a name of the zone");
    ret_rr->type = octets_read_u16(&reader->reader);
    ret_rr->ttl = octets_read_u32(&reader->reader);
    ret_rr->rdlength = octets_read_u16(&reader->reader);
    if (reader->reader.failed || rrtype_is_meta(ret_rr->type))
        return bad_rr(reader, fault, "a type that no zone holds");
    return read_rdata(reader, ret_rr, fault);
}

// --- Views

// Octets of the name in front of what is left, or 0 where there is none.
static size_t
view_name_length(const struct octets_reader *reader)
{
    size_t left = octets_left(reader), most = left < NAME_SIZE_MAX ? left : NAME_SIZE_MAX;
    size_t length = 0;
    while (length < most && reader->at[length] && reader->at[length] <= NAME_LABEL_MAX)
        length += reader->at[length] + 1U;
    return length < most && reader->at[length] == 0 ? length + 1 : 0;
}

enum rr_stream_step
rr_stream_next_view(struct rr_stream_reader *reader, struct rr_stream_view *ret_view,
                    struct fault *fault)
{
    struct octets_reader *in = &reader->reader;
    if (reader->ended)
        return RR_STREAM_DONE;
    unsigned tag = octets_read_u8(in);
    if (tag == TAG_END && !in->failed)
        return read_end(reader, fault);
    ret_view->same_owner = tag == TAG_SAME && reader->count > 0;
    if (tag == TAG_OWNER) {
        ret_view->owner_length = (uint8_t)view_name_length(in);
        ret_view->owner = octets_read_view(in, ret_view->owner_length);
    }
    if (!ret_view->same_owner && (tag != TAG_OWNER || ret_view->owner_length == 0))
        return bad_rr(reader, fault, "an owner is not a name");
    const uint8_t *fixed = octets_read_view(in, RR_FIXED);
    if (!fixed)
        return bad_rr(reader, fault, "it is cut");
    ret_view->type = octets_get_u16(fixed);
    ret_view->ttl = octets_get_u32(fixed + 2);
    ret_view->rdlength = octets_get_u16(fixed + 6);
    ret_view->rdata = octets_read_view(in, ret_view->rdlength);
    if (!ret_view->rdata)
        return bad_rr(reader, fault, "it is cut");
    reader->count++;
    return RR_STREAM_RR;
}

bool
rr_stream_check_view(struct rr_stream_reader *reader, const struct rr_stream_view *view,
                     struct rr_stream_rr *ret_rr, struct fault *fault)
{
    name_copy_lower(ret_rr->owner, view->owner);
    if (!name_is_at_or_below(ret_rr->owner, reader->apex) || rrtype_is_meta(view->type))
        return corrupt(fault, "an owner or type that the zone does not hold");
    memcpy(reader->rdata, view->rdata, view->rdlength);
    ret_rr->type = view->type;
    ret_rr->ttl = view->ttl;
    ret_rr->rdlength = view->rdlength;
    ret_rr->rdata = reader->rdata;
    ret_rr->part = RR_STREAM_CONTENT;
    return rdata_canonicalise(view->type, reader->rdata, view->rdlength, fault);
}
