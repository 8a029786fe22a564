#include "secondary/children.h"

#define FIRST_SERVER 3 // behind desk, signer, fetcher

void
children_init(struct children *children)
{
    vector_init(&children->all, sizeof(struct child *));
}

void
children_close(struct children *children)
{
    for (size_t i = 0; i < children->all.count; i++) {
        child_free(vector_at(&children->all, i));
    }
    vector_close(&children->all);
}

void
children_add_all(struct children *children, struct loop *loop, uint32_t servers,
                 const char *directory, const struct child_calls *calls, void *context)
{
    static const enum message_role roles[FIRST_SERVER] = {ROLE_DESK, ROLE_SIGNER, ROLE_FETCHER};
    for (uint32_t i = 0; i < FIRST_SERVER + servers; i++) {
        bool serves = i >= FIRST_SERVER;
        struct child *child = child_new(loop, serves ? ROLE_SERVER : roles[i],
                                        serves ? i - FIRST_SERVER : 0, directory, calls, context);
        vector_add(&children->all, &child);
    }
}

// Who answers, and who knows what to answer, before those whom no client waits for: to find their
// libraries costs the desk more than a signer needs to open a zone of a million names.
bool
children_start(struct children *children, struct fault *fault)
{
    for (int waits = 0; waits < 2; waits++) {
        for (size_t i = 0; i < children->all.count; i++) {
            struct child *child = children_at(children, i);
            bool last = child_role(child) == ROLE_DESK || child_role(child) == ROLE_FETCHER;
            if (last == (waits == 1) && !child_start(child, fault)) {
                return false;
            }
        }
    }
    return true;
}

size_t
children_count(const struct children *children)
{
    return children->all.count;
}

struct child *
children_at(const struct children *children, size_t index)
{
    return *(struct child **)vector_at(&children->all, index);
}

struct child *
children_of_role(const struct children *children, enum message_role role)
{
    for (size_t i = 0; i < children->all.count; i++) {
        if (child_role(children_at(children, i)) == role) {
            return children_at(children, i);
        }
    }
    return NULL;
}

size_t
children_server_count(const struct children *children)
{
    return children->all.count > FIRST_SERVER ? children->all.count - FIRST_SERVER : 0;
}

struct child *
children_server(const struct children *children, size_t index)
{
    return children_at(children, FIRST_SERVER + index);
}

bool
children_any_running(const struct children *children)
{
    for (size_t i = 0; i < children->all.count; i++) {
        if (child_is_running(children_at(children, i))) {
            return true;
        }
    }
    return false;
}

bool
children_all_ready(const struct children *children)
{
    for (size_t i = 0; i < children->all.count; i++) {
        if (!child_was_ready(children_at(children, i))) {
            return false;
        }
    }
    return true;
}

void
children_watch(struct children *children, uint64_t now_ms)
{
    for (size_t i = 0; i < children->all.count; i++) {
        child_watch(children_at(children, i), now_ms);
    }
}

bool
children_reap(struct children *children, pid_t pid, int status, int64_t now)
{
    for (size_t i = 0; i < children->all.count; i++) {
        if (child_reap(children_at(children, i), pid, status, now)) {
            return true;
        }
    }
    return false;
}

void
children_stop(struct children *children)
{
    for (size_t i = 0; i < children->all.count; i++) {
        child_stop(children_at(children, i));
    }
}

void
children_kill(struct children *children)
{
    for (size_t i = 0; i < children->all.count; i++) {
        child_kill(children_at(children, i));
    }
}
