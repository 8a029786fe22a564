"""A secondary whose primary sends spoiled transfers, one after the other: records, messages and octets changed at random,
with signatures that fit. What is served afterwards is what was served before, or exactly what another reader (dnspython)
takes from the octets that were sent and what the gate lets pass. Nothing crashes, and the sanitizers of the build are
content at the end. TANDEM_LONG: 10,000 polls."""

import os
import random

import dns.name
import dns.query
import dns.rdatatype
import dns.zone
import pytest

import spoiled
from evil_primary import EvilPrimary
from tandem import HOST, ControlError, wait_for

DOMAIN = "example.gov"
ORIGIN = dns.name.from_text(DOMAIN)
POLLS = 2500 if os.environ.get("TANDEM_LONG") else 75  # for each of four
GOOD_EACH = 25  # polls of which one is as it should be
HOSTS = 24


class Zone:
    """A zone that changes a little at each poll."""

    def __init__(self, seed):
        self.chance, self.serial = random.Random(seed), 1
        self.lines = {
            "ns": "ns 300 IN A 192.0.2.53", "apex": "@ 300 IN A 192.0.2.9", "mx": "@ 300 IN MX 10 mail", "txt": '@ 300 IN TXT "one" "two"',
            "caa": '@ 300 IN CAA 0 issue "ca.example.net"', "srv": "_sip._tcp 300 IN SRV 1 2 5060 sip", "cname": "www 300 IN CNAME web",
            "cut": "sub 300 IN NS ns.sub", "glue": "ns.sub 300 IN A 192.0.2.6", "wild": "*.apps 300 IN CNAME web", "aaaa": "web 300 IN AAAA 2001:db8::1",
        }  # fmt: skip
        for number in range(HOSTS):
            self.lines[f"h{number}"] = f"h{number} 300 IN A 198.51.100.{number}"

    def change(self):
        self.serial += 1
        number = self.chance.randrange(HOSTS)
        self.lines[f"h{number}"] = f"h{number} 300 IN A 203.0.113.{self.chance.randrange(256)}"
        if self.chance.random() < 0.3:
            name = f"x{self.chance.randrange(5)}"
            if not self.lines.pop(name, None):
                self.lines[name] = f'{name} 300 IN TXT "{self.serial}"'

    def text(self):
        soa = f"@ 300 IN SOA ns host {self.serial} 7200 900 1209600 300\n@ 300 IN NS ns\n"
        return soa + "\n".join(self.lines.values()) + "\n"


class Scene:
    def __init__(self, work, ixfr, signed):
        self.work, self.zone, self.counts = work, Zone(7 + 2 * ixfr + signed), {}
        self.primary = EvilPrimary(DOMAIN, self.zone.text(), key=work.key if signed else None)
        self.primary.do("ixfr")
        self.secondary = work.secondary(
            [{"domain": DOMAIN, "acl": ["out"], "request-ixfr": "yes" if ixfr else "no", "refresh": "20m", "retry": "20m"}],
            self.primary.port, acl=[{"id": "out", "address": ["127.0.0.1"], "action": ["transfer"]}], log={"level": "error"},
        )
        if not signed:
            del self.secondary.config["remote"][0]["key"]
        self.secondary.start()
        wait_for(lambda: self.secondary.ask(DOMAIN, "SOA").rcode() == 0, "the zone served", about=self.secondary.log)
        self.status = self.secondary.zone(DOMAIN)
        self.content = self.served()

    def served(self):
        """The unsigned view."""
        zone = dns.zone.Zone(DOMAIN, relativize=False)
        dns.query.inbound_xfr(HOST, zone, port=self.secondary.port, timeout=30, lifetime=30)
        records = [(name, rdata.rdtype, ttl, rdata) for name, ttl, rdata in zone.iterate_rdatas()]
        return spoiled.content_of([r for r in records if not spoiled.is_signer_made(r[0], r[1], ORIGIN)])

    def poll(self, verb="refresh"):
        """True: something was published, and it is what is served now."""
        before = self.status["serial"]["signed"]
        try:
            changed = self.secondary.control("zone", verb, DOMAIN, wait=True)["changed"]
        except ControlError:
            return False

        def is_served():
            self.status = self.secondary.zone(DOMAIN)
            signed = self.status["serial"]["signed"]
            return signed != before and signed == self.secondary.ask(DOMAIN, "SOA").answer[0][0].serial

        if changed:
            wait_for(is_served, "served what is published", about=self.secondary.log)
        return changed

    def count(self, word):
        self.counts[word] = self.counts.get(word, 0) + 1

    def contents_sent(self):
        """What the transfers of this poll lead to, by the other reader."""
        found = []
        for rdtype, held_serial, query_id, messages in self.primary.sent:
            # A transfer is over at its second SOA; what comes later has nobody to read it (RFC 5936 section 2.2).
            ends = range(1, len(messages) + 1)
            readings = (spoiled.read(messages[:end], rdtype, ORIGIN, query_id, held_serial, self.content) for end in ends)
            content = next((reading for reading in readings if reading is not None), None)
            if content is None:
                self.count("no transfer")
                continue
            content = spoiled.mend(content, ORIGIN)
            self.count("a transfer")
            if spoiled.passes(content, self.content, ORIGIN):
                found.append(content)
        return found

    def spoiled_poll(self, seed):
        """One poll, and the law."""
        self.primary.sent = []
        self.primary.do("spoiled", seed=seed)
        published, sent = self.poll(), self.contents_sent()
        if not published:
            self.count("nothing published")
            return
        served = self.served()
        assert served in sent, self.about(served, sent)
        self.count("published")
        self.content = served

    def about(self, served, sent):
        texts = [f"{len(sent)} contents were sent; {self.primary.sent}"]
        for content in sent or [self.content]:
            texts += [f"{pair}: served {served.get(pair)}, sent {content.get(pair)}" for pair in {*served, *content} if served.get(pair) != content.get(pair)]
        return "\n".join(texts)

    def trust_again(self):
        """A primary whose answer to IXFR was none is not asked so for a day, but for a change of the zone's settings."""
        zone = self.secondary.config["zone"][0]
        zone["refresh"] = "21m" if zone["refresh"] == "20m" else "20m"
        self.secondary.write_config()
        self.secondary.control("reload", wait=True)

    def good_poll(self):
        """As it should be: published, whatever came before. And nothing had been published that nobody saw.
        Whole: a delta that fits would leave what a spoiled transfer before it brought under the same serial."""
        assert self.served() == self.content
        self.trust_again()
        self.primary.do("ixfr")
        self.poll("retransfer")
        wanted = spoiled.content_of([(n, r.rdtype, t, r) for n, t, r in self.primary.zone.iterate_rdatas()])
        assert self.served() == wanted, self.about(self.served(), [wanted])
        self.content = wanted

    def close(self):
        self.primary.close()


@pytest.mark.parametrize("signed", [False, True], ids=["plain", "tsig"])
@pytest.mark.parametrize("ixfr", [False, True], ids=["axfr", "ixfr"])
def test_nothing_is_published_but_what_stands_in_the_octets_sent(work, ixfr, signed):
    scene = Scene(work, ixfr, signed)
    try:
        for number in range(1, POLLS + 1):
            scene.zone.change()
            scene.primary.set_zone(scene.zone.text())
            if number % GOOD_EACH == 0:
                scene.good_poll()
            else:
                scene.spoiled_poll(number)
    finally:
        scene.close()
    print(f"{POLLS} polls, {scene.primary.transfers} transfers, {scene.primary.ixfrs} of them IXFR: {scene.counts}")
    assert scene.counts["published"] > POLLS // 20 and scene.counts["no transfer"] > POLLS // 5
    assert (scene.primary.ixfrs > POLLS // 2) == ixfr
    assert scene.secondary.stop() == 0
    log = scene.secondary.log()
    assert "Sanitizer" not in log and "runtime error" not in log, log[-5000:]
    assert "a role died" not in log, log[-5000:]
