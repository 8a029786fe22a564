// needs: dns
// Two octets of type, then RDATA: what rdata_read accepts is canonical (a second pass changes
// nothing), can be shown, and its text reads back to the same octets. Then the same octets as text.
#include <string.h>

#include "common/base/fault.h"
#include "common/dns/rdata.h"
#include "common/dns/rdata_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t first[RDATA_SIZE_MAX + 256], second[RDATA_SIZE_MAX + 256];

static void
text_round_trip(uint16_t type, size_t length)
{
    struct octets_buffer text;
    struct octets_writer writer;
    octets_buffer_init(&text);
    rdata_to_text(type, first, length, &text);
    octets_buffer_add_u8(&text, 0);
    octets_writer_init(&writer, second, sizeof second);
    ENSURE(rdata_from_text(type, (const char *)text.data, NULL, &writer, NULL));
    ENSURE(octets_written(&writer) == length && memcmp(first, second, length) == 0);
    octets_buffer_close(&text);
}

static void
wire(uint16_t type, const uint8_t *data, size_t size)
{
    struct octets_reader reader;
    struct octets_writer writer;
    octets_reader_init(&reader, data, size);
    octets_seek(&reader, 2);
    octets_writer_init(&writer, first, sizeof first);
    if (!rdata_read(&reader, type, (uint16_t)(size - 2), &writer, NULL))
        return;
    size_t length = octets_written(&writer);
    memcpy(second, first, length);
    ENSURE(rdata_canonicalise(type, second, length, NULL));
    ENSURE(rdata_compare(first, length, second, length) == 0);
    rdata_target(type, first, length);
    text_round_trip(type, length);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t origin[] = "\7example\3gov";
    char text[4096];
    if (size < 2 || size >= sizeof text)
        return 0;
    uint16_t type = octets_get_u16(data);
    wire(type, data, size);
    memcpy(text, data + 2, size - 2);
    text[size - 2] = '\0';
    struct octets_writer writer;
    struct fault fault = {0};
    octets_writer_init(&writer, first, sizeof first);
    if (rdata_from_text(type, text, origin, &writer, &fault))
        text_round_trip(type, octets_written(&writer));
    else
        ENSURE(fault.kind != FAULT_NONE && fault.text[0]);
    return 0;
}
