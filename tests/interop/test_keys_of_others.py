"""Keys from BIND, ldns, Knot, PowerDNS and OpenSSL, of every algorithm: what their tools write is imported and signs the
zone with their DNSKEYs; what we export signs the same in their hands."""

import re
import shutil
import subprocess

import dns.dnssec
import dns.rdata
import dns.rdatatype
import pytest

from tandem import BIN, HOST, axfr, wait_for

ZONE = """$ORIGIN {zone}.
$TTL 300
@       IN SOA ns1 hostmaster 1 7200 900 1209600 300
@       IN NS  ns1
ns1     IN A   192.0.2.53
www     IN A   192.0.2.1
www     IN A   192.0.2.2
"""


class Algorithm:
    def __init__(self, number, word, pdns, openssl, deterministic):
        self.number, self.word, self.pdns, self.openssl, self.deterministic = number, word, pdns, openssl, deterministic
        self.mnemonic = word.upper()
        self.is_rsa = number in (8, 10)


RSA = ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]
CURVE = ["-algorithm", "EC", "-pkeyopt"]
ALGORITHMS = {
    row.word: row
    for row in (
        Algorithm(8, "rsasha256", "rsasha256", RSA, True),
        Algorithm(10, "rsasha512", "rsasha512", RSA, True),
        Algorithm(13, "ecdsap256sha256", "ecdsa256", [*CURVE, "ec_paramgen_curve:P-256"], False),
        Algorithm(14, "ecdsap384sha384", "ecdsa384", [*CURVE, "ec_paramgen_curve:P-384"], False),
        Algorithm(15, "ed25519", "ed25519", ["-algorithm", "ED25519"], True),
        Algorithm(16, "ed448", "ed448", ["-algorithm", "ED448"], True),
    )
}


def run(folder, *words):
    done = subprocess.run([str(word) for word in words], cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{words}: {done.stdout[-800:]} {done.stderr[-800:]}"
    return done.stdout


def dnskeys_of(text):
    """The DNSKEYs in the text of a zone or of .key files, as rdata."""
    return {
        dns.rdata.from_text("IN", "DNSKEY", found.split(";")[0])
        for found in re.findall(r"DNSKEY\s+(25[67] 3 .*)", text)
    }


# Each makes keys of an algorithm for a zone in a folder and gives: imports, a list of (options, files), and the set of
# DNSKEYs that the tool itself says they have.


def by_bind(folder, zone, algorithm):
    size = ["-b", "2048"] if algorithm.is_rsa else []
    for flags in (["-f", "KSK"], []):
        run(folder, "dnssec-keygen", "-q", "-a", algorithm.mnemonic, *size, *flags, zone)
    files = sorted(folder.glob("K*"))
    return [([], files)], dnskeys_of("".join(file.read_text() for file in folder.glob("K*.key")))


def by_bind_with_state(folder, zone, algorithm):
    """A CSK with the .state file that dnssec-settime keeps for a policy."""
    size = ["-b", "2048"] if algorithm.is_rsa else []
    stem = run(folder, "dnssec-keygen", "-q", "-a", algorithm.mnemonic, *size, "-f", "KSK", zone).strip()
    run(folder, "dnssec-settime", "-s", "-g", "OMNIPRESENT", "-k", "OMNIPRESENT", "now", stem)
    with open(folder / (stem + ".state"), "a") as state:
        state.write("KSK: yes\nZSK: yes\n")
    return [([], sorted(folder.glob("K*")))], dnskeys_of((folder / (stem + ".key")).read_text())


def by_ldns(folder, zone, algorithm):
    for flags in (["-k"], []):
        run(folder, "ldns-keygen", "-a", algorithm.mnemonic, "-b", "2048", *flags, zone)
    files = sorted(file for file in folder.glob("K*") if file.suffix in (".key", ".private"))
    return [([], files)], dnskeys_of("".join(file.read_text() for file in folder.glob("K*.key")))


def by_knot(folder, zone, algorithm):
    keymgr = [shutil.which("keymgr") or "/usr/sbin/keymgr", "-D", folder / "kasp", zone]
    imports = []
    for role, flags in (("KSK", ["ksk=yes"]), ("ZSK", [])):
        size = ["size=2048"] if algorithm.is_rsa else []
        name = run(folder, *keymgr, "generate", f"algorithm={algorithm.mnemonic}", *size, *flags).split()[-1]
        imports.append((["--role", role], [folder / f"kasp/keys/{name}.pem"]))
    return imports, dnskeys_of(run(folder, *keymgr, "dnskey")) | keys_of_keymgr(folder, keymgr)


def keys_of_keymgr(folder, keymgr):
    """`keymgr dnskey` shows KSKs; the list has the tags of all."""
    return {int(line.split()[1]) for line in run(folder, *keymgr, "-x", "list").splitlines() if line.strip()}


def by_powerdns(folder, zone, algorithm):
    (folder / "named").write_text(f'zone "{zone}" {{ type master; file "{folder}/zone"; }};\n')
    (folder / "zone").write_text("@ 60 IN SOA a. b. 1 2 3 4 5\n@ 60 NS a.\n")
    (folder / "pdns.conf").write_text(f"launch=bind\nbind-config={folder}/named\nbind-dnssec-db={folder}/keys.db\n")
    pdnsutil = ["pdnsutil", f"--config-dir={folder}"]
    run(folder, *pdnsutil, "create-bind-db", "keys.db")
    size = ["2048"] if algorithm.is_rsa else []
    imports, dnskeys = [], set()
    for number, role in ((1, "KSK"), (2, "ZSK")):
        run(folder, *pdnsutil, "add-zone-key", zone, role.lower(), "active", *size, algorithm.pdns)
        file = folder / f"exported{number}"
        file.write_text(run(folder, *pdnsutil, "export-zone-key", zone, number))
        imports.append((["--role", role], [file]))
        dnskeys |= dnskeys_of(run(folder, *pdnsutil, "export-zone-dnskey", zone, number))
    return imports, dnskeys


def by_openssl(folder, zone, algorithm):
    """PEM says nothing of the zone; the DNSKEY is checked by another's verification of the signed zone only."""
    run(folder, "openssl", "genpkey", *algorithm.openssl, "-out", "key.pem")
    return [(["--role", "CSK"], [folder / "key.pem"])], None


MAKERS = {
    "bind": by_bind,
    "state": by_bind_with_state,
    "ldns": by_ldns,
    "knot": by_knot,
    "pdns": by_powerdns,
    "openssl": by_openssl,
}


class Bed:
    """A secondary whose zones have only imported keys: its primary starts when they are in."""

    def __init__(self, work, algorithm):
        self.work, self.algorithm, self.dnskeys = work, algorithm, {}
        names = {maker: f"{maker}.example.gov" for maker in MAKERS}
        self.zones = names
        for zone in names.values():
            work.write(zone, ZONE.format(zone=zone))
        self.primary = work.primary([{"domain": zone, "file": zone} for zone in names.values()])
        self.secondary = work.secondary(
            [{"domain": zone, "acl": ["out"]} for zone in names.values()], self.primary.port,
            policy=[{"id": "default", "algorithm": algorithm.word, "key-storage": "plain"}],
            acl=[{"id": "out", "address": [HOST], "action": ["transfer"]}],
        )
        self.primary.config["server"]["listen"] = [f"{HOST}@{self.primary.port}"]
        self.secondary.start(wait=False)  # it serves nothing yet, and so is not ready
        self.secondary.wait_log("all roles are running")

    def tool(self, folder, *words):
        return run(folder, BIN / "tandemctl", "-s", self.secondary.socket, *words)

    def import_from(self, maker):
        zone = self.zones[maker]
        folder = self.work.path / "made" / maker
        folder.mkdir(parents=True)
        imports, self.dnskeys[maker] = MAKERS[maker](folder, zone, self.algorithm)
        for options, files in imports:
            self.tool(folder, "key", "import", zone, *files, *options)

    def served(self, maker):
        zone = self.zones[maker]
        wait_for(
            lambda: any(r.rdtype == dns.rdatatype.RRSIG for r in self.secondary.ask("www." + zone, "A", dnssec=True).answer),
            f"{zone} signed", about=self.secondary.log,
        )

    def published(self, maker):
        answer = self.secondary.ask(self.zones[maker], "DNSKEY", tcp=True).answer
        return {rdata for rrset in answer if rrset.rdtype == dns.rdatatype.DNSKEY for rdata in rrset}

    def rrsig(self, maker, name):
        (rrsig,) = [
            rrset[0] for rrset in self.secondary.ask(f"{name}.{self.zones[maker]}", "A", dnssec=True).answer
            if rrset.rdtype == dns.rdatatype.RRSIG
        ]
        return rrsig

    def verify(self, maker, text):
        path = self.work.write(f"signed.{maker}", text)
        combined = ["-z"] if maker in ("openssl", "state") else []
        run(self.work.path, "dnssec-verify", "-q", *combined, "-o", self.zones[maker], path)


def stamp(seconds):
    import time

    return time.strftime("%Y%m%d%H%M%S", time.gmtime(seconds))


def exported(bed, maker):
    """The files of all keys of a zone in a folder; gives the folder and the stems."""
    folder = bed.work.path / "exported" / maker
    folder.mkdir(parents=True)
    for key in bed.secondary.control("key", "list", bed.zones[maker])["keys"]:
        bed.tool(folder, "key", "export", bed.zones[maker], key["tag"])
    return folder, sorted(path.stem for path in folder.glob("K*.private"))


def signature_in(text, zone, name):
    (found,) = re.findall(rf"^{name}\.{zone}\.\s.*RRSIG\s+(A .*)$", text, re.MULTILINE)
    return dns.rdata.from_text("IN", "RRSIG", found.split(";")[0])


def signed_by_bind(bed, maker, folder, stems):
    """The zone signed by dnssec-signzone with our files and the times of our signature of www, as full lines."""
    zone, ours = bed.zones[maker], bed.rrsig(maker, "www")
    unsigned = folder / "unsigned"
    keys = "".join(f"$INCLUDE {stem}.key\n" for stem in stems)
    unsigned.write_text(ZONE.format(zone=zone) + keys)
    combined = ["-z"] if maker in ("openssl", "state") else []
    run(folder, "dnssec-signzone", *combined, "-P", "-O", "full", "-s", stamp(ours.inception), "-e",
        stamp(ours.expiration), "-o", zone, "-f", "signed", "unsigned", *stems)
    return (folder / "signed").read_text()


def signed_by_ldns(bed, maker, folder, stems):
    zone, ours = bed.zones[maker], bed.rrsig(maker, "www")
    (folder / "plain").write_text(ZONE.format(zone=zone))
    run(folder, "ldns-signzone", "-i", stamp(ours.inception), "-e", stamp(ours.expiration), "-o", zone, "-f", "by-ldns",
        "plain", *stems)
    return (folder / "by-ldns").read_text()


@pytest.mark.parametrize("word", ALGORITHMS)
def test_keys_of_others_sign_here_and_ours_sign_there(work, word):
    algorithm = ALGORITHMS[word]
    bed = Bed(work, algorithm)
    for maker in MAKERS:
        bed.import_from(maker)
    bed.primary.start()
    for maker in MAKERS:
        bed.served(maker)
        published, theirs = bed.published(maker), bed.dnskeys[maker]
        assert {rdata.algorithm for rdata in published} == {algorithm.number}
        if theirs is not None:
            tags = {rdata if isinstance(rdata, int) else dns.dnssec.key_id(rdata) for rdata in theirs}
            assert {dns.dnssec.key_id(rdata) for rdata in published} == tags, maker
            assert {rdata for rdata in theirs if not isinstance(rdata, int)} <= published, maker
        transferred = axfr(bed.secondary.port, bed.zones[maker]).to_text(sorted=True, relativize=False) + "\n"
        bed.verify(maker, transferred)
    # Export: the same keys, and the same signatures where they do not depend on chance.
    for maker in ("bind", "openssl"):
        folder, stems = exported(bed, maker)
        ours = bed.rrsig(maker, "www")
        for signer in (signed_by_bind, signed_by_ldns):
            theirs = signature_in(signer(bed, maker, folder, stems), bed.zones[maker], "www")
            assert (theirs.key_tag, theirs.algorithm) == (ours.key_tag, ours.algorithm), signer
            if algorithm.deterministic:
                assert theirs == ours, signer
        keymgr = [shutil.which("keymgr") or "/usr/sbin/keymgr", "-D", folder / "kasp", bed.zones[maker]]
        for stem in stems:
            run(folder, *keymgr, "import-bind", folder / (stem + ".key"))
        assert keys_of_keymgr(folder, keymgr) == {dns.dnssec.key_id(rdata) for rdata in bed.published(maker)}
        assert dnskeys_of(run(folder, *keymgr, "dnskey")) <= bed.published(maker)
