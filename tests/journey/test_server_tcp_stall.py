"""Answers over TCP do not wait for acknowledgements (Nagle's algorithm and delayed acknowledgements
together cost 40 ms a time). The client acknowledges nothing, so what comes did not wait: no clock is asked."""

import socket
import struct
import threading

import dns.message
import dns.rcode

import own_tcp
import serving

NAME = "www.tandem.example"
QUERIES = 8  # within the ten segments that a fresh connection may have on their way


def query(number):
    message = dns.message.make_query(NAME, "A", want_dnssec=True)
    message.id = number
    wire = message.to_wire()
    return struct.pack("!H", len(wire)) + wire


def answer(connection, number):
    head = connection.receive(2)
    assert len(head) == 2, f"answer {number} waits for an acknowledgement"
    length = struct.unpack("!H", head)[0]
    octets = connection.receive(length)
    assert len(octets) == length, f"answer {number} waits for an acknowledgement"
    message = dns.message.from_wire(octets)
    assert (message.id, message.rcode()) == (number, dns.rcode.NOERROR) and message.answer


def answers_without_acknowledgement(network):
    with serving.Serving(server={"listen": [f"{network.here}@5300"]}) as server:
        connection = network.connect(5300)
        for number in range(QUERIES):
            connection.send(query(number))
            answer(connection, number)
        server.stop()
        assert "server ended 0" in server.out(), server.log()


def test_an_answer_does_not_wait_for_the_acknowledgement_of_the_one_before():
    own_tcp.run_in_network(answers_without_acknowledgement)


def nagle(network):
    with socket.create_server((network.here, 5301)) as listener:
        connections = []
        accepting = threading.Thread(target=lambda: connections.append(listener.accept()[0]))
        accepting.start()
        connection = network.connect(5301)
        accepting.join()
        with connections[0] as server:
            server.sendall(b"one")
            assert connection.receive(3) == b"one"
            server.sendall(b"two")
            assert connection.until_retransmitted() and connection.octets == b""
            connection.acknowledge()
            assert connection.receive(3) == b"two"


def test_the_client_sees_a_server_that_waits():
    own_tcp.run_in_network(nagle)
