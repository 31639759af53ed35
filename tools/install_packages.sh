#!/usr/bin/env bash
# Installs the Debian packages that calvo is built from; says nothing where they are all there.
# Arguments: further packages.
set -euo pipefail

packages=(
  g++ cmake ninja-build pkg-config python3 git ca-certificates
  libsimgrid-dev libboost-dev libboost-graph-dev libeigen3-dev libyaml-cpp-dev libbenchmark-dev
  libgtest-dev libgmock-dev libcli11-dev libfmt-dev nlohmann-json3-dev zlib1g-dev libxxhash-dev
  libssl-dev prometheus-cpp-dev libibverbs-dev librdmacm-dev libfabric-dev
  libopenmpi-dev openmpi-bin
  "$@"
)

is_installed() {
  dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'install ok installed'
}

missing=()
for package in "${packages[@]}"; do
  is_installed "$package" || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

echo "installing: ${missing[*]}"
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "these packages are missing and there is no sudo; as root, run:" >&2
    echo "  apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi
export DEBIAN_FRONTEND=noninteractive
install=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive
         apt-get install -y -qq --no-install-recommends "${missing[@]}")
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# The package lists of a fresh machine are empty or old; try what is there first.
if ! "${install[@]}" >"$log" 2>&1; then
  if ! { "${as_root[@]}" apt-get update -qq && "${install[@]}"; } >"$log" 2>&1; then
    tail -n 15 "$log" >&2
    echo "the packages above could not be installed; is the machine online? They are in Debian 12." >&2
    exit 1
  fi
fi
