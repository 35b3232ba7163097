#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# fuzz.sh [--seconds N] [name...]: builds the fuzzers with clang, libFuzzer and the address and undefined-behaviour
# sanitizers into build/fuzz, and runs each (or those named) for N seconds, default 300. New inputs are kept in
# build/fuzz/corpus; one that breaks something is in build/fuzz, named by libFuzzer, and the run ends with it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

seconds=300
if [[ ${1:-} == --seconds ]]; then
  seconds=${2:?a number behind --seconds}
  shift 2
fi
names=("$@")
if [[ ${#names[@]} -eq 0 ]]; then names=(config protocol flow_key capture outbox); fi

scripts/install_deps.sh clang-14 libclang-rt-14-dev
cmake --preset fuzz >/dev/null
for name in "${names[@]}"; do
  cmake --build build/fuzz --target "fuzz_$name"
done
for name in "${names[@]}"; do
  mkdir -p "build/fuzz/corpus/$name"
  echo "fuzz: $name for $seconds s"
  # Loops and pools live as long as the process: no leaks to look for, and one input takes milliseconds at most.
  ASAN_OPTIONS=detect_leaks=0 build/fuzz/fuzz/"fuzz_$name" -max_total_time="$seconds" -max_len=4096 -timeout=20 \
    -print_final_stats=1 -artifact_prefix=build/fuzz/"$name-" "build/fuzz/corpus/$name" "tests/fuzz/corpus/$name"
done
