#include "realrun/fabrics/ofi.hpp"

#include <string>

namespace calvo::realrun {

FabricInfo ofi_fabric(std::string_view provider) {
  FabricInfo info;
  info.name = provider.empty() ? "ofi" : "ofi:" + std::string(provider);
  info.description = "one-sided reads over libfabric";
  info.missing = "not in this build; install libfabric-dev and configure with -DCALVO_OFI=ON";
  return info;
}

}  // namespace calvo::realrun
