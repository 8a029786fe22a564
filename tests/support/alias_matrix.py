"""The matrix of alias.md as data and one run: owner kinds x target kinds x times, all of it in one primary with a
resolver that misbehaves (fake_resolver.py), and what each cell must show. tests/journey/test_alias_matrix.py has the tests.

    observed = run(work)               # {time: observation}; plain data, fit for JSON
    for cell in CELLS: ... cell.served(time), cell.state(time), cell.zone, cell.owner, cell.target ...

One zone for each target kind holds the owners at its apex, at a leaf, at a wildcard, below an empty non-terminal, with two
ALIAS, and below a delegation; an owner beside an A or a CNAME is refused at load, so it has a zone of its own. Every cell
has addresses that no other one has, in generations: the first, and the one after the targets have moved.

The times, one after the other in one run:
  start          all targets were good once, then the misbehaving ones began to misbehave
  change         every target has other addresses than at the poll before (behind a misbehaviour nobody sees that)
  transfer       (seen during `change`) transfers that run while the targets change
  dead_at_start  the primary starts anew and its resolver is silent
  held_too_long  ... for longer than `hold`: after-hold keep
  refused        the same with after-hold refuse
  dropped        the same with after-hold drop
  recovered      the resolver answers again, and nothing misbehaves any more
"""

import concurrent.futures
import contextlib
import ipaddress
import re
import threading
import time as time_module

import dns.dnssec
import dns.exception
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.rrset
import dns.tsigkeyring
import dns.zone
from fake_resolver import FakeResolver

from tandem import HOST, ControlError, ask, axfr, wait_for

OWNERS = {  # kind: the owner in its zone
    "apex": "@",
    "leaf": "leaf",
    "wildcard": "*.w",
    "below_ent": "a.b.ent",
    "two_alias": "two",
    "below_cut": "x.cut",
    "static_a": "static",
    "cname": "renamed",
}
LOCAL = "same_zone same_wildcard other_zone local_dname".split()
PLAIN = "outside hops_1 hops_8 dname nodata_a two_hundred rotating".split()
FAULTS = {  # target kind: the misbehaviour of fake_resolver.py, and a word of the reason that is shown
    "hops_17": (None, "16 CNAMEs"),
    "nxdomain": ("nxdomain", "NXDOMAIN"),
    "servfail": ("servfail", "SERVFAIL"),
    "refused": ("refused", "REFUSED"),
    "timeout": ("timeout", "no answer"),
    "truncated_without_tcp": ("truncate-always", "TCP failed"),
    "private": (None, "deny-address"),
    "wrong_question": ("wrong-question", "no answer"),  # passed over, as a forgery would be: the true one may come yet
    "foreign_owner": ("foreign-owner", "nobody asked for"),
}
LOOPS = "itself circle_of_two circle_outside".split()
NEVER = ["nxdomain_ever"]  # had no address at any time before
TARGETS = LOCAL + PLAIN + list(FAULTS) + LOOPS + NEVER
TIMES = "start change transfer dead_at_start held_too_long refused dropped recovered".split()
# What alias.md names, for the test that nothing is missing.
PAPER_OWNERS = 8
PAPER_TARGETS = 22
PAPER_TIMES = 5

UNLIVED = ("static_a", "cname", "below_cut")  # owners that never have an address
RING, WINDOW = 24, 8  # a target that rotates: so many addresses, so many in an answer
WAVES = 6  # rounds of questions until all of them were seen, and the first again
MAX_ADDRESSES = 64
SECOND = "203.0.113.7"  # of the second ALIAS of `two_alias`
FIRST_SERIAL = 1000
TTLS = {"apex": 30, "two_alias": 45}  # of the ALIAS; others have 120
TTL_CAP = 60
PADS = 40  # records that never change, in each zone: without them the whole zone is shorter than a difference
SAMPLE = "outside hops_8 nodata_a servfail two_hundred rotating same_wildcard nxdomain_ever".split()  # also behind a secondary
MAILED = re.compile(r"(\S+)\.\s+(?:A|AAAA|A and AAAA) -> (\S+)\.\s+(\w+)")  # a line of a mail: owner, target, word
SAMPLE_TIMES = "start change dead_at_start recovered".split()


def _word(kind):
    return kind.replace("_", "-")


def _key(text):
    return ipaddress.ip_address(text).packed


class Cell:
    """One owner kind and one target kind."""

    def __init__(self, owner_kind, target_kind):
        self.owner_kind, self.kind = owner_kind, target_kind
        self.number = list(OWNERS).index(owner_kind) * len(TARGETS) + TARGETS.index(target_kind)
        word = _word(target_kind)
        self.zone = {"static_a": f"static-{word}.gov", "cname": f"renamed-{word}.gov"}.get(owner_kind, f"{word}.gov")
        self.relative = OWNERS[owner_kind]
        self.owner = self.zone if self.relative == "@" else f"{self.relative}.{self.zone}"
        self.label = _word(owner_kind)
        self.target = self._target(word)
        self.ttl = min(TTL_CAP, TTLS.get(owner_kind, 120))

    def _target(self, word):
        return {
            "same_zone": f"host-{self.label}.{self.zone}",
            "same_wildcard": f"any-{self.label}.wild.{self.zone}",
            "other_zone": f"{self.label}.other.gov",
            "local_dname": f"{self.label}.d.{self.zone}",
            "dname": f"{self.label}.old-{word}.test",
            "itself": self.owner,
            "circle_of_two": f"partner-{self.label}.{self.zone}",
        }.get(self.kind, f"{self.label}.{word}.test")

    @property
    def lives(self):
        return self.owner_kind not in UNLIVED

    @property
    def asks(self):
        """Is the resolver asked for its target?"""
        return self.lives and self.kind not in LOCAL + ["itself", "circle_of_two"]

    # Addresses.

    def good(self, generation):
        """{type: addresses} that the target has of itself."""
        i, g = self.number, generation
        aaaa = [f"2001:db8:{g}::{i + 1:x}"]
        if self.kind == "two_hundred":
            return {"A": [f"198.{20 + g}.{i}.{n}" for n in range(1, 201)], "AAAA": aaaa}
        if self.kind == "rotating":
            return {"A": [f"198.{30 + g}.{i}.{n}" for n in range(1, RING + 1)], "AAAA": aaaa}
        if self.kind == "same_wildcard":  # of the whole zone
            return {"A": [f"198.18.250.{g}"], "AAAA": [f"2001:db8:{g}::fa"]}
        return {"A": [f"198.18.{i}.{g}"], "AAAA": aaaa}

    def _own(self, time):
        """(least, most) that may be served of this target at the time, each {type: set}."""
        none = {"A": set(), "AAAA": set()}
        one, two = ({t: set(a) for t, a in self.good(g).items()} for g in (1, 2))
        both = {"A": one["A"] | two["A"], "AAAA": two["AAAA"]}  # A rotates, so what left stays; AAAA has moved
        late = time not in ("start", "transfer")
        if self.kind in LOOPS or (self.kind in NEVER and time != "recovered"):
            return none, none
        if self.kind in LOCAL:
            return (two, two) if late else (one, two if time == "transfer" else one)
        if time == "dropped":
            return none, none
        if time == "recovered":
            now = self._shown(two)
            return now, both if self.kind == "rotating" else now
        if self.kind in FAULTS:
            return one, one
        if self.kind == "rotating" and late:
            return both, both
        return (self._shown(two),) * 2 if late else (self._shown(one),) * 2

    def _shown(self, sets):
        """What the rules leave of it."""
        if self.kind == "nodata_a":
            return {"A": set(), "AAAA": sets["AAAA"]}
        return {t: set(sorted(a, key=_key)[:MAX_ADDRESSES]) for t, a in sets.items()}

    def served(self, time):
        """(least, most) of the owner's addresses, {type: set}."""
        if not self.lives:
            return ({"A": set(), "AAAA": set()},) * 2
        if time == "transfer":  # before or after
            return {"A": set(), "AAAA": set()}, self._either()
        least, most = self._own(time)
        if self.owner_kind == "two_alias":
            least, most = ({**sets, "A": sets["A"] | {SECOND}} for sets in (least, most))
            least, most = ({t: set(sorted(a, key=_key)[:MAX_ADDRESSES]) for t, a in s.items()} for s in (least, most))
        return least, most

    def _either(self):
        most = {"A": set(), "AAAA": set()}
        for time in ("start", "change"):
            for kind, addresses in self.served(time)[1].items():
                most[kind] |= addresses
        return most

    def state(self, time):
        if self.kind in LOCAL:
            return "fresh"
        alive = time in ("start", "change", "recovered")
        if self.kind in LOOPS:
            return "loop" if alive or self.kind != "circle_outside" else "failing"
        if time == "recovered":
            return "fresh"
        if self.kind in NEVER:
            return "failing"
        if alive:
            return "held" if self.kind in FAULTS else "fresh"
        return "held" if time == "dead_at_start" else "failing"

    def mailed(self, time):
        """The word of the mail about it that comes by this time; None: no mail."""
        if not self.lives or self.kind in LOCAL or (self.kind in LOOPS and time not in ("start", "dead_at_start")):
            return None
        if time == "start":
            return None if self.kind in PLAIN else "loop" if self.kind in LOOPS else self.state(time)
        if time == "dead_at_start":  # those in trouble before are in no other trouble now
            return "held" if self.kind in PLAIN else "failing" if self.kind == "circle_outside" else None
        had = self.kind not in NEVER
        return {"held_too_long": "failing" if had else None, "dropped": "dropped" if had else None,
                "recovered": "recovered"}.get(time)


CELLS = [Cell(owner, target) for target in TARGETS for owner in OWNERS]


def zone_cells(zone):
    return [cell for cell in CELLS if cell.zone == zone]


ZONES = sorted({cell.zone for cell in CELLS if cell.owner_kind not in ("static_a", "cname")})
REFUSED_ZONES = sorted({cell.zone for cell in CELLS if cell.owner_kind in ("static_a", "cname")})


# The zone files.


def _lines(cell):
    lines = [f"{cell.relative} {TTLS.get(cell.owner_kind, 120)} ALIAS {cell.target}."]
    if cell.owner_kind == "two_alias":
        lines.append(f"{cell.relative} 120 ALIAS second.{cell.zone}.")
    if cell.owner_kind == "static_a":
        lines.append(f"{cell.relative} A 192.0.2.1")
    if cell.owner_kind == "cname":
        lines.append(f"{cell.relative} CNAME ns")
    if cell.kind == "circle_of_two" and cell.lives:
        lines.append(f"partner-{cell.label} ALIAS {cell.owner}.")
    return lines


def _local_lines(cell, generation):
    """The target's own records, where its zone is this one."""
    prefix = {"same_zone": f"host-{cell.label}", "local_dname": f"{cell.label}.e"}.get(cell.kind)
    return [f"{prefix} {t} {a}" for t, all in cell.good(generation).items() for a in all] if prefix else []


def zone_text(zone, generation):
    cells = zone_cells(zone)
    lines = ["$TTL 300", f"@ SOA ns hostmaster {FIRST_SERIAL + (generation - 1) * 2} 3600 600 86400 60", "@ NS ns"]
    lines += ["ns A 192.0.2.53", f"second A {SECOND}", "cut NS ns.outside.example."]
    lines += [f"pad{number} TXT pad" for number in range(PADS)]
    for cell in cells:
        lines += _lines(cell) + _local_lines(cell, generation)
    if cells[0].kind == "same_wildcard":
        lines += [f"*.wild {t} {a}" for t, all in cells[0].good(generation).items() for a in all]
    if cells[0].kind == "local_dname":
        lines.append("d DNAME e")
    return f"$ORIGIN {zone}.\n" + "\n".join(lines) + "\n"


def other_text(generation):
    lines = ["$TTL 300", f"@ SOA ns hostmaster {generation} 3600 600 86400 60", "@ NS ns", "ns A 192.0.2.53"]
    for cell in CELLS:
        if cell.kind == "other_zone":
            lines += [f"{cell.label} {t} {a}" for t, all in cell.good(generation).items() for a in all]
    return "$ORIGIN other.gov.\n" + "\n".join(lines) + "\n"


# The resolver.


def _resolver_set(resolver, cell, generation):
    name = cell.target
    if not cell.asks or cell.kind in NEVER and generation == 1:
        return
    if cell.kind == "circle_outside":
        resolver.set(name, CNAME=cell.owner.replace("*", "any"))
        return
    if cell.kind in ("hops_1", "hops_8"):
        resolver.hops(name, int(cell.kind[5:]), f"end.{name}")
        name = f"end.{name}"
    if cell.kind == "dname":
        resolver.set("old-dname.test", DNAME="new-dname.test")
        name = f"{cell.label}.new-dname.test"
    sets = cell.good(generation)
    if cell.kind == "nodata_a" and generation == 2:
        sets["A"] = []
    resolver.set(name, **sets)


def _resolver_spoil(resolver, cell):
    how = FAULTS.get(cell.kind, (None,))[0]
    if not cell.asks:
        return
    if how:
        resolver.misbehave(cell.target, how)
    elif cell.kind == "hops_17":
        resolver.remove(cell.target)
        resolver.hops(cell.target, 17, f"end.{cell.target}")
        resolver.set(f"end.{cell.target}", **cell.good(2))
    elif cell.kind == "private":
        resolver.set(cell.target, A=[f"10.1.2.{cell.number}"], AAAA=["fe80::1"])
    elif cell.kind == "nodata_a":
        resolver.set(cell.target, A=[])


def _resolver_mend(resolver, cell):
    resolver.misbehave(cell.target, None)
    if cell.asks:
        if cell.kind in FAULTS:
            resolver.remove(cell.target)
        _resolver_set(resolver, cell, 2)


# Looking.


def content_of(transfer):
    """{"owner type": [ttl, [rdata]]} without the SOA, and the serial."""
    content, serial = {}, None
    for name, rdataset in transfer.iterate_rdatasets():
        kind = dns.rdatatype.to_text(rdataset.rdtype)
        if kind == "SOA":
            serial = rdataset[0].serial
        else:
            content[f"{name.to_text()} {kind}"] = [rdataset.ttl, sorted(rdata.to_text() for rdata in rdataset)]
    return serial, content


def records_of(content):
    return {(owner, text) for owner, (_, texts) in content.items() for text in texts}


def ixfr_net(port, zone, serial, key):
    """(removed, added) between that serial and now, as sets of ("owner type", rdata); None: an AXFR came instead."""
    origin, parts, soas, removed, added, mode = dns.name.from_text(zone), [], 0, set(), set(), None
    keyring = dns.tsigkeyring.from_text({key.name: (key.algorithm, key.secret)})
    for message in dns.query.xfr(
        HOST, zone, rdtype="IXFR", serial=serial, port=port, keyring=keyring, keyname=key.name, relativize=False, timeout=20,
        keyalgorithm=key.algorithm,
    ):
        for rrset in message.answer:
            parts += [(rrset.name, rrset.rdtype, rdata) for rdata in rrset]
    if len(parts) > 1 and parts[1][1] != dns.rdatatype.SOA:
        return None
    for name, rdtype, rdata in parts:
        if rdtype == dns.rdatatype.SOA:
            soas += 1
            mode = None if soas == 1 else added if mode is removed else removed
            continue
        item = (f"{name.relativize(origin).to_text()} {dns.rdatatype.to_text(rdtype)}", rdata.to_text())
        other = removed if mode is added else added
        other.discard(item) if item in other else mode.add(item)
    return removed, added


class Observer:
    """Collects what all zones show at one time."""

    def __init__(self, work, primary, resolver):
        self.work, self.primary, self.resolver = work, primary, resolver
        self.seen_mails, self.last = 0, {}

    def _zone(self, zone):
        try:
            serial, content = content_of(axfr(self.primary.port, zone, self.work.key))
        except dns.exception.DNSException:
            return {"refused": True}
        seen = {"refused": False, "serial": serial, "content": content, "before": self.last.get(zone)}
        if seen["before"]:
            net = ixfr_net(self.primary.port, zone, seen["before"][0], self.work.key)
            seen["delta"] = net and [sorted(map(list, records)) for records in net]
        self.last[zone] = (serial, content)
        return seen

    def aliases(self):
        found = {}
        for alias in self.primary.control("alias", "list")["aliases"]:
            found.setdefault(alias["owner"].rstrip("."), {})[alias["target"].rstrip(".")] = {
                "state": alias["state"], "reason": alias["reason"], "until": alias["until"], "flaps": alias["flaps"],
            }
        return found

    def mails(self, wanted):
        """[owner, target, word] of what was mailed since the last call, when everything wanted is there."""
        found = set()

        def complete():
            for mail in self.primary.mails()[self.seen_mails:]:
                found.update(MAILED.findall(mail.get_content()))
            return wanted <= found

        with contextlib.suppress(AssertionError):
            wait_for(complete, "all mails")
        self.seen_mails = len(self.primary.mails())
        return sorted(map(list, found))

    def look(self):
        zones, before = {}, len(self.resolver.questions())
        for zone in ZONES + REFUSED_ZONES:
            zones[zone] = self._zone(zone)
        return {
            "zones": zones,
            "aliases": self.aliases(),
            "asked_by_transfers": len(self.resolver.questions()) - before,
            "questions": _tally(self.resolver.questions()),
        }


def _tally(questions):
    counts = {}
    for name, kind, _ in questions:
        key = f"{name.rstrip('.')} {kind}"
        counts[key] = counts.get(key, 0) + 1
    return counts


# The run.


def _fits(cell, seen, time):
    """Does the zone's content have what the cell must show?"""
    zone = seen["zones"][cell.zone]
    return not zone["refused"] and cell_fits(cell, zone["content"], time)


def cell_fits(cell, content, time):
    least, most = cell.served(time)
    for kind in ("A", "AAAA"):
        found = set(content.get(f"{cell.relative} {kind}", [0, []])[1]) - {"192.0.2.1"}
        if not least[kind] <= found <= most[kind]:
            return False
    return True


class Run:
    def __init__(self, work, resolver):
        self.work, self.resolver = work, resolver
        for zone in ZONES + REFUSED_ZONES:
            work.write(zone, zone_text(zone, 1))
        work.write("other.gov", other_text(1))
        self.primary = work.primary(
            [{"domain": zone, "file": zone, "alias": self._alias()} for zone in ["other.gov", *ZONES, *REFUSED_ZONES]],
            resolver=resolver.port,
        )
        # A try is long enough for a busy machine: only the silent ones wait for its end.
        self.primary.config["resolver"].update({"timeout": "2s", "tries": 1})
        self.primary.config["log"]["level"] = "warning"
        self.observer = Observer(work, self.primary, resolver)
        self.seen, self.secondary = {}, None

    @staticmethod
    def _alias(**more):
        deny = ["127.0.0.0/8", "::1", "fe80::/10", "10.0.0.0/8"]
        return {"refresh": "1h", "deny-address": deny, "max-addresses": MAX_ADDRESSES, **more}

    def _reload(self, **alias):
        for zone in self.primary.config["zone"]:
            zone["alias"] = self._alias(**alias)
        self.primary.write_config()
        self._read_again()

    def _read_again(self):
        with contextlib.suppress(ControlError):  # it says which zones are refused
            self.primary.control("reload", wait=True)

    def _ask_all(self, cells, waves=1):
        """Every target of the cells is asked, many at once."""

        def one(cell):
            with contextlib.suppress(ControlError):
                self.primary.control("alias", "refresh", cell.owner, wait=True, timeout=60)

        with concurrent.futures.ThreadPoolExecutor(24) as pool:
            for _ in range(waves):
                list(pool.map(one, [cell for cell in cells if cell.lives]))

    def _until(self, time, what=None):
        """Looks until every state is as it must be, and every content; gives the last look either way: the cells' own
        tests say which one is not."""

        def states():
            time_module.sleep(0.2)  # a look is work for the primary, too
            aliases = self.observer.aliases()
            return all(
                aliases.get(cell.owner, {}).get(cell.target, {}).get("state") == cell.state(time)
                for cell in CELLS
                if cell.lives
            )

        def contents():
            time_module.sleep(0.1)
            for zone in ZONES:
                try:
                    _, content = content_of(axfr(self.primary.port, zone, self.work.key))
                except dns.exception.DNSException:
                    return False
                if not all(cell_fits(cell, content, time) for cell in zone_cells(zone)):
                    return False
            return True

        with contextlib.suppress(AssertionError):
            wait_for(states, "all states")
            if what != "refused":
                wait_for(contents, "all contents")
        seen = self.observer.look()
        wanted = {(cell.owner, cell.target, cell.mailed(time)) for cell in CELLS if cell.mailed(time)}
        seen["mails"] = self.observer.mails(wanted)
        self.seen[time] = seen
        if self.secondary and time in SAMPLE_TIMES:
            seen["signed"] = self._signed(seen)

    # The secondary behind it.

    def _secondary_start(self):
        zones = [{"domain": f"{_word(kind)}.gov", "gate": {"max-removed": "100%"}} for kind in SAMPLE]
        self.secondary = self.work.secondary(zones, self.primary.port).start()

    def _signed(self, seen):
        port = self.secondary.port
        found = {}
        for kind in SAMPLE:
            zone = f"{_word(kind)}.gov"
            serial = seen["zones"][zone]["serial"]
            with contextlib.suppress(AssertionError):
                wait_for(lambda: self.secondary.zone(zone)["serial"]["unsigned"] == serial, f"{zone} {serial} signed")
            for cell in zone_cells(zone):
                if cell.lives:
                    found[cell.owner] = signed_look(port, cell)
        return found

    def all(self):
        resolver, primary = self.resolver, self.primary
        for cell in CELLS:
            _resolver_set(resolver, cell, 1)
            if cell.kind == "rotating" and cell.asks:
                resolver.rotate(cell.target, WINDOW)
        primary.start()
        wait_for(
            lambda: all(primary.serial(zone) for zone in ZONES), "every zone given out", about=primary.log, seconds=60
        )
        self.seen["first"] = self.observer.look()
        rotating = [cell for cell in CELLS if cell.kind == "rotating"]
        for cell in CELLS:
            _resolver_spoil(resolver, cell)
        self._ask_all(CELLS)
        self._ask_all(rotating, WAVES)
        self._until("start")
        self._secondary_start()
        self.seen["start"]["signed"] = self._signed(self.seen["start"])
        self._change(rotating)
        primary.stop()
        resolver.silent = True
        primary.start()
        self._until("dead_at_start")
        self._reload(hold="1s")
        self._until("held_too_long")
        self._reload(hold="1s", **{"after-hold": "refuse"})
        self._until("refused", "refused")
        self._reload(hold="1s", **{"after-hold": "drop"})
        self._until("dropped")
        self._reload()
        resolver.silent = False
        for cell in CELLS:
            _resolver_mend(resolver, cell)
        self._ask_all(CELLS)
        self._ask_all(rotating, WAVES)
        self._until("recovered")
        self.seen["log"] = [line for line in primary.log().splitlines() if "zone cut" in line]
        self.seen["files"] = {zone: primary.zone(zone)["file"] for zone in ZONES + REFUSED_ZONES}
        return self.seen

    def _change(self, rotating):
        """Targets move while transfers run."""
        transfers, end = {}, threading.Event()

        def watch():
            while not end.wait(0.1):
                for zone in ZONES:
                    serial, content = content_of(axfr(self.primary.port, zone, self.work.key))
                    versions = transfers.setdefault(zone, [])
                    if [serial, content] not in versions:
                        versions.append([serial, content])

        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            watching = pool.submit(watch)
            try:
                self._move(rotating)
            finally:
                end.set()
            watching.result()
        self.seen["transfer"] = {"versions": transfers}


    def _move(self, rotating):
        for zone in ZONES:
            self.work.write(zone, zone_text(zone, 2))
        self.work.write("other.gov", other_text(2))
        for cell in CELLS:
            if cell.kind not in FAULTS:
                _resolver_set(self.resolver, cell, 2 if cell.kind not in NEVER else 1)
            elif cell.kind not in ("hops_17", "private") and cell.asks:
                self.resolver.set(cell.target, **cell.good(2))
        self._read_again()
        self._ask_all(CELLS)
        self._ask_all(rotating, WAVES)
        self._until("change")


def signed_look(port, cell):
    """What the secondary says about the owner, and whether the signatures are good: {type: [addresses], "bitmap": [...],
    "faults": [...]}."""
    apex, owner = dns.name.from_text(cell.zone), dns.name.from_text(cell.owner)
    keys = {apex: ask(port, cell.zone, "DNSKEY", dnssec=True, tcp=True).answer[0]}
    found = {"faults": []}
    for kind in ("A", "AAAA", "HINFO"):
        answer = ask(port, cell.owner, kind, dnssec=True, tcp=True)
        sets = {(s.name, s.rdtype): s for s in answer.answer + answer.authority if s.rdtype != dns.rdatatype.RRSIG}
        signatures = {(s.name, s.covers): s for s in answer.answer + answer.authority if s.rdtype == dns.rdatatype.RRSIG}
        for at, rrset in sets.items():
            try:
                dns.dnssec.validate(rrset, signatures[at], keys)
            except (dns.exception.DNSException, KeyError) as fault:
                found["faults"].append(f"{rrset.name} {dns.rdatatype.to_text(rrset.rdtype)}: {fault!r}")
        addresses = sets.get((owner, dns.rdatatype.from_text(kind)))
        found[kind] = sorted(rdata.to_text() for rdata in addresses) if addresses else []
        nsec = sets.get((owner, dns.rdatatype.NSEC))
        if nsec is not None:
            found["bitmap"] = nsec[0].to_text().split()[1:]
        found["rcode"] = dns.rcode.to_text(answer.rcode())
    return found


def run(work):
    with FakeResolver() as resolver:
        return Run(work, resolver).all()
