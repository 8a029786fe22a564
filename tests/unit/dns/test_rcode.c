#include "common/dns/rcode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
rcodes_have_their_words(void **state)
{
    (void)state;
    assert_string_equal(rcode_text(RCODE_NOERROR), "NOERROR");
    assert_string_equal(rcode_text(RCODE_NXDOMAIN), "NXDOMAIN");
    assert_string_equal(rcode_text(RCODE_NOTAUTH), "NOTAUTH");
    assert_string_equal(rcode_text(RCODE_NOTZONE), "NOTZONE");
    assert_string_equal(rcode_text(RCODE_BADVERS), "BADVERS");
    assert_string_equal(rcode_text(RCODE_BADKEY), "BADKEY");
    assert_string_equal(rcode_text(RCODE_BADTIME), "BADTIME");
    assert_string_equal(rcode_text(RCODE_BADTRUNC), "BADTRUNC");
    assert_string_equal(rcode_text(RCODE_BADCOOKIE), "BADCOOKIE");
}

static void
the_unknown_ones_are_numbered(void **state)
{
    (void)state;
    assert_string_equal(rcode_text(12), "RCODE12");
    assert_string_equal(rcode_text(24), "RCODE24");
    assert_string_equal(rcode_text(4294967295U), "RCODE4294967295");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rcodes_have_their_words),
        cmocka_unit_test(the_unknown_ones_are_numbered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
