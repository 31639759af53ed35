#pragma once

#include <memory>

#include "cli/sweep_ranks.hpp"

namespace calvo::cli {

/// Initialises MPI, which a launcher has to have started this process for.
std::unique_ptr<Ranks> join_mpi();

}  // namespace calvo::cli
