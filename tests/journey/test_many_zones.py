"""Hundreds of zones in one daemon: all are answered after a start without the primary, a server that dies is told of all
of them again, and a reload takes many away and brings many."""

import os
import pathlib
import signal

import dns.exception
import dns.rcode

import tandem
from tandem import role_pids

COUNT = 1500 if os.environ.get("TANDEM_LONG") else 300
MORE = COUNT // 3
ZONE = """$TTL 60
@ IN SOA ns hostmaster 1 60 60 60000 60
@ IN NS ns
ns IN A 192.0.2.53
www IN A 192.0.2.{last}
"""
PLAIN = {"policy": [{"id": "plain", "key-storage": "plain"}]}


def domain(number):
    return f"z{number:04d}.example"


def zones(work, numbers):
    for number in numbers:
        work.write(f"{domain(number)}.zone", ZONE.format(last=number % 250 + 1))
    return [{"domain": domain(number), "file": f"{domain(number)}.zone"} for number in numbers]


def signed_zones(numbers):
    return [{"domain": domain(number), "primary": ["hidden"], "refresh": "1h", "policy": "plain"} for number in numbers]


def serials(secondary, numbers):
    """The served serial of each zone, all of them signed; None where one is not answered yet."""
    found = {}
    for number in numbers:
        try:
            reply = secondary.ask(domain(number), "SOA", dnssec=True)
        except dns.exception.Timeout:
            return None
        if reply.rcode() != dns.rcode.NOERROR or len(reply.answer) != 2:
            return None
        found[number] = reply.answer[0][0].serial
    return found


def held_by_each_role(secondary):
    """The most descriptors, and the most maps of files of the pool, that one process of the daemon has."""
    pids = [secondary.process.pid, *(pid for role in ("signer", "server", "fetcher", "desk") for pid in role_pids(secondary, role))]
    descriptors = max(len(os.listdir(f"/proc/{pid}/fd")) for pid in pids)
    maps = [pathlib.Path(f"/proc/{pid}/maps").read_text().count("/pool/pool.") for pid in pids]
    return descriptors, max(maps)


def state(secondary, number):
    try:
        return secondary.zone(domain(number))["state"]
    except tandem.ControlError:
        return None


def test_all_are_answered_after_each_start_and_many_come_and_go_with_a_reload(work):
    first = range(COUNT)
    primary = work.primary(zones(work, first)).start()
    secondary = work.secondary(signed_zones(first), primary.port, **PLAIN)
    secondary.start(wait=False)
    tandem.wait_for(lambda: role_pids(secondary, "server"), "a server", about=secondary.log)
    seconds = 4 * tandem.WAIT_SECONDS  # until all have their first signatures
    before = tandem.wait_for(lambda: serials(secondary, first), "all signed", seconds, about=secondary.log)

    # From the disk alone, after a stop and after a crash.
    primary.stop()
    for end in (secondary.stop, secondary.kill):
        end()
        secondary.start(wait=False)
        tandem.wait_for(lambda: role_pids(secondary, "server"), "a server", about=secondary.log)
        after = tandem.wait_for(lambda: serials(secondary, first), "all from the disk", about=secondary.log)
        assert after == before
        # Small zones share files: what a process holds does not grow with them.
        descriptors, maps = held_by_each_role(secondary)
        assert descriptors < 60 and 1 <= maps <= 4, (descriptors, maps)

    # More messages than may wait for one server: the rest follows as it takes them.
    (server,) = role_pids(secondary, "server")
    os.kill(server, signal.SIGKILL)
    tandem.wait_for(lambda: role_pids(secondary, "server") not in ([], [server]), "another server")
    assert tandem.wait_for(lambda: serials(secondary, first), "all in the next server", about=secondary.log) == before

    # A third goes, as many others come, and stand between those that stay.
    fresh, stay = range(COUNT, COUNT + MORE), range(MORE, COUNT)
    primary.config["zone"] = [
        {"acl": ["peers"], **zone, "file": str(work.path / zone["file"])} for zone in zones(work, [*stay, *fresh])
    ]
    primary.start()
    kept = secondary.config["zone"]
    new = [{**kept[0], "domain": domain(number)} for number in fresh]
    secondary.config["zone"] = [zone for pair in zip(new, kept[MORE:]) for zone in pair] + kept[MORE + len(new):]
    secondary.write_config()
    reply = secondary.control("reload")
    assert reply.get("done"), reply
    tandem.wait_for(lambda: serials(secondary, fresh), "those that came", seconds, about=secondary.log)
    assert serials(secondary, stay) == {number: before[number] for number in stay}
    for number in range(0, MORE, 7):
        assert secondary.ask(domain(number), "SOA").rcode() == dns.rcode.REFUSED
    # The numbers of the zones are not in the order of the file any more: every role finds them all the same.
    tandem.wait_for(lambda: secondary.zone(domain(COUNT))["serial"]["signed"] == serials(secondary, [COUNT])[COUNT], "the status says so")
    os.kill(role_pids(secondary, "signer")[0], signal.SIGKILL)
    tandem.wait_for(lambda: state(secondary, COUNT + 1) == "ok", "the next signer", about=secondary.log)
    assert serials(secondary, stay) == {number: before[number] for number in stay}
