"""What the benchmarks measure with: figures of processes from /proc, a question that is asked until its answer is the
wanted one, a zone transfer that is only counted, a relay for NOTIFY, the state of files, medians.

Nothing here judges a figure. Times are seconds of time.monotonic() unless the name says otherwise."""

import os
import pathlib
import socket
import statistics
import struct
import subprocess
import sys
import threading
import time

import dns.flags
import dns.message
import dns.rdatatype

HOST = "127.0.0.1"
RRSIG = struct.pack(">H", dns.rdatatype.RRSIG)


# --- Processes


def cpu_seconds(pid):
    """User and system time of the process so far, its ended threads included, by its CPU clock: in nanoseconds.
    ProcessLookupError when there is none."""
    try:
        return time.clock_gettime(~pid << 3 | 2)  # what clock_getcpuclockid(3) gives on Linux
    except OSError as error:
        raise ProcessLookupError(f"no process {pid}") from error


def memory_mib(pid, field):
    """VmRSS or VmHWM (its peak) of /proc/PID/status."""
    with open(f"/proc/{pid}/status") as status:
        for line in status:
            if line.startswith(field + ":"):
                return int(line.split()[1]) / 1024
    return 0.0


def pss_mib(pid):
    """The proportional set size: pages that several processes map are counted once in a sum over them."""
    with open(f"/proc/{pid}/smaps_rollup") as rollup:
        for line in rollup:
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    return 0.0


class Cpu:
    """CPU that processes use from now on: Cpu({"signer": pid}).used() -> {"signer": seconds}."""

    def __init__(self, pids):
        self.pids = dict(pids)
        self.began = {name: cpu_seconds(pid) for name, pid in self.pids.items()}

    def used(self):
        return {name: cpu_seconds(pid) - self.began[name] for name, pid in self.pids.items()}


def settle(pids, seconds=300):
    """Until the processes use next to no CPU for half a second: what follows a signing is over. False when they do
    not come to rest in so many seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        cpu = Cpu(pids)
        time.sleep(0.5)
        if sum(cpu.used().values()) <= 0.02:
            return True
    return False


def written_octets(pid):
    """What the process has sent to the disk so far, as the kernel counts it."""
    with open(f"/proc/{pid}/io") as counts:
        for line in counts:
            if line.startswith("write_bytes:"):
                return int(line.split()[1])
    return 0


# A process that starts the measured one as its only child: what the kernel then says of a child's peak memory does not
# begin with that of a benchmark in Python (its pages count for the child until exec).
LAUNCHER = """import os, sys, time
report = int(sys.argv[1]); os.set_inheritable(report, False); began = time.monotonic()
pid = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ); _, status, usage = os.wait4(pid, 0)
os.write(report, f"{time.monotonic() - began} {usage.ru_utime + usage.ru_stime} {usage.ru_maxrss}".encode())
sys.exit(os.waitstatus_to_exitcode(status) and 1)"""


class Run:
    """A command run to its end: .wall and .cpu seconds (its threads and children included), .peak_mib, .output.
    AssertionError with its words when it fails."""

    def __init__(self, command, cwd=None):
        words = [str(word) for word in command]
        ours, theirs = os.pipe()
        done = subprocess.run([sys.executable, "-I", "-S", "-c", LAUNCHER, str(theirs), *words], cwd=cwd, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, pass_fds=[theirs])
        os.close(theirs)
        with os.fdopen(ours) as report:
            said = report.read().split()
        assert done.returncode == 0 and len(said) == 3, f"{' '.join(words)}\n{done.stdout[-2000:]}{done.stderr[-4000:]}"
        self.wall, self.cpu, self.peak_mib = float(said[0]), float(said[1]), int(said[2]) / 1024
        self.output = done.stdout


def file_states(directory):
    """{path: (modified, size)} of all files below."""
    found = {}
    for path in pathlib.Path(directory).rglob("*"):
        if path.is_file():
            state = path.stat()
            found[str(path)] = (state.st_mtime_ns, state.st_size)
    return found


# --- Questions


class Question:
    """One question over UDP, with DO or without EDNS; its octets are made once, so asking costs this program next to nothing."""

    def __init__(self, port, name, rdtype="A", key=None, dnssec=True):
        query = dns.message.make_query(name, rdtype, use_edns=0 if dnssec else False, want_dnssec=dnssec,
                                       payload=1232 if dnssec else None)
        query.flags = 0
        if key:
            query.use_tsig(key.dnspython())
        self.wire = query.to_wire()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(0.25)
        self.socket.connect((HOST, port))

    def close(self):
        self.socket.close()

    def ask(self):
        """The answer's octets, None when there is none."""
        try:
            self.socket.send(self.wire)
            answer = self.socket.recv(4096)
        except OSError:
            return None
        return answer if answer[:2] == self.wire[:2] else None

    def until(self, wanted, seconds, pause=0.001, alive=lambda: True):
        """Asks until wanted(answer); gives the moment. AssertionError after so many seconds."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            answer = self.ask()
            if answer is not None and wanted(answer):
                return time.monotonic()
            assert alive(), "the server ended"
            time.sleep(pause)
        raise AssertionError(f"not the wanted answer within {seconds:g} s")


def is_signed(answer):
    """True when the answer section has an RRSIG and the RCODE is NOERROR."""
    if answer[3] & 15 or not struct.unpack(">H", answer[6:8])[0]:
        return False
    message = dns.message.from_wire(answer)
    return any(rrset.rdtype == dns.rdatatype.RRSIG for rrset in message.answer)


def has_address(address):
    """A test for answers: signed, and with this IPv4 address."""
    octets = socket.inet_aton(address)
    return lambda answer: octets in answer and RRSIG in answer and is_signed(answer)


def is_denied(answer):
    """True when the authority section proves by a signed NSEC or NSEC3 that there is no such type."""
    message = dns.message.from_wire(answer)
    types = {(rrset.rdtype, rrset.covers) for rrset in message.authority}
    return any((chain, 0) in types and (dns.rdatatype.RRSIG, chain) in types
               for chain in (dns.rdatatype.NSEC, dns.rdatatype.NSEC3))


def wait_all_signed(port, names, seconds, alive):
    """The moment at which all the names have signed SOA or A RRsets and signed denials of a type that they do not have:
    some sign little by little, and chain afterwards. The first name is the apex."""
    for name in names:
        for rdtype, wanted in (("SOA" if name == names[0] else "A", is_signed), ("HINFO", is_denied)):
            question = Question(port, name, rdtype)
            moment = question.until(wanted, seconds, 0.01, alive)
            question.close()
    return moment


def unchanged_polls(secondary, zone, pids, count, patience):
    """(seconds of each poll, {process: CPU of all}, paths that were written) of so many polls that find nothing new."""
    before, serial = file_states(secondary.directory / "state"), secondary.zone(zone)["serial"]
    times, cpu = [], Cpu(pids)
    for _ in range(count):
        began = time.monotonic()
        result = secondary.control("zone", "refresh", zone, wait=True, timeout=patience)
        times.append(time.monotonic() - began)
        assert result["changed"] is False, result
    time.sleep(0.1)
    used, after = cpu.used(), file_states(secondary.directory / "state")
    assert secondary.zone(zone)["serial"] == serial
    written = sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
    return times, used, written


def count_axfr(port, zone):
    """(seconds, messages, octets) of a transfer; its messages are not read but for the first one's RCODE."""
    wire = dns.message.make_query(zone, "AXFR").to_wire()
    began = time.monotonic()
    with socket.create_connection((HOST, port), timeout=30) as connection:
        connection.sendall(struct.pack(">H", len(wire)) + wire)
        messages = octets = 0
        last = began
        stream = connection.makefile("rb", 1 << 20)
        first = stream.read(2 + 12)
        assert first[5] & 15 == 0, f"AXFR was refused: RCODE {first[5] & 15}"
        stream.read(struct.unpack(">H", first[:2])[0] - 12)
        octets, messages = struct.unpack(">H", first[:2])[0], 1
        connection.settimeout(1)  # nothing for a second: that was all
        while True:
            try:
                head = stream.read(2)
                if len(head) < 2:
                    break
                length = struct.unpack(">H", head)[0]
                stream.read(length)
            except TimeoutError:
                break
            octets, messages, last = octets + length, messages + 1, time.monotonic()
    return last - began, messages, octets


# --- NOTIFY


class NotifyRelay:
    """Stands between a primary and one secondary: takes each NOTIFY, and passes it on when it is told to.

    So the moment at which a NOTIFY arrives is known, and several secondaries behind one primary can be measured one
    after the other. Messages are passed on unchanged (TSIG covers no address), and so are the answers."""

    def __init__(self, target_port):
        self.target = (HOST, target_port)
        self.near = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.near.bind((HOST, 0))
        self.port = self.near.getsockname()[1]
        self.far = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.far.settimeout(0.5)
        self.open, self.waiting, self.arrived = True, None, None
        self.lock = threading.Condition()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while True:
            message, source = self.near.recvfrom(4096)
            if not message:
                return
            with self.lock:
                if self.waiting is None:
                    self.arrived = time.monotonic()
                self.waiting = (message, source)
                self.lock.notify()
                if not self.open:
                    continue
            self._pass_on()

    def _pass_on(self):
        with self.lock:
            waiting, self.waiting = self.waiting, None
        if waiting is None:
            return
        self.far.sendto(waiting[0], self.target)
        try:
            self.near.sendto(self.far.recv(4096), waiting[1])
        except OSError:
            pass  # no answer: the primary will say it again

    def hold(self):
        """Keep what comes from now on."""
        with self.lock:
            self.open, self.waiting, self.arrived = False, None, None

    def wait(self, seconds):
        """The moment at which the first NOTIFY since hold() came."""
        with self.lock:
            assert self.lock.wait_for(lambda: self.arrived is not None, seconds), "no NOTIFY came"
            return self.arrived

    def release(self):
        """Passes on what waits, and all that comes later. Gives the moment."""
        with self.lock:
            self.open = True
        moment = time.monotonic()
        threading.Thread(target=self._pass_on, daemon=True).start()
        return moment

    def close(self):
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"", (HOST, self.port))
        self.thread.join(timeout=5)
        self.near.close()
        self.far.close()


class Follower:
    """A signer behind the primary: where it answers, who it is, and its relay for NOTIFY; times (ms) and CPU of each
    change that was watched."""

    def __init__(self, label, port, pids, relay):
        self.label, self.port, self.pids, self.relay = label, port, pids, relay
        self.times, self.cpu = [], []

    def watch_change(self, name, address, further_pids, patience, rest):
        """Passes the NOTIFY on and asks until the answer is signed and has the address. CPU until all is at rest; False
        when that takes longer than rest seconds."""
        question = Question(self.port, name)
        # Somebody asks for the old one just before: nobody is measured on a cold cache of the question.
        assert question.ask() is not None
        cpu = Cpu({**self.pids, **further_pids})
        released = self.relay.release()
        self.times.append((question.until(has_address(address), patience) - released) * 1000)
        rested = settle(self.pids, rest)
        self.cpu.append(cpu.used())
        question.close()
        return rested

    def mean_cpu(self, names):
        """Milliseconds of these processes for one change."""
        return 1000 * sum(used[name] for used in self.cpu for name in names) / len(self.cpu)


# --- The table


def median(values):
    return statistics.median(values)


class Table:
    """Rows of name, median, unit, and what was seen (least and most, of how many)."""

    def __init__(self):
        self.rows = []

    def title(self, text):
        print(f"\n{text}", flush=True)

    def row(self, name, values, unit, note=""):
        values = values if isinstance(values, list) else [values]
        middle = median(values)
        digits = 0 if abs(middle) >= 100 else 1 if abs(middle) >= 10 else 2
        seen = f"{min(values):.{digits}f} .. {max(values):.{digits}f} of {len(values)}" if len(values) > 1 else ""
        print(f"  {name:<58} {middle:>11,.{digits}f} {unit:<6} {seen:<26} {note}".rstrip(), flush=True)
        self.rows.append((name, middle, unit))
        return middle

    def text(self, name, text):
        print(f"  {name:<58} {text}", flush=True)
