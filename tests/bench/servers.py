"""The servers of tests/bench/serve: each one process or worker, without logging, rate limits and NS records that
nobody asked for, on a free port of 127.0.0.1, kept to one core. What they share: start(), kill(), port, pids(), cpu(), pss()."""

import json
import os
import pathlib
import resource
import shutil
import subprocess

import peers
from measure import cpu_seconds, pss_mib
from tandem import BIN, HOST, WAIT_SECONDS, free_port, wait_for

CORES = os.cpu_count()
SERVER_CORE = CORES - 1
FILES = 262144
ON_SERVER_CORE = ("taskset", "-c", str(SERVER_CORE)) if CORES > 1 else ()


def keep_off_server_core():
    """This program and what it starts, but for the servers, use the other cores."""
    if CORES > 1:
        os.sched_setaffinity(0, set(range(CORES)) - {SERVER_CORE})


def keep_on_server_core(pids):
    """Every thread of them, by force: knotd's UDP workers choose their cores themselves, and one on the load's core needs
    no interrupt to be woken."""
    for pid in pids if CORES > 1 else []:
        for thread in os.listdir(f"/proc/{pid}/task"):
            os.sched_setaffinity(int(thread), {SERVER_CORE})


def use_all_cores():
    os.sched_setaffinity(0, set(range(CORES)))


def allow_many_files():
    """Descriptors for ten thousand zones, which a supervisor holds; as many as may be had where nobody grants so many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for limit in (max(hard, FILES), hard):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
            return
        except (OSError, ValueError):
            pass


def below(pid):
    """The process and all its descendants."""
    found = [pid]
    for parent in found:
        for task in pathlib.Path(f"/proc/{parent}/task").glob("*/children"):
            try:
                found += [int(word) for word in task.read_text().split()]
            except OSError:
                pass  # it ended just now
    return found


def cpu_of(pids):
    return sum(cpu_seconds(pid) for pid in pids)


def pss_of(pids):
    return sum(pss_mib(pid) for pid in pids)


def end_process(process):
    """By TERM, so that its children end with it; by KILL where that takes long."""
    if process is None or process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(timeout=WAIT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Measured:
    """What all of them can be asked."""

    label, saved = None, False  # saved: it starts from what an earlier start of its own has left, not from text
    prefix = ON_SERVER_CORE  # words before its command

    def pids(self):
        return below(self.process.pid)

    def cpu(self):
        return cpu_of(self.pids())

    def pss(self):
        return pss_of(self.pids())

    def is_alive(self):
        return self.process.poll() is None

    def is_ready(self):
        return True  # seen by the questions that follow



class Spawned(Measured):
    """A program of ours: command() is run with its output in a file, kept to the servers' core."""

    def __init__(self, work, name):
        self.work, self.directory, self.port = work, work.path / name, None
        self.directory.mkdir()
        self.output, self.process = self.directory / "out", None
        self.name = name
        work.daemons.append(self)

    def start(self):
        self.port = free_port()
        with open(self.output, "w") as out:
            self.process = subprocess.Popen([*self.prefix, *map(str, self.command())], stdin=subprocess.DEVNULL,
                                            stdout=out, stderr=out)
        return self

    def log(self):
        return self.output.read_text(errors="replace") if self.output.exists() else ""

    def kill(self):
        end_process(self.process)


class TandemServer(Spawned):
    """One tandem-server with the zones' stores, without the rest of the daemon (tests/support/serve_main.c)."""

    label = "Tandem"

    def __init__(self, work, name, zones):
        super().__init__(work, f"{name}-tandem")
        self.zones, self.config = zones, self.directory / "secondary.yaml"
        self.config.touch(mode=0o600)

    def command(self):
        self.config.write_text(json.dumps({
            "server": {"listen": [f"{HOST}@{self.port}"], "user": "", "workers": 1, "state-directory": str(self.directory)},
            "control": {"socket": str(self.directory / "s")}, "remote": [{"id": "hidden", "address": ["127.0.0.9@53"]}],
            "zone": [{"domain": zone.domain, "primary": ["hidden"]} for zone in self.zones]}))
        return [BIN / "serve", self.config, *(word for zone in self.zones for word in (zone.domain, zone.store))]

    def pids(self):
        """The server only: `serve` stands in for the supervisor and does nothing."""
        wait_for(lambda: "ready" in self.log() or not self.is_alive(), "the server is ready", about=self.log)
        return [pid for pid in super().pids() if pid != self.process.pid]


class Echo(Spawned):
    """Sends each datagram back, as long as the answers of the server that is compared: what packets cost by themselves."""

    label = "UDP echo"

    def __init__(self, work, name, *sizes):
        super().__init__(work, f"{name}-echo")
        self.sizes = sizes

    def command(self):
        return [BIN / "udp_echo", f"{HOST}@{self.port}", *self.sizes]


class EchoOfEach(Echo):
    """With the length of an answer of that server to each of some questions, in turn: a packet of 800 octets costs the
    kernel more than four of 200, so one of the mean length is less than a server has to send."""

    label = "UDP echo, each length"


class TcpEcho(Echo):
    """The same for messages on TCP connections: what they and the wake-ups cost by themselves."""

    label = "TCP echo"

    def command(self):
        return [BIN / "tcp_echo", f"{HOST}@{self.port}", *self.sizes]


class TandemDaemon(Measured):
    """A whole tandem-secondary with its saved state, its primary away."""

    label, saved = "Tandem", True

    def __init__(self, secondary):
        self.secondary = secondary

    def start(self):
        """On fresh ports: its own have been free, and somebody may have taken them."""
        config = self.secondary.config
        self.port = self.secondary.port = free_port()
        config["server"]["listen"], config["http"]["listen"] = [f"{HOST}@{self.port}"], f"{HOST}@{free_port()}"
        self.secondary.start(wait=False)
        self.process = self.secondary.process

    def kill(self):
        """Stops it well."""
        if self.is_alive():
            assert self.secondary.stop() == 0, self.secondary.log()[-3000:]

    def log(self):
        return self.secondary.log()

    def serving_pids(self):
        """The roles that answer: the servers."""
        return [pid for pid in self.pids() if "tandem-server" in pathlib.Path(f"/proc/{pid}/cmdline").read_text()]


class Pinned(Measured):
    """Peers of tests/support/peers.py, kept to the servers' core."""

    def command(self):
        return [*self.prefix, *super().command()]

    def __init__(self, work, name, zones):
        super().__init__(work, f"{name}-{self.kind}")
        for domain, file in zones.items():
            self.serve(domain, file)

    def start(self):
        self.port = free_port()
        self.config_file.write_text(self.config_text())
        with open(self.log_file, "a") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            cwd=self.directory)
        return self

    def kill(self):
        end_process(self.process)


class NsdServer(Pinned, peers.Nsd):
    """Debian's limits answers to 200 by second and prefix by default, and adds the apex's NS to all."""

    kind, label, database = "nsd", "NSD", ""

    def config_text(self):
        text = super().config_text().replace("verbosity: 2", "verbosity: 0")
        text = text.replace('database: ""', f'database: "{self.database}"')
        return text.replace("server:\n", """server:
    rrl-ratelimit: 0
    rrl-whitelist-ratelimit: 0
    minimal-responses: yes
    tcp-count: 1000
    tcp-timeout: 120
""", 1)


class NsdDatabase(NsdServer):
    """With its own compiled form of the zones, nsd.db, made by an earlier start."""

    kind, label, saved = "nsddb", "NSD, nsd.db", True

    def __init__(self, work, name, zones):
        super().__init__(work, name, zones)
        self.database = self.directory / "nsd.db"


class KnotServer(Pinned, peers.Knot):
    """One UDP worker and one TCP worker; background workers read zones."""

    kind, label = "knot", "Knot"
    zone_lines = "    zonefile-load: whole\n    journal-content: none\n    zonefile-sync: -1\n"

    def config_text(self):
        (self.directory / "db").mkdir(exist_ok=True)
        text = super().config_text().replace("any: info", "any: critical")
        text = text.replace("    storage: ", "    journal-db-max-size: 20G\n    storage: ")
        text = text.replace("    tcp-workers: 1\n", "    tcp-workers: 1\n    tcp-idle-timeout: 120\n")
        return text.replace("    file: ", f"{self.zone_lines}    file: ")


class KnotJournal(KnotServer):
    """The zones out of its journal, where an earlier start has put them."""

    kind, label, saved = "knotjournal", "Knot, journal", True
    load = "whole"  # "none" as soon as it is filled

    def start(self):
        super().start()
        self.load = "none"
        return self

    @property
    def zone_lines(self):
        return (f"    zonefile-load: {self.load}\n    journal-content: all\n    journal-max-usage: 8G\n"
                "    zonefile-sync: -1\n")


class GdnsdServer(Pinned, peers.Authority):
    """One thread for UDP and one for TCP; it knows no DNSSEC."""

    kind, label = "gdnsd", "gdnsd"

    def config_text(self):
        zones = self.directory / "zones"
        zones.mkdir(exist_ok=True)
        for domain, file in self.zones.items():
            if not (zones / domain).exists():
                shutil.copyfile(file, zones / domain)
        return f"""options => {{
    listen => {{ {HOST}:{self.port} => {{ udp_threads = 1, tcp_threads = 1 }} }}
    run_dir => {self.directory}/run
    state_dir => {self.directory}/state
}}
"""

    def start(self):
        self.config_file = self.directory / "config"
        return super().start()

    def command(self):
        return [*self.prefix, "gdnsd", "-c", str(self.directory), "start"]


def present(kinds):
    programs = {NsdServer: "nsd", NsdDatabase: "nsd", KnotServer: "knotd", KnotJournal: "knotd", GdnsdServer: "gdnsd"}
    return [kind for kind in kinds if shutil.which(programs[kind])]


def versions():
    """One line: who was measured."""
    found = []
    for command in (["nsd", "-v"], ["knotd", "-V"], ["gdnsd"], ["dnsperf", "-h"]):
        if shutil.which(command[0]):
            done = subprocess.run(command, capture_output=True, text=True)
            words = (done.stdout + done.stderr).replace("(", " ").replace(")", " ").replace(",", " ").split()
            number = next((word for word in words if word[0].isdigit() and "." in word), "?")
            found.append(f"{command[0]} {number}")
    return ", ".join(found)
