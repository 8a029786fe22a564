// needs: net
// Rules that come in a message of another role: refused, or written again as they came.
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/net/acl.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length);

int
LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
    struct acl acl;
    struct acl again;
    struct octets_buffer buffer;
    struct octets_reader reader;
    struct address address = {.v4 = {.sin_family = AF_INET}};
    octets_reader_init(&reader, octets, length);
    acl_init(&acl);
    acl_init(&again);
    octets_buffer_init(&buffer);
    if (acl_read(&acl, &reader)) {
        acl_match(&acl, &address, (const uint8_t *)"\003xfr", ACL_TRANSFER);
        acl_write(&acl, &buffer);
        octets_reader_init(&reader, buffer.data, buffer.length);
        ENSURE(acl_read(&again, &reader) && octets_left(&reader) == 0);
        ENSURE(again.rules.count == acl.rules.count);
    }
    octets_buffer_close(&buffer);
    acl_close(&again);
    acl_close(&acl);
    return 0;
}
