"""The system calls of a server, from outside: so many packets cost so many batches and nothing else. Allocations and clock
readings are counted inside, in tests/unit/server/test_udp_worker.c."""

import collections
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import time

import dns.flags
import dns.message
import pytest

import serving
import tandem

SO_RCVBUFFORCE = 33
BATCH = 64  # UDP_BATCH_PACKETS
BURST = 3 * BATCH  # fits the receive buffer of a server without privileges, too
BURSTS = 50
# Once for each batch, and the look for more behind a full one; a stop or a timer wakes epoll once more.
BATCH_CALLS = {"recvmmsg", "sendmmsg", "epoll_wait", "epoll_pwait"}

NAMES = ["www", "nothere", "x.wild", "alias2", "www.child", "www.dname", "x.y.z", "WwW"]


def queries():
    """Every kind of answer, with and without DO; ids are counted up by the sender."""
    wires = []
    for name in NAMES:
        for rdtype in ("A", "TXT", "MX"):
            for dnssec in (False, True):
                wires.append(dns.message.make_query(f"{name}.tandem.example", rdtype, want_dnssec=dnssec).to_wire())
    return wires


def stopped(pid):
    """Whether the process has taken its SIGSTOP: a traced one stands still at each system call, too."""
    status = open(f"/proc/{pid}/status").read()
    pending = [int(mask, 16) for mask in re.findall(r"(?:SigPnd|ShdPnd):\t(\w+)", status)]
    taken = not any(mask & 1 << signal.SIGSTOP - 1 for mask in pending)
    return taken and re.search(r"State:\t[tT]", status) is not None


class Traced:
    """strace on a process that runs; its calls, counted, when it is let go."""

    def __init__(self, pid, file):
        self.file = file
        self.process = subprocess.Popen(["strace", "-qq", "-f", "-p", str(pid), "-o", str(file)])
        tandem.wait_for(lambda: self.tracer(pid) == self.process.pid, "strace has the server")

    @staticmethod
    def tracer(pid):
        return int(re.search(r"TracerPid:\t(\d+)", open(f"/proc/{pid}/status").read())[1])

    def calls(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=tandem.WAIT_SECONDS)
        names = re.findall(r"^\d+ +(\w+)\(", self.file.read_text(), re.MULTILINE)
        return collections.Counter(names)


def receive(client, count):
    answers = 0
    while answers < count and select.select([client], [], [], tandem.WAIT_SECONDS)[0]:
        answers += bool(client.recv(4096))
    return answers


@pytest.mark.skipif(shutil.which("strace") is None or os.geteuid() != 0, reason="needs strace and its rights")
def test_packets_cost_batches_and_no_other_system_call(tmp_path):
    wires = queries()
    with serving.Serving(server={"rate-limit": {"per-second": 0}}) as server:
        pid = server.server_pid()
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        client.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 4 << 20)  # all answers of a burst
        client.connect((tandem.HOST, server.port))
        for wire in wires:  # warm
            client.send(wire)
            assert receive(client, 1) == 1
        traced = Traced(pid, tmp_path / "trace")
        began = time.monotonic()
        for _ in range(BURSTS):
            # The packets wait for a server that stands still, so that its batches are full.
            os.kill(pid, signal.SIGSTOP)
            tandem.wait_for(lambda: stopped(pid), "the server stands still")
            for i in range(BURST):
                client.send(wires[i % len(wires)])
            os.kill(pid, signal.SIGCONT)
            assert receive(client, BURST) == BURST
        seconds = time.monotonic() - began
        calls = traced.calls()
        server.stop()
        log = server.log()
    batches = BURSTS * BURST // BATCH
    assert calls["sendmmsg"] == batches, calls
    assert batches <= calls["recvmmsg"] <= batches + 2 * BURSTS, calls
    assert calls["epoll_wait"] + calls["epoll_pwait"] <= 4 * BURSTS + 10 * seconds + 20, calls
    # The heartbeat: one message a second to the parent, whatever the load.
    others = {name: count for name, count in calls.items() if name not in BATCH_CALLS}
    assert sum(others.values()) <= 10 * seconds + 20, calls
    assert sum(others.values()) < BURSTS * BURST // 50
    assert log == "", "a line for a packet"
