// zoneprint [-x] APEX FILE: reads a master file as the primary does, prints its errors and warnings
// to stderr and its records in canonical order to stdout. Exit 1 when it has errors. The interop
// tests compare the output with that of other readers. -x: "OWNER TTL TYPE-NUMBER
// HEXADECIMAL-RDATA" instead, what stands in memory octet by octet.
#include <stdio.h>
#include <string.h>

#include "common/zone/zonefile_read.h"
#include "common/zone/zonefile_write.h"

static void
node_print_hex(const struct node *node)
{
    char owner[NAME_TEXT_MAX];
    name_to_text(node_owner(node), owner);
    for (unsigned i = 0; i < node_rrset_count(node); i++) {
        struct rrset rrset;
        struct rr rr;
        uint32_t position = 0;
        node_rrset_at(node, i, &rrset);
        while (rrset_next(rrset.wire, rrset.wire_length, &position, &rr)) {
            printf("%s %u %u ", owner, rr.ttl, rr.type);
            for (unsigned k = 0; k < rr.rdlength; k++)
                printf("%02x", rr.rdata[k]);
            printf("\n");
        }
    }
}

static void
node_print(const struct node *node, bool apex)
{
    struct octets_buffer text;
    octets_buffer_init(&text);
    zonefile_write_node(node, apex, true, &text);
    if (text.length > 0) // an empty non-terminal has no text
        fwrite(text.data, 1, text.length, stdout);
    octets_buffer_close(&text);
}

static bool
zone_print(const char *path, struct draft *draft, bool hexadecimal)
{
    struct vector errors;
    struct draft_findings findings;
    struct fault fault;
    char line[8192];
    bool good = zonefile_read(path, draft, NULL, &errors);
    for (size_t i = 0; i < errors.count; i++) {
        zonefile_error_text(vector_at(&errors, i), line, sizeof line);
        fprintf(stderr, "%s\n", line);
    }
    zonefile_errors_close(&errors);
    if (!draft_seal(draft, &findings, &fault))
        return fprintf(stderr, "%s\n", fault.text) < 0;
    for (size_t i = 0; i < draft_node_count(draft); i++)
        if (hexadecimal)
            node_print_hex(draft_node_at(draft, i));
        else
            node_print(draft_node_at(draft, i), i == 0);
    return good;
}

int
main(int count, char **arguments)
{
    uint8_t apex[NAME_SIZE_MAX];
    bool hexadecimal = count == 4 && strcmp(arguments[1], "-x") == 0;
    if ((count != 3 && !hexadecimal) || !name_from_text(arguments[count - 2], NULL, apex, NULL)) {
        fprintf(stderr, "usage: zoneprint [-x] APEX. FILE\n");
        return 2;
    }
    struct draft *draft = draft_new(apex);
    bool good = zone_print(arguments[count - 1], draft, hexadecimal);
    draft_free(&draft);
    return good ? 0 : 1;
}
