"""A live zone goes from NSEC to NSEC3, to another salt, to opt-out, gets a ZONEMD and goes back to NSEC, each time by
an edit of the policy and a reload, while validators ask all the time: not one answer is bogus, and whole zones are
clean for others' checkers at every step."""

import subprocess

import dns.rcode
import pytest

import peers
from tandem import HOST, Workspace, answers, wait_for

ZONE = """$TTL 60
@         IN SOA ns1 hostmaster {serial} 7200 900 1209600 60
          IN NS  ns1
          IN A   192.0.2.1
ns1       IN A   192.0.2.53
mail      IN A   192.0.2.25
www       IN CNAME mail
*.wild    IN A   192.0.2.78
here.wild IN A   192.0.2.79
a.b.ent   IN A   192.0.2.80
old       IN DNAME new
x.new     IN A   192.0.2.81
child     IN NS  ns.child
ns.child  IN A   {host}
secure    IN NS  ns.secure
          IN DS  12345 13 2 0000000000000000000000000000000000000000000000000000000000000000
ns.secure IN A   192.0.2.101
"""
# Name, type, RCODE, and whether an opt-out span leaves it without AD (RFC 5155 section 9.2).
ASKED = [
    ("example.gov", "A", "NOERROR", False),
    ("mail.example.gov", "A", "NOERROR", False),
    ("www.example.gov", "A", "NOERROR", False),
    ("x.old.example.gov", "A", "NOERROR", False),
    ("q.wild.example.gov", "A", "NOERROR", True),
    ("here.wild.example.gov", "A", "NOERROR", False),
    ("mail.example.gov", "AAAA", "NOERROR", False),
    ("q.wild.example.gov", "AAAA", "NOERROR", True),
    ("b.ent.example.gov", "A", "NOERROR", False),
    ("nothere.example.gov", "A", "NXDOMAIN", True),
    ("a.b.nothere.example.gov", "A", "NXDOMAIN", True),
    ("q.here.wild.example.gov", "A", "NXDOMAIN", True),
    ("child.example.gov", "DS", "NOERROR", True),
    ("secure.example.gov", "DS", "NOERROR", False),
]
UNSIGNED = ("www.child.example.gov", "A", "NOERROR", True)
EXPECTED = {(name, rdtype): (rcode, loose) for name, rdtype, rcode, loose in ASKED + [UNSIGNED]}
YES, NO = "; fully validated", "; negative response, fully validated"
# What the policy says, what the NSEC3PARAM then is (None: NSEC), and whether a ZONEMD is there.
STEPS = [
    ({"nsec3": True}, "1 0 0 -", False),
    ({"nsec3": {"salt": "aabbccdd"}}, "1 0 0 aabbccdd", False),
    ({"nsec3": {"opt-out": True}}, "1 0 0 -", False),
    ({"nsec3": {"opt-out": True, "salt": "00ff", "iterations": 2}}, "1 0 2 00ff", False),
    ({"nsec3": True, "zonemd": True}, "1 0 0 -", True),
    ({"zonemd": True}, None, True),
    ({}, None, False),
]


class Scene:
    def __init__(self, work):
        self.work, self.serial = work, 0
        work.write("child.zone", "$TTL 60\n@ IN SOA . . 1 1 1 1 1\n@ IN NS ns\nns IN A 192.0.2.100\nwww IN A 192.0.2.200\n")
        self.write()
        child = peers.Nsd(work, "child").serve("child.example.gov", work.path / "child.zone").start()
        self.primary = work.primary([{"domain": "example.gov", "file": "zone"}]).start()
        self.secondary = work.secondary(
            [{"domain": "example.gov", "policy": "p", "acl": ["out"]}], self.primary.port,
            acl=[{"id": "out", "key": work.key.name, "action": ["transfer"]}], policy=[{"id": "p"}],
        ).start()
        wait_for(lambda: self.secondary.ask("example.gov", "A").answer, "served", about=self.secondary.log)
        anchors = peers.trust_anchors(self.secondary, "example.gov")
        self.delv_anchors = peers.delv_anchors(work.path / "anchors", anchors)
        self.anchor_file = work.write("anchor", "".join(line + "\n" for line in anchors))
        self.unbound = peers.Unbound(work, anchors=anchors)
        self.unbound.stub("example.gov", [self.secondary.port]).stub("child.example.gov", [child.port]).start()

    def write(self):
        self.serial += 1
        self.work.write("zone", ZONE.format(serial=self.serial, host=HOST) + f"new{self.serial} IN A 192.0.2.99\n")

    def policy(self, settings):
        self.secondary.config["policy"] = [{"id": "p", **settings}]
        self.secondary.write_config()
        done = self.secondary.tandemctl("reload")
        assert done.returncode == 0, done.stderr

    def parameters(self):
        return answers(self.secondary.ask("example.gov", "NSEC3PARAM"))

    def zonemd(self):
        return answers(self.secondary.ask("example.gov", "ZONEMD"))

    def signed_serial(self):
        """Of what is answered; the status may tell it a moment later."""
        return int(answers(self.secondary.ask("example.gov", "SOA"))[0].split()[2])

    def checked(self):
        """The whole zone by AXFR is clean for ldns-verify-zone and dnssec-verify."""
        done = subprocess.run(
            ["dig", f"@{HOST}", "-p", str(self.secondary.port), "-y", self.work.key.dig(), "+onesoa", "+nocomments",
             "+nocmd", "+noquestion", "+nostats", "example.gov", "AXFR"],
            capture_output=True, text=True, timeout=20, check=True)
        lines = [line for line in done.stdout.splitlines() if line and line[0] != ";" and "TSIG" not in line]
        file = self.work.write("transferred", "\n".join(lines) + "\n")
        for command in (["ldns-verify-zone", "-k", self.anchor_file, file], ["dnssec-verify", "-o", "example.gov", file]):
            judged = subprocess.run(command, capture_output=True, text=True, timeout=30)
            assert judged.returncode == 0, judged.stdout + judged.stderr
        return lines


@pytest.fixture(scope="module")
def scene():
    with Workspace() as work:
        yield Scene(work)


def wrong(seen, opt_out):
    """Answers that are none, bogus or not what the zone says, as short texts."""
    found = []
    for name, rdtype, answer in seen:
        rcode, loose = EXPECTED[name, rdtype]
        loose = loose and (opt_out or (name, rdtype) == UNSIGNED[:2])
        if isinstance(answer, Exception):
            found.append(f"{name} {rdtype}: {answer!r}")
        elif dns.rcode.to_text(answer.rcode()) != rcode:
            found.append(f"{name} {rdtype}: {dns.rcode.to_text(answer.rcode())}")
        elif not loose and not peers.is_secure(answer):
            found.append(f"{name} {rdtype}: insecure")
    return found


def delv_judges(scene, opt_out):
    for name, rdtype, rcode, loose in ASKED:
        printed = peers.delv(scene.secondary.port, scene.delv_anchors, "example.gov", name, rdtype)
        good = YES in printed or NO in printed or (loose and opt_out and "unsigned" in printed)
        assert good, f"{name} {rdtype} ({rcode}): {printed}"


def test_a_validator_sees_no_bogus_answer_while_the_denial_changes(scene):
    secondary = scene.secondary
    questions = [(name, rdtype) for name, rdtype, _, _ in ASKED + [UNSIGNED]]
    asked = 0
    with peers.Watch(scene.unbound.resolve, questions) as watch:
        watch.more(2)
        for settings, parameters, has_zonemd in STEPS:
            before = scene.signed_serial()
            scene.policy(settings)
            wait_for(lambda: scene.parameters() == ([parameters] if parameters else []), f"the chain of {settings}",
                     about=secondary.log)
            wait_for(lambda: bool(scene.zonemd()) == has_zonemd, f"the ZONEMD of {settings}", about=secondary.log)
            assert scene.signed_serial() > before, "a chain of another kind without a new serial"
            watch.more(2)
            scene.write()  # and the zone goes on changing on top of it
            scene.primary.control("reload")
            wait_for(lambda: secondary.ask(f"new{scene.serial}.example.gov", "A").answer, "the change",
                     about=secondary.log)
            watch.more(2)
            opt_out = isinstance(settings.get("nsec3"), dict) and settings["nsec3"].get("opt-out", False)
            delv_judges(scene, opt_out)
            scene.checked()
            # Answers of the moment of the switch may have come from either side of it.
            seen, watch.seen = watch.seen, []
            asked += len(seen)
            assert not wrong(seen, True), f"{settings}: {wrong(seen, True)[:5]}\n{scene.unbound.verdicts()[-5:]}"
            watch.more(1)
            seen, watch.seen = watch.seen, []
            asked += len(seen)
            assert not wrong(seen, opt_out), f"{settings}: {wrong(seen, opt_out)[:5]}"
    assert not scene.unbound.verdicts(), scene.unbound.verdicts()[-5:]
    assert asked > 300
    history = secondary.control("zone", "history", "example.gov")["versions"]
    causes = [(version["cause"], version["why"]) for version in history]
    changes = [why for cause, why in causes if cause == "policy"]
    assert len(changes) == len(STEPS), causes  # one version each: nothing between two kinds was ever served
