#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# test.sh [preset...]: builds and tests each preset (default: release, asan, tsan), and stops at the first that fails.
# The release run includes the tests of the tree itself: floors, format, headers compiled alone, scripts.
# clang-tidy takes minutes and is a command of its own: scripts/tidy.sh.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

presets=("$@")
if [[ ${#presets[@]} -eq 0 ]]; then presets=(release asan tsan); fi

# g++ 12's thread sanitizer can't place its shadow where the kernel scatters mappings more widely than this.
tsan_random_bits_max=28
steady=()
if [[ $(cat /proc/sys/vm/mmap_rnd_bits 2>/dev/null || echo 0) -gt $tsan_random_bits_max ]] && setarch -R true; then
  steady=(setarch -R)
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
total=0
counts=()
for preset in "${presets[@]}"; do
  echo "== $preset: build"
  scripts/build.sh "$preset"
  echo "== $preset: test"
  if ! "${steady[@]}" ctest --preset "$preset" --parallel "$(nproc)" 2>&1 | tee "$log"; then
    echo "test: '$preset' failed; the failing tests are named above. Again with: scripts/test.sh $preset" >&2
    exit 1
  fi
  count=$(sed -n 's/.* tests failed out of \([0-9]*\)$/\1/p' "$log")
  total=$((total + count))
  counts+=("$preset $count")
done

echo
echo "In all, in ${#presets[@]} builds ($(IFS=,; echo "${counts[*]}" | sed 's/,/, /g')):"
echo "100% tests passed, 0 tests failed out of $total"
