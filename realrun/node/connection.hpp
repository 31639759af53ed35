// A socket of the control connection and the frames that go over it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "realrun/fabrics/socket.hpp"
#include "realrun/wire/frame.hpp"

namespace calvo::realrun {

/// Bytes that wait to be sent, in order.
class SendBuffer {
public:
  /// Append here.
  Bytestring& tail() { return bytes_; }
  std::size_t size() const { return bytes_.size() - sent_; }
  bool empty() const { return size() == 0; }
  /// Sends what the socket takes. False: the connection is gone.
  bool flush(int socket);

private:
  Bytestring bytes_;
  std::size_t sent_ = 0;
};

enum class Received : std::uint8_t { some, nothing, gone };

/// Takes what the socket has, one piece of it at most.
Received receive(int socket, FrameParser& parser);

/// Notices within a minute that the machine at the other end is gone.
void keep_alive(int socket);

/// "192.0.2.1:4711", or "a peer" if the system does not say.
std::string peer_name(int socket);

}  // namespace calvo::realrun
