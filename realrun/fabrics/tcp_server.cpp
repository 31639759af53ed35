// The storage node's side of the tcp fabric: a thread for each connection, which blocks.
#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <vector>

#include "core/contract.hpp"
#include "realrun/fabrics/session.hpp"
#include "realrun/fabrics/tcp_protocol.hpp"

namespace calvo::realrun::tcp {
namespace {

using transport::Connection;
using transport::SessionId;

/// Answers the requests of one connection.
class Answers {
public:
  Answers(std::span<const std::byte> pool, SendGate* gate, Connection& connection)
      : pool_(pool), gate_(gate), connection_(connection) {}

  void run() {
    std::array<std::byte, 128 * sizeof(Request)> buffer;
    std::size_t held = 0;
    while (const std::size_t got = connection_.receive(std::span(buffer).subspan(held))) {
      held += got;
      std::size_t used = 0;
      for (; held - used >= sizeof(Request); used += sizeof(Request)) {
        Request request;
        std::memcpy(&request, buffer.data() + used, sizeof request);
        if (!answer(request)) return;
      }
      if (!flush()) return;
      std::memmove(buffer.data(), buffer.data() + used, held -= used);
    }
  }

private:
  /// False: that was the last one.
  bool answer(const Request& request) {
    if (request.number != next_++) return false;
    if (request.length == 0 || request.length > pool_.size() ||
        request.offset > pool_.size() - request.length) {
      return refuse(request);
    }
    // The header lies in a ring whose entry is used again only after it was sent.
    Reply& reply = replies_[replied_++ % replies_.size()];
    reply = {Reply::ok, 0, request.number, request.length};
    add(std::as_bytes(std::span(&reply, 1)));
    const auto bytes = pool_.subspan(request.offset, request.length);
    if (gate_ != nullptr) return send_gated(bytes, request.offset);
    add(bytes);
    return (parts_ < most_parts && gathered_ < most_gathered) || flush();
  }

  bool refuse(const Request& request) {
    Reply& reply = replies_[replied_++ % replies_.size()];
    reply = {Reply::refused, 0, request.number, 0};
    add(std::as_bytes(std::span(&reply, 1)));
    if (flush()) connection_.finish();
    return false;
  }

  bool send_gated(std::span<const std::byte> bytes, std::uint64_t offset) {
    while (!bytes.empty()) {
      const auto piece = bytes.first(std::min<std::size_t>(bytes.size(), SendGate::most_piece));
      const std::size_t half = piece.size() / 2;
      switch (gate_->before_send(offset, piece.size())) {
        case SendGate::Verdict::send:
          add(piece);
          break;
        case SendGate::Verdict::drop_connection:
          return false;
        case SendGate::Verdict::truncate:
          add(piece.first(half));
          if (flush()) connection_.finish();
          return false;
        case SendGate::Verdict::corrupt:
          flipped_ = piece[half] ^ std::byte{1};
          add(piece.first(half));
          add(std::span(&flipped_, 1));
          add(piece.subspan(half + 1));
          break;
      }
      if (!flush()) return false;
      bytes = bytes.subspan(piece.size());
      offset += piece.size();
    }
    return true;
  }

  void add(std::span<const std::byte> bytes) {
    if (bytes.empty()) return;
    // sendmsg() takes what it only reads as not const.
    queue_[parts_++] = {const_cast<std::byte*>(bytes.data()), bytes.size()};
    gathered_ += bytes.size();
  }

  bool flush() {
    const auto parts = std::span(queue_).first(parts_);
    parts_ = 0;
    gathered_ = 0;
    return parts.empty() || connection_.send(parts);
  }

  static constexpr std::size_t most_parts = 64;
  static constexpr std::size_t most_gathered = 1 << 20;

  std::span<const std::byte> pool_;
  SendGate* gate_;
  Connection& connection_;
  std::uint64_t next_ = 0;
  std::array<iovec, most_parts + 4> queue_ = {};
  std::size_t parts_ = 0;
  std::size_t gathered_ = 0;
  std::array<Reply, most_parts + 4> replies_ = {};
  std::size_t replied_ = 0;
  std::byte flipped_ = {};
};

class Server final : public FabricServer {
public:
  Server(std::span<const std::byte> pool, const ServerOptions& options)
      : listener_(options.bind, options.port,
                  [pool, gate = options.gate](Connection& connection, const SessionId&) {
                    Answers(pool, gate, connection).run();
                  }) {}

  PoolOffer admit(const Ticket& ticket) override { return {"tcp", listener_.admit(ticket)}; }
  void revoke(const Ticket& ticket) override { listener_.revoke(ticket); }

private:
  transport::SessionListener listener_;
};

}  // namespace

std::unique_ptr<FabricServer> make_server(std::span<const std::byte> pool,
                                          const ServerOptions& options) {
  return std::make_unique<Server>(pool, options);
}

}  // namespace calvo::realrun::tcp
