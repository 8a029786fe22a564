// Keeps one file up to date with something that changes: written by a worker thread, whole (see
// state_file.h), a while after a change and not too often, and at the end what is not in it yet.
// Belongs to its loop; only the writing itself runs elsewhere, on a copy.
#ifndef TANDEM_ALIAS_SAVER_H
#define TANDEM_ALIAS_SAVER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/base/octets.h"
#include "common/net/loop.h"

struct saver;
struct saver_options {
    struct loop *loop;
    const char *path;     // copied
    uint64_t delay_ms;    // from a change to the file: many changes come together
    uint64_t interval_ms; // between two files
    // A number that grows with every change.
    uint64_t (*changes)(void *context);
    // Adds what the file is to be.
    void (*write)(void *context, struct octets_buffer *buffer);
    // Trouble, once for each kind until it is over.
    void (*failed)(void *context, const struct fault *fault);
    void *context;
};
struct saver *saver_new(const struct saver_options *options);
// Reads the file and hands it over; restore gives false where it is damaged: it is set aside then,
// and `failed` told with what the sentence says is lost. No file: nothing happens.
void saver_restore(struct saver *saver,
                   bool (*restore)(void *context, const void *octets, size_t length),
                   const char *consequence);
// Something may have changed.
void saver_look(struct saver *saver);
// Writes what is not in the file.
void saver_free(struct saver **saver);

#endif
