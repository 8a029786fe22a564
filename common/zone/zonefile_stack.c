#include "common/zone/zonefile_stack.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"

// A file that was opened, for who wants to be told of it.
struct file {
    char *path;
    struct stat status;
    bool whole;
    struct hash_digest digest;
};

void
zonefile_stack_init(struct zonefile_stack *stack, struct zonefile_state *state,
                    const struct zonefile_options *options)
{
    *stack = (struct zonefile_stack){
        .state = state, .file_read = options->file_read, .context = options->context};
    vector_init(&stack->files, sizeof(struct file));
}

static char *
directory_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *directory = memory_text(slash ? path : ".");
    if (slash)
        directory[slash == path ? 1 : slash - path] = '\0';
    return directory;
}

void
zonefile_frame_close(struct zonefile_frame *frame)
{
    free(frame->name);
    free(frame->directory);
    zonefile_text_close(&frame->file);
    *frame = (struct zonefile_frame){0};
}

struct zonefile_frame *
zonefile_stack_top(struct zonefile_stack *stack)
{
    return stack->depth ? &stack->frames[stack->depth - 1] : NULL;
}

static void
file_note(struct zonefile_stack *stack, const char *path, struct zonefile_frame *frame)
{
    if (!stack->file_read || stack->files.count == ZONEFILE_FILES_TOLD_MAX)
        return;
    struct file file = {.path = memory_text(path), .status = frame->file.status};
    vector_add(&stack->files, &file);
    frame->file_number = stack->files.count;
}

static void
file_end(struct zonefile_stack *stack, struct zonefile_frame *frame)
{
    if (frame->file_number == 0)
        return;
    struct file *file = vector_at(&stack->files, frame->file_number - 1);
    file->whole = zonefile_text_digest(&frame->file, &file->digest);
}

void
zonefile_stack_close(struct zonefile_stack *stack)
{
    for (size_t i = 0; i < stack->files.count; i++) {
        struct file *file = vector_at(&stack->files, i);
        if (file->whole)
            stack->file_read(stack->context, file->path, &file->status, &file->digest);
        free(file->path);
    }
    vector_close(&stack->files);
}

void
zonefile_stack_push(struct zonefile_stack *stack, struct zonefile_frame *frame)
{
    name_copy(frame->saved_origin, stack->state->origin);
    name_copy(frame->saved_owner, stack->state->owner);
    frame->saved_has_owner = stack->state->has_owner;
    stack->frames[stack->depth++] = *frame;
    stack->state->errors->file = zonefile_stack_top(stack)->name;
}

void
zonefile_stack_pop(struct zonefile_stack *stack)
{
    struct zonefile_frame *frame = zonefile_stack_top(stack);
    file_end(stack, frame);
    zonefile_origin_set(stack->state, frame->saved_origin);
    name_copy(stack->state->owner, frame->saved_owner);
    stack->state->has_owner = frame->saved_has_owner;
    zonefile_frame_close(frame);
    stack->depth--;
    stack->state->errors->file = stack->depth ? zonefile_stack_top(stack)->name : "";
}

bool
zonefile_stack_open(struct zonefile_stack *stack, const char *path, const char *name,
                    struct zonefile_frame *frame, struct fault *fault)
{
    struct zonefile_text *file = &frame->file;
    if (!zonefile_text_open(path, stack->file_read != NULL, file, fault))
        return false;
    file_note(stack, path, frame);
    frame->name = memory_text(name);
    frame->directory = directory_of(path);
    zonefile_scan_init(&frame->scan, file->text, file->length, file->left > 0);
    return true;
}

void
zonefile_stack_feed(struct zonefile_stack *stack)
{
    struct zonefile_frame *frame = zonefile_stack_top(stack);
    struct fault fault;
    size_t from = (size_t)(frame->scan.keep - frame->file.text);
    struct zonefile_place place = {.line = frame->scan.keep_line, .column = 1};
    if (!zonefile_text_more(&frame->file, from, frame->name, &fault)) {
        zonefile_error_add(stack->state->errors, place, "%s", fault.text);
        zonefile_stack_pop(stack);
        return;
    }
    zonefile_scan_move(&frame->scan, frame->file.text, frame->file.length, frame->file.left > 0);
}

// The path of an included file: relative to the including one's directory.
static bool
include_path(struct zonefile_stack *stack, const struct zonefile_token *token, char *path,
             size_t size)
{
    const char *directory = zonefile_stack_top(stack)->directory;
    bool absolute = token->text[0] == '/';
    int length = absolute ? snprintf(path, size, "%s", token->text)
                          : snprintf(path, size, "%s/%s", directory, token->text);
    if (length < 0 || (size_t)length >= size || token->length == 0)
        return zonefile_error_add(stack->state->errors, token->place,
                                  "$INCLUDE: a path of 1 to %zu octets is expected", size - 1);
    return true;
}

static bool
same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static bool
include_is_loop(const struct zonefile_stack *stack, const struct zonefile_frame *frame)
{
    for (unsigned i = 0; i < stack->depth; i++)
        if (stack->frames[i].file.text &&
            same_file(&stack->frames[i].file.status, &frame->file.status))
            return true;
    return false;
}

bool
zonefile_stack_open_included(struct zonefile_stack *stack, const struct zonefile_token *token,
                             struct zonefile_frame *frame)
{
    char path[PATH_MAX];
    struct fault fault;
    struct zonefile_errors *errors = stack->state->errors;
    if (!include_path(stack, token, path, sizeof path))
        return false;
    if (!zonefile_stack_open(stack, path, token->text, frame, &fault))
        return zonefile_error_add(errors, token->place, "$INCLUDE: %s", fault.text);
    if (include_is_loop(stack, frame))
        return zonefile_error_add(errors, token->place,
                                  "$INCLUDE: '%s' includes itself (perhaps by way of others)",
                                  token->text);
    return true;
}
