#include "sim/gpu_executor.hpp"

#include <algorithm>
#include <map>

#include <gtest/gtest.h>

#include "core/contract.hpp"
#include "core/random.hpp"

namespace calvo::sim {
namespace {

using namespace std::chrono_literals;

Instant at_ns(std::int64_t ns) {
  return Instant{Nanoseconds{ns}};
}

/// Decode time piecewise linear in the context, as measured tables make it: a piece ends every
/// `knot` tokens of context, where the slope changes. Counts how often it is asked.
class Piecewise final : public models::ComputeModel {
public:
  Piecewise(double base, double slope, std::int64_t knot)
      : base_(base), slope_(slope), knot_(knot) {}

  models::StepTime step(const models::StepShape& shape) const override {
    ++asked;
    double time = base_;
    for (const models::PrefillPart& part : shape.prefills) {
      time += 1e-5 * static_cast<double>(part.new_tokens.count());
    }
    const std::int64_t context = shape.decode_context.count();
    const std::int64_t piece = context / knot_;
    // Slope of piece p: slope * (1 + p % 3).
    for (std::int64_t p = 0; p < piece; ++p) time += slope_of(p) * static_cast<double>(knot_);
    time += slope_of(piece) * static_cast<double>(context - piece * knot_);
    if (shape.decodes == 0) return {Seconds{time}, Seconds{0}, 1};
    const std::int64_t to_knot = (piece + 1) * knot_ - context;
    return {Seconds{time}, Seconds{slope_of(piece) * static_cast<double>(shape.decodes)},
            std::max<std::int64_t>(1, (to_knot + shape.decodes - 1) / shape.decodes)};
  }
  std::int32_t layers() const override { return 1; }

  mutable int asked = 0;

private:
  double slope_of(std::int64_t piece) const { return slope_ * static_cast<double>(1 + piece % 3); }
  double base_;
  double slope_;
  std::int64_t knot_;
};

constexpr std::int64_t endless = 1LL << 40;

/// Runs the executor from `since` to the end of its step; slowdowns change at their dates.
Instant run(GpuExecutor& gpu, Instant since = {}, const std::map<Instant, double>& slowdowns = {}) {
  for (auto change = slowdowns.upper_bound(since);;) {
    const Instant next = gpu.next_date();
    if (change != slowdowns.end() && change->first <= next) {
      gpu.set_slowdown(change->first, change->second);
      ++change;
    } else if (gpu.advance(next)) {
      return next;
    }
  }
}

TEST(GpuExecutor, StepTakesTheSumOfItsIterations) {
  const Piecewise model(2e-3, 0, endless);
  GpuExecutor gpu;
  EXPECT_EQ(gpu.next_date(), never);
  gpu.start(at_ns(1000), {.model = &model,
                          .shape = {{}, 4, Tokens{100}},
                          .iterations = 10,
                          .overhead = 1ms,
                          .factor = 1.5});
  EXPECT_TRUE(gpu.busy());
  EXPECT_EQ(gpu.next_date(), at_ns(40'001'000)) << "10 * (2 ms * 1.5 + 1 ms)";
  EXPECT_TRUE(gpu.advance(gpu.next_date()));
  EXPECT_EQ(gpu.iterations(), 10);
  EXPECT_FALSE(gpu.busy());
  EXPECT_EQ(gpu.next_date(), never);
  EXPECT_EQ(gpu.busy_time(at_ns(90'000'000)), Nanoseconds{40'000'000});
}

TEST(GpuExecutor, GrowthAddsUpAsAnArithmeticSeries) {
  const Piecewise model(1e-3, 1e-6, endless);
  GpuExecutor gpu;
  // Iteration i takes 1 ms + 1 us * (200 + 8 i); the sum over 100.
  gpu.start(at_ns(0), {.model = &model, .shape = {{}, 8, Tokens{200}}, .iterations = 100});
  EXPECT_EQ(run(gpu), at_ns(100 * 1'200'000 + 8 * 4950 * 1000));
  EXPECT_EQ(model.asked, 1);
}

TEST(GpuExecutor, PrefillTakesTheModelsTime) {
  const Piecewise model(1e-3, 0, endless);
  const std::vector<models::PrefillPart> parts = {{Tokens{300}, Tokens{0}},
                                                  {Tokens{200}, Tokens{9}}};
  GpuExecutor gpu;
  gpu.start(at_ns(0), {.model = &model, .shape = {parts, 0, Tokens{0}}});
  EXPECT_EQ(run(gpu), at_ns(6'000'000));
  EXPECT_THROW(
      gpu.start(at_ns(0), {.model = &model, .shape = {parts, 0, Tokens{0}}, .iterations = 2}),
      ContractViolation);
}

TEST(GpuExecutor, HeadStartIsWorkAlreadyDone) {
  const Piecewise model(5e-3, 0, endless);
  GpuExecutor gpu;
  gpu.start(at_ns(7'000'000), {.model = &model, .shape = {{}, 1, Tokens{1}}, .head_start = 3ms});
  EXPECT_EQ(gpu.began(), at_ns(4'000'000));
  EXPECT_EQ(run(gpu), at_ns(9'000'000));
}

TEST(GpuExecutor, CutEndsAtTheNextBoundary) {
  const Piecewise model(1e-3, 0, endless);
  const auto cut_at = [&](std::int64_t ns) {
    GpuExecutor gpu;
    gpu.start(at_ns(0), {.model = &model, .shape = {{}, 1, Tokens{1}}, .iterations = 10});
    gpu.cut(at_ns(ns));
    const Instant end = run(gpu);
    return std::pair(end.time_since_epoch().count(), gpu.iterations());
  };
  EXPECT_EQ(cut_at(0), std::pair(1'000'000L, 1L)) << "at least one iteration";
  EXPECT_EQ(cut_at(1), std::pair(1'000'000L, 1L));
  EXPECT_EQ(cut_at(3'000'000), std::pair(3'000'000L, 3L)) << "on a boundary: that one";
  EXPECT_EQ(cut_at(3'000'001), std::pair(4'000'000L, 4L));
  EXPECT_EQ(cut_at(10'000'000), std::pair(10'000'000L, 10L)) << "in its last nanosecond";
}

TEST(GpuExecutor, VersionChangesWithTheNextDateAndOnlyThen) {
  const Piecewise model(1e-3, 0, endless);
  GpuExecutor gpu;
  gpu.start(at_ns(0), {.model = &model, .shape = {{}, 1, Tokens{1}}, .iterations = 10});
  const std::uint64_t version = gpu.version();
  gpu.set_slowdown(at_ns(100), 0);
  EXPECT_EQ(gpu.version(), version);
  gpu.set_slowdown(at_ns(5'000'000), 1);
  EXPECT_NE(gpu.version(), version);
  EXPECT_EQ(gpu.next_date(), at_ns(15'000'000)) << "5 ms of work at half speed";
}

TEST(GpuExecutor, CopyInTheMiddleOfAnIterationSlowsWhatIsLeftOfIt) {
  const Piecewise model(10e-3, 0, endless);
  GpuExecutor gpu;
  gpu.start(at_ns(0), {.model = &model, .shape = {{}, 1, Tokens{1}}, .iterations = 3});
  // 14 ms of work by then; the copy lasts 8 ms, in which 6.4 ms of work are done.
  EXPECT_EQ(run(gpu, {}, {{at_ns(14'000'000), 0.25}, {at_ns(22'000'000), 0}}), at_ns(31'600'000));
}

TEST(GpuExecutor, CutUnderASlowdownKeepsBoundariesWhereTheyFall) {
  const Piecewise model(10e-3, 0, endless);
  GpuExecutor gpu;
  gpu.start(at_ns(0), {.model = &model, .shape = {{}, 1, Tokens{1}}, .iterations = 9});
  gpu.set_slowdown(at_ns(15'000'000), 1);
  gpu.cut(at_ns(20'000'000));
  EXPECT_EQ(gpu.next_date(), at_ns(25'000'000)) << "iteration 2 ends after 5 ms at half speed";
  EXPECT_EQ(gpu.iterations(), 2);
}

TEST(GpuExecutor, AsksTheModelLittleMoreThanACutLeapNeeds) {
  const Piecewise model(1e-3, 1e-9, 10);  // 10 iterations a piece
  GpuExecutor gpu;
  gpu.start(at_ns(0), {.model = &model, .shape = {{}, 1, Tokens{0}}, .iterations = 10'000});
  gpu.cut(at_ns(2'500'000));
  run(gpu);
  EXPECT_EQ(gpu.iterations(), 3);
  EXPECT_EQ(model.asked, 1) << "of 1000 pieces";
}

TEST(GpuExecutor, RefusesASecondStepAtOnce) {
  const Piecewise model(1e-3, 0, endless);
  GpuExecutor gpu;
  const StepPlan plan{.model = &model, .shape = {{}, 1, Tokens{1}}};
  gpu.start(at_ns(0), plan);
  EXPECT_THROW(gpu.start(at_ns(5), plan), ContractViolation);
  EXPECT_THROW(gpu.advance(at_ns(5)), ContractViolation);
}

class GpuExecutorProperty : public ::testing::TestWithParam<unsigned> {};

// Property: a leap ends when as many single iterations would, to 1 ns an iteration, whatever copies
// do meanwhile; and a cut ends it at one of their boundaries.
TEST_P(GpuExecutorProperty, LeapAgreesWithSingleIterations) {
  Random random(GetParam());
  const Piecewise model(1e-3 * (1 + random.uniform()), 1e-9 * random.uniform(),
                        static_cast<std::int64_t>(50 + random.below(3000)));
  const auto decodes = static_cast<std::int64_t>(1 + random.below(40));
  const auto iterations = static_cast<std::int64_t>(1 + random.below(400));
  const Tokens context{static_cast<std::int64_t>(random.below(100'000))};
  const Instant start{Nanoseconds{static_cast<std::int64_t>(random.below(1'000'000'000))}};
  const double factor = 0.5 + random.uniform();
  const Seconds overhead{1e-4 * random.uniform()};
  std::map<Instant, double> slowdowns;
  for (std::uint64_t i = random.below(12); i > 0; --i) {
    const Seconds when{random.uniform() * 1e-3 * static_cast<double>(iterations)};
    slowdowns[start + to_nanoseconds(when)] = i % 2 == 0 ? 0.0 : random.uniform();
  }

  std::vector<Instant> boundaries;
  GpuExecutor stepped;
  Instant now = start;
  for (std::int64_t i = 0; i < iterations; ++i) {
    const Tokens grown{context.count() + i * decodes};
    stepped.start(
        now,
        {.model = &model, .shape = {{}, decodes, grown}, .overhead = overhead, .factor = factor});
    now = run(stepped, now, slowdowns);
    boundaries.push_back(now);
  }

  const StepPlan leap{.model = &model,
                      .shape = {{}, decodes, context},
                      .iterations = iterations,
                      .overhead = overhead,
                      .factor = factor};
  GpuExecutor leapt;
  leapt.start(start, leap);
  const Instant end = run(leapt, start, slowdowns);
  EXPECT_LE(std::chrono::abs(end - now).count(), iterations);
  EXPECT_EQ(leapt.busy_time(end), end - start);
  EXPECT_LE(std::chrono::abs(stepped.busy_time(now) - leapt.busy_time(end)).count(), iterations);

  // Cut somewhere; with everything that happens before.
  const Instant cut = start + Nanoseconds{static_cast<std::int64_t>(
                                  random.uniform() * static_cast<double>((now - start).count()))};
  GpuExecutor shortened;
  shortened.start(start, leap);
  auto change = slowdowns.upper_bound(start);
  while (shortened.next_date() < cut || (change != slowdowns.end() && change->first <= cut)) {
    if (change != slowdowns.end() && change->first <= shortened.next_date()) {
      shortened.set_slowdown(change->first, change->second);
      ++change;
    } else {
      ASSERT_FALSE(shortened.advance(shortened.next_date()));
    }
  }
  shortened.cut(cut);
  const Instant short_end = run(shortened, cut, slowdowns);
  const auto done = static_cast<std::size_t>(shortened.iterations());
  ASSERT_GE(done, 1U);
  ASSERT_LE(done, boundaries.size());
  EXPECT_LE(std::chrono::abs(short_end - boundaries[done - 1]).count(), iterations);
  EXPECT_GE(short_end, cut);
  if (done > 1) {
    EXPECT_LT(boundaries[done - 2], cut + Nanoseconds{iterations});
  }
}

INSTANTIATE_TEST_SUITE_P(Seed, GpuExecutorProperty, ::testing::Range(0U, 200U));

}  // namespace
}  // namespace calvo::sim
