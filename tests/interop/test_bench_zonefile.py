"""tests/bench/zonefile on a tiny zone: that it works from end to end and that its figures are possible. No time is judged."""

import os
import pathlib
import re
import subprocess

import tandem
from bench_report import first_number, tables

TOP = pathlib.Path(__file__).resolve().parents[2]
NAMES = 300


def run_benchmark():
    """What it prints for a few names and one round of everything."""
    done = subprocess.run([TOP / "tests/bench/zonefile", "--names", str(NAMES), "--rounds", "1"],
                          env={**os.environ, "TANDEM_BIN": str(tandem.BIN)}, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


def check_readers(title, rows):
    """All readers are there, and their figures agree with each other."""
    count = first_number(re.search(r"([\d,]+) RRs", title).group(1))
    assert 1.4 * NAMES < count < 1.6 * NAMES, title
    assert [row[0] for row in rows[1:]] == ["Tandem, --check", "kzonecheck", "nsd-checkzone", "ldns-read-zone",
                                            "named-checkzone"]
    for row in rows[1:]:
        cpu, each, peak = (first_number(row[at]) for at in (2, 3, 5))
        assert abs(each * count / 1e6 - cpu) <= 0.1 * cpu + 0.001, row
        assert 1 < peak < 2000, row


# One test, because the benchmark runs once and pytest-xdist would share several out.
def test_the_benchmark_of_zone_files_works_on_a_tiny_zone_and_its_figures_are_possible():
    report = run_benchmark()
    found = tables(report)
    assert "RDATA octet by octet, as ldns-read-zone" in report
    reading = {title: rows for title, rows in found.items() if title.startswith("Reading")}
    assert {title.split()[-2] for title in reading} == {"canonical", "shuffled", "scattered"}
    for title, rows in reading.items():
        check_readers(title, rows)
    daemon = next(rows for title, rows in found.items() if title.startswith("tandem-primary"))
    assert all(first_number(cell) > 0 for cell in daemon[1])
    assert len(found["Aims"]) == 1 + 2 * 3
    assert {row[3] for row in found["Aims"][1:]} <= {"holds", "**misses**"}
