#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Results as they are committed: result.json, rows.csv and plots (SVG) of each experiment, and a README.md whose figures
all come from them.

    publish.py FOLDER... --into docs/results    FOLDER: results/<experiment>/<time>, measured on a quiet machine

What is there of the same experiments is replaced. Needs matplotlib: scripts/install_deps.sh python3-matplotlib
"""

import argparse
import csv
import json
import pathlib
import shutil
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

try:
    import figures
    from plots import Plots
except ImportError as error:
    sys.exit(f"publish: {error}; run scripts/install_deps.sh python3-matplotlib")
import words
from results import Result, plain

HEAD = """# Results

Written by `experiments/report/publish.py` from the results beside it: every figure on this page is in a `result.json`
here. How they were measured, and what each figure is, is in [benchmarking.md](../benchmarking.md); `roost-experiment check`
checks them, `roost-experiment compare` tells a difference between them and your own from noise.
"""

DOES_NOT_SHOW = """## What this does not show

- No wire rate: the generator and the null port are in memory, and the generator's packets are warm in a cache.
- One machine. Ratios to a baseline of the same run travel better than absolute figures, and neither is a promise.
- {cores}: the manager has one, NFs share the other{more_cores}. Nothing is said of several io cores, or of NUMA nodes.
- NFs that burn a fixed number of cycles a packet: no NF's memory, and no NF's waits.
- {scales}
"""

SCALES = {
    "quick": "quick rows only: that all works, and little more.",
    "lines": "each parameter varied alone, around one point of the matrix (`--scale lines`): how they act together is not "
             "measured.",
    "matrix": "the whole matrix (`--scale matrix`) of what result.json does not name as left out, in one life; 4,000 processes "
              "were started with four pairs of chain length and cost only, which have each of them at least once. One start of NFs "
              "serves all rows that differ in their traffic or settings only, so how much one start differs from the next is "
              "seen only between rows. NDR and PDR were searched in some rows.",
    "full": "the whole matrix.",
}


def machine_lines(results):
    machine = results[0].json["machine"]
    facts = [f"{name.replace('_', ' ')} {machine[name]}" for name in ("cpu", "cores", "kernel", "dpdk", "hugepages_free")
             if machine.get(name) not in ("", None)]
    limits = [entry for result in results for entry in result.json["limits"]]
    told = []
    for name, what, unit in (("cache_line_ns", "a cache line between two cores", "ns"),
                             ("futex_same_core_us", "a futex wake-up on one core", "µs"),
                             ("futex_two_cores_us", "a futex wake-up across two", "µs")):
        values = sorted(entry[name] for entry in limits if name in entry)
        if values:
            told.append(f"{what} {plain(values[len(values) // 2])} {unit} ({plain(values[0])} to {plain(values[-1])})")
    return f"{', '.join(facts)}; {machine['label']}. Its own limits, in the same runs: {'; '.join(told)}.\n"


def rounded(value):
    """Numbers to six digits: more than any figure is good for."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {key: rounded(each) for key, each in value.items()}
    return [rounded(each) for each in value] if isinstance(value, list) else value


def short_cell(cell):
    """A cell of rows.csv: what has a point is a figure; the rest are parameters and counts."""
    try:
        return f"{float(cell):.6g}" if "." in cell or "e+" in cell or "e-" in cell else cell
    except ValueError:
        return cell


def compact(result):
    """A line for each row, so that a matrix of a thousand rows stays a file that a repository bears."""
    def line(value):
        return json.dumps(rounded(value), separators=(",", ":"), ensure_ascii=False)

    parts = []
    for key, value in result.items():
        if key in ("rows", "left_out") and value:
            parts.append(f'"{key}":[\n' + ",\n".join(line(each) for each in value) + "\n]")
        else:
            parts.append(f'"{key}":{line(value)}')
    return "{\n" + ",\n".join(parts) + "\n}\n"


def experiment_lines(result, into):
    target = into / result.experiment
    if target.exists():
        shutil.rmtree(target)
    target.mkdir(parents=True)
    with open(result.folder / "rows.csv", encoding="utf-8", newline="") as table, \
            open(target / "rows.csv", "w", encoding="utf-8", newline="") as into_table:
        csv.writer(into_table, lineterminator="\n").writerows([short_cell(cell) for cell in row] for row in csv.reader(table))
    kept = result.json | {"options": dict(result.json["options"])}
    kept["options"]["capture"] = pathlib.Path(kept["options"].get("capture", "")).name  # where it lay is nobody's business
    (target / "result.json").write_text(compact(kept), encoding="utf-8")
    plots = Plots(target)
    figures.EXPERIMENTS[result.experiment](result, plots)
    for fault in plots.faults:
        print(f"publish: {result.folder}: plot {fault}", file=sys.stderr)
    for drawn in target.glob("*.png"):
        drawn.unlink()
    options, run = result.json["options"], result.json
    steal, others = result.disturbance()
    name = result.experiment
    lines = [f"## {name.replace('_', ' ').capitalize()}", "", f"*{run['question']}*", ""]
    reasons = words.disturbed(result)
    if reasons:
        lines += [f"**Not to be quoted:** {'; '.join(reasons)}.", ""]
    lines += [f"`{run['scale']}`, {len(result.rows)} rows, {words.lives_text(run['lives'])} each with {options['pairs']} pairs of slices of "
              f"{options['slice_s']:g} s; {run['started']} to {run['ended']}; stolen by the hypervisor {100 * steal:.1f} %, used "
              f"by others {100 * others:.1f} % of the cores' time. [result.json]({name}/result.json), [rows.csv]({name}/rows.csv)."]
    left = len(run["left_out"])
    if left:
        lines[-1] += f" {left} rows were left out; result.json says of each why."
    lines += [""] + [f"- {line}" for line in words.EXPERIMENTS[name](result)] + [""]
    for plot, caption in plots.written:
        lines += [f"![{caption}]({name}/{plot}.svg)", "", f"{caption}", ""]
    return lines


def page(results, into):
    lines = [HEAD, "## Machine", "", machine_lines(results)]
    for result in results:
        lines += experiment_lines(result, into)
    cores = results[0].json["machine"]["cores"]
    scales = {}
    for result in results:
        scales.setdefault(result.json["scale"], []).append(f"`{result.experiment}`")
    lines.append(DOES_NOT_SHOW.format(
        cores=f"{cores} cores", more_cores="" if cores == 2 else ", or several where a row says so",
        scales="\n- ".join(f"{', '.join(names)}: {SCALES[scale]}" for scale, names in sorted(scales.items()))))
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", metavar="FOLDER")
    parser.add_argument("--into", required=True, metavar="FOLDER")
    options = parser.parse_args()
    try:
        results = [Result(folder) for folder in options.folders]
    except (OSError, ValueError, KeyError) as error:
        sys.exit(f"publish: {error}: a folder of results has a result.json")
    for result in results:
        if not result.rows:
            sys.exit(f"publish: {result.folder}: no row has been measured")
    into = pathlib.Path(options.into)
    into.mkdir(parents=True, exist_ok=True)
    text = page(results, into)
    (into / "README.md").write_text(text.rstrip("\n") + "\n", encoding="utf-8")
    print(into / "README.md")


if __name__ == "__main__":
    main()
