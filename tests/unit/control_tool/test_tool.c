#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/daemon/control.h"
#include "common/net/loop.h"
#include "common/tandemctl/tool.h"

// A daemon in a thread behind a real control socket; its answers are fixed.
struct bench {
    char folder[64], path[128];
    struct loop *loop;
    struct control *control;
    struct control_request *unanswered;
    pthread_t thread;
    int exit_code;
    char *out, *err;
};

static void
answer_status(void *context, struct control_request *request)
{
    (void)context;
    struct json_value *result = json_value_object();
    json_value_put_text(result, "version", "9.9");
    json_value_put_text(result, "program", "tandem-test");
    control_reply(&request, &result);
}

static void
answer_check(void *context, struct control_request *request)
{
    (void)context;
    struct json_value *result = json_value_object();
    json_value_put_text(result, "nagios", "WARNING");
    json_value_put_text(result, "text", "one zone is held");
    control_reply_code(&request, 1, &result);
}

static void
answer_held(void *context, struct control_request *request)
{
    (void)context;
    struct fault fault;
    struct json_value *result = json_value_object();
    json_value_put_text(result, "zone", control_argument(request, 0));
    json_value_put_text(result, "digest", "5f1c09");
    fault_set(&fault, FAULT_REFUSED, "zone %s: held by the gate", control_argument(request, 0));
    control_reply_failed(&request, CONTROL_REFUSED, &fault, &result);
}

static void
answer_export(void *context, struct control_request *request)
{
    (void)context;
    char *text = strdup("@ 60 IN A 192.0.2.1\n");
    struct json_value *result = json_value_object();
    json_value_put_integer(result, "records", 1);
    control_reply_text(&request, &text, strlen(text), &result);
}

static void
answer_import(void *context, struct control_request *request)
{
    (void)context;
    char octets[32] = "";
    int fd = control_take_descriptor(request, 1);
    ssize_t got = read(fd, octets, sizeof octets - 1);
    close(fd);
    struct json_value *result = json_value_object();
    json_value_printf(result, "text", "%zu files, the second says %.*s, %s as %s",
                      control_descriptor_count(request), (int)got, octets,
                      control_argument(request, 2), control_option(request, "role"));
    control_reply(&request, &result);
}

static void
answer_key_export(void *context, struct control_request *request)
{
    (void)context;
    struct json_value *result = json_value_object();
    struct json_value *file = json_value_add_object(json_value_put_array(result, "files"));
    json_value_put_text(file, "name", control_argument(request, 1));
    json_value_put_text(file, "text", "key text\n");
    control_reply(&request, &result);
}

static void
answer_never(void *context, struct control_request *request)
{
    ((struct bench *)context)->unanswered = request;
}

static void
answer_stop(void *context, struct control_request *request)
{
    struct bench *bench = context;
    if (bench->unanswered)
        control_reply(&bench->unanswered, NULL);
    control_reply(&request, NULL);
    loop_stop(bench->loop);
}

static const struct control_verb verbs[] = {
    {"", "version", 0, 0, 0, NULL, answer_status, NULL},
    {"", "check", 0, 0, 0, NULL, answer_check, NULL},
    {"", "stop", 0, 0, CONTROL_CHANGES, NULL, answer_stop, NULL},
    {"zone", "refresh", 1, 1, CONTROL_CHANGES, NULL, answer_held, NULL},
    {"zone", "export", 1, 1, 0, "signed source", answer_export, NULL},
    {"zone", "notify", 1, 1, CONTROL_CHANGES, NULL, answer_never, NULL},
    {"key", "import", 2, 17, CONTROL_CHANGES, "role", answer_import, NULL},
    {"key", "export", 2, 2, 0, NULL, answer_key_export, NULL},
};

static void *
serve(void *context)
{
    loop_run(((struct bench *)context)->loop);
    return NULL;
}

static void
run(struct bench *bench, const char *line)
{
    char copy[1024], *words[32] = {"tandemctl"}, *rest = NULL;
    int count = 1;
    size_t out_size, err_size;
    free(bench->out);
    free(bench->err);
    snprintf(copy, sizeof copy, "%s", line);
    for (char *at = strtok_r(copy, " ", &rest); at; at = strtok_r(NULL, " ", &rest))
        words[count++] = at;
    FILE *out = open_memstream(&bench->out, &out_size),
         *err = open_memstream(&bench->err, &err_size);
    bench->exit_code = tool_run(count, words, out, err, false, 1795286527);
    fclose(out);
    fclose(err);
}

static int
setup(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    strcpy(bench->folder, "/tmp/tandem-tool-XXXXXX");
    assert_non_null(mkdtemp(bench->folder));
    snprintf(bench->path, sizeof bench->path, "%s/primary.sock", bench->folder);
    setenv("TANDEM_RUN_DIRECTORY", bench->folder, 1);
    assert_int_equal(chdir(bench->folder), 0);
    bench->loop = loop_new();
    struct control_options options = {.path = bench->path,
                                      .verbs = verbs,
                                      .verb_count = sizeof verbs / sizeof verbs[0],
                                      .context = bench,
                                      .daemon_uid = getuid()};
    assert_true(control_open(&bench->control, bench->loop, &options, NULL));
    assert_int_equal(pthread_create(&bench->thread, NULL, serve, bench), 0);
    *state = bench;
    return 0;
}

static int
teardown(void **state)
{
    struct bench *bench = *state;
    char command[200];
    snprintf(command, sizeof command, "-s %s stop", bench->path);
    run(bench, command);
    assert_int_equal(bench->exit_code, 0);
    pthread_join(bench->thread, NULL);
    control_close(&bench->control);
    loop_free(&bench->loop);
    assert_int_equal(chdir("/"), 0);
    snprintf(command, sizeof command, "rm -r %s", bench->folder);
    assert_int_equal(system(command), 0);
    free(bench->out);
    free(bench->err);
    free(bench);
    return 0;
}

static void
the_only_socket_is_found_and_the_answer_shown(void **state)
{
    struct bench *bench = *state;
    run(bench, "version");
    assert_int_equal(bench->exit_code, 0);
    assert_string_equal(bench->out, "tandem-test 9.9\n");
    assert_string_equal(bench->err, "");
}

static void
json_is_the_reply_as_it_came(void **state)
{
    struct bench *bench = *state;
    run(bench, "version --json");
    assert_string_equal(bench->out,
                        "{\n  \"ok\": true,\n  \"exit_code\": 0,\n  \"result\": {\n    "
                        "\"version\": \"9.9\",\n    \"program\": \"tandem-test\"\n  }\n}\n");
    run(bench, "--json zone export example.gov --signed");
    assert_non_null(strstr(bench->out, "\"text\": \"@ 60 IN A 192.0.2.1\\n\""));
}

static void
an_export_goes_out_as_it_is(void **state)
{
    struct bench *bench = *state;
    run(bench, "zone export example.gov");
    assert_string_equal(bench->out, "@ 60 IN A 192.0.2.1\n");
}

static void
with_two_sockets_one_must_be_named(void **state)
{
    struct bench *bench = *state;
    char path[160], line[300];
    snprintf(path, sizeof path, "%s/secondary.sock", bench->folder);
    int second = control_listen(path, NULL, NULL);
    run(bench, "version");
    assert_int_equal(bench->exit_code, 2);
    assert_non_null(strstr(bench->err, "primary.sock"));
    assert_non_null(strstr(bench->err, "secondary.sock"));
    snprintf(line, sizeof line, "-s %s version", bench->path);
    run(bench, line);
    assert_int_equal(bench->exit_code, 0);
    close(second);
    // One that nobody listens on.
    snprintf(line, sizeof line, "-s %s version", path);
    run(bench, line);
    assert_int_equal(bench->exit_code, 4);
}

static void
no_daemon_is_exit_4_and_for_nagios_critical(void **state)
{
    struct bench *bench = *state;
    setenv("TANDEM_RUN_DIRECTORY", "/nonexistent", 1);
    run(bench, "status");
    assert_int_equal(bench->exit_code, 4);
    run(bench, "check");
    assert_int_equal(bench->exit_code, 2);
    assert_memory_equal(bench->out, "TANDEM CRITICAL - no daemon", 27);
    setenv("TANDEM_RUN_DIRECTORY", bench->folder, 1);
    run(bench, "check");
    assert_int_equal(bench->exit_code, 1);
    assert_string_equal(bench->out, "TANDEM WARNING - one zone is held\n");
}

static void
a_zone_that_the_gate_holds_is_exit_6_with_the_next_commands(void **state)
{
    struct bench *bench = *state;
    run(bench, "zone refresh example.gov");
    assert_int_equal(bench->exit_code, 6);
    assert_string_equal(bench->err,
                        "tandemctl: zone example.gov: held by the gate\n"
                        "-> \"tandemctl zone diff example.gov\", then \"tandemctl zone accept "
                        "example.gov 5f1c09\"\n");
}

static void
a_daemon_that_does_not_answer_is_exit_7(void **state)
{
    struct bench *bench = *state;
    run(bench, "--timeout 1s zone notify example.gov");
    assert_int_equal(bench->exit_code, 7);
}

static void
wrong_words_are_exit_2_and_name_the_nearest(void **state)
{
    struct bench *bench = *state;
    static const struct {
        const char *line, *error;
    } cases[] = {
        {"", "tandemctl: a command is missing; see tandemctl -h\n"},
        {"zon list", "tandemctl: zon: no such command; the nearest is zone\n"},
        {"zone", "tandemctl: zone: a verb is missing; see tandemctl -h\n"},
        {"zone lst", "tandemctl: zone lst: no such verb; the nearest is list\n"},
        {"zone status", "tandemctl: usage: tandemctl zone status Z\n"},
        {"zone status a b", "tandemctl: usage: tandemctl zone status Z\n"},
        {"status --frob", "tandemctl: status: no such option as --frob\n"},
        {"status -x", "tandemctl: -x: no such option; see tandemctl -h\n"},
        {"status --dry-run", "tandemctl: status changes nothing: --dry-run has no meaning\n"},
        {"key generate a --role", "tandemctl: --role: needs a value\n"},
        {"zone sign a --role=KSK", "tandemctl: zone sign: no such option as --role=KSK\n"},
        {"--timeout soon status",
         "tandemctl: --timeout: expected a duration such as 30s, 15m, 24h or 7d, got \"soon\"\n"},
        {"key roll a --role KSK", "tandemctl: key roll: not in this version\n"},
        {"explain a b", "tandemctl: explain: not in this version\n"},
        {"import pdns x", "tandemctl: import pdns: not in this version\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        run(bench, cases[i].line);
        assert_string_equal(bench->err, cases[i].error);
        assert_int_equal(bench->exit_code, 2);
    }
}

static void
key_files_go_along_as_descriptors(void **state)
{
    struct bench *bench = *state;
    FILE *file = fopen("a.key", "w");
    fclose(file);
    file = fopen("a.private", "w");
    fputs("hush", file);
    fclose(file);
    run(bench, "key import example.gov a.key a.private --role KSK");
    assert_string_equal(bench->out, "2 files, the second says hush, a.private as KSK\n");
    run(bench, "key import example.gov a.key missing.private");
    assert_int_equal(bench->exit_code, 1);
    assert_string_equal(bench->err, "tandemctl: missing.private: No such file or directory\n");
}

static void
exported_keys_are_written_for_their_owner_only_and_never_over_a_file(void **state)
{
    struct bench *bench = *state;
    struct stat status;
    run(bench, "key export example.gov K1.key");
    assert_int_equal(bench->exit_code, 0);
    assert_int_equal(stat("K1.key", &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    run(bench, "key export example.gov K1.key");
    assert_int_equal(bench->exit_code, 1);
    run(bench, "key export example.gov ../K2");
    assert_int_equal(bench->exit_code, 1);
    assert_non_null(strstr(bench->err, "not the name of a file"));
    run(bench, "key export example.gov K3 --stdout");
    assert_string_equal(bench->out, "; K3\nkey text\n");
    assert_int_not_equal(access("K3", F_OK), 0);
}

static void
a_configuration_is_checked_without_a_daemon(void **state)
{
    struct bench *bench = *state;
    FILE *file = fopen("x.yaml", "w");
    fputs("remote: [{id: h, address: 10.0.0.5}]\nzone: [{domain: a.example, primary: h}]\n", file);
    fclose(file);
    run(bench, "config check x.yaml"); // for the secondary, by what it says
    assert_string_equal(bench->out, "x.yaml: valid for tandem-secondary, 1 zone\n");
    assert_int_equal(bench->exit_code, 0);
    file = fopen("primary.yaml", "w");
    fputs("zon: []\nlog: {level: loud}\n", file);
    fclose(file);
    run(bench, "config check primary.yaml");
    assert_int_equal(bench->exit_code, 3);
    assert_string_equal(bench->out,
                        "primary.yaml:1:1: zon: no such key; the nearest is zone\n"
                        "primary.yaml:2:14: log.level: expected error, warning, info or debug, got "
                        "\"loud\"\n");
    run(bench, "config schema primary --json");
    assert_int_equal(bench->exit_code, 0);
    run(bench, "config schema tertiary");
    assert_int_equal(bench->exit_code, 2);
}

static void
a_generated_tsig_key_is_one_that_the_daemons_take(void **state)
{
    struct bench *bench = *state;
    run(bench, "tsig generate xfr.example --algorithm hmac-sha512");
    assert_int_equal(bench->exit_code, 0);
    FILE *file = fopen("primary.yaml", "w");
    fputs(bench->out, file);
    fclose(file);
    assert_int_equal(chmod("primary.yaml", 0600), 0);
    run(bench, "config check primary.yaml");
    assert_string_equal(bench->out, "primary.yaml: valid for tandem-primary, 0 zones\n");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_only_socket_is_found_and_the_answer_shown),
        TEST(json_is_the_reply_as_it_came),
        TEST(an_export_goes_out_as_it_is),
        TEST(with_two_sockets_one_must_be_named),
        TEST(no_daemon_is_exit_4_and_for_nagios_critical),
        TEST(a_zone_that_the_gate_holds_is_exit_6_with_the_next_commands),
        TEST(a_daemon_that_does_not_answer_is_exit_7),
        TEST(wrong_words_are_exit_2_and_name_the_nearest),
        TEST(key_files_go_along_as_descriptors),
        TEST(exported_keys_are_written_for_their_owner_only_and_never_over_a_file),
        TEST(a_configuration_is_checked_without_a_daemon),
        TEST(a_generated_tsig_key_is_one_that_the_daemons_take),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
