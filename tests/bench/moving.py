"""The part `versions` of tests/bench/transfer: three clients take the zone at once while its targets move and versions are
published, one of them slowly. Each must get one version."""

from givers import SlowResolver, Taking, TandemPrimary, alias_lines, forget, start, take
from report import ratios, say, spread
from servers import keep_off_server_core
from stage import ZONE, host_lines, zone_head

START_SECONDS = 600
CHANGE_MS = 500  # then a hundredth of the targets moves
REFRESH = "5s"  # how often each target is asked: the shortest there is
SLOW_SECONDS = 4  # that the slow client takes at least
FAST = 2


class Versions:
    def __init__(self, work, report, given):
        self.work, self.report, self.given = work, report, given
        self.contents = {}  # serial: (digest, RRs)
        self.taken = 0

    def run(self):
        keep_off_server_core()
        aliases, delay = max(self.given.alias), self.given.delays[0]
        file = self.work.path / "moving.zone"
        with open(file, "w") as out:
            out.write(zone_head())
            out.writelines(host_lines(self.given.names - 1))
            out.writelines(alias_lines(aliases))
        resolver = SlowResolver(self.work, "moving-resolver", delay, CHANGE_MS).start()
        giver = TandemPrimary(self.work, "moving", [{"domain": ZONE, "file": file.name}], resolver.port, {"refresh": REFRESH})
        start(giver, START_SECONDS)
        self.measure(giver, aliases)
        forget(self.work, giver)
        forget(self.work, resolver)
        file.unlink()

    def note(self, transfer):
        """The same serial is the same content, always."""
        seen = self.contents.setdefault(transfer.serial, (transfer.digest, transfer.records))
        assert seen == (transfer.digest, transfer.records), f"serial {transfer.serial} is two contents: {transfer}, {seen}"
        self.taken += 1
        return transfer

    def measure(self, giver, aliases):
        size = self.note(take(giver.port, ZONE, digest=True)).octets
        rate = size / SLOW_SECONDS / (1 << 20)
        alone, fast, slow, newer = [], [], [], []
        first = giver.primary.serial(ZONE)
        for number in range(self.given.rounds):
            say(f"three at once, round {number + 1}")
            alone.append(self.note(take(giver.port, ZONE, digest=True)))
            begun = [Taking(giver.port, ZONE, digest=True) for _ in range(FAST)]
            begun.append(Taking(giver.port, ZONE, digest=True, rate=rate))
            ended = [self.note(taking.result()) for taking in begun]
            fast += ended[:FAST]
            slow.append(ended[FAST])
            newer.append(giver.primary.serial(ZONE) - ended[FAST].serial)
        self.tell(aliases, alone, fast, slow, newer, giver.primary.serial(ZONE) - first)

    def tell(self, aliases, alone, fast, slow, newer, published):
        rows = [["alone", spread([transfer.seconds for transfer in alone]), "", ""],
                [f"{FAST} at full speed, at once", spread([transfer.seconds for transfer in fast]),
                 spread(ratios([transfer.seconds for transfer in fast[::FAST]], [transfer.seconds for transfer in alone])), ""],
                [f"and one that takes {SLOW_SECONDS} s at least", spread([transfer.seconds for transfer in slow]), "", spread(newer)]]
        self.report.table(
            f"Three clients at once, {self.given.names:,} names and {aliases:,} ALIAS of which a hundredth moves each {CHANGE_MS} ms",
            ["", "seconds", "of alone", "versions published while it went on"], rows)
        serials = len(self.contents)
        self.report.line(f"\n{published} versions were published. {self.taken} transfers gave {serials} serials and as many contents "
                         f"({len({content for content in self.contents.values()})} digests): each serial one content.")
        assert len(set(self.contents.values())) == serials, "two serials, one content"
