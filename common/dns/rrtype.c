#include "common/dns/rrtype.h"

#include "common/base/fault.h"

#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct mnemonic {
    const char *text;
    uint16_t type;
};

// IANA's mnemonics, sorted by strcasecmp for bsearch. ANAME is a second word for ALIAS: rows with
// the same type are written back by the first word of by_number.
static const struct mnemonic by_text[] = {
    {"A", 1},          {"A6", 38},       {"AAAA", 28},       {"AFSDB", 18},   {"ALIAS", 65401},
    {"AMTRELAY", 260}, {"ANAME", 65401}, {"ANY", 255},       {"APL", 42},     {"ATMA", 34},
    {"AVC", 258},      {"AXFR", 252},    {"CAA", 257},       {"CDNSKEY", 60}, {"CDS", 59},
    {"CERT", 37},      {"CNAME", 5},     {"CSYNC", 62},      {"DHCID", 49},   {"DLV", 32769},
    {"DNAME", 39},     {"DNSKEY", 48},   {"DOA", 259},       {"DS", 43},      {"EID", 31},
    {"EUI48", 108},    {"EUI64", 109},   {"GID", 102},       {"GPOS", 27},    {"HINFO", 13},
    {"HIP", 55},       {"HTTPS", 65},    {"IPSECKEY", 45},   {"ISDN", 20},    {"IXFR", 251},
    {"KEY", 25},       {"KX", 36},       {"L32", 105},       {"L64", 106},    {"LOC", 29},
    {"LP", 107},       {"MAILA", 254},   {"MAILB", 253},     {"MB", 7},       {"MD", 3},
    {"MF", 4},         {"MG", 8},        {"MINFO", 14},      {"MR", 9},       {"MX", 15},
    {"NAPTR", 35},     {"NID", 104},     {"NIMLOC", 32},     {"NINFO", 56},   {"NS", 2},
    {"NSAP", 22},      {"NSAP-PTR", 23}, {"NSEC", 47},       {"NSEC3", 50},   {"NSEC3PARAM", 51},
    {"NULL", 10},      {"NXT", 30},      {"OPENPGPKEY", 61}, {"OPT", 41},     {"PTR", 12},
    {"PX", 26},        {"RKEY", 57},     {"RP", 17},         {"RRSIG", 46},   {"RT", 21},
    {"SIG", 24},       {"SINK", 40},     {"SMIMEA", 53},     {"SOA", 6},      {"SPF", 99},
    {"SRV", 33},       {"SSHFP", 44},    {"SVCB", 64},       {"TA", 32768},   {"TALINK", 58},
    {"TKEY", 249},     {"TLSA", 52},     {"TSIG", 250},      {"TXT", 16},     {"UID", 101},
    {"UINFO", 100},    {"UNSPEC", 103},  {"URI", 256},       {"WKS", 11},     {"X25", 19},
    {"ZONEMD", 63},
};

static const char *const by_number[] = {
    [1] = "A",         [2] = "NS",      [3] = "MD",          [4] = "MF",
    [5] = "CNAME",     [6] = "SOA",     [7] = "MB",          [8] = "MG",
    [9] = "MR",        [10] = "NULL",   [11] = "WKS",        [12] = "PTR",
    [13] = "HINFO",    [14] = "MINFO",  [15] = "MX",         [16] = "TXT",
    [17] = "RP",       [18] = "AFSDB",  [19] = "X25",        [20] = "ISDN",
    [21] = "RT",       [22] = "NSAP",   [23] = "NSAP-PTR",   [24] = "SIG",
    [25] = "KEY",      [26] = "PX",     [27] = "GPOS",       [28] = "AAAA",
    [29] = "LOC",      [30] = "NXT",    [31] = "EID",        [32] = "NIMLOC",
    [33] = "SRV",      [34] = "ATMA",   [35] = "NAPTR",      [36] = "KX",
    [37] = "CERT",     [38] = "A6",     [39] = "DNAME",      [40] = "SINK",
    [41] = "OPT",      [42] = "APL",    [43] = "DS",         [44] = "SSHFP",
    [45] = "IPSECKEY", [46] = "RRSIG",  [47] = "NSEC",       [48] = "DNSKEY",
    [49] = "DHCID",    [50] = "NSEC3",  [51] = "NSEC3PARAM", [52] = "TLSA",
    [53] = "SMIMEA",   [55] = "HIP",    [56] = "NINFO",      [57] = "RKEY",
    [58] = "TALINK",   [59] = "CDS",    [60] = "CDNSKEY",    [61] = "OPENPGPKEY",
    [62] = "CSYNC",    [63] = "ZONEMD", [64] = "SVCB",       [65] = "HTTPS",
    [99] = "SPF",      [100] = "UINFO", [101] = "UID",       [102] = "GID",
    [103] = "UNSPEC",  [104] = "NID",   [105] = "L32",       [106] = "L64",
    [107] = "LP",      [108] = "EUI48", [109] = "EUI64",     [249] = "TKEY",
    [250] = "TSIG",    [251] = "IXFR",  [252] = "AXFR",      [253] = "MAILB",
    [254] = "MAILA",   [255] = "ANY",   [256] = "URI",       [257] = "CAA",
    [258] = "AVC",     [259] = "DOA",   [260] = "AMTRELAY",
};

static const char *
mnemonic_of(uint16_t type)
{
    if (type < sizeof by_number / sizeof by_number[0])
        return by_number[type];
    switch (type) {
    case 32768:
        return "TA";
    case 32769:
        return "DLV";
    case RRTYPE_ALIAS:
        return "ALIAS";
    default:
        return NULL;
    }
}

const char *
rrtype_text(uint16_t type, char text[static RRTYPE_TEXT_MAX])
{
    const char *mnemonic = mnemonic_of(type);
    if (mnemonic) // no snprintf: some ask for each RRset of a zone
        memcpy(text, mnemonic, strlen(mnemonic) + 1);
    else
        snprintf(text, RRTYPE_TEXT_MAX, "TYPE%u", type);
    return text;
}

static int
mnemonic_order(const void *text, const void *row)
{
    return strcasecmp(text, ((const struct mnemonic *)row)->text);
}

// "TYPE" and one to five digits.
static bool
number_from_text(const char *text, uint16_t *ret_type)
{
    if (strncasecmp(text, "TYPE", 4) != 0)
        return false;
    const char *digits = text + 4;
    size_t length = strspn(digits, "0123456789");
    if (length < 1 || length > 5 || digits[length])
        return false;
    unsigned long value = strtoul(digits, NULL, 10);
    if (value > UINT16_MAX)
        return false;
    *ret_type = (uint16_t)value;
    return true;
}

bool
rrtype_from_text(const char *text, uint16_t *ret_type)
{
    const struct mnemonic *row = bsearch(text, by_text, sizeof by_text / sizeof by_text[0],
                                         sizeof by_text[0], mnemonic_order);
    if (!row)
        return number_from_text(text, ret_type);
    *ret_type = row->type;
    return true;
}

bool
rrtype_is_meta(uint16_t type)
{
    return type == 0 || type == RRTYPE_OPT || (type >= 128 && type <= 255);
}

bool
rrtype_is_dnssec(uint16_t type)
{
    switch (type) {
    case RRTYPE_RRSIG:
    case RRTYPE_NSEC:
    case RRTYPE_NSEC3:
    case RRTYPE_NSEC3PARAM:
    case RRTYPE_DNSKEY:
    case RRTYPE_CDS:
    case RRTYPE_CDNSKEY:
    case RRTYPE_ZONEMD:
        return true;
    default:
        return false;
    }
}

bool
rrtype_beside_cname(uint16_t type)
{
    switch (type) {
    case RRTYPE_RRSIG:
    case RRTYPE_NSEC:
    case RRTYPE_KEY:
    case RRTYPE_NXT:
    case RRTYPE_CNAME:
        return true;
    default:
        return false;
    }
}

unsigned
rrtype_bitmap_write(const uint16_t *types, unsigned count, uint8_t *ret_bitmap, unsigned room)
{
    unsigned written = 0;
    for (unsigned i = 0; i < count;) {
        unsigned window = types[i] >> 8;
        uint8_t bits[32] = {0};
        unsigned used = 0;
        for (; i < count && types[i] >> 8 == (int)window; i++) {
            ENSURE(i == 0 || types[i - 1] < types[i]);
            bits[(types[i] & 0xff) / 8] |= (uint8_t)(0x80 >> (types[i] & 7));
            used = (types[i] & 0xffU) / 8 + 1;
        }
        ENSURE(room - written >= used + 2);
        ret_bitmap[written] = (uint8_t)window;
        ret_bitmap[written + 1] = (uint8_t)used;
        memcpy(ret_bitmap + written + 2, bits, used);
        written += used + 2;
    }
    return written;
}

bool
rrtype_bitmap_has(const uint8_t *bitmap, unsigned length, uint16_t type)
{
    while (length >= 2 && length - 2 >= bitmap[1]) {
        unsigned used = bitmap[1];
        if (bitmap[0] == type >> 8) {
            unsigned octet = (type & 0xffU) / 8;
            return octet < used && bitmap[2 + octet] & 0x80 >> (type & 7);
        }
        bitmap += used + 2;
        length -= used + 2;
    }
    return false;
}
