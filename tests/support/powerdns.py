"""PowerDNS beside Tandem in tests (peers.py has the other servers): a primary whose zones are master files, one with a
database that transfers to who has the key, and a secondary."""

import pathlib
import sqlite3
import subprocess

from peers import Authority
from tandem import HOST

SCHEMA = pathlib.Path("/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql")


class PdnsServer(Authority):
    """pdns_server without caches. ALIAS is expanded into answers and transfers where there is a `resolver_port`."""

    kind = "pdns"

    def __init__(self, work, name=None, resolver_port=None):
        super().__init__(work, name)
        self.resolver_port = resolver_port

    def config_text(self):
        text = f"""socket-dir={self.directory}
local-address={HOST}
local-port={self.port}
cache-ttl=0
query-cache-ttl=0
negquery-cache-ttl=0
guardian=no
daemon=no
disable-syslog=yes
receiver-threads=1
distributor-threads=1
webserver=no
api=no
security-poll-suffix=
"""
        text += "".join(line + "\n" for line in self.settings())
        if self.resolver_port:
            text += f"resolver={HOST}:{self.resolver_port}\nexpand-alias=yes\noutgoing-axfr-expand-alias=yes\n"
        (self.directory / "pdns.conf").write_text(text)
        return text

    def settings(self):
        """Lines of its own."""
        raise NotImplementedError

    def command(self):
        return ["pdns_server", f"--config-dir={self.directory}"]


class PowerDNS(PdnsServer):
    """With the bind backend: zones are master files."""

    def settings(self):
        zones = "".join(
            f'zone "{domain}" {{ type native; file "{file}"; }};\n' for domain, file in self.zones.items()
        )
        (self.directory / "named.conf").write_text(zones)
        return ["launch=bind", f"bind-config={self.directory}/named.conf", f"allow-axfr-ips={HOST}/32", "loglevel=5"]


class PdnsDatabase(PdnsServer):
    """With the gsqlite3 backend; the database is made, with the TSIG key, when there is none yet."""

    def settings(self):
        return ["launch=gsqlite3", f"gsqlite3-database={self.directory}/db", "zone-cache-refresh-interval=0",
                "domain-metadata-cache-ttl=0", "consistent-backends=no"]

    def config_text(self):
        text = super().config_text()
        if not (self.directory / "db").exists():
            with sqlite3.connect(self.directory / "db") as database:
                database.executescript(SCHEMA.read_text())
            database.close()
            self.pdnsutil("import-tsig-key", self.key.name, self.key.algorithm, self.key.secret)
            for domain in self.zones:
                self.zone_make(domain)
        return text

    def zone_make(self, domain):
        raise NotImplementedError

    def pdnsutil(self, *words):
        command = ["pdnsutil", f"--config-dir={self.directory}", *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, (words, done.stdout, done.stderr)


class PowerDNSPrimary(PdnsDatabase):
    """Transfers to who has the TSIG key. `changed(domain)` after a zone's file has changed."""

    def settings(self):
        return [*super().settings(), "allow-axfr-ips=", "loglevel=5"]

    def zone_make(self, domain):
        self.changed(domain)
        self.pdnsutil("activate-tsig-key", domain, self.key.name, "primary")

    def changed(self, domain):
        self.pdnsutil("load-zone", domain, str(self.zones[domain]))


class PowerDNSSecondary(PdnsDatabase):
    """A secondary by follow(); the gsqlite3 backend is the only kind that can apply an IXFR."""

    ixfr = True  # asks by IXFR

    def settings(self):
        return [*super().settings(), "gsqlite3-dnssec=yes", "secondary=yes", "xfr-cycle-interval=1",
                f"allow-axfr-ips={HOST}/32", f"allow-notify-from={HOST}/32", "retrieval-threads=1", "loglevel=6"]

    def zone_make(self, domain):
        self.pdnsutil("create-secondary-zone", domain, f"{HOST}:{self.primary_port}")
        self.pdnsutil("activate-tsig-key", domain, self.key.name, "secondary")
        self.pdnsutil("set-meta", domain, "IXFR", "1" if self.ixfr else "0")
