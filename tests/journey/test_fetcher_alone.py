"""tandem-fetcher as a process, between primaries, downstream servers and a parent that behave and such that do not.
The signer's part is played by tests/support/fetch_main.c."""

import os
import signal
import socket
import threading
import time

import dns.flags
import dns.message
import dns.opcode
import dns.rdatatype
import dns.rrset
import dns.tsig
import pytest

import tandem
from evil_primary import EvilPrimary
from fetching import Fetching

NAMES = 24
ZONE = """$TTL 60
@ 3600 IN SOA ns host 7 3600 600 604800 60
@ IN NS ns
@ IN MX 10 mail
ns IN A 192.0.2.1
mail IN A 192.0.2.2
""" + "".join(f"n{i:02} IN A 192.0.2.{i + 10}\n" for i in range(NAMES))
RECORDS = 5 + NAMES
DOMAIN = "example.gov"
TURNS = 64  # FETCHER_TURNS_MAX


@pytest.fixture
def key():
    return tandem.Key()


@pytest.fixture
def primary(key):
    with EvilPrimary(DOMAIN, ZONE, key=key) as running:
        yield running


def fetching(primaries, key, zone=None, **sections):
    return Fetching([{"domain": DOMAIN, **(zone or {})}], primaries, key=key, **sections)


def failed(what):
    return what["failures_in_row"] > 0


@pytest.mark.parametrize("algorithm", ["hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"])
def test_a_zone_comes_over_by_each_algorithm(algorithm):
    key = tandem.Key(algorithm=algorithm)
    with EvilPrimary(DOMAIN, ZONE, key=key) as primary, fetching([primary.port], key) as fetcher:
        candidate = fetcher.next("candidate")
        assert candidate["serial"] == 7 and candidate["record_count"] == RECORDS
        assert "n03.example.gov. 60 IN A 192.0.2.13" in candidate["records"]
        facts = fetcher.facts()
        assert facts["failures_in_row"] == 0 and facts["transfers_ok"] == 1 and facts["upstream_serial"] == 7
        assert facts["primary"] == f"p0 127.0.0.1@{primary.port}"


def test_a_zone_comes_over_without_a_key(key):
    with EvilPrimary(DOMAIN, ZONE) as primary, fetching([primary.port], None) as fetcher:
        assert fetcher.next("candidate")["record_count"] == RECORDS


# What the primary does, and the words that the operator reads.
EVILS = [
    ("refuse", {"rcode": "REFUSED"}, "@{port}: it answers REFUSED; see the transfer rules and keys of the primary"),
    ("refuse", {"rcode": "NOTAUTH"}, "@{port}: it answers NOTAUTH; it does not have this zone"),
    ("refuse_unsigned", {"rcode": "SERVFAIL"}, "@{port}: it answers SERVFAIL; it knows the zone and has nothing to give now"),
    ("away", {}, ""),
    ("cut_after", {"message": 0}, ""),
    ("cut_after", {"message": 1}, "before the closing SOA"),
    ("cut_after", {"message": 2}, "before the closing SOA"),
    ("cut_after", {"message": 7}, "before the closing SOA"),
    ("cut_inside", {"message": 1}, "middle of a message"),
    ("cut_inside", {"message": 3}, "middle of a message"),
    ("cut_inside", {"message": 99}, "middle of a message"),
    ("empty_zone", {}, "the zone is empty"),
    ("no_records", {}, "no record in the first message"),
    ("out_of_zone", {}, "www.elsewhere.example. A: outside of the zone"),
    ("wrong_class", {}, "ch.example.gov. TXT: the class is not IN"),
    ("meta_type", {}, "a type that no zone holds"),
    ("soa_in_the_middle", {}, "a SOA stands in the middle"),
    ("soa_at_boundary", {}, "a message behind the closing SOA"),
    ("last_soa_differs", {}, "a second SOA that differs from the first"),
    ("first_soa_missing", {}, "the first record is not the zone's SOA"),
    ("compression_loop", {}, "a record that cannot be read"),
    ("compression_forward", {}, "a record that cannot be read"),
    ("short_rdata", {}, "example.gov. A: A: "),
    ("long_rdlength", {}, "not a whole DNS message"),
    ("wrong_id", {}, "the ID is not that of the query"),
    ("wrong_question", {}, "the question is not the one that was asked"),
    ("not_a_response", {}, "not an answer to a query"),
    ("truncated_flag", {}, "truncated"),
    ("unsigned", {}, "the answer is not signed"),
    ("unsigned_last", {}, "the last message is not signed"),
    ("bad_mac", {"message": 1}, "does not fit the message"),
    ("bad_mac", {"message": 4}, "does not fit the message"),
    ("changed", {"message": 3}, "does not fit the message"),
    ("clock_off", {"seconds": 3600}, "set the clocks of both hosts"),
    ("clock_off", {"seconds": -3600}, "set the clocks of both hosts"),
    ("bad_key", {}, "BADKEY"),
    ("bad_sig", {}, "BADSIG"),
    ("bad_time", {}, "BADTIME"),
    ("other_zone", {}, "outside of the zone"),
    ("truncated_mac", {"octets": 9}, "a TSIG with a MAC of 9 octets; hmac-sha256 has 32"),
    ("truncated_mac", {"octets": 15}, "a TSIG with a MAC of 15 octets"),
    ("unsigned_between", {"count": 100}, "100 messages without a TSIG follow one another; at most 99 may"),
    ("half_closed", {"message": 0}, ""),
    ("half_closed", {"message": 2}, "before the closing SOA"),
    ("short_soa", {}, "example.gov. SOA: "),
    ("soa_below", {}, "below.example.gov. SOA: a SOA below the apex"),
    ("rdata_loop", {}, "example.gov. MX: "),
    ("rdata_forward", {}, "example.gov. MX: "),
    ("long_name", {}, "a record that cannot be read"),
    ("label_type", {}, "not a whole DNS message"),
    ("count_high", {}, "not a whole DNS message"),
    ("count_low", {}, "octets behind the end"),
    ("svcb_order", {}, "example.gov. HTTPS: "),
    ("svcb_length", {}, "example.gov. HTTPS: "),
]


def nothing_but_a_sentence(fetcher, primary, words):
    """The poll fails with these words, no candidate comes; when the primary mends its ways, the next one does."""
    facts = fetcher.facts(failed)
    assert words in facts["failure"], facts["failure"]
    assert "transfer from p0 127.0.0.1@" in facts["failure"]
    assert facts["transfers_failed"] >= 1 and facts["transfers_ok"] == 0
    assert fetcher.count("candidate") == 0
    primary.do("good")
    assert fetcher.next("candidate")["record_count"] == RECORDS
    facts = fetcher.facts()
    assert facts["failures_in_row"] == 0 and facts["failure"] == ""


@pytest.mark.parametrize("what, options, words", EVILS, ids=lambda value: value if isinstance(value, str) else "")
def test_a_bad_transfer_is_a_counter_a_sentence_and_a_retry(primary, key, what, options, words):
    primary.do(what, **options)
    with fetching([primary.port], key) as fetcher:
        nothing_but_a_sentence(fetcher, primary, words.replace("{port}", str(primary.port)))


# What looks odd and is allowed: RFC 8945 section 5.2.2.1 and 5.3.1.
@pytest.mark.parametrize("what, options, more", [("truncated_mac", {"octets": 16}, 0), ("unsigned_between", {"count": 99}, 99)])
def test_what_rfc_8945_allows_is_taken(primary, key, what, options, more):
    primary.do(what, **options)
    with fetching([primary.port], key) as fetcher:
        assert fetcher.next("candidate", "poll-facts")["record_count"] == RECORDS + more


def test_a_transfer_that_was_heard_before_is_no_transfer(primary, key):
    with fetching([primary.port], key, {"retry": "1s"}) as fetcher:
        fetcher.next("candidate")
        primary.do("replayed")
        fetcher.order("control 0 1 refresh")
        facts = fetcher.facts(failed)
        assert "does not fit the message" in facts["failure"], facts["failure"]
        assert fetcher.count("candidate") == 1


UNSIGNED_EVILS = [("count_high", "a record that cannot be read"), ("count_low", "octets behind the end"), ("long_rdlength", "a record that cannot be read"), ("trailing_octets", "octets behind the end"), ("garbage", "message 1, octet 0: ")]


@pytest.mark.parametrize("what, words", UNSIGNED_EVILS)
def test_without_a_key_bad_messages_are_refused_too(what, words):
    with EvilPrimary(DOMAIN, ZONE) as primary:
        primary.do(what)
        with fetching([primary.port], None) as fetcher:
            nothing_but_a_sentence(fetcher, primary, words)


def test_a_wrong_key_is_refused_with_a_hint(primary, key):
    with fetching([primary.port], tandem.Key()) as fetcher:
        assert "NOTAUTH" in fetcher.facts(failed)["failure"]
        assert fetcher.count("candidate") == 0


def test_a_primary_that_is_not_there_is_tried_again_with_growing_pauses(key):
    port = tandem.free_port()
    with fetching([port], key, {"retry": "1s", "refresh": "60s"}) as fetcher:
        first = fetcher.facts(lambda what: what["failures_in_row"] == 1)
        assert f"p0 127.0.0.1@{port}" in first["failure"]
        fetcher.facts(lambda what: what["failures_in_row"] == 2)
        with EvilPrimary(DOMAIN, ZONE, key=key, port=port):
            assert fetcher.next("candidate")["record_count"] == RECORDS


def test_stalled_silent_and_soa_only_primaries_are_given_up_after_half_a_minute(key):
    evils = [("stall", {"message": 2}), ("silent", {}), ("soa_only", {})]
    primaries = [EvilPrimary(DOMAIN, ZONE, key=key) for _ in evils]
    fetchers = []
    try:
        for primary, (what, options) in zip(primaries, evils):
            primary.do(what, **options)
            fetchers.append(fetching([primary.port], key).__enter__())
        for fetcher in fetchers:
            facts = fetcher.next("poll-facts", where=failed, seconds=60)
            assert "time-out" in facts["failure"], facts["failure"]
            assert fetcher.count("candidate") == 0
    finally:
        for fetcher in fetchers:
            fetcher.__exit__(None)
        for primary in primaries:
            primary.close()


def test_the_size_limit_ends_an_endless_transfer(primary, key):
    primary.do("endless")
    with fetching([primary.port], key, {"gate": {"max-size": "1MiB"}}) as fetcher:
        nothing_but_a_sentence(fetcher, primary, "more than 1048576 octets")


def test_the_record_limit_ends_one_too(primary, key):
    with fetching([primary.port], key, {"gate": {"max-records": 10}}) as fetcher:
        assert "more than 10 records" in fetcher.facts(failed)["failure"]


def test_each_poll_begins_at_the_first_primary_and_goes_on_at_failures(primary, key):
    with EvilPrimary(DOMAIN, ZONE, key=key) as second:
        primary.do("last_soa_differs")
        with fetching([primary.port, second.port], key, {"refresh": "1s"}) as fetcher:
            assert fetcher.next("candidate")["primary"].startswith("p1 ")
            facts = fetcher.facts()
            assert facts["failures_in_row"] == 0 and facts["transfers_failed"] == 1
            assert fetcher.next("candidate")["primary"].startswith("p1 ")
            polls = fetcher.count("candidate")  # each of them began at the first one
            assert primary.transfers >= polls >= 2
            primary.do("good")
            fetcher.next("candidate", where=lambda what: what["primary"].startswith("p0 "))


def test_a_zone_that_the_signer_rejects_is_asked_for_at_the_next_primary(primary, key):
    with EvilPrimary(DOMAIN, ZONE, key=key) as second:
        with fetching([primary.port, second.port], key, {"refresh": "1s"}) as fetcher:
            fetcher.order("verdict rejected")
            fetcher.next("candidate", where=lambda what: what["primary"].startswith("p0 "))
            fetcher.next("candidate", where=lambda what: what["primary"].startswith("p1 "))
            assert "this is no zone" in fetcher.facts(failed)["failure"]


def test_a_zone_that_the_gate_holds_is_contact_and_no_reason_for_another_primary(primary, key):
    with EvilPrimary(DOMAIN, ZONE, key=key) as second:
        with fetching([primary.port, second.port], key) as fetcher:
            fetcher.order("verdict held")
            fetcher.next("candidate")
            facts = fetcher.facts()
            fetcher.order("control 0 1 refresh wait")
            reply = fetcher.next("control-reply")["reply"]
            assert facts["failures_in_row"] == 0
            assert reply["exit_code"] == 6 and "held by the gate" in reply["error"]["text"]
            assert second.transfers == 0


def test_a_notify_polls_at_once_and_a_storm_of_them_is_few_polls(primary, key):
    with fetching([primary.port], key) as fetcher:
        fetcher.facts()
        primary.set_serial(8)
        fetcher.order("hint 0 8")
        candidate = fetcher.next("candidate")
        assert candidate["serial"] == 8 and candidate["notified"] and not candidate["forced"]
        before = primary.transfers
        for _ in range(200):
            fetcher.order("hint 0 9")
        fetcher.facts(lambda what: what["notifies_in"] >= 201)
        fetcher.order("control 0 1 refresh wait")
        fetcher.next("control-reply")
        assert primary.transfers - before <= 4


def test_one_transfer_at_a_time_for_a_zone(primary, key):
    primary.do("trickle", seconds=0.2)
    with fetching([primary.port], key) as fetcher:
        tandem.wait_for(lambda: primary.transfers == 1, "the transfer has begun")
        for _ in range(10):
            fetcher.order("hint 0 9")
        fetcher.next("candidate")
        fetcher.next("candidate")
        assert primary.transfers == 2 and primary.most_running == 1


def test_without_a_verdict_the_zone_is_polled_again_all_the_same(primary, key):
    with fetching([primary.port], key, {"refresh": "1s"}) as fetcher:
        fetcher.order("verdict none")
        fetcher.facts()
        tandem.wait_for(lambda: "no verdict" in fetcher.log(), "the signer is given up")
        fetcher.order("verdict unchanged")
        fetcher.next("candidate")


def test_a_slow_signer_is_not_handed_the_candidates_of_all_zones_at_once(key):
    zones = [f"z{i}.example" for i in range(TURNS + 36)]
    with tandem.Workspace() as work:
        work.key = key
        work.write("zone", ZONE)
        primary = work.primary([{"domain": domain, "file": "zone"} for domain in zones]).start()
        with Fetching([{"domain": domain} for domain in zones], [primary.port], key=key) as fetcher:
            fetcher.order("verdict none")
            tandem.wait_for(lambda: fetcher.count("candidate") >= TURNS, "as many as there are turns")
            time.sleep(1)  # the first polls are spread over a second
            with fetcher.condition:
                said = list(fetcher.said)
            judged = len({what["zone"] for what in said if what["type"] == "poll-facts" and what["last_success_seconds"]})
            assert sum(what["type"] == "candidate" for what in said) <= TURNS + judged
            tandem.wait_for(lambda: fetcher.count("candidate") >= len(zones), "the turns of those that take long go on")


def test_operators_can_poll_retransfer_and_are_told_of_other_zones(primary, key):
    with fetching([primary.port], key) as fetcher:
        fetcher.facts()
        fetcher.order("verdict unchanged")
        fetcher.order("control 0 1 refresh wait")
        reply = fetcher.next("control-reply")
        assert reply["request"] == 1 and reply["reply"]["ok"] and not reply["reply"]["result"]["changed"]
        fetcher.order("verdict published")
        fetcher.order("control 0 2 retransfer wait")
        assert fetcher.next("candidate", where=lambda what: what["forced"])
        assert fetcher.next("control-reply")["reply"]["result"]["changed"]
        fetcher.order("control 0 3 refresh")
        assert fetcher.next("control-reply")["reply"]["result"]["done"]
        before = primary.transfers
        fetcher.order("control 0 4 refresh dry_run")
        assert fetcher.next("control-reply")["reply"]["result"]["dry_run"]
        fetcher.order("control 9 5 refresh")
        assert fetcher.next("control-reply")["reply"]["exit_code"] == 5
        fetcher.order("control 0 6 notify")
        assert fetcher.next("control-reply")["reply"]["exit_code"] == 5
        primary.do("refuse")
        fetcher.order("control 0 7 refresh wait")
        reply = fetcher.next("control-reply", where=lambda what: what["request"] == 7)["reply"]
        assert not reply["ok"] and "REFUSED" in reply["error"]["text"]
        assert primary.transfers <= before + 3


def test_long_silence_is_an_event_and_so_is_its_end(primary, key):
    primary.do("refuse")
    with fetching([primary.port], key, {"refresh": "1s", "retry": "1s"}) as fetcher:
        event = fetcher.next("event")
        assert event["kind"] == "refresh-failed" and "REFUSED" in event["why"] and event["to"] == "desk"
        assert event["hint"] == "tandemctl zone refresh example.gov"
        primary.do("good")
        assert fetcher.next("event")["kind"] == "recovered"
        assert fetcher.count("event") == 2


def test_a_reload_adds_and_removes_zones_and_leaves_the_others_alone(primary, key):
    with EvilPrimary("example.net", ZONE, key=key) as other, fetching([primary.port], key) as fetcher:
        fetcher.facts()
        fetcher.config["remote"].append({"id": "other", "address": [f"127.0.0.1@{other.port}"], "key": key.name})
        fetcher.config["zone"].append({"domain": "example.net", "primary": ["other"]})
        fetcher.write_config()
        fetcher.order("settings")
        candidate = fetcher.next("candidate")
        assert candidate["zone"] == 1 and candidate["record_count"] == RECORDS
        assert primary.transfers == 1
        del fetcher.config["zone"][1]
        fetcher.write_config()
        fetcher.order("settings")
        fetcher.next("ready")
        fetcher.order("hint 1 9")
        fetcher.order("hint 0 9")
        assert fetcher.next("candidate")["zone"] == 0
        assert other.transfers == 1


class Downstream:
    """A server that is told of new versions. It answers from the drop-th datagram on."""

    def __init__(self, key=None, drop=0, rcode=0):
        self.key, self.drop, self.rcode, self.queries = key, drop, rcode, []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            try:
                wire, peer = self.socket.recvfrom(4096)
            except OSError:
                return
            keyring = {self.key.dnspython().name: self.key.dnspython()} if self.key else None
            query = dns.message.from_wire(wire, keyring=keyring)
            self.queries.append(query)
            if len(self.queries) > self.drop:
                reply = dns.message.make_response(query)
                reply.set_rcode(self.rcode)
                self.socket.sendto(reply.to_wire(), peer)

    def close(self):
        self.socket.close()


def test_downstream_servers_are_told_until_they_answer(primary, key):
    servers = [Downstream(key), Downstream(key, drop=2), Downstream(key, rcode=5)]
    remotes = [
        {"id": f"d{i}", "address": [f"127.0.0.1@{s.port}"], "key": key.name} for i, s in enumerate(servers)
    ]
    zone = {"notify": [r["id"] for r in remotes]}
    with fetching([primary.port], key, zone, remotes=remotes) as fetcher:
        fetcher.order("publish 0 1795263187")
        facts = fetcher.facts(lambda what: what["downstream_current"] == 2)
        assert facts["downstream_count"] == 3 and "d2 " in facts["downstream"]
        tandem.wait_for(lambda: "refuses NOTIFY" in fetcher.said[-1].get("downstream", ""), "d2 refused")
        query = servers[0].queries[0]
        assert query.opcode() == dns.opcode.NOTIFY and query.flags & dns.flags.AA and query.had_tsig
        assert query.question[0].rdtype == dns.rdatatype.SOA
        assert len(servers[1].queries) == 3
        fetcher.order("control 0 1 notify")
        assert fetcher.next("control-reply")["reply"]["ok"]
        tandem.wait_for(lambda: len(servers[0].queries) == 2, "told again")
    for server in servers:
        server.close()


PARENT = """$TTL 3600
@ IN SOA ns host 1 3600 600 604800 60
@ IN NS ns
ns IN A 192.0.2.1
example IN NS ns.example
ns.example IN A 192.0.2.2
"""
DS = "example IN DS 12345 13 2 " + "ab" * 32 + "\n"


def watching(primary, key, parents):
    policy = {"id": "watched", "ds-check": {"parent": [f"127.0.0.1@{p}" for p in parents], "interval": "10s"}}
    return fetching([primary.port], key, {"policy": "watched"}, policy=[policy])


def test_the_parents_ds_is_seen_and_seen_to_change(primary, key):
    with EvilPrimary("gov", PARENT + DS) as parent, watching(primary, key, [parent.port]) as fetcher:
        seen = fetcher.next("ds-seen")
        assert seen["answered"] and seen["count"] == 1 and seen["rdata_octets"] == 2 + 36
        assert {what["to"] for what in (seen, fetcher.next("ds-seen"))} == {"signer", "desk"}
        parent.set_zone(PARENT)
        seen = fetcher.next("ds-seen", where=lambda what: what["count"] == 0)
        assert seen["answered"]


def test_a_parent_that_is_away_is_no_answer_and_the_next_one_is_asked(primary, key):
    away = tandem.free_port()
    with EvilPrimary("gov", PARENT + DS) as parent:
        with watching(primary, key, [away, parent.port]) as fetcher:
            seen = fetcher.next("ds-seen")
            assert seen["answered"] and str(parent.port) in seen["text"]
        with watching(primary, key, [away]) as fetcher:
            seen = fetcher.next("ds-seen")
            assert not seen["answered"] and str(away) in seen["text"]


class Server:
    """Answers one kind of question over UDP and TCP by a function query -> reply."""

    def __init__(self, reply, tcp_reply=None):
        self.reply, self.tcp_reply = reply, tcp_reply
        self.port = tandem.free_port()
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", self.port))
        self.tcp = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._udp, daemon=True).start()
        threading.Thread(target=self._tcp, daemon=True).start()

    def _udp(self):
        while True:
            try:
                wire, peer = self.udp.recvfrom(4096)
            except OSError:
                return
            self.udp.sendto(self.reply(dns.message.from_wire(wire)).to_wire(), peer)

    def _tcp(self):
        while True:
            try:
                connection, _ = self.tcp.accept()
            except OSError:
                return
            with connection:
                length = int.from_bytes(connection.recv(2), "big")
                wire = self.tcp_reply(dns.message.from_wire(connection.recv(length))).to_wire()
                connection.sendall(len(wire).to_bytes(2, "big") + wire)

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.udp.close()
        self.tcp.close()


def test_a_referral_is_no_answer_about_ds(primary, key):
    def referral(query):
        reply = dns.message.make_response(query)
        reply.authority.append(dns.rrset.from_text("gov.", 60, "IN", "NS", "ns.gov."))
        return reply

    with Server(referral) as server, watching(primary, key, [server.port]) as fetcher:
        seen = fetcher.next("ds-seen")
        assert not seen["answered"] and "referral" in seen["text"]


def test_a_truncated_ds_answer_is_asked_for_by_tcp(primary, key):
    def truncated(query):
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.TC | dns.flags.AA
        return reply

    def whole(query):
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.AA
        reply.answer.append(dns.rrset.from_text("example.gov.", 60, "IN", "DS", *[f"{i} 13 2 {'cd' * 32}" for i in range(9)]))
        return reply

    def watch_as_zone(server):
        return watching(primary, key, [server.port])

    with Server(truncated, whole) as server, watch_as_zone(server) as fetcher:
        seen = fetcher.next("ds-seen")
        assert seen["answered"] and seen["count"] == 9 and seen["rdata_octets"] == 9 * 38


def test_it_ends_when_its_parents_connection_closes_in_the_middle_of_a_transfer(primary, key):
    primary.do("stall", message=2)
    with fetching([primary.port], key) as fetcher:
        tandem.wait_for(lambda: primary.transfers == 1, "the transfer has begun")
        assert fetcher.stop() == 0


def test_it_says_so_when_it_is_started_by_hand():
    import subprocess

    result = subprocess.run([str(tandem.BIN / "tandem-fetcher")], capture_output=True, text=True, timeout=30)
    assert result.returncode == 2 and "tandem-secondary" in result.stderr
