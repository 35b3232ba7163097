#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# run.sh quick            every experiment, small, in under five minutes on two free cores, and a page of all of them
# run.sh matrix [FOLDER]  the whole matrices of density and wake_thresholds, where one start serves many rows, and the
#                         tuner against fixed settings: some forty minutes on two free cores
# run.sh full [FOLDER]    the whole matrices with a start for each row: days. Interrupted, each of these goes on where
#                         it was with the same FOLDER
# run.sh lines [FOLDER]   in between: each dimension of a matrix alone, around one point; some hours
# run.sh short [FOLDER]   lines of density, wake_thresholds and controller only, with short slices: a quarter of an hour
#                         on two free cores. The results say what they are: scale lines, two lives
#
# Rows with traffic=capture take --capture FILE, or mixed.pcap in the folder that ROOST_TRAFFIC_DIR names; without either
# they are left out.
#
# Results go to results/<experiment>/<time>, and with FOLDER to FOLDER/<experiment>. Further options are those of
# roost-experiment, behind --: run.sh quick -- --capture traffic.pcap. PREFIX, if set, goes before each run, for
# example PREFIX="chrt -r 1" on a machine that does other work.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

experiments=(density baselines wake_thresholds controller tuner latency chain fairness noisy_neighbour churn idle)

usage() {
  sed -n '3,18s/^# \{0,1\}//p' experiments/run.sh >&2
  exit 2
}

[[ $# -ge 1 ]] || usage
scale=$1
shift
case $scale in
quick) pairs=3 options=(--lives 1 --slice 0.1 --warm-up 0.2) ;;
lines) pairs=5 options=(--lives 3 --slice 0.2 --warm-up 0.3) ;;
short) pairs=3 options=(--lives 2 --slice 0.1 --warm-up 0.2) ;;
matrix) pairs=3 options=(--lives 1 --slice 0.1 --warm-up 0.1) ;;
full) pairs=5 options=(--lives 3 --slice 0.5 --warm-up 0.5) ;;
*) usage ;;
esac
if [[ $scale == short ]]; then
  scale=lines
  experiments=(density wake_thresholds controller)
elif [[ $scale == matrix ]]; then
  experiments=(density wake_thresholds tuner)
fi
folder=results
own_folder=false
if [[ $# -gt 0 && $1 != -- ]]; then
  folder=$1
  own_folder=true
  shift
fi
if [[ $# -gt 0 ]]; then
  [[ $1 == -- ]] || usage
  shift
fi

if [[ " $* " != *" --capture "* && -n ${ROOST_TRAFFIC_DIR:-} && -e $ROOST_TRAFFIC_DIR/mixed.pcap ]]; then
  set -- "$@" --capture "$ROOST_TRAFFIC_DIR/mixed.pcap"
fi

program=build/release/bin/roost-experiment
if [[ ! -x $program ]]; then
  scripts/install_deps.sh
  cmake --preset release >/dev/null
  ninja -C build/release roost-experiment
fi
scripts/install_deps.sh python3-matplotlib
read -ra prefix <<<"${PREFIX:-}"

stamp=$(date -u +%Y%m%d-%H%M%S)
folders=()
failed=()
for experiment in "${experiments[@]}"; do
  if $own_folder; then into=$folder/$experiment; else into=$folder/$experiment/$stamp; fi
  if [[ -e $into/result.json ]]; then
    arguments=(--resume "$into")
  else
    of_this=$pairs
    if [[ $scale == matrix && $experiment == density ]]; then of_this=2; fi  # it has four times the rows
    arguments=(--scale "$scale" --pairs "$of_this" "${options[@]}" "$@" --out "$into")
  fi
  status=0
  "${prefix[@]}" "$program" "$experiment" "${arguments[@]}" || status=$?
  if [[ $status -eq 130 ]]; then
    again=""
    if $own_folder; then again="; the same command goes on where it was"; fi
    echo "run.sh: interrupted$again" >&2
    exit 130
  fi
  if [[ $status -ne 0 ]]; then failed+=("$experiment"); fi
  if [[ -e $into/result.json ]]; then folders+=("$into"); fi
done
if [[ ${#folders[@]} -eq 0 ]]; then
  echo "run.sh: nothing was measured" >&2
  exit 1
fi

if $own_folder; then page=$folder/report.html; else page=$folder/report-$stamp.html; fi
experiments/report/report.py "${folders[@]}" --out "$page"
if [[ ${#failed[@]} -gt 0 ]]; then
  echo "run.sh: failed: ${failed[*]}; the page says where" >&2
  exit 1
fi
