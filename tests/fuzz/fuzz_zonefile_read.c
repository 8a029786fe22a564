// needs: zone
// Any octets as a master file: no crash, no endless loop; what is read seals, is checked and
// printed.
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/zone/check.h"
#include "common/zone/zonefile_read.h"
#include "common/zone/zonefile_write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t apex[] = "\7example\3gov";
    struct draft *draft = draft_new(apex);
    struct vector errors, findings;
    struct draft_findings sealing;
    struct octets_buffer text;
    struct check_options options = {.alias_allowed = true};
    struct zonefile_options reading = {.generate_max = 1000};
    octets_buffer_init(&text);
    bool good =
        zonefile_read_memory("fuzz", (const char *)data, size, NULL, draft, &reading, &errors);
    ENSURE(good || errors.count > 0);
    if (draft_seal(draft, &sealing, NULL)) {
        check_draft(draft, &options, &findings);
        vector_close(&findings);
        for (size_t i = 0; i < draft_node_count(draft); i++)
            zonefile_write_node(draft_node_at(draft, i), i == 0, true, &text);
    }
    octets_buffer_close(&text);
    zonefile_errors_close(&errors);
    draft_free(&draft);
    return 0;
}
