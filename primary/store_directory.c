#include "primary/store_directory.h"

#include <string.h>

#include "common/base/hash.h"
#include "common/base/octets.h"

#define DIRECTORY_NAME_MAX 200 // octets; a folder's name may have 255
#define HASH_NAME_OCTETS   16

char *
store_directory(const char *directory, const char *domain)
{
    struct octets_buffer path;
    struct hash_digest digest;
    char hexadecimal[2 * HASH_NAME_OCTETS + 1];
    octets_buffer_init(&path);
    octets_buffer_printf(&path, "%s/", directory);
    if (strlen(domain) > DIRECTORY_NAME_MAX) {
        hash_digest_octets(domain, strlen(domain), &digest);
        hash_digest_text(&digest, HASH_NAME_OCTETS, hexadecimal);
        octets_buffer_printf(&path, "%s", hexadecimal);
    } else if (strcmp(domain, ".") == 0) {
        octets_buffer_printf(&path, "root");
    } else {
        for (const char *at = domain; *at; at++)
            octets_buffer_printf(&path, *at == '/' ? "%%2F" : "%c", *at);
    }
    octets_buffer_add_u8(&path, '\0');
    return (char *)path.data;
}
