"""Answers by their RFC sections, from tandem-server over UDP and TCP: the zones of tests/golden/answer/tricky, signed with
NSEC and with NSEC3. Each row is a question and what must come; each answer with DO is also judged by the validator of
tests/support/answer_proofs.py. The table of all that serving.md asks for is tests/unit/answer/README.md.

"NOERROR aa | www A host1 Ax2 / SOA + ns A": RCODE, AA, answer, authority without its proofs, additional; names relative to
the zone, xN where an RRset has N records, [with DO only]; the additional section is sorted."""

import pathlib
import re
import socket
import struct
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import answer_proofs  # noqa: E402
import answer_zones  # noqa: E402
import answers  # noqa: E402
import serving  # noqa: E402
from answers import NSEC, NSEC3, RRSIG, labels_of, wire_of  # noqa: E402

RCODES = {0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED", 6: "YXDOMAIN", 9: "NOTAUTH",
          16: "BADVERS", 23: "BADCOOKIE"}


@pytest.fixture(scope="module", params=["nsec", "nsec3"])
def held(request, tmp_path_factory):
    """The zones, their server, and the judge."""
    zones = answer_zones.Zones("tricky", request.param, tmp_path_factory.mktemp("zones"))
    with serving.Serving(zones.files, server={"nsid": "ns1", "version": "one"}, not_ready=["notready.example"]) as server:
        server.judge = answer_proofs.Judge(zones.parsed.values())
        server.signing = request.param
        yield server


def ask_tcp(server, name, rdtype, dnssec):
    return answers.ask_all(server.port, [(name, rdtype, dnssec)])[0]


def exchange(server, wire, timeout=5):
    """One datagram out, one in; None where nothing comes."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(timeout)
        client.sendto(wire, (answers.HOST, server.port))
        try:
            return answers.Answer(client.recv(65535))
        except socket.timeout:
            return None


def relative(name, apex):
    if name == apex:
        return "@"
    if answers.is_below(name, apex):
        return answers.text_of(name[:len(name) - len(apex)])[:-1]
    return answers.text_of(name)


def section(answer, which, apex):
    counts = {}
    for name, rdtype in answer.ordered[which]:
        if rdtype not in (RRSIG, NSEC, NSEC3):
            counts[name, rdtype] = counts.get((name, rdtype), 0) + 1
    texts = [f"{relative(name, apex)} {answers.type_text(rdtype)}" + (f"x{count}" if count > 1 else "")
             for (name, rdtype), count in counts.items()]
    return " ".join(sorted(texts) if which == "additional" else texts)


def summary(answer, apex):
    text = RCODES[answer.rcode] + (" aa" if answer.aa else "") + (" tc" if answer.tc else "")
    for mark, which in (("|", "answer"), ("/", "authority"), ("+", "additional")):
        part = section(answer, which, apex)
        text += f" {mark} {part}" if part else ""
    return text


def check(server, apex, name, rdtype, expected, verdict=answer_proofs.SECURE):
    """The row over TCP with DO and without, and over UDP, where the answer is the same or truncated."""
    apex_labels = labels_of(apex)
    labels = apex_labels if name == "@" else labels_of(name if name.endswith(".") else f"{name}.{apex}.")
    number = int(answers.dns.rdatatype.from_text(rdtype))
    for dnssec in (False, True):
        answer = ask_tcp(server, labels, number, dnssec)
        assert summary(answer, apex_labels) == re.sub(r" \[(.*?)\]", r" \1" if dnssec else "", expected)
        if dnssec:
            assert server.judge.verdict(labels, number, answer) == verdict
        datagram = exchange(server, answers.query_wire(7, labels, number, dnssec))
        assert datagram.tc or datagram.key() == answer.key()


def rows(text):
    """RFC section | name | type | expected [| verdict], a line each, as parameters whose ids name the section."""
    for line in text.strip().splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        rfc, name, rdtype, rest = (part.strip() for part in line.split(";", 3))
        expected, _, verdict = rest.partition(";")
        yield pytest.param(name, rdtype, expected.strip(), verdict.strip() or answer_proofs.SECURE, id=f"{rfc}-{name[:40]}-{rdtype}")


# RFC 4592: the examples of section 2.2.1 first.
WILD = """
rfc4592-2.2.1; host3; MX; NOERROR aa | host3 MX + host1 A
rfc4592-2.2.1; host3; A; NOERROR aa / @ SOA
rfc4592-2.2.1; foo.bar; TXT; NOERROR aa | foo.bar TXT
rfc4592-2.2.1; host1; MX; NOERROR aa / @ SOA
rfc4592-2.2.1; sub.*; MX; NOERROR aa / @ SOA
rfc4592-2.2.1; _telnet._tcp.host1; SRV; NXDOMAIN aa / @ SOA
rfc4592-2.2.1; host.subdel; A; NOERROR / subdel NS; insecure
rfc4592-2.2.1; ghost.*; MX; NXDOMAIN aa / @ SOA
# the wildcard asked for by its own name
rfc4592-2.1.1; *; TXT; NOERROR aa | * TXT
rfc4592-2.1.1; *; A; NOERROR aa / @ SOA
rfc4592-2.1.1; sub.*; TXT; NOERROR aa | sub.* TXT
rfc4592-2.1.1; *.mix; A; NOERROR aa | *.mix A
rfc4592-2.1.3; *a.like; A; NOERROR aa | *a.like A
rfc4592-2.1.3; **.like; A; NOERROR aa | **.like A
rfc4592-2.1.3; x.like; A; NXDOMAIN aa / @ SOA
rfc4592-2.1.3; y.x.*.like2; A; NXDOMAIN aa / @ SOA
# empty non-terminals
rfc4592-2.2.2; _tcp.host1; SRV; NOERROR aa / @ SOA
rfc4592-2.2.2; host2; TXT; NOERROR aa / @ SOA
rfc4592-2.2.2; _tcp.host2; TXT; NOERROR aa / @ SOA
rfc4592-2.2.2; ent.mix; A; NOERROR aa / @ SOA
rfc4592-2.2.2; x.ent.mix; A; NXDOMAIN aa / @ SOA
rfc4592-2.2.3; x.entwild; A; NOERROR aa / @ SOA
rfc4592-2.2.3; x.y.entwild; TXT; NOERROR aa / @ SOA
rfc4592-2.2.3; *.entwild; TXT; NOERROR aa / @ SOA
rfc4592-2.2.3; a.*.entwild; A; NOERROR aa | a.*.entwild A
rfc4592-2.2.3; b.*.entwild; A; NXDOMAIN aa / @ SOA
# every depth
rfc4592-3.3.1; a.d1; A; NOERROR aa | a.d1 A
rfc4592-3.3.1; b.a.d1; A; NOERROR aa | b.a.d1 A
rfc4592-3.3.1; x.d1; A; NOERROR aa / @ SOA
rfc4592-3.3.1; a.x.d1; A; NOERROR aa | a.x.d1 A
rfc4592-3.3.1; c.b.a.x.d1; A; NOERROR aa | c.b.a.x.d1 A
rfc4592-3.3.1; y.x.d1; A; NOERROR aa / @ SOA
rfc4592-3.3.1; a.y.x.d1; A; NOERROR aa | a.y.x.d1 A
rfc4592-3.3.1; z.y.x.d1; A; NOERROR aa / @ SOA
rfc4592-3.3.1; a.z.y.x.d1; A; NXDOMAIN aa / @ SOA
# beside other names
rfc4592-3.3.2; two.mix; A; NOERROR aa | two.mix A
rfc4592-3.3.2; two.mix; TXT; NOERROR aa / @ SOA
rfc4592-3.3.2; one.mix; A; NOERROR aa / @ SOA
rfc4592-3.3.2; x.one.mix; A; NXDOMAIN aa / @ SOA
rfc4592-3.3.2; x.many; A; NOERROR aa | x.many Ax2
rfc4592-3.3.2; x.two; TXT; NOERROR aa | x.two TXT
rfc4592-3.3.2; y.x.two; TXT; NOERROR aa | y.x.two TXT
rfc4592-3.3.2; x.*.two; A; NOERROR aa | x.*.two A
rfc4592-3.3.2; x.*.*.two; A; NXDOMAIN aa / @ SOA
# what a wildcard holds
rfc4592-4.2; x.ds; A; NOERROR aa | x.ds A
rfc4592-4.2; cut.ds; A; NOERROR / cut.ds NS + ns.cut.ds A; insecure
rfc4592-4.2; *.cut.ds; A; NOERROR / cut.ds NS + ns.cut.ds A; insecure
rfc4592-4.3; x.cname; A; NOERROR aa | x.cname CNAME host1 A
rfc4592-4.3; x.cname; CNAME; NOERROR aa | x.cname CNAME
rfc4592-4.3; x.cloop; A; NOERROR aa | x.cloop CNAME again.cloop CNAME; endless
rfc4592-4.3; x.cwild; A; NOERROR aa | x.cwild CNAME other.mix A
rfc4592-4.3; x.cwild; TXT; NOERROR aa | x.cwild CNAME / @ SOA
rfc4592-4.3; x.cgone; A; NXDOMAIN aa | x.cgone CNAME / @ SOA
rfc4592-4.3; x.cout; A; NOERROR aa | x.cout CNAME; outside
rfc4592-4.3; x.cchain; A; NOERROR aa | x.cchain CNAME w.cname CNAME host1 A
# DNAME at a wildcard: synthesised for its own type only, and redirects what is below the literal star
rfc4592-4.4; x.dname; A; NOERROR aa / @ SOA
rfc4592-4.4; x.dname; DNAME; NOERROR aa | x.dname DNAME
rfc4592-4.4; y.x.dname; A; NOERROR aa / @ SOA
rfc4592-4.4; two.*.dname; A; NOERROR aa | *.dname DNAME two.*.dname CNAME two.mix A
rfc4592-4.5; x.srv; SRV; NOERROR aa | x.srv SRV + ns A
rfc4592-4.5; x.mx; MX; NOERROR aa | x.mx MX
rfc3597-4; x.many; TYPE65400; NOERROR aa | x.many TYPE65400
rfc3597-4; x.many; TYPE65401; NOERROR aa / @ SOA
"""


@pytest.mark.parametrize("name, rdtype, expected, verdict", rows(WILD))
def test_rfc4592_wildcards(held, name, rdtype, expected, verdict):
    check(held, "wild.example", name, rdtype, expected, verdict)


CUTS = """
# glue
rfc9471-2.1; x.indomain; A; NOERROR / indomain NSx2 + ns.indomain A ns.indomain AAAA ns2.indomain A; insecure
rfc9471-2.1; indomain; NS; NOERROR / indomain NSx2 + ns.indomain A ns.indomain AAAA ns2.indomain A; insecure
rfc9471-2.1; ns.indomain; A; NOERROR / indomain NSx2 + ns.indomain A ns.indomain AAAA ns2.indomain A; insecure
rfc9471-2.1; x.self; A; NOERROR / self NS + self A; insecure
rfc9471-2.2; x.sibling; A; NOERROR / sibling NSx2 + ns.indomain A ns.indomain AAAA ns.signed A; insecure
rfc9471-2.3; x.cycle1; A; NOERROR / cycle1 NS + ns.cycle2 A; insecure
rfc9471-2.3; x.cycle2; A; NOERROR / cycle2 NS + ns.cycle1 A; insecure
rfc1034-4.3.2; x.noglue; A; NOERROR / noglue NS; insecure
rfc1034-4.3.2; x.outside; A; NOERROR / outside NSx2; insecure
rfc1034-4.3.2; x.signed; A; NOERROR / signed NS [signed DSx2] + ns.signed A
rfc4035-3.1.4; signed; A; NOERROR / signed NS [signed DSx2] + ns.signed A
# DS at the cut, at the apex of a child held here, below the cut
rfc4035-3.1.4.1; signed; DS; NOERROR aa | signed DSx2
rfc4035-3.1.4.1; indomain; DS; NOERROR aa / @ SOA
rfc4035-3.1.4.1; x.indomain; DS; NOERROR / indomain NSx2 + ns.indomain A ns.indomain AAAA ns2.indomain A; insecure
rfc4035-3.1.4.1; inside; DS; NOERROR aa | inside DS
rfc4035-3.1.4.1; open; DS; NOERROR aa / @ SOA
rfc4035-3.1.4.1; www.inside; DS; NOERROR aa / inside SOA
rfc4035-3.1.4.1; cut.inside; DS; NOERROR aa / inside SOA
rfc4035-3.1.4.1; grand.away; DS; NOERROR aa / grand.away SOA
rfc4035-3.1.4.1; x.grand.away; DS; NXDOMAIN aa / grand.away SOA
rfc4035-3.1.4.1; @; DS; NOERROR aa / @ SOA
# a zone and its child both here
rfc1034-4.3.2; inside; NS; NOERROR aa | inside NS
rfc1034-4.3.2; inside; SOA; NOERROR aa | inside SOA
rfc1034-4.3.2; www.inside; A; NOERROR aa | www.inside A
rfc1034-4.3.2; x.inside; A; NXDOMAIN aa / inside SOA
rfc1034-4.3.2; x.wild.inside; A; NOERROR aa | x.wild.inside A
rfc1034-4.3.2; x.cut.inside; A; NOERROR / cut.inside NS; insecure
rfc1034-4.3.2; up.inside; A; NOERROR aa | up.inside CNAME www A
rfc1034-4.3.2; www.open; A; NOERROR aa | www.open A
rfc1034-4.3.2; x.away; A; NOERROR / away NS; insecure
rfc1034-4.3.2; www.grand.away; A; NOERROR aa | www.grand.away A
# what a cut hides
rfc1034-4.2.1; hides; TXT; NOERROR / hides NS + ns A ns AAAA; insecure
rfc1034-4.2.1; below.hides; TXT; NOERROR / hides NS + ns A ns AAAA; insecure
rfc1034-4.2.1; x.hides; A; NOERROR / hides NS + ns A ns AAAA; insecure
rfc1034-4.2.1; x.cut.below.hides; A; NOERROR / hides NS + ns A ns AAAA; insecure
rfc1034-4.2.1; cname.hides; A; NOERROR / hides NS + ns A ns AAAA; insecure
rfc1034-4.2.1; x.dname.hides; A; NOERROR / hides NS + ns A ns AAAA; insecure
# empty non-terminals above cuts
rfc4592-2.2.2; ent; A; NOERROR aa / @ SOA
rfc4592-2.2.2; off.ent; A; NOERROR aa / @ SOA
rfc4592-2.2.2; x.far.off.ent; A; NOERROR / far.off.ent NS + ns A ns AAAA; insecure
rfc4592-2.2.2; x.off.ent; A; NXDOMAIN aa / @ SOA
rfc4592-2.2.2; lone.out; DS; NOERROR aa / @ SOA
rfc4592-2.2.2; part; DS; NOERROR aa / @ SOA
rfc4592-4.2; x.wild; A; NOERROR aa | x.wild A
rfc4592-4.2; x.cut.wild; A; NOERROR / cut.wild NS + ns A ns AAAA; insecure
rfc4592-4.2; x.star; A; NOERROR aa / @ SOA
rfc4592-4.2; x.deep.*.star; A; NOERROR / deep.*.star NS + ns A ns AAAA; insecure
# chains into delegations
rfc1034-4.3.2; alias; A; NOERROR aa | alias CNAME / indomain NSx2 + ns.indomain A ns.indomain AAAA ns2.indomain A; insecure
rfc1034-4.3.2; alias2; A; NOERROR aa | alias2 CNAME / signed NS [signed DSx2] + ns.signed A
rfc1034-4.3.2; alias2; DS; NOERROR aa | alias2 CNAME signed DSx2
rfc1034-4.3.2; alias3; A; NOERROR aa | alias3 CNAME www.inside A
rfc1034-4.3.2; alias4; TXT; NOERROR aa | alias4 CNAME / hides NS + ns A ns AAAA; insecure
rfc1034-4.3.2; alias5; A; NOERROR aa | alias5 CNAME www.grand.away A
rfc6672-3.2; x.dn; A; NOERROR aa | dn DNAME x.dn CNAME / indomain NSx2 + ns.indomain A ns.indomain AAAA ns2.indomain A; insecure
"""


@pytest.mark.parametrize("name, rdtype, expected, verdict", rows(CUTS))
def test_rfc1034_delegations(held, name, rdtype, expected, verdict):
    check(held, "cuts.example", name, rdtype, expected, verdict)


LONG_TARGET = 199  # octets of the target of long.chain.example
FITS, TOO_LONG = "p" * (255 - LONG_TARGET - 1), "p" * (255 - LONG_TARGET)

CHAIN = f"""
# CNAME
rfc1034-3.6.2; c3; A; NOERROR aa | c3 CNAME c2 CNAME c1 CNAME www A
rfc1034-3.6.2; c3; CNAME; NOERROR aa | c3 CNAME
rfc1034-3.6.2; upper; A; NOERROR aa | upper CNAME www A
rfc1034-3.6.2; apex; SOA; NOERROR aa | apex CNAME @ SOA
rfc1034-3.6.2; l1; A; NOERROR aa | l1 CNAME l2 CNAME l3 CNAME l4 CNAME l5 CNAME l6 CNAME l7 CNAME l8 CNAME www A
rfc1034-3.6.2; self; A; NOERROR aa | self CNAME; endless
rfc1034-3.6.2; loop1; A; NOERROR aa | loop1 CNAME loop2 CNAME loop3 CNAME; endless
rfc1034-3.6.2; into; A; NOERROR aa | into CNAME loop1 CNAME loop2 CNAME loop3 CNAME; endless
rfc1034-3.6.2; out; A; NOERROR aa | out CNAME; outside
rfc6604-2.1; gone; A; NXDOMAIN aa | gone CNAME / @ SOA
rfc6604-2.1; gonedeep; A; NXDOMAIN aa | gonedeep CNAME / @ SOA
rfc6604-2.1; other; A; NXDOMAIN aa | other CNAME / types.example. SOA
rfc6604-2.1; across; A; NXDOMAIN aa | across CNAME back CNAME across2.escape.example. CNAME / @ SOA
rfc2308-2.2; nodata; MX; NOERROR aa | nodata CNAME / @ SOA
rfc2308-2.2; ent; A; NOERROR aa | ent CNAME / @ SOA
rfc2308-2.2; otherno; DS; NOERROR aa | otherno CNAME / types.example. SOA
rfc4035-3.1.3.3; wild; A; NOERROR aa | wild CNAME any.mix.wild.example. A
rfc4035-3.1.3.4; wildnone; A; NOERROR aa | wildnone CNAME / wild.example. SOA
rfc4035-3.1.3.3; wildnone; TXT; NOERROR aa | wildnone CNAME any.mix2.wild.example. TXT
rfc1034-4.3.2; cut; A; NOERROR aa | cut CNAME / indomain.cuts.example. NSx2 + ns.indomain.cuts.example. A ns.indomain.cuts.example. AAAA ns2.indomain.cuts.example. A; insecure
rfc1034-4.3.2; cutds; A; NOERROR aa | cutds CNAME / signed.cuts.example. NS [signed.cuts.example. DSx2] + ns.signed.cuts.example. A
rfc1034-4.3.2; cutds; DS; NOERROR aa | cutds CNAME signed.cuts.example. DSx2
rfc1034-4.3.2; atcut; A; NOERROR aa | atcut CNAME / child NS + ns.child A; insecure
# DNAME
rfc6672-2.3; d1; A; NOERROR aa | d1 A
rfc6672-2.3; d1; DNAME; NOERROR aa | d1 DNAME
rfc6672-2.3; d1; TXT; NOERROR aa / @ SOA
rfc6672-2.3; d1; MX; NOERROR aa | d1 MX
rfc6672-3.1; x.d1; A; NOERROR aa | d1 DNAME x.d1 CNAME x.target A
rfc6672-3.1; y.z.d1; A; NOERROR aa | d1 DNAME y.z.d1 CNAME y.z.target A
rfc6672-3.2; x.d1; CNAME; NOERROR aa | d1 DNAME x.d1 CNAME
rfc6672-3.2; x.d1; ANY; NOERROR aa | d1 DNAME x.d1 CNAME
rfc6672-3.2; x.d1; DNAME; NOERROR aa | d1 DNAME x.d1 CNAME / @ SOA
rfc6672-3.2; x.d3; A; NOERROR aa | d3 DNAME x.d3 CNAME d2 DNAME x.d2 CNAME d1 DNAME x.d1 CNAME x.target A
rfc6672-3.2; a.d1; A; NXDOMAIN aa | d1 DNAME a.d1 CNAME / @ SOA
rfc6672-3.2; z.d1; A; NOERROR aa | d1 DNAME z.d1 CNAME / @ SOA
rfc6672-3.3; q.w.d1; A; NOERROR aa | d1 DNAME q.w.d1 CNAME q.w.target A
rfc6672-3.3; *.d1; A; NXDOMAIN aa | d1 DNAME *.d1 CNAME / @ SOA
rfc6672-3.3; x.dwild; A; NOERROR aa | dwild DNAME x.dwild CNAME x.mix.wild.example. A
rfc6672-3.3; x.dwild; TXT; NOERROR aa | dwild DNAME x.dwild CNAME / wild.example. SOA
rfc6672-3.2; x.dgone; A; NXDOMAIN aa | dgone DNAME x.dgone CNAME / @ SOA
rfc6672-3.2; x.dout; A; NOERROR aa | dout DNAME x.dout CNAME; outside
rfc6672-3.2; x.dcut; A; NOERROR aa | dcut DNAME x.dcut CNAME / indomain.cuts.example. NSx2 + ns.indomain.cuts.example. A ns.indomain.cuts.example. AAAA ns2.indomain.cuts.example. A; insecure
rfc6672-3.2; x.dchild; A; NOERROR aa | dchild DNAME x.dchild CNAME / child NS + ns.child A; insecure
rfc6672-3.2; x.dent; A; NOERROR aa | dent DNAME x.dent CNAME x.between A
rfc6672-3.2; www.dapex; A; NOERROR aa | dapex DNAME www.dapex CNAME www A
rfc6672-3.2; www.dapex.dapex; A; NOERROR aa | dapex DNAME www.dapex.dapex CNAME www.dapex CNAME www A
rfc6672-3.2; www.droot; A; NOERROR aa | droot DNAME www.droot CNAME; outside
rfc6672-3.2; ns.chain.example.droot; A; NOERROR aa | droot DNAME ns.chain.example.droot CNAME ns A
rfc6672-3.2; www.dheld; A; NOERROR aa | dheld DNAME www.dheld CNAME www.inside.cuts.example. A
rfc6672-3.2; x.deep.dn; A; NOERROR aa | deep.dn DNAME x.deep.dn CNAME x.target A
rfc6672-3.2; todn; A; NOERROR aa | todn CNAME d1 DNAME x.d1 CNAME x.target A
rfc6672-3.2; todn2; A; NOERROR aa | todn2 CNAME d1 DNAME c.d1 CNAME c.target CNAME x.d1 CNAME x.target A
rfc6672-3.2; todn3; A; NOERROR aa | todn3 CNAME d1 A
rfc6672-3.2; todapex; A; NOERROR aa | todapex CNAME dname.example. DNAME www.dname.example. CNAME www A
rfc6672-2.3; dname.example.; TXT; NOERROR aa | dname.example. TXT
rfc6672-2.3; dname.example.; SOA; NOERROR aa | dname.example. SOA
rfc6672-3.2; www.dname.example.; MX; NOERROR aa | dname.example. DNAME www.dname.example. CNAME www MX + www A www AAAA
rfc6672-3.1; x.dself; A; NOERROR aa | dself DNAME x.dself CNAME; endless
rfc6672-3.1; x.dl1; A; NOERROR aa | dl1 DNAME x.dl1 CNAME dl2 DNAME x.dl2 CNAME; endless
rfc6672-2.2; {FITS}.long; A; NXDOMAIN aa | long DNAME {FITS}.long CNAME / @ SOA
rfc6672-2.2; {TOO_LONG}.long; A; YXDOMAIN aa | long DNAME
rfc6672-2.2; a.{FITS}.long; A; YXDOMAIN aa | long DNAME
# hidden below a DNAME
rfc6672-2.4; hidden.d.hidden.example.; A; NOERROR aa | d.hidden.example. DNAME hidden.d.hidden.example. CNAME hidden.target.hidden.example. A
rfc6672-2.4; x.cut.d.hidden.example.; A; NXDOMAIN aa | d.hidden.example. DNAME x.cut.d.hidden.example. CNAME / hidden.example. SOA
rfc6672-2.4; x.e.d.hidden.example.; A; NXDOMAIN aa | d.hidden.example. DNAME x.e.d.hidden.example. CNAME / hidden.example. SOA
rfc6672-2.4; mx.hidden.example.; MX; NOERROR aa | mx.hidden.example. MX
"""


@pytest.mark.parametrize("name, rdtype, expected, verdict", rows(CHAIN))
def test_rfc1034_chains_and_rfc6672_dnames(held, name, rdtype, expected, verdict):
    check(held, "chain.example", name, rdtype, expected, verdict)


DEEP = ".".join("a" * 121)
LABEL = "l" * 62 + "1"
FULL = ".".join(["f" * 49] + ["y" * 63] * 3)
WILD_LONG = ".".join(["w" * 47] + ["v" * 63] * 3)
ALMOST = ".".join(["e" * 48] + ["u" * 63] * 3)

ENT = f"""
rfc4592-2.2.2; g; A; NOERROR aa / @ SOA
rfc4592-2.2.2; e.f.g; A; NOERROR aa / @ SOA
rfc4592-2.2.2; d.e.f.g; TXT; NOERROR aa | d.e.f.g TXT
rfc4592-2.2.2; c.d.e.f.g; TXT; NOERROR aa / @ SOA
rfc4592-2.2.2; y.c.d.e.f.g; A; NOERROR aa / @ SOA
rfc8020-2; z.c.d.e.f.g; A; NXDOMAIN aa / @ SOA
rfc8020-2; x.y.z.c.d.e.f.g; A; NXDOMAIN aa / @ SOA
rfc4592-2.2.2; none.only; A; NOERROR aa / @ SOA
rfc4592-2.2.2; one.two; DS; NOERROR aa / @ SOA
rfc4592-2.2.2; x.cut.one.two; A; NOERROR / cut.one.two NS + ns A; insecure
rfc4592-2.2.2; three.four; A; NOERROR aa / @ SOA
rfc4592-2.2.2; x.sec.three.four; A; NOERROR / sec.three.four NS [sec.three.four DS] + ns A
rfc4592-2.2.2; ent.six; A; NOERROR aa / @ SOA
rfc4592-2.2.3; x.seven; A; NOERROR aa / @ SOA
rfc4592-2.2.3; w.eight; A; NOERROR aa / @ SOA
rfc4592-2.2.3; x.w.eight; A; NOERROR aa | x.w.eight A
rfc4592-2.2.3; al.nine; A; NOERROR aa | al.nine CNAME / @ SOA
rfc6672-3.2; b.dn.ten; A; NOERROR aa | dn.ten DNAME b.dn.ten CNAME / @ SOA
# names of 255 octets, 127 labels, labels of 63 octets
rfc1035-2.3.4; {DEEP}; A; NOERROR aa | {DEEP} A
rfc1035-2.3.4; {DEEP}; TXT; NOERROR aa / @ SOA
rfc1035-2.3.4; {DEEP[2:]}; A; NOERROR aa / @ SOA
rfc1035-2.3.4; b{DEEP[1:]}; A; NXDOMAIN aa / @ SOA
rfc1035-2.3.4; {LABEL}; A; NOERROR aa | {LABEL} A
rfc1035-2.3.4; {LABEL[:-1]}2; A; NXDOMAIN aa / @ SOA
rfc1035-2.3.4; {FULL}; A; NOERROR aa | {FULL} A
rfc1035-2.3.4; {"e" + FULL[1:]}; A; NXDOMAIN aa / @ SOA
rfc1035-2.3.4; mx; MX; NOERROR aa | mx MX + {FULL} A
rfc1035-2.3.4; cname; A; NOERROR aa | cname CNAME {DEEP} A
rfc1035-2.3.4; x.{WILD_LONG}; TXT; NOERROR aa | x.{WILD_LONG} TXT
rfc1035-2.3.4; *.{WILD_LONG}; TXT; NOERROR aa | *.{WILD_LONG} TXT
rfc1035-2.3.4; {ALMOST}; A; NOERROR aa / @ SOA
"""


@pytest.mark.parametrize("name, rdtype, expected, verdict", rows(ENT))
def test_rfc4592_2_2_2_empty_non_terminals_and_rfc1035_2_3_4_long_names(held, name, rdtype, expected, verdict):
    check(held, "ent.example", name, rdtype, expected, verdict)


ESCAPE = r"""
rfc2181-11; a\.b; A; NOERROR aa | a\.b A
rfc2181-11; a.b; A; NXDOMAIN aa / @ SOA
rfc2181-11; \000; A; NOERROR aa | \000 A
rfc2181-11; x\000y; A; NOERROR aa | x\000y A
rfc2181-11; x\000; A; NOERROR aa / @ SOA
rfc2181-11; x; A; NXDOMAIN aa / @ SOA
rfc2181-11; \255; A; NOERROR aa | \255 A
rfc2181-11; \255\255.\255; A; NOERROR aa | \255\255.\255 A
rfc2181-11; sp\032ace; A; NOERROR aa | sp\032ace A
rfc2181-11; \[z; A; NOERROR aa | [z A
rfc2181-11; \{z; A; NXDOMAIN aa / @ SOA
rfc2181-11; \`z; A; NOERROR aa | `z A
rfc2181-11; \@z; A; NXDOMAIN aa / @ SOA
rfc2181-11; \195\132; A; NOERROR aa | \195\132 A
rfc2181-11; \195\164; A; NOERROR aa | \195\164 A
rfc2181-11; \195\196; A; NXDOMAIN aa / @ SOA
rfc4343-3; mIXeD; A; NOERROR aa | mixed A
rfc4343-3; upper.lower; A; NOERROR aa | upper.lower CNAME mixed A
rfc4343-3; x.case.CUT; A; NOERROR / case.cut NS + ns.case.cut A; insecure
rfc4592-2.1.1; x.star; A; NOERROR aa | x.star A
rfc4592-2.1.1; x.star2; A; NOERROR aa | x.star2 A
rfc6672-3.2; x.d\.name; A; NXDOMAIN aa | d\.name DNAME x.d\.name CNAME / @ SOA
rfc6672-3.2; \001.d\.name; A; NOERROR aa | d\.name DNAME \001.d\.name CNAME \001.\001 A
rfc9471-2.1; x.cu\.t; A; NOERROR / cu\.t NS + n\.s.cu\.t A; insecure
"""


@pytest.mark.parametrize("name, rdtype, expected, verdict", rows(ESCAPE))
def test_rfc2181_11_labels_of_any_octets(held, name, rdtype, expected, verdict):
    check(held, "escape.example", name, rdtype, expected, verdict)


TYPES = """
rfc3597-3; www; TYPE1234; NOERROR aa | www TYPE1234
rfc3597-3; www; TYPE65534; NOERROR aa | www TYPE65534
rfc3597-3; www; TYPE65280; NOERROR aa | www TYPE65280
rfc3597-3; www; TYPE1235; NOERROR aa / @ SOA
rfc3597-3; nothere; TYPE1234; NXDOMAIN aa / @ SOA
rfc3597-3; alias; TYPE1234; NOERROR aa | alias CNAME www TYPE1234
rfc3597-4; www; AFSDB; NOERROR aa | www AFSDB
rfc9460-4.2; svc; HTTPS; NOERROR aa | svc HTTPS + svc A
rfc9460-4.2; svc; SVCB; NOERROR aa | svc SVCB + www AAAA www Ax2
rfc9460-4.2; _dns.svc; SVCB; NOERROR aa | _dns.svc SVCB + mail A mail AAAA
rfc9460-4.2; x.svc; HTTPS; NOERROR aa | x.svc HTTPS
rfc2782; _s._tcp; SRV; NOERROR aa | _s._tcp SRVx2 + ns A
rfc7505-3; nullmx; MX; NOERROR aa | nullmx MX
rfc1034-4.3.2; @; MX; NOERROR aa | @ MX + mail A mail AAAA
rfc1034-4.3.2; @; NS; NOERROR aa | @ NSx2 + ns A
rfc1034-4.3.2; @; CAA; NOERROR aa | @ CAA
rfc7344-2; @; CDS; NOERROR aa | @ CDS
rfc2181-5.2; www; AAAA; NOERROR aa | www AAAA
rfc1034-4.2.1; ns.cut; TXT; NOERROR / cut NS + ns.cut A; insecure
"""


@pytest.mark.parametrize("name, rdtype, expected, verdict", rows(TYPES))
def test_rfc3597_types(held, name, rdtype, expected, verdict):
    check(held, "types.example", name, rdtype, expected, verdict)


TOP = """
rfc1034-4.3.2; @; SOA; NOERROR aa | @ SOA
rfc1034-4.3.2; @; NS; NOERROR aa | @ NSx2 + a.ns A ns.nic A
rfc1034-4.3.2; x.one; A; NOERROR / one NS + ns.one A; insecure
rfc4035-3.1.4; x.two; A; NOERROR / two NS [two DS] + ns.one A
rfc1034-4.3.2; co; TXT; NOERROR aa | co TXT
rfc1034-4.3.2; x.four.co; A; NOERROR / four.co NS + ns.four.co A; insecure
rfc4592-2.2.2; gov; A; NOERROR aa / @ SOA
rfc1034-4.3.2; nothere; A; NXDOMAIN aa / @ SOA
rfc4035-3.1.4.1; @; DS; NOERROR aa / @ SOA
"""


@pytest.mark.parametrize("name, rdtype, expected, verdict", rows(TOP))
def test_rfc1034_a_zone_right_below_the_root(held, name, rdtype, expected, verdict):
    check(held, "toplevel", name, rdtype, expected, verdict)


# ---- messages: octet by octet, to tandem.example with NSEC ----


@pytest.fixture(scope="module")
def golden():
    with serving.Serving(server={"nsid": "ns1", "version": "one"}, not_ready=["notready.example"]) as server:
        yield server


WWW, APEX = wire_of(labels_of("www.tandem.example")), wire_of(labels_of("tandem.example"))
QUERY, IQUERY, STATUS, NOTIFY, UPDATE, DSO = 0, 1, 2, 4, 5, 6


def header(opcode=QUERY, flags=0, qd=1, an=0, ns=0, ar=0):
    return struct.pack("!6H", 0x1234, opcode << 11 | flags, qd, an, ns, ar)


def question(name=WWW, rdtype=1, rdclass=1):
    return name + struct.pack("!2H", rdtype, rdclass)


def opt(size=1232, version=0, flags=0, options=b"", name=b"\0"):
    return name + struct.pack("!HHBBHH", 41, size, 0, version, flags, len(options)) + options


def option(code, value=b""):
    return struct.pack("!2H", code, len(value)) + value


def options_of(answer):
    rest, found = answer.opt[3], {}
    while rest:
        code, length = struct.unpack("!2H", rest[:4])
        assert code not in found
        found[code], rest = rest[4:4 + length], rest[4 + length:]
    return found


A_RECORD = b"\xc0\x0c" + struct.pack("!HHIH4s", 1, 1, 60, 4, b"abcd")
SOA_RECORD = b"\xc0\x0c" + struct.pack("!HHIH", 6, 1, 0, 24) + b"\xc0\x0c\xc0\x0c" + struct.pack("!5I", 7, 0, 0, 0, 0)
TSIG_RECORD = b"\1k\0" + struct.pack("!HHIH", 250, 255, 0, 0)
LONG_NAME = b"".join(b"\x3f" + b"a" * 63 for _ in range(4)) + b"\0"  # 257 octets

# What is sent | RCODE | whether the question comes back | the OPT comes back.
MESSAGES = {
    "rfc1035-4.1.1 a plain query": (header() + question(), 0, True, False),
    "rfc1035-4.1.1 TC and AA in a query are ignored": (header(flags=0x600) + question(), 0, True, False),
    "rfc1035-4.1.1 an RCODE in a query is ignored": (header(flags=5) + question(), 0, True, False),
    "rfc1035-4.1.1 a status request is not implemented": (header(STATUS) + question(), 4, True, False),
    "rfc3425-3 an inverse query is not implemented": (header(IQUERY) + question(), 4, True, False),
    "rfc2136-3 an update is not implemented": (header(UPDATE) + question(APEX, 6), 4, True, False),
    "rfc8490-5.1.1 a DSO message is not implemented": (header(DSO, qd=0) + b"\0\1\0\4\0\0\0\0", 4, False, False),
    "rfc6895-2.2 an opcode without a name": (header(15) + question(), 4, True, False),
    "rfc6891-6.1.1 an update with OPT has one in its answer": (header(UPDATE, ar=1) + question(APEX, 6) + opt(), 4, True, True),
    "rfc9619-4 no question": (header(qd=0), 1, False, False),
    "rfc9619-4 two questions": (header(qd=2) + question() + question(), 1, False, False),
    "rfc9619-4 no question and OPT": (header(qd=0, ar=1) + opt(), 1, False, True),
    "rfc1035-4.1 octets behind the last record": (header() + question() + b"x", 1, True, False),
    "rfc1035-4.1 a record that is not there": (header(ar=1) + question(), 1, True, False),
    "rfc1035-4.1 an answer in a query is passed over": (header(an=1) + question() + A_RECORD, 0, True, False),
    "rfc1035-4.1 an authority record too": (header(ns=1) + question() + SOA_RECORD, 0, True, False),
    "rfc1035-4.1.4 a pointer to the header for a question": (header() + b"\xc0\0\0\1\0\1", 1, False, False),
    "rfc1035-4.1.4 a pointer to itself": (header() + b"\xc0\x0c\0\1\0\1", 1, False, False),
    "rfc1035-4.1.4 a pointer behind a label": (header() + b"\3www\xc0\4\0\1\0\1", 1, False, False),
    "rfc6891-5 a label of an extended type": (header() + b"\x41aaaaaaaa\0\0\1\0\1", 1, False, False),
    "rfc1035-2.3.4 a label of type 10": (header() + b"\x80aaaaaaaa\0\0\1\0\1", 1, False, False),
    "rfc1035-2.3.4 a name of more than 255 octets": (header() + question(LONG_NAME), 1, False, False),
    "rfc1035-4.1.2 a question cut in its class": (header() + question()[:-1], 1, False, False),
    "rfc1035-3.2.4 class HS": (header() + question(rdclass=4), 5, True, False),
    "rfc1035-3.2.4 class NONE": (header() + question(rdclass=254), 5, True, False),
    "rfc6895-3.2 class 0": (header() + question(rdclass=0), 5, True, False),
    "rfc6895-3.1 type 0": (header() + question(rdtype=0), 1, True, False),
    "rfc6895-3.1 type OPT": (header() + question(rdtype=41), 1, True, False),
    "rfc6895-3.1 type TSIG": (header() + question(rdtype=250), 1, True, False),
    "rfc2930 type TKEY": (header() + question(rdtype=249), 4, True, False),
    "rfc1035-3.2.3 type MAILB": (header() + question(rdtype=253), 4, True, False),
    "rfc1035-3.2.3 type MAILA": (header() + question(rdtype=254), 4, True, False),
    "rfc9824-3.5 type NXNAME": (header() + question(rdtype=128), 1, True, False),
    "rfc5936-4.2 AXFR over UDP": (header() + question(APEX, 252), 1, True, False),
    "rfc6891-6.1.1 a query with OPT": (header(ar=1) + question() + opt(), 0, True, True),
    "rfc6891-6.1.1 two OPTs": (header(ar=2) + question() + opt() + opt(), 1, True, True),
    "rfc6891-6.1.1 OPT in the answer section": (header(an=1) + question() + opt(), 1, True, False),
    "rfc6891-6.1.1 OPT in the authority section": (header(ns=1) + question() + opt(), 1, True, False),
    "rfc6891-6.1.1 OPT behind another record": (header(ar=2) + question() + A_RECORD + opt(), 0, True, True),
    "rfc6891-6.1.1 OPT before another record": (header(ar=2) + question() + opt() + A_RECORD, 0, True, True),
    "rfc6891-6.1.2 OPT that is not the root's": (header(ar=1) + question() + opt(name=WWW), 1, True, True),
    "rfc6891-6.1.2 an unknown option": (header(ar=1) + question() + opt(options=option(65001, b"xyz") + option(4)), 0, True, True),
    "rfc6891-6.1.2 an option that runs over the end": (header(ar=1) + question() + opt(options=b"\0\3\0\5a"), 1, True, True),
    "rfc6891-6.1.2 half an option": (header(ar=1) + question() + opt(options=b"\0\3"), 1, True, True),
    "rfc6891-6.1.3 version 1": (header(ar=1) + question() + opt(version=1), 16, True, True),
    "rfc6891-6.1.3 version 255 with options that are not read": (
        header(ar=1) + question() + opt(version=255, options=option(3)), 16, True, True),
    "rfc6891-6.1.3 version 1 of a zone that is not here": (header(ar=1) + question(b"\3foo\0") + opt(version=1), 16, True, True),
    "rfc6891-6.1.3 version 1 and an opcode that is unknown": (header(UPDATE, ar=1) + question() + opt(version=1), 16, True, True),
    "rfc6891-6.1.4 unknown flags": (header(ar=1) + question() + opt(flags=0x7fff), 0, True, True),
    "rfc6891-6.2.3 a size of 0": (header(ar=1) + question() + opt(size=0), 0, True, True),
    "rfc6891-6.2.3 a size of 65535": (header(ar=1) + question() + opt(size=65535), 0, True, True),
    "rfc7873-5.2.2 a cookie of 7 octets": (header(ar=1) + question() + opt(options=option(10, b"1234567")), 1, True, True),
    "rfc7873-5.2.2 a cookie of 9 octets": (header(ar=1) + question() + opt(options=option(10, b"123456789")), 1, True, True),
    "rfc7873-5.2.2 a cookie of 41 octets": (header(ar=1) + question() + opt(options=option(10, b"1" * 41)), 1, True, True),
    "rfc7873-5.4 a cookie and no question": (header(qd=0, ar=1) + opt(options=option(10, b"12345678")), 0, False, True),
    "rfc7873-5.4 a server cookie of others and no question": (
        header(qd=0, ar=1) + opt(options=option(10, b"1" * 24)), 23, False, True),
    "rfc8945-5.1 TSIG in the answer section": (header(an=1) + question() + TSIG_RECORD, 1, True, False),
    "rfc8945-5.1 TSIG before OPT": (header(ar=2) + question() + TSIG_RECORD + opt(), 1, True, True),
    "rfc1996-3.7 NOTIFY without a question": (header(NOTIFY, qd=0), 1, False, False),
    "rfc1996-3.11 NOTIFY": (header(NOTIFY, flags=0x400) + question(APEX, 6), 0, True, False),
    "rfc1996-3.10 NOTIFY of a zone that is not here": (header(NOTIFY, flags=0x400) + question(b"\3foo\0", 6), 5, True, False),
    "rfc1034-4.3.2 a zone that is not here": (header() + question(b"\3foo\0"), 5, True, False),
    "rfc1034-4.3.2 the root": (header() + question(b"\0", 2), 5, True, False),
    "rfc8914-4.15 a zone that is not there yet": (header(ar=1) + question(wire_of(labels_of("x.notready.example"))) + opt(), 2, True, True),
}


@pytest.mark.parametrize("what", MESSAGES)
def test_messages(golden, what):
    wire, rcode, question_back, opt_back = MESSAGES[what]
    answer = exchange(golden, wire)
    assert answer.rcode == rcode, RCODES.get(answer.rcode)
    assert answer.id == 0x1234 and answer.flags & 0xF9F0 == 0x8000 | struct.unpack("!H", wire[2:4])[0] & 0x7800
    assert bool(answer.question) == question_back and bool(answer.opt) == opt_back
    assert not question_back or answer.question == wire[12:12 + len(answer.question)]
    if opt_back:
        name, size, ttl, _ = answer.opt
        assert name == () and size == 1232 and ttl >> 16 & 0xFF == 0 and ttl & 0x7FFF == 0  # our version, no unknown flag
    if rcode not in (0, 23):
        assert not answer.answer and not answer.authority and not answer.aa and not answer.tc
    with socket.create_connection((answers.HOST, golden.port), timeout=5) as connection:
        connection.sendall(struct.pack("!H", len(wire)) + wire)
        stream = connection.makefile("rb")
        if "over UDP" not in what:
            over_tcp = answers.Answer(stream.read(struct.unpack("!H", stream.read(2))[0]))
            assert over_tcp.rcode == rcode and over_tcp.key() == answer.key()


@pytest.mark.parametrize("wire", [b"", b"\x12\x34\0\0", header()[:11], header(flags=0x8000) + question(),
                                  header(NOTIFY, flags=0x8000) + question(APEX, 6)],
                         ids=["rfc1035-4.1.1-empty", "rfc1035-4.1.1-4-octets", "rfc1035-4.1.1-11-octets", "rfc1035-4.1.1-QR",
                              "rfc1035-4.1.1-QR-notify"])
def test_rfc1035_4_1_1_what_is_no_query_is_not_answered(golden, wire):
    assert exchange(golden, wire, timeout=0.3) is None
    assert exchange(golden, header() + question()).rcode == 0


def test_rfc1035_4_1_1_rd_is_echoed_and_rfc4035_3_1_6_ad_and_cd_are_cleared(golden):
    assert exchange(golden, header(flags=0x01F0) + question()).flags == 0x8500
    assert exchange(golden, header(flags=0x00F0) + question()).flags == 0x8400


def test_rfc3225_3_do_is_echoed(golden):
    for flags in (0, 0x8000):
        for rdtype in (1, 15):
            assert exchange(golden, header(ar=1) + question(rdtype=rdtype) + opt(flags=flags)).opt[2] == flags
    assert exchange(golden, header(ar=1) + question(b"\3foo\0") + opt(flags=0x8000)).opt[2] == 0x8000


def test_rfc4343_4_1_the_question_comes_back_in_its_letter_case(golden):
    name = b"\3wWw\6TanDEM\7exAMPle\0"
    answer = exchange(golden, header() + question(name))
    assert answer.question == question(name)
    assert answer.wire[12 + len(name) + 4:][:2] == b"\xc0\x0c"  # the answer's owner points there
    missing = exchange(golden, header() + question(b"\7NotHere" + name[4:]))
    assert missing.rcode == 3 and missing.question[:8] == b"\7NotHere"


def test_rfc6891_6_2_3_sizes_are_between_512_and_1232(golden):
    big = wire_of(labels_of("big.tandem.example"))
    for size in (0, 100, 511, 512, 1000, 1232, 4096, 65535):
        answer = exchange(golden, header(ar=1) + question(big, 16) + opt(size=size))
        assert answer.tc and not answer.answer and not answer.authority and answer.opt
        many = exchange(golden, header(ar=1) + question(wire_of(labels_of("mxmany.tandem.example")), 15) + opt(size=size, flags=0x8000))
        assert len(many.wire) <= max(512, min(size, 1232)) and not many.tc and many.answer
    assert len(exchange(golden, header() + question(big, 16)).wire) <= 512  # RFC 1035 section 4.2.1


def test_rfc9471_3_1_in_domain_glue_that_does_not_fit_sets_tc(tmp_path):
    hosts = [f"ns{number}-{'x' * 40}.sub" for number in range(13)]
    zone = "$TTL 300\n@ IN SOA ns host 1 7200 900 1209600 300\n@ IN NS ns\nns IN A 192.0.2.1\n"
    zone += "".join(f"sub IN NS {host}\n{host} IN A 192.0.2.2\n{host} IN AAAA 2001:db8::1\n" for host in hosts)
    zone += "".join(f"other IN NS {host}\n" for host in hosts)
    (tmp_path / "glue").write_text(zone)
    with serving.Serving({"glue.example": tmp_path / "glue"}) as server:
        for name, truncated in (("x.sub.glue.example", True), ("x.other.glue.example", False)):
            labels = labels_of(name)
            answer = exchange(server, answers.query_wire(1, labels, 1, False))
            whole = ask_tcp(server, labels, 1, False)
            assert answer.tc == truncated
            assert not whole.tc and len(whole.authority) == 13 and len(whole.additional) == 26
            # of servers elsewhere (section 3.2) what fits, without TC
            assert truncated or len(answer.authority) == 13 and 0 < len(answer.additional) < 26


def test_rfc8482_4_1_any_over_udp_is_one_rrset_and_over_tcp_all(golden):
    for name, sets in (("svc.tandem.example", {1, 65}), ("tandem.example", {1, 2, 6, 15, 16, 48})):
        datagram = exchange(golden, answers.query_wire(1, labels_of(name), answers.ANY, False))
        assert len({record[1] for record in datagram.answer}) == 1 and not datagram.tc and datagram.aa
        assert {record[1] for record in ask_tcp(golden, labels_of(name), answers.ANY, False).answer} - {RRSIG, NSEC} == sets
    for name, rcode in (("nothere.tandem.example", 3), ("ent.empty.tandem.example", 0), ("x.child.tandem.example", 0)):
        assert exchange(golden, answers.query_wire(1, labels_of(name), answers.ANY, False)).rcode == rcode


def test_rfc1035_3_2_5_class_any_is_answered_from_in_without_aa(golden):
    answer = exchange(golden, header() + question(rdclass=255))
    assert answer.rcode == 0 and len(answer.answer) == 2 and not answer.aa


@pytest.mark.parametrize("name, text", [("version.bind", b"one"), ("VERSION.server", b"one"), ("hostname.bind", b"ns1"),
                                        ("id.server", b"ns1"), ("authors.bind", None), ("tandem.example", None)])
def test_rfc4892_2_class_ch(golden, name, text):
    answer = exchange(golden, header() + question(wire_of(labels_of(name)), 16, 3))
    assert answer.rcode == (0 if text else 5)
    assert [record[3] for record in answer.answer] == ([bytes([len(text)]) + text] if text else [])
    if text:
        assert exchange(golden, header() + question(wire_of(labels_of(name)), 1, 3)).answer == frozenset()
        assert exchange(golden, header() + question(wire_of(labels_of(name)), 16, 1)).rcode == 5


def test_rfc5001_2_nsid_is_told_to_who_asks(golden):
    assert options_of(exchange(golden, header(ar=1) + question() + opt(options=option(3)))) == {3: b"ns1"}
    assert options_of(exchange(golden, header(ar=1) + question() + opt())) == {}
    assert options_of(exchange(golden, header(ar=1) + question(b"\3foo\0") + opt(options=option(3))))[3] == b"ns1"


def test_rfc7314_2_expire_is_told_with_the_soa(golden):
    left = options_of(exchange(golden, header(ar=1) + question(APEX, 6) + opt(options=option(9))))[9]
    assert 0 < struct.unpack("!I", left)[0] <= 1209600
    for name, rdtype in ((WWW, 1), (WWW, 6), (b"\3foo\0", 6)):
        assert 9 not in options_of(exchange(golden, header(ar=1) + question(name, rdtype) + opt(options=option(9))))


def test_rfc8914_2_errors_say_why(golden):
    def ede(name):
        return struct.unpack("!H", options_of(exchange(golden, header(ar=1) + question(wire_of(labels_of(name))) + opt()))[15][:2])[0]

    assert ede("x.notready.example") == 14  # Not Ready
    assert ede("www.elsewhere.invalid") == 20  # Not Authoritative


def test_rfc7873_5_2_cookies_are_made_renewed_and_known(golden):
    first = options_of(exchange(golden, header(ar=1) + question() + opt(options=option(10, b"12345678"))))[10]
    assert first[:8] == b"12345678" and len(first) == 24 and first[8:12] == b"\1\0\0\0"  # RFC 9018 section 4.1, 4.2
    again = options_of(exchange(golden, header(ar=1) + question() + opt(options=option(10, first))))[10]
    assert again[:12] == first[:12] and len(again) == 24
    known = exchange(golden, header(qd=0, ar=1) + opt(options=option(10, first)))
    assert known.rcode == 0
    bad = first[:-1] + bytes([first[-1] ^ 1])
    assert exchange(golden, header(qd=0, ar=1) + opt(options=option(10, bad))).rcode == 23
    assert exchange(golden, header(ar=1) + question() + opt(options=option(10, bad))).rcode == 0


ROOT = """
rfc1034-4.3.2; .; SOA; NOERROR aa | @ SOA
rfc1034-4.3.2; .; NS; NOERROR aa | @ NS + a.root-servers.net A
rfc1034-4.3.2; nic.; TXT; NOERROR aa | nic TXT
rfc1034-4.3.2; toplevel.; SOA; NOERROR aa | toplevel SOA
rfc4035-3.1.4.1; toplevel.; DS; NOERROR aa | toplevel DS
rfc4035-3.1.4.1; .; DS; NOERROR aa / @ SOA
rfc1034-4.3.2; x.open.; A; NOERROR / open NS + ns.signed A; insecure
rfc4035-3.1.4; x.signed.; A; NOERROR / signed NS [signed DS] + ns.signed A
rfc1034-4.3.2; nothere.; A; NXDOMAIN aa / @ SOA
rfc8020-2; a.b.c.nothere.; A; NXDOMAIN aa / @ SOA
rfc4592-2.2.2; net.; A; NOERROR aa / @ SOA
rfc4592-3.3.1; x.wild.; A; NOERROR aa | x.wild A
rfc1034-3.6.2; alias.; TXT; NOERROR aa | alias CNAME nic TXT
rfc6672-3.2; x.dname.; A; NOERROR aa | dname DNAME x.dname CNAME x.wild A
rfc6672-3.2; co.dn2.; TXT; NOERROR aa | dn2 DNAME co.dn2 CNAME co.toplevel TXT
"""


@pytest.fixture(scope="module", params=["nsec", "nsec3"])
def root(request, tmp_path_factory):
    zones = answer_zones.Zones("root", request.param, tmp_path_factory.mktemp("root"))
    with serving.Serving(zones.files) as server:
        server.judge = answer_proofs.Judge(zones.parsed.values())
        yield server


@pytest.mark.parametrize("name, rdtype, expected, verdict", rows(ROOT))
def test_rfc1034_the_root_zone_and_its_child(root, name, rdtype, expected, verdict):
    check(root, ".", name, rdtype, expected, verdict)


OPT_OUT = """
rfc5155-7.2.7; x.indomain; A; NOERROR / indomain NSx2 + ns.indomain A ns.indomain AAAA ns2.indomain A; insecure
rfc5155-7.2.4; indomain; DS; NOERROR aa / @ SOA; insecure
rfc5155-7.2.4; far.off.ent; DS; NOERROR aa / @ SOA; insecure
rfc5155-7.2.7; x.far.off.ent; A; NOERROR / far.off.ent NS + ns A ns AAAA; insecure
rfc5155-7.1; off.ent; A; NOERROR aa / @ SOA; insecure
rfc5155-7.1; lone.out; A; NOERROR aa / @ SOA; insecure
rfc5155-7.1; part; A; NOERROR aa / @ SOA
rfc5155-7.2.2; x.off.ent; A; NXDOMAIN aa / @ SOA; insecure
rfc5155-7.2.6; x.wild; A; NOERROR aa | x.wild A; insecure
rfc5155-7.2.5; x.wild; TXT; NOERROR aa / @ SOA; insecure
rfc5155-7.2.7; x.signed; A; NOERROR / signed NS [signed DSx2] + ns.signed A
rfc5155-7.2.3; www; TXT; NOERROR aa / @ SOA
"""


@pytest.fixture(scope="module")
def opted_out(tmp_path_factory):
    zones = answer_zones.Zones("cuts", "nsec3-opt-out", tmp_path_factory.mktemp("opt-out"))
    with serving.Serving(zones.files) as server:
        server.judge = answer_proofs.Judge(zones.parsed.values())
        yield server


@pytest.mark.parametrize("name, rdtype, expected, verdict", rows(OPT_OUT))
def test_rfc5155_opt_out(opted_out, name, rdtype, expected, verdict):
    check(opted_out, "cuts.example", name, rdtype, expected, verdict)


def test_rfc1034_3_6_2_chains_have_an_end(held):
    """A DNAME that points below itself makes names without end: after 17 steps (common/answer/answer.h) the resolver goes on."""
    for dnssec in (False, True):
        answer = ask_tcp(held, labels_of("x.dgrow.chain.example"), 1, dnssec)
        made = [name for name, rdtype in answer.ordered["answer"] if rdtype == answers.CNAME]
        assert answer.rcode == 0 and len(made) == 17 and made[16] == (b"x", *(b"more",) * 16, b"dgrow", b"chain", b"example")
        assert answer.ordered["answer"].count((labels_of("dgrow.chain.example"), answers.DNAME)) == 1
        assert not answer.authority


def test_the_table_of_requirements_names_tests_that_exist():
    tests = pathlib.Path(__file__).resolve().parents[1]
    sources = "\n".join(file.read_text() for folder in ("unit", "journey", "interop") for file in (tests / folder).rglob("test_*")
                        if file.suffix in (".c", ".py"))
    named = re.findall(r"`([^`]+)`", (tests / "unit/answer/README.md").read_text())
    assert len(named) > 100
    assert not [name for name in named if name not in sources]
