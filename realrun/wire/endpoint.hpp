#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace calvo::realrun {

struct Endpoint {
  std::string host;
  std::uint16_t port = 0;

  std::string text() const;
};

/// "HOST:PORT", "[V6]:PORT". Throws InputError.
Endpoint parse_endpoint(std::string_view text, std::string_view where);

}  // namespace calvo::realrun
