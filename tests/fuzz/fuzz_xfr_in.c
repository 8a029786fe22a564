// needs: transfer
// A transfer fed with whatever comes: octet 0 chooses AXFR or IXFR, then messages behind their two
// octets of length, as on a TCP connection. What passes must read back from the stream. With its
// second bit the transfer is marked, and is the same when it comes again.
#include "common/transfer/xfr_in.h"

#include "common/base/arena.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
stream_check(const struct rr_stream_writer *stream, bool delta)
{
    struct rr_stream_reader *reader = memory_alloc(sizeof(*reader));
    struct rr_stream_rr rr;
    uint64_t count = 0;
    ENSURE(rr_stream_reader_init(reader, stream->buffer.data, stream->buffer.length, NULL));
    while (rr_stream_next(reader, &rr, NULL) == RR_STREAM_RR)
        count++;
    ENSURE(reader->ended && count == stream->count && reader->is_delta == delta);
    free(reader);
}

// One transfer of all that is there. Gives what it would be known by again, where it was whole; to
// be dropped.
static struct xfr_marks *
transfer_run(const uint8_t *data, size_t size, struct xfr_in_options *options,
             enum xfr_in_step *ret_step)
{
    struct octets_reader reader;
    struct rr_stream_writer stream;
    struct xfr_in *transfer = memory_alloc(sizeof(*transfer));
    struct fault fault = {0};
    struct xfr_marks *marks = NULL;
    octets_reader_init(&reader, data, size);
    rr_stream_writer_init(&stream, options->apex, -1);
    xfr_in_init(transfer, options, &stream, 0);
    *ret_step = XFR_IN_MORE;
    while (*ret_step == XFR_IN_MORE && octets_left(&reader) > 2) {
        size_t length = octets_read_u16(&reader);
        if (length > octets_left(&reader))
            length = octets_left(&reader);
        *ret_step = xfr_in_feed(transfer, octets_read_view(&reader, length), length, 0, &fault);
    }
    if (*ret_step == XFR_IN_DONE)
        stream_check(&stream, transfer->form != XFR_IN_WHOLE);
    if (*ret_step == XFR_IN_DONE && transfer->marks)
        marks = xfr_marks_hold(transfer->marks);
    ENSURE(*ret_step != XFR_IN_FAILED || (fault.kind && transfer->reason));
    xfr_in_close(transfer);
    rr_stream_writer_close(&stream);
    free(transfer);
    return marks;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t apex[] = "\7example\3gov";
    enum xfr_in_step step;
    unsigned first = size ? data[0] : 0;
    struct xfr_in_options options = {.apex = apex,
                                     .primary = "p",
                                     .id = 0x4242,
                                     .ixfr = first & 1,
                                     .serial = 7,
                                     .delta_records_max = 100,
                                     .wants_marks = first & 2};
    struct xfr_marks *marks = transfer_run(data + !!size, size - !!size, &options, &step);
    if (marks) {
        options.known = marks;
        struct xfr_marks *none = transfer_run(data + !!size, size - !!size, &options, &step);
        ENSURE(step == XFR_IN_SAME && !none);
        xfr_marks_drop(&marks);
    }
    return 0;
}
