"""Rows of answers: a question and what must come, asked of tandem-server over UDP and TCP, with DO and without; each answer with
DO is also judged by the validator of answer_proofs.

"NOERROR aa | www A host1 Ax2 / SOA + ns A": RCODE, AA, answer, authority without its proofs, additional; names relative to
the zone, xN where an RRset has N records, [with DO only]; the additional section is sorted."""

import re
import socket

import pytest

import answer_proofs
import answers
from answers import NSEC, NSEC3, RRSIG, labels_of

RCODES = {0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED", 6: "YXDOMAIN", 9: "NOTAUTH",
          16: "BADVERS", 23: "BADCOOKIE"}


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
