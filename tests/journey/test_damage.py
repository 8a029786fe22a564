"""A disk that rots: what is damaged is answered with SERVFAIL, never as if it were not there; it is said in status, log
and mail; and the next transfer puts the zone right, under a serial after the served one."""

import dns.rcode
import pytest

from evil_primary import EvilPrimary
from tandem import answers, axfr, wait_for

ZONE = """$ORIGIN example.gov.
$TTL 300
@  IN SOA ns1 hostmaster 1 7200 900 1209600 300
@  IN NS  ns1
ns1 IN A 192.0.2.53
""" + "".join(f"host{n:02d} IN A 192.0.2.{n}\n" for n in range(30))


@pytest.fixture
def evil(work):
    with EvilPrimary("example.gov", ZONE, key=work.key) as primary:
        yield primary


@pytest.fixture
def secondary(work, evil):
    daemon = work.secondary(
        [{"domain": "example.gov", "acl": ["out"]}],
        evil.port,
        acl=[{"id": "out", "address": ["127.0.0.1"], "action": ["transfer"]}],
    )
    daemon.start()
    wait_for(lambda: daemon.ask("host07.example.gov", "A").rcode() == 0, "the zone served", about=daemon.log)
    return daemon


def rot(secondary, owner):
    """Flips an octet inside each record of the owner on disk, in place: the file is mapped."""
    hits = 0
    for path in [*secondary.directory.rglob("heap.*"), *secondary.directory.rglob("pool.*")]:
        octets = path.read_bytes()
        with open(path, "r+b", buffering=0) as file:
            at = octets.find(owner)
            while at >= 0:
                file.seek(at + 1)
                file.write(bytes([octets[at + 1] ^ 0x80]))
                hits += 1
                at = octets.find(owner, at + 1)
    assert hits > 0


def serial(secondary):
    return secondary.zone("example.gov")["serial"]["signed"]


def test_damage_found_at_a_start_is_servfail_until_the_primary_is_heard(secondary, evil):
    before, at = axfr(secondary.port, "example.gov").to_text(sorted=True), serial(secondary)
    assert secondary.stop() == 0
    rot(secondary, b"\x06host07\x07example\x03gov\x00")
    evil.do("away")
    secondary.start()
    wait_for(lambda: secondary.ask("host08.example.gov", "A").rcode() == 0, "served from disk", about=secondary.log)
    assert secondary.ask("host07.example.gov", "A").rcode() == dns.rcode.SERVFAIL
    zone = secondary.zone("example.gov")
    assert zone["state"] == "failed" and "damaged" in zone["reason"], zone
    assert "damaged" in secondary.log()
    assert zone["serial"]["signed"] == at
    evil.do("good")
    wait_for(lambda: secondary.ask("host07.example.gov", "A").rcode() == 0, "mended", about=secondary.log)
    wait_for(lambda: secondary.zone("example.gov")["state"] == "ok", "the state says so", about=secondary.log)
    assert serial(secondary) > at
    assert answers(secondary.ask("host07.example.gov", "A"))
    after = axfr(secondary.port, "example.gov").to_text(sorted=True)
    assert len(after.splitlines()) == len(before.splitlines())
    wait_for(lambda: any("damaged" in mail.as_string() for mail in secondary.mails()), "the mail", about=secondary.log)


def test_damage_under_a_running_signer_is_found_by_the_scrub_and_mended(secondary, evil):
    # Once every record was compared with a transfer, only the scrub reads it from the disk again.
    wait_for(lambda: evil.transfers >= 4, "polls", about=secondary.log)
    at = serial(secondary)
    rot(secondary, b"\x06host07\x07example\x03gov\x00")
    secondary.wait_log("damaged")
    wait_for(lambda: serial(secondary) > at, "signed anew", about=secondary.log)
    wait_for(lambda: secondary.zone("example.gov")["state"] == "ok", "the state says so", about=secondary.log)
    assert secondary.ask("host07.example.gov", "A").rcode() == 0
