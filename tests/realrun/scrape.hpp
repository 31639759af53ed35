// What a metrics page says.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>

#include "realrun/fabrics/socket.hpp"

namespace calvo::realrun {

/// The whole answer to GET /metrics on this machine, headers included.
inline std::string scrape(std::uint16_t port) {
  const transport::Deadline deadline = transport::deadline_in(std::chrono::seconds{60});
  const transport::Fd socket = transport::connect_to("127.0.0.1", port, deadline);
  const std::string request =
      "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  transport::send_all(socket.get(), std::as_bytes(std::span(request)), deadline);
  std::string answer;
  char c = 0;
  while (transport::receive_all(socket.get(), std::as_writable_bytes(std::span(&c, 1)), deadline)) {
    answer.push_back(c);
  }
  return answer;
}

}  // namespace calvo::realrun
