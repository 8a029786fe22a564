"""The mail about a re-sign through a real mail server: encrypted and with a login; and a mail server that refuses, stalls
or is away. Nothing is lost, and what is published never waits for a mail: shown by the order of events, not by a clock."""

import contextlib
import dataclasses

import pytest

from smtp_server import USER, CertificateAuthority, SmtpServer
from tandem import HOST, answers, free_port, wait_for

ZONE = """$TTL 60
@   IN SOA ns1 hostmaster {serial} 7200 900 1209600 300
@   IN NS  ns1
@   IN A   192.0.2.{last}
ns1 IN A   192.0.2.53
"""
PASSWORD = "correct horse"


@dataclasses.dataclass
class Scene:
    work: object
    primary: object
    secondary: object
    port: int
    ca: CertificateAuthority
    last: int = 9

    def server(self, **options):
        return SmtpServer(self.port, **{"tls": self.ca.context(), "password": PASSWORD, **options})

    def change(self):
        """One more address at the apex, until it is served: mails have no say in it."""
        self.last += 1
        self.work.write("zone", ZONE.format(serial=self.last, last=self.last))
        self.primary.control("reload")
        self.secondary.control("zone", "refresh", "example.gov")
        wait_for(lambda: answers(self.secondary.ask("example.gov", "A")) == [f"192.0.2.{self.last}"], "published",
                 about=self.secondary.log)
        return f"+ 192.0.2.{self.last}"

    def queue(self):
        return self.secondary.control("alert", "list")["mail"]

    def wait_queue(self, length):
        wait_for(lambda: self.queue()["queue_length"] == length, f"{length} mails wait", about=self.secondary.log)

    def start(self):
        self.secondary.start()
        wait_for(lambda: self.secondary.ask("example.gov", "A").answer, "served", about=self.secondary.log)


@pytest.fixture
def scene(work):
    ca = CertificateAuthority(work.path)
    port = free_port()
    password = work.write("password", PASSWORD + "\n")
    password.chmod(0o600)
    work.write("zone", ZONE.format(serial=9, last=9))
    primary = work.primary([{"domain": "example.gov", "file": "zone"}]).start()
    secondary = work.secondary([{"domain": "example.gov", "refresh": "1h"}], primary.port)
    secondary.config["alert"] = {
        "smtp": {"address": f"{HOST}@{port}", "tls": "starttls", "user": USER, "password-file": str(password),
                 "ca-file": str(ca.file)},
        "from": "tandem@example.gov",
        "to": ["sre@example.gov", "boss@example.gov"],
        "min-interval": "0s",
    }
    return Scene(work, primary, secondary, port, ca)


def about(mails, word):
    return [mail for mail in mails if word in mail.get_content()]


def each_recipient(mails):
    return sorted(address for mail in mails for address in mail.envelope_to)


def test_the_mail_arrives_encrypted_and_with_a_login_once_for_each_recipient(scene):
    with scene.server() as server:
        scene.start()
        wait_for(lambda: each_recipient(server.mails) == ["boss@example.gov", "sre@example.gov"], "the first mail")
        added = scene.change()
        wait_for(lambda: len(each_recipient(about(server.mails, added))) == 2, "the mail", about=scene.secondary.log)
        mail = about(server.mails, added)[0]
        assert mail["Subject"].startswith("[tandem] example.gov re-signed: ") and "(+1 -1)" in mail["Subject"]
        assert mail["From"] == "tandem@example.gov" and mail["Auto-Submitted"] == "auto-generated"
        assert mail["Date"] and mail["Message-ID"]
        assert mail.get_content_type() == "text/plain" and "- 192.0.2.9\n" in mail.get_content().replace("\r\n", "\n")
        assert server.attempts and all(attempt == (True, True) for attempt in server.attempts)
        scene.wait_queue(0)
        state = scene.queue()
        assert state["sent_total"] == 2 and state["failed_total"] == 0 and not state["error"], state
        done = scene.secondary.tandemctl("alert", "test", "-b")
        assert done.returncode == 0, done.stdout + done.stderr
        ids = {mail["Message-ID"] for mail in server.mails}
        assert len(ids) == 3


@pytest.mark.parametrize("mood, said", [("4xx", "451"), ("5xx", "554"), ("stall", None), ("away", None)])
def test_a_mail_server_that_is_not_well_delays_nothing_and_loses_nothing(scene, mood, said):
    with contextlib.ExitStack() as stack:
        server = scene.server()
        server.do(mood)
        if mood != "away":
            stack.enter_context(server)
        scene.start()
        # Changes are published while no mail was taken; with "stall" while a mail is under way all the time.
        if mood == "stall":
            wait_for(lambda: server.stalled, "a mail under way", about=scene.secondary.log)
        changes = [scene.change() for _ in range(3)]
        assert not server.mails
        assert mood != "stall" or server.stalled
        if mood != "stall":
            wait_for(lambda: scene.queue()["failed_total"] >= 1, "a failure counted", about=scene.secondary.log)
            assert scene.queue()["error"] and (said or "") in scene.queue()["error"]
        assert scene.queue()["queue_length"] >= 1 and scene.queue()["oldest_at"]
        assert scene.secondary.zone("example.gov")["state"] == "ok"

        # What waits outlives a crash.
        scene.secondary.kill(with_roles=True)  # a desk alone would wait for the mail server that stalls
        server.do("good")
        if mood == "away":
            stack.enter_context(server)
        scene.start()
        for change in changes:
            wait_for(lambda: len(each_recipient(about(server.mails, change))) >= 2, f"mail of {change}",
                     about=lambda: scene.secondary.log() + str(scene.queue()))
        scene.wait_queue(0)


def test_a_mail_server_that_refuses_once_gets_the_mail_again_with_the_same_id(scene):
    """Without a restart: by the queue's own retry."""
    with scene.server() as server:
        scene.start()
        scene.wait_queue(0)
        server.do("4xx")
        change = scene.change()
        wait_for(lambda: server.refused, "refused", about=scene.secondary.log)
        server.do("good")
        wait_for(lambda: len(each_recipient(about(server.mails, change))) >= 2, "the mail", about=scene.secondary.log)
        mails = about(server.mails, change)
        assert len({mail["Message-ID"] for mail in mails}) == 1
        assert set(each_recipient(mails)) == {"boss@example.gov", "sre@example.gov"}
        scene.wait_queue(0)


@pytest.mark.parametrize("wrong", ["no STARTTLS offered", "another CA", "another password"])
def test_without_trust_nothing_is_sent(scene, wrong):
    other = CertificateAuthority(scene.work.path, "other")
    options = {
        "no STARTTLS offered": {"tls": None, "password": None},
        "another CA": {"tls": other.context()},
        "another password": {"password": "wrong"},
    }[wrong]
    with scene.server(**options) as server:
        scene.start()
        change = scene.change()
        wait_for(lambda: scene.queue()["failed_total"] >= 1, "a failure counted", about=scene.secondary.log)
        assert scene.queue()["error"]
        assert not server.mails and not server.attempts
        if wrong == "another password":
            assert server.logins and not any(server.logins)
        else:
            assert not server.logins
    assert PASSWORD not in scene.secondary.log()
    # The operator mends the mail server and reloads, so that it is tried at once: all of it arrives.
    with scene.server() as server:
        scene.secondary.control("reload")
        wait_for(lambda: len(each_recipient(about(server.mails, change))) >= 2, "the mail", about=scene.secondary.log)


def test_changes_within_min_interval_are_one_mail(scene):
    scene.secondary.config["alert"]["min-interval"] = "1h"
    with scene.server() as server:
        scene.start()
        wait_for(lambda: len(each_recipient(server.mails)) == 2, "the first mail", about=scene.secondary.log)
        scene.wait_queue(0)
        seen = len(server.mails)
        changes = [scene.change() for _ in range(4)]
        scene.wait_queue(1)
        assert len(server.mails) == seen
        scene.secondary.config["alert"]["min-interval"] = "0s"
        scene.secondary.write_config()
        scene.secondary.control("reload")
        scene.wait_queue(0)
        digest = server.mails[seen:]
        assert len({mail["Message-ID"] for mail in digest}) == 1
        assert each_recipient(digest) == ["boss@example.gov", "sre@example.gov"]
        text = digest[0].get_content()
        assert all(change in text for change in changes)
        assert text.index(changes[0]) < text.index(changes[-1])


def test_a_mail_server_that_a_reload_brings_gets_the_mails(scene):
    """libcurl is loaded then, under the filter of system calls."""
    alert = scene.secondary.config["alert"]
    smtp = alert.pop("smtp")
    alert["mail-directory"] = str(scene.work.path / "mails")
    with scene.server() as server:
        scene.start()
        alert["smtp"] = smtp
        del alert["mail-directory"]
        scene.secondary.write_config()
        scene.secondary.control("reload")
        change = scene.change()
        wait_for(lambda: len(each_recipient(about(server.mails, change))) >= 2, "the mail", about=scene.secondary.log)
