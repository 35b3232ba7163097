#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The report's words follow from the figures; and, where matplotlib is there, its page holds all that it needs.

    report_test.py ROOT
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(sys.argv.pop())
REPORT = ROOT / "experiments/report"
sys.path.insert(0, str(REPORT))

import words  # noqa: E402
from results import Result, Spread, plain, short, spread_text  # noqa: E402


def spread(median, least=None, most=None):
    return {"median": median, "least": median if least is None else least, "most": median if most is None else most}


def result(rows, experiment="idle", **more):
    return {
        "schema": 1, "experiment": experiment, "question": "What?", "state": "complete", "scale": "quick", "started": "a",
        "ended": "b", "lives": 1, "left_out": [{"row": "nfs=9", "why": "too <many>"}], "failures": [],
        "units": {name: "u" for row in rows for name in row[1]},
        "options": {"slice_s": 1, "warm_up_s": 1, "pairs": 1, "seed": 1, "settings": []},
        "machine": {"cpu": "c", "cores": 2, "kernel": "k", "dpdk": "d", "tsc_mhz": 1, "label": "in memory, no NIC",
                    "hugepages_free": "0", "governor": ""},
        "limits": [{"cache_line_ns": 80.0, "at": "x"}],
        "rows": [{"row": ",".join(f"{k}={v}" for k, v in sorted(parameters.items())), "parameters": parameters,
                  "figures": figures,
                  "lives": [{"steal_share": 0.0, "others_share": more.get("others", 0.0),
                             "books": {"received": 2, "created": 0, "transmitted": 2, "dropped": 0, "held": 0}}]}
                 for parameters, figures in rows]} | {k: v for k, v in more.items() if k != "others"}


class Report(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def made(self, *arguments, **more):
        path = pathlib.Path(self.folder.name)
        (path / "result.json").write_text(json.dumps(result(*arguments, **more)))
        return Result(path)

    def test_numbers(self):
        self.assertEqual([short(12_345_678), short(0.5), short(1e3), short(float("nan"))], ["12.3 M", "0.5", "1 k", "–"])
        self.assertEqual([plain(1034.2), plain(446_123), plain(24.61)], ["1,030", "446,000", "24.6"])
        self.assertEqual(spread_text(Spread(2, 1, 3)), "2 [1 to 3]")

    def test_a_range_around_one_is_no_difference(self):
        self.assertIn("not told apart", words.against(Spread(1.2, 0.9, 1.4), "x"))
        self.assertIn("more than", words.against(Spread(1.2, 1.1, 1.4), "x"))
        self.assertIn("less than", words.against(Spread(0.5, 0.4, 0.9), "x"))

    def test_lines_go_through_the_usual_point(self):
        rows = [({"nfs": n, "hops": h}, {"cpu_percent": spread(n)}) for n, h in ((1, 1), (100, 1), (10, 1), (10, 3))]
        self.assertEqual([row["nfs"] for row in self.made(rows).line("nfs")], [1, 10, 100])

    def test_a_disturbed_or_unfinished_run_is_not_to_be_quoted(self):
        rows = [({"nfs": 1}, {"cpu_percent": spread(1)})]
        self.assertEqual(words.disturbed(self.made(rows)), [])
        self.assertIn("other processes", words.disturbed(self.made(rows, others=0.2))[0])
        self.assertIn("interrupted", words.disturbed(self.made(rows, state="interrupted"))[0])

    def test_thresholds_say_what_beats_a_mark(self):
        def row(packets, p99, cpu):
            return ({"tier": "fiber", "load_percent": 10, "wake_packets": packets, "wake_deadline_us": 0, "spin_us": 0},
                    {"latency_p99_us": spread(p99), "cpu_percent": spread(cpu)})

        made = self.made([row(1, 50, 30), row(4, 40, 20)], "wake_thresholds")
        names = [r.name for r in made.rows]
        made.json["summary"] = {"fronts": [{"tier": "fiber", "load_percent": 10, "front": [names[1]],
                                            "marks": {"openNetVM": names[0]}}]}
        text = "\n".join(words.wake_thresholds(made))
        self.assertIn("one setting is best in both, wake_packets 4", text)
        self.assertRegex(text, r"openNetVM's setting \(p99 50 µs, 30 %\) is beaten in both .* do not overlap")

    def test_the_controller_is_held_to_what_a_fixed_threshold_can(self):
        def row(load, p99, **more):
            figures = {"latency_p99_us": p99, "step_p99_us": 300, "wakes_per_s": 900, "least_fixed_p99_us": 60} | more
            return ({"tier": "fiber", "target_us": 200, "load_percent": load}, {k: spread(v) for k, v in figures.items()})

        best = {"best_fixed_p99_us": 190, "best_fixed_packets": 512, "best_fixed_deadline_us": 140}
        made = self.made([row(1, 150, **best, times_best_fixed=1.02), row(10, 210, **best, times_best_fixed=1.3), row(90, 900)],
                         "controller")
        text = list(words.controller(made))
        self.assertIn("1.02 times those of the best fixed threshold (512 packets or 140 µs, p99 190 µs)", text[0])
        self.assertIn("no fixed threshold holds it (the least p99 is 60 µs); the controller's is 900 µs", text[2])
        self.assertIn("Of 2 cases in which some fixed threshold holds the target, the controller holds it in 1 and takes at most "
                      "10 % more wake-ups than the best one in 1", text[3])

    def test_the_tuner_is_held_to_the_best_fixed_setting(self):
        def row(load, p99, **more):
            figures = {"latency_p99_us": p99, "least_fixed_p99_us": 60, "tune_trials": 40, "tuned_packets": 64,
                       "tuned_deadline_us": 500, "tuned_spin_us": 0} | more
            return ({"tier": "fiber", "p99_us": 1000, "load_percent": load, "grid": "fine"}, {k: spread(v) for k, v in figures.items()})

        best = {"best_fixed_p99_us": 900, "best_fixed_packets": 256, "best_fixed_deadline_us": 1000, "best_fixed_spin_us": 0}
        made = self.made([row(1, 700, **best, times_best_fixed_cpu=1.02), row(10, 1100, **best, times_best_fixed_cpu=1.3),
                          row(90, 9000)], "tuner")
        text = list(words.tuner(made))
        self.assertIn("chose 64 packets, 500 µs, spin 0 µs after 40 trials", text[0])
        self.assertIn("1.02 times the CPU time of the best fixed setting (256 packets, 1,000 µs, spin 0 µs, p99 900 µs)", text[0])
        self.assertIn("no fixed setting holds it", text[2])
        self.assertIn("Of 2 cases in which some fixed setting holds the p99, the tuner's choice holds it in 1, and is beaten by more "
                      "than 10 % of CPU time in 1", text[3])

    def matrix(self):
        rows = []
        for nfs in (10, 100):
            for cost in (50, 5000):
                for active in (10, 100):
                    ratio = (0.9 if cost == 5000 else 0.5) * (1.2 if active == 10 else 1)
                    figures = {"throughput_pps": 1e6, "bare_pipeline_pps": 2e6, "times_bare_pipeline": ratio, "nf_cycles": 1,
                               "worker_cycles": 1, "io_cycles": 1, "memory_per_nf_bytes": 1, "spawn_us_per_nf": 1}
                    rows.append(({"tier": "fiber", "nfs": nfs, "hops": 1, "cost_cycles": cost, "active_percent": active,
                                  "shared_cores": 1, "traffic": "uniform"}, {k: spread(v) for k, v in figures.items()}))
        return self.made(rows, "density", scale="matrix")

    def test_a_matrix_says_what_rows_alike_in_all_else_say(self):
        text = "\n".join(words.density(self.matrix()))
        self.assertIn("over 8 rows the ratio to the bare pipeline lies between 0.5 (10 NFs, 1 hop, 50 cycles, 100 % active, uniform)",
                      text)
        self.assertIn("50 cycles: 0.55 [0.5 to 0.6]; 5,000 cycles: 0.99 [0.9 to 1.08]", text)
        self.assertIn("active percent against all NFs active, all else the same, the ratio of the ratios (median and range over all "
                      "such pairs of rows): 10: 1.2", text)
        self.assertNotIn("capture", text)

    def plots(self):
        try:
            import figures
            import plots
        except ImportError:
            self.skipTest("matplotlib is not installed")
        return figures, plots.Plots(pathlib.Path(self.folder.name) / "plots")

    def test_a_matrix_has_its_plots_and_all_of_them_fit(self):
        figures, drawn = self.plots()
        figures.EXPERIMENTS["density"](self.matrix(), drawn)
        names = [name for name, _ in drawn.written]
        for name in ("times_bare_pipeline_fiber", "throughput_pps_fiber", "effect_of_active_percent_fiber"):
            self.assertIn(name, names)
            self.assertTrue((drawn.folder / f"{name}.svg").is_file())
        self.assertEqual(drawn.faults, [])

    def test_what_all_is_compared_with_is_in_view_also_where_all_is_far_from_it(self):
        figures, drawn = self.plots()
        for ratios in ((0.03, 0.05, 0.15), (20, 30, 70), (0.001, 1e3)):
            made = self.made([({"tier": "fiber", "baseline": f"b{i}", "nfs": 10}, {f"times_b{i}": spread(r, r / 2, r * 2)})
                              for i, r in enumerate(ratios)], "baselines")
            figures.EXPERIMENTS["baselines"](made, drawn)
        self.assertEqual(drawn.faults, [])

    def test_what_is_committed_is_short_and_says_the_same(self):
        try:
            import matplotlib  # noqa: F401
        except ImportError:
            self.skipTest("matplotlib is not installed")
        import publish
        made = {"a": 1, "rows": [{"x": 0.123456789, "n": 7}, {"x": 1234567.891}], "left_out": []}
        text = publish.compact(made)
        self.assertEqual(json.loads(text), {"a": 1, "rows": [{"x": 0.123457, "n": 7}, {"x": 1234570.0}], "left_out": []})
        self.assertEqual(len(text.splitlines()), 8)  # a row a line
        self.assertEqual([publish.short_cell(c) for c in ("0.123456789", "12345678", "fiber", "1.5e+07")],
                         ["0.123457", "12345678", "fiber", "1.5e+07"])

    def test_what_is_published_comes_from_the_results(self):
        try:
            import matplotlib  # noqa: F401
        except ImportError:
            self.skipTest("matplotlib is not installed")
        made = self.made([({"nfs": n, "tier": "fiber"}, {"cpu_percent": spread(n, n / 2, n * 2)}) for n in (1, 100)])
        made.json["options"]["capture"] = "/some/where/mixed.pcap"
        (made.folder / "result.json").write_text(json.dumps(made.json))
        (made.folder / "rows.csv").write_text("row\n")
        into = made.folder / "published"
        subprocess.run([sys.executable, REPORT / "publish.py", made.folder, "--into", into], check=True,
                       stdout=subprocess.DEVNULL)
        text = (into / "README.md").read_text()
        self.assertIn("100 [50 to 200] % of a core at rest", text)
        self.assertIn("1 rows were left out", text)
        for name in re.findall(r"\]\(([^)]*)\)", text):
            self.assertTrue((into / name).exists() or name.startswith("../"), name)
        self.assertEqual(json.loads((into / "idle/result.json").read_text())["options"]["capture"], "mixed.pcap")
        self.assertTrue((into / "idle/idle.svg").is_file())

    def test_the_page_needs_nothing_else(self):
        try:
            import matplotlib  # noqa: F401
        except ImportError:
            self.skipTest("matplotlib is not installed")
        made = self.made([({"nfs": n, "tier": "fiber"}, {"cpu_percent": spread(n, n / 2, n * 2)}) for n in (1, 100)])
        subprocess.run([sys.executable, REPORT / "report.py", made.folder], check=True, stdout=subprocess.DEVNULL)
        page = (made.folder / "report.html").read_text()
        self.assertEqual(re.findall(r"""(?:src|href)=['"](?!data:|#)""", page), [])
        for part in ("What?", "too &lt;many&gt;", "data:image/svg+xml;base64,", "in memory, no NIC", "% of a core at rest"):
            self.assertIn(part, page)
        self.assertTrue((made.folder / "plots/idle.svg").is_file() and (made.folder / "plots/idle.png").is_file())
        refused = subprocess.run([sys.executable, REPORT / "report.py", "/no/such"], capture_output=True, text=True)
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("/no/such", refused.stderr)


if __name__ == "__main__":
    unittest.main()
