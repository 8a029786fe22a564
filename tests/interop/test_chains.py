"""The chains of denial that the signer makes, beside those that dnssec-signzone and ldns-signzone make of the same
zones with the same keys: every NSEC, NSEC3 and NSEC3PARAM, owner, TTL and RDATA.

Allowed differences, each of ldns-signzone:
- NSEC3PARAM has the SOA's TTL. Ours has 0, as dnssec-signzone's has: nobody but a secondary has a use for it.
- With opt-out (-p) it sets the flag and leaves nothing out, which RFC 5155 section 7.1 allows ("MAY"). So its chain with
  opt-out is compared with ours without, flag aside; ours with opt-out is compared with dnssec-signzone's (-A).
"""

import pathlib
import random
import shutil
import subprocess
import sys

import dns.dnssec
import dns.rdatatype
import dns.zone
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from tandem import BIN  # noqa: E402

APEX = "example.gov."
DIGEST = "00" * 32
HEAD = f"""$TTL 300
$ORIGIN {APEX}
@ 3600 SOA ns1 hostmaster 1 7200 900 1209600 600
@ NS ns1
ns1 A 192.0.2.1
"""
TRICKY = HEAD + rf"""
@ NS ns.sub
@ MX 10 mail
mail A 192.0.2.2
mail AAAA 2001:db8::2
* TXT "wildcard"
*.wild MX 10 mail
a.*.wild A 192.0.2.3
a.b.c A 192.0.2.4
x.b.c A 192.0.2.4
deep.er.and.deep.er.still TXT "empty non-terminals"
sub NS ns.sub
sub NS ns1
sub DS 12345 13 2 {DIGEST}
ns.sub A 192.0.2.5
ns.sub AAAA 2001:db8::5
below.ns.sub A 192.0.2.6
insecure NS ns1
glue.insecure A 192.0.2.7
only.insecure.far NS ns1
one.mixed NS ns1
two.mixed NS ns2.two.mixed
two.mixed DS 12345 13 2 {DIGEST}
ns2.two.mixed A 192.0.2.8
d DNAME example.net.
d TXT "beside a DNAME"
cname CNAME www.example.net.
\000 TXT "zero"
\000.zero TXT "the first name below"
\255.zero TXT "the last"
-.zero TXT "hyphen"
_sip._tcp SRV 0 0 5060 mail
_443._tcp.mail TLSA 3 1 1 {DIGEST}
UPPER A 192.0.2.9
caa CAA 0 issue "ca.example.net"
many A 192.0.2.10
many TYPE300 \# 0
many TYPE65280 \# 1 00
many TYPE65534 \# 1 00
"""


def hash_of(name):
    return dns.dnssec.nsec3_hash(f"{name}.{APEX}", None, 0, 1).lower()


def hashed_zone():
    """Real names that are the hashes of others, and names below such."""
    return TRICKY + f"""
{hash_of("mail")} A 192.0.2.11
{hash_of("sub")} NS ns1
x.{hash_of("b.c")} TXT "below a hash"
{hash_of("deep.er.and.deep.er.still")} NS ns1
{hash_of("deep.er.and.deep.er.still")} DS 12345 13 2 {DIGEST}
"""


def random_zone(seed, count):
    """Names of few labels drawn from few words, so that many are above each other; nothing that only one of the three
    programs would take (CNAME beside data, names below a DNAME)."""
    draw = random.Random(seed)
    words = [f"w{i}" for i in range(12)] + ["*", "_tcp", r"\000", r"\127"]
    kinds = ["A 192.0.2.1", "TXT \"t\"", "AAAA 2001:db8::1", "MX 10 mail", "NS ns1", f"NS ns1\n{{0}} DS 1 13 2 {DIGEST}"]
    lines, seen = [HEAD], {"ns1"}
    while len(seen) < count:
        name = ".".join(draw.choice(words) for _ in range(draw.randint(1, 4)))
        if name in seen or name.startswith("*"):
            continue
        seen.add(name)
        lines.append(f"{name} " + draw.choice(kinds).format(name))
    return "\n".join(lines) + "\n"


ZONES = {
    "tricky": TRICKY,
    "hashed": hashed_zone(),
    "random-1": random_zone(1, 200),
    "random-2": random_zone(2, 200),
    "apex-dname": HEAD + "@ DNAME example.net.\n",
    "nothing": HEAD,
}


def run(directory, *command):
    done = subprocess.run([str(word) for word in command], cwd=directory, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{command[0]}: {done.stdout}{done.stderr}"
    return done.stdout


def denial(text):
    """(owner, type) -> (TTL, RDATA) of what denies."""
    zone = dns.zone.from_text(text, origin=APEX, relativize=False, check_origin=False)
    wanted = (dns.rdatatype.NSEC, dns.rdatatype.NSEC3, dns.rdatatype.NSEC3PARAM)
    found = {}
    for name, node in zone.items():
        for rrset in node:
            if rrset.rdtype in wanted:
                assert len(rrset) == 1
                key = name.canonicalize().to_text(), dns.rdatatype.to_text(rrset.rdtype)
                found[key] = rrset.ttl, rrset[0].to_text().lower()
    return found


class Bench:
    """A zone file, a KSK and a ZSK in a directory."""

    def __init__(self, path, zone):
        self.path = path
        (path / "zone").write_text(zone)
        for flags in (["-f", "KSK"], []):
            run(path, "dnssec-keygen", "-q", "-a", "13", *flags, APEX)
        self.keys = sorted(path.glob("K*.key"))

    def ours(self, *options):
        store = self.path / ("store" + "".join(options))
        shutil.rmtree(store, ignore_errors=True)
        keys = [key.with_suffix(end) for key in self.keys for end in (".key", ".private")]
        run(self.path, BIN / "sign_batch", "sign", *options, APEX, "zone", store, *keys)
        return denial(run(self.path, BIN / "sign_batch", "export", APEX, store))

    def bind(self, *options):
        run(self.path, "dnssec-signzone", "-q", "-S", "-K", ".", *options, "-o", APEX, "-f", "bind", "zone")
        return denial((self.path / "bind").read_text())

    def ldns(self, *options):
        keys = [key.with_suffix("") for key in self.keys]
        run(self.path, "ldns-signzone", *options, "-o", APEX, "-f", "ldns", "zone", *keys)
        return denial((self.path / "ldns").read_text())


def opted_out(chain):
    """With the flag set in every NSEC3."""
    return {key: (ttl, rdata.replace("1 0 ", "1 1 ", 1) if key[1] == "NSEC3" else rdata)
            for key, (ttl, rdata) in chain.items()}


def without_parameter_ttl(chain):
    return {key: (None if key[1] == "NSEC3PARAM" else ttl, rdata) for key, (ttl, rdata) in chain.items()}


@pytest.mark.parametrize("zone", ZONES)
def test_chains_are_those_of_others(work, zone):
    bench = Bench(work.path, ZONES[zone])
    nsec, nsec3, opt_out = bench.ours(), bench.ours("-3"), bench.ours("-O")
    assert nsec and nsec3 and opt_out
    assert nsec == bench.bind()
    assert nsec3 == bench.bind("-3", "-", "-H", "0")
    assert opt_out == bench.bind("-3", "-", "-H", "0", "-A")
    assert nsec == bench.ldns()
    assert without_parameter_ttl(nsec3) == without_parameter_ttl(bench.ldns("-n", "-t", "0"))
    assert without_parameter_ttl(opted_out(nsec3)) == without_parameter_ttl(bench.ldns("-n", "-t", "0", "-p"))
