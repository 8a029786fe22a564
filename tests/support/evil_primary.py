"""A primary that does on command what none should: for the fetcher's tests and the journeys.

    from evil_primary import EvilPrimary

    with EvilPrimary("example.gov", ZONE_TEXT, key=work.key) as primary:
        ... primary.port ...
        primary.do("cut_after", message=2)      # from now on
        primary.do("good")
        primary.set_zone(OTHER_TEXT)
        primary.do("cut_after", message=2, zone=OTHER_TEXT)   # both at one moment: no transfer has only one of them
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
    held_back                   the last message comes when .released is set
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

import socketserver
import struct
import sys
import threading

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import dns.zone

from evil_records import send
from evil_transfer import SECONDS_MAX, Transfer

RECORDS_PER_MESSAGE = 4


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
        self.stopping, self.released = threading.Event(), threading.Event()
        self.set_zone(zone_text)
        self._open(port)

    # ---- for the test ----

    def do(self, what, zone=None, **options):
        """From the next transfer on. zone: the text of another one from then on, too."""
        assert what == "good" or hasattr(self, "_" + what), f"no such evil: {what}"
        parsed = zone and self._parse_zone(zone)
        with self.lock:
            self.options, self.what = options, what
            if parsed:
                self._take_zone(parsed)

    def set_zone(self, text):
        parsed = self._parse_zone(text)
        with self.lock:
            self._take_zone(parsed)

    def _parse_zone(self, text):
        return dns.zone.from_text(text, origin=self.origin, relativize=False, check_origin=False)

    def _take_zone(self, zone):
        self.zone = zone
        self.history[zone.find_rdataset(self.origin, "SOA")[0].serial] = zone

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
        self.released.set()
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
