"""What must not be published is not: a primary that does every wrong thing, and a secondary behind it whose served zone
stays as it was, with the reason in its log, its status and a mail."""

import os
import signal
import subprocess
import time

import dns.rcode
import pytest

from evil_primary import EvilPrimary
from tandem import BIN, ControlError, answers, axfr, role_pids, wait_for

NAMES = 40
HEAD = """$ORIGIN example.gov.
$TTL 3600
@  IN SOA ns1 hostmaster {serial} 7200 900 1209600 300
@  IN NS  ns1
@  60 IN A {apex}
ns1 IN A 192.0.2.53
"""


def zone_text(serial=1, apex="192.0.2.9", names=range(NAMES), address="198.51.100.{}", more=""):
    lines = [HEAD.format(serial=serial, apex=apex)]
    lines += [f"host{n:02d} 300 IN A " + address.format(n) for n in names]
    return "\n".join(lines) + "\n" + more


@pytest.fixture
def evil(work):
    with EvilPrimary("example.gov", zone_text(), key=work.key) as primary:
        yield primary


@pytest.fixture
def secondary(work, evil):
    daemon = work.secondary(
        [{"domain": "example.gov", "acl": ["out"], "gate": {"max-removed": "30%"}}],
        evil.port,
        acl=[{"id": "out", "address": ["127.0.0.1"], "action": ["transfer"]}],
    )
    daemon.start()
    wait_for(lambda: daemon.ask("example.gov", "A").rcode() == 0, "the zone served", about=daemon.log)
    return daemon


def content(secondary):
    return axfr(secondary.port, "example.gov").to_text(sorted=True)


def zone(secondary):
    return secondary.zone("example.gov")


def begin_tandemctl(daemon, *arguments):
    return subprocess.Popen(
        [str(BIN / "tandemctl"), "-s", daemon.socket, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def gate_mails(secondary):
    return [m for m in secondary.mails() if "held by the gate" in m["Subject"]]


BROKEN = [
    ("refuse", {}),
    ("refuse", {"rcode": "SERVFAIL"}),
    ("refuse_unsigned", {}),
    ("away", {}),
    ("no_records", {}),
    ("soa_only", {}),
    ("out_of_zone", {}),
    ("wrong_class", {}),
    ("meta_type", {}),
    ("soa_in_the_middle", {}),
    ("last_soa_differs", {}),
    ("first_soa_missing", {}),
    ("compression_loop", {}),
    ("compression_forward", {}),
    ("short_rdata", {}),
    ("long_rdlength", {}),
    ("trailing_octets", {}),
    ("garbage", {}),
    ("wrong_id", {}),
    ("wrong_question", {}),
    ("not_a_response", {}),
    ("truncated_flag", {}),
    ("unsigned", {}),
    ("unsigned_last", {}),
    ("bad_mac", {"message": 1}),
    ("changed", {"message": 2}),
    ("clock_off", {"seconds": 3600}),
    ("bad_key", {}),
    ("bad_sig", {}),
    ("bad_time", {}),
    ("other_zone", {}),
    ("short_soa", {}),
    ("svcb_length", {}),
    ("oversize_rrset", {}),
]


@pytest.mark.parametrize("what,options", BROKEN, ids=lambda v: v if isinstance(v, str) else "-".join(map(str, v.values())))
def test_a_broken_transfer_changes_nothing_and_status_says_why(secondary, evil, what, options):
    before, seen = content(secondary), evil.transfers
    evil.do(what, zone=zone_text(serial=2, apex="192.0.2.66"), **options)
    # A connection that stays open and says nothing more is given up after half a minute.
    wait_for(lambda: zone(secondary)["refresh"]["failures"] >= 1, "a failure counted", seconds=60, about=secondary.log)
    state = zone(secondary)
    assert state["refresh"]["error"], state
    assert content(secondary) == before
    assert evil.transfers > seen or what == "away"  # closed before a query could be read
    evil.do("good")
    wait_for(lambda: answers(secondary.ask("example.gov", "A")) == ["192.0.2.66"], "the good content", about=secondary.log)
    assert wait_for(lambda: zone(secondary)["refresh"]["failures"] == 0, "failures forgotten", about=secondary.log)


def test_an_nsec3_at_an_owner_of_255_octets_is_left_out_like_any(secondary, evil):
    """NSEC3 of others is not ours to publish, and a name below that one could not be hashed."""
    evil.do("nsec3_long_owner", zone=zone_text(serial=2, apex="192.0.2.66"))
    wait_for(lambda: answers(secondary.ask("example.gov", "A")) == ["192.0.2.66"], "the rest of it", about=secondary.log)
    assert "NSEC3" not in content(secondary)


def test_a_transfer_cut_at_every_message_boundary_and_inside_every_message_changes_nothing(secondary, evil):
    before = content(secondary)
    evil.do("cut_after", message=1, zone=zone_text(serial=2, apex="192.0.2.66"))
    messages = (NAMES + 5) // 4
    for kind in ("cut_after", "cut_inside"):
        for message in range(1, messages):
            evil.do(kind, message=message)
            seen = evil.transfers
            secondary.control("zone", "refresh", "example.gov")
            wait_for(lambda: evil.transfers > seen, f"{kind} {message}", about=secondary.log)
    assert content(secondary) == before
    assert zone(secondary)["refresh"]["failures"] >= 1


def test_61_percent_of_the_records_gone_is_held_and_accept_publishes_just_what_diff_showed(secondary, evil):
    before = content(secondary)
    evil.set_zone(zone_text(serial=2, names=range(NAMES - 25)))
    wait_for(lambda: zone(secondary)["state"] == "held", "held", about=secondary.log)
    state = zone(secondary)
    assert "removed (limit 30%)" in state["reason"] and state["gate"]["since"]
    assert content(secondary) == before

    # One mail for a digest, however many polls see it.
    seen = evil.transfers
    wait_for(lambda: evil.transfers >= seen + 3, "three more polls", about=secondary.log)
    assert len(wait_for(lambda: gate_mails(secondary), "the mail")) == 1
    body = gate_mails(secondary)[0].get_content()
    digest = state["gate"]["digest"]
    assert f"zone accept example.gov {digest}" in body

    shown = secondary.control("zone", "diff", "example.gov")
    assert shown["held"] and shown["digest"] == digest
    removed = {change["owner"] for change in shown["changes"] if change["op"] == "-"}
    assert removed == {f"host{n:02d}.example.gov." for n in range(NAMES - 25, NAMES)}
    assert not [change for change in shown["changes"] if change["op"] == "+"]

    # Another digest is refused, as is one that is cut; the right one publishes.
    with pytest.raises(ControlError, match="a digest has at least 4 digits") as short:
        secondary.control("zone", "accept", "example.gov", digest[:3])
    assert short.value.exit_code == 2
    with pytest.raises(ControlError) as wrong:
        secondary.control("zone", "accept", "example.gov", "ffffff")
    assert wrong.value.exit_code == 5
    rehearsed = secondary.tandemctl("zone", "accept", "example.gov", "ffffff", "--dry-run")
    assert rehearsed.returncode == 5 and "zone example.gov: ffffff is not what is held" in rehearsed.stderr
    done = secondary.tandemctl("zone", "accept", "example.gov", digest, "-b")
    assert done.returncode == 0, done.stderr
    assert secondary.ask("host39.example.gov", "A").rcode() == dns.rcode.NXDOMAIN
    assert answers(secondary.ask("host00.example.gov", "A")) == ["198.51.100.0"]
    wait_for(lambda: zone(secondary)["state"] == "ok", "well again", about=secondary.log)
    assert secondary.control("zone", "verify", "example.gov")["verified"]


def test_a_second_accept_while_the_first_one_is_published_is_no_refusal_of_the_gate(secondary, evil):
    """Both wait in front of a stopped signer; where the second came late, the candidate is published, and it is asked again."""
    (signer,) = role_pids(secondary, "signer")
    for turn in range(1, 6):
        evil.set_zone(zone_text(serial=turn + 1, names=range(10 if turn % 2 else NAMES)))
        wait_for(lambda: zone(secondary)["state"] == ("held" if turn % 2 else "ok"), f"turn {turn}", about=secondary.log)
        if turn % 2 == 0:
            continue
        digest = zone(secondary)["gate"]["digest"]
        os.kill(signer, signal.SIGSTOP)
        try:
            accepts = [begin_tandemctl(secondary, "zone", "accept", "example.gov", digest, "-b") for _ in range(2)]
            time.sleep(1)
        finally:
            os.kill(signer, signal.SIGCONT)
        texts = [accept.communicate(timeout=60)[1] for accept in accepts]
        codes = sorted(accept.returncode for accept in accepts)
        wait_for(lambda: zone(secondary)["state"] == "ok", "published", about=secondary.log)
        if codes == [0, 1]:
            assert any("a change is under way; try again in a moment" in text for text in texts)
            return
        assert codes == [0, 5], texts
    pytest.fail("the second accept never came while the first was under way")


def test_a_held_candidate_is_let_go_when_the_primary_is_well_again(secondary, evil):
    evil.set_zone(zone_text(serial=2, names=range(10)))
    wait_for(lambda: zone(secondary)["state"] == "held", "held", about=secondary.log)
    evil.set_zone(zone_text(serial=3))
    wait_for(lambda: zone(secondary)["state"] == "ok", "ok", about=secondary.log)
    wait_for(lambda: [m for m in secondary.mails() if "recovered" in m["Subject"]], "mail of recovery")


def test_a_held_candidate_outlives_a_restart_and_is_mailed_once(secondary, evil):
    evil.set_zone(zone_text(serial=2, names=range(10)))
    before = content(secondary)
    wait_for(lambda: gate_mails(secondary), "the mail", about=secondary.log)
    digest = zone(secondary)["gate"]["digest"]
    assert secondary.stop() == 0
    secondary.start()
    wait_for(lambda: zone(secondary)["state"] == "held", "held again", about=secondary.log)
    assert content(secondary) == before  # what was held did not cost what is served
    assert zone(secondary)["gate"]["digest"] == digest
    seen = evil.transfers
    wait_for(lambda: evil.transfers >= seen + 2, "two more polls", about=secondary.log)
    assert len(gate_mails(secondary)) == 1


@pytest.mark.parametrize(
    "name,text,word",
    [
        ("no NS", zone_text(serial=2).replace("@  IN NS  ns1\n", ""), "NS"),
        ("apex without addresses", zone_text(serial=2).replace("@  60 IN A 192.0.2.9\n", ""), "apex"),
        (
            "doubled suffix",
            zone_text(serial=2, more="".join(f"d{n}.example.gov IN A 192.0.2.1\n" for n in range(8))),
            "twice",
        ),
        ("ALIAS left over", zone_text(serial=2, more="x IN TYPE65401 \\# 3 016100\n"), "ALIAS"),
        ("empty zone", "", ""),
    ],
    ids=lambda v: v if isinstance(v, str) and len(v) < 30 and "\n" not in v else "",
)
def test_content_that_is_no_good_zone_is_not_published(secondary, evil, name, text, word):
    before = content(secondary)
    if text:
        evil.set_zone(text)
    else:
        evil.do("empty_zone")
    wait_for(
        lambda: zone(secondary)["state"] == "held" or zone(secondary)["refresh"]["failures"] > 0,
        f"{name}: said",
        about=secondary.log,
    )
    state = zone(secondary)
    assert word in (state["reason"] or "") + (state["refresh"]["error"] or ""), state
    assert content(secondary) == before


def test_a_load_balancer_that_moves_every_address_passes(secondary, evil):
    evil.set_zone(zone_text(serial=2, apex="203.0.113.9", address="203.0.113.{}"))
    wait_for(lambda: answers(secondary.ask("host07.example.gov", "A")) == ["203.0.113.7"], "all moved", about=secondary.log)
    assert zone(secondary)["state"] == "ok"


def test_ttls_over_the_limit_are_lowered_and_dnssec_records_left_out(work, evil):
    more = (
        "long 2000000 IN A 192.0.2.1\n"
        "host00 IN RRSIG A 13 3 300 20300101000000 20200101000000 1 example.gov. AAAA\n"
        "host00 IN NSEC host01 A RRSIG NSEC\n"
    )
    evil.set_zone(zone_text(more=more))
    secondary = work.secondary([{"domain": "example.gov"}], evil.port)
    secondary.start()
    wait_for(lambda: secondary.ask("long.example.gov", "A").answer, "served", about=secondary.log)
    assert secondary.ask("long.example.gov", "A").answer[0].ttl == 5 * 86400
    assert secondary.control("zone", "verify", "example.gov")["verified"]
    assert "max-ttl" in secondary.log()


def test_a_zone_without_content_says_why_none_comes(work, evil):
    evil.do("refuse")
    secondary = work.secondary([{"domain": "example.gov", "refresh": "5s", "retry": "1s"}], evil.port)
    secondary.start(wait=False)
    shown = lambda: secondary.tandemctl("zone", "show", "example.gov").stderr  # noqa: E731
    wait_for(lambda: "REFUSED" in shown(), "the reason of a poll that failed", about=secondary.log)
    for verb in ("show", "diff", "export", "verify", "sign"):
        done = secondary.tandemctl("zone", verb, "example.gov")
        assert done.returncode == 5 and "no content yet: transfer from" in done.stderr and "REFUSED" in done.stderr, verb
    evil.do("good")
    wait_for(lambda: secondary.tandemctl("zone", "show", "example.gov").returncode == 0, "content", about=secondary.log)


def test_refresh_that_fails_for_long_is_mailed_once_and_so_is_recovery(secondary, evil):
    evil.do("refuse")
    mails = lambda word: [m for m in secondary.mails() if word in m["Subject"]]  # noqa: E731
    wait_for(lambda: mails("refresh fails"), "the mail", about=secondary.log)
    assert wait_for(lambda: zone(secondary)["state"] == "stale", "stale", about=secondary.log)
    seen = evil.transfers
    wait_for(lambda: evil.transfers >= seen + 3, "more polls", about=secondary.log)
    (mail,) = mails("refresh fails")
    subject = " ".join(mail["Subject"].split())
    assert "example.gov: refresh fails: no transfer for" in subject and "it answers REFUSED" in subject
    assert "answered until" in mail.get_content()
    shown = secondary.tandemctl("status").stdout
    assert shown.count("it answers REFUSED") == 1 and "fails, see example.gov" in shown
    evil.do("good")
    wait_for(lambda: mails("recovered"), "mail of recovery", about=secondary.log)
    # The next failure has its line, however soon after the last.
    lines = secondary.log().count("reason=refused")
    evil.do("refuse")
    wait_for(lambda: secondary.log().count("reason=refused") > lines, "a line", about=secondary.log)


def test_the_next_primary_is_asked_when_the_first_cannot_give_the_zone(work, evil):
    with EvilPrimary("example.gov", zone_text(apex="192.0.2.200"), key=work.key) as second:
        secondary = work.secondary([{"domain": "example.gov", "primary": ["hidden", "second"]}], evil.port)
        secondary.config["remote"].append(
            {"id": "second", "address": [f"127.0.0.1@{second.port}"], "key": work.key.name}
        )
        evil.do("bad_mac")
        secondary.start()
        wait_for(lambda: answers(secondary.ask("example.gov", "A")) == ["192.0.2.200"], "from the second", about=secondary.log)
        evil.do("good")
        wait_for(lambda: answers(secondary.ask("example.gov", "A")) == ["192.0.2.9"], "the first again", about=secondary.log)


@pytest.mark.parametrize("code,accepted", [(0, True), (1, False)])
def test_a_review_command_sees_the_diff_and_decides(work, evil, code, accepted):
    seen = work.path / "seen"
    secondary = work.secondary(
        [{"domain": "example.gov", "gate": {"review": f"cat > {seen}.$TANDEM_ZONE; exit $(cat {work.path}/code)"}}], evil.port
    )
    work.write("code", "0")
    secondary.start()
    wait_for(lambda: secondary.ask("example.gov", "A").rcode() == 0, "served", about=secondary.log)
    work.write("code", str(code))
    evil.set_zone(zone_text(serial=2, apex="192.0.2.66"))
    if accepted:
        wait_for(lambda: answers(secondary.ask("example.gov", "A")) == ["192.0.2.66"], "published", about=secondary.log)
    else:
        wait_for(lambda: zone(secondary)["state"] == "held", "held", about=secondary.log)
        assert answers(secondary.ask("example.gov", "A")) == ["192.0.2.9"]
    # The command may be at it again: then its file is empty for a moment.
    wait_for(lambda: "192.0.2.66" in (work.path / "seen.example.gov").read_text(), "the diff that the command saw")
