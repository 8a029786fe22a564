"""The part `rest` of tests/bench/transfer: a large zone with many ALIAS, and many small zones with one each: how long
tandem-primary takes until it serves them, what memory they need, and what it costs to keep them fresh."""

import time

from givers import SlowResolver, TandemPrimary, alias_lines, answers_soa, forget
from measure import cpu_seconds, memory_mib, settle
from report import say, spread
from servers import use_all_cores
from stage import ZONE, host_lines, zone_head
from tandem import wait_for

START_SECONDS = 900
SETTLE_SECONDS = 60
ZONE_NAMES = 10  # of a small zone
SAMPLES = 50  # of many zones that are asked until they answer


class Rest:
    def __init__(self, work, report, given):
        self.work, self.report, self.given = work, report, given
        self.rows = []

    def run(self):
        use_all_cores()
        aliases = max(self.given.alias)
        self.measure(f"1 zone of {self.given.names:,} names, {aliases:,} ALIAS", self.large_zone(aliases))
        self.measure(f"{self.given.zones:,} zones of {ZONE_NAMES} names, 1 ALIAS each", self.small_zones())
        self.report.table(
            f"tandem-primary at rest, each target asked every 30 s, resolver {self.given.delays[0]} ms",
            ["", "start", "start to served, s", "CPU until then, s", "CPU until at rest, s", "peak RSS, MiB", "PSS at rest, MiB",
             f"CPU at rest over {self.given.rest:g} s, % of a core"], self.rows)

    def large_zone(self, aliases):
        with open(self.work.path / "rest.zone", "w") as out:
            out.write(zone_head())
            out.writelines(host_lines(self.given.names - 1))
            out.writelines(alias_lines(aliases))
        return [{"domain": ZONE, "file": "rest.zone"}]

    def small_zones(self):
        text = zone_head() + "".join(host_lines(ZONE_NAMES - 2)) + "www 60 IN ALIAS t{number:06d}.targets.example.org.\n"
        zones = []
        for number in range(self.given.zones):
            file = f"small/{number // 1000}/z{number}.zone"
            self.work.write(file, text.replace("{number:06d}", f"{number:06d}"))
            zones.append({"domain": f"z{number}.example.gov", "file": file})
        return zones

    def measure(self, label, zones):
        resolver = SlowResolver(self.work, "rest-resolver", self.given.delays[0]).start()
        giver = TandemPrimary(self.work, "rest", zones, resolver.port)
        for begins in ("first", "again, with its state"):
            say(f"{label}: {begins}")
            self.measure_start(label, begins, giver)
            giver.stop()
        forget(self.work, giver)
        forget(self.work, resolver)

    def measure_start(self, label, begins, giver):
        step = max(1, len(giver.domains) // SAMPLES)
        began = time.monotonic()
        giver.start()
        for domain in giver.domains[::-step]:
            wait_for(lambda: answers_soa(giver.port, domain), f"{domain} is served", START_SECONDS, giver.log)
        served, cpu = time.monotonic() - began, cpu_seconds(giver.process.pid)
        wait_for(giver.is_ready, "all zones are served", START_SECONDS, giver.log)
        settle({"primary": giver.process.pid}, SETTLE_SECONDS if self.given.rest >= 1 else 1)
        peak = memory_mib(giver.process.pid, "VmHWM")
        at_rest = cpu_seconds(giver.process.pid)
        time.sleep(self.given.rest)
        share = (cpu_seconds(giver.process.pid) - at_rest) / self.given.rest * 100
        self.rows.append([label, begins, spread([served]), spread([cpu]), spread([at_rest]), spread([peak]), spread([giver.pss()]), spread([share])])
