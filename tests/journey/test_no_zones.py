"""Both daemons before the first zone, and after the last one: a new installation, or an operator who takes zones away."""

import dns.rcode
import pytest

from tandem import answers, wait_for

ZONE = """$ORIGIN example.gov.
$TTL 300
@   IN SOA ns1 hostmaster 1 7200 900 1209600 300
@   IN NS  ns1
ns1 IN A   192.0.2.53
"""


def primary_of(work):
    work.write("z", ZONE)
    return work.primary([{"domain": "example.gov", "file": "z"}])


def secondary_of(work):
    primary = primary_of(work).start()
    return work.secondary([{"domain": "example.gov"}], primary.port)


def asked(daemon, work):
    key = work.key if daemon.name == "primary" else None
    return daemon.ask("ns1.example.gov", "A", key=key)


def is_served(daemon, work):
    return answers(asked(daemon, work)) == ["192.0.2.53"]


@pytest.mark.parametrize("make", [primary_of, secondary_of], ids=["primary", "secondary"])
def test_zones_come_and_go_to_the_last_one(work, make):
    daemon = make(work)
    zones, daemon.config["zone"] = daemon.config["zone"], []
    assert daemon.run("--check").returncode == 0
    daemon.start()
    for _ in range(2):
        for verb in (["status"], ["zone", "list"]):
            done = daemon.tandemctl(*verb)
            assert done.returncode == 0 and not done.stderr, (verb, done)
        assert daemon.http("/healthz")[0] == 200
        assert daemon.http("/metrics")[0] == 200
        assert asked(daemon, work).rcode() == dns.rcode.REFUSED
        daemon.config["zone"] = zones
        daemon.write_config()
        daemon.control("reload")
        wait_for(lambda: is_served(daemon, work), "served", about=daemon.log)
        daemon.config["zone"] = []
        daemon.write_config()
        daemon.control("reload")
        wait_for(lambda: asked(daemon, work).rcode() == dns.rcode.REFUSED, "gone", about=daemon.log)
    assert daemon.stop() == 0
    daemon.start()
    assert daemon.control("zone", "list")["zones"] == []
    daemon.config["zone"] = zones  # and what was saved of it is not lost
    daemon.write_config()
    daemon.control("reload")
    wait_for(lambda: is_served(daemon, work), "served again", about=daemon.log)
    assert "internal error" not in daemon.log()
    assert daemon.stop() == 0
