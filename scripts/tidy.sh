#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# tidy.sh [file...]: clang-tidy over the files named, or over all sources. Takes minutes, so test.sh leaves it out.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scripts/install_deps.sh clang-tidy-14
# Plain processor flags, which clang knows, and a database of every file.
cmake --preset asan -B build/tidy -DROOST_UNITY=OFF >/dev/null
files=("$@")
if [[ ${#files[@]} -eq 0 ]]; then
  mapfile -t files < <(find core scheduler nflib cli examples tests -name '*.cc' | sort)
fi
printf '%s\0' "${files[@]}" |
  xargs -0 -n 1 -P "$(nproc)" clang-tidy-14 -p build/tidy --quiet --extra-arg=-Wno-unknown-warning-option
