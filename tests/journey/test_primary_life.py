"""The life of zones on tandem-primary: start, reload, restart, broken files, serials, NOTIFY, control, HTTP, mail."""

import json
import os
import pwd
import resource
import signal
import socket
import threading
import time

import dns.flags
import dns.message
import dns.name
import dns.rcode
import pytest

from tandem import HOST, ControlError, answers, axfr, free_port, wait_for

HEAD = """$TTL 300
@ IN SOA ns1 hostmaster {serial} 3600 900 1209600 300
@ NS ns1
ns1 A 192.0.2.1
"""


def zone_text(serial=1, *records):
    return HEAD.format(serial=serial) + "\n".join(records) + "\n"


@pytest.fixture
def primary(work):
    work.write("a", zone_text(10, "www A 192.0.2.80"))
    work.write("b", zone_text(20, "www A 192.0.2.81"))
    return work.primary(
        [{"domain": "a.example", "file": "a"}, {"domain": "b.example", "file": "b"}]
    )


def www(primary, work, zone):
    return answers(primary.ask(f"www.{zone}", "A", key=work.key))


def test_the_serial_moves_if_and_only_if_the_content_does(work, primary):
    primary.start()
    assert primary.serial("a.example") == 10
    primary.control("reload")
    assert primary.serial("a.example") == 10
    work.write("a", "; a comment\n" + zone_text(10, "www A 192.0.2.80"))
    primary.control("reload")
    assert primary.serial("a.example") == 10
    work.write("a", zone_text(10, "www A 192.0.2.90"))
    primary.control("reload")
    assert primary.serial("a.example") == 11
    # The operator counts on: the greater of the two.
    work.write("a", zone_text(50, "www A 192.0.2.91"))
    primary.control("reload")
    assert primary.serial("a.example") == 50
    # The file's serial went back: ours does not.
    work.write("a", zone_text(7, "www A 192.0.2.92"))
    primary.control("reload")
    assert primary.serial("a.example") == 51
    assert www(primary, work, "a.example") == ["192.0.2.92"]
    assert primary.serial("b.example") == 20


def test_serials_outlive_restarts_and_crashes(work, primary):
    primary.start()
    for i in range(3):
        work.write("a", zone_text(10, f"www A 192.0.2.{i + 1}"))
        primary.control("reload")
    assert primary.serial("a.example") == 13
    assert primary.stop() == 0
    primary.start()
    assert primary.serial("a.example") == 13
    work.write("a", zone_text(10, "www A 192.0.2.99"))
    primary.kill()
    primary.start()
    assert primary.serial("a.example") == 14
    assert www(primary, work, "a.example") == ["192.0.2.99"]


@pytest.mark.parametrize("policy, least, most", [
    ("unixtime", 1_700_000_000, 4_000_000_000),
    ("dateserial", 2024010100, 2199123199),
])
def test_serial_policies(work, policy, least, most):
    work.write("a", zone_text(10))
    primary = work.primary(
        [{"domain": "a.example", "file": "a", "serial-policy": policy}]
    ).start()
    first = primary.serial("a.example")
    assert least <= first <= most
    work.write("a", zone_text(10, "x A 192.0.2.1"))
    primary.control("reload")
    assert primary.serial("a.example") > first


def test_serial_policy_keep_gives_out_the_serial_of_the_file(work):
    work.write("a", zone_text(10))
    primary = work.primary([{"domain": "a.example", "file": "a", "serial-policy": "keep"}]).start()
    work.write("a", zone_text(10, "x A 192.0.2.1"))
    primary.control("reload")
    assert primary.serial("a.example") == 10
    assert answers(primary.ask("x.a.example", "A", key=work.key)) == ["192.0.2.1"]
    work.write("a", zone_text(12, "x A 192.0.2.1"))
    primary.control("reload")
    assert primary.serial("a.example") == 12


def test_a_broken_file_at_reload_leaves_the_old_zone_and_says_why(work, primary):
    primary.start()
    work.write("a", zone_text(11, "www A 192.0.2.300", "mx MX mail"))
    work.write("b", zone_text(21, "www A 192.0.2.82"))
    with pytest.raises(ControlError) as refused:
        primary.control("reload")
    assert refused.value.exit_code == 3
    errors = refused.value.reply["result"]["errors"]
    assert len(errors) == 2
    assert ":5:7: A: '192.0.2.300' is not an IPv4 address" in errors[0]
    assert www(primary, work, "a.example") == ["192.0.2.80"]
    assert www(primary, work, "b.example") == ["192.0.2.82"]  # the others go on
    zone = primary.zone("a.example")
    assert zone["state"] == "stale" and "192.0.2.300" in zone["reason"]
    assert "192.0.2.300" in primary.log()
    assert primary.control("status")["state"] == "degraded"
    wait_for(primary.mails, "a mail about it")
    assert "a.example" in primary.mails()[0]["Subject"]
    assert "192.0.2.300" in primary.mails()[0].get_content()
    work.write("a", zone_text(11, "www A 192.0.2.30"))
    primary.control("reload")
    assert primary.zone("a.example")["state"] == "ok"
    assert www(primary, work, "a.example") == ["192.0.2.30"]
    wait_for(lambda: len(primary.mails()) == 2, "a mail about the recovery")


def test_a_broken_file_at_start_is_servfail_and_the_others_are_served(work, primary):
    work.write("a", "this is no zone file\n")
    primary.start()
    assert primary.ask("www.a.example", "A", key=work.key).rcode() == dns.rcode.SERVFAIL
    with pytest.raises(Exception):
        axfr(primary.port, "a.example", key=work.key)
    assert www(primary, work, "b.example") == ["192.0.2.81"]
    assert primary.zone("a.example")["state"] == "failed"
    code, text = primary.http("/healthz")
    assert code == 503 and text.startswith("a.example is not served: ") and ":1:" in text
    check = primary.control("check")
    assert check["nagios"] == "CRITICAL" and "; a.example: " in check["text"] and ":1:" in check["text"]
    with pytest.raises(ControlError, match="zone a.example: not loaded: .*:1:"):
        primary.control("zone", "show", "a.example")
    work.write("a", zone_text(10, "www A 192.0.2.80"))
    primary.control("reload")
    assert www(primary, work, "a.example") == ["192.0.2.80"]
    assert primary.http("/healthz") == (200, "ok\n")


def test_findings_of_the_check_name_owner_and_lines(work, primary):
    work.write("a", zone_text(10, "x CNAME y", "x A 192.0.2.1", "y A 192.0.2.2"))
    primary.start()
    reason = primary.zone("a.example")["reason"]
    assert ":5,6: x.a.example. A: A beside a CNAME" in reason


def test_hup_reloads(work, primary):
    primary.start()
    work.write("a", zone_text(11, "www A 192.0.2.90"))
    primary.signal(signal.SIGHUP)
    wait_for(lambda: www(primary, work, "a.example") == ["192.0.2.90"], "the new zone")


def test_a_broken_configuration_at_reload_changes_nothing(work, primary):
    primary.start()
    primary.config["zone"][0]["fiel"] = "x"
    primary.config["zone"][1]["notify"] = ["nobody"]
    primary.write_config()
    work.write("a", zone_text(11, "www A 192.0.2.90"))
    with pytest.raises(ControlError) as refused:
        primary.control("reload")
    assert refused.value.exit_code == 3
    assert len(refused.value.reply["result"]["errors"]) == 2
    assert "fiel" in str(refused.value.reply["result"]["errors"])
    assert www(primary, work, "a.example") == ["192.0.2.80"]


def test_a_reload_adds_and_removes_zones_and_names_restart_only_keys(work, primary):
    primary.start()
    work.write("c", zone_text(30, "www A 192.0.2.83"))
    config = primary.config
    config["zone"][0] = {**config["zone"][0], "domain": "c.example", "file": str(work.path / "c")}
    config["server"]["listen"] = [f"{HOST}@{free_port()}"]
    primary.write_config()
    for _ in range(2):
        result = primary.control("reload")
        assert result["restart_keys"] == ["server.listen"]
    assert www(primary, work, "c.example") == ["192.0.2.83"]
    assert primary.ask("www.a.example", "A", key=work.key).rcode() == dns.rcode.REFUSED
    assert [zone["zone"] for zone in primary.control("zone", "list")["zones"]] == [
        "c.example",
        "b.example",
    ]


def test_reload_says_what_changed(work, primary):
    primary.start()
    work.write("c", zone_text(30))
    primary.config["zone"][0] = {
        **primary.config["zone"][0], "domain": "c.example", "file": str(work.path / "c")
    }
    primary.config["zone"][1]["serial-policy"] = "unixtime"
    primary.write_config()
    dry = primary.control("reload", dry_run=True)
    assert dry["done"] is False and len(primary.control("zone", "list")["zones"]) == 2
    assert primary.control("zone", "list")["zones"][0]["zone"] == "a.example"
    result = primary.control("reload")
    assert result["zones_added"] == ["c.example"]
    assert result["zones_removed"] == ["a.example"]
    assert result["zones_changed"] == ["b.example"]


class Downstream:
    """A secondary that takes NOTIFY; silent for the first `deaf` datagrams."""

    def __init__(self, keyring, deaf=0):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((HOST, 0))
        self.port = self.socket.getsockname()[1]
        self.keyring, self.deaf, self.seen = keyring, deaf, []
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                octets, peer = self.socket.recvfrom(4096)
            except OSError:
                return
            query = dns.message.from_wire(octets, keyring=self.keyring)
            serial = query.answer[0][0].serial if query.answer else None
            self.seen.append((str(query.question[0].name), serial, query.had_tsig))
            if len(self.seen) > self.deaf:
                self.socket.sendto(dns.message.make_response(query).to_wire(), peer)


@pytest.fixture
def downstream():
    servers = []

    def make(work, deaf=0):
        keyring = {dns.name.from_text(work.key.name): work.key.dnspython()}
        server = Downstream(keyring, deaf)
        servers.append(server)
        return server

    yield make
    for server in servers:
        server.socket.close()


def test_every_new_version_is_told_by_a_signed_notify_until_it_is_answered(work, downstream):
    server = downstream(work, deaf=2)
    work.write("a", zone_text(10))
    primary = work.primary([{"domain": "a.example", "file": "a"}], notify=[server.port]).start()
    wait_for(lambda: len(server.seen) == 3, "two retries")
    assert server.seen == [("a.example.", 10, True)] * 3
    wait_for(
        lambda: primary.zone("a.example")["notify"] == {"downstream": 1, "acknowledged": 1},
        "acknowledged",
    )
    primary.control("reload")  # nothing changed, nobody is told
    work.write("a", zone_text(10, "x A 192.0.2.1"))
    primary.control("reload")
    wait_for(lambda: server.seen[3:] == [("a.example.", 11, True)], "told of 11 only")
    wait_for(lambda: primary.zone("a.example")["notify"]["acknowledged"] == 1, "acknowledged again")
    server.deaf = len(server.seen) + 1000  # whoever is told now stays unacknowledged
    assert not primary.control("zone", "notify", "a.example", dry_run=True)["done"]
    assert primary.zone("a.example")["notify"]["acknowledged"] == 1
    server.deaf = 0
    seen = len(server.seen)
    primary.control("zone", "notify", "a.example")
    wait_for(lambda: len(server.seen) > seen, "told by command")


def test_status_list_history_show_export_and_diff(work, primary):
    primary.start()
    work.write("a", zone_text(10, "www A 192.0.2.90", "x ALIAS www.b.example."))
    assert not primary.control("zone", "refresh", "a.example", wait=True, dry_run=True)["done"]
    assert primary.serial("a.example") == 10
    primary.control("zone", "refresh", "a.example", wait=True)
    zone = primary.zone("a.example")
    assert zone["state"] == "ok" and zone["serial"] == {
        "source": 10, "unsigned": 11, "signed": None
    }
    history = primary.control("zone", "history", "a.example")["versions"]
    assert [step["serial"]["unsigned"] for step in history] == [11, 10]
    assert history[0]["cause"] == "command" and "www.a.example. A" in history[0]["why"]
    assert (history[0]["added"], history[0]["removed"]) == (2, 1)
    shown = primary.control("zone", "show", "a.example", "www.a.example", "A")["records"]
    assert shown == [
        {"owner": "www.a.example.", "ttl_seconds": 300, "type": "A", "data": "192.0.2.90"}
    ]
    for owner in ("www", "www.a.example.", "WWW.A.example"):
        assert primary.control("zone", "show", "a.example", owner, "A")["records"] == shown
    (soa,) = primary.control("zone", "show", "a.example", "@", "SOA")["records"]
    assert soa["owner"] == "a.example."
    with pytest.raises(ControlError, match="www.b.example. is no name of the zone a.example."):
        primary.control("zone", "show", "a.example", "www.b.example.")
    done = primary.tandemctl("zone", "show", "a.example", "nowhere", "A")
    assert done.returncode == 0 and done.stdout.splitlines()[1] == "; no such records"
    assert len(primary.control("zone", "show", "a.example")["records"]) == 5
    export = primary.control("zone", "export", "a.example")["text"]
    assert "www.a.example. 300 IN A 192.0.2.90" in export and "ALIAS" not in export
    source = primary.control("zone", "export", "a.example", source=True)["text"]
    assert "x.a.example. 300 IN ALIAS www.b.example." in source
    diff = primary.control("zone", "diff", "a.example")
    assert ("+", "192.0.2.90") in [(c["op"], c["data"]) for c in diff["changes"]]
    assert diff["from"]["unsigned"] == 10 and diff["to"]["unsigned"] == 11


def test_an_alias_to_a_zone_held_here_follows_that_zone(work, primary):
    work.write("a", zone_text(10, "@ 60 ALIAS www.b.example.", "*.w ALIAS www.b.example."))
    primary.start()
    wait_for(lambda: primary.zone("a.example")["state"] == "ok", "the zone", about=primary.log)
    first = primary.serial("a.example")
    for name in ("a.example", "x.w.a.example"):
        reply = primary.ask(name, "A", key=work.key)
        assert answers(reply) == ["192.0.2.81"] and reply.answer[0].ttl == 60
    work.write("b", zone_text(20, "www A 192.0.2.90", "www AAAA 2001:db8::90"))
    primary.control("zone", "refresh", "b.example")
    wait_for(lambda: answers(primary.ask("a.example", "A", key=work.key)) == ["192.0.2.90"], "it")
    assert answers(primary.ask("x.w.a.example", "AAAA", key=work.key)) == ["2001:db8::90"]
    assert primary.serial("a.example") == first + 1
    assert primary.control("zone", "history", "a.example")["versions"][0]["cause"] == "alias"
    alias = primary.control("alias", "show", "a.example")["alias"]
    assert alias["state"] == "fresh" and alias["target"] == "www.b.example."
    assert alias["addresses"] == ["192.0.2.90", "2001:db8::90"] and alias["local"]
    assert primary.control("alias", "show", "a.example")["owners"] == ["*.w.a.example."]
    assert len(primary.control("alias", "list", "a.example")["aliases"]) == 2
    assert len(primary.control("alias", "list")["aliases"]) == 2
    assert primary.control("alias", "list", "b.example")["aliases"] == []
    assert primary.control("alias", "history", "a.example")["events"]
    assert primary.control("alias", "refresh", "a.example", wait=True)["done"]
    assert primary.zone("a.example")["alias"]["fresh"] == 2
    assert primary.metric(
        "tandem_alias_state",
        zone="a.example", owner="a.example.", target="www.b.example.", state="fresh",
    ) == 1
    assert "TYPE65401" not in axfr(primary.port, "a.example", key=work.key).to_text()
    for rdtype in ("TYPE65401", "ANY"):  # neither of the records themselves
        for name in ("a.example", "x.w.a.example"):
            reply = primary.ask(name, rdtype, key=work.key, tcp=True)
            assert reply.rcode() == dns.rcode.NOERROR and "TYPE65401" not in str(reply.answer) and "ALIAS" not in str(reply.answer)
    with pytest.raises(ControlError) as refused:
        primary.control("alias", "show", "nobody.a.example")
    assert refused.value.exit_code == 5


def test_a_resolver_that_is_the_primary_itself_is_refused(work, primary):
    primary.config["resolver"]["address"] = primary.config["server"]["listen"]
    primary.write_config()
    got = primary.run()
    assert got.returncode == 78 and "resolver" in got.stderr


def test_unknown_zones_and_verbs_are_refused_with_the_nearest_word(work, primary):
    primary.start()
    with pytest.raises(ControlError) as refused:
        primary.control("zone", "status", "a.exmple")
    assert refused.value.exit_code == 5 and "a.example" in str(refused.value)
    with pytest.raises(ControlError) as refused:
        primary.control("zone", "sign", "a.example")
    assert "secondary" in str(refused.value)
    with pytest.raises(ControlError) as refused:
        primary.control("zone", "statsu", "a.example")
    assert refused.value.exit_code == 2 and "status" in str(refused.value)


def test_http_shows_metrics_status_and_a_page(work, primary):
    primary.start()
    assert primary.metric("tandem_zone_serial", zone="a.example", side="unsigned") == 10
    assert primary.http("/healthz") == (200, "ok\n")
    status = json.loads(primary.http("/status.json")[1])
    assert status["program"] == "tandem-primary" and status["zone_states"] == {"ok": 2}
    code, page = primary.http("/")
    assert code == 200 and "a.example" in page


def test_metrics_count_changes_questions_and_mails(work, primary):
    primary.start()
    text = " ".join(f'"{"x" * 200}"' for _ in range(10))
    work.write("a", zone_text(10, "www A 192.0.2.90", "www A 192.0.2.91", f"long TXT {text}"))
    began = time.time()
    primary.control("reload")
    for op, count in (("added", 4 + 3), ("removed", 1)):  # the first version was added whole
        assert primary.metric("tandem_zone_changes_total", zone="a.example", op=op) == count
    assert primary.metric("tandem_zone_refresh_last_success_timestamp_seconds", zone="a.example") >= int(began)

    def queries(transport, rcode):
        return primary.metric("tandem_queries_total", transport=transport, rcode=rcode)

    seen = queries("udp", "NOERROR")
    www(primary, work, "a.example")
    assert primary.ask("none.a.example", "A", key=work.key, tcp=True).rcode() == dns.rcode.NXDOMAIN
    assert primary.ask("a.example", "A").rcode() == dns.rcode.REFUSED
    assert (queries("udp", "NOERROR"), queries("tcp", "NXDOMAIN"), queries("udp", "REFUSED")) == (seen + 1, 1, 1)
    assert primary.metric("tandem_answers_truncated_total") == 0
    assert primary.ask("long.a.example", "TXT", key=work.key).flags & dns.flags.TC
    assert primary.metric("tandem_answers_truncated_total") == 1
    primary.control("alert", "test")
    wait_for(lambda: primary.metric("tandem_alerts_total", kind="test", result="sent") == 1, "the mail counted")
    assert primary.metric("tandem_alert_queue_length") == 0


def test_alert_test_writes_a_mail(work, primary):
    primary.start()
    primary.control("alert", "test")
    mails = wait_for(primary.mails, "the mail")
    assert "test" in mails[0]["Subject"]
    assert primary.control("alert", "list")["alerts"][0]["kind"] == "test"


def test_stop_by_control_and_by_signal_ends_well(work, primary):
    primary.start()
    primary.control("stop")
    assert primary.process.wait(timeout=20) == 0
    primary.start()
    assert primary.stop() == 0
    assert not os.path.exists(primary.socket)


@pytest.mark.parametrize("daemon", ["primary", "secondary"])
def test_stop_b_returns_when_the_daemon_has_ended(work, primary, daemon):
    primary.start()
    stopped = primary if daemon == "primary" else work.secondary([{"domain": "a.example"}], primary.port).start()
    would = stopped.tandemctl("stop", "-b", "--dry-run")
    assert (would.returncode, stopped.process.poll()) == (0, None) and "would stop" in would.stdout
    refused = stopped.tandemctl("zone", "notify", "a.example", "-b")
    assert refused.returncode == 2 and "zone notify does its work at once: -b has nothing to wait for" in refused.stderr
    done = stopped.tandemctl("stop", "-b")
    assert stopped.process.poll() == 0
    assert done.returncode == 0 and done.stdout.endswith("stopped\n")


def test_check_names_all_errors_of_settings_or_of_all_zone_files(work, primary):
    work.write("a", zone_text(10, "x A 1", "y A 2"))
    work.write("b", zone_text(10, "z MX"))
    got = primary.run("--check")
    assert got.returncode == 78
    assert got.stderr.count("IPv4") == 2 and "preference" in got.stderr
    primary.config["server"]["listne"] = []
    primary.config["zone"][0]["serial-policy"] = "sometimes"
    primary.write_config()
    got = primary.run("--check")
    assert got.returncode == 78
    assert "listne" in got.stderr and "sometimes" in got.stderr
    assert "did you mean" in got.stderr or "nearest" in got.stderr


def test_check_of_good_files_version_help_and_usage(work, primary):
    assert primary.run("--check").returncode == 0
    assert "tandem-primary" in primary.run("-V").stdout
    assert "usage" in primary.run("-h").stdout
    assert primary.run("--nonsense").returncode == 2
    shown = primary.run("--print-config")
    assert shown.returncode == 0 and work.key.secret not in shown.stdout


def test_a_second_instance_is_refused(work, primary):
    primary.start()
    second = primary.run()
    assert second.returncode == 1
    assert www(primary, work, "a.example") == ["192.0.2.80"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give up root")
def test_started_as_root_it_gives_up_all_privileges(work, primary):
    os.chmod(work.path, 0o755)
    os.chmod(primary.directory, 0o755)
    primary.config["server"]["user"] = "nobody"
    primary.start()
    with open(f"/proc/{primary.process.pid}/status") as status:
        facts = dict(line.rstrip().split(":", 1) for line in status)
    nobody = str(pwd.getpwnam("nobody").pw_uid)
    assert set(facts["Uid"].split()) == {nobody} and "0" not in facts["Groups"].split()
    assert int(facts["CapEff"], 16) == int(facts["CapBnd"], 16) == 0
    assert facts["NoNewPrivs"].strip() == "1" and facts["Seccomp"].strip() == "2"
    assert www(primary, work, "a.example") == ["192.0.2.80"]


def test_systemd_is_told(work, primary):
    path = str(work.path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(path)
        notify.settimeout(20)
        primary.start(environment={"NOTIFY_SOCKET": path})
        assert "READY=1" in notify.recv(4096).decode()
        primary.stop()
        assert "STOPPING=1" in notify.recv(4096).decode()


def test_a_full_disk_keeps_the_old_version_and_tries_again(work, primary):
    """A file-size limit of nothing stands for a full disk: every write to the store fails."""
    primary.start()
    pid, none = primary.process.pid, resource.prlimit(primary.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, none[1]))
    work.write("a", zone_text(10, "www A 192.0.2.90"))
    primary.control("reload")
    zone = primary.zone("a.example")
    assert zone["state"] == "stale" and zone["serial"]["unsigned"] == 10 and zone["reason"]
    assert www(primary, work, "a.example") == ["192.0.2.80"]
    assert primary.http("/healthz")[0] == 200
    resource.prlimit(pid, resource.RLIMIT_FSIZE, none)
    wait_for(lambda: www(primary, work, "a.example") == ["192.0.2.90"], "the retry")
    assert primary.zone("a.example")["state"] == "ok" and primary.serial("a.example") == 11


def test_many_zones_by_a_template(work):
    count = 300
    zones = []
    for i in range(count):
        work.write(f"z/{i}", zone_text(i + 1, f"www A 192.0.2.{i % 250}"))
        zones.append({"domain": f"z{i}.example", "file": f"z/{i}"})
    primary = work.primary(zones).start()
    assert primary.control("status")["zone_states"] == {"ok": count}
    assert answers(primary.ask(f"www.z{count - 1}.example", "A", key=work.key))
    for i in range(count):
        work.write(f"z/{i}", zone_text(i + 1, f"www A 192.0.2.{i % 250 + 1}"))
    primary.control("reload")
    assert primary.serial("z7.example") == 9
    assert primary.stop() == 0
