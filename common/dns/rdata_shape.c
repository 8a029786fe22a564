#include "common/dns/rdata_shape.h"

#include "common/dns/rrtype.h"

#include <stdio.h>
#include <string.h>

// Types without a row here (NULL, EID, NIMLOC, ATMA, SINK, NSAP, OPT, UINFO, UID, GID, UNSPEC,
// TKEY, TSIG, and what IANA will assign) have no shape that we could check, or none that a zone has
// a use for.
static const struct rdata_shape shapes[] = {
    [RRTYPE_A] = {"a", "address"},
    [RRTYPE_NS] = {"C", "name server"},
    [3] = {"C", "mail destination"},
    [4] = {"C", "mail forwarder"},
    [RRTYPE_CNAME] = {"C", "target"},
    [RRTYPE_SOA] = {"CC4tttt", "primary server,mailbox,serial,refresh,retry,expire,minimum"},
    [7] = {"C", "mailbox host"},
    [8] = {"C", "mail group member"},
    [9] = {"C", "new mailbox"},
    [11] = {"a1*", "address,protocol,services"},
    [RRTYPE_PTR] = {"C", "target"},
    [RRTYPE_HINFO] = {"ss", "CPU,operating system"},
    [14] = {"CC", "responsible mailbox,error mailbox"},
    [RRTYPE_MX] = {"2C", "preference,exchange"},
    [RRTYPE_TXT] = {"S", "text"},
    [17] = {"CC", "mailbox,text owner"},
    [18] = {"2C", "subtype,host"},
    [19] = {"s", "PSDN address"},
    [20] = {"sz", "ISDN address,subaddress"},
    [21] = {"2C", "preference,intermediate host"},
    [23] = {"N", "owner"},
    [RRTYPE_SIG] = {"yl14mm2Cq", "type covered,algorithm,labels,original TTL,expiration,inception,"
                                 "key tag,signer,signature"},
    [RRTYPE_KEY] = {"21lQ", "flags,protocol,algorithm,key"},
    [26] = {"2CC", "preference,RFC 822 domain,X.400 domain"},
    [27] = {"sss", "longitude,latitude,altitude"},
    [RRTYPE_AAAA] = {"A", "address"},
    [29] = {"O", "location"},
    [RRTYPE_NXT] = {"C*", "next name,types"},
    [RRTYPE_SRV] = {"222C", "priority,weight,port,target"},
    [RRTYPE_NAPTR] = {"22sssC", "order,preference,flags,services,regular expression,replacement"},
    [36] = {"2L", "preference,exchanger"},
    [37] = {"c2lq", "certificate type,key tag,algorithm,certificate"},
    [38] = {"X", "address"},
    [RRTYPE_DNAME] = {"L", "target"},
    [42] = {"P", "address prefixes"},
    [RRTYPE_DS] = {"2l1d", "key tag,algorithm,digest type,digest"},
    [44] = {"11+", "algorithm,fingerprint type,fingerprint"},
    [45] = {"111GQ", "precedence,gateway type,algorithm,gateway,key"},
    [RRTYPE_RRSIG] = {"yl14mm2Lq",
                      "type covered,algorithm,labels,original TTL,expiration,inception,"
                      "key tag,signer,signature"},
    [RRTYPE_NSEC] = {"NB", "next name,types"},
    [RRTYPE_DNSKEY] = {"21lq", "flags,protocol,algorithm,key"},
    [49] = {"q", "identifier"},
    [RRTYPE_NSEC3] = {"112hob", "hash algorithm,flags,iterations,salt,next hashed owner,types"},
    [RRTYPE_NSEC3PARAM] = {"112h", "hash algorithm,flags,iterations,salt"},
    [RRTYPE_TLSA] = {"111+", "certificate usage,selector,matching type,certificate data"},
    [53] = {"111+", "certificate usage,selector,matching type,certificate data"},
    [55] = {"H", "host identity"},
    [56] = {"S", "text"},
    [57] = {"21lq", "flags,protocol,algorithm,key"},
    [58] = {"NN", "previous name,next name"},
    [RRTYPE_CDS] = {"2l1d", "key tag,algorithm,digest type,digest"},
    [RRTYPE_CDNSKEY] = {"21lq", "flags,protocol,algorithm,key"},
    [61] = {"q", "key"},
    [62] = {"42b", "serial,flags,types"},
    [RRTYPE_ZONEMD] = {"411D", "serial,scheme,hash algorithm,digest"},
    [RRTYPE_SVCB] = {"2NT", "priority,target,parameters"},
    [RRTYPE_HTTPS] = {"2NT", "priority,target,parameters"},
    [99] = {"S", "text"},
    [104] = {"28", "preference,node identifier"},
    [105] = {"2a", "preference,locator"},
    [106] = {"28", "preference,locator"},
    [107] = {"2N", "preference,locator name"},
    [108] = {"6", "address"},
    [109] = {"8", "address"},
    [256] = {"22v", "priority,weight,target"},
    [RRTYPE_CAA] = {"1gv", "flags,tag,value"},
    [258] = {"S", "text"},
    [259] = {"441sQ", "enterprise,type,location,media type,content"},
    [260] = {"11R", "precedence,relay type,relay"},
};
static const struct rdata_shape shape_ds = {"2l1d", "key tag,algorithm,digest type,digest"};
static const struct rdata_shape shape_alias = {"L", "target"};

const struct rdata_shape *
rdata_shape_of(uint16_t type)
{
    if (type < sizeof shapes / sizeof shapes[0])
        return shapes[type].fields ? &shapes[type] : NULL;
    switch (type) {
    case 32768: // TA
    case 32769: // DLV
        return &shape_ds;
    case RRTYPE_ALIAS:
        return &shape_alias;
    default:
        return NULL;
    }
}

const char *
rdata_shape_word(const struct rdata_shape *shape, size_t field, char word[static SHAPE_WORD_MAX])
{
    const char *at = shape->words;
    for (; field; field--) {
        const char *comma = strchr(at, ',');
        if (!comma)
            break;
        at = comma + 1;
    }
    snprintf(word, SHAPE_WORD_MAX, "%.*s", (int)strcspn(at, ","), at);
    return word;
}
