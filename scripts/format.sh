#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Formats every source file in place; with --check only says which lines differ, and fails if any do.
# Version 14 first, so that everybody's output is the same.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

formatter=$(command -v clang-format-14 || command -v clang-format) || {
  echo "format: no clang-format here; run scripts/install_deps.sh" >&2
  exit 1
}
mode=(-i)
if [[ ${1:-} == --check ]]; then mode=(--dry-run -Werror); fi

folders=()
for folder in core scheduler nflib cli examples experiments tests; do
  if [[ -d $folder ]]; then folders+=("$folder"); fi
done
find "${folders[@]}" -type f \( -name '*.h' -o -name '*.cc' \) -print0 |
  xargs -0 --no-run-if-empty "$formatter" --style=file "${mode[@]}"
