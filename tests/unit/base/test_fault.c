#include "common/base/fault.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
a_fault_has_kind_and_text(void **state)
{
    (void)state;
    struct fault fault = {0};
    assert_false(fault_set(&fault, FAULT_SYNTAX, "line %d", 7));
    assert_int_equal(fault.kind, FAULT_SYNTAX);
    assert_string_equal(fault.text, "line 7");
}

static void
a_caller_puts_its_context_before(void **state)
{
    (void)state;
    struct fault fault = {0};
    fault_set(&fault, FAULT_SYNTAX, "MX: missing exchange");
    assert_false(fault_wrap(&fault, "zone %s", "example.gov"));
    assert_string_equal(fault.text, "zone example.gov: MX: missing exchange");
    assert_int_equal(fault.kind, FAULT_SYNTAX);
}

static void
the_old_text_may_be_an_argument(void **state)
{
    (void)state;
    struct fault fault = {0};
    fault_set(&fault, FAULT_IO, "inner");
    fault_set(&fault, FAULT_LIMIT, "<%s>", fault.text);
    assert_string_equal(fault.text, "<inner>");
    fault_wrap(&fault, "%s", fault.text);
    assert_string_equal(fault.text, "<inner>: <inner>");
}

static void
a_text_that_is_too_long_is_cut_and_stays_closed(void **state)
{
    (void)state;
    struct fault fault = {0};
    char text[FAULT_TEXT_MAX + 100];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    fault_set(&fault, FAULT_SYNTAX, "%s", text);
    assert_int_equal(strlen(fault.text), FAULT_TEXT_MAX - 1);
    fault_wrap(&fault, "context");
    assert_int_equal(strlen(fault.text), FAULT_TEXT_MAX - 1);
    assert_memory_equal(fault.text, "context: xxx", 12);
}

static void
errno_is_said_in_words(void **state)
{
    (void)state;
    struct fault fault = {0};
    assert_false(fault_set_errno(&fault, ENOENT, "cannot open %s", "x.zone"));
    assert_int_equal(fault.kind, FAULT_IO);
    assert_string_equal(fault.text, "cannot open x.zone: No such file or directory");
}

static void
nobody_needs_to_listen(void **state)
{
    (void)state;
    assert_false(fault_set(NULL, FAULT_IO, "x"));
    assert_false(fault_set_errno(NULL, EIO, "x"));
    assert_false(fault_wrap(NULL, "x"));
}

static void
every_kind_has_a_word_of_its_own(void **state)
{
    (void)state;
    for (int a = FAULT_NONE; a <= FAULT_UNSUPPORTED; a++)
        for (int b = FAULT_NONE; b < a; b++)
            assert_string_not_equal(fault_kind_word((enum fault_kind)a),
                                    fault_kind_word((enum fault_kind)b));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fault_has_kind_and_text),
        cmocka_unit_test(a_caller_puts_its_context_before),
        cmocka_unit_test(the_old_text_may_be_an_argument),
        cmocka_unit_test(a_text_that_is_too_long_is_cut_and_stays_closed),
        cmocka_unit_test(errno_is_said_in_words),
        cmocka_unit_test(nobody_needs_to_listen),
        cmocka_unit_test(every_kind_has_a_word_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
