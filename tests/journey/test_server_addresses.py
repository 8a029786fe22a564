"""A server on all addresses of both families: what is asked of one address is answered from it, by UDP and by TCP."""

import socket
import struct

import dns.message
import dns.query
import dns.rcode
import pytest

import serving
import tandem

NAME, COOKIE, BADCOOKIE = "www.tandem.example", 10, 23


def here(address):
    """Whether this machine has it."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True


ADDRESSES = [address for address in ("127.0.0.1", "127.0.0.77", "::1") if here(address)]


@pytest.fixture(scope="module")
def server():
    port = tandem.free_port()
    listen = [f"0.0.0.0@{port}"] + ([f"::@{port}"] if "::1" in ADDRESSES else [])
    with serving.Serving(server={"listen": listen}) as running:
        running.port = port
        yield running
        running.stop()
        assert "server ended 0" in running.out(), running.log()


@pytest.mark.parametrize("address", ADDRESSES)
def test_rfc2181_4_1_answers_leave_from_the_address_that_was_asked(server, address):
    """dnspython takes nothing from anywhere else, and the connected socket sees nothing else."""
    query = dns.message.make_query(NAME, "A", want_dnssec=True)
    by_udp = dns.query.udp(query, address, port=server.port, timeout=10, ignore_unexpected=False)
    by_tcp = dns.query.tcp(query, address, port=server.port, timeout=10)
    assert by_udp.rcode() == dns.rcode.NOERROR and len(tandem.answers(by_udp)) == 2 and by_udp == by_tcp
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect((address, server.port))
        client.settimeout(10)
        for _ in range(100):
            client.send(query.to_wire())
        assert all(client.recv(4096)[:2] == struct.pack("!H", query.id) for _ in range(100))


@pytest.mark.skipif("::1" not in ADDRESSES, reason="no IPv6 here")
def test_rfc9018_4_4_a_cookie_is_good_for_its_own_address_of_either_family(server):
    def asked(address, cookie):
        opt = b"\0" + struct.pack("!HHIHHH", 41, 1232, 0, len(cookie) + 4, COOKIE, len(cookie)) + cookie
        message = dns.message.from_wire(struct.pack("!6H", 7, 0, 0, 0, 0, 1) + opt)
        answer = dns.query.udp(message, address, port=server.port, timeout=10)
        return int(answer.rcode()), next(option.data for option in answer.options if option.otype == COOKIE)

    given = {address: asked(address, b"12345678")[1] for address in ("127.0.0.1", "::1")}
    for of, cookie in given.items():
        for address in given:
            assert asked(address, cookie)[0] == (0 if of == address else BADCOOKIE)
