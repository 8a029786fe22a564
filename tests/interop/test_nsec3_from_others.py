"""A zone that others sign, taken by a tandem-secondary with `policy: none`: it goes from NSEC to NSEC3, to a salt and
iterations, to opt-out, to no salt again and back to NSEC, each time in one transfer. unbound, which asks all the time and
keeps nothing, gets no bogus answer in between."""

import os
import signal
import subprocess

import dns.rcode
import dns.rdatatype
import pytest

import peers
from tandem import wait_for

ZONE = """$TTL 60
@       IN SOA ns1 hostmaster {serial} 60 10 1209600 60
        IN NS  ns1
        IN A   192.0.2.9
ns1     IN A   192.0.2.53
*.sites IN A   192.0.2.77
www     IN CNAME any.sites
a.ent   IN TXT "x"
plain   IN NS  ns.plain
ns.plain IN A  192.0.2.54
dn      IN DNAME sites
"""
QUESTIONS = [
    ("example.gov", "A"),
    ("example.gov", "MX"),
    ("www.example.gov", "A"),
    ("any.sites.example.gov", "A"),
    ("any.sites.example.gov", "MX"),
    ("x.dn.example.gov", "A"),
    ("nothere.example.gov", "A"),
    ("a.b.nothere.example.gov", "A"),
    ("ent.example.gov", "A"),
    ("plain.example.gov", "DS"),
]
STAGES = [
    ("nsec3", ["-3", "-", "-H", "0"], (0, b"", 0)),
    ("salted", ["-3", "aabb", "-H", "5"], (5, b"\xaa\xbb", 0)),
    ("opt-out", ["-3", "aabb", "-H", "5", "-A"], (5, b"\xaa\xbb", 1)),
    ("nsec3 again", ["-3", "-", "-H", "0"], (0, b"", 0)),
    ("nsec again", [], None),
]


class Scene:
    def __init__(self, work):
        self.work, self.serial = work, 0
        self.keys = []
        for flags in (["-f", "KSK"], []):
            made = subprocess.run(["dnssec-keygen", "-q", "-a", "ECDSAP256SHA256", *flags, "example.gov"], cwd=work.path,
                                  check=True, capture_output=True, text=True)
            self.keys.append(made.stdout.strip())
        self.sign([])
        self.named = peers.Named(work).serve("example.gov", work.path / "signed")
        self.named.key = work.key
        self.named.start()
        self.secondary = work.secondary(
            [{"domain": "example.gov", "policy": "none", "gate": {"max-removed": "100%"}}], self.named.port
        ).start()
        wait_for(lambda: self.secondary.ask("example.gov", "A").answer, "the secondary serves", about=self.secondary.log)
        anchor = (work.path / f"{self.keys[0]}.key").read_text().splitlines()[-1]
        self.unbound = peers.Unbound(work, anchors=[anchor]).stub("example.gov", [self.secondary.port])
        self.unbound.start()

    def sign(self, options):
        self.serial += 1
        text = ZONE.format(serial=self.serial) + "".join((self.work.path / f"{key}.key").read_text() for key in self.keys)
        (self.work.path / "unsigned").write_text(text)
        subprocess.run(["dnssec-signzone", "-q", *options, "-o", "example.gov", "-f", "signed.new", "unsigned", *self.keys],
                       cwd=self.work.path, check=True, capture_output=True)
        os.replace(self.work.path / "signed.new", self.work.path / "signed")

    def change(self, options):
        self.sign(options)
        self.named.process.send_signal(signal.SIGHUP)
        wait_for(self.is_served, f"serial {self.serial} served", seconds=15, about=self.secondary.log)

    def is_served(self):
        answer = self.secondary.ask("example.gov", "SOA").answer
        return bool(answer) and answer[0][0].serial == self.serial

    def denial(self):
        """What the denial of a missing name consists of: iterations, salt and flags, or None for NSEC."""
        answer = self.secondary.ask("nothere.example.gov", "A", dnssec=True)
        found = {rdtype for rrset in answer.authority if (rdtype := rrset.rdtype) != dns.rdatatype.RRSIG}
        if dns.rdatatype.NSEC in found:
            assert dns.rdatatype.NSEC3 not in found
            return None
        records = [rrset[0] for rrset in answer.authority if rrset.rdtype == dns.rdatatype.NSEC3]
        assert len(records) in (2, 3) and len({(r.iterations, r.salt, r.flags) for r in records}) == 1
        return records[0].iterations, records[0].salt, records[0].flags


@pytest.fixture
def scene(work):
    return Scene(work)


def is_answer(answer):
    return not isinstance(answer, Exception) and answer.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN)


def test_denial_changes_while_a_validator_asks(scene):
    assert scene.denial() is None
    with peers.Watch(scene.unbound.resolve, QUESTIONS) as watch:
        watch.more(2)
        for stage, options, denial in STAGES:
            scene.change(options)
            assert scene.denial() == denial, stage
            watch.more(2)
            for name, rdtype in QUESTIONS:
                answer = scene.unbound.resolve(name, rdtype)
                # What opt-out covers is not denied for good.
                assert peers.is_secure(answer) or "-A" in options and is_answer(answer), f"{stage}: {name} {rdtype}"
    bad = [f"{name} {rdtype}: {answer}" for name, rdtype, answer in watch.seen if not is_answer(answer)]
    assert not bad, "\n".join(bad[:5]) + scene.unbound.log()[-3000:]


def test_a_restarted_server_denies_as_before(scene):
    scene.change(["-3", "aabb", "-H", "5"])
    denial = scene.denial()
    scene.secondary.stop()
    scene.secondary.start()
    wait_for(lambda: scene.secondary.ask("example.gov", "A").answer, "served again", about=scene.secondary.log)
    assert scene.denial() == denial == (5, b"\xaa\xbb", 0)
    assert peers.is_secure(scene.unbound.resolve("nothere.example.gov", "A"))
