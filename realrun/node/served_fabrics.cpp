#include "realrun/node/served_fabrics.hpp"

#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "core/input_error.hpp"

namespace calvo::realrun {

ServedFabrics::ServedFabrics(std::vector<std::string> names, std::span<const std::byte> pool,
                             ServerOptions options)
    : names_(std::move(names)), pool_(pool), options_(std::move(options)) {
  open();
}

void ServedFabrics::open() {
  for (const std::string& name : names_) {
    const FabricInfo info = fabric(name);
    try {
      servers_.push_back(info.make_server(pool_, options_));
    } catch (const InputError&) {
      throw;
    } catch (const std::runtime_error& error) {
      throw InputError({"kvnode", 0, 0}, "", fmt::format("fabric {}: {}", name, error.what()));
    }
  }
}

std::vector<PoolOffer> ServedFabrics::admit(const Ticket& ticket) {
  std::vector<PoolOffer> offers;
  for (const auto& server : servers_) offers.push_back(server->admit(ticket));
  return offers;
}

void ServedFabrics::revoke(const Ticket& ticket) {
  for (const auto& server : servers_) server->revoke(ticket);
}

}  // namespace calvo::realrun
