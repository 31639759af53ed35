// A small model on the host device, and what tests do with it.
#pragma once

#include <chrono>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include <poll.h>

#include "core/random.hpp"
#include "realrun/devices/device.hpp"

namespace calvo::realrun::testing {

/// Odd sizes on purpose: nothing but the heads divides anything.
inline models::ModelShape small_shape() {
  models::ModelShape shape;
  shape.name = "small";
  shape.layers = shape.dense_layers = 3;
  shape.hidden = 72;
  shape.q_heads = 6;
  shape.kv_heads = 2;
  shape.head_dim = 20;
  shape.dense_ffn = 100;
  shape.vocab = 131;
  shape.max_context = 4096;
  return shape;
}

inline DeviceOptions small_options(std::int32_t block_tokens, std::int64_t pages) {
  DeviceOptions options;
  options.shape = small_shape();
  options.block_tokens = block_tokens;
  options.pages = pages;
  options.host_bytes = pages * page_bytes(options);
  return options;
}

inline std::unique_ptr<Device> make_host(const DeviceOptions& options) {
  return device("host").make(options);
}

inline std::vector<std::int32_t> random_tokens(std::uint64_t seed, std::int64_t count,
                                               std::int32_t vocab) {
  Random random(seed);
  std::vector<std::int32_t> tokens;
  for (std::int64_t i = 0; i < count; ++i) {
    tokens.push_back(static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(vocab))));
  }
  return tokens;
}

/// The numbers from `first` on, `count` of them, shuffled.
inline std::vector<std::int32_t> shuffled(std::uint64_t seed, std::int32_t first,
                                          std::int64_t count) {
  Random random(seed);
  std::vector<std::int32_t> pages(static_cast<std::size_t>(count));
  std::iota(pages.begin(), pages.end(), first);
  for (std::size_t i = pages.size(); i > 1; --i) std::swap(pages[i - 1], pages[random.below(i)]);
  return pages;
}

/// One sequence, `tokens` after `context`.
inline SequenceResult compute(Device& device, std::span<const std::int32_t> tokens,
                              std::int64_t context, std::span<const std::int32_t> pages) {
  const SequenceStep sequence{tokens, context, pages, true};
  std::vector<SequenceResult> results;
  device.step({{&sequence, 1}, {}}, results);
  return results.at(0);
}

/// Sleeps until `count` jobs are over; false after a minute.
inline bool await_copies(CopyEngine& copies, std::size_t count, std::vector<std::uint64_t>& done) {
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds{60};
  while (done.size() < count) {
    if (std::chrono::steady_clock::now() > limit) return false;
    pollfd ready{copies.wait_fd(), POLLIN, 0};
    ::poll(&ready, 1, 1000);
    copies.poll(done);
  }
  return true;
}

/// Copies pages to or from host memory, block i at host + i * page_bytes.
inline bool copy_blocks(Device& device, CopyDirection direction,
                        std::span<const std::int32_t> pages, std::byte* host) {
  CopyJob job;
  job.direction = direction;
  job.cookie = 7;
  for (const std::int32_t page : pages) {
    job.blocks.push_back({page, host});
    host += page_bytes(device.options());
  }
  device.copies().post(std::move(job));
  std::vector<std::uint64_t> done;
  return await_copies(device.copies(), 1, done) && done == std::vector<std::uint64_t>{7};
}

}  // namespace calvo::realrun::testing
