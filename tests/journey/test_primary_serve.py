"""tandem-primary answers and transfers to those whom an acl names, and to nobody else."""

import os
import random
import socket
import struct
import subprocess

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import dns.rrset
import dns.tsig
import dns.xfr
import dns.zone
import pytest

from tandem import HOST, Key, answers, axfr

ZONE = """$TTL 300
@ IN SOA ns1 hostmaster 2026112101 3600 900 1209600 300
@ NS ns1
@ MX 10 mail
ns1 A 192.0.2.1
mail A 192.0.2.25
www A 192.0.2.80
www AAAA 2001:db8::80
*.wild TXT "wild"
sub NS ns1.sub
ns1.sub A 192.0.2.2
txt TXT "one" "two"
"""


@pytest.fixture
def primary(work):
    work.write("example.gov.zone", ZONE)
    primary = work.primary([{"domain": "example.gov", "file": "example.gov.zone"}])
    return primary.start()


def test_a_peer_with_the_key_gets_answers_over_udp_and_tcp(work, primary):
    for tcp in (False, True):
        reply = primary.ask("www.example.gov", "A", key=work.key, tcp=tcp)
        assert reply.rcode() == dns.rcode.NOERROR and answers(reply) == ["192.0.2.80"]
        assert reply.had_tsig
    assert primary.ask("nope.example.gov", "A", key=work.key).rcode() == dns.rcode.NXDOMAIN
    assert answers(primary.ask("x.wild.example.gov", "TXT", key=work.key)) == ['"wild"']
    assert primary.ask("host.sub.example.gov", "A", key=work.key).authority


def test_whoever_no_acl_names_is_refused(work, primary):
    assert primary.ask("www.example.gov", "A").rcode() == dns.rcode.REFUSED
    assert primary.ask("example.gov", "SOA").rcode() == dns.rcode.REFUSED
    assert primary.ask("example.org", "SOA", key=work.key).rcode() == dns.rcode.REFUSED
    with pytest.raises(dns.xfr.TransferError):
        axfr(primary.port, "example.gov")
    with pytest.raises(dns.xfr.TransferError):
        axfr(primary.port, "example.org", key=work.key)
    primary.wait_log("request refused")


def test_the_transfer_is_the_zone(work, primary):
    zone = axfr(primary.port, "example.gov", key=work.key)
    expected = dns.zone.from_text(ZONE, "example.gov", relativize=True)
    assert zone == expected
    assert primary.metric(
        "tandem_zone_transfers_total", zone="example.gov", direction="out", kind="axfr", result="ok"
    ) == 1


@pytest.mark.parametrize("tool", ["dig", "kdig"])
def test_common_tools_take_the_signed_transfer(work, primary, tool):
    port = ["-p", str(primary.port)]
    got = subprocess.run(
        [tool, *port, "-y", work.key.dig(), f"@{HOST}", "example.gov", "AXFR"],
        capture_output=True,
        text=True,
        timeout=20,
    )
    records = [line for line in got.stdout.splitlines() if line and not line.startswith(";")]
    records = [line for line in records if "TSIG" not in line]
    assert len(records) == 12, got.stdout + got.stderr
    assert "WARNING" not in got.stdout + got.stderr


@pytest.mark.parametrize(
    "algorithm", ["hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"]
)
def test_every_tsig_algorithm_signs_transfers(work, algorithm):
    work.key = Key("other.", algorithm)
    work.write("z", ZONE)
    primary = work.primary([{"domain": "example.gov", "file": "z"}]).start()
    assert len(axfr(primary.port, "example.gov", key=work.key).nodes) == 8


def test_tsig_errors_are_those_of_rfc_8945(work, primary):
    wrong = Key(work.key.name)
    unknown = Key("unknown.")
    with pytest.raises(dns.tsig.PeerBadSignature):
        primary.ask("www.example.gov", "A", key=wrong)
    with pytest.raises(dns.tsig.PeerBadKey):
        primary.ask("www.example.gov", "A", key=unknown)
    for key in (wrong, unknown):
        with pytest.raises(dns.exception.DNSException):
            axfr(primary.port, "example.gov", key=key)


def ixfr_query(work, serial):
    query = dns.message.make_query("example.gov", "IXFR")
    soa = f"ns1. hostmaster. {serial} 0 0 0 0"
    query.authority.append(dns.rrset.from_text("example.gov.", 0, "IN", "SOA", soa))
    query.use_tsig(work.key.dnspython())
    return query


def test_ixfr_gives_the_soa_to_who_is_up_to_date_and_else_the_zone(work, primary):
    serial = primary.serial("example.gov")
    reply = dns.query.tcp(ixfr_query(work, serial), HOST, port=primary.port, timeout=5)
    assert len(reply.answer) == 1 and reply.answer[0][0].serial == serial
    reply = dns.query.tcp(ixfr_query(work, serial - 1), HOST, port=primary.port, timeout=5)
    assert sum(len(rrset) for rrset in reply.answer) == 11  # the second SOA is one to dnspython
    reply = dns.query.udp(ixfr_query(work, serial - 1), HOST, port=primary.port, timeout=5)
    assert len(reply.answer) == 1 and reply.answer[0][0].serial == serial


def test_transfer_over_udp_is_a_format_error(work, primary):
    query = dns.message.make_query("example.gov", "AXFR")
    query.use_tsig(work.key.dnspython())
    reply = dns.query.udp(query, HOST, port=primary.port, timeout=5)
    assert reply.rcode() == dns.rcode.FORMERR


def test_transfer_permission_alone_lets_ask_for_the_soa(work):
    work.write("z", ZONE)
    acl = [{"id": "peers", "key": [work.key.name], "action": ["transfer"]}]
    primary = work.primary([{"domain": "example.gov", "file": "z"}], acl=acl).start()
    assert primary.ask("example.gov", "SOA", key=work.key).rcode() == dns.rcode.NOERROR
    assert primary.ask("www.example.gov", "A", key=work.key).rcode() == dns.rcode.REFUSED


def big_zone(count, address="192.0.2.1"):
    lines = ["$TTL 300", "@ SOA ns1 h 1 2 3 4 5", "@ NS ns1", "ns1 A 192.0.2.1"]
    lines += [f'host{i} TXT "{address} {"x" * 200}"' for i in range(count)]
    return "\n".join(lines) + "\n"


def test_a_large_transfer_keeps_its_version_while_a_newer_one_is_published(work):
    count = 20000
    work.write("big", big_zone(count, "old"))
    primary = work.primary([{"domain": "example.gov", "file": "big"}]).start()
    query = dns.message.make_query("example.gov", "AXFR")
    query.use_tsig(work.key.dnspython())
    with socket.create_connection((HOST, primary.port), timeout=20) as connection:
        wire = query.to_wire()
        connection.sendall(struct.pack("!H", len(wire)) + wire)
        stream = connection.makefile("rb")
        first = stream.read(2)  # the transfer has begun, and most of it waits for us
        work.write("big", big_zone(count, "new"))
        primary.control("reload")
        assert primary.serial("example.gov") == 2
        # Others are answered while the transfer stands.
        assert primary.ask("example.gov", "SOA", key=work.key).answer[0][0].serial == 2
        texts, soas, head, context = 0, [], first, None
        while len(soas) < 2:
            message = dns.message.from_wire(
                stream.read(struct.unpack("!H", head)[0]),
                one_rr_per_rrset=True,
                keyring={dns.name.from_text(work.key.name): work.key.dnspython()},
                request_mac=query.mac,
                xfr=True,
                multi=True,
                tsig_ctx=context,
            )
            context = message.tsig_ctx
            assert message.had_tsig
            for rrset in message.answer:
                if rrset.rdtype == dns.rdatatype.SOA:
                    soas.append(rrset[0].serial)
                elif rrset.rdtype == dns.rdatatype.TXT:
                    texts += 1
                    assert rrset[0].strings[0].startswith(b"old")
            if len(soas) < 2:
                head = stream.read(2)
    assert soas == [1, 1] and texts == count
    assert len(axfr(primary.port, "example.gov", key=work.key).nodes) == count + 2


def test_idle_connections_give_way_to_new_ones(work, primary):
    connections = [socket.create_connection((HOST, primary.port), timeout=5) for _ in range(600)]
    assert primary.ask("example.gov", "SOA", key=work.key).rcode() == dns.rcode.NOERROR
    assert primary.ask("example.gov", "SOA", key=work.key, tcp=True).rcode() == dns.rcode.NOERROR
    for connection in connections:
        connection.close()


def test_garbage_is_answered_or_dropped_and_never_ends_the_daemon(work, primary):
    chance = random.Random(8945)
    query = dns.message.make_query("www.example.gov", "A")
    query.use_tsig(work.key.dnspython())
    wire = query.to_wire()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        for _ in range(500):
            octets = bytearray(wire)
            for _ in range(chance.randrange(1, 8)):
                octets[chance.randrange(len(octets))] = chance.randrange(256)
            udp.sendto(bytes(octets[: chance.randrange(1, len(octets) + 1)]), (HOST, primary.port))
    with socket.create_connection((HOST, primary.port), timeout=5) as tcp:
        tcp.sendall(os.urandom(4096))
    assert primary.ask("www.example.gov", "A", key=work.key).rcode() == dns.rcode.NOERROR
