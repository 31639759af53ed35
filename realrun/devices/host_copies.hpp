#pragma once

#include <array>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <vector>

#include "realrun/devices/device.hpp"
#include "realrun/devices/host_pace.hpp"
#include "realrun/wire/token_bucket.hpp"

namespace calvo::realrun {

/// Copies by the CPU: one thread for each direction, so that the two do not wait for each other, as
/// on a PCIe link. With `copy_pace` a job ends when a link of that rate would have carried it,
/// never sooner; a thread that has fallen behind by up to 10 ms catches up.
class HostCopies final : public CopyEngine {
public:
  /// `pages` [options.pages][page_bytes(options)]; what is given by reference outlives this, and
  /// once `pace` is ended jobs end as soon as they are copied.
  HostCopies(std::byte* pages, const DeviceOptions& options, HostPace& pace);
  ~HostCopies() override;

  void post(CopyJob job) override;
  void poll(std::vector<std::uint64_t>& done) override;
  int wait_fd() override { return event_; }
  std::size_t outstanding() const override { return outstanding_; }

private:
  using Clock = std::chrono::steady_clock;
  struct Posted {
    CopyJob job;
    Clock::time_point at;
  };
  /// One direction. `mutex` guards `jobs`; `bucket` belongs to the thread.
  struct Lane {
    std::mutex mutex;
    std::condition_variable_any more;
    std::deque<Posted> jobs;
    std::optional<TokenBucket> bucket;
    std::jthread thread;
  };

  void serve(Lane& lane, const std::stop_token& stop);
  bool carry_out(Lane& lane, const Posted& posted, const std::stop_token& stop);
  void copy(const CopyJob& job, const PageCopy& block, std::int64_t offset, std::int64_t size);
  void report(std::uint64_t cookie);

  std::byte* pages_;
  const DeviceOptions& options_;
  HostPace& pace_;
  std::int64_t page_bytes_;
  std::int64_t layer_bytes_;
  std::size_t outstanding_ = 0;
  int event_ = -1;
  std::mutex done_mutex_;
  std::vector<std::uint64_t> done_;  ///< guarded by done_mutex_; event_ is readable if not empty
  std::array<Lane, 2> lanes_;        ///< last: their threads use all of the above
};

}  // namespace calvo::realrun
