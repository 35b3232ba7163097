#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Has spin check the model of sleep and wake: every state of each setting, and that it finds each fault that is planted.
set -euo pipefail
models=$(cd "$(dirname "${BASH_SOURCE[0]}")/model" && pwd)

for tool in spin cc; do
  command -v "$tool" >/dev/null || { echo "model: no '$tool' here; run: scripts/install_deps.sh" >&2; exit 1; }
done
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp "$models"/*.pml "$folder"
cd "$folder"

# verify "OPTIONS" [PROPERTY]: leaves what the verifier says in `said`. A property is checked for fair runs alone. The
# verifier takes longer to compile than to find a fault, so it is optimised only where it goes through all states.
verify() {
  local kind=(-DSAFETY -DNOCLAIM) how=()
  if [[ -n ${2:-} ]]; then kind=(-DNFAIR=3) how=(-a -f -A -N "$2"); fi
  rm -f pan sleep.pml.trail
  # shellcheck disable=SC2086
  spin -a $1 sleep.pml >spin.txt 2>&1 && cc "$optimised" -w "${kind[@]}" -o pan pan.c ||
    { cat spin.txt >&2; echo "model: cannot build the verifier for '$1'" >&2; exit 1; }
  said=$(./pan -m100000 "${how[@]}" 2>&1)
  states=$(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' <<<"$said")
  # Part of the states, only: no answer at all.
  if grep -qE 'max search depth too small|out of memory|Search not completed|aborting' <<<"$said" &&
    ! grep -q 'errors: [1-9]' <<<"$said"; then
    echo "$said" >&2
    echo "model: '$1' was not searched to its end" >&2
    exit 1
  fi
}

holds() {
  optimised=-O1 verify "$@"
  grep -q 'errors: 0$' <<<"$said" || {
    spin -t -p -g $1 sleep.pml 2>/dev/null | tail -40 >&2 || true
    echo "$said" >&2
    echo "model: '$1' ${2:-} does not hold; the end of a run that shows it is above" >&2
    exit 1
  }
  printf 'holds  %10s states  %s %s\n' "$states" "$1" "${2:-}"
}

finds() {
  optimised=-O0 verify "$@"
  grep -q 'errors: [1-9]' <<<"$said" || {
    echo "$said" >&2
    echo "model: the planted fault '$1' is not found" >&2
    exit 1
  }
  printf 'found  %10s states  %s %s: %s\n' "$states" "$1" "${2:-}" \
    "$(sed -n 's/^pan:[0-9]*: \(.*\)/\1/p' <<<"$said" | head -1)"
}

one="-DPACKETS=1 -DTHRESHOLD=1"
below="-DPACKETS=2 -DTHRESHOLD=2"

holds "-DPACKETS=3 -DTHRESHOLD=2"
holds "$below -DDEPTH=2"
holds "$one -DTIMERS=2"
holds "$one -DCALLER"
holds "$one -DTIMERS=1 -DREMOVER"
holds "$below -DTIMERS=1 -DSEMAPHORE"
holds "$below -DTIMERS=1 -DPOLLS"
holds "$below" no_packet_waits
holds "$one -DTIMERS=1" timers_fire

finds "$below -DNO_RECHECK"
finds "$below -DNO_FENCE"
finds "$below -DNO_CONSIDER"
finds "$below -DNO_CONSIDER" no_packet_waits
finds "$below -DNO_DEADLINE"
finds "$below -DNO_RING"
finds "$below -DNO_LOOP_RECHECK"
finds "$below -DNO_LOOP_FENCE"
finds "$one -DTIMERS=1 -DNO_RECHECK" timers_fire
finds "$one -DCALLER -DNO_WANTED"
finds "$below -DPOLLS -DNO_FENCE_AFTER_GIVING"
finds "$below -DPOLLS -DNO_FENCE_AFTER_DELIVERY -DDEPTH=2"
