"""A PowerDNS primary that expands ALIAS in its transfers (`outgoing-axfr-expand-alias=yes`): its serial never moves while
the addresses do. Our secondary follows within one poll, signs once for each change and not otherwise."""

import dns.rcode
import dns.rdatatype
import pytest

import peers
import powerdns
from fake_resolver import FakeResolver
from tandem import answers, axfr, wait_for

SERIAL = 2026010101
ZONE = f"""$ORIGIN example.gov.
$TTL 300
@       IN SOA ns1 hostmaster {SERIAL} 7200 900 1209600 300
@       IN NS  ns1
@    60 IN ALIAS lb.example.com.
ns1     IN A   192.0.2.53
*.sites 60 IN ALIAS sites.example.com.
www     IN CNAME example.gov.
mail    IN MX  10 ns1
"""
APEX = ["203.0.113.1", "203.0.113.2"]


class Scene:
    def __init__(self, work):
        self.work = work
        self.resolver = FakeResolver().__enter__()
        self.resolver.set("lb.example.com", A=APEX)
        self.resolver.set("sites.example.com", A=["203.0.113.77"], AAAA=["2001:db8::77"])
        work.write("zone", ZONE)
        self.pdns = powerdns.PowerDNS(work, resolver_port=int(self.resolver.address.split("@")[1]))
        self.pdns.serve("example.gov", work.path / "zone").start()
        self.secondary = work.secondary(
            [{"domain": "example.gov", "acl": ["out"]}], self.pdns.port,
            acl=[{"id": "out", "address": ["127.0.0.1"], "action": ["transfer"]}],
        )
        del self.secondary.config["remote"][0]["key"]
        self.secondary.start()
        wait_for(self.addresses, "the zone served", about=self.log)
        self.unbound = peers.Unbound(work, anchors=peers.trust_anchors(self.secondary, "example.gov"))
        self.unbound.stub("example.gov", [self.secondary.port]).start()

    def log(self):
        return self.secondary.log() + self.pdns.log()

    def addresses(self):
        return answers(self.secondary.ask("example.gov", "A"))

    def polls(self):
        return self.secondary.metric(
            "tandem_zone_transfers_total", zone="example.gov", direction="in", kind="axfr", result="ok"
        )

    def more_polls(self, count):
        seen = self.polls()
        wait_for(lambda: self.polls() >= seen + count, f"{count} more polls", about=self.log)

    def signatures(self):
        """All that were ever made for the zone."""
        lines = self.secondary.http("/metrics")[1].splitlines()
        return sum(float(l.rpartition(" ")[2]) for l in lines if l.startswith("tandem_signatures_total{"))

    def serial(self):
        return int(answers(self.secondary.ask("example.gov", "SOA"))[0].split()[2])

    def counts(self):
        """What moves with a change: (serial, signatures, mails)."""
        return self.serial(), self.signatures(), len(self.secondary.mails())

    def settled_counts(self):
        """The same after the mails of what was published have arrived."""
        versions = self.secondary.control("zone", "history", "example.gov")["versions"]
        wait_for(lambda: len(self.secondary.mails()) >= len(versions), "a mail for each version", about=self.log)
        return self.counts()


@pytest.fixture
def scene(work):
    made = Scene(work)
    yield made
    made.resolver.__exit__(None, None, None)


def test_a_serial_that_never_moves_is_followed_and_signed_once_for_each_change(scene):
    assert peers.is_secure(scene.unbound.resolve("example.gov", "A"))
    serial, signatures, mails = scene.settled_counts()
    for step in range(1, 5):
        addresses = [f"198.51.100.{step}", f"198.51.100.{step + 100}"]
        # A poll may be under way: what follows a change comes with the one behind it.
        polls = scene.polls()
        scene.resolver.set("lb.example.com", A=addresses)
        wait_for(lambda: scene.addresses() == sorted(addresses), f"step {step}", about=scene.log)
        assert scene.polls() <= polls + 2
        now = scene.settled_counts()
        assert 0 < (now[0] - serial) & 0xFFFFFFFF < 0x80000000
        assert now[1] == signatures + 2, "the A RRset and the SOA"
        assert now[2] == mails + 1
        serial, signatures, mails = now
        answer = scene.unbound.resolve("www.example.gov", "A")
        assert peers.is_secure(answer) and set(addresses) <= set(answers(answer)), scene.unbound.log()[-2000:]
        scene.more_polls(2)
        assert scene.counts() == now
    assert scene.pdns.serial("example.gov") == SERIAL
    assert scene.secondary.zone("example.gov")["serial"]["unsigned"] == SERIAL
    assert scene.secondary.control("zone", "verify", "example.gov")["verified"]


def test_another_order_of_the_same_addresses_is_no_change(scene):
    before, octets = scene.settled_counts(), axfr(scene.secondary.port, "example.gov").to_text(sorted=True)
    for addresses in (APEX[::-1], APEX, APEX[::-1]):
        scene.resolver.set("lb.example.com", A=addresses)
        scene.more_polls(1)
    assert scene.counts() == before
    assert axfr(scene.secondary.port, "example.gov").to_text(sorted=True) == octets


def test_a_wildcard_alias_follows_and_a_type_that_appears_joins_the_denial(scene):
    scene.resolver.set("lb.example.com", A=APEX, AAAA=["2001:db8::1"])
    scene.resolver.set("sites.example.com", A=["203.0.113.78"], AAAA=[])
    wait_for(lambda: answers(scene.secondary.ask("x.sites.example.gov", "A")) == ["203.0.113.78"], "new", about=scene.log)
    for name, rdtype, data in (
        ("example.gov", "AAAA", ["2001:db8::1"]),
        ("q.sites.example.gov", "A", ["203.0.113.78"]),
        ("q.sites.example.gov", "AAAA", []),
    ):
        answer = scene.unbound.resolve(name, rdtype)
        assert peers.is_secure(answer), scene.unbound.log()[-2000:]
        assert answers(answer) == data
    assert not [r for n, r in axfr(scene.secondary.port, "example.gov").iterate_rdatasets() if r.rdtype == 65401]


def test_a_resolver_that_fails_costs_nothing_but_freshness(scene):
    """PowerDNS gives up the transfer or leaves the owner out; what is served stays, for the gate holds an apex that
    loses its addresses."""
    before, octets = scene.settled_counts(), axfr(scene.secondary.port, "example.gov").to_text(sorted=True)
    with peers.Watch(scene.unbound.resolve, [("example.gov", "A"), ("a.sites.example.gov", "A")]) as watch:
        scene.resolver.misbehave("lb.example.com", "servfail")

        def said():
            zone = scene.secondary.zone("example.gov")
            return zone["refresh"]["failures"] >= 2 or zone["state"] == "held"

        wait_for(said, "the failure told", about=scene.log)
        zone = scene.secondary.zone("example.gov")
        assert zone["refresh"]["error"] or zone["reason"]
        assert axfr(scene.secondary.port, "example.gov").to_text(sorted=True) == octets
        assert scene.counts()[:2] == before[:2]
        scene.resolver.misbehave("lb.example.com", None)
        scene.resolver.set("lb.example.com", A=["198.51.100.9"])
        wait_for(lambda: scene.addresses() == ["198.51.100.9"], "well again", about=scene.log)
        watch.more(2)
    assert not watch.bad(), scene.unbound.log()[-2000:]
    assert all(answers(answer) for _, _, answer in watch.seen)
    wait_for(lambda: scene.secondary.zone("example.gov")["state"] == "ok", "ok", about=scene.log)


def test_the_primary_is_restarted_with_a_lower_serial(scene):
    before = scene.settled_counts()
    scene.pdns.kill()
    scene.work.write("zone", ZONE.replace(str(SERIAL), "7"))
    scene.pdns.start()
    scene.more_polls(2)
    assert scene.counts()[:2] == before[:2]
    scene.resolver.set("lb.example.com", A=["198.51.100.9"])
    wait_for(lambda: scene.addresses() == ["198.51.100.9"], "followed", about=scene.log)
    assert 0 < (scene.serial() - before[0]) & 0xFFFFFFFF < 0x80000000
