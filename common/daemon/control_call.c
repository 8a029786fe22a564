#include "common/daemon/control_call.h"

#include <stdio.h>
#include <string.h>

#include "common/base/quantity.h"

#define WORDS_MAX  128 // of a verb table
#define OPTION_MAX 64

// The words of a table's objects (and of verbs that stand alone), or of one object's verbs.
static size_t
words_collect(const struct control_verb *verbs, size_t verb_count, const char *object,
              const char *words[static WORDS_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < verb_count && count < WORDS_MAX; i++) {
        const char *word = verbs[i].verb;
        if (!object && verbs[i].object[0])
            word = verbs[i].object;
        else if (object && strcmp(verbs[i].object, object) != 0)
            continue;
        words[count++] = word;
    }
    return count;
}

static bool
unknown_word(const char *what, const char *word, const struct control_verb *verbs,
             size_t verb_count, const char *object, struct fault *fault)
{
    const char *words[WORDS_MAX];
    size_t count = words_collect(verbs, verb_count, object, words);
    const char *nearest = quantity_nearest_word(word, words, count);
    return fault_set(fault, FAULT_UNSUPPORTED, "%s%s%.100s: no such %s%s%s", object ? object : "",
                     object ? " " : "", word, what, nearest ? "; the nearest is " : "",
                     nearest ? nearest : "");
}

static const struct control_verb *
row_find(const struct control_call *call, const struct control_verb *verbs, size_t verb_count,
         struct fault *fault)
{
    bool object_is_known = false;
    for (size_t i = 0; i < verb_count; i++) {
        if (strcmp(verbs[i].object, call->object) != 0)
            continue;
        object_is_known = true;
        if (strcmp(verbs[i].verb, call->verb) == 0)
            return &verbs[i];
    }
    if (!call->object[0])
        unknown_word("command", call->verb, verbs, verb_count, NULL, fault);
    else if (object_is_known)
        unknown_word("verb", call->verb, verbs, verb_count, call->object, fault);
    else
        unknown_word("object", call->object, verbs, verb_count, NULL, fault);
    return NULL;
}

static bool
words_read(struct control_call *call, struct fault *fault)
{
    const struct json_value *arguments = json_value_get(call->value, "args");
    call->object = json_value_get_text(call->value, "object", "");
    call->verb = json_value_get_text(call->value, "verb", "");
    if (json_value_kind(call->value) != JSON_VALUE_OBJECT || !call->verb[0])
        return fault_set(fault, FAULT_SYNTAX, "request: expected a JSON object with a verb");
    if (arguments && json_value_kind(arguments) != JSON_VALUE_ARRAY)
        return fault_set(fault, FAULT_SYNTAX, "request: expected args to be a list of texts");
    size_t count = json_value_count(arguments);
    if (count > CONTROL_ARGUMENTS_MAX)
        return fault_set(fault, FAULT_LIMIT, "request: more than %d arguments",
                         CONTROL_ARGUMENTS_MAX);
    for (size_t i = 0; i < count; i++) {
        call->arguments[i] = json_value_as_text(json_value_at(arguments, i), NULL);
        if (!call->arguments[i])
            return fault_set(fault, FAULT_SYNTAX, "request: expected args to be a list of texts");
    }
    call->argument_count = count;
    return true;
}

static bool
is_option_of(const struct control_verb *row, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = row->options; at && *at;) {
        size_t span = strcspn(at, " ");
        if (span == length && memcmp(at, name, length) == 0)
            return true;
        at += span + strspn(at + span, " ");
    }
    return false;
}

static bool
options_read(struct control_call *call, struct fault *fault)
{
    const struct json_value *options = json_value_get(call->value, "options");
    if (options && json_value_kind(options) != JSON_VALUE_OBJECT)
        return fault_set(fault, FAULT_SYNTAX, "request: expected options to be an object");
    for (const char *name = json_value_next_key(options, NULL); name;
         name = json_value_next_key(options, name)) {
        bool dry_run = strcmp(name, "dry_run") == 0;
        if (dry_run && !(call->row->flags & CONTROL_CHANGES))
            return fault_set(fault, FAULT_SYNTAX,
                             "%s%s%s changes nothing: --dry-run has no meaning", call->object,
                             call->object[0] ? " " : "", call->verb);
        if (strcmp(name, "wait") == 0 && (call->row->flags & CONTROL_CHANGES) &&
            !(call->row->flags & CONTROL_MAY_WAIT))
            return fault_set(fault, FAULT_SYNTAX,
                             "%s%s%s does its work at once: -b has nothing to wait for",
                             call->object, call->object[0] ? " " : "", call->verb);
        if (!dry_run && strcmp(name, "wait") != 0 && !is_option_of(call->row, name))
            return fault_set(fault, FAULT_SYNTAX, "%s%s%s: no such option as %.*s", call->object,
                             call->object[0] ? " " : "", call->verb, OPTION_MAX, name);
    }
    call->dry_run = json_value_get_boolean(options, "dry_run", false);
    call->wait = json_value_get_boolean(options, "wait", false);
    return true;
}

static bool
row_check(const struct control_call *call, struct fault *fault)
{
    const struct control_verb *row = call->row;
    const char *space = row->object[0] ? " " : "";
    if (!row->handle)
        return fault_set(fault, FAULT_UNSUPPORTED, "%s%s%s: %s", row->object, space, row->verb,
                         row->refusal ? row->refusal : "not in this version");
    if (call->argument_count < row->arguments_min)
        return fault_set(fault, FAULT_SYNTAX, "%s%s%s: needs %u argument%s, got %zu", row->object,
                         space, row->verb, row->arguments_min, row->arguments_min == 1 ? "" : "s",
                         call->argument_count);
    if (call->argument_count > row->arguments_max)
        return fault_set(fault, FAULT_SYNTAX, "%s%s%s: takes at most %u argument%s, got %zu",
                         row->object, space, row->verb, row->arguments_max,
                         row->arguments_max == 1 ? "" : "s", call->argument_count);
    return true;
}

bool
control_call_read(const char *line, size_t length, const struct control_verb *verbs,
                  size_t verb_count, struct control_call *ret_call, int *ret_exit,
                  struct fault *fault)
{
    struct control_call call = {.value = NULL};
    *ret_exit = CONTROL_USAGE;
    if (!json_value_read(line, length, &call.value, fault))
        return fault_wrap(fault, "request");
    bool fine = words_read(&call, fault);
    if (fine)
        fine = (call.row = row_find(&call, verbs, verb_count, fault)) != NULL;
    if (!fine || !row_check(&call, fault) || !options_read(&call, fault)) {
        control_call_close(&call);
        return false;
    }
    *ret_call = call;
    return true;
}

void
control_call_close(struct control_call *call)
{
    if (call->value)
        json_value_free(&call->value);
    *call = (struct control_call){.value = NULL};
}
