#!/usr/bin/env bash
# fuzz.sh SECONDS [TARGET...]: builds the fuzzers with clang and its sanitizers, and runs each target
# (all of them unless named) for that long, as many at a time as there are cores.
# What a fuzzer finds stays in build/fuzz/findings/, and the exit code is 1.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! [[ "${1:-}" =~ ^[1-9][0-9]*$ ]]; then
  echo "usage: tools/fuzz.sh SECONDS [TARGET...]" >&2
  exit 2
fi
seconds=$1
shift
build=build/fuzz
findings=$build/findings

tools/install_packages.sh clang >/dev/null
launcher=()
command -v ccache >/dev/null && launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
log=$(mktemp)
work=$(mktemp -d)
trap 'rm -rf "$log" "$work"' EXIT
if ! { cmake -G Ninja -S . -B "$build" -DCMAKE_CXX_COMPILER=clang++ "${launcher[@]}" \
         -DCALVO_FUZZ=ON -DCALVO_UNITY=ON -DCMAKE_BUILD_TYPE=Debug \
         "-DCMAKE_CXX_FLAGS_DEBUG=-O1 -g1 -fsanitize=fuzzer-no-link,address,undefined \
           -fno-sanitize-recover=all" &&
       cmake --build "$build" --target calvo_fuzz; } >"$log" 2>&1; then
  tail -n 40 "$log" >&2
  exit 1
fi

targets=("$@")
[ $# -gt 0 ] || mapfile -t targets < <("$build/calvo_fuzz")
mkdir -p "$findings"

fuzz_one() {  # TARGET
  local target=$1 corpus=$work/$1
  mkdir "$corpus"
  CALVO_FUZZ_TARGET=$target CALVO_FUZZ_SEEDS=$corpus "$build/calvo_fuzz" || return 1
  if ! CALVO_FUZZ_TARGET=$target "$build/calvo_fuzz" "$corpus" -max_total_time="$seconds" \
       -max_len=4096 -timeout=10 -rss_limit_mb=1024 -artifact_prefix="$findings/$target-" \
       >"$corpus.log" 2>&1; then
    tail -n 60 "$corpus.log" >&2
    echo "$target: a finding; run it again with CALVO_FUZZ_TARGET=$target $build/calvo_fuzz FILE" >&2
    return 1
  fi
  echo "$target: $(grep -o 'Done [0-9]* runs' "$corpus.log") in $seconds s, no finding"
}
export -f fuzz_one
export work seconds build findings
printf '%s\n' "${targets[@]}" | xargs -P "$(nproc)" -I{} bash -c 'fuzz_one {}'
