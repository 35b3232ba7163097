#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Two network namespaces that only Roost joins, through three NFs in mixed tiers (fiber, process, fiber), and two that a
Linux bridge joins, in turn: ping, iperf3 by TCP and UDP both ways, and a file by curl, over IPv4 and IPv6.

    links.py                                every kind of port, five rounds of some two and a half minutes; needs root
    links.py --json links.json --markdown links.md      and the figures in files, written anew after every round
    links.py --kinds tap --rounds 1         one kind, a quick look
    links.py --no-offloads                  the ends cut and sum their packets themselves, so both carry the same ones
    PREFIX="chrt -r 1" links.py             before each program, on a machine that does other work

Prints a table for each kind: medians over the rounds, and their ranges. Who is measured first changes from round to
round. Fails if a ping through Roost is lost, a file's
checksum differs, a packet is malformed, or Roost's books do not balance. All that it makes (namespaces, interfaces,
processes, files) is gone when it ends, whatever ends it.
"""

import argparse
import hashlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys

import lab
import tables
import tools

HERE = pathlib.Path(__file__).resolve()
INSIDE = "ROOST_LINKS_INSIDE"
KINDS = ("af_packet", "af_xdp", "tap")
# Programs and the Debian packages that have them.
NEEDED = {"ip": "iproute2", "ss": "iproute2", "nsenter": "util-linux", "unshare": "util-linux", "setpriv": "util-linux",
          "ping": "iputils-ping", "iperf3": "iperf3", "curl": "curl"}


def options_of(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kinds", default=",".join(KINDS), help="of ports, by commas (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="each with a fresh manager (default: %(default)s)")
    parser.add_argument("--seconds", type=int, default=1, help="of each iperf3 run (default: %(default)s)")
    parser.add_argument("--udp-mbit", type=int, default=100, help="rate of UDP that is not as fast as it goes (default: %(default)s)")
    parser.add_argument("--megabytes", type=int, default=100, help="of the file (default: %(default)s)")
    parser.add_argument("--no-offloads", action="store_true", help="turn the ends' offloads off (needs ethtool)")
    parser.add_argument("--programs", type=pathlib.Path, default=HERE.parents[2] / "build/release/bin", help="folder of roostd and roost")
    parser.add_argument("--json", type=pathlib.Path, help="write all figures there")
    parser.add_argument("--markdown", type=pathlib.Path, help="write the tables there, for docs/performance.md")
    options = parser.parse_args(arguments)
    options.kinds = options.kinds.split(",")
    for kind in options.kinds:
        if kind not in KINDS:
            parser.error(f"--kinds: '{kind}' is none of {', '.join(KINDS)}")
    if options.rounds < 1 or options.megabytes < 1 or options.seconds < 1 or options.udp_mbit < 1:
        parser.error("--rounds, --seconds, --udp-mbit and --megabytes are above 0")
    return options


def problem(options):
    """Why this can't run here; None: it can."""
    if os.geteuid() != 0:
        return "network namespaces take root; run it with sudo"
    needed = NEEDED | ({"ethtool": "ethtool"} if options.no_offloads else {})
    missing = sorted(name for name in needed if shutil.which(name) is None)
    if missing:
        packages = " ".join(sorted({needed[name] for name in missing}))
        return f"no {', '.join(missing)} here; run: scripts/install_deps.sh {packages}"
    for name in ("roostd", "roost", "roost-host"):
        if not os.access(options.programs / name, os.X_OK):
            return f"no {name} in {options.programs}; run: scripts/build.sh release"
    return None


class Ended(BaseException):
    """By the signal of this number."""


def run_inside(arguments):
    """Again, in namespaces of its own that end with it, and it with this process."""
    inside = subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--net", "--pid", "--propagation", "private", "--fork",
         "--kill-child", "--mount-proc", sys.executable, str(HERE), *arguments], env=os.environ | {INSIDE: "1"})

    def stop(number, _):
        raise Ended(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    try:
        status = inside.wait()
        return status if status >= 0 else 128 - status
    except Ended as ended:
        inside.kill()
        inside.wait()
        print(f"links: ended by {signal.Signals(ended.args[0]).name}", file=sys.stderr)
        return 128 + ended.args[0]


def changed(before, after):
    return {cause: after[cause] - before.get(cause, 0) for cause in after if after[cause] != before.get(cause, 0)}


class Round:
    """One round of one kind: Roost and bridge in turn, measurement by measurement."""

    def __init__(self, kind, number, options, prefix, sha256, found):
        self.options, self.prefix, self.sha256 = options, prefix, sha256
        self.kind, self.number, self.found = kind, number, found
        self.ends = {}

    def add(self, row, what, value):
        self.found["rows"].setdefault(row, {}).setdefault(what, []).append(value)

    def run(self):
        offloads = not self.options.no_offloads
        self.ends = {"roost": lab.Roost(self.kind, offloads, self.options.programs, self.prefix),
                     "bridge": lab.Bridge(offloads)}
        if self.number % 2 == 1:
            self.ends = dict(reversed(self.ends.items()))
        servers = {name: tools.Servers(ends, self.prefix) for name, ends in self.ends.items()}
        for ends in self.ends.values():
            tools.await_first_answers(ends)
        for version in lab.ADDRESSES:
            for name, ends in self.ends.items():
                before = ends.lost()
                lost, time_ms = tools.ping(ends, version)
                if lost != 0 and name == "roost":
                    raise lab.Failure(f"{lost} of {tools.PING_COUNT} pings over IPv{version} were lost: "
                                      f"{changed(before, ends.lost()) or 'nowhere that counts'}")
                if time_ms is not None:
                    self.add(f"ping IPv{version}, ms", name, time_ms)
        for version in lab.ADDRESSES:
            for reverse in (False, True):
                way = f"IPv{version} {'b to a' if reverse else 'a to b'}"
                for name in self.ends:
                    self.transfer(servers[name], name, version, reverse, way)
        self.books()
        for ends in self.ends.values():
            ends.end()

    def transfer(self, servers, name, version, reverse, way):
        figures = servers.iperf(version, reverse, self.options.seconds)
        self.add(f"TCP {way}, Gbit/s", name, figures["gbit_s"])
        for rate, what in ((self.options.udp_mbit, f"UDP {way}, {self.options.udp_mbit} Mbit/s asked"),
                           (0, f"UDP {way}, no limit")):
            before = self.ends[name].lost()
            figures = servers.iperf(version, reverse, self.options.seconds, rate)
            after = self.ends[name].lost()
            self.add(f"{what}, Mbit/s", name, figures["gbit_s"] * 1e3)
            self.add(f"{what}, % lost", name, 100 * figures["lost"] / max(1, figures["sent"]))
            self.found["lost"].append(
                {"row": what, "by": name, "sent": figures["sent"], "lost": figures["lost"],
                 "causes": changed(before, after)})
        speed = servers.fetch(version, reverse, "file", self.sha256)
        self.add(f"file {way}, Gbit/s", name, speed)

    def books(self):
        stats = self.ends["roost"].check_books()
        self.found["books"].append({name: stats[name] for name in ("received", "created", "transmitted", "dropped", "held")})
        for port in stats["ports"]:
            self.add("bytes a packet through Roost", "roost", port["received_bytes"] / max(1, port["received"]))


def write(results, options):
    """After every round, so that what was found stays if a later one fails."""
    if options.json is not None:
        options.json.write_text(json.dumps(results, indent=1), encoding="utf-8")
    if options.markdown is not None:
        options.markdown.write_text(tables.page(results), encoding="utf-8")


def measure(options, prefix):
    """Round after round; yields what is known after each."""
    content = os.urandom(1_000_000) * options.megabytes
    (lab.FOLDER / "file").write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    results = {"machine": tables.machine(), "rounds": 0, "steal_percent": 0.0,
               "options": {"seconds": options.seconds, "udp_mbit": options.udp_mbit, "megabytes": options.megabytes,
                           "offloads": not options.no_offloads, "prefix": " ".join(prefix)},
               "kinds": {kind: {"rows": {}, "lost": [], "books": []} for kind in options.kinds}}
    stolen, ticks = tables.cpu_ticks()
    for number in range(options.rounds):
        for kind in options.kinds:
            print(f"links: round {number + 1} of {options.rounds}, {kind}", file=sys.stderr)
            Round(kind, number, options, prefix, sha256, results["kinds"][kind]).run()
        now_stolen, now_ticks = tables.cpu_ticks()
        results |= {"rounds": number + 1, "steal_percent": 100 * (now_stolen - stolen) / max(1, now_ticks - ticks)}
        yield results


def main(arguments):
    options = options_of(arguments)
    if (why := problem(options)) is not None:
        print(f"links: {why}", file=sys.stderr)
        return 1
    if INSIDE not in os.environ:
        return run_inside(arguments)
    options.programs = options.programs.resolve()
    prefix = os.environ.get("PREFIX", "").split()
    results = None
    try:
        lab.private_folders()
        for results in measure(options, prefix):
            write(results, options)
    except lab.Failure as failure:
        print(f"links: {failure}", file=sys.stderr)
        return 1
    for kind, found in results["kinds"].items():
        print(f"\n{kind}: median of {results['rounds']} [least to most]\n\n{tables.plain(found['rows'])}\n")
        for by in ("roost", "bridge"):
            print(f"UDP by {by}: {tables.where_lost(found['lost'], by)}")
        print(f"books: {tables.books_of(found['books'])}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
