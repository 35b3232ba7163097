#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# fresh_root.sh [--cache-dir DIR] [--hugepages N] [build|demo|test|quick|all] [argument...]
#
# Proves that nothing but the checkout is needed: makes a bare Debian 12 in a temporary folder, puts HEAD into it and
# runs scripts/build.sh, demo.sh, test.sh or 'experiments/run.sh quick' there with the arguments given; 'all' (the
# default) runs demo, then test, which gets them, then quick.
# Mirror, proxies, keys and certificates are taken from this machine's own configuration at run time.
# --cache-dir keeps the bare root and the packages for the next run. --hugepages reserves so many of 2 MiB for a second
# round in the same root (of the tests the release build's), and gives them back. Needs root and debootstrap.
set -euo pipefail

suite=bookworm

fail() {
  echo "fresh_root: $1" >&2
  exit 1
}

# In namespaces of its own: whatever happens to us, our mounts and processes go with us.
if [[ ${ROOST_FRESH_ROOT_INSIDE:-} != 1 ]]; then
  [[ $(id -u) -eq 0 ]] || fail "mounting and chroot take root; run it with sudo"
  command -v debootstrap >/dev/null || fail "no debootstrap here; run: scripts/install_deps.sh debootstrap"
  ROOST_FRESH_ROOT_INSIDE=1 exec unshare --mount --propagation private --pid --fork --kill-child --mount-proc \
    "${BASH_SOURCE[0]}" "$@"
fi
unset ROOST_FRESH_ROOT_INSIDE
checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

cache=
if [[ ${1:-} == --cache-dir ]]; then
  mkdir -p "${2:?a folder after --cache-dir}"
  cache=$(cd "$2" && pwd)
  shift 2
fi
hugepages=0
if [[ ${1:-} == --hugepages ]]; then
  hugepages=${2:?a number after --hugepages}
  shift 2
fi
what=${1:-all}
if [[ $# -gt 0 ]]; then shift; fi
case $what in
  build | demo | test | quick) steps=("$what") ;;
  all) steps=(demo test quick) ;;
  *) fail "'$what' is none of build, demo, test, quick, all" ;;
esac

root=$(mktemp -d "${TMPDIR:-/tmp}/roost-root.XXXXXX")
reserved=$(cat /proc/sys/vm/nr_hugepages)
clean_up() {
  local mounted
  if [[ $hugepages -gt 0 ]]; then echo "$reserved" >/proc/sys/vm/nr_hugepages; fi
  while mounted=$(findmnt --raw --noheadings --output TARGET | grep "^$root/" | tail -1) && [[ -n $mounted ]]; do
    umount --lazy "$mounted"
  done
  rm -rf --one-file-system "$root"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

mirror() {
  apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' | awk -v s="$suite" '$1 == s {print $2; exit}'
}

make_root() {
  local tarball=$cache/$suite-minbase.tar
  if [[ -n $cache && -f $tarball ]]; then
    tar -xf "$tarball" -C "$root" --numeric-owner
    return
  fi
  local uri
  uri=$(mirror)
  [[ -n $uri ]] || fail "apt has no source for $suite; add one to /etc/apt/sources.list.d"
  debootstrap --variant=minbase "$suite" "$root" "$uri" >"$root.log" 2>&1 ||
    { tail -20 "$root.log" >&2; fail "debootstrap from $uri failed"; }
  rm -f "$root.log"
  if [[ -n $cache ]]; then
    tar -cf "$tarball.part" -C "$root" --numeric-owner . && mv "$tarball.part" "$tarball"
  fi
}

# What this machine needs to reach its mirror, the new root needs too.
lend_network() {
  cp /etc/resolv.conf /etc/hosts "$root/etc/" 2>/dev/null || true
  rm -f "$root/etc/apt/sources.list"
  local item
  for item in sources.list sources.list.d trusted.gpg trusted.gpg.d keyrings auth.conf auth.conf.d; do
    if [[ -e /etc/apt/$item ]]; then
      rm -rf "${root:?}/etc/apt/$item"
      cp -rL "/etc/apt/$item" "$root/etc/apt/$item"
    fi
  done
  cp -n /usr/share/keyrings/* "$root/usr/share/keyrings/" 2>/dev/null || true
  apt-config dump | grep -E '^Acquire::(http|https|ftp|socks|Check|Retries|Force|AllowInsecure)' \
    >"$root/etc/apt/apt.conf.d/90lent" || true
  echo 'APT::Sandbox::User "root";' >>"$root/etc/apt/apt.conf.d/90lent"  # the lent cache isn't _apt's to write
  if [[ -f /etc/ssl/certs/ca-certificates.crt ]]; then
    mkdir -p "$root/etc/ssl/certs"
    cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
  fi
}

mount_system() {
  mount -t proc proc "$root/proc"
  mount --rbind /sys "$root/sys"
  mount --rbind /dev "$root/dev"
  if [[ -n $cache ]]; then
    mkdir -p "$cache/archives/partial"
    mount --bind "$cache/archives" "$root/var/cache/apt/archives"
  fi
}

in_root() {
  local proxies=() name
  for name in http_proxy https_proxy ftp_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
    if [[ -n ${!name:-} ]]; then proxies+=("$name=${!name}"); fi
  done
  chroot "$root" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb \
    "${proxies[@]}" "$@"
}

echo "fresh_root: a bare $suite in $root"
make_root
chmod 755 "$root"  # as every root is: other users pass through it
lend_network
mount_system
mkdir -p "$root/roost"
git -c safe.directory="$checkout" -C "$checkout" archive HEAD | tar -x -C "$root/roost"

# run_step STEP ARGUMENT...
run_step() {
  local command=("scripts/$1.sh" "${@:2}")
  if [[ $1 == quick ]]; then command=(experiments/run.sh quick "${@:2}"); fi
  echo "fresh_root: ${command[*]}"
  SECONDS=0
  in_root "/roost/${command[0]}" "${command[@]:1}" || fail "${command[0]} failed after $SECONDS s"
  if [[ $1 == quick ]]; then
    compgen -G "$root/roost/results/report-*.html" >/dev/null || fail "${command[0]} has left no page"
  fi
  echo "fresh_root: ${command[0]} passed in $SECONDS s"
}

# run_steps ARGUMENT...: which, where there are several steps, are for test.sh.
run_steps() {
  local step
  for step in "${steps[@]}"; do
    if [[ $what == all && $step != test ]]; then run_step "$step"; else run_step "$step" "$@"; fi
  done
}

run_steps "$@"
if [[ $hugepages -gt 0 ]]; then
  echo "$((reserved + hugepages))" >/proc/sys/vm/nr_hugepages
  echo "fresh_root: once more with $(cat /proc/sys/vm/nr_hugepages) hugepages reserved"
  if [[ $what == all ]]; then steps=(demo test); fi
  if [[ $what == all || $what == test ]] && [[ $# -eq 0 ]]; then set -- release; fi
  run_steps "$@"
fi
