"""The tables of tests/bench/serve about questions: over UDP, over TCP on kept connections, and of a zone full of CNAMEs to
names below a wildcard. All servers of a table run side by side on one core and are asked in turn, each alone, in rounds."""

from load import (
    CONNECTIONS, PIPELINE, Dnsperf, DnsperfTcp, DnsperfTcpOne, Saturated, SaturatedLittle, latencies, percentile, pipelined,
)
from measure import Question, is_signed, median
from report import ratios, say, spread
from servers import (
    Echo, EchoOfEach, KnotServer, NsdServer, TandemServer, TcpEcho, keep_off_server_core, keep_on_server_core, present,
)
from served import KINDS, QUESTIONS, check_answers, signed_by_batch
from stage import SOA, ZONE, ms

TANDEM, ECHO, ECHO_OF_EACH, TCP_ECHO = TandemServer.label, Echo.label, EchoOfEach.label, TcpEcho.label
ECHOES = (ECHO, ECHO_OF_EACH, TCP_ECHO)
FIRST_SECONDS = 0.2  # a run that only tells how long answers are
LENGTHS = 500  # questions asked to learn the lengths of their answers
STALL_MS = 40  # Linux's delayed acknowledgement
STALLS_ROUNDS = 60  # bursts on one connection: a stall comes with nearly each where it comes
NOISE = 1.1  # "costs the same"


def us(seconds):
    return seconds * 1e6


def answer_lengths(server, path, dnssec=True):
    """Octets of the server's answers to the first questions of the file."""
    found = []
    for line in path.read_text().splitlines()[:LENGTHS]:
        question = Question(server.port, *line.split(), dnssec=dnssec)
        found.append(len(question.ask()))
        question.close()
    return found


class KindEchoes:
    """An echo for each kind of question, with the lengths of Tandem's answers to it; one server to a contest."""

    label = ECHO_OF_EACH

    def __init__(self, contest, questions):
        self.contest, tandem = contest, contest.servers[0]
        self.echoes = {kind: EchoOfEach(contest.work, f"{contest.name}-{kind}", *answer_lengths(tandem, questions.path[kind]))
                       for kind in KINDS}

    def start(self):
        for echo in self.echoes.values():
            self.contest.start_echo(echo)
        return self

    def kill(self):
        for echo in self.echoes.values():
            echo.kill()
            self.contest.work.daemons.remove(echo)


class Contest:
    """Servers of one signed zone, started and right; figures by (server's label, what)."""

    def __init__(self, work, given, name, served, patience):
        keep_off_server_core()
        self.given, self.found, self.lost = given, {}, {}
        self.servers = [TandemServer(work, name, [served])]
        if not given.no_rivals:
            self.servers += [kind(work, name, {served.domain: served.text}) for kind in present([NsdServer, KnotServer])]
        self.work, self.name = work, name
        for server in self.servers:
            say(f"{name}: {server.label} starts")
            server.start()
        for server in self.servers:
            question = Question(server.port, served.domain, "SOA")
            try:
                question.until(is_signed, patience, 0.005, server.is_alive)
            except AssertionError as error:
                raise AssertionError(f"{server.label}: {error}\n{server.log()[-3000:]}") from error
            question.close()
            keep_on_server_core(server.pids())

    def close(self):
        for server in self.servers:
            server.kill()
            self.work.daemons.remove(server)

    def remove(self, server):
        server.kill()
        self.servers.remove(server)
        self.work.daemons.remove(server)

    def start_echo(self, echo):
        echo.start()
        question = Question(echo.port, ZONE, "SOA")
        question.until(lambda answer: True, 30, 0.005, echo.is_alive)
        question.close()
        return echo

    def in_turn(self, what, measure):
        """measure(server) for each server, the first one another in each round."""
        for number in range(self.given.rounds):
            say(f"{self.name}: {what}, round {number + 1}")
            for turn in range(len(self.servers)):
                measure(self.servers[(turn + number) % len(self.servers)])

    def note(self, server, what, value):
        self.found.setdefault((server.label, what), []).append(value)

    def note_load(self, server, what, load):
        self.note(server, f"{what}, cpu", us(load.cpu))
        self.note(server, f"{what}, rate", load.rate)
        self.lost[server.label] = max(load.lost, self.lost.get(server.label, 0))
        return load

    def of(self, label, what):
        return self.found.get((label, what), [])

    def labels(self):
        return [server.label for server in self.servers]

    def rivals(self):
        return [label for label in self.labels() if label != TANDEM and label not in ECHOES]

    def best(self, what):
        """The peer whose median is the least; None without peers."""
        return min(self.rivals(), key=lambda label: median(self.of(label, what)), default=None)

    def tandem_takes(self, label, what):
        return "" if label == TANDEM else spread(ratios(self.of(TANDEM, what), self.of(label, what)))

    def tell_lost(self, report):
        lossy = [f"{label} {100 * share:.2g} %" for label, share in self.lost.items() if share > 0.001]
        if lossy:
            report.line(f"\nQuestions without an answer in the worst run: {', '.join(lossy)}.")


# --- UDP


class Udp:
    """One zone: the mix with and without DO, and each kind by itself with DO."""

    def __init__(self, work, report, given, large):
        self.work, self.report, self.given, self.large = work, report, given, large
        self.about = f"{large.names:,} names, {large.denial}"
        self.contest = Contest(work, given, f"udp-{large.names}-{large.denial}", large.served, 60 + large.names / 2000)
        for server in self.contest.servers:
            check_answers(server, large.questions, large.denial)

    def run(self):
        for dnssec in (True, False):
            self.measure_mix(dnssec)
        self.measure_kinds()
        self.contest.tell_lost(self.report)
        self.contest.close()

    # The mix

    def add_echoes(self, dnssec):
        contest, path = self.contest, self.large.questions.path["mix"]
        tandem, name = contest.servers[0], f"{contest.name}-{'do' if dnssec else 'plain'}"
        sizes = [Dnsperf(tandem, path, FIRST_SECONDS, dnssec).size]
        echoes = [Echo(self.work, name, *sizes), EchoOfEach(self.work, f"{name}-each", *answer_lengths(tandem, path, dnssec))]
        contest.servers += [contest.start_echo(echo) for echo in echoes]
        return echoes

    def measure_mix(self, dnssec):
        contest, path, seconds = self.contest, self.large.questions.path["mix"], self.given.seconds
        word = "DO" if dnssec else "without DO"
        echoes = self.add_echoes(dnssec)

        def measure(server):
            contest.note_load(server, f"{word}, saturated", Saturated(server, path, seconds, dnssec))
            load = contest.note_load(server, f"{word}, dnsperf", Dnsperf(server, path, seconds, dnssec))
            contest.note(server, f"{word}, size", load.size)
            times = latencies(server, path, seconds, self.given.rate, dnssec)
            for share in (50, 99):
                contest.note(server, f"{word}, p{share}", us(percentile(times, share / 100)))
            contest.note(server, f"{word}, PSS", server.pss())

        contest.in_turn(f"mix, {word}", measure)
        self.tell_mix(word)
        if dnssec:
            self.tell_aims(word)
        for echo in echoes:
            contest.remove(echo)

    def tell_mix(self, word):
        contest, rows = self.contest, []
        for label in contest.labels():
            of = lambda what: contest.of(label, f"{word}, {what}")
            rows.append([label, spread(of("saturated, cpu")), contest.tandem_takes(label, f"{word}, saturated, cpu"),
                         spread(of("saturated, rate")), spread(of("dnsperf, cpu")),
                         contest.tandem_takes(label, f"{word}, dnsperf, cpu"), spread(of("dnsperf, rate")),
                         spread(of("p50")), spread(of("p99")), spread(of("PSS")), spread(of("size"))])
        self.report.table(
            f"UDP, {self.about}, {word}",
            ["server, on one core", "CPU for a query, us: saturated", "Tandem takes, of its", "queries/s, saturated",
             "CPU for a query, us: dnsperf", "Tandem takes, of its", "queries/s, dnsperf",
             f"p50, us, at {self.given.rate:,}/s", "p99, us", "PSS, MiB", "octets of an answer"], rows)

    def tell_aims(self, word):
        contest = self.contest
        for load in ("saturated", "dnsperf"):
            what = f"{word}, {load}, cpu"
            about = f"UDP, {word}, {self.about}, {load}: CPU for a query"
            self.report.aim(f"{about}, of the echo's", ratios(contest.of(TANDEM, what), contest.of(ECHO, what)), 1.25)
            best = contest.best(what)
            if best:
                self.report.aim(f"{about}, of the better peer's ({best})",
                                ratios(contest.of(TANDEM, what), contest.of(best, what)), 0.75)
        if "Knot" in contest.labels():
            self.report.aim(f"PSS of the server alone, {self.about}, of Knot's",
                            ratios(contest.of(TANDEM, f"{word}, PSS"), contest.of("Knot", f"{word}, PSS")), 0.7)

    # Kinds

    def measure_kinds(self):
        contest, questions = self.contest, self.large.questions
        echoes = KindEchoes(contest, questions).start()
        contest.servers.append(echoes)

        def measure(server):
            for kind in KINDS:
                asked = echoes.echoes[kind] if server is echoes else server
                contest.note_load(server, kind, Saturated(asked, questions.path[kind], self.given.seconds))

        contest.in_turn("kinds", measure)
        rows = []
        for label in contest.labels():
            positive = contest.of(label, "positive, cpu")
            cells = [spread(positive)]
            for kind in KINDS[1:]:
                cpu = contest.of(label, f"{kind}, cpu")
                cells.append(f"{spread(cpu)}; {spread(ratios(cpu, positive))}")
                if label == TANDEM:
                    self.report.aim(f"UDP, DO, {self.about}: CPU of {kind}, of a positive answer's",
                                    ratios(cpu, positive), 1.5)
            rows.append([label, *cells])
        self.report.table(f"Kinds of answers, {self.about}, DO, saturated: CPU for a query, us; of a positive one's",
                          ["server", *KINDS], rows)
        echoes.kill()
        contest.servers.remove(echoes)


# --- TCP


class Tcp:
    """Kept connections, DO, the mix: dnsperf pipelined and one at a time, and bursts of pipelined questions by hand."""

    def __init__(self, work, report, given, large):
        self.work, self.report, self.given, self.large = work, report, given, large
        self.about = f"{large.names:,} names, {large.denial}"
        self.contest = Contest(work, given, f"tcp-{large.names}-{large.denial}", large.served, 60 + large.names / 2000)

    def run(self):
        contest, path, seconds = self.contest, self.large.questions.path["mix"], self.given.seconds
        size = DnsperfTcp(contest.servers[0], path, FIRST_SECONDS).size
        contest.servers.append(TcpEcho(self.work, contest.name, size).start())
        names = [row for rows in self.large.questions.sample.values() for row in rows]

        def measure(server):
            contest.note_load(server, "pipelined", DnsperfTcp(server, path, seconds))
            contest.note_load(server, "one", DnsperfTcpOne(server, path, seconds))
            times = sorted(ms(time) for time in pipelined(server, names, STALLS_ROUNDS))
            contest.note(server, "burst", percentile(times, 0.5))
            contest.note(server, "burst, p90", percentile(times, 0.9))
            contest.note(server, "worst burst", times[-1])
            assert server.is_alive(), server.log()[-3000:]

        contest.in_turn("TCP", measure)
        self.tell()
        contest.tell_lost(self.report)
        contest.close()

    def tell(self):
        contest, rows = self.contest, []
        for label in contest.labels():
            of = lambda what: contest.of(label, what)
            rows.append([label, *(cell for load in ("pipelined", "one") for cell in (
                spread(of(f"{load}, cpu")), contest.tandem_takes(label, f"{load}, cpu"), spread(of(f"{load}, rate")))),
                spread(of("burst")), spread(of("burst, p90")), spread(of("worst burst"))])
        self.report.table(
            f"TCP, {CONNECTIONS} kept connections, {self.about}, DO",
            ["server, on one core", *(cell.format(word) for word in ("pipelined", "one at a time") for cell in (
                "CPU for a query, us: {}", "Tandem takes, of its", "queries/s")),
             f"a burst of {PIPELINE}, ms: median", "p90", "worst"], rows)
        for load, word in (("pipelined", "pipelined"), ("one", "one at a time")):
            if "Knot" in contest.labels():
                self.report.aim(f"TCP, {self.about}, {word}: CPU for a query, of Knot's",
                                ratios(contest.of(TANDEM, f"{load}, cpu"), contest.of("Knot", f"{load}, cpu")), 0.6)
        self.report.aim(f"TCP, {self.about}: p90 of bursts of {PIPELINE} pipelined queries, ms (a stall is {STALL_MS})",
                        contest.of(TANDEM, "burst, p90"), STALL_MS / 2)


# --- A zone of customers


def customers_text(count, targets):
    """So many CNAMEs to names below a wildcard: to as many of them, or to few."""
    head = f"$ORIGIN {ZONE}.\n$TTL 3600\n@ IN SOA {SOA.format(serial=1)}\n IN NS ns1.example.org.\n*.pool IN A 192.0.2.7\n"
    return head + "".join(f"c{i:06d} IN CNAME t{i % targets:06d}.pool\n" for i in range(count))


class Customers:
    """CNAMEs to names below a wildcard, NSEC, DO: every one to a name of its own, beside the same ones to a single name
    (the flat zone: the answers are alike, and no server has names to walk over)."""

    def __init__(self, work, programs, report, given, names):
        self.work, self.report, self.given, self.names = work, report, given, names
        count = names - 2
        self.contests = {
            shape: Contest(work, given, f"{shape}-{names}",
                           signed_by_batch(work, programs, f"zone-{shape}-{names}", customers_text(count, targets)),
                           60 + names / 2000)
            for shape, targets in (("flat", 1), ("customers", count))}
        step = 7919  # a prime: all over the zone
        self.path = work.write(f"questions-customers-{names}",
                               "".join(f"c{i * step % count:06d}.{ZONE} A\n" for i in range(min(QUESTIONS, 20 * count))))

    def check(self, server):
        question = Question(server.port, f"c000001.{ZONE}")
        answer = question.ask()
        question.close()
        good = answer is not None and is_signed(answer) and b"\xc0\x00\x02\x07" in answer
        assert good, f"{server.label}: not the CNAME and its address: {answer}"

    def run(self):
        flat, customers = self.contests["flat"], self.contests["customers"]
        for server in flat.servers + customers.servers:
            self.check(server)
        for number in range(self.given.rounds):
            say(f"customers, {self.names:,}: round {number + 1}")
            for one, other in zip(flat.servers, customers.servers):
                for contest, server in ((flat, one), (customers, other)):
                    contest.note_load(server, "mix", SaturatedLittle(server, self.path, self.given.seconds))
        rows = []
        for label in flat.labels():
            one, other = flat.of(label, "mix, cpu"), customers.of(label, "mix, cpu")
            rows.append([label, spread(one), spread(other), spread(ratios(other, one)),
                         spread(customers.of(label, "mix, rate"))])
        self.report.table(
            f"CNAMEs to names below a wildcard, {self.names:,} names, nsec, DO, saturated",
            ["server", "CPU for a query, us: all to one name", "each to its own", "of the flat zone's", "queries/s"], rows)
        self.report.aim(f"CNAMEs to names below a wildcard, {self.names:,} names: CPU for a query, of the flat zone's",
                        ratios(customers.of(TANDEM, "mix, cpu"), flat.of(TANDEM, "mix, cpu")), NOISE)
        for contest in self.contests.values():
            contest.tell_lost(self.report)
            contest.close()
