"""Answers by their RFC sections, from tandem-server over UDP and TCP: the zones of tests/golden/answer/tricky, signed with
NSEC and with NSEC3. Each row is a question and what must come (tests/support/answer_rows.py says how it is written). The
messages of a query and their octets are in test_messages_rfc.py. The table of all that serving.md asks for is
tests/unit/answer/README.md."""

import pathlib
import re
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import answer_proofs  # noqa: E402
import answer_zones  # noqa: E402
import answers  # noqa: E402
import serving  # noqa: E402
from answer_rows import ask_tcp, check, rows  # noqa: E402
from answers import labels_of  # noqa: E402


@pytest.fixture(scope="module", params=["nsec", "nsec3"])
def held(request, tmp_path_factory):
    """The zones, their server, and the judge."""
    zones = answer_zones.Zones("tricky", request.param, tmp_path_factory.mktemp("zones"))
    with serving.Serving(zones.files, server={"nsid": "ns1", "version": "one"}, not_ready=["notready.example"]) as server:
        server.judge = answer_proofs.Judge(zones.parsed.values())
        server.signing = request.param
        yield server


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
