#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "secondary/signer/zone_directory.h"

static const char *
directory_name(const char *zone, char name[static ZONE_DIRECTORY_NAME_MAX])
{
    uint8_t apex[NAME_SIZE_MAX];
    struct fault fault = {0};
    if (!name_from_text(zone, NULL, apex, &fault))
        fail_msg("%s", fault.text);
    zone_directory_name(apex, name);
    return name;
}

static void
zones_have_names_that_people_know(void **state)
{
    char name[ZONE_DIRECTORY_NAME_MAX];
    (void)state;
    assert_string_equal(directory_name("example.gov.", name), "example.gov");
    assert_string_equal(directory_name("_dmarc.xn--bcher-kva.example.", name),
                        "_dmarc.xn--bcher-kva.example");
    assert_string_equal(directory_name(".", name), "%2E");
    assert_string_equal(directory_name("0/25.2.0.192.in-addr.arpa.", name),
                        "0%2F25.2.0.192.in-addr.arpa");
}

// Whatever a zone is called, its directory is one plain name below zones/.
static void
no_name_leaves_its_folder(void **state)
{
    uint8_t apex[] = {1, 0, 7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 0};
    char name[ZONE_DIRECTORY_NAME_MAX], seen[256][64];
    (void)state;
    for (unsigned octet = 0; octet < 256; octet++) {
        apex[1] = (uint8_t)octet;
        if (octet >= 'A' && octet <= 'Z') {
            seen[octet][0] = '\0'; // names are lower case
            continue;
        }
        zone_directory_name(apex, name);
        for (const char *at = name; *at != '\0'; at++)
            if (*at < '!' || *at > '~' || *at == '/' || *at == '\\')
                fail_msg("octet %u gives %s", octet, name);
        assert_int_not_equal(name[0], '.');
        assert_true(strlen(name) < 64);
        strcpy(seen[octet], name);
        for (unsigned other = 0; other < octet; other++)
            assert_string_not_equal(seen[other], name);
    }
    assert_string_equal(directory_name("\\.\\..example.", name), "%5C.%5C..example");
    assert_string_not_equal(directory_name("a\\.b.example.", name), "a.b.example");
}

static void
the_longest_name_fits(void **state)
{
    uint8_t apex[NAME_SIZE_MAX];
    char name[ZONE_DIRECTORY_NAME_MAX];
    (void)state;
    memset(apex, 0, sizeof apex); // labels of octets that all need an escape
    for (size_t at = 0; at + 64 < sizeof apex - 1; at += 64)
        apex[at] = 63;
    apex[192] = 61;
    apex[254] = 0;
    zone_directory_name(apex, name);
    assert_true(strlen(name) < ZONE_DIRECTORY_NAME_MAX);
    assert_true(strlen(name) > 255); // no file can be called so: the system refuses it
}

static char directory[64];

static int
make(void **state)
{
    (void)state;
    snprintf(directory, sizeof directory, "/tmp/tandem-zone-XXXXXX");
    return mkdtemp(directory) != NULL ? 0 : -1;
}

static int
unmake(void **state)
{
    char path[128];
    (void)state;
    snprintf(path, sizeof path, "%s/file", directory);
    unlink(path);
    return rmdir(directory); // fails when a temporary file was left
}

static void
a_file_is_written_whole_and_replaced_whole(void **state)
{
    char path[128], read_back[64];
    struct fault fault = {0};
    struct stat status;
    (void)state;
    snprintf(path, sizeof path, "%s/file", directory);
    assert_true(zone_directory_write(directory, "file", "first and long\n", 15, &fault));
    assert_true(zone_directory_write(directory, "file", "second\n", 7, &fault));
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(read(fd, read_back, sizeof read_back), 7);
    assert_memory_equal(read_back, "second\n", 7);
    assert_int_equal(fstat(fd, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    close(fd);
    assert_true(zone_directory_write(directory, "file", "", 0, &fault));
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_size, 0);
}

static void
a_write_that_fails_names_the_file_and_leaves_nothing_behind(void **state)
{
    char path[128];
    struct fault fault = {0};
    (void)state;
    assert_false(zone_directory_write("/nonexistent", "file", "x", 1, &fault));
    assert_int_equal(fault.kind, FAULT_IO);
    assert_non_null(strstr(fault.text, "/nonexistent/file"));
    // A folder stands where the file should: the rename fails, the temporary file goes.
    snprintf(path, sizeof path, "%s/file", directory);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_false(zone_directory_write(directory, "file", "x", 1, &fault));
    assert_non_null(strstr(fault.text, path));
    assert_int_equal(rmdir(path), 0);
}

static void
a_path_that_is_too_long_is_refused_and_not_cut(void **state)
{
    static char name[PATH_MAX];
    struct fault fault = {0};
    (void)state;
    memset(name, 'n', sizeof name - 1);
    assert_false(zone_directory_write(directory, name, "x", 1, &fault));
    assert_int_equal(fault.kind, FAULT_IO);
}

static void
a_directory_is_made_once_and_private(void **state)
{
    char path[128];
    struct fault fault = {0};
    struct stat status;
    (void)state;
    snprintf(path, sizeof path, "%s/zone", directory);
    assert_true(zone_directory_make(path, &fault));
    assert_true(zone_directory_make(path, &fault));
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
    assert_int_equal(rmdir(path), 0);
    assert_false(zone_directory_make("/nonexistent/zone", &fault));
    assert_non_null(strstr(fault.text, "/nonexistent/zone"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zones_have_names_that_people_know),
        cmocka_unit_test(no_name_leaves_its_folder),
        cmocka_unit_test(the_longest_name_fits),
        cmocka_unit_test_setup_teardown(a_file_is_written_whole_and_replaced_whole, make, unmake),
        cmocka_unit_test_setup_teardown(a_write_that_fails_names_the_file_and_leaves_nothing_behind,
                                        make, unmake),
        cmocka_unit_test_setup_teardown(a_path_that_is_too_long_is_refused_and_not_cut, make,
                                        unmake),
        cmocka_unit_test_setup_teardown(a_directory_is_made_once_and_private, make, unmake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
