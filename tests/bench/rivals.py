"""Other signers in the same place: behind the same primary, with its TSIG key, told by NOTIFY, signing what they
transfer, their keys made by themselves at the first start. And primaries of others, which only do AXFR or also IXFR.

`signer.signing` says how: a Signing."""

import dataclasses
import os
import shutil
import signal

import peers
from tandem import HOST


@dataclasses.dataclass
class Signing:
    algorithm: str = "ecdsap256sha256"
    denial: str = "nsec"  # nsec | nsec3 | opt-out: iterations 0, no salt
    ixfr: bool = False  # ask for it; Knot always does
    threads: int = 0  # 0: as many as it likes
    prefix: tuple = ()  # words before the command: taskset


def on_cores(cores):
    """A prefix that keeps a process to the first so many cores; nothing where there are no more."""
    return ("taskset", "-c", f"0-{cores - 1}") if cores < os.cpu_count() else ()


class NamedSigner(peers.Named):
    """BIND: a secondary with inline-signing; it compares each AXFR with what it has. It signs a new zone in small
    portions, by its defaults 10 signatures each, so as not to delay answers; here they are large, as for a first
    signing an operator would want them (with the defaults 100,000 names took 165 s)."""

    kind, label = "named", "BIND named"
    signing = Signing()

    def config_text(self):
        algorithm = self.signing.algorithm
        opt_out = "yes" if self.signing.denial == "opt-out" else "no"
        denial = "" if self.signing.denial == "nsec" else f"nsec3param iterations 0 optout {opt_out} salt-length 0;"
        ixfr = "yes" if self.signing.ixfr else "no"
        text = f"""options {{ directory "{self.directory}"; listen-on port {self.port} {{ {HOST}; }};
    listen-on-v6 {{ none; }}; recursion no; minimal-responses yes; dnssec-validation no; pid-file none;
    session-keyfile none; notify no; allow-transfer {{ {HOST}; }}; }};
controls {{ }};
key "{self.key.name}" {{ algorithm {self.key.algorithm}; secret "{self.key.secret}"; }};
dnssec-policy bench {{ keys {{ ksk lifetime unlimited algorithm {algorithm};
    zsk lifetime unlimited algorithm {algorithm}; }}; {denial} }};
"""
        for domain, file in self.zones.items():
            text += f"""zone "{domain}" {{ type secondary; file "{file}"; masterfile-format raw;
    primaries {{ {HOST} port {self.primary_port} key "{self.key.name}"; }}; allow-notify {{ {HOST}; }};
    request-ixfr {ixfr}; sig-signing-nodes 2000; sig-signing-signatures 2000; inline-signing yes; dnssec-policy bench; }};
"""
        return text

    def command(self):
        threads = ["-n", str(self.signing.threads)] if self.signing.threads else []
        return [*self.signing.prefix, "named", "-g", "-c", str(self.config_file), "-p", str(self.port), *threads]


class KnotSigner(peers.Knot):
    """Knot DNS: a secondary with dnssec-signing, content kept in the journal. (Debian 12's 3.2 has no ixfr-from-axfr yet:
    an AXFR is a new zone to it.)"""

    kind, label = "knotsigner", "Knot knotd"
    signing = Signing()

    def command(self):
        return [*self.signing.prefix, *super().command()]

    def config_text(self):
        (self.directory / "db").mkdir()
        denial = "off" if self.signing.denial == "nsec" else "on"
        opt_out = "on" if self.signing.denial == "opt-out" else "off"
        text = f"""server:
    listen: {HOST}@{self.port}
    rundir: {self.directory}
    udp-workers: 1
    tcp-workers: 1
log:
  - target: stderr
    any: info
key:
  - id: "{self.key.name}"
    algorithm: {self.key.algorithm}
    secret: "{self.key.secret}"
database:
    storage: {self.directory}/db
    journal-db-max-size: 20G
remote:
  - id: upstream
    address: {HOST}@{self.primary_port}
    key: "{self.key.name}"
acl:
  - id: upstream
    address: {HOST}
    key: "{self.key.name}"
    action: notify
  - id: out
    address: {HOST}
    action: transfer
policy:
  - id: bench
    algorithm: {self.signing.algorithm}
    signing-threads: {self.signing.threads or os.cpu_count()}
    cds-cdnskey-publish: none
    nsec3: {denial}
    nsec3-iterations: 0
    nsec3-salt-length: 0
    nsec3-opt-out: {opt_out}
zone:
"""
        for domain in self.zones:
            text += f"""  - domain: {domain}
    master: upstream
    acl: [upstream, out]
    zonefile-load: none
    zonefile-sync: -1
    journal-content: all
    journal-max-usage: 8G
    dnssec-signing: on
    dnssec-policy: bench
"""
        return text


def rivals_present():
    """The signers whose programs are on this machine."""
    return [kind for kind, program in ((NamedSigner, "named"), (KnotSigner, "knotd")) if shutil.which(program)]


# --- Primaries


class AxfrPrimary(peers.Nsd):
    """NSD: reads master files, keeps no differences, so a transfer is an AXFR. reload() reads changed files and tells
    the ports of self.notify, with its TSIG key."""

    kind, label, notify = "nsdprimary", "NSD, AXFR only", ()

    def config_text(self):
        peers = "".join(f"    notify: {HOST}@{port} {self.key.name}\n" for port in self.notify)
        peers += f"    provide-xfr: {HOST} {self.key.name}\n    provide-xfr: {HOST} NOKEY\n"
        return super().config_text().replace("zone:\n", "zone:\n" + peers)

    def reload(self):
        self.process.send_signal(signal.SIGHUP)


class IxfrPrimary(peers.Named):
    """BIND: keeps the differences between the master files that it reads, and gives them by IXFR. (NSD 4.6's create-ixfr
    adds unchanged RRs again; Knot sends NOTIFY by TCP, which the relay does not take.)"""

    kind, label, notify = "bindprimary", "BIND, IXFR", ()

    def config_text(self):
        told = " ".join(f'{HOST} port {port} key "{self.key.name}";' for port in self.notify)
        zones = "".join(f"""zone "{domain}" {{ type primary; file "{file}"; ixfr-from-differences yes; notify explicit;
    notify-delay 0; also-notify {{ {told} }}; }};
""" for domain, file in self.zones.items())
        return f"""options {{ directory "{self.directory}"; listen-on port {self.port} {{ {HOST}; }}; listen-on-v6 {{ none; }};
    recursion no; minimal-responses yes; dnssec-validation no; pid-file none; session-keyfile none;
    notify-rate 1000; startup-notify-rate 1000; max-journal-size 1G; allow-transfer {{ {HOST}; }}; }};
controls {{ }};
key "{self.key.name}" {{ algorithm {self.key.algorithm}; secret "{self.key.secret}"; }};
{zones}"""

    def reload(self):
        self.process.send_signal(signal.SIGHUP)
