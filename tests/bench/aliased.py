"""The part `alias` of tests/bench/transfer: how long an AXFR takes whose ALIAS targets stand behind a slow resolver, beside
the same zone with plain addresses, in the same process."""

import time

from givers import (
    PowerDNSGiver, SlowResolver, TandemPrimary, TooLong, alias_lines, expanded_lines, forget, present, start, take,
)
from report import ratios, say, spread
from servers import keep_off_server_core
from stage import zone_head

ALIAS_ZONE, PLAIN_ZONE = "alias.example.gov", "plain.example.gov"
LATER = 15  # pairs of transfers after the first: each takes milliseconds
LATER_SLOW = 1  # where one takes more than a second, and after the first start only
START_SECONDS = 300
ZONE_RRS = 2  # what zone_head has beside the SOA
ADDRESSES = 2  # of each target


class Seen:
    """The transfers of one server, by start: .served seconds, .first and .later pairs of seconds (ALIAS, plain)."""

    def __init__(self, label):
        self.label, self.served, self.first, self.later, self.too_long = label, [], [], [], False


class Alias:
    def __init__(self, work, report, given):
        self.work, self.report, self.given = work, report, given
        self.kinds = [TandemPrimary] + ([] if given.no_rivals else present([PowerDNSGiver]))
        self.rows = []

    def run(self):
        keep_off_server_core()
        for delay in self.given.delays:
            for count in self.given.alias:
                self.measure(delay, count)
        self.report.table(
            f"AXFR with ALIAS, {ADDRESSES} addresses each (a transfer is broken off after {self.given.limit:g} s)",
            ["", "ALIAS", "resolver, ms", "start to served, s", "first AXFR after a start, ms", "later ones, ms",
             "the same zone with plain addresses, ms", "ALIAS takes, of plain"], self.rows)

    def measure(self, delay, count):
        name = f"alias-{delay}-{count}"
        self.files = {ALIAS_ZONE: self.work.write(f"{name}-alias.zone", zone_head() + "".join(alias_lines(count))),
                      PLAIN_ZONE: self.work.write(f"{name}-plain.zone", zone_head() + "".join(expanded_lines(count)))}
        resolver = SlowResolver(self.work, f"{name}-resolver", delay).start()
        found = [Seen(kind.label) for kind in self.kinds]
        for number in range(self.given.rounds):
            for turn in range(len(self.kinds)):
                which = (turn + number) % len(self.kinds)
                if not found[which].too_long:
                    say(f"{count} ALIAS, {delay} ms: {found[which].label}, start {number + 1}")
                    self.measure_start(self.kinds[which], f"{name}-{number}", resolver, count, found[which], number)
        forget(self.work, resolver)
        for seen in found:
            self.tell(seen, delay, count)

    def new_giver(self, kind, name, resolver):
        if kind is TandemPrimary:
            zones = [{"domain": domain, "file": file.name} for domain, file in self.files.items()]
            return kind(self.work, name, zones, resolver.port)
        return kind(self.work, name, self.files, resolver.port)

    def measure_start(self, kind, name, resolver, count, seen, number):
        giver = self.new_giver(kind, name, resolver)
        began = time.monotonic()
        start(giver, START_SECONDS)
        seen.served.append(time.monotonic() - began)
        try:
            self.measure_transfers(giver, count, seen, number)
        except TooLong:
            seen.too_long = True
        forget(self.work, giver)

    def measure_transfers(self, giver, count, seen, number):
        seen.first.append(self.pair(giver, count, number))
        slow = seen.first[-1][0] > 1
        for turn in range(LATER if not slow else LATER_SLOW if number == 0 else 0):
            seen.later.append(self.pair(giver, count, turn))

    def pair(self, giver, count, number):
        """Both zones, one after the other, which of them first changes. (ALIAS, plain) in seconds."""
        taken = {}
        for domain in (ALIAS_ZONE, PLAIN_ZONE)[::1 if number % 2 == 0 else -1]:
            transfer = take(giver.port, domain, limit=self.given.limit)
            assert transfer.records == ZONE_RRS + ADDRESSES * count, (giver.label, domain, transfer)
            taken[domain] = transfer.seconds
        return taken[ALIAS_ZONE], taken[PLAIN_ZONE]

    def tell(self, seen, delay, count):
        what, values = [seen.label, f"{count:,}", str(delay), spread(seen.served)], []
        for pairs in (seen.first, seen.later):
            values.append(spread([pair[0] for pair in pairs], 1000) if pairs
                          else f"more than {self.given.limit * 1000:,.0f}" if seen.too_long else "")
        plain = [pair[1] for pair in seen.first + seen.later]
        later = ratios(*zip(*seen.later)) if seen.later else []
        self.rows.append([*what, *values, spread(plain, 1000) if plain else "", spread(later) if later else ""])
        if seen.label == TandemPrimary.label and count == max(self.given.alias):
            assert not seen.too_long
            about = f"AXFR with {count:,} ALIAS, resolver {delay} ms, of the same zone with plain addresses"
            self.report.aim(f"{about}, the first after a start", ratios(*zip(*seen.first)), 1.1)
            self.report.aim(f"{about}, later", later, 1.1)
