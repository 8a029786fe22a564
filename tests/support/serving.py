"""One tandem-server alone, without a supervisor (tests/support/serve_main.c), on zones of tests/golden/answer or of
the test's own.

    with Serving(zones={"tandem.example": GOLDEN / "tandem.example.signed"}) as server:
        answer = server.ask("www.tandem.example", "A", dnssec=True)
"""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import tandem

GOLDEN = tandem.TOP / "tests/golden/answer"
GOLDEN_ZONES = {
    name: GOLDEN / f"{name}.signed" for name in ("tandem.example", "held.tandem.example", "other.example")
}


class Serving:
    """A context manager: freezes the zones, starts `serve`, waits until it answers. `server` are further settings of
    the server section, `not_ready` zones that are configured without a version."""

    def __init__(self, zones=None, not_ready=(), acl_address="127.0.0.1", server=None, key=None):
        self.zones = dict(GOLDEN_ZONES if zones is None else zones)
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="tandem-", dir="/tmp"))
        self.port, self.key = tandem.free_port(), key or tandem.Key()
        self.process, self.output = None, ""
        self.config = {
            "server": {
                "listen": [f"{tandem.HOST}@{self.port}"],
                "user": "",
                "state-directory": str(self.path),
                **(server or {}),
            },
            "control": {"socket": str(self.path / "sock")},
            "key": [self.key.setting()],
            "remote": [{"id": "hidden", "address": "127.0.0.9@53"}],
            "acl": [{"id": "fleet", "address": [acl_address], "key": self.key.name, "action": ["transfer"]},
                    {"id": "notifier", "address": ["127.0.0.1"], "action": ["notify"]}],
            "zone": [
                {"domain": name, "primary": ["hidden"], "acl": ["fleet", "notifier"]}
                for name in [*self.zones, *not_ready]
            ],
        }

    def freeze(self, name, file):
        subprocess.run(
            [str(tandem.BIN / "freeze"), name, str(file), str(self.path / name)], check=True, timeout=60
        )

    def __enter__(self):
        config = self.path / "secondary.yaml"
        config.touch(mode=0o600)
        config.write_text(json.dumps(self.config))
        stores = []
        for name, file in self.zones.items():
            self.freeze(name, file)
            stores += [name, str(self.path / name)]
        self.log_file = self.path / "log"
        self.out_file = self.path / "out"
        with open(self.log_file, "w") as log, open(self.out_file, "w") as out:
            self.process = subprocess.Popen(
                [str(tandem.BIN / "serve"), str(config), *stores], stdin=subprocess.DEVNULL, stdout=out, stderr=log
            )
        tandem.wait_for(lambda: "ready" in self.out() or self.process.poll() is not None, "the server is ready")
        assert self.process.poll() is None, self.log() + self.out()
        return self

    def __exit__(self, *what):
        self.stop()
        shutil.rmtree(self.path, ignore_errors=True)

    def stop(self):
        """TERM; the counters that `serve` prints and the server's end are in out()."""
        if self.process.poll() is not None:
            return
        server = self.server_pid()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=tandem.WAIT_SECONDS)
        except subprocess.TimeoutExpired:
            os.kill(server, signal.SIGKILL)
            self.process.kill()
            self.process.wait()
            raise

    def log(self):
        return self.log_file.read_text(errors="replace")

    def out(self):
        return self.out_file.read_text()

    def ask(self, name, rdtype, **options):
        return tandem.ask(self.port, name, rdtype, **options)

    def server_pid(self):
        """The server itself, a child of `serve`."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return int(children.split()[0])

    def reload_versions(self):
        """The supervisor's part: the stores' current versions are sent again."""
        os.kill(self.process.pid, signal.SIGHUP)
