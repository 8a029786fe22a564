"""What the benchmarks of tests/bench print, read back: their tables and the numbers in them."""

import re


def tables(report):
    """{title: rows of cells, the head first}."""
    found = {}
    for part in report.split("\n### ")[1:]:
        title, _, rest = part.partition("\n")
        lines = [line for line in rest.splitlines() if line.startswith("|") and not line.startswith("|--")]
        found[title] = [[cell.strip() for cell in line[1:-1].split("|")] for line in lines]
    return found


def first_number(cell):
    return float(re.match(r"[\d.,]+", cell).group(0).replace(",", ""))
