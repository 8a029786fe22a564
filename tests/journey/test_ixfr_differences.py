"""Differences out of both daemons (RFC 1995): over TCP and in a datagram, condensed, over restarts and reloads, to their own
kind, to strangers not at all."""

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.xfr
import pytest

from tandem import HOST, answers, axfr, wait_for

ZONE = "example.gov"
NAMES = 30


def text(serial, **addresses):
    hosts = {f"n{number}": f"192.0.2.{number + 1}" for number in range(NAMES)}
    hosts.update(addresses)
    lines = [f"$ORIGIN {ZONE}.\n$TTL 300\n@ IN SOA ns1 hostmaster {serial} 3600 900 1209600 300\n@ NS ns1\nns1 A 192.0.2.53"]
    lines += [f"{name} A {address}" for name, address in hosts.items() if address]
    return "\n".join(lines) + "\n"


class Unsigned:
    """tandem-primary, and how its zone moves on."""

    is_small = True

    def __init__(self, work):
        self.work, self.key, self.number = work, work.key, 1
        work.write("zone", text(1))
        self.daemon = work.primary([{"domain": ZONE, "file": "zone"}]).start()

    def serial(self):
        return self.daemon.zone(ZONE)["serial"]["unsigned"]

    def change(self, **addresses):
        self.number += 1
        self.work.write("zone", text(self.number, **addresses))
        self.daemon.control("reload")
        wait_for(lambda: self.serial() == self.number, "the change", about=self.daemon.log)

    def restart(self):
        assert self.daemon.stop() == 0
        self.daemon.start()


class Signed:
    """tandem-secondary behind it."""

    is_small = False

    def __init__(self, work, **zone):
        self.upstream, self.key = Unsigned(work), work.key
        self.daemon = work.secondary(
            [{"domain": ZONE, "acl": ["out"], "refresh": "1h", **zone}], self.upstream.daemon.port,
            acl=[{"id": "out", "key": work.key.name, "action": ["transfer"]}],
        ).start()
        wait_for(lambda: self.daemon.ask(ZONE, "SOA").rcode() == 0, "the zone signed", about=self.daemon.log)

    def serial(self):
        return self.daemon.zone(ZONE)["serial"]["signed"]

    def change(self, **addresses):
        before = self.serial()
        self.upstream.change(**addresses)
        self.daemon.control("zone", "refresh", ZONE, wait=True)
        wait_for(lambda: self.serial() != before, "the change", about=self.daemon.log)

    def restart(self):
        assert self.daemon.stop() == 0
        self.daemon.start()
        wait_for(lambda: self.daemon.ask(ZONE, "SOA").rcode() == 0, "served again", about=self.daemon.log)


@pytest.fixture(params=[Unsigned, Signed], ids=["primary", "secondary"])
def server(request, work):
    return request.param(work)


def query(serial, key=None, edns=1232):
    message = dns.message.make_query(ZONE, "IXFR", use_edns=0 if edns else False, payload=edns or 0)
    message.flags = 0
    soa = dns.rrset.from_text(ZONE + ".", 0, "IN", "SOA", f". . {serial} 0 0 0 0")
    message.authority.append(soa)
    if key:
        message.use_tsig(key.dnspython())
    return message


def ixfr(server, serial, tcp=True, edns=1232):
    """The answer as a list of (owner, type, text), one for each RR."""
    send = dns.query.tcp if tcp else dns.query.udp
    reply = send(query(serial, server.key, edns), HOST, port=server.daemon.port, timeout=5, one_rr_per_rrset=True)
    assert reply.rcode() == dns.rcode.NOERROR and reply.had_tsig and reply.flags & dns.flags.AA
    return [(rrset.name.to_text(), dns.rdatatype.to_text(rrset.rdtype), rrset[0].to_text()) for rrset in reply.answer]


def soas(rrs):
    return [int(data.split()[2]) for _, rdtype, data in rrs if rdtype == "SOA"]


def addresses(rrs):
    """{-1: removed, 1: added} of the A records in a difference."""
    half, found = 0, {-1: [], 1: []}
    for owner, rdtype, data in rrs[1:]:
        half = -1 if rdtype == "SOA" and half == 0 else 1 if rdtype == "SOA" else half
        if rdtype == "A":
            found[half].append((owner, data))
    return found


@pytest.mark.parametrize("tcp", [True, False], ids=["tcp", "udp"])
def test_rfc1995_a_difference_is_told_once_and_condensed(server, tcp):
    first = server.serial()
    server.change(n1="198.51.100.1")
    second = server.serial()
    server.change(n1="198.51.100.1", flash="203.0.113.1")  # comes ...
    server.change(n1="198.51.100.1", n2="198.51.100.2")  # ... and goes
    last = server.serial()
    if tcp or server.is_small:  # with its signatures this one does not fit a datagram
        rrs = ixfr(server, first, tcp)
        assert soas(rrs) == [last, first, last, last]  # one sequence, section 4
        assert addresses(rrs) == {
            -1: [("n1.example.gov.", "192.0.2.2"), ("n2.example.gov.", "192.0.2.3")],
            1: [("n1.example.gov.", "198.51.100.1"), ("n2.example.gov.", "198.51.100.2")],
        }
        assert not any(owner.startswith("flash") for owner, _, _ in rrs)
    else:
        assert soas(ixfr(server, first, tcp)) == [last]
    rrs = ixfr(server, second, tcp)
    assert soas(rrs) == [last, second, last, last]
    assert addresses(rrs) == {-1: [("n2.example.gov.", "192.0.2.3")], 1: [("n2.example.gov.", "198.51.100.2")]}
    assert soas(ixfr(server, last, tcp)) == [last] and len(ixfr(server, last, tcp)) == 1


def test_rfc1995_a_client_that_applies_it_has_the_zone(server):
    held = axfr(server.daemon.port, ZONE, server.key)
    for number in range(4):
        server.change(**{f"n{number}": f"198.51.100.{number}", f"new{number}": "203.0.113.7"})
        for mode in (dns.query.UDPMode.NEVER, dns.query.UDPMode.TRY_FIRST):
            question, serial = dns.xfr.make_query(held, keyring=None)
            assert question.question[0].rdtype == dns.rdatatype.IXFR
            question.use_tsig(server.key.dnspython())
            dns.query.inbound_xfr(HOST, held, question, port=server.daemon.port, timeout=10, lifetime=10, udp_mode=mode)
            assert held == axfr(server.daemon.port, ZONE, server.key)
    wait_for(
        lambda: server.daemon.metric("tandem_zone_transfers_total", zone=ZONE, direction="out", kind="ixfr", result="ok") == 4,
        "four differences counted", about=lambda: server.daemon.http("/metrics")[1],
    )


def test_rfc1995_what_does_not_fit_a_datagram_is_one_soa(server):
    first = server.serial()
    server.change(**{f"a-rather-long-name-of-a-host-{number}": "203.0.113.1" for number in range(9)})
    server.change(**{f"another-rather-long-name-{number}": "203.0.113.2" for number in range(9)})
    last = server.serial()
    assert len(ixfr(server, first, tcp=False, edns=0)) == 1
    for edns in (512, 1232, 4096):
        rrs = ixfr(server, first, tcp=False, edns=edns)
        assert soas(rrs) in ([last], [last, first, last, last])
    rrs = ixfr(server, first)
    assert soas(rrs) == [last, first, last, last]
    assert len(addresses(rrs)[1]) == 9


def test_who_is_too_far_behind_or_of_another_world_gets_the_zone(server):
    first = server.serial()
    server.change(n1="198.51.100.1")
    whole = axfr(server.daemon.port, ZONE, server.key)
    for serial in (first - 1, first + 0x7FFFFFFF):
        rrs = ixfr(server, serial & 0xFFFFFFFF)
        if soas(rrs) == [server.serial()]:  # ahead of us, RFC 1982
            assert serial == first + 0x7FFFFFFF
            continue
        assert soas(rrs) == [server.serial()] * 2 and rrs[0] == rrs[-1]
        assert len(rrs) - 1 == sum(1 for _ in whole.iterate_rdatas())
        assert len(ixfr(server, serial & 0xFFFFFFFF, tcp=False)) == 1


def test_the_journal_survives_a_restart_and_status_tells_what_it_reaches(server):
    assert server.daemon.zone(ZONE)["journal"] is None
    first = server.serial()
    server.change(n1="198.51.100.1")
    server.change(n1="198.51.100.2")
    server.restart()
    journal = server.daemon.zone(ZONE)["journal"]
    assert journal["steps"] == 2 and journal["from_serial"] == first and journal["octets"] > 100
    rrs = ixfr(server, first)
    assert soas(rrs)[1] == first and addresses(rrs)[1] == [("n1.example.gov.", "198.51.100.2")]
    shown = server.daemon.tandemctl("zone", "status", ZONE).stdout
    assert f"journal     2 changes since serial {first}, " in shown


def test_a_reload_changes_the_journals_limit(server):
    zone = server.daemon.config["zone"][0]
    first = server.serial()
    server.change(n1="198.51.100.1")
    zone["journal-max-size"] = "0"
    server.daemon.write_config()
    server.daemon.control("reload")
    server.change(n1="198.51.100.2")
    assert server.daemon.zone(ZONE)["journal"] is None
    assert soas(ixfr(server, first)) == [server.serial()] * 2
    zone["journal-max-size"] = "1MiB"
    server.daemon.write_config()
    server.daemon.control("reload")
    second = server.serial()
    server.change(n1="198.51.100.3")
    journal = server.daemon.zone(ZONE)["journal"]
    assert journal["steps"] == 1 and journal["from_serial"] == second
    assert soas(ixfr(server, second))[1] == second
    assert soas(ixfr(server, first)) == [server.serial()] * 2


def test_rfc7314_transfers_tell_when_the_zone_expires(server):
    first = server.serial()
    server.change(n1="198.51.100.1")
    for question in (query(first), dns.message.make_query(ZONE, "AXFR")):
        question.use_edns(0, payload=1232, options=[dns.edns.GenericOption(9, b"")])
        question.use_tsig(server.key.dnspython())
        reply = dns.query.tcp(question, HOST, port=server.daemon.port, timeout=5)
        (expire,) = [int.from_bytes(option.data, "big") for option in reply.options if option.otype == 9]
        assert 1209000 < expire <= 1209600  # the SOA's, or what is left of it


def test_strangers_get_no_difference(server):
    first = server.serial()
    server.change(n1="198.51.100.1")
    for send in (dns.query.udp, dns.query.tcp):
        reply = send(query(first), HOST, port=server.daemon.port, timeout=5)
        assert reply.rcode() == dns.rcode.REFUSED and not reply.answer


@pytest.mark.parametrize("request_ixfr", ["auto", "yes"])
def test_our_own_secondary_takes_differences_of_our_primary(work, request_ixfr):
    pair = Signed(work, **{"request-ixfr": request_ixfr})
    for number in range(5):
        pair.change(**{f"n{number}": f"198.51.100.{number}"})
        assert answers(pair.daemon.ask(f"n{number}.{ZONE}", "A")) == [f"198.51.100.{number}"]

    def count(daemon, **labels):
        return daemon.metric("tandem_zone_transfers_total", zone=ZONE, result="ok", **labels)

    assert (count(pair.daemon, direction="in", kind="axfr"), count(pair.daemon, direction="in", kind="ixfr")) == (1, 5)
    assert (count(pair.upstream.daemon, direction="out", kind="axfr"), count(pair.upstream.daemon, direction="out", kind="ixfr")) == (1, 5)
    assert pair.daemon.control("zone", "verify", ZONE)["verified"]
