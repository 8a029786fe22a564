#include "secondary/review.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/arena.h"
#include "common/base/descriptor.h"
#include "common/daemon/privileges.h"
#include "common/daemon/signals.h"
#include "common/net/loop.h"

struct review {
    struct reviews *reviews;
    pid_t pid;
    uint32_t zone;
    uint64_t request;
    struct loop_timer *timer;
    bool late;
    int64_t timeout_seconds;
};

struct reviews {
    struct loop *loop;
    review_done *done;
    void *context;
    struct review *running[REVIEWS_MAX];
};

struct reviews *
reviews_new(struct loop *loop, review_done *done, void *context)
{
    struct reviews *reviews = memory_zalloc(sizeof *reviews);
    reviews->loop = loop;
    reviews->done = done;
    reviews->context = context;
    return reviews;
}

static void
review_free(struct review **review)
{
    loop_timer_free(&(*review)->timer);
    free(*review);
    *review = NULL;
}

void
reviews_free(struct reviews **reviews)
{
    if (*reviews == NULL) {
        return;
    }
    for (size_t i = 0; i < REVIEWS_MAX; i++) {
        if ((*reviews)->running[i] != NULL) {
            kill(-(*reviews)->running[i]->pid, SIGKILL);
            review_free(&(*reviews)->running[i]);
        }
    }
    free(*reviews);
    *reviews = NULL;
}

static void
review_late(void *context)
{
    struct review *review = context;
    review->late = true;
    kill(-review->pid, SIGKILL); // its own process group
}

static void
refuse(struct reviews *reviews, uint32_t zone, uint64_t request, const char *text)
{
    struct message_review_done done = {.accepted = false, .text = memory_text(text)};
    reviews->done(reviews->context, zone, request, &done);
    message_review_done_close(&done);
}

// The diff in a memfd at its beginning: the command may read it as slowly as it likes.
static int
diff_descriptor(const char *diff)
{
    int fd = memfd_create("tandem-review", MFD_CLOEXEC);
    if (fd < 0) {
        return -1;
    }
    if (!descriptor_write(fd, diff, strlen(diff))) {
        close(fd);
        return -1;
    }
    lseek(fd, 0, SEEK_SET);
    return fd;
}

static _Noreturn void
become_command(const char *user, const struct message_review *review, int input)
{
    signals_reset();
    setpgid(0, 0);
    dup2(input, 0);
    dup2(2, 1);
    close_range(3, ~0U, 0);
    setenv("TANDEM_ZONE", review->zone, 1);
    setenv("TANDEM_DIGEST", review->digest, 1);
    struct privileges_options drop = {.user = user};
    struct fault fault = {0};
    if (!privileges_drop(&drop, &fault)) {
        _exit(126);
    }
    execl("/bin/sh", "sh", "-c", review->command, (char *)NULL);
    _exit(127);
}

void
reviews_start(struct reviews *reviews, const char *user, uint32_t zone, uint64_t request,
              const struct message_review *review)
{
    if (review->command[0] == '\0') {
        refuse(reviews, zone, request, "no review command is set for this zone (gate: review)");
        return;
    }
    size_t slot = 0;
    while (slot < REVIEWS_MAX && reviews->running[slot] != NULL) {
        slot++;
    }
    int input = slot < REVIEWS_MAX ? diff_descriptor(review->diff) : -1;
    pid_t pid = input >= 0 ? fork() : -1;
    if (pid == 0) {
        become_command(user, review, input);
    }
    if (input >= 0) {
        close(input);
    }
    if (pid > 0) {
        setpgid(pid, pid); // here, too: it may be killed before it ran at all
    }
    if (pid < 0) {
        refuse(reviews, zone, request, "the review command could not be started");
        return;
    }
    struct review *running = memory_zalloc(sizeof *running);
    *running = (struct review){.reviews = reviews,
                               .pid = pid,
                               .zone = zone,
                               .request = request,
                               .timeout_seconds = review->timeout_seconds};
    running->timer = loop_timer_new(reviews->loop, review_late, running);
    loop_timer_start(running->timer, (uint64_t)review->timeout_seconds * 1000, 0);
    reviews->running[slot] = running;
}

static void
outcome_text(const struct review *review, int status, char *text, size_t size)
{
    if (review->late) {
        snprintf(text, size, "the review command gave no answer within %llds",
                 (long long)review->timeout_seconds);
    } else if (WIFEXITED(status)) {
        snprintf(text, size, "the review command ended with exit code %d", WEXITSTATUS(status));
    } else {
        snprintf(text, size, "the review command was ended by signal %d", WTERMSIG(status));
    }
}

bool
reviews_reap(struct reviews *reviews, pid_t pid, int status)
{
    for (size_t i = 0; i < REVIEWS_MAX; i++) {
        struct review *review = reviews->running[i];
        if (review == NULL || review->pid != pid) {
            continue;
        }
        char text[160];
        outcome_text(review, status, text, sizeof text);
        struct message_review_done done = {.accepted = !review->late && WIFEXITED(status) &&
                                                       WEXITSTATUS(status) == 0,
                                           .text = memory_text(text)};
        reviews->running[i] = NULL;
        reviews->done(reviews->context, review->zone, review->request, &done);
        message_review_done_close(&done);
        review_free(&review);
        return true;
    }
    return false;
}
