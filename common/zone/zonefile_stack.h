// The texts of a zone that stand inside each other by $INCLUDE, the one that is read from on top.
// The stack is explicit, so that a file cannot make us recurse. It knows which files were opened on
// the way, for whoever wants to be told of them. Inner to the reader of master files; one thread.
#ifndef TANDEM_ZONE_ZONEFILE_STACK_H
#define TANDEM_ZONE_ZONEFILE_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/base/vector.h"
#include "common/dns/name.h"
#include "common/zone/zonefile_header.h"
#include "common/zone/zonefile_read.h"
#include "common/zone/zonefile_scan.h"
#include "common/zone/zonefile_text.h"

// One text of the stack.
struct zonefile_frame {
    char *name;                // for messages
    char *directory;           // what a relative $INCLUDE starts from; NULL: no $INCLUDE
    struct zonefile_text file; // zeros where the caller's memory is read
    struct zonefile_scan scan;
    uint8_t saved_origin[NAME_SIZE_MAX], saved_owner[NAME_SIZE_MAX]; // of the parent
    bool saved_has_owner;
    size_t file_number; // among the files that were opened, from 1; 0: not among them
};

struct zonefile_stack {
    struct zonefile_state *state;  // borrowed: origin and owner come back when a text ends
    zonefile_file_read *file_read; // NULL: not wanted
    void *context;                 // of file_read
    struct zonefile_frame frames[ZONEFILE_INCLUDE_DEPTH_MAX + 1];
    unsigned depth;
    struct vector files; // of what was opened, in that order
};
void zonefile_stack_init(struct zonefile_stack *stack, struct zonefile_state *state,
                         const struct zonefile_options *options);
// Tells file_read of each file that was read whole, and frees what is left. The stack is empty.
void zonefile_stack_close(struct zonefile_stack *stack);

// Makes a frame of a file, under the name that messages call it by. frame: zeros; the caller pushes
// it or closes it, also on a fault.
bool zonefile_stack_open(struct zonefile_stack *stack, const char *path, const char *name,
                         struct zonefile_frame *frame, struct fault *fault);
// The same of the file that an $INCLUDE's token names, relative to the folder of the one on top.
// False: an error was added.
bool zonefile_stack_open_included(struct zonefile_stack *stack, const struct zonefile_token *token,
                                  struct zonefile_frame *frame);
void zonefile_frame_close(struct zonefile_frame *frame);

// Takes the frame over and reads from it next; there must be room (depth).
void zonefile_stack_push(struct zonefile_stack *stack, struct zonefile_frame *frame);
void zonefile_stack_pop(struct zonefile_stack *stack);
// NULL: it is empty.
struct zonefile_frame *zonefile_stack_top(struct zonefile_stack *stack);
// More of the text on top, for an entry that does not end in the window. Where the file cannot be
// read on, an error is added and it is popped.
void zonefile_stack_feed(struct zonefile_stack *stack);

#endif
