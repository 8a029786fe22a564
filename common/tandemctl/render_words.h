// Small phrases that several results share. Pure.
#ifndef TANDEM_TANDEMCTL_RENDER_WORDS_H
#define TANDEM_TANDEMCTL_RENDER_WORDS_H

#include "common/base/quantity.h"
#include "common/tandemctl/render.h"
#include "common/tandemctl/text_table.h"

#define RENDER_PHRASE_MAX 512

// "42s ago", "in 13d", "-".
const char *render_moment(const struct render *render, const struct json_value *object,
                          const char *path, char text[static RENDER_PHRASE_MAX]);
// "2026112104 -> 1795263187"; a missing side is "-". On the primary "file 1 -> unsigned 2".
const char *render_serial(const struct json_value *serial, char text[static RENDER_PHRASE_MAX]);
// "+2 -1" or "" when neither is there.
const char *render_change(const struct json_value *object, char text[static RENDER_PHRASE_MAX]);
// The text at path with control characters made harmless; otherwise when it is not there.
const char *render_text(const struct json_value *object, const char *path, const char *otherwise,
                        char text[static RENDER_PHRASE_MAX]);
// A line, harmless.
void render_line(const struct render *render, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
// The rows of a table of zones (status, zone list).
void render_zones(const struct render *render, const struct json_value *zones);
// KEY and ALIAS tables.
void render_keys(const struct render *render, const struct json_value *keys);
void render_aliases(const struct render *render, const struct json_value *aliases);
void render_hints(const struct render *render, const struct json_value *hints);

#endif
