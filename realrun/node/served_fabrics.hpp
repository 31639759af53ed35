#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "realrun/fabrics/fabric.hpp"

namespace calvo::realrun {

/// The fabrics through which a pool can be read.
class ServedFabrics {
public:
  /// Throws InputError: unknown fabric, missing here, or not permitted.
  ServedFabrics(std::vector<std::string> names, std::span<const std::byte> pool,
                ServerOptions options);

  std::vector<PoolOffer> admit(const Ticket& ticket);
  /// When it returns, nothing goes out under this ticket any more.
  void revoke(const Ticket& ticket);

  /// Ends all connections and refuses new ones until open().
  void close() { servers_.clear(); }
  void open();

private:
  std::vector<std::string> names_;
  std::span<const std::byte> pool_;
  ServerOptions options_;
  std::vector<std::unique_ptr<FabricServer>> servers_;
};

}  // namespace calvo::realrun
