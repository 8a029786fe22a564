"""tests/bench/transfer on tiny zones: that it works from end to end and that its figures are possible. No time is judged."""

import os
import pathlib
import subprocess

from test_bench_serve import rows_of
from test_bench_sign import first_number, tables

import tandem

TOP = pathlib.Path(__file__).resolve().parents[2]
GIVERS = ["tandem-primary", "tandem-server", "NSD", "Knot", "BIND"]


def run_benchmark():
    done = subprocess.run(
        [TOP / "tests/bench/transfer", "--names", "400", "--alias", "1,60", "--delays", "1,20", "--zones", "6", "--rounds", "1",
         "--rest", "0.3", "--limit", "1"],
        env={**os.environ, "TANDEM_BIN": str(tandem.BIN)}, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


def check_alias(found):
    """Tandem does not notice the resolver; PowerDNS is broken off where it asks 120 times 20 ms."""
    rows = next(rows for title, rows in found.items() if title.startswith("AXFR with ALIAS"))[1:]
    assert [row[:3] for row in rows] == [[server, count, delay] for delay in ("1", "20") for count in ("1", "60")
                                         for server in ("tandem-primary", "PowerDNS")]
    for row in rows:
        if row[0] == "tandem-primary":
            assert min(map(first_number, row[3:])) > 0
    assert rows[-1][4] == "more than 1,000"


def check_whole(found):
    rows = next(rows for title, rows in found.items() if title.startswith("AXFR of 400 names"))
    assert sorted((row[0], row[1]) for row in rows[1:]) == sorted((giver, tsig) for giver in GIVERS for tsig in ("no", "hmac-sha256"))
    for row in rows[1:]:
        seconds, by_second, size, messages, cpu = map(first_number, row[2:7])
        assert min(seconds, by_second, messages, cpu) > 0 and size >= 0
        assert ("signed" in row[5]) == (row[1] != "no")


def check_change(found):
    told, cpu = map(first_number, rows_of(found, "One changed target")["tandem-primary"])
    assert told > 1 and cpu >= 0  # the resolver alone takes 1 ms


def check_rest(found):
    rows = next(rows for title, rows in found.items() if title.startswith("tandem-primary at rest"))
    assert len(rows) == 5
    for row in rows[1:]:
        served, cpu, at_rest, peak, pss, share = map(first_number, row[2:])
        assert served > 0 and 0 < cpu <= at_rest and 0 < pss <= peak and 0 <= share < 100


# One test, because the benchmark runs once and pytest-xdist would share several out.
def test_the_benchmark_of_transfers_works_on_tiny_zones_and_its_figures_are_possible():
    report = run_benchmark()
    found = tables(report)
    check_alias(found)
    check_whole(found)
    assert len(rows_of(found, "Three clients at once")) == 3
    assert "each serial one content" in report
    check_change(found)
    check_rest(found)
    assert len(found["Aims"]) == 10
    assert {row[3] for row in found["Aims"][1:]} <= {"holds", "**misses**"}
