"""Many ALIAS targets against a resolver that takes 20 ms: all fresh after one question for each type, a bounded number in
flight; a resolver that falls silent changes nothing but the states. 1,000 targets; 10,000 with TANDEM_LONG=1. How fast it
is, tests/bench/alias measures; how evenly the questions come, tests/unit/alias/test_book.c shows with simulated time."""

import os
import subprocess

from tandem import BIN, axfr, wait_for

TARGETS = 10000 if os.environ.get("TANDEM_LONG") else 1000
IN_FLIGHT = 64  # a few hundred would be the default; fewer make the bound bite
ZONE = "many.gov"
HEAD = f"$ORIGIN {ZONE}.\n$TTL 300\n@ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\nns A 192.0.2.53\n"


class Resolver:
    """tests/support/resolver_main.c as a child."""

    def __init__(self, work, *options):
        self.process = work.spawn(
            [BIN / "resolver", *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.port = int(self.process.stdout.readline().split()[1])

    def tell(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def stats(self):
        words = self.tell("stats").split()
        return dict(zip(words[::2], map(int, words[1::2])))


def states(primary):
    return primary.zone(ZONE)["alias"]


def addresses(work, primary):
    zone = axfr(primary.port, ZONE, work.key)
    return {name.to_text(): rdataset[0].to_text() for name, rdataset in zone.iterate_rdatasets("A")}


def expected(moved=0):
    own = {f"o{i}": f"198.{19 if i < moved else 18}.{i // 256}.{i % 256}" for i in range(TARGETS)}
    return {**own, "ns": "192.0.2.53"}


def resident_kib(process):
    with open(f"/proc/{process.pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))


def descriptors(process):
    return len(os.listdir(f"/proc/{process.pid}/fd"))


def asked_more(resolver, count):
    received = resolver.stats()["received"]
    wait_for(lambda: resolver.stats()["received"] >= received + count, f"{count} questions more", seconds=120)


def test_many_targets_and_a_resolver_that_falls_silent(work):
    resolver = Resolver(work, "--delay", "20")
    work.write("zone", HEAD + "".join(f"o{i} 60 ALIAS t{i}.out.test.\n" for i in range(TARGETS)))
    primary = work.primary(
        [{"domain": ZONE, "file": "zone", "alias": {"refresh": "30d"}}], resolver=resolver.port
    )  # nothing is asked twice while we look
    primary.config["log"]["level"] = "error"
    primary.config["resolver"].update({"timeout": "10s", "tries": 2, "max-in-flight": IN_FLIGHT})
    primary.start(environment={"ASAN_OPTIONS": "quarantine_size_mb=1"})  # what is freed is not to count as growth
    wait_for(lambda: states(primary)["fresh"] == TARGETS, "all fresh", about=primary.log, seconds=120)
    wait_for(lambda: primary.serial(ZONE), "served", about=primary.log)
    stats = resolver.stats()
    assert stats["received"] == 2 * TARGETS  # each type once: nothing twice, nothing forgotten
    assert IN_FLIGHT // 2 <= stats["waiting_max"] <= IN_FLIGHT
    assert addresses(work, primary) == expected()
    serial = primary.serial(ZONE)

    # Silence: a shorter refresh is in force at once; every state changes, and nothing else.
    primary.config["resolver"].update({"timeout": "1s", "tries": 1, "max-in-flight": 4096})
    primary.config["zone"][0]["alias"]["refresh"] = "5s"
    primary.write_config()
    primary.control("reload", wait=True)
    resolver.tell("silent on")
    wait_for(lambda: states(primary)["fresh"] == 0, "all held", about=primary.log, seconds=240)
    assert states(primary)["held"] == TARGETS
    asked_more(resolver, 2000)
    before = resident_kib(primary.process), descriptors(primary.process)
    asked_more(resolver, 6000)
    assert addresses(work, primary) == expected()
    assert primary.serial(ZONE) == serial
    after = resident_kib(primary.process), descriptors(primary.process)
    assert after[0] - before[0] < 6000  # not a kilobyte for each question
    assert after[1] - before[1] <= 16  # sockets of channels that are being replaced
    wait_for(lambda: [m for m in primary.mails() if "held" in m["Subject"]], "a mail", about=primary.log)
    assert len(primary.mails()) < 100  # a few for each turn of the gathering, not one for each target

    # Back again, and some have moved.
    resolver.tell("moved 100")
    resolver.tell("silent off")
    wait_for(lambda: states(primary)["fresh"] == TARGETS, "all fresh again", about=primary.log, seconds=240)
    wait_for(lambda: addresses(work, primary) == expected(moved=100), "the moved ones", about=primary.log)
    assert 0 < primary.serial(ZONE) - serial <= 100
