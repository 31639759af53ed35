#include "realrun/fabrics/ofi_protocol.hpp"

#include <algorithm>
#include <stdexcept>

namespace calvo::realrun::ofi {

EndpointName EndpointName::of(std::span<const std::byte> name) {
  EndpointName result;
  if (name.empty() || name.size() > result.bytes.size()) {
    throw std::runtime_error("libfabric: the endpoint's name has an unexpected length");
  }
  result.size = static_cast<std::uint32_t>(name.size());
  std::ranges::copy(name, result.bytes.begin());
  return result;
}

std::span<const std::byte> EndpointName::view() const {
  return size <= bytes.size() ? std::span(bytes).first(size) : std::span<const std::byte>();
}

std::array<char, 64> provider_field(std::string_view name) {
  std::array<char, 64> field = {};
  std::ranges::copy(name.substr(0, field.size() - 1), field.begin());
  return field;
}

std::string_view provider_in(const std::array<char, 64>& field) {
  return std::string_view(field.begin(), std::ranges::find(field, '\0'));
}

}  // namespace calvo::realrun::ofi
