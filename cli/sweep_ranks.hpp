// A sweep on many machines: ranks of an MPI job.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "cli/sweep_pool.hpp"

namespace calvo::cli {

/// The ranks of the MPI job that this process belongs to. Rank 0 leads: it alone reads and writes
/// the sweep directory's tables; all of them simulate points and write those to `points`, which
/// hence has to be on a file system that they share.
class Ranks {
public:
  /// None if no launcher (mpirun, srun) started this process as one of several ranks. MPI is
  /// initialised only if one did. Throws InputError if one did and calvo was built without MPI.
  static std::unique_ptr<Ranks> join();
  virtual ~Ranks() = default;
  Ranks() = default;
  Ranks(const Ranks&) = delete;
  Ranks& operator=(const Ranks&) = delete;

  /// On rank 0 runs `lead` and returns its exit code; on others serves rank 0 with `jobs` points at
  /// a time (0: one) until it ends. An error on a rank ends all of them.
  virtual int run(const std::function<int()>& lead, const std::function<sweeps::Plan()>& plan,
                  int jobs) = 0;

  /// Rank 0 only, once: `jobs` points at a time here, and what the others have.
  virtual std::unique_ptr<PointPool> pool(const sweeps::Plan& plan, const std::string& points,
                                          int jobs) = 0;
};

}  // namespace calvo::cli
