"""The same questions to named, knotd, nsd and tandem-server, on the golden zones with NSEC and, signed here, with NSEC3
(without salt and iterations, with both, with opt-out): every owner, hashed ones too, its neighbours and names below it,
by many types, with DO. Answers are compared as sets (RCODE, AA, answer, authority); each remaining difference must be
one that is explained in explain(), or the test fails and prints it. What tandem-server answers from NSEC3 is also
validated: every answer by the rules of RFC 5155 section 8, and some hundred by unbound, which must come to the same
from named."""

import base64
import pathlib
import random
import shutil
import subprocess
import sys

import dns.dnssec
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

import peers  # noqa: E402
import serving  # noqa: E402
import tandem  # noqa: E402

TYPES = ["A", "AAAA", "NS", "SOA", "MX", "TXT", "CNAME", "DNAME", "DS", "NSEC", "DNSKEY", "SRV", "HTTPS", "TYPE65400"]
NSEC3_TYPES = [rdtype for rdtype in TYPES if rdtype != "NSEC"] + ["NSEC3", "NSEC3PARAM"]
HASHED_TYPES = ["A", "DS", "NSEC3", "NSEC3PARAM"]  # at and below owners of NSEC3
BESIDE_TYPES = ["A", "NS", "MX", "CNAME", "DS", "NSEC3"]  # in zones with NSEC3, of names that are no owners

# How dnssec-signzone is asked for NSEC3. The zones are those of tests/golden/answer.
NSEC3_SETS = {
    "nsec3": ["-3", "-", "-H", "0"],
    "nsec3-salt": ["-3", "ab01", "-H", "5"],
    "nsec3-opt-out": ["-3", "-", "-H", "0", "-A"],
}
NSEC3_ZONES = ["held.tandem.example", "other.example", "optout.example", "tandem.example"]


def sign(apex, options, directory):
    """Signs the golden zone with fresh keys; the DS of a child signed before comes along."""
    text = (serving.GOLDEN / f"{apex}.zone").read_text()
    keys = []
    for flags in (["-f", "KSK"], []):
        made = subprocess.run(["dnssec-keygen", "-q", "-a", "ECDSAP256SHA256", *flags, apex], cwd=directory, check=True,
                              capture_output=True, text=True)
        keys.append(made.stdout.strip())
        text += (directory / f"{keys[-1]}.key").read_text()
    for child in directory.glob(f"dsset-*.{apex}."):
        text += child.read_text()
    (directory / apex).write_text(text)
    subprocess.run(["dnssec-signzone", "-q", *options, "-s", "20260101000000", "-e", "20900101000000", "-o", apex,
                    "-f", f"{apex}.signed", apex, *keys], cwd=directory, check=True, capture_output=True)
    return directory / f"{apex}.signed"


class Zones:
    """A set of signed zones: files by apex, and what a test asks about them."""

    def __init__(self, files):
        self.files = files
        self.apexes = sorted((dns.name.from_text(apex) for apex in files), key=len, reverse=True)
        self.parsed = {apex: dns.zone.from_file(str(files[apex.to_text(omit_final_dot=True)]), apex, relativize=False)
                       for apex in self.apexes}

        self.nsec3 = self.parsed[self.apexes[0]].get_rdataset(self.apexes[0], "NSEC3PARAM") is not None

    def of(self, name):
        return next((apex for apex in self.apexes if name.is_subdomain(apex)), None)


@pytest.fixture(scope="module", params=["nsec", *NSEC3_SETS])
def zones(request, tmp_path_factory):
    if request.param == "nsec":
        return Zones(serving.GOLDEN_ZONES)
    directory = tmp_path_factory.mktemp(request.param)
    return Zones({apex: sign(apex, NSEC3_SETS[request.param], directory) for apex in NSEC3_ZONES})


class Peer:
    """A name server of others with the zones, on a free port of 127.0.0.1."""

    def __init__(self, name, zones, directory):
        self.name, self.port, self.process, self.files = name, tandem.free_port(), None, zones.files
        self.directory = directory / name
        self.directory.mkdir()
        for zone, file in self.files.items():
            shutil.copy(file, self.directory / zone)

    def zones(self, form):
        return "".join(form.format(zone=zone, file=self.directory / zone) for zone in self.files)

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
            return all(tandem.ask(self.port, zone, "SOA", timeout=1).answer for zone in self.files)
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


def is_hashed(node):
    return all(rdtype in (dns.rdatatype.NSEC3, dns.rdatatype.RRSIG) for rdtype in (set_.rdtype for set_ in node))


def neighbours(zone, owner):
    """The owner, names below it, one before and one behind it in canonical order, and what it is below."""
    yield owner
    for below in ("a", "a.b", "*", "zz"):
        try:
            yield dns.name.from_text(below, owner)
        except dns.name.NameTooLong:
            pass
    if owner == zone.origin:
        return
    label = owner.labels[0]
    for sibling in (label + b"0", label[:-1] or b"0"):
        if len(sibling) <= 63:
            yield dns.name.Name((sibling,) + owner.labels[1:])
    parent = owner.parent()
    while parent != zone.origin:
        yield parent
        parent = parent.parent()


def questions(zones):
    asked = {(name, rdtype) for name in (dns.name.from_text("nothere.test"), dns.name.root) for rdtype in TYPES}
    for zone in zones.parsed.values():
        nsec3 = zone.get_rdataset(zone.origin, "NSEC3PARAM") is not None
        for owner, node in zone.nodes.items():
            if is_hashed(node):
                asked.update((name, rdtype) for name in (owner, dns.name.from_text("a", owner)) for rdtype in HASHED_TYPES)
                continue
            for name in neighbours(zone, owner):
                types = TYPES if not nsec3 else NSEC3_TYPES if name == owner else BESIDE_TYPES
                asked.update((name, rdtype) for rdtype in types)
    return sorted(asked)


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
    for begin in range(0, len(todo), 400):
        with socket.create_connection((tandem.HOST, port), timeout=20) as connection:
            stream = connection.makefile("rb")
            for first in range(begin, min(begin + 400, len(todo)), 20):
                part, wires = todo[first : min(first + 20, begin + 400)], b""
                for number, (name, rdtype) in enumerate(part):
                    query = dns.message.make_query(name, rdtype, want_dnssec=True)
                    query.id, query.flags = number, 0
                    wire = query.to_wire()
                    wires += struct.pack("!H", len(wire)) + wire
                connection.sendall(wires)
                for _ in part:
                    length = struct.unpack("!H", stream.read(2))[0]
                    answer = dns.message.from_wire(stream.read(length))
                    result[part[answer.id]] = Facts(answer)
    assert len(result) == len(todo)
    return result


def chain_end(name, facts):
    """Where the CNAMEs of an answer lead to; None: in a circle."""
    targets = {owner: dns.name.from_wire(rdata, 0)[0] for owner, rdtype, _, _, rdata in facts.answer
               if rdtype == dns.rdatatype.CNAME}
    for _ in range(20):
        if name.to_text().lower() not in targets:
            return name
        name = targets[name.to_text().lower()]
    return None


def chain_leaves_zone(zones, name, facts):
    """The end of the CNAMEs in an answer belongs to another zone than the question."""
    end = chain_end(name, facts)
    return end is not None and zones.of(end) != zones.of(name)


# ---- RFC 5155 section 8: what a validator must find ----


class Hashed:
    """The NSEC3s of one zone in an answer."""

    def __init__(self, zone, facts):
        self.apex = zone.origin
        parameters = zone.get_rdataset(zone.origin, "NSEC3PARAM")[0]
        self.salt, self.iterations = parameters.salt, parameters.iterations
        self.ring = {}
        for owner, rdtype, _, _, wire in facts.authority:
            name = dns.name.from_text(owner)
            if rdtype == dns.rdatatype.NSEC3 and name.parent() == self.apex:
                rdata = dns.rdata.from_wire("IN", "NSEC3", wire, 0, len(wire))
                self.ring[name.labels[0].decode().upper()] = rdata

    def hash(self, name):
        return dns.dnssec.nsec3_hash(name, self.salt, self.iterations, "SHA1")

    def match(self, name):
        return self.ring.get(self.hash(name))

    def cover(self, name):
        hashed = self.hash(name)
        for own, rdata in self.ring.items():
            following = base64.b32hexencode(rdata.next).decode()
            inside = own < hashed < following if own < following else hashed > own or hashed < following
            if inside and hashed != own:
                return rdata
        return None

    def encloser(self, name):
        """The closest provable encloser and what covers the next closer name (section 8.3)."""
        for depth in range(1, len(name.labels) - len(self.apex.labels) + 1):
            ancestor = dns.name.Name(name.labels[depth:])
            if self.match(ancestor):
                return ancestor, self.cover(dns.name.Name(name.labels[depth - 1:]))
        return None, None


def has_type(rdata, rdtype):
    number = dns.rdatatype.from_text(rdtype) if isinstance(rdtype, str) else rdtype
    for window, bitmap in rdata.windows:
        if window == number >> 8 and (number & 255) >> 3 < len(bitmap):
            return bool(bitmap[(number & 255) >> 3] & (0x80 >> (number & 7)))
    return False


def opts_out(rdata):
    return rdata is not None and bool(rdata.flags & 1)


def prove_no_data(hashed, name, rdtype):
    match = hashed.match(name)
    if match:
        wrong = [bad for bad in (rdtype, "CNAME") if has_type(match, bad)]
        wrong += ["SOA"] if rdtype == "DS" and has_type(match, "SOA") and name != hashed.apex else []
        wrong += ["NS"] if rdtype != "DS" and has_type(match, "NS") and not has_type(match, "SOA") else []
        return f"the NSEC3 of {name} has {wrong}" if wrong else None
    encloser, cover = hashed.encloser(name)
    if not cover:
        return f"no closest encloser of {name}"
    wildcard = hashed.match(dns.name.from_text("*", encloser))
    if wildcard:
        wrong = [bad for bad in (rdtype, "CNAME") if has_type(wildcard, bad)]
        return f"the NSEC3 of *.{encloser} has {wrong}" if wrong else None
    return None if opts_out(cover) else f"no NSEC3 matches {name} or its wildcard"


def prove_name_error(hashed, name):
    encloser, cover = hashed.encloser(name)
    if not cover:
        return f"no closest encloser of {name}"
    if not hashed.cover(dns.name.from_text("*", encloser)):
        return f"no NSEC3 covers *.{encloser}"
    return None


def prove_referral(hashed, cut, facts):
    if any(rdtype == dns.rdatatype.DS and dns.name.from_text(owner) == cut for owner, rdtype, *_ in facts.authority):
        return None
    match = hashed.match(cut)
    if match:
        good = has_type(match, "NS") and not has_type(match, "SOA") and not has_type(match, "DS")
        return None if good else f"the NSEC3 of the cut {cut} has the wrong types"
    _, cover = hashed.encloser(cut)
    return None if opts_out(cover) else f"no NSEC3 denies the DS of {cut}"


def unproven_wildcard(zones, facts):
    """What an RRSIG with fewer labels than its owner owes (section 8.8)."""
    for owner, rdtype, _, _, wire in facts.answer:
        name = dns.name.from_text(owner)
        labels = wire[3] if rdtype == dns.rdatatype.RRSIG else len(name.labels)
        if labels < len(name.labels) - 1 - (name.labels[0] == b"*"):
            next_closer = dns.name.Name(name.labels[-labels - 2:])
            if not Hashed(zones.parsed[zones.of(name)], facts).cover(next_closer):
                return f"no NSEC3 covers {next_closer}"
    return None


def unproven(zones, name, rdtype, facts):
    """What a validator misses in an answer of zones with NSEC3; None: nothing."""
    end = chain_end(name, facts)
    if facts.rcode not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN) or end is None or zones.of(end) is None:
        return None  # refused, a circle, or the rest belongs to others
    wildcard = unproven_wildcard(zones, facts)
    if wildcard:
        return wildcard
    answered = {(dns.name.from_text(owner), dns.rdatatype.to_text(set_type)) for owner, set_type, *_ in facts.answer}
    if (end, rdtype) in answered or rdtype == "CNAME" and (name, rdtype) in answered:
        return None
    soas = {dns.name.from_text(owner) for owner, set_type, *_ in facts.authority if set_type == dns.rdatatype.SOA}
    cuts = {dns.name.from_text(owner) for owner, set_type, *_ in facts.authority if set_type == dns.rdatatype.NS}
    if not soas and not cuts:
        return "neither data nor a referral nor a denial"
    hashed = Hashed(zones.parsed[next(iter(soas)) if soas else zones.of(next(iter(cuts)).parent())], facts)
    if facts.rcode == dns.rcode.NXDOMAIN:
        return prove_name_error(hashed, end)
    return prove_no_data(hashed, end, rdtype) if soas else prove_referral(hashed, next(iter(cuts)), facts)


def explain_unproven(zones, name, rdtype):
    zone = zones.parsed[zones.of(name)]
    above = [dns.name.Name(name.labels[depth:]) for depth in range(len(name.labels) - len(zone.origin.labels))]
    if any(owner in zone.nodes and is_hashed(zone.nodes[owner]) for owner in above):
        return "an owner of nothing but NSEC3 is taken for a name (RFC 5155 section 7.2.8)"
    if rdtype == "NSEC3":
        return "no CNAME is followed for type NSEC3, though the bitmap says CNAME"
    if any(zone.origin.to_text() == "optout.example." and owner not in zone.nodes for owner in above):
        return "an empty non-terminal that is opted out is taken for the closest provable encloser"
    return None


def explain(peer, zones, name, rdtype, ours, theirs):
    dname = any(rdtype == dns.rdatatype.DNAME for _, rdtype, _, _, _ in ours.answer)
    if peer == "nsd" and zones.nsec3 and theirs.answer == ours.answer and theirs.authority > ours.authority and \
            (name.is_wild() or dname):
        return "one NSEC3 more than the proof needs, for a wildcard that is asked for by its own name"
    if peer == "nsd" and dname and theirs.authority < ours.authority and ours.rcode == dns.rcode.NXDOMAIN:
        return "leaves out the NSEC that covers the target of a DNAME behind the last name below it: bogus for validators"
    if theirs.answer <= ours.answer and chain_leaves_zone(zones, name, theirs):
        return "follows no chain into another zone; we do (serving.md, RFC 1034 section 4.3.2 step 3a)"
    if peer == "knotd" and rdtype == "NSEC" and ours.answer == theirs.answer and not theirs.authority:
        return "an NSEC question answered by a wildcard's own NSEC: no proof beside it; we add it as for every wildcard answer"
    if peer == "named" and rdtype == "NSEC" and theirs.aa and not ours.answer:
        return "answers for the NSEC at a zone cut; we refer, as knotd and nsd do (only DS is the parent's, RFC 4035 section 3.1.4.1)"
    if peer == "named" and theirs.rcode == dns.rcode.SERVFAIL and ours.answer == theirs.answer:
        return "SERVFAIL for a loop of CNAMEs or DNAMEs, after its records; we say NOERROR with the same records, as knotd and nsd do"
    if zones.nsec3 and unproven(zones, name, rdtype, theirs) and not unproven(zones, name, rdtype, ours):
        why = explain_unproven(zones, name, rdtype)
        return why and "its proof does not hold: " + why
    return None


@pytest.fixture(scope="module")
def ours(zones):
    """What tandem-server answers."""
    with serving.Serving(zones.files) as server:
        return ask_all(server.port, questions(zones))


@pytest.mark.parametrize("peer_name", ["named", "knotd", "nsd"])
def test_answers_are_those_of_the_peers(peer_name, zones, ours, tmp_path):
    peer = Peer(peer_name, zones, tmp_path)
    peer.start()
    try:
        theirs = ask_all(peer.port, list(ours))
    finally:
        peer.stop()
    unexplained, explained = [], {}
    for question in ours:
        if ours[question].key() == theirs[question].key():
            continue
        why = explain(peer_name, zones, *question, ours[question], theirs[question])
        if why:
            explained[why] = explained.get(why, 0) + 1
        else:
            unexplained.append(question)
    print(f"{peer_name}: {len(ours)} questions, {len(ours) - len(unexplained) - sum(explained.values())} equal")
    for why, count in explained.items():
        print(f"  {count} {why}")
    for name, rdtype in unexplained[:40]:
        print(f"  UNEXPLAINED {name} {rdtype}\n    ours {ours[name, rdtype]}\n    {peer_name} {theirs[name, rdtype]}")
    assert not unexplained, f"{len(unexplained)} differences without an explanation"


def test_nsec3_answers_are_proven(zones, ours):
    if not zones.nsec3:
        pytest.skip("the zones have NSEC")
    missing = {question: why for question, facts in ours.items() if (why := unproven(zones, *question, facts))}
    assert not missing, "\n".join(f"{name} {rdtype}: {why}" for (name, rdtype), why in list(missing.items())[:20])
    # The judge itself: without any one of its NSEC3s a proof of a denial does not hold, but where one was not needed.
    judged = refused = 0
    for (name, rdtype), facts in ours.items():
        nsec3 = [record for record in facts.authority if record[1] == dns.rdatatype.NSEC3]
        if facts.rcode == dns.rcode.NXDOMAIN and nsec3 and chain_end(name, facts):
            facts.authority = facts.authority - {nsec3[0]}
            judged, refused = judged + 1, refused + bool(unproven(zones, name, rdtype, facts))
            facts.authority = facts.authority | {nsec3[0]}
    assert judged > 200 and refused == judged


SAMPLE = 150  # questions for unbound; each takes it some milliseconds


def is_whole(zones, name, facts):
    """The answer needs no server but those of the zones: no referral, no chain that leaves them or goes in circles."""
    end = chain_end(name, facts)
    return facts.aa and end is not None and zones.of(end) is not None and \
        not any(rdtype == dns.rdatatype.NS for _, rdtype, *_ in facts.authority)


def test_unbound_comes_to_the_same_from_named(zones, ours, tmp_path, work):
    if not zones.nsec3:
        pytest.skip("the zones have NSEC")
    whole = [question for question, facts in ours.items() if is_whole(zones, question[0], facts)]
    todo = random.Random(5155).sample(whole, SAMPLE)
    anchors = [f"{apex} 3600 IN DNSKEY {key}" for apex, zone in zones.parsed.items()
               for key in zone.get_rdataset(apex, "DNSKEY") if key.flags & 1]
    named, verdicts = Peer("named", zones, tmp_path), {}
    named.start()
    try:
        with serving.Serving(zones.files) as server:
            for name, port in (("tandem", server.port), ("named", named.port)):
                unbound = peers.Unbound(work, f"unbound-{name}", anchors=anchors)
                for apex in zones.files:
                    unbound.stub(apex, [port])
                unbound.start()
                try:
                    answers = {question: unbound.resolve(*question) for question in todo}
                finally:
                    unbound.stop()
                verdicts[name] = {question: (answer.rcode(), peers.is_secure(answer)) for question, answer in
                                  answers.items()}
    finally:
        named.stop()
    differ = {question: (verdict, verdicts["named"][question]) for question, verdict in verdicts["tandem"].items()
              if verdict != verdicts["named"][question]}
    assert not differ
    assert all(rcode in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN, dns.rcode.YXDOMAIN) for rcode, _ in verdicts["tandem"].values())
    secure = sum(secure for _, secure in verdicts["tandem"].values())
    print(f"{secure} of {len(todo)} secure")
    assert secure > SAMPLE // 6  # what opt-out covers is not
