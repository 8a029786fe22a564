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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
