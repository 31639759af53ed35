#include "cli/sweep_ranks.hpp"

#include <cstdlib>
#include <string>

#include "core/input_error.hpp"

#ifdef CALVO_MPI
#include "cli/sweep_mpi.hpp"
#endif

namespace calvo::cli {
namespace {

int number_of(const char* variable) {
  const char* value = std::getenv(variable);
  return value == nullptr ? 0 : std::atoi(value);
}

/// Ranks of the job that a launcher started this process in: Open MPI's mpirun, one that speaks PMI
/// (MPICH's, Slurm's), Slurm with PMIx.
int launched_ranks() {
  for (const char* variable : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"}) {
    if (number_of(variable) > 0) return number_of(variable);
  }
  return std::getenv("PMIX_RANK") != nullptr ? number_of("SLURM_NTASKS") : 0;
}

}  // namespace

std::unique_ptr<Ranks> Ranks::join() {
  const int ranks = launched_ranks();
  if (ranks < 2) return nullptr;
#ifdef CALVO_MPI
  return join_mpi();
#else
  throw InputError({"calvo", 0, 0}, "",
                   "was built without MPI and is one of " + std::to_string(ranks) +
                       " ranks; start it without a launcher, or build it where MPI is installed");
#endif
}

}  // namespace calvo::cli
