// JSON values for control messages and the HTTP status: built and read by name, without a foreign
// type in sight (jansson behind). A value is one owned tree; what is got out of a tree is borrowed
// and lives as long as the tree. One thread at a time for one tree. Text that is not UTF-8 is
// mended (U+FFFD), never refused: it may come from a zone. Keys are snake_case and carry their unit
// (age_seconds).
#ifndef TANDEM_DAEMON_JSON_VALUE_H
#define TANDEM_DAEMON_JSON_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"

#define JSON_VALUE_DEPTH_MAX 64 // of a text that is read: deeper is refused

struct json_value; // opaque

enum json_value_kind {
    JSON_VALUE_NULL,
    JSON_VALUE_BOOLEAN,
    JSON_VALUE_INTEGER,
    JSON_VALUE_NUMBER,
    JSON_VALUE_TEXT,
    JSON_VALUE_ARRAY,
    JSON_VALUE_OBJECT,
};

// Makers. The caller owns what they give.
struct json_value *json_value_object(void);
struct json_value *json_value_array(void);
struct json_value *json_value_text(const char *text); // NULL gives null
struct json_value *json_value_text_of(const char *text, size_t length);
struct json_value *json_value_integer(int64_t value);
struct json_value *json_value_boolean(bool value);
struct json_value *json_value_null(void);
struct json_value *json_value_copy(const struct json_value *value); // deep
void json_value_free(struct json_value **value);

// Into an object. A key that is there already is replaced.
void json_value_put(struct json_value *object, const char *key,
                    struct json_value **value); // takes over
void json_value_put_text(struct json_value *object, const char *key, const char *text);
void json_value_printf(struct json_value *object, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void json_value_put_integer(struct json_value *object, const char *key, int64_t value);
void json_value_put_number(struct json_value *object, const char *key, double value);
void json_value_put_boolean(struct json_value *object, const char *key, bool value);
void json_value_put_null(struct json_value *object, const char *key);
// RFC 3339 in UTC; 0 or less ("never") gives null.
void json_value_put_time(struct json_value *object, const char *key, int64_t unix_seconds);
// Name in wire format, as text without the final dot (zones) or with it (owners).
void json_value_put_zone(struct json_value *object, const char *key, const uint8_t *name);
void json_value_put_owner(struct json_value *object, const char *key, const uint8_t *name);
// A new empty child; borrowed.
struct json_value *json_value_put_object(struct json_value *object, const char *key);
struct json_value *json_value_put_array(struct json_value *object, const char *key);
// A member that is there already, to be added to; borrowed. NULL: it is not there.
struct json_value *json_value_child(struct json_value *object, const char *key);

// To the end of an array.
void json_value_add(struct json_value *array, struct json_value **value); // takes over
void json_value_add_text(struct json_value *array, const char *text);
struct json_value *json_value_add_object(struct json_value *array); // borrowed

// Reading. value may be NULL everywhere: then it is as if nothing were there.
enum json_value_kind json_value_kind(const struct json_value *value); // NULL gives JSON_VALUE_NULL
// The member; path may go down through objects ("serial/unsigned"). NULL when it is not there.
const struct json_value *json_value_get(const struct json_value *object, const char *path);
const char *json_value_get_text(const struct json_value *object, const char *path,
                                const char *otherwise);
int64_t json_value_get_integer(const struct json_value *object, const char *path,
                               int64_t otherwise);
double json_value_get_number(const struct json_value *object, const char *path, double otherwise);
bool json_value_get_boolean(const struct json_value *object, const char *path, bool otherwise);
// Unix seconds of an RFC 3339 UTC time; otherwise when absent or null.
int64_t json_value_get_time(const struct json_value *object, const char *path, int64_t otherwise);
const char *json_value_as_text(const struct json_value *value, const char *otherwise);
size_t json_value_count(const struct json_value *value); // of an array or object, else 0
const struct json_value *json_value_at(const struct json_value *array, size_t index);
// Walks an object in the order of insertion; NULL key begins; gives the next key or NULL.
const char *json_value_next_key(const struct json_value *object, const char *key);

// Reads one JSON text (UTF-8, no duplicate keys, bounded depth). FAULT_SYNTAX names line and
// column.
bool json_value_read(const char *text, size_t length, struct json_value **ret_value,
                     struct fault *fault);
// NUL-terminated text, free() it; *ret_length (may be NULL) without the NUL. indent: spaces for
// each level; 0 gives one line.
char *json_value_write(const struct json_value *value, unsigned indent, size_t *ret_length);

#endif
