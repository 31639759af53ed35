#!/usr/bin/env bash
# build.sh PRESET [TARGET...]: configures and builds build/PRESET, with ccache where there is one.
set -euo pipefail
cd "$(dirname "$0")/.."

preset=$1
shift
launcher=()
command -v ccache >/dev/null && launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
[ "$preset" = cuda ] && launcher+=("${launcher[@]/CXX/CUDA}")
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! cmake --preset "$preset" "${launcher[@]}" >"$log" 2>&1; then
  cat "$log" >&2
  exit 1
fi
targets=()
[ $# -gt 0 ] && targets=(--target "$@")
cmake --build --preset "$preset" "${targets[@]}" -- --quiet
