#include "common/daemon/log_line.h"

#include <jansson.h>
#include <stdlib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct log_line line;

static const char *
ended(void)
{
    log_line_end(&line);
    assert_true(line.length < sizeof(line.text));
    line.text[line.length] = '\0';
    assert_ptr_equal(strchr(line.text, '\n'), line.text + line.length - 1); // the only one
    return line.text;
}

static void
a_text_line_is_a_sentence_and_pairs(void **state)
{
    (void)state;
    log_line_begin(&line, LOG_FORMAT_TEXT, LOG_LEVEL_INFO, "2026-11-21T18:42:07.113Z", "signer");
    log_line_sentence(&line, "zone published", 0);
    log_line_pair(&line, "zone", "example.gov");
    log_line_pair(&line, "serial", "1795263187");
    assert_string_equal(ended(), "2026-11-21T18:42:07.113Z info signer: zone published "
                                 "zone=example.gov serial=1795263187\n");
}

static void
under_journald_the_priority_stands_for_time_and_level(void **state)
{
    static const struct {
        enum log_level level;
        const char *text;
    } cases[] = {
        {LOG_LEVEL_ERROR, "<3>error: x\n"},
        {LOG_LEVEL_WARNING, "<4>warning: x\n"},
        {LOG_LEVEL_INFO, "<6>info: x\n"},
        {LOG_LEVEL_DEBUG, "<7>debug: x\n"},
    };
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        log_line_begin(&line, LOG_FORMAT_TEXT, cases[i].level, NULL, "");
        log_line_sentence(&line, "x", 0);
        assert_string_equal(ended(), cases[i].text);
    }
}

static const char *
with_value(const char *value)
{
    log_line_begin(&line, LOG_FORMAT_TEXT, LOG_LEVEL_INFO, NULL, NULL);
    log_line_sentence(&line, "x", 0);
    log_line_pair(&line, "k", value);
    ended();
    return line.text + strlen("<6>info: x ");
}

static void
values_are_quoted_when_needed_and_nothing_foreign_passes(void **state)
{
    static const struct {
        const char *value;
        const char *text;
    } cases[] = {
        {"plain-1.2/3@53", "k=plain-1.2/3@53\n"},
        {"", "k=\"\"\n"},
        {"two words", "k=\"two words\"\n"},
        {"a=b", "k=\"a=b\"\n"},
        {"say \"no\"", "k=\"say \\\"no\\\"\"\n"},
        {"back\\slash", "k=\"back\\\\slash\"\n"},
        {"line\nbreak\ttab\r", "k=\"line\\nbreak\\ttab\\x0d\"\n"},
        {"\x1b[31mred\x7f", "k=\"\\x1b[31mred\\x7f\"\n"},
        {"gr\xc3\xbc\xc3\x9f", "k=\"gr\xc3\xbc\xc3\x9f\"\n"}, // UTF-8 stays
        {"\xc2\x9b"
         "31m",
         "k=\"\\xc2\\x9b31m\"\n"},                   // C1: CSI of a terminal
        {"\xff\xfe", "k=\"\\xff\\xfe\"\n"},          // no UTF-8
        {"\xc3", "k=\"\\xc3\"\n"},                   // cut UTF-8
        {"\xc0\x8a", "k=\"\\xc0\\x8a\"\n"},          // overlong newline
        {"\xed\xa0\x80", "k=\"\\xed\\xa0\\x80\"\n"}, // a surrogate
        {"\xf0\x9f\x98\x80", "k=\"\xf0\x9f\x98\x80\"\n"},
        {"\xf4\x90\x80\x80", "k=\"\\xf4\\x90\\x80\\x80\"\n"}, // above U+10FFFF
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_string_equal(with_value(cases[i].value), cases[i].text);
}

static void
a_sentence_cannot_begin_a_line(void **state)
{
    (void)state;
    log_line_begin(&line, LOG_FORMAT_TEXT, LOG_LEVEL_INFO, NULL, NULL);
    log_line_sentence(&line, "x\n<3>error: forged", 0);
    assert_string_equal(ended(), "<6>info: x\\n<3>error: forged\n");
}

static void
left_out_lines_are_counted(void **state)
{
    (void)state;
    log_line_begin(&line, LOG_FORMAT_TEXT, LOG_LEVEL_INFO, NULL, NULL);
    log_line_sentence(&line, "x", 12);
    log_line_pair(&line, "k", "v");
    assert_string_equal(ended(), "<6>info: x (12 more) k=v\n");
}

static json_t *
parsed(void)
{
    json_error_t error;
    const char *text = strchr(ended(), '{');
    json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (!object)
        fail_msg("%s: %.80s", error.text, text);
    return object;
}

static void
a_json_line_is_one_object(void **state)
{
    (void)state;
    log_line_begin(&line, LOG_FORMAT_JSON, LOG_LEVEL_WARNING, "2026-11-21T18:42:07.113Z", "desk");
    log_line_sentence(&line, "mail \"waits\"\n", 3);
    log_line_pair(&line, "zone", "a\\b\x01\xff");
    json_t *object = parsed();
    assert_string_equal(json_string_value(json_object_get(object, "level")), "warning");
    assert_string_equal(json_string_value(json_object_get(object, "role")), "desk");
    assert_string_equal(json_string_value(json_object_get(object, "message")), "mail \"waits\"\n");
    assert_string_equal(json_string_value(json_object_get(object, "zone")), "a\\b\x01\xc3\xbf");
    assert_string_equal(json_string_value(json_object_get(object, "more")), "(3 more)");
    json_decref(object);
}

// Lengths around the limit, and values whose escapes are longer than they are.
static void
a_long_line_is_cut_and_stays_whole(void **state)
{
    static const char fillers[] = {'a', '\n', '"', '\xff'};
    static char value[LOG_LINE_MAX + 2];
    (void)state;
    for (size_t f = 0; f < sizeof(fillers); f++)
        for (size_t length = 1200; length < sizeof(value);
             length += length < LOG_LINE_MAX - 100 ? 61 : 1) {
            memset(value, fillers[f], length);
            value[length] = '\0';
            for (int format = LOG_FORMAT_TEXT; format <= LOG_FORMAT_JSON; format++) {
                log_line_begin(&line, (enum log_format)format, LOG_LEVEL_INFO, NULL, "role");
                log_line_sentence(&line, "x", 0);
                log_line_pair(&line, "k", value);
                log_line_pair(&line, "after", "v");
                bool cut = line.cut;
                if (format == LOG_FORMAT_JSON) {
                    json_t *object = parsed();
                    assert_true(cut == json_is_true(json_object_get(object, "cut")));
                    json_decref(object);
                } else {
                    ended();
                    assert_true(cut == (strstr(line.text, "after=v\n") == NULL));
                    assert_true(cut == (strstr(line.text, "...\n") != NULL));
                }
            }
        }
}

static void
many_pairs_never_overflow(void **state)
{
    static char value[300];
    (void)state;
    memset(value, ' ', sizeof(value) - 1);
    for (int format = LOG_FORMAT_TEXT; format <= LOG_FORMAT_JSON; format++) {
        log_line_begin(&line, (enum log_format)format, LOG_LEVEL_INFO, NULL, "role");
        log_line_sentence(&line, "x", 0);
        for (int i = 0; i < 100; i++) {
            char key[8] = {'k', (char)('a' + i / 26), (char)('a' + i % 26)};
            log_line_pair(&line, key, value);
        }
        if (format == LOG_FORMAT_JSON)
            json_decref(parsed());
        else
            ended();
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_line_is_a_sentence_and_pairs),
        cmocka_unit_test(under_journald_the_priority_stands_for_time_and_level),
        cmocka_unit_test(values_are_quoted_when_needed_and_nothing_foreign_passes),
        cmocka_unit_test(a_sentence_cannot_begin_a_line),
        cmocka_unit_test(left_out_lines_are_counted),
        cmocka_unit_test(a_json_line_is_one_object),
        cmocka_unit_test(a_long_line_is_cut_and_stays_whole),
        cmocka_unit_test(many_pairs_never_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
