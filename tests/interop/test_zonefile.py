"""Zone files read by us and by BIND and ldns give the same records."""

import pathlib
import shutil
import subprocess
import sys

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from tandem import BIN, TOP  # noqa: E402

GOLDEN = TOP / "tests/golden/zonefile"
OURS = ("ALIAS", "ANAME", "TYPE65401")

# What the others do otherwise: BIND takes $INCLUDE from its working directory and one word of $GENERATE's right
# side, ldns-read-zone knows no $GENERATE.
EXTRA = """$ORIGIN example.gov.
$TTL 5m
@ SOA ns1 host\\.master 1 2h 3 4 5
@ NS ns1
ns1 A 192.0.2.1
$GENERATE 0-16/4 host-${1,3,d} A 192.0.2.$
$GENERATE 250-257 ${0,0,x}.hex CNAME t-${-250,2,o}
$GENERATE 1-3 ${0,5,n}.nib PTR p${0,3,X}.example.net.
quoted TXT "a\\"b" "c;d" e\\;f "\\000\\127\\255" ""
\\097bc A 192.0.2.7
a\\.b\\(c\\) A 192.0.2.8
multi TXT ( "one" ; comment ( with parenthesis
   "two" )
svcb SVCB 1 target.example.net. alpn=h2 port=8443
https HTTPS 0 other.example.net.
cert CERT PKIX 1 RSASHA256 AQIDBA==
uri URI 10 1 "https://example.net/"
nsec NSEC ns1 A MX RRSIG NSEC TYPE1234
csync CSYNC 66 3 A NS AAAA
eui EUI48 00-00-5e-00-53-2a
dhcid DHCID AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA=
smimea SMIMEA 3 0 0 0102
openpgp OPENPGPKEY AQIDBA==
kx KX 10 kx
apl APL 1:192.168.32.0/21 !1:192.168.38.0/28 2:2001:db8::/32
"""


def canonical(line):
    """(owner, ttl, type, wire RDATA) of one line of a zone file in full form."""
    owner, ttl, _, rdtype, rdata = line.split(None, 4)
    wire = dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.from_text(rdtype), rdata)
    return dns.name.from_text(owner.lower()), int(ttl), rdtype, wire.to_digestable().hex()


def records(text):
    found = set()
    for line in text.splitlines():
        if line and not line.startswith(";"):
            if len(line.split(None, 4)) < 5:  # RDATA of no octets
                continue
            found.add(canonical(line))
    return found


@pytest.fixture
def files(tmp_path):
    """The corpus without what only we know, in a directory of its own."""
    for path in GOLDEN.glob("good_*.zone"):
        # Of TTLs that differ inside of a record set we take the lowest, BIND the first.
        text = path.read_text().replace("IN 600 NS", "IN 3600 NS")
        lines = [l for l in text.splitlines() if not any(word in l.split() for word in OURS)]
        (tmp_path / path.name).write_text("\n".join(lines) + "\n")
    shutil.copytree(GOLDEN / "included", tmp_path / "included")
    (tmp_path / "extra.zone").write_text(EXTRA)
    return tmp_path


def ours(files, name):
    got = subprocess.run(
        [BIN / "zoneprint", "example.gov.", name],
        cwd=files, capture_output=True, text=True, timeout=60,
    )
    assert got.returncode == 0, got.stderr
    return records(got.stdout)


def bind(files, name):
    got = subprocess.run(
        ["named-checkzone", "-i", "none", "-k", "ignore", "-r", "ignore", "-m", "ignore", "-M", "ignore",
         "-S", "ignore", "-T", "ignore", "-D", "-o", "-", "example.gov", name],
        cwd=files, capture_output=True, text=True, timeout=60,
    )
    assert got.returncode == 0, got.stderr
    return records(got.stdout)


@pytest.mark.parametrize(
    "name", ["good_mixed", "good_other_types", "good_ttl", "good_ttl_last", "extra"]
)
def test_bind_reads_the_same(files, name):
    mine, theirs = ours(files, name + ".zone"), bind(files, name + ".zone")
    assert mine - theirs == set() and theirs - mine == set()


@pytest.mark.parametrize("name", ["good_mixed", "good_other_types", "good_crlf_bom"])
def test_ldns_reads_what_we_wrote(files, name):
    got = subprocess.run(
        [BIN / "zoneprint", "example.gov.", name + ".zone"],
        cwd=files, capture_output=True, text=True, timeout=60,
    )
    (files / "written").write_text(got.stdout)
    read = subprocess.run(
        ["ldns-read-zone", "written"], cwd=files, capture_output=True, text=True, timeout=60
    )
    assert read.returncode == 0, read.stderr
    assert records(read.stdout) == records(got.stdout)
