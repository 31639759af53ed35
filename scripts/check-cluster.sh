#!/usr/bin/env bash
# Tries the verbs fabric on your own NICs: what every fabric promises, what the NIC itself must
# refuse, the oracle (logits over a loaded prefix equal those of a full recompute, after faults too),
# a whole `calvo realrun` with two storage nodes, and how fast it is beside a bare loop of READs.
# Changes nothing on the machine.
#   scripts/check-cluster.sh [-n NODE] [ADDRESS...]
#   ADDRESS   of an RDMA device of the storage node; default: all of this machine
#   -n NODE   start the storage nodes there, by `ssh NODE`; the repository must lie at the same path
#             and be built. Without it they run here, and data go through the NIC and back; the
#             whole run and the benchmark are done only then.
# Exit status: 0 all passed, 69 there is nothing to try, else failed.
set -euo pipefail
cd "$(dirname "$0")/.."

node=''
while getopts n: option; do
  case $option in
    n) node=$OPTARG ;;
    *) sed -n '6,10s/^# *//p' "$0" >&2; exit 64 ;;
  esac
done
shift $((OPTIND - 1))

hint() { echo "hint: $*"; }
echo "== devices of $(hostname)"
shopt -s nullglob
devices=(/sys/class/infiniband/*)
if [ ${#devices[@]} -eq 0 ]; then
  echo "there is no RDMA device (/sys/class/infiniband is empty)"
  hint "load the driver of your NIC (mlx5_ib, bnxt_re, irdma, ...), or try: tests/rdma_in_vm_test"
  exit 69
fi
for device in "${devices[@]}"; do
  for port in "$device"/ports/*; do
    echo "$(basename "$device") port $(basename "$port"): $(cat "$port/state")," \
      "$(cat "$port/rate"), $(cat "$port/link_layer")," \
      "interfaces $(cd "$device/device/net" 2>/dev/null && echo * || echo unknown)"
  done
done

locked=$(ulimit -l)
if [ "$locked" != unlimited ]; then
  hint "ulimit -l is $locked KiB; pools larger than that cannot be registered"
fi
[ -w /dev/infiniband/rdma_cm ] ||
  hint "/dev/infiniband/rdma_cm cannot be opened; load rdma_ucm, check its permissions"
[ -d /sys/module/nvidia_peermem ] || [ ! -d /sys/module/nvidia ] ||
  hint "for reads into GPU memory the NIC driver must take dma-bufs (Linux 5.12 and open GPU modules)"

echo "== build"
tools/install_packages.sh
tools/build.sh release calvo calvo_realrun_fabrics_tests calvo_realrun_engine_tests verbs_bench

addresses=("$@")
if [ ${#addresses[@]} -eq 0 ]; then
  mapfile -t addresses < <(build/release/verbs_bench --addresses)
fi
if [ ${#addresses[@]} -eq 0 ]; then
  echo "no RDMA device here has an address"
  hint "give its interface one (InfiniBand: IP over IB); connections are made by address"
  exit 69
fi

failed=()
for address in "${addresses[@]}"; do
  echo "== $address${node:+ of $node}"
  try() { "$@" || failed+=("$address"); }
  settings=(CALVO_FABRIC=verbs CALVO_FABRIC_BIND="$address")
  filter='*/verbs:VerbsDevice*'
  if [ -n "$node" ]; then
    settings+=(CALVO_FABRIC_LAUNCHER="ssh $node env ${settings[*]}")
    filter='*/verbs'  # the others look into their own server
  fi
  try env "${settings[@]}" build/release/calvo_realrun_fabrics_tests --gtest_brief=1 \
    --gtest_filter="$filter"
  try env "${settings[@]}" build/release/calvo_realrun_engine_tests --gtest_brief=1 \
    --gtest_filter='*Oracle*/verbs*'
  if [ -z "$node" ]; then
    try tests/rdma_vm/whole_run build/release/calvo verbs "$address"
    try env "${settings[@]}" build/release/verbs_bench
  fi
done

if [ ${#failed[@]} -gt 0 ]; then
  echo "failed: ${failed[*]}"
  exit 1
fi
echo "all passed: ${addresses[*]}"
