// An errand is the order as it came, to be read again. What was right when it came may be wrong
// when the key is there (a reload came between): every check is made then, by the code that makes
// it for an order which does not wait.
#include "secondary/signer/key_errands.h"

#include <stdlib.h>
#include <unistd.h>

#include "common/base/arena.h"
#include "secondary/signer/key_maker.h"
#include "secondary/signer/verbs.h"

struct key_errand {
    struct key_errand *next;
    struct keeper *keeper;
    bool ordered; // a key of its own
    key_errand_call *call;
    uint64_t request;
    struct octets_buffer body;
    unsigned descriptor_count;
    int descriptors[MESSAGES_DESCRIPTORS_MAX];
};

// At the end of the line: errands of one kind are carried out as they came.
static struct key_errand *
errand_new(struct keeper *keeper, struct message *message, key_errand_call *call,
           struct fault *fault)
{
    struct key_errand **end = &keeper->errands;
    unsigned count = 0;
    for (; *end != NULL; end = &(*end)->next) {
        count++;
    }
    if (count >= KEY_ERRANDS_MAX) {
        fault_set(fault, FAULT_BUSY,
                  "zone %s: %d orders wait for a key that is being made; try again in a moment",
                  keeper->domain, KEY_ERRANDS_MAX);
        return NULL;
    }
    struct key_errand *errand = memory_zalloc(sizeof *errand);
    errand->keeper = keeper;
    errand->call = call;
    errand->request = message->request;
    octets_buffer_init(&errand->body);
    octets_buffer_add(&errand->body, message->body.data, message->body.length);
    errand->descriptor_count = message->descriptor_count;
    for (unsigned i = 0; i < message->descriptor_count; i++) {
        errand->descriptors[i] = message->descriptors[i];
        message->descriptors[i] = -1;
    }
    *end = errand;
    return errand;
}

static void
errand_free(struct key_errand *errand)
{
    for (unsigned i = 0; i < errand->descriptor_count; i++) {
        if (errand->descriptors[i] >= 0) {
            close(errand->descriptors[i]);
        }
    }
    octets_buffer_close(&errand->body);
    free(errand);
}

static void
errand_take_out(struct key_errand *errand)
{
    struct key_errand **at = &errand->keeper->errands;
    while (*at != errand) {
        at = &(*at)->next;
    }
    *at = errand->next;
}

static void
carry_out(struct key_errand *errand, const struct key_made *made)
{
    struct message message = {.request = errand->request,
                              .body = {errand->body.data, errand->body.length},
                              .descriptor_count = errand->descriptor_count};
    for (unsigned i = 0; i < errand->descriptor_count; i++) {
        message.descriptors[i] = errand->descriptors[i];
        errand->descriptors[i] = -1;
    }
    struct message_control control;
    if (message_control_read(message.body, &control)) { // it was read before
        errand->call(errand->keeper, &control, &message, made);
        message_control_close(&control);
    }
    for (unsigned i = 0; i < message.descriptor_count; i++) { // what the verb did not keep
        if (message.descriptors[i] >= 0) {
            close(message.descriptors[i]);
        }
    }
}

static void
key_is_made(void *context, const struct key_made *made, const struct fault *failed)
{
    struct key_errand *errand = context;
    errand_take_out(errand);
    if (failed != NULL) {
        struct fault fault = *failed;
        fault_wrap(&fault, "zone %s: no key was made", errand->keeper->domain);
        verb_fail(errand->keeper, errand->request, 0, &fault);
    } else {
        carry_out(errand, made);
    }
    errand_free(errand);
}

bool
key_errand_wait(struct keeper *keeper, struct message *message, key_errand_call *call,
                struct fault *fault)
{
    if (errand_new(keeper, message, call, fault) == NULL) {
        return false;
    }
    key_maker_hurry(keeper->shared->key_maker, keeper);
    return true;
}

bool
key_errand_order(struct keeper *keeper, uint8_t algorithm, struct message *message,
                 key_errand_call *call, struct fault *fault)
{
    struct key_errand *errand = errand_new(keeper, message, call, fault);
    if (errand == NULL) {
        return false;
    }
    errand->ordered = true;
    key_maker_order(keeper->shared->key_maker, algorithm, 1, key_is_made, errand);
    key_maker_hurry(keeper->shared->key_maker, errand);
    return true;
}

void
key_errands_go_on(struct keeper *keeper)
{
    struct key_errand *first = NULL, **last = &first, **at = &keeper->errands;
    while (*at != NULL) {
        struct key_errand *errand = *at;
        if (errand->ordered) {
            at = &errand->next;
            continue;
        }
        *at = errand->next;
        errand->next = NULL;
        *last = errand;
        last = &errand->next;
    }
    while (first != NULL) { // one of them may order a key, and wait anew
        struct key_errand *errand = first;
        first = errand->next;
        carry_out(errand, NULL);
        errand_free(errand);
    }
}

void
key_errands_close(struct keeper *keeper)
{
    while (keeper->errands != NULL) {
        struct key_errand *errand = keeper->errands;
        struct fault fault = {0};
        if (errand->ordered) {
            key_maker_forget(keeper->shared->key_maker, errand);
        }
        errand_take_out(errand);
        fault_set(&fault, FAULT_BUSY,
                  "zone %s: it was taken from the configuration, or the daemon stops, before the "
                  "key was made; nothing was changed",
                  keeper->domain);
        verb_fail(keeper, errand->request, 0, &fault);
        errand_free(errand);
    }
}
