"""Versions swap under the feet of clients: questions come all the time while the zone changes again and again, each is answered, and
no answer mixes two versions. TANDEM_LONG: a thousand publishes; and half an hour of everything at once, after which nothing has
grown."""

import os
import pathlib
import random
import select
import signal
import socket
import struct
import threading
import time

import dns.message
import dns.opcode
import dns.query
import dns.rdatatype
import dns.rrset
import pytest

import tandem
from evil_primary import EvilPrimary
from tandem import HOST, wait_for

LONG = bool(os.environ.get("TANDEM_LONG"))
PUBLISHES = 1000 if LONG else 100
IN_FLIGHT = 32  # fewer than a socket's buffer holds: what is lost then was not lost by the network
NAMES = 60
MAPPED_MAX = 2 * 16 * 1024 + 8 * 1024  # KiB: two files of the pool (ZONE_POOL_SEGMENT_OCTETS), programs and libraries
MOVING = 10  # of them; the difference between two versions is less than the zone


def version_text(number):
    """Every record of a version tells its number: the target of `v` is a name that this version alone has."""
    head = f"$ORIGIN example.gov.\n@ 60 SOA ns h {number} 7200 900 1209600 60\n@ 60 NS ns\nns 60 A 192.0.2.53\n"
    told = f"v 60 CNAME t{number}\nt{number} 60 A 10.{number >> 16}.{number >> 8 & 255}.{number & 255}\n"
    return head + told + "".join(f'h{i} 60 TXT "{number if i < MOVING else "stays"}"\n' for i in range(NAMES))


class Load:
    """Questions over UDP, IN_FLIGHT at a time, each waited for; what came back is judged at once."""

    QUESTIONS = [("v", "A"), ("v", "AAAA"), ("h1", "TXT"), ("h7", "TXT"), ("none", "A"), ("", "SOA")]

    def __init__(self, port):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect((HOST, port))
        self.wires = [
            dns.message.make_query(f"{name}.example.gov" if name else "example.gov", rdtype, want_dnssec=True, payload=1232).to_wire()[2:]
            for name, rdtype in self.QUESTIONS]
        self.asked = self.answered = 0
        self.versions, self.faults, self.waiting = set(), [], {}
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *what):
        self.ending.set()
        self.thread.join(timeout=60)
        self.socket.close()

    def run(self):
        try:
            while not self.ending.is_set() or self.waiting:
                while len(self.waiting) < IN_FLIGHT and not self.ending.is_set():
                    self.send()
                if not select.select([self.socket], [], [], 10)[0]:
                    self.faults.append(f"{len(self.waiting)} questions without an answer for 10 s")
                    return
                self.take(self.socket.recv(4096))
        except Exception as error:  # the test's own thread has to hear of it
            self.faults.append(repr(error))

    def send(self):
        number = self.asked & 0xFFFF
        if number not in self.waiting:
            question = random.randrange(len(self.wires))
            self.waiting[number] = question
            self.socket.send(struct.pack(">H", number) + self.wires[question])
        self.asked += 1

    def take(self, wire):
        question = self.waiting.pop(struct.unpack(">H", wire[:2])[0])
        self.answered += 1
        told = self.judge(dns.message.from_wire(wire), self.QUESTIONS[question])
        if told:
            self.faults.append(told)

    def judge(self, answer, question):
        """What is wrong with it, or None."""
        data = [rrset for rrset in answer.answer if rrset.rdtype != dns.rdatatype.RRSIG]
        sets = {(str(rrset.name).split(".")[0], dns.rdatatype.to_text(rrset.rdtype)): rrset for rrset in data}
        if question == ("v", "A"):
            target = str(sets[("v", "CNAME")][0].target).split(".")[0]
            if (target, "A") not in sets:
                return f"v leads to {target}, which is not there"
            octets = [int(part) for part in sets[(target, "A")][0].address.split(".")]
            number = octets[1] << 16 | octets[2] << 8 | octets[3]
            self.versions.add(number)
            return None if target == f"t{number}" else f"{target} has the address of version {number}"
        if question == ("v", "AAAA") and not any(rrset.rdtype == dns.rdatatype.SOA for rrset in answer.authority):
            return f"NODATA of the target without its SOA: {answer}"
        if question[1] == "TXT" and len(sets) != 1:
            return f"not one TXT: {answer}"
        if question[0] == "none" and answer.rcode() != dns.rcode.NXDOMAIN:
            return f"no NXDOMAIN: {answer}"
        return None if answer.answer or answer.authority else f"nothing in it: {answer}"


def test_a_load_across_publishes_loses_no_answer_and_sees_no_mixture_of_versions(work):
    with EvilPrimary("example.gov", version_text(1), key=work.key, records_per_message=100) as primary:
        secondary = work.secondary([{"domain": "example.gov", "refresh": "1h"}], primary.port, log={"level": "warning"}).start()
        wait_for(lambda: secondary.ask("example.gov", "SOA").rcode() == 0, "served", about=secondary.log)
        with Load(secondary.port) as load:
            for number in range(2, PUBLISHES + 2):
                primary.set_zone(version_text(number))
                secondary.control("zone", "refresh", "example.gov", wait=True)
                assert not load.faults, load.faults[:3]
        assert not load.faults, load.faults[:3]
        assert load.answered > 10 * PUBLISHES and not load.waiting
        assert len(load.versions) > PUBLISHES / 2, "the load saw the versions as they came"
        assert secondary.metric("tandem_role_restarts_total", role="server 0") == 0
        wait_for(lambda: secondary.zone("example.gov")["serial"]["unsigned"] == PUBLISHES + 1, "the status says so", about=secondary.log)
        assert secondary.control("zone", "verify", "example.gov")["verified"]


# --- Half an hour of everything

# A sanitizer keeps what was freed for a while, 256 MiB of it: that would look like growth.
FREED_IS_FREE = {"ASAN_OPTIONS": ":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), "quarantine_size_mb=1", "thread_local_quarantine_size_kb=64"]))}


class Figures:
    """What a role holds: KiB of its own (heap, stacks), KiB of files that are mapped, descriptors."""

    def __init__(self, pid):
        rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
        pss = {line.split(":")[0]: int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss")}
        self.own, self.mapped = pss["Pss_Anon"], pss["Pss_File"] + pss["Pss_Shmem"]
        self.descriptors = len(os.listdir(f"/proc/{pid}/fd"))

    def __repr__(self):
        return f"{self.own} KiB of its own, {self.mapped} KiB mapped, {self.descriptors} descriptors"


def figures(secondary):
    return {role["role"]: Figures(role["pid"]) for role in secondary.control("status")["roles"]}


@pytest.mark.skipif(not LONG, reason="tests/run --long; TANDEM_LONG_SECONDS changes its half hour")
def test_half_an_hour_of_everything_leaves_nothing_behind(work):
    seconds = float(os.environ.get("TANDEM_LONG_SECONDS", "1800"))
    with EvilPrimary("example.gov", version_text(1), key=work.key, records_per_message=100) as primary:
        secondary = work.secondary(
            [{"domain": "example.gov", "refresh": "1h", "acl": ["out"], "journal-max-size": "64KiB"}], primary.port, log={"level": "warning"},
            acl=[{"id": "out", "address": [HOST], "action": ["transfer", "notify"]}]).start(environment=FREED_IS_FREE)
        wait_for(lambda: secondary.ask("example.gov", "SOA").rcode() == 0, "served", about=secondary.log)
        number, before, end = 1, None, time.monotonic() + seconds
        steady = time.monotonic() + min(120, seconds / 4)  # until caches, journal and overlays have their size
        counts = dict.fromkeys(["publishes", "transfers", "deltas", "notifies", "reloads", "tcp"], 0)
        with Load(secondary.port) as load:
            while time.monotonic() < end:
                number += 1
                primary.set_zone(version_text(number))
                secondary.control("zone", "refresh", "example.gov", wait=True)
                counts["publishes"] += 1
                if number % 10 == 0:
                    tandem.axfr(secondary.port, "example.gov")
                    counts["transfers"] += 1
                if number % 7 == 0:
                    counts["deltas"] += ixfr_is_answered(secondary)
                if number % 5 == 0:
                    notify = dns.message.make_query("example.gov", "SOA")
                    notify.set_opcode(dns.opcode.NOTIFY)
                    assert dns.query.udp(notify, HOST, port=secondary.port, timeout=10).rcode() == 0
                    counts["notifies"] += 1
                if number % 50 == 0:
                    secondary.signal(signal.SIGHUP)
                    counts["reloads"] += 1
                if number % 3 == 0:
                    assert secondary.ask("h1.example.gov", "TXT", tcp=True, dnssec=True).answer
                    counts["tcp"] += 1
                assert not load.faults, load.faults[:3]
                if before is None and time.monotonic() > steady:
                    before = figures(secondary)
        after = wait_for(lambda: figures(secondary), "figures")
        counts["answers"] = load.answered
        print(counts, "before", before, "after", after, sep="\n")
        assert not load.faults and not load.waiting
        assert counts["deltas"] > 0, counts
        assert all(role["restarts"] == 0 for role in secondary.control("status")["roles"])
        for role, now in after.items():
            then, about = before[role], f"{role}: {before[role]} -> {now}"
            assert now.descriptors <= then.descriptors + 2, about
            assert now.own <= then.own * 1.1 + 512, about
            # Versions of a small zone fill files of the pool one after the other: what is mapped of them rises and falls.
            assert now.mapped <= MAPPED_MAX, about
        assert " error " not in secondary.log(), secondary.log()[-3000:]


def ixfr_is_answered(secondary):
    """1 where a client one version behind gets a difference, 0 where it gets the zone."""
    serial = secondary.zone("example.gov")["serial"]["signed"]
    query = dns.message.make_query("example.gov", "IXFR")
    soa = dns.rrset.from_text("example.gov.", 0, "IN", "SOA", f". . {serial - 1} 0 0 0 0")
    query.authority.append(soa)
    with socket.create_connection((HOST, secondary.port), timeout=10) as connection:
        dns.query.send_tcp(connection, query)
        answer, _ = dns.query.receive_tcp(connection, expiration=time.time() + 10, one_rr_per_rrset=True)
    types = [rrset.rdtype for rrset in answer.answer[:2]]
    assert types and types[0] == dns.rdatatype.SOA, answer
    return int(types == [dns.rdatatype.SOA, dns.rdatatype.SOA])
