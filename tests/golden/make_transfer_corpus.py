#!/usr/bin/env python3
"""Makes the corpora tests/fuzz/corpus/xfr_in and tests/fuzz/corpus/tsig: transfers of example.gov by dnspython, good
ones and one of each bad kind; signed messages come from tests/golden/tsig.txt."""
import pathlib
import struct

import dns.flags
import dns.message
import dns.rrset

HERE = pathlib.Path(__file__).resolve().parent
XFR = HERE.parent / "fuzz/corpus/xfr_in"
TSIG = HERE.parent / "fuzz/corpus/tsig"
SOA = "example.gov. 3600 IN SOA ns.example.gov. host.example.gov. 7 3600 600 604800 60"
BODY = ["example.gov. 60 IN NS ns.example.gov.", "example.gov. 60 IN MX 10 mail.example.gov.",
        "ns.example.gov. 60 IN A 192.0.2.1", "www.example.gov. 60 IN CNAME ns.example.gov.",
        "txt.example.gov. 60 IN TXT \"a\" \"b\"", "_s._tcp.example.gov. 60 IN SRV 1 2 53 ns.example.gov.",
        "h.example.gov. 60 IN HTTPS 1 . alpn=h2 ipv4hint=192.0.2.9", "v6.example.gov. 60 IN AAAA 2001:db8::1",
        "caa.example.gov. 60 IN CAA 0 issue \"ca.example\"", "r.example.gov. 60 IN TYPE65000 \\# 3 010203"]


def message(lines, qtype="AXFR", question=True):
    query = dns.message.make_query("example.gov.", qtype, id=0x4242)
    reply = dns.message.make_response(query)
    reply.flags = dns.flags.QR | dns.flags.AA
    if not question:
        reply.question = []
    for line in lines:
        owner, ttl, klass, rdtype, rdata = line.split(" ", 4)
        reply.answer.append(dns.rrset.from_text(owner, int(ttl), klass, rdtype, rdata))
    return reply.to_wire()


def save(name, *messages, ixfr=False):
    octets = bytes([ixfr]) + b"".join(struct.pack("!H", len(m)) + m for m in messages)
    (XFR / name).write_bytes(octets)


def main():
    for folder in (XFR, TSIG):
        folder.mkdir(parents=True, exist_ok=True)
    save("whole", message([SOA] + BODY + [SOA]))
    save("pieces", message([SOA] + BODY[:3]), message(BODY[3:6]), message(BODY[6:] + [SOA], question=False))
    save("ixfr_up_to_date", message([SOA], "IXFR"), ixfr=True)
    save("ixfr_whole", message([SOA] + BODY + [SOA], "IXFR"), ixfr=True)
    soa = {serial: SOA.replace(" 7 ", f" {serial} ") for serial in (6, 7, 8, 9)}
    steps = [soa[9], soa[7], BODY[0], BODY[4], soa[8], BODY[1], soa[8], BODY[1], soa[9], BODY[6], soa[9]]
    save("ixfr_delta", message([soa[8], soa[7], BODY[0], soa[8], BODY[1], soa[8]], "IXFR"), ixfr=True)
    save("ixfr_steps", message(steps, "IXFR"), ixfr=True)
    save("ixfr_pieces", *(message(steps[i : i + 2], "IXFR", i == 0) for i in range(0, len(steps), 2)), ixfr=True)
    save("ixfr_wrong_start", message([soa[8], soa[6], BODY[0], soa[8], BODY[1], soa[8]], "IXFR"), ixfr=True)
    save("ixfr_gap", message([soa[9], soa[7], soa[8], BODY[1], soa[9], soa[9]], "IXFR"), ixfr=True)
    save("soa_only", message([SOA]))
    save("empty_zone", message([SOA, SOA]))
    save("soa_in_the_middle", message([SOA, BODY[0], SOA, BODY[1], SOA]))
    save("last_soa_differs", message([SOA] + BODY + [SOA.replace(" 7 ", " 8 ")]))
    save("outside", message([SOA, "www.example.com. 60 IN A 192.0.2.1", SOA]))
    save("class_chaos", message([SOA, "www.example.gov. 60 CH TXT x", SOA]))
    whole = message([SOA] + BODY + [SOA])
    save("cut", whole[:len(whole) // 2])
    loop = bytearray(message([SOA]))
    position = len(loop)
    loop += struct.pack("!H", 0xC000 | position) + bytes.fromhex("000100010000003c0004c0000201")
    loop[7] = 2
    save("loop", bytes(loop))
    for line in (HERE / "tsig.txt").read_text().splitlines():
        label, octets = line.split()
        if label.startswith(("hmac-sha256", "sparse", "hmac-sha1.")):
            (TSIG / label).write_bytes(bytes.fromhex(octets))


main()
