// What the tests of the fabrics share: a pool whose every byte is known, memory with canaries
// around each slot, and patience.
//
// By default every fabric that can be used on this machine is tried over the loopback. On NICs of
// your own:
//   CALVO_FABRIC       the one to try: tcp, verbs, ofi, ofi:PROVIDER; it fails if it is missing
//   CALVO_FABRIC_BIND  address that the storage node listens on; default: that of the first RDMA
//                      device for verbs, else 127.0.0.1
//   CALVO_FABRIC_LAUNCHER  what to put before the command of a storage node, for example
//                      "ssh node7 env CALVO_FABRIC=verbs CALVO_FABRIC_BIND=10.0.0.7"
//   CALVO_FABRIC_HOST  address that the engine connects to; default: CALVO_FABRIC_BIND
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "realrun/fabrics/fabric.hpp"

namespace calvo::realrun {

/// Much longer than anything takes on the slowest machine.
inline constexpr Nanoseconds patience = std::chrono::seconds{60};

std::vector<std::string> fabrics_to_test();
std::string bind_address(const std::string& fabric = "");
std::string peer_host(const std::string& fabric = "");

/// Byte `index` of the pool that `seed` names.
std::byte pool_byte(std::uint64_t seed, std::uint64_t index);
std::vector<std::byte> make_pool(std::uint64_t seed, std::size_t bytes);
inline constexpr std::size_t pool_size = (8U << 20) + 13;
/// The pool of seed 1, made once.
std::span<const std::byte> shared_pool();

/// Distinct for each number.
Ticket ticket(std::uint64_t number);

/// Is each of `bytes` this value?
bool all_are(std::byte value, std::span<const std::byte> bytes);

/// Memory to land in. Whatever no slot covers holds canaries.
class Landing {
public:
  explicit Landing(std::size_t bytes);

  std::span<std::byte> memory() { return bytes_; }
  /// The next `size` bytes, blank, with canaries before and after.
  std::span<std::byte> slot(std::size_t size);
  /// Takes all slots back.
  void clear();
  /// Nothing but the slots was written.
  bool canaries_live() const;

  static bool is_blank(std::span<const std::byte> slot);

private:
  static constexpr std::byte canary{0xa5};
  static constexpr std::byte blank{0x5a};

  std::vector<std::byte> bytes_;
  std::vector<std::span<std::byte>> slots_;
  std::size_t used_ = 0;
};

/// Is `bytes` what the pool of `seed` (1 or 2) holds at `offset`?
bool holds_pool(std::span<const std::byte> bytes, std::uint64_t seed, std::uint64_t offset);

/// Posts all of `reads`, waiting for room; completions on the way go to `done`.
void post_all(FabricClient& client, PeerId peer, std::span<const Read> reads,
              std::vector<ReadDone>& done);
/// Waits until `done` holds `count` completions; fails the test if that takes for ever.
void await(FabricClient& client, std::size_t count, std::vector<ReadDone>& done);
/// Reads and waits for all: a signalled read each.
std::vector<ReadDone> read_all(FabricClient& client, PeerId peer, std::span<const Read> reads);
/// True if nothing more comes, as far as one can tell.
bool is_silent(FabricClient& client);

/// What a storage node of the tests serves.
struct NodePlan {
  std::string fabric;
  std::uint64_t seed = 1;  ///< of its pool
  std::size_t pool_bytes = pool_size;
  /// Its gate lets so many pieces through, and no more; for fabrics that ask it.
  std::uint64_t pieces = ~std::uint64_t{0};
};

/// A storage node in a process of its own, as it is in real life, which can be stopped and killed.
class Node {
public:
  explicit Node(const NodePlan& plan);
  /// Kills it if it still runs.
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  PoolOffer admit(const Ticket& ticket);
  void revoke(const Ticket& ticket);
  /// Fills its pool with `overwritten`.
  void overwrite_pool();
  static constexpr std::byte overwritten{0xee};

  void signal(int number);
  /// SIGKILL; returns when it is dead.
  void kill();
  /// Ends it in good order; the test fails if it has found fault with itself (sanitizers).
  void stop();

private:
  void order(char verb, const Ticket& ticket);
  std::vector<std::byte> answer();

  std::string fabric_;
  pid_t pid_ = -1;
  int orders_ = -1;
  int answers_ = -1;
};

/// What a Node starts; ends with its input.
int serve_in_this_process(const NodePlan& plan);

}  // namespace calvo::realrun
