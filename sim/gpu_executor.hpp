// A GPU (or tensor-parallel group) that runs steps, leaping over alike iterations.
#pragma once

#include <cstdint>
#include <vector>

#include "core/units.hpp"
#include "models/compute_model.hpp"

namespace calvo::sim {

/// `iterations` iterations of one batch: prefill parts only if there is a single one.
/// Iteration i takes model time (decode contexts grown by i tokens each) * factor + overhead, on a
/// GPU that no copy slows.
struct StepPlan {
  const models::ComputeModel* model = nullptr;  ///< outlives the step
  models::StepShape shape;                      ///< its span is read during start() only
  std::int64_t iterations = 1;
  Seconds overhead{0};    ///< of the engine's host code, each iteration
  double factor = 1;      ///< > 0; noise of this step
  Seconds head_start{0};  ///< work that was done before start(), e.g. layers run under a gate
};

/// Says when something happens; whoever owns the clock calls advance() then. Work proceeds at rate
/// 1, or 1 / (1 + slowdown) while copies slow it. A step has a date at its end, and, where the
/// compute model answers for few iterations at a time, a few in between at which it is asked again.
///
/// Dates differ by at most 1 ns per iteration from those of as many steps of one iteration each.
class GpuExecutor {
public:
  /// Requires: idle, iterations >= 1.
  void start(Instant now, const StepPlan& plan);

  bool busy() const { return busy_; }
  /// Date of the next advance(); `never` when idle. A change of it bumps version(), so that a timer
  /// set for an old one is known by its version.
  Instant next_date() const { return next_; }
  std::uint64_t version() const { return version_; }

  /// Returns true if the step is over, with iterations() of it done. Requires: now == next_date().
  bool advance(Instant now);

  /// Ends the step with the iteration under way, or with the one that ends at `now` by the clock of
  /// whole nanoseconds; at least one iteration is run. Requires: busy, now <= next_date().
  void cut(Instant now);

  /// From now on, an iteration takes (1 + slowdown) times as long. Also when idle.
  /// Requires: slowdown >= 0; now <= next_date().
  void set_slowdown(Instant now, double slowdown);

  /// Of the step: to be done while it runs, done when it is over.
  std::int64_t iterations() const { return target_; }
  /// Date at which the step began, moved back by its head start.
  Instant began() const { return began_; }
  /// Time during which steps ran, head starts included, until `now`.
  Nanoseconds busy_time(Instant now) const;

private:
  /// Iterations from `first_iteration` on, until the next piece.
  struct Piece {
    std::int64_t first_iteration;
    double work_before;  ///< seconds of work in the iterations before
    double first;        ///< seconds of its first iteration
    double growth;
  };

  void plan_pieces(std::int64_t pieces);
  double work_until(std::int64_t iteration) const;
  Instant date_at(double work) const;
  void progress(Instant now);
  void schedule();

  bool busy_ = false;
  StepPlan plan_;
  std::int64_t target_ = 0;   ///< iterations until the step ends
  std::int64_t planned_ = 0;  ///< iterations that pieces_ cover
  std::vector<Piece> pieces_;
  double work_ = 0;  ///< done at date `since_`, seconds at rate 1
  Instant since_{};
  double slowdown_ = 0;
  Instant next_ = never;
  std::uint64_t version_ = 0;
  Instant began_{};
  Nanoseconds busy_time_{0};
};

}  // namespace calvo::sim
