# SPDX-License-Identifier: BSD-3-Clause
"""The plots of a result, as SVG and PNG. Colours are Okabe and Ito's, which colour-blind readers tell apart; markers, line
styles and hatches say the same again, for print in grey. Error bars are the whole range of the samples."""

import math
import warnings

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter  # noqa: E402

from results import short  # noqa: E402

COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
MARKERS = ["o", "s", "^", "D", "v", "P", "X"]
STYLES = ["-", "--", "-.", ":"]
HATCHES = ["", "///", "...", "xxx", "\\\\\\", "++", "oo"]
BASELINE = {"color": "#555555", "linestyle": (0, (4, 2)), "linewidth": 1.2, "zorder": 1}

plt.rcParams.update({
    "figure.figsize": (6.4, 3.9), "figure.constrained_layout.use": True, "font.size": 9.5, "axes.grid": True,
    "grid.alpha": 0.35, "grid.linewidth": 0.6, "axes.spines.top": False, "axes.spines.right": False,
    "legend.frameon": False, "svg.fonttype": "path", "svg.hashsalt": "roost", "errorbar.capsize": 2.5,
    "lines.linewidth": 1.5, "lines.markersize": 5.5,
})
NUMBERS = FuncFormatter(lambda value, _: short(value))


class Plots:
    """Writes each figure into a folder, and remembers what was written: (name, caption)."""

    def __init__(self, folder):
        self.folder = folder
        self.written = []
        self.faults = []
        folder.mkdir(exist_ok=True)

    def save(self, figure, name, caption):
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always", UserWarning)
            for suffix in ("svg", "png"):
                figure.savefig(self.folder / f"{name}.{suffix}", dpi=150, metadata={"Date": None} if suffix == "svg" else {})
        for warning in said:  # a layout that does not fit is a fault, but no reason to have no page
            self.faults.append(f"{name}: {warning.message}")
        plt.close(figure)
        self.written.append((name, caption))


FEW_DECADES = 2.2  # on such a logarithmic axis 2 and 5 are labelled, too, or there would be hardly a number on it
FAR_OUT = 4  # times all medians: a slice that went wrong would flatten all others


def with_whiskers(caption, known, cut):
    """The caption, and what points and whiskers are."""
    if all(s.least == s.most for s in known):
        return caption
    return f"{caption.rstrip('.')}. Medians; whiskers: all slices{', some beyond the frame' if cut else ''}."


def frame_end(known, reference=None):
    """Where a linear axis ends, if some whisker is too far out to be shown; else None."""
    most = max([s.median for s in known] + ([reference[0]] if reference else []))
    return FAR_OUT * most if most > 0 and max(s.most for s in known) > FAR_OUT * most else None


def number_axis(axis, log, values):
    values = [v for v in values if v is not None and not math.isnan(v) and v > 0]
    if log and values and max(values) > 8 * min(values):
        axis.axes.set_xscale("log") if axis.axis_name == "x" else axis.axes.set_yscale("log")
        low, high = axis.get_view_interval()
        few = low > 0 and math.log10(high / low) < FEW_DECADES
        axis.set_major_locator(LogLocator(base=10, subs=(1, 2, 5) if few else (1,), numticks=12))
        axis.set_minor_formatter(NullFormatter())
    axis.set_major_formatter(NUMBERS)


def keep_in_view(axis, reference):
    """The line that all is compared with is seen, also where all is far from it."""
    low, high = axis.get_view_interval()
    log = axis.get_scale() == "log"
    set_limits = axis.axes.set_xlim if axis.axis_name == "x" else axis.axes.set_ylim
    set_limits(min(low, reference[0] / (1.15 if log else 1)), max(high, reference[0] * (1.15 if log else 1.05)))


def error_of(spreads):
    return [[s.median - s.least for s in spreads], [s.most - s.median for s in spreads]]


def lines_plot(plots, name, caption, series, xlabel, ylabel, log_x=True, log_y=False, reference=None, apart=0):
    """series: (label, [(x, Spread)], is_baseline). A reference is (y, label). Apart: by which part of x one series is set off
    from the next, so that their whiskers do not cover each other."""
    series = [(label, [(x, s) for x, s in points if s is not None and (s.median > 0 or not log_y)], base)
              for label, points, base in series]
    series = [each for each in series if each[1]]
    if not series:
        return
    known = [s for _, points, _ in series for _, s in points]
    figure, axes = plt.subplots()
    place = 0
    for label, points, base in series:
        xs, spreads = [x * (1 + apart * (place - (len(series) - 1) / 2)) for x, _ in points], [s for _, s in points]
        if base:
            axes.plot(xs, [s.median for s in spreads], label=label, marker=".", **BASELINE)
            continue
        axes.errorbar(xs, [s.median for s in spreads], yerr=error_of(spreads), label=label,
                      color=COLOURS[place % len(COLOURS)], marker=MARKERS[place % len(MARKERS)],
                      linestyle=STYLES[place % len(STYLES)], elinewidth=0.9)
        place += 1
    if reference:
        axes.axhline(reference[0], **BASELINE)
        axes.annotate(reference[1], (1, reference[0]), xycoords=("axes fraction", "data"), xytext=(4, 0),
                      textcoords="offset points", ha="left", va="center", fontsize=8.5, color="#444444")
    number_axis(axes.xaxis, log_x, [x for _, points, _ in series for x, _ in points])
    number_axis(axes.yaxis, log_y, [v for s in known for v in (s.least, s.median, s.most)])
    cut = None if log_y else frame_end(known, reference)
    if not log_y:
        axes.set_ylim(0, cut)
    if reference:
        keep_in_view(axes.yaxis, reference)
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    if len(series) > 1:
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1.01), ncol=2, borderaxespad=0.2)
    plots.save(figure, name, with_whiskers(caption, known, cut))


def bars_plot(plots, name, caption, groups, labels, xlabel, reference=None, log=False, missing="not run"):
    """groups: (label, [Spread or None for each of labels]). Horizontal, so that long labels can be read."""
    groups = [(label, spreads) for label, spreads in groups if any(s is not None for s in spreads)]
    if not groups:
        return
    height = 0.8 / len(groups)
    known = [s for _, spreads in groups for s in spreads if s is not None]
    if all(s.most == 0 for s in known):
        return  # that is said in words
    log = log and all(s.least > 0 for s in known) and max(s.median for s in known) > 8 * min(s.median for s in known)
    figure, axes = plt.subplots(figsize=(6.4, 1.2 + 0.24 * len(labels) * (1 + 0.75 * (len(groups) - 1))))
    for i, (label, spreads) in enumerate(groups):
        kept = [(k, s) for k, s in enumerate(spreads) if s is not None]
        at = [k + (i - (len(groups) - 1) / 2) * height for k, _ in kept]
        for k in range(len(labels)):
            if spreads[k] is None:
                axes.annotate(missing, (0, k + (i - (len(groups) - 1) / 2) * height), xytext=(4, 0), va="center",
                              xycoords=("axes fraction", "data"), textcoords="offset points", fontsize=7.5, color="#666666")
        medians, errors = [s.median for _, s in kept], error_of([s for _, s in kept])
        if log:  # a bar's length would mean nothing
            axes.errorbar(medians, at, xerr=errors, label=label, color=COLOURS[i % len(COLOURS)],
                          marker=MARKERS[i % len(MARKERS)], linestyle="none", elinewidth=0.9)
            continue
        axes.barh(at, medians, height * 0.92, label=label, color=COLOURS[i % len(COLOURS)], alpha=0.85,
                  hatch=HATCHES[i % len(HATCHES)], edgecolor="white", linewidth=0.4, xerr=errors,
                  error_kw={"elinewidth": 0.9, "ecolor": "#222222"})
    cut = None if log else frame_end(known, reference)
    if not log:
        axes.set_xlim(0, cut)
    if reference:
        axes.axvline(reference[0], **BASELINE)
        axes.annotate(reference[1], (reference[0], 1), xycoords=("data", "axes fraction"), xytext=(3, 2),
                      textcoords="offset points", fontsize=8.5, color="#444444", annotation_clip=False)
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.grid(axis="y", visible=False)
    number_axis(axes.xaxis, log, [s.median for _, spreads in groups for s in spreads if s is not None])
    if reference:
        keep_in_view(axes.xaxis, reference)
    axes.set_xlabel(xlabel)
    if len(groups) > 1:
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1.04), ncol=min(3, len(groups)), borderaxespad=0.3)
    plots.save(figure, name, with_whiskers(caption, known, cut))


def stacked_plot(plots, name, caption, labels, parts, xlabel):
    """parts: (label, [value for each of labels]), one behind the other."""
    figure, axes = plt.subplots(figsize=(6.4, 1.5 + 0.3 * len(labels)))
    begin = [0.0] * len(labels)
    for i, (label, values) in enumerate(parts):
        values = [0 if math.isnan(v) else v for v in values]
        axes.barh(range(len(labels)), values, 0.7, left=begin, label=label, color=COLOURS[i], alpha=0.85,
                  hatch=HATCHES[i], edgecolor="white", linewidth=0.4)
        begin = [b + v for b, v in zip(begin, values)]
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.grid(axis="y", visible=False)
    axes.xaxis.set_major_formatter(NUMBERS)
    axes.set_xlabel(xlabel)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncol=1)
    plots.save(figure, name, caption)


def heat_plot(plots, name, caption, columns, lines, cells, xlabel, ylabel):
    """cells[line][column]: a number, or None. Each is written into its place, so that colour is not needed to read it."""
    known = [value for line in cells for value in line if value is not None and value > 0]
    if not known:
        return
    figure, axes = plt.subplots(figsize=(6.4, 1.3 + 0.27 * len(lines)))
    values = [[math.nan if v is None or v <= 0 else math.log10(v) for v in line] for line in cells]
    low, high = math.log10(min(known)), math.log10(max(known))
    axes.imshow(values, cmap="cividis", aspect="auto", vmin=low, vmax=max(high, low + 0.1))
    for y, line in enumerate(cells):
        for x, value in enumerate(line):
            light = value is not None and value > 0 and math.log10(value) > low + 0.55 * (high - low)
            axes.text(x, y, "–" if value is None else short(value), ha="center", va="center", fontsize=8,
                      color="black" if light or value is None else "white")
    axes.set_xticks(range(len(columns)), columns)
    axes.set_yticks(range(len(lines)), lines)
    axes.grid(visible=False)
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    plots.save(figure, name, f"{caption}. Medians; –: not measured.")


def front_plot(plots, name, caption, rows, front, marks, xfigure, yfigure, xlabel, ylabel, delivers=lambda row: True):
    """Every row as a point, the front as a line, and named marks. What does not deliver is drawn, but on no front."""
    figure, axes = plt.subplots()
    xs, ys = [r.median(xfigure) for r in rows], [r.median(yfigure) for r in rows]
    for kept, look in ((True, {"s": 18, "color": "#888888", "label": "other settings"}),
                       (False, {"s": 22, "facecolor": "none", "edgecolor": "#888888", "marker": "v",
                                "label": "those that lost over 1 %"})):
        some = [r for r in rows if delivers(r) == kept]
        if some:
            axes.scatter([r.median(xfigure) for r in some], [r.median(yfigure) for r in some], zorder=2, **look)
    ordered = sorted((r for r in rows if r.name in front), key=lambda r: r.median(xfigure))
    axes.plot([r.median(xfigure) for r in ordered], [r.median(yfigure) for r in ordered], color=COLOURS[0],
              marker="o", drawstyle="steps-post", label="Pareto front", zorder=3)
    for i, (mark, row_name) in enumerate(sorted(marks.items())):
        for row in rows:
            if row.name == row_name:
                axes.scatter([row.median(xfigure)], [row.median(yfigure)], s=95, marker=["*", "X"][i % 2],
                             color=COLOURS[1 + i], edgecolor="black", linewidth=0.6, label=mark, zorder=4)
    number_axis(axes.xaxis, True, xs)
    number_axis(axes.yaxis, True, ys)
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.01), ncol=3, borderaxespad=0.2)
    plots.save(figure, name, caption + ". Each point: the medians of one setting.")
