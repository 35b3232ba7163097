# SPDX-License-Identifier: BSD-3-Clause
"""Which plots each experiment has."""

from plots import bars_plot, front_plot, heat_plot, lines_plot, stacked_plot
from results import nfs_text, short, spread_of

TIERS = ("fiber", "process")
PACKETS = "packets/s, in memory, no NIC"


def varying(result):
    """The parameters that have more than one value."""
    names = {name for row in result.rows for name in row.parameters}
    return {name for name in names if len(result.values(name)) > 1}


def density(result, plots):
    for tier in TIERS:
        rows = result.line("nfs", tier=tier)
        if not rows:
            continue
        point = ", ".join(f"{k}={v}" for k, v in result.usual("nfs", tier=tier).items())

        def points(figure, of=rows):
            return [(row["nfs"], row.get(figure)) for row in of]

        lines_plot(plots, f"throughput_{tier}", f"Rates by the number of NFs, tier {tier} ({point})",
                   [("Roost, all that comes out (MRR)", points("throughput_pps"), False),
                    ("Roost, at most 0.5 % lost (PDR)", points("pdr_pps"), False),
                    ("Roost, nothing lost (NDR)", points("ndr_pps"), False),
                    ("bare pipeline, the same work", points("bare_pipeline_pps"), True)],
                   "NFs on the shared core", PACKETS, log_y=True)
        lines_plot(plots, f"latency_{tier}", f"Latency, from intended sending to sending on, by the number of NFs, tier {tier} ({point})",
                   [(f"p{'99.9' if q == '999' else q} at {load} % of PDR", points(f"latency_{load}_p{q}_us"), False)
                    for load in (10, 90) for q in ("50", "99")],
                   "NFs on the shared core", "latency, µs", log_y=True)
        stacked_plot(plots, f"cycles_{tier}", f"Where the cycles of a packet go at MRR, tier {tier} ({point})",
                     [nfs_text(row["nfs"]) for row in rows],
                     [("NFs", [row.median("nf_cycles") for row in rows]),
                      ("workers, the rest (rings, switches, wakes, spin)", [row.median("worker_cycles") for row in rows]),
                      ("manager (classify, deliver, wake, collect)", [row.median("io_cycles") for row in rows])],
                     "TSC cycles of CPU time a packet, both cores")
    lines_plot(plots, "times_bare_pipeline", "Throughput over the bare pipeline's, slice by slice",
               [(f"tier {tier}", [(row["nfs"], row.get("times_bare_pipeline")) for row in result.line("nfs", tier=tier)],
                 False) for tier in TIERS], "NFs on the shared core", "times the bare pipeline",
               reference=(1, "bare pipeline"))
    lines_plot(plots, "memory", "Memory an NF costs when it is started; the first also pays for its host and the flows",
               [(f"tier {tier}", [(row["nfs"], row.get("memory_per_nf_bytes")) for row in result.line("nfs", tier=tier)
                                  if row.median("memory_per_nf_bytes") > 0], False) for tier in TIERS],
               "NFs", "bytes an NF (PSS and page tables)", log_y=True)
    lines_plot(plots, "spawn", "Time until all run",
               [(f"tier {tier}", [(row["nfs"], row.get("spawn_us_per_nf")) for row in result.line("nfs", tier=tier)], False)
                for tier in TIERS], "NFs started at once", "start-up time, µs an NF", log_y=True)
    if result.is_matrix:
        density_matrix(result, plots)
        return
    for along in sorted(varying(result) - {"nfs", "tier"}):
        rows = {tier: result.line(along, tier=tier) for tier in TIERS}
        values = [v for v in result.values(along) if any(row[along] == v for of in rows.values() for row in of)]
        if len(values) < 2:
            continue
        bars_plot(plots, f"by_{along}", f"Throughput over the bare pipeline's, by {along}",
                  [(f"tier {tier}", [next((r.get("times_bare_pipeline") for r in rows[tier] if r[along] == v), None)
                                     for v in values]) for tier in TIERS],
                  [f"{along} {v}" for v in values], "times the bare pipeline (same work for a packet)",
                  reference=(1, "bare pipeline"))


def density_matrix(result, plots):
    """What only a matrix shows: how its dimensions act together."""
    for tier in TIERS:
        rows = result.where(tier=tier, active_percent=100, traffic="uniform", shared_cores=1)
        columns = sorted({row["nfs"] for row in rows})
        lines = sorted({(row["hops"], row["cost_cycles"]) for row in rows})
        at = {(row["nfs"], row["hops"], row["cost_cycles"]): row for row in rows}
        for figure, what in (("times_bare_pipeline", "Throughput over the bare pipeline's"),
                             ("throughput_pps", "Packets/s that come out at most (in memory, no NIC)")):
            heat_plot(plots, f"{figure}_{tier}", f"{what}, tier {tier}, all NFs active, uniform flows, 64-byte frames",
                      [short(n) for n in columns], [f"{h} hop{'s' if h > 1 else ''}, {c:,} cycles" for h, c in lines],
                      [[at[n, h, c].median(figure) if (n, h, c) in at else None for n in columns] for h, c in lines],
                      "NFs on the shared core", "chain length, cost of an NF")
        for name, base, title in (("active_percent", 100, "all NFs active"), ("traffic", "uniform", "uniform flows of 64-byte frames")):
            series = []
            for value in [v for v in result.values(name) if v != base]:
                points = []
                for nfs in columns:
                    ratios = [ratio for _, ratio in result.matched("times_bare_pipeline", name, value, base, tier=tier, nfs=nfs)]
                    points.append((nfs, spread_of(ratios)))
                label = f"{value} % active" if name == "active_percent" else value.replace("_", " and ")
                series.append((label, points, False))
            lines_plot(plots, f"effect_of_{name}_{tier}",
                       f"Throughput over the bare pipeline's, against the same with {title}, tier {tier}; each point: the "
                       "median over all chain lengths, costs and what else varies, with its whole range of medians",
                       series, "NFs on the shared core", f"times that with {title}", log_y=True, reference=(1, "the same"), apart=0.09)


def wake_thresholds(result, plots):
    for group in result.json.get("summary", {}).get("fronts", []):
        tier, load = group["tier"], group["load_percent"]
        front_plot(plots, f"front_{tier}_{load:g}",
                   f"p99 latency against CPU time, tier {tier}, {load:g} % of what the NFs can do",
                   result.where(tier=tier, load_percent=load), group["front"], group["marks"], "latency_p99_us",
                   "cpu_percent", "p99 latency, µs", "CPU time of manager and workers, % of a core",
                   lambda row: row.median("delivered_share") >= result.json["summary"]["delivered_at_least"])


def controller(result, plots):
    for tier in TIERS:
        for target in result.values("target_us"):
            rows = sorted(result.where(tier=tier, target_us=target), key=lambda row: row["load_percent"])
            if not rows:
                continue
            labels = [f"{row['load_percent']:g} % load" for row in rows]
            where = f"tier {tier}, target {target:,} µs"
            bars_plot(plots, f"controller_p99_{tier}_{target}", f"p99 under the controller, {where}",
                      [("right after the step", [row.get("step_p99_us") for row in rows]),
                       ("then", [row.get("latency_p99_us") for row in rows]),
                       ("best fixed threshold", [row.get("best_fixed_p99_us") for row in rows])],
                      labels, "p99 latency, µs", reference=(target, "target"), log=True)
            bars_plot(plots, f"controller_wakes_{tier}_{target}", f"Wake-ups, {where}",
                      [("controller", [row.get("wakes_per_s") for row in rows]),
                       ("best fixed threshold for this load", [row.get("best_fixed_wakes_per_s") for row in rows])],
                      labels, "workers woken, 1/s", log=True)


def tuner(result, plots):
    rows = sorted(result.rows, key=lambda row: (row["tier"], row["p99_us"], row["load_percent"]))
    labels = [f"{row['tier']}, {row['load_percent']:g} % load, p99 {row['p99_us']:,} µs" for row in rows]
    bars_plot(plots, "tuner_cpu", "CPU time with the tuner's choice over that with the best fixed setting, slice by slice",
              [("tuner / best fixed", [row.get("times_best_fixed_cpu") for row in rows])], labels,
              "times the best fixed setting", reference=(1, "best fixed"), missing="no setting holds it")
    bars_plot(plots, "tuner_p99", "p99 with the tuner's choice, and with the best fixed setting",
              [("tuner's choice", [row.get("latency_p99_us") for row in rows]),
               ("best fixed setting", [row.get("best_fixed_p99_us") for row in rows])], labels, "p99 latency, µs", log=True,
              missing="no setting holds it")


def baselines(result, plots):
    shown = sorted(varying(result) - {"tier", "baseline"})
    for tier in TIERS:
        rows = result.where(tier=tier)
        bars_plot(plots, f"times_{tier}", f"Roost over each baseline, tier {tier}",
                  [("Roost / baseline", [row.get(f"times_{row['baseline']}") for row in rows])],
                  [", ".join([row["baseline"].replace("_", " ")] + [f"{k}={row[k]}" for k in shown]) for row in rows],
                  "times the baseline",
                  reference=(1, "baseline"), log=True)


def simple(figure, title, xlabel, reference=None, log=False, others=()):
    """One bar a row, and others beside it."""

    def draw(result, plots):
        shown = varying(result)
        labels = [", ".join(f"{k}={v}" for k, v in row.parameters.items() if k in shown) or row.name
                  for row in result.rows]
        groups = [(name, [row.get(key) for row in result.rows]) for key, name in ((figure, "Roost"), *others)]
        bars_plot(plots, figure, title, groups, labels, xlabel, reference, log, missing="no baseline")

    return draw


def several(*drawers):
    def draw(result, plots):
        for drawer in drawers:
            drawer(result, plots)

    return draw


def idle(result, plots):
    lines_plot(plots, "idle", "CPU time of all processes while nothing comes",
               [(f"tier {tier}", [(row["nfs"], row.get("cpu_percent")) for row in result.line("nfs", tier=tier)], False)
                for tier in TIERS], "NFs", "CPU time, % of a core", log_x=True)


EXPERIMENTS = {
    "density": density,
    "wake_thresholds": wake_thresholds,
    "controller": controller,
    "tuner": tuner,
    "baselines": baselines,
    "idle": idle,
    "latency": simple("wake_to_run_p50_us", "From reception to the call of the NF, median", "time until the NF is called, µs",
                      others=(("futex_p50_us", "bare futex wake-up"),), log=True),
    "chain": several(
        simple("times_slowest_alone", "Chain at twice its load: throughput over that of its slowest NF alone",
               "times the slowest NF alone", (1, "slowest NF alone")),
        simple("wasted_share", "Work on packets that were dropped later", "share of NF cycles")),
    "fairness": several(
        simple("jain", "Jain's index of achieved over entitled work", "Jain's index", (1, "even")),
        simple("least_share", "What the worst-off NF got", "of what it is entitled to", (1, "entitled"))),
    "noisy_neighbour": several(
        simple("times_quiet_p99", "p99 latency beside an overloaded neighbour", "times that without it",
               (1, "without"), log=True),
        simple("times_quiet_pps", "Throughput beside an overloaded neighbour", "times that without it", (1, "without"))),
    "churn": several(
        simple("times_quiet_p99", "p99 latency of the others while NFs come and go", "times that in quiet", (1, "quiet"),
               log=True),
        simple("times_quiet_pps", "Throughput of the others while NFs come and go", "times that in quiet",
               (1, "quiet"))),
}
