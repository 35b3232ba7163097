# SPDX-License-Identifier: BSD-3-Clause
"""Two network namespaces and what joins them: Roost, or a Linux bridge. For links.py, which gives this process network,
process and mount namespaces of its own: all that is made here ends with it, whatever ends it."""

import json
import os
import pathlib
import subprocess
import time

FOLDER = pathlib.Path("/run/roost-links")  # in a tmpfs of this process's own
ADDRESSES = {4: ("10.9.0.1", "10.9.0.2"), 6: ("fd09::1", "fd09::2")}
PATIENCE_S = 60


class Failure(Exception):
    """What went wrong, in words for whoever ran this."""


def run(*words, check=True, timeout_s=PATIENCE_S):
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=timeout_s)
    except subprocess.TimeoutExpired as error:
        raise Failure(f"'{' '.join(words)}' did not end within {timeout_s} s") from error
    if check and done.returncode != 0:
        raise Failure(f"'{' '.join(words)}' failed: {(done.stderr or done.stdout).strip()}")
    return done


def eventually(condition, what):
    end = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > end:
            raise Failure(f"waited {PATIENCE_S} s for {what}")
        time.sleep(0.02)


def private_folders():
    """Hides /run behind a memory of our own: `ip netns` keeps its names there, and nothing stays behind."""
    run("mount", "-t", "tmpfs", "-o", "mode=755", "roost-links", "/run")
    FOLDER.mkdir()


class Namespace:
    def __init__(self, name):
        self.name = name
        self.processes = []
        run("ip", "netns", "add", name)
        self.run("ip", "link", "set", "lo", "up")

    def words(self, *words):
        return ("nsenter", f"--net=/run/netns/{self.name}", *words)

    def run(self, *words, **options):
        return run(*self.words(*words), **options)

    def start(self, *words, output=subprocess.DEVNULL):
        process = subprocess.Popen(self.words(*words), stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        self.processes.append(process)
        return process

    def stop(self, process):
        process.kill()
        process.wait()
        self.processes.remove(process)

    def give_addresses(self, number):
        self.run("ip", "addr", "add", f"{ADDRESSES[4][number]}/24", "dev", "e0")
        self.run("ip", "link", "set", "e0", "up")
        self.run("ip", "addr", "add", f"{ADDRESSES[6][number]}/64", "dev", "e0", "nodad")

    def counters(self):
        """What was lost here after it had arrived, or before it left."""
        counts = {"udp_receive_buffer": 0, "interface": 0}
        lines = self.run("cat", "/proc/net/snmp").stdout.splitlines()
        names, values = [line.split()[1:] for line in lines if line.startswith("Udp:")]
        counts["udp_receive_buffer"] += int(dict(zip(names, values))["RcvbufErrors"])
        for line in self.run("cat", "/proc/net/snmp6").stdout.splitlines():
            if line.startswith("Udp6RcvbufErrors"):
                counts["udp_receive_buffer"] += int(line.split()[1])
        for link in json.loads(self.run("ip", "-json", "-stats", "link", "show").stdout):
            of_link = link.get("stats64", {})
            counts["interface"] += sum(of_link.get(way, {}).get("dropped", 0) for way in ("rx", "tx"))
        return counts

    def end(self):
        for process in self.processes:
            process.kill()
            process.wait()
        run("ip", "netns", "del", self.name)


def join(here, name, there):
    here.run("ip", "link", "add", name, "type", "veth", "peer", "name", "e0", "netns", there.name)
    # Without addresses of their own the ends say nothing by themselves.
    here.run("ip", "link", "set", name, "addrgenmode", "none", "up")
    there.run("ip", "link", "set", "e0", "addrgenmode", "none", "up")


class Ends:
    """Two namespaces, each with an interface e0 of the same network, and one between them."""

    def __init__(self, name):
        self.a, self.b, self.between = (Namespace(f"{name}-{end}") for end in ("a", "b", "between"))

    def give_addresses(self, offloads):
        for number, end in enumerate((self.a, self.b)):
            if not offloads:
                end.run("ethtool", "-K", "e0", "tx", "off", "tso", "off", "gso", "off")
            end.give_addresses(number)

    def lost(self):
        counts = {}
        for end in (self.a, self.b, self.between):
            for cause, count in end.counters().items():
                counts[cause] = counts.get(cause, 0) + count
        return counts

    def end(self):
        for each in (self.a, self.b, self.between):
            each.end()


class Bridge(Ends):
    def __init__(self, offloads):
        super().__init__("bridge")
        self.between.run("ip", "link", "add", "br0", "type", "bridge", "stp_state", "0", "mcast_snooping", "0")
        self.between.run("ip", "link", "set", "br0", "addrgenmode", "none", "up")
        for name, end in (("ra", self.a), ("rb", self.b)):
            join(self.between, name, end)
            self.between.run("ip", "link", "set", name, "master", "br0")
        self.give_addresses(offloads)


# Both ways through the same three NFs: fiber, process, fiber; the last is another tenant's, so there are three hosts.
NFS = (("one", "forward", "fiber", "default"), ("two", "counter", "process", "default"),
       ("three", "forward", "fiber", "other"))


def configuration(kind):
    text = '[memory]\npackets = 32768\nhugepages = "auto"\n'
    for name, chain in (("a", "ab"), ("b", "ba")):
        text += f'[[ports]]\nname = "{name}"\nkind = "{kind}"\ninterface = "r{name}"\nchain = "{chain}"\n'
    services = [service for service, _, _, _ in NFS]
    for service in services:
        text += f'[[services]]\nname = "{service}"\n'
    for chain, hops, out in (("ab", services, "b"), ("ba", services[::-1], "a")):
        text += f'[[chains]]\nname = "{chain}"\nservices = {json.dumps(hops)}\nout = "{out}"\n'
    return text


class Roost(Ends):
    def __init__(self, kind, offloads, programs, prefix):
        super().__init__("roost")
        self.programs = programs
        self.socket, self.log = FOLDER / "roost.sock", FOLDER / "roostd.log"
        if kind != "tap":
            join(self.between, "ra", self.a)
            join(self.between, "rb", self.b)
        config = FOLDER / "links.toml"
        config.write_text(configuration(kind), encoding="utf-8")
        with open(self.log, "w", encoding="utf-8") as log:
            self.manager = self.between.start(*prefix, str(programs / "roostd"), "--config", str(config), "--socket",
                                              str(self.socket), output=log)
        eventually(self.answers, "roostd to answer")
        if kind == "tap":
            for name, end in (("ra", self.a), ("rb", self.b)):
                self.between.run("ip", "link", "set", name, "netns", end.name, "name", "e0")
        self.give_addresses(offloads)
        for service, module, tier, tenant in NFS:
            self.ask("spawn", module, "--service", service, "--tier", tier, "--tenant", tenant)
        if prefix[:2] == ["chrt", "-r"]:
            self.workers_by_turns(prefix[2])

    def answers(self):
        if self.manager.poll() is not None:
            raise Failure(f"roostd ended:\n{self.log.read_text(encoding='utf-8')}")
        return self.socket.exists() and self.call("stats", check=False).returncode == 0

    def call(self, *words, check=True):
        return run(str(self.programs / "roost"), "--socket", str(self.socket), *words, check=check)

    def ask(self, *words):
        return json.loads(self.call(*words, "--json").stdout)

    def workers_by_turns(self, priority):
        """Workers leave the scheduling class that they were started in; with a prefix of chrt they are meant to have it."""
        for status in pathlib.Path("/proc").glob("[0-9]*/task/*/comm"):
            if pathlib.Path(os.readlink(status.parents[2] / "exe")).name == "roost-host":
                run("chrt", "-r", "-p", priority, status.parent.name)

    def lost(self):
        counts = super().lost()
        stats = self.ask("stats")
        for cause, count in stats["dropped"].items():
            counts[cause] = counts.get(cause, 0) + count
        for port in stats["ports"]:
            counts["port_sent_not"] = counts.get("port_sent_not", 0) + port["transmit_dropped"]
            for cause, count in port["receive_dropped"].items():
                counts[f"port_{cause}"] = counts.get(f"port_{cause}", 0) + count
        return counts

    def check_books(self):
        """Once nothing is on its way: received + created = transmitted + dropped + held, and nobody sent nonsense."""
        stats = {}

        def settled():
            stats.update(self.ask("stats"))
            return stats["held"] == 0

        eventually(settled, "the last packets to leave Roost")
        left = stats["transmitted"] + sum(stats["dropped"].values()) + stats["held"]
        if stats["received"] + stats["created"] != left or not stats["balanced"]:
            raise Failure(f"the books do not balance: {json.dumps(stats)}")
        wrong = {f"port {port['name']}: {cause}": port["receive_dropped"][cause] for port in stats["ports"]
                 for cause in ("malformed", "runt", "oversize") if port["receive_dropped"][cause] != 0}
        wrong |= {name: stats[name] for name in ("refused", "breaches") if stats[name] != 0}
        if wrong:
            raise Failure(f"packets were not what they should be: {wrong}")
        return stats

    def end(self):
        self.manager.terminate()
        try:
            status = self.manager.wait(PATIENCE_S)
        except subprocess.TimeoutExpired as error:
            raise Failure(f"roostd did not end within {PATIENCE_S} s of SIGTERM") from error
        if status != 0:
            raise Failure(f"roostd ended with status {status}:\n{self.log.read_text(encoding='utf-8')}")
        super().end()
