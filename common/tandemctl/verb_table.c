#include "common/tandemctl/verb_table.h"

#include <stdio.h>
#include <string.h>

#include "common/base/quantity.h"

#define WORDS_MAX 64
#define MANY      16 // arguments of verbs that take a list

// clang-format off
const struct verb_row verb_table[] = {
    {"", "status", "", 0, 0, 0, NULL, render_status, "how everything is"},
    {"", "version", "", 0, 0, 0, NULL, render_version, "of the daemon"},
    {"", "reload", "", 0, 0, VERB_CHANGES, NULL, render_reload, "read configuration and zones again"},
    {"", "stop", "", 0, 0, VERB_CHANGES, NULL, render_done, "end the daemon"},
    {"", "check", "", 0, 0, 0, NULL, render_check, "for Nagios: one line, exit code 0 to 3"},
    {"zone", "list", "", 0, 0, 0, NULL, render_zone_list, "all zones"},
    {"zone", "status", "Z", 1, 1, 0, NULL, render_zone_status, "one zone in detail"},
    {"zone", "history", "Z", 1, 1, 0, NULL, render_zone_history, "its versions, newest first"},
    {"zone", "show", "Z [NAME [TYPE]]", 1, 3, 0, NULL, render_zone_show, "its records"},
    {"zone", "diff", "Z", 1, 1, 0, "all", render_zone_diff, "what is held or changed last"},
    {"zone", "refresh", "Z", 1, 1, VERB_CHANGES | VERB_WAITS, NULL, render_done, "ask the primary now"},
    {"zone", "retransfer", "Z", 1, 1, VERB_CHANGES | VERB_WAITS, NULL, render_done, "take it whole again"},
    {"zone", "accept", "Z DIGEST", 2, 2, VERB_CHANGES | VERB_WAITS, NULL, render_done, "publish what diff showed"},
    {"zone", "sign", "Z", 1, 1, VERB_CHANGES | VERB_WAITS, "serial=", render_done, "sign again"},
    {"zone", "notify", "Z", 1, 1, VERB_CHANGES, NULL, render_done, "send NOTIFY downstream"},
    {"zone", "verify", "Z", 1, 1, VERB_WAITS, NULL, render_zone_verify, "check every signature"},
    {"zone", "export", "Z", 1, 1, 0, "signed source", render_zone_export, "as a zone file on standard output"},
    {"alias", "list", "[Z]", 0, 1, 0, NULL, render_alias_list, "ALIAS records and their states (primary)"},
    {"alias", "show", "OWNER", 1, 1, 0, NULL, render_alias_show, "one of them in detail"},
    {"alias", "history", "OWNER", 1, 1, 0, NULL, render_alias_history, "how its addresses changed"},
    {"alias", "refresh", "OWNER", 1, 1, VERB_CHANGES | VERB_WAITS, NULL, render_done, "ask for its target now"},
    {"key", "list", "Z", 1, 1, 0, NULL, render_key_list, "keys of a zone (secondary)"},
    {"key", "generate", "Z", 1, 1, VERB_CHANGES | VERB_WAITS, "role= standby", render_done, "--role KSK|ZSK|CSK"},
    {"key", "ds", "Z", 1, 1, 0, NULL, render_key_ds, "DS records for the parent"},
    {"key", "dnskey", "Z", 1, 1, 0, NULL, render_key_dnskey, "DNSKEY records, a trust anchor"},
    {"key", "import", "Z FILE...", 2, 1 + MANY, VERB_CHANGES | VERB_WAITS | VERB_KEY_FILES, "role= standby", render_done, "from BIND, PowerDNS or PEM files"},
    {"key", "export", "Z TAG", 2, 2, VERB_WRITES, "stdout", render_key_export, "as BIND files into this folder"},
    {"key", "roll", "Z --role R", 1, 1, VERB_CHANGES | VERB_LATER, "role=", NULL, "begin a rollover"},
    {"key", "activate", "Z TAG", 2, 2, VERB_CHANGES | VERB_WAITS, NULL, render_done, "let a standby key sign"},
    {"key", "retire", "Z TAG", 2, 2, VERB_CHANGES | VERB_WAITS, NULL, render_done, "take a key out of use"},
    {"key", "timeline", "Z", 1, 1, 0, NULL, render_key_timeline, "what happens to its keys, and when"},
    {"alert", "test", "", 0, 0, VERB_CHANGES | VERB_WAITS, NULL, render_done, "send a mail"},
    {"alert", "list", "", 0, 0, 0, NULL, render_alert_list, "the last mails"},
    {"rate-limit", "list", "", 0, 0, 0, "all", render_rate_limit_list, "client prefixes that get fewer answers than they ask for (secondary)"},
    {"", "explain", "NAME TYPE", 2, 2, VERB_LATER, NULL, NULL, "how an answer comes about"},
    {"", "backup", "DIR", 1, 1, VERB_LATER, NULL, NULL, "keys and state into a folder"},
    {"", "restore", "DIR", 1, 1, VERB_CHANGES | VERB_LATER, NULL, NULL, "from a backup"},
    {"import", "pdns", "...", 0, MANY, VERB_LATER, NULL, NULL, "configuration of PowerDNS"},
    {"import", "bind", "...", 0, MANY, VERB_LATER, NULL, NULL, "configuration of BIND"},
    {"import", "knot", "...", 0, MANY, VERB_LATER, NULL, NULL, "configuration of Knot DNS"},
    {"tsig", "generate", "NAME", 1, 1, VERB_LOCAL, "algorithm=", NULL, "a key for both configuration files"},
    {"config", "check", "FILE", 1, 1, VERB_LOCAL, NULL, NULL, "all errors of a configuration file and of the zone files that it names"},
    {"config", "schema", "primary|secondary", 1, 1, VERB_LOCAL, NULL, NULL, "JSON schema for editors"},
};
// clang-format on
const size_t verb_table_count = sizeof verb_table / sizeof verb_table[0];

const struct verb_row *
verb_find(const char *object, const char *verb)
{
    for (size_t i = 0; i < verb_table_count; i++)
        if (strcmp(verb_table[i].object, object) == 0 && strcmp(verb_table[i].verb, verb) == 0)
            return &verb_table[i];
    return NULL;
}

bool
verb_is_object(const char *word)
{
    for (size_t i = 0; i < verb_table_count; i++)
        if (*word && strcmp(verb_table[i].object, word) == 0)
            return true;
    return false;
}

const char *
verb_nearest(const char *object, const char *word)
{
    const char *words[WORDS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < verb_table_count && count < WORDS_MAX; i++) {
        const struct verb_row *row = &verb_table[i];
        if (!object)
            words[count++] = row->object[0] ? row->object : row->verb;
        else if (strcmp(row->object, object) == 0)
            words[count++] = row->verb;
    }
    return quantity_nearest_word(word, words, count);
}

static const char introduction[] =
    "tandemctl [-s SOCKET] [--json] [--no-color] [--timeout S] [--dry-run] [-b] OBJECT VERB [ARG]\n"
    "  -s SOCKET    control socket; without it the only one under /run/tandem\n"
    "  --json       the daemon's reply as JSON\n"
    "  --timeout S  give up after S (30s; with -b 1h; 0 never)\n"
    "  --dry-run    say what would happen\n"
    "  -b           wait for the end\n"
    "exit: 0 ok, 1 failed, 2 usage, 3 invalid config or zone, 4 no daemon, 5 no such object,\n"
    "      6 refused by the gate, 7 timed out; check: 0 to 3 as Nagios wants\n\n";

void
verb_help(struct octets_buffer *ret_text)
{
    octets_buffer_printf(ret_text, "%s", introduction);
    for (size_t i = 0; i < verb_table_count; i++) {
        const struct verb_row *row = &verb_table[i];
        char usage[128];
        snprintf(usage, sizeof usage, "%s%s%s %s", row->object, row->object[0] ? " " : "",
                 row->verb, row->arguments);
        octets_buffer_printf(ret_text, "  %-28s %s%s\n", usage, row->help,
                             row->flags & VERB_LATER ? " (not in this version)" : "");
    }
}
