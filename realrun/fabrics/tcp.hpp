// Reads over plain TCP: works everywhere. The storage node's CPU sends each block; the engine's
// reads it straight into its slot.
#pragma once

#include "realrun/fabrics/fabric.hpp"

namespace calvo::realrun {

FabricInfo tcp_fabric();

}  // namespace calvo::realrun
