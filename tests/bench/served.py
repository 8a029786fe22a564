"""What tests/bench/serve lets servers hold, and what it asks them: zones, signed once by tandem-secondary behind NSD (or,
where no daemon is measured on them, by the signer's own code as a batch), as a store for Tandem and as text for the others;
files of questions for dnsperf, and what a right answer to each kind is."""

import os
import random
import shutil
import subprocess

import dns.flags
import dns.rcode
import dns.rdatatype

import tandem
from batch import ALGORITHMS, Bed, Tandem as BatchTandem
from measure import Question, is_signed
from report import say
from rivals import AxfrPrimary
from stage import ZONE, host_lines, host_owner, zone_head

CUT_EVERY = 20  # one host in so many is a delegation, so that referrals are asked all over the zone
QUESTIONS = 50000  # lines of a file: more than any cache of packets is likely to hold, and it is read again from its start
KINDS = ("positive", "NXDOMAIN", "wildcard", "NODATA", "referral")
MIX = {"positive": 80, "NXDOMAIN": 10, "wildcard": 5, "NODATA": 5}
SAMPLE = 20  # questions of each kind whose answers are looked at before anything is measured


class Served:
    """A signed zone: .domain, .text (signed master file), .unsigned, .store (a directory for bin/serve)."""

    def __init__(self, domain, directory):
        self.domain, self.directory = domain, directory
        self.text, self.unsigned, self.store = directory / "signed", directory / "unsigned", directory / "store"

    def export(self, programs):
        export_text(programs, self.domain, self.store, self.text)
        return self


def export_text(programs, domain, store, path):
    """The store's zone as a master file in canonical order."""
    with open(path, "wb") as text:
        subprocess.run([programs / "sign_batch", "export", domain + ".", store], stdout=text, check=True)


def export_state(programs, secondary, domains, directory):
    """The same of zones of a tandem-secondary that is stopped, small ones among them, which share files: into a file of
    the zone's name each."""
    subprocess.run([programs / "sign_batch", "export-state", secondary.directory / "state", directory], check=True,
                   input="".join(f"{domain}\n" for domain in domains), text=True)


# --- Signed by the daemon


def saved_state(work, name, zones, denial, patience, at_end=lambda secondary: None):
    """A tandem-secondary that holds the zones ({domain: master file}), signed, and is stopped; its primary is gone. Its
    state is what later starts begin from. at_end: looks at it when all is signed."""
    primary = AxfrPrimary(work, f"{name}-primary")
    primary.key = work.key
    for domain, file in zones.items():
        primary.serve(domain, file)
    last = list(zones)[-1]
    primary.is_ready = lambda: primary.has(last)
    primary.start()
    policy = {"id": "bench", "algorithm": "ecdsap256sha256", **({} if denial == "nsec" else {"nsec3": True})}
    secondary = work.secondary([{"domain": domain, "refresh": "1d", "policy": "bench"} for domain in zones], primary.port,
                               name=name, policy=[policy])
    secondary.config["alert"]["min-interval"] = "1d"  # one mail about all of them
    secondary.start(wait=False)
    alive = lambda: secondary.process.poll() is None
    try:
        for domain in zones:
            question = Question(secondary.port, domain, "SOA")
            question.until(is_signed, patience, 0.02, alive)
            question.close()
    except AssertionError as error:
        raise AssertionError(f"{error}\n{secondary.log()[-3000:]}") from error
    at_end(secondary)
    assert secondary.stop() == 0, secondary.log()[-3000:]
    primary.stop()
    work.daemons.remove(primary)
    shutil.rmtree(primary.directory)
    return secondary


def store_of(secondary, domain):
    return secondary.directory / "state/zones" / domain / "store"


def zone_text(names):
    """So many owner names, among them the apex and a wildcard; one host in CUT_EVERY is a delegation."""
    return (f"$ORIGIN {ZONE}.\n{zone_head()}*.wild IN A 192.0.2.7\n"
            + "".join(host_lines(names - 2, cut_every=CUT_EVERY)))


class Large:
    """The zone of one size and denial: served (a Served), secondary (stopped, its state saved), questions."""

    def __init__(self, work, programs, names, denial):
        say(f"signing {names:,} names, {denial}")
        self.names, self.denial = names, denial
        directory = work.path / f"zone-{names}-{denial}"
        directory.mkdir()
        self.served = Served(ZONE, directory)
        self.served.unsigned.write_text(zone_text(names))
        self.secondary = saved_state(work, f"daemon-{names}-{denial}", {ZONE: self.served.unsigned}, denial,
                                     120 + names / 500)
        store = store_of(self.secondary, ZONE)
        if not store.exists():
            raise SystemExit(f"--names {names}: so small a zone has no store of its own; take 200 or more")
        shutil.copytree(store, self.served.store)
        self.served.export(programs)
        self.questions = Questions(directory, names - 2)

    def remove(self, work):
        work.daemons.remove(self.secondary)
        shutil.rmtree(self.secondary.directory)
        shutil.rmtree(self.served.directory)


def signed_by_batch(work, programs, name, text):
    """A Served of any zone text below ZONE, NSEC, that no daemon has state of."""
    directory = work.path / name
    directory.mkdir()
    served = Served(ZONE, directory)
    served.unsigned.write_text(text)
    signer = BatchTandem(Bed(directory / "bed", served.unsigned, ALGORITHMS[13], "nsec", os.cpu_count(), programs))
    signer.run()
    os.rename(signer.directory / "store", served.store)
    shutil.rmtree(directory / "bed")
    return served.export(programs)


# --- Questions


class Questions:
    """Files for dnsperf, one line a question: .path[kind], .path["mix"]; .sample[kind] has some of them as (name, type)."""

    def __init__(self, directory, hosts):
        self.random = random.Random(4)  # the same questions in every run
        self.hosts = hosts
        makers = {"positive": self.positive, "NXDOMAIN": self.denied, "wildcard": self.wildcard, "NODATA": self.nodata,
                  "referral": self.referral}
        self.path, self.sample = {}, {}
        for kind in KINDS:
            rows = [makers[kind]() for _ in range(min(QUESTIONS, 20 * hosts))]
            self.write(directory, kind, rows)
            self.sample[kind] = rows[:SAMPLE]
        kinds, weights = list(MIX), list(MIX.values())
        self.write(directory, "mix", [makers[kind]() for kind in self.random.choices(kinds, weights, k=QUESTIONS)])

    def write(self, directory, kind, rows):
        self.path[kind] = directory / f"questions-{kind}"
        self.path[kind].write_text("".join(f"{name} {rdtype}\n" for name, rdtype in rows))

    def host(self):
        """A host that is no delegation."""
        number = self.random.randrange(self.hosts)
        return number - (number % CUT_EVERY == CUT_EVERY - 1)

    def positive(self):
        number = self.host()
        types = ["A"] + (["AAAA"] if number % 4 == 0 else []) + (["MX", "TXT"] if number % 10 == 0 else [])
        return f"{host_owner(number)}.{ZONE}", self.random.choice(types)

    def denied(self):
        return f"{host_owner(self.host())}x{self.random.randrange(1000000)}.{ZONE}", "A"

    def wildcard(self):
        return f"w{self.random.randrange(1000000)}.wild.{ZONE}", "A"

    def nodata(self):
        return f"{host_owner(self.host())}.{ZONE}", "HINFO"

    def referral(self):
        number = self.random.randrange(CUT_EVERY - 1, self.hosts, CUT_EVERY)
        return f"www.{host_owner(number)}.{ZONE}", "A"


def wrongs(kind, rdtype, answer, dnssec, denial):
    """What is wrong with the answer to a question of this kind: "" when nothing is."""
    types = {section: {rrset.rdtype for rrset in getattr(answer, section)} for section in ("answer", "authority")}
    signed = {section: dns.rdatatype.RRSIG in found for section, found in types.items()}
    is_answer = kind in ("positive", "wildcard")
    wanted = dns.rcode.NXDOMAIN if kind == "NXDOMAIN" else dns.rcode.NOERROR
    chain = dns.rdatatype.NSEC if denial == "nsec" else dns.rdatatype.NSEC3
    proof = dnssec and kind != "positive"
    checks = {
        "RCODE": answer.rcode() == wanted,
        "AA": bool(answer.flags & dns.flags.AA) == (kind != "referral"),
        "TC": not answer.flags & dns.flags.TC,
        "the answer section": (dns.rdatatype.from_text(rdtype) in types["answer"]) == is_answer,
        "RRSIGs in the answer": signed["answer"] == (is_answer and dnssec),
        "the SOA": (dns.rdatatype.SOA in types["authority"]) == (kind in ("NXDOMAIN", "NODATA")),
        "the NS of the cut": kind != "referral" or dns.rdatatype.NS in types["authority"],
        "the proof": (chain in types["authority"]) == proof,
        "RRSIGs of the proof": not proof or signed["authority"],
        "no RRSIG without DO": dnssec or not signed["authority"],
    }
    return ", ".join(what for what, good in checks.items() if not good)


def check_answers(server, questions, denial):
    """AssertionError when an answer to the sample is not right, over UDP or TCP, with or without DO."""
    for kind, rows in questions.sample.items():
        for index, (name, rdtype) in enumerate(rows):
            for dnssec in (True, False):
                answer = tandem.ask(server.port, name, rdtype, dnssec=dnssec, tcp=index % 4 == 0)
                wrong = wrongs(kind, rdtype, answer, dnssec, denial)
                assert not wrong, f"{server.label}, {kind}, DO {dnssec}: wrong: {wrong}\n{answer}"


