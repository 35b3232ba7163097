# SPDX-License-Identifier: BSD-3-Clause
"""A result.json as the report needs it: rows by their parameters, and figures as (median, least, most)."""

import json
import math
import pathlib
from collections import Counter, namedtuple

Spread = namedtuple("Spread", "median least most")


# The point around which others are varied, where it was chosen; else the values that most rows have.
BASES = {"density": {"nfs": 100, "active_percent": 100, "hops": 1, "cost_cycles": 50, "shared_cores": 1,
                     "traffic": "uniform"}}


class Row:
    def __init__(self, row):
        self.name = row["row"]
        self.parameters = row["parameters"]
        self.lives = row["lives"]
        self._figures = row["figures"]

    def __getitem__(self, key):
        return self.parameters[key]

    def get(self, figure):
        """The spread of a figure, or None where this row has none."""
        found = self._figures.get(figure)
        return Spread(found["median"], found["least"], found["most"]) if found else None

    def median(self, figure):
        found = self.get(figure)
        return found.median if found else math.nan

    @property
    def figures(self):
        return list(self._figures)


class Result:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.json = json.loads((self.folder / "result.json").read_text(encoding="utf-8"))
        self.rows = [Row(row) for row in self.json["rows"]]
        self.experiment = self.json["experiment"]
        self.units = self.json["units"]

    def where(self, **wanted):
        """The rows with these parameters."""
        return [row for row in self.rows if all(row.parameters.get(k) == v for k, v in wanted.items())]

    def values(self, parameter):
        seen = {row.parameters[parameter] for row in self.rows if parameter in row.parameters}
        return sorted(seen, key=lambda value: (isinstance(value, str), value))

    def usual(self, *free, **fixed):
        """Of each other parameter its value at the point around which others are varied."""
        names = {name for row in self.rows for name in row.parameters} - set(free) - set(fixed)
        base = BASES.get(self.experiment, {})
        point = {}
        for name in sorted(names):
            values = Counter(row.parameters[name] for row in self.where(**fixed) if name in row.parameters)
            if values:
                point[name] = base[name] if base.get(name) in values else values.most_common(1)[0][0]
        return point

    def line(self, along, **fixed):
        """The rows that differ along one parameter only, in its order."""
        rows = self.where(**{**self.usual(along, **fixed), **fixed})
        return sorted(rows, key=lambda row: (isinstance(row[along], str), row[along]))

    def matched(self, figure, name, value, other, **fixed):
        """Of a figure the ratios between rows with `name` = value and those with `other`, alike in all else: (row, ratio)."""
        def rest(row):
            return tuple(sorted((k, str(v)) for k, v in row.parameters.items() if k != name))

        against = {rest(row): row for row in self.where(**{name: other}, **fixed)}
        return [(row, row.median(figure) / against[rest(row)].median(figure)) for row in self.where(**{name: value}, **fixed)
                if rest(row) in against and row.median(figure) > 0 and against[rest(row)].median(figure) > 0]

    @property
    def is_matrix(self):
        return self.json["scale"] in ("matrix", "full")

    def disturbance(self):
        """The largest median over rows of what stole time: (by the hypervisor, by other processes)."""
        lives = [life for row in self.rows for life in row.lives]
        if not lives:
            return 0.0, 0.0

        def median(name):
            values = sorted(life[name] for life in lives)
            return values[len(values) // 2]

        return median("steal_share"), median("others_share")


def spread_of(values):
    """Of numbers, or None of none."""
    values = sorted(values)
    if not values:
        return None
    middle = len(values) // 2
    return Spread(values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2, values[0], values[-1])


def nfs_text(count):
    return "1 NF" if count == 1 else f"{count:,} NFs"


def short(value, digits=3):
    """A number as people read it: 12.3 M, 456 k, 0.123."""
    if value is None or math.isnan(value):
        return "–"
    for factor, letter in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if abs(value) >= factor * 0.99995:
            return f"{value / factor:.{digits}g}{letter}"
    if value != 0 and abs(value) < 1e-3:
        return f"{value:.1e}"
    return f"{value:.{digits}g}" if abs(value) < 1000 else f"{value:.0f}"


def plain(value):
    """Three figures without a letter: 1,030, 24.6, 0.45."""
    if value is None or math.isnan(value):
        return "–"
    if abs(value) < 1000:
        return short(value)
    return f"{float(f'{value:.3g}'):,.0f}"


def spread_text(spread, number=short):
    if spread is None:
        return "–"
    if spread.least == spread.most:
        return number(spread.median)
    return f"{number(spread.median)} [{number(spread.least)} to {number(spread.most)}]"
