#!/usr/bin/env bash
# same_results.sh PROGRAM PROGRAM: both must write the same bytes for the same scenarios and seeds.
set -euo pipefail
cd "$(dirname "$0")/.."

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
for scenario in demo three_requests calvo_code; do
  for engine in vllm_sync calvo; do
    for number in 1 2; do
      "${!number}" run "scenarios/examples/$scenario.yaml" --engine "$engine" --quiet \
        --out "$scratch/$scenario-$engine-$number" >/dev/null
    done
    for file in requests.csv summary.json timeline.json occupancy.csv scenario.resolved.yaml; do
      cmp "$scratch/$scenario-$engine-1/$file" "$scratch/$scenario-$engine-2/$file"
    done
  done
done
