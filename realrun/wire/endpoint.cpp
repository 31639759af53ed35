#include "realrun/wire/endpoint.hpp"

#include <charconv>

#include "core/input_error.hpp"

namespace calvo::realrun {

std::string Endpoint::text() const {
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Endpoint parse_endpoint(std::string_view text, std::string_view where) {
  const auto wrong = [&](const std::string& problem) {
    return InputError({std::string(where), 1, 1}, "",
                      problem + " in \"" + std::string(text) +
                          "\"; write HOST:PORT, for example 127.0.0.1:7000 or [::1]:7000");
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) throw wrong("no port");
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    throw wrong("an IPv6 address without brackets");
  }
  if (host.empty()) throw wrong("no host");
  const std::string_view digits = text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc{} || end != digits.data() + digits.size() || port == 0) {
    throw wrong("no port from 1 to 65535");
  }
  return {std::string(host), port};
}

}  // namespace calvo::realrun
