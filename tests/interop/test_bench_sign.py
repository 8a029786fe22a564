"""tests/bench/sign on a tiny zone: that it works from end to end and that its figures are possible. No time is judged."""

import os
import pathlib
import re
import subprocess

import pytest

import tandem
from bench_report import first_number, tables

TOP = pathlib.Path(__file__).resolve().parents[2]


def run_benchmark():
    """What it prints for 200 names and one round of everything."""
    done = subprocess.run(
        [TOP / "tests/bench/sign", "--names", "200", "--rounds", "1", "--algorithms", "13", "--changes", "1",
         "--polls", "2", "--cores", str(os.cpu_count()), "--ixfr", "no"],
        env={**os.environ, "TANDEM_BIN": str(tandem.BIN)}, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


def check_batches(found, denial):
    """Every signer is there, and its figures agree with each other."""
    title, rows = next(item for item in found.items()
                       if item[0].startswith("Batch") and item[0].endswith(" " + denial))
    count = first_number(re.search(r"([\d,]+) signatures", title).group(1))
    assert 480 < count < 520  # 200 names of which one is a cut: see stage.host_lines
    head, signers = rows[0], [row for row in rows[1:] if row[1]]
    assert len(signers) >= 5
    for row in signers:
        wall, cpu, each, by_wall, _, by_cpu, share = (first_number(cell) for cell in row[1:8])
        assert min(wall, cpu, each, by_wall, by_cpu, share) > 0, row
        assert by_wall * wall == pytest.approx(count, rel=0.1), row
        assert each * by_cpu == pytest.approx(1e6, rel=0.05), row
        assert 1 < first_number(row[head.index("peak RSS, MiB")]) < 2000, row


def check_daemons(found):
    """They sign as much as each other, and answer a change."""
    starts = next(rows for title, rows in found.items() if title.startswith("From start"))
    changes = next(rows for title, rows in found.items() if title.startswith("One changed A"))
    assert [row[0] for row in starts[1:]] == ["Tandem", "BIND named", "Knot knotd"]
    for row in starts[1:]:
        assert 0 < first_number(row[2]) <= first_number(row[3]), row
    counts = [first_number(row[-1]) for row in changes[1:]]
    assert min(counts) > 480 and max(counts) - min(counts) <= 12
    assert all(first_number(row[1]) > 0 for row in changes[1:])


def check_polls(found):
    rows = next(rows for title, rows in found.items() if title.startswith("An unchanged poll"))
    assert rows[1][-2:] == ["0", "0"], rows


# One test, because the benchmark runs once and pytest-xdist would share several out.
def test_the_benchmark_of_signing_works_on_a_tiny_zone_and_its_figures_are_possible():
    report = run_benchmark()
    found = tables(report)
    assert "each signer's zone passes dnssec-verify and ldns-verify-zone" in report
    check_batches(found, "nsec")
    check_batches(found, "nsec3")
    check_daemons(found)
    check_polls(found)
    aims = found["Aims"]
    assert len(aims) > 10
    assert {row[3] for row in aims[1:]} <= {"holds", "**misses**", "not measured"}


def test_the_benchmark_of_algorithms_works_and_compares_the_libraries_where_there_are_two():
    done = subprocess.run(
        [TOP / "tests/bench/algorithms", "--rounds", "1", "--milliseconds", "20", "--only", "13,15", "--no-speed"],
        env={**os.environ, "TANDEM_BIN": str(tandem.BIN)}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr[-4000:]
    rows = [line.split() for line in done.stdout.splitlines()[1:]]
    assert [(row[0], row[2]) for row in rows] == [
        ("13", "rrset"), ("13", "openssl"), ("15", "rrset"), ("15", "openssl"), ("15", "sodium")], done.stdout
    assert all(float(row[3]) > 0 for row in rows), done.stdout
    assert all(float(row[-1]) > 0 for row in rows if row[2] != "rrset"), done.stdout
