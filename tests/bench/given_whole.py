"""The part `whole` of tests/bench/transfer: a large zone given whole, with and without TSIG, by several servers to the same
cheap client."""

import subprocess

from givers import (
    KnotGiver, NamedGiver, NsdGiver, TandemGiver, TandemPrimary, forget, present, start, take_measured,
)
from report import ratios, say, spread
from servers import keep_off_server_core
from stage import ZONE, host_lines, zone_head
from tandem import BIN

START_SECONDS = 600


class Whole:
    def __init__(self, work, report, given):
        self.work, self.report, self.given = work, report, given
        self.file = work.path / "large.zone"

    def run(self):
        keep_off_server_core()
        self.write_zone()
        givers = self.start_all()
        first = {giver.label: take_measured(giver, ZONE) for giver in givers}
        found = {(giver.label, signed): [] for signed in (False, True) for giver in givers}
        for number in range(self.given.rounds):
            for turn in range(len(givers)):
                giver = givers[(turn + number) % len(givers)]
                for signed in (False, True):
                    say(f"{giver.label}{', TSIG' if signed else ''}, round {number + 1}")
                    key = self.work.key if signed else None
                    found[giver.label, signed].append(take_measured(giver, ZONE, key))
        self.tell(found, first, {giver.label: giver.pss() for giver in givers})
        for giver in givers:
            forget(self.work, giver)
        self.file.unlink()

    def write_zone(self):
        with open(self.file, "w") as file:
            file.write(zone_head())
            file.writelines(host_lines(self.given.names - 1))

    def start_all(self):
        """All are loaded and at rest while one is measured."""
        store = self.work.path / "store"
        subprocess.run([BIN / "freeze", ZONE, self.file, store], check=True)
        rivals = [] if self.given.no_rivals else present([NsdGiver, KnotGiver, NamedGiver])
        givers = [TandemPrimary(self.work, "whole-primary", [{"domain": ZONE, "file": self.file.name}]),
                  TandemGiver(self.work, "whole", {ZONE: store})]
        givers += [kind(self.work, "whole", {ZONE: self.file}) for kind in rivals]
        for giver in givers:
            say(f"{giver.label} loads")
            start(giver, START_SECONDS)
        return givers

    def tell(self, found, first, pss):
        records = {transfer.records for transfers in found.values() for transfer in transfers}
        assert len(records) == 1, f"other numbers of RRs: {records}"
        self.records, = records
        rows = []
        for (label, signed), transfers in found.items():
            assert all(bool(transfer.signed) == signed for transfer in transfers), (label, signed)
            rows.append([label, "hmac-sha256" if signed else "no", *self.figures(transfers),
                         *(self.share(found, ours, label, signed) for ours in (TandemPrimary.label, TandemGiver.label)),
                         "" if signed else spread([first[label].cpu * 1e6 / self.records]),
                         "" if signed else f"{pss[label]:,.0f}"])
        self.report.table(
            f"AXFR of {self.given.names:,} names, {self.records:,} RRs",
            ["", "TSIG", "seconds", "MB/s", "MB", "messages", "CPU of the server for an RR, us", "CPU of the client, share of the time",
             "tandem-primary uses, of its CPU", "tandem-server uses", "CPU for an RR, the first AXFR, us", "PSS, MiB"], rows)
        self.tell_aims(found)

    def figures(self, transfers):
        last = transfers[-1]
        return [spread([transfer.seconds for transfer in transfers]),
                spread([transfer.octets / transfer.seconds / 1e6 for transfer in transfers]),
                f"{last.octets / 1e6:,.1f}", f"{last.messages:,} ({last.signed:,} signed)" if last.signed else f"{last.messages:,}",
                spread([transfer.cpu * 1e6 / self.records for transfer in transfers]),
                spread([transfer.sink_cpu / transfer.seconds for transfer in transfers])]

    def cpu_ratios(self, found, ours, theirs, signed):
        return ratios([transfer.cpu for transfer in found[ours, signed]], [transfer.cpu for transfer in found[theirs, signed]])

    def share(self, found, ours, label, signed):
        is_ours = label in (TandemPrimary.label, TandemGiver.label)
        return "" if is_ours else spread(self.cpu_ratios(found, ours, label, signed))

    def tell_aims(self, found):
        for ours in (TandemPrimary.label, TandemGiver.label):
            for signed in (False, True):
                what = f"AXFR of {self.given.names:,} names{', TSIG on both' if signed else ''}: CPU of {ours}, of Knot's"
                if (KnotGiver.label, signed) in found:
                    self.report.aim(what, self.cpu_ratios(found, ours, KnotGiver.label, signed), 0.7)
                else:
                    self.report.not_measured(what, "no Knot")
