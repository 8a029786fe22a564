// Where does reading go on after an error? A reader that gives up at the first mistake makes the
// operator mend a file one error at a time; one that goes on at the wrong place buries the mistake
// under its own nonsense. Outside of parentheses the next line is a new entry. Inside of them it is
// not: there the next entry is taken to begin at the first line that starts in column 1 with an
// owner or a directive. A parenthesis that is never closed swallows the file up to its end or the
// limit; then reading goes back to such a line behind the opening.
#include "common/zone/zonefile_scan.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/zone/zonefile_read.h"

void
zonefile_entry_init(struct zonefile_entry *entry)
{
    *entry = (struct zonefile_entry){.memory = memory_alloc(ZONEFILE_RECORD_TEXT_MAX)};
    vector_init(&entry->tokens, sizeof(struct zonefile_token));
}

void
zonefile_entry_close(struct zonefile_entry *entry)
{
    vector_close(&entry->tokens);
    free(entry->memory);
    entry->memory = NULL;
}

void
zonefile_entry_clear(struct zonefile_entry *entry)
{
    vector_clear(&entry->tokens);
    entry->used = 0;
    entry->overflow = false;
    entry->blank_owner = false;
    entry->cut = (struct zonefile_place){0};
}

bool
zonefile_entry_add(struct zonefile_entry *entry, const char *text, size_t length,
                   struct zonefile_place place, bool quoted)
{
    entry->overflow = length >= ZONEFILE_RECORD_TEXT_MAX - entry->used;
    if (entry->overflow)
        return false;
    char *copy = entry->memory + entry->used;
    memcpy(copy, text, length);
    copy[length] = '\0';
    entry->used += length + 1;
    struct zonefile_token token = {
        .text = copy, .length = length, .place = place, .quoted = quoted};
    vector_add(&entry->tokens, &token);
    return true;
}

const struct zonefile_token *
zonefile_entry_token(const struct zonefile_entry *entry, size_t index)
{
    return index < entry->tokens.count ? vector_at(&entry->tokens, index) : NULL;
}

struct zonefile_place
zonefile_entry_place(const struct zonefile_entry *entry, size_t index)
{
    const struct zonefile_token *token = zonefile_entry_token(entry, index);
    return token ? token->place : entry->end;
}

void
zonefile_entry_join(const struct zonefile_entry *entry, size_t first, struct octets_buffer *text)
{
    for (size_t i = first; i < entry->tokens.count; i++) {
        const struct zonefile_token *token = zonefile_entry_token(entry, i);
        if (i > first)
            octets_buffer_add_u8(text, ' ');
        if (token->quoted)
            octets_buffer_add_u8(text, '"');
        octets_buffer_add(text, token->text, token->length);
        if (token->quoted)
            octets_buffer_add_u8(text, '"');
    }
    octets_buffer_add_u8(text, '\0');
}

void
zonefile_scan_move(struct zonefile_scan *scan, const char *text, size_t length, bool more)
{
    scan->at = scan->line_start = scan->keep = text;
    scan->end = text + length;
    scan->line = scan->keep_line;
    scan->more = more;
}

void
zonefile_scan_init(struct zonefile_scan *scan, const char *text, size_t length, bool more)
{
    static const char mark[] = "\xEF\xBB\xBF"; // some editors put a byte order mark first
    size_t skipped =
        length >= sizeof mark - 1 && memcmp(text, mark, sizeof mark - 1) == 0 ? sizeof mark - 1 : 0;
    *scan = (struct zonefile_scan){.keep_line = 1};
    zonefile_scan_move(scan, text + skipped, length - skipped, more);
}

static struct zonefile_place
scan_place(const struct zonefile_scan *scan)
{
    return (struct zonefile_place){.line = scan->line,
                                   .column = (unsigned)(scan->at - scan->line_start) + 1};
}

// At the start of the next line, or at the end of the text.
static void
scan_next_line(struct zonefile_scan *scan)
{
    const char *newline =
        scan->at < scan->end ? memchr(scan->at, '\n', (size_t)(scan->end - scan->at)) : NULL;
    scan->at = newline ? newline + 1 : scan->end;
    if (!newline)
        return;
    scan->line++;
    scan->line_start = scan->at;
}

// At the next line that looks like the beginning of an entry.
static void
scan_resume(struct zonefile_scan *scan, bool in_parentheses)
{
    do
        scan_next_line(scan);
    while (in_parentheses && scan->at < scan->end &&
           (isspace((unsigned char)*scan->at) || strchr(");", *scan->at)));
}

static bool
is_word_end(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ';' || c == '(' || c == ')' ||
           c == '\0';
}

bool
zonefile_octet_next(const char **at, const char *end, unsigned char *ret_octet, bool *ret_escaped)
{
    const char *here = *at;
    *ret_escaped = *here == '\\';
    if (!*ret_escaped) {
        *ret_octet = (unsigned char)*here;
        *at = here + 1;
        return true;
    }
    if (end - here < 2 || here[1] == '\n')
        return false;
    if (!isdigit((unsigned char)here[1])) {
        *ret_octet = (unsigned char)here[1];
        *at = here + 2;
        return true;
    }
    unsigned value = 0;
    if (end - here < 4)
        return false;
    for (int i = 1; i <= 3; i++) {
        if (!isdigit((unsigned char)here[i]))
            return false;
        value = value * 10 + (unsigned)(here[i] - '0');
    }
    *ret_octet = (unsigned char)value;
    *at = here + 4;
    return value <= 255;
}

// Passes one octet or escape inside a word or a string; an error where it is none.
static bool
scan_octet(struct zonefile_scan *scan, struct zonefile_errors *errors)
{
    unsigned char octet;
    bool escaped;
    struct zonefile_place place = scan_place(scan);
    if (*scan->at == '\0')
        return zonefile_error_add(errors, place, "NUL octet: this is not a text file");
    if (!zonefile_octet_next(&scan->at, scan->end, &octet, &escaped))
        return zonefile_error_add(errors, place,
                                  "bad escape: write \\ and three digits up to 255, or \\ and "
                                  "the character itself");
    return true;
}

// Passes a quoted string from its opening quote to behind the closing one.
static bool
scan_string(struct zonefile_scan *scan, struct zonefile_errors *errors)
{
    struct zonefile_place place = scan_place(scan);
    scan->at++;
    while (scan->at < scan->end && *scan->at != '"') {
        if (*scan->at == '\n')
            break;
        if (!scan_octet(scan, errors))
            return false;
    }
    if (scan->at == scan->end || *scan->at != '"')
        return zonefile_error_add(errors, place,
                                  "quoted string is not closed on its line: add the missing \"");
    scan->at++;
    return true;
}

// Passes a word; a string inside it (key="value") belongs to it.
static bool
scan_word(struct zonefile_scan *scan, struct zonefile_errors *errors)
{
    if (*scan->at == '\0')
        return scan_octet(scan, errors);
    while (scan->at < scan->end && !is_word_end(*scan->at))
        if (!(*scan->at == '"' ? scan_string(scan, errors) : scan_octet(scan, errors)))
            return false;
    return true;
}

static bool
scan_token(struct zonefile_scan *scan, struct zonefile_entry *entry, struct zonefile_errors *errors)
{
    struct zonefile_place place = scan_place(scan);
    const char *start = scan->at;
    bool quoted = *start == '"';
    if (!(quoted ? scan_string(scan, errors) : scan_word(scan, errors)))
        return false;
    size_t quotes = quoted ? 1 : 0;
    if (!zonefile_entry_add(entry, start + quotes, (size_t)(scan->at - start) - 2 * quotes, place,
                            quoted))
        return zonefile_error_add(errors, place,
                                  "a record of more than %u octets: is a parenthesis not closed?",
                                  ZONEFILE_RECORD_TEXT_MAX);
    entry->end = scan_place(scan);
    return true;
}

// Parentheses of the entry that is being read.
struct nesting {
    unsigned depth;
    struct zonefile_scan opening; // where to go back to when it is never closed
};

static bool
scan_parenthesis(struct zonefile_scan *scan, struct nesting *nesting,
                 struct zonefile_errors *errors)
{
    if (*scan->at == '(' && nesting->depth++ == 0)
        nesting->opening = *scan;
    else if (*scan->at == ')' && nesting->depth-- == 0) {
        nesting->depth = 0;
        return zonefile_error_add(errors, scan_place(scan),
                                  "')' without '(': is the line before it complete?");
    }
    scan->at++;
    return true;
}

// The end of the text, in an entry or between two.
static enum zonefile_scanned
scan_end(struct zonefile_scan *scan, const struct zonefile_entry *entry,
         const struct nesting *nesting, struct zonefile_errors *errors)
{
    if (scan->more)
        return ZONEFILE_STARVED;
    if (nesting->depth == 0)
        return entry->tokens.count ? ZONEFILE_ENTRY : ZONEFILE_END;
    zonefile_error_add(errors, scan_place(&nesting->opening),
                       "'(' is never closed: add the missing ')'");
    *scan = nesting->opening;
    scan_resume(scan, true);
    return ZONEFILE_BROKEN;
}

static void
scan_comment(struct zonefile_scan *scan, struct zonefile_entry *entry)
{
    struct zonefile_place place = scan_place(scan);
    const struct zonefile_token *last =
        entry->tokens.count ? zonefile_entry_token(entry, entry->tokens.count - 1) : NULL;
    if (last && !last->quoted && entry->cut.line == 0 && entry->end.line == place.line &&
        entry->end.column == place.column)
        entry->cut = place;
    const char *newline = memchr(scan->at, '\n', (size_t)(scan->end - scan->at));
    scan->at = newline ? newline : scan->end;
}

static void
scan_keep(struct zonefile_scan *scan)
{
    scan->keep = scan->at;
    scan->keep_line = scan->line;
}

static enum zonefile_scanned
scan_entry(struct zonefile_scan *scan, struct zonefile_entry *entry, struct zonefile_errors *errors)
{
    struct nesting nesting = {.depth = 0};
    bool whole = true;
    while (whole && scan->at < scan->end) {
        char c = *scan->at;
        if (c == '\n') {
            scan_next_line(scan);
            if (nesting.depth == 0 && entry->tokens.count > 0)
                return ZONEFILE_ENTRY;
            entry->blank_owner =
                entry->blank_owner && (entry->tokens.count > 0 || nesting.depth > 0);
            if (nesting.depth == 0)
                scan_keep(scan);
        } else if (c == ' ' || c == '\t' || c == '\r') {
            if (scan->at == scan->line_start && entry->tokens.count == 0 && nesting.depth == 0)
                entry->blank_owner = true;
            scan->at++;
        } else if (c == ';') {
            scan_comment(scan, entry);
        } else if (c == '(' || c == ')') {
            whole = scan_parenthesis(scan, &nesting, errors);
        } else {
            whole = scan_token(scan, entry, errors);
        }
    }
    if (whole)
        return scan_end(scan, entry, &nesting, errors);
    if (entry->overflow && nesting.depth > 0)
        *scan = nesting.opening;
    scan_resume(scan, nesting.depth > 0);
    return ZONEFILE_BROKEN;
}

// What seems broken at the window's end may be just cut off there: then the error is taken back.
enum zonefile_scanned
zonefile_scan_next(struct zonefile_scan *scan, struct zonefile_entry *entry,
                   struct zonefile_errors *errors)
{
    struct zonefile_errors_mark mark = zonefile_errors_mark(errors);
    zonefile_entry_clear(entry);
    scan_keep(scan);
    enum zonefile_scanned scanned = scan_entry(scan, entry, errors);
    if (scanned == ZONEFILE_BROKEN && scan->more && scan->at == scan->end)
        scanned = ZONEFILE_STARVED;
    if (scanned == ZONEFILE_STARVED)
        zonefile_errors_forget(errors, mark);
    return scanned;
}
