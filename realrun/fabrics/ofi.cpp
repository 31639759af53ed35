#include "realrun/fabrics/ofi.hpp"

#include <stdexcept>
#include <string>

#include <fmt/format.h>

#ifdef CALVO_OFI
#include "realrun/fabrics/ofi_link.hpp"
#include "realrun/fabrics/ofi_protocol.hpp"
#endif

namespace calvo::realrun {

FabricInfo ofi_fabric(std::string_view wanted) {
  FabricInfo info;
  info.name = wanted.empty() ? "ofi" : "ofi:" + std::string(wanted);
  info.description = "one-sided reads over libfabric: EFA, Slingshot, verbs, tcp, shm";
#ifdef CALVO_OFI
  std::string provider;
  try {
    provider = ofi::choose_provider(wanted);
  } catch (const std::runtime_error& error) {
    info.missing = error.what();
    return info;
  }
  if (provider.empty()) {
    info.missing = fmt::format("libfabric has no {} that reads remote memory here; see {}",
                               wanted.empty() ? "provider" : fmt::format("provider \"{}\"", wanted),
                               "fi_info -t FI_EP_RDM (package libfabric-bin)");
    return info;
  }
  info.description += fmt::format(" (here: {})", provider);
  info.make_client = [provider] { return ofi::make_client(provider); };
  info.make_server = [name = info.name, provider](std::span<const std::byte> pool,
                                                  const ServerOptions& options) {
    return ofi::make_server(name, provider, pool, options);
  };
#else
  info.missing = "not in this build; install libfabric-dev and configure with -DCALVO_OFI=ON";
#endif
  return info;
}

}  // namespace calvo::realrun
