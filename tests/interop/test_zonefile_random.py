"""Random records of the usual types, each in a random of the spellings that master files allow: our RDATA is that of
dnspython, made from the values and not from the text, octet by octet; and ldns reads the same from the same file, where
it is without what ldns refuses (the class before the TTL, parentheses around
anything, CR, times of several units, CAA values that are long or not quoted) or does
not print so that it can be read again (a quote in a name)."""

import ipaddress
import os
import random
import subprocess

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.CAA
import dns.rdtypes.ANY.MX
import dns.rdtypes.ANY.SOA
import dns.rdtypes.ANY.TXT
import dns.rdtypes.IN.SRV
import pytest

from tandem import BIN

IN = dns.rdataclass.IN
APEX = dns.name.from_text("example.gov.")
ORIGINS = ["example.gov.", "sub.example.gov.", "a.b.c.example.gov."]
RECORDS = 4000 if os.environ.get("TANDEM_LONG") else 500
HOST = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_*/"
UNITS = (("w", 604800), ("d", 86400), ("h", 3600), ("m", 60), ("s", 1))


class Writer:
    """Values, and ways to write them."""

    def __init__(self, seed, for_ldns):
        self.for_ldns = for_ldns
        self.random = random.Random(seed)
        self.origin = APEX

    def chance(self, part):
        return self.random.random() < part

    def blanks(self):
        return self.random.choice([" ", "\t", "  ", " \t "]) if self.chance(0.4) else " "

    def words(self, words):
        """Words with blanks between them; some in parentheses over lines with comments."""
        if self.for_ldns or not self.chance(0.15):
            return self.blanks().join(words)
        opened = self.random.randrange(len(words) + 1)
        text = []
        for at, word in enumerate(words):
            text += ["("] if at == opened else []
            text.append(word)
            if at >= opened and self.chance(0.5):
                text.append(self.random.choice(["\n", "; a ( comment \" of )\n", "\r\n", "\n\n   ; \\\n"]))
        return " ".join(text + (["(", ")"] if opened == len(words) else [")"]))

    # Names

    def label(self):
        kind = self.random.random()
        if kind < 0.85:
            return bytes(self.random.choice(HOST) for _ in range(self.random.randint(1, 12)))
        if kind < 0.9:
            return bytes(self.random.choice(HOST) for _ in range(63))
        octets = bytes(self.random.randrange(256) for _ in range(self.random.randint(1, 9)))
        return octets.replace(b'"', b"'") if self.for_ldns else octets

    def name(self, below=None):
        base = below or self.random.choice([self.origin, APEX, dns.name.from_text("example.net."), dns.name.root])
        labels = [self.label() for _ in range(self.random.randint(1, 3))]
        return dns.name.Name([*labels, *base.labels])

    def label_text(self, label):
        text = ""
        for octet in label:
            if octet in HOST and not self.chance(0.01):
                text += chr(octet)
            elif 33 <= octet < 127 and not chr(octet).isdigit() and self.chance(0.5):
                text += "\\" + chr(octet)
            else:
                text += f"\\{octet:03d}"
        return text

    def name_text(self, name):
        relative = name.is_subdomain(self.origin) and self.chance(0.7)
        if name == self.origin and self.chance(0.7):
            return "@"
        if relative and name != self.origin:
            return ".".join(map(self.label_text, name.relativize(self.origin).labels))
        if name == dns.name.root:
            return "."
        return ".".join(map(self.label_text, name.labels[:-1])) + "."

    # Numbers and strings

    def period_text(self, seconds):
        if self.for_ldns or self.chance(0.6):
            return str(seconds)
        text = ""
        for unit, size in UNITS:
            count, seconds = divmod(seconds, size)
            if count:
                text += f"{count}{unit.upper() if self.chance(0.3) else unit}"
        return text or "0"

    def string(self, longest=255):
        kind = self.random.random()
        if kind < 0.6:
            return bytes(self.random.choice(b"abc xyz;()=:,.-_'~") for _ in range(self.random.randint(0, 40)))
        if kind < 0.7:
            return bytes(self.random.choice(HOST) for _ in range(longest))
        return bytes(self.random.randrange(256) for _ in range(self.random.randint(0, 30)))

    def string_text(self, octets, quoted=False):
        bare = not quoted and octets and all(octet in HOST for octet in octets) and self.chance(0.5)
        text = ""
        for octet in octets:
            if (32 <= octet < 127 and octet not in b'"\\') and not self.chance(0.01):
                text += chr(octet)
            elif octet in b'"\\' and self.chance(0.5):
                text += "\\" + chr(octet)
            else:
                text += f"\\{octet:03d}"
        return text if bare else f'"{text}"'

    # Records: (type, rdata of dnspython, words)

    def a(self):
        address = ipaddress.IPv4Address(self.random.getrandbits(32))
        return "A", dns.rdata.from_text(IN, "A", str(address)), [str(address)]

    def aaaa(self):
        bits = self.random.getrandbits(128)
        if self.chance(0.6):  # zeros, for ::
            bits &= ~(((1 << 16 * self.random.randint(2, 6)) - 1) << 16 * self.random.randint(0, 5))
        address = ipaddress.IPv6Address(bits)
        texts = [address.compressed, address.exploded, address.compressed.upper()]
        if bits >> 32 == 0xFFFF:
            texts.append(f"::ffff:{ipaddress.IPv4Address(bits & 0xFFFFFFFF)}")
        return "AAAA", dns.rdata.from_text(IN, "AAAA", address.exploded), [self.random.choice(texts)]

    def one_name(self, rdtype):
        name = self.name()
        rdata = dns.rdata.from_wire(IN, dns.rdatatype.from_text(rdtype), name.to_wire(), 0, len(name.to_wire()))
        return rdtype, rdata, [self.name_text(name)]

    def mx(self):
        preference, name = self.random.randrange(65536), self.name()
        return "MX", dns.rdtypes.ANY.MX.MX(IN, dns.rdatatype.MX, preference, name), [str(preference), self.name_text(name)]

    def srv(self):
        numbers = [self.random.randrange(65536) for _ in range(3)]
        name = self.name()
        return ("SRV", dns.rdtypes.IN.SRV.SRV(IN, dns.rdatatype.SRV, *numbers, name),
                [*map(str, numbers), self.name_text(name)])

    def txt(self):
        strings = [self.string() for _ in range(self.random.randint(1, 4))]
        return "TXT", dns.rdtypes.ANY.TXT.TXT(IN, dns.rdatatype.TXT, strings), [self.string_text(s) for s in strings]

    def caa(self):
        flags, tag = self.random.choice([0, 128, 7]), self.random.choice([b"issue", b"issuewild", b"iodef", b"x9"])
        value = self.string(200 if self.for_ldns else 300)
        if self.for_ldns:  # dnspython reads \DDD above 127 in the text of a CAA as two octets
            value = bytes(octet & 127 for octet in value)
        return ("CAA", dns.rdtypes.ANY.CAA.CAA(IN, dns.rdatatype.CAA, flags, tag, value),
                [str(flags), tag.decode(), self.string_text(value, self.for_ldns)])

    def soa(self):
        names = [self.name(), self.name()]
        serial, *times = [self.random.randrange(1 << 32)] + [self.random.randrange(1 << 31) for _ in range(4)]
        return ("SOA", dns.rdtypes.ANY.SOA.SOA(IN, dns.rdatatype.SOA, *names, serial, *times),
                [*map(self.name_text, names), str(serial), *map(self.period_text, times)])

    def record(self):
        makers = [self.a, self.aaaa, self.mx, self.srv, self.txt, self.caa, self.soa,
                  *(lambda rdtype=rdtype: self.one_name(rdtype) for rdtype in ("NS", "CNAME", "PTR"))]
        return self.random.choice(makers)()

    def header(self, rdtype):
        """TTL and words up to the type."""
        ttl = self.random.choice([0, 60, 3600, 86400, 90061, 2147483647])
        fixed = [self.period_text(ttl), self.random.choice(["IN", "in"])]
        if not self.for_ldns and self.chance(0.4):
            fixed.reverse()
        if self.chance(0.3):
            fixed = [self.period_text(ttl)]
        return ttl, [*fixed, rdtype.lower() if self.chance(0.1) else rdtype]


def random_file(seed, for_ldns=False):
    """Its text, and {(owner, TTL, type number, RDATA)}."""
    writer = Writer(seed, for_ldns)
    lines, expected, last = ["$ORIGIN example.gov.\n"], set(), None
    while len(expected) < RECORDS:
        if writer.chance(0.02):
            writer.origin = dns.name.from_text(writer.random.choice(ORIGINS))
            lines.append(f"$ORIGIN {writer.origin}\n")
        again = last is not None and writer.chance(0.3)
        owner = last if again else writer.name(below=writer.random.choice([writer.origin, APEX]))
        rdtype, rdata, words = writer.soa() if for_ldns and not expected else writer.record()
        if for_ldns and expected and rdtype == "SOA":  # it keeps one of all
            continue
        ttl, head = writer.header(rdtype)
        # TTLs of a set are made equal by us and left as they are by ldns: each set has one record here.
        if any((name, kind) == (owner, rdata.rdtype) for name, _, kind, _ in expected):
            continue
        last = owner
        first = "" if again and writer.chance(0.7) else writer.name_text(owner)
        lines.append(first + writer.blanks() + writer.words([*head, *words]) +
                     writer.random.choice(["", " ", " ; comment"] + [[], ["\r", ";"]][not for_ldns]) + "\n")
        if lines[-1].endswith(";\n") and not lines[-1].endswith('";\n'):
            lines[-1] = lines[-1][:-2] + "\n"  # a ; right behind a word is worth a warning
        expected.add((dns.name.Name([label.lower() for label in owner.labels]), ttl, int(rdata.rdtype),
                      rdata.to_digestable()))
    return "".join(lines), expected


def ours(path):
    done = subprocess.run([BIN / "zoneprint", "-x", "example.gov.", path], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and not done.stderr, done.stderr[:2000]
    found = set()
    for line in done.stdout.splitlines():
        owner, ttl, rdtype, *octets = line.split(" ")
        found.add((dns.name.from_text(owner), int(ttl), int(rdtype), bytes.fromhex("".join(octets))))
    return found


def ldns(path):
    done = subprocess.run(["ldns-read-zone", path], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr[:2000]
    found = set()
    for line in done.stdout.splitlines():
        owner, ttl, _, rdtype, text = line.split("\t", 4)
        rdata = dns.rdata.from_text(IN, rdtype, text)
        found.add((dns.name.from_text(owner.lower()), int(ttl), int(rdata.rdtype), rdata.to_digestable()))
    return found


@pytest.fixture
def path(tmp_path):
    return tmp_path / "random.zone"


@pytest.mark.parametrize("seed", range(4))
def test_records_in_any_spelling_have_the_rdata_of_dnspython(path, seed):
    text, expected = random_file(seed)
    path.write_text(text, newline="")
    mine = ours(path)
    assert mine - expected == set() and expected - mine == set()


@pytest.mark.parametrize("seed", range(2))
def test_ldns_reads_the_same_records(path, seed):
    text, expected = random_file(seed, for_ldns=True)
    path.write_text(text, newline="")
    theirs = ldns(path)
    assert theirs - expected == set() and expected - theirs == set()
    assert ours(path) == theirs
