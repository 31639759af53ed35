// A storage node on loopback and what tests say to it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "realrun/node/node_client.hpp"
#include "realrun/node/node_server.hpp"
#include "realrun/wire/block_format.hpp"

namespace calvo::realrun::testing {

inline NodeConfig small_config() {
  return {.block_bytes = 4096, .block_tokens = 16, .model = "tiny", .model_seed = 7};
}

/// `capacity` blocks of small_config(), no fabric.
NodeOptions small_node(std::int64_t capacity = 64);

ConnectOptions to(const NodeServer& server);

/// Polls until there are `count` answers. Throws if that takes a minute.
std::vector<NodeReply> answers(NodeClient& client, std::size_t count = 1);

/// Sealed blocks of the run with payloads by fill_synthetic(seed).
std::vector<std::vector<std::byte>> make_blocks(const NodeConfig& config, BlockRun run,
                                                std::uint64_t seed = 7);
std::vector<std::span<const std::byte>> views(const std::vector<std::vector<std::byte>>& blocks);

std::int32_t lookup(NodeClient& client, BlockRun run);
NodeReply lease(NodeClient& client, BlockRun run);
NodeReply store(NodeClient& client, BlockRun run);

/// Waits until `holds()`, a minute at most. Returns whether it holds.
template <class Condition>
bool eventually(Condition holds);
void a_moment();
bool too_late(int tries);

template <class Condition>
bool eventually(Condition holds) {
  for (int tries = 0; !holds(); ++tries) {
    if (too_late(tries)) return false;
    a_moment();
  }
  return true;
}

/// Lines that a node tells, for tests to read.
class Notices {
public:
  std::function<void(const std::string&)> sink() {
    return [this](const std::string& line) {
      const std::lock_guard lock(mutex_);
      lines_.push_back(line);
    };
  }
  std::vector<std::string> lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

/// What `work` throws as InputError or runtime_error says; empty if it does not throw.
template <class Work>
std::string error_of(Work work) {
  try {
    work();
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return {};
}

int open_descriptors();
int threads();

}  // namespace calvo::realrun::testing
