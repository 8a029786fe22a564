"""ALIAS with unbound as the resolver and NSD behind it: what a real resolver makes of CNAMEs, a DNAME, a wildcard, names
without data, names that are not there, servers that are gone, and answers too long for UDP."""

import signal

import dns.exception
import dns.rdatatype
import pytest
from peers import Nsd, Unbound

from tandem import axfr, free_port, wait_for

ZONE = "example.gov"
HEAD = f"$ORIGIN {ZONE}.\n$TTL 300\n@ SOA ns hostmaster 7 3600 600 86400 60\n@ NS ns\nns A 192.0.2.53\n"
MANY = [f"198.51.100.{i}" for i in range(1, 201)]


def out_text(serial, plain):
    lines = ["$ORIGIN cdn.example.", "$TTL 0", f"@ SOA ns hostmaster {serial} 3600 600 86400 0", "@ NS ns", "ns A 127.0.0.1"]
    lines += [f"plain A {plain}", "plain AAAA 2001:db8::1", "v4 A 192.0.2.2", "text TXT x", "*.w A 192.0.2.3"]
    lines += [f"many A {address}" for address in MANY]
    lines += ["d DNAME e", "x.e A 192.0.2.4", "back CNAME host.example.gov.", "local A 127.0.0.1"]
    for count in (1, 8, 17):
        names = [f"h{count}"] + [f"h{count}-{i}" for i in range(1, count)] + ["v4"]
        lines += [f"{here} CNAME {there}" for here, there in zip(names, names[1:])]
    return "\n".join(lines) + "\n"


def served(work, primary):
    try:
        zone = axfr(primary.port, ZONE, work.key)
    except dns.exception.DNSException:  # not yet
        return {}
    return {
        f"{name.to_text()} {dns.rdatatype.to_text(rdataset.rdtype)}": sorted(rdata.to_text() for rdata in rdataset)
        for name, rdataset in zone.iterate_rdatasets()
        if rdataset.rdtype in (dns.rdatatype.A, dns.rdatatype.AAAA) and name.to_text() not in ("ns", "host")
    }


@pytest.fixture
def bed(work):
    """NSD with cdn.example, unbound that asks it, a primary that asks unbound; dead.example has a server that is not there."""
    nsd = Nsd(work).serve("cdn.example", work.write("cdn.example", out_text(1, "192.0.2.1")))
    # What the world still has of our zone: the primary must not believe it.
    nsd.serve(ZONE, work.write("old", HEAD + "host A 192.0.2.66\n"))
    nsd.start()
    unbound = Unbound(work).stub("cdn.example", [nsd.port]).stub(ZONE, [nsd.port]).stub("dead.example", [free_port()])
    unbound.start()
    primary = work.primary(
        [{"domain": ZONE, "file": "zone", "alias": {"refresh": "1h", "max-addresses": 500}}], resolver=unbound.port
    )
    # unbound itself asks a silent server again and again before it says SERVFAIL.
    primary.config["resolver"].update({"timeout": "5s", "tries": 2})
    return nsd, unbound, primary


def show(primary, owner):
    return primary.control("alias", "show", f"{owner}.{ZONE}".removeprefix("@."))["alias"]


def test_every_kind_of_target(work, bed):
    nsd, unbound, primary = bed
    names = {"@": "plain", "v4": "v4", "*.w": "any.w", "h1": "h1", "h8": "h8", "dn": "x.d", "many": "many", "back": "back"}
    text = HEAD + "host A 192.0.2.77\n"
    text += "".join(f"{owner} 60 ALIAS {target}.cdn.example.\n" for owner, target in names.items())
    work.write("zone", text)
    primary.start()
    expected = {
        "@ A": ["192.0.2.1"], "@ AAAA": ["2001:db8::1"], "v4 A": ["192.0.2.2"], "*.w A": ["192.0.2.3"],
        "h1 A": ["192.0.2.2"], "h8 A": ["192.0.2.2"], "dn A": ["192.0.2.4"], "many A": sorted(MANY), "back A": ["192.0.2.77"],
    }
    wait_for(lambda: served(work, primary) == expected, "all of them", about=primary.log)
    assert primary.serial(ZONE) == 7
    # Now those that give nothing beside them.
    bad = {"gone": "gone.cdn.example", "text": "text.cdn.example", "h17": "h17.cdn.example", "dead": "www.dead.example",
           "local": "local.cdn.example"}
    text = text.replace("hostmaster 7 ", "hostmaster 8 ")
    work.write("zone", text + "".join(f"{owner} 60 ALIAS {target}.\n" for owner, target in bad.items()))
    primary.control("reload", wait=True)

    def failing():
        return all(show(primary, owner)["state"] == "failing" for owner in bad)

    wait_for(failing, "failing", about=primary.log)
    reasons = {owner: show(primary, owner)["reason"] for owner in bad}
    assert "NXDOMAIN" in reasons["gone"] and "neither A nor AAAA" in reasons["text"] and "deny-address" in reasons["local"]
    assert "SERVFAIL" in reasons["dead"] or "no answer" in reasons["dead"]
    assert reasons["h17"]  # unbound follows 11, and says SERVFAIL; a newer one may give them all: then ours are 16
    wait_for(lambda: served(work, primary) == expected, "all of them still", about=primary.log)


def test_a_target_moves_and_its_server_dies_and_comes_back(work, bed):
    nsd, unbound, primary = bed
    work.write("zone", HEAD + "@ 60 ALIAS plain.cdn.example.\n")
    primary.start()
    before = {"@ A": ["192.0.2.1"], "@ AAAA": ["2001:db8::1"]}
    wait_for(lambda: served(work, primary) == before, "the first", about=primary.log)
    work.write("cdn.example", out_text(2, "192.0.2.9"))
    nsd.process.send_signal(signal.SIGHUP)
    wait_for(lambda: nsd.serial("cdn.example") == 2, "NSD has the new zone", about=nsd.log)
    after = {"@ A": ["192.0.2.9"], "@ AAAA": ["2001:db8::1"]}

    def moved():  # the process of NSD that goes may answer once more with the old one
        primary.control("alias", "refresh", ZONE, wait=True)
        return served(work, primary) == after

    wait_for(moved, "the new address", about=primary.log)
    assert primary.serial(ZONE) == 8
    nsd.kill()
    primary.control("alias", "refresh", ZONE, wait=True, timeout=60)
    assert show(primary, "@")["state"] == "held"
    assert served(work, primary) == after
    nsd.start()

    def fresh():  # unbound remembers for a second that the server was gone
        primary.control("alias", "refresh", ZONE, wait=True, timeout=60)
        return show(primary, "@")["state"] == "fresh"

    wait_for(fresh, "fresh", about=primary.log)
    assert served(work, primary) == after and primary.serial(ZONE) == 8
    unbound.kill()
    primary.control("alias", "refresh", ZONE, wait=True, timeout=60)
    assert show(primary, "@")["state"] == "held"
    assert "refused" in show(primary, "@")["reason"] or "no answer" in show(primary, "@")["reason"]
    assert served(work, primary) == after and primary.serial(ZONE) == 8
