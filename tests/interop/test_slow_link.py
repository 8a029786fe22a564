"""Both daemons at the ends of a line of 200 ms each way that loses one packet in a hundred: a zone of 20,000 names goes
over it whole, and one change as a difference."""

import dns.message
import dns.query
import dns.rdatatype
import dns.zone
import pytest

import slow_link
from slow_link import SlowLink
from tandem import answers, wait_for

ZONE, NAMES = "example.gov", 20000
DELAY, LOSS = 0.2, 0.01
SECONDS = 120  # 1 MiB in congestion windows that shrink at each loss, and the retries of a lost UDP packet

lacks = slow_link.missing()
pytestmark = pytest.mark.skipif(lacks is not None, reason=lacks or "")


def zone_text(serial, address="192.0.2.1"):
    lines = [f"$ORIGIN {ZONE}.", "$TTL 300", f"@ SOA ns hostmaster {serial} 7200 900 1209600 300", "@ NS ns", "ns A 192.0.2.53", f"www A {address}"]
    return "\n".join(lines + [f"n{i} A 10.{i >> 16}.{i >> 8 & 255}.{i & 255}" for i in range(NAMES)]) + "\n"


@pytest.fixture
def link():
    with SlowLink(DELAY, LOSS) as made:
        yield made
        print(f"{made.carried} packets carried, {made.lost} lost")


class Scene:
    def __init__(self, work, link):
        self.work, self.link = work, link
        work.write("zone", zone_text(1))
        self.primary = work.primary([{"domain": ZONE, "file": "zone", "notify": ["there"]}])
        self.secondary = work.secondary(
            [{"domain": ZONE, "acl": ["out", "hint"], "refresh": "20m", "retry": "5s"}], 5300,
            acl=[{"id": "out", "key": [work.key.name], "action": ["transfer"]}, {"id": "hint", "address": [link.addresses[0]], "action": ["notify"]}],
        )
        self.primary.config["server"]["listen"] = [f"{link.addresses[0]}@5300"]
        self.primary.config["remote"] = [{"id": "there", "address": [f"{link.addresses[1]}@5301"], "key": work.key.name}]
        self.secondary.config["server"]["listen"], self.secondary.port = [f"{link.addresses[1]}@5301"], 5301
        self.secondary.config["remote"][0]["address"] = [f"{link.addresses[0]}@5300"]
        for end, daemon in enumerate((self.primary, self.secondary)):
            link.put(daemon, end)
            daemon.start()

    def log(self):
        return self.primary.log()[-3000:] + self.secondary.log()[-3000:]

    def served(self):
        """A zone transfer from the secondary, at the primary's end of the line."""

        def take():
            zone = dns.zone.Zone(ZONE)
            query = dns.message.make_query(ZONE, "AXFR")
            query.use_tsig(self.work.key.dnspython())
            dns.query.inbound_xfr(self.link.addresses[1], zone, query, port=5301, timeout=60, lifetime=SECONDS)
            return zone

        return self.link.inside(0, take)

    def kind(self):
        """How the last poll brought what it brought."""
        return self.secondary.zone(ZONE)["refresh"]["kind"]

    def www(self):
        """As the secondary answers at its own end."""
        answer = self.link.inside(1, lambda: self.secondary.ask(f"www.{ZONE}", "A", host=self.link.addresses[1], timeout=5))
        return answers(answer)


def test_a_large_zone_and_a_small_change_come_over_a_long_and_lossy_line(work, link):
    scene = Scene(work, link)
    wait_for(lambda: scene.www() == ["192.0.2.1"], "the zone served", SECONDS, about=scene.log)
    wait_for(lambda: scene.kind() == "axfr", "the poll told", about=scene.log)
    assert scene.secondary.control("status")["primaries"][0]["round_trip_milliseconds"] >= 2000 * DELAY
    work.write("zone", zone_text(2, "192.0.2.2"))
    scene.primary.control("reload")
    wait_for(lambda: scene.www() == ["192.0.2.2"], "the change served", SECONDS, about=scene.log)
    # The poll is told when it has ended, a moment after what it brought is served.
    wait_for(lambda: scene.kind() == "ixfr", "the change as a difference", about=scene.log)
    zone = scene.served()
    assert sum(rdata.rdtype == dns.rdatatype.A for _, _, rdata in zone.iterate_rdatas()) == NAMES + 2
    assert link.lost > 0
