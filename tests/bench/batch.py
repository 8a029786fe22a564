"""Signers as batches: a master file in, a signed zone out, one process, run to its end. All with the same two keys
(KSK and ZSK, made by dnssec-keygen), NSEC or NSEC3 without iterations and salt, no ZONEMD, signatures of 14 days, the
DNSKEY RRset signed by the KSK only, and as many threads as there are cores where a signer has threads.

Others write text (Tandem writes its store, synced to the disk, as its daemon does) and verify nothing (dnssec-signzone
-P); Tandem is run both with and without verification."""

import collections
import os
import pathlib
import re
import shutil
import subprocess

from measure import Run
from stage import ZONE

Algorithm = collections.namedtuple("Algorithm", "number word mnemonic speed")
ALGORITHMS = {row.number: row for row in (
    Algorithm(8, "rsasha256", "RSASHA256", "rsa2048"),
    Algorithm(10, "rsasha512", "RSASHA512", "rsa2048"),
    Algorithm(13, "ecdsap256sha256", "ECDSAP256SHA256", "ecdsap256"),
    Algorithm(14, "ecdsap384sha384", "ECDSAP384SHA384", "ecdsap384"),
    Algorithm(15, "ed25519", "ED25519", "ed25519"),
    Algorithm(16, "ed448", "ED448", "ed448"))}
DENIALS = ("nsec", "nsec3", "opt-out")
RRSIG_PATTERN = r"RRSIG[[:space:]]+[A-Z0-9]+ [0-9]+ "  # not the word in a bitmap
LIFETIME_SECONDS = 14 * 86400


class Bed:
    """What all signers of one table get: a directory with zone file and keys, algorithm and denial."""

    def __init__(self, directory, zonefile, algorithm, denial, threads, programs):
        self.directory, self.zonefile = pathlib.Path(directory), pathlib.Path(zonefile)
        self.algorithm, self.denial, self.threads, self.programs = algorithm, denial, threads, programs
        self.keys = self.directory / "keys"
        self.keys.mkdir(parents=True)
        for flags in (["-f", "KSK"], []):
            size = ["-b", "2048"] if algorithm.speed == "rsa2048" else []
            subprocess.run(["dnssec-keygen", "-q", "-K", self.keys, "-a", algorithm.mnemonic, *size, *flags, ZONE],
                           check=True, capture_output=True)
        self.key_bases = sorted(path.with_suffix("") for path in self.keys.glob("K*.private"))


class Batch:
    """One of them. `text` is where its signed zone is after run() and export()."""

    program, label, note = None, None, ""

    def __init__(self, bed):
        self.bed = bed
        self.directory = bed.directory / type(self).__name__
        self.directory.mkdir()
        self.text = self.directory / "signed"
        self.prepare()

    @classmethod
    def is_present(cls, programs):
        return shutil.which(cls.program) is not None

    def prepare(self):
        """Once, not measured."""

    def command(self):
        raise NotImplementedError

    def run(self):
        return Run(self.command(), cwd=self.directory)

    def export(self):
        """After run(): makes self.text where it is not there. Not measured."""

    def count_signatures(self):
        """RRSIG records in the output."""
        self.export()
        done = subprocess.run(["grep", "-cE", RRSIG_PATTERN, self.text], capture_output=True, text=True,
                              env={**os.environ, "LC_ALL": "C"})
        return int(done.stdout)

    def surplus(self, cuts):
        """Signatures that it makes by choice beyond those that the zone needs. cuts: insecure delegations."""
        return 0

    def verdict(self):
        """What dnssec-verify and ldns-verify-zone say of the output: "" when both take it, else their words."""
        self.export()
        said = ""
        for command in (["dnssec-verify", "-q", "-o", ZONE, self.text], ["ldns-verify-zone", self.text]):
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                said += f"{command[0]}: {(done.stdout + done.stderr).strip()[-400:]}\n"
        return said

    def close(self):
        shutil.rmtree(self.directory)


class Tandem(Batch):
    """The signer's code in tests/support/sign_batch_main.c."""

    label, verify = "Tandem, verify: off", "off"

    def threads(self):
        return self.bed.threads

    @classmethod
    def is_present(cls, programs):
        return True

    def command(self):
        denial = {"nsec": [], "nsec3": ["-3"], "opt-out": ["-O"]}[self.bed.denial]
        files = [f"{base}{ending}" for base in self.bed.key_bases for ending in (".key", ".private")]
        return [self.bed.programs / "sign_batch", "sign", "-n", self.threads(), "-v", self.verify, *denial, ZONE + ".",
                self.bed.zonefile, self.directory / "store", *files]

    def run(self):
        shutil.rmtree(self.directory / "store", ignore_errors=True)
        run = super().run()
        rows = (line.split() for line in run.output.splitlines())
        run.phases = {row[0]: (float(row[2]), float(row[3])) for row in rows if len(row) == 4}
        return run

    def export(self):
        with open(self.text, "wb") as text:
            subprocess.run([self.bed.programs / "sign_batch", "export", ZONE + ".", self.directory / "store"],
                           stdout=text, check=True)


class TandemVerifying(Tandem):
    """As its daemon does it: up to 20,000 signatures all of them, above that a sample, and the chain."""

    label, verify = "Tandem, verify: changes", "changes"


class TandemOneThread(Tandem):
    """For the comparison with signers of one thread: where the cores are hyperthreads of one, work on both at once costs
    more CPU time than the same work on one."""

    label = "Tandem, verify: off, one thread"

    def threads(self):
        return 1


class Ldns(Batch):
    program, label, note = "ldns-signzone", "ldns-signzone", "one thread"

    def surplus(self, cuts):
        return cuts if self.bed.denial == "opt-out" else 0  # opt-out as a flag only: their NSEC3s are there

    def command(self):
        denial = {"nsec": [], "nsec3": ["-n", "-t", "0"], "opt-out": ["-n", "-t", "0", "-p"]}[self.bed.denial]
        return ["ldns-signzone", *denial, "-o", ZONE, "-f", self.text, self.bed.zonefile, *self.bed.key_bases]


class Bind(Batch):
    program = "dnssec-signzone"

    def __init__(self, bed):
        super().__init__(bed)
        self.label = f"dnssec-signzone -n {bed.threads}"

    def command(self):
        denial = {"nsec": [], "nsec3": ["-3", "-"], "opt-out": ["-3", "-", "-A"]}[self.bed.denial]
        return ["dnssec-signzone", "-q", "-P", "-x", "-n", self.bed.threads, *denial, "-S", "-K", self.bed.keys,
                "-d", self.directory, "-s", "now-3600", "-e", f"now+{LIFETIME_SECONDS}", "-o", ZONE, "-f", self.text,
                self.bed.zonefile]


class Knot(Batch):
    program, label = "kzonesign", "kzonesign"

    def prepare(self):
        denial = {"nsec": "off", "nsec3": "on", "opt-out": "on"}[self.bed.denial]
        opt_out = "on" if self.bed.denial == "opt-out" else "off"
        (self.directory / "knot.conf").write_text(f"""server:
    rundir: {self.directory}
database:
    storage: {self.directory}/db
policy:
  - id: bench
    manual: on
    algorithm: {self.bed.algorithm.word}
    signing-threads: {self.bed.threads}
    cds-cdnskey-publish: none
    rrsig-lifetime: {LIFETIME_SECONDS}
    rrsig-refresh: 7d
    nsec3: {denial}
    nsec3-iterations: 0
    nsec3-salt-length: 0
    nsec3-opt-out: {opt_out}
zone:
  - domain: {ZONE}
    file: {self.bed.zonefile}
    adjust-threads: {self.bed.threads}
    dnssec-signing: on
    dnssec-policy: bench
""")
        (self.directory / "db").mkdir()
        (self.directory / "out").mkdir()
        for base in self.bed.key_bases:
            subprocess.run(["keymgr", "-c", self.directory / "knot.conf", ZONE, "import-bind", f"{base}.private"],
                           check=True, capture_output=True)
        self.text = self.directory / "out" / self.bed.zonefile.name

    def command(self):
        return ["kzonesign", "-c", self.directory / "knot.conf", "-o", self.directory / "out", ZONE]


def batches_present(programs, denial):
    """The signers that are on this machine, Tandem first."""
    return [kind for kind in (Tandem, TandemVerifying, TandemOneThread, Ldns, Bind, Knot) if kind.is_present(programs)]


# --- What libcrypto and libsodium make of it


def at_once(command, processes):
    """What each of so many processes prints that run side by side."""
    running = [subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                text=True) for _ in range(processes)]
    said = [process.communicate()[0] for process in running]
    assert not any(process.returncode for process in running), f"{command} failed"
    return said


def openssl_rate(algorithm, processes, seconds):
    """Signatures by second of user CPU of `openssl speed`, summed up over so many of them at once. (Not its -multi:
    that divides by the time of the wall, which on a busy machine would make everything beside it look fast.)"""
    said = at_once(["openssl", "speed", "-mr", "-seconds", seconds, algorithm.speed], processes)
    return sum(float(re.search(r"^\+F[246]:(?:.*:)?([\d.]+):[\d.]+$", text, re.M).group(1)) for text in said)


def sodium_rate(programs, processes, seconds):
    """The same of libsodium for Ed25519 (tests/support/sign_rate_main.c, which tests/bench/algorithms uses too)."""
    return sum(float(text) for text in at_once([programs / "sign_rate", 15, "sodium", seconds * 1000], processes))


def versions(programs):
    """One line: who was measured."""
    found = []
    for command, pattern in ((["openssl", "version"], r"OpenSSL \S+"), (["ldns-signzone", "-v"], r"ldns version ([\d.]+)"),
                             (["named", "-v"], r"BIND [\d.]+"), (["knotd", "-V"], r"Knot DNS\D+[\d.]+"),
                             (["nsd", "-v"], r"NSD version [\d.]+")):
        if shutil.which(command[0]):
            done = subprocess.run(command, capture_output=True, text=True)
            match = re.search(pattern, done.stdout + done.stderr)
            found.append(re.sub(r"[(),]|version ", "", match.group(0)) if match else command[0])
    return ", ".join(found)
