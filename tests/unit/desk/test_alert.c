// The mail as interface.md shows it, to the octet. The queue behind mail_submit is played here: it
// keeps what it is given.
#include "desk_world.h"

#include "common/daemon/mail.h"
#include "common/daemon/mail_text.h"
#include "secondary/desk/alert.h"

#define MAILS_MAX 400

struct mail {
    bool full;
    size_t count;
    struct {
        char kind[32], zone[64], subject[512], once[64];
        bool has_once, urgent;
        char *body;
    } mails[MAILS_MAX];
};

bool
mail_submit(struct mail *mail, const struct mail_item *item, struct fault *fault)
{
    assert_true(mail->count < MAILS_MAX);
    snprintf(mail->mails[mail->count].kind, 32, "%s", item->kind);
    snprintf(mail->mails[mail->count].zone, 64, "%s", item->zone);
    snprintf(mail->mails[mail->count].subject, 512, "%s", item->subject);
    mail->mails[mail->count].has_once = item->once != NULL;
    snprintf(mail->mails[mail->count].once, 64, "%s", item->once != NULL ? item->once : "");
    mail->mails[mail->count].urgent = item->urgent;
    mail->mails[mail->count].body = memory_text(item->body);
    mail->count++;
    return mail->full ? fault_set(fault, FAULT_IO, "no space left on device") : true;
}

void
mail_status(const struct mail *mail, struct mail_status *ret_status)
{
    *ret_status = (struct mail_status){.sent_total = mail->count};
}

struct bed {
    struct known known;
    struct mail mail;
    struct alerts *alerts;
};

static void
bed_open(struct bed *bed, const char *config)
{
    memset(bed, 0, sizeof *bed);
    desk_world_open(&bed->known, config);
    desk_tell_all_well(&bed->known);
    bed->alerts = alerts_new(&bed->mail);
}

static void
bed_close(struct bed *bed)
{
    for (size_t i = 0; i < bed->mail.count; i++)
        free(bed->mail.mails[i].body);
    alerts_free(&bed->alerts);
    assert_null(bed->alerts);
    known_close(&bed->known);
}

// Event structs own their texts when they are read; these borrow them.
static struct message_event
resign_event(void)
{
    static char empty[] = "", why[] = "example.gov. A changed at the primary",
                diff[] = "  example.gov.  60  A\n- 192.0.2.9\n+ 192.0.2.44\n  192.0.2.10\n",
                health[] = "verified before publishing; first signature expires 2026-12-05 (13 d)",
                hint[] = "dig @HOST example.gov SOA +dnssec";
    return (struct message_event){
        .kind = EVENT_RESIGN,
        .at_seconds = NOW,
        .dedup = empty,
        .why = why,
        .diff = diff,
        .diff_lines_total = 4,
        .health = health,
        .hint = hint,
        .has_serials = true,
        .unsigned_serial = 2026112104,
        .signed_serial = 1795263187,
        .former_signed_serial = 1795263001,
        .added = 1,
        .removed = 1,
        .new_signatures = 2,
        .kept_signatures = 409,
        .duration_ms = 14,
        .signature_expiry_seconds = NOW + 13 * 86400,
    };
}

static struct message_event
plain_event(enum message_event_kind kind, char *why, char *dedup, char *hint)
{
    static char empty[] = "";
    return (struct message_event){.kind = kind,
                                  .at_seconds = NOW,
                                  .dedup = dedup,
                                  .why = why,
                                  .diff = empty,
                                  .health = empty,
                                  .hint = hint};
}

static void
expect_text(const struct known *known, uint32_t zone, const struct message_event *event,
            const char *subject, const char *body)
{
    struct octets_buffer got_subject, got_body;
    octets_buffer_init(&got_subject);
    octets_buffer_init(&got_body);
    alert_text(known, known_zone_by_id(known, zone), event, &got_subject, &got_body);
    assert_string_equal((char *)got_subject.data, subject);
    assert_string_equal((char *)got_body.data, body);
    octets_buffer_close(&got_subject);
    octets_buffer_close(&got_body);
}

static void
the_mail_on_a_re_sign_is_that_of_the_contract(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed, DESK_CONFIG);
    struct message_event event = resign_event();
    expect_text(&bed.known, ZONE_ID, &event,
                "example.gov re-signed: 2026112104 -> 1795263187 (+1 -1)",
                "Why      example.gov. A changed at the primary\n"
                "Where    ns1.example.gov, 2026-11-21T18:42:07Z, unsigned 2026112104 -> signed "
                "1795263187 (was 1795263001), 14 ms, 2 new signatures, 409 kept\n"
                "  example.gov.  60  A\n"
                "- 192.0.2.9\n"
                "+ 192.0.2.44\n"
                "  192.0.2.10\n"
                "Health   verified before publishing; first signature expires 2026-12-05 (13 d); "
                "2/2 downstream notified\n"
                "Check    dig @ns1.example.gov example.gov A +dnssec\n");
    bed_close(&bed);
}

static void
a_downstream_server_that_did_not_answer_is_named(void **state)
{
    struct bed bed;
    char silent[] = "knot1 did not answer";
    (void)state;
    bed_open(&bed, DESK_CONFIG);
    struct message_poll_facts poll = desk_good_poll();
    struct octets_buffer subject, body;
    octets_buffer_init(&subject);
    octets_buffer_init(&body);
    poll.downstream_current = 1;
    poll.downstream = silent;
    desk_tell_poll(&bed.known, ZONE_ID, &poll);
    struct message_event event = resign_event();
    alert_text(&bed.known, known_zone_by_id(&bed.known, ZONE_ID), &event, &subject, &body);
    assert_non_null(
        strstr((char *)body.data, "(13 d); 1/2 downstream notified (knot1 did not answer)\nCheck"));
    poll.downstream_count = poll.downstream_current = 0; // nobody to notify: no word about it
    desk_tell_poll(&bed.known, ZONE_ID, &poll);
    body.length = 0;
    alert_text(&bed.known, known_zone_by_id(&bed.known, ZONE_ID), &event, &subject, &body);
    assert_non_null(strstr((char *)body.data, "(13 d)\nCheck"));
    octets_buffer_close(&subject);
    octets_buffer_close(&body);
    bed_close(&bed);
}

static void
the_check_line_asks_where_we_listen(void **state)
{
    static const struct {
        const char *listen, *check;
    } cases[] = {
        {"0.0.0.0@53", "Check    dig @ns1.example.gov example.gov A +dnssec\n"},
        {"\"::@5302\"", "Check    dig @ns1.example.gov -p 5302 example.gov A +dnssec\n"},
        {"127.0.0.1@5302", "Check    dig @127.0.0.1 -p 5302 example.gov A +dnssec\n"},
        {"\"2001:db8::1@53\"", "Check    dig @2001:db8::1 example.gov A +dnssec\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char config[1024];
        struct bed bed;
        struct octets_buffer subject, body;
        snprintf(config, sizeof config, "server: {listen: [%s]}\n%s", cases[i].listen,
                 strchr(DESK_CONFIG, '\n') + 1);
        bed_open(&bed, config);
        octets_buffer_init(&subject);
        octets_buffer_init(&body);
        struct message_event event = resign_event();
        alert_text(&bed.known, known_zone_by_id(&bed.known, ZONE_ID), &event, &subject, &body);
        assert_non_null(strstr((char *)body.data, cases[i].check));
        octets_buffer_close(&subject);
        octets_buffer_close(&body);
        bed_close(&bed);
    }
}

static void
the_check_line_asks_for_the_first_rrset_of_the_diff(void **state)
{
    static const struct {
        char diff[80];
        const char *check;
    } cases[] = {
        {"  *.sites.example.gov.  300 -> 60  AAAA\n", " *.sites.example.gov AAAA +dnssec\n"},
        {"  .  60  NS\n", " . NS +dnssec\n"},
        {"", " example.gov SOA +dnssec\n"}, // signatures were renewed
        {"nonsense\n", " example.gov SOA +dnssec\n"},
        {"  a\\032b.example.gov.  60  TXT\n", " a\\032b.example.gov TXT +dnssec\n"},
    };
    struct bed bed;
    (void)state;
    bed_open(&bed, DESK_CONFIG);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct octets_buffer subject, body;
        char diff[80];
        octets_buffer_init(&subject);
        octets_buffer_init(&body);
        struct message_event event = resign_event();
        snprintf(diff, sizeof diff, "%s", cases[i].diff);
        event.diff = diff;
        alert_text(&bed.known, known_zone_by_id(&bed.known, ZONE_ID), &event, &subject, &body);
        if (strstr((char *)body.data, cases[i].check) == NULL)
            fail_msg("%s", (char *)body.data);
        octets_buffer_close(&subject);
        octets_buffer_close(&body);
    }
    bed_close(&bed);
}

static void
a_held_zone_is_told_with_the_commands_that_help(void **state)
{
    struct bed bed;
    char why[] = "61% of the records would go (limit 30%)", dedup[] = "5f1c09", empty[] = "";
    char hint[] = "tandemctl zone diff example.gov\ntandemctl zone accept example.gov 5f1c09";
    (void)state;
    bed_open(&bed, DESK_CONFIG);
    struct message_event event = plain_event(EVENT_GATE, why, dedup, hint);
    expect_text(&bed.known, ZONE_ID, &event,
                "example.gov held by the gate: 61% of the records would go (limit 30%)",
                "Why      61% of the records would go (limit 30%)\n"
                "Where    ns1.example.gov, 2026-11-21T18:42:07Z\n"
                "Health   what was served stays, and its signatures are refreshed\n"
                "Do       tandemctl zone diff example.gov\n"
                "         tandemctl zone accept example.gov 5f1c09\n");
    // Of the daemon itself.
    char crash[] = "signer was ended by signal 9 (Killed)";
    event = plain_event(EVENT_CRASH, crash, empty, empty);
    expect_text(&bed.known, MESSAGE_NO_ZONE, &event,
                "tandem-secondary: trouble: signer was ended by signal 9 (Killed)",
                "Why      signer was ended by signal 9 (Killed)\n"
                "Where    ns1.example.gov, 2026-11-21T18:42:07Z\n");
    bed_close(&bed);
}

static void
a_mail_says_what_the_public_sees_while_the_primary_is_silent(void **state)
{
    struct bed bed;
    char why[] = "no transfer for 5m from hidden 10.0.0.5@53: refused", empty[] = "",
         health[] = "the served zone stays";
    (void)state;
    bed_open(&bed, DESK_CONFIG);
    struct message_event event = plain_event(EVENT_REFRESH_FAILED, why, empty, empty);
    event.health = health;
    struct message_zone_facts facts = desk_good_facts();
    facts.expires_seconds = NOW + 86400;
    desk_tell_zone(&bed.known, ZONE_ID, &facts);
    expect_text(&bed.known, ZONE_ID, &event,
                "example.gov: refresh fails: no transfer for 5m from hidden 10.0.0.5@53: refused",
                "Why      no transfer for 5m from hidden 10.0.0.5@53: refused\n"
                "Where    ns1.example.gov, 2026-11-21T18:42:07Z\n"
                "Health   the served zone stays; answered until 2026-11-22T18:42:07Z (expire)\n");
    facts.has_version = false; // it never had content
    desk_tell_zone(&bed.known, ZONE_ID, &facts);
    expect_text(
        &bed.known, ZONE_ID, &event,
        "example.gov: refresh fails: no transfer for 5m from hidden 10.0.0.5@53: refused",
        "Why      no transfer for 5m from hidden 10.0.0.5@53: refused\n"
        "Where    ns1.example.gov, 2026-11-21T18:42:07Z\n"
        "Health   nothing is served yet: queries for the zone are answered with SERVFAIL\n");
    bed_close(&bed);
}

static void
a_subject_names_the_zone_once(void **state)
{
    struct bed bed;
    char why[] = "zone example.gov: the keys cannot be read: cut", empty[] = "";
    (void)state;
    bed_open(&bed, DESK_CONFIG);
    struct message_event event = plain_event(EVENT_KEY, why, empty, empty);
    expect_text(&bed.known, ZONE_ID, &event, "example.gov: keys: the keys cannot be read: cut",
                "Why      zone example.gov: the keys cannot be read: cut\n"
                "Where    ns1.example.gov, 2026-11-21T18:42:07Z\n");
    char other[] = "zone example.govt: the keys cannot be read: cut";
    event.why = other;
    expect_text(&bed.known, ZONE_ID, &event,
                "example.gov: keys: zone example.govt: the keys cannot be read: cut",
                "Why      zone example.govt: the keys cannot be read: cut\n"
                "Where    ns1.example.gov, 2026-11-21T18:42:07Z\n");
    bed_close(&bed);
}

static void
commands_name_a_socket_at_an_unusual_place(void **state)
{
    struct bed bed;
    char why[] = "w", empty[] = "", hint[] = "tandemctl zone accept example.gov 5f1c09";
    char config[1024];
    (void)state;
    snprintf(config, sizeof config, "control: {socket: /tmp/demo/s.sock}\n%s",
             strstr(DESK_CONFIG, "remote:"));
    bed_open(&bed, config);
    struct message_event event = plain_event(EVENT_GATE, why, empty, hint);
    expect_text(&bed.known, ZONE_ID, &event, "example.gov held by the gate: w",
                "Why      w\n"
                "Where    ns1.example.gov, 2026-11-21T18:42:07Z\n"
                "Health   what was served stays, and its signatures are refreshed\n"
                "Do       tandemctl -s /tmp/demo/s.sock zone accept example.gov 5f1c09\n");
    bed_close(&bed);
}

static void
a_diff_that_was_cut_says_how_much_is_left_out(void **state)
{
    struct bed bed;
    struct octets_buffer subject, body;
    (void)state;
    bed_open(&bed, DESK_CONFIG);
    octets_buffer_init(&subject);
    octets_buffer_init(&body);
    struct message_event event = resign_event();
    char diff[] = "  example.gov.  60  A\n- 192.0.2.9"; // no line end: cut by the limit on texts
    event.diff = diff;
    event.diff_lines_total = 1234;
    alert_text(&bed.known, known_zone_by_id(&bed.known, ZONE_ID), &event, &subject, &body);
    assert_non_null(strstr((char *)body.data, "- 192.0.2.9\n  (1034 more lines)\nHealth"));
    octets_buffer_close(&subject);
    octets_buffer_close(&body);
    bed_close(&bed);
}

// --- Nothing that comes from outside begins a line

static void
a_line_end_in_a_reason_begins_neither_header_nor_line(void **state)
{
    struct bed bed;
    char why[] = "bad\r\nBcc: thief@example.org\r\n\r\nHealth   all well\x1b[2J\x7f", empty[] = "";
    char health[] = "verified\nCheck    rm -rf /";
    (void)state;
    bed_open(&bed, DESK_CONFIG);
    for (int kind = 0; kind < EVENT_KIND_COUNT; kind++) {
        struct octets_buffer subject, body, text;
        struct message_event event = plain_event((enum message_event_kind)kind, why, empty, empty);
        event.health = health;
        octets_buffer_init(&subject);
        octets_buffer_init(&body);
        octets_buffer_init(&text);
        alert_text(&bed.known, known_zone_by_id(&bed.known, ZONE_ID), &event, &subject, &body);
        for (const char *at = (char *)subject.data; *at != '\0'; at++)
            assert_true((unsigned char)*at >= 0x20 && *at != 0x7f);
        assert_null(strstr((char *)body.data, "\nBcc"));
        assert_null(strstr((char *)body.data, "\nHealth   all well"));
        assert_null(strstr((char *)body.data, "\nCheck    rm"));
        assert_null(strchr((char *)body.data, '\r'));
        assert_null(strchr((char *)body.data, '\x1b'));
        // And so it is in the whole mail.
        struct mail_part part = {"key", "example.gov", (char *)subject.data, (char *)body.data,
                                 NOW};
        const char *to[] = {"b@example.gov"};
        struct mail_text mail = {.from = "a@example.gov",
                                 .to = to,
                                 .to_count = 1,
                                 .host = "ns1.example.gov",
                                 .message_id = "1@ns1.example.gov",
                                 .zone = "example.gov",
                                 .date = NOW,
                                 .parts = &part,
                                 .part_count = 1};
        mail_text_render(&mail, &text);
        octets_buffer_add_u8(&text, '\0');
        assert_null(strstr((char *)text.data, "\nBcc:"));
        octets_buffer_close(&subject);
        octets_buffer_close(&body);
        octets_buffer_close(&text);
    }
    bed_close(&bed);
}

static void
a_long_reason_is_cut_between_two_characters(void **state)
{
    struct bed bed;
    char why[600], empty[] = "";
    (void)state;
    bed_open(&bed, DESK_CONFIG);
    for (unsigned shift = 0; shift < 4; shift++) {
        struct octets_buffer subject, body;
        size_t length = shift;
        memset(why, 'x', sizeof why);
        for (; length < 500; length += 2)
            memcpy(why + length, "\xc3\xbc", 2);
        why[length] = '\0';
        octets_buffer_init(&subject);
        octets_buffer_init(&body);
        struct message_event event = plain_event(EVENT_KEY, why, empty, empty);
        alert_text(&bed.known, known_zone_by_id(&bed.known, ZONE_ID), &event, &subject, &body);
        const char *text = (char *)subject.data;
        assert_true(strlen(text) < 160);
        assert_string_equal(text + strlen(text) - 3, "...");
        unsigned char last = (unsigned char)text[strlen(text) - 4];
        assert_true(last == 0xbc || last == 'x');        // the second octet of a character
        assert_non_null(strstr((char *)body.data, why)); // whole in the text
        octets_buffer_close(&subject);
        octets_buffer_close(&body);
    }
    bed_close(&bed);
}

// --- What is mailed, and how often

static void
take(struct bed *bed, uint32_t zone, enum message_event_kind kind, const char *why,
     const char *dedup)
{
    char why_copy[64], dedup_copy[64], empty[] = "";
    snprintf(why_copy, sizeof why_copy, "%s", why);
    snprintf(dedup_copy, sizeof dedup_copy, "%s", dedup);
    struct message_event event = plain_event(kind, why_copy, dedup_copy, empty);
    alerts_take(bed->alerts, &bed->known, known_zone_by_id(&bed->known, zone), &event);
}

static void
one_occasion_is_mailed_once(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed, DESK_CONFIG);
    take(&bed, ZONE_ID, EVENT_GATE, "held", "digest-1");
    take(&bed, ZONE_ID, EVENT_GATE, "held", "digest-1"); // the same at the next poll
    assert_int_equal(bed.mail.count, 1);
    take(&bed, ZONE_ID, EVENT_RECOVERED, "passed", "");
    take(&bed, ZONE_ID, EVENT_GATE, "held", "digest-1"); // still the same candidate
    assert_int_equal(bed.mail.count, 2);
    take(&bed, ZONE_ID, EVENT_GATE, "held", "digest-2");
    assert_int_equal(bed.mail.count, 3);
    take(&bed, ZONE_ID + 1, EVENT_GATE, "held", "digest-2"); // another zone
    assert_int_equal(bed.mail.count, 4);
    take(&bed, ZONE_ID, EVENT_KEY, "held", "digest-2"); // another kind
    assert_int_equal(bed.mail.count, 5);
    take(&bed, ZONE_ID, EVENT_RESIGN, "a", ""); // without a word: always
    take(&bed, ZONE_ID, EVENT_RESIGN, "a", "");
    assert_int_equal(bed.mail.count, 7);
    bed_close(&bed);
}

static void
the_queue_gets_kind_zone_and_urgency(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed, DESK_CONFIG);
    take(&bed, ZONE_ID, EVENT_GATE, "held", "digest-1");
    take(&bed, ZONE_ID, EVENT_RESIGN, "changed", "");
    take(&bed, MESSAGE_NO_ZONE, EVENT_CRASH, "died", "");
    assert_string_equal(bed.mail.mails[0].kind, "gate");
    assert_string_equal(bed.mail.mails[0].zone, "example.gov");
    assert_string_equal(bed.mail.mails[0].once, "digest-1");
    assert_true(bed.mail.mails[0].urgent);
    assert_string_equal(bed.mail.mails[1].kind, "resign");
    assert_false(bed.mail.mails[1].has_once);
    assert_false(bed.mail.mails[1].urgent);
    assert_string_equal(bed.mail.mails[2].zone, "");
    assert_true(bed.mail.mails[2].urgent);
    bed_close(&bed);
}

static void
kinds_that_alert_on_does_not_name_are_not_mailed(void **state)
{
    struct bed bed;
    char config[1024];
    (void)state;
    snprintf(config, sizeof config,
             "%.*salert: {mail-directory: /m, from: a@example.gov, to: "
             "[b@example.gov], on: [gate, crash]}\n",
             (int)(strstr(DESK_CONFIG, "alert:") - DESK_CONFIG), DESK_CONFIG);
    bed_open(&bed, config);
    for (int kind = 0; kind < EVENT_KIND_COUNT; kind++)
        take(&bed, ZONE_ID, (enum message_event_kind)kind, "w", "");
    assert_int_equal(bed.mail.count, 2);
    assert_string_equal(bed.mail.mails[0].kind, "gate");
    assert_string_equal(bed.mail.mails[1].kind, "crash");
    bed_close(&bed);
}

static void
the_list_shows_the_newest_first_and_is_bounded(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed, DESK_CONFIG);
    for (unsigned i = 0; i < ALERT_KEPT + 50; i++) {
        char why[32];
        snprintf(why, sizeof why, "event %u", i);
        take(&bed, i % 2 == 0 ? ZONE_ID : MESSAGE_NO_ZONE, EVENT_CRASH, why, "");
    }
    struct json_value *list = alerts_list(bed.alerts);
    assert_int_equal(json_value_count(list), ALERT_KEPT);
    const struct json_value *newest = json_value_at(list, 0), *before = json_value_at(list, 1);
    assert_string_equal(json_value_get_text(newest, "subject", ""),
                        "tandem-secondary: trouble: event 249");
    assert_string_equal(json_value_get_text(newest, "kind", ""), "crash");
    assert_int_equal(json_value_get_time(newest, "at", 0), NOW);
    assert_int_equal(json_value_kind(json_value_get(newest, "zone")), JSON_VALUE_NULL);
    assert_string_equal(json_value_get_text(before, "zone", ""), "example.gov");
    assert_string_equal(json_value_get_text(json_value_at(list, ALERT_KEPT - 1), "subject", ""),
                        "example.gov: trouble: event 50");
    json_value_free(&list);
    bed_close(&bed);
}

static void
a_test_mail_and_a_heartbeat_prove_the_way(void **state)
{
    struct bed bed;
    struct fault fault = {0};
    (void)state;
    bed_open(&bed, DESK_CONFIG);
    assert_true(alerts_test(bed.alerts, &bed.known, NOW, &fault));
    assert_string_equal(bed.mail.mails[0].kind, "test");
    assert_true(bed.mail.mails[0].urgent);
    alerts_heartbeat(bed.alerts, &bed.known, NOW);
    assert_string_equal(bed.mail.mails[1].subject, "all well");
    assert_non_null(strstr(bed.mail.mails[1].body, "Health   2 zones ok\n"));
    char held[] = "held";
    struct message_zone_facts facts = desk_good_facts();
    facts.state = held;
    desk_tell_zone(&bed.known, ZONE_ID, &facts);
    alerts_heartbeat(bed.alerts, &bed.known, NOW);
    assert_string_equal(bed.mail.mails[2].subject, "heartbeat, and not all is well");
    bed.mail.full = true;
    assert_false(alerts_test(bed.alerts, &bed.known, NOW, &fault));
    assert_string_equal(fault.text, "no space left on device");
    bed_close(&bed);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_mail_on_a_re_sign_is_that_of_the_contract),
        cmocka_unit_test(a_downstream_server_that_did_not_answer_is_named),
        cmocka_unit_test(the_check_line_asks_where_we_listen),
        cmocka_unit_test(the_check_line_asks_for_the_first_rrset_of_the_diff),
        cmocka_unit_test(a_held_zone_is_told_with_the_commands_that_help),
        cmocka_unit_test(a_mail_says_what_the_public_sees_while_the_primary_is_silent),
        cmocka_unit_test(a_subject_names_the_zone_once),
        cmocka_unit_test(commands_name_a_socket_at_an_unusual_place),
        cmocka_unit_test(a_diff_that_was_cut_says_how_much_is_left_out),
        cmocka_unit_test(a_line_end_in_a_reason_begins_neither_header_nor_line),
        cmocka_unit_test(a_long_reason_is_cut_between_two_characters),
        cmocka_unit_test(one_occasion_is_mailed_once),
        cmocka_unit_test(the_queue_gets_kind_zone_and_urgency),
        cmocka_unit_test(kinds_that_alert_on_does_not_name_are_not_mailed),
        cmocka_unit_test(the_list_shows_the_newest_first_and_is_bounded),
        cmocka_unit_test(a_test_mail_and_a_heartbeat_prove_the_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
