// libcurl brings thirty libraries, which cost a process more than a MiB before the first mail: it
// is loaded where a mail server is set, and not by the linker. Once loaded it stays.
#include "common/daemon/mail_send.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/arena.h"
#include "common/base/descriptor.h"

#define URL_ROOM   600
#define PATH_ROOM  4096
#define REPLY_ROOM 200 // of a line of the mail server, as much as a sentence for the operator bears

struct mail_sender {
    const struct mail_way *way;
    CURL *curl;
    char error[CURL_ERROR_SIZE];
    char said[REPLY_ROOM]; // the server's last refusal, printable; "" for none
};

struct upload {
    const char *text;
    size_t length, at;
    bool begun; // the server asked for the text
};

#define LIBRARY "libcurl.so.4" // its name since 2006; curl/curl.h is of the same

// What is used of it, by the thread that mails; filled by the main one before there is such a
// thread.
static struct library {
    __typeof__(curl_global_init) *global_init;
    __typeof__(curl_easy_init) *easy_init;
    __typeof__(curl_easy_setopt) *easy_setopt;
    __typeof__(curl_easy_perform) *easy_perform;
    __typeof__(curl_easy_getinfo) *easy_getinfo;
    __typeof__(curl_easy_strerror) *easy_strerror;
    __typeof__(curl_easy_cleanup) *easy_cleanup;
    __typeof__(curl_slist_append) *slist_append;
    __typeof__(curl_slist_free_all) *slist_free_all;
} curl;
static bool curl_is_there;

#define SYMBOL(name)                                                                               \
    {                                                                                              \
        "curl_" #name, offsetof(struct library, name)                                              \
    }
static const struct symbol {
    const char *name;
    size_t place;
} symbols[] = {
    SYMBOL(global_init),  SYMBOL(easy_init),    SYMBOL(easy_setopt),
    SYMBOL(easy_perform), SYMBOL(easy_getinfo), SYMBOL(easy_strerror),
    SYMBOL(easy_cleanup), SYMBOL(slist_append), SYMBOL(slist_free_all),
};

static bool
library_take(void *handle, struct fault *fault)
{
    for (size_t i = 0; i < sizeof symbols / sizeof symbols[0]; i++) {
        void *symbol = dlsym(handle, symbols[i].name);
        if (!symbol)
            return fault_set(fault, FAULT_UNSUPPORTED, "alert.smtp: " LIBRARY " has no %s",
                             symbols[i].name);
        memcpy((uint8_t *)&curl + symbols[i].place, &symbol, sizeof symbol);
    }
    return true;
}

bool
mail_send_prepare(struct fault *fault)
{
    if (curl_is_there)
        return true;
    void *handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        return fault_set(fault, FAULT_UNSUPPORTED,
                         "alert.smtp: mail needs " LIBRARY " (%s); install libcurl4, or set "
                         "mail-directory instead",
                         dlerror());
    if (!library_take(handle, fault))
        return false;
    curl_is_there = curl.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    return curl_is_there || fault_set(fault, FAULT_IO, "alert.smtp: " LIBRARY " does not start");
}

static size_t
upload_read(char *memory, size_t size, size_t count, void *context)
{
    struct upload *upload = context;
    size_t left = upload->length - upload->at, room = size * count;
    size_t step = left < room ? left : room;
    memcpy(memory, upload->text + upload->at, step);
    upload->at += step;
    upload->begun = true;
    return step;
}

// Each line that the server answers. libcurl's own words for a refusal ("Weird server reply") say
// nothing that an operator can use.
static size_t
reply_note(char *line, size_t size, size_t count, void *context)
{
    struct mail_sender *sender = context;
    size_t length = size * count, room = sizeof sender->said - 1;
    if (length < 3 || (line[0] != '4' && line[0] != '5'))
        return length;
    while (length > 0 && (line[length - 1] == '\r' || line[length - 1] == '\n'))
        length--;
    size_t kept = length < room ? length : room;
    for (size_t i = 0; i < kept; i++)
        sender->said[i] = line[i] >= ' ' && line[i] <= '~' ? line[i] : '?';
    sender->said[kept] = '\0';
    return size * count;
}

// Called about every second, also while the server says nothing.
static int
progress(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    (void)a, (void)b, (void)c, (void)d;
    const struct mail_way *way = context;
    return way->cancel && atomic_load(way->cancel);
}

// smtp://host:port/our-name
static void
url_make(const struct mail_way *way, char url[static URL_ROOM])
{
    const char *at = strrchr(way->address, '@');
    size_t length = at ? (size_t)(at - way->address) : strlen(way->address);
    const char *port = at ? at + 1 : "587";
    bool is_v6 = memchr(way->address, ':', length) != NULL;
    snprintf(url, URL_ROOM, "%s://%s%.*s%s:%s/%s", way->tls == SMTP_TLS_TLS ? "smtps" : "smtp",
             is_v6 ? "[" : "", (int)length, way->address, is_v6 ? "]" : "", port, way->host);
}

#define SET(option, value) ENSURE(curl.easy_setopt(sender->curl, (option), (value)) == CURLE_OK)

struct mail_sender *
mail_sender_new(const struct mail_way *way)
{
    char url[URL_ROOM];
    struct mail_sender *sender = memory_zalloc(sizeof *sender);
    sender->way = way;
    if (!curl_is_there)
        return sender; // each mail says so
    sender->curl = curl.easy_init();
    ENSURE(sender->curl);
    url_make(way, url);
    SET(CURLOPT_URL, url);
    SET(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    SET(CURLOPT_PROXY, ""); // nothing from the environment
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_ERRORBUFFER, sender->error);
    SET(CURLOPT_CONNECTTIMEOUT, (long)MAIL_SEND_CONNECT_SECONDS);
    SET(CURLOPT_TIMEOUT, (long)MAIL_SEND_SECONDS);
    // starttls fails closed: no mail and no password go over a connection that could not be
    // encrypted.
    SET(CURLOPT_USE_SSL, (long)(way->tls == SMTP_TLS_NONE ? CURLUSESSL_NONE : CURLUSESSL_ALL));
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (way->ca_file[0])
        SET(CURLOPT_CAINFO, way->ca_file);
    if (way->user[0]) {
        SET(CURLOPT_USERNAME, way->user);
        SET(CURLOPT_PASSWORD, way->password);
    }
    SET(CURLOPT_NOPROGRESS, 0L);
    SET(CURLOPT_XFERINFOFUNCTION, progress);
    SET(CURLOPT_XFERINFODATA, (void *)(uintptr_t)way);
    SET(CURLOPT_HEADERFUNCTION, reply_note);
    SET(CURLOPT_HEADERDATA, sender);
    SET(CURLOPT_READFUNCTION, upload_read);
    SET(CURLOPT_UPLOAD, 1L);
    return sender;
}

void
mail_sender_free(struct mail_sender **sender)
{
    if (!*sender)
        return;
    if ((*sender)->curl)
        curl.easy_cleanup((*sender)->curl);
    free(*sender);
    *sender = NULL;
}

#define REPLY_UNAVAILABLE                                                                          \
    421 // "service not available, closing" (RFC 5321 section 4.2.1): not about this mail

static enum fault_kind
failure_kind(CURLcode code, long reply, const struct upload *upload)
{
    switch ((int)code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_LOGIN_DENIED:
    case CURLE_USE_SSL_FAILED:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
        return FAULT_IO;
    default:
        break;
    }
    if (reply == REPLY_UNAVAILABLE)
        return FAULT_IO;
    if (reply >= 400)
        return FAULT_REFUSED;
    return upload->begun ? FAULT_TIMEOUT : FAULT_IO;
}

bool
mail_sender_send(struct mail_sender *sender, const char *to, const char *text, size_t length,
                 struct fault *fault)
{
    struct upload upload = {text, length, 0, false};
    char mailbox[300];
    if (!sender->curl)
        return fault_set(fault, FAULT_IO,
                         "alert.smtp: " LIBRARY " is not loaded; install libcurl4");
    snprintf(mailbox, sizeof mailbox, "<%s>", sender->way->from);
    SET(CURLOPT_MAIL_FROM, mailbox);
    snprintf(mailbox, sizeof mailbox, "<%s>", to);
    struct curl_slist *recipients = curl.slist_append(NULL, mailbox);
    ENSURE(recipients);
    SET(CURLOPT_MAIL_RCPT, recipients);
    SET(CURLOPT_READDATA, &upload);
    sender->error[0] = sender->said[0] = '\0';
    CURLcode code = curl.easy_perform(sender->curl);
    SET(CURLOPT_MAIL_RCPT, NULL);
    curl.slist_free_all(recipients);
    if (code == CURLE_OK)
        return true;
    long reply = 0;
    curl.easy_getinfo(sender->curl, CURLINFO_RESPONSE_CODE, &reply);
    return fault_set(fault, failure_kind(code, reply, &upload),
                     "mail server %s, mail to %s: %s%s%s", sender->way->address, to,
                     sender->error[0] ? sender->error : curl.easy_strerror(code),
                     sender->said[0] ? "; it answers " : "", sender->said);
}

// ---- into a directory
// ------------------------------------------------------------------------------------------

bool
mail_send_file(const struct mail_way *way, const char *name, const char *text, size_t length,
               struct fault *fault)
{
    char aside[PATH_ROOM], path[PATH_ROOM];
    int room = snprintf(path, sizeof path, "%s/%s.eml", way->directory, name);
    snprintf(aside, sizeof aside, "%s/.%s.new", way->directory, name);
    if (room < 0 || room >= PATH_ROOM - 8)
        return fault_set(fault, FAULT_IO, "mail-directory %s: a path that is too long",
                         way->directory);
    mkdir(way->directory, 0750); // when it is missing; a failure shows below
    if (access(path, F_OK) == 0)
        return true;
    int fd = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    bool fine = fd >= 0 && descriptor_write(fd, text, length) && fsync(fd) == 0;
    int error = errno;
    if (fd >= 0)
        close(fd);
    if (fine && rename(aside, path) == 0)
        return true;
    error = fine ? errno : error;
    unlink(aside);
    return fault_set_errno(fault, error, "mail-directory %s", path);
}
