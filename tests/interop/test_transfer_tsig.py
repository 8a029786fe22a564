"""Transfers with TSIG between ours and theirs, for all five algorithms: tandem-server gives zones to dig, kdig,
dnspython, named, knotd and nsd; tandem-fetcher takes them from named, knotd and nsd, and its NOTIFY is understood."""

import pathlib
import subprocess
import sys

import dns.message
import dns.rdatatype
import dns.zone
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import peers  # noqa: E402
import serving  # noqa: E402
import tandem  # noqa: E402
from fetching import Fetching  # noqa: E402

ALGORITHMS = ["hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"]
DOMAIN = "tandem.example"
FILE = serving.GOLDEN_ZONES[DOMAIN]


def records(zone):
    """A zone as a set of (owner, TTL, type, RDATA), names in lower case and absolute."""
    if not isinstance(zone, dns.zone.Zone):
        zone = dns.zone.from_text(zone, origin=DOMAIN + ".", relativize=False)
    return {
        (name.derelativize(zone.origin).to_text().lower(), rdataset.ttl, dns.rdatatype.to_text(rdataset.rdtype),
         rdata.to_digestable(zone.origin))
        for name, node in zone.nodes.items()
        for rdataset in node
        for rdata in rdataset
    }


@pytest.fixture(scope="module")
def golden():
    return records(dns.zone.from_file(str(FILE), origin=DOMAIN + ".", relativize=False))


# ---- ours gives ----


@pytest.fixture(scope="module", params=ALGORITHMS)
def server(request):
    with serving.Serving(zones={DOMAIN: FILE}, key=tandem.Key(algorithm=request.param)) as running:
        yield running


def run(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_dig_takes_a_zone(server, golden):
    text = run("dig", "@127.0.0.1", "-p", server.port, "-y", server.key.dig(), DOMAIN, "AXFR")
    assert "Couldn't verify signature" not in text and "TSIG" in text
    lines = [line for line in text.splitlines() if line and not line.startswith(";") and "TSIG" not in line.split()[3:4]]
    assert records("\n".join(lines)) == golden


def test_kdig_takes_a_zone(server, golden):
    text = run("kdig", "@127.0.0.1", "-p", server.port, "-y", server.key.dig(), DOMAIN, "AXFR")
    assert ";; ERROR" not in text and ";; WARNING" not in text
    lines = [line for line in text.splitlines() if line and not line.startswith(";") and "TSIG" not in line.split()[3:4]]
    assert records("\n".join(lines)) == golden


def test_dnspython_takes_a_zone(server, golden):
    assert records(tandem.axfr(server.port, DOMAIN, server.key)) == golden


def follower(kind, work, server, key, notify_key=True):
    """A secondary of others. notify_key False: Knot, whose rule then takes NOTIFY without a key only."""
    peer = kind(work).follow([DOMAIN], server.port, key)
    if kind is peers.Knot:
        rule = f'    key: "{key.name}"\n    action: notify\n'

        def config_text():
            text = kind.config_text(peer).replace("    dnssec-validation: on\n", "")
            assert rule in text
            return text if notify_key else text.replace(rule, "    action: notify\n")

        peer.config_text = config_text
    return peer.start()


@pytest.mark.parametrize("kind", [peers.Named, peers.Knot, peers.Nsd])
def test_a_secondary_of_others_takes_a_zone(server, kind):
    with tandem.Workspace() as work:
        peer = follower(kind, work, server, server.key)
        tandem.wait_for(lambda: peer.has(DOMAIN), f"{peer.name} has the zone", about=peer.log)
        for rdtype in ("SOA", "NS", "DNSKEY"):
            ours = tandem.answers(server.ask(DOMAIN, rdtype))
            assert tandem.answers(peer.ask(DOMAIN, rdtype)) == ours


@pytest.mark.parametrize("query", ["dig", "kdig"])
def test_a_wrong_secret_is_told_as_badsig(server, query):
    wrong = tandem.Key(name=server.key.name, algorithm=server.key.algorithm)
    done = subprocess.run(
        [query, "@127.0.0.1", "-p", str(server.port), "-y", wrong.dig(), DOMAIN, "AXFR"],
        capture_output=True, text=True, timeout=60,
    )
    text = done.stdout + done.stderr
    assert "BADSIG" in text or "tsig verify failure" in text.lower() or "NOTAUTH" in text, text
    assert "3600" not in "".join(line for line in text.splitlines() if "IN\tNS" in line)


# ---- ours takes ----


class NamedPrimary(peers.Named):
    def config_text(self):
        return super().config_text().replace(
            f"allow-transfer {{ {tandem.HOST}; }}", f'allow-transfer {{ key "{self.key.name}"; }}'
        )


class KnotPrimary(peers.Knot):
    def config_text(self):
        text = super().config_text()
        acl = f'acl:\n  - id: out\n    key: "{self.key.name}"\n    action: transfer\nzone:\n'
        text = text.replace("zone:\n", acl)
        return text.replace("    file: ", "    acl: out\n    file: ")


class NsdPrimary(peers.Nsd):
    def config_text(self):
        text = super().config_text()
        return text + f"    provide-xfr: {tandem.HOST} {self.key.name}\n"


PRIMARIES = [NamedPrimary, KnotPrimary, NsdPrimary]


def primary_of(kind, work, key):
    primary = kind(work)
    primary.key = key
    primary.serve(DOMAIN, work.write(f"{primary.name}.zone", FILE.read_text()))
    primary.start()
    tandem.wait_for(lambda: primary.has(DOMAIN), f"{primary.name} serves", about=primary.log)
    return primary


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("kind", PRIMARIES)
def test_the_fetcher_takes_a_zone_of_others(kind, algorithm, golden):
    key = tandem.Key(algorithm=algorithm)
    with tandem.Workspace() as work:
        primary = primary_of(kind, work, key)
        with Fetching([{"domain": DOMAIN}], [primary.port], key=key) as fetcher:
            candidate = fetcher.next("candidate", "poll-facts")
            assert candidate["type"] == "candidate", candidate
            assert len(candidate["records"]) == candidate["record_count"]
            assert records("\n".join(candidate["records"])) == golden


@pytest.mark.parametrize("kind", PRIMARIES)
def test_others_refusals_are_told_in_words(kind):
    key = tandem.Key()
    with tandem.Workspace() as work:
        primary = primary_of(kind, work, key)
        wrong = tandem.Key(name=key.name)
        unknown = tandem.Key(name="nobody.")
        for used, words in ((wrong, "BADSIG"), (unknown, "BADKEY"), (None, "")):
            with Fetching([{"domain": DOMAIN}], [primary.port], key=used) as fetcher:
                facts = fetcher.next("candidate", "poll-facts")
                assert facts["type"] == "poll-facts" and facts["failures_in_row"] == 1
                failure = facts["failure"]
                assert words in failure or "NOTAUTH" in failure or "REFUSED" in failure, failure


@pytest.mark.parametrize("algorithm", ["hmac-sha1", "hmac-sha256", "hmac-sha512"])
@pytest.mark.parametrize("kind", [peers.Named, peers.Knot, peers.Nsd])
def test_others_answer_our_notify(kind, algorithm):
    """The peers take the zone from tandem-server and NOTIFY from tandem-fetcher."""
    key = tandem.Key(algorithm=algorithm)
    with serving.Serving(zones={DOMAIN: FILE}, key=key) as server, tandem.Workspace() as work:
        peer = follower(kind, work, server, key)
        tandem.wait_for(lambda: peer.has(DOMAIN), f"{peer.name} has the zone", about=peer.log)
        remote = {"id": "peer", "address": [f"127.0.0.1@{peer.port}"], "key": key.name}
        with Fetching(
            [{"domain": DOMAIN, "notify": ["peer"]}], [server.port], key=key, remotes=[remote]
        ) as fetcher:
            fetcher.order("publish 0 1")
            facts = fetcher.facts(lambda what: what["downstream_current"] == 1)
            assert facts["downstream"] == ""


def test_a_server_that_lacks_our_key_is_told_without_it():
    key = tandem.Key()
    with serving.Serving(zones={DOMAIN: FILE}, key=key) as server, tandem.Workspace() as work:
        peer = follower(peers.Knot, work, server, key, notify_key=False)
        tandem.wait_for(lambda: peer.has(DOMAIN), "knot has the zone", about=peer.log)
        remote = {"id": "peer", "address": [f"127.0.0.1@{peer.port}"], "key": key.name}
        with Fetching(
            [{"domain": DOMAIN, "notify": ["peer"]}], [server.port], key=key, remotes=[remote]
        ) as fetcher:
            fetcher.order("publish 0 1")
            facts = fetcher.facts(lambda what: what["downstream_current"] == 1)
            assert facts["downstream"] == ""
