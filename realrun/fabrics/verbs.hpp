// One-sided reads of an RDMA NIC: InfiniBand, RoCE, iWARP and the kernel's software devices, by
// libibverbs and librdmacm. The storage node's CPU takes no part in a read.
#pragma once

#include <string>
#include <vector>

#include "realrun/fabrics/fabric.hpp"

namespace calvo::realrun {

FabricInfo verbs_fabric();

/// The addresses of this machine that a verbs server can be bound to, in the order of the
/// interfaces; the loopback address is none of them. Link-local ones are left out.
std::vector<std::string> verbs_addresses();

}  // namespace calvo::realrun
