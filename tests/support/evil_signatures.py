"""Evils of TSIG (evil_primary.py has the list): messages that are not signed as they must be."""

import time

import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.TSIG

from evil_records import rr, send
from tsig_signer import append_tsig, truncate_mac


class SignatureEvils:
    """Of a Transfer."""

    def _refuse_unsigned(self, rcode="REFUSED"):
        self.signer = None
        self._refuse(rcode)

    def _unsigned(self):
        self.signer = None
        self._good()

    def _unsigned_last(self):
        messages = self.messages()
        for number, wire in enumerate(messages, 1):
            self.send(wire, signed=number < len(messages))

    def _spoil_signed(self, message, place):
        for number, wire in enumerate(self.messages(), 1):
            wire = bytearray(self.signer.sign(bytes(wire)) if self.signer else wire)
            if number == message:
                wire[place] ^= 1
            send(self.connection, bytes(wire))

    def _bad_mac(self, message=1):
        self._spoil_signed(message, -8)

    def _changed(self, message=1):
        self._spoil_signed(message, 60)

    def _truncated_mac(self, octets):
        """The whole chain of MACs is of cut ones, as it is with hmac-sha256-128 and its like."""
        for wire in self.messages():
            signed, mac = truncate_mac(self.signer.sign(bytes(wire)), self.sign_with, octets)
            self.signer.chain_from(mac)
            send(self.connection, signed)

    def _unsigned_between(self, count):
        fillers = [rr(f"f{i}.{self.primary.origin}", "A", "192.0.2.66") for i in range(count)]
        self.send(self.message([self.soa, *self.body]))
        for filler in fillers:
            self.send(self.message([filler], question=False), signed=False)
        self.send(self.message([self.soa], question=False))

    def _replayed(self):
        assert self.former, "nothing was recorded before"
        self.primary.recorded = self.former
        for wire in self.former:
            send(self.connection, self.query_wire[:2] + wire[2:])

    def _clock_off(self, seconds=3600):
        self.signer.off = seconds
        self._good()

    def _tsig_error(self, error, signed):
        wire = self.message([])
        wire[3] |= dns.rcode.NOTAUTH
        if signed:
            other = (int(time.time()) + 3600).to_bytes(6, "big")
            return send(self.connection, self.signer.sign(bytes(wire), error, other))
        tsig = dns.rdtypes.ANY.TSIG.TSIG(
            dns.rdataclass.ANY, dns.rdatatype.TSIG, self.sign_with.algorithm, int(time.time()), 300, b"",
            int.from_bytes(wire[:2], "big"), error, b"",
        )
        send(self.connection, append_tsig(bytes(wire), self.sign_with.name, tsig))

    def _bad_key(self):
        self._tsig_error(17, False)

    def _bad_sig(self):
        self._tsig_error(16, False)

    def _bad_time(self):
        self._tsig_error(18, True)
