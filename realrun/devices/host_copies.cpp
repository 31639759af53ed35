#include "realrun/devices/host_copies.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <system_error>
#include <utility>

#include <sys/eventfd.h>
#include <unistd.h>

#include "core/contract.hpp"
#include "realrun/devices/thread_tools.hpp"

namespace calvo::realrun {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds catch_up{10};
constexpr milliseconds run_ahead{1};  // of the pace, within a job: what one sleep is worth

}  // namespace

HostCopies::HostCopies(std::byte* pages, const DeviceOptions& options, HostPace& pace)
    : pages_(pages),
      options_(options),
      pace_(pace),
      page_bytes_(realrun::page_bytes(options)),
      layer_bytes_(page_bytes_ / options.shape.layers),
      event_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (event_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  for (Lane& lane : lanes_) {
    if (options.copy_pace) lane.bucket.emplace(*options.copy_pace, catch_up);
    lane.thread = std::jthread([this, &lane](const std::stop_token& stop) { serve(lane, stop); });
  }
}

HostCopies::~HostCopies() {
  for (Lane& lane : lanes_) lane.thread.request_stop();
  pace_.end();
  for (Lane& lane : lanes_) lane.thread.join();
  close(event_);
}

void HostCopies::post(CopyJob job) {
  const std::int32_t layers = options_.shape.layers;
  CALVO_EXPECT(job.first_layer >= 0 && job.layers >= 0);
  CALVO_EXPECT(job.first_layer + job.layers <= layers);
  CALVO_EXPECT(job.layers > 0 || job.first_layer == 0);
  for (const PageCopy& block : job.blocks) {
    CALVO_EXPECT(0 <= block.page && block.page < options_.pages && block.host != nullptr);
  }
  if (job.layers == 0) job.layers = layers;
  ++outstanding_;
  Lane& lane = lanes_[static_cast<std::size_t>(job.direction)];
  {
    const std::scoped_lock lock(lane.mutex);
    lane.jobs.push_back({std::move(job), Clock::now()});
  }
  lane.more.notify_one();
}

void HostCopies::poll(std::vector<std::uint64_t>& done) {
  const std::scoped_lock lock(done_mutex_);
  if (done_.empty()) return;
  std::uint64_t count = 0;
  CALVO_ENSURE(read(event_, &count, sizeof count) == sizeof count);
  done.insert(done.end(), done_.begin(), done_.end());
  outstanding_ -= done_.size();
  done_.clear();
}

void HostCopies::serve(Lane& lane, const std::stop_token& stop) {
  pin_this_thread(options_.copy_core);
  wake_in_time();
  while (true) {
    Posted posted;
    {
      std::unique_lock lock(lane.mutex);
      if (!lane.more.wait(lock, stop, [&] { return !lane.jobs.empty(); })) return;
      posted = std::move(lane.jobs.front());
      lane.jobs.pop_front();
    }
    if (!carry_out(lane, posted, stop)) return;
    report(posted.job.cookie);
  }
}

/// False: stopped before the end.
bool HostCopies::carry_out(Lane& lane, const Posted& posted, const std::stop_token& stop) {
  const CopyJob& job = posted.job;
  const std::int64_t begin = job.first_layer * layer_bytes_;
  const std::int64_t end = begin + job.layers * layer_bytes_;
  Clock::time_point through = posted.at;
  const auto wait_until = [&](Clock::time_point then) {
    if (Clock::now() < then) pace_.wait_until(then);
    return !stop.stop_requested();
  };
  for (const PageCopy& block : job.blocks) {
    for (std::int64_t offset = begin; offset < end; offset += options_.copy_piece) {
      const std::int64_t size = std::min(options_.copy_piece, end - offset);
      copy(job, block, offset, size);
      if (lane.bucket) through = lane.bucket->take(size, posted.at, Clock::now());
      if (!wait_until(through - run_ahead)) return false;
    }
  }
  return wait_until(through);
}

void HostCopies::copy(const CopyJob& job, const PageCopy& block, std::int64_t offset,
                      std::int64_t size) {
  std::byte* page = pages_ + block.page * page_bytes_ + offset;
  std::byte* host = block.host + offset;
  const bool in = job.direction == CopyDirection::in;
  std::memcpy(in ? page : host, in ? host : page, static_cast<std::size_t>(size));
}

void HostCopies::report(std::uint64_t cookie) {
  const std::scoped_lock lock(done_mutex_);
  if (done_.empty()) {
    const std::uint64_t one = 1;
    CALVO_ENSURE(write(event_, &one, sizeof one) == sizeof one);
  }
  done_.push_back(cookie);
}

}  // namespace calvo::realrun
