"""Questions and answers as octets and facts, many at once: a reader of responses that is quick enough for hundreds of
thousands of them, and TCP pipelines to ask through. Names are tuples of labels as they stand in RFC 4034's canonical form
(lower case, leaf first, without the root): ordered by order(). Types are numbers."""

import socket
import struct

import dns.name
import dns.rdatatype

HOST = "127.0.0.1"
A, NS, CNAME, SOA, MX, TXT, DNAME, OPT, DS, RRSIG, NSEC, DNSKEY, NSEC3, NSEC3PARAM, ANY = (
    int(dns.rdatatype.from_text(text)) for text in (
        "A", "NS", "CNAME", "SOA", "MX", "TXT", "DNAME", "OPT", "DS", "RRSIG", "NSEC", "DNSKEY", "NSEC3", "NSEC3PARAM", "ANY"))
NOERROR, SERVFAIL, NXDOMAIN, REFUSED, YXDOMAIN = 0, 2, 3, 5, 6

# Where names stand in the RDATA of types whose names are lower case in canonical form (RFC 4034 section 6.2): the octets
# before the first, and how many there are. RRSIG is one of them, NSEC and SVCB are not (RFC 6840 section 5.1).
NAMES_AT = {NS: (0, 1), CNAME: (0, 1), SOA: (0, 2), 12: (0, 1), MX: (2, 1), 17: (0, 2), 18: (2, 1), 33: (6, 1), 36: (2, 1),
            DNAME: (0, 1), RRSIG: (18, 1)}
PIPELINE = 100  # questions under way on a connection: nsd waits 40 ms behind each answer that ends a batch
PER_CONNECTION = 2000


def labels_of(text):
    return tuple(label.lower() for label in dns.name.from_text(text).labels[:-1])


def text_of(labels):
    return dns.name.Name(labels + (b"",)).to_text()


def type_text(number):
    return dns.rdatatype.to_text(number)


def wire_of(labels):
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def wire_size(labels):
    return sum(len(label) + 1 for label in labels) + 1


def order(labels):
    """The key of canonical order (RFC 4034 section 6.1)."""
    return labels[::-1]


def is_below(name, above):
    """At or below."""
    return len(name) >= len(above) and name[len(name) - len(above):] == above


def read_name(wire, at):
    """The labels in lower case and the offset behind the name; a pointer must point backwards."""
    labels, end, limit = [], None, at
    while True:
        length = wire[at]
        if length >= 0xC0:
            target = (length & 0x3F) << 8 | wire[at + 1]
            end = end or at + 2
            assert target < limit, "a compression pointer that does not point backwards"
            at = limit = target
        elif length == 0:
            return tuple(labels), end or at + 1
        else:
            assert length < 64, "a label of a kind that does not exist"
            labels.append(wire[at + 1:at + 1 + length].lower())
            at += 1 + length


def canonical_rdata(wire, at, length, rdtype):
    if rdtype not in NAMES_AT:
        return wire[at:at + length]
    fixed, count = NAMES_AT[rdtype]
    result, end = wire[at:at + fixed], at + length
    at += fixed
    for _ in range(count):
        labels, at = read_name(wire, at)
        result += wire_of(labels)
    assert at <= end
    return result + wire[at:end]


class Answer:
    """A response: rcode, aa, tc, and each section as a set of (name, type, ttl, rdata in canonical form)."""

    def __init__(self, wire):
        self.wire = wire
        self.id, flags, qdcount, *counts = struct.unpack_from("!6H", wire)
        self.rcode, self.aa, self.tc = flags & 15, bool(flags & 0x400), bool(flags & 0x200)
        self.flags, self.opt, at = flags, None, 12
        for _ in range(qdcount):
            _, at = read_name(wire, at)
            at += 4
        self.question = wire[12:at]
        self.twice = False
        self.ordered = {}  # section: [(name, type)] as they stand there
        self.answer, self.authority, self.additional = (None,) * 3
        for section, count in zip(("answer", "authority", "additional"), counts):
            records, at = self.section(at, count)
            setattr(self, section, frozenset(records))
            self.ordered[section] = [record[:2] for record in records]
            self.twice |= len(records) != len(set(records))
        assert at == len(wire), "octets behind the last record"

    def section(self, at, count):
        records, wire = [], self.wire
        for _ in range(count):
            name, at = read_name(wire, at)
            rdtype, rdclass, ttl, length = struct.unpack_from("!HHIH", wire, at)
            at += 10
            if rdtype == OPT:
                self.opt = (name, rdclass, ttl, wire[at:at + length])
                self.rcode |= ttl >> 24 << 4
            else:
                records.append((name, rdtype, ttl, canonical_rdata(wire, at, length, rdtype)))
            at += length
        return records, at

    def key(self):
        return self.rcode, self.aa, self.tc, self.answer, self.authority

    def __str__(self):
        def show(section):
            return "  ".join(sorted(
                f"{text_of(name)} {ttl} {type_text(rdtype)}" + (f"({type_text(struct.unpack('!H', rdata[:2])[0])})"
                                                                if rdtype == RRSIG else "")
                for name, rdtype, ttl, rdata in section))

        return (f"rcode {self.rcode}{' aa' if self.aa else ''}{' tc' if self.tc else ''}\n      answer    {show(self.answer)}"
                f"\n      authority {show(self.authority)}\n      additional {show(self.additional)}")


def query_wire(number, name, rdtype, dnssec, size=1232, flags=0):
    """name: labels, in the letter case to send."""
    opt = struct.pack("!BHHIH", 0, OPT, size, 0x8000 if dnssec else 0, 0)
    return struct.pack("!6H", number, flags, 1, 0, 0, 1) + wire_of(name) + struct.pack("!2H", rdtype, 1) + opt


def ask_all(port, questions, pipeline=PIPELINE):
    """The answers to (labels, type, dnssec), in order, over TCP in pipelines: nothing is truncated or lost."""
    result = [None] * len(questions)
    for begin in range(0, len(questions), PER_CONNECTION):
        end = min(begin + PER_CONNECTION, len(questions))
        with socket.create_connection((HOST, port), timeout=30) as connection:
            stream = connection.makefile("rb")
            for first in range(begin, end, pipeline):
                last = min(first + pipeline, end)
                wires = [query_wire(number - begin, *questions[number]) for number in range(first, last)]
                connection.sendall(b"".join(struct.pack("!H", len(wire)) + wire for wire in wires))
                for _ in wires:
                    answer = Answer(stream.read(struct.unpack("!H", stream.read(2))[0]))
                    assert result[begin + answer.id] is None
                    result[begin + answer.id] = answer
    return result
