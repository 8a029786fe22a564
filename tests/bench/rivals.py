"""Other signers in the same place: behind the same primary, with its TSIG key, told by NOTIFY, signing what they
transfer with ECDSAP256SHA256 and NSEC, their keys made by themselves at the first start."""

import shutil

import peers
from tandem import HOST


class NamedSigner(peers.Named):
    """BIND: a secondary with inline-signing; it compares each AXFR with what it has. It signs a new zone in small
    portions, by its defaults 10 signatures each, so as not to delay answers; here they are large, as for a first
    signing an operator would want them (with the defaults 100,000 names took 165 s)."""

    kind, label = "named", "BIND named"

    def config_text(self):
        text = f"""options {{ directory "{self.directory}"; listen-on port {self.port} {{ {HOST}; }};
    listen-on-v6 {{ none; }}; recursion no; minimal-responses yes; dnssec-validation no; pid-file none;
    session-keyfile none; notify no; allow-transfer {{ {HOST}; }}; }};
controls {{ }};
key "{self.key.name}" {{ algorithm {self.key.algorithm}; secret "{self.key.secret}"; }};
dnssec-policy bench {{ keys {{ ksk lifetime unlimited algorithm ecdsap256sha256;
    zsk lifetime unlimited algorithm ecdsap256sha256; }}; }};
"""
        for domain, file in self.zones.items():
            text += f"""zone "{domain}" {{ type secondary; file "{file}"; masterfile-format raw;
    primaries {{ {HOST} port {self.primary_port} key "{self.key.name}"; }}; allow-notify {{ {HOST}; }};
    request-ixfr no; sig-signing-nodes 2000; sig-signing-signatures 2000; inline-signing yes; dnssec-policy bench; }};
"""
        return text

    def command(self):
        # As many threads as it likes, as Tandem has.
        return ["named", "-g", "-c", str(self.config_file), "-p", str(self.port)]


class KnotSigner(peers.Knot):
    """Knot DNS: a secondary with dnssec-signing, content kept in the journal. (Debian 12's 3.2 has no ixfr-from-axfr yet:
    an AXFR is a new zone to it.)"""

    kind, label = "knotsigner", "Knot knotd"

    def config_text(self):
        (self.directory / "db").mkdir()
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
    algorithm: ecdsap256sha256
    signing-threads: 2
    cds-cdnskey-publish: none
zone:
"""
        for domain in self.zones:
            text += f"""  - domain: {domain}
    master: upstream
    acl: [upstream, out]
    zonefile-load: none
    zonefile-sync: -1
    journal-content: all
    dnssec-signing: on
    dnssec-policy: bench
"""
        return text


def rivals_present():
    """The signers whose programs are on this machine."""
    return [kind for kind, program in ((NamedSigner, "named"), (KnotSigner, "knotd")) if shutil.which(program)]
