#include "secondary/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/arena.h"
#include "common/daemon/clock.h"
#include "common/daemon/log.h"
#include "common/daemon/signals.h"
#include "common/net/loop.h"

struct child {
    struct loop *loop;
    enum message_role role;
    uint32_t index;
    const char *directory;
    struct child_calls calls;
    void *context;
    struct message_link *link;
    struct loop_timer *timer; // restart, or the end of patience after STOP
    pid_t pid;                // 0: not running
    bool ready, stopping;
    uint32_t restarts;
    int64_t started_seconds;
    uint64_t heard_ms;
    uint64_t pause_ms;
    int last_status;
};

static void
child_received(void *context, struct message *message)
{
    struct child *child = context;
    message->from = child->role; // whatever it says of itself
    child->heard_ms = loop_now_ms(child->loop);
    child->calls.received(child->context, child, message);
}

// The link's end without a death: a child that closes its connection is on its way out; SIGCHLD
// tells.
static void
child_link_closed(void *context)
{
    struct child *child = context;
    message_link_free(&child->link);
}

static void
restart_or_kill(void *context)
{
    struct child *child = context;
    if (child->stopping) {
        child_kill(child);
        return;
    }
    struct fault fault = {0};
    if (!child_start(child, &fault)) {
        log_error(fault.text, "role", message_role_word(child->role));
        loop_timer_start(child->timer, CHILD_RESTART_MAX_MS, 0);
    }
}

struct child *
child_new(struct loop *loop, enum message_role role, uint32_t index, const char *directory,
          const struct child_calls *calls, void *context)
{
    struct child *child = memory_zalloc(sizeof *child);
    child->loop = loop;
    child->role = role;
    child->index = index;
    child->directory = directory;
    child->calls = *calls;
    child->context = context;
    child->pause_ms = CHILD_RESTART_FIRST_MS;
    child->timer = loop_timer_new(loop, restart_or_kill, child);
    return child;
}

void
child_free(struct child **child)
{
    if (*child == NULL) {
        return;
    }
    message_link_free(&(*child)->link);
    loop_timer_free(&(*child)->timer);
    free(*child);
    *child = NULL;
}

// Between fork and exec: only async-signal-safe calls.
static _Noreturn void
become_role(const char *path, char *const *arguments, int connection)
{
    signals_reset();
    if (connection != MESSAGES_LINK_FD) {
        dup2(connection, MESSAGES_LINK_FD); // dup2 clears close-on-exec
    } else {
        fcntl(connection, F_SETFD, 0);
    }
    close_range(MESSAGES_LINK_FD + 1, ~0U, 0);
    execv(path, arguments);
    static const char text[] = "cannot start a role: its executable is missing or may not be run\n";
    (void)!write(2, text, sizeof text - 1);
    _exit(127);
}

bool
child_start(struct child *child, struct fault *fault)
{
    int ends[2];
    if (!message_link_pair(ends, fault)) {
        return false;
    }
    char path[4096];
    char index[16];
    snprintf(path, sizeof path, "%s/tandem-%s", child->directory, message_role_word(child->role));
    snprintf(index, sizeof index, "%u", child->index);
    char name[64];
    snprintf(name, sizeof name, "tandem-%s", message_role_word(child->role));
    char *arguments[] = {name, index, NULL};
    pid_t pid = fork();
    if (pid < 0) {
        fault_set_errno(fault, errno, "cannot start %s", path);
        close(ends[0]);
        close(ends[1]);
        return false;
    }
    if (pid == 0) {
        become_role(path, arguments, ends[1]);
    }
    close(ends[1]);
    message_link_free(&child->link);
    child->pid = pid;
    child->ready = false;
    child->started_seconds = clock_unix_seconds();
    child->heard_ms = loop_now_ms(child->loop);
    child->link = message_link_new(child->loop, &ends[0], child_received, child_link_closed, child);
    child->calls.started(child->context, child);
    return true;
}

bool
child_send(struct child *child, const struct message *message)
{
    return child->link != NULL && message_link_send(child->link, message);
}

bool
child_order(struct child *child, enum message_type type, uint32_t zone,
            const struct octets_buffer *body, const int *descriptors, unsigned descriptor_count)
{
    struct message message = {.type = type,
                              .to = child->role,
                              .from = ROLE_SUPERVISOR,
                              .zone = zone,
                              .descriptor_count = descriptor_count};
    if (body != NULL) {
        message.body = (struct octets){body->data, body->length};
    }
    for (unsigned i = 0; i < descriptor_count; i++) {
        message.descriptors[i] = descriptors[i];
    }
    return child_send(child, &message);
}

void
child_death_text(const struct child *child, char *text, size_t size)
{
    char name[64];
    if (child->role == ROLE_SERVER) {
        snprintf(name, sizeof name, "%s %u", message_role_word(child->role), child->index);
    } else {
        snprintf(name, sizeof name, "%s", message_role_word(child->role));
    }
    int status = child->last_status;
    if (WIFSIGNALED(status)) {
        snprintf(text, size, "%s was ended by signal %d (%s)", name, WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    } else {
        snprintf(text, size, "%s ended with exit code %d", name, WEXITSTATUS(status));
    }
}

static void
plan_restart(struct child *child)
{
    loop_timer_start(child->timer, child->pause_ms, 0);
    child->restarts++;
    child->pause_ms =
        child->pause_ms * 2 < CHILD_RESTART_MAX_MS ? child->pause_ms * 2 : CHILD_RESTART_MAX_MS;
}

bool
child_reap(struct child *child, pid_t pid, int status, int64_t now)
{
    if (child->pid != pid) {
        return false;
    }
    child->pid = 0;
    child->last_status = status;
    if (now - child->started_seconds >= CHILD_CALM_SECONDS) {
        child->pause_ms = CHILD_RESTART_FIRST_MS;
    }
    loop_timer_stop(child->timer);
    // Its last words count: a version that it published, an event, that it was ready.
    if (child->link != NULL) {
        message_link_drain(child->link);
    }
    message_link_free(&child->link);
    child->calls.died(child->context, child);
    child->ready = false;
    if (!child->stopping) {
        plan_restart(child);
    }
    return true;
}

void
child_stop(struct child *child)
{
    child->stopping = true;
    loop_timer_stop(child->timer);
    if (child->pid != 0) {
        struct message stop = {.type = MESSAGE_STOP, .to = child->role, .zone = MESSAGE_NO_ZONE};
        child_send(child, &stop);
        loop_timer_start(child->timer, CHILD_STOP_SECONDS * 1000, 0);
    }
}

void
child_kill(struct child *child)
{
    if (child->pid != 0) {
        kill(child->pid, SIGKILL);
    }
}

void
child_watch(struct child *child, uint64_t now_ms)
{
    if (child->pid != 0 && now_ms > child->heard_ms + CHILD_SILENT_SECONDS * 1000ULL) {
        log_error("a role does not answer any more and is killed", "role",
                  message_role_word(child->role), "pid", LOG_NUMBER(child->pid), "silent_seconds",
                  LOG_NUMBER((now_ms - child->heard_ms) / 1000));
        child->heard_ms = now_ms;
        child_kill(child);
    }
}

void
child_heard(struct child *child)
{
    child->heard_ms = loop_now_ms(child->loop);
}

void
child_is_ready(struct child *child)
{
    child->ready = true;
}

size_t
child_waiting(const struct child *child)
{
    return child->link != NULL ? message_link_waiting(child->link) : 0;
}

bool
child_is_running(const struct child *child)
{
    return child->pid != 0;
}

bool
child_was_ready(const struct child *child)
{
    return child->ready;
}

enum message_role
child_role(const struct child *child)
{
    return child->role;
}

uint32_t
child_index(const struct child *child)
{
    return child->index;
}

uint64_t
child_pause_ms(const struct child *child)
{
    return child->pause_ms;
}

void
child_facts(const struct child *child, struct message_role_facts *ret_facts)
{
    *ret_facts = (struct message_role_facts){
        .role = child->role,
        .index = child->index,
        .pid = child->pid,
        .restarts = child->restarts,
        .started_seconds = child->started_seconds,
        .last_exit = child->last_status,
        .expected = child->stopping,
    };
}
