// The control connection from an engine to a storage node: who has what, leases, new blocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "core/request.hpp"
#include "realrun/fabrics/fabric.hpp"
#include "realrun/wire/endpoint.hpp"
#include "realrun/wire/node_config.hpp"

namespace calvo::realrun {

/// What the node said of itself after the handshake, and where it was reached.
struct NodeInfo {
  std::string address;  ///< a number, so that whoever connects to its pool waits for no name server
  std::int64_t capacity_blocks = 0;
  std::int64_t stored_blocks = 0;
  std::int64_t slot_stride = 0;  ///< bytes between slots of its pool
  std::uint64_t pool_bytes = 0;
  std::optional<std::uint32_t> index;  ///< among its scenario's nodes; none: started without one
  std::uint64_t preloaded = 0;         ///< digest_of() what it was filled with
  std::uint64_t written_blocks = 0;    ///< by engines, since it started
  std::vector<PoolOffer> offers;       ///< one for each fabric that it serves
  Ticket ticket;
};

struct NodeReply {
  enum class Kind : std::uint8_t {
    lookup,   ///< counts: for each run asked about, its leading blocks that are stored
    lease,    ///< lease, slots: where the leading granted blocks lie
    stored,   ///< blocks: leading ones of the run that are stored now; written: by this store
    refused,  ///< what was asked cannot be; `text` says why
    gone,     ///< the connection is lost: for every call that was still open
  };
  Kind kind{};
  std::uint64_t tag = 0;  ///< as given with the call
  std::vector<std::int32_t> counts;
  std::uint64_t lease = 0;
  std::vector<std::uint64_t> slots;  ///< lease: slot number of each granted block
  std::int32_t blocks = 0;           ///< stored
  std::string text;
  std::int32_t written = 0;  ///< stored
};

struct ConnectOptions {
  Endpoint endpoint;
  /// The shared secret; empty: loopback_key(), if the node is on this machine.
  std::vector<std::byte> key;
  NodeConfig config;
  Nanoseconds limit{5'000'000'000};
  std::stop_token stop;  ///< ends an attempt to connect before its limit
  /// Bytes of calls that may wait to be sent; one more is refused at once.
  std::size_t most_unsent = std::size_t{256} << 20;
};

/// Calls return at once; answers come out of poll(). Blocks that are stored leave behind everything
/// else that is called, so that no lookup waits for them: stores are answered in the order of the
/// stores, the others in theirs. One thread.
class NodeClient {
public:
  /// Connects and shakes hands, again if the node cuts that short, within the limit. Throws
  /// std::runtime_error (unreachable, timeout) or InputError (wrong key, other version, other
  /// configuration), one line with the remedy.
  explicit NodeClient(const ConnectOptions& options);
  ~NodeClient();

  const NodeInfo& info() const;

  void lookup(std::uint64_t tag, std::span<const BlockRun> runs);
  /// Pins the leading stored blocks of `run` on the node until release() or the connection's end.
  void lease(std::uint64_t tag, BlockRun run);
  /// Fire and forget.
  void release(std::uint64_t lease);
  /// `blocks[i]` is a whole sealed block (BlockFormat::used() bytes) of run.first + i; the bytes
  /// stay as they are until the answer has come. What the node has already is not sent; it checks
  /// each block before it takes it.
  void store(std::uint64_t tag, BlockRun run, std::span<const std::span<const std::byte>> blocks);

  /// Never blocks; sends what could not be sent before; appends answers.
  void poll(std::vector<NodeReply>& out);
  /// Blocks of stores that have left so far, or are about to: while it grows, the node takes them.
  std::uint64_t blocks_sent() const;
  /// For epoll: readable or (while `wants_write()`) writable when poll() has work.
  int fd() const;
  bool wants_write() const;
  bool alive() const;
  void close();

private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace calvo::realrun
