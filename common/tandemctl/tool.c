#include "common/tandemctl/tool.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/octets.h"
#include "common/daemon/control.h"
#include "common/tandemctl/client.h"
#include "common/tandemctl/command_line.h"
#include "common/tandemctl/key_files.h"
#include "common/tandemctl/local.h"
#include "common/tandemctl/render.h"

#define JSON_INDENT    2
#define NAGIOS_UNKNOWN 3
#define NAGIOS_BAD     2

struct tool {
    struct command command;
    FILE *out, *err;
    bool coloured;
    int64_t now;
    struct octets_buffer gathered; // chunks, for --json
};

static bool
is_check(const struct tool *tool)
{
    return tool->command.row && !tool->command.row->object[0] &&
           strcmp(tool->command.row->verb, "check") == 0;
}

static void
json_show(const struct tool *tool, const struct json_value *reply)
{
    size_t length;
    char *text = json_value_write(reply, JSON_INDENT, &length);
    fwrite(text, 1, length, tool->out);
    fputc('\n', tool->out);
    free(text);
}

static struct json_value *
reply_of_fault(int exit_code, const struct fault *fault)
{
    struct json_value *reply = json_value_object();
    json_value_put_boolean(reply, "ok", false);
    json_value_put_integer(reply, "exit_code", exit_code);
    struct json_value *error = json_value_put_object(reply, "error");
    json_value_put_text(error, "kind", fault_kind_word(fault->kind));
    json_value_put_text(error, "text", fault->text);
    json_value_put_null(reply, "result");
    return reply;
}

// A failure of our own: no daemon, wrong words, no time. A monitor gets a line and a code that it
// knows.
static int
failed(const struct tool *tool, int exit_code, const struct fault *fault)
{
    if (is_check(tool)) {
        bool away = exit_code == CONTROL_NO_DAEMON || exit_code == CONTROL_TIMEOUT;
        fprintf(tool->out, "TANDEM %s - %s\n", away ? "CRITICAL" : "UNKNOWN", fault->text);
        return away ? NAGIOS_BAD : NAGIOS_UNKNOWN;
    }
    if (tool->command.json) {
        struct json_value *reply = reply_of_fault(exit_code, fault);
        json_show(tool, reply);
        json_value_free(&reply);
    } else {
        fprintf(tool->err, "tandemctl: %s\n", fault->text);
    }
    return exit_code;
}

static void
text_show(const struct tool *tool, struct octets_buffer *text)
{
    if (text->length)
        fwrite(text->data, 1, text->length, tool->out);
    octets_buffer_close(text);
}

// ---- without a daemon
// --------------------------------------------------------------------------------------------

static int
run_local(struct tool *tool)
{
    struct octets_buffer text;
    struct json_value *result = NULL;
    struct fault fault = {.kind = FAULT_NONE};
    octets_buffer_init(&text);
    int exit_code = local_run(&tool->command, &text, &result, &fault);
    if (tool->command.json) {
        struct json_value *reply =
            exit_code ? reply_of_fault(exit_code, &fault) : json_value_object();
        json_value_put_boolean(reply, "ok", exit_code == 0);
        json_value_put_integer(reply, "exit_code", exit_code);
        json_value_put(reply, "result", &result);
        json_show(tool, reply);
        json_value_free(&reply);
        octets_buffer_close(&text);
        return exit_code;
    }
    text_show(tool, &text);
    if (exit_code)
        fprintf(tool->err, "tandemctl: %s\n", fault.text);
    json_value_free(&result);
    return exit_code;
}

// ---- with one
// ----------------------------------------------------------------------------------------------------

static bool
chunk_show(void *context, const char *text, size_t length)
{
    struct tool *tool = context;
    if (!tool->command.json)
        return fwrite(text, 1, length, tool->out) == length;
    if (tool->gathered.length + length > CLIENT_REPLY_MAX)
        return false;
    octets_buffer_add(&tool->gathered, text, length);
    return true;
}

// With --json the pieces of a long text are put together in result.text.
static void
gathered_put(struct tool *tool, struct json_value *reply)
{
    if (tool->gathered.length == 0)
        return;
    struct json_value *result = json_value_child(reply, "result");
    if (json_value_kind(result) != JSON_VALUE_OBJECT)
        result = json_value_put_object(reply, "result");
    struct json_value *text =
        json_value_text_of((const char *)tool->gathered.data, tool->gathered.length);
    json_value_put(result, "text", &text);
}

static int
written_files_show(const struct tool *tool, const struct json_value *result)
{
    struct octets_buffer text;
    struct fault fault;
    octets_buffer_init(&text);
    bool fine = key_files_write(result, &text, &fault);
    text_show(tool, &text);
    return fine ? CONTROL_OK : failed(tool, CONTROL_FAILED, &fault);
}

static int
result_show(const struct tool *tool, const struct json_value *reply)
{
    const struct command *command = &tool->command;
    const struct json_value *result = json_value_get(reply, "result");
    struct octets_buffer text;
    struct render render = {&text, tool->now, tool->coloured, command->socket};
    if ((command->row->flags & VERB_WRITES) && !command_option(command, "stdout"))
        return written_files_show(tool, result);
    octets_buffer_init(&text);
    render.now = json_value_get_time(result, "now", tool->now);
    command->row->render(&render, result);
    text_show(tool, &text);
    return (int)json_value_get_integer(reply, "exit_code", CONTROL_OK);
}

// What a refusal brings along: the findings of the gate, the errors of a file.
static void
refused_result_show(const struct tool *tool, const struct json_value *reply)
{
    const struct json_value *result = json_value_get(reply, "result");
    const struct json_value *errors = json_value_get(result, "errors");
    for (size_t i = 0; i < json_value_count(errors); i++)
        fprintf(tool->err, "%s\n", json_value_as_text(json_value_at(errors, i), ""));
    if (json_value_get(result, "digest"))
        fprintf(tool->err,
                "-> \"tandemctl %s%s%szone diff %s\", then \"tandemctl %s%s%szone accept %s %s\"\n",
                tool->command.socket ? "-s " : "", tool->command.socket ? tool->command.socket : "",
                tool->command.socket ? " " : "", json_value_get_text(result, "zone", "Z"),
                tool->command.socket ? "-s " : "", tool->command.socket ? tool->command.socket : "",
                tool->command.socket ? " " : "", json_value_get_text(result, "zone", "Z"),
                json_value_get_text(result, "digest", ""));
}

static int
reply_show(struct tool *tool, struct json_value *reply)
{
    int exit_code = (int)json_value_get_integer(reply, "exit_code", CONTROL_FAILED);
    if (tool->command.json) {
        gathered_put(tool, reply);
        json_show(tool, reply);
        return exit_code;
    }
    if (json_value_get_boolean(reply, "ok", false))
        return result_show(tool, reply);
    struct fault fault;
    fault_set(&fault, FAULT_IO, "%s", json_value_get_text(reply, "error/text", "failed"));
    if (tool->command.row->render == render_zone_verify && json_value_get(reply, "result/problems"))
        result_show(tool, reply);
    int shown = failed(tool, exit_code, &fault);
    refused_result_show(tool, reply);
    return shown;
}

static int
exit_of_client(const struct fault *fault)
{
    return fault->kind == FAULT_NOT_FOUND ? CONTROL_NO_DAEMON
           : fault->kind == FAULT_TIMEOUT ? CONTROL_TIMEOUT
           : fault->kind == FAULT_CONFIG  ? CONTROL_USAGE
                                          : CONTROL_FAILED;
}

// With -b the end of `stop` is the end of the process that it names.
static bool
stop_await(const struct tool *tool, struct json_value *reply, int64_t timeout_seconds,
           struct fault *fault)
{
    const struct command *command = &tool->command;
    pid_t pid = (pid_t)json_value_get_integer(reply, "result/pid", 0);
    if (!command->wait || command->dry_run || strcmp(command->row->verb, "stop") != 0 || pid <= 0)
        return true;
    if (!client_await_end(pid, timeout_seconds, fault))
        return false;
    json_value_put_text(json_value_child(reply, "result"), "text", "stopped");
    return true;
}

static int
ask(struct tool *tool, const char *socket, const int *descriptors, size_t descriptor_count)
{
    const struct command *command = &tool->command;
    struct json_value *request = command_request(command), *reply = NULL;
    struct fault fault = {.text = ""};
    struct client_request options = {.socket = socket,
                                     .request = request,
                                     .descriptors = descriptors,
                                     .descriptor_count = descriptor_count,
                                     .timeout_seconds = command->timeout_seconds,
                                     .chunk = chunk_show,
                                     .context = tool};
    if (command->timeout_seconds < 0)
        options.timeout_seconds = command->wait ? TOOL_WAIT_SECONDS : TOOL_TIMEOUT_SECONDS;
    bool fine = client_ask(&options, &reply, &fault) &&
                stop_await(tool, reply, options.timeout_seconds, &fault);
    json_value_free(&request);
    if (!fine) {
        json_value_free(&reply);
        return failed(tool, exit_of_client(&fault), &fault);
    }
    int exit_code = reply_show(tool, reply);
    json_value_free(&reply);
    return exit_code;
}

static int
run_remote(struct tool *tool)
{
    struct command *command = &tool->command;
    int descriptors[CONTROL_DESCRIPTORS_MAX];
    size_t count = 0;
    char *found = NULL;
    struct fault fault = {.text = ""};
    if (!command->socket && !client_find_socket(&found, &fault))
        return failed(tool, exit_of_client(&fault), &fault);
    if (command->row->flags & VERB_KEY_FILES) {
        if (!key_files_open(command->arguments + 1, command->argument_count - 1, descriptors,
                            &fault)) {
            free(found);
            return failed(tool, CONTROL_FAILED, &fault);
        }
        count = command->argument_count - 1;
    }
    int exit_code = ask(tool, command->socket ? command->socket : found, descriptors, count);
    key_files_close(descriptors, count);
    free(found);
    return exit_code;
}

static int
run_help(const struct tool *tool)
{
    struct octets_buffer text;
    octets_buffer_init(&text);
    if (tool->command.version)
        octets_buffer_printf(&text, "tandemctl %s\n", TANDEM_VERSION);
    else
        verb_help(&text);
    text_show(tool, &text);
    return CONTROL_OK;
}

int
tool_run(int count, char *const *words, FILE *out, FILE *err, bool coloured, int64_t now)
{
    struct tool tool = {.out = out, .err = err, .now = now};
    struct fault fault = {.text = ""};
    octets_buffer_init(&tool.gathered);
    bool fine = command_line_read(count, words, &tool.command, &fault);
    tool.coloured = coloured && !tool.command.no_colour;
    int exit_code;
    if (!fine)
        exit_code = failed(&tool, CONTROL_USAGE, &fault);
    else if (!tool.command.row)
        exit_code = run_help(&tool);
    else if (tool.command.row->flags & VERB_LOCAL)
        exit_code = run_local(&tool);
    else
        exit_code = run_remote(&tool);
    octets_buffer_close(&tool.gathered);
    return exit_code;
}
