#include <cmath>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "core/random.hpp"
#include "models/linear_compute_model.hpp"
#include "models/linear_cost.hpp"
#include "models/rich_cost.hpp"
#include "models/wrong_cost.hpp"
#include "tests/models/shipped.hpp"

namespace calvo::models {
namespace {

using namespace calvo::literals;

Work work(std::int64_t remote, std::int64_t compute, std::int64_t host = 0) {
  return {Tokens{remote}, Tokens{host}, Tokens{0}, Tokens{compute}};
}

TEST(LinearCost, IsTwoStraightLines) {
  const LinearCost cost({.load_per_token = Seconds{12e-6},
                         .load_fixed = Seconds{4e-3},
                         .compute_per_token = Seconds{30e-6},
                         .compute_fixed = Seconds{18e-3}});
  EXPECT_DOUBLE_EQ(cost.load(work(1000, 5, 500)).count(), 1500 * 12e-6 + 4e-3);
  EXPECT_EQ(cost.load(work(0, 5)), Seconds{0});
  EXPECT_DOUBLE_EQ(cost.compute(work(1000, 5)).count(), 5 * 30e-6 + 18e-3);
}

LoadPath path_of_llama() {
  LoadPath path;
  path.network = testing::catalogue().find_nic("rdma_400g")->link;
  path.pcie = testing::gpu("H100").pcie;
  path.block_tokens = Tokens{256};
  path.block_bytes = Bytes{256 * 131072};
  return path;
}

RichCost rich_cost(LoadOverlap overlap) {
  return {path_of_llama(),
          testing::compute_model(testing::model("Llama-3.1-8B"), testing::gpu("H100"), 1, 1.165),
          overlap};
}

TEST(RichCost, PipelinedLoadIsTheSlowerStageAndSerialTheSum) {
  const LoadPath path = path_of_llama();
  const BlockTimes each = block_times(path);
  const RichCost pipelined = rich_cost(LoadOverlap::pipelined);
  const RichCost serial = rich_cost(LoadOverlap::serial);
  const Work load = work(28160, 28);  // 110 blocks
  EXPECT_NEAR(pipelined.load(load).count(),
              path.network.latency.count() + path.pcie.latency.count() +
                  110 * std::max(each.network, each.pcie).count() +
                  std::min(each.network, each.pcie).count(),
              1e-12);
  EXPECT_NEAR(serial.load(load).count(),
              path.network.latency.count() + path.pcie.latency.count() +
                  110 * (each.network + each.pcie).count(),
              1e-12);
  EXPECT_EQ(pipelined.load(work(0, 10)), Seconds{0});
  // CALVO's regime: loading 28 K tokens over 400 Gbit/s and PCIe 5 takes some 80 ms, 28 new tokens
  // a tenth of that.
  EXPECT_NEAR(pipelined.load(load).count(), 0.077, 0.008);
  EXPECT_NEAR(pipelined.compute(load).count(), 0.010, 0.003);
}

TEST(FitLinearCost, FindsLinesThatAreThereDespiteOddSamples) {
  const LinearCost truth({.load_per_token = Seconds{3e-6},
                          .load_fixed = Seconds{2e-3},
                          .compute_per_token = Seconds{25e-6},
                          .compute_fixed = Seconds{7e-3}});
  const LinearFit fit = fit_linear_cost(truth, profile_grid(Tokens{65536}));
  EXPECT_NEAR(fit.options.load_per_token.count(), 3e-6, 1e-12);
  EXPECT_NEAR(fit.options.load_fixed.count(), 2e-3, 1e-9);
  EXPECT_NEAR(fit.options.compute_per_token.count(), 25e-6, 1e-12);
  EXPECT_NEAR(fit.options.compute_fixed.count(), 7e-3, 1e-9);
  EXPECT_LT(fit.load_worst, 1e-6);
  EXPECT_LT(fit.compute_worst, 1e-6);

  // One sample in twenty takes three times as long.
  class Odd final : public CostModel {
  public:
    explicit Odd(const LinearCost& base) : base_(base) {}
    Seconds load(const Work& w) const override { return factor(w) * base_.load(w); }
    Seconds compute(const Work& w) const override { return factor(w) * base_.compute(w); }

  private:
    static double factor(const Work& w) {
      return Random(static_cast<std::uint64_t>(w.remote.count() * 8191 + w.compute.count()))
                         .uniform() < 0.05
                 ? 3
                 : 1;
    }
    const LinearCost& base_;
  };
  const LinearFit robust = fit_linear_cost(Odd(truth), profile_grid(Tokens{65536}));
  EXPECT_NEAR(robust.options.load_per_token.count(), 3e-6, 0.05e-6);
  EXPECT_NEAR(robust.options.compute_per_token.count(), 25e-6, 0.5e-6);
  EXPECT_GT(robust.load_worst, 0.5);
}

TEST(FitLinearCost, SaysHowFarTheRichModelIsFromLines) {
  const LinearFit fit =
      fit_linear_cost(rich_cost(LoadOverlap::pipelined), profile_grid(Tokens{65536}));
  // Loading is linear. Computing is not: attention grows with the context, which a line in the new
  // tokens alone cannot see.
  EXPECT_LT(fit.load_worst, 0.01);
  EXPECT_GT(fit.compute_rms, 0.05);
  EXPECT_LT(fit.compute_rms, 0.6);
  EXPECT_GT(fit.options.compute_fixed, Seconds{0});
}

TEST(FitLinearCost, NeverFallsAndNeverStartsBelowZero) {
  class Falling final : public CostModel {
  public:
    Seconds load(const Work& w) const override {
      return Seconds{1.0 / static_cast<double>(1 + w.remote.count())};
    }
    Seconds compute(const Work& w) const override {
      const auto n = static_cast<double>(w.compute.count());
      return Seconds{1e-9 * n * n};
    }
  };
  const LinearFit fit = fit_linear_cost(Falling{}, profile_grid(Tokens{8192}));
  EXPECT_GE(fit.options.load_per_token, Seconds{0});
  EXPECT_GE(fit.options.load_fixed, Seconds{0});
  EXPECT_GE(fit.options.compute_per_token, Seconds{0});
  EXPECT_GE(fit.options.compute_fixed, Seconds{0});
}

TEST(ScrambledCost, HasNothingToDoWithTheWorkAndIsTheSameForTheSameSeed) {
  const ScrambledCost cost(7);
  const ScrambledCost same(7);
  const ScrambledCost other(8);
  int inversions = 0;
  double sum = 0;
  for (std::int64_t tokens = 1; tokens <= 1000; ++tokens) {
    const Work small = work(100 * tokens, tokens);
    const Work large = work(100 * (tokens + 1), tokens + 1);
    EXPECT_EQ(cost.compute(small), same.compute(small));
    EXPECT_NE(cost.compute(small), other.compute(small));
    EXPECT_GT(cost.load(small), Seconds{0});
    inversions += cost.compute(small) > cost.compute(large) ? 1 : 0;
    sum += cost.compute(small).count();
  }
  EXPECT_NEAR(inversions, 500, 50);
  EXPECT_NEAR(sum / 1000, 0.5, 0.05);
  EXPECT_EQ(cost.load(work(0, 5)), Seconds{0});
}

TEST(PerturbedCost, ErrsByItsSpreadAroundItsBias) {
  const auto base =
      std::make_shared<LinearCost>(LinearCost::Options{.load_per_token = Seconds{1e-6},
                                                       .load_fixed = Seconds{1e-3},
                                                       .compute_per_token = Seconds{1e-5},
                                                       .compute_fixed = Seconds{1e-3}});
  const PerturbedCost exact(base, {});
  const PerturbedCost wrong(base, {.bias = 2, .spread = 0.3, .seed = 5});
  double sum = 0;
  double squares = 0;
  for (std::int64_t i = 1; i <= 4000; ++i) {
    const Work each = work(i * 10, i);
    EXPECT_EQ(exact.load(each), base->load(each));
    EXPECT_EQ(wrong.load(each), wrong.load(each));
    const double log_error = std::log(wrong.compute(each) / base->compute(each) / 2);
    sum += log_error;
    squares += log_error * log_error;
  }
  EXPECT_NEAR(sum / 4000, 0, 0.02);
  EXPECT_NEAR(std::sqrt(squares / 4000), 0.3, 0.02);
}

}  // namespace
}  // namespace calvo::models
