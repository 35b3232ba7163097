# SPDX-License-Identifier: BSD-3-Clause
"""What runs between the two ends: ping, iperf3 and curl, and what they say. For links.py."""

import hashlib
import json
import re
import statistics
import subprocess
import time

from lab import ADDRESSES, FOLDER, Failure, eventually

IPERF_PORT_FIRST, HTTP_PORT = 5201, "8080"
PING_COUNT = 20


def ping_figures(text):
    """(packets lost, average round trip in ms) of ping's last lines."""
    counts = re.search(r"(\d+) packets transmitted, (\d+) received", text)
    times = re.search(r"rtt min/avg/max/mdev = [\d.]+/([\d.]+)/", text)
    if counts is None:
        raise Failure(f"ping said: {text.strip()}")
    return int(counts[1]) - int(counts[2]), float(times[1]) if times else None


def ping(ends, version):
    """The same of PING_COUNT of them, one by one: after the last of several, ping would wait for two round trips only,
    and call late what a busy machine kept for longer."""
    lost, times_ms = 0, []
    for _ in range(PING_COUNT):
        answer = ends.a.run("ping", "-n", "-q", "-c", "1", "-W", "10", ADDRESSES[version][1], check=False)
        lost_now, time_ms = ping_figures(answer.stdout + answer.stderr)
        lost += lost_now
        times_ms += [] if time_ms is None else [time_ms]
        time.sleep(0.05)
    return lost, statistics.mean(times_ms) if times_ms else None


def await_first_answers(ends):
    for version in ADDRESSES:
        for end, address in ((ends.a, ADDRESSES[version][1]), (ends.b, ADDRESSES[version][0])):
            answers = lambda: end.run("ping", "-c", "1", "-W", "2", address, check=False).returncode == 0  # noqa: B023
            eventually(answers, f"an answer from {address}")


def iperf_figures(text):
    """Of one run: Gbit/s at the receiver, and datagrams sent and lost, which are None for TCP."""
    answer = json.loads(text)
    if "error" in answer:
        raise Failure(f"iperf3: {answer['error']}")
    end = answer["end"]
    received = end.get("sum_received") or end["sum"]
    figures = {"gbit_s": received["bits_per_second"] / 1e9, "sent": None, "lost": None}
    if "lost_packets" in end.get("sum", {}):
        figures |= {"sent": end["sum"]["packets"], "lost": end["sum"]["lost_packets"]}
        figures["gbit_s"] = end["sum"]["bits_per_second"] / 1e9 * (1 - end["sum"]["lost_percent"] / 100)
    return figures


class Servers:
    """iperf3 and HTTP, at both ends, as long as those live."""

    def __init__(self, ends, prefix):
        self.ends, self.prefix = ends, prefix
        self.iperf_port = IPERF_PORT_FIRST
        for end in (ends.a, ends.b):
            end.start(*prefix, "python3", "-m", "http.server", "--bind", "::", "--directory", str(FOLDER), HTTP_PORT)
            eventually(lambda: listens(end, HTTP_PORT), "the HTTP server")  # noqa: B023

    def iperf(self, version, reverse, seconds, udp_mbit=None):
        """udp_mbit None: TCP; 0: as fast as it goes. A server for each: one that has not done with the run before resets
        the next one's connection, and takes late datagrams for it."""
        self.iperf_port += 1
        port = str(self.iperf_port)
        server = self.ends.b.start(*self.prefix, "iperf3", "--server", "--one-off", "--port", port)
        eventually(lambda: listens(self.ends.b, port), "iperf3's server")
        words = [*self.prefix, "iperf3", "--client", ADDRESSES[version][1], "--port", port, "--json", "--time", str(seconds)]
        if reverse:
            words.append("--reverse")
        if udp_mbit is not None:
            words += ["--udp", "--bitrate", f"{udp_mbit}M"]
        answer = self.ends.a.run(*words, check=False)
        if not answer.stdout:
            raise Failure(f"iperf3: {answer.stderr.strip()}")
        self.ends.b.stop(server)
        return iperf_figures(answer.stdout)

    def fetch(self, version, reverse, name, sha256):
        """Gets the file over HTTP; its checksum must be this."""
        client = self.ends.b if reverse else self.ends.a
        host = ADDRESSES[version][0 if reverse else 1]
        url = f"http://{f'[{host}]' if version == 6 else host}:{HTTP_PORT}/{name}"
        words = client.words(*self.prefix, "curl", "--silent", "--show-error", "--fail", "--noproxy", "*", "--max-time", "600",
                             "--write-out", "%{stderr}%{speed_download}", url)
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as curl:
            digest = hashlib.sha256()
            for part in iter(lambda: curl.stdout.read(1 << 16), b""):
                digest.update(part)
            said = curl.stderr.read().decode()
        if curl.returncode != 0:
            raise Failure(f"curl {url}: {said.strip()}")
        if digest.hexdigest() != sha256:
            raise Failure(f"curl {url}: sha256 is {digest.hexdigest()} instead of {sha256}")
        return float(said.split()[-1]) * 8 / 1e9


def listens(end, port):
    return f":{port}" in end.run("ss", "--no-header", "--listening", "--tcp", "--numeric").stdout
