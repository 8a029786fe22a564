// needs: secondary
// Bodies of messages between roles as a role that was taken over may send them: the first octet
// chooses the reader, the rest is the body. What is read can be written, and that can be read
// again.
#include "secondary/messages.h"
#include "secondary/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TRY(name)                                                                                  \
    static void try_##name(struct octets body)                                                     \
    {                                                                                              \
        struct message_##name first, second;                                                       \
        struct octets_buffer again;                                                                \
        if (!message_##name##_read(body, &first)) {                                                \
            return;                                                                                \
        }                                                                                          \
        octets_buffer_init(&again);                                                                \
        message_##name##_write(&first, &again);                                                    \
        ENSURE(message_##name##_read((struct octets){again.data, again.length}, &second));         \
        CLOSE(name, first);                                                                        \
        CLOSE(name, second);                                                                       \
        octets_buffer_close(&again);                                                               \
    }
#define CLOSE(name, what) (void)what
TRY(listen)
TRY(zone_state)
TRY(role_facts)
TRY(notify_hint)
TRY(transfers_out)
TRY(contact)
TRY(rate_table)
#undef CLOSE
#define CLOSE(name, what) message_##name##_close(&what)
TRY(candidate)
TRY(verdict)
TRY(poll_facts)
TRY(ds_seen)
TRY(zone_facts)
TRY(event)
TRY(review)
TRY(review_done)
TRY(control)

static void
try_place(struct octets body)
{
    struct message message = {.body = body};
    struct version_place place;
    if (message_place_read(&message, &place)) {
        version_place_close(&place);
    }
}

static void
try_pooled(struct octets body)
{
    for (size_t i = 0; i < message_pooled_count(body); i++) {
        struct message_pooled pooled;
        message_pooled_read(body, i, &pooled);
    }
}

static void
try_settings(struct octets body)
{
    struct role_settings *settings;
    if (role_settings_read(body, &settings)) {
        role_settings_free(&settings);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const tries[])(struct octets body) = {
        try_listen,  try_zone_state,  try_role_facts, try_notify_hint, try_transfers_out, try_candidate,
        try_verdict, try_poll_facts,  try_ds_seen,    try_zone_facts,  try_event,
        try_review,  try_review_done, try_control,    try_place,       try_settings,
        try_contact, try_rate_table,  try_pooled,
    };
    if (size > 0) {
        tries[data[0] % (sizeof tries / sizeof tries[0])]((struct octets){data + 1, size - 1});
    }
    return 0;
}
