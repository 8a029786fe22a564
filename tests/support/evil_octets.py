"""Evils of single octets (evil_primary.py has the list): messages that no server writes."""

import random
import socket
import struct

import dns.rdatatype

import spoiled
from evil_records import send


class OctetEvils:
    """Of a Transfer."""

    def _meta_type(self):
        wire = self.message([self.soa])
        wire += b"\xc0\x0c" + struct.pack("!HHIH", 255, 1, 60, 0)
        wire[7] += 1
        self.send(wire)
        self.wait()

    def _pointer(self, offset):
        wire = self.message([self.soa])
        place = len(wire) + offset
        wire += struct.pack("!H", 0xC000 | place) + struct.pack("!HHIH", 1, 1, 60, 4) + b"\xc0\x00\x02\x01"
        wire[7] += 1
        self.send(wire)
        self.wait()

    def _compression_loop(self):
        self._pointer(0)

    def _compression_forward(self):
        self._pointer(4)

    def _bad_a(self, rdlength, rdata):
        wire = self.message([self.soa])
        wire += b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 60, rdlength) + rdata
        wire[7] += 1
        self.send(wire)
        self.wait()

    def _short_rdata(self):
        self._bad_a(3, b"\xc0\x00\x02")

    def _long_rdlength(self):
        self._bad_a(400, b"\xc0\x00\x02\x01")

    def with_raw(self, rdtype, rdata, owner=b"\xc0\x0c"):
        """A transfer with one more record in the middle, as octets; rdata may be a function of where it stands."""
        messages = self.messages()
        wire = messages[0]
        if callable(rdata):
            rdata = rdata(len(wire) + len(owner) + 10)
        wire += owner + struct.pack("!HHIH", rdtype, 1, 60, len(rdata)) + rdata
        wire[7] += 1
        self.send_all(messages)

    def _short_soa(self):
        messages = self.messages([self.soa, *self.body])
        rdata = self.soa[0].to_wire()[:-4]
        last = self.message([], question=True)
        last += b"\xc0\x0c" + struct.pack("!HHIH", 6, 1, self.soa.ttl, len(rdata)) + rdata
        last[7] += 1
        self.send_all([*messages, last])

    def _soa_below(self):
        self.with_raw(6, self.soa[0].to_wire(), b"\5below\xc0\x0c")

    def _rdata_loop(self):
        self.with_raw(15, lambda at: struct.pack("!HH", 10, 0xC000 | (at + 2)))

    def _rdata_forward(self):
        self.with_raw(15, lambda at: struct.pack("!HH", 10, 0xC000 | (at + 8)))

    def _long_name(self):
        self.with_raw(1, b"\xc0\x00\x02\x01", b"".join(b"\x3f" + b"x" * 63 for _ in range(4)) + b"\xc0\x0c")

    def _label_type(self):
        self.with_raw(1, b"\xc0\x00\x02\x01", b"\x41\x01\xc0\x0c")

    def _count(self, by):
        messages = self.messages()
        messages[1][7] += by
        self.send_all(messages)

    def _count_high(self):
        self._count(1)

    def _count_low(self):
        self._count(-1)

    def _svcb_order(self):
        self.with_raw(65, b"\0\1\0" + b"\0\3\0\2\1\xbb" + b"\0\1\0\3\2h2")

    def _svcb_length(self):
        self.with_raw(65, b"\0\1\0" + b"\0\1\0\xff\2h2")

    def _nsec3_long_owner(self):
        room = 255 - len(self.primary.origin.to_wire())
        owner = b""
        while room > 1:
            length = min(room - 1, 63)
            owner += bytes([length]) + b"v" * length
            room -= length + 1
        rdata = b"\1\0\0\0\0" + b"\x14" + b"h" * 20 + b"\0\1\x40"
        self.with_raw(50, rdata, owner + b"\xc0\x0c")

    def _spoiled(self, seed):
        """The nth transfer of a seed is the same every time. Messages may lack their TSIG, as RFC 8945 section 5.3.1 lets them."""
        rdtype = self.query.question[0].rdtype
        chance = random.Random(f"{seed} {self.primary.transfers}")
        held = self.query.authority[0][0].serial if rdtype == dns.rdatatype.IXFR else None
        records = [self.soa, *self.body, self.soa]
        if held in self.primary.history:
            serials = [serial for serial in self.primary.history if serial >= held]
            records = self.spoil_delta([self.step(old, new) for old, new in zip(serials, serials[1:])], None, held)
        good = [bytes(wire) for wire in self.messages(spoiled.records(records, chance))]
        messages = spoiled.messages(good, chance)
        self.primary.sent.append((rdtype, held, self.query.id, messages))
        for number, wire in enumerate(messages):
            between = 0 < number < len(messages) - 1
            if self.signer and len(wire) >= 12:
                wire = self.signer.skip(wire) if between and chance.random() < 0.1 else self.signer.sign(wire)
            send(self.connection, wire)
        self.connection.shutdown(socket.SHUT_RDWR)

    def _trailing_octets(self):
        self.signer = None
        messages = self.messages()
        messages[0] += b"\0\0\0"
        self.send_all(messages)

    def _garbage(self):
        self.signer = None
        noise = random.Random(1)
        self.send(bytes(noise.randrange(256) for _ in range(300)))
        self.wait()

    def spoil_first(self, spoil):
        messages = self.messages()
        spoil(messages[0])
        self.send_all(messages)

    def _wrong_id(self):
        self.spoil_first(lambda wire: wire.__setitem__(1, wire[1] ^ 1))

    def _wrong_question(self):
        self.spoil_first(lambda wire: wire.__setitem__(13, wire[13] ^ 1))

    def _not_a_response(self):
        self.spoil_first(lambda wire: wire.__setitem__(2, wire[2] & 0x7F))

    def _truncated_flag(self):
        self.spoil_first(lambda wire: wire.__setitem__(2, wire[2] | 0x02))
