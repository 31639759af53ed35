#include "cli/sweep_progress.hpp"

#include <cmath>
#include <cstdio>

#include <fmt/format.h>
#include <unistd.h>

#include "cli/usage.hpp"

namespace calvo::cli {
namespace {

constexpr double terminal_period_s = 0.2;
constexpr double log_period_s = 30;

std::string duration(double seconds) {
  if (seconds < 100) return fmt::format("{:.0f} s", seconds);
  if (seconds < 100 * 60) return fmt::format("{:.0f} min", seconds / 60);
  return fmt::format("{:.1f} h", seconds / 3600);
}

}  // namespace

SweepProgress::SweepProgress(Wanted wanted, int slots)
    : wanted_(wanted == Wanted::yes),
      terminal_(::isatty(STDERR_FILENO) == 1),
      slots_(slots),
      next_(wall_seconds() + (terminal_ ? terminal_period_s : log_period_s)) {}

SweepProgress::~SweepProgress() {
  if (drawn_) fmt::print(stderr, "\r\x1b[K");
}

void SweepProgress::add(double seconds) {
  seconds_ += seconds;
  count_ += 1;
}

double SweepProgress::left_s(std::size_t points) const {
  if (count_ == 0) return 0;
  const double each = seconds_ / static_cast<double>(count_);
  return each * std::ceil(static_cast<double>(points) / slots_);
}

void SweepProgress::show(const sweeps::Schedule& schedule) {
  const double now = wall_seconds();
  if (!wanted_ || now < next_) return;
  next_ = now + (terminal_ ? terminal_period_s : log_period_s);
  const std::size_t open = schedule.open();
  const std::size_t more = schedule.may_follow();
  std::string line =
      fmt::format("{} of {} points", schedule.recorded(), schedule.recorded() + open);
  if (schedule.failed() > 0) line += fmt::format(", {} failed", schedule.failed());
  if (more > 0) line += fmt::format(", at most {} more to follow", more);
  if (count_ > 0) {
    line += ", " + duration(left_s(open));
    if (more > 0) line += " to " + duration(left_s(open + more));
    line += " left";
  }
  if (terminal_) {
    drawn_ = true;
    fmt::print(stderr, "\r{}\x1b[K", line);
  } else {
    fmt::print(stderr, "{}\n", line);
  }
  std::fflush(stderr);
}

}  // namespace calvo::cli
