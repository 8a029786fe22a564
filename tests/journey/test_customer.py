"""A customer's life, the seed of the product: all customers behind one wildcard; one is moved to a name of its own, back
to the wildcard, moved again, and the targets left behind die. A validator asks all the time: it sees the old complete
set or the new one, never a mixture, never nothing. Changes travel by NOTIFY: the secondary's poll is an hour away."""

import dns.rcode
import dns.rdatatype
import pytest

import peers
from fake_resolver import FakeResolver
from tandem import HOST, answers, free_port, wait_for

HEAD = """$ORIGIN example.gov.
$TTL 60
@    IN SOA ns1 hostmaster {serial} 7200 900 1209600 300
@    IN NS  ns1
@    IN A   192.0.2.1
ns1  IN A   192.0.2.53
"""
# How the customers are spelled: all of them, and one of them at a target of its own. The targets of the CNAMEs stay in
# the zone, as an operator must leave them: a resolver may have the CNAME from before the edit and its target from behind.
SPELLINGS = {
    "ALIAS": ("*.sites IN ALIAS shared.example.com.\n", "acme.sites IN ALIAS {target}.example.com.\n"),
    "CNAME": (
        "*.sites IN CNAME shared\n"
        + "".join(f"{name} IN ALIAS {name}.example.com.\n" for name in ("shared", "first", "second")),
        "acme.sites IN CNAME {target}\n",
    ),
}
SETS = {
    "shared": (["203.0.113.1", "203.0.113.2", "203.0.113.3"], ["2001:db8:a::1", "2001:db8:a::2"]),
    "first": (["198.51.100.1", "198.51.100.2"], ["2001:db8:b::1"]),
    "second": (["198.51.100.11", "198.51.100.12"], ["2001:db8:c::1", "2001:db8:c::2"]),
}
ACME, OTHER = "acme.sites.example.gov", "other.sites.example.gov"


def addresses(answer):
    """The set of addresses in an answer, chains left out."""
    wanted = (dns.rdatatype.A, dns.rdatatype.AAAA)
    return sorted(rdata.to_text() for rrset in answer.answer if rrset.rdtype in wanted for rdata in rrset)


class Scene:
    def __init__(self, work, spelling):
        self.work, self.serial = work, 0
        self.all, self.own = SPELLINGS[spelling]
        self.outside = FakeResolver().__enter__()
        for name, (a, aaaa) in SETS.items():
            self.outside.set(name + ".example.com", A=a, AAAA=aaaa)
        resolver = peers.Unbound(work, "resolver").forward("example.com", int(self.outside.address.split("@")[1])).start()
        port = free_port()
        self.edit(None)
        self.primary = work.primary(
            [{"domain": "example.gov", "file": "zone", "alias": {"refresh": "5s"}}], notify=[port], resolver=resolver.port
        ).start()
        self.secondary = work.secondary([{"domain": "example.gov", "refresh": "1h"}], self.primary.port)
        self.secondary.config["server"]["listen"], self.secondary.port = [f"{HOST}@{port}"], port
        self.secondary.start()
        wait_for(lambda: self.secondary.ask(OTHER, "A").answer, "the zone served", about=self.logs)
        self.unbound = peers.Unbound(work, anchors=peers.trust_anchors(self.secondary, "example.gov"))
        self.unbound.stub("example.gov", [port]).start()
        self.wait_acme("shared")

    def logs(self):
        return self.primary.log() + self.secondary.log()

    def edit(self, target):
        """Acme at the target, None: behind the wildcard."""
        self.serial += 1
        own = self.own.format(target=target) if target else ""
        self.work.write("zone", HEAD.format(serial=self.serial) + self.all + own)

    def move(self, target):
        self.edit(target)
        self.primary.control("reload")

    def wait_acme(self, target):
        for rdtype, wanted in zip(("A", "AAAA"), SETS[target]):
            wait_for(
                lambda: addresses(self.secondary.ask(ACME, rdtype)) == wanted, f"acme's {rdtype} at {target}", about=self.logs,
            )

    def wait_validator(self, watch, target):
        """Until the validator has seen acme there (it may keep an answer until the second ends)."""
        begin = len(watch.seen)
        for rdtype, wanted in zip(("A", "AAAA"), SETS[target]):
            wait_for(
                lambda: any(
                    name == ACME and asked == rdtype and not isinstance(answer, Exception) and addresses(answer) == wanted
                    for name, asked, answer in watch.seen[begin:]
                ),
                f"the validator sees {target}", about=lambda: "; ".join(watch.bad()) + self.logs(),
            )

    def watch(self):
        return peers.Watch(self.unbound.resolve, [(name, rdtype) for name in (ACME, OTHER) for rdtype in ("A", "AAAA")])


@pytest.fixture(params=list(SPELLINGS))
def scene(work, request):
    made = Scene(work, request.param)
    yield made
    made.outside.__exit__(None, None, None)


def judge(scene, watch, seen_from, targets):
    """What the validator saw since: for acme complete sets of the targets, in this order, for the other the wildcard's."""
    seen = watch.seen[seen_from:]
    assert not watch.bad(), scene.unbound.log()[-3000:]
    for at, rdtype in enumerate(("A", "AAAA")):
        order = []
        for name, asked, answer in seen:
            if asked != rdtype:
                continue
            got = addresses(answer)
            if name == OTHER:
                assert got == SETS["shared"][at], answer
                continue
            names = [target for target in targets if SETS[target][at] == got]
            assert names, f"neither the old nor the new set: {got}\n{scene.logs()}"
            if order[-1:] != names:
                order += names
        assert order == targets, (rdtype, order)


def test_a_customer_is_moved_there_and_back_and_there_again_and_old_targets_die(scene):
    with scene.watch() as watch:
        watch.more(2)
        at = "shared"
        for target in ("first", None, "first", "second"):
            begin = len(watch.seen)
            watch.more(1)
            scene.move(target)
            scene.wait_acme(target or "shared")
            scene.wait_validator(watch, target or "shared")
            watch.more(3)
            judge(scene, watch, begin, [at, target or "shared"])
            at = target or "shared"

        # The target that it left is switched off: nobody sees it.
        begin = len(watch.seen)
        scene.outside.remove("first.example.com")
        watch.more(5)
        # Everybody's target fails: the last good sets stand in.
        scene.outside.misbehave("shared.example.com", "servfail")
        asked = scene.outside.count("shared.example.com")
        wait_for(lambda: scene.outside.count("shared.example.com") >= asked + 2, "asked again", about=scene.logs)
        states = lambda: {a["target"]: a["state"] for a in scene.primary.control("alias", "list", "example.gov")["aliases"]}  # noqa: E731
        wait_for(lambda: states()["shared.example.com."] == "held", "held", about=scene.logs)
        watch.more(3)
        judge(scene, watch, begin, ["second"])

        # Back behind the wildcard while its target is dead: the held set.
        begin = len(watch.seen)
        watch.more(1)
        scene.move(None)
        scene.wait_acme("shared")
        scene.wait_validator(watch, "shared")
        judge(scene, watch, begin, ["second", "shared"])
    assert scene.secondary.control("zone", "verify", "example.gov")["verified"]


@pytest.mark.parametrize("scene", ["ALIAS"], indirect=True)
def test_a_customer_moved_to_a_target_that_does_not_answer_yet_keeps_its_addresses(scene):
    """An edit must not blank a name: the old set stays until the new target has an answer."""
    scene.outside.misbehave("second.example.com", "servfail")
    scene.move("first")
    scene.wait_acme("first")
    with scene.watch() as watch:
        scene.wait_validator(watch, "first")
        scene.move("second")
        wait_for(lambda: scene.outside.count("second.example.com") >= 2, "asked", about=scene.logs)
        watch.more(10)
        begin = len(watch.seen)
        watch.more(1)
        judge(scene, watch, begin, ["first"])
        scene.outside.misbehave("second.example.com", None)
        scene.wait_acme("second")
        scene.wait_validator(watch, "second")
        judge(scene, watch, begin, ["first", "second"])


def test_everybodys_load_balancer_moves_at_once(scene):
    with scene.watch() as watch:
        watch.more(2)
        scene.outside.set("shared.example.com", A=SETS["second"][0], AAAA=SETS["second"][1])
        scene.wait_acme("second")
        scene.wait_validator(watch, "second")
    assert not watch.bad(), scene.unbound.log()[-3000:]
    for name, rdtype, answer in watch.seen:
        at = 0 if rdtype == "A" else 1
        assert addresses(answer) in (SETS["shared"][at], SETS["second"][at]), answer
