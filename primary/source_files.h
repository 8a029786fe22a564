// The files that a source was read from, the zone file and its $INCLUDEs, and whether they are
// still the same: a reload passes over a zone whose files are. By device, inode, size and times, as
// the system keeps them; where a file was so young that it could have changed once more within the
// same time stamp ("racy", as git calls it), or has other times, by its content. Any thread.
#ifndef TANDEM_PRIMARY_SOURCE_FILES_H
#define TANDEM_PRIMARY_SOURCE_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "common/base/hash.h"
#include "common/base/vector.h"

// More are not remembered (150 octets each): such a source is read at every reload.
#define SOURCE_FILES_MAX 1000
// A file that changed so shortly before it was read may change again without a new time stamp: FAT
// counts in steps of two seconds, others in those of the system's clock tick.
#define SOURCE_FILES_RACY_SECONDS 2

struct source_file {
    char *path;
    uint64_t device, inode, size;
    int64_t modified_ns, changed_ns;
    bool racy;                 // its times say nothing: the content is looked at next time
    struct hash_digest digest; // of its octets
};
// In the order in which they were read, the zone file first.
struct source_files {
    struct vector items; // of struct source_file
    bool too_many;       // not all of them are there
};
void source_files_init(struct source_files *files);
void source_files_close(struct source_files *files);
// Moves from, which is empty then, into files, which is closed before; in no more memory than
// needed.
void source_files_take(struct source_files *files, struct source_files *from);
// A file as it was read: its status from before the first octet was read; now: unix seconds, not
// later than that.
void source_files_add(struct source_files *files, const char *path, const struct stat *status,
                      const struct hash_digest *digest, int64_t now);

enum source_files_answer {
    SOURCE_FILES_CHANGED, // or not known to be the same; ret_files is empty
    SOURCE_FILES_SAME,
};
// Are the files below path still what they were? ret_files: as they are now, for the next time
// (the caller closes it). ret_looked_into: of how many the content was
// looked at.
enum source_files_answer source_files_compare(const struct source_files *files, const char *path,
                                              int64_t now, struct source_files *ret_files,
                                              size_t *ret_looked_into);
// Of paths and contents, not of times: equal for two readings of the same files. False: there are
// too many, or none.
bool source_files_digest(const struct source_files *files, struct hash_digest *ret_digest);

#endif
