"""A primary that does on command what none should: for the fetcher's tests and the journeys.

    from evil_primary import EvilPrimary

    with EvilPrimary("example.gov", ZONE_TEXT, key=work.key) as primary:
        ... primary.port ...
        primary.do("cut_after", message=2)      # from now on
        primary.do("good")
        primary.set_zone(OTHER_TEXT)
        primary.transfers                       # asked for so far; .most_running: at the same time

It listens on 127.0.0.1, TCP and UDP, in threads of the test's own process. SOA and plain questions get honest
answers from the zone; only transfers go wrong. RECORDS_PER_MESSAGE keeps messages small, so that a short zone has
several.

What do() takes (the list of issue 2 "Bad input", and what signing.md's table of incidents adds):

    good
    ixfr_unchanged              good to an AXFR; one SOA to an IXFR
    ixfr evil=WORD              good to an AXFR; to an IXFR what changed since the zone with the client's serial (set_zone
                                remembers them all), or the whole zone where it is not known; and WORD of:
                  wrong_start         the first step begins at another serial
                  gap                 the first of several steps is left out
                  back                leads back to an older serial
                  remove_missing      removes a record that is not there
                  remove_ttl          removes a record with another TTL than it has
                  add_present         adds a record that is there
                  left_out            the last addition is left out
                  soa_order           the two SOAs of a step change places
                  soa_twice           a step's second SOA comes twice
                  no_close            no closing SOA; the connection stays
                  cut message=N       closes after N messages (one record each)
                  axfr_in_the_middle  the whole zone where the additions should be
                  out_of_zone         adds a record of another zone
                  other_last_soa      the closing SOA has another refresh
                  longer_than_zone    comes with thousands of additions
                  endless             additions without end
                  refused             NOTIMP
                  old                 one SOA with a serial before the client's
    refuse rcode=REFUSED        an RCODE, signed where the query was
    refuse_unsigned rcode=      the same without a TSIG
    away                        connections are closed as soon as they stand
    silent                      reads the query and never answers
    stall message=N             N messages, then nothing more, the connection stays
    trickle seconds=S           a pause before each message
    cut_after message=N         closes between two messages, after N of them
    cut_inside message=N        closes in the middle of message N
    empty_zone                  SOA, SOA
    soa_only                    one SOA and nothing more; the connection stays
    no_records                  NOERROR without any record
    drop_records share=0.61     leaves out that share of the names, last ones first; SOA and apex stay
    out_of_zone                 a record of another zone
    wrong_class                 a record of class CH
    meta_type                   a record of type ANY
    soa_in_the_middle           the SOA in the middle, then the rest
    soa_at_boundary             the same, but the SOA ends a message, so that it looks like the end
    last_soa_differs            the closing SOA has another serial
    first_soa_missing           begins with another record
    compression_loop            an owner that points at itself
    compression_forward         an owner that points behind itself
    short_rdata                 an A of three octets
    long_rdlength               an RDLENGTH over the end of the message
    trailing_octets             octets behind the last record of a message
    garbage                     noise instead of a message
    wrong_id, wrong_question, not_a_response, truncated_flag
    unsigned                    no TSIG on any message
    unsigned_last               no TSIG on the last message
    bad_mac message=N           a flipped bit in the MAC of message N
    changed message=N           a flipped bit in a record of message N after signing
    clock_off seconds=S         signs with a clock that is off
    bad_key, bad_sig, bad_time  TSIG errors, as if the query's key or time were wrong
    truncated_mac octets=N      MACs cut to their first N octets
    unsigned_between count=N    N messages of one record without a TSIG between the first and the last
    replayed                    the signed messages of the transfer before, with this query's ID
    half_closed message=N       N messages, then it closes its side and goes on reading
    short_soa                   a closing SOA that lacks its last number
    soa_below                   a SOA below the apex
    rdata_loop, rdata_forward   an MX whose name points at itself, or behind itself
    long_name                   an owner of more than 255 octets, by a pointer
    label_type                  an owner with a label of type 01
    count_high, count_low       ANCOUNT is one more, or one less, than there are records
    svcb_order, svcb_length     an HTTPS record whose parameters are not in order, or longer than it
    nsec3_long_owner            an NSEC3 at an owner of 255 octets
    oversize_rrset              an RRset of more than 65,000 octets
    spoiled seed=S              a valid transfer, AXFR or IXFR, spoiled at random (spoiled.py); .sent has what was sent
    other_zone                  a perfect transfer of another zone
    endless                     records without end
"""

import random
import socket
import socketserver
import struct
import sys
import threading
import time

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.TSIG
import dns.rrset
import dns.tsig
import dns.zone

import spoiled

RECORDS_PER_MESSAGE = 4
SECONDS_MAX = 120  # no thread outlives this


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
    import io

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


def rr(owner, rdtype, rdata, klass="IN", ttl=60):
    return dns.rrset.from_text(owner, ttl, klass, rdtype, rdata)


class EvilPrimary:
    def __init__(self, domain, zone_text, key=None, port=0, records_per_message=RECORDS_PER_MESSAGE):
        self.origin = dns.name.from_text(domain)
        self.key = key.dnspython() if hasattr(key, "dnspython") else key
        self.per_message = records_per_message
        self.what, self.options = "good", {}
        self.transfers, self.notify_answers, self.queries = 0, [], 0
        self.ixfrs, self.history = 0, {}  # asked for; {serial: zone}
        self.sent, self.recorded = [], []  # of `spoiled`: (type, held serial, ID, messages before they are signed); of `replayed`
        self.running, self.most_running, self.lock = 0, 0, threading.Lock()
        self.stopping = threading.Event()
        self.set_zone(zone_text)
        self._open(port)

    # ---- for the test ----

    def do(self, what, **options):
        """From the next transfer on."""
        assert what == "good" or hasattr(self, "_" + what), f"no such evil: {what}"
        self.options, self.what = options, what

    def set_zone(self, text):
        self.zone = dns.zone.from_text(text, origin=self.origin, relativize=False, check_origin=False)
        self.history[self.zone.find_rdataset(self.origin, "SOA")[0].serial] = self.zone

    def set_serial(self, serial):
        rdataset = self.zone.find_rdataset(self.origin, "SOA")
        soa = rdataset[0].replace(serial=serial)
        rdataset.clear()
        rdataset.add(soa)

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.close()

    def close(self):
        self.stopping.set()
        for server in self.servers:
            server.shutdown()
            server.server_close()

    # ---- servers ----

    def _open(self, port):
        primary = self

        class Stream(socketserver.BaseRequestHandler):
            def handle(self):
                try:
                    primary._stream(self.request)
                except OSError:
                    pass  # the other side went away, as it may

        class Datagram(socketserver.BaseRequestHandler):
            def handle(self):
                reply = primary._answer(self.request[0])
                if reply:
                    self.request[1].sendto(reply, self.client_address)

        class Threads(socketserver.ThreadingMixIn, socketserver.TCPServer):
            allow_reuse_address, daemon_threads, request_queue_size = True, True, 64

        class Datagrams(socketserver.ThreadingMixIn, socketserver.UDPServer):
            daemon_threads = True

        for _ in range(100):
            stream = Threads(("127.0.0.1", port), Stream)
            try:
                datagram = Datagrams(stream.server_address, Datagram)
                break
            except OSError:
                stream.server_close()
                if port:
                    raise
        self.port, self.servers = stream.server_address[1], [stream, datagram]
        for server in self.servers:
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()

    def _keyring(self):
        return {self.key.name: self.key} if self.key else None

    def _parse(self, wire):
        return dns.message.from_wire(wire, keyring=self._keyring())

    def _answer(self, wire):
        """SOA and other plain questions, honestly. None: nothing to say."""
        try:
            query = self._parse(wire)
        except dns.exception.DNSException:
            return None
        if query.flags & dns.flags.QR or not query.question:
            return None
        self.queries += 1
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.AA
        question = query.question[0]
        try:
            rdataset = self.zone.find_rdataset(question.name, question.rdtype)
            reply.answer.append(dns.rrset.from_rdata_list(question.name, rdataset.ttl, list(rdataset)))
        except KeyError:
            if self.zone.get_node(question.name) is None:
                reply.set_rcode(dns.rcode.NXDOMAIN)
        return reply.to_wire()

    def _stream(self, connection):
        connection.settimeout(SECONDS_MAX)
        if self.what == "away":
            return
        file = connection.makefile("rb")
        while not self.stopping.is_set():
            head = file.read(2)
            if len(head) < 2:
                return
            wire = file.read(struct.unpack("!H", head)[0])
            rdtype = self._question_type(wire)
            if rdtype not in (dns.rdatatype.AXFR, dns.rdatatype.IXFR):
                reply = self._answer(wire)
                if reply:
                    send(connection, reply)
                continue
            self.transfers += 1
            self.ixfrs += rdtype == dns.rdatatype.IXFR
            transfer = Transfer(self, connection, wire)
            transfer.begin()
            try:
                transfer.run()
            finally:
                transfer.end()

    @staticmethod
    def _question_type(wire):
        try:
            return dns.message.from_wire(wire, question_only=True, ignore_trailing=True).question[0].rdtype
        except (dns.exception.DNSException, IndexError):
            return None

    # ---- the zone as records ----

    def soa(self):
        rdataset = self.zone.find_rdataset(self.origin, "SOA")
        return dns.rrset.from_rdata_list(self.origin, rdataset.ttl, list(rdataset))

    def records(self):
        """Everything but the SOA, one RR each, in canonical order of owners."""
        for name in sorted(self.zone.nodes, key=lambda name: name):
            for rdataset in self.zone.nodes[name]:
                if rdataset.rdtype == dns.rdatatype.SOA:
                    continue
                for rdata in rdataset:
                    yield dns.rrset.from_rdata(name, rdataset.ttl, rdata)

    # what each evil does, as methods of the transfer
    def __getattr__(self, name):
        if name.startswith("_") and hasattr(Transfer, name):
            return getattr(Transfer, name)
        raise AttributeError(name)


def send(connection, wire):
    connection.sendall(struct.pack("!H", len(wire)) + wire)


class Transfer:
    """One transfer: a list of records, cut into messages, signed and sent; the evil has its hands in each step."""

    def __init__(self, primary, connection, query_wire):
        self.primary, self.connection, self.query_wire = primary, connection, query_wire
        self.options, self.what = dict(primary.options), primary.what
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
        self.soa, self.body = primary.soa(), list(primary.records())
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
        getattr(self, "_" + self.what)(**self.options)
        self.primary.recorded = self.recorded

    # ---- steps ----

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

    def with_extra(self, extra):
        """A transfer with one more record in the middle of its first message."""
        messages = self.messages([self.soa, self.body[0], extra, *self.body[1:], self.soa])
        self.send_all(messages)

    # ---- good and evil ----

    def _good(self):
        self.send_all(self.messages())

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

    def _refuse(self, rcode="REFUSED"):
        wire = self.message([])
        wire[3] |= dns.rcode.from_text(rcode)
        self.send(wire)

    def _refuse_unsigned(self, rcode="REFUSED"):
        self.signer = None
        self._refuse(rcode)

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

    def _meta_type(self):
        wire = self.message([self.soa])
        wire += b"\xc0\x0c" + struct.pack("!HHIH", 255, 1, 60, 0)
        wire[7] += 1
        self.send(wire)
        self.wait()

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

    def _oversize_rrset(self):
        owner = f"large.{self.primary.origin}"
        texts = [rr(owner, "TXT", " ".join(f'"{number:03}{"x" * 250}"' for _ in range(50))) for number in range(6)]
        self.send_all([self.message([self.soa, *self.body]), *(self.message([text]) for text in texts), self.message([self.soa])])

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
        assert self.primary.recorded, "nothing was recorded before"
        for wire in self.primary.recorded:
            send(self.connection, self.query_wire[:2] + wire[2:])

    def _half_closed(self, message=1):
        self.send_all(self.messages()[:message])
        self.connection.shutdown(socket.SHUT_WR)
        self.wait()

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


def main():
    """evil_primary.py DOMAIN ZONEFILE PORT [WHAT [option=value]...]: for trying out by hand."""
    domain, file, port = sys.argv[1:4]
    primary = EvilPrimary(domain, open(file).read(), port=int(port))
    if len(sys.argv) > 4:
        options = dict(word.split("=") for word in sys.argv[5:])
        primary.do(sys.argv[4], **{k: float(v) if "." in v else int(v) for k, v in options.items()})
    print(f"listens on 127.0.0.1 port {primary.port}: {primary.what}", flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        primary.close()


if __name__ == "__main__":
    main()
