"""The second path on real daemons: what the signing path got wrong is found before it is published, whatever it is; the
served zone stays and is answered, log, status and mail say which record it was, and the next good signing goes out. And
`zone verify`: the whole served zone while everything else goes on.

The fault comes from a seam (secondary/signer/sign/verify_damage.h) that only builds with sanitizers have."""

import json
import pathlib
import shutil
import subprocess
import threading
import time

import pytest

from evil_primary import EvilPrimary
from tandem import BIN, ControlError, answers, axfr, wait_for

ZONE = """$ORIGIN example.gov.
$TTL 300
@  IN SOA ns1 hostmaster 1 7200 900 1209600 300
@  IN NS  ns1
ns1 IN A 192.0.2.53
a.b.c IN TXT "below empty non-terminals"
sub IN NS ns.sub
ns.sub IN A 192.0.2.54
*.w IN A 192.0.2.55
"""
POLICIES = {
    "nsec": {},
    "nsec3": {"nsec3": "yes", "zonemd": "yes"},
    "opt-out": {"nsec3": {"opt-out": "yes"}, "algorithm": "ed25519"},
}
# What is damaged, and what the sentence of the first finding holds. Chain and digest are signed, too: that their own
# rules are kept is for the unit tests, which sign the faults.
DAMAGES = {
    "signature": "bad-signature:",
    "data": "A: bad-signature:",
    "ttl": "ttl: the signature has another TTL",
    "next": "NSEC",
    "bitmap": "NSEC",
    "key": "DNSKEY: unknown-key:",
    "zonemd": "ZONEMD: bad-signature:",
}


SIGNED_SECONDS = 120  # thousands of first signatures, where others want the cores too


@pytest.fixture
def evil(work):
    with EvilPrimary("example.gov", ZONE, key=work.key) as primary:
        yield primary


def secondary_with(work, evil, policy, environment=None):
    daemon = work.secondary(
        [{"domain": "example.gov", "acl": ["out"], "policy": "p"}],
        evil.port,
        acl=[{"id": "out", "address": ["127.0.0.1"], "action": ["transfer"]}],
        policy=[{"id": "p", **policy}],
    )
    daemon.start(wait=False, environment=environment)
    wait_for(daemon.is_ready, "ready", SIGNED_SECONDS, about=daemon.log)
    wait_for(lambda: daemon.ask("ns1.example.gov", "A").rcode() == 0, "the zone served", about=daemon.log)
    return daemon


SENTENCE = "do not verify, nothing is published: "


def has_seam():
    return b"TANDEM_TEST_DAMAGE" in (pathlib.Path(BIN) / "tandem-signer").read_bytes()


@pytest.mark.skipif(not has_seam(), reason="a build without sanitizers has no seam for faults")
@pytest.mark.parametrize("kind", POLICIES)
def test_what_does_not_verify_is_not_published(work, evil, kind):
    how = work.path / "damage"
    secondary = secondary_with(work, evil, POLICIES[kind], {"TANDEM_TEST_DAMAGE": str(how)})
    served = axfr(secondary.port, "example.gov").to_text(sorted=True)
    serial = secondary.zone("example.gov")["serial"]["signed"]
    wait_for(secondary.mails, "the mail of the first content", about=secondary.log)
    damages = [word for word in DAMAGES if word != "zonemd" or "zonemd" in POLICIES[kind]]
    for number, damage in enumerate(damages):
        mails = len(secondary.mails())
        seen = len(secondary.log())
        work.write(how.name, damage)  # at once: a file that is empty for a moment says that nothing is damaged
        evil.set_zone(ZONE + f"new{number} IN A 192.0.2.{60 + number}\n")
        wait_for(lambda: SENTENCE in secondary.log()[seen:], damage, about=secondary.log)
        # The served zone stays, octet for octet, and the state says why.
        assert axfr(secondary.port, "example.gov").to_text(sorted=True) == served, damage
        wait_for(lambda: secondary.zone("example.gov")["state"] == "failed", "the state says so", about=secondary.log)
        zone = secondary.zone("example.gov")
        assert zone["serial"]["signed"] == serial, zone
        line = next(line for line in secondary.log()[seen:].splitlines() if SENTENCE in line)
        said = line.split(SENTENCE)[1]
        assert DAMAGES[damage] in said and "example.gov. " in said, (damage, line)
        assert "do not verify" in zone["reason"], zone
        wait_for(lambda: len(secondary.mails()) > mails, "a mail", about=secondary.log)
        assert "do not verify" in " ".join(secondary.mails()[-1].get_content().split())
    how.unlink()
    evil.set_zone(ZONE + "new IN A 192.0.2.99\n")
    wait_for(lambda: answers(secondary.ask("new.example.gov", "A")), "the good zone", about=secondary.log)
    wait_for(lambda: secondary.zone("example.gov")["state"] == "ok", "the state says so", about=secondary.log)
    assert secondary.control("zone", "verify", "example.gov")["verified"]


def test_zone_verify_says_what_it_looked_at(work, evil):
    secondary = secondary_with(work, evil, POLICIES["nsec3"])
    result = secondary.control("zone", "verify", "example.gov")
    assert result["verified"] and result["findings"] == [] and result["problems"] == []
    assert result["denial"] == "nsec3" and result["zonemd"] is True
    # example, ns1, a.b.c, sub, ns.sub, *.w are names with data; w, c, b.c are denied, too, and ns.sub is not
    assert result["names"] == 6 and result["chain"] == 8
    assert result["serial"]["signed"] == secondary.zone("example.gov")["serial"]["signed"]
    assert result["records"] > result["rrsets"] // 2 and result["signatures"] > 10
    done = secondary.tandemctl("zone", "verify", "example.gov")
    assert done.returncode == 0 and "verified" in done.stdout, done


def findings_of(secondary):
    """What `zone verify` finds, as "OWNER TYPE: word: text"; by the socket and by the command the same."""
    with pytest.raises(ControlError):
        secondary.control("zone", "verify", "example.gov")
    done = secondary.tandemctl("--json", "zone", "verify", "example.gov")
    result = json.loads(done.stdout)["result"]
    assert done.returncode == 1 and result["verified"] is False and result["findings"], done
    shown = secondary.tandemctl("zone", "verify", "example.gov")
    assert shown.returncode == 1 and result["problems"][0] in shown.stdout + shown.stderr, shown
    return result["problems"]


@pytest.mark.skipif(not has_seam(), reason="a build without sanitizers has no seam for faults")
def test_zone_verify_says_what_is_wrong_with_what_is_served(work, evil):
    # Nobody looks before the publish, so what is damaged is served.
    how = work.path / "damage"
    secondary = secondary_with(work, evil, {**POLICIES["nsec3"], "verify": "off"}, {"TANDEM_TEST_DAMAGE": str(how)})
    for number, (damage, said) in enumerate({"signature": "bad-signature:", "ttl": "ttl:", "bitmap": "NSEC3"}.items()):
        assert secondary.control("zone", "verify", "example.gov")["verified"], damage
        work.write(how.name, damage)
        evil.set_zone(ZONE + "".join(f"new{n} IN A 192.0.2.{60 + n}\n" for n in range(number + 1)))
        wait_for(lambda: answers(secondary.ask(f"new{number}.example.gov", "A")), damage, about=secondary.log)
        how.unlink()
        found = findings_of(secondary)
        assert any(said in line for line in found), (damage, found)
        if damage != "bitmap":  # all is signed again, and good
            secondary.control("zone", "sign", "example.gov", wait=True)


def ask_for_verification(secondary, replies):
    try:
        replies.append(secondary.control("zone", "verify", "example.gov", timeout=120))
    except (ControlError, OSError, ValueError) as error:
        replies.append(error)


def start_verifications(secondary, replies, count):
    threads = [threading.Thread(target=ask_for_verification, args=(secondary, replies)) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads


def test_zone_verify_stands_beside_everything_else_and_ends_with_the_daemon(work):
    # Signatures that are fast to make and slow to verify; another zone changes meanwhile.
    large = ZONE + "".join(f"host{n} IN A 192.0.{n // 256}.{n % 256}\n" for n in range(5000))
    small = ZONE.replace("example.gov", "example.net")
    with EvilPrimary("example.gov", large, key=work.key, records_per_message=200) as first, EvilPrimary(
        "example.net", small, key=work.key
    ) as second:
        secondary = work.secondary(
            [
                {"domain": "example.gov", "policy": "p", "refresh": "1h"},
                {"domain": "example.net", "policy": "p", "primary": ["second"], "refresh": "1h"},
            ],
            first.port,
            policy=[{"id": "p", "algorithm": "ed25519"}],
        )
        secondary.config["remote"].append(
            {"id": "second", "address": [f"127.0.0.1@{second.port}"], "key": work.key.name}
        )
        secondary.start(wait=False)
        wait_for(secondary.is_ready, "ready", SIGNED_SECONDS, about=secondary.log)
        for zone in ("example.gov", "example.net"):
            wait_for(lambda zone=zone: secondary.ask(zone, "SOA").rcode() == 0, zone, about=secondary.log)
        for attempt in range(5):  # a machine may be fast enough to be through before
            replies = []
            threads = start_verifications(secondary, replies, 1)
            second.set_zone(small + f"new{attempt} IN A 192.0.2.1\n")
            secondary.control("zone", "refresh", "example.net")
            wait_for(lambda: answers(secondary.ask(f"new{attempt}.example.net", "A")), "the change",
                     about=secondary.log)
            assert secondary.control("zone", "history", "example.gov")["versions"]
            if not replies:
                break
            threads[0].join()
        else:
            raise AssertionError("a change waits for the verification")
        before = time.monotonic()
        assert secondary.stop() == 0
        assert time.monotonic() - before < 20
        threads[0].join(30)
        assert len(replies) == 1


def test_two_who_ask_at_once_get_the_same_verification(work):
    text = ZONE + "".join(f"host{n} IN A 192.0.{n // 256}.{n % 256}\n" for n in range(3000))
    with EvilPrimary("example.gov", text, key=work.key, records_per_message=200) as primary:
        secondary = secondary_with(work, primary, {"algorithm": "ed25519"})
        replies = []
        for thread in start_verifications(secondary, replies, 3):
            thread.join(120)
        assert len(replies) == 3 and all(reply["verified"] and reply["names"] == 3006 for reply in replies), replies
        assert secondary.log().count("verified by command") < 3


def signed_by_bind(path, *options):
    """The zone signed with BIND's tools, as text."""
    path.mkdir()
    (path / "zone").write_text(ZONE)
    run = dict(cwd=path, check=True, capture_output=True)
    for words in (["-f", "KSK"], []):
        subprocess.run(["dnssec-keygen", "-q", "-a", "13", *words, "example.gov"], **run)
    subprocess.run(["dnssec-signzone", "-S", "-q", "-o", "example.gov", "-O", "full", *options, "zone"], **run)
    return (path / "zone.signed").read_text()


@pytest.mark.skipif(shutil.which("dnssec-signzone") is None, reason="BIND's tools are not installed")
@pytest.mark.parametrize("options", [[], ["-3", "-"], ["-3", "ab12", "-H", "10", "-A"]])
def test_a_zone_that_comes_signed_is_served_when_all_of_it_verifies(work, options):
    text = signed_by_bind(work.path / "bind", *options)
    with EvilPrimary("example.gov", text, key=work.key) as primary:
        secondary = work.secondary(
            [{"domain": "example.gov", "policy": "none", "acl": ["out"]}],
            primary.port,
            acl=[{"id": "out", "address": ["127.0.0.1"], "action": ["transfer"]}],
        )
        secondary.start()
        wait_for(lambda: secondary.ask("ns1.example.gov", "A").rcode() == 0, "the zone", about=secondary.log)
        served = axfr(secondary.port, "example.gov").to_text(sorted=True)
        result = secondary.control("zone", "verify", "example.gov")
        assert result["verified"] and result["denial"] == ("nsec3" if options else "nsec")
        # One octet of one record that is signed: none of it is served.
        assert text.count("192.0.2.53") == 1
        primary.set_zone(text.replace("192.0.2.53", "192.0.2.63"))
        wait_for(lambda: secondary.zone("example.gov")["state"] == "held", "held", about=secondary.log)
        zone = secondary.zone("example.gov")
        assert "ns1.example.gov. A: bad-signature" in zone["reason"], zone
        assert axfr(secondary.port, "example.gov").to_text(sorted=True) == served
