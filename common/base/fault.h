// What went wrong that an operator can mend: a kind to branch on and one complete sentence that names
// the object, the place and the cure. The text is built on the way up: the callee says what happened,
// each caller puts its own context before it. A fault is untouched on success. No allocation.
#ifndef TANDEM_BASE_FAULT_H
#define TANDEM_BASE_FAULT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

enum fault_kind {
    FAULT_NONE = 0,
    FAULT_SYNTAX,    // the input is not what its format allows
    FAULT_CONFIG,    // a setting is wrong or two settings contradict each other
    FAULT_IO,        // the operating system refused
    FAULT_NOT_FOUND, // no such object
    FAULT_EXISTS,    // there already
    FAULT_REFUSED,   // the other side, the gate or an access rule says no
    FAULT_TIMEOUT,
    FAULT_LIMIT,   // a named maximum was reached
    FAULT_CORRUPT, // stored octets are not what was written
    FAULT_BUSY,    // something under way must end first
    FAULT_UNSUPPORTED, // not in this version
};

// Room for a sentence with two names of 255 octets in it.
#define FAULT_TEXT_MAX 2048

struct fault {
    enum fault_kind kind;
    char text[FAULT_TEXT_MAX];
};

// Sets kind and text; gives false, so that `return fault_set(fault, ...)` reads well. fault may be NULL.
bool fault_set(struct fault *fault, enum fault_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// As fault_set with FAULT_IO, and ": <strerror(error)>" behind the text.
bool fault_set_errno(struct fault *fault, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// Puts "context: " before the text. Gives false.
bool fault_wrap(struct fault *fault, const char *format, ...) __attribute__((format(printf, 2, 3)));

// A short word for logs and JSON: "syntax", "io", ...
const char *fault_kind_word(enum fault_kind kind);

// Our own bug: always compiled in, aborts with the place.
#define ENSURE(condition)                                                                          \
    ((condition) ? (void)0 : ensure_failed(#condition, __FILE__, __LINE__, __func__))
_Noreturn void ensure_failed(const char *condition, const char *file, int line, const char *function);

#endif
