// needs: net
// The first octet says how large the pieces are in which the rest arrives, the second how many
// messages are taken after each of them. However it is cut, the same messages come out, and
// together with what is left over they are the octets that went in. Each piece lies in memory of
// its own that is gone before the next one comes.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/fault.h"
#include "common/net/tcp_frames.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length);

// Gives where the message behind begins.
static size_t
message_check(const struct octets *message, const uint8_t *octets, size_t at, size_t arrived)
{
    ENSURE(message->length == octets_get_u16(octets + at));
    ENSURE(at + 2 + message->length <= arrived);
    ENSURE(memcmp(message->data, octets + at + 2, message->length) == 0);
    return at + 2 + message->length;
}

int
LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
    struct tcp_frames frames;
    struct octets message;
    if (length < 2)
        return 0;
    size_t piece = (size_t)octets[0] + 1;
    unsigned limit = octets[1] % 4 == 0 ? UINT32_MAX : octets[1] % 4;
    size_t expected = 2; // where the next message begins
    tcp_frames_init(&frames);
    for (size_t at = 2; at < length;) {
        size_t part = length - at < piece ? length - at : piece;
        uint8_t *memory = malloc(part);
        memcpy(memory, octets + at, part);
        at += part;
        tcp_frames_take(&frames, memory, part);
        for (unsigned i = 0; i < limit && tcp_frames_next(&frames, &message); i++)
            expected = message_check(&message, octets, expected, at);
        bool more = tcp_frames_has_next(&frames);
        tcp_frames_keep(&frames);
        ENSURE(tcp_frames_has_next(&frames) == more);
        free(memory);
    }
    while (tcp_frames_next(&frames, &message))
        expected = message_check(&message, octets, expected, length);
    ENSURE(tcp_frames_is_empty(&frames) == (expected == length));
    tcp_frames_keep(&frames);
    ENSURE((frames.kept.data == NULL) == (expected == length));
    tcp_frames_close(&frames);
    return 0;
}
