// needs: answer
// How long one answer takes, by its kind, without a network: the questions are made from the zone
// itself, answered in batches as the server does it, and the CPU is divided by their number.
//
//   answer_rate [-k KIND] [-n QUESTIONS] [-r ROUNDS] APEX STORE
//       KIND: one of those below; all of them without. QUESTIONS: different ones of each kind, all
//       over the zone, in random order (20000). ROUNDS: over all of them (7); the first fills
//       caches and is not counted, of the others the fastest counts.
//       Prints "KIND DO NANOSECONDS OCTETS ANSWER" for each, OCTETS the mean of the responses,
//       ANSWER what they were (a kind that the zone has not is left out).
//
// valgrind --tool=callgrind --toggle-collect=round_run counts instructions instead.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/answer/answer.h"
#include "common/base/vector.h"
#include "common/dns/message_write.h"
#include "common/dns/rrtype.h"
#include "common/zone/find.h"
#include "common/zone/store.h"

#define BATCH         64 // as UDP_BATCH_PACKETS
#define QUESTION_SIZE 320
#define RESPONSE_SIZE 4096
#define NO_TYPE       29 // LOC: the zones asked have it nowhere

static const uint8_t client_address[] = {192, 0, 2, 1};

struct question {
    uint8_t octets[QUESTION_SIZE];
    size_t length;
};

struct rate {
    const struct version *version;
    struct zone_set *zones;
    struct answer_zone zone;
    struct answer_service service;
    unsigned wanted, rounds;
    struct vector found; // of struct question
    uint64_t random, octets;
    unsigned kinds[ANSWER_REFERRAL + 1]; // answers by kind
};

static uint64_t
random_next(struct rate *rate)
{
    rate->random = rate->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return rate->random >> 33;
}

// --- what to ask about a record; false: nothing of this kind

struct ask {
    uint8_t name[NAME_SIZE_MAX];
    uint16_t type;
};

static bool
child_of(struct rate *rate, const uint8_t *parent, uint8_t ret_name[static NAME_SIZE_MAX])
{
    char label[16];
    unsigned length = (unsigned)snprintf(label, sizeof label, "%08x", (unsigned)random_next(rate));
    if (name_length(parent) + length + 1 > NAME_SIZE_MAX)
        return false;
    ret_name[0] = (uint8_t)length;
    memcpy(ret_name + 1, label, length);
    name_copy(ret_name + 1 + length, parent);
    return true;
}

static void
look_up(const struct rate *rate, const uint8_t *name, struct zone_match *ret_match)
{
    struct name_suffixes suffixes;
    name_suffixes_init(&suffixes, name, version_hash_key(rate->version));
    zone_find(rate->version, name, &suffixes, ret_match);
}

static bool
is_data(const struct rate *rate, const struct node *node)
{
    struct zone_match match;
    look_up(rate, node_owner(node), &match);
    return match.node && !match.cut && !name_is_wildcard(node_owner(node));
}

static bool
ask_positive(struct rate *rate, const struct node *node, struct ask *ret_ask)
{
    name_copy(ret_ask->name, node_owner(node));
    ret_ask->type = RRTYPE_A;
    return node_has(node, RRTYPE_A) && is_data(rate, node);
}

static bool
ask_nodata(struct rate *rate, const struct node *node, struct ask *ret_ask)
{
    bool good = ask_positive(rate, node, ret_ask);
    ret_ask->type = NO_TYPE;
    return good;
}

// A name beside the record's: nothing is there, nor a wildcard.
static bool
ask_nxdomain(struct rate *rate, const struct node *node, struct ask *ret_ask)
{
    struct zone_match match;
    const uint8_t *owner = node_owner(node), *apex = version_apex(rate->version);
    uint8_t wildcard[NAME_SIZE_MAX];
    if (name_equal(owner, apex) || !is_data(rate, node) || owner[0] == 0 ||
        owner[0] == NAME_LABEL_MAX || name_length(owner) == NAME_SIZE_MAX)
        return false;
    name_copy(ret_ask->name + 1, owner);
    memmove(ret_ask->name + 1, owner + 1, owner[0]);
    ret_ask->name[0] = (uint8_t)(owner[0] + 1);
    ret_ask->name[1 + owner[0]] = (uint8_t)('a' + random_next(rate) % 26);
    ret_ask->type = RRTYPE_A;
    look_up(rate, ret_ask->name, &match);
    return !match.node && !match.cut && name_wildcard_of(node_owner(match.encloser), wildcard) &&
           !zone_find_exact(rate->version, wildcard);
}

static bool
ask_below_wildcard(struct rate *rate, const struct node *node, uint16_t type, struct ask *ret_ask)
{
    const uint8_t *owner = node_owner(node);
    ret_ask->type = type;
    return name_is_wildcard(owner) && node_has(node, RRTYPE_A) &&
           child_of(rate, name_skip(owner, 1), ret_ask->name);
}

static bool
ask_wildcard(struct rate *rate, const struct node *node, struct ask *ret_ask)
{
    return ask_below_wildcard(rate, node, RRTYPE_A, ret_ask);
}

static bool
ask_wildcard_nodata(struct rate *rate, const struct node *node, struct ask *ret_ask)
{
    return ask_below_wildcard(rate, node, NO_TYPE, ret_ask);
}

static bool
ask_below_cut(struct rate *rate, const struct node *node, bool secure, struct ask *ret_ask)
{
    struct zone_match match;
    look_up(rate, node_owner(node), &match);
    ret_ask->type = RRTYPE_A;
    return match.cut == node && !match.cut_is_dname && node_has(node, RRTYPE_DS) == secure &&
           child_of(rate, node_owner(node), ret_ask->name);
}

static bool
ask_referral(struct rate *rate, const struct node *node, struct ask *ret_ask)
{
    return ask_below_cut(rate, node, true, ret_ask);
}

static bool
ask_referral_insecure(struct rate *rate, const struct node *node, struct ask *ret_ask)
{
    return ask_below_cut(rate, node, false, ret_ask);
}

static bool
ask_cname(struct rate *rate, const struct node *node, struct ask *ret_ask)
{
    name_copy(ret_ask->name, node_owner(node));
    ret_ask->type = RRTYPE_A;
    return node_has(node, RRTYPE_CNAME) && is_data(rate, node);
}

typedef bool ask_make(struct rate *rate, const struct node *node, struct ask *ret_ask);
static const struct kind {
    const char *word;
    ask_make *make;
} kinds[] = {{"positive", ask_positive}, {"nodata", ask_nodata},
             {"nxdomain", ask_nxdomain}, {"wildcard", ask_wildcard},
             {"cname", ask_cname},       {"wildcard-nodata", ask_wildcard_nodata},
             {"referral", ask_referral}, {"referral-insecure", ask_referral_insecure}};

// --- questions

static void
question_write(struct question *question, const struct ask *ask, bool dnssec)
{
    static const uint8_t opt[] = {0, 0, 41, 1232 >> 8, 1232 & 255, 0, 0, 0x80, 0, 0, 0};
    struct message_writer writer;
    message_writer_init(&writer, question->octets, sizeof question->octets, 0, 0);
    ENSURE(message_write_question(&writer, ask->name, ask->type, RRCLASS_IN));
    question->length = message_length(&writer);
    if (!dnssec)
        return;
    memcpy(question->octets + question->length, opt, sizeof opt);
    question->length += sizeof opt;
    octets_put_u16(question->octets + 10, 1); // ARCOUNT
}

static void
questions_shuffle(struct rate *rate)
{
    struct question *questions = rate->found.items;
    for (size_t i = rate->found.count; i > 1; i--) {
        struct question *other = questions + random_next(rate) % i, kept = questions[i - 1];
        questions[i - 1] = *other;
        *other = kept;
    }
}

// Of all that the zone offers, as many as wanted, evenly.
static void
questions_make(struct rate *rate, const struct kind *kind, bool dnssec)
{
    struct version_cursor cursor;
    struct question question;
    struct ask ask;
    const struct node *node;
    size_t seen = 0;
    vector_clear(&rate->found);
    version_cursor_first(&cursor, rate->version);
    while ((node = version_cursor_next(&cursor))) {
        if (!kind->make(rate, node, &ask))
            continue;
        question_write(&question, &ask, dnssec);
        if (rate->found.count < rate->wanted) {
            vector_add(&rate->found, &question);
        } else {
            size_t place = random_next(rate) % (seen + 1);
            if (place < rate->wanted)
                *(struct question *)vector_at(&rate->found, place) = question;
        }
        seen++;
    }
    questions_shuffle(rate);
}

// --- rounds

static double
cpu_ns(void)
{
    struct timespec at;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
    return (double)at.tv_sec * 1e9 + (double)at.tv_nsec;
}

static void
batch_answer(struct rate *rate, const struct question *questions, size_t count)
{
    static uint8_t responses[BATCH][RESPONSE_SIZE + 320];
    static struct query queries[BATCH];
    const struct answer_client client = {
        .address = client_address, .address_length = sizeof client_address, .now = 1800000000};
    for (size_t i = 0; i < count; i++)
        query_read(questions[i].octets, questions[i].length, &queries[i]);
    answer_look_ahead(&rate->service, queries, count);
    for (size_t i = 0; i < count; i++) {
        struct answer_outcome outcome;
        answer_query(&rate->service, &client, &queries[i], responses[i], RESPONSE_SIZE, &outcome);
        rate->octets += outcome.length;
        rate->kinds[outcome.kind]++;
    }
}

__attribute__((noinline)) static void
round_run(struct rate *rate)
{
    const struct question *questions = rate->found.items;
    size_t count = rate->found.count;
    for (size_t i = 0; i < count; i += BATCH)
        batch_answer(rate, questions + i, count - i < BATCH ? count - i : BATCH);
}

static const char *
answers_word(const struct rate *rate)
{
    static const char *const words[] = {"error", "positive", "nodata", "nxdomain", "referral"};
    const char *word = "nothing";
    for (unsigned i = 0; i <= ANSWER_REFERRAL; i++)
        if (rate->kinds[i])
            word = strcmp(word, "nothing") == 0 ? words[i] : "mixed";
    return word;
}

static void
kind_measure(struct rate *rate, const struct kind *kind, bool dnssec)
{
    double best = 0;
    questions_make(rate, kind, dnssec);
    if (rate->found.count == 0)
        return;
    rate->octets = 0;
    memset(rate->kinds, 0, sizeof rate->kinds);
    for (unsigned i = 0; i < rate->rounds; i++) {
        double began = cpu_ns();
        round_run(rate);
        double took = (cpu_ns() - began) / (double)rate->found.count;
        if (i == 1 || (i > 1 && took < best) || rate->rounds == 1)
            best = took;
    }
    printf("%-18s %-4s %8.1f %6llu %s\n", kind->word, dnssec ? "do" : "-", best,
           (unsigned long long)(rate->octets / (rate->found.count * rate->rounds)),
           answers_word(rate));
    fflush(stdout);
}

static bool
store_version(const char *apex_text, const char *directory, struct rate *rate, struct fault *fault)
{
    uint8_t apex[NAME_SIZE_MAX];
    const uint8_t root[] = {0};
    struct store *store;
    struct version_place place;
    if (!name_from_text(apex_text, root, apex, fault) ||
        !store_open(directory, apex, NULL, &store, NULL, fault))
        return false;
    bool good = store_place(store, &place, fault);
    if (good) {
        good = version_map(&place, NULL, &rate->version, fault);
        version_place_close(&place);
    }
    store_close(&store);
    return good;
}

static int
usage(void)
{
    fprintf(stderr, "usage: answer_rate [-k KIND] [-n QUESTIONS] [-r ROUNDS] APEX STORE\n");
    return 2;
}

int
main(int count, char **values)
{
    static struct denial_memo memo;
    struct rate rate = {.wanted = 20000, .rounds = 7, .random = 1};
    struct fault fault = {0};
    const char *only = NULL;
    for (int option; (option = getopt(count, values, "k:n:r:")) != -1;) {
        if (option == '?')
            return usage();
        if (option == 'k')
            only = optarg;
        else
            *(option == 'n' ? &rate.wanted : &rate.rounds) = (unsigned)strtoul(optarg, NULL, 10);
    }
    if (count - optind != 2 || rate.wanted == 0 || rate.rounds == 0)
        return usage();
    if (!store_version(values[optind], values[optind + 1], &rate, &fault)) {
        fprintf(stderr, "answer_rate: %s\n", fault.text);
        return 1;
    }
    vector_init(&rate.found, sizeof(struct question));
    rate.zone = (struct answer_zone){.version = rate.version, .expire_at = ANSWER_NEVER};
    rate.zones = zone_set_new();
    zone_set_put(rate.zones, version_apex(rate.version), &rate.zone);
    rate.service = (struct answer_service){.zones = rate.zones, .memo = &memo};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        for (int dnssec = 1; dnssec >= 0; dnssec--)
            if (!only || strcmp(only, kinds[i].word) == 0)
                kind_measure(&rate, &kinds[i], dnssec);
    zone_set_free(&rate.zones);
    vector_close(&rate.found);
    version_drop(&rate.version);
    return 0;
}
