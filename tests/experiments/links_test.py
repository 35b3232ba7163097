#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""experiments/links: what it reads out of other programs' words, its tables, its refusals, and that nothing stays when
it is ended.

    links_test.py ROOT
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time
import unittest

ROOT = pathlib.Path(sys.argv.pop()).resolve()
PROGRAM = ROOT / "experiments/links/links.py"
sys.path.insert(0, str(PROGRAM.parent))

import lab  # noqa: E402
import links  # noqa: E402
import tables  # noqa: E402
import tools  # noqa: E402


class Words(unittest.TestCase):
    def test_ping(self):
        self.assertEqual(tools.ping_figures("1 packets transmitted, 1 received, 0% packet loss, time 0ms\n"
                                            "rtt min/avg/max/mdev = 0.041/0.052/0.063/0.010 ms"), (0, 0.052))
        self.assertEqual(tools.ping_figures("1 packets transmitted, 0 received, 100% packet loss, time 0ms"), (1, None))
        with self.assertRaisesRegex(lab.Failure, "unknown host"):
            tools.ping_figures("ping: unknown host")

    def test_iperf(self):
        tcp = {"end": {"sum_sent": {"bits_per_second": 3e9}, "sum_received": {"bits_per_second": 2e9}}}
        self.assertEqual(tools.iperf_figures(json.dumps(tcp)), {"gbit_s": 2.0, "sent": None, "lost": None})
        udp = {"end": {"sum": {"bits_per_second": 1e9, "packets": 200, "lost_packets": 50, "lost_percent": 25}}}
        self.assertEqual(tools.iperf_figures(json.dumps(udp)), {"gbit_s": 0.75, "sent": 200, "lost": 50})
        with self.assertRaisesRegex(lab.Failure, "Connection refused"):
            tools.iperf_figures('{"error": "unable to connect: Connection refused"}')


ROWS = {"TCP": {"roost": [1, 3, 2], "bridge": [4, 4, 4]}, "alone": {"roost": [7]},
        "UDP, % lost": {"roost": [0], "bridge": [5]}}
LOSSES = [{"by": "roost", "sent": 10, "lost": 3, "causes": {"inbox_full": 2, "port_missed": 1}},
          {"by": "bridge", "sent": 10, "lost": 1, "causes": {"interface": 1}},
          {"by": "roost", "sent": 10, "lost": 1, "causes": {"inbox_full": 1}}]
BOOKS = [{"received": 5, "created": 1, "transmitted": 4, "dropped": {"by_nf": 1, "no_nf": 0}, "held": 1},
         {"received": 2, "created": 0, "transmitted": 1, "dropped": {"by_nf": 1}, "held": 0}]


class Tables(unittest.TestCase):
    def test_medians_ranges_and_ratios(self):
        head, *rows = [" ".join(line.split()) for line in tables.plain(ROWS).splitlines()]
        self.assertEqual(head, "Roost bridge times the bridge")
        self.assertEqual(rows, ["TCP 2 [1 to 3] 4 [4 to 4] 0.5 [0.25 to 0.75]", "alone 7", "UDP, % lost 0 5"])
        self.assertEqual(tables.markdown(ROWS).splitlines(), [
            "|  | Roost | bridge | times the bridge |", "| --- | --- | --- | --- |",
            "| TCP | 2 [1 to 3] | 4 [4 to 4] | 0.5 [0.25 to 0.75] |", "| alone | 7 |  |  |", "| UDP, % lost | 0 | 5 |  |"])

    def test_where_datagrams_were_lost(self):
        self.assertEqual(tables.where_lost(LOSSES, "roost"), "4 of 20 datagrams lost: inbox_full 3, port_missed 1")
        self.assertEqual(links.changed({"a": 1, "b": 2}, {"a": 1, "b": 5, "c": 1}), {"b": 3, "c": 1})

    def test_books(self):
        self.assertEqual(tables.books_of(BOOKS),
                         "received 7 + created 1 = transmitted 5 + dropped 2 (by_nf 2) + held 1")

    def test_a_page(self):
        results = {"machine": tables.machine(), "rounds": 3, "steal_percent": 1.25,
                   "options": {"seconds": 1, "udp_mbit": 100, "megabytes": 7, "offloads": True, "prefix": ""},
                   "kinds": {"tap": {"rows": ROWS, "lost": LOSSES, "books": BOOKS}}}
        page = tables.page(json.loads(json.dumps(results)))
        for part in (f"kernel {os.uname().release}", "a file of 7 MB", "stolen meanwhile 1.2 %", "prefix `none`",
                     "Median of 3 rounds", "### `tap`", tables.markdown(ROWS), "UDP by bridge: 1 of 10 datagrams lost",
                     "Books: received 7 "):
            self.assertIn(part, page)
        stolen, all_ticks = tables.cpu_ticks()
        self.assertLessEqual(stolen, all_ticks)
        self.assertGreater(all_ticks, 0)


def said_by(*words, **options):
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, **options)
    return done.returncode, done.stderr


class Refusals(unittest.TestCase):
    def test_options(self):
        for words, part in ((["--kinds", "tin"], "'tin' is none of af_packet, af_xdp, tap"),
                            (["--rounds", "0"], "are above 0")):
            status, said = said_by(sys.executable, str(PROGRAM), *words)
            self.assertEqual(status, 2)
            self.assertIn(part, said)

    @unittest.skipIf(os.geteuid() != 0, "takes root")
    def test_what_is_missing_is_named(self):
        status, said = said_by(sys.executable, str(PROGRAM), env={"PATH": "/nowhere"})
        self.assertEqual(status, 1)
        self.assertRegex(said, r"no curl, ip, iperf3, .* here; run: scripts/install_deps.sh curl iperf3 iproute2 ")

    def test_others_than_root(self):
        if os.geteuid() == 0:
            options = links.options_of([])
            real, os.geteuid = os.geteuid, lambda: 1000
            try:
                self.assertIn("take root", links.problem(options))
            finally:
                os.geteuid = real
        else:
            self.assertIn("take root", links.problem(links.options_of([])))


def processes_with(text):
    found = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if text in (folder / "environ").read_bytes():
                found.append(int(folder.name))
        except OSError:
            pass
    return found


class Ends(unittest.TestCase):
    """Whatever ends it: no process, so no namespace and no interface, and no mount, outlives it."""

    @unittest.skipIf(links.problem(links.options_of([])), "it cannot run here")
    def test_nothing_stays(self):
        mounts = pathlib.Path("/proc/self/mounts").read_text(encoding="utf-8")
        for number in (signal.SIGTERM, signal.SIGKILL):
            mark = f"ROOST_LINKS_TEST={os.getpid()}-{number}"
            name, value = mark.split("=")
            with subprocess.Popen([sys.executable, str(PROGRAM), "--kinds", "tap", "--rounds", "1"], stderr=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, env=os.environ | {name: value}) as program:
                self.await_that(lambda: len(processes_with(mark.encode())) > 6)  # roostd is among them
                program.send_signal(number)
                program.wait()
            self.await_that(lambda: not processes_with(mark.encode()))
            self.assertEqual(pathlib.Path("/proc/self/mounts").read_text(encoding="utf-8"), mounts)

    def await_that(self, condition):
        end = time.monotonic() + 60
        while not condition():
            self.assertLess(time.monotonic(), end, "waited in vain")
            time.sleep(0.1)


if __name__ == "__main__":
    unittest.main()
