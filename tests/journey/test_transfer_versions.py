"""Several secondaries take a zone at once while its ALIAS targets move: each transfer is one version, whole, whatever is
published meanwhile and however slowly it is taken."""

import socket
import struct
import threading

import dns.message
import dns.name
import dns.rdatatype

from tandem import HOST, wait_for

ZONE, TARGETS = "example.gov", "targets.example"
HOSTS, TEXTS = 2000, 8  # 4 MB: more than the sockets of both sides hold, so a transfer that is not read stands
ALIASES = ["@", "a.sites", "*.sites", "host1000", "m", "z"]  # all over the zone's order
CHANGES = 6
HEAD = "$ORIGIN {}.\n$TTL 300\n@ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\nns A 192.0.2.53\n"
PIECE = 100_000


def write_zone(work):
    lines = [f"{owner} 60 ALIAS lb.{TARGETS}." for owner in ALIASES]
    text = " ".join(['"' + "x" * 250 + '"'] * TEXTS)
    lines += [f"host{number} TXT {text}" for number in range(HOSTS)]
    work.write("zone", HEAD.format(ZONE) + "\n".join(lines) + "\n")


def write_target(work, change):
    addresses = "".join(f"lb A 192.0.2.{change * 3 + number}\n" for number in range(1, 3))
    work.write("targets", HEAD.format(TARGETS) + addresses)


def primary_of(work):
    write_zone(work)
    write_target(work, 0)
    primary = work.primary([{"domain": ZONE, "file": "zone"}, {"domain": TARGETS, "file": "targets"}]).start()
    wait_for(lambda: primary.serial(ZONE), "served", about=primary.log)
    return primary


def publish(work, primary, change):
    """The target gets other addresses: a new version, of which every ALIAS differs."""
    before = primary.serial(ZONE)
    write_target(work, change)
    primary.control("reload")
    wait_for(lambda: primary.serial(ZONE) != before, "a new version", about=primary.log)


class Taking:
    """A transfer that is read when the test wants it: its octets come piece by piece."""

    def __init__(self, work, primary):
        self.key, self.octets = work.key, bytearray()
        self.query = dns.message.make_query(ZONE, "AXFR")
        self.query.use_tsig(self.key.dnspython())
        wire = self.query.to_wire()
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.settimeout(20)
        self.socket.connect((HOST, primary.port))
        self.socket.sendall(struct.pack("!H", len(wire)) + wire)

    def read(self, octets):
        for _ in range(octets // PIECE):
            self.octets += self.socket.recv(PIECE)

    def finish(self):
        """(serial, set of RRs): all that is left, with every signature checked."""
        soas, records, at, context = [], set(), 0, None
        while len(soas) < 2:
            while len(self.octets) < at + 2 or len(self.octets) < at + 2 + struct.unpack_from("!H", self.octets, at)[0]:
                more = self.socket.recv(1 << 20)
                assert more, "the transfer ended before its closing SOA"
                self.octets += more
            size, = struct.unpack_from("!H", self.octets, at)
            message = dns.message.from_wire(
                bytes(self.octets[at + 2 : at + 2 + size]), one_rr_per_rrset=True, xfr=True, multi=True,
                keyring={dns.name.from_text(self.key.name): self.key.dnspython()}, request_mac=self.query.mac,
                tsig_ctx=context)
            context, at = message.tsig_ctx, at + 2 + size
            assert message.had_tsig
            for rrset in message.answer:
                if rrset.rdtype == dns.rdatatype.SOA:
                    soas.append(rrset[0].serial)
                else:
                    record = (rrset.name, rrset.rdtype, rrset.ttl, rrset[0])
                    assert record not in records
                    records.add(record)
        self.socket.close()
        assert soas[0] == soas[1] and at == len(self.octets)
        return soas[0], records


def addresses(records):
    """{owner: addresses} of what ALIAS became."""
    found = {}
    for name, rdtype, _, rdata in records:
        if rdtype == dns.rdatatype.A and name.to_text() != f"ns.{ZONE}.":
            found.setdefault(name.to_text(), set()).add(rdata.address)
    return found


def test_three_slow_transfers_are_three_versions(work):
    primary = primary_of(work)
    contents, slow = {}, []
    for change in range(1, CHANGES + 1):
        if len(slow) < 3:
            slow.append((primary.serial(ZONE), Taking(work, primary)))
        serial, records = Taking(work, primary).finish()
        contents[serial] = records
        publish(work, primary, change)
        for _, taking in slow:
            taking.read(PIECE)
    assert primary.serial(ZONE) not in contents and len(contents) == CHANGES
    for began, taking in slow:
        serial, records = taking.finish()
        assert serial == began and records == contents[serial]
        assert len(records) == 2 + HOSTS + 2 * len(ALIASES)
        assert len(set(map(frozenset, addresses(records).values()))) == 1, addresses(records)
    assert len({frozenset(addresses(records)["z." + ZONE + "."]) for records in contents.values()}) == CHANGES


def test_transfers_at_full_speed_between_publishes_are_one_version_each(work):
    primary = primary_of(work)
    taken, end = [], threading.Event()

    def take():
        while not end.is_set():
            taken.append(Taking(work, primary).finish())

    threads = [threading.Thread(target=take) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for change in range(1, CHANGES + 1):
            seen = len(taken)
            publish(work, primary, change)
            wait_for(lambda: len(taken) > seen, "another transfer")
    finally:
        end.set()
        for thread in threads:
            thread.join(timeout=30)
    contents = {}
    for serial, records in taken:
        assert contents.setdefault(serial, records) == records, serial
        assert len(set(map(frozenset, addresses(records).values()))) == 1, addresses(records)
    assert len(taken) >= CHANGES
