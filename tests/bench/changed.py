"""The part `change` of tests/bench/transfer: one target of a large zone has another address: how long until the new version is
out and NOTIFY on the wire, and what it costs."""

import socket
import subprocess
import threading
import time

import dns.message

from givers import TandemPrimary, alias_lines, alias_owner, forget, start, wait_for_rest
from measure import HOST, cpu_seconds
from report import say, spread
from servers import keep_off_server_core
from stage import ZONE, host_lines, zone_head
from tandem import BIN

START_SECONDS = 600
CHANGES = 5  # in a round, each of another target
PAUSE_SECONDS = 2  # between them: changes that follow each other gather for longer
NOTIFY_SECONDS = 60
AIM_MS = 50


class Told:
    """Takes NOTIFY, answers it, and notes when each serial was told first."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((HOST, 0))
        self.port = self.socket.getsockname()[1]
        self.moments, self.news = {}, threading.Condition()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            octets, peer = self.socket.recvfrom(4096)
            now = time.monotonic()
            if not octets:
                return
            query = dns.message.from_wire(octets)
            self.socket.sendto(dns.message.make_response(query).to_wire(), peer)
            with self.news:
                self.moments.setdefault(query.answer[0][0].serial, now)
                self.news.notify()

    def wait(self, serial):
        with self.news:
            assert self.news.wait_for(lambda: serial in self.moments, NOTIFY_SECONDS), f"no NOTIFY of serial {serial}"
            return self.moments[serial]

    def close(self):
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"", (HOST, self.port))


class MovingResolver:
    """tests/support/resolver_main.c: the targets below a number have moved."""

    def __init__(self, work, delay_ms):
        self.process = work.spawn([BIN / "resolver", "--delay", str(delay_ms)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().split()[1])

    def move(self, count):
        self.process.stdin.write(f"moved {count}\n")
        self.process.stdin.flush()
        self.process.stdout.readline()


class Change:
    def __init__(self, work, report, given):
        self.work, self.report, self.given = work, report, given

    def run(self):
        keep_off_server_core()
        aliases, delay = max(self.given.alias), self.given.delays[0]
        file = self.work.path / "changed.zone"
        with open(file, "w") as out:
            out.write(zone_head())
            out.writelines(host_lines(self.given.names - 1))
            out.writelines(alias_lines(aliases))
        resolver, told = MovingResolver(self.work, delay), Told()
        giver = TandemPrimary(self.work, "changed", [{"domain": ZONE, "file": file.name, "notify": ["told"]}], resolver.port, {"refresh": "1h"})
        giver.primary.config["remote"] = [{"id": "told", "address": [f"{HOST}@{told.port}"]}]
        start(giver, START_SECONDS)
        changes = [self.measure(giver, resolver, told, number) for number in range(min(CHANGES * self.given.rounds, aliases))]
        self.tell(aliases, delay, changes)
        forget(self.work, giver)
        told.close()
        file.unlink()

    def measure(self, giver, resolver, told, number):
        """(ms from the command that asks for the target until NOTIFY, ms of CPU until all is at rest)."""
        say(f"one changed target, {number + 1}")
        time.sleep(min(PAUSE_SECONDS, self.given.rest))
        wait_for_rest(giver.pids())
        resolver.move(number + 1)
        serial, cpu = giver.primary.serial(ZONE), cpu_seconds(giver.process.pid)
        began = time.monotonic()
        giver.primary.control("alias", "refresh", f"{alias_owner(number)}.{ZONE}")
        notified = told.wait(serial + 1) - began
        wait_for_rest(giver.pids())
        return notified * 1000, (cpu_seconds(giver.process.pid) - cpu) * 1000

    def tell(self, aliases, delay, changes):
        times, cpu = zip(*changes)
        self.report.table(
            f"One changed target, {self.given.names:,} names and {aliases:,} ALIAS, resolver {delay} ms",
            ["", "asked for to NOTIFY, ms", "CPU until at rest, ms"], [["tandem-primary", spread(times), spread(cpu)]])
        self.report.aim(f"one changed target, {self.given.names:,} names: asked for to NOTIFY, ms", times, AIM_MS)
