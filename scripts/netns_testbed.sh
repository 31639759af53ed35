#!/usr/bin/env bash
# Storage nodes in network namespaces on this machine, each behind a link of its own that is shaped
# to a rate: a testbed with a real network stack and no second machine. Everything is removed when
# the script ends, however it ends.
#
#   netns_testbed.sh [OPTIONS] serve SCENARIO [KVNODE ARGUMENTS]
#                                                         start `calvo kvnode` in each namespace,
#                                                         print the --node list, wait for Ctrl-C
#   netns_testbed.sh [OPTIONS] exec COMMAND [ARGUMENTS]   run COMMAND beside empty namespaces
#
# A serving engine stays outside, in the namespace that the script is called in, and reaches node i
# at 198.18.(B + i).2, B a number that is free here. COMMAND finds in its environment
#   CALVO_NETNS      name=address of each namespace, separated by blanks
#   CALVO_KEY_FILE   a key that nodes and engine share (an address that is not loopback needs one)
# and starts nodes by `ip netns exec NAME calvo kvnode --bind ADDRESS ...`.
#
# Options:
#   --nodes N       namespaces (2)
#   --rate RATE     of each link in both directions, as tc writes it (1gbit)
#   --mtu BYTES     of each link (9000)
#   --burst SIZE    bytes that may pass unshaped (256kb)
#   --port PORT     that `serve` lets nodes listen on (4711)
#   --calvo FILE    the program (build/release/calvo)
#
# Example:
#   netns_testbed.sh --rate 250mbit serve scenarios/examples/laptop.yaml --preload scenario
#
# Needs root, iproute2 (ip, tc, ss), and a kernel with network namespaces, veth and sch_tbf.
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
nodes=2 rate=1gbit mtu=9000 burst=256kb port=4711 calvo=$here/build/release/calvo

fail() { echo "netns_testbed: $*" >&2; exit 2; }
usage() { sed -n '2,/^set -/{/^set -/d;s/^# \{0,1\}//;p}' "$0"; }

while [ $# -gt 0 ]; do
  case $1 in
    -h|--help) usage; exit 0 ;;
    --nodes|--rate|--mtu|--burst|--port|--calvo)
      [ $# -gt 1 ] || fail "$1 needs a value; see --help"
      declare "${1#--}=$2"; shift 2 ;;
    serve|exec) break ;;
    *) fail "unknown argument \"$1\"; see --help" ;;
  esac
done
mode=${1:-}
[ -n "$mode" ] || fail "say what to do: serve or exec; see --help"
shift
[[ $nodes =~ ^[1-9][0-9]?$ ]] || fail "--nodes $nodes: a number from 1 to 99"
[ $# -gt 0 ] || fail "$mode needs an argument; see --help"

for tool in ip tc ss; do
  command -v "$tool" >/dev/null || fail "$tool is missing; as root: apt-get install iproute2"
done
[ "$(id -u)" -eq 0 ] || fail "network namespaces need root; run it with sudo, or use nodes on
loopback that pace themselves (calvo realrun without --node starts such nodes)"
[ "$mode" != serve ] || [ -x "$calvo" ] || fail "$calvo: no such program; build it or give --calvo"

prefix=calvo-$$
work=$(mktemp -d)

remove() {  # everything that this script has made; may be called at any time, more than once
  local name pids
  [ ! -s "$work/command" ] || kill -TERM "$(cat "$work/command")" 2>/dev/null || true
  for name in $(ip netns list | awk '{print $1}' | grep "^$prefix-" || true); do
    pids=$(ip netns pids "$name" 2>/dev/null || true)
    [ -z "$pids" ] || kill -TERM $pids 2>/dev/null || true
    for _ in $(seq 50); do
      [ -n "$(ip netns pids "$name" 2>/dev/null)" ] || break
      sleep 0.1
    done
    pids=$(ip netns pids "$name" 2>/dev/null || true)
    [ -z "$pids" ] || kill -KILL $pids 2>/dev/null || true
    ip netns del "$name" || true  # its end of the link goes with it, and so the other end
  done
  rm -rf "$work"
}

# The janitor waits until nobody holds the other end of its pipe, and then removes everything: also
# when this script is killed and can do nothing any more.
exec {janitor}> >(trap '' INT TERM HUP; exec 1>&2; cat >/dev/null; remove)
janitor_pid=$!
finish() {
  trap '' INT TERM HUP EXIT
  exec {janitor}>&-
  wait "$janitor_pid" 2>/dev/null || true
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

free_base() {  # a B such that 198.18.B.0/24 and the next ones are routed nowhere
  local base i
  for base in $(seq 0 "$nodes" $((255 - nodes))); do
    for i in $(seq 0 $((nodes - 1))); do
      [ -z "$(ip -4 route show root 198.18.$((base + i)).0/24)" ] || continue 2
    done
    echo "$base"
    return
  done
  fail "no free range in 198.18.0.0/16; remove old test networks (ip netns list)"
}

shape() {  # [NAMESPACE] DEVICE
  local inside=()
  [ $# -eq 1 ] || { inside=(ip netns exec "$1"); shift; }
  "${inside[@]}" tc qdisc add dev "$1" root handle 1: tbf rate "$rate" burst "$burst" \
      latency 20ms ||
    fail "$1 cannot be shaped to $rate; does this kernel have sch_tbf, and is the rate one of tc's?"
  # As a NIC's own queues do: what asks and answers overtakes KV (SO_PRIORITY of its sockets).
  "${inside[@]}" tc qdisc add dev "$1" parent 1: pfifo_fast ||
    fail "$1 has no queue with classes; does this kernel have pfifo_fast, Linux's default?"
}

base=$(free_base)
list=()
for i in $(seq 0 $((nodes - 1))); do
  name=$prefix-$i device=cv$$-$i  # at most 15 letters
  subnet=198.18.$((base + i))
  ip netns add "$name" || fail "no network namespaces here; in a container, it must be privileged"
  ip link add "$device" mtu "$mtu" type veth peer name eth0 mtu "$mtu" netns "$name" ||
    fail "no veth links here; does this kernel have veth?"
  ip addr add "$subnet.1/24" dev "$device"
  ip link set "$device" up
  ip -n "$name" addr add "$subnet.2/24" dev eth0
  ip -n "$name" link set lo up
  ip -n "$name" link set eth0 up
  shape "$name" eth0
  shape "$device"
  list+=("$name=$subnet.2")
done
export CALVO_NETNS="${list[*]}" CALVO_KEY_FILE=$work/key
(umask 077; head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n' >"$CALVO_KEY_FILE")

if [ "$mode" = exec ]; then
  set -m  # a process group of its own, that Ctrl-C reaches through the traps here, once
  "$@" {janitor}>&- &
  child=$!
  set +m
  echo "$child" >"$work/command"
  trap 'kill -INT $child 2>/dev/null || true' INT
  trap 'kill -TERM $child 2>/dev/null || true' TERM HUP
  while :; do
    status=0
    wait "$child" || status=$?
    kill -0 "$child" 2>/dev/null && continue  # it was a signal to this script that ended the wait
    rm "$work/command"
    exit "$status"
  done
fi

endpoints=()
for i in "${!list[@]}"; do
  name=${list[i]%%=*} address=${list[i]#*=}
  ip netns exec "$name" "$calvo" kvnode --scenario "$@" --node "$i" --bind "$address" \
    --port "$port" --key-file "$CALVO_KEY_FILE" {janitor}>&- &
  node=$!
  until [ -n "$(ip netns exec "$name" ss -Hltn "sport = :$port")" ]; do
    kill -0 "$node" 2>/dev/null || fail "the node in $name has ended; what it said stands above"
    sleep 0.1
  done
  endpoints+=("--node $address:$port")
done
echo "${endpoints[*]} --key-file $CALVO_KEY_FILE"
wait -n || true  # for ever, or until a node ends
fail "a node has ended; what it said stands above"
