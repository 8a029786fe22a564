// Sentences and values hold what strangers chose: names from the wire, text of files, words of a
// peer. None of it may end the line, move a terminal's cursor or break the JSON. So control
// characters (C0, DEL, and the C1 block that terminals obey too) and octets that are not UTF-8 are
// shown as escapes: \n \t \\ \" or \xHH in text, \u00HH in JSON.
//
// A line has a fixed room. What does not fit is cut between two characters and marked: "..." at the
// end, in JSON a member cut. The TAIL at the end is kept free for the marks, the closing quote and
// bracket and the newline.
#include "common/daemon/log_line.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define TAIL 24 // `..."`, `,"cut":true}` and newline, with room to spare

static const int journald_priority[] = {
    [LOG_LEVEL_ERROR] = 3,
    [LOG_LEVEL_WARNING] = 4,
    [LOG_LEVEL_INFO] = 6,
    [LOG_LEVEL_DEBUG] = 7,
};

// A closing quote may have used some of the tail already.
static size_t
room(const struct log_line *line)
{
    size_t limit = sizeof(line->text) - TAIL;
    return line->cut || line->length > limit ? 0 : limit - line->length;
}

// Whole or not at all.
static void
add(struct log_line *line, const char *text, size_t length)
{
    if (line->cut || length > room(line)) {
        line->cut = true;
        return;
    }
    memcpy(line->text + line->length, text, length);
    line->length += length;
}

// Into the room that add keeps free.
static void
add_tail(struct log_line *line, const char *text)
{
    size_t length = strlen(text);
    if (length > sizeof(line->text) - line->length)
        return;
    memcpy(line->text + line->length, text, length);
    line->length += length;
}

static void
add_text(struct log_line *line, const char *text)
{
    add(line, text, strlen(text));
}

// The octets of the UTF-8 character at text, 1 to 4; 0 when there is none (RFC 3629 section 4).
static size_t
utf8_length(const unsigned char *text)
{
    size_t length = text[0] < 0x80                       ? 1
                    : text[0] >= 0xc2 && text[0] <= 0xdf ? 2
                    : text[0] >= 0xe0 && text[0] <= 0xef ? 3
                    : text[0] >= 0xf0 && text[0] <= 0xf4 ? 4
                                                         : 0;
    for (size_t i = 1; i < length; i++)
        if ((text[i] & 0xc0) != 0x80) // the NUL at the end too
            return 0;
    bool bad = (text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xed && text[1] > 0x9f) ||
               (text[0] == 0xf0 && text[1] < 0x90) || (text[0] == 0xf4 && text[1] > 0x8f);
    return bad ? 0 : length;
}

static bool
is_control(const unsigned char *text, size_t length)
{
    return (length == 1 && (text[0] < 0x20 || text[0] == 0x7f)) ||
           (length == 2 && text[0] == 0xc2 && text[1] < 0xa0);
}

// One octet that may not stand as it is.
static void
add_escape(struct log_line *line, unsigned char octet)
{
    char escape[8];
    if (octet == '\n' || octet == '\t' || octet == '"' || octet == '\\')
        snprintf(escape, sizeof(escape), "\\%c",
                 octet == '\n'   ? 'n'
                 : octet == '\t' ? 't'
                                 : (char)octet);
    else
        snprintf(escape, sizeof(escape), line->format == LOG_FORMAT_JSON ? "\\u00%02x" : "\\x%02x",
                 octet);
    add_text(line, escape);
}

// quoted: stands between quotes, so that quotes and backslashes are escaped as well.
static void
add_escaped(struct log_line *line, const char *text, bool quoted)
{
    const unsigned char *at = (const unsigned char *)text;
    while (*at && !line->cut) {
        size_t length = utf8_length(at);
        if (length == 0 || is_control(at, length)) {
            for (size_t i = 0; i < (length ? length : 1); i++)
                add_escape(line, at[i]);
        } else if (quoted && (*at == '"' || *at == '\\')) {
            add_escape(line, *at);
        } else {
            add(line, (const char *)at, length);
        }
        at += length ? length : 1;
    }
}

static void
add_quoted(struct log_line *line, const char *text)
{
    bool was_cut = line->cut;
    add_text(line, "\"");
    if (line->cut)
        return;
    add_escaped(line, text, true);
    if (line->cut && !was_cut)
        add_tail(line, "...");
    add_tail(line, "\"");
}

// A value that can be told from its surroundings without quotes.
static bool
is_plain(const char *value)
{
    for (const char *at = value; *at; at++)
        if (*at <= ' ' || *at >= 0x7f || *at == '"' || *at == '=' || *at == '\\')
            return false;
    return value[0] != '\0';
}

static void
add_json_member(struct log_line *line, const char *key, const char *value)
{
    // Key, colon and the opening quote go together or not at all, so that a cut leaves whole JSON.
    size_t before = line->length;
    add_text(line, line->text[line->length - 1] == '{' ? "\"" : ",\"");
    add_escaped(line, key, true);
    add_text(line, "\":");
    if (room(line) < 8)
        line->cut = true;
    if (line->cut)
        line->length = before;
    else
        add_quoted(line, value);
}

void
log_line_begin(struct log_line *line, enum log_format format, enum log_level level,
               const char *time, const char *role)
{
    line->length = 0;
    line->cut = false;
    line->format = format;
    if (!time) {
        char priority[8];
        snprintf(priority, sizeof(priority), "<%d>", journald_priority[level]);
        add_text(line, priority);
    }
    if (format == LOG_FORMAT_JSON) {
        add_text(line, "{");
        if (time)
            add_json_member(line, "time", time);
        add_json_member(line, "level", log_level_word(level));
        if (role && role[0])
            add_json_member(line, "role", role);
        return;
    }
    if (time) {
        add_text(line, time);
        add_text(line, " ");
    }
    add_text(line, log_level_word(level));
    if (role && role[0]) {
        add_text(line, " ");
        add_escaped(line, role, false);
    }
    add_text(line, ": ");
}

void
log_line_sentence(struct log_line *line, const char *sentence, unsigned long more)
{
    char count[40] = "";
    if (more > 0)
        snprintf(count, sizeof(count), "(%lu more)", more);
    if (line->format == LOG_FORMAT_JSON) {
        add_json_member(line, "message", sentence);
        if (more > 0)
            add_json_member(line, "more", count);
        return;
    }
    add_escaped(line, sentence, false);
    if (more > 0) {
        add_text(line, " ");
        add_text(line, count);
    }
}

void
log_line_pair(struct log_line *line, const char *key, const char *value)
{
    if (line->cut)
        return;
    if (line->format == LOG_FORMAT_JSON) {
        add_json_member(line, key, value);
        return;
    }
    add_text(line, " ");
    add_escaped(line, key, false);
    add_text(line, "=");
    if (is_plain(value))
        add_text(line, value);
    else
        add_quoted(line, value);
}

void
log_line_end(struct log_line *line)
{
    if (line->format == LOG_FORMAT_JSON)
        add_tail(line, line->cut ? ",\"cut\":true}" : "}");
    else if (line->cut)
        add_tail(line, "...");
    add_tail(line, "\n");
}
