"""Servers that give transfers to whoever asks from 127.0.0.1, with the workspace's TSIG key or without, and the one that
takes them: tests/support/transfer_sink_main.c, the same for all."""

import dataclasses
import json
import shutil
import subprocess
import time

import dns.message

import peers
import powerdns
import servers
from measure import HOST, Question
from servers import cpu_of, keep_on_server_core
from tandem import BIN, wait_for

SINK_TOO_LONG = 3  # its exit code
SETTLE_SECONDS, SETTLE_TURNS = 0.05, 100


class TooLong(Exception):
    """A transfer that was not complete within its limit."""


@dataclasses.dataclass
class Transfer:
    """What the sink saw of one. cpu is the server's in seconds, sink_cpu that of the sink."""

    seconds: float
    octets: int
    messages: int
    signed: int
    records: int
    addresses: int
    serial: int
    last_serial: int
    sink_cpu: float
    digest: str = ""
    cpu: float = 0.0


def axfr_query(zone, key=None):
    query = dns.message.make_query(zone, "AXFR")
    if key:
        query.use_tsig(key.dnspython())
    return query.to_wire().hex()


def sink_command(port, query, limit, rate=0.0, digest=False):
    words = [str(BIN / "transfer_sink"), "-l", str(limit)]
    words += ["-r", str(rate)] if rate else []
    words += ["-d"] if digest else []
    return [*words, f"{HOST}@{port}", query]


def read_transfer(code, output, errors):
    """A Transfer from what a sink printed."""
    if code == SINK_TOO_LONG:
        raise TooLong(errors)
    assert code == 0, errors
    said = dict(line.split() for line in output.splitlines())
    found = Transfer(float(said["seconds"]), *(int(said[name]) for name in (
        "octets", "messages", "signed", "records", "addresses", "serial", "last_serial")), float(said["cpu"]),
        said.get("digest", ""))
    assert found.serial == found.last_serial, f"begins with serial {found.serial}, ends with {found.last_serial}"
    return found


def take(port, zone, key=None, limit=3600.0, **options):
    """One whole transfer."""
    done = subprocess.run(sink_command(port, axfr_query(zone, key), limit, **options), capture_output=True, text=True)
    return read_transfer(done.returncode, done.stdout, done.stderr)


class Taking:
    """A transfer that goes on in the background."""

    def __init__(self, port, zone, limit=3600.0, **options):
        self.process = subprocess.Popen(sink_command(port, axfr_query(zone), limit, **options), text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def result(self):
        output, errors = self.process.communicate()
        return read_transfer(self.process.returncode, output, errors)


def take_measured(giver, zone, key=None):
    """One whole transfer with the CPU that all processes of the server used for it."""
    pids = giver.pids()
    wait_for_rest(pids)
    before = cpu_of(pids)
    found = take(giver.port, zone, key)
    wait_for_rest(pids)
    found.cpu = cpu_of(pids) - before
    return found


def wait_for_rest(pids):
    """Until what follows the last octet is over: next to no CPU for a moment."""
    for _ in range(SETTLE_TURNS):
        before = cpu_of(pids)
        time.sleep(SETTLE_SECONDS)
        if cpu_of(pids) - before < SETTLE_SECONDS / 50:
            return


# --- Servers


class TandemPrimary(servers.Measured):
    """A whole tandem-primary. zones: dictionaries as Workspace.primary wants them."""

    label = "tandem-primary"

    def __init__(self, work, name, zones, resolver=None, alias=None):
        sections = {"acl": [{"id": "signed", "key": [work.key.name], "action": ["transfer", "query"]},
                            {"id": "here", "address": ["127.0.0.1"], "action": ["transfer", "query"]}]}
        self.primary = work.primary([{"acl": ["signed", "here"], **({"alias": alias} if alias else {}), **zone}
                                     for zone in zones], name=f"{name}-primary", resolver=resolver, **sections)
        self.primary.config["resolver"].update({"timeout": "2s", "tries": 3})
        self.work, self.port, self.domains = work, self.primary.port, [zone["domain"] for zone in zones]

    def start(self):
        self.primary.start(wait=False)
        self.process = self.primary.process
        return self

    def is_ready(self):
        return self.primary.is_ready()

    def log(self):
        return self.primary.log()

    def stop(self):
        assert self.primary.stop() == 0, self.primary.log()[-3000:]


class ToAll:
    """Peers of servers.py that give all their zones to 127.0.0.1. `key` is the workspace's."""

    def __init__(self, work, name, zones):
        super().__init__(work, name, zones)
        self.key = work.key
        self.domains = list(zones)


class TandemGiver(servers.TandemServer):
    """One tandem-server on stores that `freeze` made; zones: {domain: directory}."""

    label = "tandem-server"

    def __init__(self, work, name, zones):
        servers.Spawned.__init__(self, work, f"{name}-tandem-server")
        self.zones, self.config = zones, self.directory / "secondary.yaml"
        self.config.touch(mode=0o600)
        self.domains = list(zones)

    def command(self):
        self.config.write_text(json.dumps({
            "server": {"listen": [f"{HOST}@{self.port}"], "user": "", "workers": 1, "state-directory": str(self.directory)},
            "control": {"socket": str(self.directory / "s")}, "remote": [{"id": "hidden", "address": ["127.0.0.9@53"]}],
            "key": [self.work.key.setting()],
            "acl": [{"id": "signed", "key": [self.work.key.name], "action": ["transfer"]},
                    {"id": "here", "address": ["127.0.0.1"], "action": ["transfer"]}],
            "zone": [{"domain": domain, "primary": ["hidden"], "acl": ["signed", "here"]} for domain in self.zones]}))
        return [BIN / "serve", self.config, *(word for pair in self.zones.items() for word in pair)]


class NsdGiver(ToAll, servers.NsdServer):
    kind, label = "nsdgiver", "NSD"

    def config_text(self):
        given = f"    provide-xfr: {HOST} {self.key.name}\n    provide-xfr: {HOST} NOKEY\n"
        return super().config_text().replace("zone:\n", "zone:\n" + given)


class KnotGiver(ToAll, servers.KnotServer):
    kind, label = "knotgiver", "Knot"
    zone_lines = servers.KnotServer.zone_lines + "    acl: [signed, here]\n"

    def config_text(self):
        acl = f"""acl:
  - id: signed
    address: {HOST}
    key: "{self.key.name}"
    action: transfer
  - id: here
    address: {HOST}
    action: transfer
"""
        return super().config_text().replace("zone:\n", acl + "zone:\n", 1)


class NamedGiver(ToAll, servers.Pinned, peers.Named):
    kind, label = "namedgiver", "BIND"


class PowerDNSGiver(servers.Pinned, powerdns.PowerDNS):
    """The bind backend; ALIAS is expanded as a transfer goes out."""

    kind, label = "pdnsgiver", "PowerDNS"

    def __init__(self, work, name, zones, resolver):
        super().__init__(work, name, zones)
        self.resolver_port, self.domains = resolver, list(zones)


def present(kinds):
    programs = {NsdGiver: "nsd", KnotGiver: "knotd", NamedGiver: "named", PowerDNSGiver: "pdns_server"}
    return [kind for kind in kinds if shutil.which(programs[kind])]


def start(giver, seconds):
    """Starts it and waits until it answers for all its zones, kept to the servers' core."""
    giver.start()

    def serves():
        assert giver.is_alive(), f"{giver.label} ended\n{giver.log()[-3000:]}"
        return all(answers_soa(giver.port, domain) for domain in giver.domains)

    wait_for(serves, f"{giver.label} serves", seconds, giver.log)
    keep_on_server_core(giver.pids())
    return giver


def answers_soa(port, domain):
    """True when it has the zone."""
    question = Question(port, domain, "SOA")
    answer = question.ask()
    question.close()
    return answer is not None and answer[3] & 15 == 0 and answer[6:8] != b"\0\0"


class SlowResolver(servers.Spawned):
    """tests/support/slow_resolver_main.c on a core that is not the servers'."""

    label, prefix = "resolver", ()

    def __init__(self, work, name, delay_ms, change_ms=0):
        super().__init__(work, name)
        self.delay_ms, self.change_ms = delay_ms, change_ms

    def command(self):
        return [BIN / "slow_resolver", f"{HOST}@{self.port}", self.delay_ms, *([self.change_ms] if self.change_ms else [])]

    def start(self):
        super().start()
        wait_for(lambda: "ready" in self.log(), "the resolver is ready", about=self.log)
        return self


def forget(work, giver):
    """Ends it and takes away what it left on the disk."""
    giver.stop() if isinstance(giver, TandemPrimary) else giver.kill()
    daemon = giver.primary if isinstance(giver, TandemPrimary) else giver
    work.daemons.remove(daemon)
    shutil.rmtree(daemon.directory)


def versions():
    """One line: who was measured."""
    found = [servers.versions()]
    for command in (["named", "-v"], ["pdns_server", "--version"]):
        if shutil.which(command[0]):
            done = subprocess.run(command, capture_output=True, text=True)
            words = (done.stdout + done.stderr).split()
            number = next((word for word in words if word[0].isdigit() and "." in word), "?")
            found.append(f"{command[0]} {number}")
    return ", ".join(found)


# --- Zones


def alias_owner(number):
    return f"alias{number:06d}"


def alias_lines(count):
    """So many owners whose targets the slow resolver knows."""
    for number in range(count):
        yield f"{alias_owner(number)} 60 IN ALIAS t{number:06d}.targets.example.org.\n"


def expanded_lines(count):
    """The same owners with what the slow resolver says of their targets (without changes)."""
    for number in range(count):
        yield (f"{alias_owner(number)} 60 IN A 10.0.{number >> 8 & 255}.{number & 255}\n"
               f"{alias_owner(number)} 60 IN AAAA 2001:db8:0:0:0:0:{number >> 16:x}:{number & 0xffff:x}\n")
