#!/bin/busybox sh
# SPDX-License-Identifier: BSD-3-Clause
# The first and only program of a guest that cards_in_qemu.py boots: binds both cards to vfio-pci, runs roostd on them
# and says on the console what came of it, for that program to judge. Whatever happens, the guest ends.
set -eu
/bin/busybox --install -s /bin
export PATH=/bin:/roost/bin:/roost/nf ROOST_SOCKET=/run/roost.sock ROOST_MODULE_PATH=/roost/nf

finish() {
  echo "guest: ends with status $?"
  poweroff -f
}
trap finish EXIT

mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev 2>/dev/null || true
mkdir -p /dev/shm
mount -t tmpfs shm /dev/shm
umask 022
chmod 755 / /run
mkdir -p /var
ln -s /run /var/run
ip link set lo up

for module in irqbypass vfio vfio_virqfd vfio_iommu_type1 vfio-pci-core vfio-pci; do
  # QEMU's IOMMU guards memory here, not interrupts: those cannot be remapped for want of hardware.
  case $module in vfio_iommu_type1) options=allow_unsafe_interrupts=1 ;; *) options= ;; esac
  if [ -e "/modules/$module.ko" ]; then insmod "/modules/$module.ko" $options; fi
done
cards=""
for device in /sys/bus/pci/devices/*; do
  case $(cat "$device/class") in 0x0200*) ;; *) continue ;; esac
  address=${device##*/}
  if [ -e "$device/driver" ]; then echo "$address" >"$device/driver/unbind"; fi
  echo vfio-pci >"$device/driver_override"
  echo "$address" >/sys/bus/pci/drivers_probe
  driver=$(readlink "$device/driver") group=$(readlink "$device/iommu_group")
  echo "guest: card $address $(cat "$device/vendor" "$device/device" | tr '\n' ' ')driver ${driver##*/}, IOMMU group ${group##*/}"
  cards="$cards $address"
done
set -- $cards
[ $# -eq 2 ]
sed "s/CARD_A/$1/; s/CARD_B/$2/" /roost/cards.toml >/tmp/cards.toml

roostd --config /tmp/cards.toml &
manager=$!
until roost stats >/dev/null 2>&1; do
  kill -0 $manager
  sleep 0.2
done
roost spawn forward --service forward --count 2
roost spawn counter --service counter --count 2 --tier process
until [ "$(roost stats --json | tr -d ' \n' | grep -o '"link":"up"' | wc -l)" -eq 2 ]; do
  kill -0 $manager
  sleep 0.2
done

# Until nothing has come in for a while.
roost port set in-a --chain to-a
roost port set in-b --chain to-b
before=none
now=$(roost stats --json | tr -d ' \n' | grep -o '"received":[0-9]*' | tr '\n' ' ')
while [ "$now" != "$before" ]; do
  sleep 3
  before=$now
  now=$(roost stats --json | tr -d ' \n' | grep -o '"received":[0-9]*' | tr '\n' ' ')
done
echo "guest: stats $(roost stats --json | tr -d '\n')"
kill -TERM $manager
status=0
wait $manager || status=$?
echo "guest: roostd ended with status $status"
dmesg | grep -i "trap\|segfault\|invalid opcode" || true
dmesg | grep -i "dmar.*fault" || true
