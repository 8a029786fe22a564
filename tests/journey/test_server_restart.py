"""A server that dies under the supervisor: its packets wait in the socket, the next one serves the same versions at once,
also while signer and primary are away."""

import os
import signal

import dns.exception

import tandem
from tandem import role_pids

ZONE = """$TTL 60
@ IN SOA ns hostmaster 1 60 60 60000 60
@ IN NS ns
ns IN A 192.0.2.53
www IN A 192.0.2.1
"""


def test_a_killed_server_comes_back_with_its_versions_while_signer_and_primary_are_away(work):
    work.write("example.gov.zone", ZONE)
    primary = work.primary([{"domain": "example.gov", "file": "example.gov.zone"}]).start()
    secondary = work.secondary([{"domain": "example.gov", "refresh": "1h"}], primary.port).start()

    def answer():
        try:
            return secondary.ask("www.example.gov", "A", dnssec=True, timeout=2)
        except dns.exception.Timeout:
            return None

    before = tandem.wait_for(lambda: (a := answer()) and a.answer and a, "a signed answer", about=secondary.log)
    primary.kill()
    (signer,), (server,) = role_pids(secondary, "signer"), role_pids(secondary, "server")
    os.kill(signer, signal.SIGSTOP)
    try:
        os.kill(server, signal.SIGKILL)
        tandem.wait_for(lambda: role_pids(secondary, "server") not in ([], [server]), "another server")
        after = tandem.wait_for(answer, "an answer", about=secondary.log)
    finally:
        os.kill(signer, signal.SIGCONT)
    assert after.answer == before.answer
