// What the system takes and gives in pieces, whole: interrupted and partial calls go on. For files,
// memfds and pipes that block. Where a function fails, errno says why. Any thread.
#ifndef TANDEM_BASE_DESCRIPTOR_H
#define TANDEM_BASE_DESCRIPTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

bool descriptor_write(int fd, const void *octets, size_t length);
// Until the end, or until there is no more room. Gives the number of octets, -1 on a failure.
ssize_t descriptor_read(int fd, void *ret_octets, size_t room);
// What was made, renamed or removed in the folder is on the disk when this is true.
bool descriptor_sync_folder(const char *path);

#endif
