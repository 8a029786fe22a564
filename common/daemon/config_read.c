#include "common/daemon/config_read.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

#include "common/base/fault.h"
#include "common/base/hash.h"

// Why events and not libyaml's document API: events carry the places and come one at a time, so the
// bounds hold while reading; the document API resolves aliases into a graph (the "billion laughs")
// and forgets which key came twice. The nest is an explicit stack: no recursion on what a file
// holds.

// Duplicate keys are found by comparing with the earlier members of a map; from this many on by a
// hash.
#define SMALL_MAP 32

struct nest_level {
    struct config_node *node; // list or map that is open
    struct config_node *last; // its last child
    const char *key;          // of the map's member that is awaited, NULL: a key comes next
    uint32_t key_line, key_column;
    size_t member_count;
    struct config_node **seen; // open-addressing table of members, once the map is large
    size_t seen_size;
};

struct reading {
    const char *name;
    struct arena *arena;
    struct config_errors *errors;
    struct config_node *root;
    struct nest_level levels[CONFIG_DEPTH_MAX];
    unsigned depth;
    size_t node_count;
    uint64_t hash_key;
    bool failed; // cannot go on
};

static uint32_t
mark_line(const yaml_mark_t *mark)
{
    return (uint32_t)(mark->line + 1);
}

static uint32_t
mark_column(const yaml_mark_t *mark)
{
    return (uint32_t)(mark->column + 1);
}

static bool
refuse(struct reading *reading, const yaml_mark_t *mark, const char *sentence)
{
    config_errors_add(reading->errors, reading->name, mark_line(mark), mark_column(mark), "%s",
                      sentence);
    reading->failed = true;
    return false;
}

static struct config_node **
seen_slot(struct reading *reading, struct nest_level *level, const char *key)
{
    size_t at = hash_octets(reading->hash_key, key, strlen(key)) & (level->seen_size - 1);
    while (level->seen[at] && strcmp(level->seen[at]->key, key) != 0)
        at = (at + 1) & (level->seen_size - 1);
    return &level->seen[at];
}

static void
seen_grow(struct reading *reading, struct nest_level *level)
{
    free(level->seen);
    level->seen_size = level->seen_size ? level->seen_size * 4 : SMALL_MAP * 4;
    level->seen = memory_zalloc(level->seen_size * sizeof(struct config_node *));
    for (struct config_node *node = level->node->first; node; node = node->next)
        *seen_slot(reading, level, node->key) = node;
}

static const struct config_node *
seen_before(struct reading *reading, struct nest_level *level, const char *key)
{
    if (level->member_count < SMALL_MAP)
        return config_node_member(level->node, key);
    if (!level->seen || level->member_count * 2 > level->seen_size)
        seen_grow(reading, level);
    return *seen_slot(reading, level, key);
}

static bool
key_take(struct reading *reading, struct nest_level *level, const yaml_event_t *event)
{
    const char *key = (const char *)event->data.scalar.value;
    uint32_t line = mark_line(&event->start_mark), column = mark_column(&event->start_mark);
    const struct config_node *earlier = seen_before(reading, level, key);
    if (earlier)
        config_errors_add(reading->errors, reading->name, line, column,
                          "%.200s: stands here a second time; the first is at line %u column %u",
                          key, earlier->key_line, earlier->key_column);
    if (strcmp(key, "<<") == 0)
        return refuse(reading, &event->start_mark,
                      "merge keys (<<) are not taken; use template: NAME for zones");
    level->key = arena_text(reading->arena, key);
    level->key_line = line;
    level->key_column = column;
    return true;
}

static void
node_attach(struct reading *reading, struct config_node *node)
{
    if (reading->depth == 0) {
        reading->root = node;
        return;
    }
    struct nest_level *level = &reading->levels[reading->depth - 1];
    node->key = level->key;
    node->key_line = level->key_line;
    node->key_column = level->key_column;
    level->key = NULL;
    if (level->last)
        level->last->next = node;
    else
        level->node->first = node;
    level->last = node;
    level->member_count++;
    if (level->seen && node->key)
        *seen_slot(reading, level, node->key) = node;
}

static struct config_node *
node_make(struct reading *reading, enum config_node_kind kind, const yaml_event_t *event)
{
    if (++reading->node_count > CONFIG_NODES_MAX) {
        refuse(reading, &event->start_mark, "more values than a configuration may have");
        return NULL;
    }
    struct config_node *node = arena_zalloc(reading->arena, sizeof *node);
    node->kind = kind;
    node->line = mark_line(&event->start_mark);
    node->column = mark_column(&event->start_mark);
    node_attach(reading, node);
    return node;
}

static bool
awaits_key(const struct reading *reading)
{
    const struct nest_level *level = reading->depth ? &reading->levels[reading->depth - 1] : NULL;
    return level && level->node->kind == CONFIG_NODE_MAP && !level->key;
}

static bool
scalar_take(struct reading *reading, const yaml_event_t *event)
{
    if (event->data.scalar.length > CONFIG_SCALAR_MAX)
        return refuse(reading, &event->start_mark, "a value of more than 65536 octets");
    if (memchr(event->data.scalar.value, '\0', event->data.scalar.length))
        return refuse(reading, &event->start_mark, "a NUL octet inside a value");
    if (awaits_key(reading))
        return key_take(reading, &reading->levels[reading->depth - 1], event);
    struct config_node *node = node_make(reading, CONFIG_NODE_SCALAR, event);
    if (!node)
        return false;
    node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    node->text = arena_text(reading->arena, (const char *)event->data.scalar.value);
    return true;
}

static bool
nest_open(struct reading *reading, enum config_node_kind kind, const yaml_event_t *event)
{
    if (awaits_key(reading))
        return refuse(reading, &event->start_mark, "expected a key, got a list or a map");
    if (reading->depth == CONFIG_DEPTH_MAX)
        return refuse(reading, &event->start_mark, "nested too deeply");
    struct config_node *node = node_make(reading, kind, event);
    if (!node)
        return false;
    reading->levels[reading->depth++] = (struct nest_level){.node = node};
    return true;
}

static void
nest_close(struct reading *reading)
{
    ENSURE(reading->depth > 0);
    free(reading->levels[--reading->depth].seen);
    reading->levels[reading->depth].seen = NULL;
}

#define NO_ANCHORS "anchors, aliases and tags are not taken; use template: NAME for zones"

static bool
has_anchor_or_tag(const yaml_event_t *event)
{
    switch ((int)event->type) {
    case YAML_SCALAR_EVENT:
        return event->data.scalar.anchor || event->data.scalar.tag;
    case YAML_SEQUENCE_START_EVENT:
        return event->data.sequence_start.anchor || event->data.sequence_start.tag;
    case YAML_MAPPING_START_EVENT:
        return event->data.mapping_start.anchor || event->data.mapping_start.tag;
    default:
        return event->type == YAML_ALIAS_EVENT;
    }
}

// False when there is nothing more to read.
static bool
event_take(struct reading *reading, const yaml_event_t *event)
{
    if (has_anchor_or_tag(event))
        return refuse(reading, &event->start_mark, NO_ANCHORS);
    switch ((int)event->type) {
    case YAML_SCALAR_EVENT:
        return scalar_take(reading, event);
    case YAML_SEQUENCE_START_EVENT:
        return nest_open(reading, CONFIG_NODE_LIST, event);
    case YAML_MAPPING_START_EVENT:
        return nest_open(reading, CONFIG_NODE_MAP, event);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        nest_close(reading);
        return true;
    case YAML_DOCUMENT_START_EVENT:
        return !reading->root ||
               refuse(reading, &event->start_mark, "a second document; only one is taken");
    case YAML_STREAM_END_EVENT:
        return false;
    default:
        return true;
    }
}

// libyaml's own sentence, with its place. Tabs are what people meet most.
static void
syntax_error(struct reading *reading, const yaml_parser_t *parser)
{
    const char *problem = parser->problem ? parser->problem : "cannot be read";
    yaml_mark_t mark = parser->problem_mark;
    if (parser->error == YAML_READER_ERROR)
        config_errors_add(reading->errors, reading->name, 0, 0,
                          "not YAML: %s at octet %zu (expected UTF-8)", problem,
                          parser->problem_offset);
    else
        config_errors_add(reading->errors, reading->name, mark_line(&mark), mark_column(&mark),
                          "not YAML: %s%s%s", problem, parser->context ? ", " : "",
                          parser->context ? parser->context : "");
    reading->failed = true;
}

static void
events_read(struct reading *reading, yaml_parser_t *parser)
{
    bool more = true;
    while (more) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event)) {
            syntax_error(reading, parser);
            break;
        }
        more = event_take(reading, &event);
        yaml_event_delete(&event);
    }
    while (reading->depth > 0)
        nest_close(reading);
}

// An empty file, or one with comments only, is an empty map.
static struct config_node *
root_or_empty(struct reading *reading)
{
    struct config_node *root = reading->root;
    if (root && !(root->kind == CONFIG_NODE_SCALAR && !root->quoted && !*root->text))
        return root;
    root = arena_zalloc(reading->arena, sizeof *root);
    root->kind = CONFIG_NODE_MAP;
    root->line = root->column = 1;
    return root;
}

bool
config_read_text(const char *name, const char *text, size_t length, struct arena *arena,
                 struct config_node **ret_root, struct config_errors *errors)
{
    size_t errors_before = errors->error_count;
    if (length > CONFIG_FILE_SIZE_MAX) {
        config_errors_add(errors, name, 0, 0, "larger than a configuration may be (64 MiB)");
        return false;
    }
    struct reading reading = {
        .name = name, .arena = arena, .errors = errors, .hash_key = hash_key_draw()};
    yaml_parser_t parser;
    ENSURE(yaml_parser_initialize(&parser));
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, length);
    events_read(&reading, &parser);
    yaml_parser_delete(&parser);
    if (reading.failed)
        return false;
    *ret_root = root_or_empty(&reading);
    return errors->error_count == errors_before;
}

// The octets of a file that may be of any size up to the limit; NULL with an error.
static char *
file_load(const char *path, size_t *ret_length, struct config_errors *errors)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) != 0) {
        config_errors_add(errors, path, 0, 0, "cannot be opened: %s", strerror(errno));
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    char *text = NULL;
    if (S_ISDIR(status.st_mode) || status.st_size > CONFIG_FILE_SIZE_MAX) {
        config_errors_add(errors, path, 0, 0, "%s",
                          S_ISDIR(status.st_mode) ? "is a folder, expected a YAML file"
                                                  : "larger than a configuration may be");
    } else {
        size_t size = 65536, used = 0;
        text = memory_alloc(size);
        ssize_t got = 1;
        while (got > 0 && used <= CONFIG_FILE_SIZE_MAX) {
            if (used == size)
                text = memory_realloc(text, size *= 2);
            got = read(fd, text + used, size - used);
            used += got > 0 ? (size_t)got : 0;
        }
        if (got < 0) {
            config_errors_add(errors, path, 0, 0, "cannot be read: %s", strerror(errno));
            free(text);
            text = NULL;
        }
        *ret_length = used;
    }
    close(fd);
    return text;
}

bool
config_read_file(const char *path, struct arena *arena, struct config_node **ret_root,
                 struct config_errors *errors)
{
    size_t length = 0;
    char *text = file_load(path, &length, errors);
    if (!text)
        return false;
    bool fine = config_read_text(path, text, length, arena, ret_root, errors);
    free(text);
    return fine;
}

const struct config_node *
config_node_member(const struct config_node *map, const char *key)
{
    if (!map || map->kind != CONFIG_NODE_MAP)
        return NULL;
    for (const struct config_node *node = map->first; node; node = node->next)
        if (strcmp(node->key, key) == 0)
            return node;
    return NULL;
}
