"""What the secondary serves, judged by others: delv and unbound with the zone's own trust anchor, and whole zones by
ldns-verify-zone, dnssec-verify, kzonecheck and kzonesign."""

import base64
import subprocess

import dns.rcode
import dns.rdatatype
import pytest

import peers
from tandem import HOST, Workspace, answers, wait_for

APEX_TARGET, WILDCARD_TARGET = "203.0.113.1", "203.0.113.2"
GOV = """$TTL 300
@          IN SOA    ns1 hostmaster 2026112101 7200 900 1209600 300
           IN NS     ns1
           IN NS     ns2.example.net.
        60 IN ALIAS  apex.target.example.
           IN MX     10 mail
           IN TXT    "v=spf1 -all"
           IN CAA    0 issue "ca.example.net"
ns1        IN A      192.0.2.53
           IN AAAA   2001:db8::53
mail       IN A      192.0.2.25
www        IN CNAME  example.gov.
*.sites    IN ALIAS  wild.target.example.
*.wild     IN A      192.0.2.78
           IN TXT    "wild"
here.wild  IN A      192.0.2.79
*.sub.wild IN MX     10 mail
*.cn       IN CNAME  mail
a.b.ent    IN A      192.0.2.80
net        IN CNAME  www.example.net.
nonet      IN CNAME  nothere.example.net.
old        IN DNAME  new
www.new    IN A      192.0.2.90
away       IN DNAME  example.net.
child      IN NS     ns.child
ns.child   IN A      192.0.2.100
far        IN NS     ns2.example.net.
secure     IN NS     ns.secure
           IN DS     12345 13 2 0000000000000000000000000000000000000000000000000000000000000000
ns.secure  IN A      192.0.2.101
big        IN TXT    "{big}"
_sip._tcp  IN SRV    1 2 5060 mail
svc        IN HTTPS  1 . alpn=h2
odd        IN TYPE65400 \\# 4 0a000001
z\\.y\\"\\001 IN A    192.0.2.110
""".format(big='" "'.join("x" * 200 for _ in range(7)))
NET = """$TTL 300
@   IN SOA ns2 hostmaster 7 7200 900 1209600 300
    IN NS  ns2
    IN NS  ns1.example.gov.
    IN ALIAS wild.target.example.
ns2 IN A   192.0.2.54
www IN CNAME web
web IN A   192.0.2.81
"""
TARGETS = f"""$TTL 60
@    IN SOA ns hostmaster 1 7200 900 1209600 300
     IN NS  ns
ns   IN A   {HOST}
apex IN A   {APEX_TARGET}
wild IN A   {WILDCARD_TARGET}
"""


class Scene:
    """Our primary with unbound as its resolver (targets at NSD), our secondary, and unbound that validates."""

    def __init__(self, work):
        self.work = work
        for name, text in (("gov", GOV), ("net", NET), ("targets", TARGETS)):
            work.write(name, text)
        outside = peers.Nsd(work, "outside").serve("target.example", work.path / "targets").start()
        resolver = peers.Unbound(work, "resolver").stub("target.example", [outside.port]).start()
        domains = ["example.gov", "example.net"]
        primary = work.primary(
            [{"domain": d, "file": d.rpartition(".")[2]} for d in domains], resolver=resolver.port
        ).start()
        self.secondary = work.secondary(
            [{"domain": d, "acl": ["out"]} for d in domains],
            primary.port,
            acl=[{"id": "out", "key": work.key.name, "action": ["transfer"]}],
        ).start()
        for domain in domains:
            wait_for(lambda: self.secondary.ask(domain, "A").answer, f"{domain} served", about=self.secondary.log)
        self.anchors = peers.trust_anchors(self.secondary, *domains)
        self.delv_anchors = peers.delv_anchors(work.path / "anchors", self.anchors)
        self.unbound = peers.Unbound(work, anchors=self.anchors)
        for domain in domains:
            self.unbound.stub(domain, [self.secondary.port])
        self.unbound.start()


@pytest.fixture(scope="module")
def scene():
    with Workspace() as work:
        yield Scene(work)


YES, NO = "; fully validated", "; negative response, fully validated"
CHAIN = YES  # of a chain that ends in a denial delv judges the first link; unbound judges all of it
# Name, type, delv's verdict, and RDATA that the answer holds ("": none of the type).
ASKED = [
    ("example.gov", "A", YES, APEX_TARGET),
    ("example.gov", "SOA", YES, "ns1.example.gov."),
    ("example.gov", "NS", YES, "ns2.example.net."),
    ("example.gov", "DNSKEY", YES, "257 3 13"),
    ("example.gov", "MX", YES, "10 mail.example.gov."),
    ("example.gov", "CAA", YES, "issue"),
    ("example.gov", "NSEC", YES, "DNSKEY"),
    ("example.net", "A", YES, WILDCARD_TARGET),
    ("ns1.example.gov", "AAAA", YES, "2001:db8::53"),
    ("www.example.gov", "A", YES, APEX_TARGET),
    ("big.example.gov", "TXT", YES, "x" * 200),
    ("_sip._tcp.example.gov", "SRV", YES, "5060 mail.example.gov."),
    ("svc.example.gov", "HTTPS", YES, "h2"),
    ("odd.example.gov", "TYPE65400", YES, "0A000001"),
    ('z\\.y\\"\\001.example.gov', "A", YES, "192.0.2.110"),
    # wildcards
    ("anything.sites.example.gov", "A", YES, WILDCARD_TARGET),
    ("a.b.c.sites.example.gov", "A", YES, WILDCARD_TARGET),
    ("*.sites.example.gov", "A", YES, WILDCARD_TARGET),
    ("q.wild.example.gov", "A", YES, "192.0.2.78"),
    ("q.wild.example.gov", "TXT", YES, "wild"),
    ("here.wild.example.gov", "A", YES, "192.0.2.79"),
    ("q.cn.example.gov", "A", YES, "192.0.2.25"),
    # CNAME and DNAME, also into the other zone held here
    ("net.example.gov", "A", YES, "192.0.2.81"),
    ("www.old.example.gov", "A", YES, "192.0.2.90"),
    ("web.away.example.gov", "A", YES, "192.0.2.81"),
    ("www.away.example.gov", "A", YES, "192.0.2.81"),
    ("nonet.example.gov", "A", CHAIN, ""),
    # NODATA
    ("example.gov", "AAAA", NO, ""),
    ("mail.example.gov", "AAAA", NO, ""),
    ("q.wild.example.gov", "MX", NO, ""),
    ("q.sites.example.gov", "AAAA", NO, ""),
    ("q.sub.wild.example.gov", "A", NO, ""),
    ("old.example.gov", "A", NO, ""),
    # empty non-terminals
    ("ent.example.gov", "A", NO, ""),
    ("b.ent.example.gov", "TXT", NO, ""),
    ("sites.example.gov", "A", NO, ""),
    ("_tcp.example.gov", "SRV", NO, ""),
    # NXDOMAIN
    ("nothere.example.gov", "A", NO, ""),
    ("000.example.gov", "A", NO, ""),
    ("zzzz.example.gov", "A", NO, ""),
    ("a.b.nothere.example.gov", "A", NO, ""),
    ("nothere.here.wild.example.gov", "A", NO, ""),
    ("x.b.ent.example.gov", "A", NO, ""),
    ("y.old.example.gov", "A", CHAIN, ""),
    # delegations
    ("child.example.gov", "DS", NO, ""),
    ("far.example.gov", "DS", NO, ""),
    ("secure.example.gov", "DS", YES, "12345 13 2"),
]


@pytest.mark.parametrize("name, rdtype, verdict, data", ASKED, ids=[f"{a[0]}-{a[1]}" for a in ASKED])
def test_delv_and_unbound_validate(scene, name, rdtype, verdict, data):
    root = ".".join(name.split(".")[-2:])
    printed = peers.delv(scene.secondary.port, scene.delv_anchors, root, name, rdtype)
    assert verdict in printed, printed
    assert data in printed
    answer = scene.unbound.resolve(name, rdtype)
    assert peers.is_secure(answer), f"{answer}\n{scene.unbound.log()[-4000:]}"
    texts = " ".join(answers(answer))
    assert data.lower() in texts.lower()
    if not data:
        assert not [r for r in answer.answer if dns.rdatatype.to_text(r.rdtype) == rdtype]


@pytest.mark.parametrize(
    "name, rcode",
    [
        ("nothere.example.gov", "NXDOMAIN"),
        ("nothere.here.wild.example.gov", "NXDOMAIN"),
        ("nonet.example.gov", "NXDOMAIN"),
        ("ent.example.gov", "NOERROR"),
        ("sites.example.gov", "NOERROR"),
        ("q.sub.wild.example.gov", "NOERROR"),
    ],
)
def test_the_rcode_that_unbound_believes(scene, name, rcode):
    assert dns.rcode.to_text(scene.unbound.resolve(name, "A").rcode()) == rcode


@pytest.mark.parametrize("owner, glue", [("child", "192.0.2.100"), ("far", None)])
def test_an_unsigned_delegation_is_proven_to_be_one(scene, owner, glue):
    """The referral has the NSEC without DS; a resolver takes the child's unsigned data as insecure, not as bogus."""
    referral = scene.secondary.ask(f"www.{owner}.example.gov", "A", dnssec=True)
    types = {r.rdtype for r in referral.authority}
    assert {dns.rdatatype.NS, dns.rdatatype.NSEC, dns.rdatatype.RRSIG} == types
    assert not [r for r in referral.authority if r.covers == dns.rdatatype.NS]
    texts = {rdata.to_text() for rrset in referral.additional for rdata in rrset}
    assert texts == ({glue} if glue else {"192.0.2.54"} & texts)


def test_a_child_behind_the_unsigned_delegation_is_insecure_not_bogus(scene):
    work = scene.work
    work.write("child", "$TTL 60\n@ IN SOA . . 1 1 1 1 1\n@ IN NS ns\nns IN A 192.0.2.100\nwww IN A 192.0.2.200\n")
    child = peers.Nsd(work).serve("child.example.gov", work.path / "child").start()
    unbound = peers.Unbound(work, "unbound-child", anchors=scene.anchors)
    unbound.stub("example.gov", [scene.secondary.port]).stub("child.example.gov", [child.port]).start()
    answer = unbound.resolve("www.child.example.gov", "A")
    assert answer.rcode() == 0 and answers(answer) == ["192.0.2.200"], unbound.log()[-4000:]
    assert not peers.is_secure(answer)
    unbound.stop()
    child.stop()


def transfer(scene, domain):
    """The signed zone by AXFR with TSIG, as a master file."""
    done = subprocess.run(
        ["dig", f"@{HOST}", "-p", str(scene.secondary.port), "-y", scene.work.key.dig(), "+onesoa", "+nocomments",
         "+nocmd", "+noquestion", "+nostats", domain, "AXFR"],
        capture_output=True, text=True, timeout=20, check=True,
    )
    lines = [line for line in done.stdout.splitlines() if line and line[0] != ";" and "TSIG" not in line]
    assert len(lines) > 20
    return scene.work.write(f"transferred.{domain}", "\n".join(lines) + "\n")


def anchor_file(scene, domain):
    return scene.work.write(f"anchor.{domain}", "".join(l + "\n" for l in scene.anchors if l.startswith(domain)))


CHECKERS = {
    "ldns-verify-zone": lambda zone, file, anchor: ["ldns-verify-zone", "-k", str(anchor), str(file)],
    "dnssec-verify": lambda zone, file, anchor: ["dnssec-verify", "-o", zone, str(file)],
    "kzonecheck": lambda zone, file, anchor: ["kzonecheck", "-o", zone, "--dnssec", "on", str(file)],
    "kzonesign": lambda zone, file, anchor: ["kzonesign", "--verify", zone],
}


def kzonesign_config(work, zone, file):
    return work.write(f"knot.{zone}", f"""database:
    storage: {work.path}/kzonesign
zone:
  - domain: {zone}
    file: {file}
""")


def check(scene, tool, zone, file):
    command = CHECKERS[tool](zone, file, anchor_file(scene, zone))
    if tool == "kzonesign":
        command[1:1] = ["-c", str(kzonesign_config(scene.work, zone, file))]
    return subprocess.run(command, capture_output=True, text=True, timeout=30)


@pytest.mark.parametrize("tool", CHECKERS)
@pytest.mark.parametrize("zone", ["example.gov", "example.net"])
def test_the_whole_zone_is_clean(scene, tool, zone):
    done = check(scene, tool, zone, transfer(scene, zone))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("tool", CHECKERS)
def test_the_checkers_find_a_flipped_bit(scene, tool):
    """The test above can fail."""
    file = transfer(scene, "example.net")
    lines = file.read_text().splitlines()
    at = next(i for i, line in enumerate(lines) if "RRSIG" in line and " A 13 " in line.replace("\t", " "))
    head, _, tail = lines[at].rpartition("example.net. ")
    signature = bytearray(base64.b64decode(tail.replace(" ", "")))
    signature[5] ^= 1
    lines[at] = head + "example.net. " + base64.b64encode(signature).decode()
    done = check(scene, tool, "example.net", scene.work.write("flipped", "\n".join(lines) + "\n"))
    assert done.returncode != 0, done.stdout + done.stderr
