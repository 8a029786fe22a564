// Directories for stores below /tmp.
#ifndef TANDEM_TESTS_STORE_DIRECTORY_H
#define TANDEM_TESTS_STORE_DIRECTORY_H

#define STORE_DIRECTORY_MAX 64

// A fresh directory; aborts where there can be none.
void store_directory_make(char path[static STORE_DIRECTORY_MAX]);
// Removes its files and the directory.
void store_directory_remove(const char *path);
// Copies the regular files of one directory into another, empty one.
void store_directory_copy(const char *from, const char *to);

#endif
