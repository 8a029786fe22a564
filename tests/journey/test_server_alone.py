"""tandem-server as a process: UDP and TCP on sockets, transfers, NOTIFY, limits, a new version under load. The zones
come from dnssec-signzone; answers are validated by delv (BIND's validator) and dnspython."""

import os
import pathlib
import re
import socket
import struct
import subprocess
import time

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.opcode
import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.xfr
import dns.zone
import pytest

import serving
import tandem


@pytest.fixture(scope="module")
def server():
    with serving.Serving(not_ready=["notready.example"], server={"nsid": "ns1", "version": "one"}) as running:
        yield running
        running.stop()
        assert "server ended 0" in running.out(), running.log()


def anchors(path, *zones):
    """A trust anchor file for delv from the DNSKEYs with SEP of the golden zones."""
    lines = []
    for name in zones:
        zone = dns.zone.from_file(str(serving.GOLDEN_ZONES[name]), name)
        for key in zone.find_rdataset("@", "DNSKEY"):
            if key.flags & 1:
                text = key.to_text().split(maxsplit=3)
                lines.append(f'{name}. static-key {text[0]} {text[1]} {text[2]} "{text[3].replace(" ", "")}";')
    path.write_text("trust-anchors {\n" + "\n".join(lines) + "\n};\n")
    return path


# What delv must say of each question; wildcards, chains, denials, the DS at a cut.
VALIDATED = [
    ("www.tandem.example", "A", "; fully validated"),
    ("tandem.example", "SOA", "; fully validated"),
    ("tandem.example", "DNSKEY", "; fully validated"),
    ("alias2.tandem.example", "A", "; fully validated"),
    ("a.b.wild.tandem.example", "A", "; fully validated"),
    ("x.wildc.tandem.example", "AAAA", "; fully validated"),
    ("alias3.tandem.example", "A", "; fully validated"),
    ("www.dname.tandem.example", "A", "; fully validated"),
    ("held.tandem.example", "DS", "; fully validated"),
    ("www.held.tandem.example", "A", "; fully validated"),
    ("www.dother.tandem.example", "A", "; fully validated"),
    ("nothere.tandem.example", "A", "; negative response, fully validated"),
    ("a.b.nothere.tandem.example", "A", "; negative response, fully validated"),
    ("nothere.www.tandem.example", "A", "; negative response, fully validated"),
    ("www.tandem.example", "MX", "; negative response, fully validated"),
    ("ent.empty.tandem.example", "A", "; negative response, fully validated"),
    ("x.wild2.tandem.example", "A", "; negative response, fully validated"),
    ("x.wild.tandem.example", "AAAA", "; negative response, fully validated"),
    ("x.entwild.tandem.example", "A", "; negative response, fully validated"),
    ("x.sub.wild2.tandem.example", "MX", "; negative response, fully validated"),
    ("child.tandem.example", "DS", "; negative response, fully validated"),
    ("dname.tandem.example", "MX", "; negative response, fully validated"),
]


@pytest.mark.parametrize("name, rdtype, verdict", VALIDATED)
def test_delv_validates(server, tmp_path, name, rdtype, verdict):
    file = anchors(tmp_path / "anchors", "tandem.example", "other.example")
    done = subprocess.run(
        ["delv", f"@{tandem.HOST}", "-p", str(server.port), "-a", str(file), "+root=tandem.example", name, rdtype],
        capture_output=True, text=True, timeout=20,
    )
    assert verdict in done.stdout, done.stdout + done.stderr


def test_udp_and_tcp_give_the_same_answer(server):
    for name, rdtype in [("www", "A"), ("nothere", "A"), ("www.child", "A"), ("mxmany", "MX")]:
        both = [server.ask(name + ".tandem.example", rdtype, tcp=tcp, dnssec=True) for tcp in (False, True)]
        both[0].id = both[1].id
        assert both[0] == both[1]


def test_truncated_over_udp_whole_over_tcp(server):
    assert server.ask("big.tandem.example", "TXT").flags & dns.flags.TC
    assert len(tandem.answers(server.ask("big.tandem.example", "TXT", tcp=True))) == 7


def test_expired_or_missing_zones_are_servfail_and_others_refused(server):
    assert server.ask("www.notready.example", "A").rcode() == dns.rcode.SERVFAIL
    assert server.ask("www.elsewhere.test", "A").rcode() == dns.rcode.REFUSED


def exchange(server, octets, answers=1, half_close=False):
    """Octets over one TCP connection; the messages that came back."""
    messages = []
    with socket.create_connection((tandem.HOST, server.port), timeout=10) as connection:
        connection.sendall(octets)
        if half_close:
            connection.shutdown(socket.SHUT_WR)
        stream = connection.makefile("rb")
        while len(messages) < answers:
            head = stream.read(2)
            if len(head) < 2:
                break
            messages.append(dns.message.from_wire(stream.read(struct.unpack("!H", head)[0])))
    return messages


def framed(message):
    wire = message if isinstance(message, bytes) else message.to_wire()
    return struct.pack("!H", len(wire)) + wire


def test_rfc7766_pipelined_queries_are_all_answered(server):
    queries = [dns.message.make_query("www.tandem.example", "A") for _ in range(200)]
    answers = exchange(server, b"".join(map(framed, queries)), answers=200)
    assert sorted(a.id for a in answers) == sorted(q.id for q in queries)


def test_a_client_that_closes_its_side_still_gets_its_answers(server):
    queries = [dns.message.make_query("www.tandem.example", "A") for _ in range(5)]
    assert len(exchange(server, b"".join(map(framed, queries)), answers=5, half_close=True)) == 5


def test_query_in_single_octets_is_answered(server):
    octets = framed(dns.message.make_query("www.tandem.example", "A"))
    with socket.create_connection((tandem.HOST, server.port), timeout=10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for octet in octets:
            connection.sendall(bytes([octet]))
        assert len(connection.recv(2)) > 0


def test_malformed_packets_get_formerr_notimp_or_silence_and_the_server_lives(server):
    good = dns.message.make_query("www.tandem.example", "A", want_dnssec=True).to_wire()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(0.2)
        for length in range(len(good)):
            client.sendto(good[:length], (tandem.HOST, server.port))
        for index in range(len(good) * 8):
            mutant = bytearray(good)
            mutant[index // 8] ^= 1 << index % 8
            client.sendto(bytes(mutant), (tandem.HOST, server.port))
        client.sendto(os.urandom(4000), (tandem.HOST, server.port))
        client.sendto(bytes(9000), (tandem.HOST, server.port))
        while True:
            try:
                answer, _ = client.recvfrom(65535)
            except socket.timeout:
                break
            assert answer[2] & 0x80
    assert len(tandem.answers(server.ask("www.tandem.example", "A"))) == 2


def test_short_message_over_tcp_closes_the_connection(server):
    assert exchange(server, framed(b"12345")) == []


@pytest.mark.parametrize("tcp", [False, True])
def test_nsid_cookie_and_chaos(server, tcp):
    query = dns.message.make_query("www.tandem.example", "A", use_edns=0, options=[
        dns.edns.GenericOption(dns.edns.NSID, b""), dns.edns.GenericOption(dns.edns.COOKIE, b"12345678")])
    send = dns.query.tcp if tcp else dns.query.udp
    answer = send(query, tandem.HOST, port=server.port, timeout=5)
    options = {option.otype: option.data for option in answer.options}
    assert options[dns.edns.NSID] == b"ns1"
    assert options[dns.edns.COOKIE][:8] == b"12345678" and len(options[dns.edns.COOKIE]) == 24
    chaos = dns.message.make_query("version.bind", "TXT", "CH")
    assert tandem.answers(send(chaos, tandem.HOST, port=server.port, timeout=5)) == ['"one"']


def test_axfr_with_the_key_gives_the_zone_and_without_it_nothing(server):
    zone = tandem.axfr(server.port, "tandem.example", key=server.key)
    golden = dns.zone.from_file(str(serving.GOLDEN_ZONES["tandem.example"]), "tandem.example")
    assert zone == golden
    with pytest.raises(dns.xfr.TransferError) as refused:
        tandem.axfr(server.port, "tandem.example")
    assert refused.value.rcode == dns.rcode.REFUSED
    with pytest.raises((dns.tsig.PeerBadKey, dns.xfr.TransferError)):
        tandem.axfr(server.port, "tandem.example", key=tandem.Key("other.", secret=server.key.secret))


def test_axfr_passes_dnssec_verify(server, tmp_path):
    text = subprocess.run(["dig", f"@{tandem.HOST}", "-p", str(server.port), "-y", server.key.dig(), "+onesoa",
                           "+nocomments", "+nocmd", "+noquestion", "+nostats", "held.tandem.example", "AXFR"],
                          capture_output=True, text=True, timeout=20, check=True).stdout
    text = "\n".join(line for line in text.splitlines() if "TSIG" not in line and not line.startswith(";"))
    file = tmp_path / "zone"
    file.write_text(text + "\n")
    done = subprocess.run(["dnssec-verify", "-o", "held.tandem.example", str(file)], capture_output=True, text=True,
                          timeout=20)
    assert done.returncode == 0, done.stderr


def ixfr(server, serial, tcp):
    query = dns.message.make_query("tandem.example", "IXFR")
    query.authority = [dns.rrset.from_text("tandem.example.", 0, "IN", "SOA", f". . {serial} 0 0 0 0")]
    query.use_tsig(server.key.dnspython())
    send = dns.query.tcp if tcp else dns.query.udp
    return send(query, tandem.HOST, port=server.port, timeout=5)


def test_rfc1995_ixfr_over_udp_is_the_soa_alone(server):
    for serial in (1, 2026112101):
        answer = ixfr(server, serial, tcp=False)
        assert [rrset.rdtype for rrset in answer.answer] == [dns.rdatatype.SOA]
        assert answer.had_tsig


def test_rfc1995_ixfr_of_the_current_serial_is_the_soa_alone(server):
    answer = ixfr(server, 2026112101, tcp=True)
    assert [len(rrset) for rrset in answer.answer] == [1]


HINT_INTERVAL_SECONDS = 0.5  # secondary/server/hints.h


def notify(server, zone, serial=None, source=None):
    message = dns.message.make_query(zone, "SOA")
    message.set_opcode(dns.opcode.NOTIFY)
    message.flags |= dns.flags.AA
    if serial is not None:
        message.answer = [dns.rrset.from_text(zone, 0, "IN", "SOA", f". . {serial} 0 0 0 0")]
    return dns.query.udp(message, tandem.HOST, port=server.port, timeout=5, source=source)


def test_rfc1996_notify_from_an_allowed_source_becomes_one_hint(server):
    begin = time.monotonic()
    for _ in range(50):
        answer = notify(server, "other.example.", 77)
        assert answer.rcode() == dns.rcode.NOERROR and answer.flags & dns.flags.AA
    seconds = time.monotonic() - begin
    tandem.wait_for(lambda: "hint 2 127.0.0.1" in server.out(), "the hint")
    time.sleep(1.2)  # two intervals: what was to be told is told
    hints = [line for line in server.out().splitlines() if line.startswith("hint 2 ")]
    # One at once, one in each interval since, and one for what came after the last.
    assert 1 <= len(hints) <= 2 + seconds / HINT_INTERVAL_SECONDS and hints[-1].endswith(" 77"), (seconds, hints)


def test_notify_from_strangers_and_for_other_zones_is_refused(server):
    before = server.out().count("hint 0")
    assert notify(server, "tandem.example.", source="127.0.0.77").rcode() == dns.rcode.REFUSED
    assert notify(server, "elsewhere.test.").rcode() == dns.rcode.REFUSED
    assert server.out().count("hint 0") == before


ZONE = """$TTL 60
@ IN SOA ns hostmaster {serial} 60 60 60000 60
@ IN NS ns
ns IN A 192.0.2.53
www IN A 192.0.2.{serial}
"""


def test_a_new_version_is_swapped_in_and_a_client_sees_the_old_or_the_new_one(tmp_path):
    file = tmp_path / "zone"
    file.write_text(ZONE.format(serial=1))
    with serving.Serving({"small.example": file}) as server:
        for serial in range(2, 12):
            file.write_text(ZONE.format(serial=serial))
            server.freeze("small.example", file)
            server.reload_versions()
            seen = set()

            def swapped():
                seen.update(tandem.answers(server.ask("www.small.example", "A")))
                return f"192.0.2.{serial}" in seen

            tandem.wait_for(swapped, "the new version")
            assert seen <= {f"192.0.2.{serial - 1}", f"192.0.2.{serial}"}
        server.stop()
        assert "server ended 0" in server.out()


def test_a_transfer_goes_on_with_its_version_while_a_new_one_is_published(tmp_path):
    lines = "".join(f"h{i} IN TXT {'x' * 200}\n" for i in range(30000))
    file = tmp_path / "zone"
    file.write_text(ZONE.format(serial=1) + lines)
    with serving.Serving({"big.example": file}) as server:
        query = dns.message.make_query("big.example", "AXFR")
        query.use_tsig(server.key.dnspython())
        with socket.create_connection((tandem.HOST, server.port), timeout=20) as connection:
            connection.sendall(framed(query))
            stream = connection.makefile("rb")
            head = stream.read(2)
            first = stream.read(struct.unpack("!H", head)[0])
            file.write_text(ZONE.format(serial=2))
            server.freeze("big.example", file)
            server.reload_versions()
            tandem.wait_for(lambda: tandem.answers(server.ask("www.big.example", "A")) == ["192.0.2.2"], "version 2")
            # Others are answered while the transfer waits for its client.
            records = struct.unpack("!H", first[6:8])[0]
            while records < 30000 + 5:
                head = stream.read(2)
                message = stream.read(struct.unpack("!H", head)[0])
                records += struct.unpack("!H", message[6:8])[0]
            assert records == 30000 + 4 + 1
        server.stop()
        assert "server ended 0" in server.out(), server.log()


def test_idle_connections_are_closed_and_their_limit_holds(tmp_path):
    file = tmp_path / "zone"
    file.write_text(ZONE.format(serial=1))
    with serving.Serving({"small.example": file}, server={"tcp-clients": 12, "tcp-idle": "1s"}) as server:
        idle = [socket.create_connection((tandem.HOST, server.port), timeout=10) for _ in range(12)]
        # The prefix's share is 8: the first eight stay, the others are closed at once.
        assert server.ask("www.small.example", "A").rcode() == dns.rcode.NOERROR
        closed = 0
        for connection in idle:
            connection.settimeout(10)
            closed += connection.recv(1) == b""
            connection.close()
        assert closed == 12
        assert server.ask("www.small.example", "A", tcp=True).rcode() == dns.rcode.NOERROR


def test_the_server_ends_when_its_parent_is_gone(tmp_path):
    file = tmp_path / "zone"
    file.write_text(ZONE.format(serial=1))
    with serving.Serving({"small.example": file}) as server:
        pid = server.server_pid()
        server.process.kill()

        def gone():
            stat = pathlib.Path(f"/proc/{pid}/stat")
            return not stat.exists() or stat.read_text().split(")")[1].split()[0] == "Z"

        tandem.wait_for(gone, "the server has ended")


def test_the_server_runs_under_seccomp_without_privileges_and_files(server):
    status = pathlib.Path(f"/proc/{server.server_pid()}/status").read_text()
    assert re.search(r"^Seccomp:\s+2$", status, re.M)
    assert re.search(r"^NoNewPrivs:\s+1$", status, re.M)
    assert re.search(r"^CapEff:\s+0+$", status, re.M)
