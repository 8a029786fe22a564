"""The same questions to named, knotd, nsd and tandem-server, on the three golden zones: every owner, its neighbours and
names below it, by many types, with DO. Answers are compared as sets (RCODE, AA, answer, authority); each remaining
difference must be one that is explained in DIFFERENCES, or the test fails and prints it."""

import pathlib
import shutil
import subprocess
import sys

import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.zone
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import serving  # noqa: E402
import tandem  # noqa: E402

TYPES = ["A", "AAAA", "NS", "SOA", "MX", "TXT", "CNAME", "DNAME", "DS", "NSEC", "DNSKEY", "SRV", "HTTPS", "TYPE65400"]


class Peer:
    """A name server of others with the golden zones, on a free port of 127.0.0.1."""

    def __init__(self, name, directory):
        self.name, self.port, self.process = name, tandem.free_port(), None
        self.directory = directory / name
        self.directory.mkdir()
        for zone, file in serving.GOLDEN_ZONES.items():
            shutil.copy(file, self.directory / zone)

    def zones(self, form):
        return "".join(form.format(zone=zone, file=self.directory / zone) for zone in serving.GOLDEN_ZONES)

    def start(self):
        config = self.directory / "config"
        config.write_text(getattr(self, "config_" + self.name)())
        with open(self.directory / "log", "w") as log:
            self.process = subprocess.Popen(
                getattr(self, "command_" + self.name)(str(config)), stdout=log, stderr=log, cwd=self.directory
            )
        tandem.wait_for(self.answers, f"{self.name} answers", about=(self.directory / "log").read_text)

    def answers(self):
        assert self.process.poll() is None, (self.directory / "log").read_text()
        try:
            return all(tandem.ask(self.port, zone, "SOA", timeout=1).answer for zone in serving.GOLDEN_ZONES)
        except (OSError, dns.exception.Timeout):
            return False

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(timeout=20)

    def config_named(self):
        return f"""options {{ directory "{self.directory}"; listen-on port {self.port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
            recursion no; minimal-responses yes; zero-no-soa-ttl no; dnssec-validation no; pid-file none; session-keyfile none;
            notify no; allow-transfer {{ none; }}; }};
            controls {{ }};
            """ + self.zones('zone "{zone}" {{ type primary; file "{file}"; check-names ignore; }};\n')

    def command_named(self, config):
        return ["named", "-g", "-c", config, "-p", str(self.port), "-n", "1"]

    def config_knotd(self):
        return f"""server:
    listen: 127.0.0.1@{self.port}
    rundir: {self.directory}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
database:
    storage: {self.directory}/db
template:
  - id: default
    storage: {self.directory}
    zonefile-load: whole
    journal-content: none
    semantic-checks: soft
zone:
""" + self.zones("  - domain: {zone}\n    file: {file}\n")

    def command_knotd(self, config):
        return ["knotd", "-c", config]

    def config_nsd(self):
        return f"""server:
    ip-address: 127.0.0.1@{self.port}
    server-count: 1
    username: ""
    chroot: ""
    zonesdir: "{self.directory}"
    pidfile: "{self.directory}/pid"
    xfrdfile: "{self.directory}/xfrd"
    xfrdir: "{self.directory}"
    zonelistfile: "{self.directory}/zonelist"
    database: ""
    logfile: ""
    minimal-responses: yes
    refuse-any: no
remote-control:
    control-enable: no
""" + self.zones('zone:\n    name: "{zone}"\n    zonefile: "{file}"\n')

    def command_nsd(self, config):
        return ["nsd", "-d", "-c", config]


def questions():
    """Every owner of the zones, a name before and behind each in canonical order, and one and two labels below it."""
    names = {dns.name.from_text("nothere.test"), dns.name.root}
    for name, file in serving.GOLDEN_ZONES.items():
        zone = dns.zone.from_file(str(file), name, relativize=False)
        for owner in zone.nodes:
            names.add(owner)
            for below in ("a", "a.b", "*", "zz"):
                try:
                    names.add(dns.name.from_text(below, owner))
                except dns.name.NameTooLong:
                    pass
            if owner != zone.origin:
                label = owner.labels[0]
                for sibling in (label + b"0", label[:-1] or b"0"):
                    names.add(dns.name.Name((sibling,) + owner.labels[1:]))
                parent = owner.parent()
                while parent != zone.origin:
                    names.add(parent)
                    parent = parent.parent()
    return [(name, rdtype) for name in sorted(names) for rdtype in TYPES]


def records(section):
    return frozenset(
        (rrset.name.to_text().lower(), rdata.rdtype, rdata.covers(), rrset.ttl, rdata.to_digestable())
        for rrset in section
        for rdata in rrset
    )


class Facts:
    def __init__(self, message):
        self.rcode = message.rcode()
        self.aa = bool(message.flags & dns.flags.AA)
        self.tc = bool(message.flags & dns.flags.TC)
        self.answer, self.authority = records(message.answer), records(message.authority)
        self.additional = records(message.additional)

    def key(self):
        return self.rcode, self.aa, self.tc, self.answer, self.authority

    def __str__(self):
        def show(section):
            return sorted(
                f"{name} {dns.rdatatype.to_text(rdtype)}" + (f"({dns.rdatatype.to_text(covers)})" if covers else "")
                + f" {ttl}" for name, rdtype, covers, ttl, _ in section
            )

        return (f"{dns.rcode.to_text(self.rcode)}{' aa' if self.aa else ''}{' tc' if self.tc else ''}\n"
                f"      answer {show(self.answer)}\n      authority {show(self.authority)}")


def ask_all(port, todo):
    """The questions over TCP connections in pipelines: no truncation, no loss."""
    import socket
    import struct

    result = {}
    for begin in range(0, len(todo), 200):
        part = todo[begin : begin + 200]
        with socket.create_connection((tandem.HOST, port), timeout=20) as connection:
            stream = connection.makefile("rb")
            for number, (name, rdtype) in enumerate(part):
                query = dns.message.make_query(name, rdtype, want_dnssec=True)
                query.id = number
                query.flags = 0
                wire = query.to_wire()
                connection.sendall(struct.pack("!H", len(wire)) + wire)
                length = struct.unpack("!H", stream.read(2))[0]
                answer = dns.message.from_wire(stream.read(length))
                assert answer.id == number
                result[name, rdtype] = Facts(answer)
    return result


APEXES = sorted((dns.name.from_text(zone) for zone in serving.GOLDEN_ZONES), key=len, reverse=True)


def zone_of(name):
    return next((apex for apex in APEXES if name.is_subdomain(apex)), None)


def chain_leaves_zone(name, facts):
    """The end of the CNAMEs in an answer belongs to another zone than the question."""
    targets = {owner: dns.name.from_wire(rdata, 0)[0] for owner, rdtype, _, _, rdata in facts.answer
               if rdtype == dns.rdatatype.CNAME}
    at = name
    for _ in range(20):
        if at.to_text().lower() not in targets:
            break
        at = targets[at.to_text().lower()]
    return zone_of(at) != zone_of(name)


def explain(peer, name, rdtype, ours, theirs):
    dname = any(rdtype == dns.rdatatype.DNAME for _, rdtype, _, _, _ in ours.answer)
    if peer == "nsd" and dname and theirs.authority < ours.authority and ours.rcode == dns.rcode.NXDOMAIN:
        return "leaves out the NSEC that covers the target of a DNAME behind the last name below it: bogus for validators"
    if theirs.answer <= ours.answer and chain_leaves_zone(name, theirs):
        return "follows no chain into another zone; we do (serving.md, RFC 1034 section 4.3.2 step 3a)"
    if peer == "knotd" and rdtype == "NSEC" and ours.answer == theirs.answer and not theirs.authority:
        return "an NSEC question answered by a wildcard's own NSEC: no proof beside it; we add it as for every wildcard answer"
    if peer == "named" and rdtype == "NSEC" and theirs.aa and not ours.answer:
        return "answers for the NSEC at a zone cut; we refer, as knotd and nsd do (only DS is the parent's, RFC 4035 section 3.1.4.1)"
    if peer == "named" and theirs.rcode == dns.rcode.SERVFAIL and ours.answer == theirs.answer:
        return "SERVFAIL for a loop of CNAMEs or DNAMEs, after its records; we say NOERROR with the same records, as knotd and nsd do"
    return None


@pytest.mark.parametrize("peer_name", ["named", "knotd", "nsd"])
def test_answers_are_those_of_the_peers(peer_name, tmp_path):
    todo = questions()
    peer = Peer(peer_name, tmp_path)
    peer.start()
    try:
        with serving.Serving() as server:
            ours = ask_all(server.port, todo)
            theirs = ask_all(peer.port, todo)
    finally:
        peer.stop()
    unexplained, explained = [], {}
    for question in todo:
        if ours[question].key() == theirs[question].key():
            continue
        why = explain(peer_name, *question, ours[question], theirs[question])
        if why:
            explained[why] = explained.get(why, 0) + 1
        else:
            unexplained.append(question)
    print(f"{peer_name}: {len(todo)} questions, {len(todo) - len(unexplained) - sum(explained.values())} equal")
    for why, count in explained.items():
        print(f"  {count} {why}")
    for name, rdtype in unexplained[:40]:
        print(f"  UNEXPLAINED {name} {rdtype}\n    ours {ours[name, rdtype]}\n    {peer_name} {theirs[name, rdtype]}")
    assert not unexplained, f"{len(unexplained)} differences without an explanation"
