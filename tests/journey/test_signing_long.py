"""A first signing that takes seconds: it tells how far it is, may be stopped or killed at any moment and begins again
with the same keys, publishes nothing by halves, and keeps a change that arrives meanwhile for after it. And no signing
begins that the disk has no room for."""

import os
import signal
import subprocess
import time

import dns.exception
import dns.rcode
import pytest

from tandem import ControlError, wait_for
from tiny_disk import tiny_disk

HOSTS = 2500  # RSA makes some two thousand signatures a second of a core, half of that where others want it too
HEAD = "$TTL 300\n@ IN SOA ns1 hostmaster {serial} 7200 900 1209600 300\n@ IN NS ns1\nns1 IN A 192.0.2.53\nmark IN A 192.0.2.{serial}\n"
POLICY = {"id": "slow", "algorithm": "rsasha512", "signing-threads": 1}


def zone_text(serial, hosts=HOSTS):
    return HEAD.format(serial=serial) + "".join(f"h{i} IN A 10.{i >> 16}.{i >> 8 & 255}.{i & 255}\n" for i in range(hosts))


class Scene:
    def __init__(self, work, hosts=HOSTS, state_directory=None, policy=POLICY):
        self.work, self.hosts = work, hosts
        self.write(1)
        self.primary = work.primary([{"domain": "example.gov", "file": "zone"}]).start()
        self.secondary = work.secondary([{"domain": "example.gov", "policy": policy["id"]}], self.primary.port, policy=[policy])
        if state_directory:
            self.secondary.config["server"]["state-directory"] = str(state_directory)
        self.secondary.start(wait=False)

    def write(self, serial):
        self.work.write("zone", zone_text(serial, self.hosts))

    def status(self):
        return self.secondary.zone("example.gov")

    def wait_signing(self, share=0.02):
        """The zone's status once so much of it is signed."""

        def under_way():
            try:
                zone = self.status()
            except (OSError, ControlError, ValueError):
                return None
            signing = zone["signing"]
            return zone if signing and signing["names_done"] > share * signing["names"] else None

        return wait_for(under_way, "a signing under way", seconds=60, about=self.secondary.log)

    def keys(self):
        return {key["text"] for key in self.secondary.control("key", "dnskey", "example.gov")["dnskey"]}

    def answer(self, name="mark.example.gov"):
        try:
            return self.secondary.ask(name, "A", timeout=2)
        except (OSError, dns.exception.Timeout):
            return None

    def is_unserved(self):
        answer = self.answer()
        return answer is None or answer.rcode() in (dns.rcode.SERVFAIL, dns.rcode.REFUSED)

    def history(self):
        return self.secondary.control("zone", "history", "example.gov")["versions"]


def test_a_first_signing_is_told_killed_stopped_and_overtaken_by_a_change(work):
    scene = Scene(work)
    secondary = scene.secondary

    # It says how far it is, with units in the names, and in words.
    zone = scene.wait_signing()
    signing = zone["signing"]
    assert signing["names"] > HOSTS and 0 < signing["names_done"] <= signing["names"]
    assert signing["names_per_second"] > 0 and signing["left_seconds"] >= 0
    assert zone["next"]["what"] == "sign" and zone["next"]["text"].startswith("signing ")
    assert "names" in zone["next"]["text"] and "/s, about " in zone["next"]["text"]
    text = secondary.tandemctl("zone", "status", "example.gov").stdout
    assert "now         signing " in text, text
    assert " names, " in secondary.tandemctl("status").stdout
    keys = scene.keys()
    assert len(keys) == 2
    assert scene.is_unserved()

    # Killed: nothing of it is there, and it begins again with the same keys.
    secondary.kill()
    secondary.start(wait=False)
    scene.wait_signing()
    assert scene.is_unserved()
    assert scene.keys() == keys

    # Stopped: it does not wait for the end of the signing.
    begun = time.monotonic()
    secondary.signal(signal.SIGTERM)
    assert secondary.process.wait(timeout=30) == 0
    assert "signing ends unfinished with the daemon; the next start begins it again" in secondary.log()
    assert "error signer" not in secondary.log()
    assert time.monotonic() - begun < 5, "the end waited for the signing"
    secondary.start(wait=False)
    zone = scene.wait_signing()
    assert scene.is_unserved()

    # A reload in the middle, and a change of the primary: neither begins it anew.
    assert secondary.tandemctl("reload").returncode == 0
    scene.write(2)
    scene.primary.control("reload")
    secondary.control("zone", "refresh", "example.gov")
    wait_for(lambda: len(scene.history()) == 2, "the first content and then the change", seconds=120, about=secondary.log)
    change, first = scene.history()
    assert first["cause"] in ("primary", "notify") and first["signatures_kept"] == 0
    assert first["signatures_new"] > 2 * HOSTS
    assert first["serial"]["unsigned"] == 1 and change["serial"]["unsigned"] == 2
    assert change["signatures_new"] == 2, "SOA and the changed address"
    assert change["signatures_kept"] > 2 * HOSTS
    assert scene.answer().answer[0][0].to_text() == "192.0.2.2"
    assert scene.keys() == keys
    verified = secondary.tandemctl("--timeout", "60", "zone", "verify", "example.gov")
    assert verified.returncode == 0, verified.stdout + verified.stderr


@pytest.fixture
def small_disk(work):
    """A file system of 8 MiB for the state directory."""
    with tiny_disk(work, 8) as mounted:
        yield mounted


def test_room_on_the_disk_is_asked_for_before_a_long_signing(work, small_disk):
    scene = Scene(work, 20000, small_disk / "state", {"id": "fast"})
    secondary = scene.secondary
    wait_for(secondary.is_ready, "ready", about=secondary.log)
    wait_for(lambda: "No space left for its signatures" in secondary.log(), "a refusal", seconds=60, about=secondary.log)
    zone = wait_for(lambda: scene.status()["state"] == "failed" and scene.status(), "its state", about=secondary.log)
    assert "octets are needed and" in zone["reason"] and "make room" in zone["reason"]
    assert scene.is_unserved()
    # Not one signature was made for it, and one mail says so, however often it was tried again.
    used = os.statvfs(small_disk)
    assert (used.f_blocks - used.f_bfree) * used.f_frsize < 4 << 20
    def mails():
        return [mail for mail in secondary.mails() if "No space left for its signatures" in str(mail)]

    wait_for(mails, "the mail", about=secondary.log)
    for _ in range(3):
        with pytest.raises(ControlError):
            secondary.control("zone", "refresh", "example.gov", wait=True)
    assert len(mails()) == 1
    # The cure that it names works.
    assert subprocess.run(["mount", "-o", "remount,size=256m", small_disk]).returncode == 0
    secondary.control("zone", "refresh", "example.gov")
    wait_for(lambda: not scene.is_unserved(), "served once there is room", seconds=120, about=secondary.log)
    wait_for(lambda: scene.status()["state"] == "ok", "a good state", about=secondary.log)


def test_a_policy_that_changes_during_its_own_signing_is_not_forgotten(work):
    """Two reloads, the second in the middle of the signing that the first began: each is carried out, one after the
    other, and no version is a mixture."""
    scene = Scene(work, 3000, policy={"id": "p", "algorithm": "rsasha512", "signing-threads": 1})
    secondary = scene.secondary
    wait_for(lambda: not scene.is_unserved(), "the first content", seconds=90, about=secondary.log)

    def reload(**settings):
        secondary.config["policy"] = [{"id": "p", "algorithm": "rsasha512", "signing-threads": 1, **settings}]
        secondary.write_config()
        assert secondary.tandemctl("reload").returncode == 0

    reload(nsec3=True)
    scene.wait_signing(0)
    reload(nsec3={"salt": "aabb"}, zonemd=True)
    wait_for(lambda: [v["cause"] for v in scene.history()].count("policy") == 2, "both", seconds=90, about=secondary.log)
    assert secondary.ask("example.gov", "NSEC3PARAM").answer[0][0].to_text() == "1 0 0 aabb"
    assert secondary.ask("example.gov", "ZONEMD").answer
    assert secondary.tandemctl("--timeout", "60", "zone", "verify", "example.gov").returncode == 0


@pytest.mark.skipif(not os.environ.get("TANDEM_LONG"), reason="half a minute of signing: tests/run --long")
def test_the_log_tells_every_ten_seconds_how_far_a_signing_is(work):
    scene = Scene(work, hosts=40000)
    lines = wait_for(
        lambda: [line for line in scene.secondary.log().splitlines() if "signing goes on" in line][1:], "two lines of progress",
        seconds=90, about=scene.secondary.log)
    for word in ("names_done=", "names=40", "percent=", "names_per_second=", "left_about="):
        assert word in lines[0], lines[0]
    scene.secondary.stop()
