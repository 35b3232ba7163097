#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Installs what building and testing Roost takes, and whatever Debian packages are named on the command line.
# Asks apt only if something is missing; needs root, or sudo, only then.
set -euo pipefail

packages=(
  g++ cmake ninja-build ccache pkg-config
  libdpdk-dev libnuma-dev liburcu-dev libpcap-dev libxdp-dev libbpf-dev libseccomp-dev libcap-ng-dev
  libboost-dev libboost-context-dev libtomlplusplus-dev nlohmann-json3-dev libcli11-dev libspdlog-dev libfmt-dev
  libgtest-dev libgmock-dev libbenchmark-dev
  clang-format-14 python3 spin iproute2 iputils-ping zsh
  "$@"
)

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  echo "install_deps: no apt here. Roost is built on Debian 12; elsewhere install the like of:" >&2
  printf '  %s\n' "${packages[@]}" >&2
  exit 1
fi

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
  if [[ $status != installed ]]; then missing+=("$package"); fi
done
if [[ ${#missing[@]} -eq 0 ]]; then exit 0; fi

as_root=()
if [[ $(id -u) -ne 0 ]]; then
  if ! command -v sudo >/dev/null; then
    echo "install_deps: these are missing, and installing them takes root or sudo: ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi

echo "install_deps: installing ${missing[*]}"
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq update
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends \
  -o Dpkg::Use-Pty=0 "${missing[@]}" >"$log" 2>&1; then
  cat "$log" >&2
  echo "install_deps: apt could not install them; its words are above" >&2
  exit 1
fi
