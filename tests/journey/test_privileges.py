"""What each role of the secondary may still do once it runs: started as root, everyone but the supervisor is somebody else,
without a capability, without a way to new ones, behind a list of system calls; the servers in an empty root."""

import os
import pwd

import pytest

from tandem import wait_for

ZONE = "$ORIGIN example.gov.\n@ 60 IN SOA ns1 h 1 7200 900 1209600 300\n@ 60 IN NS ns1\n@ 60 IN A 192.0.2.9\nns1 60 IN A 192.0.2.53\n"
USER = "nobody"  # on every Debian; an installation has its own


def facts(pid):
    """The lines of /proc/PID/status as a dictionary."""
    with open(f"/proc/{pid}/status") as status:
        return dict(line.rstrip("\n").split(":\t", 1) for line in status if ":\t" in line)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_every_role_gives_up_what_it_does_not_need(work):
    work.path.chmod(0o755)
    work.write("zone", ZONE)
    primary = work.primary([{"domain": "example.gov", "file": "zone"}])
    secondary = work.secondary([{"domain": "example.gov"}], primary.port)
    secondary.config["server"]["user"] = USER
    secondary.directory.chmod(0o755)
    secondary.mail_directory.mkdir(exist_ok=True)
    uid = pwd.getpwnam(USER).pw_uid
    os.chown(secondary.mail_directory, uid, -1)
    primary.start()
    # Leak detection wants ptrace, which is what the roles have given up.
    secondary.start(environment={"ASAN_OPTIONS": "detect_leaks=0"})
    wait_for(lambda: secondary.ask("example.gov", "A", dnssec=True).rcode() == 0, "served", about=secondary.log)
    roles = secondary.control("status")["roles"]
    assert {role["role"] for role in roles} == {"desk", "signer", "fetcher", "server 0"}
    for role in roles:
        status = facts(role["pid"])
        assert set(status["Uid"].split()) == {str(uid)}, role
        assert int(status["CapEff"], 16) == 0 and int(status["CapPrm"], 16) == 0, role
        assert status["NoNewPrivs"] == "1", role
        assert status["Seccomp"] == "2", role
        if role["role"].startswith("server"):
            assert os.listdir(f"/proc/{role['pid']}/root") == []
    supervisor = facts(secondary.process.pid)
    assert supervisor["NoNewPrivs"] == "1"
    bits = int(supervisor["CapEff"], 16)
    assert not bits & (1 << 21 | 1 << 12 | 1 << 10), "SYS_ADMIN, NET_ADMIN, NET_BIND_SERVICE"


def test_the_signer_has_no_network_socket_and_the_servers_no_file_of_keys(work):
    work.write("zone", ZONE)
    primary = work.primary([{"domain": "example.gov", "file": "zone"}])
    secondary = work.secondary([{"domain": "example.gov"}], primary.port)
    primary.start()
    secondary.start()
    wait_for(lambda: secondary.ask("example.gov", "A").rcode() == 0, "served", about=secondary.log)
    network = set()
    for table in ("tcp", "tcp6", "udp", "udp6"):
        with open(f"/proc/net/{table}") as lines:
            network |= {line.split()[9] for line in list(lines)[1:]}
    for role in secondary.control("status")["roles"]:
        folder = f"/proc/{role['pid']}/fd"
        targets = []
        for fd in os.listdir(folder):
            try:
                targets.append(os.readlink(f"{folder}/{fd}"))
            except FileNotFoundError:
                continue
        inodes = {t[len("socket:[") : -1] for t in targets if t.startswith("socket:[")}
        if role["role"] == "signer":
            assert not inodes & network, "a network socket in the signer"
        else:
            assert not [t for t in targets if "/keys/" in t or t.endswith("key-secret")], role
        if role["role"].startswith("server"):
            assert inodes & network, "the servers answer"
