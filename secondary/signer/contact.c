#include "secondary/signer/contact.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "secondary/signer/zone_directory.h"

#define CONTACT_FILE      "contact"
#define CONTACT_SHARE     20
#define CONTACT_LAG_NEVER 86400 // where nothing expires, for status after a restart

void
contact_load(const char *directory, struct contact *ret_contact)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/" CONTACT_FILE, directory);
    *ret_contact = (struct contact){0};
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return;
    }
    int64_t at;
    if (fscanf(file, "%" SCNd64, &at) == 1 && at > 0) {
        *ret_contact = (struct contact){at, at};
    }
    fclose(file);
}

bool
contact_note(struct contact *contact, const char *directory, int64_t now, int64_t expire_seconds,
             struct fault *fault)
{
    contact->at_seconds = now;
    int64_t lag = expire_seconds > 0 ? expire_seconds / CONTACT_SHARE : CONTACT_LAG_NEVER;
    // A clock that went back must not leave a time of the future on disk.
    if (contact->written_seconds != 0 && now - contact->written_seconds < lag &&
        now >= contact->written_seconds) {
        return true;
    }
    char text[32];
    int length = snprintf(text, sizeof text, "%" PRId64 "\n", now);
    if (!zone_directory_write(directory, CONTACT_FILE, text, (size_t)length, fault)) {
        return false;
    }
    contact->written_seconds = now;
    return true;
}

int64_t
contact_expires(const struct contact *contact, int64_t expire_seconds)
{
    return contact->at_seconds == 0 || expire_seconds <= 0 ? 0
                                                           : contact->at_seconds + expire_seconds;
}
