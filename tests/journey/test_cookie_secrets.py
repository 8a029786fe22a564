"""The secrets of DNS cookies (RFC 9018 section 5): a fleet shares them in a file, two are valid at once, and they are changed by
reloads, without a client being told that its cookie is bad."""

import os
import struct

import dns.edns
import dns.flags
import dns.message
import dns.query

import tandem
from tandem import HOST

OLD, NEW = "e5e973e5a6b2a43f48e7dc849e37bfcf", "445536bcd2513298075a5d379663c962"
COOKIE, BADCOOKIE = 10, 23


def asked(port, cookie):
    """(RCODE, the cookie of the answer) of a message that asks for nothing but a cookie (RFC 7873 section 5.4)."""
    wire = struct.pack("!6H", 7, 0, 0, 0, 0, 1) + b"\0" + struct.pack("!HHIHHH", 41, 1232, 0, len(cookie) + 4, COOKIE, len(cookie)) + cookie
    answer = dns.query.udp(dns.message.from_wire(wire), HOST, port=port, timeout=10, raise_on_truncation=True)
    (given,) = [option.data for option in answer.options if option.otype == COOKIE]
    return int(answer.rcode()), given


def test_rfc9018_5_a_fleet_changes_its_secrets_by_reloads_and_no_cookie_is_bad_before_its_time(work):
    fleet = []
    for name in ("one", "two"):
        file = work.write(f"{name}.secrets", OLD + "\n")
        file.chmod(0o600)
        member = work.secondary([{"domain": "example.gov"}], tandem.free_port(), name=name)
        member.config["server"]["cookie-secret-file"] = str(file)
        fleet.append(member.start(wait=False))
    for member in fleet:
        tandem.wait_for(lambda: "all roles are running" in member.log(), "the servers answer", about=member.log)
    one, two = fleet

    def secrets(member, *lines):
        file = work.write(f"{member.name}.secrets", "\n".join(lines) + "\n")
        os.chmod(file, 0o600)
        assert member.control("reload")["restart_keys"] == []

    def until(member, cookie, rcode):
        """A server takes its settings a moment after the reload."""
        tandem.wait_for(lambda: asked(member.port, cookie)[0] == rcode, f"{member.name} answers {rcode}", about=member.log)

    first = asked(one.port, b"12345678")[1]
    assert [asked(member.port, first)[0] for member in fleet] == [0, 0]  # a fleet's cookie is good everywhere
    assert asked(one.port, first[:-1] + bytes([first[-1] ^ 1]))[0] == BADCOOKIE
    for member in fleet:  # known everywhere before anybody makes cookies with it
        secrets(member, OLD, NEW)
    secrets(one, NEW, OLD)
    secrets(two, NEW)
    until(two, first, BADCOOKIE)  # here the old one is over
    # By now, or in a moment, the other one makes cookies with the new secret, and both of its secrets are good there.
    tandem.wait_for(lambda: asked(two.port, asked(one.port, b"12345678")[1])[0] == 0, "cookies of the new secret", about=one.log)
    second = asked(one.port, first)[1]
    assert [asked(member.port, cookie)[0] for member, cookie in ((one, first), (one, second), (two, second))] == [0, 0, 0]
    secrets(one, NEW)
    until(one, first, BADCOOKIE)
    assert [asked(member.port, second)[0] for member in fleet] == [0, 0]
    os.unlink(work.path / "two.secrets")
    try:
        two.control("reload")
        raise AssertionError("a reload without the file of the secrets")
    except tandem.ControlError as refused:
        assert "two.secrets" in str(refused.reply) and refused.exit_code == 3
    assert asked(two.port, second)[0] == 0
