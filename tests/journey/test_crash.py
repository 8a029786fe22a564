"""kill -9 of each role and of the parent at random moments of publishes, and a full disk: what is served is always one
generation of the zone, complete and validly signed, and changes go on afterwards."""

import contextlib
import errno
import os
import random
import shutil
import signal
import subprocess

import dns.exception
import dns.name
import dns.query
import pytest

import peers
from tandem import ControlError, answers, axfr, role_pids, wait_for
from tiny_disk import tiny_disk

SEED = 20261121
ROUNDS = {"signer": 10, "parent": 8, "fetcher": 4, "desk": 4, "server": 6}
NAMES = 150
HEAD = """$TTL 60
@   IN SOA ns1 hostmaster {generation} 7200 900 1209600 300
@   IN NS  ns1
@   IN A   10.0.{generation}.255
ns1 IN A   192.0.2.53
"""
MILLISECONDS_MAX = 120  # from the hint to the kill: as long as a publish takes under the sanitizers


def zone_text(generation):
    """All addresses tell the generation; names come and go, so that the chain changes as well."""
    lines = [f"h{n:03d} IN A 10.0.{generation}.{n}" for n in range(NAMES)]
    lines += [f"g{generation}-{n} IN TXT {generation}" for n in range(10)]
    return HEAD.format(generation=generation) + "\n".join(lines) + "\n"


class Scene:
    def __init__(self, work, state_directory=None, nsec3=False):
        self.work, self.generation = work, 1
        work.write("zone", zone_text(1))
        self.primary = work.primary([{"domain": "example.gov", "file": "zone"}]).start()
        self.secondary = work.secondary(
            [{"domain": "example.gov", "acl": ["out"], "gate": {"max-removed": "100%"}}], self.primary.port,
            acl=[{"id": "out", "address": ["127.0.0.1"], "action": ["transfer"]}],
            policy=[{"id": "default", "nsec3": nsec3}],
        )
        if state_directory:
            self.secondary.config["server"]["state-directory"] = str(state_directory)
        self.secondary.start()
        self.wait_served(1)
        anchors = peers.trust_anchors(self.secondary, "example.gov")
        self.anchors = work.write("anchors", "".join(line + "\n" for line in anchors))

    def write(self):
        self.generation += 1
        self.work.write("zone", zone_text(self.generation))
        self.primary.control("reload")

    def hint(self):
        with contextlib.suppress(OSError, ControlError, ValueError):
            self.secondary.control("zone", "refresh", "example.gov", timeout=5)

    def served(self):
        """The address of the apex, None while nothing is answered."""
        try:
            return answers(self.secondary.ask("example.gov", "A", timeout=1))
        except (OSError, dns.exception.Timeout):
            return None

    def wait_served(self, generation):
        wait_for(lambda: self.served() == [f"10.0.{generation}.255"], f"generation {generation}", about=self.secondary.log)

    def transfer(self):
        def whole():
            try:
                return axfr(self.secondary.port, "example.gov", timeout=5)
            except (OSError, EOFError, dns.exception.DNSException):
                return None

        return wait_for(whole, "a transfer", about=self.secondary.log)

    def judge(self):
        """One generation, complete, and validated by ldns; gives it."""
        zone = self.transfer()
        found = {
            tuple(r.to_text() for r in rdataset)
            for name, rdataset in zone.iterate_rdatasets("A")
            if str(name) not in ("@", "ns1")
        }
        assert len(found) == NAMES
        generations = {int(texts[0].split(".")[2]) for texts in found}
        assert len(generations) == 1, f"a mixture of {generations}\n{self.secondary.log()}"
        generation = generations.pop()
        assert {str(n) for n, _ in zone.iterate_rdatasets("TXT")} == {f"g{generation}-{n}" for n in range(10)}
        assert zone.find_rdataset("@", "A")[0].to_text() == f"10.0.{generation}.255"
        file = self.work.write("transferred", zone.to_text(relativize=False))
        done = subprocess.run(["ldns-verify-zone", "-k", self.anchors, file], capture_output=True, text=True, timeout=20)
        assert done.returncode == 0, done.stdout + done.stderr + self.secondary.log()
        return generation

    def verified(self):
        try:
            return self.secondary.control("zone", "verify", "example.gov", timeout=10)["verified"]
        except (OSError, ControlError, ValueError):
            return False


# Where the denial makes a difference it is tried in both forms.
CASES = [(role, False) for role in ROUNDS] + [("signer", True), ("parent", True)]


@pytest.mark.parametrize("role,nsec3", CASES, ids=[role + "-nsec3" * nsec3 for role, nsec3 in CASES])
def test_a_crash_at_any_moment_of_a_publish_leaves_one_whole_generation(work, role, nsec3):
    chance = random.Random(f"{SEED} {role} {nsec3}")
    scene = Scene(work, nsec3=nsec3)
    secondary = scene.secondary
    for turn in range(ROUNDS[role]):
        before = scene.judge()
        scene.write()
        scene.hint()
        # A random moment of what the hint began; the wait is the point of it.
        with contextlib.suppress(subprocess.TimeoutExpired):
            secondary.process.wait(chance.uniform(0, MILLISECONDS_MAX) / 1000)
        if role == "parent":
            secondary.kill()
            secondary.start(wait=False)
        else:
            for pid in wait_for(lambda: role_pids(secondary, role), f"{role} runs", about=secondary.log):
                os.kill(pid, signal.SIGKILL)
        after = scene.judge()
        assert after in (before, scene.generation), (turn, before, after)
        scene.wait_served(scene.generation)
        assert scene.judge() == scene.generation
        if turn % 3 == 2 and role != "parent":
            # A role that dies again and again is started ever later: begin anew.
            assert secondary.stop() == 0
            secondary.start()
    wait_for(scene.verified, "verified", about=secondary.log)


def test_two_roles_die_in_one_publish(work):
    chance = random.Random(SEED)
    scene = Scene(work)
    for _ in range(4):
        before = scene.judge()
        scene.write()
        scene.hint()
        for role in chance.sample(["signer", "fetcher", "server", "desk"], 2):
            with contextlib.suppress(subprocess.TimeoutExpired):
                scene.secondary.process.wait(chance.uniform(0, 40) / 1000)
            for pid in role_pids(scene.secondary, role):
                os.kill(pid, signal.SIGKILL)
        assert scene.judge() in (before, scene.generation)
        scene.wait_served(scene.generation)
    wait_for(scene.verified, "verified", about=scene.secondary.log)


@pytest.fixture
def small_disk(work):
    """A file system of 24 MiB for the state directory."""
    with tiny_disk(work, 24) as mounted:
        yield mounted


def fill(directory):
    """Uses up the file system's space to the last octet."""
    file = directory / "filler"
    with open(file, "wb", buffering=0) as out:
        for size in (1 << 20, 1 << 12, 1):
            with contextlib.suppress(OSError):
                while out.write(b"\0" * size) == size:
                    pass
    with pytest.raises(OSError) as full, open(directory / "probe", "wb", buffering=0) as probe:
        probe.write(b"x" * 8192)
    assert full.value.errno == errno.ENOSPC
    (directory / "probe").unlink()
    return file


@pytest.mark.parametrize("nsec3", [False, True], ids=["nsec", "nsec3"])
def test_a_full_disk_keeps_what_is_served_and_says_so_and_recovers(work, small_disk, nsec3):
    scene = Scene(work, small_disk / "state", nsec3)
    secondary = scene.secondary
    scene.write()
    scene.wait_served(2)
    filler = fill(small_disk)
    scene.write()
    scene.hint()
    wait_for(lambda: "No space left" in secondary.log(), "the reason in the log", about=secondary.log)
    assert scene.judge() == 2

    # Also over a restart.
    secondary.kill()
    secondary.start(wait=False)
    wait_for(scene.served, "served from disk", about=secondary.log)
    assert scene.judge() in (2, 3)
    filler.unlink()
    scene.hint()
    scene.wait_served(3)
    assert scene.judge() == 3
    scene.write()
    scene.wait_served(4)
    wait_for(scene.verified, "verified", about=secondary.log)
    assert shutil.disk_usage(small_disk).free > 0
