#!/usr/bin/python3
"""The floors of shared rooms (common/README.md), read from what is really there: the #include lines and the symbols of
the object files. An edge upwards, a cycle of files that call each other, a role that sees another role, or a symbol of
the signer in a program that speaks to the network is an error with its place.

    floors.py SOURCE BUILD     checks a tree and its build; exit 0 and "floors: N files, N edges, clean", or 1
    floors.py SOURCE BUILD --planted    shows that it can fail: each planted fault must be found
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

# Folder -> floor. A file uses its own folder and lower floors. Rooms with the same number do not see each other.
FLOORS = {
    "common/base": 0,
    "common/dns": 10,
    "common/zone": 20,
    "common/net": 20,
    "common/answer": 30,
    "common/transfer": 30,
    "common/daemon": 30,
    "common/tandemctl": 40,
    "primary/alias": 40,
    "primary": 45,
    "secondary": 40,
    "secondary/signer/gate": 41,
    "secondary/signer/keys": 41,
    "secondary/signer/sign": 42,
    "secondary/signer": 43,
    "secondary/fetcher": 43,
    "secondary/server": 43,
    "secondary/desk": 43,
}
# What a role may see of the folder secondary/: the messages, their links, the settings as sent, the counters, the rate
# limit's table. What these need of each other is theirs: body, the tables of settings.
SHARED_BY_ROLES = {"secondary/messages.h", "secondary/settings.h", "secondary/counters.h", "secondary/rate_table.h",
                   "secondary/rate_prefixes.h"}
# Files that are the inside of a header of another name.
FACES = {f"secondary/{stem}.c": f"secondary/{face}.h" for stem, face in (
    ("messages_server", "messages"), ("messages_fetcher", "messages"), ("messages_signer", "messages"),
    ("messages_desk", "messages"), ("messages_pool", "messages"), ("settings_read", "settings"), ("settings_write", "settings"))}
# The second path shares no code with the one that signs (secondary/signer/README.md, decision 5): what publishes calls both,
# neither calls the other. Of the signer's rooms it has the threads.
SECOND_PATH = re.compile(r"secondary/signer/sign/verify(_\w+)?\.[ch]$")
SECOND_PATH_SEES = {"secondary/signer/sign/pool.h", "secondary/signer/sign/pool.c"}
SIGNING_ROOMS = ("secondary/signer/sign", "secondary/signer/keys")
SIDES = ("primary", "secondary", "common/tandemctl")
SECRET_ROOMS = ("secondary/signer", "secondary/signer/keys", "secondary/signer/sign", "secondary/signer/gate")
NETWORK_PROGRAMS = ("tandem-secondary", "tandem-fetcher", "tandem-server", "tandem-desk", "tandem-primary", "tandemctl")
# Libraries that a program must not be linked with.
FORBIDDEN_LIBRARIES = {
    "tandem-signer": ("libcurl", "libmicrohttpd", "libcares"),
    "tandem-server": ("libcurl", "libmicrohttpd", "libcares", "libyaml", "libcrypto"),
    "tandem-fetcher": ("libcurl", "libmicrohttpd", "libyaml", "libcrypto"),
}


def room_of(path):
    return str(pathlib.PurePosixPath(path).parent)


def sources(top):
    for side in ("common", "primary", "secondary"):
        for path in sorted((top / side).rglob("*.[ch]")):
            yield str(path.relative_to(top))


def paths_error(source, target):
    """What is wrong with an edge between the signer's two paths, or None."""
    second, to_second = SECOND_PATH.match(source), SECOND_PATH.match(target)
    if second and not to_second and target.startswith("secondary/signer/") and target not in SECOND_PATH_SEES:
        return "the second path shares no code with the one that signs"
    if to_second and not second and room_of(source) in SIGNING_ROOMS:
        return "the path that signs shares no code with the second one"
    return None


def edge_error(source, target):
    """What is wrong with an edge from one file to another, or None."""
    here, there = room_of(source), room_of(target)
    between = paths_error(source, target)
    if between:
        return between
    if there not in FLOORS:
        return f"{there} is no room that floors.py knows"
    if here == there:
        return None
    for side in SIDES:
        if there.startswith(side) and not here.startswith(side):
            return f"{here} may not see {side}"
    role = here.startswith("secondary/")
    if role and there.startswith("secondary/") and here.split("/")[1] != there.split("/")[1]:
        return f"role {here.split('/')[1]} may not see role {there.split('/')[1]}"
    face = FACES.get(target, str(pathlib.PurePosixPath(target).with_suffix(".h")))
    if role and there == "secondary" and face not in SHARED_BY_ROLES:
        if pathlib.PurePosixPath(target).stem != "message_link":
            return "a role sees only messages, settings, counters and rate_table of secondary/"
    if FLOORS[there] >= FLOORS[here]:
        return f"upward: {here} (floor {FLOORS[here]}) uses {there} (floor {FLOORS[there]})"
    return None


def check_includes(top):
    errors, edges = [], 0
    for source in sources(top):
        if room_of(source) not in FLOORS:
            errors.append(f"{source}: its folder is no room that floors.py knows")
            continue
        for number, line in enumerate((top / source).read_text().splitlines(), 1):
            found = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
            if not found:
                continue
            edges += 1
            wrong = edge_error(source, found.group(1))
            if wrong:
                errors.append(f'{source}:{number}: #include "{found.group(1)}": {wrong}')
    return errors, edges


def objects(build, top):
    """source file -> object file, from the build's compile commands of the rooms' libraries."""
    found = {}
    for path in build.rglob("*.c.o"):
        text = str(path)
        for side in ("common", "primary", "secondary"):
            at = text.find(f".dir/{side}/")
            if at >= 0:
                source = text[at + 5 : -2]
                if (top / source).exists():
                    found[source] = path
    return found


def symbols(path):
    """(defined, used) global symbols of an object or program."""
    defined, used = set(), set()
    out = subprocess.run(["nm", "-g", str(path)], capture_output=True, text=True, check=True).stdout
    for line in out.splitlines():
        parts = line.split()
        if len(parts) >= 2 and parts[-2] == "U":
            used.add(parts[-1])
        elif len(parts) == 3:
            defined.add(parts[-1])
    return defined, used


def cycles(graph):
    """Strongly connected components of more than one file (Tarjan, without recursion)."""
    index, low, on_stack, stack, found = {}, {}, set(), [], []
    for root in graph:
        if root in index:
            continue
        work = [(root, iter(sorted(graph[root])))]
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        while work:
            node, rest = work[-1]
            step = next(rest, None)
            if step is None:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    group = []
                    while True:
                        top = stack.pop()
                        on_stack.discard(top)
                        group.append(top)
                        if top == node:
                            break
                    if len(group) > 1:
                        found.append(sorted(group))
            elif step not in index:
                index[step] = low[step] = len(index)
                stack.append(step)
                on_stack.add(step)
                work.append((step, iter(sorted(graph.get(step, ())))))
            elif step in on_stack:
                low[node] = min(low[node], index[step])
    return found


def check_symbols(files):
    """files: source -> object. Programs that never meet may use one name twice (both daemons have a keeper): a call is then to
    the definition that the caller may see, if there is one."""
    errors, owners, used_by = [], {}, {}
    for source, path in files.items():
        if pathlib.PurePosixPath(source).stem == "main":
            continue
        defined, used_by[source] = symbols(path)
        for name in defined:
            owners.setdefault(name, []).append(source)
    graph, edges = {source: set() for source in used_by}, 0
    for source, used in used_by.items():
        for name in used:
            targets = owners.get(name, [])
            if not targets or source in targets:
                continue
            near = [target for target in targets if room_of(target) == room_of(source)]
            seen = [target for target in targets if not edge_error(source, target)]
            target = (near or seen or targets)[0]
            edges += 1
            graph[source].add(target)
            wrong = edge_error(source, target)
            if wrong:
                errors.append(f"{source}: calls {name} of {target}: {wrong}")
    for group in cycles(graph):
        errors.append("files that call each other in a circle: " + ", ".join(group))
    secret = {
        name
        for name, sources in owners.items()
        if all(room_of(source) in SECRET_ROOMS for source in sources)
    }
    return errors, edges, secret


def check_programs(programs, secret):
    errors = []
    for name in NETWORK_PROGRAMS:
        path = programs / name
        if path.exists():
            out = subprocess.run(["nm", str(path)], capture_output=True, text=True, check=True).stdout
            there = {line.split()[-1] for line in out.splitlines() if line.split()[-2] in "TtDdBbRr"}
            for symbol in sorted(there & secret)[:5]:
                errors.append(f"{name}: holds {symbol}, which is the signer's")
    for name, forbidden in FORBIDDEN_LIBRARIES.items():
        path = programs / name
        if path.exists():
            out = subprocess.run(["readelf", "-d", str(path)], capture_output=True, text=True, check=True).stdout
            for library in forbidden:
                if f"[{library}" in out:
                    errors.append(f"{name}: is linked with {library}")
    return errors


def check(top, files, programs):
    errors, includes = check_includes(top)
    more, calls, secret = check_symbols(files)
    errors += more + check_programs(programs, secret)
    return errors, includes + calls


def compile_object(folder, name, text):
    source = folder / f"{name}.c"
    source.write_text(text)
    subprocess.run(["cc", "-c", "-o", str(folder / f"{name}.o"), str(source)], check=True)
    return folder / f"{name}.o"


def planted(top, build):
    """Each planted fault must turn the check red, and be what it complains about."""
    files, programs, missed = objects(build, top), build / "bin", []

    def expect(what, errors, wanted):
        hit = [error for error in errors if wanted in error]
        print(f"planted {what}: " + (f"found ({hit[0]})" if hit else "NOT FOUND"))
        if not hit:
            missed.append(what)

    with tempfile.TemporaryDirectory(prefix="tandem-floors-") as temporary:
        folder = pathlib.Path(temporary)
        tree = folder / "tree"
        for side in ("common", "primary", "secondary"):
            shutil.copytree(top / side, tree / side)
        victim = tree / "common/base/arena.c"
        victim.write_text('#include "common/zone/version.h"\n' + victim.read_text())
        expect("upward include", check_includes(tree)[0], "common/base/arena.c:1:")
        victim = tree / "secondary/server/zones.c"
        victim.write_text('#include "secondary/signer/keys/keyset.h"\n' + victim.read_text())
        expect("role that includes another role", check_includes(tree)[0], "secondary/server/zones.c:1:")
        victim = tree / "secondary/signer/sign/verify_keys.c"
        victim.write_text('#include "secondary/signer/keys/key_signer.h"\n' + victim.read_text())
        expect("second path that includes the first", check_includes(tree)[0], "secondary/signer/sign/verify_keys.c:1:")

        one = compile_object(folder, "one", "void planted_two(void); void planted_one(void) { planted_two(); }")
        two = compile_object(folder, "two", "void planted_one(void); void planted_two(void) { planted_one(); }")
        cycle = dict(files)
        cycle["common/dns/planted_one.c"], cycle["common/dns/planted_two.c"] = one, two
        expect("call cycle", check_symbols(cycle)[0], "planted_one.c")

        upward = compile_object(folder, "up", "void keyset_free(void); void planted_up(void) { keyset_free(); }")
        calls = dict(files)
        calls["secondary/server/planted_up.c"] = upward
        expect("upward call", check_symbols(calls)[0], "planted_up.c")

        shared = compile_object(folder, "shared", "void nsec_chain_repair(void); void planted_shared(void) { nsec_chain_repair(); }")
        calls = dict(files)
        calls["secondary/signer/sign/verify_planted.c"] = shared
        expect("second path that calls the first", check_symbols(calls)[0], "verify_planted.c")

        secret = check_symbols(files)[2]
        wrong = folder / "bin"
        wrong.mkdir()
        source = folder / "server.c"
        source.write_text("void key_memory_new(void) {} int main(void) { key_memory_new(); return 0; }")
        subprocess.run(["cc", "-o", str(wrong / "tandem-server"), str(source)], check=True)
        expect("signer symbol in the server", check_programs(wrong, secret), "key_memory_new")
    return missed


def main():
    if len(sys.argv) < 3:
        print(__doc__, file=sys.stderr)
        return 2
    top, build = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    if "--planted" in sys.argv:
        return 1 if planted(top, build) else 0
    files = objects(build, top)
    if not files:
        print(f"{build}: no object files: build first", file=sys.stderr)
        return 2
    errors, edges = check(top, files, build / "bin")
    for error in errors:
        print(error)
    print(f"floors: {len(files)} files, {edges} edges, " + (f"{len(errors)} errors" if errors else "clean"))
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
