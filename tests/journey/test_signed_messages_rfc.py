"""Transfers and signed messages by their RFC sections, message by message, from tandem-server: what stands in the OPT of a
transfer, what a connection with a transfer still owes, and that every answer to a signed message is signed."""

import socket
import struct

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.query
import dns.rcode
import dns.rdatatype
import dns.rrset
import dns.tsig
import pytest

import serving
import tandem

APEX = "tandem.example"
COOKIE, EXPIRE = 10, 9


@pytest.fixture(scope="module")
def server():
    with serving.Serving(server={"nsid": "ns1"}) as running:
        yield running
        running.stop()
        assert "server ended 0" in running.out(), running.log()


def question(server, rdtype, serial=None, **edns):
    message = dns.message.make_query(APEX, rdtype, **edns)
    if serial is not None:
        message.authority.append(dns.rrset.from_text(f"{APEX}.", 0, "IN", "SOA", f". . {serial} 0 0 0 0"))
    message.use_tsig(server.key.dnspython())
    return message


def framed(message):
    wire = message.to_wire()
    return struct.pack("!H", len(wire)) + wire


def connect(server):
    return socket.create_connection((tandem.HOST, server.port), timeout=20)


def messages(stream):
    """Wires until the other side has closed."""
    while len(head := stream.read(2)) == 2:
        yield stream.read(struct.unpack("!H", head)[0])


class Answers:
    """The answers to questions in the order in which they come, each a list of messages: a transfer ends with its second SOA."""

    def __init__(self, server, *questions):
        self.keyring, self.questions = {question.keyring.name: question.keyring for question in questions}, questions

    def read(self, wires):
        for asked in self.questions:
            context, parts, soas = None, [], 0
            while True:
                part = dns.message.from_wire(next(wires), keyring=self.keyring, request_mac=asked.mac, xfr=True, multi=True,
                                             tsig_ctx=context, one_rr_per_rrset=True)
                assert part.id == asked.id and part.had_tsig and part.rcode() == dns.rcode.NOERROR
                parts.append(part)
                context = part.tsig_ctx
                soas += sum(rrset.rdtype == dns.rdatatype.SOA for rrset in part.answer)
                if soas == 2 or asked.question[0].rdtype not in (dns.rdatatype.AXFR, dns.rdatatype.IXFR):
                    break
            yield parts


def records(parts):
    return sum(len(part.answer) for part in parts)


@pytest.mark.parametrize("rdtype, serial", [("AXFR", None), ("IXFR", 1)])
def test_rfc6891_6_1_1_and_rfc3225_3_the_opt_of_a_transfer_has_the_do_bit_of_the_question(server, rdtype, serial):
    for dnssec in (False, True):
        asked = question(server, rdtype, serial, use_edns=0, want_dnssec=dnssec)
        with connect(server) as connection:
            connection.sendall(framed(asked))
            (parts,) = Answers(server, asked).read(messages(connection.makefile("rb")))
        assert parts[0].edns == 0 and bool(parts[0].ednsflags & dns.flags.DO) == dnssec and not parts[0].options
    asked = question(server, rdtype, serial, use_edns=False)
    with connect(server) as connection:
        connection.sendall(framed(asked))
        (parts,) = Answers(server, asked).read(messages(connection.makefile("rb")))
    assert all(part.edns == -1 for part in parts)


def test_rfc7873_5_2_3_a_transfer_carries_a_cookie_that_is_good(server):
    asked = question(server, "AXFR", use_edns=0, options=[dns.edns.GenericOption(COOKIE, b"12345678"), dns.edns.GenericOption(EXPIRE, b"")])
    with connect(server) as connection:
        connection.sendall(framed(asked))
        (parts,) = Answers(server, asked).read(messages(connection.makefile("rb")))
    options = {option.otype: option.data for option in parts[0].options}
    assert set(options) == {COOKIE, EXPIRE} and options[COOKIE][:8] == b"12345678" and len(options[COOKIE]) == 24
    given = options[COOKIE]
    for cookie, rcode in ((given, 0), (given[:-1] + bytes([given[-1] ^ 1]), 23)):
        known = dns.message.from_wire(struct.pack("!6H", 7, 0, 0, 0, 0, 1) + b"\0" + struct.pack("!HHIHHH", 41, 1232, 0, 28, COOKIE, 24) + cookie)
        assert int(dns.query.udp(known, tandem.HOST, port=server.port, timeout=10).rcode()) == rcode


def test_rfc7766_6_2_1_1_what_is_asked_behind_a_transfer_is_answered_behind_it(server):
    asked = [question(server, rdtype, serial) for rdtype, serial in
             (("SOA", None), ("AXFR", None), ("A", None), ("AXFR", None), ("IXFR", 1), ("MX", None))]
    with connect(server) as connection:
        connection.sendall(b"".join(map(framed, asked)))
        answers = list(Answers(server, *asked).read(messages(connection.makefile("rb"))))
    whole = records(answers[1])
    assert whole > 50 and [records(parts) for parts in answers] == [1, whole, 1, whole, whole, 2]


def test_rfc5936_4_1_1_a_client_that_has_closed_its_side_gets_the_whole_transfer_and_what_it_asked_before(server):
    asked = [question(server, rdtype) for rdtype in ("MX", "AXFR", "SOA")]
    with connect(server) as connection:
        connection.sendall(b"".join(map(framed, asked)))
        connection.shutdown(socket.SHUT_WR)
        wires = messages(connection.makefile("rb"))
        answers = list(Answers(server, *asked).read(wires))
        assert next(wires, None) is None  # and then the server closes
    assert [len(answers[0]), len(answers[2])] == [1, 1] and records(answers[1]) > 50


# Signed questions that get an error: each must verify.
SIGNED = {
    "rfc6891-6.1.3 BADVERS": (lambda message: message.use_edns(1), 16),
    "rfc2136-3 NOTIMP": (lambda message: message.set_opcode(dns.opcode.UPDATE), 4),
    "rfc6895-3.1 FORMERR of a meta type": (lambda message: retype(message, dns.rdatatype.TSIG), 1),
    "rfc1035-3.2.4 REFUSED of another class": (lambda message: reclass(message, 4), 5),
    "rfc1034-4.3.2 NXDOMAIN": (lambda message: rename(message, f"nothere.{APEX}."), 3),
    "rfc1034-4.3.2 REFUSED of another zone": (lambda message: rename(message, "elsewhere.invalid."), 5),
    "rfc1995-3 FORMERR of an IXFR without a serial": (lambda message: retype(message, dns.rdatatype.IXFR), 1),
    "rfc1996-3.10 REFUSED of a NOTIFY": (lambda message: rename(message, "elsewhere.invalid.").set_opcode(dns.opcode.NOTIFY), 5),
}


def retype(message, rdtype):
    message.question[0].rdtype = rdtype
    return message


def reclass(message, rdclass):
    message.question[0].rdclass = rdclass
    return message


def rename(message, name):
    message.question[0].name = dns.name.from_text(name)
    return message


@pytest.mark.parametrize("what", SIGNED)
def test_rfc8945_5_3_every_answer_to_a_signed_message_is_signed(server, what):
    change, rcode = SIGNED[what]
    for tcp in (False, True):
        asked = dns.message.make_query(APEX, "SOA", use_edns=0)
        change(asked)
        asked.use_tsig(server.key.dnspython())
        wire = asked.to_wire()
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM) as client:
            client.settimeout(10)
            client.connect((tandem.HOST, server.port))
            client.sendall(struct.pack("!H", len(wire)) + wire if tcp else wire)
            got = next(messages(client.makefile("rb"))) if tcp else client.recv(4096)
        answer = dns.message.from_wire(got, keyring=asked.keyring, request_mac=asked.mac, question_only=False)
        assert answer.had_tsig and int(answer.rcode()) == rcode
