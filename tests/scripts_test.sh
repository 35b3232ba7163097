#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Every shell script parses, is executable, and stops at its first error.
set -euo pipefail
cd "$1"

failed=0
complain() {
  echo "$1" >&2
  failed=1
}

for script in scripts/*.sh tests/*.sh experiments/*.sh .ci/run; do
  bash -n "$script" || complain "$script: does not parse"
  [[ -x $script ]] || complain "$script: not executable; chmod +x $script"
  grep -q '^set -euo pipefail' "$script" || complain "$script: lacks 'set -euo pipefail'"
done
exit "$failed"
