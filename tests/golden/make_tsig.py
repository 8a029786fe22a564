#!/usr/bin/env python3
"""Makes tests/golden/tsig.txt: messages signed by dnspython at fixed times, for test_tsig.c.

Lines: a label and the octets in hexadecimal. For each algorithm a query (signed and not), an answer of three
messages; for hmac-sha256 an answer in which only the first and the last of five messages are signed."""
import io

import dns.message
import dns.rdtypes.ANY.TSIG
import dns.rrset
import dns.tsig

NOW = 1795263187
SECRET = bytes(range(1, 33))
ALGORITHMS = ["hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"]


def signed(key, request_mac, context, wire):
    """dnspython signs in to_wire, by the clock of the host; here by hand, so that the clock stands."""
    tsig = dns.rdtypes.ANY.TSIG.TSIG(dns.rdataclass.ANY, dns.rdatatype.TSIG, key.algorithm, NOW, 300, b"",
                                     int.from_bytes(wire[:2], "big"), 0, b"")
    tsig, context = dns.tsig.sign(wire, key, tsig, NOW, request_mac, context, True)
    out = io.BytesIO()
    dns.rrset.from_rdata(key.name, 0, tsig).to_wire(out)
    body = bytearray(wire) + out.getvalue()
    body[10:12] = (int.from_bytes(body[10:12], "big") + 1).to_bytes(2, "big")
    return bytes(body), tsig.mac, context


def show(label, octets):
    print(label, octets.hex())


def question(ident):
    query = dns.message.make_query("example.gov.", "AXFR", id=ident)
    query.flags = 0
    return query


def answer(ident, number):
    reply = dns.message.make_response(question(ident))
    reply.answer.append(dns.rrset.from_text(f"n{number}.example.gov.", 60, "IN", "A", f"192.0.2.{number}"))
    return reply.to_wire()


for algorithm in ALGORITHMS:
    key = dns.tsig.Key("xfr.example.", SECRET, algorithm)
    plain = question(0x1234).to_wire()
    show(f"{algorithm}.query", plain)
    wire, mac, _ = signed(key, b"", None, plain)
    show(f"{algorithm}.query.signed", wire)
    context = None
    for number in (1, 2, 3):
        plain = answer(0x1234, number)
        show(f"{algorithm}.answer{number}", plain)
        wire, _, context = signed(key, mac if number == 1 else b"", context, plain)
        show(f"{algorithm}.answer{number}.signed", wire)
    if algorithm == "hmac-sha256":
        context = None
        for number in range(1, 6):
            plain = answer(0x1234, number)
            if number in (1, 5):
                plain, _, context = signed(key, mac if number == 1 else b"", context, plain)
            else:
                context.update(plain)
            show(f"sparse.{number}", plain)
