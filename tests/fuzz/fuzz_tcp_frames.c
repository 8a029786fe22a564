// needs: net
// The first octet says how large the pieces are in which the rest arrives. However it is cut, the
// same messages come out, and together with what is left over they are the octets that went in.
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/base/fault.h"
#include "common/net/tcp_frames.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length);

int
LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
    struct tcp_frames frames;
    struct octets message;
    if (length == 0)
        return 0;
    size_t piece = (size_t)octets[0] + 1;
    size_t expected = 1; // where the next message begins
    tcp_frames_init(&frames);
    for (size_t at = 1; at < length;) {
        size_t size;
        uint8_t *room = tcp_frames_room(&frames, &size);
        size_t part = length - at < piece ? length - at : piece;
        memcpy(room, octets + at, part);
        tcp_frames_added(&frames, part);
        at += part;
        while (tcp_frames_next(&frames, &message)) {
            ENSURE(message.length == octets_get_u16(octets + expected));
            ENSURE(expected + 2 + message.length <= at);
            ENSURE(memcmp(message.data, octets + expected + 2, message.length) == 0);
            expected += 2 + message.length;
        }
    }
    ENSURE(tcp_frames_is_empty(&frames) == (expected == length));
    tcp_frames_close(&frames);
    return 0;
}
