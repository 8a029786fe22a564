"""A TCP client that acknowledges nothing by itself, to see what a server sends without waiting for an acknowledgement.
The kernel's own clients acknowledge when they like. It speaks IPv4 on a TUN device in a network namespace that lasts as
long as the thread that runs inside it:

    run_in_network(function, ...)      # function(network, ...) in a thread with a namespace of its own; skips without rights
    network.here                       # the address of this side's kernel: a server that function starts listens there
    connection = network.connect(port)
    connection.send(octets)            # one segment
    connection.receive(length)         # octets in order; nothing is acknowledged
    connection.acknowledge()           # all that was received
"""

import ctypes
import fcntl
import os
import select
import socket
import struct
import threading
import time

import pytest

CLONE_NEWNET = 0x40000000
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000
SIOCSIFFLAGS, SIOCSIFADDR, SIOCSIFNETMASK, IFF_UP = 0x8914, 0x8916, 0x891C, 1
DEVICE = b"tandem0"
HERE, THERE = "10.83.0.1", "10.83.0.2"
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
WAIT_SECONDS = 60


def checksum(octets):
    octets += b"\0" * (len(octets) % 2)
    total = sum(struct.unpack(f"!{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Segment:
    """Of a packet from the device: .source_port, .sequence, .acknowledges, .flags, .octets; None where it is no TCP."""

    def __init__(self, packet):
        head, total = (packet[0] & 15) * 4, struct.unpack("!H", packet[2:4])[0]
        tcp = packet[head:total]
        self.source_port, self.port, self.sequence, self.acknowledges = struct.unpack("!HHII", tcp[:12])
        self.flags, self.octets = tcp[13], tcp[(tcp[12] >> 4) * 4:]

    @staticmethod
    def of(packet):
        is_tcp = len(packet) >= 40 and packet[0] >> 4 == 4 and packet[9] == socket.IPPROTO_TCP
        return Segment(packet) if is_tcp else None


class Connection:
    def __init__(self, network, port):
        self.network, self.port, self.own_port = network, port, 40000
        # No SACK is offered, so the server's kernel has no tail loss probe, which would send what Nagle's algorithm holds back.
        self.sequence, self.acknowledged, self.retransmitted = 1000, 0, 0
        self.put(SYN, options=struct.pack("!BBH", 2, 4, 1400))
        answer = self.get()
        assert answer.flags & (SYN | ACK) == SYN | ACK, answer.flags
        self.sequence += 1
        self.first = self.acknowledged = self.next = answer.sequence + 1
        self.octets = b""
        self.put(ACK)

    def put(self, flags, octets=b"", options=b""):
        head = struct.pack("!HHIIBBHHH", self.own_port, self.port, self.sequence & 0xFFFFFFFF,
                           self.acknowledged & 0xFFFFFFFF, (5 + len(options) // 4) << 4, flags, 65535, 0, 0) + options
        addresses = socket.inet_aton(THERE) + socket.inet_aton(HERE)
        summed = checksum(addresses + struct.pack("!HH", socket.IPPROTO_TCP, len(head) + len(octets)) + head + octets)
        tcp = head[:16] + struct.pack("!H", summed) + head[18:] + octets
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0x4000, 64, socket.IPPROTO_TCP, 0) + addresses
        os.write(self.network.device, ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:] + tcp)

    def get(self, patience=WAIT_SECONDS):
        """The next segment of this connection; None when none comes."""
        end = time.monotonic() + patience
        while (left := end - time.monotonic()) > 0 and select.select([self.network.device], [], [], left)[0]:
            segment = Segment.of(os.read(self.network.device, 65536))
            if segment and segment.port == self.own_port:
                return segment
        return None

    def send(self, octets):
        self.put(PSH | ACK, octets)
        self.sequence += len(octets)

    def take(self, segment):
        """What is new in the segment; what came before counts in .retransmitted."""
        assert not segment.flags & RST, "the server reset the connection"
        if segment.octets and segment.sequence == self.next & 0xFFFFFFFF:
            self.octets += segment.octets
            self.next += len(segment.octets)
        elif segment.octets:
            self.retransmitted += 1

    def receive(self, length):
        """So many octets; fewer when no more come."""
        while len(self.octets) < length and (segment := self.get()):
            self.take(segment)
        octets, self.octets = self.octets[:length], self.octets[length:]
        return octets

    def until_retransmitted(self):
        """Waits until the server repeats what is not acknowledged."""
        before = self.retransmitted
        while self.retransmitted == before and (segment := self.get()):
            self.take(segment)
        return self.retransmitted > before

    def acknowledge(self):
        self.acknowledged = self.next
        self.put(ACK)


class Network:
    here = HERE

    def __init__(self):
        self.device = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(self.device, TUNSETIFF, struct.pack("16sH22x", DEVICE, IFF_TUN | IFF_NO_PI))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            for request, address in ((SIOCSIFADDR, HERE), (SIOCSIFNETMASK, "255.255.255.0")):
                fcntl.ioctl(control, request,
                            struct.pack("16sHH4s16x", DEVICE, socket.AF_INET, 0, socket.inet_aton(address)))
            for name in (DEVICE, b"lo"):
                fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH22x", name, IFF_UP))

    def connect(self, port):
        return Connection(self, port)

    def close(self):
        os.close(self.device)


def run_in_network(function, *values):
    outcome = {}

    def run():
        if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
            outcome["skip"] = f"no network namespace: {os.strerror(ctypes.get_errno())}"
            return
        try:
            network = Network()
        except OSError as error:
            outcome["skip"] = f"no TUN device: {error}"
            return
        try:
            function(network, *values)
        except BaseException as error:
            outcome["error"] = error
        finally:
            network.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if "skip" in outcome:
        pytest.skip(outcome["skip"])
    if "error" in outcome:
        raise outcome["error"]
