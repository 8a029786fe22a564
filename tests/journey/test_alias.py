"""ALIAS against a resolver that fails in every way: what the primary gives out, says and mails (alias.md's matrix)."""

import dns.exception
import dns.name
import dns.rdatatype
import pytest
from fake_resolver import FakeResolver

from tandem import ControlError, axfr, wait_for

ZONE = "example.gov"
HEAD = "$ORIGIN example.gov.\n$TTL 300\n@ SOA ns hostmaster {serial} 3600 600 86400 60\n@ NS ns\nns A 192.0.2.53\n"
FAULTS = (
    "servfail refused formerr notimp timeout truncate-always wrong-id wrong-question foreign-owner extra loop referral "
    "cut garbage class nxdomain nodata"
).split()


@pytest.fixture
def resolver():
    with FakeResolver() as fake:
        yield fake


def write(work, *lines, serial=1):
    work.write("zone", HEAD.format(serial=serial) + "\n".join(lines) + "\n")


def primary_of(work, resolver, **alias):
    primary = work.primary(
        [{"domain": ZONE, "file": "zone", "alias": {"refresh": "5s", **alias}}], resolver=resolver.port
    )
    primary.config["resolver"].update({"timeout": "1s", "tries": 1})
    return primary


def served(work, primary):
    """{(owner, type): [addresses]} of the A and AAAA records that a transfer gives."""
    zone = axfr(primary.port, ZONE, work.key)
    return {
        (name.to_text(), dns.rdatatype.to_text(rdataset.rdtype)): sorted(rdata.to_text() for rdata in rdataset)
        for name, rdataset in zone.iterate_rdatasets()
        if rdataset.rdtype in (dns.rdatatype.A, dns.rdatatype.AAAA) and name.to_text() != "ns"
    }


def ttls(work, primary):
    """{owner: TTL} of the A records that a transfer gives."""
    return {name.to_text(): rdataset.ttl for name, rdataset in axfr(primary.port, ZONE, work.key).iterate_rdatasets("A")}


def refresh(primary, *owners):
    for owner in owners:
        primary.control("alias", "refresh", owner, wait=True)


def alias(primary, owner=ZONE):
    return primary.control("alias", "show", owner)["alias"]


def until_served(work, primary, expected):
    def fact():
        try:
            return served(work, primary) == expected
        except dns.exception.DNSException:  # not yet
            return False

    wait_for(fact, f"{expected} served", about=primary.log)


def test_every_fault_is_held_and_changes_nothing(work, resolver):
    owners = [f"{fault}.{ZONE}" for fault in FAULTS]
    for fault in FAULTS:
        resolver.set(f"{fault}.test", A=["192.0.2.1", "192.0.2.2"], AAAA=["2001:db8::1"])
    write(work, *(f"{fault} 60 ALIAS {fault}.test." for fault in FAULTS))
    primary = primary_of(work, resolver).start()
    wait_for(lambda: primary.serial(ZONE), "served", about=primary.log)
    before, serial = served(work, primary), primary.serial(ZONE)
    assert len(before) == 2 * len(FAULTS)
    for fault in FAULTS:
        resolver.misbehave(f"{fault}.test", fault)
    refresh(primary, *owners)
    for fault, owner in zip(FAULTS, owners):
        assert alias(primary, owner)["state"] == "held", fault
        assert alias(primary, owner)["reason"], fault
        assert alias(primary, owner)["until"], fault
    assert served(work, primary) == before
    assert primary.serial(ZONE) == serial
    assert primary.zone(ZONE)["alias"]["held"] == len(FAULTS)
    for fault in FAULTS:
        resolver.misbehave(f"{fault}.test", None)
    refresh(primary, *owners)
    assert primary.zone(ZONE)["alias"]["fresh"] == len(FAULTS)
    assert primary.serial(ZONE) == serial


def test_one_type_may_go_while_the_other_stays(work, resolver):
    resolver.set("lb.test", A=["192.0.2.1"], AAAA=["2001:db8::1"])
    write(work, "@ 60 ALIAS lb.test.")
    primary = primary_of(work, resolver).start()
    until_served(work, primary, {("@", "A"): ["192.0.2.1"], ("@", "AAAA"): ["2001:db8::1"]})
    resolver.misbehave("lb.test", "nodata", "AAAA")
    refresh(primary, ZONE)
    until_served(work, primary, {("@", "A"): ["192.0.2.1"]})
    resolver.misbehave("lb.test", "servfail", "A")
    refresh(primary, ZONE)
    shown = alias(primary)
    assert shown["state"] == "held" and shown["a"]["state"] == "held" and shown["a"]["rcode"] == "SERVFAIL"
    assert served(work, primary) == {("@", "A"): ["192.0.2.1"]}


def test_the_serial_moves_with_the_content_and_only_with_it(work, resolver):
    resolver.set("lb.test", A=["192.0.2.1", "192.0.2.2"])
    write(work, "@ 60 ALIAS lb.test.", "*.w 60 ALIAS lb.test.", serial=2026010100)
    primary = primary_of(work, resolver).start()
    until_served(work, primary, {("@", "A"): ["192.0.2.1", "192.0.2.2"], ("*.w", "A"): ["192.0.2.1", "192.0.2.2"]})
    assert primary.serial(ZONE) == 2026010100
    for _ in range(5):  # the same addresses in another order each time
        refresh(primary, ZONE)
    assert primary.serial(ZONE) == 2026010100
    resolver.set("lb.test", A=["192.0.2.2", "192.0.2.3"])
    refresh(primary, ZONE)
    until_served(work, primary, {("@", "A"): ["192.0.2.2", "192.0.2.3"], ("*.w", "A"): ["192.0.2.2", "192.0.2.3"]})
    assert primary.serial(ZONE) == 2026010101
    step = primary.control("zone", "history", ZONE)["versions"][0]
    assert (step["cause"], step["added"], step["removed"]) == ("alias", 2, 2)


def test_what_a_target_says_of_its_ttl_is_neither_served_nor_a_change_nor_a_reason_to_ask(work, resolver):
    resolver.set("lb.test", A=["192.0.2.1"], AAAA=["2001:db8::1"])
    resolver.ttl("lb.test", 0)
    write(work, "@ 30 ALIAS lb.test.", "long 3600 ALIAS lb.test.")
    primary = primary_of(work, resolver, refresh="1h")
    primary.config["resolver"]["timeout"] = "10s"
    primary.start()
    wait_for(lambda: primary.serial(ZONE), "served", about=primary.log)
    expected = {"@": 30, "long": 60, "ns": 300}  # alias.ttl is 60 s
    assert ttls(work, primary) == expected
    before, serial = resolver.count("lb.test"), primary.serial(ZONE)
    for number, ttl in enumerate((0, 3600, 1, 2**31 - 1), 1):
        resolver.ttl("lb.test", ttl)
        refresh(primary, ZONE)
        assert resolver.count("lb.test") == before + 2 * number
    assert ttls(work, primary) == expected and primary.serial(ZONE) == serial


def test_a_late_answer_is_waited_for_until_the_timeout_and_no_longer(work, resolver):
    resolver.set("lb.test", A=["192.0.2.1"])
    resolver.misbehave("lb.test", "slow:0.3")
    write(work, "@ 60 ALIAS lb.test.")
    primary = primary_of(work, resolver, refresh="1h")
    primary.config["resolver"]["timeout"] = "10s"
    primary.start()
    until_served(work, primary, {("@", "A"): ["192.0.2.1"]})
    assert alias(primary)["state"] == "fresh" and alias(primary)["a"]["round_trip_milliseconds"] >= 300
    primary.config["resolver"]["timeout"] = "1s"
    primary.write_config()
    primary.control("reload", wait=True)
    resolver.set("lb.test", A=["192.0.2.2"])
    resolver.misbehave("lb.test", "slow:4")
    refresh(primary, ZONE)
    assert alias(primary)["state"] == "held" and "no answer" in alias(primary)["reason"]
    assert served(work, primary) == {("@", "A"): ["192.0.2.1"]}
    resolver.misbehave("lb.test", None)
    refresh(primary, ZONE)
    until_served(work, primary, {("@", "A"): ["192.0.2.2"]})


def test_with_require_ad_what_the_resolver_did_not_validate_is_held(work, resolver):
    resolver.set("lb.test", A=["192.0.2.1"])
    resolver.validates = True
    write(work, "@ 60 ALIAS lb.test.")
    primary = primary_of(work, resolver)
    primary.config["resolver"]["require-ad"] = True
    primary.start()
    until_served(work, primary, {("@", "A"): ["192.0.2.1"]})
    resolver.validates = False
    resolver.set("lb.test", A=["192.0.2.66"])
    refresh(primary, ZONE)
    assert alias(primary)["state"] == "held" and "no AD flag" in alias(primary)["reason"]
    assert served(work, primary) == {("@", "A"): ["192.0.2.1"]}


def test_chains_of_cnames_are_followed_to_their_limit(work, resolver):
    resolver.set("lb.test", A=["192.0.2.1"])
    for count in (1, 8, 17):
        resolver.hops(f"hops{count}.test", count, "lb.test")
    write(work, *(f"h{count} 60 ALIAS hops{count}.test." for count in (1, 8)))
    primary = primary_of(work, resolver).start()
    until_served(work, primary, {("h1", "A"): ["192.0.2.1"], ("h8", "A"): ["192.0.2.1"]})
    write(work, *(f"h{count} 60 ALIAS hops{count}.test." for count in (1, 8, 17)), "x A 192.0.2.77")
    primary.control("reload", wait=True)
    until_served(work, primary, {("h1", "A"): ["192.0.2.1"], ("h8", "A"): ["192.0.2.1"], ("x", "A"): ["192.0.2.77"]})
    assert alias(primary, "h17." + ZONE)["state"] == "failing"


def test_a_circle_through_the_outside_is_a_loop(work, resolver):
    resolver.set("out.test", CNAME=ZONE)
    resolver.set(ZONE, A=["192.0.2.66"])  # what the world still has of it
    write(work, "@ 60 ALIAS out.test.")
    primary = primary_of(work, resolver).start()
    wait_for(lambda: alias(primary)["state"] == "loop", "a loop", about=primary.log)
    until_served(work, primary, {})


def test_denied_addresses_never_go_out(work, resolver):
    resolver.set("lb.test", A=["127.0.0.1", "192.0.2.1", "169.254.1.1"], AAAA=["::1", "fe80::1"])
    resolver.set("only.test", A=["127.0.0.1"])
    write(work, "@ 60 ALIAS lb.test.", "only 60 ALIAS only.test.")
    primary = primary_of(work, resolver).start()
    until_served(work, primary, {("@", "A"): ["192.0.2.1"]})
    assert alias(primary, "only." + ZONE)["state"] == "failing"
    assert "deny-address" in alias(primary, "only." + ZONE)["reason"]


def test_two_hundred_addresses_are_cut_to_max_addresses(work, resolver):
    resolver.set("lb.test", A=[f"192.0.2.{i}" for i in range(1, 201)])
    write(work, "@ 60 ALIAS lb.test.")
    primary = primary_of(work, resolver, **{"max-addresses": 3}).start()
    until_served(work, primary, {("@", "A"): ["192.0.2.1", "192.0.2.2", "192.0.2.3"]})
    primary.wait_log("max-addresses")


def test_a_target_outside_allow_target_is_never_asked_for(work, resolver):
    resolver.set("evil.test", A=["192.0.2.66"])
    resolver.set("lb.good.test", A=["192.0.2.1"])
    write(work, "@ 60 ALIAS lb.good.test.", "bad 60 ALIAS evil.test.")
    primary = primary_of(work, resolver, **{"allow-target": ["*.good.test"]}).start()
    until_served(work, primary, {("@", "A"): ["192.0.2.1"]})
    assert resolver.count("evil.test") == 0


def test_a_zone_never_given_out_waits_and_a_transfer_never_does(work, resolver):
    resolver.silent = True
    resolver.set("lb.test", A=["192.0.2.1"])
    write(work, "@ 60 ALIAS lb.test.")
    primary = primary_of(work, resolver).start()
    wait_for(lambda: primary.zone(ZONE)["state"] == "waiting", "waiting", about=primary.log)
    with pytest.raises(dns.exception.DNSException):
        axfr(primary.port, ZONE, work.key)
    resolver.silent = False
    until_served(work, primary, {("@", "A"): ["192.0.2.1"]})
    resolver.silent = True
    assert served(work, primary) == {("@", "A"): ["192.0.2.1"]}


def test_a_restart_with_a_dead_resolver_empties_nothing(work, resolver):
    resolver.set("lb.test", A=["192.0.2.1"])
    write(work, "@ 60 ALIAS lb.test.")
    primary = primary_of(work, resolver).start()
    until_served(work, primary, {("@", "A"): ["192.0.2.1"]})
    serial = primary.serial(ZONE)
    assert primary.stop() == 0
    resolver.silent = True
    primary.start()
    until_served(work, primary, {("@", "A"): ["192.0.2.1"]})
    wait_for(lambda: alias(primary)["state"] == "held", "held", about=primary.log)
    assert served(work, primary) == {("@", "A"): ["192.0.2.1"]}
    assert primary.serial(ZONE) == serial


def test_the_history_of_an_owner_survives_a_restart(work, resolver):
    resolver.set("lb.test", A=["192.0.2.1"])
    write(work, "@ 60 ALIAS lb.test.")
    primary = primary_of(work, resolver).start()
    until_served(work, primary, {("@", "A"): ["192.0.2.1"]})
    resolver.misbehave("lb.test", "servfail")
    refresh(primary, ZONE)
    resolver.misbehave("lb.test", None)
    resolver.set("lb.test", A=["192.0.2.2"])
    refresh(primary, ZONE)
    events = primary.control("alias", "history", ZONE)["events"]
    assert [event["what"] for event in events if event["type"] == "A"] == ["changed", "recovered", "held", "changed"]
    text = primary.tandemctl("alias", "history", ZONE).stdout
    assert primary.stop() == 0
    primary.start()
    until_served(work, primary, {("@", "A"): ["192.0.2.2"]})
    assert primary.control("alias", "history", ZONE)["events"] == events
    assert primary.tandemctl("alias", "history", ZONE).stdout == text and "+192.0.2.2 -192.0.2.1" in text
    assert primary.stop() == 0
    past = work.path / "primary/state/aliases-past"
    past.write_bytes(past.read_bytes()[:-1])
    primary.start()
    primary.wait_log("the history of ALIAS owners begins anew")
    until_served(work, primary, {("@", "A"): ["192.0.2.2"]})
    assert primary.control("alias", "history", ZONE)["events"] == []
    assert (work.path / "primary/state/aliases-past.damaged").exists()


def test_an_edit_to_a_dead_target_blanks_nothing(work, resolver):
    resolver.set("lb.test", A=["192.0.2.1"])
    resolver.set("dead.test", A=["192.0.2.2"])
    resolver.misbehave("dead.test", "servfail")
    write(work, "@ 60 ALIAS lb.test.")
    primary = primary_of(work, resolver).start()
    until_served(work, primary, {("@", "A"): ["192.0.2.1"]})
    write(work, "@ 60 ALIAS dead.test.", "new 60 ALIAS dead.test.", serial=2)
    primary.control("reload", wait=True)
    wait_for(lambda: alias(primary, "new." + ZONE)["state"] == "failing", "failing", about=primary.log)
    said = f"new.{ZONE}.  A and AAAA -> dead.test.  failing: SERVFAIL"  # goes without addresses, with a mail
    wait_for(lambda: any(said in mail.get_content() for mail in primary.mails()), "a mail", about=primary.log)
    assert served(work, primary) == {("@", "A"): ["192.0.2.1"]}
    resolver.misbehave("dead.test", None)
    refresh(primary, ZONE)
    until_served(work, primary, {("@", "A"): ["192.0.2.2"], ("new", "A"): ["192.0.2.2"]})


def test_held_and_recovered_targets_are_mailed(work, resolver):
    resolver.set("lb.test", A=["192.0.2.1"])
    write(work, "@ 60 ALIAS lb.test.")
    primary = primary_of(work, resolver).start()
    until_served(work, primary, {("@", "A"): ["192.0.2.1"]})
    resolver.misbehave("lb.test", "servfail")
    refresh(primary, ZONE)
    held = wait_for(lambda: [m for m in primary.mails() if "held" in m["Subject"]], "a mail", about=primary.log)[0]
    shown = alias(primary)
    for word in ("example.gov.", "lb.test.", "SERVFAIL", resolver.address, "Since    20"):
        assert word in held.get_content()
    # Status, log and metrics say it as well.
    assert (shown["state"], shown["a"]["rcode"], shown["a"]["resolver"]) == ("held", "SERVFAIL", resolver.address)
    line = next(line for line in primary.log().splitlines() if "its last good addresses stand in" in line)
    for word in ("owner=example.gov.", "type=A", "target=lb.test.", "SERVFAIL", resolver.address, "since=20"):
        assert word in line
    labels = {"zone": ZONE, "owner": "example.gov.", "target": "lb.test."}
    assert primary.metric("tandem_alias_state", state="held", **labels) == 1
    assert primary.metric("tandem_alias_state", state="fresh", **labels) == 0
    assert primary.metric("tandem_alias_lookups_total", result="servfail") >= 2
    assert primary.metric("tandem_alias_lookups_total", result="ok") >= 1
    resolver.misbehave("lb.test", None)
    refresh(primary, ZONE)
    wait_for(lambda: [m for m in primary.mails() if "recovered" in m["Subject"]], "a mail", about=primary.log)


def test_kinds_of_mail_that_nobody_wants_are_not_sent(work, resolver):
    resolver.set("lb.test", A=["192.0.2.1"])
    write(work, "@ 60 ALIAS lb.test.")
    primary = primary_of(work, resolver)
    primary.config["alert"]["on"] = ["recovered"]
    primary.start()
    until_served(work, primary, {("@", "A"): ["192.0.2.1"]})
    resolver.misbehave("lb.test", "servfail")
    refresh(primary, ZONE)
    assert alias(primary)["state"] == "held"
    resolver.misbehave("lb.test", None)
    refresh(primary, ZONE)
    mails = wait_for(primary.mails, "a mail", about=primary.log)  # the one about the trouble would be the first
    assert [mail["Subject"] for mail in mails if "recovered" not in mail["Subject"]] == []
    assert {one["kind"] for one in primary.control("alert", "list")["alerts"]} == {"recovered"}


def test_after_hold_drop_takes_the_addresses_away(work, resolver):
    resolver.set("lb.test", A=["192.0.2.1"])
    write(work, "@ 60 ALIAS lb.test.")
    primary = primary_of(work, resolver, **{"hold": "2s", "after-hold": "drop"}).start()
    until_served(work, primary, {("@", "A"): ["192.0.2.1"]})
    resolver.misbehave("lb.test", "nxdomain")
    refresh(primary, ZONE)
    until_served(work, primary, {})
    assert alias(primary)["state"] == "failing"


def test_after_hold_refuse_refuses_transfers_and_lets_them_again(work, resolver):
    resolver.set("lb.test", A=["192.0.2.1"])
    write(work, "@ 60 ALIAS lb.test.")
    primary = primary_of(work, resolver, **{"hold": "2s", "after-hold": "refuse"}).start()
    until_served(work, primary, {("@", "A"): ["192.0.2.1"]})

    def refused():
        try:
            axfr(primary.port, ZONE, work.key)
        except dns.exception.DNSException:
            return True
        return False

    resolver.misbehave("lb.test", "servfail")
    refresh(primary, ZONE)
    wait_for(refused, "transfers refused", about=primary.log)
    resolver.misbehave("lb.test", None)
    refresh(primary, ZONE)
    until_served(work, primary, {("@", "A"): ["192.0.2.1"]})


def test_a_target_that_rotates_settles(work, resolver):
    resolver.set("lb.test", A=["192.0.2.1"])
    write(work, "@ 60 ALIAS lb.test.")
    primary = primary_of(work, resolver, settle="auto").start()
    until_served(work, primary, {("@", "A"): ["192.0.2.1"]})
    for last in (2, 1, 2):
        resolver.set("lb.test", A=[f"192.0.2.{last}"])
        refresh(primary, ZONE)
    until_served(work, primary, {("@", "A"): ["192.0.2.1", "192.0.2.2"]})
    serial = primary.serial(ZONE)
    for last in (1, 2, 1, 2, 1):
        resolver.set("lb.test", A=[f"192.0.2.{last}"])
        refresh(primary, ZONE)
    assert primary.serial(ZONE) == serial
    assert alias(primary)["flaps"] >= 5 and alias(primary)["settle_seconds"] == 180


def test_an_alias_beside_an_address_or_a_cname_is_refused_with_its_lines(work, resolver):
    write(work, "a 60 ALIAS lb.test.", "a 60 A 192.0.2.1", "c 60 CNAME ns", "c 60 ALIAS lb.test.")
    primary = primary_of(work, resolver).start()
    errors = primary.zone(ZONE)["file"]["errors"]
    assert any("a.example.gov." in error and ":6,7" in error for error in errors), errors
    assert any("c.example.gov." in error and ":8,9" in error for error in errors), errors


def test_a_resolver_that_is_the_primary_itself_is_refused(work, resolver):
    write(work, "@ 60 ALIAS lb.test.")
    primary = primary_of(work, resolver)
    primary.config["resolver"]["address"] = list(primary.config["server"]["listen"])
    primary.write_config()
    done = primary.run()
    assert done.returncode in (1, 78)
    assert "itself" in done.stderr


def test_a_resolver_behind_the_internet_is_warned_of(work, resolver):
    write(work)  # no ALIAS: it is never asked
    primary = primary_of(work, resolver).start()
    warning = "the resolver is neither on this host nor in a private network"
    assert warning not in primary.log()
    primary.config["resolver"]["address"] = ["192.0.2.1@53"]
    primary.write_config()
    primary.control("reload", wait=True)
    primary.wait_log(warning)


def test_a_rehearsed_refresh_asks_nobody(work, resolver):
    resolver.set("lb.test", A=["192.0.2.1"])
    write(work, "@ 60 ALIAS lb.test.")
    primary = primary_of(work, resolver, refresh="1h")
    primary.config["resolver"]["timeout"] = "10s"
    primary.start()
    until_served(work, primary, {("@", "A"): ["192.0.2.1"]})
    before = resolver.count("lb.test", "A")
    assert not primary.control("alias", "refresh", ZONE, dry_run=True)["done"]
    refresh(primary, ZONE)
    assert resolver.count("lb.test", "A") == before + 1


def test_nobody_has_no_alias(work, resolver):
    write(work)
    primary = primary_of(work, resolver).start()
    with pytest.raises(ControlError) as refused:
        primary.control("alias", "refresh", "nobody." + ZONE)
    assert refused.value.exit_code == 5
