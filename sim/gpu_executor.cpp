#include "sim/gpu_executor.hpp"

#include <algorithm>

#include "core/contract.hpp"

namespace calvo::sim {
namespace {

/// Work of the first n iterations of a piece.
double work_of(double first, double growth, std::int64_t n) {
  const auto count = static_cast<double>(n);
  return count * first + growth * (count * (count - 1) / 2);
}

}  // namespace

void GpuExecutor::start(Instant now, const StepPlan& plan) {
  CALVO_EXPECT(!busy_ && plan.model != nullptr && plan.iterations >= 1 && plan.factor > 0);
  CALVO_EXPECT(plan.shape.prefills.empty() || plan.iterations == 1);
  CALVO_EXPECT(plan.head_start.count() >= 0);
  busy_ = true;
  plan_ = plan;
  target_ = plan.iterations;
  planned_ = 0;
  pieces_.clear();
  work_ = plan.head_start.count();
  since_ = now;
  began_ = now - to_nanoseconds(plan.head_start);
  plan_pieces(1);
  plan_.shape.prefills = {};
  schedule();
}

// A leap is often cut early: pieces are asked for a few at a time, twice as many each time.
void GpuExecutor::plan_pieces(std::int64_t pieces) {
  double work = planned_ == 0 ? 0.0 : work_until(planned_);
  for (; pieces > 0 && planned_ < target_; --pieces) {
    models::StepShape shape = plan_.shape;
    shape.decode_context += Tokens{shape.decodes * planned_};
    const models::StepTime time = plan_.model->step(shape);
    CALVO_EXPECT(time.valid >= 1);
    const Piece piece{planned_, work, time.first.count() * plan_.factor + plan_.overhead.count(),
                      time.growth.count() * plan_.factor};
    const std::int64_t count = std::min(time.valid, target_ - planned_);
    CALVO_EXPECT(piece.first > 0 &&
                 piece.first + piece.growth * static_cast<double>(count - 1) > 0);
    pieces_.push_back(piece);
    planned_ += count;
    work += work_of(piece.first, piece.growth, count);
  }
}

double GpuExecutor::work_until(std::int64_t iteration) const {
  const auto after = std::upper_bound(
      pieces_.begin(), pieces_.end(), iteration,
      [](std::int64_t i, const Piece& piece) { return i <= piece.first_iteration; });
  const Piece& piece = after == pieces_.begin() ? pieces_.front() : *(after - 1);
  return piece.work_before + work_of(piece.first, piece.growth, iteration - piece.first_iteration);
}

Instant GpuExecutor::date_at(double work) const {
  return since_ + to_nanoseconds(Seconds{(work - work_) * (1 + slowdown_)});
}

void GpuExecutor::progress(Instant now) {
  CALVO_EXPECT(now >= since_ && now <= next_);
  work_ += to_seconds(now - since_).count() / (1 + slowdown_);
  since_ = now;
}

void GpuExecutor::schedule() {
  const Instant next = std::max(since_, date_at(work_until(std::min(target_, planned_))));
  if (next == next_) return;
  next_ = next;
  ++version_;
}

bool GpuExecutor::advance(Instant now) {
  CALVO_EXPECT(busy_ && now == next_);
  if (planned_ < target_) {
    progress(now);
    plan_pieces(static_cast<std::int64_t>(pieces_.size()));
    schedule();
    return false;
  }
  busy_ = false;
  busy_time_ += now - began_;
  since_ = now;
  next_ = never;
  ++version_;
  return true;
}

void GpuExecutor::cut(Instant now) {
  CALVO_EXPECT(busy_);
  progress(now);
  std::int64_t low = 1;
  std::int64_t high = std::min(target_, planned_);
  while (low < high) {
    const std::int64_t middle = low + (high - low) / 2;
    if (date_at(work_until(middle)) >= now) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  target_ = high;
  schedule();
}

void GpuExecutor::set_slowdown(Instant now, double slowdown) {
  CALVO_EXPECT(slowdown >= 0);
  if (busy_) progress(now);
  slowdown_ = slowdown;
  if (busy_) schedule();
}

Nanoseconds GpuExecutor::busy_time(Instant now) const {
  return busy_time_ + (busy_ ? now - began_ : Nanoseconds{0});
}

}  // namespace calvo::sim
