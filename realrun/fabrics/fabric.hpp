// One-sided reads from the pool of a storage node into local memory, over whatever there is.
//
// A fabric is a pair: a FabricServer beside the pool, a FabricClient in each rail of an engine.
// They meet over an authenticated control connection (realrun/node/), which carries the server's
// offer to the client; nothing of the pool can be read before that, and nothing can ever be
// written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/units.hpp"

namespace calvo::realrun {

/// What a storage node gives an authenticated peer, so that it can read the pool: address, keys,
/// a ticket. Only the fabric of that name understands it.
struct PoolOffer {
  std::string fabric;
  std::vector<std::byte> blob;  ///< at most 4 KiB
};

/// A session of the control connection, unguessable: the server accepts reads only under a ticket
/// that it has issued and not revoked.
struct Ticket {
  std::byte bytes[32] = {};
};

struct FabricCaps {
  bool one_sided = false;             ///< the storage node's CPU takes no part in a read
  bool gpu_memory = false;            ///< can read straight into GPU memory (dma-buf)
  std::int64_t most_outstanding = 0;  ///< reads that one peer takes at a time
  std::int64_t slice = 0;  ///< larger reads are cut into slices of so many bytes; 0: never
};

enum class ReadStatus : std::uint8_t {
  ok,
  peer_gone,  ///< connection lost or queue in error: disconnect(), connect() anew, read again
  refused,    ///< key revoked or range outside the pool
  flushed,    ///< given up because the peer was disconnected
};
std::string_view name_of(ReadStatus status);

/// One contiguous read. Reads of a peer complete in the order in which they were posted.
struct Read {
  std::uint64_t offset = 0;   ///< in the node's pool
  std::span<std::byte> into;  ///< inside registered memory; the fabric's until completion
  std::uint64_t cookie = 0;   ///< comes back in the completion
  bool signalled = true;      ///< false: reported only if it fails; a later one speaks for it
};
// A read of no bytes is refused like one outside the pool; `into` outside the registered memory is
// a broken contract.

struct ReadDone {
  std::uint64_t cookie = 0;
  ReadStatus status = ReadStatus::ok;
};

/// GPU memory exported as a dma-buf.
struct GpuMemory {
  std::span<std::byte> addresses;  ///< as the GPU's kernels see it
  int dmabuf = -1;                 ///< file descriptor, the caller's
  std::uint64_t offset = 0;        ///< of the first byte in the dma-buf
};

/// One connection to one node, of one rail. Dies with disconnect().
enum class PeerId : std::uint32_t {};

/// The engine's side. One thread uses it; each rail has its own.
///
/// Life of a read: post() hands `into` to the fabric; poll() gives it back, once for each signalled
/// read and each that failed. After a failure the peer serves no more: the rest comes back
/// `flushed`, after disconnect() at the latest.
class FabricClient {
public:
  virtual ~FabricClient() = default;

  virtual FabricCaps caps() const = 0;

  /// Memory that reads may land in; once, before the first connect. Throws std::runtime_error with
  /// the remedy if the system does not allow it (for example: ulimit -l).
  virtual void register_memory(std::span<std::byte> memory) = 0;

  /// GPU memory that reads may land in too, before the first connect. False: this machine cannot;
  /// read into host memory and copy, as the engine does everywhere: it does not call this yet.
  virtual bool register_gpu_memory(const GpuMemory& /*memory*/) { return false; }

  /// Blocks for at most `limit`. `host` is the node's name or address, for fabrics whose offer
  /// holds only a port. Throws std::runtime_error.
  virtual PeerId connect(std::string_view host, const PoolOffer& offer, const Ticket& ticket,
                         Nanoseconds limit) = 0;

  /// Posts the leading reads that there is room for, as one chain, and says how many. Never blocks.
  /// The last read of a chain must be signalled; where there is room for a part only, the next
  /// signalled read that is posted speaks for the part's end. A peer that has failed takes reads
  /// still, and gives them back as `peer_gone` or `flushed`.
  virtual std::size_t post(PeerId peer, std::span<const Read> chain) = 0;

  /// Never blocks. Returns how many of `done` it has filled in.
  virtual std::size_t poll(std::span<ReadDone> done) = 0;

  /// Sleeps until poll() may have something, for at most `limit`; spins first where that pays.
  virtual void wait(Nanoseconds limit) = 0;

  /// For epoll beside other sockets: readable when poll() may have something. -1: there is none,
  /// call wait() or poll() now and then.
  virtual int wait_fd() = 0;

  /// Tears the connection down. When it returns, no byte of any read of this peer will land any
  /// more; reads not yet completed come out of poll() as `flushed`.
  virtual void disconnect(PeerId peer) = 0;

  /// The commands of a standard tool that measure what this connection could do at best; empty if
  /// there is none.
  virtual std::string comparison(PeerId /*peer*/) { return {}; }
};

/// What stands between the pool and the wire on the storage node: pacing and faults, asked for each
/// piece that is sent. A piece lies in one read and is `most_piece` at most; only the last of a
/// read is smaller. One-sided fabrics cannot ask; there a shaped link paces.
class SendGate {
public:
  static constexpr std::uint64_t most_piece = 256 << 10;

  enum class Verdict : std::uint8_t {
    send,
    drop_connection,  ///< nothing of the piece goes out
    truncate,         ///< bytes / 2 of it go out, then the connection ends
    corrupt,          ///< bit 0 of its byte number bytes / 2 is flipped on the way
  };
  virtual ~SendGate() = default;
  /// Blocks as long as pacing or a fault script wants. Any thread.
  virtual Verdict before_send(std::uint64_t offset, std::uint64_t bytes) = 0;
};

/// The storage node's side. Its methods may be called from any thread. Its destruction ends all
/// connections and waits for those that are inside the gate.
class FabricServer {
public:
  virtual ~FabricServer() = default;

  /// Makes an offer for a session. The pool can be read with it until revoke().
  virtual PoolOffer admit(const Ticket& ticket) = 0;
  /// When it returns, no more of the pool goes out under this ticket.
  virtual void revoke(const Ticket& ticket) = 0;
};

struct ServerOptions {
  std::string bind = "127.0.0.1";  ///< address to listen on
  std::uint16_t port = 0;          ///< 0: any that is free
  SendGate* gate = nullptr;        ///< outlives the server; null: none
};

/// A fabric as `calvo list fabrics` shows it.
struct FabricInfo {
  std::string name;  ///< tcp, verbs, ofi, ofi:PROVIDER
  std::string description;
  std::optional<std::string> missing;  ///< why this machine or build cannot use it
  /// Null where it is missing. Both throw std::runtime_error with the remedy. The pool outlives the
  /// server and stays where it is.
  std::function<std::unique_ptr<FabricClient>()> make_client;
  std::function<std::unique_ptr<FabricServer>(std::span<const std::byte> pool,
                                              const ServerOptions& options)>
      make_server;
};

/// All fabrics, in the order of the documentation. Asks the machine each time. Each comes from its
/// own file: tcp_fabric() in tcp.hpp, verbs_fabric() in verbs.hpp, ofi_fabric() in ofi.hpp.
std::vector<FabricInfo> fabrics();

/// The one called `name`, usable here; "ofi:PROVIDER" names a provider of libfabric. Throws
/// InputError if there is none or it is missing.
FabricInfo fabric(std::string_view name);

}  // namespace calvo::realrun
