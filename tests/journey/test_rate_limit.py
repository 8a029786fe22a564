"""Response rate limiting with two servers: one limit for all of them, slip, who is exempt, on and off by a reload, who is
limited in tandemctl, and what a restart of servers leaves."""

import os
import pathlib
import re
import shlex
import socket
import subprocess
import time

import dns.edns
import dns.flags
import dns.message
import dns.opcode
import dns.query
import dns.rcode

import serving
import tandem

PER_SECOND = 20
MEMORY = "memfd:tandem-rate-table"
ZONE = """$TTL 60
@ IN SOA ns hostmaster 1 60 60 60000 60
@ IN NS ns
ns IN A 192.0.2.53
www IN A 192.0.2.1
*.wild IN A 192.0.2.2
"""


def start(work, per_second, slip=2):
    work.write("example.gov.zone", ZONE)
    primary = work.primary([{"domain": "example.gov", "file": "example.gov.zone"}]).start()
    secondary = work.secondary([{"domain": "example.gov", "refresh": "1h"}], primary.port)
    secondary.config["server"]["workers"] = 2
    limit(secondary, per_second, slip)
    secondary.start()
    tandem.wait_for(lambda: secondary.ask("example.gov", "SOA", tcp=True).answer, "the zone", about=secondary.log)
    return secondary


def limit(secondary, per_second, slip=2):
    secondary.config["server"]["rate-limit"] = {"per-second": per_second, "slip": slip}


def open_clients(secondary, source, count):
    clients = []
    for _ in range(count):
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        client.bind((source, 0))
        client.connect(("127.0.0.1", secondary.port))
        client.setblocking(False)
        clients.append(client)
    return clients


def received(clients):
    """What has come, as messages."""
    for client in clients:
        try:
            while True:
                yield dns.message.from_wire(client.recv(4096))
        except BlockingIOError:
            continue


def held_back(secondary):
    """(answers held back, of these with TC) by all servers since the start."""
    result = secondary.control("rate-limit", "list")
    return result["limited_total"], sum(prefix["truncated"] for prefix in result["prefixes"])


def flood(secondary, count, name="www.example.gov", source="127.0.0.1", options=()):
    """Sends count queries from 40 ports, which the kernel spreads over the servers; %d in the name is a number. Gives how
    many came back whole and with TC, and the seconds from the first query to the last answer; ends when the servers have
    accounted for all."""
    clients = open_clients(secondary, source, 40)
    held_before, truncated_before = held_back(secondary)
    names = [name.replace("%d", str(number)) for number in range(count)]
    queries = [dns.message.make_query(n, "A", use_edns=0, options=list(options)).to_wire() for n in names]
    whole = truncated = 0
    begin = last = time.monotonic()
    for number, query in enumerate(queries):
        clients[number % len(clients)].send(query)

    def all_is_told():
        nonlocal whole, truncated, last
        for answer in received(clients):
            last = time.monotonic()
            truncated += bool(answer.flags & dns.flags.TC)
            whole += not answer.flags & dns.flags.TC
        held, cut = held_back(secondary)
        return whole + held - held_before == count and truncated == cut - truncated_before

    tandem.wait_for(all_is_told, f"all of {count} queries answered or held back", about=secondary.log)
    for client in clients:
        client.close()
    return whole, truncated, last - begin


def most(seconds):
    """How many answers of a class may have gone out: a second's worth at once, then one for each interval."""
    return PER_SECOND * (1 + seconds) + 1


def listed(secondary):
    return {prefix["prefix"]: prefix for prefix in secondary.control("rate-limit", "list")["prefixes"]}


def server_pids(secondary):
    return set(tandem.role_pids(secondary, "server"))


def resident_kib(secondary):
    """KiB of the table that each server has touched."""
    found = []
    for pid in server_pids(secondary):
        smaps = pathlib.Path(f"/proc/{pid}/smaps").read_text()
        found.append(int(re.search(rf"{MEMORY}.*?^Rss:\s+(\d+) kB", smaps, re.S | re.M).group(1)))
    return found


def test_all_servers_together_give_the_limit_and_every_second_answer_held_back_is_a_tc(work):
    secondary = start(work, PER_SECOND)
    assert len(server_pids(secondary)) == 2
    whole, truncated, seconds = flood(secondary, 200)
    assert PER_SECOND <= whole <= most(seconds)
    held = 200 - whole
    assert truncated == held // 2
    assert secondary.metric("tandem_answers_limited_total") == held
    prefix = listed(secondary)["127.0.0.0/24"]
    assert (prefix["limited"], prefix["dropped"], prefix["truncated"]) == (held, held - truncated, truncated)
    assert prefix["kinds"] == ["positive"] and prefix["active"]


def test_another_prefix_tcp_and_a_client_with_a_cookie_are_not_limited(work):
    secondary = start(work, PER_SECOND)
    ask = dns.message.make_query("www.example.gov", "A", use_edns=0, options=[dns.edns.GenericOption(10, b"8octets!")])
    given = dns.query.tcp(ask, "127.0.0.1", port=secondary.port, timeout=10)
    (cookie,) = [option for option in given.options if option.otype == 10]
    assert flood(secondary, 100)[0] < 100
    assert flood(secondary, 15, source="127.0.1.1")[0] == 15
    assert "127.0.1.0/24" not in listed(secondary)
    for _ in range(3 * PER_SECOND):
        assert secondary.ask("www.example.gov", "A", tcp=True).answer
    assert flood(secondary, 100, options=[cookie])[0] == 100
    # Somebody else's cookie is nobody's.
    assert flood(secondary, 100, source="127.0.2.1", options=[cookie])[0] < 100


def test_random_names_share_one_limit_whether_a_wildcard_answers_or_nothing(work):
    secondary = start(work, PER_SECOND, slip=0)
    for name, kind in (("x%d.wild.example.gov", "wildcard"), ("x%d.example.gov", "nxdomain")):
        whole, truncated, seconds = flood(secondary, 200, name=name)
        assert PER_SECOND <= whole <= most(seconds), kind
        assert truncated == 0
        assert kind in listed(secondary)["127.0.0.0/24"]["kinds"]


def test_slip_one_sends_a_tc_for_everything_held_back(work):
    secondary = start(work, PER_SECOND, slip=1)
    whole, truncated, _ = flood(secondary, 100)
    assert whole < 100 and whole + truncated == 100


def test_a_reload_turns_it_off_and_on_and_without_a_limit_the_table_is_not_touched(work):
    secondary = start(work, 0)

    def reload(per_second):
        limit(secondary, per_second)
        secondary.write_config()
        assert secondary.control("reload")["restart_keys"] == []

    assert flood(secondary, 100)[0] == 100
    # The page of the header, which is looked at once.
    assert all(kib <= 4 for kib in resident_kib(secondary)), resident_kib(secondary)
    reload(PER_SECOND)
    tandem.wait_for(lambda: flood(secondary, 100)[0] < 100, "the limit is on", about=secondary.log)
    assert any(kib > 4 for kib in resident_kib(secondary))
    pids = server_pids(secondary)
    reload(0)
    tandem.wait_for(lambda: flood(secondary, 100)[0] == 100, "the limit is off", about=secondary.log)
    assert server_pids(secondary) == pids
    result = secondary.control("rate-limit", "list")
    assert result["on"] is False and result["prefixes"][0]["prefix"] == "127.0.0.0/24"


def test_tandemctl_lists_who_is_limited_and_status_leads_there(work):
    secondary = start(work, PER_SECOND)
    assert "rate-limit" not in secondary.tandemctl("status").stdout
    empty = secondary.tandemctl("rate-limit", "list").stdout
    assert empty == (
        "at most 20 answers of a kind each second for a /24 of IPv4 and a /56 of IPv6, slip 2; 0 limited since the start\n"
    )
    whole, truncated, _ = flood(secondary, 100)
    (line,) = [line for line in secondary.tandemctl("status").stdout.splitlines() if line.startswith("-> ")]
    assert line.startswith("-> answers are limited: 1 client prefix, most of all 127.0.0.0/24; see ")
    (command,) = re.findall(r'"(tandemctl [^"]*)"', line)
    words = shlex.split(command)
    words[0] = str(tandem.BIN / words[0])
    shown = subprocess.run(words, capture_output=True, text=True, timeout=30)
    assert shown.returncode == 0, shown.stderr
    head, row, end = shown.stdout.splitlines()
    assert head.split() == ["PREFIX", "LIMITED", "DROPPED", "TRUNCATED", "KINDS", "SINCE", "LAST"]
    held = 100 - whole
    assert row.split()[:5] == ["127.0.0.0/24", str(held), str(held - truncated), str(truncated), "positive"]
    assert end.endswith(f"{held} limited since the start")


def test_servers_that_are_restarted_keep_the_counts(work):
    secondary = start(work, PER_SECOND)
    flood(secondary, 100)
    before = listed(secondary)["127.0.0.0/24"]
    assert before["limited"] > 0
    killed = server_pids(secondary)
    for pid in killed:
        os.kill(pid, 9)
    tandem.wait_for(lambda: len(server_pids(secondary) - killed) == 2, "two new servers", about=secondary.log)
    assert listed(secondary)["127.0.0.0/24"] == before
    tandem.wait_for(lambda: secondary.ask("www.example.gov", "A", tcp=True).answer, "an answer", about=secondary.log)
    # Their counts go on from there, under the same key: no second record of the prefix.
    flood(secondary, 100)
    prefixes = secondary.control("rate-limit", "list")["prefixes"]
    assert [prefix["prefix"] for prefix in prefixes] == ["127.0.0.0/24"]
    assert prefixes[0]["limited"] > before["limited"] and prefixes[0]["since"] == before["since"]


def test_the_tc_that_slips_brings_the_cookie_that_frees_its_client_and_signed_questions_are_free():
    """RFC 7873 section 1: who owns its address is told so at the first contact; nobody has to come by TCP for it."""
    name = "www.tandem.example"
    with serving.Serving(server={"rate-limit": {"per-second": 1, "slip": 1}}) as server:
        query = dns.message.make_query(name, "A", use_edns=0, options=[dns.edns.GenericOption(10, b"8octets!")])

        def asked():
            return dns.query.udp(query, "127.0.0.1", port=server.port, timeout=10)

        slipped = tandem.wait_for(lambda: (answer := asked()).flags & dns.flags.TC and answer, "the limit")
        assert slipped.rcode() == dns.rcode.NOERROR and slipped.question == query.question
        assert not slipped.answer and not slipped.authority and slipped.edns == 0
        (cookie,) = [option for option in slipped.options if option.otype == 10]
        assert len(cookie.data) == 24
        for _ in range(20):
            assert server.ask(name, "A", key=server.key).answer
        query.use_edns(0, options=[cookie])
        assert all(asked().answer for _ in range(20))


def test_a_notify_that_is_taken_is_answered_each_time_and_a_refused_one_is_limited():
    """A primary has one for each of its zones, and repeats each until it is answered (RFC 1996 section 3.6)."""
    notify = dns.message.make_query("tandem.example", "SOA")
    notify.set_opcode(dns.opcode.NOTIFY)
    with serving.Serving(server={"rate-limit": {"per-second": 1, "slip": 1}}) as server:

        def told(source):
            answer = dns.query.udp(notify, "127.0.0.1", port=server.port, timeout=10, source=source)
            return answer.rcode(), bool(answer.flags & dns.flags.TC)

        assert {told("127.0.0.1") for _ in range(30)} == {(dns.rcode.NOERROR, False)}
        # With a key that is the fetcher's alone it is taken, too, and answered BADKEY.
        notify.use_tsig(tandem.Key("upstream.").dnspython())
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.connect(("127.0.0.1", server.port))
            client.settimeout(10)
            for _ in range(30):
                client.send(notify.to_wire())
                answer = client.recv(4096)
                assert answer[3] & 15 == dns.rcode.NOTAUTH and not answer[2] & 2
        notify.tsig = None
        notify.keyring = None
        tandem.wait_for(lambda: told("127.0.3.3")[1], "the limit for who may not")
