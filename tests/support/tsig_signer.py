"""TSIG (RFC 8945) over the messages of one answer, as a primary makes it and as none should."""

import io
import struct
import time

import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.TSIG
import dns.rrset
import dns.tsig


class Signer:
    """TSIG over the messages of one answer, with a clock that may be off."""

    def __init__(self, key, request_mac, seconds_off=0):
        self.key, self.mac, self.context, self.off = key, request_mac, None, seconds_off

    def sign(self, wire, error=0, other=b""):
        now = int(time.time()) + self.off
        tsig = dns.rdtypes.ANY.TSIG.TSIG(
            dns.rdataclass.ANY, dns.rdatatype.TSIG, self.key.algorithm, now, 300, b"",
            int.from_bytes(wire[:2], "big"), error, other,
        )
        tsig, self.context = dns.tsig.sign(wire, self.key, tsig, now, self.mac, self.context, True)
        self.mac = b""
        return append_tsig(wire, self.key.name, tsig)

    def chain_from(self, mac):
        """The MAC that was sent is another than the one that was made: what comes next builds on that one."""
        self.context = dns.tsig.get_context(self.key)
        self.context.update(struct.pack("!H", len(mac)))
        self.context.update(mac)

    def skip(self, wire):
        """An unsigned message, which the next MAC covers."""
        if self.context is not None:
            self.context.update(wire)
        return wire


def append_tsig(wire, name, tsig):
    out = io.BytesIO()
    dns.rrset.from_rdata(name, 0, tsig).to_wire(out)
    body = bytearray(wire) + out.getvalue()
    body[10:12] = (int.from_bytes(body[10:12], "big") + 1).to_bytes(2, "big")
    return bytes(body)


def truncate_mac(signed, key, octets):
    """A signed message with the first octets of its MAC only, and these. No other data behind it."""
    signed, whole = bytearray(signed), dns.tsig.mac_sizes[key.algorithm]
    mac_at = len(signed) - 6 - whole  # original ID, error and other length stand behind it
    rdlength_at = mac_at - 2 - 8 - len(key.algorithm.to_wire()) - 2  # MAC size; time and fudge
    mac = bytes(signed[mac_at : mac_at + octets])
    rdlength = int.from_bytes(signed[rdlength_at : rdlength_at + 2], "big") - whole + octets
    signed[rdlength_at : rdlength_at + 2] = rdlength.to_bytes(2, "big")
    signed[mac_at - 2 : mac_at] = octets.to_bytes(2, "big")
    signed[mac_at : mac_at + whole] = mac
    return bytes(signed), mac
