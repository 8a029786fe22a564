#include "common/tandemctl/command_line.h"

#include <string.h>

#include "common/base/quantity.h"

struct reading {
    int count, at;
    char *const *words;
    struct command *command;
};

// The value of an option that takes one: behind "=" or the next word.
static const char *
value_take(struct reading *reading, const char *word, const char *name)
{
    size_t length = strlen(name);
    if (word[length] == '=')
        return word + length + 1;
    return reading->at + 1 < reading->count ? reading->words[++reading->at] : NULL;
}

static bool
is_word(const char *word, const char *name)
{
    size_t length = strlen(name);
    return strncmp(word, name, length) == 0 && (word[length] == '\0' || word[length] == '=');
}

// Does some verb take this option, and with a value? Which one, is checked when the verb is known.
static bool
takes_value(const char *word)
{
    size_t length = strcspn(word, "=");
    for (size_t i = 0; i < verb_table_count; i++) {
        const char *at = verb_table[i].options ? strstr(verb_table[i].options, "=") : NULL;
        if (at && (size_t)(at - verb_table[i].options) == length &&
            strncmp(verb_table[i].options, word, length) == 0)
            return true;
    }
    return false;
}

static bool
option_keep(struct reading *reading, const char *word, struct fault *fault)
{
    struct command *command = reading->command;
    const char *name = word + 2;
    if (command->option_count == COMMAND_OPTIONS_MAX)
        return fault_set(fault, FAULT_SYNTAX, "too many options");
    size_t at = command->option_count++;
    command->options[at].name = name;
    command->options[at].value = NULL;
    if (!takes_value(name))
        return true;
    const char *equals = strchr(name, '=');
    command->options[at].value = equals ? equals + 1 : NULL;
    if (!equals && reading->at + 1 < reading->count)
        command->options[at].value = reading->words[++reading->at];
    return command->options[at].value || fault_set(fault, FAULT_SYNTAX, "%s: needs a value", word);
}

static bool
timeout_take(struct reading *reading, const char *word, struct fault *fault)
{
    const char *value = value_take(reading, word, "--timeout");
    if (!value)
        return fault_set(fault, FAULT_SYNTAX, "--timeout: needs a value");
    return quantity_duration(value, &reading->command->timeout_seconds, fault) ||
           fault_wrap(fault, "--timeout");
}

static bool
option_take(struct reading *reading, const char *word, struct fault *fault)
{
    struct command *command = reading->command;
    if (strcmp(word, "--json") == 0)
        command->json = true;
    else if (strcmp(word, "--no-color") == 0 || strcmp(word, "--no-colour") == 0)
        command->no_colour = true;
    else if (strcmp(word, "--dry-run") == 0)
        command->dry_run = true;
    else if (strcmp(word, "-b") == 0)
        command->wait = true;
    else if (strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0)
        command->help = true;
    else if (strcmp(word, "-V") == 0 || strcmp(word, "--version") == 0)
        command->version = true;
    else if (is_word(word, "-s")) {
        command->socket = value_take(reading, word, "-s");
        return command->socket || fault_set(fault, FAULT_SYNTAX, "-s: needs the path of a socket");
    } else if (is_word(word, "--timeout"))
        return timeout_take(reading, word, fault);
    else if (strncmp(word, "--", 2) == 0 && word[2])
        return option_keep(reading, word, fault);
    else
        return fault_set(fault, FAULT_SYNTAX, "%s: no such option; see tandemctl -h", word);
    return true;
}

static bool
words_read(struct reading *reading, struct fault *fault)
{
    struct command *command = reading->command;
    bool only_words = false;
    for (reading->at = 1; reading->at < reading->count; reading->at++) {
        const char *word = reading->words[reading->at];
        if (!only_words && strcmp(word, "--") == 0)
            only_words = true;
        else if (!only_words && word[0] == '-' && word[1]) {
            if (!option_take(reading, word, fault))
                return false;
        } else if (command->argument_count == COMMAND_ARGUMENTS_MAX)
            return fault_set(fault, FAULT_SYNTAX, "more than %d words", COMMAND_ARGUMENTS_MAX);
        else
            command->arguments[command->argument_count++] = word;
    }
    return true;
}

static bool
unknown(const char *object, const char *word, struct fault *fault)
{
    const char *nearest = verb_nearest(object, word);
    return fault_set(fault, FAULT_SYNTAX, "%s%s%s: no such %s%s%s", object ? object : "",
                     object ? " " : "", word, object ? "verb" : "command",
                     nearest ? "; the nearest is " : "; see tandemctl -h", nearest ? nearest : "");
}

static void
words_drop(struct command *command, size_t count)
{
    command->argument_count -= count;
    memmove(command->arguments, command->arguments + count,
            command->argument_count * sizeof command->arguments[0]);
}

static bool
row_take(struct command *command, struct fault *fault)
{
    if (command->argument_count == 0)
        return fault_set(fault, FAULT_SYNTAX, "a command is missing; see tandemctl -h");
    const char *first = command->arguments[0];
    command->row = verb_find("", first);
    if (command->row) {
        words_drop(command, 1);
        return true;
    }
    if (!verb_is_object(first))
        return unknown(NULL, first, fault);
    if (command->argument_count == 1)
        return fault_set(fault, FAULT_SYNTAX, "%s: a verb is missing; see tandemctl -h", first);
    command->row = verb_find(first, command->arguments[1]);
    if (!command->row)
        return unknown(first, command->arguments[1], fault);
    words_drop(command, 2);
    return true;
}

static bool
is_option_of(const struct verb_row *row, const char *name)
{
    size_t length = strcspn(name, "=");
    for (const char *at = row->options; at && *at;) {
        size_t span = strcspn(at, " =");
        if (span == length && strncmp(at, name, length) == 0)
            return true;
        at += strcspn(at, " ");
        at += strspn(at, " ");
    }
    return false;
}

static bool
row_check(const struct command *command, struct fault *fault)
{
    const struct verb_row *row = command->row;
    const char *space = row->object[0] ? " " : "";
    if (row->flags & VERB_LATER)
        return fault_set(fault, FAULT_UNSUPPORTED, "%s%s%s: not in this version", row->object,
                         space, row->verb);
    if (command->argument_count < row->arguments_min ||
        command->argument_count > row->arguments_max)
        return fault_set(fault, FAULT_SYNTAX, "usage: tandemctl %s%s%s%s%s", row->object, space,
                         row->verb, row->arguments[0] ? " " : "", row->arguments);
    if (command->dry_run && !(row->flags & VERB_CHANGES))
        return fault_set(fault, FAULT_SYNTAX, "%s%s%s changes nothing: --dry-run has no meaning",
                         row->object, space, row->verb);
    for (size_t i = 0; i < command->option_count; i++)
        if (!is_option_of(row, command->options[i].name))
            return fault_set(fault, FAULT_SYNTAX, "%s%s%s: no such option as --%s", row->object,
                             space, row->verb, command->options[i].name);
    return true;
}

bool
command_line_read(int count, char *const *words, struct command *ret_command, struct fault *fault)
{
    *ret_command = (struct command){.timeout_seconds = -1};
    struct reading reading = {.count = count, .words = words, .command = ret_command};
    if (!words_read(&reading, fault))
        return false;
    if (ret_command->help || ret_command->version)
        return true;
    return row_take(ret_command, fault) && row_check(ret_command, fault);
}

const char *
command_option(const struct command *command, const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < command->option_count; i++) {
        const char *given = command->options[i].name;
        if (strncmp(given, name, length) == 0 && (given[length] == '\0' || given[length] == '='))
            return command->options[i].value ? command->options[i].value : "";
    }
    return NULL;
}

static void
options_put(const struct command *command, struct json_value *options)
{
    if (command->dry_run)
        json_value_put_boolean(options, "dry_run", true);
    if (command->wait)
        json_value_put_boolean(options, "wait", true);
    for (size_t i = 0; i < command->option_count; i++) {
        char name[64];
        size_t length = strcspn(command->options[i].name, "=");
        ENSURE(length < sizeof name); // it is one of the table's
        for (size_t j = 0; j < length; j++)
            name[j] = command->options[i].name[j] == '-' ? '_' : command->options[i].name[j];
        name[length] = '\0';
        if (strcmp(name, "stdout") == 0)
            continue; // ours
        if (command->options[i].value)
            json_value_put_text(options, name, command->options[i].value);
        else
            json_value_put_boolean(options, name, true);
    }
}

struct json_value *
command_request(const struct command *command)
{
    struct json_value *request = json_value_object();
    json_value_put_text(request, "object", command->row->object);
    json_value_put_text(request, "verb", command->row->verb);
    struct json_value *arguments = json_value_put_array(request, "args");
    for (size_t i = 0; i < command->argument_count; i++)
        json_value_add_text(arguments, command->arguments[i]);
    options_put(command, json_value_put_object(request, "options"));
    return request;
}
