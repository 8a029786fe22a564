"""Evils of an IXFR (evil_primary.py has the list): what a delta must not be."""

import socket

import dns.rdatatype
import dns.rrset

from evil_records import rr


class DeltaEvils:
    """Of a Transfer."""

    def _ixfr_unchanged(self):
        """Good, but one SOA for an IXFR."""
        if self.query.question[0].rdtype == dns.rdatatype.IXFR:
            self.send(self.message([self.soa]))
        else:
            self._good()

    def _ixfr(self, evil=None, message=1):
        """Good, but an IXFR is answered as one, and in which way it is evil."""
        if self.query.question[0].rdtype != dns.rdatatype.IXFR:
            return self._good()
        held = self.query.authority[0][0].serial
        if evil == "old":
            return self.send(self.message([self.soa_with(held - 1)]))
        if evil == "refused":
            return self._refuse("NOTIMP")
        serials = [s for s in self.primary.history if s >= held]
        if evil is None and held == self.soa[0].serial:
            return self.send(self.message([self.soa]))
        if held not in serials:
            return self._good()
        steps = [self.step(old, new) for old, new in zip(serials, serials[1:])]
        records = self.spoil_delta(steps, evil, held)
        if evil == "cut":
            self.primary.per_message = 1
            self.send_all(self.messages(records)[:message])
            return self.connection.shutdown(socket.SHUT_RDWR)
        if evil == "endless":
            return self.endless(records[:-1])
        self.send_all(self.messages(records))
        if evil == "no_close":
            self.wait()

    def soa_with(self, serial, **others):
        return dns.rrset.from_rdata(self.soa.name, self.soa.ttl, self.soa[0].replace(serial=serial, **others))

    def step(self, old, new):
        """From one zone of the history to another: [SOA, removed, SOA, added]."""
        sides = [(serial, self.primary.history[serial]) for serial in (old, new)]
        soas, records = [], []
        for _, zone in sides:
            found = zone.find_rdataset(zone.origin, "SOA")
            soas.append(dns.rrset.from_rdata_list(zone.origin, found.ttl, list(found)))
            records.append({
                (name, rdataset.ttl, rdata)
                for name, rdataset in zone.iterate_rdatasets() if rdataset.rdtype != dns.rdatatype.SOA
                for rdata in rdataset
            })
        removed, added = ([dns.rrset.from_rdata(*r) for r in sorted(a - b)] for a, b in (records, records[::-1]))
        return [soas[0], removed, soas[1], added]

    def spoil_delta(self, steps, evil, held):
        first, last = steps[0], steps[-1]
        closing, missing = self.soa, rr(f"missing.{self.primary.origin}", "A", "192.0.2.66")
        present = self.body[-1]
        if evil == "wrong_start":
            first[0] = self.soa_with(held - 1)
        elif evil == "gap":
            assert len(steps) > 1
            del steps[0]
        elif evil == "back":
            first[2] = self.soa_with(held - 1)
        elif evil == "remove_missing":
            last[1].append(missing)
        elif evil == "remove_ttl":
            last[1].append(dns.rrset.from_rdata(present.name, present.ttl + 1, present[0]))
        elif evil == "add_present":
            last[3].append(present)
        elif evil == "left_out":
            last[3].pop()
        elif evil == "soa_order":
            first[0], first[2] = first[2], first[0]
        elif evil == "soa_twice":
            self.primary.per_message = 500  # at the end of a message it would look like the end
            last[3].insert(0, last[2])
        elif evil == "axfr_in_the_middle":
            last[3] = self.body
        elif evil == "out_of_zone":
            last[3].append(rr("www.elsewhere.example.", "A", "192.0.2.66"))
        elif evil == "other_last_soa":
            closing = self.soa_with(self.soa[0].serial, refresh=1)
        elif evil == "longer_than_zone":
            self.primary.per_message = 500
            last[3] += [rr(f"x{i}.{self.primary.origin}", "A", "192.0.2.66") for i in range(3000)]
        records = [self.soa]
        for soa, removed, next_soa, added in steps:
            records += [soa, *removed, next_soa, *added]
        return records if evil == "no_close" else [*records, closing]

    def endless(self, records):
        self.send_all(self.messages(records))
        number = 0
        while not self.primary.stopping.is_set():
            lines = [rr(f"e{number + i}.{self.primary.origin}", "A", "192.0.2.1") for i in range(500)]
            number += 500
            self.send(self.message(lines, question=False))
