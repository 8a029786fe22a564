// needs: transfer
// A transfer fed with whatever comes: octet 0 chooses AXFR or IXFR, then messages behind their two
// octets of length, as on a TCP connection. What passes must read back from the stream.
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

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t apex[] = "\7example\3gov";
    struct octets_reader reader;
    struct rr_stream_writer stream;
    octets_reader_init(&reader, data, size);
    struct xfr_in_options options = {.apex = apex,
                                     .primary = "p",
                                     .id = 0x4242,
                                     .ixfr = octets_read_u8(&reader) & 1,
                                     .serial = 7,
                                     .delta_records_max = 100};
    struct xfr_in *transfer = memory_alloc(sizeof(*transfer));
    enum xfr_in_step step = XFR_IN_MORE;
    struct fault fault = {0};
    rr_stream_writer_init(&stream, apex, -1);
    xfr_in_init(transfer, &options, &stream, 0);
    while (step == XFR_IN_MORE && octets_left(&reader) > 2) {
        size_t length = octets_read_u16(&reader);
        if (length > octets_left(&reader))
            length = octets_left(&reader);
        step = xfr_in_feed(transfer, octets_read_view(&reader, length), length, 0, &fault);
    }
    if (step == XFR_IN_DONE)
        stream_check(&stream, transfer->form != XFR_IN_WHOLE);
    ENSURE(step != XFR_IN_FAILED || (fault.kind && transfer->reason));
    xfr_in_close(transfer);
    rr_stream_writer_close(&stream);
    free(transfer);
    return 0;
}
