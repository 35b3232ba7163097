#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Roost on PCI network cards, in a machine of QEMU's. For each kind of card a guest boots, with an IOMMU and two such
cards that a hub joins; both are bound to vfio-pci, and roostd sends packets from a generator out of each card, in by
the other, and through NFs.

    cards_in_qemu.py                            four kinds of card, a minute or two each
    cards_in_qemu.py --cards e1000e --log /tmp  one; all that the guest says goes to /tmp/e1000e.log, line by line

Fails unless each packet that one card sent came in by the other, and Roost's books balance. Downloads Debian's kernel
by apt-get, into --cache, which keeps it, or else a temporary folder. Needs no root, 2 GiB of memory, and
qemu-system-x86_64, busybox and cpio: scripts/install_deps.sh qemu-system-x86 busybox-static cpio
"""

import argparse
import glob
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = ROOT / "build/portable"
CARDS = {"e1000e": "", "e1000": "", "virtio-net-pci": ",disable-legacy=on,iommu_platform=on", "vmxnet3": ""}
NEEDED = {"qemu-system-x86_64": "qemu-system-x86", "busybox": "busybox-static", "cpio": "cpio", "dpkg-deb": "dpkg"}
MODULES = ("virt/lib/irqbypass", "drivers/vfio/vfio", "drivers/vfio/vfio_virqfd", "drivers/vfio/vfio_iommu_type1",
           "drivers/vfio/pci/vfio-pci-core", "drivers/vfio/pci/vfio-pci")
DRIVERS = ("bus_pci", "bus_vdev", "mempool_ring", "mempool_stack", "net_e1000", "net_virtio", "net_vmxnet3")
PATIENCE_S = 600

CONFIGURATION = """
[memory]
packets = 16384
hugepages = "never"
[[ports]]
name = "in-a"
kind = "generator"
imix = true
ip_version = "mixed"
rate_pps = 2000
count = {packets}
[[ports]]
name = "in-b"
kind = "generator"
frame_bytes = 64
rate_pps = 2000
count = {packets}
[[ports]]
name = "a"
kind = "dpdk"
device = "CARD_A"
chain = "from-a"
[[ports]]
name = "b"
kind = "dpdk"
device = "CARD_B"
chain = "from-b"
[[ports]]
name = "sink"
kind = "null"
[[services]]
name = "forward"
[[services]]
name = "counter"
[[chains]]
name = "to-a"
services = ["forward"]
out = "a"
[[chains]]
name = "to-b"
services = ["forward"]
out = "b"
[[chains]]
name = "from-a"
services = ["counter"]
out = "sink"
[[chains]]
name = "from-b"
services = ["counter", "forward"]
out = "sink"
"""


class Failure(Exception):
    """What went wrong, in words for whoever ran this."""


def run(*words, **options):
    done = subprocess.run(words, capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise Failure(f"'{' '.join(map(str, words))}' failed: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def build():
    """Roost for any x86-64 processor: QEMU's has not all that the one here has."""
    print("cards_in_qemu: building for any processor (many minutes, the first time)", file=sys.stderr)
    run("cmake", "-S", str(ROOT), "-B", str(BUILD), "-G", "Ninja", "-DROOST_NATIVE=OFF", "-DROOST_BENCH=OFF",
        "-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_CXX_FLAGS_RELEASE=-O1")
    run("ninja", "-C", str(BUILD), "roostd", "roost-host", "roost", "nf_forward", "nf_counter")


def get_kernel(folder):
    """The package: from the folder, or into it."""
    if not (found := sorted(folder.glob("linux-image-*.deb"))):
        depends = re.search(r"Depends: (linux-image-\S+)", run("apt-cache", "depends", "linux-image-amd64"))
        if depends is None:
            raise Failure("apt knows no linux-image-amd64; put a linux-image-*.deb into the folder of --cache")
        print(f"cards_in_qemu: downloading {depends[1]}", file=sys.stderr)
        run("apt-get", "-qq", "download", depends[1], cwd=folder)
        found = sorted(folder.glob("linux-image-*.deb"))
    return found[-1]


def libraries_of(files):
    return set(re.findall(r"(/\S+) \(0x", run("ldd", *map(str, files))))


def put(file, root):
    """The file, and the link to it by this name: DPDK's drivers have several, and must be loaded once."""
    real, target = file.resolve(), root / file.relative_to("/")
    copy = root / real.relative_to("/")
    copy.parent.mkdir(parents=True, exist_ok=True)
    if not copy.exists():
        shutil.copy(real, copy)
    if not target.is_symlink() and not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(real)


def make_root(root, unpacked, packets):
    """All that the guest has: busybox, Roost, what that is linked with, DPDK's drivers and the kernel's modules."""
    for folder in ("bin", "dev", "proc", "sys", "tmp", "run", "modules", "roost/bin", "roost/nf"):
        (root / folder).mkdir(parents=True)
    shutil.copy(shutil.which("busybox"), root / "bin/busybox")
    shutil.copy(HERE / "init.sh", root / "init")
    (root / "init").chmod(0o755)
    programs = [BUILD / "bin" / name for name in ("roostd", "roost-host", "roost")]
    modules = [BUILD / "nf" / f"{name}.so" for name in ("forward", "counter")]
    drivers = []
    for name in DRIVERS:
        if not (found := glob.glob(f"/usr/lib/*/dpdk/pmds-*/librte_{name}.so.*")):
            raise Failure(f"DPDK's driver {name} is not installed")
        drivers += found
    for file in programs:
        shutil.copy(file, root / "roost/bin")
    for file in modules:
        shutil.copy(file, root / "roost/nf")
    for file in set(drivers) | libraries_of(programs + modules + drivers):
        put(pathlib.Path(file), root)
    for module in MODULES:
        for file in unpacked.glob(f"**/kernel/{module}.ko"):
            shutil.copy(file, root / "modules")
    (root / "roost/cards.toml").write_text(CONFIGURATION.format(packets=packets), encoding="utf-8")


def pack(root, into):
    names = "\0".join(str(path.relative_to(root)) for path in sorted(root.rglob("*")))
    with open(into, "wb") as file:
        subprocess.run(["cpio", "--quiet", "--null", "--create", "--format=newc"], input=names.encode(), stdout=file,
                       cwd=root, check=True)


def boot(card, accel, kernel, initrd, log):
    """All that the guest says, to its end; it goes to the log meanwhile."""
    iommu = "intel-iommu,intremap=off,aw-bits=48" + (",device-iotlb=on" if card == "virtio-net-pci" else "")
    words = ["qemu-system-x86_64", "-machine", "q35,kernel-irqchip=split" if accel == "kvm" else "q35", "-accel", accel,
             "-cpu", "host,-arch-capabilities" if accel == "kvm" else "max", "-smp", "2", "-m", "1536", "-nodefaults",
             "-no-user-config", "-display", "none", "-no-reboot", "-serial", "stdio", "-device", iommu]
    for end, slot in (("a", 4), ("b", 5)):
        words += ["-netdev", f"hubport,id=hub-{end},hubid=0", "-device",
                  f"{card},netdev=hub-{end},addr={slot},mac=52:54:00:00:00:0{end}{CARDS[card]}"]
    words += ["-kernel", str(kernel), "-initrd", str(initrd), "-append",
              "console=ttyS0 loglevel=4 panic=-1 intel_iommu=on iommu=nopt"]
    # It ends with this process, however that ends.
    words = ["setpriv", "--pdeathsig", "KILL", *words]
    with open(log, "wb") as file:
        guest = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT)
    end = ""
    try:
        guest.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        guest.kill()
        guest.wait()
        end = f"\n(no end within {PATIENCE_S} s)"
    return log.read_text(encoding="utf-8", errors="replace").replace("\r", "") + end


def judge(said):
    """What came of it, in words; throws Failure."""
    found = re.search(r"^guest: stats (\{.*\})$", said, re.MULTILINE)
    if found is None:
        raise Failure("the guest did not come to its end")
    stats = json.loads(found[1])
    ports = {port["name"]: port for port in stats["ports"]}
    left = stats["transmitted"] + sum(stats["dropped"].values()) + stats["held"]
    if stats["received"] + stats["created"] != left or stats["held"] != 0:
        raise Failure(f"the books do not balance: {json.dumps(stats)}")
    for sender, receiver in (("a", "b"), ("b", "a")):
        sent, came = ports[sender]["transmitted"], ports[receiver]["received"]
        if sent == 0 or sent != came or ports[sender]["transmitted_bytes"] != ports[receiver]["received_bytes"]:
            raise Failure(f"card {sender} sent {sent} packets, and {came} came in by card {receiver}: {json.dumps(stats)}")
    if "guest: roostd ended with status 0" not in said:
        raise Failure("roostd did not end well")
    # (QEMU's vmxnet3 reads its driver's memory, at 0, before the driver has said where that is.)
    if any(address != "0x0" for address in re.findall(r"fault addr (\S+)", said)):
        raise Failure("the IOMMU caught an access to memory that the card was not given")
    return f"{ports['a']['transmitted']} packets from a to b, {ports['b']['transmitted']} from b to a, none lost"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cards", default=",".join(CARDS), help="by commas (default: %(default)s)")
    parser.add_argument("--packets", type=int, default=20000, help="of each generator (default: %(default)s)")
    parser.add_argument("--cache", type=pathlib.Path, help="where the kernel's package is, or is to be kept")
    parser.add_argument("--accel", choices=("kvm", "tcg"), default="tcg", help="kvm is faster, where it works (default: %(default)s)")
    parser.add_argument("--log", type=pathlib.Path, help="folder for what guests say")
    options = parser.parse_args()
    cards = options.cards.split(",")
    for card in cards:
        if card not in CARDS:
            parser.error(f"--cards: '{card}' is none of {', '.join(CARDS)}")
    missing = sorted(package for name, package in NEEDED.items() if shutil.which(name) is None)
    if missing:
        sys.exit(f"cards_in_qemu: more is needed; run: scripts/install_deps.sh {' '.join(missing)}")
    status = 0
    with tempfile.TemporaryDirectory(prefix="roost-guest-") as name:
        work = pathlib.Path(name)
        try:
            build()
            cache = options.cache or work
            cache.mkdir(parents=True, exist_ok=True)
            run("dpkg-deb", "-x", str(get_kernel(cache)), str(work / "kernel"))
            make_root(work / "root", work / "kernel", options.packets)
            pack(work / "root", work / "initrd")
        except Failure as failure:
            sys.exit(f"cards_in_qemu: {failure}")
        kernel = next((work / "kernel/boot").glob("vmlinuz-*"))
        for card in cards:
            said = boot(card, options.accel, kernel, work / "initrd", (options.log or work) / f"{card}.log")
            try:
                print(f"{card}: {judge(said)}", flush=True)
            except Failure as failure:
                status = 1
                words = "\n".join(said.splitlines()[-40:])
                print(f"{card}: failed: {failure}\n{words}", file=sys.stderr, flush=True)
    return status


if __name__ == "__main__":
    sys.exit(main())
