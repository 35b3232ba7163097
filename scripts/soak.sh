#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# soak.sh [minutes] [seed]: a manager under load while hosts are killed, NFs started and stopped, hostile ones let in
# and settings changed, at random; default 30 minutes and a seed of the moment, which is printed. Uses the release build.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

minutes=${1:-30}
seed=${2:-$(date +%s)}
if ! [[ $minutes =~ ^[0-9]+([.][0-9]+)?$ && $seed =~ ^[0-9]+$ ]]; then
  echo "usage: scripts/soak.sh [minutes] [seed]" >&2
  exit 2
fi

scripts/build.sh release
seconds=$(awk -v m="$minutes" 'BEGIN {printf "%d", m * 60}')
echo "soak: $minutes minutes, seed $seed; again with: scripts/soak.sh $minutes $seed"
if ! ROOST_SOAK_S=$seconds ROOST_SEED=$seed build/release/tests/fault_tests --gtest_filter='Soak.*'; then
  echo "soak: failed with seed $seed" >&2
  exit 1
fi
