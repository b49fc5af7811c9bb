#!/usr/bin/python3
"""How well gpulint reads: facts with exact line and value against labels written by people.

A case is a folder with a `labels.tsv`: file, line, fact, value as JSON and, where it is not
the run's own, the scope; tab-separated. Every fact that is written in the folder's files
stands there and no other. A label with the value ? says that the line decides the fact but
nobody can know its value from the files: claiming one is false. A value after ~ may be
claimed and need not be: readers of the file disagree whether it is the fact.

usage: reading.py GPULINT CASE... [--verbose] [--recall R] [--precision P]
"""
import argparse
import json
import math
import os
import subprocess
import sys


def read_labels(case):
    labels = []
    with open(os.path.join(case, "labels.tsv"), encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            line = line.rstrip("\n")
            if not line or line.startswith("#"):
                continue
            cells = line.split("\t")
            if len(cells) not in (4, 5):
                sys.exit(f"{case}/labels.tsv:{number}: {len(cells)} cells")
            value = "?" if cells[3] == "?" else json.loads(cells[3].removeprefix("~"))
            labels.append((cells[0], int(cells[1]), cells[2], value,
                           cells[4] if len(cells) == 5 else None, cells[3][0] in "?~"))
    return labels


def line_of(fact):
    """The line of the file; gpulint counts a notebook's within their cell."""
    if "cell" not in fact:
        return fact["line"]
    with open(fact["path"], "rb") as f:
        return f.read(fact["from"]).count(b"\n") + 1


def read_facts(gpulint, case):
    files = sorted(os.path.join(d, n) for d, _, names in os.walk(case) for n in names
                   if n != "labels.tsv")
    run = subprocess.run([gpulint, "settings", "--no-config", "--format", "json", *files],
                         stdout=subprocess.PIPE, check=False)
    facts = []
    if not run.stdout:
        return facts
    for file in json.loads(run.stdout)["files"]:
        for run in file["runs"]:
            for fact in run["facts"]:
                if fact["origin"] in ("explicit", "inherited") and fact["line"]:
                    value = "?" if fact["value"] is None else fact["value"]
                    key = (os.path.relpath(fact["path"], case), line_of(fact), fact["fact"])
                    entry = (key, value, fact["scope"])
                    if entry not in facts:
                        facts.append(entry)
    return facts


def same(want, got):
    if isinstance(want, bool) or isinstance(got, bool):
        return want is got
    if isinstance(want, (int, float)) and isinstance(got, (int, float)):
        return math.isclose(want, got, rel_tol=1e-9)
    if isinstance(want, list) and isinstance(got, list) and all(isinstance(x, str) for x in want):
        return sorted(want) == sorted(got)
    return want == got


def judge(gpulint, case, verbose):
    labels, facts = read_labels(case), read_facts(gpulint, case)
    right, claims = 0, 0
    used = set()
    for key, value, scope in facts:
        if value == "?":
            continue
        claims += 1
        hit = next((i for i, l in enumerate(labels)
                    if l[:3] == key and same(l[3], value) and i not in used
                    and (l[4] or None) == (scope or None)), None)
        if hit is None:
            if verbose:
                print(f"false  {case}/{key[0]}:{key[1]} {key[2]} = {json.dumps(value)} [{scope}]")
        else:
            used.add(hit)
            right += 1
    wanted = [i for i, l in enumerate(labels) if not l[5]]
    found = sum(i in used for i in wanted)
    if verbose:
        for i in wanted:
            if i not in used:
                l = labels[i]
                print(f"missed {case}/{l[0]}:{l[1]} {l[2]} = {json.dumps(l[3])} [{l[4]}]")
    return len(wanted), found, claims, right


def main():
    p = argparse.ArgumentParser()
    p.add_argument("gpulint")
    p.add_argument("cases", nargs="+")
    p.add_argument("--verbose", action="store_true")
    p.add_argument("--recall", type=float, default=0)
    p.add_argument("--precision", type=float, default=0)
    o = p.parse_args()
    total = [0, 0, 0, 0]
    for case in o.cases:
        if not os.path.exists(os.path.join(case, "labels.tsv")):
            continue
        total = [a + b for a, b in zip(total, judge(o.gpulint, case.rstrip("/"), o.verbose))]
    wanted, found, claims, right = total
    recall, precision = found / max(wanted, 1), right / max(claims, 1)
    print(f"{len(o.cases)} cases: {wanted} labels, recall {recall:.1%}; "
          f"{claims} claims, precision {precision:.1%}")
    return recall < o.recall or precision < o.precision


if __name__ == "__main__":
    sys.exit(main())
