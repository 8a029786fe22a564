#include "secondary/reload.h"

#include <stdlib.h>

#include "common/base/arena.h"
#include "common/daemon/config_table.h"
#include "common/daemon/log.h"
#include "secondary/cookie_file.h"

static void
reload_init(struct reload *reload)
{
    reload->valid = false;
    config_errors_init(&reload->errors);
    vector_init(&reload->restart_keys, sizeof(char *));
    vector_init(&reload->added, sizeof(char *));
    vector_init(&reload->removed, sizeof(char *));
    vector_init(&reload->changed, sizeof(char *));
}

static void
close_texts(struct vector *texts)
{
    for (size_t i = 0; i < texts->count; i++) {
        free(*(char **)vector_at(texts, i));
    }
    vector_close(texts);
}

void
reload_close(struct reload *reload)
{
    config_errors_close(&reload->errors);
    close_texts(&reload->restart_keys);
    close_texts(&reload->added);
    close_texts(&reload->removed);
    close_texts(&reload->changed);
}

static void
add_text(struct vector *texts, const char *text)
{
    char *copy = memory_text(text);
    vector_add(texts, &copy);
}

// Small enough to be written by hand: the supervisor has no JSON library.
static void
add_json_text(struct octets_buffer *json, const char *text)
{
    octets_buffer_add_u8(json, '"');
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
        if (*at == '"' || *at == '\\') {
            octets_buffer_printf(json, "\\%c", *at);
        } else if (*at < 0x20 || *at >= 0x7f) {
            octets_buffer_printf(json, "\\u%04x", *at);
        } else {
            octets_buffer_add_u8(json, *at);
        }
    }
    octets_buffer_add_u8(json, '"');
}

static void
json_list(struct octets_buffer *json, const char *key, const struct vector *texts)
{
    octets_buffer_printf(json, "\"%s\": [", key);
    for (size_t i = 0; i < texts->count; i++) {
        if (i > 0) {
            octets_buffer_printf(json, ", ");
        }
        add_json_text(json, *(char **)vector_at(texts, i));
    }
    octets_buffer_printf(json, "]");
}

static void
json_errors(struct octets_buffer *json, const char *key, const struct config_errors *errors,
            bool warnings)
{
    octets_buffer_printf(json, "\"%s\": [", key);
    bool first = true;
    for (size_t i = 0; i < errors->entries.count; i++) {
        const struct config_error *error = vector_at(&errors->entries, i);
        if (error->warning == warnings) {
            octets_buffer_printf(json, first ? "" : ", ");
            add_json_text(json, error->text);
            first = false;
        }
    }
    octets_buffer_printf(json, "]");
}

void
reload_json(const struct reload *reload, bool dry_run, struct octets_buffer *json)
{
    if (!reload->valid) {
        octets_buffer_printf(
            json,
            "{\"ok\": false, \"exit_code\": 3, \"error\": {\"kind\": \"config\", \"text\": "
            "\"the configuration has %zu error%s; the old settings stay\"}, \"result\": {",
            reload->errors.error_count, reload->errors.error_count == 1 ? "" : "s");
        json_errors(json, "errors", &reload->errors, false);
        octets_buffer_printf(json, "}}");
        return;
    }
    octets_buffer_printf(
        json,
        "{\"ok\": true, \"exit_code\": 0, \"result\": {\"done\": %s, \"dry_run\": %s, "
        "\"text\": \"%s\", ",
        dry_run ? "false" : "true", dry_run ? "true" : "false",
        dry_run ? "the configuration is valid; nothing was changed" : "configuration reloaded");
    json_list(json, "restart_keys", &reload->restart_keys);
    octets_buffer_printf(json, ", ");
    json_list(json, "zones_added", &reload->added);
    octets_buffer_printf(json, ", ");
    json_list(json, "zones_removed", &reload->removed);
    octets_buffer_printf(json, ", ");
    json_list(json, "zones_changed", &reload->changed);
    octets_buffer_printf(json, ", ");
    json_errors(json, "warnings", &reload->errors, true);
    octets_buffer_printf(json, "}}");
}

// The zones of settings in the order of their names.
static int
compare_names(const void *a, const void *b)
{
    const struct secondary_zone_settings *const *left = a;
    const struct secondary_zone_settings *const *right = b;
    return name_compare((*left)->name, (*right)->name);
}

static const struct secondary_zone_settings **
sort_zones(const struct secondary_settings *settings)
{
    const struct secondary_zone_settings **zones =
        memory_alloc(sizeof *zones * (settings->zone_count + 1));
    for (size_t i = 0; i < settings->zone_count; i++) {
        zones[i] = &settings->zones[i];
    }
    qsort(zones, settings->zone_count, sizeof *zones, compare_names);
    return zones;
}

// One walk over both in the order of names.
static void
compare_zones(const struct secondary_settings *old, const struct secondary_settings *fresh,
              struct reload *reload)
{
    const struct secondary_zone_settings **was = sort_zones(old), **now = sort_zones(fresh);
    for (size_t i = 0, k = 0; i < old->zone_count || k < fresh->zone_count;) {
        int order = i == old->zone_count     ? 1
                    : k == fresh->zone_count ? -1
                                             : compare_names(&was[i], &now[k]);
        if (order < 0) {
            add_text(&reload->removed, was[i]->domain);
        } else if (order > 0) {
            add_text(&reload->added, now[k]->domain);
        } else if (!secondary_zone_settings_equal(old, was[i], fresh, now[k])) {
            add_text(&reload->changed, now[k]->domain);
        }
        i += order <= 0;
        k += order >= 0;
    }
    free(was);
    free(now);
}

static void
log_config_errors(const struct config_errors *errors)
{
    for (size_t i = 0; i < errors->entries.count; i++) {
        const struct config_error *error = vector_at(&errors->entries, i);
        log_at(error->warning ? LOG_LEVEL_WARNING : LOG_LEVEL_ERROR, error->text);
    }
}

// Fresh settings whose cookie secrets cannot be had are no settings.
static bool
read_all(const char *file, const struct secondary_settings *old, struct cookie_secrets *cookies,
         struct secondary_settings **ret_fresh, struct config_errors *errors)
{
    struct fault fault = {0};
    if (!secondary_settings_load(file, ret_fresh, errors)) {
        return false;
    }
    if (cookie_file_again(old->cookie_secret_file, (*ret_fresh)->cookie_secret_file, cookies,
                          &fault)) {
        return true;
    }
    config_errors_add(errors, file, 0, 0, "%s", fault.text);
    secondary_settings_free(ret_fresh);
    return false;
}

void
reload_read(const char *file, const struct secondary_settings *old, struct cookie_secrets *cookies,
            struct secondary_settings **ret_fresh, struct reload *ret_reload)
{
    struct vector paths;
    reload_init(ret_reload);
    ret_reload->valid = read_all(file, old, cookies, ret_fresh, &ret_reload->errors);
    if (!ret_reload->valid) {
        return;
    }
    vector_init(&paths, sizeof(const char *));
    config_restart_changes(old->config, (*ret_fresh)->config, &paths);
    for (size_t i = 0; i < paths.count; i++) {
        add_text(&ret_reload->restart_keys, *(const char **)vector_at(&paths, i));
    }
    vector_close(&paths);
    compare_zones(old, *ret_fresh, ret_reload);
}

void
reload_log(const struct reload *reload)
{
    log_config_errors(&reload->errors);
    if (!reload->valid) {
        log_error("reload refused: the old settings stay", "errors",
                  LOG_NUMBER(reload->errors.error_count));
        return;
    }
    for (size_t i = 0; i < reload->restart_keys.count; i++) {
        log_warning("a changed setting needs a restart", "key",
                    *(char **)vector_at(&reload->restart_keys, i));
    }
    log_info("configuration reloaded", "added", LOG_NUMBER(reload->added.count), "removed",
             LOG_NUMBER(reload->removed.count), "changed", LOG_NUMBER(reload->changed.count));
}
