// Where the store of a zone is on disk.
#ifndef TANDEM_PRIMARY_STORE_DIRECTORY_H
#define TANDEM_PRIMARY_STORE_DIRECTORY_H

// The folder of the zone below directory (malloc): its name, in which only '/' needs another form;
// the root zone is "root", very long names go by their hash.
char *store_directory(const char *directory, const char *domain);

#endif
