// zoneprint APEX FILE: reads a master file as the primary does, prints its errors and warnings to
// stderr and its records in canonical order to stdout. Exit 1 when it has errors. The interop tests
// compare the output with that of other readers.
#include <stdio.h>

#include "common/zone/zonefile_read.h"
#include "common/zone/zonefile_write.h"

static bool
zone_print(const char *path, struct draft *draft)
{
    struct vector errors;
    struct draft_findings findings;
    struct fault fault;
    struct octets_buffer text;
    char line[8192];
    bool good = zonefile_read(path, draft, NULL, &errors);
    for (size_t i = 0; i < errors.count; i++) {
        zonefile_error_text(vector_at(&errors, i), line, sizeof line);
        fprintf(stderr, "%s\n", line);
    }
    zonefile_errors_close(&errors);
    if (!draft_seal(draft, &findings, &fault))
        return fprintf(stderr, "%s\n", fault.text) < 0;
    octets_buffer_init(&text);
    for (size_t i = 0; i < draft_node_count(draft); i++) {
        text.length = 0;
        zonefile_write_node(draft_node_at(draft, i), i == 0, true, &text);
        fwrite(text.data, 1, text.length, stdout);
    }
    octets_buffer_close(&text);
    return good;
}

int
main(int count, char **arguments)
{
    uint8_t apex[NAME_SIZE_MAX];
    if (count != 3 || !name_from_text(arguments[1], NULL, apex, NULL)) {
        fprintf(stderr, "usage: zoneprint APEX. FILE\n");
        return 2;
    }
    struct draft *draft = draft_new(apex);
    bool good = zone_print(arguments[2], draft);
    draft_free(&draft);
    return good ? 0 : 1;
}
