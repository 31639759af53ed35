#include "cli/progress_line.hpp"

#include <cstdio>

#include <fmt/format.h>
#include <unistd.h>

#include "cli/usage.hpp"

namespace calvo::cli {
namespace {

constexpr double period_s = 0.2;

}  // namespace

ProgressLine::ProgressLine(Wanted wanted, const char* time)
    : active_(wanted == Wanted::yes && ::isatty(STDERR_FILENO) == 1),
      time_(time),
      start_(wall_seconds()),
      next_(start_ + period_s) {}

ProgressLine::~ProgressLine() {
  if (drawn_) fmt::print(stderr, "\r\x1b[K");
}

void ProgressLine::show(const sim::Progress& progress) {
  if (!active_) return;
  const double now = wall_seconds();
  if (now < next_) return;
  next_ = now + period_s;
  drawn_ = true;
  const double rate = static_cast<double>(progress.ended) / (now - start_);
  const double left = rate > 0 ? static_cast<double>(progress.total - progress.ended) / rate : 0;
  fmt::print(stderr, "\r{} of {} requests, {:.0f} s {}, {:.0f} requests/s, {:.0f} s left\x1b[K",
             progress.ended, progress.total, progress.simulated_s, time_, rate, left);
  std::fflush(stderr);
}

}  // namespace calvo::cli
