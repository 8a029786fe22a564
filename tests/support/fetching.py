"""One tandem-fetcher alone, without a supervisor (tests/support/fetch_main.c).

    with Fetching(zones=[{"domain": "example.gov"}], primaries=[primary.port], key=key) as fetcher:
        candidate = fetcher.next("candidate")
        fetcher.order("hint 0 7")
"""

import json
import pathlib
import shutil
import subprocess
import tempfile
import threading
import time

import tandem


class Fetching:
    """A context manager. zones: dictionaries of zone keys (primary: all of them in order, refresh 60s, retry 1s).
    primaries: ports on 127.0.0.1, or whole remotes. exact: the
    signer's verdicts say so from the beginning. sections: further top-level keys. Everything that the fetcher
    said is in .said, oldest first."""

    def __init__(self, zones, primaries, key=None, exact=False, **sections):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="tandem-", dir="/tmp"))
        self.said, self.read, self.exact = [], 0, exact
        self.condition = threading.Condition()
        remotes = [
            p if isinstance(p, dict) else {"id": f"p{i}", "address": [f"127.0.0.1@{p}"], **({"key": key.name} if key else {})}
            for i, p in enumerate(primaries)
        ]
        self.config = {
            "server": {"listen": [f"127.0.0.1@{tandem.free_port()}"], "user": "", "state-directory": str(self.path)},
            "control": {"socket": str(self.path / "sock")},
            "log": {"level": "debug"},
            "key": [key.setting()] if key else [],
            "remote": remotes + sections.pop("remotes", []),
            "zone": [
                {"primary": [r["id"] for r in remotes], "refresh": "60s", "retry": "1s", **zone} for zone in zones
            ],
            **sections,
        }

    def write_config(self):
        file = self.path / "secondary.yaml"
        file.touch(mode=0o600)
        file.write_text(json.dumps(self.config))
        return file

    def __enter__(self):
        self.log_file = self.path / "log"
        with open(self.log_file, "w") as log:
            self.process = subprocess.Popen(
                [str(tandem.BIN / "fetch"), str(self.write_config()), *(["exact"] if self.exact else [])],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
            )
        self.listener = threading.Thread(target=self._listen, daemon=True)
        self.listener.start()
        self.next("ready")
        return self

    def __exit__(self, *what):
        self.stop()
        if what[0]:
            print(self.log())
        shutil.rmtree(self.path, ignore_errors=True)

    def _listen(self):
        for line in self.process.stdout:
            with self.condition:
                self.said.append(json.loads(line))
                self.condition.notify_all()

    def order(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def log(self):
        return self.log_file.read_text(errors="replace")

    def next(self, *types, where=lambda what: True, seconds=tandem.WAIT_SECONDS):
        """The next thing said of one of these types that fits, behind those given before."""
        end = time.monotonic() + seconds
        with self.condition:
            while True:
                while self.read < len(self.said):
                    what = self.said[self.read]
                    self.read += 1
                    if what["type"] in types and where(what):
                        return what
                left = end - time.monotonic()
                if left <= 0:
                    last = [{k: v for k, v in what.items() if k != "records"} for what in self.said[-5:]]
                    raise AssertionError(f"nothing of {types}\n{last}\n{self.log()}")
                self.condition.wait(left)

    def facts(self, where=lambda what: True):
        return self.next("poll-facts", where=where)

    def count(self, type_):
        with self.condition:
            return sum(what["type"] == type_ for what in self.said)

    def stop(self):
        """Closes the connection; gives the fetcher's exit status as waitpid says it."""
        if self.process.poll() is None:
            self.process.stdin.close()
            self.process.wait(timeout=tandem.WAIT_SECONDS)
        self.listener.join(timeout=tandem.WAIT_SECONDS)  # what it said last has been read
        return next((what["status"] for what in self.said if what["type"] == "end"), None)
