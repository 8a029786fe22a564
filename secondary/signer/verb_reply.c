// What an operator is answered: the envelope of every reply (common/tandemctl/README.md).
#include "secondary/signer/verbs.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/quantity.h"
#include "common/daemon/control.h"
#include "common/daemon/json_value.h"

bool
verb_flag(const struct message_control *control, const char *name)
{
    const char *value = message_control_option(control, name);
    return value != NULL && strcmp(value, "false") != 0 && strcmp(value, "0") != 0;
}

static void
reply_value(struct keeper *keeper, uint64_t request, const struct json_value *reply,
            struct octets text)
{
    size_t length;
    char *line = json_value_write(reply, 0, &length);
    struct octets_buffer body;
    octets_buffer_init(&body);
    octets_buffer_add(&body, line, length);
    if (text.length > 0) {
        octets_buffer_add_u8(&body, '\n');
        octets_buffer_add(&body, text.data, text.length);
    }
    keeper_reply(keeper, request, (const char *)body.data, body.length);
    octets_buffer_close(&body);
    free(line);
}

void
verb_reply_text(struct keeper *keeper, uint64_t request, struct json_value **result,
                struct octets text)
{
    struct json_value *reply = json_value_object();
    json_value_put_boolean(reply, "ok", true);
    json_value_put_integer(reply, "exit_code", 0);
    if (result != NULL && *result != NULL) {
        json_value_put(reply, "result", result);
    } else {
        json_value_put_null(reply, "result");
    }
    reply_value(keeper, request, reply, text);
    json_value_free(&reply);
}

void
verb_reply(struct keeper *keeper, uint64_t request, struct json_value **result)
{
    verb_reply_text(keeper, request, result, (struct octets){NULL, 0});
}

void
verb_fail_with(struct keeper *keeper, uint64_t request, int exit_code, const struct fault *fault,
               struct json_value **result)
{
    struct json_value *reply = json_value_object();
    json_value_put_boolean(reply, "ok", false);
    json_value_put_integer(reply, "exit_code",
                           exit_code != 0 ? exit_code : control_exit_of(fault->kind));
    struct json_value *error = json_value_put_object(reply, "error");
    json_value_put_text(error, "kind", fault_kind_word(fault->kind));
    json_value_put_text(error, "text", fault->text);
    if (result != NULL && *result != NULL) {
        json_value_put(reply, "result", result);
    } else {
        json_value_put_null(reply, "result");
    }
    reply_value(keeper, request, reply, (struct octets){NULL, 0});
    json_value_free(&reply);
}

void
verb_fail(struct keeper *keeper, uint64_t request, int exit_code, const struct fault *fault)
{
    verb_fail_with(keeper, request, exit_code, fault, NULL);
}

static const struct version *
served(const struct keeper *keeper)
{
    return keeper->store != NULL ? store_current(keeper->store) : NULL;
}

void
verb_put_serial(const struct keeper *keeper, struct json_value *object, const char *key)
{
    struct json_value *serial = json_value_put_object(object, key);
    const struct version *version = served(keeper);
    if (version == NULL) {
        json_value_put_null(serial, "unsigned");
        json_value_put_null(serial, "signed");
        return;
    }
    json_value_put_integer(serial, "unsigned", version_facts(version)->unsigned_serial);
    json_value_put_integer(serial, "signed", version_facts(version)->signed_serial);
}

struct json_value *
verb_done_result(const struct keeper *keeper, bool dry_run, const char *text)
{
    struct json_value *result = json_value_object();
    json_value_put_boolean(result, "done", !dry_run);
    json_value_put_boolean(result, "dry_run", dry_run);
    json_value_put_text(result, "text", text);
    json_value_put_text(result, "zone", keeper->domain);
    verb_put_serial(keeper, result, "serial");
    return result;
}

void
verb_done(struct keeper *keeper, uint64_t request, bool dry_run, const char *text)
{
    struct json_value *result = verb_done_result(keeper, dry_run, text);
    verb_reply(keeper, request, &result);
}

bool
verb_has_content(struct keeper *keeper, uint64_t request)
{
    struct fault fault = {0};
    if (served(keeper) != NULL) {
        return true;
    }
    char reason[FAULT_TEXT_MAX];
    const char *state = keeper_state(keeper, reason, sizeof reason);
    fault_set(&fault, FAULT_NOT_FOUND, "zone %s has no content yet: %s%s%.1500s", keeper->domain,
              state, reason[0] != '\0' ? ", " : "", reason);
    verb_fail(keeper, request, 0, &fault);
    return false;
}

const struct key_pair *
verb_key(struct keeper *keeper, const struct message_control *control, uint64_t request)
{
    struct fault fault = {0};
    uint64_t tag;
    if (control->argument_count < 2 ||
        !quantity_unsigned(control->arguments[1], UINT16_MAX, &tag, &fault)) {
        fault_wrap(&fault, "TAG");
        verb_fail(keeper, request, CONTROL_USAGE, &fault);
        return NULL;
    }
    const struct key_pair *key = keyset_find(keeper->keyset, (uint16_t)tag);
    if (key == NULL) {
        fault_set(&fault, FAULT_NOT_FOUND, "zone %s has no key %s; see \"tandemctl key list %s\"",
                  keeper->domain, control->arguments[1], keeper->domain);
        verb_fail(keeper, request, CONTROL_NOT_FOUND, &fault);
    }
    return key;
}
