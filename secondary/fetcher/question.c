#include "secondary/fetcher/question.h"

#include <stdlib.h>

#include "common/base/arena.h"
#include "common/base/hash.h"
#include "common/dns/message_read.h"
#include "common/dns/message_write.h"
#include "common/dns/name.h"
#include "common/dns/rcode.h"
#include "common/dns/rrtype.h"
#include "common/net/loop.h"
#include "common/net/tcp_stream.h"
#include "common/net/udp_exchange.h"

#define QUESTION_SIZE (MESSAGE_HEADER_SIZE + NAME_SIZE_MAX + 4)

struct question {
    struct loop *loop;
    question_ended *ended;
    void *context;
    struct address peer, source;
    uint8_t name[NAME_SIZE_MAX];
    uint16_t type, id;
    uint8_t octets[QUESTION_SIZE];
    size_t length;
    struct udp_exchange *udp;
    struct tcp_stream *tcp;
    struct octets_buffer answer;
    bool truncated;
};

static bool
is_answer(const struct question *question, const uint8_t *octets, size_t length,
          bool *ret_truncated)
{
    struct octets_reader reader;
    struct message_header header;
    struct message_question asked;
    octets_reader_init(&reader, octets, length);
    if (!message_read_header(&reader, &header) || header.id != question->id ||
        !(header.flags & MESSAGE_QR) || message_opcode(&header) != OPCODE_QUERY ||
        header.qdcount != 1 || !message_read_question(&reader, &asked) ||
        !name_equal_any_case(asked.name, question->name) || asked.type != question->type ||
        asked.class != RRCLASS_IN)
        return false;
    *ret_truncated = header.flags & MESSAGE_TC;
    return true;
}

// The last step. The question may be gone afterwards.
static void
conclude(struct question *question, const struct fault *fault)
{
    udp_exchange_free(&question->udp);
    tcp_stream_free(&question->tcp);
    question->ended(question->context, fault ? NULL : question->answer.data,
                    fault ? 0 : question->answer.length, fault);
}

static void
on_tcp_message(void *context, const uint8_t *octets, size_t length)
{
    struct question *question = context;
    bool truncated;
    if (!is_answer(question, octets, length, &truncated) || truncated)
        return; // the time-out ends it
    octets_buffer_add(&question->answer, octets, length);
    conclude(question, NULL);
}

static void
on_tcp_ended(void *context, enum tcp_stream_end end, const struct fault *why)
{
    struct fault fault = {0};
    (void)end;
    fault_set(&fault, FAULT_IO, "%s", why ? why->text : "closed without an answer");
    conclude(context, &fault);
}

static bool
ask_by_tcp(struct question *question, struct fault *fault)
{
    static const struct tcp_stream_events events = {.message = on_tcp_message,
                                                    .ended = on_tcp_ended};
    const struct tcp_stream_options options = {.total_ms = QUESTION_TCP_MS,
                                               .source = question->source};
    question->tcp =
        tcp_stream_connect(question->loop, &question->peer, &options, &events, question, fault);
    return question->tcp && tcp_stream_send(question->tcp, question->octets, question->length);
}

static bool
on_datagram(void *context, const uint8_t *octets, size_t length)
{
    struct question *question = context;
    if (!is_answer(question, octets, length, &question->truncated))
        return false;
    if (!question->truncated)
        octets_buffer_add(&question->answer, octets, length);
    return true;
}

static void
on_udp_ended(void *context, const struct fault *why)
{
    struct question *question = context;
    struct fault fault = {0};
    udp_exchange_free(&question->udp);
    if (why)
        conclude(question, why);
    else if (!question->truncated)
        conclude(question, NULL);
    else if (!ask_by_tcp(question, &fault))
        conclude(question, &fault);
}

static void
message_make(struct question *question)
{
    struct message_writer writer;
    message_writer_init(&writer, question->octets, sizeof(question->octets), question->id,
                        MESSAGE_RD);
    ENSURE(message_write_question(&writer, question->name, question->type, RRCLASS_IN));
    question->length = message_length(&writer);
}

struct question *
question_new(struct loop *loop, const struct question_options *options, question_ended *ended,
             void *context, struct fault *fault)
{
    static const struct udp_exchange_events events = {.answer = on_datagram, .ended = on_udp_ended};
    struct question *question = memory_zalloc(sizeof(*question));
    question->loop = loop;
    question->ended = ended;
    question->context = context;
    question->peer = options->peer;
    question->source = options->source;
    question->type = options->type;
    question->id = (uint16_t)hash_key_draw();
    name_copy(question->name, options->name);
    octets_buffer_init(&question->answer);
    message_make(question);
    const struct udp_exchange_options udp = {
        .peer = question->peer,
        .source = question->source,
        .octets = question->octets,
        .length = question->length,
        .tries = QUESTION_TRIES,
        .timeout_ms = QUESTION_TIMEOUT_MS,
    };
    question->udp = udp_exchange_new(loop, &udp, &events, question, fault);
    if (!question->udp)
        question_free(&question);
    return question;
}

void
question_free(struct question **question)
{
    struct question *gone = *question;
    if (!gone)
        return;
    udp_exchange_free(&gone->udp);
    tcp_stream_free(&gone->tcp);
    octets_buffer_close(&gone->answer);
    free(gone);
    *question = NULL;
}
