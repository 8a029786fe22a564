"""The zones that answers are judged on, signed in several ways, and the questions that they give rise to: every owner and
empty non-terminal by every type that is anywhere in them, and by a few types the neighbours in canonical order, what
wildcards, cuts and DNAMEs cover, and random names. Without TANDEM_LONG=1 a sample of them, the same each time."""

import hashlib
import os
import pathlib
import random
import re
import subprocess

import dns.name
import dns.rdatatype
import dns.zone

from answers import A, ANY, CNAME, DS, MX, NS, NSEC, NSEC3, NSEC3PARAM, RRSIG, SOA, TXT, wire_size

GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "golden/answer"
ABSENT = 65399
LONG = os.environ.get("TANDEM_LONG") == "1"

# Children before parents, whose DS sets then come along.
TRICKY = ["inside.cuts.example", "open.cuts.example", "grand.away.cuts.example", "cuts.example", "wild.example", "chain.example",
          "dname.example", "hidden.example", "ent.example", "escape.example", "types.example", "toplevel"]
GOLDEN_ZONES = ["held.tandem.example", "other.example", "optout.example", "tandem.example"]
SETS = {"zones": TRICKY + GOLDEN_ZONES, "root": ["toplevel", "."], "tricky": TRICKY, "cuts": ["cuts.example"]}
WITHOUT_DS = {"open.cuts.example"}


def not_taken(peer, nsec3):
    """Zones that a peer does not take: nsd (4.6) loads none with names below a DNAME, and ends where an NSEC3 zone has a name
    whose wildcard would be too long."""
    return {"hidden.example", *(["ent.example"] if nsec3 else [])} if peer == "nsd" else set()


# How dnssec-signzone is asked.
SIGNINGS = {
    "nsec": [],
    "nsec3": ["-3", "-", "-H", "0"],
    "nsec3-salt": ["-3", "ab01", "-H", "5"],
    "nsec3-opt-out": ["-3", "-", "-H", "0", "-A"],
}
LDNS = {("-3", "-", "-H", "0"): ["-n", "-t", "0"], ("-3", "ab01", "-H", "5"): ["-n", "-s", "ab01", "-t", "5"],
        ("-3", "-", "-H", "0", "-A"): ["-n", "-t", "0", "-p"]}
LDNS = {options: [*made, "-i", "20260101000000", "-e", "20900101000000"] for options, made in LDNS.items()}
SIGNED = ["-P", "-q", "-s", "20260101000000", "-e", "20900101000000"]


def source(apex):
    name = "root" if apex == "." else apex
    tricky = GOLDEN / f"tricky/{name}.zone"
    return tricky if tricky.exists() else GOLDEN / f"{name}.zone"


def keys_made(apex, directory):
    for flags in (["-f", "KSK"], []):
        done = subprocess.run(["dnssec-keygen", "-q", "-a", "ECDSAP256SHA256", *flags, apex], cwd=directory, check=True,
                              capture_output=True, text=True)
        yield done.stdout.strip()


def sign(apex, options, directory):
    """Signs the zone with fresh keys; the DS sets of children signed before come along."""
    stem = "root" if apex == "." else apex
    keys = list(keys_made(apex, directory))
    text = source(apex).read_text() + "".join((directory / f"{key}.key").read_text() for key in keys)
    tail = "" if apex == "." else apex + "."
    for child in directory.glob(f"dsset-*{tail}"):
        name = child.name[len("dsset-"):-1]
        if name != apex and name not in WITHOUT_DS and name.endswith("." + apex if tail else ""):
            text += child.read_text()
    (directory / stem).write_text(text)
    # dnssec-signzone makes no NSEC3s for names whose wildcard would be too long.
    program = ["ldns-signzone", *LDNS[tuple(options)]] if options and apex == "ent.example" else ["dnssec-signzone", *SIGNED, *options]
    signed = directory / f"{stem}.signed"
    subprocess.run([*program, "-o", apex, "-f", signed.name, stem, *keys], cwd=directory, check=True, capture_output=True)
    # knotd reads these octets of a name as \\DDD only.
    signed.write_text(re.sub(r"\\?([\[`])", lambda found: f"\\{ord(found[1]):03}", signed.read_text()))
    return signed


def labels(name):
    return name.labels[:-1]


def lower(name):
    return tuple(label.lower() for label in name)


class Zones:
    """Signed zones: their files by apex, what is in them, what to ask them."""

    def __init__(self, set_name, signing, directory):
        self.name = f"{set_name}-{signing}"
        self.nsec3 = signing != "nsec"
        self.files = {apex: sign(apex, SIGNINGS[signing], directory) for apex in SETS[set_name]}
        self.parsed = {apex: dns.zone.from_file(str(file), dns.name.from_text(apex), relativize=False)
                       for apex, file in self.files.items()}
        self.apexes = {lower(labels(zone.origin)): zone for zone in self.parsed.values()}
        self.content = {}  # labels -> {type: RRset}, of each zone
        for apex, zone in self.apexes.items():
            self.content[apex] = {lower(labels(owner)): {int(set_.rdtype): set_ for set_ in node}
                                  for owner, node in zone.nodes.items()}

    def zone_of(self, name):
        """The deepest apex at or above the name; None."""
        return next((name[depth:] for depth in range(len(name) + 1) if name[depth:] in self.apexes), None)

    def names(self, apex):
        """Every owner but those of NSEC3s, and every empty non-terminal, as the zone writes them."""
        found = {}
        for owner, node in self.apexes[apex].nodes.items():
            if {int(set_.rdtype) for set_ in node} <= {NSEC3, RRSIG}:
                continue
            name = labels(owner)
            while len(name) >= len(apex):
                found.setdefault(lower(name), name)
                name = name[1:] if len(name) > len(apex) else ()
                if not name:
                    break
        return sorted(found.values())  # dnssec-signzone writes in an order of the moment

    def hashed_owners(self, apex):
        return [labels(owner) for owner, node in self.apexes[apex].nodes.items()
                if {int(set_.rdtype) for set_ in node} <= {NSEC3, RRSIG}]

    def types(self):
        """Every type that is anywhere, one that is nowhere, and the two that are several."""
        return sorted({rdtype for content in self.content.values() for sets in content.values() for rdtype in sets}
                      | {ABSENT, ANY, RRSIG})


FEW = [A, NS, CNAME, DS, TXT, MX]


def beside(name, apex):
    """Names around one of the zone's: below it, before and behind it in canonical order, with a star for its label."""
    for below in ((b"a",), (b"*",), (b"zz",), (b"a", b"b"), (b"\0",), (b"\xff",)):
        yield below + name
    if len(name) == len(apex):
        return
    label, rest = name[0], name[1:]
    before = label[:-1] + bytes([label[-1] - 1]) + b"\xff" if label[-1] else label[:-1]
    for sibling in (label + b"\0", label + b"0", before[:63], b"*", b"a" + label):
        if sibling:
            yield (sibling,) + rest


def random_names(zones, apex, names, chance):
    """Labels of the zone's names in new orders, and labels of any octets."""
    pool = [label for name in names for label in name[:len(name) - len(apex)]] or [b"x"]
    for _ in range(2 * len(names)):
        made = [chance.choice(pool) if chance.random() < 0.8 else chance.randbytes(chance.choice([1, 2, 8, 63]))
                for _ in range(chance.choice([1, 1, 2, 3, 5]))]
        yield tuple(made) + apex


def fits(name):
    return wire_size(name) <= 255 and all(len(label) <= 63 for label in name)


def zone_questions(zones, apex, types, chance):
    names = zones.names(apex)
    asked = {(name, rdtype) for name in names for rdtype in types}
    around = {made for name in names for made in beside(name, apex)} | set(random_names(zones, apex, names, chance))
    asked |= {(name, rdtype) for name in around if fits(name) for rdtype in FEW + [NSEC3 if zones.nsec3 else NSEC, ANY]}
    for name in zones.hashed_owners(apex):
        asked |= {(made, rdtype) for made in (name, (b"a",) + name) for rdtype in (A, DS, NSEC3, NSEC3PARAM, ANY)}
    return asked


def questions(zones, sample):
    """(labels, type, DO), sorted and, but for long runs, a sample; every other name in mixed letter case."""
    chance = random.Random(1034)
    types = zones.types()
    asked = {(name, rdtype) for name in ((), (b"nowhere", b"invalid"), (b"example",), (b"b", b"ent", b"example", b"x"))
             for rdtype in FEW + [SOA]}
    for apex in zones.apexes:
        asked |= zone_questions(zones, apex, types, chance)
    whole = sorted((name, rdtype, dnssec) for name, rdtype in asked for dnssec in (False, True))
    picked = whole if LONG else chance.sample(whole, min(sample, len(whole)))
    return [(mixed(name), rdtype, dnssec) for name, rdtype, dnssec in picked], len(whole)


def mixed(name):
    """The name in a letter case of its own (the same each time)."""
    chance = random.Random(hashlib.sha1(b".".join(name)).digest())
    return tuple(bytes(octet ^ 0x20 if chr(octet).isalpha() and octet < 128 and chance.random() < 0.3 else octet
                       for octet in label) for label in name)
