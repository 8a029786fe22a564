"""Our fetcher behind BIND, Knot, NSD and PowerDNS: a zone of 100,000 records, some of them so long that a message of 64 KiB
holds but one, by TSIG with each of the usual algorithms, record for record; a PowerDNS that expands ALIAS and signs.
TANDEM_LONG: every server with every algorithm."""

import hashlib
import os
import random

import dns.rdatatype
import pytest

import peers
import powerdns
from fake_resolver import FakeResolver
from fetching import Fetching
from tandem import HOST, Key, Workspace, axfr, wait_for

ZONE, NAMES, LONG_TEXTS = "example.gov", 100_000, 8
LONG_STRINGS = {"named": 160, "knot": 160, "nsd": 48, "pdns": 8}  # of 250 octets
ALGORITHMS = ["hmac-sha256", "hmac-sha384", "hmac-sha512"]


class Named(peers.Named):
    def config_text(self):
        return super().config_text().replace("type primary;", f'type primary; allow-transfer {{ key "{self.key.name}"; }};')


class Knot(peers.Knot):
    def config_text(self):
        acl = f'acl:\n  - id: out\n    key: "{self.key.name}"\n    action: transfer\nzone:\n'
        return super().config_text().replace("zone:\n", acl, 1) + "    acl: out\n    zonefile-sync: -1\n"


class Nsd(peers.Nsd):
    def config_text(self):
        return super().config_text() + f"    provide-xfr: {HOST} {self.key.name}\n"


KINDS = [Named, Knot, Nsd, powerdns.PowerDNSPrimary]
PAIRS = [(kind, a) for kind in KINDS for a in ALGORITHMS]
if not os.environ.get("TANDEM_LONG"):
    PAIRS = [(kind, ALGORITHMS[i % 3]) for i, kind in enumerate(KINDS)]


def zone_lines(strings):
    """The zone as ours writes it, without its SOA."""
    made = [f"{ZONE}. 300 IN NS ns.{ZONE}.", f"ns.{ZONE}. 300 IN A 192.0.2.53"]
    for number in range(LONG_TEXTS):
        made.append(f"long{number}.{ZONE}. 300 IN TXT " + " ".join(f'"{number}{"x" * 249}"' for _ in range(strings)))
    made += [f"n{i}.{ZONE}. 300 IN A 10.{i >> 16}.{i >> 8 & 255}.{i & 255}" for i in range(NAMES - len(made) - 1)]
    return made


def sum_of(lines):
    """As tests/support/fetch_main.c makes it."""
    numbers = (int.from_bytes(hashlib.blake2b(line.encode(), digest_size=32).digest()[:8], "big") for line in lines)
    return f"{sum(numbers) % 2**64:016x}"


@pytest.mark.parametrize("kind, algorithm", PAIRS, ids=lambda value: value if isinstance(value, str) else value.kind)
def test_a_large_zone_of_others_comes_over_record_for_record(kind, algorithm):
    """nsd's messages have 16 KiB: of a longer record it sends one message without records after the other, which ours ends at
    the 17th. pdns_server cares for the number of records in a message, not for their size, and gives up at an "oversized chunk"."""
    key, lines = Key(algorithm=algorithm), zone_lines(LONG_STRINGS[kind.kind])
    with Workspace() as work:
        soa = f"{ZONE}. 300 IN SOA ns.{ZONE}. host.{ZONE}. 7 7200 900 1209600 300"
        file = work.write("zone", "\n".join([soa, *lines]) + "\n")
        primary = kind(work)
        primary.key = key
        primary.serve(ZONE, file).start()
        wait_for(lambda: primary.has(ZONE), f"{primary.name} serves", about=primary.log)
        with Fetching([{"domain": ZONE}], [primary.port], key=key) as fetcher:
            candidate = fetcher.next("candidate", seconds=60)
            assert candidate["record_count"] == NAMES and candidate["sum"] == sum_of(lines)
            assert candidate["wire_octets"] > 2 << 20
            fetcher.facts(lambda what: what["last_success"])
            octets = candidate["wire_octets"]
            fetcher.order("exact on")
            fetcher.order("control 0 1 retransfer wait")
            assert fetcher.next("candidate", seconds=60)["sum"] == candidate["sum"]
            fetcher.next("control-reply")
            # From now on nothing changes: the transfer is the same again, octet for octet, and nobody reads it.
            fetcher.order("control 0 2 refresh wait")
            assert fetcher.next("contact", "candidate", seconds=60)["type"] == "contact"
            assert fetcher.log().count("octet for octet as before") == 1, fetcher.log()
            facts = fetcher.facts(lambda what: what["transfers_ok"] == 3)
            assert facts["octets_in"] >= 3 * octets


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_powerdns_that_expands_alias_and_signs_is_followed(work, algorithm):
    work.key = Key(algorithm=algorithm)
    chance = random.Random(algorithm)
    with FakeResolver() as resolver:
        resolver.set("lb.example.com", A=["203.0.113.1", "203.0.113.2"], AAAA=["2001:db8::1"])
        pdns = powerdns.PowerDNSPrimary(work, resolver_port=int(resolver.address.split("@")[1]))
        pdns.key = work.key

        def text(serial):
            hosts = "".join(f"n{i} A 198.51.100.{chance.randrange(256)}\n" for i in range(50))
            return f"$ORIGIN {ZONE}.\n$TTL 300\n@ SOA ns h {serial} 7200 900 1209600 300\n@ NS ns\nns A 192.0.2.1\n@ 60 ALIAS lb.example.com.\n*.w 60 ALIAS lb.example.com.\n{hosts}"

        pdns.serve(ZONE, work.write("zone", text(1))).start()
        secondary = work.secondary(
            [{"domain": ZONE, "acl": ["out"], "refresh": "20s", "request-ixfr": "yes"}], pdns.port,
            acl=[{"id": "out", "address": [HOST], "action": ["transfer"]}],
        ).start()
        wait_for(lambda: secondary.ask(ZONE, "SOA").rcode() == 0, "the zone served", about=secondary.log)
        for step in range(1, 11):
            if step % 2:
                resolver.set("lb.example.com", A=[f"203.0.113.{step + 10}", f"203.0.113.{step + 30}"], AAAA=[f"2001:db8::{step}"])
            work.write("zone", text(1 + step))
            pdns.changed(ZONE)
            wait_for(lambda: pdns.serial(ZONE) == 1 + step, "the change at the primary", about=pdns.log)
            secondary.control("zone", "refresh", ZONE, wait=True)
            assert content(secondary.port) == content(pdns.port, work.key)
        assert secondary.metric("tandem_zone_transfers_total", zone=ZONE, direction="in", kind="axfr", result="failed") == 0


def content(port, key=None):
    made = {"RRSIG", "NSEC", "DNSKEY", "CDS", "CDNSKEY"}
    lines = set()
    for name, ttl, rdata in axfr(port, ZONE, key).iterate_rdatas():
        word = dns.rdatatype.to_text(rdata.rdtype)
        if word not in made:
            lines.add(f"{name} {ttl} {word} {rdata.replace(serial=0) if word == 'SOA' else rdata}")
    return lines
