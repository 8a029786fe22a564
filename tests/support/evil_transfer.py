"""One transfer of the evil primary: its steps, and all the evils that have their hands in them."""

import socket
import time

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.tsig

from evil_deltas import DeltaEvils
from evil_octets import OctetEvils
from evil_records import RecordEvils, send
from evil_signatures import SignatureEvils
from tsig_signer import Signer

SECONDS_MAX = 120  # no thread outlives this


class Transfer(DeltaEvils, OctetEvils, RecordEvils, SignatureEvils):
    """A list of records, cut into messages, signed and sent."""

    def __init__(self, primary, connection, query_wire):
        self.primary, self.connection, self.query_wire = primary, connection, query_wire
        with primary.lock:  # what do() sets at one moment is seen at one moment
            self.options, self.what = dict(primary.options), primary.what
            self.soa, self.body = primary.soa(), list(primary.records())
        self.refusal = None
        try:
            self.query = primary._parse(query_wire)
        except (dns.message.UnknownTSIGKey, dns.tsig.PeerError, dns.exception.DNSException) as error:
            self.query = dns.message.from_wire(query_wire, question_only=True, ignore_trailing=True)
            self.refusal = error
        self.sign_with = primary.key if self.query.had_tsig and not self.refusal else None
        self.signer = None
        if self.sign_with:
            self.signer = Signer(self.sign_with, self.query.mac)
        self.recorded = []

    def begin(self):
        self.runs = True
        with self.primary.lock:
            self.primary.running += 1
            self.primary.most_running = max(self.primary.most_running, self.primary.running)

    def end(self):
        """Before the last octet is sent where the count matters: with it the other side may begin the next one."""
        with self.primary.lock:
            self.primary.running -= self.runs
            self.runs = False

    def run(self):
        if self.refusal:
            reply = self.message([])
            reply[3] |= dns.rcode.NOTAUTH
            return send(self.connection, bytes(reply))
        # Before the last octet is sent, too: the next transfer may want it then.
        self.former, self.primary.recorded = self.primary.recorded, self.recorded
        getattr(self, "_" + self.what)(**self.options)

    def message(self, records, question=True):
        """One message, unsigned, as octets that may be spoiled."""
        reply = dns.message.make_response(dns.message.from_wire(self.query_wire, question_only=True, ignore_trailing=True))
        reply.flags = dns.flags.QR | dns.flags.AA
        if not question:
            reply.question = []
        reply.answer = list(records)
        return bytearray(reply.to_wire(max_size=65535))

    def messages(self, records=None):
        """The transfer as messages."""
        if records is None:
            records = [self.soa, *self.body, self.soa]
        step = self.primary.per_message
        return [self.message(records[i : i + step], i == 0) for i in range(0, len(records), step)]

    def send(self, wire, signed=True):
        wire = bytes(wire)
        if self.signer:
            wire = self.signer.sign(wire) if signed else self.signer.skip(wire)
        self.recorded.append(wire)
        send(self.connection, wire)

    def send_all(self, messages):
        for wire in messages:
            self.send(wire)

    def wait(self):
        """Until the other side closes or the test ends."""
        self.connection.settimeout(0.1)
        end = time.monotonic() + SECONDS_MAX
        while not self.primary.stopping.is_set() and time.monotonic() < end:
            try:
                if not self.connection.recv(4096):
                    return
            except socket.timeout:
                continue

    def _good(self):
        self.send_all(self.messages())
