"""What the benchmarks share about Tandem: its release programs, a large zone, the processes of a secondary.

`use_programs` comes before anything that imports `tandem`, which reads TANDEM_BIN once."""

import os
import pathlib
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = ["tandem-primary", "tandem-secondary", "tandem-fetcher", "tandem-signer", "tandem-server", "tandem-desk",
            "tandemctl"]
ZONE = "example.gov"
SOA = "hidden.example.gov. hostmaster.example.gov. {serial} 86400 3600 1209600 60"
CUT_EVERY = 200  # one owner in so many is a delegation


def build(programs):
    """Release programs into build/release. Exits with 1 and the compiler's words when that fails."""
    for command in (["cmake", "--preset", "release"],
                    ["cmake", "--build", "--preset", "release", "--target", *programs]):
        done = subprocess.run(command, cwd=TOP, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{' '.join(command)} failed:\n{done.stdout[-4000:]}{done.stderr[-4000:]}")


def use_programs(further=(), no_build=False):
    """Programs from TANDEM_BIN where it is set, else from build/release, built unless no_build; and tests/support for
    imports. Gives their directory."""
    if "TANDEM_BIN" not in os.environ:
        os.environ["TANDEM_BIN"] = str(TOP / "build/release/bin")
        if not no_build:
            build([*PROGRAMS, *further])
    sys.dont_write_bytecode = True
    sys.path[:0] = [str(TOP / "tests/support"), str(TOP / "tests/bench")]
    return pathlib.Path(os.environ["TANDEM_BIN"])


# --- The zone


def host_owner(number):
    return f"host{number:06d}"


def host_address(number, change=0):
    """The address of a host after so many changes; each is used once."""
    return f"{10 + change}.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def zone_head(serial=1):
    return f"$TTL 3600\n@ IN SOA {SOA.format(serial=serial)}\n IN NS ns1.example.org.\n IN NS ns2.example.org.\n"


def host_lines(count, changed=None, cut_every=CUT_EVERY):
    """So many owner names: all hosts have an A, every 4th an AAAA, every 10th MX and TXT, one in cut_every is a
    delegation to two servers of others instead. changed: {number: how often its A was changed}."""
    changed = changed or {}
    for number in range(count):
        owner = host_owner(number)
        if number % cut_every == cut_every - 1:
            yield f"{owner} IN NS ns1.{owner}.example.org.\n{owner} IN NS ns2.{owner}.example.org.\n"
            continue
        yield f"{owner} IN A {host_address(number, changed.get(number, 0))}\n"
        if number % 4 == 0:
            yield f"{owner} IN AAAA 2001:db8::{number & 0xFFFF:x}\n"
        if number % 10 == 0:
            yield f"{owner} IN MX 10 mail.example.org.\n"
            yield f'{owner} IN TXT "v=spf1 ip4:192.0.2.{number & 255} -all"\n'


def sample_names(hosts, cut_every=CUT_EVERY):
    """The apex and up to 50 hosts all over the zone, none of them a delegation (these answer with a referral)."""
    step = max(cut_every, hosts // 50 // cut_every * cut_every)
    return [ZONE] + [f"{host_owner(number)}.{ZONE}" for number in range(0, hosts, step)]


# --- A secondary's processes


def roles(secondary):
    return {role["role"]: role["pid"] for role in secondary.control("status")["roles"]}


def all_pids(secondary):
    return {"supervisor": secondary.process.pid, **roles(secondary)}


def is_up(secondary):
    """True when its control socket answers and the signer runs."""
    assert secondary.process.poll() is None, secondary.log()
    try:
        return any(role["role"] == "signer" and role["pid"] for role in secondary.control("status")["roles"])
    except (OSError, ValueError):
        return False


def notify_sections(key):
    """acl of a secondary that takes NOTIFY with the key, and gives transfers to the benchmark."""
    return {"acl": [{"id": "notify", "address": ["127.0.0.1/32"], "key": [key.name], "action": ["notify"]},
                    {"id": "here", "address": ["127.0.0.1/32"], "action": ["transfer"]}]}


def ms(seconds):
    return seconds * 1000
