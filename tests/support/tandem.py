"""Runs Tandem's daemons in tests: real processes on loopback, in a temporary directory, on free ports.

    from tandem import Primary, Secondary, Workspace, ask, axfr

    with Workspace() as work:
        work.write("example.gov.zone", ZONE)
        primary = work.primary(zones=[{"domain": "example.gov", "file": "example.gov.zone"}])
        primary.start()
        answer = ask(primary.port, "www.example.gov", "A", key=work.key)
        primary.control("reload")
    # leaving the block stops every daemon by its pid and removes the directory

In pytest use the fixture `work` of tests/journey/conftest.py, which is such a Workspace.

Programs are taken from the directory TANDEM_BIN (default build/dev/bin below the top of the tree). A daemon's
configuration is a plain dictionary in `daemon.config` (the words of interface.md); it is written as JSON, which is
YAML, at every start and by `daemon.write_config()`. Change it before start(), or change it, write_config() and
control("reload"). What a daemon wrote to stderr is in daemon.log(); when a wait fails, it is part of the message.

Waits are bounded by WAIT_SECONDS (env TANDEM_WAIT stretches them on a slow machine); they poll for a fact, never for
a time to pass. Nothing listens outside of 127.0.0.0/8; only processes started here are ended, by pid.
"""

import base64
import collections
import contextlib
import fcntl
import itertools
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.tsigkeyring
import dns.zone

TOP = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("TANDEM_BIN", TOP / "build/dev/bin"))
WAIT_SECONDS = float(os.environ.get("TANDEM_WAIT", "30"))
HOST = "127.0.0.1"


# Below what the system gives to whoever asks for no port of his own (32768 and above): between the moment that a test
# finds a port free and the one in which a daemon takes it, no client and no server of another test may get it. Each
# process begins somewhere else, goes on from there, and keeps its last ones from the others by a lock of one octet of a file.
PORTS = range(10000, 32000)
PORTS_KEPT = 1000  # more than a test and its fixtures ask for
_ports = itertools.count(random.SystemRandom().randrange(len(PORTS)))
_kept = collections.deque()
_locks = []  # the file, once it is open: POSIX's locks end with the first close


def keep_port(port):
    """False when another process keeps it."""
    if not _locks:
        path = pathlib.Path(tempfile.gettempdir()) / f"tandem-ports-{os.getuid()}"
        _locks.append(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    try:
        fcntl.lockf(_locks[0], fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    _kept.append(port)
    if len(_kept) > PORTS_KEPT:
        fcntl.lockf(_locks[0], fcntl.LOCK_UN, 1, _kept.popleft())
    return True


def free_port():
    """A port that nobody holds on 127.0.0.1, neither UDP nor TCP, and that free_port gives to nobody else soon."""
    for _ in PORTS:
        port = PORTS[next(_ports) % len(PORTS)]
        if not keep_port(port):
            continue
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp, socket.socket(
            socket.AF_INET, socket.SOCK_DGRAM
        ) as udp:
            try:
                tcp.bind((HOST, port))
                udp.bind((HOST, port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port on " + HOST)


def role_pids(secondary, role):
    """Processes of that role below a secondary's supervisor; those that end meanwhile are none."""
    pid = secondary.process.pid
    found = []
    for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        with contextlib.suppress(OSError):
            if f"tandem-{role}" in pathlib.Path(f"/proc/{child}/cmdline").read_text():
                found.append(int(child))
    return found


def is_gone(pid):
    """True when the process has ended, whether its parent has heard of it or not."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def wait_for(fact, what, seconds=WAIT_SECONDS, about=lambda: ""):
    """Calls fact() until it gives something true, and gives that; a question without an answer is no fact yet.
    AssertionError names `what`."""
    end = time.monotonic() + seconds
    while True:
        value = None
        with contextlib.suppress(dns.exception.Timeout):
            value = fact()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"after {seconds:g} s still not: {what}\n{about()}")
        time.sleep(0.02)


class Key:
    """A TSIG key: name, algorithm and secret as the configuration and dnspython want them."""

    def __init__(self, name="xfr.", algorithm="hmac-sha256", secret=None):
        self.name, self.algorithm = name, algorithm
        self.secret = secret or base64.b64encode(os.urandom(32)).decode()

    def setting(self):
        return {"id": self.name, "algorithm": self.algorithm, "secret": self.secret}

    def dnspython(self):
        return dns.tsig.Key(self.name, base64.b64decode(self.secret), self.algorithm)

    def dig(self):
        """The argument of dig -y and kdig -y."""
        return f"{self.algorithm}:{self.name}:{self.secret}"


def ask(port, name, rdtype, key=None, tcp=False, dnssec=False, timeout=5, host=HOST, flags=0):
    """One query; gives the response as a dns.message.Message."""
    query = dns.message.make_query(name, rdtype, want_dnssec=dnssec, use_edns=0, payload=1232)
    query.flags = flags
    if key:
        query.use_tsig(key.dnspython() if isinstance(key, Key) else key)
    send = dns.query.tcp if tcp else dns.query.udp
    return send(query, host, port=port, timeout=timeout)


def axfr(port, zone, key=None, timeout=30, host=HOST):
    """A transfer of the zone as a dns.zone.Zone; an exception when it is refused or badly signed."""
    query = dns.message.make_query(zone, "AXFR")
    if key:
        query.use_tsig(key.dnspython() if isinstance(key, Key) else key)
    result = dns.zone.Zone(zone)
    dns.query.inbound_xfr(host, result, query, port=port, timeout=timeout, lifetime=timeout)
    return result


def answers(message):
    """The texts of the answer section's RDATA without RRSIGs, sorted."""
    return sorted(
        rdata.to_text()
        for rrset in message.answer
        if rrset.rdtype != dns.rdatatype.RRSIG
        for rdata in rrset
    )


class ControlError(Exception):
    """A reply that is not ok; .reply is the whole of it, .exit_code what tandemctl would give."""

    def __init__(self, reply):
        super().__init__(json.dumps(reply.get("error")))
        self.reply, self.exit_code = reply, reply.get("exit_code")


class Daemon:
    """One daemon process. Use Workspace.primary() and Workspace.secondary() to make one."""

    program = None

    def __init__(self, work, name, config):
        self.work, self.name, self.config = work, name, config
        self.process = None
        self.directory = work.path / name
        self.directory.mkdir(mode=0o700)
        self.config_file = self.directory / (name + ".yaml")
        self.log_file = self.directory / "log"
        self.socket = config["control"]["socket"]
        self.port = int(config["server"]["listen"][0].split("@")[1])
        self.http_port = int(config["http"]["listen"].split("@")[1])
        self.mail_directory = pathlib.Path(config["alert"]["mail-directory"])
        self.write_config()

    def write_config(self):
        """Writes self.config to its file (0600: it holds secrets)."""
        self.config_file.touch(mode=0o600)
        self.config_file.write_text(json.dumps(self.config, indent=1))

    def command(self, *arguments):
        return [str(BIN / self.program), "-c", str(self.config_file), *arguments]

    def run(self, *arguments):
        """Runs the program to its end (--check, --print-config); a CompletedProcess with texts."""
        return subprocess.run(
            self.command(*arguments), capture_output=True, text=True, timeout=WAIT_SECONDS
        )

    def start(self, wait=True, environment=None):
        """Starts the process; wait: until ready() is true. An earlier one must have ended."""
        assert self.process is None or self.process.poll() is not None, "runs already"
        self.write_config()
        self.mail_directory.mkdir(exist_ok=True)
        with open(self.log_file, "a") as log:
            self.process = subprocess.Popen(
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.directory,
                env={**os.environ, **(environment or {})},
            )
        if wait:
            wait_for(self.is_ready, f"{self.name} ready", about=self.log)
        return self

    def is_ready(self):
        """True when the control socket answers and no zone is still loading."""
        assert self.process.poll() is None, f"{self.name} ended: {self.process.returncode}\n{self.log()}"
        try:
            status = self.control("status")
        except (OSError, ControlError, ValueError):
            return False
        return all(zone["state"] != "loading" for zone in status.get("zones", []))

    def log(self):
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def wait_log(self, text, count=1):
        """Until the log has the text so many times."""
        wait_for(lambda: self.log().count(text) >= count, f"{text!r} in the log", about=self.log)

    def control(self, *words, timeout=WAIT_SECONDS, **options):
        """A request as tandemctl sends it: control("zone", "status", "example.gov", wait=True). Gives the
        result; a stream's text is in result["text"]. ControlError when the reply is not ok."""
        alone = ("status", "version", "reload", "stop", "check")
        verb_at = 0 if words[0] in alone else 1
        request = {
            "object": "" if verb_at == 0 else words[0],
            "verb": words[verb_at],
            "args": list(words[verb_at + 1 :]),
            "options": options,
        }
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(timeout)
            connection.connect(self.socket)
            connection.sendall(json.dumps(request).encode() + b"\n")
            text = []
            for line in connection.makefile("r"):
                reply = json.loads(line)
                if "chunk" in reply:
                    text.append(reply["chunk"])
                    continue
                if not reply.get("ok"):
                    raise ControlError(reply)
                result = reply.get("result") or {}
                if text:
                    result["text"] = "".join(text)
                return result
        raise OSError("the control connection ended without a reply")

    def tandemctl(self, *arguments):
        """Runs the tool itself; a CompletedProcess with texts."""
        return subprocess.run(
            [str(BIN / "tandemctl"), "-s", self.socket, *arguments],
            capture_output=True,
            text=True,
            timeout=WAIT_SECONDS,
        )

    def http(self, path):
        """(status, body) of a GET."""
        import urllib.error
        import urllib.request

        try:
            with urllib.request.urlopen(f"http://{HOST}:{self.http_port}{path}", timeout=10) as got:
                return got.status, got.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def metric(self, name, **labels):
        """The value of a sample, 0.0 when there is none."""
        wanted = {f'{key}="{value}"' for key, value in labels.items()}
        for line in self.http("/metrics")[1].splitlines():
            head, _, value = line.rpartition(" ")
            metric, _, rest = head.partition("{")
            if metric == name and wanted == set(filter(None, rest.rstrip("}").split(","))):
                return float(value)
        return 0.0

    def mails(self):
        """The mails written so far, oldest first, as email.message.EmailMessage."""
        import email
        import email.policy

        files = sorted(self.mail_directory.glob("*.eml"), key=lambda file: (file.stat().st_mtime_ns, file.name))
        return [email.message_from_bytes(f.read_bytes(), policy=email.policy.default) for f in files]

    def ask(self, name, rdtype, **options):
        return ask(self.port, name, rdtype, **options)

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self):
        """TERM; gives the exit code (0 when it ended well). Nothing when it does not run."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(timeout=WAIT_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} did not stop\n{self.log()}")

    def kill(self, with_roles=False):
        """KILL, as a crash. A secondary's roles end by themselves when their supervisor is gone; until then they hold its
        ports and answer on them, so that they are waited for, as systemd does before it starts a service again.
        with_roles: they are killed as well, as when the machine loses its power."""
        if self.process and self.process.poll() is None:
            pid = self.process.pid
            roles = list(map(int, pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))
            self.process.kill()
            self.process.wait()
            for role in roles if with_roles else ():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(role, signal.SIGKILL)
            wait_for(lambda: all(map(is_gone, roles)), f"{self.name} is gone with its roles", about=self.log)


class Primary(Daemon):
    program = "tandem-primary"

    def start(self, wait=True, environment=None, established=True):
        """As Daemon.start. established: the first start finds a state directory that is its own, so that new zones
        begin with the serials of their files; False: one that may have been lost."""
        state = pathlib.Path(self.config["server"]["state-directory"])
        if established and self.process is None and state.is_absolute() and not state.exists():
            state.mkdir(mode=0o700)
            (state / "established").touch()
        return super().start(wait, environment)

    def is_ready(self):
        """Also a zone that is served before its file was read has read it."""
        assert self.process.poll() is None, f"{self.name} ended: {self.process.returncode}\n{self.log()}"
        try:
            zones = self.control("status").get("zones", [])
        except (OSError, ControlError, ValueError):
            return False
        return all(
            zone["state"] != "loading" and (zone["file"]["loaded_at"] or zone["file"]["failed_at"]) for zone in zones
        )

    def zone(self, domain):
        """ZONE of `zone status` (common/tandemctl/README.md)."""
        return self.control("zone", "status", domain)["zone"]

    def serial(self, domain):
        """Serial of the expanded zone, None when nothing is served."""
        return self.zone(domain)["serial"]["unsigned"]


class Secondary(Daemon):
    program = "tandem-secondary"

    def zone(self, domain):
        return self.control("zone", "status", domain)["zone"]


class Workspace:
    """A directory for one test: files, a TSIG key (.key), daemons. A context manager."""

    def __init__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="tandem-", dir="/tmp"))
        self.daemons, self.processes = [], []
        self.key = Key()

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.close()

    def write(self, name, text):
        """Writes a file (whole, by rename) in the directory; gives its path."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(path.name + ".fresh")
        fresh.write_text(text)
        fresh.rename(path)
        return path

    def _config(self, name):
        directory = self.path / name
        return {
            "server": {
                "listen": [f"{HOST}@{free_port()}"],
                "user": "",
                "state-directory": str(directory / "state"),
            },
            "control": {"socket": str(directory / "s")},
            "http": {"listen": f"{HOST}@{free_port()}"},
            "log": {"level": "info"},
            "key": [self.key.setting()],
            "alert": {
                "mail-directory": str(directory / "mail"),
                "from": "tandem@example.gov",
                "to": ["sre@example.gov"],
                "min-interval": "0s",
            },
        }

    def primary(self, zones, name="primary", notify=(), resolver=None, **sections):
        """A tandem-primary, not started. zones: dictionaries of zone keys; `file` is relative to the workspace, `acl`
        defaults to transfer and query with the workspace's key. notify: ports of secondaries on 127.0.0.1, told of
        every zone. resolver: port of the resolver for ALIAS targets. sections: further top-level keys."""
        config = self._config(name)
        config["resolver"] = {
            "address": [f"{HOST}@{resolver or free_port()}"],
            "timeout": "1s",
            "tries": 1,
        }
        config["acl"] = [
            {"id": "peers", "key": [self.key.name], "action": ["transfer", "query"]},
        ]
        config["remote"] = [
            {"id": f"ns{i}", "address": [f"{HOST}@{port}"], "key": self.key.name}
            for i, port in enumerate(notify)
        ]
        config["zone"] = []
        for zone in zones:
            zone = {"acl": ["peers"], "notify": [r["id"] for r in config["remote"]], **zone}
            zone["file"] = str(self.path / zone["file"])
            config["zone"].append(zone)
        config.update(sections)
        daemon = Primary(self, name, config)
        self.daemons.append(daemon)
        return daemon

    def secondary(self, zones, primary_port, name="secondary", **sections):
        """A tandem-secondary, not started, that takes its zones from 127.0.0.1@primary_port with the workspace's key.
        zones: dictionaries of zone keys; `primary` defaults to that one, refresh to 1s."""
        config = self._config(name)
        config["server"]["workers"] = 1
        config["remote"] = [
            {"id": "hidden", "address": [f"{HOST}@{primary_port}"], "key": self.key.name}
        ]
        config["zone"] = [
            {"primary": ["hidden"], "refresh": "1s", "retry": "1s", **zone} for zone in zones
        ]
        config.update(sections)
        daemon = Secondary(self, name, config)
        self.daemons.append(daemon)
        return daemon

    def spawn(self, command, **options):
        """Any other process (a resolver, a mail server), ended with the workspace."""
        process = subprocess.Popen([str(word) for word in command], **options)
        self.processes.append(process)
        return process

    def close(self):
        for daemon in reversed(self.daemons):
            daemon.kill() if daemon.process and daemon.process.poll() is not None else _end(daemon)
        for process in self.processes:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(timeout=5)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        shutil.rmtree(self.path, ignore_errors=True)


def _end(daemon):
    if daemon.process is None:
        return
    daemon.process.terminate()
    try:
        daemon.process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        daemon.kill()


HUP = signal.SIGHUP
