"""What goes wrong between tandem-primary and who transfers from it: keys, clocks, MACs, connections. Each refusal has its
code for the peer and its line for the operator: which peer, which zone, why, and what to do."""

import re
import socket
import struct

import dns.flags
import dns.message
import dns.rcode
import dns.tsig
import pytest

from evil_primary import Signer, truncate_mac
from tandem import HOST, Key, axfr, wait_for

ZONE, NAMES = "example.gov", 9000


@pytest.fixture
def primary(work):
    hosts = "".join(f"n{i} A 192.0.2.{i % 250}\n" for i in range(NAMES))
    work.write("z", f"$ORIGIN {ZONE}.\n$TTL 300\n@ SOA ns h 1 3600 600 604800 300\n@ NS ns\nns A 192.0.2.1\n{hosts}")
    return work.primary([{"domain": ZONE, "file": "z"}]).start()


def connect(primary):
    connection = socket.create_connection((HOST, primary.port), timeout=20)
    connection.settimeout(20)
    return connection


def receive(file):
    """The next message as octets, b"" at the end."""
    head = file.read(2)
    return file.read(struct.unpack("!H", head)[0]) if len(head) == 2 else b""


def asked(primary, wire):
    """The first message of the answer; how long they all are."""
    with connect(primary) as connection:
        connection.sendall(struct.pack("!H", len(wire)) + wire)
        connection.shutdown(socket.SHUT_WR)
        messages, file = [], connection.makefile("rb")
        while message := receive(file):
            messages.append(message)
    return messages


def signed(key, seconds=0, zone=ZONE):
    query = dns.message.make_query(zone, "AXFR").to_wire()
    return Signer(key.dnspython(), b"", seconds).sign(query)


def tsig_of(wire):
    """Error and other data of the TSIG, unchecked."""
    at = wire.rindex(b"\x00\xfa\x00\xff\x00\x00\x00\x00") + 8
    rdata = wire[at + 2 :]
    name = rdata.index(b"\0") + 1
    mac = int.from_bytes(rdata[name + 8 : name + 10], "big")
    rest = rdata[name + 10 + mac :]
    return int.from_bytes(rest[2:4], "big"), rest[6:], mac


def refusal(primary):
    """The operator's line."""
    wait_for(lambda: "request refused" in primary.log(), "a line in the log", about=primary.log)
    return re.search(r".*request refused.*", primary.log())[0]


BAD = [
    ("wrong secret", dns.rcode.NOTAUTH, 16, ["its signature (TSIG) is wrong; compare the secret", "key=xfr."]),
    ("unknown key", dns.rcode.NOTAUTH, 17, ["a key that is not known here; compare name and algorithm", "key=nobody."]),
    ("other algorithm", dns.rcode.NOTAUTH, 17, ["a key that is not known here; compare name and algorithm", "key=xfr."]),
    ("clock ahead", dns.rcode.NOTAUTH, 18, ["it was signed at another time; set the clocks of both hosts", "key=xfr."]),
    ("clock behind", dns.rcode.NOTAUTH, 18, ["it was signed at another time; set the clocks of both hosts", "key=xfr."]),
    ("short MAC", dns.rcode.FORMERR, None, ["its TSIG is malformed"]),
    ("no key", dns.rcode.REFUSED, None, ["no acl of the zone lets this address and key transfer it"]),
    ("other zone", dns.rcode.REFUSED, None, ["no such zone here", "name=other.example."]),
]


@pytest.mark.parametrize("what, rcode, error, words", BAD, ids=[row[0].replace(" ", "-") for row in BAD])
def test_a_refused_transfer_has_its_code_and_its_line(work, primary, what, rcode, error, words):
    key = work.key
    wire = {
        "wrong secret": lambda: signed(Key(key.name)),
        "unknown key": lambda: signed(Key("nobody.")),
        "other algorithm": lambda: signed(Key(key.name, "hmac-sha512", key.secret)),
        "clock ahead": lambda: signed(key, 3600),
        "clock behind": lambda: signed(key, -3600),
        "short MAC": lambda: truncate_mac(signed(key), key.dnspython(), 15)[0],
        "no key": lambda: dns.message.make_query(ZONE, "AXFR").to_wire(),
        "other zone": lambda: signed(key, zone="other.example"),
    }[what]()
    messages = asked(primary, wire)
    assert len(messages) == 1 and messages[0][3] & 15 == rcode
    assert messages[0][:2] == wire[:2] and messages[0][6:8] == b"\0\0"
    if error is not None:
        said, other, mac = tsig_of(messages[0])
        assert said == error and (mac > 0) == (error == 18)  # BADTIME is signed, and says our time
        assert len(other) == (6 if error == 18 else 0)
    line = refusal(primary)
    assert all(word in line for word in [*words, "peer=127.0.0.1@", "rcode="]), line
    assert work.key.secret not in primary.log()
    assert len(axfr(primary.port, ZONE, work.key).nodes) == NAMES + 2


def test_a_mac_of_half_its_length_is_enough(work, primary):
    messages = asked(primary, truncate_mac(signed(work.key), work.key.dnspython(), 16)[0])
    assert messages[0][3] & 15 == dns.rcode.NOERROR
    assert sum(int.from_bytes(message[6:8], "big") for message in messages) == NAMES + 4  # with the closing SOA


def test_every_message_of_a_transfer_is_signed(work, primary):
    messages = asked(primary, signed(work.key))
    assert len(messages) > 2
    for message in messages:
        assert tsig_of(message)[0] == 0 and tsig_of(message)[2] == 32


def test_a_client_that_closes_its_side_gets_the_whole_zone(work, primary):
    assert sum(int.from_bytes(message[6:8], "big") for message in asked(primary, signed(work.key))) == NAMES + 4


def test_clients_that_stall_or_go_away_keep_nobody_waiting(work, primary):
    stalled = [connect(primary) for _ in range(5)]
    for number, connection in enumerate(stalled):
        wire = signed(work.key)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall((struct.pack("!H", len(wire)) + wire)[: None if number else 20])
    for _ in range(3):
        gone = connect(primary)
        wire = signed(work.key)
        gone.sendall(struct.pack("!H", len(wire)) + wire)
        gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        gone.close()  # with a reset
    assert len(axfr(primary.port, ZONE, work.key).nodes) == NAMES + 2
    for connection in stalled:
        connection.close()
    assert len(axfr(primary.port, ZONE, work.key).nodes) == NAMES + 2
    assert primary.stop() == 0
