#include "common/daemon/json_value.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/arena.h"
#include "common/base/quantity.h"
#include "common/dns/name.h"

// struct json_value is never defined: a pointer to one is jansson's json_t under a name of ours.
// jansson is reference-counted; we hand every reference over at once, so each tree has one owner.

#define PATH_PART_MAX  64
#define PRINTF_MAX     4096
#define REPLACEMENT    "\xef\xbf\xbd" // U+FFFD
#define REAL_PRECISION 12

static json_t *
inside(struct json_value *value)
{
    return (json_t *)(void *)value;
}

// jansson's readers take a json_t that they do not change, without saying const.
static json_t *
inside_const(const struct json_value *value)
{
    union {
        const struct json_value *in;
        json_t *out;
    } view = {.in = value};
    return view.out;
}

static struct json_value *
outside(json_t *json)
{
    ENSURE(json);
    return (struct json_value *)(void *)json;
}

// ---- UTF-8
// ---------------------------------------------------------------------------------------------

// Octets of the well-formed sequence at the start of text (RFC 3629), 0 when there is none.
static size_t
sequence_length(const unsigned char *text, size_t left)
{
    unsigned char first = text[0];
    size_t length = first < 0x80   ? 1
                    : first < 0xc2 ? 0
                    : first < 0xe0 ? 2
                    : first < 0xf0 ? 3
                    : first < 0xf5 ? 4
                                   : 0;
    if (length == 0 || length > left)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    bool overlong = (first == 0xe0 && text[1] < 0xa0) || (first == 0xf0 && text[1] < 0x90);
    bool beyond = (first == 0xed && text[1] > 0x9f) || (first == 0xf4 && text[1] > 0x8f);
    return overlong || beyond ? 0 : length;
}

static json_t *
text_mend(const char *text, size_t length)
{
    char *mended = memory_alloc(length * 3 + 1);
    size_t used = 0;
    for (size_t at = 0; at < length;) {
        size_t step = sequence_length((const unsigned char *)text + at, length - at);
        const char *from = step ? text + at : REPLACEMENT;
        size_t octets = step ? step : 3;
        memcpy(mended + used, from, octets);
        used += octets;
        at += step ? step : 1;
    }
    json_t *json = json_stringn(mended, used);
    free(mended);
    return json;
}

// ---- makers
// ----------------------------------------------------------------------------------------------

struct json_value *
json_value_object(void)
{
    return outside(json_object());
}

struct json_value *
json_value_array(void)
{
    return outside(json_array());
}

struct json_value *
json_value_text_of(const char *text, size_t length)
{
    json_t *json = json_stringn(text, length); // NULL when it is not UTF-8
    return outside(json ? json : text_mend(text, length));
}

struct json_value *
json_value_text(const char *text)
{
    return text ? json_value_text_of(text, strlen(text)) : json_value_null();
}

struct json_value *
json_value_integer(int64_t value)
{
    return outside(json_integer(value));
}

struct json_value *
json_value_boolean(bool value)
{
    return outside(json_boolean(value));
}

struct json_value *
json_value_null(void)
{
    return outside(json_null());
}

struct json_value *
json_value_copy(const struct json_value *value)
{
    return value ? outside(json_deep_copy(inside_const(value))) : json_value_null();
}

void
json_value_free(struct json_value **value)
{
    json_decref(inside(*value));
    *value = NULL;
}

// ---- objects and arrays
// ----------------------------------------------------------------------------------

void
json_value_put(struct json_value *object, const char *key, struct json_value **value)
{
    ENSURE(json_object_set_new(inside(object), key, inside(*value)) == 0);
    *value = NULL;
}

static void
put(struct json_value *object, const char *key, struct json_value *value)
{
    json_value_put(object, key, &value);
}

void
json_value_put_text(struct json_value *object, const char *key, const char *text)
{
    put(object, key, json_value_text(text));
}

void
json_value_printf(struct json_value *object, const char *key, const char *format, ...)
{
    char text[PRINTF_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    json_value_put_text(object, key, text);
}

void
json_value_put_integer(struct json_value *object, const char *key, int64_t value)
{
    put(object, key, json_value_integer(value));
}

void
json_value_put_number(struct json_value *object, const char *key, double value)
{
    json_t *json = json_real(value); // NULL for NaN and infinities, which JSON does not have
    put(object, key, json ? outside(json) : json_value_null());
}

void
json_value_put_boolean(struct json_value *object, const char *key, bool value)
{
    put(object, key, json_value_boolean(value));
}

void
json_value_put_null(struct json_value *object, const char *key)
{
    put(object, key, json_value_null());
}

void
json_value_put_time(struct json_value *object, const char *key, int64_t unix_seconds)
{
    char text[QUANTITY_TEXT_MAX];
    put(object, key,
        unix_seconds > 0 ? json_value_text(quantity_time_text(unix_seconds, text))
                         : json_value_null());
}

void
json_value_put_zone(struct json_value *object, const char *key, const uint8_t *name)
{
    char text[NAME_TEXT_MAX];
    json_value_put_text(object, key, name_to_text_short(name, text));
}

void
json_value_put_owner(struct json_value *object, const char *key, const uint8_t *name)
{
    char text[NAME_TEXT_MAX];
    json_value_put_text(object, key, name_to_text(name, text));
}

struct json_value *
json_value_put_object(struct json_value *object, const char *key)
{
    struct json_value *child = json_value_object(), *kept = child;
    json_value_put(object, key, &child);
    return kept;
}

struct json_value *
json_value_put_array(struct json_value *object, const char *key)
{
    struct json_value *child = json_value_array(), *kept = child;
    json_value_put(object, key, &child);
    return kept;
}

struct json_value *
json_value_child(struct json_value *object, const char *key)
{
    return (struct json_value *)(void *)json_object_get(inside(object), key);
}

void
json_value_add(struct json_value *array, struct json_value **value)
{
    ENSURE(json_array_append_new(inside(array), inside(*value)) == 0);
    *value = NULL;
}

void
json_value_add_text(struct json_value *array, const char *text)
{
    struct json_value *value = json_value_text(text);
    json_value_add(array, &value);
}

struct json_value *
json_value_add_object(struct json_value *array)
{
    struct json_value *child = json_value_object(), *kept = child;
    json_value_add(array, &child);
    return kept;
}

// ---- reading
// ---------------------------------------------------------------------------------------------

enum json_value_kind
json_value_kind(const struct json_value *value)
{
    const json_t *json = inside_const(value);
    if (json_is_object(json))
        return JSON_VALUE_OBJECT;
    if (json_is_array(json))
        return JSON_VALUE_ARRAY;
    if (json_is_string(json))
        return JSON_VALUE_TEXT;
    if (json_is_integer(json))
        return JSON_VALUE_INTEGER;
    if (json_is_real(json))
        return JSON_VALUE_NUMBER;
    return json_is_boolean(json) ? JSON_VALUE_BOOLEAN : JSON_VALUE_NULL;
}

static const struct json_value *
member(const struct json_value *object, const char *key)
{
    const json_t *json = inside_const(object);
    if (!json_is_object(json))
        return NULL;
    return (const struct json_value *)(const void *)json_object_get(json, key);
}

const struct json_value *
json_value_get(const struct json_value *object, const char *path)
{
    while (object && strchr(path, '/')) {
        char part[PATH_PART_MAX];
        size_t length = strcspn(path, "/");
        ENSURE(length < sizeof part);
        memcpy(part, path, length);
        part[length] = '\0';
        object = member(object, part);
        path += length + 1;
    }
    return member(object, path);
}

const char *
json_value_as_text(const struct json_value *value, const char *otherwise)
{
    const char *text = value ? json_string_value(inside_const(value)) : NULL;
    return text ? text : otherwise;
}

const char *
json_value_get_text(const struct json_value *object, const char *path, const char *otherwise)
{
    return json_value_as_text(json_value_get(object, path), otherwise);
}

int64_t
json_value_get_integer(const struct json_value *object, const char *path, int64_t otherwise)
{
    const json_t *json = inside_const(json_value_get(object, path));
    return json_is_integer(json) ? json_integer_value(json) : otherwise;
}

double
json_value_get_number(const struct json_value *object, const char *path, double otherwise)
{
    const json_t *json = inside_const(json_value_get(object, path));
    return json_is_number(json) ? json_number_value(json) : otherwise;
}

bool
json_value_get_boolean(const struct json_value *object, const char *path, bool otherwise)
{
    const json_t *json = inside_const(json_value_get(object, path));
    return json_is_boolean(json) ? json_is_true(json) : otherwise;
}

int64_t
json_value_get_time(const struct json_value *object, const char *path, int64_t otherwise)
{
    const char *text = json_value_get_text(object, path, NULL);
    struct tm parts = {0};
    const char *end = text ? strptime(text, "%Y-%m-%dT%H:%M:%SZ", &parts) : NULL;
    return end && !*end ? (int64_t)timegm(&parts) : otherwise;
}

size_t
json_value_count(const struct json_value *value)
{
    const json_t *json = inside_const(value);
    return json_is_array(json) ? json_array_size(json) : json_object_size(json);
}

const struct json_value *
json_value_at(const struct json_value *array, size_t index)
{
    return (const struct json_value *)(const void *)json_array_get(inside_const(array), index);
}

const char *
json_value_next_key(const struct json_value *object, const char *key)
{
    json_t *json = inside_const(object);
    void *place = NULL;
    if (!json_is_object(json))
        return NULL;
    if (key)
        place = json_object_iter_next(json, json_object_iter_at(json, key));
    else
        place = json_object_iter(json);
    return place ? json_object_iter_key(place) : NULL;
}

// ---- text
// ------------------------------------------------------------------------------------------------

// jansson reads by recursion, bounded by its own 2048; ours is bounded before it begins.
static bool
is_shallow(const char *text, size_t length)
{
    unsigned depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < length; i++) {
        if (quoted && text[i] == '\\')
            i++;
        else if (text[i] == '"')
            quoted = !quoted;
        else if (!quoted && (text[i] == '{' || text[i] == '[') && ++depth > JSON_VALUE_DEPTH_MAX)
            return false;
        else if (!quoted && (text[i] == '}' || text[i] == ']') && depth > 0)
            depth--;
    }
    return true;
}

bool
json_value_read(const char *text, size_t length, struct json_value **ret_value, struct fault *fault)
{
    json_error_t error;
    if (!is_shallow(text, length))
        return fault_set(fault, FAULT_SYNTAX, "JSON: nested deeper than %d", JSON_VALUE_DEPTH_MAX);
    json_t *json = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
    if (!json)
        return fault_set(fault, FAULT_SYNTAX, "JSON: line %d column %d: %s", error.line,
                         error.column, error.text);
    *ret_value = outside(json);
    return true;
}

char *
json_value_write(const struct json_value *value, unsigned indent, size_t *ret_length)
{
    size_t flags = JSON_ENCODE_ANY | JSON_REAL_PRECISION(REAL_PRECISION);
    flags |= indent ? JSON_INDENT(indent & JSON_MAX_INDENT) : 0;
    char *text = json_dumps(inside_const(value), flags);
    ENSURE(text);
    if (ret_length)
        *ret_length = strlen(text);
    return text;
}
