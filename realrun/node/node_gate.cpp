#include "realrun/node/node_gate.hpp"

#include <algorithm>
#include <utility>

#include <sys/prctl.h>

namespace calvo::realrun {
namespace {

/// By default the system lets a sleeper sleep 50 us longer than it asked for.
void wake_in_time() {
  thread_local const int done = ::prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
  static_cast<void>(done);
}

}  // namespace

NodeGate::NodeGate(std::optional<Pacer> pace, FaultPlan plan, Tally& tally)
    : start_(Clock::now()), tally_(tally), pace_(std::move(pace)), plan_(std::move(plan)) {}

NodeGate::Clock::time_point NodeGate::at(Seconds date) const {
  constexpr Seconds far{1e9};
  return start_ + to_nanoseconds(std::min(date, far));
}

SendGate::Verdict NodeGate::before_send(std::uint64_t offset, std::uint64_t bytes) {
  wake_in_time();
  const Verdict verdict = pass(offset, bytes);
  if (verdict != Verdict::send) ++tally_.faults;
  if (verdict == Verdict::truncate) {
    tally_.sent_bytes += bytes / 2;
  } else if (verdict != Verdict::drop_connection) {
    tally_.sent_bytes += bytes;
  }
  return verdict;
}

SendGate::Verdict NodeGate::pass(std::uint64_t offset, std::uint64_t bytes) {
  std::unique_lock lock(mutex_);
  const auto over = [&] { return stopped_ || plan_.dead(now()); };
  const Clock::time_point asked = Clock::now();
  Clock::time_point go = asked;
  const Seconds delay = plan_.delay(now());
  if (pace_) {
    go = pace_->through(static_cast<std::int64_t>(bytes), asked, plan_.speed(now()));
  }
  if (delay > Seconds{0}) {
    go += to_nanoseconds(delay);
    ++tally_.faults;
  }
  if (go > asked) changed_.wait_until(lock, go, over);
  while (!over() && plan_.hung(now())) {
    changed_.wait_until(lock, at(plan_.next_change(now())), over);
  }
  return over() ? Verdict::drop_connection : plan_.draw(now(), offset, bytes);
}

void NodeGate::wake() {
  const std::lock_guard lock(mutex_);
  changed_.notify_all();
}

void NodeGate::stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  changed_.notify_all();
}

}  // namespace calvo::realrun
