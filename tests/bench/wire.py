"""Signers as daemons behind one primary ("bump in the wire"): start to signed answers, one changed address, unchanged
polls, memory. Each is measured alone: the others are stopped or at rest."""

import os
import re
import shutil
import subprocess
import time

from batch import RRSIG_PATTERN
from measure import (
    Follower, NotifyRelay, Question, count_axfr, cpu_seconds, is_signed, memory_mib, pss_mib, settle, unchanged_polls,
    wait_all_signed, written_octets,
)
from report import ratios, say, spread
from rivals import AxfrPrimary, IxfrPrimary, Signing, on_cores, rivals_present
from stage import (
    CUT_EVERY, ZONE, all_pids, host_address, host_lines, host_owner, is_up, ms, notify_sections, sample_names, zone_head,
)
from tandem import HOST, wait_for

REST_SECONDS = 60  # after an answer, until what followed it is over
PAUSE_SECONDS = 0.005  # between two questions while a daemon starts


class TandemSigner:
    """tandem-secondary, used as rivals.py's signers are."""

    kind, label = "tandem", "Tandem"
    signing = Signing()

    def __init__(self, work, name):
        self.work, self.name = work, name

    def follow(self, domains, primary_port, key):
        denial = {"nsec": False, "nsec3": True, "opt-out": {"opt-out": True}}[self.signing.denial]
        policy = {"id": "bench", "algorithm": self.signing.algorithm, "nsec3": denial}
        if denial is False:
            del policy["nsec3"]
        self.secondary = self.work.secondary(
            [{"domain": domain, "refresh": "1h", "retry": "10s", "acl": ["here"], "policy": "bench",
              "request-ixfr": "yes" if self.signing.ixfr else "no"} for domain in domains],
            primary_port, name=self.name, policy=[policy], **notify_sections(key))
        self.port, self.directory = self.secondary.port, self.secondary.directory
        command = self.secondary.command
        self.secondary.command = lambda *words: [*self.signing.prefix, *command(*words)]

    def start(self):
        self.secondary.start(wait=False)
        self.process = self.secondary.process

    def pids(self):
        wait_for(lambda: is_up(self.secondary), "the control socket", about=self.secondary.log)
        return all_pids(self.secondary)

    def small_transfers(self):
        return int(self.secondary.metric("tandem_zone_transfers_total", zone=ZONE, direction="in", kind="ixfr",
                                         result="ok"))

    def stop(self):
        assert self.secondary.stop() == 0, self.secondary.log()
        self.work.daemons.remove(self.secondary)


def rival_signer(kind):
    class RivalSigner(kind):
        def is_ready(self):
            return True  # measured by the questions that follow

        def pids(self):
            return {"all": self.process.pid}

        def small_transfers(self):
            """By its log: Knot names what it did, named says of how many records a transfer was."""
            found = re.findall(r"IXFR, incoming,.* finished|Transfer completed: \d+ messages, \d{1,2} records", self.log())
            return len(found)

        def stop(self):
            self.kill()  # its zone goes, too: not worth the minutes that saving a million names may take
            self.work.daemons.remove(self)

    return RivalSigner


class Start:
    """One start from nothing until all is signed."""

    def __init__(self, signer, names, patience):
        alive = lambda: signer.process.poll() is None
        question = Question(signer.port, ZONE, "SOA")
        began = time.monotonic()
        signer.start()
        self.first = question.until(is_signed, patience, PAUSE_SECONDS, alive) - began
        question.close()
        self.complete = wait_all_signed(signer.port, names, patience, alive) - began
        pids = signer.pids()
        self.cpu = sum(cpu_seconds(pid) for pid in pids.values())
        settle(pids, REST_SECONDS)
        self.peak = sum(memory_mib(pid, "VmHWM") for pid in pids.values())
        self.pss = sum(pss_mib(pid) for pid in pids.values())


class Wire:
    """The daemons' part for one zone."""

    def __init__(self, work, report, given, names, algorithm, denial):
        self.work, self.report, self.given = work, report, given
        self.hosts, self.algorithm, self.denial = names - 1, algorithm, denial
        self.names = sample_names(self.hosts)
        self.patience = 120 + names / 500
        self.changed, self.serial = {}, 0
        self.file = f"wire-{names}.zone"
        self.write_zone()
        self.about = f"{names:,} names, {self.records:,} RRs, {algorithm.mnemonic}, {denial}"
        self.kinds = [TandemSigner] + [rival_signer(kind) for kind in rivals_present()]

    def write_zone(self):
        self.serial += 1
        text = zone_head(self.serial) + "".join(host_lines(self.hosts, self.changed))
        self.records = text.count("\n") - 1
        return self.work.write(self.file, text)

    def start_primary(self, kind, ports=()):
        primary = kind(self.work, f"{kind.kind}-{self.hosts}")
        primary.key, primary.notify = self.work.key, list(ports)
        primary.serve(ZONE, self.work.path / self.file)
        primary.start()
        wait_for(lambda: primary.has(ZONE), "the primary serves the zone", self.patience, primary.log)
        return primary

    def new_signer(self, kind, primary, number, **signing):
        signer = kind(self.work, f"{kind.kind}-{primary.kind}-{self.hosts}-{number}")
        signer.signing = Signing(self.algorithm.word, self.denial, **signing)
        signer.follow([ZONE], primary.port, self.work.key)
        return signer

    # --- Start to signed

    def measure_starts(self):
        primary = self.start_primary(AxfrPrimary)
        found = {}
        alone = [count_axfr(primary.port, ZONE)[0] for _ in range(3)]
        self.report.line(f"\nThe AXFR of the unsigned zone alone, read and thrown away: {spread(alone)} s.")
        for cores in self.given.cores:
            self.keep_clear_of(cores, primary)
            for number in range(self.given.rounds):
                for turn in range(len(self.kinds)):
                    kind = self.kinds[(turn + number) % len(self.kinds)]
                    say(f"start: {kind.label}, {cores} cores, round {number + 1}")
                    signer = self.new_signer(kind, primary, f"{cores}-{number}", threads=cores, prefix=on_cores(cores))
                    found.setdefault((cores, kind.label), []).append(Start(signer, self.names, self.patience))
                    signer.stop()
                    shutil.rmtree(signer.directory)
        self.keep_clear_of(os.cpu_count(), primary)
        self.stop_peer(primary)
        self.tell_starts(found)

    def keep_clear_of(self, cores, primary):
        """This program and the primary use other cores than the signer where there are any."""
        count = os.cpu_count()
        others = set(range(cores, count)) if cores < count else set(range(count))
        for pid in (0, primary.process.pid):
            os.sched_setaffinity(pid, others)

    def tell_starts(self, found):
        rows = []
        for (cores, label), starts in found.items():
            ours = [start.complete for start in found[cores, "Tandem"]]
            rows.append([label, str(cores), spread([start.first for start in starts]),
                         spread([start.complete for start in starts]),
                         "" if label == "Tandem" else spread(ratios(ours, [start.complete for start in starts])),
                         spread([start.cpu for start in starts]), spread([start.peak for start in starts]),
                         spread([start.pss for start in starts])])
        self.report.table(
            f"From start to signed answers: {self.about}",
            ["daemon", "cores", "first signed SOA, s", "all signed, s", "Tandem takes, of its all signed", "CPU, s",
             "peak RSS, MiB", "PSS at rest, MiB"], rows)
        for cores, label, limit in ((1, "Knot knotd", 0.55), (2, "Knot knotd", 0.35), (2, "BIND named", 0.125)):
            if (cores, label) in found and (cores, "Tandem") in found:
                self.report.aim(f"start to all signed, {self.hosts + 1:,} names, {cores} core(s), of {label}'s",
                                ratios([start.complete for start in found[cores, "Tandem"]],
                                       [start.complete for start in found[cores, label]]), limit)

    def stop_peer(self, peer):
        peer.stop()
        self.work.daemons.remove(peer)
        shutil.rmtree(peer.directory)

    # --- One changed address

    def measure_changes(self, ixfr):
        kinds = [(kind, NotifyRelay(1)) for kind in self.kinds]
        for _, relay in kinds:
            relay.hold()
        primary = self.start_primary(IxfrPrimary if ixfr else AxfrPrimary, [relay.port for _, relay in kinds])
        signers, followers = [], []
        for kind, relay in kinds:
            say(f"changes, {primary.label}: {kind.label} signs")
            signer = self.new_signer(kind, primary, "changes", ixfr=ixfr)
            start = Start(signer, self.names, self.patience)
            relay.target = (HOST, signer.port)
            signers.append(signer)
            followers.append(Follower(kind.label, signer.port, signer.pids(), relay))
            del start
        counts = {follower.label: self.count_signatures(follower.port) for follower in followers}
        for number in range(self.given.changes):
            self.one_change(primary, followers, number)
        self.tell_changes(primary, followers, counts, ixfr)
        if ixfr:
            self.report.line("\nTaken by IXFR: " + ", ".join(f"{signer.label} {signer.small_transfers()}" for signer in signers)
                             + f" of {self.given.changes}.")
        if not ixfr:
            self.measure_polls(signers[0])
        for signer in signers:
            signer.stop()
            shutil.rmtree(signer.directory)
        for _, relay in kinds:
            relay.close()
        self.stop_peer(primary)

    def count_signatures(self, port):
        """RRSIG records of its zone as it gives it by AXFR."""
        dig = subprocess.Popen(["dig", f"@{HOST}", "-p", str(port), ZONE, "AXFR", "+nostats", "+nocmd"],
                               stdout=subprocess.PIPE)
        grep = subprocess.run(["grep", "-cE", RRSIG_PATTERN], stdin=dig.stdout, capture_output=True, text=True)
        dig.stdout.close()
        assert dig.wait() == 0, "dig failed"
        return int(grep.stdout)

    def one_change(self, primary, followers, number):
        """Each follower in its turn gets its NOTIFY and is watched until it answers and is at rest."""
        say(f"changes, {primary.label}: {number + 1} of {self.given.changes}")
        target = (number + 1) * self.hosts // (self.given.changes + 2)
        target -= target % CUT_EVERY == CUT_EVERY - 1  # no delegation
        self.changed[target] = self.changed.get(target, 0) + 1
        time.sleep(1.1)  # a hint less than a second after the last one waits
        for follower in followers:
            follower.relay.hold()
        self.write_zone()
        primary.reload()
        for follower in followers:
            follower.relay.wait(self.patience)
        settle({"primary": primary.process.pid}, REST_SECONDS)  # (NSD's child has read the file before its NOTIFY)
        turn = number % len(followers)
        for follower in followers[turn:] + followers[:turn]:
            if not follower.watch_change(f"{host_owner(target)}.{ZONE}", host_address(target, self.changed[target]),
                                         {}, self.patience, REST_SECONDS):
                say(f"{follower.label} is still at work {REST_SECONDS} s after its answer")

    def tell_changes(self, primary, followers, counts, ixfr):
        ours, rows = followers[0], []
        mine = ours.mean_cpu(list(ours.pids))
        for follower in followers:
            cpu = follower.mean_cpu(list(follower.pids))
            is_ours = follower is ours
            rows.append([follower.label, spread(follower.times), "" if is_ours else spread(ratios(ours.times, follower.times)),
                         spread([cpu]), "" if is_ours else spread([mine / max(cpu, 0.01)]),
                         spread([sum(pss_mib(pid) for pid in follower.pids.values())]), f"{counts[follower.label]:,}"])
        self.report.table(
            f"One changed A, primary {primary.label}: {self.about}, {len(ours.times)} changes",
            ["daemon", "NOTIFY to signed answer, ms", "Tandem takes", "CPU of all its processes until rest (mean), ms",
             "Tandem uses", "PSS, MiB", "RRSIGs"], rows)
        for follower in followers[1:]:
            cpu = mine / max(follower.mean_cpu(list(follower.pids)), 0.01)
            about = f"one changed A, {self.hosts + 1:,} names, {'IXFR' if ixfr else 'AXFR'}, of {follower.label}'s"
            is_named = follower.label == "BIND named"
            if ixfr and not is_named:
                continue  # the aim is named, which is the faster one
            large = self.hosts >= 500000 and not is_named
            self.report.aim(about + " time", ratios(ours.times, follower.times), 1 if ixfr else 0.4 if large else 1 / 3)
            self.report.aim(about + " CPU", [cpu], 1 if ixfr else 0.25 if large else 1 / 3)
        most = max(counts.values())
        assert most - min(counts.values()) <= 12, f"other signatures: {counts}"  # CDS, CDNSKEY, named's TYPE65534

    # --- Unchanged polls

    def measure_polls(self, signer):
        """What a poll by AXFR costs that finds nothing new."""
        pids = signer.pids()
        settle(pids, REST_SECONDS)
        before = {name: written_octets(pid) for name, pid in pids.items()}
        say("unchanged polls")
        times, used, written = unchanged_polls(signer.secondary, ZONE, pids, self.given.polls, self.patience)
        # The desk logs each order of `zone refresh`, here into a file; a poll by the clock has no order.
        octets = sum(written_octets(pid) - before[name] for name, pid in pids.items() if name != "desk")
        per = ms(1) / self.given.polls / (self.records / 100000)
        rest = sum(used[name] for name in pids if name not in ("fetcher", "signer"))
        both = used["fetcher"] + used["signer"]
        self.report.table(
            f"An unchanged poll by AXFR: {self.about}, {self.given.polls} polls",
            ["order to verdict, ms", "fetcher, ms of CPU for 100,000 RRs", "signer", "supervisor, servers, desk",
             "octets to disk", "files changed"],
            [[spread(times, 1000), spread([used["fetcher"] * per]), spread([used["signer"] * per]), spread([rest * per]),
              f"{octets:,}", str(len(written))]])
        about = f"an unchanged poll by AXFR, {self.hosts + 1:,} names"
        self.report.aim(about + ", ms of CPU of fetcher and signer for 100,000 RRs", [both * per], 60)
        self.report.aim(about + ", octets to disk and files changed", [octets + len(written)], 0)

    def run(self):
        self.measure_starts()
        for ixfr in self.given.ixfr:
            self.measure_changes(ixfr)
