// Beside a zone's versions: which files the last one was made from ("source" in the zone's folder).
// Where they are still the same, the version is what the files say, and a start serves it before it
// has read them. The mark may be missing at any time: then the files are read first. Any thread.
#ifndef TANDEM_PRIMARY_SOURCE_MARK_H
#define TANDEM_PRIMARY_SOURCE_MARK_H

#include <stdbool.h>

#include "common/base/fault.h"
#include "primary/source_files.h"

// Not synced, and no fault: a mark that is missing or not whole after a power cut costs the next
// start a moment. Files of which not all are remembered leave no mark.
void source_mark_write(const char *directory, const struct source_files *files);
// Before a version of other files is published: no mark must speak of a version that is not of its
// files. A mark that is not there is gone, too; FAULT_IO names the path: do not publish then.
bool source_mark_remove(const char *directory, struct fault *fault);
// False: there is none, or it is not whole; ret_files is empty then. The caller closes it.
bool source_mark_read(const char *directory, struct source_files *ret_files);

#endif
