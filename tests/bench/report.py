"""Markdown that can be pasted into README.md: tables as soon as they are complete, and at the end the aims with what was
measured. A value is the median and, in brackets, the least and the most of the rounds."""

import math
import os
import pathlib
import re
import statistics
import sys
import time


def number(value):
    """Three digits that count, thousands apart; of what is very small two, so that it is not 0."""
    size = abs(value)
    digits = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 0.1 else 3
    if 0 < size < 0.001:
        digits = 1 - math.floor(math.log10(size))
    return f"{value:,.{digits}f}"


def spread(values, scale=1):
    values = [value * scale for value in values]
    middle = number(statistics.median(values))
    return middle if len(values) == 1 else f"{middle} ({number(min(values))}-{number(max(values))})"


def ratios(above, below):
    """Round by round, so that what disturbs a round disturbs both."""
    return [a / b for a, b in zip(above, below)]


def say(text):
    """Progress, beside the report."""
    print(f"{time.strftime('%H:%M:%S')}  {text}", file=sys.stderr, flush=True)


def machine():
    cpu = re.search(r"model name\s*:\s*(.*)", pathlib.Path("/proc/cpuinfo").read_text())
    return (f"{os.cpu_count()} cores ({cpu.group(1) if cpu else os.uname().machine}), Linux {os.uname().release}, "
            f"{time.strftime('%Y-%m-%d', time.gmtime())}, load {os.getloadavg()[0]:.1f}")


class Report:
    def __init__(self):
        self.aims = []

    def line(self, text=""):
        print(text, flush=True)

    def table(self, title, head, rows):
        self.line(f"\n### {title}\n")
        self.line("| " + " | ".join(head) + " |")
        self.line("|" + "---|" * len(head))
        for row in rows:
            self.line("| " + " | ".join(row) + " |")

    def aim(self, what, values, limit, at_most=True):
        """An aim of the issue that was measured: judged by the median, against nothing else."""
        middle = statistics.median(values)
        holds = middle <= limit if at_most else middle >= limit
        sign = "<=" if at_most else ">="
        self.aims.append((what, f"{sign} {limit:.3g}", spread(values), "holds" if holds else "**misses**"))

    def not_measured(self, what, why):
        self.aims.append((what, "", why, "not measured"))

    def close(self):
        if self.aims:
            self.table("Aims", ["what", "aim", "measured", ""], self.aims)
