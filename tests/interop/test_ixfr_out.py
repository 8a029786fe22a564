"""BIND, Knot, NSD and PowerDNS as secondaries of ours, by NOTIFY, each with a TSIG key of its own: of tandem-secondary
(the signed zone, NSEC and NSEC3) and of tandem-primary (addresses of ALIAS targets move, too). Random changes go in one by
one; at the end all four have our zone, octet for octet of canonical form, and took it as differences (IXFR).
And the same where nothing but whole transfers are asked for, or given. The algorithms of TSIG go round: each peer has each of
three. TANDEM_LONG: ten times as many changes, and every peer with every algorithm.

How many transfers there are is the peers' choice: one that is busy takes several changes at once, condensed to one difference.
What they do in ways of their own:
- named asks for the SOA before each transfer, at most 20 times a second (`serial-query-rate`), so it takes a few changes at a time.
- nsd asks with an IXFR at once, without a SOA before; to a NOTIFY that comes late it hears that it is up to date. Where two
  transfers end up in one of its reloads, its xfrd sometimes takes the serial of the first for a failure, though both were applied
  ("soa serial ... update failed, restarting transfer"), and asks with an AXFR: six times in a thousand changes.
- knotd checks every signature of what it takes (`dnssec-validation`). It keeps differences in its own journal, whose directory
  must exist: else each IXFR fails at the very end ("not exists") and is taken again as an AXFR.
- pdns_server takes IXFR with the metadata IXFR=1 only, into an SQL backend only, and never for a signed zone: that is an AXFR each time.
  Its NSEC and NSEC3 RRs are made anew from what it stored, and still the zone that it gives is ours octet for octet, but for the
  TTL of NSEC3PARAM: it keeps the parameters only and gives them out with the SOA's minimum for a TTL.
"""

import os
import random
import re
import struct

import dns.rdatatype
import pytest

import peers
import powerdns
from fake_resolver import FakeResolver
from tandem import HOST, Key, answers, axfr, free_port, wait_for

ZONE, NAMES = "example.gov", 200
CHANGES = 1000 if os.environ.get("TANDEM_LONG") else 100
SETTLE_SECONDS = 60


ALGORITHMS = ["hmac-sha256", "hmac-sha384", "hmac-sha512"]


class Named(peers.Named):
    ttls_of_ours, whole_share = None, 0

    def config_text(self):
        text = super().config_text()
        return text if self.ixfr else text.replace("type secondary;", "type secondary; request-ixfr no;")


class Knot(peers.Knot):
    ttls_of_ours, whole_share = None, 0
    validates = True

    def config_text(self):
        (self.directory / "db").mkdir(exist_ok=True)  # the journal; without it each IXFR ends as "not exists" and an AXFR
        text = super().config_text().replace("\nzone:\n", f"\nacl:\n  - id: out\n    address: {HOST}\n    action: transfer\nzone:\n", 1)
        text = text.replace("\nacl:\n  - id: out", "\n  - id: out", 1)  # one list
        text = text.replace("    acl: upstream\n", "    acl: [upstream, out]\n")
        return text if self.validates else text.replace("dnssec-validation: on", "dnssec-validation: off")


class Nsd(peers.Nsd):
    ttls_of_ours, whole_share = None, 0.02

    def config_text(self):
        text = super().config_text() + f"    provide-xfr: {HOST} NOKEY\n"
        return text if self.ixfr else text.replace("request-xfr: ", "request-xfr: AXFR ")


class PowerDNS(powerdns.PowerDNSSecondary):
    ttls_of_ours = {dns.rdatatype.NSEC3PARAM: 0}  # instead of its own
    whole_share = 0


KINDS = [Named, Knot, Nsd, PowerDNS]


class Content:
    """What the zone file shall say, {(owner, type): (ttl, set of rdata)} relative to the apex, and its next random self."""

    def __init__(self, seed):
        self.random, self.serial, self.more = random.Random(seed), 1, ""
        self.sets = {("@", "NS"): (300, {"ns"}), ("ns", "A"): (300, {"192.0.2.53"}), ("*.wild", "TXT"): (60, {'"w"'})}
        for number in range(NAMES):
            self.sets[(f"n{number}", "A")] = (300, {f"192.0.2.{number % 250 + 1}"})

    def change(self):
        pick = self.random
        number = pick.randrange(1, 250)
        owner, rdtype, rdata = pick.choice([
            (f"n{pick.randrange(NAMES)}", "A", f"198.51.100.{number}"),
            (f"n{pick.randrange(NAMES)}", "AAAA", f"2001:db8::{number:x}"),
            (f"n{pick.randrange(40)}", "TXT", f'"t{number}" "{"x" * number}"'),
            (f"n{pick.randrange(40)}", "MX", f"{number} ns"),
            (f"deep.er.n{pick.randrange(40)}", "SRV", f"1 2 {number} n{number % NAMES}"),
            (f"c{pick.randrange(20)}", "CNAME", f"n{number % NAMES}"),
            (f"*.w{pick.randrange(10)}", "A", f"203.0.113.{number}"),
        ])
        if pick.random() < 0.05:  # a cut comes or goes: the gate asks for the whole content then, which takes a second
            owner, rdtype, rdata = f"x{pick.randrange(20)}", "NS", f"ns{number % 3}.other.example."
        key = (owner, rdtype)
        ttl, old = self.sets.get(key, (0, set()))
        if old and pick.random() < 0.4:
            del self.sets[key]
        elif old and pick.random() < 0.2:
            self.sets[key] = (360 - ttl, old)
        else:
            keep = old if pick.random() < 0.5 and rdtype != "CNAME" else set()
            self.sets[key] = (ttl or pick.choice([60, 300]), keep | {rdata})

    def text(self):
        lines = [f"$ORIGIN {ZONE}.", f"@ 300 SOA ns hostmaster {self.serial} 7200 900 1209600 300"]
        for (owner, rdtype), (ttl, rdatas) in sorted(self.sets.items()):
            lines += [f"{owner} {ttl} IN {rdtype} {rdata}" for rdata in sorted(rdatas)]
        return "\n".join(lines) + "\n" + self.more


def canonical(port, key=None, ttls=None):
    """A transfer of the zone in canonical form (RFC 4034 section 6), and its serial. ttls: {type: TTL} that are put in."""
    zone = axfr(port, ZONE, key)
    rrs, serial = [], 0
    for name, ttl, rdata in zone.iterate_rdatas():
        owner = name.derelativize(zone.origin).canonicalize()
        octets = rdata.to_digestable(zone.origin)
        ttl = (ttls or {}).get(rdata.rdtype, ttl)
        rrs.append((owner, rdata.rdtype, octets, owner.to_wire() + struct.pack("!HHIH", rdata.rdtype, 1, ttl, len(octets)) + octets))
        if rdata.rdtype == dns.rdatatype.SOA:
            serial = rdata.serial
    return b"".join(rr[-1] for rr in sorted(rrs)), serial


class Scene:
    """`server` is ours that the peers follow."""

    def __init__(self, work, seed, turn=0, ixfr=True):
        self.work, self.content, self.ixfr = work, Content(seed), ixfr
        self.peers = [kind(work) for kind in KINDS]
        self.keys = [Key(f"{peer.kind}.", ALGORITHMS[(i + turn) % 3]) for i, peer in enumerate(self.peers)]
        for peer in self.peers:
            peer.ixfr = ixfr
        self.server = None

    def write(self):
        self.content.serial += 1
        self.work.write("zone", self.content.text())

    def lend(self, daemon):
        """Keys, remotes and access rules for the peers, in the daemon's configuration."""
        daemon.config["key"] += [key.setting() for key in self.keys]
        names = [self.work.key.name] + [key.name for key in self.keys]
        daemon.config["acl"] = [{"id": "out", "key": names, "action": ["transfer", "query"]}]
        daemon.config.setdefault("remote", [])
        daemon.config["remote"] += [
            {"id": peer.kind, "address": [f"{HOST}@{peer.port}"], "key": key.name} for peer, key in zip(self.peers, self.keys)
        ]
        zone = daemon.config["zone"][0]
        zone["acl"], zone["notify"] = ["out"], zone.get("notify", []) + [peer.kind for peer in self.peers]

    def start_peers(self):
        for peer, key in zip(self.peers, self.keys):
            peer.follow([ZONE], self.server.port, key).start()
            wait_for(lambda: peer.has(ZONE), f"{peer.name} has the zone", about=self.log)

    def log(self):
        texts = [self.server.log()[-3000:]]
        for peer in self.peers:
            texts += [peer.name, peer.log()[-2500:]]
        return "\n".join(texts)

    def serial(self):
        serials = self.server.zone(ZONE)["serial"]
        return serials["signed"] or serials["unsigned"]

    def wait_all(self):
        """Until all have what ours has: an ALIAS whose addresses come one type after the other makes two versions."""
        for peer in self.peers:
            wait_for(lambda: peer.serial(ZONE) == self.serial(), f"{peer.name} has our serial", SETTLE_SECONDS, about=self.log)

    def assert_equal(self):
        """A version may come while one after the other is asked: then they are asked again."""
        for _ in range(10):
            self.wait_all()
            ours, serial = canonical(self.server.port, self.work.key)
            found = [(peer, *canonical(peer.port, ttls=peer.ttls_of_ours)) for peer in self.peers]
            if all(their_serial == serial for _, _, their_serial in found):
                break
        for peer, theirs, their_serial in found:
            assert their_serial == serial, peer.name
            assert theirs == ours, (peer.name, self.differences(peer))

    def differences(self, peer):
        ours, theirs = axfr(self.server.port, ZONE, self.work.key), axfr(peer.port, ZONE)
        texts = [{f"{n} {t} {r.rdtype} {r.to_text()}" for n, t, r in z.iterate_rdatas()} for z in (ours, theirs)]
        return sorted(texts[0].symmetric_difference(texts[1]))[:10]

    def versions(self):
        return sum("zone published" in line or "info signer: published" in line for line in self.server.log().splitlines())

    def transfers(self):
        """{peer: {what it asked for and what it got: count}} of our log, as "ixfr" or "ixfr as axfr"."""
        counts = {peer.kind: {} for peer in self.peers}
        for line in self.server.log().splitlines():
            found = re.search(r"zone transferred.*key=(\w+)\..*asked=(\w+) kind=(\w+)", line)
            if found and found[1] in counts:
                word = found[2] if found[2] == found[3] else f"{found[2]} as {found[3]}"
                counts[found[1]][word] = counts[found[1]].get(word, 0) + 1
        return counts

    def run(self, change):
        """Changes one by one, checked four times on the way."""
        for number in range(1, CHANGES + 1):
            change()
            if number % (CHANGES // 4) == 0:
                self.assert_equal()
        return self.transfers()


class SignedScene(Scene):
    def __init__(self, work, seed, nsec3):
        super().__init__(work, seed)
        self.work.write("zone", self.content.text())
        port = free_port()
        self.primary = work.primary([{"domain": ZONE, "file": "zone"}]).start()
        self.server = work.secondary([{"domain": ZONE, "refresh": "20s", "policy": "p"}], self.primary.port, policy=[{"id": "p", "nsec3": nsec3}])
        self.server.config["server"]["listen"], self.server.port = [f"{HOST}@{port}"], port
        self.lend(self.server)
        self.server.config["acl"].append({"id": "hint", "address": [HOST], "action": ["notify"]})
        self.server.config["zone"][0]["acl"].append("hint")
        self.server.start()
        wait_for(lambda: self.server.ask(ZONE, "SOA").rcode() == 0, "the zone signed", about=self.server.log)
        self.start_peers()

    def change(self):
        self.content.change()
        self.write()
        self.primary.control("reload")
        self.server.control("zone", "refresh", ZONE, wait=True)


class PlainScene(Scene):
    """tandem-primary, with ALIAS owners whose targets move."""

    def __init__(self, work, seed, resolver, turn=0, ixfr=True):
        super().__init__(work, seed, turn, ixfr)
        self.peers[1].validates = False
        self.resolver, self.moves = resolver, 0
        self.content.more = "@ 60 ALIAS lb0.example.com.\n*.sites 60 ALIAS lb1.example.com.\nshop 60 ALIAS lb0.example.com.\n"
        for target in range(2):
            self.resolver.set(f"lb{target}.example.com", A=["203.0.113.1", "203.0.113.2"])
        self.work.write("zone", self.content.text())
        self.server = work.primary([{"domain": ZONE, "file": "zone", "alias": {"settle": "0s", "refresh": "1h"}}], resolver=int(resolver.address.split("@")[1]))
        self.lend(self.server)
        if not ixfr:
            self.server.config["zone"][0]["journal-max-size"] = "0"
        self.server.start()
        wait_for(lambda: self.server.ask(ZONE, "SOA", key=work.key).rcode() == 0, "the zone served", about=self.server.log)
        self.start_peers()

    def change(self):
        if self.content.random.random() < 0.3:
            target, self.moves = self.content.random.randrange(2), self.moves + 1
            numbers = self.content.random.sample(range(1, 250), 3)
            self.resolver.set(f"lb{target}.example.com", A=[f"203.0.113.{n}" for n in numbers], AAAA=[f"2001:db8:1::{n:x}" for n in numbers[1:]])
            self.server.control("alias", "refresh", [f"{ZONE}.", f"*.sites.{ZONE}."][target], wait=True)
        else:
            self.content.change()
            self.write()
            self.server.control("reload")


def assert_differences(scene, counts, but=()):
    """Each peer took the zone whole once, at its start, and all that came after as differences."""
    journal, versions = scene.server.zone(ZONE)["journal"], scene.versions()
    print(f"{CHANGES} changes, {versions} versions, journal {journal}, transfers {counts}")
    for peer in scene.peers:
        kinds = counts[peer.kind]
        assert "ixfr as axfr" not in kinds, (counts, scene.log())
        if peer.kind in but:
            assert "ixfr" not in kinds, (counts, scene.log())
            continue
        assert kinds.get("axfr", 0) <= 1 + versions * peer.whole_share, (counts, scene.log())
        assert 4 <= kinds["ixfr"] <= versions, (counts, scene.log())
    assert CHANGES // 2 <= journal["steps"] and journal["octets"] < 16 << 20


@pytest.mark.parametrize("nsec3", [False, True], ids=["nsec", "nsec3"])
def test_the_signed_zone_is_taken_as_differences_and_ends_equal(work, nsec3):
    scene = SignedScene(work, 1 + nsec3, nsec3)
    assert_differences(scene, scene.run(scene.change), but=["pdns"])


TURNS = [0, 1, 2] if os.environ.get("TANDEM_LONG") else [0]


@pytest.mark.parametrize("turn", TURNS)
def test_the_expanded_zone_is_taken_as_differences_and_ends_equal(work, turn):
    with FakeResolver() as resolver:
        scene = PlainScene(work, 3 + turn, resolver, turn)
        counts = scene.run(scene.change)
        assert scene.moves > CHANGES // 10
        assert_differences(scene, counts)


@pytest.mark.parametrize("turn", TURNS)
def test_the_expanded_zone_is_taken_whole_each_time_and_ends_equal(work, turn):
    """knotd always asks with an IXFR; without a journal that is answered by the whole zone."""
    with FakeResolver() as resolver:
        scene = PlainScene(work, 13 + turn, resolver, turn + 1, ixfr=False)
        counts = scene.run(scene.change)
        print(f"{CHANGES} changes, {scene.versions()} versions, transfers {counts}")
        for peer in scene.peers:
            assert set(counts[peer.kind]) <= ({"axfr", "ixfr as axfr"} if peer.kind == "knot" else {"axfr"}), counts
            assert sum(counts[peer.kind].values()) > 4, counts
