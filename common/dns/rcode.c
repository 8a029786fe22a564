#include "common/dns/rcode.h"

#include <stddef.h>
#include <stdio.h>

const char *
rcode_text(unsigned rcode)
{
    static const char *const words[] = {
        "NOERROR",  "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP",   "REFUSED",
        "YXDOMAIN", "YXRRSET", "NXRRSET",  "NOTAUTH",  "NOTZONE",  "DSOTYPENI",
        "RCODE12",  "RCODE13", "RCODE14",  "RCODE15",  "BADVERS",  "BADKEY",
        "BADTIME",  "BADMODE", "BADNAME",  "BADALG",   "BADTRUNC", "BADCOOKIE",
    };
    if (rcode < sizeof words / sizeof words[0])
        return words[rcode];
    static _Thread_local char unknown[sizeof "RCODE4294967295"];
    snprintf(unknown, sizeof unknown, "RCODE%u", rcode);
    return unknown;
}
