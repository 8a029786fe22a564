// What the RDATA of each known RR type consists of, as a table: one letter and one operator's word for each
// field. rdata reads and checks wire format by it, rdata_text the presentation format. Frozen data.
#ifndef TANDEM_DNS_RDATA_SHAPE_H
#define TANDEM_DNS_RDATA_SHAPE_H

#include <stddef.h>
#include <stdint.h>

// Fields of a fixed size.
#define SHAPE_U8     '1'
#define SHAPE_U16    '2'
#define SHAPE_U32    '4'
#define SHAPE_PERIOD 't' // u32 of seconds, in text also "1h"
#define SHAPE_TIME   'm' // u32, in text also YYYYMMDDHHmmSS (RFC 4034 section 3.2)
#define SHAPE_TYPE   'y' // u16, in text the mnemonic of an RR type
#define SHAPE_ALGO   'l' // u8, in text also the mnemonic of a DNSSEC algorithm
#define SHAPE_CERT   'c' // u16, in text also the mnemonic of RFC 4398 section 2.1
#define SHAPE_EUI48  '6'
#define SHAPE_64BIT  '8'
#define SHAPE_IPV4   'a'
#define SHAPE_IPV6   'A'
// Domain names. RFC 3597 section 4 says which may be compressed on the way in, RFC 4034 section 6.2 with
// RFC 6840 section 5.1 which are lower-cased in canonical form.
#define SHAPE_NAME_OLD   'C' // may come compressed, lower-cased
#define SHAPE_NAME_LOWER 'L' // never compressed, lower-cased
#define SHAPE_NAME_KEPT  'N' // never compressed, letter case kept
// Character strings (RFC 1035 section 3.3).
#define SHAPE_STRING          's'
#define SHAPE_STRING_OPTIONAL 'z' // may be absent at the end
#define SHAPE_STRINGS         'S' // one or more, to the end
#define SHAPE_TAG             'g' // a string of 1 to 255 letters and digits (RFC 8659 section 4.1)
#define SHAPE_LONG_STRING     'v' // all the rest, in text one string
// Octets to the end.
#define SHAPE_REST        '*' // without a text form
#define SHAPE_HEX         '+' // at least one
#define SHAPE_BASE64      'q' // at least one
#define SHAPE_BASE64_NONE 'Q' // may be none
// With an inner structure.
#define SHAPE_BITMAP       'B' // RFC 4034 section 4.1.2
#define SHAPE_BITMAP_EMPTY 'b' // the same, may be empty
#define SHAPE_SALT         'h' // RFC 5155 section 3.2, may be empty
#define SHAPE_HASH         'o' // RFC 5155 section 3.2, at least one octet
#define SHAPE_DS_DIGEST    'd' // as long as the digest type before it says
#define SHAPE_ZONEMD       'D' // as long as the hash algorithm before it says (RFC 8976 section 2.2.4)
#define SHAPE_SVCPARAMS    'T' // RFC 9460 section 2.2
#define SHAPE_APL          'P' // RFC 3123 section 4
#define SHAPE_GATEWAY      'G' // RFC 4025 section 2.5: the gateway by the type two octets before it
#define SHAPE_RELAY        'R' // RFC 8777 section 4.2.4: the relay by the type octet before it
#define SHAPE_HIP          'H' // RFC 8005 section 5: the whole RDATA
#define SHAPE_A6           'X' // RFC 2874 section 3.1: the whole RDATA
#define SHAPE_LOC          'O' // RFC 1876 section 2: the whole RDATA

struct rdata_shape {
    const char *fields; // letters as above
    const char *words;  // what the operator calls each field, with commas between
};

#define SHAPE_WORD_MAX 32

// NULL: the type is opaque (RFC 3597).
const struct rdata_shape *rdata_shape_of(uint16_t type);
// The word of a field. Gives word.
const char *rdata_shape_word(const struct rdata_shape *shape, size_t field,
                             char word[static SHAPE_WORD_MAX]);

#endif
