"""One signer, and a fleet behind it: NSD, Knot (which validates what it takes) and a tandem-secondary with `policy: none`
serve the signed zone. Any one of them, the signer or the primary may be killed: unbound, which asks all the time and
keeps nothing in a cache, always gets a validated answer. The signer's host is lost and rebuilt from exported keys."""

import shutil

import dns.rcode
import dns.rdatatype
import dns.zone
import pytest

import peers
from tandem import HOST, answers, axfr, free_port, wait_for

ZONE = """$TTL 60
@       IN SOA ns1 hostmaster {serial} 60 10 1209600 60
        IN NS  ns1
        IN A   {apex}
ns1     IN A   192.0.2.53
*.sites IN A   192.0.2.77
www     IN CNAME example.gov.
a.ent   IN TXT "x"
{more}"""
QUESTIONS = [
    ("example.gov", "A"),
    ("www.example.gov", "A"),
    ("any.sites.example.gov", "A"),
    ("nothere.example.gov", "A"),
    ("ent.example.gov", "A"),
    ("example.gov", "DNSKEY"),
]
PARENT = """$TTL 60
@       IN SOA ns . 1 60 10 1209600 60
        IN NS  ns
ns      IN A   127.0.0.1
example IN NS  ns1.example
ns1.example IN A 192.0.2.53
{ds}"""


def zone_text(serial=1, apex="192.0.2.9", more=""):
    return ZONE.format(serial=serial, apex=apex, more=more)


class Fleet:
    def __init__(self, work):
        self.work, key = work, work.key
        self.change(1, "192.0.2.9", reload=False)
        self.nsd, self.knot = peers.Nsd(work), peers.Knot(work)
        self.parent = peers.Named(work, "parent")
        signer_port = free_port()
        self.none = work.secondary(
            [{"domain": "example.gov", "policy": "none", "acl": ["notify"], "refresh": "20s", "gate": {"max-removed": "100%"}}],
            signer_port, name="none", acl=[{"id": "notify", "address": [HOST], "action": ["notify"]}],
        )
        self.primary = work.primary([{"domain": "example.gov", "file": "zone"}], notify=[signer_port]).start()
        self.downstream = {"nsd": self.nsd, "knot": self.knot, "none": self.none}
        self.signer = self.make_signer("signer", signer_port)
        self.signer.start()
        wait_for(self.is_signed, "the zone signed", about=self.signer.log)
        for peer in (self.nsd, self.knot):
            peer.follow(["example.gov"], signer_port, key).start()
        self.none.start()
        for name, peer in self.downstream.items():
            wait_for(lambda: peer.ask("example.gov", "A").answer, f"{name} serves", about=peer.log)
        self.unbound = peers.Unbound(work, anchors=peers.trust_anchors(self.signer, "example.gov"))
        self.unbound.stub("example.gov", [signer_port, self.nsd.port, self.knot.port, self.none.port]).start()

    def make_signer(self, name, port, **policy):
        signer = self.work.secondary(
            [{"domain": "example.gov", "acl": ["out", "hint"], "notify": list(self.downstream), "refresh": "20s"}],
            self.primary.port, name=name,
            acl=[{"id": "out", "key": self.work.key.name, "action": ["transfer"]}],
        )
        signer.config["acl"].append({"id": "hint", "address": [HOST], "action": ["notify"]})
        signer.config["server"]["listen"], signer.port = [f"{HOST}@{port}"], port
        signer.config["remote"] += [
            {"id": n, "address": [f"{HOST}@{p.port}"], "key": self.work.key.name} for n, p in self.downstream.items()
        ]
        if policy:
            signer.config["policy"] = [{"id": "checked", **policy}]
            signer.config["zone"][0]["policy"] = "checked"
        return signer

    def is_signed(self):
        return any(r.rdtype == dns.rdatatype.RRSIG for r in self.signer.ask("example.gov", "A", dnssec=True).answer)

    def change(self, serial, apex, reload=True, more=""):
        self.work.write("zone", zone_text(serial, apex, more))
        if reload:
            self.primary.control("reload")

    def wait_everywhere(self, apex, but=()):
        for name, peer in self.downstream.items():
            if name not in but:
                wait_for(
                    lambda: answers(peer.ask("example.gov", "A")) == [apex], f"{name} has {apex}", seconds=15,
                    about=lambda: peer.log() + self.signer.log(),
                )

    def watch(self):
        return peers.Watch(self.unbound.resolve, QUESTIONS)


@pytest.fixture
def fleet(work):
    return Fleet(work)


def soa(server):
    return int(answers(server.ask("example.gov", "SOA"))[0].split()[2])


def test_downstreams_follow_every_change_and_serve_the_same_octets(fleet):
    with fleet.watch() as watch:
        for serial, apex, more in (
            (2, "192.0.2.11", ""),
            (3, "192.0.2.12", "b.new IN A 192.0.2.1\nsub IN NS ns.sub\nns.sub IN A 192.0.2.2\n"),
            (4, "192.0.2.13", ""),
        ):
            fleet.change(serial, apex, more=more)
            fleet.wait_everywhere(apex)
        watch.more()
    assert not watch.bad(), fleet.unbound.log()[-4000:]
    seen = [answers(a)[0] for name, rdtype, a in watch.seen if (name, rdtype) == ("example.gov", "A")]
    assert set(seen) <= {"192.0.2.9", "192.0.2.11", "192.0.2.12", "192.0.2.13"} and seen[-1] == "192.0.2.13"
    # The process of NSD that goes may answer once more with the zone before.
    wait_for(lambda: len({soa(peer) for peer in (fleet.signer, *fleet.downstream.values())}) == 1, "one serial everywhere")
    for name, rdtype in QUESTIONS:
        given = [p.ask(name, rdtype, dnssec=True) for p in (fleet.signer, *fleet.downstream.values())]
        rrsets = [sorted(r.to_text() for r in g.answer) for g in given]
        assert all(r == rrsets[0] for r in rrsets), (name, rdtype)
    assert fleet.none.zone("example.gov")["policy"] == "none"
    exported = fleet.none.control("zone", "export", "example.gov", signed=True)["text"]
    assert dns.zone.from_text(exported, "example.gov") == axfr(fleet.signer.port, "example.gov", key=fleet.work.key)


def test_a_notify_signed_with_a_key_that_servers_do_not_hold_is_a_hint_all_the_same(work):
    """The key of the transfers in is the fetcher's alone; the primary signs its NOTIFY with it."""
    work.write("zone", zone_text())
    port = free_port()
    primary = work.primary([{"domain": "example.gov", "file": "zone"}], notify=[port]).start()
    secondary = work.secondary([{"domain": "example.gov", "refresh": "1h"}], primary.port)
    secondary.config["server"]["listen"], secondary.port = [f"{HOST}@{port}"], port
    secondary.start()
    wait_for(lambda: secondary.ask("example.gov", "A").answer, "served", about=secondary.log)
    for serial in (2, 3):
        work.write("zone", zone_text(serial, f"192.0.2.{100 + serial}"))
        primary.control("reload")
        wait_for(lambda: answers(secondary.ask("example.gov", "A")) == [f"192.0.2.{100 + serial}"], "the change", about=primary.log)
    wait_for(lambda: primary.zone("example.gov")["notify"]["acknowledged"] == 1, "acknowledged", about=primary.log)


@pytest.mark.parametrize("dead", ["nsd", "knot", "none", "signer", "primary"])
def test_whichever_is_killed_a_validator_always_gets_a_validated_answer(fleet, dead):
    victim = fleet.downstream.get(dead) or getattr(fleet, dead)
    with fleet.watch() as watch:
        watch.more(2)
        victim.kill()
        watch.more(5)
        if dead not in ("signer", "primary"):
            fleet.change(2, "192.0.2.11")
            fleet.wait_everywhere("192.0.2.11", but=[dead])
        watch.more(3)
        victim.start()
        if dead in ("signer", "primary"):
            fleet.change(2, "192.0.2.11")
        fleet.wait_everywhere("192.0.2.11", but=[dead] if dead in ("nsd", "knot") else ())
        watch.more(3)
    assert not watch.bad(), fleet.unbound.log()[-4000:]


def test_signer_primary_and_two_of_the_fleet_are_away_and_the_last_one_validates(fleet):
    for dead in (fleet.primary, fleet.signer, fleet.nsd, fleet.knot):
        dead.kill()
    # From its disk alone, too.
    fleet.none.kill()
    fleet.none.start()
    wait_for(lambda: fleet.none.ask("example.gov", "A").answer, "served from disk", about=fleet.none.log)
    unbound = peers.Unbound(fleet.work, "last", anchors=fleet.unbound.anchors)
    unbound.stub("example.gov", [fleet.none.port]).start()
    for name, rdtype in QUESTIONS:
        assert peers.is_secure(unbound.resolve(name, rdtype)), unbound.log()[-4000:]


def test_the_signers_host_is_lost_and_rebuilt_from_exported_keys_without_a_bogus_answer(fleet):
    work, old = fleet.work, fleet.signer
    saved = work.path / "saved-keys"
    saved.mkdir(mode=0o700)
    keys = old.control("key", "list", "example.gov")["keys"]
    assert sorted(key["role"] for key in keys) == ["KSK", "ZSK"]
    for key in keys:
        for file in old.control("key", "export", "example.gov", str(key["tag"]))["files"]:
            (saved / file["name"]).write_text(file["text"])
    ds = [d["text"] for d in old.control("key", "ds", "example.gov")["ds"]]
    work.write("parent-zone", PARENT.format(ds="\n".join(ds) + "\n"))
    fleet.parent.serve("gov", work.path / "parent-zone").start()

    with fleet.watch() as watch:
        last = soa(old)
        old.kill()
        shutil.rmtree(old.directory / "state")
        fleet.change(2, "192.0.2.11")
        rebuilt = fleet.make_signer(
            "rebuilt", old.port, **{"ds-check": {"parent": [f"{HOST}@{fleet.parent.port}"], "interval": "1h"}}
        )
        rebuilt.start(wait=False)
        # It holds no key that the parent's DS names: it publishes nothing and says what to do.
        wait_for(lambda: [m for m in rebuilt.mails() if "key import" in m.get_content()], "the mail", about=rebuilt.log)
        assert rebuilt.ask("example.gov", "A").rcode() == dns.rcode.SERVFAIL
        watch.more(3)
        done = rebuilt.tandemctl("key", "import", "example.gov", *map(str, sorted(saved.iterdir())), "-b")
        assert done.returncode == 0, done.stdout + done.stderr
        fleet.signer = rebuilt
        wait_for(fleet.is_signed, "signed again", about=rebuilt.log)
        fleet.wait_everywhere("192.0.2.11")
        watch.more(5)
    assert not watch.bad(), fleet.unbound.log()[-4000:]
    assert 0 < (soa(rebuilt) - last) & 0xFFFFFFFF < 0x80000000
    tags = {key["tag"] for key in keys}
    assert {key["tag"] for key in rebuilt.control("key", "list", "example.gov")["keys"]} == tags
