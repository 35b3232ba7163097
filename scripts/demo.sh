#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# demo.sh [--nfs N] [--tier fiber|process] [--seconds S] [--pcap FILE] [--json FILE]
# Installs what is missing, builds, runs N (500) NFs behind a chain on one shared core, in memory, and says how it went.
# Leaves nothing running. All options: build/release/bin/roost demo --help
set -euo pipefail
root="$(dirname "${BASH_SOURCE[0]}")/.."

log=$(mktemp)
trap 'rm -f "$log"' EXIT
# step WHAT COMMAND...: says what goes on; the command's own words only if it fails.
step() {
  echo "demo: $1 ..." >&2
  if ! "${@:2}" >"$log" 2>&1; then
    cat "$log" >&2
    echo "demo: failed at: $1; the words of ${2##*/} are above" >&2
    exit 1
  fi
}

step "checking that what the build takes is installed (else installing it)" "$root/scripts/install_deps.sh"
step "building (minutes, the first time)" "$root/scripts/build.sh" release
"$root/build/release/bin/roost" demo "$@"
