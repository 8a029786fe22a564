"""Valid transfers, spoiled at random, and what another reader (dnspython, and the rules of RFC 5936 and RFC 1995 written
down here) takes from the same octets.

    good = spoiled.records(records, chance)          # maybe one left out, doubled, moved or changed
    sent = spoiled.messages(messages, chance)        # maybe cut, lost, doubled, exchanged, flipped
    content = spoiled.read(sent, "AXFR", origin)     # {(owner, type): (ttl, {rdata})}, or None: no transfer
    content = spoiled.mend(content)                  # as the gate mends it
    spoiled.passes(content, served)                  # as the gate demands, as far as one content shows it
"""

import functools

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

SPECIAL = (0, 1, 6, 12, 0x3F, 0x40, 0x7F, 0x80, 0xC0, 0xFF)
DNSSEC = {"RRSIG", "NSEC", "NSEC3", "NSEC3PARAM"}
DNSSEC_AT_APEX = {"DNSKEY", "CDS", "CDNSKEY", "ZONEMD"}
MAX_TTL = 5 * 86400  # gate max-ttl
ALIAS = 65401
REMOVED_FROM, REMOVED_PERCENT = 10, 30  # gate max-removed


# ---- spoiling ----


def records(all_records, chance):
    """One change of the list in two of three times."""
    out = list(all_records)
    at, to = chance.randrange(len(out)), chance.randrange(len(out))
    kind = chance.randrange(9)
    if kind == 0:
        del out[at]
    elif kind == 1:
        out.insert(to, out[at])
    elif kind == 2:
        out.insert(to, out.pop(at))
    elif kind == 3:
        del out[at:]
    elif kind == 4:
        ttl = chance.choice([0, 61, 999999, 2**31, 2**32 - 1])
        out[at] = dns.rrset.from_rdata(out[at].name, ttl, out[at][0])
    elif kind == 5:
        name = chance.choice([out[to].name, dns.name.from_text("www.elsewhere.example.")])
        out[at] = dns.rrset.from_rdata(name, out[at].ttl, out[at][0])
    return out


def octets(wire, others, chance):
    """One message with one change."""
    out = bytearray(wire)
    at, some, kind = chance.randrange(len(out)), 1 + chance.randrange(8), chance.randrange(8)
    if kind < 2:
        out[at] ^= 1 << chance.randrange(8)
    elif kind == 2:
        out[at] = chance.choice(SPECIAL)
    elif kind == 3:
        del out[at:]
    elif kind == 4:
        del out[at : at + some]
    elif kind == 5:
        out[at:at] = bytes(chance.randrange(256) for _ in range(some))
    elif kind == 6:
        piece = chance.choice(others)[at : at + 4 * some]
        out[at : at + len(piece)] = piece
    else:
        out[chance.randrange(min(12, len(out)))] ^= 1 << chance.randrange(8)
    return bytes(out)


def messages(good, chance):
    """Up to three changes; in one of six times none."""
    out = list(good)
    if out and chance.randrange(4) == 0:
        at, to, kind = chance.randrange(len(out)), chance.randrange(len(out)), chance.randrange(4)
        if kind == 0:
            del out[at]
        elif kind == 1:
            out.insert(at, out[at])
        elif kind == 2:
            out[at], out[to] = out[to], out[at]
        else:
            del out[at:]
    for _ in range(chance.randrange(3)):
        at = chance.randrange(len(out)) if out else 0
        if out and out[at]:
            out[at] = octets(out[at], good, chance)
    return out


# ---- the other reader ----


class NoTransfer(Exception):
    pass


def demand(good, what):
    if not good:
        raise NoTransfer(what)


@functools.lru_cache(maxsize=256)
def parse(wire):
    """None: whatever that reader stumbles over, it is no message to it."""
    try:
        return dns.message.from_wire(wire, xfr=True, one_rr_per_rrset=True)
    except Exception:
        return None


def read_records(wires, rdtype, origin, query_id=None):
    """All records of the answer sections, as (owner, type, ttl, rdata)."""
    found = []
    for number, wire in enumerate(wires):
        message = parse(wire)
        demand(message is not None, f"message {number} is none")
        flags = message.flags
        demand(query_id is None or message.id == query_id, "another ID")
        demand(flags & dns.flags.QR and not flags & dns.flags.TC, "flags")
        demand(message.opcode() == dns.opcode.QUERY and message.rcode() == dns.rcode.NOERROR, "opcode or RCODE")
        asked = [(q.name, q.rdtype, q.rdclass) for q in message.question]
        demand(asked == [(origin, rdtype, dns.rdataclass.IN)] or (number > 0 and not asked), "question")
        for rrset in message.answer:
            demand(len(rrset) == 1 and rrset.rdclass == dns.rdataclass.IN, "class")
            demand(rrset.name.is_subdomain(origin), "outside")
            demand(rrset.rdtype not in (0, 41) and not 128 <= rrset.rdtype <= 255, "meta type")
            found.append((rrset.name, rrset.rdtype, rrset.ttl, rrset[0]))
    return found


def key(record):
    """What it is, whatever the case of letters: (owner, type, rdata)."""
    owner, rdtype, _, rdata = record
    return owner.canonicalize(), rdtype, rdata.to_digestable().lower()


def is_soa(record):
    return record[1] == dns.rdatatype.SOA


def same(a, b):
    return key(a) == key(b) and a[2] == b[2]


def content_of(all_records):
    """{(owner, type): (least ttl, frozenset of rdata)}; the SOA's serial counts as 0."""
    ttls, sets = {}, {}
    for record in all_records:
        if is_soa(record):
            record = (*record[:3], record[3].replace(serial=0))
        owner, rdtype, rdata = key(record)
        pair = owner, rdtype
        ttls[pair] = min(record[2], ttls.get(pair, record[2]))
        sets.setdefault(pair, set()).add(rdata)
    return {pair: (ttls[pair], frozenset(sets[pair])) for pair in sets}


def read(wires, rdtype, origin, query_id=None, held_serial=None, held=None):
    """The content that the transfer leads to; None: it is no transfer, or (IXFR) it fits to what is held not without
    remainder. held: a content."""
    rdtype = dns.rdatatype.from_text(rdtype) if isinstance(rdtype, str) else rdtype
    try:
        found = read_records(wires, rdtype, origin, query_id)
        demand(len(found) > 2 and is_soa(found[0]) and found[0][0] == origin, "the first record")
        demand(is_soa(found[-1]) and same(found[0], found[-1]), "the last record")
        if rdtype == dns.rdatatype.IXFR and is_soa(found[1]):
            return read_delta(found, held_serial, held)
        demand(not any(is_soa(record) for record in found[1:-1]), "a SOA in the middle")
        return content_of(found[:-1])
    except NoTransfer:
        return None


def read_delta(found, serial, held):
    content = {pair: (ttl, set(rdatas)) for pair, (ttl, rdatas) in held.items()}

    def turn(record, removed):
        if is_soa(record):
            record = (*record[:3], record[3].replace(serial=0))
        owner, rdtype, rdata = key(record)
        ttl, rdatas = content.get((owner, rdtype), (record[2], set()))
        demand((rdata in rdatas) == removed, "a record that is there, or is not")
        demand(ttl == record[2] or not rdatas, "a TTL")
        rdatas = rdatas - {rdata} if removed else rdatas | {rdata}
        content[owner, rdtype] = (ttl, rdatas)
        if not rdatas:
            del content[owner, rdtype]

    at, end = 1, found[0][3].serial
    while at < len(found) - 1:
        for removed in (True, False):
            demand(at < len(found) - 1 and (not removed or found[at][3].serial == serial), "the chain")
            serial = found[at][3].serial
            turn(found[at], removed)
            at += 1
            while at < len(found) and not is_soa(found[at]):
                turn(found[at], removed)
                at += 1
    demand(at == len(found) - 1 and serial == end, "the end")
    return {pair: (ttl, frozenset(rdatas)) for pair, (ttl, rdatas) in content.items()}


# ---- the gate ----


def is_signer_made(owner, rdtype, origin):
    """A key below the apex is anybody's."""
    word = dns.rdatatype.to_text(rdtype)
    return word in DNSSEC or (owner == origin and word in DNSSEC_AT_APEX)


def mend(content, origin):
    """DNSSEC records go, no TTL is over the limit."""
    return {
        (owner, rdtype): (min(ttl, MAX_TTL), rdatas)
        for (owner, rdtype), (ttl, rdatas) in content.items()
        if not is_signer_made(owner, rdtype, origin)
    }


def passes(content, served, origin):
    owners = {}
    for owner, rdtype in content:
        owners.setdefault(owner, set()).add(rdtype)
    alone = all(len(types) == 1 or dns.rdatatype.CNAME not in types for types in owners.values())
    gone = sum(pair not in content for pair in served)
    apex = owners.get(origin, ())
    return (
        alone
        and dns.rdatatype.SOA in apex
        and dns.rdatatype.NS in apex
        and not any(rdtype == ALIAS for _, rdtype in content)
        and (gone < REMOVED_FROM or gone * 100 <= REMOVED_PERCENT * len(served))
    )
