"""Signatures are renewed in order: a policy of other lifetimes changes a live zone in portions, the keys' TTL at once;
orders to sign are answered when they are done, and refused before they are begun."""

import json

import dns.rdatatype

from tandem import HOST, axfr, wait_for

HOSTS = 150


def zone_text():
    head = "$TTL 60\n@ IN SOA ns1 hostmaster 1 7200 900 1209600 60\n@ IN NS ns1\nns1 IN A 192.0.2.53\n"
    return head + "".join(f"h{i} IN A 10.0.0.{i}\n" for i in range(HOSTS))


class Scene:
    def __init__(self, work, **policy):
        work.write("zone", zone_text())
        self.primary = work.primary([{"domain": "example.gov", "file": "zone"}]).start()
        self.secondary = work.secondary(
            [{"domain": "example.gov", "policy": "p", "gate": {"max-ttl": "1h"}, "acl": ["out"]}], self.primary.port,
            policy=[{"id": "p", **policy}], acl=[{"id": "out", "address": [HOST], "action": ["transfer"]}],
        ).start()

    def policy(self, **settings):
        self.secondary.config["policy"] = [{"id": "p", **settings}]
        self.secondary.write_config()
        return self.secondary.tandemctl("reload")

    def history(self):
        return self.secondary.control("zone", "history", "example.gov")["versions"]

    def expirations(self):
        """The day on which the signature of each host's address ends."""
        days = {}
        for i in range(HOSTS):
            answer = self.secondary.ask(f"h{i}.example.gov", "A", dnssec=True)
            rrsig = next(r for r in answer.answer if r.rdtype == dns.rdatatype.RRSIG)
            days[i] = rrsig[0].expiration
        return days

    def wait_history(self, cause):
        return wait_for(lambda: next((v for v in self.history() if v["cause"] == cause), None), f"a {cause}",
                        about=self.secondary.log)


def test_a_shorter_lifetime_is_worked_off_in_portions(work):
    scene = Scene(work, **{"rrsig-lifetime": "90d"})
    before = scene.expirations()
    assert scene.policy(**{"rrsig-lifetime": "14d"}).returncode == 0
    refresh = scene.wait_history("refresh")
    after = scene.expirations()
    renewed = [i for i in after if after[i] != before[i]]
    assert 0 < len(renewed) < HOSTS / 2, "some of them, the rest later"
    assert refresh["signatures_new"] < HOSTS
    assert all(after[i] < before[i] - 60 * 86400 for i in renewed)
    assert scene.secondary.tandemctl("zone", "verify", "example.gov").returncode == 0
    # A restart begins no second portion at once.
    scene.secondary.stop()
    scene.secondary.start()
    assert len([v for v in scene.history() if v["cause"] == "refresh"]) == 1
    assert scene.expirations() == after


def test_the_ttl_of_the_keys_and_a_digest_change_at_once_and_touch_nothing_else(work):
    scene = Scene(work)
    secondary = scene.secondary
    before = scene.expirations()
    assert scene.policy(**{"dnskey-ttl": "2h", "zonemd": True}).returncode == 0
    change = scene.wait_history("policy")
    assert secondary.ask("example.gov", "DNSKEY").answer[0].ttl == 7200
    assert secondary.ask("example.gov", "ZONEMD").answer
    assert change["signatures_new"] < 8 and change["signatures_kept"] > 2 * HOSTS
    assert scene.expirations() == before
    # Changed while the daemon was down: found at the start.
    secondary.stop()
    secondary.config["policy"] = [{"id": "p", "nsec3": True}]
    secondary.start()
    wait_for(lambda: secondary.ask("example.gov", "NSEC3PARAM").answer, "the chain", about=secondary.log)
    assert not secondary.ask("example.gov", "ZONEMD").answer
    assert secondary.tandemctl("zone", "verify", "example.gov").returncode == 0


def test_what_monitors_see_is_the_first_expiration_of_the_whole_zone(work):
    scene = Scene(work)
    secondary = scene.secondary

    def first():
        """Of all signatures that a transfer brings."""
        zone = axfr(secondary.port, "example.gov")
        return min(rr.expiration for _, _, rr in zone.iterate_rdatas() if rr.rdtype == dns.rdatatype.RRSIG)

    def told():
        return secondary.metric("tandem_zone_rrsig_expiry_timestamp_seconds", zone="example.gov") == first()

    wait_for(told, "the first of all", about=secondary.log)
    before = first()
    # The one that ends first is made again by another, longer policy: another is the first then.
    assert scene.policy(**{"rrsig-lifetime": "40d"}).returncode == 0
    secondary.control("zone", "sign", "example.gov", wait=True)
    assert first() > before + 20 * 86400
    wait_for(told, "the first of all anew", about=secondary.log)
    secondary.stop()
    secondary.start()
    wait_for(told, "the same after a restart", about=secondary.log)


def test_a_policy_that_cannot_hold_is_refused_and_the_zone_goes_on_by_the_old_one(work):
    scene = Scene(work)
    before = scene.expirations()
    done = scene.policy(**{"rrsig-lifetime": "7d", "rrsig-refresh": "7d"})
    assert done.returncode == 3, done.stderr
    assert "rrsig-lifetime (7d) must be longer than" in done.stdout + done.stderr
    assert "secondary.yaml:" in done.stdout + done.stderr
    assert scene.expirations() == before
    assert scene.secondary.zone("example.gov")["state"] == "ok"


def test_an_order_to_sign_waits_for_its_end_and_says_beforehand_what_it_would_do(work):
    scene = Scene(work)
    secondary = scene.secondary
    serial = secondary.zone("example.gov")["serial"]["signed"]
    before = scene.expirations()
    done = secondary.tandemctl("--dry-run", "zone", "sign", "example.gov")
    count = secondary.zone("example.gov")["signatures"]["count"]
    assert done.returncode == 0 and f"would make all {count} signatures again" in done.stdout, done.stdout
    for arguments in (["--dry-run"], []):
        refused = secondary.tandemctl(*arguments, "zone", "sign", "example.gov", "--serial", str(serial - 1))
        assert refused.returncode == 1 and "is not after the present" in refused.stderr
    assert secondary.zone("example.gov")["serial"]["signed"] == serial
    wanted = serial + 1000
    done = secondary.tandemctl("--json", "-b", "zone", "sign", "example.gov", "--serial", str(wanted))
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)["result"]
    assert result["serial"]["signed"] == wanted and result["changed"] is True
    assert secondary.ask("example.gov", "SOA").answer[0][0].serial == wanted
    newest = scene.history()[0]
    assert newest["cause"] == "command" and newest["signatures_kept"] == 0 and newest["duration_milliseconds"] >= 0
    assert len(scene.expirations()) == len(before)
    # And after a restart it is all still known.
    secondary.stop()
    secondary.start()
    assert scene.history()[0] == newest
