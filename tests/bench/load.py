"""Load for servers, and what it cost them: dnsperf over UDP and TCP, latency of each answer at a rate that all can keep up
with, and pipelined questions on one kept connection."""

import random
import re
import socket
import struct
import subprocess
import time

import dns.message
import dns.rcode

from report import say
from tandem import BIN, HOST

OUTSTANDING = 100  # dnsperf's questions without an answer: what its socket's buffer holds without loss
CONNECTIONS = 10  # for TCP; OUTSTANDING are shared out over them
ATTEMPTS = 4  # a machine with other work leaves a server without its core for half a second now and then
PIPELINE = 8  # questions sent one after the other, each in a segment of its own


def dnsperf(server, path, seconds, *words):
    command = ["dnsperf", "-s", HOST, "-p", str(server.port), "-d", str(path), "-l", f"{seconds:g}", "-t", "1", *words]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-1000:]}{done.stderr[-1000:]}"
    return done.stdout


def figure(output, label):
    return float(re.search(rf"{re.escape(label)}\s*([\d.]+)", output).group(1))


class Load:
    """One run of a load: .cpu (seconds of the server for each question), .rate (answers by second), .size (octets of an
    answer), .codes ({RCODE: answers}), .lost (share of the questions). AssertionError when the server died, gave no
    answer at all, or an RCODE that no question of these files has."""

    codes_wanted = {"NOERROR", "NXDOMAIN"}

    def __init__(self, server, path, seconds, dnssec=True):
        self.server, self.path, self.seconds, self.dnssec = server, path, seconds, dnssec
        for _ in range(ATTEMPTS):
            used, output = self.measure()
            if self.answers > 0:
                break
            say(f"{server.label}, {path.name}: no answer at all in {self.seconds:g} s; again, for longer")
            self.seconds *= 4
        about = f"{server.label}, {path.name}:\n{output}"
        assert self.answers > 0, about
        assert self.codes.keys() <= self.codes_wanted, about
        self.cpu = used / self.answers

    def measure(self):
        """(seconds of CPU that the server used, what the load printed)."""
        began = self.server.cpu()
        output = self.run()
        used = self.server.cpu() - began
        assert self.server.is_alive(), f"{self.server.label} died under load:\n{self.server.log()[-3000:]}"
        self.read(output)
        return used, output


class Dnsperf(Load):
    tcp, outstanding = False, OUTSTANDING

    def run(self):
        words = ["-q", str(self.outstanding)] + (["-D"] if self.dnssec else [])
        words += ["-m", "tcp", "-c", str(CONNECTIONS)] if self.tcp else []
        return dnsperf(self.server, self.path, self.seconds, *words)

    def read(self, output):
        self.answers = figure(output, "Queries completed:")
        self.lost = figure(output, "Queries lost:") / figure(output, "Queries sent:")
        self.codes = {code: int(count) for code, count in re.findall(r"([A-Z]+) (\d+) \([\d.]+%\)", output)}
        self.rate = figure(output, "Queries per second:")
        self.size = int(re.search(r"response (\d+)", output).group(1))


class DnsperfTcp(Dnsperf):
    """On kept connections, pipelined."""

    tcp = True


class DnsperfTcpOne(DnsperfTcp):
    """One question at a time on each connection."""

    outstanding = CONNECTIONS


class Saturated(Load):
    """tests/support/udp_load_main.c: more than the server can answer, so that it never waits."""

    window = 160  # what a socket buffer of Linux's default size holds of small packets

    def run(self):
        words = ["-w", self.window] + (["-d"] if self.dnssec else [])
        command = [BIN / "udp_load", *words, f"{HOST}@{self.server.port}", self.path, f"{self.seconds:g}"]
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
        assert done.returncode == 0, f"{self.server.label}: udp_load: {done.stderr}\n{self.server.log()[-3000:]}"
        return done.stdout

    def read(self, output):
        rows = [line.split() for line in output.splitlines()]
        found = {row[0]: float(row[1]) for row in rows if len(row) == 2}
        self.answers, self.lost = found["received"], found["lost"] / found["sent"]
        self.codes = {dns.rcode.to_text(int(row[1])): int(row[2]) for row in rows if len(row) == 3}
        self.rate, self.size = self.answers / found["seconds"], found["octets"] / max(1, self.answers)


class SaturatedLittle(Saturated):
    """For servers that may need milliseconds for an answer: what waits in the socket is soon done."""

    window = 16


def latencies(server, path, seconds, rate, dnssec=True):
    """Sorted seconds from question to answer, as dnsperf sees each of them, at so many questions by second."""
    words = ["-v", "-Q", str(rate), "-q", str(OUTSTANDING)] + (["-D"] if dnssec else [])
    for _ in range(ATTEMPTS):
        output = dnsperf(server, path, seconds, *words)
        found = re.findall(r"^> [A-Z].* (\d+\.\d+)$", output, re.M)  # "> T" and no time: lost
        if found:
            return sorted(float(text) for text in found)
        say(f"{server.label}, {path.name}: no answer at all in {seconds:g} s; again")
    raise AssertionError(f"{server.label}, {path.name}: no answers\n{output[-2000:]}")


def percentile(ordered, share):
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


# --- TCP by hand


def framed(names):
    found = []
    for index, (name, rdtype) in enumerate(names):
        query = dns.message.make_query(name, rdtype, want_dnssec=True, payload=1232)
        query.id, query.flags = index, 0
        wire = query.to_wire()
        found.append(struct.pack(">H", len(wire)) + wire)
    return found


def read_message(stream):
    head = stream.read(2)
    if len(head) < 2:
        raise OSError("the server closed the connection")
    return stream.read(struct.unpack(">H", head)[0])


def pipelined(server, names, rounds):
    """Seconds from the first of PIPELINE questions, sent at once but in segments of their own, to the last answer: one for
    each round on one kept connection. A server that leaves Nagle's algorithm on waits for the delayed acknowledgement of an
    answer before it sends the next one: 40 ms."""
    queries, times = framed(names), []
    with socket.create_connection((HOST, server.port), timeout=10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream = connection.makefile("rb")
        chance = random.Random(7)
        for _ in range(rounds):
            chosen = chance.sample(range(len(queries)), min(PIPELINE, len(queries)))
            began = time.perf_counter()
            for index in chosen:
                connection.send(queries[index])
            seen = {struct.unpack(">H", read_message(stream)[:2])[0] for _ in chosen}
            times.append(time.perf_counter() - began)
            assert seen == set(chosen), f"{server.label}: answers {seen} to {chosen}"
            time.sleep(0.001)  # at rest: the next one is a new burst, as from a resolver
    return times
