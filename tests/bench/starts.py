"""The tables of tests/bench/serve about starts and memory: one large zone, and many small ones. Each server starts alone,
on all cores, in turn; the files that it reads were read before, so they are in the page cache for all."""

import shutil
import time

from load import Dnsperf, dnsperf
from measure import Question, is_signed, median, settle
from report import ratios, say, spread
from served import export_state, saved_state
from servers import (
    GdnsdServer, KnotJournal, KnotServer, NsdDatabase, NsdServer, TandemDaemon, present, pss_of, use_all_cores,
)
from stage import SOA, host_owner, ms

TANDEM = TandemDaemon.label
PAUSE_SECONDS = 0.001
REST_SECONDS = 60
SMALL_HOSTS = 8  # with the apex and the name server: ten names
SAMPLE = 50  # zones asked one after the other; afterwards all are


def started(server, questions, wanted, patience):
    """Starts it and asks until each question has a right answer: (seconds to the first, to all, CPU until then)."""
    began = time.monotonic()
    server.start()
    moments = []
    for name, rdtype in questions:
        question = Question(server.port, name, rdtype)
        try:
            moments.append(question.until(wanted, patience, PAUSE_SECONDS, server.is_alive) - began)
        except AssertionError as error:
            raise AssertionError(f"{server.label}: {error}\n{server.log()[-3000:]}") from error
        finally:
            question.close()
    return moments[0], moments[-1], server.cpu()


def rest(server):
    settle({pid: pid for pid in server.pids()}, REST_SECONDS)


def fill(server, questions, wanted, patience):
    """A start that leaves behind what later ones begin from."""
    say(f"{server.label}: the start that saves its state")
    started(server, questions, wanted, patience)
    rest(server)
    server.kill()


class StartTable:
    """What both tables do: rounds of starts, figures by (label, what), rows, aims against the best peer."""

    def __init__(self, work, report, given, patience):
        self.work, self.report, self.given, self.patience = work, report, given, patience
        self.found = {}
        use_all_cores()

    def note(self, label, what, value):
        self.found.setdefault((label, what), []).append(value)

    def of(self, label, what):
        return self.found[label, what]

    def measure(self, name, servers, questions, wanted, use):
        """use(server): makes it touch what it answers from, so that memory is not that of a server that nobody asks."""
        for number in range(self.given.rounds):
            for turn in range(len(servers)):
                server = servers[(turn + number) % len(servers)]
                say(f"{name}: {server.label}, round {number + 1}")
                first, complete, cpu = started(server, questions, wanted, self.patience)
                rest(server)
                self.note(server.label, "PSS at rest", server.pss())
                use(server)
                self.note(server.label, "first", ms(first))
                self.note(server.label, "all", ms(complete))
                self.note(server.label, "CPU", cpu)
                self.note(server.label, "PSS", server.pss())
                if server.label == TANDEM:
                    self.note("servers", "PSS", pss_of(server.serving_pids()))
                server.kill()

    def row(self, server, moment, others):
        label = server.label
        takes = lambda what: "" if label == TANDEM or label not in others else spread(
            ratios(self.of(TANDEM, what), self.of(label, what)))
        more = f"; the server's share {spread(self.of('servers', 'PSS'))}" if label == TANDEM else ""
        return [label, "saved state" if server.saved else "text", spread(self.of(label, moment)), takes(moment),
                spread(self.of(label, "CPU")), spread(self.of(label, "PSS at rest")), spread(self.of(label, "PSS")) + more,
                takes("PSS")]

    head = ["server", "starts from", "{}, ms", "Tandem takes, of its", "CPU until then, s", "PSS at rest, MiB",
            "PSS after questions, MiB", "Tandem needs, of its"]

    def tell(self, title, servers, moment, word):
        others = [server.label for server in servers if server.label != TANDEM]
        self.report.table(title, [cell.format(word) for cell in self.head],
                          [self.row(server, moment, others) for server in servers])

    def aim_best(self, about, moment, word, labels):
        """Start and memory against the best of these peers, in each its own best."""
        for what, name in ((moment, f"start to {word}"), ("PSS", "PSS of all processes")):
            best = min(labels, key=lambda label: median(self.of(label, what)), default=None)
            if best:
                self.report.aim(f"{about}: {name}, of the best peer's ({best})",
                                ratios(self.of(TANDEM, what), self.of(best, what)), 1)


# --- One zone


class Start(StartTable):
    def __init__(self, work, report, given, large):
        super().__init__(work, report, given, 60 + large.names / 2000)
        self.large, self.about = large, f"{large.names:,} names, {large.denial}"
        self.servers = [TandemDaemon(large.secondary)]
        if not given.no_rivals:
            name = f"start-{large.names}-{large.denial}"
            self.servers += [kind(work, name, {large.served.domain: large.served.text})
                             for kind in present([NsdServer, NsdDatabase, KnotServer, KnotJournal])]
        for server in self.servers:
            server.prefix = ()
        self.questions = [(f"{host_owner(large.names // 2 // 20 * 20)}.{large.served.domain}", "A")]

    def run(self):
        for server in self.servers:
            if isinstance(server, (NsdDatabase, KnotJournal)):
                fill(server, self.questions, is_signed, self.patience)
        use = lambda server: Dnsperf(server, self.large.questions.path["mix"], self.given.seconds)
        self.measure(f"start, {self.about}", self.servers, self.questions, is_signed, use)
        self.tell(f"From start to the first signed answer, and memory: {self.about}", self.servers, "first",
                  "first right answer")
        self.report.aim(f"start to the first answer, {self.about}, ms", self.of(TANDEM, "first"), 100)
        peers = [server.label for server in self.servers[1:]]
        if "Knot" in peers:
            self.report.aim(f"PSS of all processes, {self.about}, of Knot's",
                            ratios(self.of(TANDEM, "PSS"), self.of("Knot", "PSS")), 0.7)
        if self.large.denial != "nsec":
            self.aim_best(f"one zone, {self.about}", "first", "the first answer", peers)
        for server in self.servers[1:]:
            self.work.daemons.remove(server)
            shutil.rmtree(server.directory)


# --- Many zones


def small_text():
    hosts = "".join(f"host{number} IN A 192.0.2.{number}\n" for number in range(SMALL_HOSTS))
    return f"$TTL 3600\n@ IN SOA {SOA.format(serial=1)}\n IN NS ns\nns IN A 192.0.2.53\n{hosts}"


def is_answer(answer):
    return answer[3] & 15 == 0 and answer[6:8] != b"\0\0"


class Many(StartTable):
    """So many zones of ten names: signed (Tandem's own state; its text for peers), and unsigned for peers."""

    def __init__(self, work, programs, report, given, count):
        super().__init__(work, report, given, 60 + count / 20)
        self.domains = [f"z{number:05d}.example.gov" for number in range(count)]
        self.about = f"{count:,} zones of {SMALL_HOSTS + 2} names"
        self.directory = work.path / f"zones-{count}"
        self.directory.mkdir()
        plain = work.write("small.zone", small_text())
        say(f"signing {count:,} zones")
        self.unsigned = dict.fromkeys(self.domains, plain)
        self.secondary = saved_state(work, f"zones-{count}-daemon", self.unsigned, "nsec", self.patience)
        self.signed = {domain: self.directory / domain for domain in self.domains}
        if not given.no_rivals:
            export_state(programs, self.secondary, self.domains, self.directory)
        self.path = work.write(f"questions-zones-{count}", "".join(f"host3.{domain} A\n" for domain in self.domains))
        step = max(1, count // SAMPLE)
        self.questions = [(domain, "SOA") for domain in [*self.domains[::step], self.domains[-1]]]

    def servers(self, kinds, name, zones, suffix=""):
        kinds = [] if self.given.no_rivals else present(kinds)
        found = [kind(self.work, f"{name}-{len(self.domains)}", zones) for kind in kinds]
        for server in found:
            server.prefix, server.label = (), server.label + suffix
        return found

    def use(self, server):
        """Each zone is asked once; all must know their host."""
        output = dnsperf(server, self.path, self.patience, "-n", "1", "-q", "20", "-D")
        count = len(self.domains)
        assert f"NOERROR {count} (100.00%)" in output, f"{server.label}: not all zones answer:\n{output}"

    def run(self):
        signed = self.servers([NsdServer, KnotServer, KnotJournal], "many", self.signed, ", signed")
        unsigned = self.servers([GdnsdServer, NsdServer, KnotServer], "plain", self.unsigned, ", unsigned")
        daemon = TandemDaemon(self.secondary)
        for server in signed:
            if isinstance(server, KnotJournal):
                fill(server, self.questions, is_signed, self.patience)
        self.measure(self.about, [daemon, *signed], self.questions, is_signed, self.use)
        if unsigned:
            self.measure(self.about, unsigned, self.questions, is_answer, self.use)
        self.tell(f"{self.about}: from start until all answer, and memory", [daemon, *signed, *unsigned], "all",
                  "all answer")
        for servers, word in ((signed, "signed"), ([*signed, *unsigned], "peers also unsigned")):
            if servers:
                self.aim_best(f"{self.about}, {word}", "all", "all answer", [server.label for server in servers])
        for server in [*signed, *unsigned]:
            self.work.daemons.remove(server)
            shutil.rmtree(server.directory)
        self.work.daemons.remove(self.secondary)
        shutil.rmtree(self.secondary.directory)
        shutil.rmtree(self.directory)
