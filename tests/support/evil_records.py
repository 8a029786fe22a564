"""Evils of whole records and of the connection (evil_primary.py has the list): what is sent, and how far."""

import socket
import struct

import dns.name
import dns.rcode
import dns.rrset


def rr(owner, rdtype, rdata, klass="IN", ttl=60):
    return dns.rrset.from_text(owner, ttl, klass, rdtype, rdata)


def send(connection, wire):
    connection.sendall(struct.pack("!H", len(wire)) + wire)


class RecordEvils:
    """Of a Transfer."""

    def with_extra(self, extra):
        """A transfer with one more record in the middle of its first message."""
        messages = self.messages([self.soa, self.body[0], extra, *self.body[1:], self.soa])
        self.send_all(messages)

    def _refuse(self, rcode="REFUSED"):
        wire = self.message([])
        wire[3] |= dns.rcode.from_text(rcode)
        self.send(wire)

    def _away(self):
        pass

    def _silent(self):
        self.wait()

    def _stall(self, message=1):
        self.send_all(self.messages()[:message])
        self.wait()

    def _trickle(self, seconds=1):
        messages = self.messages()
        for wire in messages:
            if self.primary.stopping.wait(seconds):
                return
            if wire is messages[-1]:
                self.end()
            self.send(wire)

    def _held_back(self):
        *before, last = self.messages()
        self.send_all(before)
        self.primary.released.wait()
        self.send(last)

    def _cut_after(self, message=1):
        self.send_all(self.messages()[:message])
        self.connection.shutdown(socket.SHUT_RDWR)

    def _cut_inside(self, message=1):
        messages = self.messages()
        message = min(message, len(messages))
        self.send_all(messages[: message - 1])
        wire = bytes(messages[message - 1])
        if self.signer:
            wire = self.signer.sign(wire)
        self.connection.sendall((struct.pack("!H", len(wire)) + wire)[: 2 + len(wire) // 2])
        self.connection.shutdown(socket.SHUT_RDWR)

    def _empty_zone(self):
        self.send_all([self.message([self.soa, self.soa])])

    def _soa_only(self):
        self.send_all([self.message([self.soa])])
        self.wait()

    def _no_records(self):
        self.send_all([self.message([])])
        self.wait()

    def _drop_records(self, share=0.61):
        apex = [r for r in self.body if r.name == self.primary.origin]
        others = [r for r in self.body if r.name != self.primary.origin]
        keep = len(others) - round(len(others) * share)
        self.send_all(self.messages([self.soa, *apex, *others[:keep], self.soa]))

    def _out_of_zone(self):
        self.with_extra(rr("www.elsewhere.example.", "A", "192.0.2.66"))

    def _wrong_class(self):
        self.with_extra(rr("ch." + str(self.primary.origin), "TXT", '"x"', "CH"))

    def _soa_in_the_middle(self):
        records = [self.soa, *self.body, self.soa]
        records.insert(2 * self.primary.per_message - 2, self.soa)  # not the last of its message
        self.send_all(self.messages(records))

    def _soa_at_boundary(self):
        messages = self.messages([self.soa, *self.body[:2], self.soa])
        messages += self.messages([*self.body[2:], self.soa])
        joined = b""
        for wire in messages:
            wire = self.signer.sign(bytes(wire)) if self.signer else bytes(wire)
            joined += struct.pack("!H", len(wire)) + wire
        self.connection.sendall(joined)

    def _last_soa_differs(self):
        soa = self.soa[0]
        last = dns.rrset.from_rdata(self.soa.name, self.soa.ttl, soa.replace(serial=(soa.serial + 1) % 2**32))
        self.send_all(self.messages([self.soa, *self.body, last]))

    def _first_soa_missing(self):
        self.send_all(self.messages([*self.body, self.soa]))

    def _oversize_rrset(self):
        owner = f"large.{self.primary.origin}"
        texts = [rr(owner, "TXT", " ".join(f'"{number:03}{"x" * 250}"' for _ in range(50))) for number in range(6)]
        self.send_all([self.message([self.soa, *self.body]), *(self.message([text]) for text in texts), self.message([self.soa])])

    def _half_closed(self, message=1):
        self.send_all(self.messages()[:message])
        self.connection.shutdown(socket.SHUT_WR)
        self.wait()

    def _other_zone(self):
        other = dns.name.from_text("other.example.")
        soa = dns.rrset.from_rdata(other, self.soa.ttl, self.soa[0])
        self.send_all(self.messages([soa, rr("other.example.", "NS", "ns.other.example."), soa]))

    def _endless(self):
        number = 0
        self.send(self.message([self.soa, *self.body[:2]]))
        while not self.primary.stopping.is_set():
            lines = [rr(f"n{number + i}.{self.primary.origin}", "A", "192.0.2.1") for i in range(500)]
            number += 500
            self.send(self.message(lines, question=False))
