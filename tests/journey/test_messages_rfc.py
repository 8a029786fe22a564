"""Messages by their RFC sections, octet by octet, from tandem-server over UDP and TCP, to tandem.example with NSEC. What is
answered to questions that are well made is in test_answers_rfc.py."""

import pathlib
import socket
import struct
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import answers  # noqa: E402
import serving  # noqa: E402
from answer_rows import RCODES, ask_tcp, exchange  # noqa: E402
from answers import NSEC, RRSIG, labels_of, wire_of  # noqa: E402


@pytest.fixture(scope="module")
def golden():
    with serving.Serving(server={"nsid": "ns1", "version": "one"}, not_ready=["notready.example"]) as server:
        yield server


WWW, APEX = wire_of(labels_of("www.tandem.example")), wire_of(labels_of("tandem.example"))
QUERY, IQUERY, STATUS, NOTIFY, UPDATE, DSO = 0, 1, 2, 4, 5, 6


def header(opcode=QUERY, flags=0, qd=1, an=0, ns=0, ar=0):
    return struct.pack("!6H", 0x1234, opcode << 11 | flags, qd, an, ns, ar)


def question(name=WWW, rdtype=1, rdclass=1):
    return name + struct.pack("!2H", rdtype, rdclass)


def opt(size=1232, version=0, flags=0, options=b"", name=b"\0"):
    return name + struct.pack("!HHBBHH", 41, size, 0, version, flags, len(options)) + options


def option(code, value=b""):
    return struct.pack("!2H", code, len(value)) + value


def options_of(answer):
    rest, found = answer.opt[3], {}
    while rest:
        code, length = struct.unpack("!2H", rest[:4])
        assert code not in found
        found[code], rest = rest[4:4 + length], rest[4 + length:]
    return found


A_RECORD = b"\xc0\x0c" + struct.pack("!HHIH4s", 1, 1, 60, 4, b"abcd")
SOA_RECORD = b"\xc0\x0c" + struct.pack("!HHIH", 6, 1, 0, 24) + b"\xc0\x0c\xc0\x0c" + struct.pack("!5I", 7, 0, 0, 0, 0)
TSIG_RECORD = b"\1k\0" + struct.pack("!HHIH", 250, 255, 0, 0)
LONG_NAME = b"".join(b"\x3f" + b"a" * 63 for _ in range(4)) + b"\0"  # 257 octets

# What is sent | RCODE | whether the question comes back | the OPT comes back.
MESSAGES = {
    "rfc1035-4.1.1 a plain query": (header() + question(), 0, True, False),
    "rfc1035-4.1.1 TC and AA in a query are ignored": (header(flags=0x600) + question(), 0, True, False),
    "rfc1035-4.1.1 an RCODE in a query is ignored": (header(flags=5) + question(), 0, True, False),
    "rfc1035-4.1.1 a status request is not implemented": (header(STATUS) + question(), 4, True, False),
    "rfc3425-3 an inverse query is not implemented": (header(IQUERY) + question(), 4, True, False),
    "rfc2136-3 an update is not implemented": (header(UPDATE) + question(APEX, 6), 4, True, False),
    "rfc8490-5.1.1 a DSO message is not implemented": (header(DSO, qd=0) + b"\0\1\0\4\0\0\0\0", 4, False, False),
    "rfc6895-2.2 an opcode without a name": (header(15) + question(), 4, True, False),
    "rfc6891-6.1.1 an update with OPT has one in its answer": (header(UPDATE, ar=1) + question(APEX, 6) + opt(), 4, True, True),
    "rfc9619-4 no question": (header(qd=0), 1, False, False),
    "rfc9619-4 two questions": (header(qd=2) + question() + question(), 1, False, False),
    "rfc9619-4 no question and OPT": (header(qd=0, ar=1) + opt(), 1, False, True),
    "rfc1035-4.1 octets behind the last record": (header() + question() + b"x", 1, True, False),
    "rfc1035-4.1 a record that is not there": (header(ar=1) + question(), 1, True, False),
    "rfc1035-4.1 an answer in a query is passed over": (header(an=1) + question() + A_RECORD, 0, True, False),
    "rfc1035-4.1 an authority record too": (header(ns=1) + question() + SOA_RECORD, 0, True, False),
    "rfc1035-4.1.4 a pointer to the header for a question": (header() + b"\xc0\0\0\1\0\1", 1, False, False),
    "rfc1035-4.1.4 a pointer to itself": (header() + b"\xc0\x0c\0\1\0\1", 1, False, False),
    "rfc1035-4.1.4 a pointer behind a label": (header() + b"\3www\xc0\4\0\1\0\1", 1, False, False),
    "rfc6891-5 a label of an extended type": (header() + b"\x41aaaaaaaa\0\0\1\0\1", 1, False, False),
    "rfc1035-2.3.4 a label of type 10": (header() + b"\x80aaaaaaaa\0\0\1\0\1", 1, False, False),
    "rfc1035-2.3.4 a name of more than 255 octets": (header() + question(LONG_NAME), 1, False, False),
    "rfc1035-4.1.2 a question cut in its class": (header() + question()[:-1], 1, False, False),
    "rfc1035-3.2.4 class HS": (header() + question(rdclass=4), 5, True, False),
    "rfc1035-3.2.4 class NONE": (header() + question(rdclass=254), 5, True, False),
    "rfc6895-3.2 class 0": (header() + question(rdclass=0), 5, True, False),
    "rfc6895-3.1 type 0": (header() + question(rdtype=0), 1, True, False),
    "rfc6895-3.1 type OPT": (header() + question(rdtype=41), 1, True, False),
    "rfc6895-3.1 type TSIG": (header() + question(rdtype=250), 1, True, False),
    "rfc2930 type TKEY": (header() + question(rdtype=249), 4, True, False),
    "rfc1035-3.2.3 type MAILB": (header() + question(rdtype=253), 4, True, False),
    "rfc1035-3.2.3 type MAILA": (header() + question(rdtype=254), 4, True, False),
    "rfc9824-3.5 type NXNAME": (header() + question(rdtype=128), 1, True, False),
    "rfc5936-4.2 AXFR over UDP": (header() + question(APEX, 252), 1, True, False),
    "rfc6891-6.1.1 a query with OPT": (header(ar=1) + question() + opt(), 0, True, True),
    "rfc6891-6.1.1 two OPTs": (header(ar=2) + question() + opt() + opt(), 1, True, True),
    "rfc6891-6.1.1 OPT in the answer section": (header(an=1) + question() + opt(), 1, True, False),
    "rfc6891-6.1.1 OPT in the authority section": (header(ns=1) + question() + opt(), 1, True, False),
    "rfc6891-6.1.1 OPT behind another record": (header(ar=2) + question() + A_RECORD + opt(), 0, True, True),
    "rfc6891-6.1.1 OPT before another record": (header(ar=2) + question() + opt() + A_RECORD, 0, True, True),
    "rfc6891-6.1.2 OPT that is not the root's": (header(ar=1) + question() + opt(name=WWW), 1, True, True),
    "rfc6891-6.1.2 an unknown option": (header(ar=1) + question() + opt(options=option(65001, b"xyz") + option(4)), 0, True, True),
    "rfc6891-6.1.2 an option that runs over the end": (header(ar=1) + question() + opt(options=b"\0\3\0\5a"), 1, True, True),
    "rfc6891-6.1.2 half an option": (header(ar=1) + question() + opt(options=b"\0\3"), 1, True, True),
    "rfc6891-6.1.3 version 1": (header(ar=1) + question() + opt(version=1), 16, True, True),
    "rfc6891-6.1.3 version 255 with options that are not read": (
        header(ar=1) + question() + opt(version=255, options=option(3)), 16, True, True),
    "rfc6891-6.1.3 version 1 of a zone that is not here": (header(ar=1) + question(b"\3foo\0") + opt(version=1), 16, True, True),
    "rfc6891-6.1.3 version 1 and an opcode that is unknown": (header(UPDATE, ar=1) + question() + opt(version=1), 16, True, True),
    "rfc6891-6.1.4 unknown flags": (header(ar=1) + question() + opt(flags=0x7fff), 0, True, True),
    "rfc6891-6.2.3 a size of 0": (header(ar=1) + question() + opt(size=0), 0, True, True),
    "rfc6891-6.2.3 a size of 65535": (header(ar=1) + question() + opt(size=65535), 0, True, True),
    "rfc7873-5.2.2 a cookie of 7 octets": (header(ar=1) + question() + opt(options=option(10, b"1234567")), 1, True, True),
    "rfc7873-5.2.2 a cookie of 9 octets": (header(ar=1) + question() + opt(options=option(10, b"123456789")), 1, True, True),
    "rfc7873-5.2.2 a cookie of 41 octets": (header(ar=1) + question() + opt(options=option(10, b"1" * 41)), 1, True, True),
    "rfc7873-5.4 a cookie and no question": (header(qd=0, ar=1) + opt(options=option(10, b"12345678")), 0, False, True),
    "rfc7873-5.4 a server cookie of others and no question": (
        header(qd=0, ar=1) + opt(options=option(10, b"1" * 24)), 23, False, True),
    "rfc8945-5.1 TSIG in the answer section": (header(an=1) + question() + TSIG_RECORD, 1, True, False),
    "rfc8945-5.1 TSIG before OPT": (header(ar=2) + question() + TSIG_RECORD + opt(), 1, True, True),
    "rfc1996-3.7 NOTIFY without a question": (header(NOTIFY, qd=0), 1, False, False),
    "rfc1996-3.11 NOTIFY": (header(NOTIFY, flags=0x400) + question(APEX, 6), 0, True, False),
    "rfc1996-3.10 NOTIFY of a zone that is not here": (header(NOTIFY, flags=0x400) + question(b"\3foo\0", 6), 5, True, False),
    "rfc1996-3.7 NOTIFY of another type than SOA": (header(NOTIFY) + question(APEX, 1), 1, True, False),
    "rfc1996-3.7 NOTIFY of another class": (header(NOTIFY) + question(APEX, 6, 3), 1, True, False),
    "rfc1996-3.7 NOTIFY with an SOA and with OPT": (
        header(NOTIFY, an=1, ar=1) + question(APEX, 6) + SOA_RECORD + opt(flags=0x8000, options=option(10, b"12345678")), 0, True, True),
    "rfc1996-3.7 NOTIFY of a name below an apex": (header(NOTIFY) + question(WWW, 6), 5, True, False),
    "rfc6891-6.1.3 NOTIFY with version 1": (header(NOTIFY, ar=1) + question(APEX, 6) + opt(version=1), 16, True, True),
    "rfc7873-5.4 NOTIFY with a cookie and no question": (header(NOTIFY, qd=0, ar=1) + opt(options=option(10, b"12345678")), 1, False, True),
    "rfc1995-3 IXFR without a serial": (header() + question(APEX, 251), 1, True, False),
    "rfc1995-3 IXFR from who may not, with OPT": (header(ns=1, ar=1) + question(APEX, 251) + SOA_RECORD + opt(), 5, True, True),
    "rfc5936-2.2.1 IXFR of a name below an apex": (header(ns=1) + question(WWW, 251) + SOA_RECORD, 9, True, False),
    "rfc1035-3.2.4 IXFR of another class": (header(ns=1) + question(APEX, 251, 3) + SOA_RECORD, 1, True, False),
    "rfc7871-7.2.2 a client's subnet is ignored": (
        header(ar=1) + question() + opt(options=option(8, b"\0\1\x18\0\xc0\0\2")), 0, True, True),
    "rfc7828-3.2.1 a time-out in a query is ignored": (header(ar=1) + question() + opt(options=option(11, b"\0\7")), 0, True, True),
    "rfc7830-3 padding": (header(ar=1) + question() + opt(options=option(12, bytes(300))), 0, True, True),
    "rfc6975-5 algorithms understood": (header(ar=1) + question() + opt(options=option(5, b"\x0d\x0f")), 0, True, True),
    "rfc6891-6.1.2 an option twice": (header(ar=1) + question() + opt(options=option(3) + option(3)), 0, True, True),
    "rfc1034-4.3.2 a zone that is not here": (header() + question(b"\3foo\0"), 5, True, False),
    "rfc1034-4.3.2 the root": (header() + question(b"\0", 2), 5, True, False),
    "rfc8914-4.15 a zone that is not there yet": (header(ar=1) + question(wire_of(labels_of("x.notready.example"))) + opt(), 2, True, True),
}


@pytest.mark.parametrize("what", MESSAGES)
def test_messages(golden, what):
    wire, rcode, question_back, opt_back = MESSAGES[what]
    answer = exchange(golden, wire)
    assert answer.rcode == rcode, RCODES.get(answer.rcode)
    assert answer.id == 0x1234 and answer.flags & 0xF9F0 == 0x8000 | struct.unpack("!H", wire[2:4])[0] & 0x7800
    assert bool(answer.question) == question_back and bool(answer.opt) == opt_back
    assert not question_back or answer.question == wire[12:12 + len(answer.question)]
    if opt_back:
        name, size, ttl, _ = answer.opt
        assert name == () and size == 1232 and ttl >> 16 & 0xFF == 0 and ttl & 0x7FFF == 0  # our version, no unknown flag
    if rcode not in (0, 23):
        assert not answer.answer and not answer.authority and not answer.aa and not answer.tc
    with socket.create_connection((answers.HOST, golden.port), timeout=5) as connection:
        connection.sendall(struct.pack("!H", len(wire)) + wire)
        stream = connection.makefile("rb")
        if "over UDP" not in what:
            over_tcp = answers.Answer(stream.read(struct.unpack("!H", stream.read(2))[0]))
            assert over_tcp.rcode == rcode and over_tcp.key() == answer.key()


@pytest.mark.parametrize("wire", [b"", b"\x12\x34\0\0", header()[:11], header(flags=0x8000) + question(),
                                  header(NOTIFY, flags=0x8000) + question(APEX, 6)],
                         ids=["rfc1035-4.1.1-empty", "rfc1035-4.1.1-4-octets", "rfc1035-4.1.1-11-octets", "rfc1035-4.1.1-QR",
                              "rfc1035-4.1.1-QR-notify"])
def test_rfc1035_4_1_1_what_is_no_query_is_not_answered(golden, wire):
    assert exchange(golden, wire, timeout=0.3) is None
    assert exchange(golden, header() + question()).rcode == 0


def test_rfc1035_4_1_1_rd_is_echoed_and_rfc4035_3_1_6_ad_and_cd_are_cleared(golden):
    assert exchange(golden, header(flags=0x01F0) + question()).flags == 0x8500
    assert exchange(golden, header(flags=0x00F0) + question()).flags == 0x8400


def test_rfc3225_3_do_is_echoed(golden):
    for flags in (0, 0x8000):
        for rdtype in (1, 15):
            assert exchange(golden, header(ar=1) + question(rdtype=rdtype) + opt(flags=flags)).opt[2] == flags
    assert exchange(golden, header(ar=1) + question(b"\3foo\0") + opt(flags=0x8000)).opt[2] == 0x8000


def test_rfc4343_4_1_the_question_comes_back_in_its_letter_case(golden):
    name = b"\3wWw\6TanDEM\7exAMPle\0"
    answer = exchange(golden, header() + question(name))
    assert answer.question == question(name)
    assert answer.wire[12 + len(name) + 4:][:2] == b"\xc0\x0c"  # the answer's owner points there
    missing = exchange(golden, header() + question(b"\7NotHere" + name[4:]))
    assert missing.rcode == 3 and missing.question[:8] == b"\7NotHere"


def test_rfc6891_6_2_3_sizes_are_between_512_and_1232(golden):
    big = wire_of(labels_of("big.tandem.example"))
    for size in (0, 100, 511, 512, 1000, 1232, 4096, 65535):
        answer = exchange(golden, header(ar=1) + question(big, 16) + opt(size=size))
        assert answer.tc and not answer.answer and not answer.authority and answer.opt
        many = exchange(golden, header(ar=1) + question(wire_of(labels_of("mxmany.tandem.example")), 15) + opt(size=size, flags=0x8000))
        assert len(many.wire) <= max(512, min(size, 1232)) and not many.tc and many.answer
    assert len(exchange(golden, header() + question(big, 16)).wire) <= 512  # RFC 1035 section 4.2.1


def test_rfc9471_3_1_in_domain_glue_that_does_not_fit_sets_tc(tmp_path):
    hosts = [f"ns{number}-{'x' * 40}.sub" for number in range(13)]
    zone = "$TTL 300\n@ IN SOA ns host 1 7200 900 1209600 300\n@ IN NS ns\nns IN A 192.0.2.1\n"
    zone += "".join(f"sub IN NS {host}\n{host} IN A 192.0.2.2\n{host} IN AAAA 2001:db8::1\n" for host in hosts)
    zone += "".join(f"other IN NS {host}\n" for host in hosts)
    (tmp_path / "glue").write_text(zone)
    with serving.Serving({"glue.example": tmp_path / "glue"}) as server:
        for name, truncated in (("x.sub.glue.example", True), ("x.other.glue.example", False)):
            labels = labels_of(name)
            answer = exchange(server, answers.query_wire(1, labels, 1, False))
            whole = ask_tcp(server, labels, 1, False)
            assert answer.tc == truncated
            assert not whole.tc and len(whole.authority) == 13 and len(whole.additional) == 26
            # of servers elsewhere (section 3.2) what fits, without TC
            assert truncated or len(answer.authority) == 13 and 0 < len(answer.additional) < 26


def test_rfc8482_4_1_any_over_udp_is_one_rrset_and_over_tcp_all(golden):
    for name, sets in (("svc.tandem.example", {1, 65}), ("tandem.example", {1, 2, 6, 15, 16, 48})):
        datagram = exchange(golden, answers.query_wire(1, labels_of(name), answers.ANY, False))
        assert len({record[1] for record in datagram.answer}) == 1 and not datagram.tc and datagram.aa
        assert {record[1] for record in ask_tcp(golden, labels_of(name), answers.ANY, False).answer} - {RRSIG, NSEC} == sets
    for name, rcode in (("nothere.tandem.example", 3), ("ent.empty.tandem.example", 0), ("x.child.tandem.example", 0)):
        assert exchange(golden, answers.query_wire(1, labels_of(name), answers.ANY, False)).rcode == rcode


def test_rfc1035_3_2_5_class_any_is_answered_from_in_without_aa(golden):
    answer = exchange(golden, header() + question(rdclass=255))
    assert answer.rcode == 0 and len(answer.answer) == 2 and not answer.aa


@pytest.mark.parametrize("name, text", [("version.bind", b"one"), ("VERSION.server", b"one"), ("hostname.bind", b"ns1"),
                                        ("id.server", b"ns1"), ("authors.bind", None), ("tandem.example", None)])
def test_rfc4892_2_class_ch(golden, name, text):
    answer = exchange(golden, header() + question(wire_of(labels_of(name)), 16, 3))
    assert answer.rcode == (0 if text else 5)
    assert [record[3] for record in answer.answer] == ([bytes([len(text)]) + text] if text else [])
    if text:
        assert exchange(golden, header() + question(wire_of(labels_of(name)), 1, 3)).answer == frozenset()
        assert exchange(golden, header() + question(wire_of(labels_of(name)), 16, 1)).rcode == 5


def test_rfc5001_2_nsid_is_told_to_who_asks(golden):
    assert options_of(exchange(golden, header(ar=1) + question() + opt(options=option(3)))) == {3: b"ns1"}
    assert options_of(exchange(golden, header(ar=1) + question() + opt())) == {}
    assert options_of(exchange(golden, header(ar=1) + question(b"\3foo\0") + opt(options=option(3))))[3] == b"ns1"


def test_rfc5001_2_3_nsid_may_be_any_octets_and_what_is_off_is_not_told():
    """In hexadecimal: no name for a class CH text. Cookies off: none, and a message without a question asks for nothing."""
    with serving.Serving(server={"nsid": "0x00fF41", "cookies": False}) as server:
        asked = options_of(exchange(server, header(ar=1) + question() + opt(options=option(3) + option(10, b"12345678"))))
        assert asked == {3: b"\x00\xffA"}
        assert exchange(server, header(qd=0, ar=1) + opt(options=option(10, b"12345678"))).rcode == 1
        for name in ("hostname.bind", "id.server", "version.bind"):
            assert exchange(server, header() + question(wire_of(labels_of(name)), 16, 3)).rcode == 5


def test_rfc7314_2_expire_is_told_with_the_soa(golden):
    left = options_of(exchange(golden, header(ar=1) + question(APEX, 6) + opt(options=option(9))))[9]
    assert 0 < struct.unpack("!I", left)[0] <= 1209600
    for name, rdtype in ((WWW, 1), (WWW, 6), (b"\3foo\0", 6)):
        assert 9 not in options_of(exchange(golden, header(ar=1) + question(name, rdtype) + opt(options=option(9))))


def test_rfc8914_2_errors_say_why(golden):
    def ede(name):
        return struct.unpack("!H", options_of(exchange(golden, header(ar=1) + question(wire_of(labels_of(name))) + opt()))[15][:2])[0]

    assert ede("x.notready.example") == 14  # Not Ready
    assert ede("www.elsewhere.invalid") == 20  # Not Authoritative


def test_rfc7873_5_2_cookies_are_made_renewed_and_known(golden):
    first = options_of(exchange(golden, header(ar=1) + question() + opt(options=option(10, b"12345678"))))[10]
    assert first[:8] == b"12345678" and len(first) == 24 and first[8:12] == b"\1\0\0\0"  # RFC 9018 section 4.1, 4.2
    again = options_of(exchange(golden, header(ar=1) + question() + opt(options=option(10, first))))[10]
    assert again[:12] == first[:12] and len(again) == 24
    known = exchange(golden, header(qd=0, ar=1) + opt(options=option(10, first)))
    assert known.rcode == 0
    bad = first[:-1] + bytes([first[-1] ^ 1])
    assert exchange(golden, header(qd=0, ar=1) + opt(options=option(10, bad))).rcode == 23
    assert exchange(golden, header(ar=1) + question() + opt(options=option(10, bad))).rcode == 0
