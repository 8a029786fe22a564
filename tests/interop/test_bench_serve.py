"""tests/bench/serve on a tiny zone: that it works from end to end and that its figures are possible. No time is judged."""

import os
import pathlib
import subprocess

from test_bench_sign import first_number, tables

import tandem

TOP = pathlib.Path(__file__).resolve().parents[2]
SERVERS = ["Tandem", "NSD", "Knot"]


def run_benchmark():
    """What it prints for 200 names, six zones and one round of everything."""
    done = subprocess.run(
        [TOP / "tests/bench/serve", "--names", "200", "--zones", "6", "--rounds", "1", "--seconds", "0.2", "--denials",
         "nsec3", "--rate", "1000"],
        env={**os.environ, "TANDEM_BIN": str(tandem.BIN)}, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


def rows_of(found, beginning):
    """The rows of the table whose title begins so, without their head: {server: cells}."""
    return {row[0]: row[1:] for row in next(rows for title, rows in found.items() if title.startswith(beginning))[1:]}


def check_udp(found):
    """Every server is there with and without DO; answers with DO are longer, and the echo's as long as Tandem's."""
    with_do, without = rows_of(found, "UDP, 200 names, nsec3, DO"), rows_of(found, "UDP, 200 names, nsec3, without DO")
    for rows in (with_do, without):
        assert list(rows) == [*SERVERS, "UDP echo", "UDP echo, each length"]
        for cpu, _, rate, dnsperf_cpu, _, dnsperf_rate, p50, p99, pss, size in rows.values():
            assert min(map(first_number, (cpu, rate, dnsperf_cpu, dnsperf_rate, pss, size))) > 0
            assert 0 < first_number(p50) <= first_number(p99)
            assert first_number(cpu) * first_number(rate) <= 1.2e6, "more CPU than one core has"
    for server in SERVERS:
        assert first_number(with_do[server][-1]) > 150 > first_number(without[server][-1])
    for echo in ("UDP echo", "UDP echo, each length"):
        assert abs(first_number(with_do["Tandem"][-1]) - first_number(with_do[echo][-1])) < 20


def check_kinds(found):
    rows = rows_of(found, "Kinds of answers, 200 names, nsec3")
    assert list(rows) == [*SERVERS, "UDP echo, each length"]
    assert all(first_number(cell) > 0 for cells in rows.values() for cell in cells)


def check_tcp(found):
    rows = rows_of(found, "TCP, ")
    assert list(rows) == [*SERVERS, "TCP echo"]
    for cells in rows.values():
        median, p90, worst = map(first_number, cells[-3:])
        assert 0 < median <= p90 <= worst


def check_starts(found):
    for title, servers in (("From start to the first signed answer", [*SERVERS[:2], "NSD, nsd.db", "Knot", "Knot, journal"]),
                           ("6 zones of 10 names", ["Tandem", "NSD, signed", "Knot, signed", "Knot, journal, signed",
                                                    "gdnsd, unsigned", "NSD, unsigned", "Knot, unsigned"])):
        rows = rows_of(found, title)
        assert [server for server in rows if server != "gdnsd, unsigned"] == [s for s in servers if s != "gdnsd, unsigned"]
        for start, moment, _, cpu, at_rest, used, _ in rows.values():
            assert start in ("saved state", "text")
            assert first_number(moment) > 0 and first_number(cpu) > 0
            assert 0.2 < first_number(at_rest) < 2000 and 0.2 < first_number(used) < 2000


# One test, because the benchmark runs once and pytest-xdist would share several out.
def test_the_benchmark_of_serving_works_on_a_tiny_zone_and_its_figures_are_possible():
    found = tables(run_benchmark())
    check_udp(found)
    check_kinds(found)
    check_tcp(found)
    check_starts(found)
    assert list(rows_of(found, "CNAMEs to names below a wildcard")) == SERVERS
    aims = found["Aims"]
    assert len(aims) > 15
    assert {row[3] for row in aims[1:]} <= {"holds", "**misses**", "not measured"}
