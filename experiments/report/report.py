#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Plots and a self-contained page from results of roost-experiment.

    report.py FOLDER... [--out PAGE]    FOLDER: results/<experiment>/<time>; plots go to FOLDER/plots, its page to
                                        FOLDER/report.html, and a page of all of them to PAGE

Needs matplotlib: scripts/install_deps.sh python3-matplotlib
"""

import argparse
import base64
import html
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

try:
    import figures
    from plots import Plots
except ImportError as error:
    sys.exit(f"report: {error}; run scripts/install_deps.sh python3-matplotlib")
import words
from results import Result, plain, spread_text

STYLE = (HERE / "page.css").read_text(encoding="utf-8")
METHOD = """Each row ran in fresh processes (lives), and in each life in slices: where there is a baseline, a slice of Roost
and a slice of the baseline in turn, on the same cores, packets and flows. Figures are medians of all slices with their
whole range. The generator keeps its schedule whatever the system does, and latency counts from the time at which a packet
was meant to be sent. A life whose books do not balance (received + created = transmitted + dropped + held) fails the run.
Absolute figures are of this machine and hour; ratios travel. In memory, no NIC: nothing here is a wire rate.
docs/benchmarking.md has all of the method."""


def escaped(text):
    return html.escape(str(text))


def table(head, rows, numbers_from=1):
    cells = "".join(f"<th>{escaped(h)}</th>" for h in head)
    body = "".join(
        "<tr>" + "".join(f"<td{' class=n' if i >= numbers_from else ''}>{escaped(c)}</td>" for i, c in enumerate(row)) + "</tr>"
        for row in rows)
    return f"<div class=wide><table><tr>{cells}</tr>{body}</table></div>"


def machine_part(results):
    machine, limits = results[0].json["machine"], [entry for result in results for entry in result.json["limits"]]
    machine = machine | {"tsc_mhz": round(machine["tsc_mhz"], 1)}
    rows = [(name.replace("_", " "), machine[name]) for name in
            ("cpu", "cores", "kernel", "dpdk", "tsc_mhz", "hugepages_free", "governor", "label") if machine.get(name) != ""]
    units = {"cache_line_ns": ("a cache line, one core to another", "ns"),
             "futex_same_core_us": ("a futex wake-up on one core", "µs"),
             "futex_two_cores_us": ("a futex wake-up, one core to another", "µs"),
             "work_steps_per_us": ("steps of dependent work", "per µs")}
    measured = []
    for name, (what, unit) in units.items():
        values = sorted(entry[name] for entry in limits if name in entry)
        if values:
            measured.append((what, f"{plain(values[len(values) // 2])} {unit}",
                             f"{plain(values[0])} to {plain(values[-1])}"))
    text = table(("fact", "value"), rows, numbers_from=9)
    if measured:
        text += "<p>What the machine itself does, measured before and after each experiment:</p>"
        text += table(("limit", "median", "range"), measured)
    return text


def run_part(result):
    json, options = result.json, result.json["options"]
    steal, others = result.disturbance()
    return table(("run", ""), [
        ("scale", json["scale"]), ("state", json["state"]), ("started", json["started"]), ("ended", json["ended"]),
        ("lives of each row", json["lives"]), ("pairs of slices in a life", options["pairs"]),
        ("slice, warm-up", f"{options['slice_s']:g} s, {options['warm_up_s']:g} s"), ("seed", options["seed"]),
        ("settings", " ".join(options["settings"]) or "the standard ones"),
        ("stolen by the hypervisor", f"{100 * steal:.1f} % of the cores' time"),
        ("used by other processes", f"{100 * others:.1f} % of the cores' time")], numbers_from=9)


def rows_part(result):
    names = sorted({name for row in result.rows for name in row.parameters})
    seen = [figure for figure in result.units if any(row.get(figure) for row in result.rows)]
    rows = [[row.parameters.get(name, "") for name in names] + [spread_text(row.get(figure)) for figure in seen]
            for row in result.rows]
    head = names + [f"{figure} ({result.units[figure]})" for figure in seen]
    return f"<details><summary>{words.rows_text(len(rows))}: median [least to most]</summary>{table(head, rows, len(names))}</details>"


def list_part(title, entries):
    if not entries:
        return ""
    lines = "".join(f"<li><code>{escaped(entry['row'])}</code>: {escaped(entry['why'])}</li>" for entry in entries)
    return f"<details><summary>{title}: {len(entries)}</summary><ul>{lines}</ul></details>"


def books_part(result):
    lives = [life["books"] for row in result.rows for life in row.lives if life["books"]]
    total = {name: sum(books[name] for books in lives) for name in ("received", "created", "transmitted", "dropped", "held")}
    return (f"<p class=books>Books of {words.lives_text(len(lives))}: {total['received']:,} received + {total['created']:,} created "
            f"= {total['transmitted']:,} transmitted + {total['dropped']:,} dropped + {total['held']:,} held.</p>")


def experiment_part(result):
    plots = Plots(result.folder / "plots")
    figures.EXPERIMENTS[result.experiment](result, plots)
    for fault in plots.faults:
        print(f"report: {result.folder}: plot {fault}", file=sys.stderr)
    parts = [f"<h2 id={result.experiment}>{escaped(result.experiment.replace('_', ' '))}</h2>",
             f"<p class=question>{escaped(result.json['question'])}</p>",
             f"<p class=books>{escaped(words.run_text(result))}</p>"]
    reasons = words.disturbed(result)
    if reasons:
        parts.append(f"<p class=warning><strong>Not to be quoted:</strong> {escaped('; '.join(reasons))}.</p>")
    conclusions = list(words.EXPERIMENTS[result.experiment](result))
    parts.append("<ul class=conclusions>" + "".join(f"<li>{escaped(line)}</li>" for line in conclusions) + "</ul>")
    for name, caption in plots.written:
        data = base64.b64encode((plots.folder / f"{name}.svg").read_bytes()).decode()
        parts.append(f"<figure><img alt='{escaped(caption)}' src='data:image/svg+xml;base64,{data}'>"
                     f"<figcaption>{escaped(caption)}</figcaption></figure>")
    parts += [books_part(result), rows_part(result), list_part("Rows left out", result.json["left_out"]),
              list_part("Failures", result.json["failures"]),
              f"<details><summary>How it was run</summary>{run_part(result)}</details>"]
    return "".join(parts)


def page(results, parts):
    title = "Roost: " + ", ".join(result.experiment.replace("_", " ") for result in results)
    contents = "".join(f"<a href='#{r.experiment}'>{escaped(r.experiment.replace('_', ' '))}</a> " for r in results)
    return (f"<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
            f"<title>{escaped(title)}</title><style>{STYLE}</style><main><h1>{escaped(title)}</h1>"
            f"<nav>{contents}<a href='#method'>method</a> <a href='#machine'>machine</a></nav>"
            + "".join(parts)
            + f"<h2 id=method>Method</h2><p>{escaped(METHOD)}</p><h2 id=machine>Machine</h2>{machine_part(results)}</main></html>\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", metavar="FOLDER")
    parser.add_argument("--out", metavar="PAGE", help="the page; for several folders it is needed")
    options = parser.parse_args()
    if len(options.folders) > 1 and not options.out:
        parser.error("of several folders, --out PAGE says where the page goes")
    try:
        results = [Result(folder) for folder in options.folders]
    except (OSError, ValueError, KeyError) as error:
        sys.exit(f"report: {error}: a folder of results has a result.json")
    for result in results:
        if not result.rows:
            sys.exit(f"report: {result.folder}: no row has been measured")
    parts = [experiment_part(result) for result in results]
    for result, part in zip(results, parts):
        (result.folder / "report.html").write_text(page([result], [part]), encoding="utf-8")
    out = pathlib.Path(options.out) if options.out else results[0].folder / "report.html"
    out.write_text(page(results, parts), encoding="utf-8")
    print(out)


if __name__ == "__main__":
    main()
