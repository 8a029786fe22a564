"""A validator for single answers that is not ours: what a resolver with the zones' keys would conclude from one response
with DO, and nothing but that response. Signatures are dnspython's to verify; what proves what is written down here once
more, from RFC 4035 section 5, RFC 5155 section 8, RFC 6840 section 4 and RFC 6672 section 5.3.

    judge = Judge({apex: dns.zone.Zone})
    judge.verdict(name, rdtype, answer)   # raises Bogus, or gives
        # SECURE, INSECURE (opt-out, a zone without keys), OUTSIDE (of the zones here), ENDLESS (a circle, a long chain)
"""

import base64
import hashlib
import struct

import dns.dnssec
import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdataset
import dns.rdatatype
import dns.rrset

from answers import (
    ANY, CNAME, DNAME, DNSKEY, DS, NOERROR, NS, NSEC, NSEC3, NXDOMAIN, RRSIG, SOA, YXDOMAIN, is_below, order, read_name,
    text_of, type_text, wire_of, wire_size,
)

SECURE, INSECURE, OUTSIDE, ENDLESS = "secure", "insecure", "outside", "endless"
NOW = 1795000000  # 2026-11-17
CHAIN_MAX = 16  # steps that our server follows (common/answer/answer.h)


class Bogus(Exception):
    pass


def require(condition, reason):
    if not condition:
        raise Bogus(reason)


def bitmap_types(bitmap):
    types, at = set(), 0
    while at < len(bitmap):
        window, length = bitmap[at], bitmap[at + 1]
        for i, octet in enumerate(bitmap[at + 2:at + 2 + length]):
            types.update(window << 8 | i << 3 | bit for bit in range(8) if octet & 0x80 >> bit)
        at += 2 + length
    return types


def is_cut(types):
    return NS in types and SOA not in types


class Zone:
    """What a validator knows of a zone beforehand: its apex and its keys."""

    def __init__(self, zone):
        self.apex = tuple(label.lower() for label in zone.origin.labels[:-1])
        keys = zone.get_rdataset(zone.origin, DNSKEY)
        self.keys = {zone.origin: keys} if keys else None


class NsecProofs:
    """The verified NSECs of one zone in one response."""

    def __init__(self, apex, sets):
        self.apex, self.opted_out = apex, False
        self.records = []
        for (owner, rdtype), rdatas in sets.items():
            for rdata in rdatas if rdtype == NSEC else ():
                following, at = read_name(rdata, 0)
                self.records.append((owner, following, bitmap_types(rdata[at:])))

    def match(self, name):
        return next((types for owner, _, types in self.records if owner == name), None)

    def cover(self, name):
        """The NSEC in whose span the name is; never one from above a cut or DNAME that is above the name (RFC 6840
        section 4.1)."""
        for owner, following, types in self.records:
            inside = order(owner) < order(name) and (order(name) < order(following) or following == self.apex)
            if inside and not (is_below(name, owner) and (is_cut(types) or DNAME in types)):
                return owner, following
        return None

    def is_empty(self, name):
        cover = self.cover(name)
        return cover is not None and is_below(cover[1], name)

    def encloser(self, name):
        """The closest encloser that the covering NSEC shows: a name is there as far as either of its names goes."""
        cover = self.cover(name)
        require(cover, f"no NSEC covers {text_of(name)}")
        require(not is_below(cover[1], name), f"{text_of(name)} is an empty non-terminal")
        for depth in range(1, len(name) - len(self.apex) + 1):
            above = name[depth:]
            if is_below(cover[0], above) or is_below(cover[1], above):
                return above
        raise Bogus(f"the NSEC of {text_of(cover[0])} is of another zone")

    def name_error(self, name):
        wildcard = (b"*",) + self.encloser(name)
        require(wire_size(wildcard) > 255 or self.cover(wildcard) and not self.is_empty(wildcard),
                f"no NSEC covers {text_of(wildcard)}" if wire_size(wildcard) <= 255 else "")

    def no_data(self, name, rdtype):
        types = self.match(name)
        if types is not None:
            return no_data_check(types, name, rdtype, self.apex)
        if self.is_empty(name):
            return None
        wildcard = (b"*",) + self.encloser(name)
        types = self.match(wildcard)
        if types is not None:
            return no_data_check(types, wildcard, rdtype, self.apex)
        require(self.is_empty(wildcard), f"nothing proves that {text_of(wildcard)} has no such type")

    def no_ds(self, cut):
        types = self.match(cut)
        require(types is not None, f"no NSEC of {text_of(cut)}")
        no_ds_check(types, cut)

    def wildcard(self, name, labels):
        encloser = self.encloser(name)
        require(len(encloser) == labels, f"{text_of(name)} came from a wildcard further up than {text_of(encloser)}")


class Nsec3Proofs:
    """The verified NSEC3s of one zone in one response."""

    def __init__(self, apex, sets):
        self.apex, self.opted_out = apex, False
        self.ring, parameters = {}, set()
        for (owner, rdtype), rdatas in sets.items():
            if rdtype != NSEC3 or owner[1:] != apex:
                continue
            for rdata in rdatas:
                algorithm, flags, iterations, salt_length = struct.unpack_from("!BBHB", rdata)
                salt, rest = rdata[5:5 + salt_length], rdata[5 + salt_length:]
                own = base64.b32hexdecode(owner[0].upper())
                self.ring[own] = (rest[1:1 + rest[0]], bitmap_types(rest[1 + rest[0]:]), bool(flags & 1))
                parameters.add((algorithm, iterations, salt))
        require(len(parameters) < 2, "NSEC3s of two chains")
        _, self.iterations, self.salt = next(iter(parameters), (1, 0, b""))

    def hash(self, name):
        digest = hashlib.sha1(wire_of(name) + self.salt).digest()
        for _ in range(self.iterations):
            digest = hashlib.sha1(digest + self.salt).digest()
        return digest

    def match(self, name):
        found = self.ring.get(self.hash(name))
        return found[1] if found else None

    def cover(self, name):
        """The covering NSEC3's opt-out flag; None: there is no such NSEC3."""
        hashed = self.hash(name)
        for own, (following, _, opt_out) in self.ring.items():
            inside = own < hashed < following if own < following else hashed > own or hashed < following
            if inside and hashed != own:
                return opt_out
        return None

    def encloser(self, name):
        """The closest encloser (section 8.3); notes whether the next closer name is covered with opt-out."""
        for depth in range(1, len(name) - len(self.apex) + 1):
            types = self.match(name[depth:])
            if types is None:
                continue
            require(not is_cut(types) and DNAME not in types, f"{text_of(name)} is below a cut or DNAME")
            opt_out = self.cover(name[depth - 1:])
            require(opt_out is not None, f"no NSEC3 covers {text_of(name[depth - 1:])}")
            self.opted_out |= opt_out
            return name[depth:], opt_out
        raise Bogus(f"no NSEC3 matches an encloser of {text_of(name)}")

    def name_error(self, name):
        encloser, _ = self.encloser(name)
        wildcard = (b"*",) + encloser
        if wire_size(wildcard) > 255:
            return
        require(self.cover(wildcard) is not None, f"no NSEC3 covers {text_of(wildcard)}")

    def no_data(self, name, rdtype):
        types = self.match(name)
        if types is not None:
            return no_data_check(types, name, rdtype, self.apex)
        encloser, opt_out = self.encloser(name)
        wildcard = self.match((b"*",) + encloser) if wire_size(encloser) <= 253 else None
        if wildcard is not None:
            return no_data_check(wildcard, (b"*",) + encloser, rdtype, self.apex)
        require(opt_out, f"no NSEC3 matches {text_of(name)} or its wildcard")

    def no_ds(self, cut):
        types = self.match(cut)
        if types is not None:
            return no_ds_check(types, cut)
        _, opt_out = self.encloser(cut)
        require(opt_out, f"no NSEC3 denies the DS of {text_of(cut)}")

    def wildcard(self, name, labels):
        opt_out = self.cover(name[-labels - 1:])
        require(opt_out is not None, f"no NSEC3 covers {text_of(name[-labels - 1:])}")
        self.opted_out |= opt_out


def no_data_check(types, name, rdtype, apex):
    require(rdtype not in types and CNAME not in types, f"{text_of(name)} has {type_text(rdtype)} or a CNAME")
    require(rdtype == DS or not is_cut(types), f"{text_of(name)} is a cut: its parent denies nothing but DS")
    require(rdtype != DS or SOA not in types or name == apex, f"a DS of {text_of(name)} denied by the child")


def no_ds_check(types, cut):
    require(is_cut(types) and DS not in types, f"the bitmap of {text_of(cut)} is not that of a cut without DS")


def next_target(rdata):
    return read_name(rdata, 0)[0]


class Judge:
    def __init__(self, zones):
        self.zones = {zone.apex: zone for zone in map(Zone, zones)}
        self.verified = {}

    def zone_of(self, name, rdtype):
        """A DS belongs to the parent, where that is here (RFC 4035 section 3.1.4.1)."""
        above = [name[depth:] for depth in range(len(name) + 1) if name[depth:] in self.zones]
        if rdtype == DS and len(above) > 1 and above[0] == name:
            return self.zones[above[1]]
        return self.zones[above[0]] if above else None

    def signature_holds(self, owner, rdtype, ttl, rdatas, signature):
        """owner, or the wildcard that it was made of (RFC 4035 section 5.3.2)."""
        covered, _, labels, original_ttl = struct.unpack_from("!HBBI", signature)
        signer, _ = read_name(signature, 18)
        zone = self.zones.get(signer)
        if covered != rdtype or ttl > original_ttl or not zone or not zone.keys or not is_below(owner, signer):
            return False
        source = owner if labels >= len(owner) - (owner[:1] == (b"*",)) else (b"*",) + owner[len(owner) - labels:]
        key = source, rdtype, rdatas, signature
        if key not in self.verified:
            self.verified[key] = self.verify(source, rdtype, original_ttl, rdatas, signature, zone)
        return self.verified[key]

    @staticmethod
    def verify(owner, rdtype, ttl, rdatas, signature, zone):
        name = dns.name.Name(owner + (b"",))
        try:
            made = [dns.rdata.from_wire(dns.rdataclass.IN, rdtype, rdata, 0, len(rdata)) for rdata in rdatas]
            rrsig = dns.rdata.from_wire(dns.rdataclass.IN, RRSIG, signature, 0, len(signature))
            dns.dnssec.validate_rrsig(dns.rrset.from_rdata_list(name, ttl, made), rrsig, zone.keys, now=NOW)
        except (dns.exception.DNSException, ValueError):
            return False
        return True

    def sets_of(self, section):
        """{(name, type): (ttl, rdatas)} and {(name, type): [RRSIG]} of a section."""
        sets, signatures = {}, {}
        for name, rdtype, ttl, rdata in section:
            if rdtype == RRSIG:
                signatures.setdefault((name, struct.unpack("!H", rdata[:2])[0]), []).append(rdata)
            else:
                kept = sets.setdefault((name, rdtype), (ttl, set()))
                require(kept[0] == ttl, f"{text_of(name)} has two TTLs (RFC 2181 section 5.2)")
                kept[1].add(rdata)
        return sets, signatures

    def check_signatures(self, section, unsigned):
        """Verifies the RRsets of a section; gives {(name, type): labels of the RRSIG} of those that hold."""
        sets, signatures = self.sets_of(section)
        held = {}
        for (name, rdtype), (ttl, rdatas) in sets.items():
            if unsigned(name, rdtype):
                continue
            made = signatures.get((name, rdtype), [])
            require(made, f"{text_of(name)} {type_text(rdtype)} has no RRSIG")
            for signature in made:
                require(self.signature_holds(name, rdtype, ttl, frozenset(rdatas), signature),
                        f"a signature of {text_of(name)} {type_text(rdtype)} does not hold")
                held[name, rdtype] = signature[3], read_name(signature, 18)[0]
        return sets, held

    def verdict(self, name, rdtype, answer):
        return Walk(self, answer, rdtype).verdict(name)


class Walk:
    """One response on the way from its question to its end."""

    def __init__(self, judge, answer, rdtype):
        self.judge, self.answer, self.rdtype, self.result = judge, answer, rdtype, SECURE

        def made_of_dname(name, kind):
            return kind == CNAME and self.dname_above(name) is not None

        def unsigned(name, kind):
            zone = judge.zone_of(name, kind)
            return zone is None or not zone.keys

        self.answers = judge.sets_of(answer.answer)[0]
        _, self.held = judge.check_signatures(
            answer.answer, lambda name, kind: unsigned(name, kind) or made_of_dname(name, kind))
        self.authority, self.proofs = judge.check_signatures(
            answer.authority, lambda name, kind: unsigned(name, kind) or kind == NS)
        judge.check_signatures(
            [record for record in answer.additional if (record[0], record[1]) in judge.sets_of(answer.additional)[1]
             or record[1] == RRSIG], unsigned)

    def dname_above(self, name):
        return next((name[depth:] for depth in range(1, len(name) + 1) if (name[depth:], DNAME) in self.answers), None)

    def denials(self, zone):
        """The NSECs and NSEC3s of this zone that were verified, none of them made from a wildcard."""
        sets = {key: self.authority[key][1] for key, (labels, signer) in self.proofs.items()
                if key[1] in (NSEC, NSEC3) and signer == zone.apex and labels == len(key[0]) - (key[0][:1] == (b"*",))}
        require(sets, "no denial at all")
        return (Nsec3Proofs if any(kind == NSEC3 for _, kind in sets) else NsecProofs)(zone.apex, sets)

    def prove(self, zone, what, *arguments):
        if not zone.keys:
            self.result = INSECURE
            return
        proofs = self.denials(zone)
        getattr(proofs, what)(*arguments)
        if proofs.opted_out:
            self.result = INSECURE

    def positive(self, zone, name, kind):
        """A set at the name: where it came from a wildcard, that it was rightly so (RFC 4035 section 5.3.4)."""
        labels, _ = self.held.get((name, kind), (len(name), None))
        if zone.keys and labels < len(name) - (name[:1] == (b"*",)):
            self.prove(zone, "wildcard", name, labels)

    def end(self, zone, name):
        """No set at the last name: a denial or a referral says why."""
        answer = self.answer
        soas = [owner for owner, kind in self.authority if kind == SOA]
        if answer.rcode == NXDOMAIN:
            require(soas == [zone.apex], "NXDOMAIN without the SOA of the zone")
            return self.prove(zone, "name_error", name)
        require(answer.rcode == NOERROR, f"rcode {answer.rcode}")
        cuts = [owner for owner, kind in self.authority if kind == NS]
        if not cuts:
            require(len(soas) == 1 and soas[0] in self.judge.zones, "neither data nor a referral nor a denial")
            return self.prove(self.judge.zones[soas[0]], "no_data", name, self.rdtype)
        cut = cuts[0]
        require(not soas and cut != zone.apex and is_below(name, cut), f"a referral to {text_of(cut)} with an SOA or upwards")
        if (cut, DS) not in self.proofs:
            self.prove(zone, "no_ds", cut)
            self.result = INSECURE

    def follow(self, zone, name):
        """The next name; None: the chain ends here, in one way or another."""
        dname = self.dname_above(name)
        if dname is not None:
            self.positive(zone, dname, DNAME)
            return self.follow_dname(name, dname)
        kinds = [kind for owner, kind in self.answers if owner == name]
        for kind in kinds:
            self.positive(zone, name, kind)
        if self.rdtype in kinds or kinds and self.rdtype == ANY or self.rdtype == RRSIG and self.answer.answer:
            return None
        if CNAME in kinds:
            return next_target(next(iter(self.answers[name, CNAME][1])))
        require(not kinds, f"{text_of(name)} has something that was not asked for")
        self.end(zone, name)
        return None

    def follow_dname(self, name, dname):
        replaced = name[:len(name) - len(dname)] + next_target(next(iter(self.answers[dname, DNAME][1])))
        if wire_size(replaced) > 255:
            require(self.answer.rcode == YXDOMAIN, "a name that gets too long is not YXDOMAIN (RFC 6672 section 2.2)")
            return None
        made = self.answers.get((name, CNAME))
        require(made and made[1] == {wire_of(replaced)}, f"no CNAME from {text_of(name)} to {text_of(replaced)}")
        require(made[0] == self.answers[dname, DNAME][0], "a CNAME with another TTL than its DNAME (RFC 6672 section 3.1)")
        return None if self.rdtype in (CNAME, ANY) else replaced

    def verdict(self, name):
        seen = set()
        while name is not None and name not in seen and len(seen) <= CHAIN_MAX:
            zone = self.judge.zone_of(name, self.rdtype)
            if zone is None:
                return OUTSIDE
            seen.add(name)
            name = self.follow(zone, name)
        return self.result if name is None else ENDLESS
