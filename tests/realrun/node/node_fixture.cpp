#include "tests/realrun/node/node_fixture.hpp"

#include <chrono>
#include <filesystem>
#include <stdexcept>
#include <thread>

#include <poll.h>

namespace calvo::realrun::testing {

NodeOptions small_node(std::int64_t capacity) {
  NodeOptions options;
  options.config = small_config();
  options.capacity_blocks = capacity;
  options.fabrics = {};
  return options;
}

ConnectOptions to(const NodeServer& server) {
  ConnectOptions options;
  options.endpoint = {"127.0.0.1", server.port()};
  options.config = small_config();
  options.limit = std::chrono::seconds{60};
  return options;
}

std::vector<NodeReply> answers(NodeClient& client, std::size_t count) {
  std::vector<NodeReply> replies;
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds{60};
  while (true) {
    client.poll(replies);
    if (replies.size() >= count) return replies;
    if (std::chrono::steady_clock::now() > limit) throw std::runtime_error("no answer in a minute");
    pollfd one{client.fd(), static_cast<short>(POLLIN | (client.wants_write() ? POLLOUT : 0)), 0};
    ::poll(&one, 1, 100);
  }
}

std::vector<std::vector<std::byte>> make_blocks(const NodeConfig& config, BlockRun run,
                                                std::uint64_t seed) {
  const BlockFormat format{config.block_bytes};
  std::vector<std::vector<std::byte>> blocks;
  for (std::int32_t i = 0; i < run.count; ++i) {
    const BlockId block = block_of(run, i);
    auto& bytes = blocks.emplace_back(static_cast<std::size_t>(format.used()));
    fill_synthetic(seed, block, std::span(bytes).first(static_cast<std::size_t>(format.payload)));
    seal_block(format, bytes, block, 1, config.digest_word());
  }
  return blocks;
}

std::vector<std::span<const std::byte>> views(const std::vector<std::vector<std::byte>>& blocks) {
  return {blocks.begin(), blocks.end()};
}

std::int32_t lookup(NodeClient& client, BlockRun run) {
  client.lookup(1, std::span(&run, 1));
  return answers(client).at(0).counts.at(0);
}

NodeReply lease(NodeClient& client, BlockRun run) {
  client.lease(2, run);
  return answers(client).at(0);
}

NodeReply store(NodeClient& client, BlockRun run) {
  const auto blocks = make_blocks(small_config(), run);
  client.store(3, run, views(blocks));
  return answers(client).at(0);
}

void a_moment() {
  std::this_thread::sleep_for(std::chrono::milliseconds{2});
}

bool too_late(int tries) {
  return tries > 30'000;
}

int open_descriptors() {
  int count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    ++count;
  }
  return count;
}

int threads() {
  int count = 0;
  for ([[maybe_unused]] const auto& entry :
       std::filesystem::directory_iterator("/proc/self/task")) {
    ++count;
  }
  return count;
}

}  // namespace calvo::realrun::testing
