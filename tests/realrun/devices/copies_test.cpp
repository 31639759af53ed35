#include <algorithm>
#include <array>
#include <cstring>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/contract.hpp"
#include "tests/realrun/devices/device_under_test.hpp"

namespace calvo::realrun {
namespace {

using testing::await_copies;
using testing::make;
using testing::options_under_test;

constexpr std::int64_t pages = 12;

void fill(std::span<std::byte> bytes, std::uint64_t seed) {
  Random random(seed);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.bits());
}

CopyJob job_of(CopyDirection direction, std::vector<PageCopy> blocks, std::uint64_t cookie) {
  CopyJob job;
  job.direction = direction;
  job.blocks = std::move(blocks);
  job.cookie = cookie;
  return job;
}

/// Puts a job through and waits for it.
void carry_out(Device& device, CopyJob job) {
  job.cookie = 1;
  device.copies().post(std::move(job));
  std::vector<std::uint64_t> done;
  ASSERT_TRUE(await_copies(device.copies(), 1, done));
}

TEST(Copies, BringABlockInAndOutUnchanged) {
  DeviceOptions options = options_under_test(16, pages);
  options.copy_piece = 1000;  // no divisor of anything
  const auto device = make(options);
  const auto size = static_cast<std::size_t>(page_bytes(options));
  const std::span<std::byte> host = device->host_memory();
  fill(host, 1);
  const std::vector<std::byte> before(host.begin(), host.end());

  carry_out(*device, job_of(CopyDirection::in, {{7, host.data()}, {2, host.data() + size}}, 0));
  const auto block = [&](std::size_t i) {
    return std::vector<std::byte>(before.begin() + static_cast<std::ptrdiff_t>(i * size),
                                  before.begin() + static_cast<std::ptrdiff_t>((i + 1) * size));
  };
  EXPECT_EQ(device->read_page(7), block(0));
  EXPECT_EQ(device->read_page(2), block(1));
  EXPECT_EQ(device->read_page(3), std::vector<std::byte>(size));

  carry_out(*device, job_of(CopyDirection::out, {{7, host.data() + 5 * size}}, 0));
  std::vector<std::byte> after = before;
  std::ranges::copy(block(0), after.begin() + static_cast<std::ptrdiff_t>(5 * size));
  EXPECT_TRUE(std::ranges::equal(host, after));
}

TEST(Copies, LayersOfABlockMoveByThemselves) {
  const DeviceOptions options = options_under_test(16, pages);
  const auto device = make(options);
  const auto layer = static_cast<std::size_t>(page_bytes(options)) / 3;
  const std::span<std::byte> host = device->host_memory();
  fill(host, 2);
  CopyJob job = job_of(CopyDirection::in, {{4, host.data()}}, 0);
  job.first_layer = 1;
  job.layers = 1;
  carry_out(*device, job);
  std::vector<std::byte> expected(3 * layer);
  std::copy_n(host.data() + layer, layer, expected.data() + layer);
  EXPECT_EQ(device->read_page(4), expected);
  job.layers = 2;
  carry_out(*device, job);
  std::copy_n(host.data() + layer, 2 * layer, expected.data() + layer);
  EXPECT_EQ(device->read_page(4), expected);
}

TEST(Copies, EachDirectionCompletesInItsOrderOfPosting) {
  const auto device = make(options_under_test(16, pages));
  CopyEngine& copies = device->copies();
  Random random(3);
  std::array<std::vector<std::uint64_t>, 2> posted;
  for (std::uint64_t cookie = 0; cookie < 200; ++cookie) {
    const auto direction = static_cast<CopyDirection>(random.below(2));
    std::vector<PageCopy> blocks(random.below(6), {1, device->host_memory().data()});
    if (direction == CopyDirection::out) {  // the two directions use memory of their own
      const auto size = static_cast<std::size_t>(page_bytes(device->options()));
      for (PageCopy& block : blocks) block = {2, device->host_memory().data() + size};
    }
    posted[static_cast<std::size_t>(direction)].push_back(2 * cookie +
                                                          static_cast<std::uint64_t>(direction));
    copies.post(job_of(direction, blocks, posted[static_cast<std::size_t>(direction)].back()));
  }
  EXPECT_EQ(copies.outstanding(), 200U);
  std::vector<std::uint64_t> done;
  ASSERT_TRUE(await_copies(copies, 200, done));
  std::array<std::vector<std::uint64_t>, 2> seen;
  for (const std::uint64_t cookie : done) seen[cookie % 2].push_back(cookie);
  EXPECT_EQ(seen, posted);
  EXPECT_EQ(copies.outstanding(), 0U);
}

TEST(Copies, ThePollDescriptorIsReadableWhileThereIsSomething) {
  const auto device = make(options_under_test(16, pages));
  CopyEngine& copies = device->copies();
  pollfd ready{copies.wait_fd(), POLLIN, 0};
  EXPECT_EQ(::poll(&ready, 1, 0), 0);
  copies.post(job_of(CopyDirection::in, {{1, device->host_memory().data()}}, 9));
  EXPECT_EQ(::poll(&ready, 1, 60'000), 1);
  EXPECT_EQ(::poll(&ready, 1, 0), 1);  // still
  std::vector<std::uint64_t> done = {5};
  copies.poll(done);
  EXPECT_THAT(done, ::testing::ElementsAre(5, 9));
  EXPECT_EQ(::poll(&ready, 1, 0), 0);
}

TEST(Copies, RefuseAPageThatDoesNotExist) {
  const auto device = make(options_under_test(16, pages));
  std::byte* host = device->host_memory().data();
  EXPECT_THROW(device->copies().post(job_of(CopyDirection::in, {{pages, host}}, 1)),
               ContractViolation);
  EXPECT_THROW(device->copies().post(job_of(CopyDirection::in, {{-1, host}}, 1)),
               ContractViolation);
  EXPECT_EQ(device->copies().outstanding(), 0U);
}

TEST(Copies, AnUnfinishedDeviceMayBeThrownAway) {
  const auto device = make(options_under_test(16, pages));
  std::byte* host = device->host_memory().data();
  const std::vector<PageCopy> in(200, {1, host});
  const std::vector<PageCopy> out(200, {2, host + page_bytes(device->options())});
  device->copies().post(job_of(CopyDirection::in, in, 1));
  device->copies().post(job_of(CopyDirection::out, out, 1));
}

TEST(Copies, WantSomethingPosted) {
  const CopyDepth depth = make(options_under_test(16, pages))->copies().depth();
  EXPECT_GT(depth.job, 0);
  EXPECT_GE(depth.posted, depth.job);
}

/// A job of random blocks and layers, and what it makes of pages and host memory.
struct RandomJob {
  CopyJob job;
  std::vector<std::byte> host_after;
  std::vector<std::vector<std::byte>> pages_after;
};

RandomJob random_job(Device& device, std::int64_t stride, Random& random) {
  const std::int64_t size = page_bytes(device.options());
  const std::int32_t layers = device.options().shape.layers;
  const std::span<std::byte> host = device.host_memory();
  RandomJob result;
  CopyJob& job = result.job;
  job.direction = static_cast<CopyDirection>(random.below(2));
  job.first_layer = static_cast<std::int32_t>(random.below(static_cast<unsigned>(layers)));
  job.layers =
      static_cast<std::int32_t>(1 + random.below(static_cast<unsigned>(layers - job.first_layer)));
  if (job.first_layer == 0 && random.below(2) == 0) job.layers = 0;
  std::vector<std::int32_t> order = testing::shuffled(random.bits(), 0, pages);
  for (std::int32_t slot = 0; slot < pages; ++slot) {
    if (random.below(4) == 0) continue;  // runs of some lengths
    job.blocks.push_back({order[static_cast<std::size_t>(slot)], host.data() + slot * stride});
  }
  result.host_after.assign(host.begin(), host.end());
  for (std::int32_t page = 0; page < pages; ++page) {
    result.pages_after.push_back(device.read_page(page));
  }
  const std::int64_t begin = job.first_layer * (size / layers);
  const std::int64_t end = job.layers == 0 ? size : begin + job.layers * (size / layers);
  for (const PageCopy& block : job.blocks) {
    std::byte* in_page = result.pages_after[static_cast<std::size_t>(block.page)].data();
    std::byte* in_host = result.host_after.data() + (block.host - host.data());
    const bool in = job.direction == CopyDirection::in;
    std::copy(in ? in_host + begin : in_page + begin, in ? in_host + end : in_page + end,
              in ? in_page + begin : in_host + begin);
  }
  return result;
}

// Property: by every path, each part is where it belongs and nothing else has changed.
TEST(Copies, MoveWhatTheyAreToldAndNothingElseByEveryPath) {
  DeviceOptions options = options_under_test(16, pages);
  const std::int64_t stride = page_bytes(options) + 128;  // trailers and gaps, as in a host tier
  options.host_bytes = pages * stride;
  const auto device = make(options);
  std::vector<std::optional<CopyPath>> paths = {std::nullopt};
  for (const CopyPath path : device->copies().paths()) paths.emplace_back(path);
  Random random(4);
  for (int round = 0; round < 60; ++round) {
    const std::optional<CopyPath> path = paths[static_cast<std::size_t>(round) % paths.size()];
    SCOPED_TRACE(path ? name_of(*path) : "the path that the device chooses");
    device->copies().use_path(path);
    fill(device->host_memory(), random.bits());
    const RandomJob expected = random_job(*device, stride, random);
    carry_out(*device, expected.job);
    ASSERT_TRUE(std::ranges::equal(device->host_memory(), expected.host_after));
    for (std::int32_t page = 0; page < pages; ++page) {
      ASSERT_EQ(device->read_page(page), expected.pages_after[static_cast<std::size_t>(page)]);
    }
  }
}

}  // namespace
}  // namespace calvo::realrun
