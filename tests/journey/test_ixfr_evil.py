"""Primaries whose IXFR is no good: the fetcher alone for what it sees itself, the whole secondary for what only the
signer can see. Each time the whole zone comes at once, from the same primary, and is what the primary has."""

import dns.zone
import pytest

import tandem
from evil_primary import EvilPrimary
from fetching import Fetching
from tandem import answers, axfr, wait_for

DOMAIN = "example.gov"


def zone_text(serial, *more, names=24):
    return f"""$TTL 60
@ 3600 IN SOA ns host {serial} 3600 600 604800 60
@ IN NS ns
ns IN A 192.0.2.1
""" + "".join(f"n{i:02} IN A 192.0.2.{i + 10}\n" for i in range(names)) + "".join(line + "\n" for line in more)


STEPS = [zone_text(8, "new IN A 192.0.2.8"), zone_text(9, "new IN A 192.0.2.9", "b IN TXT \"b\"")]


@pytest.fixture
def key():
    return tandem.Key()


@pytest.fixture
def primary(key):
    with EvilPrimary(DOMAIN, zone_text(7), key=key) as running:
        running.do("ixfr")
        yield running


def fetching(primary, key, exact=True, **zone):
    return Fetching([{"domain": DOMAIN, "request-ixfr": "yes", **zone}], [primary.port], key=key, exact=exact)


def begin(fetcher):
    """The first transfer, taken as exact."""
    first = fetcher.next("candidate")
    assert not first["delta"] and first["serial"] == 7
    fetcher.facts(lambda what: what["transfers_ok"] == 1 and what["last_success"])


def poll(fetcher, request=[0]):
    request[0] += 1
    fetcher.order(f"control 0 {request[0]} refresh")


def test_changes_come_as_a_delta_and_no_change_as_a_contact(primary, key):
    with fetching(primary, key) as fetcher:
        begin(fetcher)
        poll(fetcher)
        assert fetcher.next("contact", "candidate")["serial"] == 7
        for step in STEPS:
            primary.set_zone(step)
        poll(fetcher)
        delta = fetcher.next("candidate")
        assert delta["delta"] and (delta["from_serial"], delta["serial"]) == (7, 9)
        assert [r.split()[3] for r in delta["records"]] == ["SOA", "SOA", "A", "SOA", "A", "SOA", "TXT", "A"] or \
            delta["record_count"] == 8
        facts = fetcher.facts(lambda what: what["deltas_ok"] == 1)
        assert facts["kind"] == "ixfr" and facts["deltas_failed"] == 0
        poll(fetcher)
        assert fetcher.next("contact", "candidate")["serial"] == 9
        assert primary.transfers == 4 and primary.ixfrs == 3


BAD = [
    "wrong_start", "gap", "back", "soa_order", "soa_twice", "out_of_zone", "other_last_soa",
    "longer_than_zone", "endless", "refused", "old",
]  # fmt: skip


@pytest.mark.parametrize("evil", BAD)
def test_what_does_not_chain_is_followed_by_the_whole_zone(primary, key, evil):
    with fetching(primary, key) as fetcher:
        begin(fetcher)
        for step in STEPS:
            primary.set_zone(step)
        primary.do("ixfr", evil=evil)
        poll(fetcher)
        whole = fetcher.next("candidate")
        assert not whole["delta"] and whole["serial"] == 9 and whole["record_count"] == 3 + 24 + 2
        assert (primary.transfers, primary.ixfrs) == (3, 1)
        facts = fetcher.facts(lambda what: what["transfers_ok"] == 2)
        assert facts["deltas_failed"] == (0 if evil == "old" else 1) and facts["failures_in_row"] == 0


def test_a_delta_cut_at_each_message_is_followed_by_the_whole_zone(primary, key):
    with fetching(primary, key) as fetcher:
        begin(fetcher)
        serial, messages = 7, 6  # SOA, SOA, A, SOA, A, SOA: one record each
        primary.set_zone(zone_text(8, "x IN A 192.0.2.1"))
        primary.do("good")
        poll(fetcher)
        assert fetcher.next("candidate")["serial"] == 8
        for message in range(1, messages):
            serial = 8 + message
            primary.set_zone(zone_text(serial, f"x IN A 192.0.2.{serial}"))
            primary.do("ixfr", evil="cut", message=message)
            poll(fetcher)
            whole = fetcher.next("candidate")
            assert not whole["delta"] and whole["serial"] == serial
            assert f"x.example.gov. 60 IN A 192.0.2.{serial}" in whole["records"]


def test_a_refusal_is_not_asked_for_again(primary, key):
    with fetching(primary, key) as fetcher:
        begin(fetcher)
        primary.set_zone(STEPS[0])
        primary.do("ixfr", evil="refused")
        poll(fetcher)
        assert fetcher.next("candidate")["serial"] == 8
        primary.set_zone(STEPS[1])
        poll(fetcher)
        assert fetcher.next("candidate")["serial"] == 9
        assert primary.ixfrs == 1


def test_a_verdict_of_doubt_brings_the_whole_zone_at_once(primary, key):
    with fetching(primary, key) as fetcher:
        begin(fetcher)
        primary.set_zone(STEPS[0])
        fetcher.order("verdict doubt")
        poll(fetcher)
        assert fetcher.next("candidate")["delta"]
        assert not fetcher.next("candidate")["delta"]


def test_nothing_is_asked_by_ixfr_without_an_exact_verdict(primary, key):
    with fetching(primary, key, exact=False) as fetcher:
        fetcher.next("candidate")
        fetcher.facts(lambda what: what["last_success"])
        poll(fetcher)
        fetcher.next("candidate")
        assert primary.ixfrs == 0
        fetcher.facts(lambda what: what["transfers_ok"] == 2)
        fetcher.order("exact on")
        poll(fetcher)
        fetcher.next("candidate")
        fetcher.facts(lambda what: what["transfers_ok"] == 3)
        for order in ("started", "doubt 0"):  # the signer began anew, or wants it whole
            poll(fetcher)
            fetcher.next("contact")
            fetcher.order(order)
            poll(fetcher)
            assert not fetcher.next("candidate")["delta"]
            fetcher.facts(lambda what: what["last_success"])


def test_a_retransfer_is_whole_and_goes_to_the_signer(primary, key):
    with fetching(primary, key) as fetcher:
        begin(fetcher)
        fetcher.order("control 0 77 retransfer")
        candidate = fetcher.next("candidate")
        assert candidate["forced"] and not candidate["delta"] and primary.ixfrs == 0


def test_a_known_content_is_not_sent_to_the_signer_again(primary, key):
    with fetching(primary, key, **{"request-ixfr": "no"}) as fetcher:
        begin(fetcher)
        for serial in (8, 9):  # a serial alone is no content
            primary.set_zone(zone_text(serial))
            poll(fetcher)
            assert fetcher.next("contact", "candidate")["type"] == "contact"
        assert primary.ixfrs == 0 and fetcher.count("candidate") == 1
        fetcher.order("verdict held")
        fetcher.order("exact off")
        primary.set_zone(STEPS[1])
        for _ in range(2):  # held: the signer is asked each time
            poll(fetcher)
            assert fetcher.next("contact", "candidate")["type"] == "candidate"
            fetcher.facts(lambda what: not what["failures_in_row"])


SAME = "zone received, octet for octet as before"


def test_the_same_octets_are_not_read_again(primary, key):
    with fetching(primary, key, **{"request-ixfr": "no"}) as fetcher:
        begin(fetcher)

        def poll_says(word, same):
            poll(fetcher)
            assert fetcher.next("contact", "candidate")["type"] == word
            assert fetcher.log().count(SAME) == same

        poll_says("contact", 1)
        poll_says("contact", 2)
        primary.set_zone(zone_text(8))  # a serial alone: read, and no news; then it is the same
        poll_says("contact", 2)
        poll_says("contact", 3)
        primary.set_zone(zone_text(9).replace("n23 IN A", "n24 IN A"))  # the last message differs
        poll_says("candidate", 3)
        fetcher.facts(lambda what: what["transfers_ok"] == 6)
        poll_says("contact", 4)
        fetcher.order("control 0 99 retransfer")
        assert fetcher.next("contact", "candidate")["forced"]
        assert fetcher.log().count(SAME) == 4


def test_what_is_forgotten_while_the_same_comes_is_asked_for_once_more(primary, key):
    with fetching(primary, key, **{"request-ixfr": "no"}) as fetcher:
        begin(fetcher)
        primary.do("held_back")
        poll(fetcher)
        tandem.wait_for(lambda: primary.transfers == 2, "the second transfer")
        fetcher.order("started")  # the signer begins anew and knows of nothing
        fetcher.order("control 0 98 notify")
        fetcher.next("control-reply", where=lambda what: what["request"] == 98)  # so that was heard before
        primary.released.set()
        assert fetcher.next("contact", "candidate")["type"] == "candidate"
        assert primary.transfers == 3 and fetcher.log().count(SAME) == 0


def test_the_same_transfer_that_is_cut_or_badly_signed_is_a_failure(primary, key):
    with fetching(primary, key, **{"request-ixfr": "no", "retry": "20m"}) as fetcher:
        begin(fetcher)
        for what, options, words in (
            ("cut_after", {"message": 6}, "after 6 messages and 24 records, before the closing SOA"),
            ("cut_inside", {"message": 99}, "middle of a message"),
            ("unsigned_last", {}, "the last message is not signed"),
            ("bad_mac", {"message": 4}, "message 4, octet 0: the signature by key"),
            ("changed", {"message": 7}, "message 7, octet 0: the signature by key"),
        ):
            primary.do(what, **options)
            poll(fetcher)
            failure = fetcher.facts(lambda what: what["failures_in_row"] > 0)["failure"]
            assert words in failure, failure
            primary.do("good")
            poll(fetcher)
            assert fetcher.next("contact", "candidate")["type"] == "contact"


# ---- with the signer ----


class Scene:
    def __init__(self, work, names=24):
        self.primary = EvilPrimary(DOMAIN, zone_text(7, names=names), key=work.key)
        self.primary.do("ixfr")
        self.secondary = work.secondary(
            [{"domain": DOMAIN, "acl": ["out"], "request-ixfr": "yes", "refresh": "20s"}], self.primary.port,
            acl=[{"id": "out", "address": ["127.0.0.1"], "action": ["transfer"]}],
        ).start()
        wait_for(lambda: self.secondary.ask(DOMAIN, "SOA").rcode() == 0, "the zone served", about=self.secondary.log)

    def refresh(self):
        self.secondary.control("zone", "refresh", DOMAIN, wait=True)

    def deltas(self, result):
        return self.secondary.metric(
            "tandem_zone_transfers_total", zone=DOMAIN, direction="in", kind="ixfr", result=result
        )

    def served(self):
        view = set()
        for name, ttl, rdata in axfr(self.secondary.port, DOMAIN).iterate_rdatas():
            if rdata.rdtype.name in ("A", "TXT", "NS"):
                view.add((str(name), ttl, rdata.to_text()))
        return view

    def wanted(self):
        view, zone = set(), dns.zone.from_text(self.text, origin=DOMAIN)
        for name, ttl, rdata in zone.iterate_rdatas():
            if rdata.rdtype.name in ("A", "TXT", "NS"):
                view.add((str(name), ttl, rdata.to_text()))
        return view

    def set_zone(self, text):
        self.text = text
        self.primary.set_zone(text)


@pytest.fixture
def scene(work):
    made = Scene(work)
    yield made
    made.primary.close()


@pytest.mark.parametrize("evil", ["remove_missing", "remove_ttl", "add_present", "axfr_in_the_middle"])
def test_what_does_not_fit_what_is_served_is_followed_by_the_whole_zone(scene, evil):
    scene.set_zone(STEPS[0])
    scene.primary.do("ixfr", evil=evil)
    scene.refresh()
    assert scene.served() == scene.wanted()
    assert scene.deltas("failed") == 1 and (scene.primary.transfers, scene.primary.ixfrs) == (3, 1)
    scene.primary.do("ixfr")
    scene.set_zone(STEPS[1])
    scene.refresh()
    assert scene.served() == scene.wanted()
    assert scene.deltas("failed") == 1 and scene.deltas("ok") == 2


def test_what_a_delta_left_out_is_found_by_a_retransfer_and_told(scene):
    scene.set_zone(STEPS[1])
    scene.primary.do("ixfr", evil="left_out")
    scene.refresh()
    assert scene.served() != scene.wanted() and scene.deltas("ok") == 1
    scene.secondary.control("zone", "retransfer", DOMAIN, wait=True)
    assert scene.served() == scene.wanted()
    scene.secondary.wait_log("the primary's IXFR left out what its AXFR has")
    ixfrs = scene.primary.ixfrs
    scene.refresh()
    assert scene.primary.ixfrs == ixfrs  # not asked again


def test_a_content_that_is_mended_is_never_changed_by_a_delta(scene):
    scene.set_zone(zone_text(8, "long 999999 IN A 192.0.2.1"))
    scene.refresh()  # the gate lowers a TTL: it wants the whole zone
    assert scene.deltas("failed") == 1
    scene.set_zone(zone_text(9, "long 999999 IN A 192.0.2.1", "z IN A 192.0.2.2"))
    ixfrs = scene.primary.ixfrs
    scene.refresh()
    assert scene.primary.ixfrs == ixfrs
    assert answers(scene.secondary.ask(f"z.{DOMAIN}", "A")) == ["192.0.2.2"]
