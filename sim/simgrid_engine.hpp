// SimGrid's engine as both SimGrid worlds need it. For simgrid_*.cpp only.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <simgrid/kernel/Timer.hpp>
#include <simgrid/kernel/resource/Model.hpp>
#include <simgrid/s4u.hpp>

namespace calvo::sim {

/// The one engine of the process, quiet, with exact max-min sharing in its network model and the
/// signal handlers of the process left as they were.
class SimGridEngine {
public:
  /// Requires: the first of the process.
  SimGridEngine();

  simgrid::s4u::Engine& operator*() { return *engine_; }
  simgrid::s4u::Engine* operator->() { return engine_.get(); }

private:
  std::unique_ptr<simgrid::s4u::Engine> engine_;
};

}  // namespace calvo::sim
