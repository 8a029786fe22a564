// RCODEs (RFC 6895 section 2.3), opcodes and EDE codes (RFC 8914) with their words.
#ifndef TANDEM_DNS_RCODE_H
#define TANDEM_DNS_RCODE_H

enum rcode {
    RCODE_NOERROR = 0, RCODE_FORMERR = 1, RCODE_SERVFAIL = 2, RCODE_NXDOMAIN = 3, RCODE_NOTIMP = 4,
    RCODE_REFUSED = 5, RCODE_YXDOMAIN = 6, RCODE_NOTAUTH = 9, RCODE_NOTZONE = 10,
    RCODE_BADVERS = 16, // BADSIG in a TSIG
    RCODE_BADKEY = 17, RCODE_BADTIME = 18, RCODE_BADTRUNC = 22, RCODE_BADCOOKIE = 23,
};
enum opcode { OPCODE_QUERY = 0, OPCODE_NOTIFY = 4, OPCODE_UPDATE = 5 };
enum ede { EDE_NONE = -1, EDE_OTHER = 0, EDE_STALE = 3, EDE_NOT_READY = 14, EDE_PROHIBITED = 18,
           EDE_NOT_AUTHORITATIVE = 20, EDE_NOT_SUPPORTED = 21, EDE_INVALID_DATA = 24,
           EDE_INVALID_QUERY_TYPE = 30 };

// "NOERROR"; "RCODE12" for the unknown, which stands until the thread asks for the next unknown one.
const char *rcode_text(unsigned rcode);

#endif
