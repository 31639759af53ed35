#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/contract.hpp"
#include "tests/realrun/devices/small_device.hpp"

namespace calvo::realrun {
namespace {

using std::chrono::steady_clock;
using testing::await_copies;
using testing::make_host;
using testing::small_options;

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

TEST(HostCopies, BringABlockInAndOutUnchanged) {
  DeviceOptions options = small_options(16, pages);
  options.copy_piece = 1000;  // no divisor of anything
  const auto device = make_host(options);
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

TEST(HostCopies, LayersOfABlockMoveByThemselves) {
  const DeviceOptions options = small_options(16, pages);
  const auto device = make_host(options);
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

TEST(HostCopies, EachDirectionCompletesInItsOrderOfPosting) {
  const auto device = make_host(small_options(16, pages));
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

TEST(HostCopies, ThePollDescriptorIsReadableWhileThereIsSomething) {
  const auto device = make_host(small_options(16, pages));
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

TEST(HostCopies, APacedJobTakesAtLeastItsBytesOverTheRate) {
  DeviceOptions options = small_options(16, pages);
  options.copy_pace = BytesPerSecond{static_cast<double>(page_bytes(options)) / 0.01};
  const auto device = make_host(options);
  CopyEngine& copies = device->copies();
  const auto start = steady_clock::now();
  for (std::uint64_t cookie = 1; cookie <= 5; ++cookie) {  // 2 blocks each: 20 ms
    const std::vector<PageCopy> blocks(2, {1, device->host_memory().data()});
    copies.post(job_of(CopyDirection::in, blocks, cookie));
  }
  std::vector<std::uint64_t> done;
  for (std::size_t jobs = 1; jobs <= 5; ++jobs) {
    ASSERT_TRUE(await_copies(copies, jobs, done));
    const double taken = std::chrono::duration<double>(steady_clock::now() - start).count();
    EXPECT_GE(taken, 0.02 * static_cast<double>(done.size()) - 1e-6);
  }
}

TEST(HostCopies, AnUnfinishedDeviceMayBeThrownAway) {
  DeviceOptions options = small_options(16, pages);
  options.copy_pace = BytesPerSecond{1};  // centuries
  const auto start = steady_clock::now();
  {
    const auto device = make_host(options);
    std::byte* host = device->host_memory().data();
    const std::vector<PageCopy> in(3, {1, host});
    const std::vector<PageCopy> out(3, {2, host + page_bytes(options)});
    device->copies().post(job_of(CopyDirection::in, in, 1));
    device->copies().post(job_of(CopyDirection::out, out, 2));
    std::vector<std::uint64_t> done;
    device->copies().poll(done);
    EXPECT_TRUE(done.empty());
  }
  EXPECT_LT(steady_clock::now() - start, std::chrono::seconds{60});
}

TEST(HostCopies, RefuseAPageThatDoesNotExist) {
  const auto device = make_host(small_options(16, pages));
  std::byte* host = device->host_memory().data();
  EXPECT_THROW(device->copies().post(job_of(CopyDirection::in, {{pages, host}}, 1)),
               ContractViolation);
  EXPECT_THROW(device->copies().post(job_of(CopyDirection::in, {{-1, host}}, 1)),
               ContractViolation);
  EXPECT_EQ(device->copies().outstanding(), 0U);
}

}  // namespace
}  // namespace calvo::realrun
