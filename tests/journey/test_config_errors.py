"""Wrong configurations and what they get: every error with its place, exit 78, nothing started. A broken zone file costs
its own zone only. Keys: made by policy, stored plain, brought along from BIND, PowerDNS and openssl, and the parent's DS
that no key of ours matches."""

import json
import pathlib
import re
import stat
import subprocess

import dns.dnssec
import dns.rcode
import dns.rdatatype
import pytest

import peers
from tandem import HOST, answers, wait_for

ZONE = """$TTL 60
@   IN SOA ns1 hostmaster 1 7200 900 1209600 300
@   IN NS  ns1
@   IN A   192.0.2.9
ns1 IN A   192.0.2.53
*.w IN TXT "x"
"""
HEAD = {
    "primary": """server: {{listen: [127.0.0.1@{port}], user: "", state-directory: {top}/state}}
control: {{socket: {top}/s}}
http: {{listen: 127.0.0.1@{http}}}
""",
}
HEAD["secondary"] = HEAD["primary"]
SECRET = 'secret: "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI="'
GOOD_ZONE = {
    "primary": "zone:\n  - {domain: example.gov, file: zone}\n",
    "secondary": "remote: [{id: hidden, address: 127.0.0.1@1}]\nzone:\n  - {domain: example.gov, primary: [hidden]}\n",
}
ALL = ("primary", "secondary")
# For which daemons; text behind HEAD and before the good zone; words that the error must have, with %d the error's line.
WRONG = {
    "unknown key": (ALL, "log: {levle: info}\n", ["%d:7: log.levle", "nearest is level"]),
    "unknown section": (ALL, "lgo: {level: info}\n", ["%d:1: lgo", "nearest is log"]),
    "bad word": (ALL, "log:\n  level: loud\n", ["log.level", "error", "warning", "info", "debug", '"loud"']),
    "bad duration": (("secondary",), "policy:\n  - {id: p, rrsig-lifetime: 14x}\n", ["policy.rrsig-lifetime", "365d", '"14x"']),
    "bad address": (("secondary",), "alert: {from: a@b.example, to: [c@d.example], smtp: {address: '@x'}}\n", ["alert.smtp.address"]),
    "bad duration of the resolver": (("primary",), "resolver: {timeout: soon}\n", ["resolver.timeout", '"soon"']),
    "missing secret": (ALL, "key:\n  - {id: xfr., algorithm: hmac-sha256}\n", ["secret and secret-file, got neither"]),
    "both secrets": (ALL, "key:\n  - {id: xfr., algorithm: hmac-sha256, secret-file: open, " + SECRET + "}\n", ["got both"]),
    "world-readable secret": (ALL, "key:\n  - {id: xfr., algorithm: hmac-sha256, secret-file: open}\n",
                              ["key.secret-file", "others", "chmod"]),
    "secret file that is not there": (ALL, "key:\n  - {id: xfr., algorithm: hmac-sha256, secret-file: nowhere}\n",
                                      ["key.secret-file", "No such file"]),
    "acl without its key": (ALL, "acl:\n  - {id: a, key: nokey., action: [transfer]}\n", ["acl.key", '"nokey."']),
    "policy that cannot hold": (("secondary",), "policy:\n  - {id: p, rrsig-lifetime: 7d, rrsig-refresh: 7d}\n", ["rrsig"]),
    "refresh below the TTL of the keys": (("secondary",), "policy:\n  - {id: p, dnskey-ttl: 7d}\n",
                                          ["policy.dnskey-ttl", "rrsig-refresh (7d) must be longer", "shorten"]),
    "too many iterations": (("secondary",), "policy:\n  - {id: p, nsec3: {iterations: 51}}\n",
                            ["policy.nsec3.iterations", "0 to 50"]),
    "a salt that is none": (("secondary",), "policy:\n  - {id: p, nsec3: {salt: abc}}\n", ["policy.nsec3.salt", "even number"]),
    "verb of later": (("secondary",), "policy:\n  - {id: p, nsec3: {opt-out: yes}, iterations: 5}\n", ["policy.iterations"]),
    "not YAML": (ALL, "log: {level: info\n", [":"]),
}
CASES = [(daemon, name) for name, (daemons, _, _) in WRONG.items() for daemon in daemons]


def run_with(work, daemon, text, mode=0o600):
    """(exit code, standard error, the daemon) of a start with that configuration."""
    made = work.primary([]) if daemon == "primary" else work.secondary([], 1)
    work.write("zone", ZONE)
    top = made.directory
    (top / "zone").write_text(ZONE)
    (top / "open").write_text("MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI=\n")
    (top / "open").chmod(0o644)
    head = HEAD[daemon].format(port=made.port, http=made.http_port, top=top)
    made.config_file.write_text(head + text)
    made.config_file.chmod(mode)
    return made, head.count("\n") + 1


@pytest.mark.parametrize("daemon, name", CASES, ids=[f"{d}-{n}" for d, n in CASES])
def test_a_wrong_configuration_is_told_with_its_place_and_nothing_starts(work, daemon, name):
    _, text, words = WRONG[name]
    made, line = run_with(work, daemon, text + GOOD_ZONE[daemon])
    for arguments in ((), ("--check",)):
        done = made.run(*arguments)
        assert done.returncode == 78, done.stderr
        said = done.stderr + done.stdout
        place = re.search(rf"^{re.escape(str(made.config_file))}:(\d+):(\d+): ", said, re.M)
        assert place, said
        assert int(place[1]) >= line
        for word in words:
            assert (word % line if "%d" in word else word) in said
    assert not (made.directory / "state").exists() and not pathlib.Path(made.socket).exists()


@pytest.mark.parametrize("daemon", ALL)
def test_the_same_configuration_without_the_mistake_is_fine(work, daemon):
    made, _ = run_with(work, daemon, GOOD_ZONE[daemon])
    done = made.run("--check")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("daemon", ALL)
def test_all_errors_are_told_at_once_each_with_line_and_column(work, daemon):
    reference = "file: zone" if daemon == "primary" else "primary: [hidden]"
    text = (
        "remote: [{id: hidden, address: 127.0.0.1@1, key: nokey.}]\n"
        "log: {level: loud, fromat: text}\n"
        "zone:\n"
        f"  - {{domain: example.gov, {reference}}}\n"
        f"  - {{domain: Example.GOV., {reference}}}\n"
        f"  - {{domain: example.net, {reference}, acl: [nobody]}}\n"
        "key:\n"
        "  - {id: a., algorithm: hmac-sha256}\n"
        "  - {id: b., algorithm: hmac-sha256, secret-file: open}\n"
        "  - {id: c., algorithm: hmac-sha256, secret: \"%%\"}\n"
    )
    made, line = run_with(work, daemon, text)
    done = made.run()
    assert done.returncode == 78
    places = [
        (int(l) - line, word)
        for l, word in re.findall(rf"^{re.escape(str(made.config_file))}:(\d+):\d+: (\S+?):? ", done.stderr, re.M)
    ]
    assert places == [
        (0, "remote.key"), (1, "log.level"), (1, "log.fromat"), (4, "zone.domain"), (5, "zone.acl"),
        (7, "key.id"), (8, "key.secret-file"), (9, "key.secret"),
    ], done.stderr
    assert f"{made.config_file}:{line + 3}:" in done.stderr, "the second one names the first"


@pytest.mark.parametrize("daemon", ALL)
def test_a_secret_in_a_file_for_everybody_is_refused(work, daemon):
    text = "key:\n  - {id: xfr., algorithm: hmac-sha256, " + SECRET + "}\n" + GOOD_ZONE[daemon]
    made, line = run_with(work, daemon, text, mode=0o644)
    done = made.run("--check")
    assert done.returncode == 78
    assert f":{line + 1}:" in done.stderr and "others can read" in done.stderr and "chmod" in done.stderr
    assert "MTIzNDU2" not in done.stderr
    made.config_file.chmod(0o600)
    assert made.run("--check").returncode == 0


def test_a_broken_zone_file_at_the_start_costs_its_own_zone_only(work):
    work.write("good", ZONE)
    work.write("bad", ZONE + "x IN MX 10\ny IN A 192.0.2.256\n")
    primary = work.primary([{"domain": "good.example", "file": "good"}, {"domain": "bad.example", "file": "bad"},
                            {"domain": "none.example", "file": "nowhere"}]).start()
    assert answers(primary.ask("good.example", "A", key=work.key)) == ["192.0.2.9"]
    for domain, words in (("bad.example", ["bad:7:", "MX"]), ("none.example", ["nowhere"])):
        assert primary.ask(domain, "SOA", key=work.key).rcode() == dns.rcode.SERVFAIL
        zone = primary.zone(domain)
        assert zone["state"] == "failed"
        for word in words:
            assert word in zone["reason"], zone
    # All errors of the file are in the log, with their lines.
    assert "bad:7:" in primary.log() and "bad:8:" in primary.log()
    status = primary.tandemctl("status")
    assert "bad.example" in status.stdout and "failed" in status.stdout
    assert primary.tandemctl("check").returncode in (1, 2)
    work.write("bad", ZONE)
    work.write("nowhere", ZONE)
    primary.control("reload")
    wait_for(lambda: primary.ask("bad.example", "A", key=work.key).answer, "mended", about=primary.log)


# --- keys


@pytest.fixture
def primary(work):
    work.write("zone", ZONE)
    return work.primary([{"domain": "example.gov", "file": "zone"}]).start()


def secondary_with(work, primary, **policy):
    secondary = work.secondary([{"domain": "example.gov", "policy": "p"}], primary.port)
    secondary.config["policy"] = [{"id": "p", **policy}]
    return secondary


def assert_signed_by(work, secondary, tags):
    wait_for(lambda: secondary.ask("example.gov", "A").answer, "served", about=secondary.log)
    dnskey = secondary.ask("example.gov", "DNSKEY", tcp=True, dnssec=True)
    served = {dns.dnssec.key_id(r) for rrset in dnskey.answer if rrset.rdtype == dns.rdatatype.DNSKEY for r in rrset}
    assert served == set(tags)
    unbound = peers.Unbound(work, anchors=peers.trust_anchors(secondary, "example.gov"))
    unbound.stub("example.gov", [secondary.port]).start()
    for name, rdtype in (("example.gov", "A"), ("q.w.example.gov", "TXT"), ("no.example.gov", "A")):
        assert peers.is_secure(unbound.resolve(name, rdtype)), unbound.log()[-3000:]


def test_a_csk_policy_makes_one_key_that_signs_all_stored_plain(work, primary):
    secondary = secondary_with(work, primary, **{"single-type-signing": "yes", "key-storage": "plain"}).start()
    (key,) = secondary.control("key", "list", "example.gov")["keys"]
    assert key["role"] == "CSK" and key["storage"] == "plain" and key["origin"] == "generated"
    assert_signed_by(work, secondary, [key["tag"]])
    state = pathlib.Path(secondary.config["server"]["state-directory"])
    (private,) = state.glob("keys/**/*.private")
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert private.read_text().startswith("Private-key-format:")
    # BIND's own tool reads the file beside it and finds the DS that we print.
    done = subprocess.run(["dnssec-dsfromkey", "-2", private.with_suffix(".key")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    ours = secondary.control("key", "ds", "example.gov")["ds"][0]
    assert ours["digest"].lower() == "".join(done.stdout.split()[6:]).lower()
    # The sealed ones are not readable so.
    sealed = work.secondary([{"domain": "example.gov"}], primary.port, name="sealed").start()
    state = pathlib.Path(sealed.config["server"]["state-directory"])
    files = [f for f in state.glob("keys/**/*") if f.is_file()]
    assert files and not any(b"Private-key-format" in f.read_bytes() for f in files)


class Parent:
    """A named that holds the parent zone `gov` with the DS records given."""

    def __init__(self, work):
        self.work, self.server = work, peers.Named(work, "parent")

    def start(self, *ds):
        text = "$TTL 60\n@ IN SOA ns . 1 1 1 1 1\n@ IN NS ns\nns IN A 127.0.0.1\nexample IN NS ns1.example\n"
        self.work.write("gov", text + "ns1.example IN A 192.0.2.53\n" + "".join(f"{line}\n" for line in ds))
        self.server.serve("gov", self.work.path / "gov").start()
        return {"ds-check": {"parent": [f"{HOST}@{self.server.port}"], "interval": "1h"}}


def shell(directory, *command):
    done = subprocess.run([str(word) for word in command], cwd=directory, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    return done.stdout


def bind_keys(directory):
    """KSK and ZSK of dnssec-keygen: their files, and the DS line."""
    names = [
        shell(directory, "dnssec-keygen", "-q", "-a", "ECDSAP256SHA256", *flags, "example.gov").strip()
        for flags in (["-f", "KSK"], [])
    ]
    ds = shell(directory, "dnssec-dsfromkey", "-2", names[0] + ".key").strip()
    return [[directory / (name + end) for name in names for end in (".key", ".private")]], [], ds


def pdns_keys(directory):
    """The same of pdnsutil."""
    (directory / "named.conf").write_text(f'zone "example.gov" {{ type native; file "{directory}/zone"; }};\n')
    (directory / "zone").write_text(ZONE)
    (directory / "pdns.conf").write_text(
        f"launch=bind\nbind-config={directory}/named.conf\nbind-dnssec-db={directory}/dnssec.db\n"
    )
    tool = ["pdnsutil", f"--config-dir={directory}"]
    shell(directory, *tool, "create-bind-db", directory / "dnssec.db")
    files = []
    for number, role in enumerate(("ksk", "zsk"), 1):
        shell(directory, *tool, "add-zone-key", "example.gov", role, "active", "ecdsa256")
        file = directory / f"{role}.private"
        file.write_text(shell(directory, *tool, "export-zone-key", "example.gov", number))
        file.chmod(0o600)
        files.append(file)
    ds = [l for l in shell(directory, *tool, "export-zone-ds", "example.gov").splitlines() if " 13 2 " in l][0]
    return [[files[0]], [files[1]]], ["KSK", "ZSK"], ds.partition(";")[0]


def pem_keys(directory):
    """The same of openssl; the DS is not known to anybody else: none."""
    for role in ("ksk", "zsk"):
        shell(directory, "openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", f"{role}.pem")
    return [[directory / "ksk.pem"], [directory / "zsk.pem"]], ["KSK", "ZSK"], None


STRANGE_DS = "example IN DS 4711 13 2 " + "AB" * 32


@pytest.mark.parametrize("make", [bind_keys, pdns_keys, pem_keys])
def test_keys_brought_along_from_elsewhere_sign_the_zone_and_its_ds_stays(work, primary, make):
    directory = work.path / "keys"
    directory.mkdir(mode=0o700)
    groups, roles, ds = make(directory)
    parent = Parent(work).start(ds or STRANGE_DS)
    secondary = secondary_with(work, primary, **parent).start(wait=False)
    wait_for(lambda: [m for m in secondary.mails() if "key import" in m.get_content()], "the mail", about=secondary.log)
    assert secondary.ask("example.gov", "SOA").rcode() == dns.rcode.SERVFAIL
    for at, files in enumerate(groups):
        role = ["--role", roles[at]] if roles else []
        done = secondary.tandemctl("key", "import", "example.gov", *map(str, files), *role, "-b")
        assert done.returncode == 0, done.stdout + done.stderr
    keys = secondary.control("key", "list", "example.gov")["keys"]
    assert sorted(key["role"] for key in keys) == ["KSK", "ZSK"]
    assert all(key["origin"] == "imported" for key in keys)
    if ds:
        ours = secondary.control("key", "ds", "example.gov")["ds"]
        assert [d["digest"].lower() for d in ours if d["digest_type"] == 2] == ["".join(ds.split(" 13 2 ")[1].split()).lower()]
    assert_signed_by(work, secondary, [key["tag"] for key in keys])


def test_a_ds_that_matches_no_key_publishes_nothing_says_so_and_the_hint_works(work, primary):
    keys = work.path / "keys"
    keys.mkdir(mode=0o700)
    ((files,), _, ds) = bind_keys(keys)
    secondary = secondary_with(work, primary, **Parent(work).start(ds)).start(wait=False)
    mail = wait_for(lambda: [m for m in secondary.mails() if "key import" in m.get_content()], "the mail",
                    about=secondary.log)[0]
    assert secondary.ask("example.gov", "A").rcode() == dns.rcode.SERVFAIL
    zone = secondary.zone("example.gov")
    assert zone["state"] in ("waiting", "failed") and "DS" in zone["reason"], zone
    assert secondary.tandemctl("check").returncode == 2
    status, health = secondary.http("/healthz")
    assert status == 503 and health.startswith("CRITICAL - "), health
    assert json.loads(secondary.http("/status.json")[1])["zones"][0]["zone"] == "example.gov"
    assert "example.gov" in secondary.http("/")[1]
    assert not secondary.control("key", "list", "example.gov")["keys"]
    # A restart does not forget it.
    assert secondary.stop() == 0
    secondary.start(wait=False)
    wait_for(lambda: secondary.log().count("no key is here") >= 2, "told again", about=secondary.log)
    wait_for(secondary.is_ready, "ready", about=secondary.log)
    assert secondary.ask("example.gov", "A").rcode() == dns.rcode.SERVFAIL
    hint = re.search(r"tandemctl (key import example\.gov) ", mail.get_content())
    assert hint, mail.get_content()
    done = secondary.tandemctl(*hint[1].split(), *map(str, files), "-b")
    assert done.returncode == 0, done.stdout + done.stderr
    wait_for(lambda: secondary.ask("example.gov", "A").answer, "published", about=secondary.log)


def test_a_parent_without_a_ds_is_no_obstacle(work, primary):
    secondary = secondary_with(work, primary, **Parent(work).start()).start()
    wait_for(lambda: secondary.ask("example.gov", "A").answer, "published", about=secondary.log)
    assert len(secondary.control("key", "list", "example.gov")["keys"]) == 2
