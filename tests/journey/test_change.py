"""A change at the primary, and no change: real daemons, a zone file that is edited.

Promises shown: what changed is signed again and nothing else; a poll that brings nothing new does nothing at all; serials
never go back; a restart serves at once, also when the primary is away."""

import os
import re
import signal
import time

import dns.rcode
import dns.rdatatype
import pytest

from tandem import ControlError, answers, axfr, ask, wait_for

ZONE = """$ORIGIN example.gov.
$TTL 3600
@        IN SOA   ns1 hostmaster {serial} 7200 900 1209600 300
         IN NS    ns1
ns1      IN A     192.0.2.53
@     60 IN A     {apex}
@     60 IN A     192.0.2.10
*.sites  IN A     192.0.2.77
www      IN CNAME example.gov.
mail     IN MX    10 mx.mail
mx.mail  IN A     192.0.2.25
sub      IN NS    ns.sub
ns.sub   IN A     192.0.2.99
{more}"""


def zone_text(serial=1, apex="192.0.2.9", more=""):
    return ZONE.format(serial=serial, apex=apex, more=more)


@pytest.fixture
def pair(work):
    """(primary, secondary), running, the zone published."""
    work.write("zone", zone_text())
    primary = work.primary([{"domain": "example.gov", "file": "zone"}])
    secondary = work.secondary(
        [{"domain": "example.gov", "acl": ["out"]}],
        primary.port,
        acl=[{"id": "out", "address": ["127.0.0.1"], "action": ["transfer"]}],
    )
    primary.start()
    secondary.start()
    wait_for(lambda: secondary.ask("example.gov", "SOA").rcode() == 0, "the zone served", about=secondary.log)
    return primary, secondary


def signatures(port):
    """{(owner, type covered): RRSIG texts} of a transfer."""
    found = {}
    for name, rdataset in axfr(port, "example.gov").iterate_rdatasets():
        if rdataset.rdtype == dns.rdatatype.RRSIG:
            found[(str(name), dns.rdatatype.to_text(rdataset.covers))] = sorted(r.to_text() for r in rdataset)
    return found


def polls(secondary):
    """Whole transfers, and polls that one SOA answered: tandem-primary says that its serial follows content."""
    return sum(
        secondary.metric("tandem_zone_transfers_total", zone="example.gov", direction="in", kind=kind, result="ok")
        for kind in ("axfr", "soa")
    )


def test_only_what_changed_is_signed_again(work, pair):
    primary, secondary = pair
    before = signatures(secondary.port)
    work.write("zone", zone_text(serial=2, apex="192.0.2.44"))
    primary.control("reload")
    wait_for(lambda: "192.0.2.44" in answers(secondary.ask("example.gov", "A")), "the new address", about=secondary.log)
    after = signatures(secondary.port)
    assert set(before) == set(after)
    changed = {key for key in before if before[key] != after[key]}
    assert changed == {("@", "A"), ("@", "SOA")}


def test_a_poll_that_brings_nothing_new_changes_nothing(work, pair):
    primary, secondary = pair
    before = axfr(secondary.port, "example.gov").to_text(sorted=True)
    mails = len(wait_for(secondary.mails, "the mail of the first content", about=secondary.log))
    seen = polls(secondary)
    made = sum(secondary.metric("tandem_signatures_total", zone="example.gov", reason=r) for r in ("initial", "change", "refresh"))
    wait_for(lambda: polls(secondary) >= seen + 3, "three more polls", about=secondary.log)
    assert axfr(secondary.port, "example.gov").to_text(sorted=True) == before
    assert len(secondary.mails()) == mails
    assert made == sum(secondary.metric("tandem_signatures_total", zone="example.gov", reason=r) for r in ("initial", "change", "refresh"))


def test_a_serial_alone_is_no_change(work, pair):
    primary, secondary = pair
    before = axfr(secondary.port, "example.gov").to_text(sorted=True)
    work.write("zone", zone_text(serial=500))
    primary.control("reload")
    seen = polls(secondary)
    wait_for(lambda: polls(secondary) >= seen + 2, "two more polls", about=secondary.log)
    assert axfr(secondary.port, "example.gov").to_text(sorted=True) == before


def test_a_ttl_is_content(work, pair):
    primary, secondary = pair
    text = zone_text(serial=2).replace("@     60 IN A", "@     30 IN A")
    work.write("zone", text)
    primary.control("reload")
    wait_for(lambda: secondary.ask("example.gov", "A").answer[0].ttl == 30, "the new TTL", about=secondary.log)
    answer = secondary.ask("example.gov", "A", dnssec=True)
    rrsig = [r for r in answer.answer if r.rdtype == dns.rdatatype.RRSIG][0][0]
    assert rrsig.original_ttl == 30


def test_names_come_and_go_and_the_chain_follows(work, pair):
    primary, secondary = pair
    for serial, more in ((2, "b.new IN A 192.0.2.1\n"), (3, "b.new IN A 192.0.2.1\nz IN TXT \"x\"\n"), (4, "")):
        work.write("zone", zone_text(serial=serial, more=more))
        primary.control("reload")
        wait_for(
            lambda: (secondary.ask("b.new.example.gov", "A").rcode() == dns.rcode.NOERROR) == ("b.new" in more)
            and (secondary.ask("z.example.gov", "TXT").rcode() == dns.rcode.NOERROR) == ("z IN" in more),
            f"step {serial}",
            about=secondary.log,
        )
        result = secondary.control("zone", "verify", "example.gov")
        assert result["verified"] and not result["problems"]


def test_the_mail_says_what_changed(work, pair):
    primary, secondary = pair
    work.write("zone", zone_text(serial=2, apex="192.0.2.44"))
    primary.control("reload")
    mail = wait_for(
        lambda: [m for m in secondary.mails() if "(+1 -1)" in m["Subject"]], "the mail", about=secondary.log
    )[0]
    body = mail.get_content().replace("\r\n", "\n")
    assert mail["Auto-Submitted"] == "auto-generated"
    assert "Why      example.gov. A changed at the primary" in body
    assert "  example.gov.  60  A\n- 192.0.2.9\n+ 192.0.2.44\n  192.0.2.10\n" in body
    assert re.search(r"first signature expires \d{4}-\d\d-\d\d \(\d+ d\)", body)
    check = [line for line in body.splitlines() if line.startswith("Check")][0]
    assert f"dig @127.0.0.1 -p {secondary.port} example.gov A +dnssec" in check


def test_zone_diff_tells_the_last_change_of_content_when_nothing_is_held(work, pair):
    primary, secondary = pair
    work.write("zone", zone_text(serial=2, apex="192.0.2.44"))
    primary.control("reload")
    wait_for(lambda: "192.0.2.44" in answers(secondary.ask("example.gov", "A")), "the new address", about=secondary.log)
    secondary.control("zone", "sign", "example.gov", wait=True)  # no change of content
    diff = secondary.control("zone", "diff", "example.gov")
    assert (diff["held"], diff["added"], diff["removed"], diff["left_out"]) == (False, 1, 1, 0)
    assert [(c["op"], c["type"], c["data"]) for c in diff["changes"]] == [("-", "A", "192.0.2.9"), ("+", "A", "192.0.2.44")]
    shown = secondary.tandemctl("zone", "diff", "example.gov").stdout
    assert "nothing is held; the last change of content (+1 -1):\n- example.gov. 60 A 192.0.2.9\n+ example.gov. 60 A 192.0.2.44\n" in shown
    secondary.stop()
    secondary.start()
    wait_for(lambda: secondary.ask("example.gov", "SOA").rcode() == 0, "the zone served", about=secondary.log)
    assert secondary.control("zone", "diff", "example.gov")["left_out"] == 2
    assert "2 more are not shown (they are not kept; zone history has the counts)" in secondary.tandemctl("zone", "diff", "example.gov").stdout


def test_a_restart_serves_at_once_without_the_primary(work, pair):
    primary, secondary = pair
    before = signatures(secondary.port)
    assert primary.stop() == 0
    assert secondary.stop() == 0
    secondary.start()
    wait_for(lambda: secondary.ask("example.gov", "A").rcode() == 0, "served from disk", seconds=10, about=secondary.log)
    assert signatures(secondary.port) == before


def test_the_served_zone_outlives_the_primary_and_the_zone_expires_only_when_told_to(work):
    work.write("zone", zone_text())
    primary = work.primary([{"domain": "example.gov", "file": "zone"}])
    secondary = work.secondary([{"domain": "example.gov", "expire": "4s"}], primary.port)
    primary.start()
    secondary.start()
    wait_for(lambda: secondary.ask("example.gov", "A").rcode() == 0, "served", about=secondary.log)
    primary.kill()
    wait_for(lambda: secondary.ask("example.gov", "A").rcode() == dns.rcode.SERVFAIL, "expired", about=secondary.log)
    wait_for(lambda: secondary.zone("example.gov")["state"] == "expired", "the state says so", about=secondary.log)
    for name in ("example.gov", "nothere.example.gov"):  # never NXDOMAIN, and why (RFC 8914 section 4.25)
        answer = secondary.ask(name, "A")
        assert answer.rcode() == dns.rcode.SERVFAIL and [option.code for option in answer.options] == [24]
    primary.start()
    wait_for(lambda: secondary.ask("example.gov", "A").rcode() == 0, "back again", about=secondary.log)


def test_serials_of_the_signed_zone_never_go_back(work, pair):
    primary, secondary = pair
    serials = []

    def soa():
        return int(answers(secondary.ask("example.gov", "SOA"))[0].split()[2])

    for serial, apex in ((4000000000, "192.0.2.1"), (5, "192.0.2.2"), (6, "192.0.2.3")):
        serials.append(soa())
        work.write("zone", zone_text(serial=serial, apex=apex))
        primary.control("reload")
        wait_for(lambda: apex in answers(secondary.ask("example.gov", "A")), f"{apex}", about=secondary.log)
    serials.append(soa())
    assert all(0 < ((b - a) & 0xFFFFFFFF) < 0x80000000 for a, b in zip(serials, serials[1:])), serials


def test_a_reload_takes_zones_in_and_out(work, pair):
    primary, secondary = pair
    work.write("other", zone_text().replace("example.gov", "example.net"))
    primary.config["zone"].append(dict(primary.config["zone"][0], domain="example.net", file=str(work.path / "other")))
    primary.write_config()
    primary.control("reload")
    secondary.config["zone"].append({"domain": "example.net", "primary": ["hidden"], "refresh": "1s", "retry": "1s"})
    secondary.write_config()
    result = secondary.control("reload")
    assert result["zones_added"] == ["example.net"]
    wait_for(lambda: secondary.ask("example.net", "SOA").rcode() == 0, "the new zone", about=secondary.log)
    secondary.config["zone"].pop()
    secondary.write_config()
    secondary.signal(signal.SIGHUP)
    wait_for(lambda: secondary.ask("example.net", "SOA").rcode() == dns.rcode.REFUSED, "the zone gone", about=secondary.log)
    assert secondary.ask("example.gov", "A").rcode() == 0


def test_a_reload_of_a_broken_configuration_keeps_the_old_one(work, pair):
    primary, secondary = pair
    secondary.config["zone"][0]["refrsh"] = "60s"
    secondary.write_config()
    done = secondary.tandemctl("reload")
    assert done.returncode == 3
    assert "refrsh" in done.stdout + done.stderr and "refresh" in done.stdout + done.stderr
    assert secondary.ask("example.gov", "A").rcode() == 0
    assert os.path.exists(secondary.socket)


def test_every_role_that_is_killed_comes_back_and_the_zone_is_answered_all_the_time(work, pair):
    primary, secondary = pair

    def told(role):
        """What the status says of the role; None while the desk itself is away, or has not heard of it yet."""
        try:
            return next((r for r in secondary.control("status")["roles"] if r["role"] == role), None)
        except (OSError, ControlError, ValueError):
            return None

    for role in ("signer", "fetcher", "desk", "server 0"):
        os.kill(wait_for(lambda: told(role), f"{role} told", about=secondary.log)["pid"], signal.SIGKILL)
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            # A server that is being restarted answers from its socket's buffer a moment later.
            assert ask(secondary.port, "example.gov", "A", timeout=5).rcode() == 0
        wait_for(lambda: (now := told(role)) and now["restarts"] >= 1, f"{role} back", about=secondary.log)
    work.write("zone", zone_text(serial=2, apex="192.0.2.44"))
    primary.control("reload")
    wait_for(lambda: "192.0.2.44" in answers(secondary.ask("example.gov", "A")), "changes still work", about=secondary.log)
