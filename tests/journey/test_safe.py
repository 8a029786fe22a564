"""What a taken-over process could do. Secrets: each role's memory is read and searched for those that are not its own. Calls: a
tracer makes real processes of the release build ask the kernel for what they must never do, and they die of each. Crashes: a server
is back within a second, its sockets stayed open, it is counted, mailed, and its last packets are in the log."""

import base64
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

import dns.message
import dns.query
import pytest

import tandem
from tandem import BIN, HOST, Key, wait_for

ZONE = "$ORIGIN example.gov.\n@ 60 IN SOA ns1 h 1 7200 900 1209600 300\n@ 60 IN NS ns1\n@ 60 IN A 192.0.2.9\nns1 60 IN A 192.0.2.53\n"
SANITIZED = b"__asan_init" in (BIN / "tandem-server").read_bytes()
SMTP_PASSWORD = "Correct-Horse-Battery-7391-Staple"
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may look into the memory of others")


def roles(secondary):
    return {role["role"]: role for role in secondary.control("status")["roles"]}


def memory_of(pid):
    """Every readable octet of a process, region by region."""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            span, access = line.split()[:2]
            begin, end = (int(part, 16) for part in span.split("-"))
            if begin >> 47 or end - begin > 1 << 32:
                continue  # the kernel's own; a sanitizer's shadow
            for at in range(begin, end, 16 << 20):
                try:
                    memory.seek(at)
                    yield memory.read(min(16 << 20, end - at))
                except OSError:
                    break  # guard pages, and what is mapped behind a file's end


def holds(pid, secrets):
    """The names of those that stand somewhere in the process. secrets: {name: [forms]}"""
    found = set()
    for octets in memory_of(pid):
        found |= {name for name, forms in secrets.items() if any(form in octets for form in forms)}
    return found


def private_scalars(directory):
    """{name: [the scalar]} of the plain BIND key files there."""
    files = list(pathlib.Path(directory).rglob("*.private"))
    texts = {file.name: re.search(r"PrivateKey: (\S+)", file.read_text()) for file in files}
    return {name: [base64.b64decode(match.group(1))] for name, match in texts.items() if match}


def secondary_with_secrets(work, **server):
    work.write("zone", ZONE)
    downstream = Key("downstream.")
    primary = work.primary([{"domain": "example.gov", "file": "zone"}])
    password = work.write("smtp-password", SMTP_PASSWORD + "\n")
    password.chmod(0o600)
    secondary = work.secondary(
        [{"domain": "example.gov", "policy": "plain", "acl": ["fleet"]}], primary.port,
        policy=[{"id": "plain", "key-storage": "plain"}],
        acl=[{"id": "fleet", "key": [downstream.name], "action": ["transfer"]}])
    secondary.config["key"].append(downstream.setting())
    secondary.config["server"].update(server)
    secondary.config["alert"].pop("mail-directory")
    secondary.config["alert"]["smtp"] = {
        "address": f"{HOST}@{tandem.free_port()}", "tls": "starttls", "user": "u", "password-file": str(password)}
    primary.start()
    secondary.start()
    wait_for(lambda: secondary.ask("example.gov", "A", dnssec=True).rcode() == 0, "served", about=secondary.log)
    return secondary, downstream


def test_each_role_holds_its_own_secrets_and_no_others(work):
    secondary, downstream = secondary_with_secrets(work)
    scalars = private_scalars(secondary.directory / "state")
    assert len(scalars) >= 2, "a KSK and a ZSK"
    secrets = {
        "upstream": [base64.b64decode(work.key.secret), work.key.secret.encode()],
        "downstream": [base64.b64decode(downstream.secret), downstream.secret.encode()],
        "password": [SMTP_PASSWORD.encode()],
        **scalars,
    }
    held = {name: holds(role["pid"], secrets) for name, role in roles(secondary).items()}
    assert held["server 0"] == {"downstream"}
    # That the search can find: each secret is where it belongs, and nowhere else.
    assert "upstream" in held["fetcher"] and not held["fetcher"] & {"password", *scalars}
    assert held["signer"] == set(scalars)
    assert held["desk"] == {"password"}


def test_no_role_leaves_a_core_file(work):
    secondary, _ = secondary_with_secrets(work)
    for name, role in roles(secondary).items():
        limits = pathlib.Path(f"/proc/{role['pid']}/limits").read_text()
        assert re.search(r"Max core file size +0 +0 ", limits), name
        if not SANITIZED:  # a process that may not be dumped belongs to root, whoever it runs as
            mine = pathlib.Path(f"/proc/{role['pid']}/mem").stat()
            assert (mine.st_uid, mine.st_gid) == (0, 0), name


def number_of(call):
    """The kernel's number of a call here, by its name (ausyscall is not on every machine; the headers are)."""
    text = f"#include <sys/syscall.h>\nSYS_{call}\n"
    done = subprocess.run(["cc", "-E", "-P", "-"], input=text, capture_output=True, text=True, check=True)
    return int(eval(done.stdout.strip().splitlines()[-1], {}))


CALLS = {  # arguments that would work, where the call were allowed
    "openat": (-100, 0, 0), "connect": (0, 0, 0), "execve": (0, 0, 0), "ptrace": (0, 0, 0, 0), "socket": (socket.AF_INET, 1, 0),
    "bind": (0, 0, 0), "clone": (0, 0, 0, 0, 0), "mmap": (0, 4096, 7, 0x22, -1, 0), "kill": (1, 0), "unlinkat": (-100, 0, 0)}


@pytest.fixture(scope="module")
def make_call(tmp_path_factory):
    """make_call(pid, call, arguments): lets that process make the call; what became of it."""
    program = tmp_path_factory.mktemp("make_call") / "make_call"
    subprocess.run(["cc", "-D_GNU_SOURCE", "-o", program, tandem.TOP / "tests/journey/make_call.c"], check=True)

    def call_it(pid, call, arguments=()):
        words = [program, pid, number_of(call), *arguments]
        done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"{call}: {done.stderr}"
        return done.stdout.strip()

    return call_it


DIED = f"ended by signal {int(signal.SIGSYS)}"


@pytest.mark.skipif(SANITIZED, reason="a sanitizer needs more calls than an installed server may make")
def test_a_server_dies_of_every_call_that_it_must_not_make(work, make_call):
    secondary, _ = secondary_with_secrets(work, workers=len(CALLS))
    before = roles(secondary)
    first = before["server 0"]["pid"]
    assert make_call(first, "getpid") == f"returned {first}"  # what it may call returns
    for index, (call, arguments) in enumerate(CALLS.items()):
        assert make_call(before[f"server {index}"]["pid"], call, arguments) == DIED, call
    wait_for(lambda: all(role["state"] == "running" and role["pid"] != before[name]["pid"] for name, role in roles(secondary).items()
                         if name.startswith("server")), "every server again", about=secondary.log)
    assert secondary.ask("example.gov", "A", dnssec=True).rcode() == 0


@pytest.mark.skipif(SANITIZED, reason="a sanitizer needs more calls than an installed signer may make")
@pytest.mark.parametrize("role, call", [("signer", "socket"), ("signer", "connect"), ("signer", "execve"), ("fetcher", "openat")])
def test_signer_and_fetcher_die_of_what_is_not_theirs(work, make_call, role, call):
    secondary, _ = secondary_with_secrets(work)
    assert make_call(roles(secondary)[role]["pid"], call, CALLS[call]) == DIED
    assert secondary.ask("example.gov", "A").rcode() == 0  # without it


@pytest.mark.parametrize("algorithm", ["hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"])
def test_a_server_lives_through_signed_questions_and_transfers(work, algorithm):
    work.key = Key(algorithm=algorithm)
    work.write("zone", ZONE)
    primary = work.primary([{"domain": "example.gov", "file": "zone"}]).start()
    secondary = work.secondary(
        [{"domain": "example.gov", "acl": ["out"]}], primary.port, acl=[{"id": "out", "key": [work.key.name], "action": ["transfer"]}]).start()
    wait_for(lambda: secondary.ask("example.gov", "A").rcode() == 0, "served", about=secondary.log)
    assert secondary.ask("example.gov", "A", key=work.key).answer
    assert len(tandem.axfr(secondary.port, "example.gov", work.key).nodes) >= 2
    assert roles(secondary)["server 0"]["restarts"] == 0


def test_a_crash_of_a_server_costs_no_packet_and_is_told(work):
    work.write("zone", ZONE)
    primary = work.primary([{"domain": "example.gov", "file": "zone"}]).start()
    secondary = work.secondary([{"domain": "example.gov"}], primary.port).start()
    wait_for(lambda: secondary.ask("example.gov", "A").rcode() == 0, "served", about=secondary.log)
    marked = dns.message.make_query("marked-by-this-test.example.gov", "A")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(tandem.WAIT_SECONDS)
        client.connect((HOST, secondary.port))
        client.send(marked.to_wire())
        client.recv(4096)
        server = roles(secondary)["server 0"]
        os.kill(server["pid"], signal.SIGSTOP)
        queries = [dns.message.make_query(f"n{i}.example.gov", "A") for i in range(50)]
        for query in queries:  # they wait in the socket, which the supervisor holds open
            client.send(query.to_wire())
        # And so do connections that nobody has taken yet.
        with socket.create_connection((HOST, secondary.port), timeout=tandem.WAIT_SECONDS) as connection:
            dns.query.send_tcp(connection, marked)
            os.kill(server["pid"], signal.SIGKILL)
            ids = {dns.message.from_wire(client.recv(4096)).id for _ in queries}
            by_tcp, _ = dns.query.receive_tcp(connection, expiration=time.time() + tandem.WAIT_SECONDS)
    assert ids == {query.id for query in queries} and by_tcp.id == marked.id
    again = roles(secondary)["server 0"]
    assert again["pid"] != server["pid"] and again["restarts"] == server["restarts"] + 1
    # "Within a second" by what the supervisor decides; how long a process takes to start is the machine's matter.
    pauses = re.findall(r"a role died and is started again.*what=\"server 0 [^\n]*pause_ms=(\d+)", secondary.log())
    assert [int(pause) < 1000 for pause in pauses] == [True], secondary.log()
    assert secondary.metric("tandem_role_restarts_total", role="server 0") == 1, secondary.http("/metrics")[1][:3000]
    mail = wait_for(lambda: [mail for mail in secondary.mails() if "server" in str(mail["Subject"])], "a mail", about=secondary.log)
    assert "signal 9" in mail[0].get_content() or "KILL" in mail[0].get_content(), mail[0].get_content()
    assert marked.to_wire().hex() in secondary.log()

    def dies_again():
        """Its successor answers, and has had no packet; how many of a last batch the log has."""
        then = roles(secondary)["server 0"]["pid"]
        os.kill(then, signal.SIGKILL)
        wait_for(lambda: roles(secondary)["server 0"]["pid"] != then, "a successor", about=secondary.log)
        assert secondary.ask("example.gov", "A", tcp=True, timeout=tandem.WAIT_SECONDS).rcode() == 0
        return secondary.log().count("a packet of the same batch")

    assert dies_again() == dies_again()  # what a server had in hand is told once, not of its successor too
