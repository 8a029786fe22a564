"""The expanded zone as a version, with real processes: serials under every policy through edits, restarts, kills and
lost state, with a secondary that polls; bursts; reloads that pass over files that did not change."""

import os
import random
import shutil
import threading
import time

import dns.name
import dns.query
import dns.rdatatype
import dns.xfr
import dns.zone
import pytest
from fake_resolver import FakeResolver

from tandem import HOST, ControlError, answers, axfr, wait_for

ZONE = "example.gov"
LONG = os.environ.get("TANDEM_LONG") == "1"
HALF = 1 << 31
HEAD = "$TTL 300\n@ SOA ns1 hostmaster {serial} 3600 900 1209600 300\n@ NS ns1\nns1 A 192.0.2.1\n"


def is_after(a, b):
    """RFC 1982 section 3.2, without the pairs of which it says nothing."""
    return 0 < (a - b) % (1 << 32) < HALF


def contents(zone):
    """What a zone says but for the serial in its SOA."""
    said = set()
    for name, ttl, rdata in zone.iterate_rdatas():
        words = rdata.to_text().split()
        if rdata.rdtype == dns.rdatatype.SOA:
            words[2] = "*"
        said.add((name.to_text(), ttl, dns.rdatatype.to_text(rdata.rdtype), " ".join(words)))
    return said


def serial_of(zone):
    return zone.find_rdataset("@", "SOA")[0].serial


class Poller:
    """A secondary that asks for differences from what it has; dnspython refuses a serial that went back."""

    def __init__(self, work):
        self.keyring = {dns.name.from_text(work.key.name): work.key.dnspython()}
        self.zone = dns.zone.Zone(ZONE)

    def poll(self, port):
        query, serial = dns.xfr.make_query(
            self.zone, serial=0 if self.zone.nodes else None, keyring=self.keyring,
            keyname=dns.name.from_text("xfr."), keyalgorithm="hmac-sha256.",
        )
        assert self.zone.nodes == {} or serial == serial_of(self.zone)
        dns.query.inbound_xfr(HOST, self.zone, query, port=port, timeout=10, lifetime=20)
        return self.zone


class Scene:
    """A zone with an ALIAS under a policy, a model of what it must say, and a poller."""

    def __init__(self, work, resolver, policy, seed, serials):
        self.work, self.resolver = work, resolver
        self.random = random.Random(seed)
        self.serials = serials  # from which the edits of the file's serial are drawn
        self.file_serial, self.hosts, self.target = serials[0], {"www": 1}, 1
        self.resolver.set("lb.test", A=["198.51.100.1"])
        self.write()
        self.policy = policy
        self.primary = work.primary(
            [{"domain": ZONE, "file": "zone", "serial-policy": policy, "alias": {"refresh": "1h", "settle": "0s"}}],
            resolver=resolver.port,
        ).start()
        self.poller = Poller(work)
        self.said, self.serial, self.kinds = None, None, {}

    def write(self):
        hosts = "".join(f"{name} A 192.0.2.{octet}\n" for name, octet in sorted(self.hosts.items()))
        self.work.write("zone", HEAD.format(serial=self.file_serial) + "@ 60 ALIAS lb.test.\n" + hosts)

    def expected(self):
        said = {(name, 300, "A", f"192.0.2.{octet}") for name, octet in self.hosts.items()}
        return said | {
            ("@", 60, "A", f"198.51.100.{self.target}"), ("@", 300, "NS", "ns1"), ("ns1", 300, "A", "192.0.2.1"),
            ("@", 300, "SOA", "ns1 hostmaster * 3600 900 1209600 300"),
        }

    def served(self):
        """The whole zone once it says what it must."""
        expected = self.expected()

        def fact():
            try:
                zone = axfr(self.primary.port, ZONE, self.work.key)
            except Exception:  # SERVFAIL for a moment after a start
                return None
            # Under "keep" a serial alone is a change, which may wait for the answers of the targets after a start.
            kept = self.policy != "keep" or serial_of(zone) == self.file_serial
            return zone if contents(zone) == expected and kept else None

        return wait_for(fact, f"{sorted(expected)} served", about=self.primary.log)

    def check(self, lost=False):
        zone = self.served()
        said, serial = self.expected(), serial_of(zone)
        if self.policy == "keep":
            pass  # served() has waited for the file's
        elif self.serial is not None and (lost or said != self.said):
            assert is_after(serial, self.serial), (serial, self.serial, self.primary.log())
        elif self.serial is not None:
            assert serial == self.serial, self.primary.log()
        if lost and self.policy != "keep":
            least = max((self.file_serial + 1) % (1 << 32), int(self.lost_at))
            assert serial >= least, (serial, least)
        self.said, self.serial = said, serial
        if self.policy != "keep":
            held = self.poller.poll(self.primary.port)
            assert contents(held) == said and serial_of(held) == serial

    # Steps.

    def reload(self):
        self.primary.control("reload")

    def edit_content(self):
        name = self.random.choice(["www", "a", "b.c", "*.w"])
        if name in self.hosts and name != "www" and self.random.random() < 0.4:
            del self.hosts[name]
        else:
            self.hosts[name] = self.hosts.get(name, 0) % 250 + 1
        self.write()
        self.reload()

    def edit_serial(self):
        self.file_serial = self.random.choice(self.serials)
        self.write()
        self.reload()

    def edit_both(self):
        self.file_serial = self.random.choice(self.serials)
        self.edit_content()

    def change_target(self):
        self.target = self.target % 250 + 1
        self.resolver.set("lb.test", A=[f"198.51.100.{self.target}"])
        self.primary.control("alias", "refresh", ZONE, wait=True)

    def reload_only(self):
        self.reload()

    def restart(self):
        assert self.primary.stop() == 0
        if self.random.random() < 0.5:
            self.hosts["www"] = self.hosts["www"] % 250 + 1
            self.write()
        self.primary.start()

    def kill(self):
        """At any moment of a change that is on its way."""
        self.hosts["www"] = self.hosts["www"] % 250 + 1
        self.write()

        def ask():
            try:
                self.reload()
            except (OSError, ControlError):
                pass  # it died

        asking = threading.Thread(target=ask)
        asking.start()
        asking.join(self.random.random() * 0.08)
        self.primary.kill()
        asking.join()
        self.primary.start()

    def lose_state(self):
        self.primary.stop() if self.random.random() < 0.5 else self.primary.kill()
        shutil.rmtree(self.primary.directory / "state")
        # More than a version a second, for long, and the time of day says less than what was given out.
        wait_for(lambda: time.time() >= self.serial + 1 or self.serial > 1 << 31, "a later second than the serial")
        self.lost_at = int(time.time())
        self.primary.start()
        # The targets' addresses were lost with the state, and are asked for anew.

    def run(self, steps, count):
        self.check()
        for _ in range(count):
            step = self.random.choice(steps)
            getattr(self, step)()
            self.check(lost=step == "lose_state")


EDITS = ["edit_content", "edit_serial", "edit_both", "change_target", "reload_only", "restart", "kill"]
# Up, down, over the end of the circle, and jumps that RFC 1982 cannot order.
CIRCLE = [10, 9, 12, HALF - 1, HALF + 5, HALF + 9, (1 << 32) - 1, (1 << 32) - 3, 0, 1]


@pytest.fixture
def resolver():
    with FakeResolver() as fake:
        yield fake


@pytest.mark.parametrize("policy", ["increment", "unixtime", "dateserial", "keep"])
def test_the_serial_moves_if_and_only_if_the_content_does_and_never_back(work, resolver, policy):
    scene = Scene(work, resolver, policy, 7, CIRCLE)
    scene.run(EDITS, 150 if LONG else 14)
    if policy != "keep":
        count = scene.primary.control("zone", "status", ZONE)["zone"]["journal"]
        assert count and count["steps"] > 0


@pytest.mark.parametrize("policy", ["increment", "unixtime"])
def test_it_does_not_go_back_when_the_state_is_lost(work, resolver, policy):
    scene = Scene(work, resolver, policy, 11, [10, 9, 2026, 11])
    scene.check()
    scene.lose_state()
    scene.check(lost=True)
    scene.run(EDITS + ["lose_state", "lose_state"], 80 if LONG else 8)


def test_dateserials_do_not_go_back_when_the_state_is_lost(work, resolver):
    scene = Scene(work, resolver, "dateserial", 5, [10, 9, 11])
    scene.run(["edit_content", "restart", "edit_serial"], 4)
    before = scene.serial
    scene.lost_at = int(time.time())
    scene.primary.kill()
    shutil.rmtree(scene.primary.directory / "state")
    scene.primary.start()
    scene.check(lost=True)
    assert is_after(scene.serial, before)
    scene.run(["edit_content", "restart", "edit_serial"], 3)


def test_a_new_zone_of_an_old_installation_begins_with_the_serial_of_its_file(work):
    work.write("a", HEAD.format(serial=10))
    work.write("b", HEAD.format(serial=20))
    zones = [{"domain": name, "file": name, "acl": ["peers"]} for name in ("a", "b")]
    primary = work.primary(zones[:1]).start(established=False)
    first = primary.serial("a")
    assert first >= time.time() - 60
    assert (primary.directory / "state/established").exists()
    zones[1]["file"] = str(work.path / "b")
    primary.config["zone"].append({**zones[1], "notify": []})
    primary.write_config()
    primary.control("reload")
    assert primary.serial("b") == 20 and primary.serial("a") == first


def test_differences_are_given_and_whole_zones_where_they_do_not_reach(work, resolver):
    scene = Scene(work, resolver, "increment", 3, [10])
    scene.check()
    for _ in range(4):
        scene.edit_content()
        scene.check()
    assert scene.primary.stop() == 0
    scene.primary.start()
    scene.edit_content()
    scene.check()

    def out(kind):
        return scene.primary.metric("tandem_zone_transfers_total", zone=ZONE, direction="out", kind=kind, result="ok")

    assert out("ixfr") == 1  # since the restart; the check's own are whole
    scene.primary.config["zone"][0]["journal-max-size"] = "0"
    scene.primary.write_config()
    scene.reload()
    scene.edit_content()
    whole = out("axfr")
    scene.check()
    assert out("axfr") == whole + 2  # the check's, and the poller's for want of a journal


# Bursts.


def test_a_hundred_owners_of_changed_targets_become_one_version(work):
    def targets(octet):
        return HEAD.format(serial=1) + "".join(f"t{i} A 192.0.2.{octet}\n" for i in range(100))

    work.write("targets", targets(1))
    work.write("zone", HEAD.format(serial=1) + "".join(f"a{i} ALIAS t{i}.example.net.\n" for i in range(100)))
    primary = work.primary(
        [{"domain": ZONE, "file": "zone"}, {"domain": "example.net", "file": "targets"}]
    ).start()
    wait_for(lambda: primary.serial(ZONE), "served", about=primary.log)
    wait_for(lambda: answers(primary.ask(f"a99.{ZONE}", "A", key=work.key)) == ["192.0.2.1"], "expanded")
    before = primary.serial(ZONE)
    work.write("targets", targets(2))
    primary.control("reload")
    for i in (0, 50, 99):
        wait_for(lambda: answers(primary.ask(f"a{i}.{ZONE}", "A", key=work.key)) == ["192.0.2.2"], f"a{i} changed")
    assert primary.serial(ZONE) == before + 1


def test_a_hundred_answers_of_the_resolver_become_few_versions(work, resolver):
    for i in range(100):
        resolver.set(f"t{i}.test", A=["192.0.2.1"])
    work.write("zone", HEAD.format(serial=1) + "".join(f"a{i} ALIAS t{i}.test.\n" for i in range(100)))
    primary = work.primary(
        [{"domain": ZONE, "file": "zone", "alias": {"refresh": "1h"}}], resolver=resolver.port
    )
    primary.config["resolver"].update({"timeout": "5s", "tries": 3})
    primary.start()
    wait_for(lambda: primary.serial(ZONE), "served", about=primary.log)
    before = primary.serial(ZONE)
    for i in range(100):
        resolver.set(f"t{i}.test", A=["192.0.2.2"])
    # All are asked before one answers: how long a hundred orders take is the machine's matter.
    seen = len(resolver.questions())
    resolver.hold()
    for i in range(100):
        primary.control("alias", "refresh", f"a{i}.{ZONE}")
    wait_for(lambda: len({name for name, _, _ in resolver.questions()[seen:]}) == 100, "all asked", about=primary.log)
    resolver.release()

    def all_changed():
        zone = axfr(primary.port, ZONE, work.key)
        return all(zone.find_rdataset(f"a{i}", "A")[0].to_text() == "192.0.2.2" for i in range(100))

    wait_for(all_changed, "all changed", about=primary.log)
    versions = primary.serial(ZONE) - before
    assert 1 <= versions <= 10, versions


def test_fifty_reloads_at_once_become_few_versions(work):
    work.write("zone", HEAD.format(serial=1) + "www A 192.0.2.200\n")
    primary = work.primary([{"domain": ZONE, "file": "zone"}]).start()
    before = primary.serial(ZONE)
    asking = []
    for i in range(50):
        work.write("zone", HEAD.format(serial=1) + f"www A 192.0.2.{i + 1}\n")
        asking.append(threading.Thread(target=primary.control, args=("reload",)))
        asking[-1].start()
    for thread in asking:
        thread.join()
    primary.control("reload")
    assert answers(primary.ask(f"www.{ZONE}", "A", key=work.key)) == ["192.0.2.50"]
    reloads = primary.log().count("reloading")
    assert 1 <= primary.serial(ZONE) - before <= reloads <= 51


# Files that did not change.


def reads(primary):
    return primary.log().count("zone file read")


@pytest.fixture
def quiet(work):
    for name in "abc":
        work.write(name, HEAD.format(serial=10) + f"$INCLUDE {name}.part\n@ 60 ALIAS t.example.net.\n")
        work.write(f"{name}.part", "www A 192.0.2.80\n")
    work.write("t", HEAD.format(serial=1) + "t A 192.0.2.99\n")
    zones = [{"domain": f"{name}.example", "file": name} for name in "abc"]
    primary = work.primary([*zones, {"domain": "example.net", "file": "t"}], log={"level": "debug"}).start()
    wait_for(lambda: all(primary.serial(f"{name}.example") for name in "abc"), "served", about=primary.log)
    return primary


def test_a_reload_reads_what_changed_and_nothing_else(work, quiet):
    before = reads(quiet)
    quiet.control("reload")
    assert reads(quiet) == before
    assert quiet.log().count("zone file unchanged: not read") == 4
    work.write("b.part", "www A 192.0.2.81\n")
    quiet.control("reload")
    assert reads(quiet) == before + 1
    assert answers(quiet.ask("www.b.example", "A", key=work.key)) == ["192.0.2.81"]
    assert quiet.serial("b.example") == 11 and quiet.serial("a.example") == 10
    # The same octets anew: its times say nothing, its content does.
    work.write("c.part", "www A 192.0.2.80\n")
    quiet.control("reload")
    assert reads(quiet) == before + 1
    quiet.control("zone", "refresh", "c.example", wait=True)  # who asks for one zone has it read
    assert reads(quiet) == before + 2
    # A broken file is read until it is mended, also by going back to what it was.
    work.write("a.part", "www A 192.0.2.300\n")
    for _ in range(2):
        with pytest.raises(ControlError):
            quiet.control("reload")
    work.write("a.part", "www A 192.0.2.80\n")
    quiet.control("reload")
    assert quiet.zone("a.example")["state"] == "ok" and not quiet.zone("a.example")["file"]["errors"]
    assert quiet.serial("a.example") == 10


def test_writes_within_one_tick_of_the_clock_are_seen(work, quiet):
    path = work.path / "a.part"
    for octet in range(100, 160):
        with open(path, "r+") as file:  # in place: the same inode, the same size
            file.write(f"www A 192.0.2.{octet}")
        quiet.control("reload")
        assert answers(quiet.ask("www.a.example", "A", key=work.key)) == [f"192.0.2.{octet}"]


def test_settings_take_effect_though_the_file_is_the_same(work, quiet):
    before = reads(quiet)

    def apex():
        return quiet.ask("a.example", "A", key=work.key).answer[0]

    assert apex().ttl == 60
    quiet.config["zone"][0]["alias"] = {"ttl": "20s"}
    quiet.write_config()
    quiet.control("reload")
    assert apex().ttl == 20 and quiet.serial("a.example") == 11
    quiet.config["zone"][0]["serial-policy"] = "unixtime"
    quiet.write_config()
    quiet.control("reload")
    assert quiet.serial("a.example") == 11  # no content changed
    quiet.config["zone"][0]["alias"] = {"ttl": "30s"}
    quiet.write_config()
    quiet.control("reload")
    assert quiet.serial("a.example") > 1_700_000_000
    assert reads(quiet) == before and quiet.serial("b.example") == 10
    # Another file of the same content is another file.
    shutil.copy(work.path / "a", work.path / "d")
    quiet.config["zone"][0]["file"] = str(work.path / "d")
    quiet.write_config()
    quiet.control("reload")
    assert reads(quiet) == before + 1


# Starts.

EARLY = "zone served as the last run left it"


def test_a_start_serves_what_the_last_run_left_when_the_files_are_the_same(work, quiet):
    assert quiet.log().count(EARLY) == 0
    quiet.stop()
    quiet.start()
    assert quiet.log().count(EARLY) == 4
    assert answers(quiet.ask("www.a.example", "A", key=work.key)) == ["192.0.2.80"]
    assert quiet.serial("a.example") == 10
    quiet.kill()
    work.write("a.part", "www A 192.0.2.81\n")
    quiet.start()
    assert quiet.log().count(EARLY) == 7  # all but the one that changed
    assert answers(quiet.ask("www.a.example", "A", key=work.key)) == ["192.0.2.81"]
    assert quiet.serial("a.example") == 11
    quiet.stop()
    # Back to what it was two versions ago: what is saved is not of these files.
    work.write("a.part", "www A 192.0.2.80\n")
    quiet.start()
    assert quiet.log().count(EARLY) == 10
    assert answers(quiet.ask("www.a.example", "A", key=work.key)) == ["192.0.2.80"]
    assert quiet.serial("a.example") == 12


def test_a_kill_does_not_bring_back_addresses_that_were_served_before(work, resolver):
    """The addresses are saved a moment after the version: a killed primary finds older ones there."""
    scene = Scene(work, resolver, "increment", 13, [10])
    scene.check()
    assert scene.primary.stop() == 0  # the first address is saved
    scene.primary.start()
    for _ in range(3):
        scene.change_target()
        scene.check()
        serial = scene.serial
        scene.primary.kill()
        scene.primary.start()
        scene.check()
        wait_for(lambda: scene.primary.control("alias", "show", ZONE)["alias"]["state"] == "fresh", "asked again")
        scene.reload()
        scene.check()
        assert scene.serial == serial, scene.primary.log()


def test_what_may_be_refused_after_a_hold_waits_for_its_file(work, quiet):
    quiet.config["zone"][0]["alias"] = {"after-hold": "refuse"}
    quiet.stop()
    quiet.start()
    assert quiet.log().count(EARLY) == 3
    assert answers(quiet.ask("www.a.example", "A", key=work.key)) == ["192.0.2.80"]
