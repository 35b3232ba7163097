# SPDX-License-Identifier: BSD-3-Clause
"""Conclusions in words, computed from the data: nothing here is known before a run."""

from results import nfs_text, plain, short, spread_of, spread_text

TIERS = ("fiber", "process")


def rate_text(spread):
    return "none found" if spread and spread.most == 0 else spread_text(spread)


def lives_text(count):
    return "one life" if count == 1 else f"{count} lives"


def rows_text(count):
    return "one row" if count == 1 else f"{count} rows"


def run_text(result):
    run, options = result.json, result.json["options"]
    return (f"Scale {run['scale']}: {rows_text(len(result.rows))}, {lives_text(run['lives'])} each with {options['pairs']} pairs of slices of "
            f"{options['slice_s']:g} s; {run['started']} to {run['ended']}.")


def possessive(mark):
    return "the default" if mark == "default" else f"{mark}'s"


def against(spread, baseline):
    """Whether the whole range of the ratio lies on one side of 1."""
    if spread.least > 1:
        return f"more than {baseline} in every slice"
    if spread.most < 1:
        return f"less than {baseline} in every slice"
    return f"not told apart from {baseline} by the range"


def ratio_span(rows, figure):
    kept = [row for row in rows if row.get(figure)]
    if not kept:
        return None
    return min(kept, key=lambda r: r.median(figure)), max(kept, key=lambda r: r.median(figure))


def density(result):
    for tier in TIERS:
        line = [row for row in result.line("nfs", tier=tier) if row.get("throughput_pps")]
        if not line:
            continue
        for row in (line[0], line[-1]) if len(line) > 1 else line:
            yield (f"Tier {tier}, {nfs_text(row['nfs'])}: {spread_text(row.get('throughput_pps'))} packets/s come out at most, "
                   f"{spread_text(row.get('times_bare_pipeline'))} times the bare pipeline; "
                   f"PDR {rate_text(row.get('pdr_pps'))}, NDR {rate_text(row.get('ndr_pps'))}.")
        if len(line) > 1:
            kept = line[-1].median("times_bare_pipeline") / line[0].median("times_bare_pipeline")
            yield (f"Tier {tier}: the ratio to the bare pipeline at {nfs_text(line[-1]['nfs'])} is {short(kept)} times that at "
                   f"{nfs_text(line[0]['nfs'])}.")
            costly = line[-1]
            yield (f"Tier {tier}, {nfs_text(costly['nfs'])}: a packet costs {short(costly.median('nf_cycles'))} TSC cycles in NFs, "
                   f"{short(costly.median('worker_cycles'))} in the rest of its workers, "
                   f"{short(costly.median('io_cycles'))} in the manager; a started NF costs "
                   f"{plain(costly.median('memory_per_nf_bytes'))} bytes and {plain(costly.median('spawn_us_per_nf'))} µs.")
    if result.is_matrix:
        yield from density_matrix(result)
    missed = [row for row in result.rows if row.get("ndr_pps") and row.median("ndr_pps") == 0]
    if missed:
        searched = sum(1 for row in result.rows if row.get("ndr_pps"))
        yield (f"In {len(missed)} of {searched} rows no rate without loss was found: on a shared machine one stolen "
               "time slice loses packets at any rate. PDR is the figure to use there.")


def density_matrix(result):
    """What rows that are alike in all but one parameter say of it."""
    figure = "times_bare_pipeline"
    for tier in TIERS:
        rows = [row for row in result.where(tier=tier) if row.median(figure) > 0]
        if not rows:
            continue
        least, most = ratio_span(rows, figure)
        middle = spread_of([row.median(figure) for row in rows])

        def where(row):
            return (f"{nfs_text(row['nfs'])}, {row['hops']} hop{'' if row['hops'] == 1 else 's'}, {row['cost_cycles']:,} cycles, {row['active_percent']} % active, "
                    f"{row['traffic']}")

        yield (f"Tier {tier}: over {len(rows)} rows the ratio to the bare pipeline lies between {short(middle.least)} "
               f"({where(least)}) and {short(middle.most)} ({where(most)}); its median is {short(middle.median)}.")
        by_cost = [(cost, spread_of([row.median(figure) for row in rows if row["cost_cycles"] == cost]))
                   for cost in result.values("cost_cycles")]
        told = "; ".join(f"{cost:,} cycles: {spread_text(s)}" for cost, s in by_cost if s)
        yield f"Tier {tier}, by the cost of an NF, the median ratio over all else with its range: {told}."
        for name, base, what in (("active_percent", 100, "all NFs active"), ("traffic", "uniform", "uniform 64-byte traffic"),
                                 ("hops", 1, "one hop")):
            parts = []
            for value in [v for v in result.values(name) if v != base]:
                ratios = spread_of([ratio for _, ratio in result.matched(figure, name, value, base, tier=tier)])
                if ratios:
                    parts.append(f"{value}: {spread_text(ratios)}")
            if parts:
                yield (f"Tier {tier}, {name.replace('_', ' ')} against {what}, all else the same, the ratio of the ratios (median "
                       f"and range over all such pairs of rows): {'; '.join(parts)}.")


def wake_thresholds(result):
    rows = {row.name: row for row in result.rows}
    for group in result.json.get("summary", {}).get("fronts", []):
        where = f"Tier {group['tier']}, {group['load_percent']:g} % load"
        front = [rows[name] for name in group["front"]]
        if not front:
            yield f"{where}: no setting delivered what was offered."
            continue
        fast = min(front, key=lambda r: r.median("latency_p99_us"))
        thrifty = min(front, key=lambda r: r.median("cpu_percent"))

        def told(row):
            return (f"wake_packets {row['wake_packets']}, wake_deadline_us {row['wake_deadline_us']}, spin_us {row['spin_us']} "
                    f"(p99 {plain(row.median('latency_p99_us'))} µs, {short(row.median('cpu_percent'))} % of a core)")

        if fast is thrifty:
            yield f"{where}: one setting is best in both, {told(fast)}."
        else:
            yield f"{where}: {len(front)} settings on the front, from {told(fast)} to {told(thrifty)}."
        for mark, name in sorted(group["marks"].items()):
            row = rows[name]
            if name in group["front"]:
                yield f"{where}: {possessive(mark)} setting is on the front."
                continue
            better = [r for r in front if r.median("latency_p99_us") <= row.median("latency_p99_us")
                      and r.median("cpu_percent") <= row.median("cpu_percent")]
            if better:
                best = min(better, key=lambda r: r.median("cpu_percent"))
                yield (f"{where}: {possessive(mark)} setting (p99 {plain(row.median('latency_p99_us'))} µs, "
                       f"{short(row.median('cpu_percent'))} %) is beaten in both by {told(best)}; the ranges of single slices "
                       f"{'overlap' if overlap(row, best) else 'do not overlap'}.")


BESIDE = 1.1  # what the controller may take beside the best fixed threshold


def controller(result):
    compared, within, held = 0, 0, 0
    for row in sorted(result.rows, key=lambda r: (r["tier"], r["target_us"], r["load_percent"])):
        where = f"Tier {row['tier']}, target {row['target_us']:,} µs, {row['load_percent']:g} % load"
        p99, ratio = row.get("latency_p99_us"), row.get("times_best_fixed")
        if row.get("best_fixed_p99_us") is None:
            yield (f"{where}: no fixed threshold holds it (the least p99 is {plain(row.median('least_fixed_p99_us'))} µs); the "
                   f"controller's is {spread_text(p99, plain)} µs.")
            continue
        compared += 1
        held += p99.median <= row["target_us"]
        text = (f"{where}: p99 {spread_text(p99, plain)} µs ({plain(row.median('step_p99_us'))} right after the step) with "
                f"{plain(row.median('wakes_per_s'))} wake-ups/s")
        if ratio is None:
            yield f"{text}; the best fixed threshold takes none."
            continue
        within += ratio.median <= BESIDE
        yield (f"{text}, {spread_text(ratio)} times those of the best fixed threshold "
               f"({plain(row.median('best_fixed_packets'))} packets or {plain(row.median('best_fixed_deadline_us'))} µs, p99 "
               f"{plain(row.median('best_fixed_p99_us'))} µs).")
    if compared:
        yield (f"Of {compared} cases in which some fixed threshold holds the target, the controller holds it in {held} and takes "
               f"at most 10 % more wake-ups than the best one in {within} (by medians).")


def tuner(result):
    compared, within, held = 0, 0, 0
    for row in sorted(result.rows, key=lambda r: (r["tier"], r["p99_us"], r["load_percent"])):
        where = f"Tier {row['tier']}, {row['load_percent']:g} % load, p99 at most {row['p99_us']:,} µs"
        p99, ratio = row.get("latency_p99_us"), row.get("times_best_fixed_cpu")
        if ratio is None:
            yield (f"{where}: no fixed setting holds it (the least p99 is {plain(row.median('least_fixed_p99_us'))} µs); the tuner's "
                   f"choice has {spread_text(p99, plain)} µs.")
            continue
        compared += 1
        within += ratio.median <= BESIDE
        held += p99.median <= row["p99_us"]
        yield (f"{where}: the tuner chose {setting_text(row, 'tuned')} after {plain(row.median('tune_trials'))} trials, p99 "
               f"{spread_text(p99, plain)} µs; it takes {spread_text(ratio)} times the CPU time of the best fixed setting "
               f"({setting_text(row, 'best_fixed')}, p99 {plain(row.median('best_fixed_p99_us'))} µs).")
    if compared:
        yield (f"Of {compared} cases in which some fixed setting holds the p99, the tuner's choice holds it in {held}, and is beaten by "
               f"more than 10 % of CPU time in {compared - within} (by medians).")


def setting_text(row, whose):
    return (f"{plain(row.median(f'{whose}_packets'))} packets, {plain(row.median(f'{whose}_deadline_us'))} µs, spin "
            f"{plain(row.median(f'{whose}_spin_us'))} µs")


def overlap(a, b):
    def touch(figure):
        one, other = a.get(figure), b.get(figure)
        return one.least <= other.most and other.least <= one.most

    return touch("latency_p99_us") and touch("cpu_percent")


def baselines(result):
    for name in result.values("baseline"):
        for tier in TIERS:
            span = ratio_span(result.where(baseline=name, tier=tier), f"times_{name}")
            if span is None:
                continue
            for row in {span[0].name: span[0], span[1].name: span[1]}.values():
                spread = row.get(f"times_{name}")
                yield (f"Tier {tier}, {nfs_text(row['nfs'])}, {row['in_flight']:,} packets in flight: {spread_text(spread)} times "
                       f"{name.replace('_', ' ')}; {against(spread, 'the baseline')}.")


def each_row(figure, text, baseline=None):
    def words(result):
        for row in result.rows:
            spread = row.get(figure)
            if spread is None:
                continue
            what = ", ".join(f"{k} {v}" for k, v in row.parameters.items())
            more = f"; {against(spread, baseline)}" if baseline else ""
            yield f"{what}: {text.format(spread_text(spread, plain))}{more}."

    return words


def both(*parts):
    def words(result):
        for part in parts:
            yield from part(result)

    return words


EXPERIMENTS = {
    "density": density,
    "wake_thresholds": wake_thresholds,
    "controller": controller,
    "tuner": tuner,
    "baselines": baselines,
    "idle": each_row("cpu_percent", "{} % of a core at rest"),
    "latency": each_row("times_futex", "called after {} times a bare futex wake-up", "the bare wake-up"),
    "chain": both(
        each_row("times_slowest_alone", "{} times the throughput of the slowest NF alone", "the slowest NF alone"),
        each_row("wasted_share", "{} of the NFs' cycles went into packets that were dropped later")),
    "fairness": each_row("least_share", "the worst-off NF got {} of what it is entitled to"),
    "noisy_neighbour": each_row("times_quiet_p99", "p99 is {} times that without the neighbour", "that without it"),
    "churn": each_row("times_quiet_p99", "p99 is {} times that in quiet", "that in quiet"),
}


def disturbed(result):
    """Why the figures are not to be used, or nothing."""
    steal, others = result.disturbance()
    reasons = []
    if steal > 0.02:
        reasons.append(f"the hypervisor took {short(100 * steal)} % of the cores' time (median of the lives)")
    if others > 0.05:
        reasons.append(f"other processes used {short(100 * others)} % of the cores' time (median of the lives)")
    if result.json["state"] != "complete":
        reasons.append(f"the run is {result.json['state']}")
    return reasons


