"""alias.md's matrix, every cell a test: 8 owner kinds x 24 target kinds x 8 times = 1,536 cells (the paper names 8 x 22 x 5;
a DNAME of the same zone, a target that never had an address, the first sight of it all, and the two other rules of
after-hold are ours). tests/support/alias_matrix.py has the table, what each cell must show, and the one run in which all of
them are seen; here each cell is judged. What needs simulated time (hold of a day, daily reminders, settle to the second) is
in tests/unit/alias (test_book, its neighbours and test_save).

Each cell is judged by: the served set and its TTL, the serial (greater if and only if the zone's content changed), IXFR
(its delta is the difference), the state shown, what the resolver was asked, the mails; for a sample of zones also by what
tandem-secondary gives out behind it: every signature validates, and the bitmaps have the types that are there."""

import fcntl
import json
import socket
import struct

import alias_matrix as matrix
import dns.message
import dns.name
import dns.rdatatype
import pytest
from alias_matrix import CELLS, OWNERS, SAMPLE, SAMPLE_TIMES, TARGETS, TIMES, UNLIVED
from fake_resolver import FakeResolver

from tandem import Workspace, axfr, wait_for

BEFORE = {"start": "first", "change": "start", "dead_at_start": "change", "held_too_long": "dead_at_start",
          "dropped": "held_too_long", "recovered": "dropped"}  # the look before, where zones were given out


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """What was seen; one run for all processes that judge."""
    base = tmp_path_factory.getbasetemp()
    folder = base.parent if base.name.startswith("popen-") else base
    with open(folder / "alias-matrix.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        file = folder / "alias-matrix.json"
        if not file.exists():
            with Workspace() as work:
                file.write_text(json.dumps(matrix.run(work)))
        return json.loads(file.read_text())


def served(content, cell, kind):
    return set(content.get(f"{cell.relative} {kind}", [0, []])[1]) - {"192.0.2.1"}


def judge_set(cell, time, content):
    least, most = cell.served(time)
    for kind in ("A", "AAAA"):
        found = served(content, cell, kind)
        assert least[kind] <= found <= most[kind], (kind, sorted(found))
        if found:
            assert content[f"{cell.relative} {kind}"][0] == cell.ttl


def judge_serial(zone, before):
    if not before or before["refused"]:
        return
    if zone["content"] == before["content"]:
        assert zone["serial"] == before["serial"]
    else:
        assert 0 < (zone["serial"] - before["serial"]) % 2**32 < 2**31


def judge_delta(zone):
    if not zone["before"] or zone["delta"] is None:  # an AXFR is an answer, too
        return
    old, new = (matrix.records_of(content) for content in (zone["before"][1], zone["content"]))
    removed, added = ({tuple(record) for record in records} for records in zone["delta"])
    assert (removed, added) == (old - new, new - old)


def judge_state(cell, time, aliases):
    alias = aliases[cell.owner][cell.target]
    assert alias["state"] == cell.state(time), alias
    if alias["state"] == "fresh":
        assert alias["reason"] is None
        return
    assert alias["reason"]
    if cell.kind in matrix.FAULTS and time in ("start", "change"):
        assert matrix.FAULTS[cell.kind][1] in alias["reason"]
    if alias["state"] == "held":
        assert alias["until"]


def judge_questions(cell, time, seen):
    """Asked where it must be, once for each type and wave (and over TCP, and with CNAMEs never again); else never."""
    counts = [seen[time]["questions"].get(f"{cell.target} {kind}", 0) for kind in ("A", "AAAA")]
    if not cell.asks:
        assert counts == [0, 0]
    elif time == "change":
        waves = 1 + (matrix.WAVES if cell.kind == "rotating" else 0)
        for kind, count in zip(("A", "AAAA"), counts):
            more = count - seen["start"]["questions"].get(f"{cell.target} {kind}", 0)
            assert waves <= more <= 2 * waves
    else:
        assert min(counts) > 0


def judge_mails(cell, time, mails):
    words = {word for owner, target, word in mails if (owner, target) == (cell.owner, cell.target)}
    if cell.mailed(time):
        assert cell.mailed(time) in words
    elif cell.kind in matrix.LOCAL or not cell.lives:
        assert not words


def judge_signed(cell, time, seen):
    content, signed = seen[time]["zones"][cell.zone]["content"], seen[time]["signed"][cell.owner]
    assert signed["faults"] == []
    for kind in ("A", "AAAA"):
        assert set(signed[kind]) == served(content, cell, kind)
    types = {key.split()[1] for key in content if key.split()[0] == cell.relative}
    if "bitmap" in signed:
        if cell.relative == "@":
            types |= {"SOA", "DNSKEY"}
        assert set(signed["bitmap"]) - {"CDS", "CDNSKEY"} == types | {"RRSIG", "NSEC"}
    else:
        assert not types and signed["rcode"] == "NXDOMAIN"


@pytest.mark.parametrize("time", TIMES)
@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: f"{cell.owner_kind}-{cell.kind}")
def test_cell(seen, cell, time):
    if cell.owner_kind in ("static_a", "cname"):
        judge_refused_zone(cell, time, seen)
        return
    if time == "transfer":
        versions = seen["transfer"]["versions"][cell.zone]
        assert len({serial for serial, _ in versions}) == len(versions)  # a serial is one content
        for _, content in versions:
            judge_set(cell, time, content)
        return
    zone = seen[time]["zones"][cell.zone]
    if time == "refused":
        troubled = any(other.lives and other.state(time) != "fresh" for other in matrix.zone_cells(cell.zone))
        assert zone["refused"] == troubled
    else:
        assert not zone["refused"]
        judge_set(cell, time, zone["content"])
        judge_serial(zone, seen[BEFORE[time]]["zones"][cell.zone])
        judge_delta(zone)
    if cell.lives:
        judge_state(cell, time, seen[time]["aliases"])
    else:
        assert cell.owner not in seen[time]["aliases"]
        assert any(cell.owner in line for line in seen["log"])
    judge_questions(cell, time, seen)
    judge_mails(cell, time, seen[time]["mails"])
    if cell.kind in SAMPLE and time in SAMPLE_TIMES and cell.lives:
        judge_signed(cell, time, seen)


def judge_refused_zone(cell, time, seen):
    """An address or a CNAME beside the ALIAS: refused with both lines, never given out, its target never asked for."""
    file = seen["files"][cell.zone]
    found = [error for error in file["errors"] if f"{cell.owner}." in error]
    assert found and any("ALIAS" in error for error in found), file["errors"]
    lines = matrix.zone_text(cell.zone, 2).splitlines()
    places = [str(i) for i, line in enumerate(lines, 1) if line.startswith(cell.relative + " ")]
    assert len(places) == 2 and any(":" + ",".join(places) in error for error in found), (places, found)
    if time == "transfer":
        return
    assert seen[time]["zones"][cell.zone]["refused"]
    assert cell.owner not in seen[time]["aliases"]
    assert not any(key.startswith(cell.target + " ") for key in seen[time]["questions"])


def test_no_cell_is_missing():
    assert len(OWNERS) == matrix.PAPER_OWNERS
    assert len(TARGETS) == matrix.PAPER_TARGETS + 2 and len(set(TARGETS)) == len(TARGETS)
    assert len(TIMES) == matrix.PAPER_TIMES + 3
    assert {(cell.owner_kind, cell.kind) for cell in CELLS} == {(o, t) for o in OWNERS for t in TARGETS}
    assert len(CELLS) * len(TIMES) == 1536
    assert len({cell.owner for cell in CELLS if cell.owner_kind not in UNLIVED}) == 5 * len(TARGETS)


def test_a_transfer_asks_the_resolver_nothing(seen):
    assert seen["start"]["asked_by_transfers"] == 0


@pytest.mark.parametrize("time", ["change", "dropped", "recovered"])
def test_zones_that_changed_were_given_as_differences(seen, time):
    """What judge_delta looks at is there. A zone of which more than half has changed may come whole: that is shorter."""
    now, before = seen[time]["zones"], seen[BEFORE[time]]["zones"]
    changed = [zone for zone in matrix.ZONES if now[zone]["serial"] != before[zone]["serial"]]
    assert len(changed) >= len(matrix.PLAIN)
    whole = {zone for zone in changed if now[zone]["delta"] is None}
    assert whole <= {"two-hundred.gov", "rotating.gov"}
    assert all(any(now[zone]["delta"]) for zone in changed if zone not in whole)


def test_a_zone_goes_out_with_the_serial_of_its_file(seen):
    for zone in matrix.ZONES:
        assert seen["first"]["zones"][zone]["serial"] == matrix.FIRST_SERIAL


def test_a_target_that_moves_in_the_middle_of_a_transfer_changes_the_next_one():
    """A zone too large for the sockets' buffers, read up to its beginning; then the targets move and a new version is
    given out; then the rest is read: it is the old version, whole."""
    pads = 60000
    with Workspace() as work, FakeResolver() as resolver:
        owners = ["@", "leaf", "*.w", "a.b.ent"]
        for i, _ in enumerate(owners):
            resolver.set(f"t{i}.test", A=[f"192.0.2.{i + 1}"])
        text = ["$ORIGIN big.gov.\n$TTL 300\n@ SOA ns h 1 3600 600 86400 60\n@ NS ns\nns A 192.0.2.53"]
        text += [f"{owner} 60 ALIAS t{i}.test." for i, owner in enumerate(owners)]
        text += [f'pad{i} TXT "{"x" * 200}"' for i in range(pads)]
        work.write("big.gov", "\n".join(text) + "\n")
        anybody = [{"id": "peers", "address": ["127.0.0.0/8"], "action": ["transfer", "query"]}]  # no TSIG to read by hand
        primary = work.primary([{"domain": "big.gov", "file": "big.gov"}], resolver=resolver.port, acl=anybody).start()
        wait_for(lambda: primary.serial("big.gov"), "served", about=primary.log, seconds=60)
        serial = primary.serial("big.gov")
        with slow_axfr(primary.port, "big.gov") as transfer:
            transfer.begin()
            for i, _ in enumerate(owners):
                resolver.set(f"t{i}.test", A=[f"198.51.100.{i + 1}"])
            for i, owner in enumerate(owners):
                primary.control("alias", "refresh", "big.gov" if owner == "@" else f"{owner}.big.gov", wait=True)
            wait_for(lambda: primary.serial("big.gov") > serial, "a new version", about=primary.log)
            old = transfer.rest()
        assert transfer.later_octets > send_buffer_max()  # so the end cannot have been sent before
        assert old[0] == serial and old[1] == {(owner, f"192.0.2.{i + 1}") for i, owner in enumerate(owners)}
        assert old[2] == pads

        def moved():
            got, content = matrix.content_of(axfr(primary.port, "big.gov"))
            addresses = {(key.split()[0], text) for key, (_, texts) in content.items() for text in texts
                         if key.endswith(" A") and not key.startswith("ns ")}
            return got > serial and addresses == {(owner, f"198.51.100.{i + 1}") for i, owner in enumerate(owners)}

        wait_for(moved, "the new addresses in a transfer", about=primary.log)


def send_buffer_max():
    with open("/proc/sys/net/ipv4/tcp_wmem") as file:
        return int(file.read().split()[2]) + 65536


class slow_axfr:
    """A transfer over a socket with small buffers, read when we want."""

    def __init__(self, port, zone):
        self.zone, self.octets, self.later_octets = zone, b"", 0
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.settimeout(60)
        self.socket.connect((matrix.HOST, port))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def begin(self):
        wire = dns.message.make_query(self.zone, "AXFR").to_wire()
        self.socket.sendall(struct.pack("!H", len(wire)) + wire)
        self.octets = self.socket.recv(2048)

    def _message(self):
        while len(self.octets) < 2 or len(self.octets) < 2 + int.from_bytes(self.octets[:2], "big"):
            more = self.socket.recv(65536)
            assert more, "the transfer ended early"
            self.octets += more
            self.later_octets += len(more)
        length = int.from_bytes(self.octets[:2], "big")
        message, self.octets = self.octets[2 : 2 + length], self.octets[2 + length :]
        return message

    def rest(self):
        """(serial, {(owner, A)} of the ALIAS owners, how many TXT)."""
        origin, serials, addresses, pads = dns.name.from_text(self.zone), [], set(), 0
        while len(serials) < 2:
            message = dns.message.from_wire(self._message())
            for rrset in message.answer:
                owner = rrset.name.relativize(origin).to_text()
                if rrset.rdtype == dns.rdatatype.SOA:
                    serials += [rdata.serial for rdata in rrset]
                elif rrset.rdtype == dns.rdatatype.A and owner != "ns":
                    addresses |= {(owner, rdata.to_text()) for rdata in rrset}
                elif rrset.rdtype == dns.rdatatype.TXT:
                    pads += len(rrset)
        assert len(set(serials)) == 1
        return serials[0], addresses, pads
