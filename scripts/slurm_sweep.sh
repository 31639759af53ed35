#!/usr/bin/env bash
# Runs a sweep on the nodes of a Slurm job; submit again after it ran out of time, and it goes on:
#   sbatch --ntasks=32 scripts/slurm_sweep.sh SWEEP.yaml [OUT]
# The working directory has to be on a file system that all nodes share. Each task simulates one
# point at a time; rank 0 hands them out.
#SBATCH --job-name=calvo-sweep
#SBATCH --ntasks=4
#SBATCH --cpus-per-task=1
#SBATCH --time=01:00:00
#SBATCH --signal=TERM@60
#SBATCH --output=calvo-sweep-%j.log
set -euo pipefail

sweep=${1:?usage: sbatch slurm_sweep.sh SWEEP.yaml [OUT]}
out=${2:-sweeps/$(basename "$sweep" .yaml)}
calvo=${CALVO:-calvo}  # the program, where it is not in the path

resume=()
if [ -e "$out/state.json" ]; then resume=(--resume); fi
# Slurm starts Open MPI's ranks over PMIx. A signal a minute before the end lets rank 0 write the
# tables of what is done.
exec srun --mpi="${CALVO_SRUN_MPI:-pmix}" --kill-on-bad-exit=1 \
  "$calvo" sweep "$sweep" --out "$out" "${resume[@]}"
