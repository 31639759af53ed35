# RDMA devices of the guest. Sourced there with the kind of network; see tests/rdma-vm.

add_dummy() {  # MTU
  ip link add du0 type dummy
  ip addr add 10.77.0.1/24 dev du0
  ip link set du0 mtu "$1" up
}

# rxe of Linux 6.1 lives in the initial network namespace only, so both devices are there; policy
# routing sends what passes between them over the wire instead of lo, so that tc can shape it.
add_wire() {  # MTU
  local device
  echo 65536 >/proc/sys/net/core/netdev_max_backlog  # answers to READs come in bursts
  echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter
  ip link add ve0 type veth peer name ve1
  ip addr add 10.77.0.1/24 dev ve0
  ip addr add 10.77.0.2/24 dev ve1
  for device in ve0 ve1; do
    ip link set $device mtu "$1" up
    echo 1 >/proc/sys/net/ipv4/conf/$device/accept_local
    echo 0 >/proc/sys/net/ipv4/conf/$device/rp_filter
  done
  ip neigh add 10.77.0.2 lladdr "$(cat /sys/class/net/ve1/address)" dev ve0
  ip neigh add 10.77.0.1 lladdr "$(cat /sys/class/net/ve0/address)" dev ve1
  ip rule add pref 100 lookup local
  ip rule del pref 0
  ip route add 10.77.0.2 dev ve0 src 10.77.0.1 table 100
  ip rule add pref 10 iif lo to 10.77.0.2 lookup 100
  ip route add 10.77.0.1 dev ve1 src 10.77.0.2 table 101
  ip rule add pref 11 iif lo from 10.77.0.2 to 10.77.0.1 lookup 101
  local above=root
  if [ -n "${RATE-}" ]; then
    # the queue holds all that can be in flight, so that nothing is lost
    tc qdisc add dev ve1 root handle 1: tbf rate "$RATE" burst 128kb limit 64mb
    above='parent 1:'
  fi
  # shellcheck disable=SC2086
  if [ -n "${LOSS-}" ]; then tc qdisc add dev ve1 $above netem loss "$LOSS" limit 65536; fi
}

case $1 in
  veth) add_wire "${MTU:-4200}" && rdma link add rxe0 type rxe netdev ve0 &&
          rdma link add rxe1 type rxe netdev ve1 ;;
  dummy) add_dummy "${MTU:-4200}" && rdma link add rxe0 type rxe netdev du0 ;;
  siw) add_dummy "${MTU:-9000}" && rdma link add siw0 type siw netdev du0 ;;
esac || exit 72
