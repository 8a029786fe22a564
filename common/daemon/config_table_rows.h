// Rows that both daemons' tables have, as lists of initialisers. Only the two tables include it.
#ifndef TANDEM_DAEMON_CONFIG_TABLE_ROWS_H
#define TANDEM_DAEMON_CONFIG_TABLE_ROWS_H

#include "common/daemon/config_table.h"

#define DAY ((int64_t)86400)
#define TIB ((int64_t)1 << 40)

// clang-format off
#define ROWS_HTTP(address)                                                                         \
    {"http", CONFIG_MAP, .help = "metrics and status by HTTP"},                                    \
    {"http.listen", CONFIG_ADDRESS, CONFIG_RESTART | CONFIG_PERMIT_EMPTY, address, .minimum = 80,  \
     .help = "address of /metrics /healthz /status.json and the status page; \"\" for none"}

#define ROWS_LOG                                                                                   \
    {"log", CONFIG_MAP, .help = "what is written to stderr"},                                      \
    {"log.level", CONFIG_WORD, 0, "info", "error|warning|info|debug",                              \
     .help = "the least that is worth a line"},                                                    \
    {"log.format", CONFIG_WORD, 0, "text", "text|json", .help = "form of a line"}

#define ROWS_KEY                                                                                   \
    {"key", CONFIG_MAPS, .help = "TSIG keys"},                                                     \
    {"key.id", CONFIG_NAME, CONFIG_REQUIRED | CONFIG_UNIQUE,                                       \
     .help = "name of the key, the same on both sides"},                                           \
    {"key.algorithm", CONFIG_WORD, 0, "hmac-sha256",                                               \
     "hmac-sha1|hmac-sha224|hmac-sha256|hmac-sha384|hmac-sha512", .help = "its HMAC"},             \
    {"key.secret", CONFIG_SECRET,                                                                  \
     .help = "the secret in base64, in a file that others cannot read"},                           \
    {"key.secret-file", CONFIG_PATH,                                                               \
     .help = "file with the secret in base64, instead of secret"}

#define ROWS_REMOTE                                                                                \
    {"remote", CONFIG_MAPS, .help = "other servers"},                                              \
    {"remote.id", CONFIG_ID, CONFIG_REQUIRED | CONFIG_UNIQUE, .help = "name for references"},      \
    {"remote.address", CONFIG_ADDRESS, CONFIG_LIST | CONFIG_REQUIRED, .minimum = 53,               \
     .help = "its addresses, tried in order"},                                                     \
    {"remote.key", CONFIG_REFERENCE, .refers = "key", .help = "TSIG key for what we send to it"}

#define ROWS_ACL                                                                                   \
    {"acl", CONFIG_MAPS, .help = "access rules; address and key must both match"},                 \
    {"acl.id", CONFIG_ID, CONFIG_REQUIRED | CONFIG_UNIQUE, .help = "name for references"},         \
    {"acl.address", CONFIG_PREFIX, CONFIG_LIST, "",                                                \
     .help = "addresses and prefixes; none: every address"},                                       \
    {"acl.key", CONFIG_REFERENCE, CONFIG_LIST, "", .refers = "key",                                \
     .help = "TSIG keys; none: any key or none"},                                                  \
    {"acl.action", CONFIG_WORD, CONFIG_LIST | CONFIG_REQUIRED, .words = "transfer|query|notify",   \
     .help = "what is allowed"}

#define ROWS_ALERT                                                                                 \
    {"alert", CONFIG_MAP, .help = "mail to the operator"},                                         \
    {"alert.smtp", CONFIG_MAP, .help = "the mail server"},                                         \
    {"alert.smtp.address", CONFIG_HOST_PORT, CONFIG_PERMIT_EMPTY, "", .minimum = 587,              \
     .help = "its name or address and port"},                                                      \
    {"alert.smtp.tls", CONFIG_WORD, 0, "starttls", "starttls|tls|none",                            \
     .help = "starttls: no mail without encryption; tls from the first octet; none"},              \
    {"alert.smtp.user", CONFIG_TEXT, CONFIG_PERMIT_EMPTY, "", .help = "user for AUTH"},            \
    {"alert.smtp.password-file", CONFIG_PATH, CONFIG_PERMIT_EMPTY, "",                             \
     .help = "file with the password, not readable by others"},                                    \
    {"alert.smtp.ca-file", CONFIG_PATH, CONFIG_PERMIT_EMPTY, "",                                   \
     .help = "certificates to trust (PEM) instead of the system's"},                               \
    {"alert.mail-directory", CONFIG_PATH, CONFIG_PERMIT_EMPTY, "",                                 \
     .help = "instead of smtp: write .eml files here"},                                            \
    {"alert.from", CONFIG_MAILBOX, CONFIG_PERMIT_EMPTY, "",                                        \
     .help = "sender; \"\" is tandem@ this host"},                                                 \
    {"alert.to", CONFIG_MAILBOX, CONFIG_LIST, "", .help = "recipients"},                           \
    {"alert.on", CONFIG_WORD, CONFIG_LIST, ALERT_WORDS_LIST, ALERT_WORDS, .help = "what is mailed"},    \
    {"alert.min-interval", CONFIG_DURATION, 0, "5m", .minimum = 0, .maximum = DAY,                 \
     .help = "at most one mail for each zone in this time; what comes meanwhile is put together"}, \
    {"alert.heartbeat", CONFIG_DURATION, 0, "0s", .minimum = 0, .maximum = 31 * DAY,               \
     .help = "how often to mail that all is well; 0 never"}

// In the order of enum alert_kind (settings.h).
#define ALERT_WORDS                                                                                \
    "resign|gate|refresh-failed|rrsig-expiring|key|ds|alias-held|crash|recovered"
#define ALERT_WORDS_LIST                                                                           \
    "resign, gate, refresh-failed, rrsig-expiring, key, ds, alias-held, crash, recovered"
// clang-format on

#endif
