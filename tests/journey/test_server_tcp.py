"""TCP as RFC 7766 and RFC 9210 want it, on one tandem-server: pipelines cut anywhere, clients that are slow, silent,
rude or many. What is asserted is order, counts, memory and who is let in; never how long something took."""

import pathlib
import re
import resource
import select
import shutil
import socket
import struct
import subprocess
import time

import dns.edns
import dns.message
import dns.query
import dns.rcode
import pytest

import serving
import tandem

NAME = "www.tandem.example"


def serve(**settings):
    return serving.Serving(server=settings)


@pytest.fixture(scope="module")
def server():
    with serve() as running:
        yield running
        running.stop()
        assert "server ended 0" in running.out(), running.log()


def connect(server, source=None, timeout=20):
    connection = socket.create_connection((tandem.HOST, server.port), timeout, source_address=source and (source, 0))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def framed(wire):
    return struct.pack("!H", len(wire)) + wire


def query(number=0, name=NAME, rdtype="A", **options):
    message = dns.message.make_query(name, rdtype, **options)
    message.id = number
    return framed(message.to_wire())


def read_exactly(connection, length):
    octets = b""
    while len(octets) < length:
        part = connection.recv(length - len(octets))
        if not part:
            break
        octets += part
    return octets


def read_message(connection):
    """The next message, or None when the other side has closed."""
    head = read_exactly(connection, 2)
    if len(head) < 2:
        return None
    wire = read_exactly(connection, struct.unpack("!H", head)[0])
    return dns.message.from_wire(wire)


def read_ids(connection, count):
    """The ids of so many answers; fewer when the connection ends."""
    octets, ids = bytearray(), []
    while len(ids) < count:
        part = connection.recv(1 << 20)
        if not part:
            break
        octets += part
        at = 0
        while len(octets) - at >= 2 and len(octets) - at - 2 >= (length := octets[at] << 8 | octets[at + 1]):
            assert octets[at + 4] & 0x80 and octets[at + 5] & 0x0F == 0
            ids.append(octets[at + 2] << 8 | octets[at + 3])
            at += 2 + length
        del octets[:at]
    return ids


def is_closed(connection):
    """Waits until the server has closed it; what still comes before is dropped."""
    try:
        while connection.recv(65536):
            pass
    except ConnectionResetError:
        pass
    return True


def is_open(connection):
    """The server still answers on it."""
    try:
        connection.sendall(query(7))
        return read_message(connection) is not None
    except OSError:
        return False


def descriptors(server):
    """How many the server has open."""
    return len(list(pathlib.Path(f"/proc/{server.server_pid()}/fd").iterdir()))


def counted(server, left):
    """accepted, refused, timeouts, open: what the server had counted when only so many descriptors were left."""
    tandem.wait_for(lambda: descriptors(server) == left, f"{left} descriptors", about=lambda: descriptors(server))
    server.ask(NAME, "A")  # one thread: it has done what there was to do
    server.stop()
    assert "server ended 0" in server.out(), server.log()
    return tuple(map(int, re.search(r"tcp accepted (\d+) refused (\d+) timeouts (\d+) open (\d+)", server.out()).groups()))


def memory(server):
    """Resident octets of the server."""
    status = pathlib.Path(f"/proc/{server.server_pid()}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024


def test_rfc7766_6_2_1_1_pipelined_queries_cut_at_every_octet_are_all_answered(server):
    wire = query(1) + query(2, "nothere.tandem.example") + query(3, "big.tandem.example", "TXT")
    for cut in range(1, len(wire)):
        with connect(server) as connection:
            connection.sendall(wire[:cut])
            time.sleep(0.002)  # so that both parts arrive alone, mostly; any way they arrive is right
            connection.sendall(wire[cut:])
            answers = [read_message(connection) for _ in range(3)]
            assert sorted(answer.id for answer in answers) == [1, 2, 3], cut
            assert [a.rcode() for a in sorted(answers, key=lambda a: a.id)] == [0, 3, 0]


def test_rfc7766_6_2_1_1_ten_thousand_queries_in_a_row_are_answered_once_each(server):
    with connect(server) as connection:
        connection.setblocking(False)
        wire = memoryview(b"".join(query(i) for i in range(10000)))
        octets, ids = bytearray(), []
        while len(ids) < 10000:
            readable, writable, _ = select.select([connection], [connection] if wire else [], [], 60)
            assert readable or writable, f"{len(ids)} answers and then none"
            if writable:
                wire = wire[connection.send(wire):]
            if readable:
                octets += connection.recv(1 << 20)
            at = 0
            while len(octets) - at >= 2 and len(octets) - at - 2 >= (length := octets[at] << 8 | octets[at + 1]):
                ids.append(octets[at + 2] << 8 | octets[at + 3])
                at += 2 + length
            del octets[:at]
        assert sorted(ids) == list(range(10000))


def test_rfc7766_8_a_query_of_65535_octets_is_answered(server):
    plain = dns.message.make_query(NAME, "A", use_edns=0).to_wire()
    padding = struct.pack("!HH", 12, 65535 - len(plain) - 4)  # RFC 7830, the OPT's only option
    wire = plain[:-2] + struct.pack("!H", 65535 - len(plain)) + padding + bytes(65535 - len(plain) - 4)
    assert len(wire) == 65535
    with connect(server) as connection:
        connection.sendall(query(1) + framed(wire) + query(2))
        answers = [read_message(connection) for _ in range(3)]
        assert [len(tandem.answers(answer)) for answer in answers] == [2, 2, 2]
        assert answers[1].id == struct.unpack("!H", wire[:2])[0]


@pytest.mark.parametrize("frame", [b"\0\0", b"\0\1x", b"\0\x0b" + bytes(11), framed(b"\0\1\x80" + bytes(9))])
def test_what_no_client_sends_ends_the_connection_behind_the_answers_before_it(server, frame):
    """An empty message, less than a header, a response."""
    with connect(server) as connection:
        connection.sendall(query(1) + frame + query(2))
        assert read_message(connection).id == 1
        assert read_message(connection) is None


def test_garbage_gets_formerr_or_an_end_and_the_server_lives(server):
    noise = bytes((i * 7919 + (i >> 5)) & 0xFF for i in range(70000))
    for start in range(0, 2000, 40):
        with connect(server) as connection:
            try:
                connection.sendall(framed(noise[start:start + 37]) + noise[start:])
                connection.shutdown(socket.SHUT_WR)
                while (message := connection.recv(65536)):
                    assert len(message) > 0
            except (ConnectionResetError, BrokenPipeError):
                pass
    assert len(tandem.answers(server.ask(NAME, "A", tcp=True))) == 2


def test_a_half_closed_client_gets_the_answers_to_the_end(server):
    with connect(server) as connection:
        connection.sendall(b"".join(query(i, "big.tandem.example", "TXT") for i in range(2000)))
        connection.shutdown(socket.SHUT_WR)
        assert read_ids(connection, 2001) == list(range(2000))


def test_a_half_closed_client_gets_the_answers_before_a_cut_query(server):
    with connect(server) as connection:
        connection.sendall(b"".join(query(i, "big.tandem.example", "TXT") for i in range(1000)) + query(1000)[:9])
        connection.shutdown(socket.SHUT_WR)
        assert read_ids(connection, 1001) == list(range(1000))


def test_resets_at_any_moment_leave_nothing_behind():
    with serve() as server:
        before = descriptors(server)
        for i in range(200):
            connection = connect(server)
            connection.sendall((query(1) * 20)[: i * 3])
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()
        assert server.ask(NAME, "A", tcp=True).rcode() == dns.rcode.NOERROR
        accepted, refused, timeouts, still_open = counted(server, before)
        assert (accepted, refused, timeouts, still_open) == (201, 0, 0, 0)


def fill(connection, wire):
    """Sends copies of wire until the server takes no more; gives the octets sent."""
    connection.setblocking(False)
    sent, stuck_since = 0, None
    while stuck_since is None or time.monotonic() - stuck_since < 0.3:
        try:
            at = sent % len(wire)
            sent += connection.send(wire[at:])
            stuck_since = None
        except BlockingIOError:
            stuck_since = stuck_since or time.monotonic()
            time.sleep(0.01)
    connection.settimeout(20)
    return sent


def test_clients_that_ask_and_do_not_listen_are_not_read_and_cost_little():
    """Both sides' sockets fill, then nothing more is read; the server's memory does not grow with the questions. When
    they listen at last they get every answer."""
    one = query(1, "big.tandem.example", "TXT")
    with serve(**{"tcp-idle": "60s"}) as server:
        server.ask(NAME, "A", tcp=True)
        before, clients = memory(server), []
        for _ in range(3):
            connection = socket.socket()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            connection.settimeout(20)
            connection.connect((tandem.HOST, server.port))
            clients.append((connection, fill(connection, one * 2000)))
        grown = memory(server) - before
        assert grown < 3 * 512 * 1024, f"{grown} octets for 3 clients"
        assert len(tandem.answers(server.ask(NAME, "A"))) == 2
        assert len(tandem.answers(server.ask(NAME, "A", tcp=True))) == 2
        for connection, sent in clients:
            whole = sent // len(one)
            assert whole > 1000
            assert len(read_ids(connection, whole)) == whole
            connection.close()


def test_rfc7766_6_2_3_idle_clients_are_closed_and_busy_ones_kept():
    with serve(**{"tcp-idle": "2s"}) as server:
        before, idle, busy = descriptors(server), connect(server), connect(server)
        for _ in range(8):
            assert is_open(busy)
            time.sleep(0.3)
        assert is_closed(idle)
        assert is_open(busy)
        assert is_closed(busy)
        accepted, refused, timeouts, still_open = counted(server, before)
        assert (accepted, refused, timeouts, still_open) == (2, 0, 2, 0)


def test_rfc9210_6_1_a_query_that_trickles_in_has_no_more_time_than_silence():
    with serve(**{"tcp-idle": "1s"}) as server:
        before, slow = descriptors(server), connect(server)
        slow.sendall(query(1) + b"\xff\xff")
        assert read_message(slow).id == 1
        trickled = 0
        try:
            while trickled < 300:
                slow.sendall(b"x")
                trickled += 1
                if select.select([slow], [], [], 0.1)[0]:
                    break
        except OSError:
            pass
        assert 1 < trickled < 300
        assert is_closed(slow)
        assert counted(server, before)[2] == 1


def test_rfc7766_6_2_2_a_network_gets_its_share_and_the_silent_give_way_to_others():
    with serve(**{"tcp-clients": 12, "tcp-idle": "60s"}) as server:
        before = descriptors(server)
        ours = [connect(server, "127.0.0.5") for _ in range(8)]
        assert all(map(is_open, ours))
        assert not is_open(connect(server, "127.0.0.6"))  # the same /24
        others = [connect(server, f"127.0.{i}.1") for i in range(1, 5)]
        assert all(map(is_open, others))  # all twelve are taken
        time.sleep(0.6)  # longer than the grace of those who were just heard
        assert all(map(is_open, ours[1:]))  # silent longest: ours[0]
        newcomer = connect(server, "127.0.9.1")
        assert is_open(newcomer)
        assert is_closed(ours[0])
        assert all(map(is_open, ours[1:] + others + [newcomer]))
        accepted, refused, timeouts, still_open = counted(server, before + 12)
        assert (accepted, refused, timeouts, still_open) == (13, 2, 0, 12)


def test_rfc7828_a_client_that_asks_is_told_how_long_its_connection_is_kept():
    asking = dns.message.make_query(NAME, "A", use_edns=0, options=[dns.edns.GenericOption(11, b"")])
    silent = dns.message.make_query(NAME, "A", use_edns=0)
    with serve(**{"tcp-idle": "7s"}) as server:
        for message, tcp, told in [(asking, True, [b"\0\x46"]), (silent, True, []), (asking, False, [])]:
            send = dns.query.tcp if tcp else dns.query.udp
            answer = send(message, tandem.HOST, port=server.port, timeout=10)
            assert [option.data for option in answer.options if option.otype == 11] == told


ZONE = """$TTL 60
@ IN SOA ns hostmaster 1 60 60 60000 60
@ IN NS ns
ns IN A 192.0.2.53
"""


def test_metrics_tell_connections_taken_refused_ended_and_open(work):
    work.write("example.gov.zone", ZONE)
    primary = work.primary([{"domain": "example.gov", "file": "example.gov.zone"}]).start()
    secondary = work.secondary([{"domain": "example.gov", "refresh": "1h"}], primary.port)
    secondary.config["server"].update({"workers": 1, "tcp-clients": 8, "tcp-idle": "2s"})
    secondary.start()
    tandem.wait_for(lambda: secondary.ask("example.gov", "SOA").answer, "the zone", about=secondary.log)

    def metric(result):
        return secondary.metric("tandem_tcp_connections_total", result=result)

    assert metric("accepted") == metric("refused") == metric("timeout") == 0
    connections = [socket.create_connection((tandem.HOST, secondary.port), timeout=20) for _ in range(9)]
    tandem.wait_for(lambda: metric("accepted") + metric("refused") == 9, "all nine are known")
    assert (metric("accepted"), metric("refused")) == (8, 1)
    assert all(map(is_closed, connections))
    tandem.wait_for(lambda: metric("timeout") == 8, "all eight were idle")
    tandem.wait_for(lambda: secondary.metric("tandem_tcp_connections_open") == 0, "none stands")


def raise_descriptor_limit():
    """As many descriptors as we may have; gives how many."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most == resource.RLIM_INFINITY or most > 100000:
        most = 100000
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    return most


def test_rfc9210_4_1_ten_thousand_idle_connections_do_not_disturb_udp():
    count = min(10000, raise_descriptor_limit() - 200)
    if count < 2000:
        pytest.skip("fewer than 2,200 descriptors are allowed here")
    with serve(**{"tcp-clients": 12000, "tcp-idle": "300s"}) as server:
        none = descriptors(server)
        server.ask(NAME, "A", tcp=True)
        before = memory(server)
        crowd = [connect(server, f"127.0.{i % 8}.{i % 5 + 1}") for i in range(count)]
        for connection in crowd[::100]:
            assert is_open(connection)
        crowd[0].sendall(query(1)[:5])  # one in the middle of a query
        each = (memory(server) - before) / count
        assert each < 6000, f"{each:.0f} octets for each idle connection"  # with the sanitizers' red zones
        wire = dns.message.make_query(NAME, "A").to_wire()
        answered = 0
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.connect((tandem.HOST, server.port))
            client.settimeout(10)
            for _ in range(100):
                for _ in range(20):
                    client.send(wire)
                answered += sum(client.recv(4096)[:2] == wire[:2] for _ in range(20))
        assert answered == 2000
        assert is_open(connect(server))
        assert is_open(crowd[-1])
        for connection in crowd:
            connection.close()
        accepted, refused, timeouts, still_open = counted(server, none)
        assert (accepted, refused, timeouts, still_open) == (count + 2, 0, 0, 0)


def strace(server, act):
    """The system calls that the server makes during act(), by name."""
    tracer = subprocess.Popen(["strace", "-c", "-f", "-p", str(server.server_pid())], stderr=subprocess.PIPE, text=True)
    try:
        line = tracer.stderr.readline()
        if "attached" not in line:
            pytest.skip("strace may not attach here: " + line)
        act()
    finally:
        tracer.terminate()
    table = tracer.communicate(timeout=20)[1]
    return {row[-1]: int(row[3]) for row in map(str.split, table.splitlines()) if len(row) > 4 and row[3].isdigit()}


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_a_kept_connection_costs_a_receive_and_a_send_for_many_queries(server):
    with connect(server) as connection:
        assert is_open(connection)

        def pipelines():
            for _ in range(20):
                connection.sendall(b"".join(query(i) for i in range(50)))
                assert len(read_ids(connection, 50)) == 50
            # A call is counted when it ends, which may be after the client has its octets:
            # with one more answer, all calls before it have ended.
            assert is_open(connection)

        calls = strace(server, pipelines)
        queries = 1000
        assert 20 <= calls["sendto"] <= queries / 10, calls
        assert calls["recvfrom"] <= queries / 10, calls
        # Nothing else but waiting: no timer, no interest changed, no memory, no clock.
        rest = {name: n for name, n in calls.items() if name not in ("sendto", "recvfrom", "sendmsg", "total")}
        rest = {name: n for name, n in rest.items() if not name.startswith("epoll_") or name == "epoll_ctl"}
        assert sum(rest.values()) < 20, calls
