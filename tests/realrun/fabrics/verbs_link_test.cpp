// The bandwidth of a link that tc has shaped, as the client sees it. Needs a device to shape:
// CALVO_SHAPED_DEVICE (a network interface; the rate of what it sends is changed), and the right
// to. CALVO_LEAST_LINK_MBIT: the rate that this machine must be able to carry.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "harness.hpp"

namespace calvo::realrun::verbs {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t block_bytes = 64 << 10;
constexpr std::size_t blocks_in_flight = 4;

/// What lies between here and the pool, and blocks on their way through it without end.
class Flow {
public:
  Flow() : node_({.fabric = "verbs"}), client_(fabric("verbs").make_client()) {
    client_->register_memory(landing_.memory());
    for (std::size_t i = 0; i < blocks_in_flight; ++i) slots_.push_back(landing_.slot(block_bytes));
    const Ticket mine = ticket(1);
    peer_ = client_->connect(peer_host(), node_.admit(mine), mine, patience);
    for (std::size_t i = 0; i < blocks_in_flight; ++i) post(i);
  }

  /// Mbit/s of payload: the median over windows of a few blocks, without the first of them, which
  /// live on what the shaper had saved up.
  double median_rate() {
    constexpr std::size_t window = blocks_in_flight;
    constexpr std::size_t skipped = 4;
    constexpr std::size_t least = 20;
    std::vector<double> rates;
    const Clock::time_point start = Clock::now();
    Clock::time_point last = start;
    while (rates.size() < skipped + least ||
           Clock::now() - start < std::chrono::milliseconds{300}) {
      for (std::size_t i = 0; i < window; ++i) await_one();
      const Clock::time_point now = Clock::now();
      const std::chrono::duration<double> took = now - last;
      rates.push_back(8e-6 * static_cast<double>(window * block_bytes) / took.count());
      last = now;
    }
    rates.erase(rates.begin(), rates.begin() + skipped);
    const auto middle = rates.begin() + static_cast<std::ptrdiff_t>(rates.size() / 2);
    std::ranges::nth_element(rates, middle);
    return *middle;
  }

private:
  void post(std::size_t slot) {
    const std::array reads = {
        Read{next_++ * block_bytes % (pool_size - block_bytes), slots_[slot], slot}};
    EXPECT_EQ(client_->post(peer_, reads), 1U);
  }

  void await_one() {
    std::array<ReadDone, 1> done;
    const auto give_up = Clock::now() + patience;
    while (client_->poll(done) == 0) {
      if (Clock::now() > give_up) throw std::runtime_error("no block came");
      client_->wait(std::chrono::milliseconds{50});
    }
    EXPECT_EQ(done[0].status, ReadStatus::ok);
    post(done[0].cookie);
  }

  Node node_;
  Landing landing_{1 << 20};
  std::vector<std::span<std::byte>> slots_;
  std::unique_ptr<FabricClient> client_;
  PeerId peer_{};
  std::uint64_t next_ = 0;
};

class Shaper {
public:
  explicit Shaper(std::string device) : device_(std::move(device)) {}
  ~Shaper() { tc("qdisc del dev " + device_ + " root"); }

  bool set(int mbit) {
    // The burst outlasts the pauses that a virtual machine makes.
    return tc(fmt::format("qdisc replace dev {} root tbf rate {}mbit burst 256kb limit 64mb",
                          device_, mbit));
  }

private:
  static bool tc(const std::string& arguments) {
    return std::system(("tc " + arguments).c_str()) == 0;
  }

  std::string device_;
};

// No machine is quiet for sure, so the link is given a rate that this one carries at the time, and
// if it is disturbed, a lower one.
TEST(VerbsLink, TheMedianBlockBandwidthIsWithin5PercentOfTheLineRate) {
  const char* device = std::getenv("CALVO_SHAPED_DEVICE");
  if (device == nullptr) GTEST_SKIP() << "no interface to shape (CALVO_SHAPED_DEVICE)";
  const char* least = std::getenv("CALVO_LEAST_LINK_MBIT");
  const int least_mbit = least == nullptr ? 0 : std::atoi(least);
  Flow flow;
  const double unshaped = flow.median_rate();
  Shaper shaper(device);
  std::string tried;
  for (const int mbit : {1'000, 400, 200, 100, 50, 20, 10, 5}) {
    if (mbit < least_mbit) break;
    if (2 * mbit > unshaped && mbit != least_mbit) continue;
    ASSERT_TRUE(shaper.set(mbit));
    const double rate = flow.median_rate();
    tried += fmt::format("{:.1f} of {} Mbit/s; ", rate, mbit);
    if (rate >= 0.95 * mbit && rate <= 1.02 * mbit) {
      fmt::print(
          "median block bandwidth {:.2f} Mbit/s on a line of {} Mbit/s ({:.1f} %); {:.0f} "
          "without shaping\n",
          rate, mbit, 100 * rate / mbit, unshaped);
      return;
    }
  }
  FAIL() << tried << unshaped << " without shaping";
}

}  // namespace
}  // namespace calvo::realrun::verbs
