// One-sided reads over libfabric: AWS EFA, Slingshot and, for tests, TCP and shared memory.
#pragma once

#include <string_view>

#include "realrun/fabrics/fabric.hpp"

namespace calvo::realrun {

/// `provider` as libfabric names it, for example "efa", "tcp;ofi_rxm", "shm"; empty: the value of
/// CALVO_OFI_PROVIDER, else the best that answers (devices first, then net, tcp, shm).
FabricInfo ofi_fabric(std::string_view provider = "");

}  // namespace calvo::realrun
