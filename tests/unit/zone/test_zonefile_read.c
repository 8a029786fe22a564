#include "common/zone/zonefile_read.h"

#include <dirent.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/arena.h"
#include "common/dns/rrtype.h"
#include "common/zone/check.h"
#include "common/zone/zonefile_text.h"
#include "common/zone/zonefile_write.h"

// tests/golden/zonefile: each X.zone is read as the zone example.gov., and what comes out must be
// X.expected: the errors and warnings, or the records in canonical order, and the findings of
// check_draft. With TANDEM_GOLDEN_UPDATE=1 the expected texts are written instead.
#define GOLDEN_FILES_MAX 200
#define GOLDEN_TEXT_MAX  (1U << 20)

static struct draft *
example_draft(void)
{
    uint8_t apex[NAME_SIZE_MAX];
    assert_true(name_from_text("example.gov.", NULL, apex, NULL));
    return draft_new(apex);
}

static void
errors_show(const struct vector *errors, struct octets_buffer *text)
{
    char line[8192];
    for (size_t i = 0; i < errors->count; i++) {
        zonefile_error_text(vector_at(errors, i), line, sizeof line);
        octets_buffer_printf(text, "%s\n", line);
    }
}

static void
draft_show(const struct draft *draft, struct octets_buffer *text)
{
    for (size_t i = 0; i < draft_node_count(draft); i++)
        zonefile_write_node(draft_node_at(draft, i), i == 0, true, text);
}

static void
findings_show(const struct draft *draft, bool is_signed, struct octets_buffer *text)
{
    struct vector findings;
    struct check_options options = {.alias_allowed = true, .dnssec_allowed = is_signed};
    check_draft(draft, &options, &findings);
    for (size_t i = 0; i < findings.count; i++) {
        const struct check_finding *finding = vector_at(&findings, i);
        char owner[NAME_TEXT_MAX], type[RRTYPE_TEXT_MAX];
        octets_buffer_printf(text, "check %s: %s %s: %s: %s\n",
                             finding->severity == CHECK_ERROR ? "error" : "warning",
                             name_to_text(finding->owner, owner),
                             finding->type ? rrtype_text(finding->type, type) : "-", finding->word,
                             finding->text);
    }
    vector_close(&findings);
}

static void
golden_run(const char *path, struct octets_buffer *text)
{
    struct draft *draft = example_draft();
    struct vector errors;
    struct draft_findings findings;
    struct fault fault;
    bool good = zonefile_read(path, draft, NULL, &errors);
    errors_show(&errors, text);
    octets_buffer_printf(text, "%s\n", good ? "read" : "not read");
    if (!draft_seal(draft, &findings, &fault))
        octets_buffer_printf(text, "seal: %s\n", fault.text);
    else if (good) {
        draft_show(draft, text);
        findings_show(draft, strstr(path, "check_signed") != NULL, text);
    }
    zonefile_errors_close(&errors);
    draft_free(&draft);
}

static bool
golden_compare(const char *zone, const struct octets_buffer *text)
{
    char path[NAME_MAX + 16];
    snprintf(path, sizeof path, "%.*s.expected", (int)(strlen(zone) - strlen(".zone")), zone);
    if (getenv("TANDEM_GOLDEN_UPDATE")) {
        FILE *file = fopen(path, "w");
        fwrite(text->data, 1, text->length, file);
        return fclose(file) == 0;
    }
    FILE *file = fopen(path, "r");
    if (!file)
        return false;
    char *expected = memory_alloc(GOLDEN_TEXT_MAX);
    size_t length = fread(expected, 1, GOLDEN_TEXT_MAX, file);
    fclose(file);
    bool same = length == text->length && memcmp(expected, text->data, length) == 0;
    if (!same)
        print_error("%s: expected:\n%.*s\ngot:\n%.*s\n", zone, (int)length, expected,
                    (int)text->length, (const char *)text->data);
    free(expected);
    return same;
}

static int
is_zone(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return length > 5 && strcmp(entry->d_name + length - 5, ".zone") == 0;
}

static void
each_file_of_the_corpus_gives_its_golden_messages(void **state)
{
    (void)state;
    struct dirent **entries;
    unsigned wrong = 0;
    char back[PATH_MAX];
    assert_non_null(getcwd(back, sizeof back));
    assert_int_equal(chdir(TEST_SOURCE_DIR "/golden/zonefile"), 0);
    int count = scandir(".", &entries, is_zone, alphasort);
    assert_in_range(count, 20, GOLDEN_FILES_MAX);
    for (int i = 0; i < count; i++) {
        struct octets_buffer text;
        octets_buffer_init(&text);
        golden_run(entries[i]->d_name, &text);
        wrong += !golden_compare(entries[i]->d_name, &text);
        octets_buffer_close(&text);
        free(entries[i]);
    }
    free(entries);
    assert_int_equal(chdir(back), 0);
    assert_int_equal(wrong, 0);
}

static bool
memory_read(const char *text, size_t length, struct vector *ret_errors)
{
    struct draft *draft = example_draft();
    bool good = zonefile_read_memory("memory", text, length, NULL, draft, NULL, ret_errors);
    draft_free(&draft);
    return good;
}

static const char *
last_text(const struct vector *errors)
{
    const struct zonefile_error *error = vector_at(errors, errors->count - 1);
    return error->text;
}

static void
reading_stops_after_the_maximum_of_errors_and_says_so(void **state)
{
    (void)state;
    struct vector errors;
    struct octets_buffer text;
    octets_buffer_init(&text);
    for (int i = 0; i < 3 * ZONEFILE_ERRORS_MAX; i++)
        octets_buffer_printf(&text, "a%d 300 A not-an-address\n", i);
    assert_false(memory_read((const char *)text.data, text.length, &errors));
    assert_int_equal(errors.count, ZONEFILE_ERRORS_MAX + 1);
    assert_non_null(strstr(last_text(&errors), "too many errors"));
    zonefile_errors_close(&errors);
    octets_buffer_close(&text);
}

static void
many_warnings_are_counted_and_spoil_nothing(void **state)
{
    (void)state;
    struct vector errors;
    struct octets_buffer text;
    octets_buffer_init(&text);
    for (int i = 0; i < 300; i++)
        octets_buffer_printf(&text, "a%d 300 CNAME b.example.gov\n", i);
    assert_true(memory_read((const char *)text.data, text.length, &errors));
    assert_int_equal(errors.count, 101);
    assert_string_equal(last_text(&errors), "200 more warnings are not shown");
    zonefile_errors_close(&errors);
    octets_buffer_close(&text);
}

static void
include_from_memory_without_a_directory_is_refused(void **state)
{
    (void)state;
    struct vector errors;
    const char *text = "$INCLUDE /etc/hostname\n";
    assert_false(memory_read(text, strlen(text), &errors));
    assert_string_equal(last_text(&errors), "$INCLUDE is not allowed here");
    zonefile_errors_close(&errors);
}

static void
a_record_over_the_limit_is_one_error_at_its_opening_parenthesis(void **state)
{
    (void)state;
    struct vector errors;
    struct octets_buffer text;
    octets_buffer_init(&text);
    octets_buffer_printf(&text, "a 300 TXT ( x\n");
    while (text.length < ZONEFILE_RECORD_TEXT_MAX + 1000)
        octets_buffer_printf(&text, "  \"some text in a string\"\n");
    octets_buffer_printf(&text, " )\nb 300 A 192.0.2.1\nc 300 A x\n");
    assert_false(memory_read((const char *)text.data, text.length, &errors));
    assert_int_equal(errors.count, 2);
    assert_non_null(strstr(((struct zonefile_error *)vector_at(&errors, 0))->text, "more than"));
    assert_non_null(strstr(last_text(&errors), "IPv4"));
    zonefile_errors_close(&errors);
    octets_buffer_close(&text);
}

struct seen {
    unsigned count, line;
    uint16_t type;
    uint32_t ttl;
    char file[64];
};

static void
record_remember(void *context, const char *file, unsigned line, const uint8_t *owner, uint16_t type,
                uint32_t ttl)
{
    struct seen *seen = context;
    (void)owner;
    seen->count++;
    seen->line = line;
    seen->type = type;
    seen->ttl = ttl;
    snprintf(seen->file, sizeof seen->file, "%s", file);
}

static void
the_caller_is_told_where_each_record_came_from(void **state)
{
    (void)state;
    struct seen seen = {0};
    struct zonefile_options options = {.record_seen = record_remember, .context = &seen};
    struct vector errors;
    struct draft *draft = example_draft();
    const char *text = "\na A 192.0.2.1\n\n@ (\n 60 ALIAS x.example.net. )\n";
    assert_true(zonefile_read_memory("db", text, strlen(text), NULL, draft, &options, &errors));
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.line, 5);
    assert_int_equal(seen.type, RRTYPE_ALIAS);
    assert_int_equal(seen.ttl, 60);
    assert_string_equal(seen.file, "db");
    zonefile_errors_close(&errors);
    draft_free(&draft);
}

static void
a_missing_file_and_a_directory_are_errors_with_a_place(void **state)
{
    (void)state;
    const char *paths[] = {"/nonexistent/zone", "/tmp"};
    for (int i = 0; i < 2; i++) {
        struct vector errors;
        struct draft *draft = example_draft();
        assert_false(zonefile_read(paths[i], draft, NULL, &errors));
        assert_int_equal(errors.count, 1);
        assert_non_null(strstr(last_text(&errors), paths[i]));
        zonefile_errors_close(&errors);
        draft_free(&draft);
    }
}

static void
includes_deeper_than_the_limit_are_refused(void **state)
{
    (void)state;
    char directory[] = "/tmp/zonefile.XXXXXX", path[PATH_MAX];
    assert_non_null(mkdtemp(directory));
    for (int i = 0; i < 20; i++) {
        snprintf(path, sizeof path, "%s/%d", directory, i);
        FILE *file = fopen(path, "w");
        fprintf(file, "$INCLUDE %d\nh%d 300 A 192.0.2.1\n", i + 1, i);
        fclose(file);
    }
    struct vector errors;
    struct draft *draft = example_draft();
    snprintf(path, sizeof path, "%s/0", directory);
    assert_false(zonefile_read(path, draft, NULL, &errors));
    assert_int_equal(errors.count, 1);
    assert_non_null(strstr(last_text(&errors), "more than 16 files"));
    assert_int_equal(draft_rr_count(draft), ZONEFILE_INCLUDE_DEPTH_MAX + 1);
    zonefile_errors_close(&errors);
    draft_free(&draft);
    for (int i = 0; i < 20; i++) {
        snprintf(path, sizeof path, "%s/%d", directory, i);
        unlink(path);
    }
    rmdir(directory);
}

// What was written of a sealed draft and read again is the same zone, for each good file of the
// corpus.
static void
reading_what_was_written_gives_the_same_zone(void **state)
{
    (void)state;
    static const char *const good[] = {"good_mixed",        "good_other_types", "good_ttl",
                                       "good_include",      "good_generate",    "check_cuts",
                                       "check_signed_nsec3"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        char path[PATH_MAX];
        struct vector errors;
        struct octets_buffer first, second;
        struct draft *draft = example_draft(), *again = example_draft();
        octets_buffer_init(&first);
        octets_buffer_init(&second);
        snprintf(path, sizeof path, TEST_SOURCE_DIR "/golden/zonefile/%s.zone", good[i]);
        assert_true(zonefile_read(path, draft, NULL, &errors));
        zonefile_errors_close(&errors);
        struct draft_findings findings;
        assert_true(draft_seal(draft, &findings, NULL));
        draft_show(draft, &first);
        assert_true(zonefile_read_memory("again", (const char *)first.data, first.length, NULL,
                                         again, NULL, &errors));
        assert_int_equal(errors.count, 0);
        zonefile_errors_close(&errors);
        assert_true(draft_seal(again, &findings, NULL));
        draft_show(again, &second);
        assert_int_equal(first.length, second.length);
        assert_memory_equal(first.data, second.data, first.length);
        assert_int_equal(draft_node_count(draft), draft_node_count(again));
        octets_buffer_close(&first);
        octets_buffer_close(&second);
        draft_free(&draft);
        draft_free(&again);
    }
}

// A text of many windows in which everything that a window may cut stands at many places: entries
// in parentheses, comments longer than a window, mistakes, and a parenthesis that is never closed.
static void
long_text_make(struct octets_buffer *text)
{
    for (unsigned i = 0; text->length < 5 * ZONEFILE_WINDOW_SIZE; i++) {
        octets_buffer_printf(text, "h%u 300 A 192.0.2.%u\n", i, i % 256);
        if (i % 11 == 0)
            octets_buffer_printf(text, "   300 TXT ( \"one\" ; ( %u\n\n  two\\032 )\r\n", i);
        if (i % 5000 == 2500)
            octets_buffer_printf(text, "h%u 300 A 192.0.2.300\nh 300 TXT \"open\nx\\1 A\n", i);
        if (i % 20000 == 10000)
            for (unsigned k = 0; k < ZONEFILE_WINDOW_SIZE / 10; k++)
                octets_buffer_printf(text, "; comment%s", i > 20000 || k % 100 ? "" : "\n");
        if (i % 20000 == 10000)
            octets_buffer_add_u8(text, '\n');
    }
    octets_buffer_printf(text, "\nopen 300 TXT ( a\n b\nlast 300 A 192.0.2.1\nlast 300 A x");
}

// The errors and records of a text, from memory or from a file.
static void
text_read(const char *path, const struct octets_buffer *text, struct octets_buffer *ret_shown)
{
    struct draft *draft = example_draft();
    struct draft_findings findings;
    struct vector errors;
    octets_buffer_init(ret_shown);
    bool good = text ? zonefile_read_memory(path, (const char *)text->data, text->length, NULL,
                                            draft, NULL, &errors)
                     : zonefile_read(path, draft, NULL, &errors);
    assert_false(good);
    errors_show(&errors, ret_shown);
    assert_true(draft_seal(draft, &findings, NULL));
    draft_show(draft, ret_shown);
    zonefile_errors_close(&errors);
    draft_free(&draft);
}

static void
a_file_of_many_windows_is_read_as_a_text_in_memory(void **state)
{
    (void)state;
    char path[] = "/tmp/zonefile.XXXXXX";
    struct octets_buffer text, from_memory, from_file;
    octets_buffer_init(&text);
    long_text_make(&text);
    int descriptor = mkstemp(path);
    assert_int_equal(write(descriptor, text.data, text.length), text.length);
    close(descriptor);
    text_read(path, &text, &from_memory);
    text_read(path, NULL, &from_file);
    unlink(path);
    assert_int_equal(from_file.length, from_memory.length);
    assert_memory_equal(from_file.data, from_memory.data, from_memory.length);
    octets_buffer_add_u8(&from_file, '\0');
    const char *shown = (const char *)from_file.data;
    assert_non_null(strstr(shown, "'(' is never closed"));
    assert_non_null(strstr(shown, "A: 'x' is not an IPv4 address"));
    octets_buffer_close(&text);
    octets_buffer_close(&from_memory);
    octets_buffer_close(&from_file);
}

// What the quick reader takes is what the thorough one makes of the same line.
static void
a_usual_line_is_read_as_the_thorough_reader_reads_it(void **state)
{
    (void)state;
    static const char *const records[] = {
        "www 300 A 192.0.2.1",
        "WWW.Sub.Example.GOV. 300 IN aaaa 2001:DB8::ffff:192.0.2.1",
        "a IN 300 NS ns.example.net.",
        "b 300 IN cname x",
        "*.c 300 PTR _x-1/2.y.example.gov.",
        "d 300 ALIAS t.example.net.",
        "e 2147483647 MX 0 mail",
        "f 0 SRV 65535 0 1 t",
        "g 300 TXT \"a;b(c)\" word \"\" \"\xC3\xBC\"",
        "h 300 CAA 0 issue \"ca.example.net; x=1\"",
        "i 300 CAA 128 iodef mailto:a@example.net",
        "j 300 TXT one\ttwo \t ; comment",
        "k 300 A 192.0.2.1\r",
        "l 300 CNAME @",
        "m 300 CNAME .",
        "n\t300\tIN\tA\t10.0.0.255",
    };
    for (size_t i = 0; i < sizeof records / sizeof records[0]; i++) {
        char text[256];
        struct octets_buffer shown[2];
        snprintf(text, sizeof text, "%s\n", records[i]);
        for (int way = 0; way < 2; way++) {
            struct zonefile_options options = {.thorough = way == 1};
            struct draft *draft = example_draft();
            struct draft_findings findings;
            struct vector errors;
            octets_buffer_init(&shown[way]);
            assert_true(
                zonefile_read_memory("line", text, strlen(text), NULL, draft, &options, &errors));
            assert_int_equal(errors.count, 0);
            assert_true(draft_seal(draft, &findings, NULL));
            draft_show(draft, &shown[way]);
            zonefile_errors_close(&errors);
            draft_free(&draft);
        }
        assert_int_equal(shown[0].length, shown[1].length);
        assert_memory_equal(shown[0].data, shown[1].data, shown[0].length);
        octets_buffer_close(&shown[0]);
        octets_buffer_close(&shown[1]);
    }
}

static uint32_t
draw(uint32_t *seed)
{
    *seed = *seed * 1664525U + 1013904223U;
    return *seed >> 8;
}

// Lines put together at random from words that matter to a reader, usual and not.
static void
random_text_make(uint32_t *seed, struct octets_buffer *text)
{
    static const char *const words[] = {"a",           "B.example.gov.",
                                        "example.gov", "x.y",
                                        "@",           "*",
                                        "in",          "IN",
                                        "0",           "300",
                                        "1h",          "70000",
                                        "A",           "AAAA",
                                        "MX",          "NS",
                                        "CNAME",       "PTR",
                                        "SRV",         "TXT",
                                        "CAA",         "ALIAS",
                                        "txt",         "TYPE1",
                                        "192.0.2.1",   "192.0.2.01",
                                        "192.0.2.300", "2001:db8::1",
                                        "::",          "issue",
                                        "ISSUE",       "\"q;(\"",
                                        "\"\"",        "\"open",
                                        "wo\"rd\"",    "e\\;",
                                        "\\097",       "(",
                                        ")",           ";",
                                        "; c",         "ca.example.net;x",
                                        "\t",          "\r",
                                        "\n",          "\n ",
                                        "$TTL",        "$ORIGIN",
                                        "sub",         ".",
                                        "..",          "a..b",
                                        "\xC3\xBC",    "in.x",
                                        "10",          "\\# 4 C0000201"};
    static const char *const lines[] = {"a 300 A 192.0.2.1",
                                        "B.example.gov. IN 60 AAAA 2001:db8::1",
                                        " MX 10 mail",
                                        "c\t0\tIN\tTXT\t\"q;(\" word",
                                        "d CAA 0 issue \"x; y\"",
                                        "*.e 1 SRV 1 2 3 t.example.net.",
                                        "f 300 CNAME g.h",
                                        "i NS ns ; comment"};
    text->length = 0;
    for (unsigned i = 0; i < 12; i++) {
        if (draw(seed) % 5 == 0)
            octets_buffer_printf(text, "%s ", words[draw(seed) % (sizeof words / sizeof words[0])]);
        size_t start = text->length;
        if (draw(seed) % 4)
            octets_buffer_printf(text, "%s", lines[draw(seed) % (sizeof lines / sizeof lines[0])]);
        if (draw(seed) % 5 == 0 && text->length > start) // one octet is another
            text->data[start + draw(seed) % (text->length - start)] =
                (uint8_t) " \t\"();.\\@x0\r"[draw(seed) % 12];
        for (uint32_t more = draw(seed) % 3; more > 0; more--)
            octets_buffer_printf(text, " %s", words[draw(seed) % (sizeof words / sizeof words[0])]);
        octets_buffer_add_u8(text, '\n');
    }
}

static void
both_ways_show(const struct octets_buffer *text, bool thorough, struct octets_buffer *shown)
{
    struct zonefile_options options = {.thorough = thorough, .generate_max = 10};
    struct draft *draft = example_draft();
    struct draft_findings findings;
    struct vector errors;
    shown->length = 0;
    zonefile_read_memory("text", (const char *)text->data, text->length, NULL, draft, &options,
                         &errors);
    errors_show(&errors, shown);
    assert_true(draft_seal(draft, &findings, NULL));
    draft_show(draft, shown);
    zonefile_errors_close(&errors);
    draft_free(&draft);
}

static void
random_lines_are_read_the_same_the_quick_and_the_thorough_way(void **state)
{
    (void)state;
    struct octets_buffer text, quick, thorough;
    unsigned rounds = getenv("TANDEM_LONG") ? 100000 : 3000;
    uint32_t seed = 1;
    octets_buffer_init(&text);
    octets_buffer_init(&quick);
    octets_buffer_init(&thorough);
    for (unsigned i = 0; i < rounds; i++) {
        random_text_make(&seed, &text);
        both_ways_show(&text, false, &quick);
        both_ways_show(&text, true, &thorough);
        if (quick.length != thorough.length || memcmp(quick.data, thorough.data, quick.length) != 0)
            fail_msg("%.*s\nquick:\n%.*s\nthorough:\n%.*s", (int)text.length,
                     (const char *)text.data, (int)quick.length, (const char *)quick.data,
                     (int)thorough.length, (const char *)thorough.data);
    }
    octets_buffer_close(&text);
    octets_buffer_close(&quick);
    octets_buffer_close(&thorough);
}

// Nearly usual lines: each says what is wrong or doubtful with it, at its place.
static void
what_is_wrong_with_a_nearly_usual_line_is_said(void **state)
{
    (void)state;
    static const struct {
        const char *line, *said;
    } cases[] = {
        {"a 300 A 192.0.2.256", ":1:9: A: '192.0.2.256' is not an IPv4"},
        {"a 300 A 192.0.2.01", ":1:9: A: '192.0.2.01' is not an IPv4"},
        {"a 300 A 192.0.2", ":1:9: A: '192.0.2' is not an IPv4"},
        {"a 300 A 192.0.2.1.", ":1:9: A: '192.0.2.1.' is not an IPv4"},
        {"a 300 A 192.0.2.1 x", ":1:19: A: 'x' is too much"},
        {"a 300 AAAA 2001:db8::g", ":1:12: AAAA: '2001:db8::g' is not an IPv6"},
        {"a 300 MX 65536 x", ":1:10: MX: preference '65536'"},
        {"a 300 SRV 1 2 3", ":1:16: SRV: missing target"},
        {"a 300 NS x..y", ":1:10: NS: name server"},
        {"a 300 CAA 256 issue x", ":1:11: CAA: flags '256'"},
        {"a 300 CNAME b.example.gov",
         ":1:13: warning: CNAME: canonical name 'b.example.gov' has no final"},
        {"a.example.gov 300 A 192.0.2.1", ":1:1: warning: owner 'a.example.gov' has no final dot"},
        {"a 300 NS 192.0.2.1", ":1:10: warning: NS: name server '192.0.2.1' is an address"},
        {"a 300 TXT v=1; x", ":1:14: warning: TXT: the ; begins a comment"},
        {"IN 300 A 192.0.2.1", ":1:1: warning: owner 'IN' is probably meant as the class"},
        {"a.example.org. 300 A 192.0.2.1", ":1:1: owner a.example.org. is outside of the zone"},
        {"a 2147483648 A 192.0.2.1", ":1:3: TTL '2147483648'"},
        {" 300 A 192.0.2.1", ":1:1: no owner"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[128], shown[4096] = "";
        struct vector errors;
        snprintf(text, sizeof text, "%s\n", cases[i].line);
        memory_read(text, strlen(text), &errors);
        if (errors.count > 0)
            zonefile_error_text(vector_at(&errors, 0), shown, sizeof shown);
        if (errors.count != 1 || !strstr(shown, cases[i].said))
            fail_msg("%s: %zu errors, '%s' is not '%s'", cases[i].line, errors.count, shown,
                     cases[i].said);
        zonefile_errors_close(&errors);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_file_of_the_corpus_gives_its_golden_messages),
        cmocka_unit_test(reading_stops_after_the_maximum_of_errors_and_says_so),
        cmocka_unit_test(many_warnings_are_counted_and_spoil_nothing),
        cmocka_unit_test(include_from_memory_without_a_directory_is_refused),
        cmocka_unit_test(a_record_over_the_limit_is_one_error_at_its_opening_parenthesis),
        cmocka_unit_test(the_caller_is_told_where_each_record_came_from),
        cmocka_unit_test(a_missing_file_and_a_directory_are_errors_with_a_place),
        cmocka_unit_test(includes_deeper_than_the_limit_are_refused),
        cmocka_unit_test(reading_what_was_written_gives_the_same_zone),
        cmocka_unit_test(a_file_of_many_windows_is_read_as_a_text_in_memory),
        cmocka_unit_test(a_usual_line_is_read_as_the_thorough_reader_reads_it),
        cmocka_unit_test(random_lines_are_read_the_same_the_quick_and_the_thorough_way),
        cmocka_unit_test(what_is_wrong_with_a_nearly_usual_line_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
