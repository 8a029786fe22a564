"""Name servers and resolvers of others beside Tandem in tests: in the foreground, from a configuration of their own in
the workspace, as the user who runs the test, on free ports of 127.0.0.1. The host's services are not touched.

    nsd = Nsd(work)                                    # a secondary of the zones below
    nsd.follow(["example.gov"], primary_port, key)     # AXFR with TSIG, NOTIFY from 127.0.0.1
    nsd.start(); nsd.ask("www.example.gov", "A"); nsd.kill(); nsd.stop()

    unbound = Unbound(work, anchors=secondary_anchors(secondary, "example.gov"))
    unbound.stub("example.gov", [nsd.port, knot.port])
    unbound.start()
    assert is_secure(unbound.resolve("www.example.gov", "A"))

They end with the workspace like its daemons. PowerDNS is in powerdns.py. `Watch` asks a resolver all the time, in a thread."""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import time

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype

import tandem
from tandem import HOST, Key, ask, free_port, wait_for


class Peer:
    """A process of others: configuration written at start, output in log()."""

    kind = None

    def __init__(self, work, name=None):
        self.work, self.name, self.process = work, name or self.kind, None
        self.directory = work.path / self.name
        self.directory.mkdir()
        self.config_file, self.log_file = self.directory / "config", self.directory / "log"
        self.port = free_port()
        work.daemons.append(self)

    def config_text(self):
        raise NotImplementedError

    def command(self):
        raise NotImplementedError

    def is_ready(self):
        return True

    def start(self):
        self.config_file.write_text(self.config_text())
        with open(self.log_file, "a") as log:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.directory, process_group=0
            )

        def ready():
            assert self.process.poll() is None, f"{self.name} ended: {self.process.returncode}\n{self.log()}"
            return self.is_ready()

        wait_for(ready, f"{self.name} answers", about=self.log)
        return self

    def log(self):
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def stop(self):
        self.process.terminate()
        code = self.process.wait(timeout=20)
        wait_for(self.is_silent, f"{self.name} is gone", about=self.log)
        return code

    def kill(self):
        """KILL to all its processes: NSD's server process answers for a moment after its parent is gone."""
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            wait_for(self.is_silent, f"{self.name} is gone", about=self.log)

    def is_silent(self):
        """True when nobody holds its UDP port."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            try:
                udp.bind((HOST, self.port))
            except OSError:
                return False
            return True

    def ask(self, name, rdtype, **options):
        return ask(self.port, name, rdtype, **options)

    def has_answered(self, name, rdtype):
        try:
            return self.ask(name, rdtype, timeout=1)
        except (OSError, dns.exception.Timeout):
            return None


class Authority(Peer):
    """A name server. zones: {domain: master file}, or follow() for zones of a primary."""

    def __init__(self, work, name=None):
        super().__init__(work, name)
        self.zones, self.primary_port, self.key = {}, None, Key()

    def serve(self, domain, file):
        self.zones[domain] = file
        return self

    def follow(self, domains, primary_port, key):
        """A secondary of 127.0.0.1@primary_port, transfers with the TSIG key."""
        self.zones = {domain: self.directory / (domain + ".zone") for domain in domains}
        self.primary_port, self.key = primary_port, key
        return self

    def is_ready(self):
        return all(self.has_answered(domain, "SOA") for domain in self.zones)

    def has(self, domain):
        """True when it serves the zone."""
        answer = self.has_answered(domain, "SOA")
        return answer is not None and answer.rcode() == dns.rcode.NOERROR and bool(answer.answer)

    def serial(self, domain):
        return int(tandem.answers(self.ask(domain, "SOA"))[0].split()[2])


class Nsd(Authority):
    kind = "nsd"

    def config_text(self):
        text = f"""server:
    ip-address: {HOST}@{self.port}
    server-count: 1
    username: ""
    chroot: ""
    zonesdir: "{self.directory}"
    pidfile: "{self.directory}/pid"
    xfrdfile: "{self.directory}/xfrd"
    xfrdir: "{self.directory}"
    zonelistfile: "{self.directory}/zonelist"
    database: ""
    verbosity: 2
    xfrd-reload-timeout: 0
remote-control:
    control-enable: no
key:
    name: "{self.key.name}"
    algorithm: {self.key.algorithm}
    secret: "{self.key.secret}"
"""
        for domain, file in self.zones.items():
            text += f'zone:\n    name: "{domain}"\n    zonefile: "{file}"\n'
            if self.primary_port:
                text += f"    request-xfr: {HOST}@{self.primary_port} {self.key.name}\n"
                text += f"    allow-notify: {HOST} {self.key.name}\n    allow-notify: {HOST} NOKEY\n"
        return text

    def command(self):
        return ["nsd", "-d", "-c", str(self.config_file)]


class Knot(Authority):
    """Knot DNS; as a secondary it checks the signatures of what it takes (dnssec-validation)."""

    kind = "knot"

    def config_text(self):
        text = f"""server:
    listen: {HOST}@{self.port}
    rundir: {self.directory}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: stderr
    any: info
key:
  - id: "{self.key.name}"
    algorithm: {self.key.algorithm}
    secret: "{self.key.secret}"
database:
    storage: {self.directory}/db
"""
        if self.primary_port:
            text += f"""remote:
  - id: upstream
    address: {HOST}@{self.primary_port}
    key: "{self.key.name}"
acl:
  - id: upstream
    address: {HOST}
    key: "{self.key.name}"
    action: notify
"""
        text += "zone:\n"
        for domain, file in self.zones.items():
            text += f"  - domain: {domain}\n    file: {file}\n"
            if self.primary_port:
                text += "    master: upstream\n    acl: upstream\n    dnssec-validation: on\n"
                text += "    zonefile-sync: 0\n"
        return text

    def command(self):
        return ["knotd", "-c", str(self.config_file)]


class Named(Authority):
    kind = "named"

    def config_text(self):
        text = f"""options {{ directory "{self.directory}"; listen-on port {self.port} {{ {HOST}; }}; listen-on-v6 {{ none; }};
    recursion no; minimal-responses yes; dnssec-validation no; pid-file none; session-keyfile none; notify no;
    allow-transfer {{ {HOST}; }}; }};
controls {{ }};
key "{self.key.name}" {{ algorithm {self.key.algorithm}; secret "{self.key.secret}"; }};
"""
        for domain, file in self.zones.items():
            if self.primary_port:
                text += f"""zone "{domain}" {{ type secondary; file "{file}"; masterfile-format text;
    primaries {{ {HOST} port {self.primary_port} key "{self.key.name}"; }}; allow-notify {{ {HOST}; }}; }};
"""
            else:
                text += f'zone "{domain}" {{ type primary; file "{file}"; check-names ignore; }};\n'
        return text

    def command(self):
        return ["named", "-g", "-c", str(self.config_file), "-p", str(self.port), "-n", "1"]


class Unbound(Peer):
    """A validating resolver that keeps nothing (cache-max-ttl 0), so that each question goes to the servers."""

    kind = "unbound"

    def __init__(self, work, name=None, anchors=(), options=""):
        super().__init__(work, name)
        self.anchors, self.stubs, self.forwards, self.options = list(anchors), [], [], options

    def stub(self, domain, ports):
        """Questions below the domain go to the name servers on these ports."""
        self.stubs.append((domain, list(ports)))
        return self

    def forward(self, domain, port):
        """Questions below the domain go to the resolver on that port."""
        self.forwards.append((domain, port))
        return self

    def config_text(self):
        anchors = self.directory / "anchors"
        anchors.write_text("".join(line + "\n" for line in self.anchors))
        text = f"""server:
    interface: {HOST}
    port: {self.port}
    access-control: 127.0.0.0/8 allow
    do-ip6: no
    do-daemonize: no
    do-not-query-localhost: no
    num-threads: 1
    chroot: ""
    username: ""
    directory: "{self.directory}"
    pidfile: ""
    use-syslog: no
    logfile: ""
    log-time-ascii: yes
    verbosity: 1
    val-log-level: 2
    module-config: "validator iterator"
    trust-anchor-file: "{anchors}"
    trust-anchor-signaling: no
    root-key-sentinel: no
    cache-max-ttl: 0
    cache-max-negative-ttl: 0
    infra-host-ttl: 1
    val-bogus-ttl: 1
    infra-cache-min-rtt: 50
    unblock-lan-zones: yes
    aggressive-nsec: no
{self.options}
remote-control:
    control-enable: no
"""
        for domain, ports in self.stubs:
            text += f'stub-zone:\n    name: "{domain}"\n    stub-prime: no\n'
            text += "".join(f"    stub-addr: {HOST}@{port}\n" for port in ports)
        for domain, port in self.forwards:
            text += f'forward-zone:\n    name: "{domain}"\n    forward-addr: {HOST}@{port}\n'
        return text

    def command(self):
        return ["unbound", "-d", "-p", "-c", str(self.config_file)]

    def is_ready(self):
        try:
            ask(self.port, "localhost", "A", flags=dns.flags.RD, timeout=1)
        except (OSError, dns.exception.Timeout):
            return False
        return True

    def resolve(self, name, rdtype, timeout=5):
        """One recursive question that asks for validation (DO, AD)."""
        query = dns.message.make_query(name, rdtype, want_dnssec=True, payload=1232)
        query.flags |= dns.flags.AD
        answer = dns.query.udp(query, HOST, port=self.port, timeout=timeout)
        if answer.flags & dns.flags.TC:
            answer = dns.query.tcp(query, HOST, port=self.port, timeout=timeout)
        return answer

    def verdicts(self):
        """What the validator found wrong, lines of its log."""
        return [line for line in self.log().splitlines() if "validation failure" in line]


def is_secure(answer):
    """True when the resolver answered and has validated what it says."""
    return answer.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN) and bool(answer.flags & dns.flags.AD)


def trust_anchors(secondary, *domains):
    """The zone-file lines of `tandemctl --json key dnskey` with the SEP bit: trust anchors for unbound."""
    lines = []
    for domain in domains:
        done = secondary.tandemctl("--json", "key", "dnskey", domain)
        assert done.returncode == 0, done.stderr
        result = json.loads(done.stdout)["result"]
        lines += [key["text"] for key in result["dnskey"] if key["flags"] & 1]
    return lines


def delv_anchors(path, lines):
    """The same lines as a file for delv -a."""
    text = "trust-anchors {\n"
    for line in lines:
        owner, flags, protocol, algorithm, key = re.match(
            r"(\S+)\s+(?:\d+\s+)?(?:IN\s+)?DNSKEY\s+(\d+)\s+(\d+)\s+(\d+)\s+(.*)", line
        ).groups()
        text += f'{owner} static-key {flags} {protocol} {algorithm} "{key.replace(" ", "")}";\n'
    pathlib.Path(path).write_text(text + "};\n")
    return path


def delv(port, anchors_file, root, name, rdtype):
    """What delv prints, with its verdict."""
    done = subprocess.run(
        ["delv", f"@{HOST}", "-p", str(port), "-a", str(anchors_file), f"+root={root}", name, rdtype],
        capture_output=True, text=True, timeout=20,
    )
    return done.stdout + done.stderr


class Watch:
    """Asks all the time, in a thread, one question after the other, until it is closed.

        with Watch(unbound.resolve, [("www.example.gov", "A")]) as watch:
            ...
            watch.more(5)          # until every question was asked five more times
        for name, rdtype, answer in watch.seen: ...

    An answer is a message or the exception that came instead."""

    def __init__(self, resolve, questions):
        self.resolve, self.questions = resolve, questions
        self.seen, self.rounds, self._end = [], 0, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        while not self._end.is_set():
            for name, rdtype in self.questions:
                try:
                    answer = self.resolve(name, rdtype)
                except (OSError, dns.exception.DNSException) as failure:
                    answer = failure
                self.seen.append((name, rdtype, answer))
            self.rounds += 1
            time.sleep(0.005)

    def more(self, rounds=3):
        target = self.rounds + rounds + 1
        wait_for(lambda: self.rounds >= target, f"{rounds} more rounds of questions")

    def bad(self):
        """What was neither an answer nor a validated one, as short texts."""
        return [
            f"{name} {rdtype}: {answer if isinstance(answer, Exception) else dns.rcode.to_text(answer.rcode())}"
            for name, rdtype, answer in self.seen
            if isinstance(answer, Exception) or not is_secure(answer)
        ]

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *what):
        self._end.set()
        self._thread.join(timeout=30)

