"""Two network namespaces with a long and lossy line between them, for as long as the block lasts.

    with SlowLink(delay=0.2, loss=0.01) as link:        # seconds one way, share of the packets
        link.addresses                                  # ("10.77.0.1", "10.77.0.2"), one for each end
        link.put(daemon, 0)                             # a tandem.Daemon, before it is started, at that end
        link.inside(1, lambda: axfr(port, zone, host=link.addresses[0]))

The line is made of two TUN devices and a thread that carries packets from one to the other: late, and not all of them.
That needs no netem of the kernel, and which packets are lost comes from a seed. What it needs: root, and /dev/net/tun.
`missing()` says what lacks, or gives None."""

import ctypes
import fcntl
import heapq
import os
import pathlib
import random
import select
import struct
import subprocess
import threading
import time

CLONE_NEWNET, TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x40000000, 0x400454CA, 0x0001, 0x1000
PACKET_MAX = 65536
IN_FLIGHT_MAX = 20000  # packets; more are lost, as in a queue that is full


def missing():
    if os.geteuid() != 0:
        return "network namespaces need root"
    if not pathlib.Path("/dev/net/tun").exists():
        return "the kernel has no /dev/net/tun"
    made = subprocess.run(["ip", "netns", "add", f"tandem{os.getpid()}try"], capture_output=True, text=True)
    if made.returncode != 0:
        return f"no network namespace can be made: {made.stderr.strip()}"
    subprocess.run(["ip", "netns", "delete", f"tandem{os.getpid()}try"], check=True)
    return None


class SlowLink:
    def __init__(self, delay, loss, seed=1):
        self.delay, self.loss, self.chance = delay, loss, random.Random(seed)
        self.names = [f"tandem{os.getpid()}{end}" for end in "ab"]
        self.addresses = ("10.77.0.1", "10.77.0.2")
        self.carried, self.lost, self.devices, self.made = 0, 0, [], []
        self.stopping, self.thread = threading.Event(), threading.Thread(target=self._carry, daemon=True)

    def __enter__(self):
        try:
            for end in (0, 1):
                subprocess.run(["ip", "netns", "add", self.names[end]], check=True)
                self.made.append(self.names[end])
                self.devices.append(self.inside(end, lambda: self._device(self.addresses[end])))
        except BaseException:
            self.__exit__()
            raise
        self.thread.start()
        return self

    def __exit__(self, *what):
        self.stopping.set()
        if self.thread.is_alive():
            self.thread.join()
        for device in self.devices:
            os.close(device)
        for name in self.made:
            subprocess.run(["ip", "netns", "delete", name], check=True)

    def command(self, end, words):
        return ["ip", "netns", "exec", self.names[end], *words]

    def put(self, daemon, end):
        plain = daemon.command
        daemon.command = lambda *arguments: self.command(end, plain(*arguments))

    def inside(self, end, work):
        """What work() gives in a thread at that end."""
        result = []

        def run():
            with open(f"/run/netns/{self.names[end]}") as namespace:
                if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), CLONE_NEWNET) != 0:
                    result.append((None, OSError(ctypes.get_errno(), "setns")))
                    return
            try:
                result.append((work(), None))
            except BaseException as error:
                result.append((None, error))

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        value, error = result[0]
        if error:
            raise error
        return value

    def _device(self, address):
        device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", b"line", IFF_TUN | IFF_NO_PI))
        for words in (f"addr add {address}/30 dev line", "link set line up", "link set lo up"):
            subprocess.run(["ip", *words.split()], check=True)
        return device

    def _take(self, device, flight):
        """All that waits at one end goes on its way."""
        while True:
            try:
                packet = os.read(device, PACKET_MAX)
            except BlockingIOError:
                return
            if self.chance.random() < self.loss or len(flight) >= IN_FLIGHT_MAX:
                self.lost += 1
                continue
            self.carried += 1
            other = self.devices[1] if device == self.devices[0] else self.devices[0]
            heapq.heappush(flight, (time.monotonic() + self.delay, self.carried, other, packet))

    def _carry(self):
        flight = []
        while not self.stopping.is_set():
            wait = max(0, min(0.1, flight[0][0] - time.monotonic())) if flight else 0.1
            for device in select.select(self.devices, [], [], wait)[0]:
                self._take(device, flight)
            while flight and flight[0][0] <= time.monotonic():
                _, _, device, packet = heapq.heappop(flight)
                try:
                    os.write(device, packet)
                except OSError:
                    self.lost += 1
