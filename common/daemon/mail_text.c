#include "common/daemon/mail_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/quantity.h"

#define WORD_OCTETS                                                                                \
    45 // of text in one encoded word: 60 of base64, 75 with its frame (RFC 2047 section 2)
#define SUBJECT_FOLD 76
#define QP_LINE      74 // octets of a quoted-printable line before its soft end (RFC 2045 section 6.7)
#define PLAIN_LINE   990 // longer lines need an encoding (RFC 5322 section 2.1.1)
#define SUBJECT_ROOM 1024
#define PREFIX       "[tandem] "

// ---- header values
// -----------------------------------------------------------------------------------------

static bool
is_plain(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || (unsigned char)*text >= 0x7f)
            return false;
    return true;
}

// A copy without control characters: a line end in a value would begin a header of somebody's
// choice.
static void
value_clean(const char *value, char *clean, size_t size)
{
    size_t used = 0;
    for (; *value && used + 1 < size; value++)
        clean[used++] = (unsigned char)*value < 0x20 || *value == 0x7f ? ' ' : *value;
    // Not in the middle of a UTF-8 sequence.
    if (*value)
        while (used > 0 && ((unsigned char)clean[used] & 0xc0) == 0x80)
            used--;
    clean[used] = '\0';
}

static void
base64_word_add(struct octets_buffer *text, const unsigned char *octets, size_t length)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    octets_buffer_printf(text, "=?UTF-8?B?");
    for (size_t i = 0; i < length; i += 3) {
        uint32_t bits = (uint32_t)octets[i] << 16;
        bits |= i + 1 < length ? (uint32_t)octets[i + 1] << 8 : 0;
        bits |= i + 2 < length ? octets[i + 2] : 0;
        octets_buffer_printf(text, "%c%c%c%c", digits[bits >> 18], digits[bits >> 12 & 63],
                             i + 1 < length ? digits[bits >> 6 & 63] : '=',
                             i + 2 < length ? digits[bits & 63] : '=');
    }
    octets_buffer_printf(text, "?=");
}

// Encoded words hold whole characters (RFC 2047 section 5).
static void
encoded_add(struct octets_buffer *text, const char *value)
{
    const unsigned char *at = (const unsigned char *)value;
    size_t left = strlen(value);
    while (left > 0) {
        size_t step = left < WORD_OCTETS ? left : WORD_OCTETS;
        while (step < left && step > 1 && (at[step] & 0xc0) == 0x80)
            step--;
        base64_word_add(text, at, step);
        at += step;
        left -= step;
        if (left > 0)
            octets_buffer_printf(text, "\r\n ");
    }
}

// Folds at blanks (RFC 5322 section 2.2.3).
static void
folded_add(struct octets_buffer *text, const char *value, size_t column)
{
    while (*value) {
        size_t word = strcspn(value, " ");
        size_t blanks = strspn(value + word, " ");
        octets_buffer_add(text, value, word);
        column += word;
        value += word;
        if (blanks && value[blanks] &&
            column + blanks + strcspn(value + blanks, " ") > SUBJECT_FOLD) {
            octets_buffer_printf(text, "\r\n");
            column = 0;
        }
        octets_buffer_add(text, value, blanks);
        column += blanks;
        value += blanks;
    }
}

static void
header_add(struct octets_buffer *text, const char *name, const char *value)
{
    char clean[SUBJECT_ROOM];
    value_clean(value, clean, sizeof clean);
    octets_buffer_printf(text, "%s: ", name);
    if (is_plain(clean))
        folded_add(text, clean, strlen(name) + 2);
    else
        encoded_add(text, clean);
    octets_buffer_printf(text, "\r\n");
}

static void
date_add(struct octets_buffer *text, int64_t date)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = (time_t)date;
    struct tm parts;
    gmtime_r(&seconds, &parts); // names by hand: strftime would speak the locale's language
    octets_buffer_printf(text, "Date: %s, %d %s %d %02d:%02d:%02d +0000\r\n", days[parts.tm_wday],
                         parts.tm_mday, months[parts.tm_mon], parts.tm_year + 1900, parts.tm_hour,
                         parts.tm_min, parts.tm_sec);
}

static void
recipients_add(struct octets_buffer *text, const struct mail_text *mail)
{
    octets_buffer_printf(text, "To: ");
    for (size_t i = 0; i < mail->to_count; i++)
        octets_buffer_printf(text, "%s%s", i ? ",\r\n " : "", mail->to[i]);
    octets_buffer_printf(text, "\r\n");
}

// The dot-atom of a message id holds no octet that needs quoting (RFC 5322 section 3.6.4).
static void
id_part_add(struct octets_buffer *text, const char *value)
{
    for (; *value; value++) {
        bool fine = (*value >= 'a' && *value <= 'z') || (*value >= '0' && *value <= '9') ||
                    (*value >= 'A' && *value <= 'Z') || *value == '-' || *value == '_' ||
                    (*value == '.' && value[1] && value[1] != '.');
        octets_buffer_add_u8(text, fine ? (uint8_t)*value : '=');
    }
}

// All mails of a zone answer to one that never was: mail programs show them as one thread.
static void
thread_add(struct octets_buffer *text, const struct mail_text *mail)
{
    static const char *const names[] = {"In-Reply-To", "References"};
    for (size_t i = 0; mail->zone[0] && i < 2; i++) {
        octets_buffer_printf(text, "%s: <zone.", names[i]);
        id_part_add(text, mail->zone);
        octets_buffer_printf(text, "@");
        id_part_add(text, mail->host);
        octets_buffer_printf(text, ">\r\n");
    }
}

// ---- subject
// -----------------------------------------------------------------------------------------------

static size_t
zones_count(const struct mail_text *mail)
{
    size_t count = 0;
    for (size_t i = 0; i < mail->part_count; i++) {
        size_t earlier = 0;
        // Parts of many zones are in order of time; comparing all pairs is bounded by what is worth
        // it.
        size_t back = i < 1000 ? i : 1000;
        while (earlier < back &&
               strcmp(mail->parts[i - 1 - earlier].zone, mail->parts[i].zone) != 0)
            earlier++;
        count += earlier == back;
    }
    return count;
}

static void
subject_make(const struct mail_text *mail, char *subject, size_t size)
{
    const struct mail_part *last = &mail->parts[mail->part_count - 1];
    size_t events = mail->part_count + mail->folded;
    size_t zones = zones_count(mail);
    if (events == 1)
        snprintf(subject, size, PREFIX "%s", last->subject);
    else if (zones == 1 && mail->zone[0])
        snprintf(subject, size, PREFIX "%s: %zu events, the last: %s", mail->zone, events,
                 last->subject);
    else
        snprintf(subject, size, PREFIX "%zu events of %zu zones, the last: %s", events, zones,
                 last->subject);
}

// ---- body
// --------------------------------------------------------------------------------------------------

static void
body_make(const struct mail_text *mail, struct octets_buffer *body)
{
    char time[QUANTITY_TEXT_MAX];
    if (mail->part_count == 1 && mail->folded == 0) {
        octets_buffer_add(body, mail->parts[0].body, strlen(mail->parts[0].body));
        return;
    }
    octets_buffer_printf(body, "%zu events since the last mail, the oldest first:\n\n",
                         mail->part_count + mail->folded);
    if (mail->folded > 0)
        octets_buffer_printf(body, "  (%zu earlier ones are counted, not shown)\n", mail->folded);
    for (size_t i = 0; i < mail->part_count; i++)
        octets_buffer_printf(body, "  %s  %s\n", quantity_time_text(mail->parts[i].at, time),
                             mail->parts[i].subject);
    for (size_t i = 0; i < mail->part_count; i++) {
        if (!mail->parts[i].body[0])
            continue;
        octets_buffer_printf(body, "\n----- %s  %s\n\n",
                             quantity_time_text(mail->parts[i].at, time), mail->parts[i].subject);
        octets_buffer_add(body, mail->parts[i].body, strlen(mail->parts[i].body));
        if (body->data[body->length - 1] != '\n')
            octets_buffer_add_u8(body, '\n');
    }
}

static bool
needs_encoding(const struct octets_buffer *body)
{
    size_t column = 0;
    for (size_t i = 0; i < body->length; i++) {
        uint8_t octet = body->data[i];
        column = octet == '\n' ? 0 : column + 1;
        if (octet >= 0x7f || (octet < 0x20 && octet != '\n' && octet != '\t') ||
            column > PLAIN_LINE)
            return true;
    }
    return false;
}

static void
plain_add(struct octets_buffer *text, const struct octets_buffer *body)
{
    for (size_t i = 0; i < body->length; i++) {
        if (body->data[i] == '\n')
            octets_buffer_add_u8(text, '\r');
        octets_buffer_add_u8(text, body->data[i]);
    }
}

// Quoted-printable, RFC 2045 section 6.7; a carriage return in the text is data, not a line end.
static void
quoted_add(struct octets_buffer *text, const struct octets_buffer *body)
{
    size_t column = 0;
    for (size_t i = 0; i < body->length; i++) {
        uint8_t octet = body->data[i];
        bool line_ends = i + 1 == body->length || body->data[i + 1] == '\n';
        if (octet == '\n') {
            octets_buffer_printf(text, "\r\n");
            column = 0;
            continue;
        }
        if (column >= QP_LINE - 3) {
            octets_buffer_printf(text, "=\r\n");
            column = 0;
        }
        bool blank = octet == ' ' || octet == '\t';
        if ((octet > 0x20 && octet < 0x7f && octet != '=') || (blank && !line_ends)) {
            octets_buffer_add_u8(text, octet);
            column++;
        } else {
            octets_buffer_printf(text, "=%02X", octet);
            column += 3;
        }
    }
}

void
mail_text_render(const struct mail_text *mail, struct octets_buffer *ret_text)
{
    char subject[SUBJECT_ROOM];
    struct octets_buffer body;
    octets_buffer_init(&body);
    body_make(mail, &body);
    if (body.length == 0 || body.data[body.length - 1] != '\n')
        octets_buffer_add_u8(&body, '\n');
    bool encoded = needs_encoding(&body);
    date_add(ret_text, mail->date);
    header_add(ret_text, "From", mail->from);
    recipients_add(ret_text, mail);
    subject_make(mail, subject, sizeof subject);
    header_add(ret_text, "Subject", subject);
    octets_buffer_printf(ret_text, "Message-ID: <%s>\r\n", mail->message_id);
    thread_add(ret_text, mail);
    octets_buffer_printf(ret_text, "Auto-Submitted: auto-generated\r\n");
    header_add(ret_text, "X-Tandem-Kind", mail->parts[mail->part_count - 1].kind);
    if (mail->zone[0])
        header_add(ret_text, "X-Tandem-Zone", mail->zone);
    octets_buffer_printf(ret_text,
                         "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
                         "Content-Transfer-Encoding: %s\r\n\r\n",
                         encoded ? "quoted-printable" : "7bit");
    if (encoded)
        quoted_add(ret_text, &body);
    else
        plain_add(ret_text, &body);
    octets_buffer_close(&body);
}
