"""Keys over a zone's life: every algorithm, split and combined, several at once, standby; keys that cannot be read while
the zone must stay; a policy that asks for another algorithm; two signers with the same keys."""

import concurrent.futures
import contextlib
import re
import resource
import shutil
import subprocess
import time

import dns.dnssec
import dns.rdata
import dns.rdatatype
import pytest

from tandem import HOST, ControlError, axfr, role_pids, wait_for

ZONE = """$ORIGIN example.gov.
$TTL 300
@       IN SOA ns1 hostmaster {serial} 7200 900 1209600 300
@       IN NS  ns1
ns1     IN A   192.0.2.53
www     IN A   192.0.2.{address}
*.sites IN A   192.0.2.80
mail    IN MX  10 ns1
sub     IN NS  ns.sub
ns.sub  IN A   192.0.2.54
"""
ALGORITHMS = {
    "rsasha256": 8,
    "rsasha512": 10,
    "ecdsap256sha256": 13,
    "ecdsap384sha384": 14,
    "ed25519": 15,
    "ed448": 16,
}
BITS = {8: 2048, 10: 2048, 13: 256, 14: 384, 15: 256, 16: 456}


class Scene:
    """A primary with one zone and secondaries that sign it."""

    def __init__(self, work):
        self.work, self.serial = work, 0
        self.edit(1)
        self.primary = work.primary([{"domain": "example.gov", "file": "zone"}]).start()

    def edit(self, address):
        self.serial += 1
        self.work.write("zone", ZONE.format(serial=self.serial, address=address))

    def change(self, address):
        self.edit(address)
        self.primary.control("reload")

    def secondary(self, name="secondary", start=True, **policy):
        policy = {"id": "default", "key-storage": "plain", **policy}
        secondary = self.work.secondary(
            [{"domain": "example.gov", "acl": ["out"]}], self.primary.port, name=name, policy=[policy],
            acl=[{"id": "out", "address": [HOST], "action": ["transfer"]}],
        )
        secondary.keys = self.work.path / name / "state/keys/example.gov"
        if start:
            secondary.start()
            served(secondary, 1)
        return secondary


def www(secondary):
    found = [rrset for rrset in secondary.ask("www.example.gov", "A", dnssec=True).answer]
    return [rrset[0].to_text() for rrset in found if rrset.rdtype == dns.rdatatype.A]


def served(secondary, address):
    wait_for(lambda: www(secondary) == [f"192.0.2.{address}"], f"192.0.2.{address} served", about=secondary.log)


def keys_of(secondary, role=None):
    return [key for key in secondary.control("key", "list", "example.gov")["keys"] if role in (None, key["role"])]


def signers_of(secondary, name, rdtype):
    """Tags in the RRSIGs of an RRset."""
    answer = secondary.ask(name, rdtype, dnssec=True)
    return sorted(
        rrsig.key_tag
        for rrset in answer.answer
        if rrset.rdtype == dns.rdatatype.RRSIG
        for rrsig in rrset
        if rrsig.type_covered == dns.rdatatype.from_text(rdtype)
    )


def published_tags(secondary):
    """Tags of the DNSKEYs that the signer has published last; the servers follow in a moment."""
    shown = secondary.control("zone", "show", "example.gov", "example.gov", "DNSKEY")["records"]
    return sorted(dns.dnssec.key_id(dns.rdata.from_text("IN", "DNSKEY", record["data"])) for record in shown)


def served_tags(secondary):
    """Tags of the DNSKEYs in the servers' answer."""
    answer = secondary.ask("example.gov", "DNSKEY").answer
    return sorted(dns.dnssec.key_id(rdata) for rrset in answer if rrset.rdtype == dns.rdatatype.DNSKEY for rdata in rrset)


def transfer(secondary):
    """The whole zone as sorted text."""
    return axfr(secondary.port, "example.gov").to_text(sorted=True, relativize=False) + "\n"


def verify_by_bind(work, secondary, *options):
    """dnssec-verify over the whole transferred zone."""
    path = work.write("transferred", transfer(secondary))
    done = subprocess.run(["dnssec-verify", *options, "-o", "example.gov", path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr + done.stdout


def key_by_bind(work, *options):
    """The stem of a key's two files."""
    command = ["dnssec-keygen", "-q", *options, "example.gov"]
    return subprocess.run(command, cwd=work.path, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def scene(work):
    return Scene(work)


@pytest.mark.parametrize("word", ALGORITHMS)
def test_a_zone_is_signed_with_the_policys_algorithm_by_ksk_and_zsk_and_after_a_restart(scene, work, word):
    secondary = scene.secondary(algorithm=word)
    keys = keys_of(secondary)
    assert sorted(key["role"] for key in keys) == ["KSK", "ZSK"]
    for key in keys:
        assert (key["algorithm"], key["algorithm_number"]) == (word, ALGORITHMS[word])
        assert (key["bits"], key["state"], key["storage"]) == (BITS[ALGORITHMS[word]], "active", "plain")
    verify_by_bind(work, secondary)
    secondary.stop()
    secondary.start()
    assert keys_of(secondary) == keys
    scene.change(2)
    served(secondary, 2)
    verify_by_bind(work, secondary)
    assert secondary.control("zone", "verify", "example.gov")["verified"] is True
    # DS and DNSKEY as another computes them.
    (ksk,) = [line for line in secondary.control("key", "dnskey", "example.gov")["dnskey"] if line["flags"] == 257]
    dnskey = dns.rdata.from_text("IN", "DNSKEY", ksk["text"].split("DNSKEY ")[1])
    for ds in secondary.control("key", "ds", "example.gov")["ds"]:
        digest = {2: "SHA256", 4: "SHA384"}[ds["digest_type"]]
        assert dns.dnssec.make_ds("example.gov.", dnskey, digest) == dns.rdata.from_text(
            "IN", "DS", ds["text"].split(" DS ")[1]
        )


@pytest.mark.parametrize("word", ["rsasha256", "ed25519"])
def test_one_csk_sealed_signs_everything(scene, work, word):
    secondary = scene.secondary(algorithm=word, **{"single-type-signing": True, "key-storage": "sealed"})
    (key,) = keys_of(secondary)
    assert (key["role"], key["storage"]) == ("CSK", "sealed")
    assert signers_of(secondary, "example.gov", "DNSKEY") == signers_of(secondary, "www.example.gov", "A") == [key["tag"]]
    verify_by_bind(work, secondary, "-z")
    secondary.stop()
    secondary.start()
    assert keys_of(secondary) == [key]
    # Another storage: what is sealed is still read, what is written is plain.
    secondary.stop()
    secondary.config["policy"][0]["key-storage"] = "plain"
    secondary.start()
    assert keys_of(secondary) == [{**key, "storage": "plain"}]
    scene.change(2)
    served(secondary, 2)


def test_a_short_rsa_key_is_imported_with_a_warning(scene, work):
    secondary = scene.secondary(algorithm="rsasha256")
    stem = key_by_bind(work, "-a", "RSASHA256", "-b", "1024")
    done = secondary.tandemctl("key", "import", "example.gov", work.path / f"{stem}.key", work.path / f"{stem}.private")
    tag = int(stem[-5:])
    assert done.returncode == 0, done.stderr
    assert f"imported 1 key; key {tag} has 1024 bits, which others may break" in done.stdout
    wait_for(lambda: tag in signers_of(secondary, "www.example.gov", "A"), "it signs", about=secondary.log)
    assert [key["bits"] for key in keys_of(secondary, "ZSK") if key["tag"] == tag] == [1024]
    verify_by_bind(work, secondary)


def test_several_keys_of_a_role_all_sign_and_a_standby_does_not(scene, work):
    secondary = scene.secondary(algorithm="ed25519")
    made = {}
    begun = time.time()
    wait_for(lambda: time.time() >= begun + 1, "a second that is not that of the first keys")
    for name, role, options in (("second", "ZSK", {}), ("ksk", "KSK", {}), ("standby", "ZSK", {"standby": True})):
        made[name] = secondary.control("key", "generate", "example.gov", role=role, wait=True, **options)["key"]
    assert made["standby"]["state"] == "published"
    zsk = sorted(key["tag"] for key in keys_of(secondary, "ZSK") if key["state"] == "active")
    ksk = sorted(key["tag"] for key in keys_of(secondary, "KSK"))
    assert len(zsk) == len(ksk) == 2
    wait_for(lambda: signers_of(secondary, "www.example.gov", "A") == zsk, "both sign", about=secondary.log)
    wait_for(lambda: signers_of(secondary, "example.gov", "DNSKEY") == ksk, "both sign", about=secondary.log)
    wait_for(lambda: made["standby"]["tag"] in served_tags(secondary), "the standby is published", about=secondary.log)
    verify_by_bind(work, secondary)
    # The first key cannot go yet: resolvers may hold DNSKEYs without the others.
    (first,) = [tag for tag in zsk if tag != made["second"]["tag"]]
    with pytest.raises(ControlError, match=f"may hold the zone's keys without {made['second']['tag']}, the successor of {first}, until "):
        secondary.control("key", "retire", "example.gov", str(first))
    # A standby is taken back; one of two retires but stays published; the last one stays.
    secondary.control("key", "retire", "example.gov", str(made["standby"]["tag"]), wait=True)
    secondary.control("key", "retire", "example.gov", str(made["second"]["tag"]), wait=True)
    (left,) = [tag for tag in zsk if tag != made["second"]["tag"]]
    wait_for(lambda: signers_of(secondary, "www.example.gov", "A") == [left], "one signs", about=secondary.log)
    wait_for(lambda: made["standby"]["tag"] not in served_tags(secondary), "the standby is gone", about=secondary.log)
    assert made["second"]["tag"] in served_tags(secondary)
    with pytest.raises(ControlError, match="make its successor first"):
        secondary.control("key", "retire", "example.gov", str(left))
    verify_by_bind(work, secondary)


def test_a_standby_is_activated_and_a_retired_key_too(scene, work):
    secondary = scene.secondary(algorithm="ed25519")
    (first,) = [key["tag"] for key in keys_of(secondary, "ZSK")]
    begun = time.time()
    wait_for(lambda: time.time() >= begun + 1, "a second that is not that of the first keys")
    standby = secondary.control("key", "generate", "example.gov", role="ZSK", standby=True, wait=True)["key"]["tag"]
    assert signers_of(secondary, "www.example.gov", "A") == [first]
    told = secondary.control("key", "activate", "example.gov", str(standby), dry_run=True)
    assert told["dry_run"] and told["text"].startswith("would sign with the key")
    secondary.control("key", "activate", "example.gov", str(standby), wait=True)
    wait_for(lambda: signers_of(secondary, "www.example.gov", "A") == sorted([first, standby]), "both", about=secondary.log)
    with pytest.raises(ControlError, match=f"key {standby}: a key that is active cannot be activated: it must be ready or retired"):
        secondary.control("key", "activate", "example.gov", str(standby))
    secondary.stop()
    secondary.start()
    secondary.control("key", "retire", "example.gov", str(standby), wait=True)
    wait_for(lambda: signers_of(secondary, "www.example.gov", "A") == [first], "one", about=secondary.log)
    secondary.control("key", "activate", "example.gov", str(standby), wait=True)
    wait_for(lambda: signers_of(secondary, "www.example.gov", "A") == sorted([first, standby]), "both", about=secondary.log)
    assert "a key was activated" in secondary.log()
    verify_by_bind(work, secondary)
    done = secondary.tandemctl("key", "activate", "example.gov", "1")
    assert done.returncode == 5 and "example.gov has no key 1; see " in done.stderr


def test_b_waits_until_the_zone_shows_the_keys(scene, work):
    """Each verb while the change of the one before may still run: its answer comes with the end of its own change."""
    secondary = scene.secondary(algorithm="ed25519")
    first = published_tags(secondary)
    assert len(first) == 2
    for owner in ("www", "www.example.gov", "www.example.gov."):
        (shown,) = secondary.control("zone", "show", "example.gov", owner, "A")["records"]
        assert shown["data"] == "192.0.2.1"
    with pytest.raises(ControlError, match="www.example.com. is no name of the zone example.gov."):
        secondary.control("zone", "show", "example.gov", "www.example.com.")
    stem = key_by_bind(work, "-a", "ED25519")
    expected, serials, standbys = set(first), [], []
    for _ in range(6):
        secondary.control("zone", "sign", "example.gov")
        made = secondary.control("key", "generate", "example.gov", role="ZSK", standby=True, wait=True)
        expected.add(made["key"]["tag"])
        assert published_tags(secondary) == sorted(expected)
        assert made["text"].endswith("; it is published") and made["changed"] is True
        serials.append(made["serial"]["signed"])
        standbys.append(str(made["key"]["tag"]))
    done = secondary.tandemctl("key", "import", "example.gov", work.path / f"{stem}.key", work.path / f"{stem}.private", "-b")
    assert done.returncode == 0, done.stderr
    assert published_tags(secondary) == sorted({*expected, int(stem[-5:])})
    for tag in standbys:
        secondary.control("zone", "sign", "example.gov")
        gone = secondary.control("key", "retire", "example.gov", tag, wait=True)
        assert gone["text"] == "the key never signed; its DNSKEY leaves the zone"
        serials.append(gone["serial"]["signed"])
    assert published_tags(secondary) == sorted({*first, int(stem[-5:])})
    assert serials == sorted(set(serials))
    # Without -b nothing is promised, and that is what it says.
    text = secondary.control("key", "generate", "example.gov", role="ZSK")["text"]
    assert text.endswith("; it is being published")


def test_keys_that_a_thread_makes_and_what_is_asked_meanwhile(scene, work):
    """Two keys at once, and a start whose first keys are asked for at once: every order has its answer."""
    secondary = scene.secondary(algorithm="rsasha256")
    first = published_tags(secondary)
    with concurrent.futures.ThreadPoolExecutor(4) as many:
        verb = ("key", "generate", "example.gov", "--role", "ZSK", "--standby")
        waits = [many.submit(secondary.tandemctl, *verb, "-b") for _ in range(2)]
        fast = [many.submit(secondary.tandemctl, *verb) for _ in range(2)]
        done = [future.result() for future in (*waits, *fast)]
    assert [one.returncode for one in done] == [0] * 4, done
    made = [int(re.search(r"made ZSK (\d+) of rsasha256", one.stdout)[1]) for one in done]
    assert len({*first, *made}) == 6
    wait_for(lambda: published_tags(secondary) == sorted([*first, *made]), "all published", about=secondary.log)
    verify_by_bind(work, secondary)
    assert len([key for key in secondary.control("key", "list", "example.gov")["keys"] if key["bits"] == 2048]) == 6
    # A start without keys: the first ones are being made when the orders come.
    other = scene.secondary("other", start=False, algorithm="rsasha512")
    other.start(wait=False)
    wait_for(lambda: other.tandemctl("key", "ds", "example.gov").returncode == 0, "an answer", about=other.log)
    served(other, 1)
    verify_by_bind(work, other)


def key_files(secondary):
    return {path.name: path.read_bytes() for path in secondary.keys.iterdir()}


@pytest.mark.parametrize("storage", ["plain", "sealed"])
def test_a_key_that_cannot_be_saved_is_as_it_was(scene, work, storage):
    """A file-size limit of nothing stands for a full disk: every write of a key fails. Before, the key had moved in
    memory: it signed although the verb had failed, and was another one after the next start."""
    secondary = scene.secondary(algorithm="ed25519", **{"key-storage": storage})
    standby = str(secondary.control("key", "generate", "example.gov", role="ZSK", standby=True, wait=True)["key"]["tag"])
    stem = key_by_bind(work, "-a", "ED25519")
    other = [work.path / f"{stem}.key", work.path / f"{stem}.private"]
    keys, files = keys_of(secondary), key_files(secondary)
    (signer,) = role_pids(secondary, "signer")
    none = resource.prlimit(signer, resource.RLIMIT_FSIZE)
    resource.prlimit(signer, resource.RLIMIT_FSIZE, (0, none[1]))
    verbs = [["activate", "example.gov", standby], ["retire", "example.gov", standby],
             ["generate", "example.gov", "--role", "ZSK"], ["import", "example.gov", *other]]
    for verb in verbs:
        done = secondary.tandemctl("key", *verb)
        assert done.returncode != 0 and "File too large" in done.stderr and "example.gov" in done.stderr, done
        assert keys_of(secondary) == keys and key_files(secondary) == files, verb
    resource.prlimit(signer, resource.RLIMIT_FSIZE, none)
    assert role_pids(secondary, "signer") == [signer]
    secondary.control("key", "activate", "example.gov", standby, wait=True)
    wait_for(lambda: int(standby) in signers_of(secondary, "www.example.gov", "A"), "it signs", about=secondary.log)
    assert secondary.tandemctl("key", *verbs[-1]).returncode == 0
    secondary.stop()
    secondary.start()
    assert len(keys_of(secondary)) == len(keys) + 1
    assert [key["state"] for key in keys_of(secondary) if key["tag"] == int(standby)] == ["active"]


def test_a_policy_with_another_algorithm_changes_no_keys_and_status_says_so(scene, work):
    secondary = scene.secondary(algorithm="ed25519")
    keys = keys_of(secondary)
    secondary.config["policy"][0]["algorithm"] = "rsasha256"
    secondary.write_config()
    secondary.control("reload", wait=True)
    note = "the policy says algorithm rsasha256, the zone's keys are of ed25519 and go on signing"
    secondary.wait_log(note)
    secondary.stop()
    secondary.start()
    secondary.wait_log(note, count=2)
    assert keys_of(secondary) == keys
    scene.change(2)
    served(secondary, 2)
    verify_by_bind(work, secondary)
    zone = secondary.zone("example.gov")
    assert zone["state"] == "ok"
    assert "the zone's keys are of ed25519 and go on signing" in zone["reason"]
    assert "algorithm rollovers are not in this version" in zone["reason"]
    made = secondary.control("key", "generate", "example.gov", role="ZSK", wait=True)
    assert made["key"]["algorithm"] == "ed25519" and "rsasha256" in made["text"]
    wait_for(lambda: len(signers_of(secondary, "www.example.gov", "A")) == 2, "both sign", about=secondary.log)
    verify_by_bind(work, secondary)


DAMAGE = {
    "cut": (".private", lambda text: text[: len(text) // 2], "it may be cut|expected base64|private key of"),
    "another key's public part": (".key", lambda text: text[:-20] + "A" * 10 + text[-10:], "do not belong|no base64"),
    "unknown algorithm": (".private", lambda text: text.replace("Algorithm: 15", "Algorithm: 253"), "253 .PRIVATEDNS. is"),
    "protocol": (".key", lambda text: text.replace(" 3 15 ", " 2 15 "), "protocol 2: expected 3"),
    "state": (".state", lambda text: text.replace("ZSK: yes", "ZSK: maybe"), "lines KSK and ZSK"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_key_file_leaves_the_zone_served_and_is_named(scene, work, damage):
    ending, change, sentence = DAMAGE[damage]
    secondary = scene.secondary(algorithm="ed25519")
    (path,) = [path for path in secondary.keys.glob("K*" + ending) if is_zsk(path)]
    whole = path.read_text()
    path.write_text(change(whole))
    assert path.read_text() != whole
    # The daemon that runs has its keys: it goes on, and says at a reload what a restart would find.
    secondary.control("reload", wait=True)
    wait_for(lambda: mailed(secondary, "its keys go on signing from memory", path.stem), "a mail", about=secondary.log)
    scene.change(2)
    served(secondary, 2)
    verify_by_bind(work, secondary)
    before = transfer(secondary)
    secondary.stop()
    secondary.start()
    wait_for(lambda: secondary.zone("example.gov")["state"] == "failed", "the fault shown", about=secondary.log)
    reason = secondary.zone("example.gov")["reason"]
    assert path.stem in reason and re.search(sentence, reason), reason
    assert "nothing new is signed and what is served stays" in reason and "tandemctl reload" in reason
    assert path.stem in secondary.log()
    wait_for(lambda: mailed(secondary, "nothing new is signed", path.stem), "the mail", about=secondary.log)
    with pytest.raises(ControlError, match="its keys cannot be read"):
        secondary.control("key", "list", "example.gov")
    scene.change(3)  # not published in part, nor at all
    with contextlib.suppress(ControlError):  # a poll to its end, whatever becomes of it
        secondary.control("zone", "refresh", "example.gov", wait=True)
    assert transfer(secondary) == before
    # Mended.
    path.write_text(whole)
    secondary.control("reload")
    served(secondary, 3)
    verify_by_bind(work, secondary)
    wait_for(lambda: secondary.zone("example.gov")["state"] == "ok", "the state says so", about=secondary.log)


def test_a_key_whose_file_is_gone_is_not_replaced_by_a_fresh_one(scene, work, tmp_path):
    secondary = scene.secondary(algorithm="ed25519")
    entry = [path for path in secondary.keys.glob("K*") if not is_zsk(path)]
    tag = int(entry[0].stem.split("+")[-1])
    for path in entry:
        path.rename(tmp_path / path.name)
    secondary.control("reload", wait=True)
    wait_for(lambda: mailed(secondary, "go on signing from memory", f"key {tag} (KSK) is gone"), "a mail", about=secondary.log)
    before = transfer(secondary)
    secondary.stop()
    secondary.start()
    wait_for(lambda: secondary.zone("example.gov")["state"] == "failed", "the fault shown", about=secondary.log)
    assert f"the file of key {tag} (KSK)" in secondary.zone("example.gov")["reason"]
    wait_for(lambda: mailed(secondary, "would break the chain of trust"), "the mail", about=secondary.log)
    scene.change(2)
    with pytest.raises(ControlError, match="the file of key"):
        secondary.control("zone", "refresh", "example.gov", wait=True)
    with pytest.raises(ControlError, match="the file of key"):
        secondary.control("zone", "sign", "example.gov", wait=True)
    assert transfer(secondary) == before
    assert [key["role"] for key in secondary.control("key", "list", "example.gov")["keys"]] == ["ZSK"]  # none was made
    # Back from the backup: as before.
    for path in entry:
        (tmp_path / path.name).rename(path)
    secondary.control("reload", wait=True)
    served(secondary, 2)
    verify_by_bind(work, secondary)
    # Lost for good: the operator says so.
    secondary.stop()
    for path in entry:
        path.unlink()
    secondary.start()
    wait_for(lambda: secondary.zone("example.gov")["state"] == "failed", "the fault shown", about=secondary.log)
    # A key that cannot stand in for it changes nothing, and who asked is not kept until it would.
    spare = secondary.control("key", "generate", "example.gov", role="KSK", standby=True, wait=True)
    assert not spare["text"].endswith("; it is published") and secondary.zone("example.gov")["state"] == "failed"
    made = secondary.control("key", "generate", "example.gov", role="KSK", wait=True)["key"]["tag"]
    assert made != tag
    wait_for(lambda: secondary.zone("example.gov")["state"] == "ok", "it signs again", about=secondary.log)
    scene.change(3)
    served(secondary, 3)
    verify_by_bind(work, secondary)


def mailed(secondary, *words):
    """Whether some mail has all of these words; its lines are joined again."""
    texts = [" ".join(mail.get_content().split()) for mail in secondary.mails()]
    return any(all(word in text for word in words) for text in texts)


def is_zsk(path):
    """That one of a pair of keys signs the zone."""
    return "ZSK: yes" in path.with_suffix(".state").read_text()


@pytest.mark.parametrize("word", ["rsasha256", "ed25519"])
def test_two_signers_with_the_same_keys_publish_the_same_octets(scene, work, word):
    one = scene.secondary("one", algorithm=word, **{"signing-threads": 1})
    other = scene.secondary("other", start=False, algorithm=word, **{"signing-threads": 2})
    shutil.copytree(one.keys, other.keys)
    other.keys.parent.chmod(0o700)
    other.start()
    served(other, 1)
    assert keys_of(other) == keys_of(one)
    zones = []
    for turn in range(1, 4):  # a moment at which the quantised times step may lie between the two
        for secondary in (one, other):
            secondary.control("zone", "sign", "example.gov", serial=str(1900000000 + turn), wait=True)
        zones = [transfer(one), transfer(other)]
        if zones[0] == zones[1]:
            break
    assert zones[0] == zones[1]
    assert zones[0].count("RRSIG") > 10
