"""A resolver for tests that answers what it was told to, and misbehaves for each name as it was told to.

In a test (a thread of the test's own process):

    from fake_resolver import FakeResolver

    with FakeResolver() as resolver:                     # a free port of 127.0.0.1, UDP and TCP
        resolver.set("lb.example.com", A=["192.0.2.1", "192.0.2.2"], AAAA=["2001:db8::1"])
        resolver.set("old.example.com", CNAME="lb.example.com")
        resolver.misbehave("lb.example.com", "servfail")  # "A" or "AAAA" as third argument: only that type
        resolver.misbehave("lb.example.com", None)        # well again
        resolver.ttl("lb.example.com", 0)                 # of its records, instead of 17
        resolver.validates = True                         # answers bear AD
        ... resolver.address is "127.0.0.1@PORT" for resolver.address of primary.yaml ...
        assert resolver.count("lb.example.com", "A") == 3 # questions that came (every try counts)
        resolver.silent = True                            # dead: answers nothing at all
        resolver.hold()                                   # answers wait for resolver.release()

As a program (for shells and other languages): one command a line on standard input, one answer line each ("ok",
a number, or "error: ..."); the first line that it prints is its address. It ends with its input.

    python3 tests/support/fake_resolver.py [--port PORT] [--host 127.0.0.1]
    set lb.example.com A 192.0.2.1 192.0.2.2
    set old.example.com CNAME lb.example.com
    set lb.example.com A                                  (without data: the type is not there)
    remove lb.example.com                                 (NXDOMAIN)
    misbehave lb.example.com servfail [A|AAAA]
    behave lb.example.com
    count lb.example.com [A|AAAA]
    silent on|off
    ports | ids | id-steps                                (by UDP: different source ports; different IDs; IDs close to the one before)

A name that was set has the types that were set, and NODATA for others (with a SOA in the authority section); a name
that was never set is NXDOMAIN. "*.example.com" matches names below that were not set. CNAMEs and DNAMEs are followed among
the names set here; `hops("a", 17, "lb.example.com")` makes a chain. The letter case of the question comes back.

Misbehaviours: servfail, refused, formerr, notimp, nxdomain, nodata (NOERROR without records but with a SOA), timeout
(silence), truncate (TC over UDP, the whole over TCP), truncate-always (TC over UDP, the TCP connection is closed),
wrong-id, wrong-question, wrong-case (the question in lower case), foreign-owner (the addresses of another name),
extra (its own addresses and those of another name), loop (a CNAME to itself), referral (NS, no recursion), no-opt
(FORMERR while the question has an OPT), plain (answers without an OPT), garbage (octets that are no message), cut
(half a message), class (records of class CH), slow:SECONDS (answers after so long).
"""

import argparse
import random
import socket
import struct
import sys
import threading
import time

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

HOST = "127.0.0.1"
TTL = 17
CHAIN_MAX = 64
MISBEHAVIOURS = (
    "servfail refused formerr notimp nxdomain nodata timeout truncate truncate-always wrong-id wrong-question "
    "wrong-case foreign-owner extra loop referral no-opt plain garbage cut class slow"
).split()


def _name(text):
    return dns.name.from_text(text.rstrip(".") + ".").canonicalize()


class FakeResolver:
    """See the module. Every method may be called from any thread while it runs."""

    def __init__(self, host=HOST, port=0):
        self.host = host
        self._family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.silent = False
        self.validates = False
        self._open = threading.Event()
        self._open.set()
        self._lock = threading.Lock()
        self._records = {}  # name -> {type text: [rdata text]}
        self._faults = {}  # (name, type text or None) -> misbehaviour
        self._windows = {}  # name -> [addresses in an answer, the first of the next answer]
        self._ttls = {}  # name -> seconds
        self._questions = []  # (name, type text, transport)
        self._ports, self._ids = set(), []  # of the datagrams, as they came
        self._udp, self._tcp = self._sockets(port)
        self.port = self._udp.getsockname()[1]
        self.address = f"{host}@{self.port}"
        self._ending = False
        self._threads = []
        for work in (self._serve_udp, self._serve_tcp):
            thread = threading.Thread(target=work, daemon=True)
            thread.start()
            self._threads.append(thread)

    def _sockets(self, port):
        for _ in range(100):
            udp = socket.socket(self._family, socket.SOCK_DGRAM)
            tcp = socket.socket(self._family, socket.SOCK_STREAM)
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                udp.bind((self.host, port))
                tcp.bind((self.host, udp.getsockname()[1]))
            except OSError:
                udp.close()
                tcp.close()
                if port:
                    time.sleep(0.05)
                continue
            tcp.listen(64)
            return udp, tcp
        raise RuntimeError(f"no free port {port} on {self.host}")

    def close(self):
        self._ending = True
        self.release()
        try:
            self._tcp.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        with socket.socket(self._family, socket.SOCK_DGRAM) as wake:
            wake.sendto(b"", (self.host, self.port))
        for thread in self._threads:
            thread.join(5)
        self._udp.close()
        self._tcp.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # What it knows.

    def set(self, name, **types):
        """Sets the RRsets named (A=[...], CNAME="x"); other types of the name stay. An empty list takes one away."""
        with self._lock:
            known = self._records.setdefault(_name(name), {})
            for kind, data in types.items():
                data = [data] if isinstance(data, str) else list(data)
                if kind in ("CNAME", "DNAME"):
                    data = [text.rstrip(".") + "." for text in data]
                known[kind] = data

    def remove(self, name):
        with self._lock:
            self._records.pop(_name(name), None)

    def hops(self, first, count, last):
        """A chain of `count` CNAMEs from first to last."""
        names = [first] + [f"hop{i}.{first}" for i in range(1, count)] + [last]
        for here, there in zip(names, names[1:]):
            self.set(here, CNAME=there)

    def misbehave(self, name, how, kind=None):
        if how is not None and how.split(":")[0] not in MISBEHAVIOURS:
            raise ValueError(f"{how}: not a misbehaviour; there are {', '.join(MISBEHAVIOURS)}")
        with self._lock:
            if how is None:
                for key in [key for key in self._faults if key[0] == _name(name) and kind in (None, key[1])]:
                    del self._faults[key]
            else:
                self._faults[(_name(name), kind)] = how

    def rotate(self, name, window):
        """Each answer for A has so many of the name's addresses, beginning where the last one ended."""
        with self._lock:
            self._windows[_name(name)] = [window, 0]

    def ttl(self, name, seconds):
        """Of all records at the name, from now on."""
        with self._lock:
            self._ttls[_name(name)] = seconds

    def ports(self):
        """From how many ports datagrams came."""
        return len(self._ports)

    def ids(self):
        """How many different IDs the datagrams had."""
        return len(set(self._ids))

    def id_steps(self):
        """How often an ID was close to that of the datagram before, as a counter makes them."""
        return sum(abs(there - here) <= 8 for here, there in zip(self._ids, self._ids[1:]))

    def hold(self):
        self._open.clear()

    def release(self):
        self._open.set()

    def questions(self):
        """Every question so far: (name text, type text, "udp" or "tcp")."""
        with self._lock:
            return [(name.to_text(), kind, way) for name, kind, way in self._questions]

    def count(self, name=None, kind=None):
        with self._lock:
            return sum(
                1 for asked, type_, _ in self._questions if (name is None or asked == _name(name)) and kind in (None, type_)
            )

    # Answering.

    def _find(self, name):
        if name in self._records:
            return self._records[name]
        for depth in range(1, len(name.labels) - 1):
            found = self._records.get(dns.name.Name((b"*",) + name.labels[depth:]))
            if found is not None:
                return found
        return None

    def _dname(self, name):
        """(owner, target) of the DNAME above the name, or None."""
        for depth in range(1, len(name.labels) - 1):
            owner = dns.name.Name(name.labels[depth:])
            found = self._records.get(owner, {}).get("DNAME")
            if found:
                return owner, dns.name.from_text(found[0])
        return None

    def _add(self, answer, name, kind, data):
        window = self._windows.get(name.canonicalize()) if kind == "A" else None
        if window:
            at, window[1] = window[1], (window[1] + window[0]) % len(data)
            data = (data + data)[at : at + window[0]]
        data = random.sample(data, len(data))  # in any order, as resolvers do
        ttl = self._ttls.get(name.canonicalize(), TTL)
        answer.answer.append(dns.rrset.from_text_list(name, ttl, "IN", kind, data))

    def _fill(self, answer, name, kind):
        """Follows CNAMEs from name and adds what is there."""
        for _ in range(CHAIN_MAX):
            moved = self._dname(name.canonicalize())
            if moved:
                self._add(answer, moved[0], "DNAME", [moved[1].to_text()])
                fresh = dns.name.Name(name.labels[: len(name.labels) - len(moved[0].labels)] + moved[1].labels)
                self._add(answer, name, "CNAME", [fresh.to_text()])
                name = fresh
                continue
            found = self._find(name.canonicalize())
            if found is None:
                answer.set_rcode(dns.rcode.NXDOMAIN)
                break
            if found.get("CNAME"):
                self._add(answer, name, "CNAME", found["CNAME"])
                name = dns.name.from_text(found["CNAME"][0])
                continue
            if found.get(kind):
                self._add(answer, name, kind, found[kind])
                return
            break
        self._soa(answer)

    @staticmethod
    def _soa(answer):
        answer.authority.append(dns.rrset.from_text("invalid.", TTL, "IN", "SOA", ". . 1 2 3 4 5"))

    def _fault(self, name, kind):
        return self._faults.get((name, kind), self._faults.get((name, None)))

    def _answer(self, octets, way):
        """The octets to send, or None for silence."""
        try:
            query = dns.message.from_wire(octets)
        except dns.exception.DNSException:
            return None
        question = query.question[0]
        name, kind = question.name, dns.rdatatype.to_text(question.rdtype)
        with self._lock:
            self._questions.append((name.canonicalize(), kind, way))
            fault = self._fault(name.canonicalize(), kind)
            answer = dns.message.make_response(query, recursion_available=True)
            if query.edns >= 0:
                answer.use_edns(0, 0, 1232)
            if self.validates:
                answer.flags |= dns.flags.AD
            self._fill(answer, name, kind)
        self._open.wait()
        if self.silent or fault == "timeout":
            return None
        return self._spoil(query, answer, fault, way)

    def _spoil(self, query, answer, fault, way):
        question = query.question[0]
        name, kind = question.name, dns.rdatatype.to_text(question.rdtype)
        other = "192.0.2.66" if kind == "A" else "2001:db8::66"
        if fault and fault.startswith("slow:"):
            time.sleep(float(fault[5:]))
        elif fault in ("servfail", "refused", "formerr", "notimp") or (fault == "no-opt" and query.edns >= 0):
            answer.answer, answer.authority = [], []
            answer.set_rcode(dns.rcode.from_text("FORMERR" if fault == "no-opt" else fault))
            if fault == "no-opt":
                answer.use_edns(-1)
        elif fault in ("nxdomain", "nodata"):
            answer.answer = []
            answer.set_rcode(dns.rcode.NXDOMAIN if fault == "nxdomain" else dns.rcode.NOERROR)
            if not answer.authority:
                self._soa(answer)
        elif fault in ("truncate", "truncate-always") and way == "udp":
            answer.answer = []
            answer.flags |= dns.flags.TC
        elif fault == "truncate-always":
            return None
        elif fault == "wrong-id":
            answer.id ^= 0x5555
        elif fault == "wrong-question":
            answer.question = [dns.rrset.RRset(dns.name.from_text("wrong." + name.to_text()), 1, question.rdtype)]
        elif fault == "wrong-case":
            answer.question = [dns.rrset.RRset(name.canonicalize(), 1, question.rdtype)]
        elif fault == "foreign-owner":
            answer.answer = [dns.rrset.from_text("foreign.invalid.", TTL, "IN", kind, other)]
        elif fault == "extra":
            answer.answer.append(dns.rrset.from_text("foreign.invalid.", TTL, "IN", kind, other))
        elif fault == "loop":
            answer.answer = [dns.rrset.from_text(name, TTL, "IN", "CNAME", name.to_text())]
        elif fault == "referral":
            answer.answer = []
            answer.flags &= ~dns.flags.RA
            answer.authority = [dns.rrset.from_text("com.", TTL, "IN", "NS", "a.invalid.")]
        elif fault == "plain":
            answer.use_edns(-1)
        elif fault == "garbage":
            return query.to_wire()[:2] + b"\x81\x80" + b"\xff" * 40
        wire = answer.to_wire(max_size=65535)
        if fault == "cut":
            return wire[: len(wire) // 2]
        if fault == "class":
            return self._other_class(wire, len(query.question[0].name.to_wire()) + 16)
        if way == "udp" and len(wire) > (1232 if query.edns >= 0 else 512):
            return self._truncated(query)
        return wire

    @staticmethod
    def _other_class(wire, start):
        """The first RR behind the question gets class CH (its owner is a compression pointer)."""
        at = start + 2 + 2
        return wire[:at] + struct.pack("!H", 3) + wire[at + 2 :]

    @staticmethod
    def _truncated(query):
        answer = dns.message.make_response(query, recursion_available=True)
        answer.flags |= dns.flags.TC
        return answer.to_wire()

    # Serving.

    def _serve_udp(self):
        while not self._ending:
            octets, peer = self._udp.recvfrom(65535)
            if self._ending:
                break
            self._ports.add(peer[1])
            self._ids.append(int.from_bytes(octets[:2], "big"))
            # Each in its own thread: a slow name must not hold up the others.
            threading.Thread(target=self._reply_udp, args=(octets, peer), daemon=True).start()

    def _reply_udp(self, octets, peer):
        wire = self._answer(octets, "udp")
        if wire is not None and not self._ending:
            try:
                self._udp.sendto(wire, peer)
            except OSError:
                pass

    def _serve_tcp(self):
        while not self._ending:
            try:
                connection, _ = self._tcp.accept()
            except OSError:
                break
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    @staticmethod
    def _receive(connection, size):
        octets = b""
        while len(octets) < size:
            more = connection.recv(size - len(octets))
            if not more:
                return None
            octets += more
        return octets

    def _talk(self, connection):
        with connection:
            connection.settimeout(30)
            try:
                while head := self._receive(connection, 2):
                    octets = self._receive(connection, struct.unpack("!H", head)[0])
                    wire = self._answer(octets, "tcp") if octets else None
                    if wire is None:
                        return
                    connection.sendall(struct.pack("!H", len(wire)) + wire)
            except OSError:
                pass


def obey(resolver, words):
    """One command of the standard input; gives the answer line."""
    verb, rest = words[0], words[1:]
    if verb == "set":
        resolver.set(rest[0], **{rest[1]: rest[2:]})
    elif verb == "remove":
        resolver.remove(rest[0])
    elif verb == "misbehave":
        resolver.misbehave(rest[0], rest[1], rest[2] if len(rest) > 2 else None)
    elif verb == "behave":
        resolver.misbehave(rest[0], None)
    elif verb == "count":
        return str(resolver.count(*rest))
    elif verb == "silent":
        resolver.silent = rest[0] == "on"
    elif verb in ("ports", "ids", "id-steps"):
        return str(getattr(resolver, verb.replace("-", "_"))())
    else:
        raise ValueError(f"{verb}: unknown command")
    return "ok"


def main():
    arguments = argparse.ArgumentParser(description="a resolver that misbehaves on demand")
    arguments.add_argument("--host", default=HOST)
    arguments.add_argument("--port", type=int, default=0)
    options = arguments.parse_args()
    with FakeResolver(options.host, options.port) as resolver:
        print(resolver.address, flush=True)
        for line in sys.stdin:
            words = line.split()
            if not words or words[0].startswith("#"):
                continue
            try:
                print(obey(resolver, words), flush=True)
            except (ValueError, IndexError, dns.exception.DNSException) as error:
                print(f"error: {error}", flush=True)


if __name__ == "__main__":
    main()
