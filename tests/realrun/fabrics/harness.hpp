// What the tests of the fabrics share: a pool whose every byte is known, memory with canaries
// around each slot, and patience.
//
// By default every fabric that can be used on this machine is tried over the loopback. On NICs of
// your own:
//   CALVO_FABRIC       the one to try: tcp, verbs, ofi, ofi:PROVIDER; it fails if it is missing
//   CALVO_FABRIC_BIND  address that the storage node listens on; default 127.0.0.1
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
std::string bind_address();
std::string peer_host();

/// Byte `index` of the pool that `seed` names.
std::byte pool_byte(std::uint64_t seed, std::uint64_t index);
std::vector<std::byte> make_pool(std::uint64_t seed, std::size_t bytes);
/// The default pool, made once: an odd number of bytes, of seed 1.
std::span<const std::byte> shared_pool();

/// Distinct for each number.
Ticket ticket(std::uint64_t number);

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

/// Is `bytes` what the pool of `seed` holds at `offset`?
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

/// A server of shared_pool() in a process of its own, which can be killed.
class OtherProcess {
public:
  /// The gate of the server lets `pieces` through and no more, if the fabric asks it.
  OtherProcess(const std::string& fabric, std::uint64_t pieces);
  ~OtherProcess();
  OtherProcess(const OtherProcess&) = delete;
  OtherProcess& operator=(const OtherProcess&) = delete;

  const PoolOffer& offer() const { return offer_; }
  const Ticket& ticket() const { return ticket_; }
  void signal(int number);
  /// SIGKILL; returns when it is dead.
  void kill();

private:
  pid_t pid_ = -1;
  int keep_alive_ = -1;  ///< it ends when this pipe closes
  PoolOffer offer_;
  Ticket ticket_;
};

/// What OtherProcess starts; prints its offer, serves until its input ends.
int serve_in_this_process(const std::string& fabric, std::uint64_t pieces);

}  // namespace calvo::realrun
