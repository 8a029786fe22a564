// One turn does everything: what was noted is worked off, what has changed is told, questions that
// are due are asked, and the timer is set to the next of them. Whatever happens (an answer, a zone
// that is read, a wish) feeds the book and asks for a turn, which comes once, after all that came
// with it. So the daemon is never called from inside one of its own calls, and a hundred answers
// that arrive together cost one pass through the book.
#include "primary/alias/engine.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/arena.h"
#include "common/base/hash.h"
#include "primary/alias/book.h"
#include "primary/alias/question.h"
#include "primary/alias/server_check.h"
#include "primary/alias/state_file.h"

#define AGE_MS 1000 // how often holds are looked at

struct waiter {
    uint8_t owner[NAME_SIZE_MAX];
    loop_call *call;
    void *context;
};

struct engine {
    struct engine_options options; // servers and events only as said below
    struct engine_events events;   // with no NULL context of theirs
    char *state_file;              // NULL: none
    struct book *book;
    struct questions *questions;
    size_t server_count;
    struct loop_timer *due, *age, *save;
    bool turn_asked;
    struct vector waiters; // of struct waiter
    struct vector owners;  // of uint8_t[NAME_SIZE_MAX], between book and events
    int64_t last_answer_at, last_failure_at;

    uint64_t saved_changes; // of the book, in the file or on its way
    uint64_t saved_ms;
    struct saving *saving; // under way
    enum fault_kind save_trouble;
};

enum saving_state { SAVING_QUEUED, SAVING_WRITES, SAVING_ENDED };
struct saving {
    struct engine *engine; // NULL: the engine is gone
    _Atomic int state;     // enum saving_state; the worker's but for the end of the engine
    char *path;
    struct octets_buffer buffer;
    uint64_t changes;
    bool good;
    struct fault fault;
};

static struct book_now
now_of(const struct engine *engine)
{
    return (struct book_now){.seconds = engine->options.now(engine->options.context),
                             .ms = loop_now_ms(engine->options.loop)};
}

static void turn_ask(struct engine *engine);

// Saving.

static void
save_told(struct engine *engine, const struct fault *fault)
{
    bool same = fault && fault->kind == engine->save_trouble;
    engine->save_trouble = fault ? fault->kind : FAULT_NONE;
    if (fault && !same && engine->events.save_failed)
        engine->events.save_failed(engine->options.context, fault);
}

static void
save_work(void *context)
{
    struct saving *saving = context;
    int queued = SAVING_QUEUED;
    if (!atomic_compare_exchange_strong(&saving->state, &queued, SAVING_WRITES))
        return; // the engine ended before, and wrote itself
    saving->good =
        state_file_write(saving->path, saving->buffer.data, saving->buffer.length, &saving->fault);
    atomic_store(&saving->state, SAVING_ENDED);
}

static void
saving_free(struct saving *saving)
{
    octets_buffer_close(&saving->buffer);
    free(saving->path);
    free(saving);
}

static void
save_done(void *context, bool cancelled)
{
    struct saving *saving = context;
    struct engine *engine = saving->engine;
    if (engine) {
        engine->saving = NULL;
        if (saving->good)
            engine->saved_changes = saving->changes;
        save_told(engine, saving->good || cancelled ? NULL : &saving->fault);
        turn_ask(engine);
    }
    saving_free(saving);
}

static struct saving *
saving_new(struct engine *engine)
{
    struct saving *saving = memory_zalloc(sizeof *saving);
    saving->engine = engine;
    saving->path = memory_text(engine->state_file);
    saving->changes = book_changes(engine->book);
    octets_buffer_init(&saving->buffer);
    book_save(engine->book, &saving->buffer);
    return saving;
}

static void
on_save(void *context)
{
    struct engine *engine = context;
    if (engine->saving || book_changes(engine->book) == engine->saved_changes)
        return;
    engine->saving = saving_new(engine);
    engine->saved_ms = loop_now_ms(engine->options.loop);
    loop_work(engine->options.loop, save_work, save_done, engine->saving);
}

static void
save_ask(struct engine *engine)
{
    uint64_t now = loop_now_ms(engine->options.loop), wait = ENGINE_SAVE_DELAY_MS;
    if (!engine->state_file || engine->saving || loop_timer_is_running(engine->save) ||
        book_changes(engine->book) == engine->saved_changes)
        return;
    if (engine->saved_ms && now - engine->saved_ms < ENGINE_SAVE_INTERVAL_MS)
        wait = ENGINE_SAVE_INTERVAL_MS - (now - engine->saved_ms);
    loop_timer_start(engine->save, wait, 0);
}

// The worker must not write the same file beside us: it is told not to begin, or waited for.
static void
saving_end(struct saving *saving)
{
    int queued = SAVING_QUEUED;
    saving->engine = NULL;
    if (atomic_compare_exchange_strong(&saving->state, &queued, SAVING_ENDED))
        return;
    while (atomic_load(&saving->state) != SAVING_ENDED)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

// What is not in the file when the engine ends.
static void
save_last(struct engine *engine)
{
    if (engine->saving)
        saving_end(engine->saving);
    if (!engine->state_file || book_changes(engine->book) == engine->saved_changes)
        return;
    struct saving *saving = saving_new(engine);
    save_work(saving);
    if (!saving->good)
        save_told(engine, &saving->fault);
    saving_free(saving);
}

static void
restore(struct engine *engine)
{
    struct octets_buffer buffer;
    struct fault fault;
    if (!state_file_read(engine->state_file, &buffer, &fault)) {
        if (fault.kind != FAULT_NOT_FOUND)
            save_told(engine, &fault);
        return;
    }
    if (!book_restore(engine->book, buffer.data, buffer.length)) {
        state_file_set_aside(engine->state_file);
        fault_set(&fault, FAULT_CORRUPT,
                  "%s: damaged, so it was set aside as .damaged; the ALIAS targets are asked anew",
                  engine->state_file);
        save_told(engine, &fault);
    }
    octets_buffer_close(&buffer);
}

// The turn.

static void
changed_tell(struct engine *engine)
{
    const uint8_t *apex;
    bool all;
    while (book_changed(engine->book, &apex, &engine->owners, &all, now_of(engine)))
        if (engine->events.changed)
            engine->events.changed(engine->options.context, apex, all ? NULL : &engine->owners);
}

static void
questions_put(struct engine *engine)
{
    const uint8_t *name;
    uint16_t type;
    while (book_question(engine->book, now_of(engine), &name, &type))
        questions_ask(engine->questions, name, type);
}

static void
timer_set(struct engine *engine)
{
    uint64_t due = book_due_ms(engine->book), now = loop_now_ms(engine->options.loop);
    if (due == UINT64_MAX)
        loop_timer_stop(engine->due);
    else
        loop_timer_start(engine->due, due > now ? due - now : 1, 0);
}

static void
waiters_call(struct engine *engine)
{
    for (size_t i = 0; i < engine->waiters.count;) {
        struct waiter *items = engine->waiters.items, waiter = items[i];
        if (!book_refreshed(engine->book, waiter.owner)) {
            i++;
            continue;
        }
        items[i] = items[--engine->waiters.count];
        waiter.call(waiter.context);
    }
}

static void
on_turn(void *context)
{
    struct engine *engine = context;
    engine->turn_asked = false;
    book_settle(engine->book, now_of(engine));
    questions_put(engine);
    changed_tell(engine);
    waiters_call(engine);
    timer_set(engine);
    save_ask(engine);
}

static void
turn_ask(struct engine *engine)
{
    if (!engine->turn_asked)
        loop_defer(engine->options.loop, on_turn, engine);
    engine->turn_asked = true;
}

static void
on_due(void *context)
{
    on_turn(context);
}

static void
on_age(void *context)
{
    struct engine *engine = context;
    book_age(engine->book, now_of(engine));
    turn_ask(engine);
}

static void
on_answered(void *context, const uint8_t *name, uint16_t type, const struct reply *reply,
            const struct address *server, unsigned round_trip_ms)
{
    struct engine *engine = context;
    struct book_now now = now_of(engine);
    book_answer(engine->book, name, type, reply, server, round_trip_ms, now);
    if (reply->rcode >= 0)
        engine->last_answer_at = now.seconds;
    else
        engine->last_failure_at = now.seconds;
    if (engine->events.looked_up)
        engine->events.looked_up(engine->options.context, reply_word(reply));
    turn_ask(engine);
}

static void
on_happened(void *context, const struct event *event)
{
    struct engine *engine = context;
    if (engine->events.happened)
        engine->events.happened(engine->options.context, event);
}

// The whole.

static bool
resolver_fits(const struct engine_resolver *resolver, struct fault *fault)
{
    char text[ADDRESS_TEXT_MAX];
    if (resolver->server_count == 0)
        return fault_set(fault, FAULT_CONFIG, "resolver.address: no resolver is named");
    for (size_t i = 0; i < resolver->server_count; i++)
        if (server_is_ourselves(&resolver->servers[i], resolver->listen, resolver->listen_count))
            return fault_set(fault, FAULT_CONFIG,
                             "resolver.address: %s is this primary itself; name a resolver, or "
                             "another port for server.listen",
                             address_to_text(&resolver->servers[i], text));
    return true;
}

static bool
questions_make(struct engine *engine, const struct engine_resolver *resolver,
               struct questions **ret_questions, struct fault *fault)
{
    struct questions_options options = {.loop = engine->options.loop,
                                        .servers = resolver->servers,
                                        .server_count = resolver->server_count,
                                        .timeout_ms = resolver->timeout_ms,
                                        .tries = resolver->tries,
                                        .max_in_flight = resolver->max_in_flight,
                                        .require_ad = resolver->require_ad,
                                        .answered = on_answered,
                                        .context = engine};
    return resolver_fits(resolver, fault) && questions_new(&options, ret_questions, fault);
}

bool
engine_new(const struct engine_options *options, struct engine **ret_engine, struct fault *fault)
{
    struct engine *engine = memory_zalloc(sizeof *engine);
    engine->options = *options;
    if (options->events)
        engine->events = *options->events;
    if (!questions_make(engine, &options->resolver, &engine->questions, fault)) {
        free(engine);
        return false;
    }
    engine->server_count = options->resolver.server_count;
    engine->state_file = options->state_file ? memory_text(options->state_file) : NULL;
    struct book_options book = {
        .happened = on_happened, .context = engine, .seed = hash_key_draw()};
    engine->book = book_new(&book);
    engine->due = loop_timer_new(options->loop, on_due, engine);
    engine->age = loop_timer_new(options->loop, on_age, engine);
    engine->save = loop_timer_new(options->loop, on_save, engine);
    vector_init(&engine->waiters, sizeof(struct waiter));
    vector_init(&engine->owners, NAME_SIZE_MAX);
    if (engine->state_file)
        restore(engine);
    loop_timer_start(engine->age, AGE_MS, AGE_MS);
    *ret_engine = engine;
    return true;
}

void
engine_free(struct engine **engine)
{
    struct engine *old = *engine;
    *engine = NULL;
    if (!old)
        return;
    save_last(old);
    loop_defer_cancel(old->options.loop, old);
    questions_free(&old->questions);
    loop_timer_free(&old->due);
    loop_timer_free(&old->age);
    loop_timer_free(&old->save);
    book_free(&old->book);
    vector_close(&old->waiters);
    vector_close(&old->owners);
    free(old->state_file);
    free(old);
}

bool
engine_resolver_change(struct engine *engine, const struct engine_resolver *resolver,
                       struct fault *fault)
{
    struct questions *fresh;
    if (!questions_make(engine, resolver, &fresh, fault))
        return false;
    questions_take_over(fresh, engine->questions);
    questions_free(&engine->questions);
    engine->questions = fresh;
    engine->server_count = resolver->server_count;
    return true;
}

bool
engine_resolver_is_far(const struct address *server)
{
    return server_is_far(server);
}

void
engine_zone_declare(struct engine *engine, const uint8_t *apex)
{
    book_zone_declare(engine->book, apex, now_of(engine));
    turn_ask(engine);
}

void
engine_zone_follow(struct engine *engine, const uint8_t *apex, const struct rules *rules,
                   const struct draft *source, bool given_out)
{
    book_zone_follow(engine->book, apex, rules, source, given_out, now_of(engine));
    turn_ask(engine);
}

void
engine_zone_forget(struct engine *engine, const uint8_t *apex)
{
    book_zone_forget(engine->book, apex, now_of(engine));
    turn_ask(engine);
}

bool
engine_addresses(struct engine *engine, const uint8_t *apex, const struct vector *owners,
                 struct draft *addresses)
{
    struct book_now now = now_of(engine);
    book_settle(engine->book, now);
    turn_ask(engine);
    return book_addresses(engine->book, apex, owners, addresses, now);
}

const char *
engine_refusal(struct engine *engine, const uint8_t *apex)
{
    return book_refusal(engine->book, apex);
}

bool
engine_refresh(struct engine *engine, const uint8_t *owner, loop_call *call, void *context)
{
    book_settle(engine->book, now_of(engine)); // so that its targets are known
    if (!book_refresh(engine->book, owner, now_of(engine)))
        return false;
    if (call) {
        struct waiter waiter = {.call = call, .context = context};
        name_copy_lower(waiter.owner, owner);
        vector_add(&engine->waiters, &waiter);
    }
    turn_ask(engine);
    return true;
}

void
engine_forget_waiter(struct engine *engine, const void *context)
{
    struct waiter *items = engine->waiters.items;
    size_t kept = 0;
    for (size_t i = 0; i < engine->waiters.count; i++)
        if (items[i].context != context)
            items[kept++] = items[i];
    engine->waiters.count = kept;
}

const struct book *
engine_book(struct engine *engine)
{
    return engine->book;
}

void
engine_status(const struct engine *engine, struct engine_status *ret_status)
{
    *ret_status = (struct engine_status){.last_answer_at = engine->last_answer_at,
                                         .last_failure_at = engine->last_failure_at,
                                         .server_count = engine->server_count};
    questions_count(engine->questions, &ret_status->in_flight, &ret_status->queued);
}
