"""Broken zone files as an operator meets them: `tandem-primary --check` and `tandemctl config check` tell every mistake of
every file at once, each with its place and a cure, and the daemon says the same of the files that it is given."""

import json
import os
import pathlib
import shutil
import subprocess

import pytest

from tandem import ControlError

GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "golden/zonefile"

# A line each; what must be said of it. {n}: the line's number.
MISTAKES = [
    ("a A 192.0.2.300", "{n}:5: A: '192.0.2.300' is not an IPv4 address"),
    ("b A 2001:db8::1", "{n}:5: A: '2001:db8::1' is not an IPv4 address; an IPv6 address belongs into an AAAA record"),
    ("c CNAM x", "{n}:3: unknown type 'CNAM': did you mean CNAME?"),
    ("$ORIGN x", "{n}:1: unknown directive '$ORIGN': did you mean $ORIGIN?"),
    ("d MX mail", "{n}:6: MX: preference 'mail' is not a number from 0 to 65535"),
    ("e MX 10", "{n}:8: MX: missing exchange"),
    ("f 192.0.2.1", "{n}:3: '192.0.2.1' stands where the type is expected; it is an address: write its type A before it"),
    ("g TXT \"open", "{n}:7: quoted string is not closed on its line"),
    ("h A 192.0.2.1 )", "{n}:15: ')' without '('"),
    ("i.example.org. A 192.0.2.1", "{n}:1: owner i.example.org. is outside of the zone a.example."),
    ("j ALIAS", "{n}:8: ALIAS: missing target"),
    ("k ALIAS x.example.net. y.example.net.", "{n}:24: ALIAS: 'y.example.net.' is too much"),
    ("l TYPE65401 \\# 2 0174", "{n}:16: ALIAS: target: expected a domain name"),
    ("$INCLUDE nothing.there", "{n}:10: $INCLUDE: cannot open"),
    ("$GENERATE 5-1 m$ A 192.0.2.$", "{n}:11: $GENERATE: range '5-1' is empty"),
    ("n" * 64 + " A 192.0.2.1", "{n}:1: owner: name \"" + "n" * 64 + "\": a label is longer than 63 octets"),
    ("o CNAME p", None),
    ("o TXT beside", "{m},{n}: o.a.example. TXT: TXT beside a CNAME: a CNAME stands alone"),
    ("q ALIAS x.example.net.", None),
    ("q A 192.0.2.1", "{m},{n}: q.a.example. A: A beside an ALIAS, which gives the addresses itself: keep one of them"),
    ("r CNAME www.a.example", "{n}:9: warning: CNAME: canonical name 'www.a.example' has no final dot"),
    ("s 60 A 192.0.2.1", None),
    ("s 90 A 192.0.2.2", "{m},{n}: warning: s.a.example. A: the records of this set have different TTLs"),
    ("t ( A 192.0.2.1", "{n}:3: '(' is never closed"),
]
HEAD = "$TTL 300\n@ SOA ns1 h 1 2 3 4 5\n@ NS ns1\nns1 A 192.0.2.1\n"


def broken_file():
    """The text, and the sentences that must come of it, without the file's name."""
    number, lines, said = HEAD.count("\n"), [], []
    for line, words in MISTAKES:
        number += 1
        lines.append(line)
        if words:
            said.append(words.format(n=number, m=number - 1))
    return HEAD + "\n".join(lines) + "\n", said


@pytest.fixture
def primary(work):
    text, work.said = broken_file()
    work.write("a", text)
    work.write("b", "; nothing yet\n")
    work.write("d", HEAD + "x CNAME y\nx CNAME z\n@ SOA ns1 h 2 2 3 4 5\n")
    work.write("good", HEAD)
    files = {"a.example": "a", "b.example": "b", "c.example": "no-such-file", "d.example": "d", "good.example": "good"}
    (work.path / "e").mkdir()
    files["e.example"] = "e"
    return work.primary([{"domain": domain, "file": file} for domain, file in files.items()])


def check_said(work, text):
    for words in work.said:
        assert f"{work.path}/a:{words}" in text, f"{words}\n{text}"
    assert f"{work.path}/b: there is no record in the file" in text
    assert f"{work.path}/no-such-file:1:1: cannot open" in text
    assert f"{work.path}/d:5,6: x.d.example. CNAME: 2 different CNAME records at one owner: keep one" in text
    assert f"{work.path}/d:2,7: d.example. SOA: 2 different SOA records: keep one" in text
    assert f"{work.path}/e:1:1: '{work.path}/e' is a directory" in text
    assert f"{work.path}/good" not in text


def test_check_of_the_primary_tells_all_mistakes_of_all_files(work, primary):
    done = primary.run("--check")
    assert done.returncode == 78
    check_said(work, done.stderr)
    assert len(done.stderr.splitlines()) == len(work.said) + 5
    assert "5 of 6 zones are broken" in done.stdout


def test_config_check_of_the_tool_tells_the_same(work, primary):
    done = primary.tandemctl("config", "check", str(primary.config_file))
    assert done.returncode == 3, done.stderr
    check_said(work, done.stdout + done.stderr)
    told = json.loads(primary.tandemctl("--json", "config", "check", str(primary.config_file)).stdout)
    result = told.get("result", told)
    assert sorted(result["errors"] + result["warnings"]) == sorted(primary.run("--check").stderr.splitlines())
    assert all("warning: " in text for text in result["warnings"]) and len(result["warnings"]) == 2


def test_config_check_of_good_files_is_content(work, primary):
    primary.config["zone"] = primary.config["zone"][4:5]
    primary.write_config()
    done = primary.tandemctl("config", "check", str(primary.config_file))
    assert (done.returncode, done.stderr) == (0, "")
    assert "valid for tandem-primary, 1 zone" in done.stdout


def test_a_reload_and_its_rehearsal_name_the_mistakes(work, primary):
    primary.start()
    assert primary.zone("good.example")["state"] == "ok" and primary.zone("a.example")["state"] == "failed"
    with pytest.raises(ControlError) as refused:
        primary.control("reload")
    assert f"{work.path}/a:5:5: A: '192.0.2.300'" in str(refused.value.reply)


@pytest.mark.skipif(os.getuid() != 0, reason="as root, to become somebody who may not read a file")
def test_a_file_that_the_daemon_may_not_read_is_told_with_the_cure(work, primary):
    os.chmod(work.path, 0o755)
    (work.path / "good").chmod(0o600)
    primary.config["zone"] = primary.config["zone"][4:5]
    primary.write_config()
    for path, mode in ((primary.directory, 0o755), (primary.config_file, 0o600)):
        path.chmod(mode)
    os.chown(primary.config_file, 65534, 65534)
    done = subprocess.run([shutil.which("setpriv"), "--reuid=65534", "--regid=65534", "--clear-groups",
                           *primary.command("--check")], capture_output=True, text=True, timeout=60)
    assert "Permission denied: let the user that the daemon runs as read it" in done.stderr, done.stderr
