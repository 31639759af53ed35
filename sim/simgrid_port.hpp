// What SimGrid does for us. Only simgrid_*.cpp include its headers.
#pragma once

#include <memory>

#include "sim/world.hpp"

namespace calvo::sim {

/// World::create() is the way in; see there.
std::unique_ptr<World> make_simgrid_fluid_world();
std::unique_ptr<World> make_simgrid_comm_world();

}  // namespace calvo::sim
