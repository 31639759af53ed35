// What a client and a server of the ofi fabric tell each other once the session is let in. The
// connection stays open beside the reads: its end is the end of the session, for both.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include "realrun/fabrics/fabric.hpp"

namespace calvo::realrun::ofi {

static_assert(std::endian::native == std::endian::little, "messages go out as they lie in memory");

/// libfabric's name of an endpoint. The rest is zero, and the last byte always: providers that name
/// endpoints by text read up to a NUL, whatever the size.
struct EndpointName {
  std::uint32_t size = 0;
  std::array<std::byte, 1020> bytes = {};

  /// Throws std::runtime_error if the name is empty or does not fit.
  static EndpointName of(std::span<const std::byte> name) {
    EndpointName result;
    if (name.empty() || name.size() >= result.bytes.size()) {
      throw std::runtime_error("libfabric: the endpoint's name has an unexpected length");
    }
    result.size = static_cast<std::uint32_t>(name.size());
    std::copy(name.begin(), name.end(), result.bytes.begin());
    return result;
  }
  /// Empty if it makes no sense.
  std::span<const std::byte> view() const {
    if (size >= bytes.size() || bytes.back() != std::byte{0}) return {};
    return std::span(bytes).first(size);
  }
};

struct Hello {  ///< client -> server
  std::array<char, 64> provider = {};
  EndpointName endpoint;
};

struct Welcome {  ///< server -> client; another provider: nothing else is filled in
  std::array<char, 64> provider = {};
  EndpointName endpoint;
  std::uint64_t key = 0;
  std::uint64_t base = 0;
  std::uint64_t pool_bytes = 0;
};
static_assert(sizeof(Hello) == 64 + 1024 && sizeof(Welcome) == 64 + 1024 + 24);

/// What is longer is cut.
inline std::array<char, 64> provider_field(std::string_view name) {
  std::array<char, 64> field = {};
  name = name.substr(0, field.size() - 1);
  std::copy(name.begin(), name.end(), field.begin());
  return field;
}
/// As the peer has sent it: not for a terminal.
inline std::string_view provider_in(const std::array<char, 64>& field) {
  return std::string_view(field.begin(), std::find(field.begin(), field.end(), '\0'));
}

std::unique_ptr<FabricClient> make_client(const std::string& provider);
/// `name`: of the fabric, in its offers.
std::unique_ptr<FabricServer> make_server(const std::string& name, const std::string& provider,
                                          std::span<const std::byte> pool,
                                          const ServerOptions& options);

}  // namespace calvo::realrun::ofi
