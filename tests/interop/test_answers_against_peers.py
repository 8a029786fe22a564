"""The same questions to named, knotd, nsd and tandem-server, and every answer of ours to a validator.

The zones (tests/golden/answer and its folder tricky) are signed here with NSEC and with NSEC3: without salt and iterations,
with both, with opt-out; the root zone and a zone right below it too. The questions (tests/support/answer_zones.py) are made
from the zones. Answers are compared as sets: RCODE, AA, TC, answer, authority, and the addresses of a referral. Each
difference must have a rule below that knows it; one without a rule fails the test and is printed. Ours to questions with DO
must convince tests/support/answer_proofs.py, and of some hundred unbound must think what that thinks.

A sample of the questions is asked, the same each time; TANDEM_LONG=1 asks all, and many more of unbound."""

import collections
import pathlib
import random
import re
import struct
import sys

import dns.exception
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import answer_proofs  # noqa: E402
import answer_zones  # noqa: E402
import answers  # noqa: E402
import authoritative  # noqa: E402
import peers  # noqa: E402
import serving  # noqa: E402
from answer_proofs import Bogus, Judge  # noqa: E402
from answers import (  # noqa: E402
    A, ANY, CNAME, DNAME, DS, NOERROR, NS, NSEC, NSEC3, NXDOMAIN, REFUSED, RRSIG, SERVFAIL, SOA, YXDOMAIN,
    is_below, text_of, type_text,
)

SAMPLE = {"zones": 2800, "root": 1500}
UNBOUND_SAMPLE = 3000 if answer_zones.LONG else 200
NAMED_PIPELINE = 20  # named takes 23 at a time


class Case:
    """A question with our answer and a peer's, and what the rules want to know of them."""

    def __init__(self, zones, judge, peer, question, ours, theirs):
        self.zones, self.judge, self.peer, self.ours, self.theirs = zones, judge, peer, ours, theirs
        self.name, self.rdtype, self.dnssec = answer_zones.lower(question[0]), question[1], question[2]

    def holds(self, answer):
        """None where a validator believes the answer, else its reason, names left out."""
        try:
            self.judge.verdict(self.name, self.rdtype, answer)
        except Bogus as reason:
            return re.sub(r"\S*\.(?= |$)", "NAME", str(reason))
        return None

    def chain(self, answer):
        """The names that the CNAMEs of an answer lead through, the question's first; a circle ends with its first name."""
        targets = {name: answers.read_name(rdata, 0)[0] for name, rdtype, _, rdata in answer.answer if rdtype == CNAME}
        names = [self.name]
        while names[-1] in targets and len(names) < 40:
            names.append(targets[names[-1]])
            if names[-1] in names[:-1]:
                break
        return names

    def synthesised(self, answer):
        return [name for name, rdtype, _, _ in answer.answer if rdtype == DNAME]

    def below_dname_in(self, apex):
        """The question is below a DNAME of that zone."""
        content = self.zones.content.get(apex, {})
        return any(DNAME in content.get(self.name[depth:], {}) for depth in range(1, len(self.name) - len(apex)))


# ---- what may differ, and why; the first rule that knows a case takes it ----


def zone_not_loaded(case):
    """The peer does not load a zone that the question or its chain comes to."""
    missing = {answers.labels_of(apex) for apex in answer_zones.not_taken(case.peer, case.zones.nsec3)}
    return any(case.zones.zone_of(name) in missing for name in case.chain(case.ours))


def no_chain_into_other_zones(case):
    """Ours follows a chain into other zones held here (RFC 1034 section 4.3.2 step 3a goes back to step 1); theirs ends with
    its zone. What they have is a part of ours."""
    if case.peer == "nsd" or not case.theirs.answer <= case.ours.answer:
        return False
    end = case.chain(case.theirs)[-1]
    return case.zones.zone_of(end) != case.zones.zone_of(case.name) and \
        not any(rdtype == SOA for _, rdtype, _, _ in case.theirs.authority)


def chain_into_a_deeper_zone(case):
    """Theirs takes the end of a chain for the zone of the question, which only has a cut above it; a deeper zone is held."""
    names = case.chain(case.ours)
    return case.theirs.answer <= case.ours.answer and any(
        case.zones.zone_of(name) != case.zones.zone_of(case.name) for name in names)


def any_is_the_peers_choice(case):
    """RFC 8482 section 4: of ANY (and of RRSIG, which is a question for several RRsets in the same way) a server may answer a
    part. Theirs has something where ours has, and ours has all over TCP."""
    if case.rdtype not in (ANY, RRSIG) or case.ours.rcode != case.theirs.rcode or case.ours.rcode != NOERROR:
        return False
    return bool(case.ours.answer) == bool(case.theirs.answer) and \
        all(set_of(case, record) for record in case.theirs.answer if record[1] != RRSIG)


def set_of(case, record):
    """The record is the zone's own at the name of the question, at the wildcard it came from, or at a DNAME above."""
    zone = case.zones.content[case.zones.zone_of(record[0])]
    return any(record[1] in zone.get(made, {}) for made in
               [record[0]] + [(b"*",) + record[0][depth:] for depth in range(1, len(record[0]))])


def any_below_a_dname(case):
    """RFC 6672 section 3.2: the CNAME that is made is an answer to ANY and the end of it (QTYPE matches, RFC 1034 section
    4.3.2 step 3a); knotd and nsd go on from it."""
    return case.rdtype == ANY and case.peer != "named" and case.synthesised(case.ours) and \
        case.ours.answer <= case.theirs.answer


def loop_is_servfail(case):
    """named says SERVFAIL at the end of a circle, or of a chain that is too long for it; ours NOERROR with the records, as
    knotd and nsd."""
    return case.peer == "named" and case.theirs.rcode == SERVFAIL and case.theirs.answer <= case.ours.answer and \
        (len(set(case.chain(case.ours))) < len(case.chain(case.ours)) or len(case.chain(case.ours)) > 11)


def shorter_chain(case):
    """Each has its own limit for a chain (RFC 1034 section 3.6.2 only asks for one): knotd 5 steps, named 11, nsd one for each
    DNAME."""
    if not case.theirs.answer < case.ours.answer:
        return False
    steps = len(case.chain(case.theirs)) - 1
    if case.peer == "nsd":
        return steps > 0 and len(case.chain(case.ours)) - 1 > steps and bool(case.synthesised(case.ours))
    return steps >= {"knotd": 5, "named": 11}[case.peer]


def too_long_below_a_dname(case):
    """knotd says NXDOMAIN for some names that a DNAME makes too long (by 24 octets, say); it is YXDOMAIN (RFC 6672 section
    2.2)."""
    dnames = [(name, answers.read_name(rdata, 0)[0]) for name, rdtype, _, rdata in case.ours.answer if rdtype == DNAME]
    if case.peer != "knotd" or case.theirs.rcode != NXDOMAIN or len(dnames) != 1 or case.ours.answer != case.theirs.answer:
        return False
    owner, target = dnames[0]
    made = case.chain(case.ours)[-1]
    return case.ours.rcode == YXDOMAIN and answers.wire_size(made[:len(made) - len(owner)] + target) > 255


def dname_at_a_wildcard(case):
    """knotd redirects below the literal star of a DNAME's wildcard with that DNAME under the name of the question, or says
    SERVFAIL in a zone with NSEC3; its owner is the wildcard (RFC 6672 section 3.3), as named has it."""
    stars = [name for name in case.synthesised(case.ours) if name[:1] == (b"*",)]
    if case.peer != "knotd" or not stars:
        return False
    return case.theirs.rcode == SERVFAIL or case.name in case.synthesised(case.theirs)


def nsec_at_a_cut(case):
    """named answers for the NSEC at a zone cut; ours refers, as knotd and nsd do: only DS is the parent's to answer
    there (RFC 4035 section 3.1.4.1)."""
    return case.peer == "named" and case.rdtype == NSEC and case.theirs.aa and not case.ours.answer and \
        any(rdtype == NS for _, rdtype, _, _ in case.ours.authority)


def ds_at_an_apex_without_its_parent(case):
    """They refer for the DS of a zone held here whose parent is not, where they hold a zone further up; ours says NODATA from
    the child, as RFC 4035 section 3.1.4.1 demands of who holds the child and not the parent."""
    return case.rdtype == DS and case.name in case.zones.apexes and not case.theirs.aa and \
        any(rdtype == NS and name != case.name and is_below(case.name, name) for name, rdtype, _, _ in case.theirs.authority)


def wildcard_nsec_without_proof(case):
    """knotd answers an NSEC question from a wildcard's NSEC without the proof that it applied (RFC 4035 section 3.1.3.3)."""
    return case.peer == "knotd" and case.rdtype == NSEC and case.ours.answer == case.theirs.answer and \
        not case.theirs.authority


def hidden_by_a_dname(case):
    """knotd answers from names that a DNAME hides (RFC 6672 section 2.4 forbids them, section 3.2 does not come to them)."""
    return case.peer == "knotd" and any(is_below(name, answers.labels_of("d.hidden.example")) for name in case.chain(case.ours))


def owner_of_an_nsec3(case):
    """nsd takes the owner of an NSEC3 for a name of the zone, and what is below it for no name; ours, as knotd and named, do
    not know it: it is hashed like any other (RFC 5155 section 7.2.8)."""
    content = case.zones.content.get(case.zones.zone_of(case.name), {})
    return case.peer == "nsd" and any(set(content.get(case.name[depth:], {A})) <= {NSEC3, RRSIG} for depth in range(2))


def nsec3_at_a_cname(case):
    """nsd follows no CNAME for type NSEC3, though the bitmap of its proof has CNAME."""
    return case.peer == "nsd" and case.rdtype == NSEC3 and case.theirs.answer < case.ours.answer and \
        len(case.chain(case.ours)) > len(case.chain(case.theirs))


def their_proof_fails(case):
    """A validator believes our answer and not theirs, for this reason; the rest of both is the same."""
    if not case.dnssec or case.ours.rcode != case.theirs.rcode or case.ours.answer != case.theirs.answer:
        return False
    return not case.holds(case.ours) and case.holds(case.theirs)


def more_than_the_proof_needs(case):
    """Theirs has the records of ours and more NSEC or NSEC3; both convince."""
    return case.dnssec and case.ours.rcode == case.theirs.rcode and case.ours.answer == case.theirs.answer and \
        case.theirs.authority > case.ours.authority and not case.holds(case.ours) and not case.holds(case.theirs)


RULES = [zone_not_loaded, hidden_by_a_dname, no_chain_into_other_zones, any_is_the_peers_choice, any_below_a_dname, loop_is_servfail,
         shorter_chain, too_long_below_a_dname, dname_at_a_wildcard, nsec_at_a_cut, ds_at_an_apex_without_its_parent, wildcard_nsec_without_proof, owner_of_an_nsec3,
         nsec3_at_a_cname, their_proof_fails, more_than_the_proof_needs, chain_into_a_deeper_zone]


def explain(case):
    for rule in RULES:
        why = rule(case)
        if why:
            return rule.__name__ + (f": {why}" if isinstance(why, str) else "")
    return None


# ---- referrals: the addresses ----


def glue(case, answer):
    """(needed, other) addresses in a referral: of servers below the cut (RFC 9471 section 3.1), and of others."""
    cuts = [name for name, rdtype, _, _ in answer.authority if rdtype == NS]
    if not cuts or any(rdtype == SOA for _, rdtype, _, _ in answer.authority):
        return None
    needed = {record for record in answer.additional if is_below(record[0], cuts[0])}
    return needed, answer.additional - needed


def glue_differs(case):
    ours, theirs = glue(case, case.ours), glue(case, case.theirs)
    if ours is None or ours == theirs:
        return None
    if ours[0] != theirs[0]:
        return "UNEXPLAINED"
    if theirs[1] < ours[1]:
        return "referral: we add addresses of servers that are elsewhere in the zone (RFC 9471 section 3.2)"
    return "UNEXPLAINED"


# ---- the tests ----


@pytest.fixture(scope="module")
def signed(tmp_path_factory):
    """Zones by set and signing, each made once."""
    made = {}

    def make(set_name, signing):
        if (set_name, signing) not in made:
            made[set_name, signing] = answer_zones.Zones(set_name, signing, tmp_path_factory.mktemp("zones"))
        return made[set_name, signing]

    return make


def ask_peer(name, zones, todo, directory):
    left_out = answer_zones.not_taken(name, zones.nsec3)
    files = {apex: file for apex, file in zones.files.items() if apex not in left_out}
    with authoritative.Authoritative(name, files, directory) as peer:
        return answers.ask_all(peer.port, todo, NAMED_PIPELINE if name == "named" else answers.PIPELINE)


def show(case):
    return (f"  {text_of(case.name)} {type_text(case.rdtype)}{' DO' if case.dnssec else ''}\n    ours {case.ours}\n    {case.peer} "
            f"{case.theirs}")


def compare(zones, judge, peer, todo, ours, theirs):
    """Prints how many answers are equal and how many differ for which reason; gives those that no rule knows."""
    counts, unexplained = collections.Counter(), []
    for question, mine, other in zip(todo, ours, theirs):
        case = Case(zones, judge, peer, question, mine, other)
        if mine.key() == other.key():
            why = glue_differs(case) or "equal"
        else:
            why = explain(case) or "UNEXPLAINED"
        counts[why] += 1
        if why == "UNEXPLAINED":
            unexplained.append(case)
    print(f"{zones.name} {peer}: {len(todo)} questions")
    for why, count in counts.most_common():
        print(f"  {count:7} {why}")
    for case in unexplained[:25]:
        print(show(case))
    return unexplained


def check_form(question, answer):
    """What holds for each answer of ours: the question as it was asked, the OPT, no record twice, no DNSSEC unasked."""
    name, rdtype, dnssec = question
    assert answer.question == answers.wire_of(name) + struct.pack("!2H", rdtype, 1)
    assert answer.flags & 0xFA70 == 0x8000  # QR; opcode, RD, RA, Z, AD, CD 0
    opt_name, size, ttl, _ = answer.opt
    assert opt_name == () and size == 1232 and ttl & 0xFFFFFF == (0x8000 if dnssec else 0)
    assert not answer.twice
    if not dnssec and rdtype not in (ANY, RRSIG):
        unasked = {RRSIG, NSEC, NSEC3} - {rdtype}
        assert not any(record[1] in unasked for record in answer.answer | answer.authority | answer.additional)


def check_proofs(judge, todo, ours):
    """Every answer with DO convinces; gives the verdicts."""
    verdicts, bogus = {}, []
    for question, answer in zip(todo, ours):
        name, rdtype, dnssec = question
        if not dnssec or answer.rcode == REFUSED:
            continue
        try:
            verdicts[question] = judge.verdict(answer_zones.lower(name), rdtype, answer)
        except Bogus as reason:
            bogus.append(f"{text_of(name)} {type_text(rdtype)}: {reason}\n    {answer}")
    assert not bogus, f"{len(bogus)} answers do not convince\n" + "\n".join(bogus[:20])
    return verdicts


def check_judge(judge, todo, ours):
    """The judge itself: without any one of its NSECs or NSEC3s a denial must fail, but where the others prove it by chance."""
    tried = refused = 0
    for (name, rdtype, dnssec), answer in zip(todo, ours):
        denial = [record for record in answer.authority if record[1] in (NSEC, NSEC3)]
        if not dnssec or answer.rcode != NXDOMAIN or not denial or tried == 600:
            continue
        whole = answer.authority
        for gone in denial:
            answer.authority = whole - {gone}
            tried += 1
            try:
                judge.verdict(answer_zones.lower(name), rdtype, answer)
            except Bogus:
                refused += 1
        answer.authority = whole
    assert tried > 200 and refused >= 0.98 * tried


def check_spoiled(judge, todo, ours, verdicts):
    """The judge again: with an octet of one record changed, or without its signatures, no secure answer convinces."""
    tried = 0
    for question, answer in zip(todo, ours):
        if verdicts.get(question) != answer_proofs.SECURE or not answer.answer or question[1] in (ANY, RRSIG) or tried == 200:
            continue
        tried, whole = tried + 1, answer.answer
        name, rdtype, ttl, rdata = next(record for record in sorted(whole) if record[1] != RRSIG)
        spoiled = (name, rdtype, ttl, rdata[:-1] + bytes([rdata[-1] ^ 1])) if rdata and rdtype not in (CNAME, DNAME) else \
            (name, rdtype, ttl, b"\1x" + rdata)
        unsigned = {record for record in whole if record[1] != RRSIG}
        for changed in (whole - {(name, rdtype, ttl, rdata)} | {spoiled}, unsigned):
            answer.answer = frozenset(changed)
            with pytest.raises(Bogus):
                judge.verdict(answer_zones.lower(question[0]), question[1], answer)
        answer.answer = whole
    assert tried > 10  # the root zone has few


@pytest.mark.parametrize("set_name, signing", [
    *(("zones", signing) for signing in answer_zones.SIGNINGS), ("root", "nsec"), ("root", "nsec3-opt-out")])
def test_answers_convince_and_differ_from_the_peers_for_known_reasons(set_name, signing, signed, tmp_path):
    zones = signed(set_name, signing)
    judge = Judge(zones.parsed.values())
    todo, whole = answer_zones.questions(zones, SAMPLE[set_name])
    with serving.Serving(zones.files) as server:
        ours = answers.ask_all(server.port, todo)
    for question, answer in zip(todo, ours):
        check_form(question, answer)
    verdicts = check_proofs(judge, todo, ours)
    print(f"{zones.name}: {len(todo)} of {whole} questions; with DO {dict(collections.Counter(verdicts.values()))}")
    check_judge(judge, todo, ours)
    check_spoiled(judge, todo, ours, verdicts)
    unexplained = []
    for peer in authoritative.NAMES:
        unexplained += compare(zones, judge, peer, todo, ours, ask_peer(peer, zones, todo, tmp_path))
    assert not unexplained, f"{len(unexplained)} differences without an explanation"


def is_whole(judge, question, answer):
    """A resolver can come to the end of it with the zones that are held here, and may ask for the type. A CNAME asked for
    by its type is left out: unbound (1.17) looks at what it knows of the target too, and says NXDOMAIN or SERVFAIL at times."""
    name, rdtype, dnssec = question
    return dnssec and answer.aa and rdtype not in (ANY, RRSIG) and answer.rcode in (NOERROR, NXDOMAIN) and \
        not any(kind == NS for _, kind, _, _ in answer.authority) and \
        (answer_zones.lower(name) not in judge.zones or rdtype != DS) and \
        not (rdtype == CNAME and answer.answer)


def asked_again(unbound, question):
    """As a stub resolver does. None: unbound drops it each time without a word ("requestlist exceeded" in its statistics)."""
    for _ in range(2):
        try:
            return unbound.resolve(text_of(question[0]), question[1])
        except dns.exception.Timeout:
            pass
    return None


def ask_unbound(work, name, zones, port, questions):
    """{question: (RCODE, verdict)} of unbound with the keys of the zones, which asks the server on this port."""
    anchors = [f"{apex} 3600 IN DNSKEY {key}" for apex, zone in zones.parsed.items()
               for key in zone.get_rdataset(zone.origin, "DNSKEY") if key.flags & 1]
    unbound = peers.Unbound(work, name, anchors=anchors)
    for apex in zones.files:
        unbound.stub(apex, [port])
    unbound.start()
    try:
        said = {question: asked_again(unbound, question) for question in questions}
    finally:
        unbound.stop()
    return {question: answer and (int(answer.rcode()), answer_proofs.SECURE if peers.is_secure(answer) else answer_proofs.INSECURE)
            for question, answer in said.items()}


@pytest.mark.parametrize("signing", ["nsec", "nsec3", "nsec3-opt-out"])
def test_unbound_thinks_what_the_judge_thinks(signing, signed, work, tmp_path):
    """Where it does not, it must think the same of named's answer: the CNAME below a DNAME asked for by that type, say."""
    zones = signed("zones", signing)
    judge = Judge(zones.parsed.values())
    todo, _ = answer_zones.questions(zones, SAMPLE["zones"])
    with serving.Serving(zones.files) as server:
        ours = answers.ask_all(server.port, todo)
        expected = {question: (answer.rcode, judge.verdict(answer_zones.lower(question[0]), question[1], answer))
                    for question, answer in zip(todo, ours) if is_whole(judge, question, answer)}
        expected = {question: verdict for question, verdict in expected.items()
                    if verdict[1] in (answer_proofs.SECURE, answer_proofs.INSECURE)}
        picked = random.Random(5155).sample(sorted(expected), min(UNBOUND_SAMPLE, len(expected)))
        said = ask_unbound(work, "unbound", zones, server.port, picked)
    differ = [question for question in picked if said[question] != expected[question]]
    if differ:
        with authoritative.Authoritative("named", zones.files, tmp_path) as named:
            of_named = ask_unbound(work, "unbound-named", zones, named.port, differ)
    wrong = [f"{text_of(name)} {type_text(rdtype)}: {said[name, rdtype, dnssec]}, of named's {of_named[name, rdtype, dnssec]}, judge "
             f"{expected[name, rdtype, dnssec]}" for name, rdtype, dnssec in differ
             if said[name, rdtype, dnssec] != of_named[name, rdtype, dnssec]]
    secure = sum(expected[question][1] == answer_proofs.SECURE for question in picked)
    print(f"{zones.name}: unbound {len(picked)} answers, {secure} secure, {len(differ)} not as the judge but as named's, {len(wrong)} "
          "wrong")
    assert not wrong, "\n".join(wrong[:20])
    assert secure > len(picked) // 5 and len(differ) < len(picked) // 20
