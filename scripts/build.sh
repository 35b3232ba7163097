#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# build.sh [release|asan|tsan]: installs what is missing, then builds into build/<preset>.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

preset=${1:-release}
scripts/install_deps.sh

log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! cmake --preset "$preset" >"$log" 2>&1; then
  cat "$log" >&2
  echo "build: configuring '$preset' failed" >&2
  exit 1
fi
cmake --build --preset "$preset"
