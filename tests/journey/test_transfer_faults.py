"""What goes wrong between one who gives a zone and who transfers it: keys, clocks, MACs, access, connections. Two give zones:
tandem-primary, and the public server of tandem-secondary. Each refusal has its code for the peer and its line for the
operator: which peer, which zone, why, and what to do; and a flood of them has few lines."""

import itertools
import re
import socket
import struct

import dns.message
import dns.rcode
import dns.rrset
import pytest

import serving
from tandem import HOST, Key, Workspace, axfr, wait_for
from tsig_signer import Signer, truncate_mac

ZONE = "example.gov"
GIVERS = {"primary": 6000, "secondary": 1200}  # how many names: some messages, the second are signed
# Lines that a process logs of one transport in REFUSALS_WINDOW_SECONDS (refusals.h).
LINES_MAX = 30
# Who asks. The acls of the zone name the first network, and the third with another key.
HOME, AWAY, OTHERS = "127.0", "127.9", "127.7"


class Giver:
    """A daemon that gives the zone to HOME with .key and to OTHERS with .other."""

    def __init__(self, work, kind):
        self.work, self.kind, self.key, self.other = work, kind, work.key, Key("other.")
        hosts = "".join(f"n{i} A 192.0.2.{i % 250}\n" for i in range(GIVERS[kind]))
        work.write("z", f"$ORIGIN {ZONE}.\n$TTL 300\n@ SOA ns h 1 3600 600 604800 300\n@ NS ns\nns A 192.0.2.1\n{hosts}")
        rules = {
            "key": [self.key.setting(), self.other.setting()],
            "acl": [
                {"id": "home", "address": [f"{HOME}.0.0/16"], "key": [self.key.name], "action": ["transfer", "query"]},
                {"id": "others", "address": [f"{OTHERS}.0.0/16"], "key": [self.other.name], "action": ["transfer"]},
            ],
        }
        zone = {"domain": ZONE, "acl": ["home", "others"]}
        self.daemon = work.primary([{**zone, "file": "z"}], **rules).start()
        if kind == "secondary":
            upstream = self.daemon.port
            self.daemon = work.secondary([zone], upstream, **rules).start()
            wait_for(lambda: self.ask("SOA") == dns.rcode.NOERROR, "the signed zone", about=self.daemon.log)
        self.port, self.log = self.daemon.port, self.daemon.log
        self.refused = {"axfr": 0, "ixfr": 0}  # of the zone, as the metrics should say
        self.hosts = itertools.count(1)
        whole = axfr(self.port, ZONE, self.key)
        assert len(whole.nodes) == GIVERS[kind] + 2
        self.records = 1 + sum(len(rdataset) for node in whole.nodes.values() for rdataset in node)

    def ask(self, rdtype):
        return self.daemon.ask(ZONE, rdtype).rcode()

    def gives_all(self):
        return records_of(self.tcp(signed(self.key))) == self.records

    def new_host(self, network=HOME):
        """An address that has not asked yet: lines are limited for each."""
        number = next(self.hosts)
        return f"{network}.{number // 250 + 1}.{number % 250 + 1}"

    def connect(self, host=HOST):
        connection = socket.create_connection((HOST, self.port), timeout=20, source_address=(host, 0))
        connection.settimeout(20)
        return connection

    def tcp(self, wire, host=HOST):
        """The messages that come back to one request on a connection whose other half is closed."""
        with self.connect(host) as connection:
            connection.sendall(framed(wire))
            connection.shutdown(socket.SHUT_WR)
            messages, file = [], connection.makefile("rb")
            while message := receive(file):
                messages.append(message)
        return messages

    def udp(self, wire, host=HOST):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.bind((host, 0))
            client.settimeout(20)
            client.sendto(wire, (HOST, self.port))
            return [client.recv(4096)]

    def line(self, host):
        """The operator's line about this peer."""
        found = wait_for(lambda: self.lines(host), f"a line about {host} in the log", about=self.log)
        assert len(found) == 1
        return found[0]

    def lines(self, host):
        return re.findall(rf".*request refused.* peer={re.escape(host)}@.*", self.log())


@pytest.fixture(scope="module", params=GIVERS)
def running(request):
    with Workspace() as work:
        giver = Giver(work, request.param)
        yield giver
        assert [daemon.stop() for daemon in reversed(work.daemons)] == [0] * len(work.daemons)


@pytest.fixture
def giver(request, running):
    yield running
    report = getattr(request.node, "report_call", None)
    if report is not None and report.failed:
        print(running.log()[-20000:])


def framed(wire):
    return struct.pack("!H", len(wire)) + wire


def receive(file):
    """The next message as octets, b"" at the end."""
    head = file.read(2)
    return file.read(struct.unpack("!H", head)[0]) if len(head) == 2 else b""


def records_of(messages):
    return sum(int.from_bytes(message[6:8], "big") for message in messages)


def question(rdtype="AXFR", zone=ZONE):
    query = dns.message.make_query(zone, rdtype)
    if rdtype == "IXFR":
        query.authority.append(dns.rrset.from_text(f"{zone}.", 0, "IN", "SOA", ". . 1 3600 600 604800 300"))
    return query.to_wire()


def signed(key, seconds=0, **options):
    return Signer(key.dnspython(), b"", seconds).sign(question(**options))


def tsig_of(wire):
    """Error, other data and length of the MAC of the TSIG, unchecked."""
    at = wire.rindex(b"\x00\xfa\x00\xff\x00\x00\x00\x00") + 8
    rdata = wire[at + 2 :]
    name = rdata.index(b"\0") + 1
    mac = int.from_bytes(rdata[name + 8 : name + 10], "big")
    rest = rdata[name + 10 + mac :]
    return int.from_bytes(rest[2:4], "big"), rest[6:], mac


WRONG_SECRET = "its signature (TSIG) is wrong; compare the secret"
UNKNOWN_KEY = "a key that is not known here; compare name and algorithm"
WRONG_TIME = "it was signed at another time; set the clocks of both hosts"
MALFORMED = "its TSIG is malformed, or cut shorter than RFC 8945 allows"
NO_KEY = "it is not signed, and the acl of the zone wants a key (TSIG) of this address"
OTHER_KEY = "the acl of the zone wants another key of this address"
NO_ADDRESS = "takes it from other addresses only; name this address in the acl"
NO_RULE = "no acl of the zone lets this address and key do it"
NO_ZONE = "no such zone here; compare the zone's name"
HERE = f"zone={ZONE} "
NOTAUTH, REFUSED, FORMERR = "NOTAUTH", "REFUSED", "FORMERR"

# What is wrong; the request; from where; the RCODE (two where the givers differ: a hidden primary refuses, a public server is
# not authoritative, RFC 5936 section 2.2.1); the error in the TSIG; words of the line.
BAD = {
    "wrong secret": (lambda g: signed(Key(g.key.name)), HOME, NOTAUTH, 16, [WRONG_SECRET, HERE, "asked=AXFR key=xfr. "]),
    "unknown key": (lambda g: signed(Key("nobody.")), HOME, NOTAUTH, 17, [UNKNOWN_KEY, HERE, "key=nobody. "]),
    "other algorithm": (
        lambda g: signed(Key(g.key.name, "hmac-sha512", g.key.secret)), HOME, NOTAUTH, 17, [UNKNOWN_KEY, HERE, "key=xfr. "]
    ),
    "clock ahead": (lambda g: signed(g.key, 3600), HOME, NOTAUTH, 18, [WRONG_TIME, HERE, "key=xfr. "]),
    "clock behind": (lambda g: signed(g.key, -3600), HOME, NOTAUTH, 18, [WRONG_TIME, HERE, "key=xfr. "]),
    "short MAC": (
        lambda g: truncate_mac(signed(g.key), g.key.dnspython(), 15)[0], HOME, FORMERR, None, [MALFORMED, HERE, "key=xfr. "]
    ),
    "empty MAC": (
        lambda g: truncate_mac(signed(g.key), g.key.dnspython(), 0)[0], HOME, FORMERR, None, [MALFORMED, HERE, "key=xfr. "]
    ),
    "no key": (lambda g: question(), HOME, REFUSED, None, [NO_KEY, HERE, "asked=AXFR key=- "]),
    "other key": (lambda g: signed(g.other), HOME, REFUSED, 0, [OTHER_KEY, HERE, "key=other. "]),
    "other address": (lambda g: signed(g.key), AWAY, REFUSED, 0, [NO_ADDRESS, HERE, "key=xfr. "]),
    "neither": (lambda g: question(), AWAY, REFUSED, None, [NO_RULE, HERE, "key=- "]),
    "other zone": (
        lambda g: signed(g.key, zone="other.example"), HOME, (REFUSED, NOTAUTH), 0, [NO_ZONE, "name=other.example. ", "key=xfr. "]
    ),
    "IXFR, wrong secret": (
        lambda g: signed(Key(g.key.name), rdtype="IXFR"), HOME, NOTAUTH, 16, [WRONG_SECRET, HERE, "asked=IXFR key=xfr. "]
    ),
    "IXFR, no key": (lambda g: question("IXFR"), HOME, REFUSED, None, [NO_KEY, HERE, "asked=IXFR "]),
    "IXFR by UDP, no key": (lambda g: question("IXFR"), HOME, REFUSED, None, [NO_KEY, HERE, "asked=IXFR "]),
    "IXFR by UDP, clock ahead": (
        lambda g: signed(g.key, 3600, rdtype="IXFR"), HOME, NOTAUTH, 18, [WRONG_TIME, HERE, "asked=IXFR key=xfr. "]
    ),
    # What comes before a transfer: a secondary with a wrong key gets no further.
    "SOA by UDP, unknown key": (
        lambda g: signed(Key("nobody."), rdtype="SOA"), HOME, NOTAUTH, 17, [UNKNOWN_KEY, HERE, "asked=SOA key=nobody. "]
    ),
    "SOA by UDP, short MAC": (
        lambda g: truncate_mac(signed(g.key, rdtype="SOA"), g.key.dnspython(), 15)[0],
        HOME, FORMERR, None, [MALFORMED, HERE, "asked=SOA key=xfr. "],
    ),
}


@pytest.mark.parametrize("what", BAD, ids=[what.replace(" ", "-").replace(",", "") for what in BAD])
def test_a_refused_transfer_has_its_code_and_its_line(giver, what):
    make, network, rcode, error, words = BAD[what]
    rcode = rcode if isinstance(rcode, str) else rcode[list(GIVERS).index(giver.kind)]
    wire, host = make(giver), giver.new_host(network)
    messages = (giver.udp if "UDP" in what else giver.tcp)(wire, host)
    assert len(messages) == 1 and messages[0][3] & 15 == dns.rcode.from_text(rcode)
    assert messages[0][:2] == wire[:2] and messages[0][6:8] == b"\0\0"
    if error is not None:
        said, other, mac = tsig_of(messages[0])
        assert said == error and (mac > 0) == (error in (0, 18))  # BADTIME is signed, and says our time
        assert len(other) == (6 if error == 18 else 0)
    line = giver.line(host)
    assert all(word in line for word in [*words, " warning ", f"rcode={rcode} "]), line
    assert giver.key.secret not in giver.log()
    if HERE in words and "SOA" not in what:
        giver.refused["ixfr" if "IXFR" in what else "axfr"] += 1
    assert giver.gives_all()


def test_who_asks_again_and_again_has_one_line(giver):
    host = giver.new_host()
    for _ in range(20):
        assert giver.tcp(question(), host)[0][3] & 15 == dns.rcode.REFUSED
        giver.refused["axfr"] += 1
    later = giver.new_host()
    giver.tcp(question(), later)
    giver.refused["axfr"] += 1
    assert "left_out=19" in giver.line(later) and giver.line(host)


def test_metrics_count_the_refused_transfers_of_the_zone(giver):
    for rdtype in ("AXFR", "IXFR", "IXFR"):
        giver.tcp(signed(Key(giver.key.name), rdtype=rdtype), giver.new_host())
        giver.refused[rdtype.lower()] += 1

    def told():
        return {
            kind: giver.daemon.metric("tandem_zone_transfers_total", zone=ZONE, direction="out", kind=kind, result="refused")
            for kind in giver.refused
        }

    wait_for(lambda: told() == giver.refused, f"counted: {giver.refused}", about=lambda: str(told()))


def test_a_mac_of_half_its_length_is_enough(giver):
    host = giver.new_host()
    messages = giver.tcp(truncate_mac(signed(giver.key), giver.key.dnspython(), 16)[0], host)
    assert messages[0][3] & 15 == dns.rcode.NOERROR
    assert records_of(messages) == giver.records
    assert not giver.lines(host)


def test_every_message_of_a_transfer_is_signed(giver):
    messages = giver.tcp(signed(giver.key))
    assert len(messages) > 2
    for message in messages:
        assert tsig_of(message)[0] == 0 and tsig_of(message)[2] == 32


def test_a_client_that_closes_its_side_gets_the_whole_zone(giver):
    assert giver.kind == "secondary" or giver.records == GIVERS["primary"] + 4  # with the closing SOA
    assert giver.gives_all()


def test_clients_that_stall_or_go_away_keep_nobody_waiting(giver):
    stalled = [giver.connect() for _ in range(5)]
    for number, connection in enumerate(stalled):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536 if number == 1 else 4096)
        connection.sendall(framed(signed(giver.key))[: None if number else 20])
    for _ in range(3):
        gone = giver.connect()
        gone.sendall(framed(signed(giver.key)))
        gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        gone.close()  # with a reset
    assert giver.gives_all()
    # Who goes on in time gets all of it.
    messages, file = [], stalled[1].makefile("rb")
    while records_of(messages) < giver.records:
        messages.append(receive(file))
        assert messages[-1], "the transfer of a client that stalled broke off"
    for connection in stalled:
        connection.close()
    assert giver.gives_all()


def flooded(port, log, zone):
    """Refused transfers from many addresses by UDP, all answered; then one by TCP from another."""
    wire = question("IXFR", zone)
    for number in range(400):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.bind((f"{AWAY}.{number // 250}.{number % 250 + 1}", 0))
            client.settimeout(20)
            client.sendto(wire, (HOST, port))
            assert client.recv(4096)[3] & 15 == dns.rcode.REFUSED
    with socket.create_connection((HOST, port), timeout=20, source_address=(f"{HOME}.3.3", 0)) as connection:
        connection.sendall(framed(question(zone=zone)))
        assert receive(connection.makefile("rb"))[3] & 15 == dns.rcode.REFUSED
    wait_for(lambda: f"peer={HOME}.3.3@" in log(), "a line about who came by TCP", about=log)
    assert LINES_MAX <= len(re.findall(rf"request refused.* peer={AWAY}\.", log())) <= 3 * LINES_MAX


def test_a_flood_of_refused_requests_has_few_lines_of_a_primary(work):
    work.write("z", f"$ORIGIN {ZONE}.\n$TTL 300\n@ SOA ns h 1 3600 600 604800 300\n@ NS ns\nns A 192.0.2.1\n")
    primary = work.primary([{"domain": ZONE, "file": "z"}]).start()
    flooded(primary.port, primary.log, ZONE)


def test_a_flood_of_refused_requests_has_few_lines_of_a_server():
    with serving.Serving() as server:
        flooded(server.port, server.log, "tandem.example")
