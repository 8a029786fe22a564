// needs: zone
// What goes out in a datagram to a client with an earlier content.
#include "ixfr_scene.h"

#include "common/dns/rcode.h"

// The answer with one SOA, as the answer room makes it, with an OPT behind it.
static size_t
soa_answer(const struct version *version, const struct message_question *question, uint8_t *memory)
{
    struct transfer_message message;
    struct rrset rrset;
    struct rr rr;
    uint32_t position = 0;
    transfer_message_begin(&message, memory, 512 - 11, ID, MESSAGE_QR | MESSAGE_AA, question);
    assert_true(node_rrset_find(version_apex_node(version), RRTYPE_SOA, &rrset) &&
                rrset_next(rrset.wire, rrset.wire_length, &position, &rr) &&
                transfer_message_add(&message, version_apex(version), &rr));
    const struct edns_answer opt = {.udp_size = EDNS_UDP_SIZE_DEFAULT, .ede = EDE_NONE};
    return transfer_message_end(&message, &opt);
}

// Asks by datagram and checks what is told; gives the octets of the answer, or 0 where it was the
// SOA alone. udp_size 0: no EDNS.
static size_t
datagram_ask(const struct scene *scene, const struct content *from, uint16_t udp_size,
             size_t tail_room)
{
    const struct edns edns = {.present = udp_size > 0, .udp_size = udp_size};
    const struct client client = {from->serial, NULL, 4096};
    const struct xfr_out_datagram datagram = {.version = store_current(scene->store),
                                              .client_serial = client.serial,
                                              .edns = &edns,
                                              .tail_room = tail_room};
    struct message_header header;
    struct message_question question;
    struct reply reply = {.in = NULL};
    uint8_t memory[4096];
    query_make(scene, &client, &reply, &header, &question);
    size_t alone = soa_answer(datagram.version, &question, memory);
    size_t length = xfr_out_datagram(&datagram, memory, alone, sizeof memory);
    assert_memory_equal(memory + length - 11, "\0\0\51\4\320\0\0\0\0\0\0", 11); // the OPT
    reply.taken = xfr_in_feed(reply.in, memory, length, NOW, NULL);
    if (length > alone) {
        assert_int_equal(reply.taken, XFR_IN_DONE);
        delta_check(scene, from, &reply);
    } else {
        assert_int_equal(answer_count(memory, length), 1);
    }
    reply_close(&reply);
    return length > alone ? length : 0;
}

static void
a_difference_goes_into_a_datagram_where_it_fits_to_the_octet(void **state)
{
    (void)state;
    struct scene scene;
    unsigned told = 0, left = 0;
    scene_open(&scene, 28, 40, JOURNAL_PLENTY);
    for (unsigned step = 0; step < 30; step++)
        scene_step(&scene, 1, scene.set_count);
    for (size_t i = 0; i < scene.before_count; i++) {
        const struct content *from = &scene.before[i];
        size_t length = datagram_ask(&scene, from, 4096, 0);
        *(length ? &told : &left) += 1;
        if (!length)
            continue;
        assert_true(length <= EDNS_UDP_SIZE_DEFAULT);
        size_t room = EDNS_UDP_SIZE_DEFAULT - length;
        assert_int_equal(datagram_ask(&scene, from, EDNS_UDP_SIZE_DEFAULT, room), length);
        assert_int_equal(datagram_ask(&scene, from, EDNS_UDP_SIZE_DEFAULT, room + 1), 0);
        assert_int_equal(datagram_ask(&scene, from, 0, 0), length <= 512 ? length : 0);
        if (length <= 512)
            continue;
        assert_int_equal(datagram_ask(&scene, from, (uint16_t)length, 0), length);
        assert_int_equal(datagram_ask(&scene, from, (uint16_t)(length - 1), 0), 0);
    }
    assert_true(told > 5 && left > 5);
    scene_close(&scene);
}

// The answer goes out of the same version that the SOA came from, and one that is up to date is
// left as it is.
static void
a_datagram_to_who_is_up_to_date_is_one_soa(void **state)
{
    (void)state;
    struct scene scene;
    const struct edns edns = {.present = true, .udp_size = 1232};
    uint8_t memory[512];
    scene_open(&scene, 29, 6, JOURNAL_PLENTY);
    scene_step(&scene, 1, scene.set_count);
    struct message_question question = {.type = RRTYPE_IXFR, .class = RRCLASS_IN};
    name_copy(question.name, scene.apex);
    struct xfr_out_datagram datagram = {
        .version = store_current(scene.store), .client_serial = scene.now.serial, .edns = &edns};
    size_t alone = soa_answer(datagram.version, &question, memory);
    assert_int_equal(xfr_out_datagram(&datagram, memory, alone, sizeof memory), alone);
    datagram.client_serial = scene.before[0].serial;
    assert_true(xfr_out_datagram(&datagram, memory, alone, sizeof memory) > alone);
    scene_close(&scene);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_difference_goes_into_a_datagram_where_it_fits_to_the_octet),
        cmocka_unit_test(a_datagram_to_who_is_up_to_date_is_one_soa),
    };
    return cmocka_run_group_tests(tests, syncs_off, NULL);
}
