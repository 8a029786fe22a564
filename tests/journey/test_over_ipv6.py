"""From the resolver to the signed answer without IPv4: questions for ALIAS targets by UDP and TCP, transfer, NOTIFY, access."""

import dns.rcode
import pytest
from fake_resolver import FakeResolver
from test_server_addresses import here

from tandem import ControlError, answers, ask, axfr, free_port, wait_for

ZONE, LOCAL = "example.gov", "::1"
MANY = [f"198.51.100.{number}" for number in range(1, 201)]  # too many for a datagram

pytestmark = pytest.mark.skipif(not here(LOCAL), reason="no IPv6 here")


def zone_text(serial, more=""):
    head = f"$ORIGIN {ZONE}.\n$TTL 300\n@ SOA ns hostmaster {serial} 7200 900 1209600 300\n@ NS ns\nns AAAA 2001:db8::53\n"
    return head + "@ 60 ALIAS lb.test.\nmany 60 ALIAS many.test.\n" + more


def daemons(work, resolver):
    """A primary and a secondary that polls once in twenty minutes; the only address of all is ::1."""
    ports = [free_port(), free_port()]
    work.write("zone", zone_text(1))
    primary = work.primary(
        [{"domain": ZONE, "file": "zone", "notify": ["public"], "alias": {"refresh": "1h", "settle": "0s", "max-addresses": 500}}],
        acl=[{"id": "peers", "address": [LOCAL], "key": [work.key.name], "action": ["transfer", "query"]}],
        remote=[{"id": "public", "address": [f"{LOCAL}@{ports[1]}"], "key": work.key.name}],
    )
    primary.config["resolver"].update({"address": [resolver.address], "timeout": "5s", "tries": 2})
    secondary = work.secondary(
        [{"domain": ZONE, "refresh": "20m", "acl": ["hint"]}], 0,
        acl=[{"id": "hint", "address": [LOCAL], "key": [work.key.name], "action": ["notify"]}],
    )
    secondary.config["remote"][0]["address"] = [f"{LOCAL}@{ports[0]}"]
    for daemon, port in zip((primary, secondary), ports):
        daemon.config["server"]["listen"], daemon.port = [f"{LOCAL}@{port}"], port
        daemon.start()
    return primary, secondary


def test_a_target_that_moves_is_signed_and_served(work):
    with FakeResolver(host=LOCAL) as resolver:
        resolver.set("lb.test", A=["192.0.2.1"], AAAA=["2001:db8::1"])
        resolver.set("many.test", A=MANY)
        primary, secondary = daemons(work, resolver)

        def served(name, kind):
            return answers(ask(secondary.port, name, kind, host=LOCAL, tcp=True))

        wait_for(lambda: served(ZONE, "AAAA") == ["2001:db8::1"], "served", about=secondary.log)
        assert served(f"many.{ZONE}", "A") == sorted(MANY)
        resolver.set("lb.test", AAAA=["2001:db8::2"])
        primary.control("alias", "refresh", ZONE, wait=True)
        wait_for(lambda: served(ZONE, "AAAA") == ["2001:db8::2"], "what NOTIFY told of", about=secondary.log)
        assert {rdata.to_text() for rdata in axfr(primary.port, ZONE, work.key, host=LOCAL).find_rdataset("@", "AAAA")} == {"2001:db8::2"}
        assert ask(primary.port, ZONE, "SOA", host=LOCAL).rcode() == dns.rcode.REFUSED  # no key
        resolver.misbehave("lb.test", "servfail")
        primary.control("alias", "refresh", ZONE, wait=True)
        shown = primary.control("alias", "show", ZONE)["alias"]
        assert shown["state"] == "held" and resolver.address in shown["reason"]
        # It is the primary itself: refused, and the resolver before stays.
        primary.config["resolver"]["address"] = list(primary.config["server"]["listen"])
        primary.write_config()
        with pytest.raises(ControlError, match="itself"):
            primary.control("reload")
