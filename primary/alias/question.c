// The order of tries. A round goes through the servers as they are listed, those that were silent
// lately last; there are `tries` rounds. A server that has said something definite about this
// question (SERVFAIL, REFUSED, an answer that does not fit even over TCP) is not asked again; one
// that was silent is. The verdict on a question is the last one heard, and "no answer" only where
// nobody said anything.
#include "primary/alias/question.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/dns/message_write.h"
#include "common/dns/name.h"
#include "common/dns/rrtype.h"
#include "primary/alias/resolver.h"

#define MESSAGE_ROOM 512  // header, the longest name, OPT
#define CHANCE_SIZE  4096 // drawn at once: a system call for each of many questions counts

struct question {
    struct question *next, *previous; // in flight or queued
    struct questions *questions;
    uint8_t name[NAME_SIZE_MAX], sent_name[NAME_SIZE_MAX];
    uint16_t type, id;
    unsigned sends; // without those that only change the way
    size_t server;
    enum resolver_way way;
    bool has_opt;
    bool told[RESOLVER_SERVERS_MAX];  // has said something definite
    bool asked[RESOLVER_SERVERS_MAX]; // in this round
    uint64_t sent_ms;
    struct reply reply; // the last verdict
};

struct server_memory {
    uint64_t down_until_ms, no_edns_until_ms;
};

struct question_list {
    struct question *first, *last;
    size_t count;
};

struct questions {
    struct questions_options options;
    struct address servers[RESOLVER_SERVERS_MAX];
    struct server_memory memory[RESOLVER_SERVERS_MAX];
    struct resolver *resolver;
    struct question_list in_flight, queued;
    uint8_t ids[65536 / 8]; // in use
    uint8_t chance[CHANCE_SIZE];
    size_t chance_left;
};

static void
list_add(struct question_list *list, struct question *question)
{
    question->next = NULL;
    question->previous = list->last;
    if (list->last)
        list->last->next = question;
    else
        list->first = question;
    list->last = question;
    list->count++;
}

static void
list_remove(struct question_list *list, struct question *question)
{
    if (question->previous)
        question->previous->next = question->next;
    else
        list->first = question->next;
    if (question->next)
        question->next->previous = question->previous;
    else
        list->last = question->previous;
    list->count--;
}

// Chance.

static void
chance_take(struct questions *questions, void *ret_octets, size_t length)
{
    if (questions->chance_left < length) {
        randombytes_buf(questions->chance, sizeof questions->chance);
        questions->chance_left = sizeof questions->chance;
    }
    questions->chance_left -= length;
    memcpy(ret_octets, questions->chance + questions->chance_left, length);
}

// IDs.

static bool
id_is_used(const struct questions *questions, uint16_t id)
{
    return questions->ids[id / 8] >> (id % 8) & 1;
}

static void
id_release(struct questions *questions, uint16_t id)
{
    questions->ids[id / 8] &= (uint8_t) ~(1U << (id % 8));
}

static uint16_t
id_draw(struct questions *questions)
{
    uint16_t id;
    do { // at most a quarter is in use
        chance_take(questions, &id, sizeof id);
    } while (id_is_used(questions, id));
    questions->ids[id / 8] |= (uint8_t)(1U << (id % 8));
    return id;
}

// The message.

// Letters in random case: the answer must bring it back (draft-vixie-dnsext-dns0x20).
static void
case_mix(struct questions *questions, const uint8_t *name, uint8_t *ret_name)
{
    uint8_t coins[NAME_SIZE_MAX];
    size_t length = name_copy(ret_name, name);
    chance_take(questions, coins, length);
    for (size_t label = 0; ret_name[label] != 0; label += 1U + ret_name[label])
        for (size_t i = label + 1; i <= label + ret_name[label]; i++)
            if (ret_name[i] >= 'a' && ret_name[i] <= 'z' && coins[i] & 1)
                ret_name[i] = (uint8_t)(ret_name[i] - 'a' + 'A');
}

static size_t
message_make(struct question *question, uint8_t message[static MESSAGE_ROOM])
{
    static const uint8_t root[] = {0};
    struct message_writer writer;
    bool ad = question->questions->options.require_ad; // RFC 6840 section 5.7
    message_writer_init(&writer, message, MESSAGE_ROOM, question->id,
                        (uint16_t)(MESSAGE_RD | (ad ? MESSAGE_AD : 0)));
    bool fits = message_write_question(&writer, question->sent_name, question->type, RRCLASS_IN);
    if (question->has_opt)
        fits = fits && message_write_rr(&writer, MESSAGE_ADDITIONAL, root, RRTYPE_OPT,
                                        RESOLVER_UDP_SIZE, 0, NULL, 0);
    ENSURE(fits);
    return message_length(&writer);
}

static void on_octets(void *context, const uint8_t *octets, size_t length, const char *error);

static void
question_send(struct question *question, enum resolver_way way)
{
    struct questions *questions = question->questions;
    uint64_t now = loop_now_ms(questions->options.loop);
    uint8_t message[MESSAGE_ROOM];
    bool edns = questions->memory[question->server].no_edns_until_ms <= now;
    if (way == RESOLVER_EDNS && !edns)
        way = RESOLVER_PLAIN;
    id_release(questions, question->id);
    question->id = id_draw(questions);
    question->way = way;
    question->has_opt = edns && way != RESOLVER_PLAIN;
    question->sent_ms = now;
    case_mix(questions, question->name, question->sent_name);
    size_t length = message_make(question, message);
    resolver_send(questions->resolver, question->server, way, message, length, on_octets, question);
}

// The tries.

static void pump(struct questions *questions);

static void
question_free(struct question *question)
{
    reply_close(&question->reply);
    free(question);
}

static void
question_end(struct question *question)
{
    struct questions *questions = question->questions;
    uint64_t passed = loop_now_ms(questions->options.loop) - question->sent_ms;
    list_remove(&questions->in_flight, question);
    id_release(questions, question->id);
    pump(questions);
    questions->options.answered(questions->options.context, question->name, question->type,
                                &question->reply, &questions->servers[question->server],
                                (unsigned)passed);
    question_free(question);
}

// The servers in the order of this moment: those that were silent lately come last.
static void
servers_order(const struct questions *questions, size_t ret_order[static RESOLVER_SERVERS_MAX])
{
    uint64_t now = loop_now_ms(questions->options.loop);
    size_t filled = 0;
    for (int down = 0; down < 2; down++)
        for (size_t i = 0; i < questions->options.server_count; i++)
            if ((questions->memory[i].down_until_ms > now) == (down == 1))
                ret_order[filled++] = i;
}

// The next server of the round, or the first of a new one. False: all have told.
static bool
server_choose(struct question *question, size_t *ret_server)
{
    size_t order[RESOLVER_SERVERS_MAX], count = question->questions->options.server_count;
    servers_order(question->questions, order);
    for (int rounds = 0; rounds < 2; rounds++) {
        for (size_t i = 0; i < count; i++)
            if (!question->told[order[i]] && !question->asked[order[i]]) {
                question->asked[order[i]] = true;
                *ret_server = order[i];
                return true;
            }
        memset(question->asked, 0, sizeof question->asked);
    }
    return false;
}

static void
question_next(struct question *question)
{
    const struct questions_options *options = &question->questions->options;
    if (question->sends >= options->tries * options->server_count ||
        !server_choose(question, &question->server)) {
        question_end(question);
        return;
    }
    question->sends++;
    question_send(question, RESOLVER_EDNS);
}

static void
question_silent(struct question *question, const char *error)
{
    struct questions *questions = question->questions;
    struct reply *reply = &question->reply;
    if (question->way == RESOLVER_TCP) {
        reply_fail(reply, CURE_NONE, "the answer by UDP was cut or did not fit, and TCP failed: %s",
                   error);
        question->told[question->server] = true;
    } else if (reply->rcode < 0) {
        reply_fail(reply, CURE_NONE, "no answer in %u %s (%s)", question->sends,
                   question->sends == 1 ? "try" : "tries", error);
    }
    questions->memory[question->server].down_until_ms =
        loop_now_ms(questions->options.loop) + QUESTION_DOWN_MS;
    question_next(question);
}

static void
question_cure(struct question *question)
{
    struct questions *questions = question->questions;
    struct server_memory *memory = &questions->memory[question->server];
    enum reply_cure cure = question->reply.cure;
    if (cure == CURE_TCP && question->way != RESOLVER_TCP) {
        question_send(question, RESOLVER_TCP);
    } else if (cure == CURE_WITHOUT_EDNS && question->has_opt) {
        memory->no_edns_until_ms = loop_now_ms(questions->options.loop) + QUESTION_NO_EDNS_MS;
        question_send(question, question->way);
    } else if (cure == CURE_NONE) {
        question_end(question);
    } else {
        question->told[question->server] = true;
        question_next(question);
    }
}

static void
on_octets(void *context, const uint8_t *octets, size_t length, const char *error)
{
    struct question *question = context;
    struct questions *questions = question->questions;
    struct server_memory *memory = &questions->memory[question->server];
    if (!octets) {
        question_silent(question, error);
        return;
    }
    struct reply_question asked = {.id = question->id,
                                   .type = question->type,
                                   .name = question->sent_name,
                                   .exact_case = question->way != RESOLVER_TCP,
                                   .require_ad = questions->options.require_ad};
    reply_read(octets, length, &asked, &question->reply);
    memory->down_until_ms = 0;
    if (question->way == RESOLVER_EDNS && question->reply.rcode >= 0 && !question->reply.has_edns)
        memory->no_edns_until_ms = loop_now_ms(questions->options.loop) + QUESTION_NO_EDNS_MS;
    if (question->reply.kind == REPLY_FAILURE)
        question_cure(question);
    else
        question_end(question);
}

static void
pump(struct questions *questions)
{
    while (questions->queued.first &&
           questions->in_flight.count < questions->options.max_in_flight) {
        struct question *question = questions->queued.first;
        list_remove(&questions->queued, question);
        list_add(&questions->in_flight, question);
        question->id = id_draw(questions);
        question_next(question);
    }
}

// The whole.

bool
questions_new(const struct questions_options *options, struct questions **ret_questions,
              struct fault *fault)
{
    struct resolver *resolver;
    if (!resolver_new(options->loop, options->servers, options->server_count, options->timeout_ms,
                      &resolver, fault))
        return false;
    struct questions *questions = memory_zalloc(sizeof *questions);
    questions->options = *options;
    if (questions->options.tries == 0)
        questions->options.tries = 1;
    if (questions->options.max_in_flight == 0)
        questions->options.max_in_flight = 1;
    if (questions->options.max_in_flight > QUESTION_IN_FLIGHT_MAX)
        questions->options.max_in_flight = QUESTION_IN_FLIGHT_MAX;
    questions->resolver = resolver;
    memcpy(questions->servers, options->servers, options->server_count * sizeof(struct address));
    questions->options.servers = questions->servers;
    *ret_questions = questions;
    return true;
}

static void
list_free(struct question_list *list)
{
    for (struct question *question = list->first, *next; question; question = next) {
        next = question->next;
        question_free(question);
    }
}

void
questions_free(struct questions **questions)
{
    struct questions *old = *questions;
    *questions = NULL;
    if (!old)
        return;
    resolver_free(&old->resolver);
    list_free(&old->in_flight);
    list_free(&old->queued);
    free(old);
}

bool
questions_have_room(const struct questions *questions)
{
    return questions->queued.count < QUESTIONS_QUEUE_MAX;
}

void
questions_ask(struct questions *questions, const uint8_t *name, uint16_t type)
{
    struct question *question = memory_zalloc(sizeof *question);
    question->questions = questions;
    question->type = type;
    name_copy_lower(question->name, name);
    reply_init(&question->reply, type);
    list_add(&questions->queued, question);
    pump(questions);
}

void
questions_take_over(struct questions *questions, const struct questions *from)
{
    for (const struct question *each = from->in_flight.first; each; each = each->next)
        questions_ask(questions, each->name, each->type);
    for (const struct question *each = from->queued.first; each; each = each->next)
        questions_ask(questions, each->name, each->type);
}

void
questions_count(const struct questions *questions, size_t *ret_in_flight, size_t *ret_queued)
{
    *ret_in_flight = questions->in_flight.count;
    *ret_queued = questions->queued.count;
}
