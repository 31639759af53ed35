// What goes over a connection of the tcp fabric once the session is let in. The client asks, the
// server answers in order: a header, then the bytes. A header that refuses is the last thing that
// it sends.
#pragma once

#include <bit>
#include <cstdint>
#include <memory>
#include <span>

#include "realrun/fabrics/fabric.hpp"

namespace calvo::realrun::tcp {

static_assert(std::endian::native == std::endian::little, "messages go out as they lie in memory");

struct Request {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  std::uint64_t number = 0;  ///< counts the requests of the connection from 0
};
static_assert(sizeof(Request) == 24);

struct Reply {
  static constexpr std::uint32_t ok = 0x4f4b4c43;       // "CLKO"
  static constexpr std::uint32_t refused = 0x4f4e4c43;  // "CLNO"

  std::uint32_t status = 0;
  std::uint32_t reserved = 0;
  std::uint64_t number = 0;  ///< of the request
  std::uint64_t length = 0;  ///< of the bytes that follow
};
static_assert(sizeof(Reply) == 24);

std::unique_ptr<FabricClient> make_client();
std::unique_ptr<FabricServer> make_server(std::span<const std::byte> pool,
                                          const ServerOptions& options);

}  // namespace calvo::realrun::tcp
