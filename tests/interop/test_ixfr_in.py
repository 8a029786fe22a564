"""Our secondary with `request-ixfr: yes` behind the primaries of others: random changes arrive as deltas, the signed
zone is the primary's at the end, and only what changed is signed. TANDEM_LONG: ten times as many changes."""

import os
import random
import subprocess

import dns.edns
import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsigkeyring
import dns.update
import pytest

import peers
import powerdns
from fake_resolver import FakeResolver
from tandem import HOST, Key, answers, axfr, wait_for

ZONE, NAMES = "example.gov", 300
CHANGES = 1000 if os.environ.get("TANDEM_LONG") else 100
EACH_ROUND = 10
DNSSEC = {"RRSIG", "NSEC", "NSEC3", "NSEC3PARAM", "DNSKEY", "CDS", "CDNSKEY", "ZONEMD"}


class Content:
    """What the zone shall be: {(owner, type): (ttl, set of rdata)} relative to the apex, and its next random self."""

    def __init__(self, seed):
        self.random, self.serial = random.Random(seed), 1
        self.sets = {("@", "NS"): (300, {"ns"}), ("ns", "A"): (300, {"192.0.2.53"})}
        for number in range(NAMES):
            self.sets[(f"n{number}", "A")] = (300, {f"192.0.2.{number % 250 + 1}"})

    def change(self):
        """One change; gives (owner, type) of it."""
        pick = self.random
        owner = pick.choice([f"n{pick.randrange(NAMES)}", f"deep.er.n{pick.randrange(40)}", f"x{pick.randrange(40)}"])
        key = (owner, pick.choice(["A", "A", "TXT", "MX"]))
        if owner.startswith("x"):
            key = (owner, "NS")  # a cut comes or goes
        if key in self.sets and pick.random() < 0.4:
            del self.sets[key]
            return key
        number = pick.randrange(1, 250)
        rdata = {"A": f"198.51.100.{number}", "TXT": f'"t{number}"', "MX": f"{number} ns", "NS": f"ns{number % 3}.other.example."}
        ttl, old = self.sets.get(key, (0, set()))
        kept = set(old) if pick.random() < 0.5 and key[1] != "A" else set()
        self.sets[key] = (pick.choice([60, 300]), kept | {rdata[key[1]]})
        return key

    def text(self):
        lines = [f"$ORIGIN {ZONE}.", f"@ 300 SOA ns hostmaster {self.serial} 7200 900 1209600 300"]
        for (owner, rdtype), (ttl, rdatas) in sorted(self.sets.items()):
            lines += [f"{owner} {ttl} IN {rdtype} {rdata}" for rdata in sorted(rdatas)]
        return "\n".join(lines) + "\n"


class OurNamed(peers.Named):
    """BIND with dynamic updates: its journal is what it answers IXFR from."""

    axfr_form_share = 0

    def config_text(self):
        text = super().config_text()
        return text.replace(
            "type primary;", f'type primary; allow-transfer {{ key "{self.key.name}"; }}; allow-update {{ key "{self.key.name}"; }};'
        )

    def take(self, content, changed):
        update = dns.update.UpdateMessage(ZONE, keyring={self.key.dnspython().name: self.key.dnspython()}, keyname=self.key.name)
        for owner, rdtype in changed:
            update.delete(owner, rdtype)
            if (owner, rdtype) in content.sets:
                ttl, rdatas = content.sets[(owner, rdtype)]
                for rdata in rdatas:
                    update.add(owner, ttl, rdtype, rdata)
        reply = dns.query.tcp(update, HOST, port=self.port, timeout=10)
        assert reply.rcode() == dns.rcode.NOERROR, reply

    def wanted_serial(self, content):
        return self.serial(ZONE)  # it counts by itself

    def lose_journal(self):
        assert self.stop() == 0
        (self.directory / "zone.jnl").unlink()
        self.start()


class FilePrimary:
    """Changes come as a new zone file under the next serial."""

    axfr_form_share = 0

    def wanted_serial(self, content):
        return content.serial

    def take(self, content, changed):
        content.serial += 1
        self.zones[ZONE].write_text(content.text())
        self.reload()
        wait_for(lambda: self.serial(ZONE) == content.serial, f"{self.name} has serial {content.serial}", about=self.log)


class OurKnot(FilePrimary, peers.Knot):
    def config_text(self):
        (self.directory / "db").mkdir(exist_ok=True)  # where the journal is
        acl = f'acl:\n  - id: out\n    key: "{self.key.name}"\n    action: transfer\n'
        zone = "    zonefile-load: difference\n    journal-content: changes\n    acl: out\n"
        return super().config_text().replace("zone:\n", acl + "zone:\n", 1) + zone

    def reload(self):
        self.control("zone-reload", ZONE)

    def control(self, *words):
        subprocess.run(["knotc", "-s", str(self.directory / "knot.sock"), *words], check=True, capture_output=True, timeout=20)

    def lose_journal(self):
        self.control("-f", "zone-purge", "+journal", ZONE)
        self.control("zone-reload", ZONE)


class OurNsd(FilePrimary, peers.Nsd):
    axfr_form_share = 0.9  # while it reloads it may answer in AXFR form

    def config_text(self):
        text = super().config_text()
        return text + f"    store-ixfr: yes\n    create-ixfr: yes\n    ixfr-number: 100\n    provide-xfr: {HOST} {self.key.name}\n"

    def reload(self):
        pid = int((self.directory / "pid").read_text())
        os.kill(pid, 1)  # SIGHUP

    def lose_journal(self):
        self.stop()
        for file in self.directory.glob("*.ixfr*"):
            file.unlink()
        self.start()


class Scene:
    def __init__(self, work, kind, seed=1, **zone):
        self.work, self.content = work, Content(seed)
        self.primary = kind(work)
        self.primary.key = work.key
        file = self.primary.directory / "zone"
        file.write_text(self.content.text())
        self.primary.serve(ZONE, file).start()
        self.secondary = work.secondary(
            [{"domain": ZONE, "acl": ["out"], "request-ixfr": "yes", "refresh": "20s", **zone}], self.primary.port,
            acl=[{"id": "out", "address": [HOST], "action": ["transfer"]}], log={"level": "debug"},
        ).start()
        wait_for(lambda: self.secondary.ask(ZONE, "SOA").rcode() == 0, "the zone served", about=self.log)
        wait_for(lambda: self.transfers("axfr") == 1, "its transfer counted", about=self.log)

    def log(self):
        return self.secondary.log() + self.primary.log()

    def transfers(self, kind, result="ok"):
        return self.secondary.metric("tandem_zone_transfers_total", zone=ZONE, direction="in", kind=kind, result=result)

    def signatures(self, reason):
        return self.secondary.metric("tandem_signatures_total", zone=ZONE, reason=reason)

    def round(self, changes=EACH_ROUND):
        changed = [self.content.change() for _ in range(changes)]
        self.primary.take(self.content, dict.fromkeys(changed))
        self.refresh_until_taken()

    def refresh_until_taken(self):
        """Once; or again where the primary is of several processes and the one that goes still answers with the serial
        before: then there was nothing to take. That the serial tells is what `request-ixfr: yes` relies on."""
        wanted = self.primary.wanted_serial(self.content)
        wait_for(
            lambda: self.refresh() or self.secondary.zone(ZONE)["serial"]["unsigned"] == wanted, f"serial {wanted} taken",
            about=self.log)

    def assert_no_delta_failed(self):
        """But for connections that broke under it: NSD's children of before a reload end with what they have in hand."""
        broken = self.secondary.log().count("reason=cut") if self.primary.axfr_form_share else 0
        assert self.transfers("ixfr", "failed") == broken, self.secondary.log()[-3000:]

    def delta_round(self):
        """Rounds until one came as a delta: the first, but where the primary is asked while it reloads."""
        seen = self.transfers("ixfr")
        for _ in range(1 if not self.primary.axfr_form_share else 5):
            self.round()
            if self.transfers("ixfr") == seen + 1:
                return
        raise AssertionError("no delta\n" + self.log()[-3000:])

    def refresh(self):
        self.secondary.control("zone", "refresh", ZONE, wait=True)

    def assert_same(self):
        wanted, got = content_of(self.primary.port, self.work.key), content_of(self.secondary.port)
        assert got == wanted, sorted(got.symmetric_difference(wanted))[:10]

    def assert_verified(self):
        result = self.secondary.control("zone", "verify", ZONE)
        assert result["verified"] and not result["problems"], result


def content_of(port, key=None):
    """The unsigned view of a transfer as a set of lines, without the SOA's serial."""
    lines = set()
    for name, ttl, rdata in axfr(port, ZONE, key).iterate_rdatas():
        rdtype = dns.rdatatype.to_text(rdata.rdtype)
        if rdtype == "SOA":
            rdata = rdata.replace(serial=0)
        if rdtype not in DNSSEC:
            lines.add(f"{name} {ttl} {rdtype} {rdata.to_text()}".lower())
    return lines


KINDS = [OurNamed, OurKnot, OurNsd]


ALGORITHMS = ["hmac-sha256", "hmac-sha384", "hmac-sha512"]
PAIRS = [(kind, algorithm) for kind in KINDS for algorithm in ALGORITHMS] if os.environ.get("TANDEM_LONG") else zip(KINDS, ALGORITHMS)


@pytest.mark.parametrize("kind, algorithm", PAIRS)
def test_random_changes_arrive_as_deltas_and_only_they_are_signed(work, kind, algorithm):
    work.key = Key(algorithm=algorithm)
    scene = Scene(work, kind)
    whole, initial = scene.transfers("axfr"), scene.signatures("initial")
    assert initial > 2 * NAMES
    rounds = CHANGES // EACH_ROUND
    for _ in range(rounds):
        scene.round()
    scene.assert_same()
    scene.assert_verified()
    in_axfr_form = scene.transfers("axfr") - whole
    assert in_axfr_form <= (rounds * kind.axfr_form_share), scene.secondary.log()[-3000:]
    assert scene.transfers("ixfr") == rounds - in_axfr_form, scene.secondary.log()[-3000:]
    scene.assert_no_delta_failed()
    assert scene.signatures("initial") == initial
    # An owner that comes or goes: its RRset, its NSEC and its neighbour's; each publish: the SOA.
    assert scene.signatures("change") <= 4 * CHANGES + rounds
    assert scene.secondary.zone(ZONE)["refresh"]["kind"] in (["ixfr", "axfr"] if kind.axfr_form_share else ["ixfr"])
    seen = scene.transfers("soa")
    scene.refresh()
    assert scene.transfers("soa") == seen + 1
    assert scene.signatures("change") <= 4 * CHANGES + rounds


@pytest.mark.parametrize("kind", KINDS)
def test_restarts_and_a_lost_journal_end_in_whole_transfers(work, kind):
    scene = Scene(work, kind, seed=2)
    scene.round()
    assert scene.secondary.stop() == 0
    changed = [scene.content.change() for _ in range(EACH_ROUND)]
    scene.primary.take(scene.content, dict.fromkeys(changed))
    scene.secondary.start()
    scene.refresh()
    assert scene.transfers("axfr") >= 1 and scene.transfers("ixfr") == 0  # a start begins whole
    scene.assert_same()
    scene.delta_round()
    # Nothing leads from our serial any more: an answer in AXFR form, or a refusal.
    changed = [scene.content.change() for _ in range(EACH_ROUND)]
    scene.primary.take(scene.content, dict.fromkeys(changed))
    whole = scene.transfers("axfr")
    scene.primary.lose_journal()
    scene.refresh()
    assert scene.transfers("axfr") == whole + 1, scene.secondary.log()[-3000:]
    scene.assert_same()
    scene.delta_round()
    scene.assert_same()
    scene.assert_verified()


def test_the_gate_holds_a_delta_by_the_whole_zone(work):
    scene = Scene(work, OurNamed, seed=3, gate={"max-removed": "10%"})
    before = content_of(scene.secondary.port)
    gone = [key for key in scene.content.sets if key[0].startswith("n1")]
    assert len(gone) > NAMES // 10
    for key in gone:
        del scene.content.sets[key]
    scene.primary.take(scene.content, gone)
    with pytest.raises(Exception, match="removed"):
        scene.refresh()
    assert content_of(scene.secondary.port) == before
    held = scene.secondary.zone(ZONE)
    assert held["state"] == "held" and scene.transfers("ixfr", "failed") == 1
    scene.secondary.control("zone", "accept", ZONE, held["gate"]["digest"], wait=True)
    wait_for(lambda: content_of(scene.secondary.port) != before, "the accepted content", about=scene.log)
    scene.assert_same()
    scene.refresh()
    scene.round()
    assert scene.transfers("ixfr", "failed") == 1
    scene.assert_same()


def test_a_powerdns_answers_in_its_way_and_the_content_arrives(work):
    """The bind backend has no differences: an IXFR is answered in AXFR form, or by one SOA."""
    content = Content(4)
    pdns = powerdns.PowerDNS(work)
    file = work.write("zone", content.text())
    pdns.serve(ZONE, file).start()
    secondary = work.secondary(
        [{"domain": ZONE, "acl": ["out"], "request-ixfr": "yes", "refresh": "20s"}], pdns.port,
        acl=[{"id": "out", "address": [HOST], "action": ["transfer"]}],
    )
    del secondary.config["remote"][0]["key"]
    secondary.start()
    for _ in range(3):
        for _ in range(EACH_ROUND):
            content.change()
        content.serial += 1
        work.write("zone", content.text())
        pdns.stop()
        pdns.start()
        secondary.control("zone", "refresh", ZONE, wait=True)
        assert content_of(secondary.port) == content_of(pdns.port)
    secondary.control("zone", "refresh", ZONE, wait=True)


def test_a_content_that_moves_under_its_serial_is_followed_with_auto(work):
    """With `yes` the operator promises that the serial tells; this PowerDNS breaks that, and `auto` asks for no promise."""
    with FakeResolver() as resolver:
        resolver.set("lb.example.com", A=["203.0.113.1"])
        file = work.write("zone", f"$ORIGIN {ZONE}.\n@ 300 SOA ns h 1 7200 900 1209600 300\n@ NS ns\nns A 192.0.2.1\n@ 60 ALIAS lb.example.com.\n")
        pdns = powerdns.PowerDNS(work, resolver_port=int(resolver.address.split("@")[1]))
        pdns.serve(ZONE, file).start()
        secondary = work.secondary([{"domain": ZONE, "request-ixfr": "auto", "refresh": "20s"}], pdns.port)
        del secondary.config["remote"][0]["key"]
        secondary.start()
        for step in range(1, 4):
            resolver.set("lb.example.com", A=[f"198.51.100.{step}"])
            secondary.control("zone", "refresh", ZONE, wait=True)
            wait_for(lambda: answers(secondary.ask(ZONE, "A")) == [f"198.51.100.{step}"], f"step {step}", about=secondary.log)


SERIAL_FOLLOWS = 65353  # common/dns/edns.h


def test_the_announcement_is_for_who_signs_and_asks(work):
    work.write("zone", Content(6).text())
    primary = work.primary([{"domain": ZONE, "file": "zone"}], acl=[{"id": "peers", "address": [HOST], "action": ["transfer", "query"]}])
    primary.start()
    wait_for(lambda: primary.ask(ZONE, "SOA").answer, "the zone served", about=primary.log)

    def said(rdtype, key, option, send=dns.query.udp):
        options = [dns.edns.GenericOption(option, b"")] if option else []
        query = dns.message.make_query(ZONE, rdtype, use_edns=0, payload=1232, options=options)
        if key:
            query.use_tsig(key.dnspython())
        return [o.data for o in send(query, HOST, port=primary.port, timeout=5).options if o.otype == SERIAL_FOLLOWS]

    assert said("SOA", work.key, SERIAL_FOLLOWS) == [b"\1"]
    assert said("SOA", work.key, SERIAL_FOLLOWS, dns.query.tcp) == [b"\1"]
    assert said("SOA", None, SERIAL_FOLLOWS) == []
    assert said("SOA", work.key, None) == []
    assert said("NS", work.key, SERIAL_FOLLOWS) == []
    named = OurNamed(work)  # software that does not know the option gives a plain answer
    named.key = work.key
    named.serve(ZONE, work.path / "zone").start()
    primary.port = named.port
    assert b"\1" not in said("SOA", work.key, SERIAL_FOLLOWS)


def test_tandem_primary_says_that_its_serial_tells_and_polls_cost_one_exchange(work):
    content = Content(5)
    work.write("zone", content.text())
    primary = work.primary([{"domain": ZONE, "file": "zone"}])
    secondary = work.secondary(
        [{"domain": ZONE, "acl": ["out"], "refresh": "20s"}], primary.port,
        acl=[{"id": "out", "address": [HOST], "action": ["transfer"]}],
    )
    primary.start()
    secondary.start()

    def transfers(kind):
        return secondary.metric("tandem_zone_transfers_total", zone=ZONE, direction="in", kind=kind, result="ok")

    wait_for(lambda: secondary.ask(ZONE, "SOA").rcode() == 0, "the zone served", about=secondary.log)
    for _ in range(3):
        secondary.control("zone", "refresh", ZONE, wait=True)
    assert (transfers("axfr"), transfers("soa")) == (1, 3), secondary.log()
    assert secondary.zone(ZONE)["refresh"]["kind"] == "soa"
    content.change()
    content.serial += 1
    work.write("zone", content.text())
    primary.control("reload")
    wait_for(lambda: secondary.control("zone", "refresh", ZONE, wait=True) and content_of(secondary.port) == content_of(primary.port, work.key), "the change", about=secondary.log)
    assert transfers("axfr") + transfers("ixfr") == 2
