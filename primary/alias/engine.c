// One turn does everything: what was noted is worked off, what has changed is told, questions that
// are due are asked, and the timer is set to the next of them. Whatever happens (an answer, a zone
// that is read, a wish) feeds the book and asks for a turn, which comes once, after all that came
// with it. So the daemon is never called from inside one of its own calls, and a hundred answers
// that arrive together cost one pass through the book.
#include "primary/alias/engine.h"

#include <stdlib.h>

#include "common/base/arena.h"
#include "common/base/hash.h"
#include "primary/alias/book.h"
#include "primary/alias/question.h"
#include "primary/alias/saver.h"
#include "primary/alias/server_check.h"

#define AGE_MS 1000 // how often holds are looked at

struct waiter {
    uint8_t owner[NAME_SIZE_MAX];
    loop_call *call;
    void *context;
};

struct engine {
    struct engine_options options; // servers and events only as said below
    struct engine_events events;   // with no NULL context of theirs
    struct book *book;
    struct questions *questions;
    size_t server_count;
    struct loop_timer *due, *age;
    bool turn_asked;
    struct vector waiters; // of struct waiter
    struct vector owners;  // of uint8_t[NAME_SIZE_MAX], between book and events
    int64_t last_answer_at, last_failure_at;
    struct saver *sets, *past; // NULL: nothing is kept
};

static struct book_now
now_of(const struct engine *engine)
{
    return (struct book_now){.seconds = engine->options.now(engine->options.context),
                             .ms = loop_now_ms(engine->options.loop)};
}

static void turn_ask(struct engine *engine);

// Saving.

static uint64_t
sets_changes(void *context)
{
    const struct engine *engine = context;
    return book_changes(engine->book);
}

static void
sets_write(void *context, struct octets_buffer *buffer)
{
    const struct engine *engine = context;
    book_save(engine->book, buffer);
}

static bool
sets_restore(void *context, const void *octets, size_t length)
{
    struct engine *engine = context;
    return book_restore(engine->book, octets, length);
}

static uint64_t
past_changes(void *context)
{
    const struct engine *engine = context;
    return book_past_changes(engine->book);
}

static void
past_write(void *context, struct octets_buffer *buffer)
{
    const struct engine *engine = context;
    book_past_save(engine->book, buffer);
}

static bool
past_restore(void *context, const void *octets, size_t length)
{
    struct engine *engine = context;
    return book_past_restore(engine->book, octets, length, now_of(engine));
}

static void
on_save_failed(void *context, const struct fault *fault)
{
    struct engine *engine = context;
    if (engine->events.save_failed)
        engine->events.save_failed(engine->options.context, fault);
}

static void
savers_make(struct engine *engine, const char *path)
{
    char *past = memory_text_join(path, ENGINE_PAST_SUFFIX);
    struct saver_options options = {.loop = engine->options.loop,
                                    .path = path,
                                    .delay_ms = ENGINE_SAVE_DELAY_MS,
                                    .interval_ms = ENGINE_SAVE_INTERVAL_MS,
                                    .changes = sets_changes,
                                    .write = sets_write,
                                    .failed = on_save_failed,
                                    .context = engine};
    engine->sets = saver_new(&options);
    options.path = past;
    options.interval_ms = ENGINE_PAST_INTERVAL_MS;
    options.changes = past_changes;
    options.write = past_write;
    engine->past = saver_new(&options);
    free(past);
    saver_restore(engine->sets, sets_restore, "the ALIAS targets are asked anew");
    saver_restore(engine->past, past_restore, "the history of ALIAS owners begins anew");
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
    while (questions_have_room(engine->questions) &&
           book_question(engine->book, now_of(engine), &name, &type))
        questions_ask(engine->questions, name, type);
}

static void
timer_set(struct engine *engine)
{
    uint64_t due = book_due_ms(engine->book), now = loop_now_ms(engine->options.loop);
    if (due == UINT64_MAX || !questions_have_room(engine->questions)) // an answer brings a turn
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
    if (engine->sets) {
        saver_look(engine->sets);
        saver_look(engine->past);
    }
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
    struct book_options book = {
        .happened = on_happened, .context = engine, .seed = hash_key_draw()};
    engine->book = book_new(&book);
    book_in_flight_max(engine->book, options->resolver.max_in_flight);
    engine->due = loop_timer_new(options->loop, on_due, engine);
    engine->age = loop_timer_new(options->loop, on_age, engine);
    vector_init(&engine->waiters, sizeof(struct waiter));
    vector_init(&engine->owners, NAME_SIZE_MAX);
    if (options->state_file)
        savers_make(engine, options->state_file);
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
    saver_free(&old->sets);
    saver_free(&old->past);
    loop_defer_cancel(old->options.loop, old);
    questions_free(&old->questions);
    loop_timer_free(&old->due);
    loop_timer_free(&old->age);
    book_free(&old->book);
    vector_close(&old->waiters);
    vector_close(&old->owners);
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
    book_in_flight_max(engine->book, resolver->max_in_flight);
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
engine_zone_confirm(struct engine *engine, const uint8_t *apex)
{
    book_zone_confirm(engine->book, apex);
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
    if (!book_refresh(engine->book, owner))
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
    ret_status->queued += book_due_count(engine->book, loop_now_ms(engine->options.loop));
}
