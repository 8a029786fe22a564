#include "common/tandemctl/local.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/hash.h"
#include "common/daemon/base64.h"
#include "common/daemon/config_print.h"
#include "common/daemon/config_read.h"
#include "common/daemon/control.h"
#include "common/daemon/settings_primary.h"
#include "common/daemon/settings_secondary.h"
#include "common/dns/name.h"
#include "common/dns/tsig.h"
#include "common/zone/zonefile_load.h"

// ---- config check
// ------------------------------------------------------------------------------------------------

// Which daemon a file is for: by its name, else by keys that only one of them has.
static bool
is_for_secondary(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    struct arena *arena = arena_new();
    struct config_errors errors;
    struct config_node *root = NULL;
    bool secondary = strstr(name, "secondary") != NULL;
    config_errors_init(&errors);
    if (!secondary && !strstr(name, "primary") && config_read_file(path, arena, &root, &errors)) {
        const struct config_node *zones = config_node_member(root, "zone");
        const struct config_node *zone = zones ? zones->first : NULL;
        secondary = config_node_member(root, "policy") || config_node_member(zone, "primary");
    }
    config_errors_close(&errors);
    arena_free(&arena);
    return secondary;
}

// What config check says: lines of text, and the same in JSON.
struct verdict {
    struct octets_buffer *text;
    struct json_value *errors, *warnings;
};

static void
errors_put(const struct config_errors *errors, const struct verdict *verdict)
{
    struct octets_buffer *text = verdict->text;
    for (size_t i = 0; i < errors->entries.count; i++) {
        const struct config_error *entry = vector_at(&errors->entries, i);
        octets_buffer_printf(text, "%s%s\n", entry->warning ? "warning: " : "", entry->text);
        json_value_add_text(entry->warning ? verdict->warnings : verdict->errors, entry->text);
    }
    size_t all = errors->error_count + errors->warning_count;
    if (all > errors->entries.count)
        octets_buffer_printf(text, "and %zu more\n", all - errors->entries.count);
}

static void
texts_put(const struct vector *texts, struct octets_buffer *text, struct json_value *list)
{
    for (size_t i = 0; i < texts->count; i++) {
        const char *sentence = *(char **)vector_at(texts, i);
        octets_buffer_printf(text, "%s\n", sentence);
        json_value_add_text(list, sentence);
    }
}

// Everything that is wrong with the zone files; gives how many zones are broken.
static size_t
zones_put(const struct primary_settings *settings, const struct verdict *verdict)
{
    const struct zonefile_load_options options = {.lines_of_warnings = true};
    size_t broken = 0;
    for (size_t i = 0; i < settings->zone_count; i++) {
        struct zonefile_loading loading;
        zonefile_load(settings->zones[i].file, settings->zones[i].name, &options, &loading);
        texts_put(&loading.errors, verdict->text, verdict->errors);
        texts_put(&loading.warnings, verdict->text, verdict->warnings);
        broken += loading.draft == NULL;
        zonefile_loading_close(&loading);
    }
    return broken;
}

static int
config_check(const char *path, struct octets_buffer *text, struct json_value *result,
             struct fault *fault)
{
    struct config_errors errors;
    struct primary_settings *primary = NULL;
    struct secondary_settings *secondary = NULL;
    bool for_secondary = is_for_secondary(path);
    config_errors_init(&errors);
    bool fine = for_secondary ? secondary_settings_load(path, &secondary, &errors)
                              : primary_settings_load(path, &primary, &errors);
    size_t zones = secondary ? secondary->zone_count : primary ? primary->zone_count : 0;
    const char *program = for_secondary ? "tandem-secondary" : "tandem-primary";
    struct verdict verdict = {.text = text, .errors = json_value_put_array(result, "errors")};
    verdict.warnings = json_value_put_array(result, "warnings");
    errors_put(&errors, &verdict);
    size_t broken = primary ? zones_put(primary, &verdict) : 0;
    json_value_put_text(result, "program", program);
    json_value_put_integer(result, "zones", (int64_t)zones);
    if (broken > 0)
        fault_set(fault, FAULT_CONFIG, "%s: %zu of %zu zones are broken", path, broken, zones);
    else if (fine)
        octets_buffer_printf(text, "%s: valid for %s, %zu zone%s\n", path, program, zones,
                             zones == 1 ? "" : "s");
    else
        fault_set(fault, FAULT_CONFIG, "%s: %zu error%s", path, errors.error_count,
                  errors.error_count == 1 ? "" : "s");
    config_errors_close(&errors);
    primary_settings_free(&primary);
    secondary_settings_free(&secondary);
    return fine && broken == 0 ? CONTROL_OK : CONTROL_INVALID;
}

static int
config_show_schema(const char *which, struct octets_buffer *text, struct json_value *result,
                   struct fault *fault)
{
    const struct config_table *table = strcmp(which, "primary") == 0     ? &config_table_primary
                                       : strcmp(which, "secondary") == 0 ? &config_table_secondary
                                                                         : NULL;
    struct json_value *schema = NULL;
    if (!table) {
        fault_set(fault, FAULT_SYNTAX, "config schema %s: expected primary or secondary", which);
        return CONTROL_USAGE;
    }
    config_schema(table, text);
    ENSURE(json_value_read((const char *)text->data, text->length, &schema, fault));
    json_value_put(result, "schema", &schema);
    return CONTROL_OK;
}

// ---- tsig generate
// -----------------------------------------------------------------------------------------------

// A secret as long as what the HMAC gives (RFC 8945 section 8).
static size_t
secret_octets(enum tsig_algorithm algorithm)
{
    static const size_t sizes[] = {20, 28, 32, 48, 64};
    return sizes[algorithm];
}

static int
tsig_generate(const struct command *command, struct octets_buffer *text, struct json_value *result,
              struct fault *fault)
{
    const char *word = command_option(command, "algorithm");
    enum tsig_algorithm algorithm = TSIG_HMAC_SHA256;
    static const uint8_t root[1] = {0};
    uint8_t name[NAME_SIZE_MAX], secret[TSIG_MAC_MAX];
    char name_text[NAME_TEXT_MAX], base64[BASE64_TEXT_SIZE(TSIG_MAC_MAX)];
    if (word && !tsig_algorithm_from_text(word, &algorithm)) {
        fault_set(fault, FAULT_SYNTAX,
                  "--algorithm %s: expected hmac-sha256, hmac-sha384 or hmac-sha512", word);
        return CONTROL_USAGE;
    }
    if (!name_from_text(command->arguments[0], root, name, fault))
        return CONTROL_USAGE;
    size_t length = secret_octets(algorithm);
    for (size_t i = 0; i < length; i += sizeof(uint64_t)) {
        uint64_t random = hash_key_draw();
        size_t step = length - i < sizeof random ? length - i : sizeof random;
        memcpy(secret + i, &random, step);
    }
    base64_encode(secret, length, base64);
    name_to_text(name, name_text);
    octets_buffer_printf(text,
                         "# the same lines on both sides; the file must not be readable by others\n"
                         "key:\n  - id: %s\n    algorithm: %s\n    secret: \"%s\"\n",
                         name_text, tsig_algorithm_text(algorithm), base64);
    json_value_put_text(result, "id", name_text);
    json_value_put_text(result, "algorithm", tsig_algorithm_text(algorithm));
    json_value_put_text(result, "secret", base64);
    explicit_bzero(secret, sizeof secret);
    explicit_bzero(base64, sizeof base64);
    return CONTROL_OK;
}

int
local_run(const struct command *command, struct octets_buffer *ret_text,
          struct json_value **ret_result, struct fault *fault)
{
    struct json_value *result = json_value_object();
    int exit_code;
    if (strcmp(command->row->object, "tsig") == 0)
        exit_code = tsig_generate(command, ret_text, result, fault);
    else if (strcmp(command->row->verb, "check") == 0)
        exit_code = config_check(command->arguments[0], ret_text, result, fault);
    else
        exit_code = config_show_schema(command->arguments[0], ret_text, result, fault);
    *ret_result = result;
    return exit_code;
}
