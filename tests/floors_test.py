#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Holds the shape of the tree: who may include whom, the licence line, and the length of files.

    floors_test.py ROOT     checks itself on planted violations, then the tree at ROOT
"""

import pathlib
import re
import sys
import tempfile

# Who may include whom. A floor may always include itself.
MAY_INCLUDE = {
    "core": set(),
    "policy": {"core"},
    "manager": {"policy", "core"},
    "nflib": {"policy", "core"},
    "examples": {"nflib", "policy", "core"},
    "cli": {"core"},
    "roostd": {"manager", "policy", "core", "cli"},  # scheduler/main.cc: the program around the manager
    "experiments": {"core", "policy", "manager", "nflib", "examples", "cli"},
    "tests": {"core", "policy", "manager", "nflib", "examples", "cli", "experiments"},
}
FOLDERS = ["core", "scheduler", "nflib", "examples", "cli", "experiments", "tests"]
SCRIPT_FOLDERS = ["scripts", "cmake", ".ci"]
LINES_MAX = 400
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')
LICENCE = "SPDX-License-Identifier: BSD-3-Clause"
CXX_SUFFIXES = {".h", ".cc"}
WRONG_SUFFIXES = {".cpp", ".cxx", ".hpp", ".hh", ".c"}


def floor_of(path):
    """The floor of a path relative to the root, or None for what has no place in the tree."""
    parts = pathlib.PurePosixPath(path).parts
    if not parts:
        return None
    if parts == ("scheduler", "main.cc"):
        return "roostd"
    if parts[0] == "scheduler":
        return "policy" if len(parts) > 2 and parts[1] == "policy" else "manager"
    if parts[0] == "roost":  # the public headers: nflib/include/roost
        return "nflib"
    return parts[0] if parts[0] in MAY_INCLUDE else None


def included_floor(root, path, quote, name):
    """The floor that an #include reaches, or None for what isn't ours."""
    if quote == '"':
        beside = (path.parent / name).resolve()
        if beside.is_file() and beside.is_relative_to(root.resolve()):
            return floor_of(beside.relative_to(root.resolve()).as_posix())
    if ".." in pathlib.PurePosixPath(name).parts:
        return None
    if (root / name).is_file() or (root / "nflib/include" / name).is_file() or quote == '"':
        return floor_of(name)
    return None


def check_includes(root, path, lines):
    floor = floor_of(path.relative_to(root).as_posix())
    for number, line in enumerate(lines, 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        quote, name = match.groups()
        where = f"{path.relative_to(root)}:{number}"
        if ".." in pathlib.PurePosixPath(name).parts:
            yield f"{where}: '{name}': include by the path from the root of the tree, without '..'"
        target = included_floor(root, path, quote, name)
        if target is not None and target != floor and target not in MAY_INCLUDE[floor]:
            allowed = ", ".join(sorted(MAY_INCLUDE[floor])) or "nothing of ours"
            yield f"{where}: {floor} includes {target} ('{name}'); beside itself it may include: {allowed}"


def licence_line(lines, comment):
    """Line one, or line two behind '#!'."""
    head = lines[1:2] if lines and lines[0].startswith("#!") else lines[:1]
    return bool(head) and head[0].rstrip() == f"{comment} {LICENCE}"


def files_of(root):
    for folder in FOLDERS + SCRIPT_FOLDERS:
        if (root / folder).is_dir():
            yield from sorted(p for p in (root / folder).rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    yield from (p for p in [root / "CMakeLists.txt"] if p.is_file())


def check_file(root, path):
    where = path.relative_to(root)
    if path.suffix in WRONG_SUFFIXES:
        yield f"{where}: sources end in .cc and headers in .h"
    is_cxx = path.suffix in CXX_SUFFIXES
    is_script = path.suffix in {".py", ".sh", ".cmake"} or path.name in {"CMakeLists.txt", "run"}
    if not (is_cxx or is_script):
        return
    lines = path.read_text(encoding="utf-8").splitlines()
    comment = "//" if is_cxx else "#"
    if not licence_line(lines, comment):
        yield f"{where}: must begin with '{comment} {LICENCE}'"
    if len(lines) > LINES_MAX:
        yield f"{where}: {len(lines)} lines; over {LINES_MAX} it is two files"
    if is_cxx:
        yield from check_includes(root, path, lines)


def check_tree(root):
    return [violation for path in files_of(root) for violation in check_file(root, path)]


def check_self():
    """Plants one violation of each kind and expects exactly it; and a clean tree, and expects nothing."""
    spdx = f"// {LICENCE}\n"
    clean = {
        "core/ring.h": spdx + "#include <vector>\n",
        "core/ring.cc": spdx + '#include "core/ring.h"\n#include "ring.h"\n',
        "scheduler/policy/wake.h": spdx + '#include "core/ring.h"\n',
        "scheduler/loop.cc": spdx + '#include "scheduler/policy/wake.h"\n',
        "nflib/include/roost/nf.h": spdx + "#include <rte_ether.h>\n",
        "nflib/worker.cc": spdx + '#include <roost/nf.h>\n#include "scheduler/policy/wake.h"\n',
        "examples/bridge.cc": spdx + "#include <roost/nf.h>\n",
        "cli/main.cc": spdx + '#include "core/ring.h"\n',
        "scheduler/main.cc": spdx + '#include "cli/command.h"\n#include "scheduler/loop.h"\n',
        "tests/core/ring_test.cc": spdx + '#include "core/ring.h"\n#include "nflib/worker.h"\n',
        "scripts/x.sh": f"#!/bin/sh\n# {LICENCE}\n",
    }
    planted = [
        ("core/bad.cc", spdx + '#include "scheduler/policy/wake.h"\n', "core includes policy"),
        ("core/bad.cc", spdx + "#include <roost/nf.h>\n", "core includes nflib"),
        ("scheduler/policy/bad.h", spdx + '#include "scheduler/loop.h"\n', "policy includes manager"),
        ("scheduler/policy/bad.h", spdx + '#include "../loop.cc"\n', "policy includes manager"),
        ("scheduler/bad.cc", spdx + '#include "cli/command.h"\n', "manager includes cli"),
        ("scheduler/bad.cc", spdx + '  #  include "nflib/worker.h"\n', "manager includes nflib"),
        ("nflib/bad.cc", spdx + '#include "scheduler/loop.h"\n', "nflib includes manager"),
        ("cli/bad.cc", spdx + '#include "scheduler/policy/wake.h"\n', "cli includes policy"),
        ("nflib/bad.cc", spdx + '#include "tests/support/x.h"\n', "nflib includes tests"),
        ("core/bad.h", spdx + '#include "experiments/x.h"\n', "core includes experiments"),
        ("core/bad.h", "#pragma once\n", "must begin with"),
        ("scripts/bad.sh", "#!/bin/sh\ntrue\n", "must begin with"),
        ("core/bad.cc", spdx + "\n" * LINES_MAX, "it is two files"),
        ("core/bad.cpp", spdx, "end in .cc"),
    ]

    def violations_with(extra):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for name, text in {**clean, **extra}.items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(text)
            return check_tree(root)

    faults = [f"self-test: a clean tree was refused: {v}" for v in violations_with({})]
    for name, text, expected in planted:
        found = violations_with({name: text})
        if not any(expected in violation for violation in found):
            faults.append(f"self-test: planted in {name}, not found: {expected} (found: {found})")
    return faults


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    root = pathlib.Path(sys.argv[1]).resolve()
    violations = check_self() + check_tree(root)
    print("\n".join(violations) if violations else "floors hold")
    sys.exit(1 if violations else 0)


if __name__ == "__main__":
    main()
