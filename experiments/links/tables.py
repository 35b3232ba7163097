# SPDX-License-Identifier: BSD-3-Clause
"""What links.py found, as tables for a terminal and for docs/performance.md, and the facts of the machine beside it."""

import os
import pathlib
import platform
import re
import shutil
import statistics
import subprocess


def spread(values, digits=3):
    def plain(value):
        return f"{value:.{digits}g}" if value < 10**digits else f"{value:.0f}"

    middle = plain(statistics.median(values))
    return middle if len(values) == 1 else f"{middle} [{plain(min(values))} to {plain(max(values))}]"


def ratios(row, values):
    """Roost over bridge, pair by pair; none of percentages, and none where the bridge's is 0."""
    if "lost" in row or "bridge" not in values:
        return []
    return [ours / theirs for ours, theirs in zip(values["roost"], values["bridge"]) if theirs > 0]


def cells(rows):
    yield "", "Roost", "bridge", "times the bridge"
    for row, values in rows.items():
        bridge, times = values.get("bridge"), ratios(row, values)
        yield row, spread(values["roost"]), spread(bridge) if bridge else "", spread(times, 2) if times else ""


def plain(rows):
    lines = list(cells(rows))
    widths = [max(len(line[i]) for line in lines) for i in range(4)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines)


def markdown(rows):
    head, *lines = cells(rows)
    return "\n".join(f"| {' | '.join(line)} |" for line in [head, ("---",) * 4, *lines])


def where_lost(losses, by):
    """Of all UDP of all rounds: how many datagrams were lost, and what every place says that it lost meanwhile."""
    ours = [loss for loss in losses if loss["by"] == by]
    causes = {}
    for loss in ours:
        for cause, count in loss["causes"].items():
            causes[cause] = causes.get(cause, 0) + count
    text = f"{sum(loss['lost'] for loss in ours)} of {sum(loss['sent'] for loss in ours)} datagrams lost"
    return text + (": " + ", ".join(f"{cause} {causes[cause]}" for cause in sorted(causes)) if causes else "")


def books_of(books):
    """Of all rounds together."""
    sums = {name: sum(each[name] for each in books) for name in ("received", "created", "transmitted", "held")}
    dropped = {}
    for each in books:
        for cause, count in each["dropped"].items():
            dropped[cause] = dropped.get(cause, 0) + count
    causes = ", ".join(f"{cause} {count}" for cause, count in sorted(dropped.items()) if count)
    return (f"received {sums['received']} + created {sums['created']} = transmitted {sums['transmitted']} + dropped "
            f"{sum(dropped.values())}{f' ({causes})' if causes else ''} + held {sums['held']}")


def page(results):
    """All of it, in markdown."""
    machine, options = results["machine"], results["options"]
    text = [f"{machine['cpu']}, {machine['cpus']} CPUs, kernel {machine['kernel']}, {machine['iperf3']}, huge pages: "
            f"{machine['hugepages']}; stolen meanwhile {results['steal_percent']:.1f} %, load at the start "
            f"{machine['load']:.1f}. `iperf3` runs of {options['seconds']} s, a file of {options['megabytes']} MB, "
            f"offloads {'as they are' if options['offloads'] else 'off'}, prefix `{options['prefix'] or 'none'}`. "
            f"Median of {results['rounds']} rounds [least to most]; the ratio is of each round's pair."]
    for kind, found in results["kinds"].items():
        text.append(f"### `{kind}`\n\n{markdown(found['rows'])}\n")
        text += [f"UDP by {by}: {where_lost(found['lost'], by)}." for by in ("roost", "bridge")]
        text.append(f"Books: {books_of(found['books'])}.")
    return "\n\n".join(text) + "\n"


def first_match(pattern, path, otherwise):
    found = re.search(pattern, pathlib.Path(path).read_text(encoding="utf-8"), re.MULTILINE)
    return found[1] if found else otherwise


def machine():
    version = "none"
    if shutil.which("iperf3"):
        version = subprocess.run(["iperf3", "--version"], capture_output=True, text=True, check=False).stdout.split("\n")[0]
    return {"cpu": first_match(r"^model name\s*: (.*)$", "/proc/cpuinfo", platform.machine()), "cpus": os.cpu_count(),
            "kernel": platform.release(), "load": os.getloadavg()[0], "iperf3": re.sub(r" \(.*", "", version),
            "hugepages": int(first_match(r"^HugePages_Total:\s*(\d+)", "/proc/meminfo", "0"))}


def cpu_ticks():
    """(stolen by the machine below, all) since the start of this one."""
    ticks = [int(word) for word in first_match(r"^cpu +(.*)$", "/proc/stat", "0").split()[:8]]
    return (ticks[7] if len(ticks) > 7 else 0), sum(ticks)
