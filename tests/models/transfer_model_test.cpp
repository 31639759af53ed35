#include <gtest/gtest.h>

#include "core/contract.hpp"
#include "core/random.hpp"
#include "tests/models/shipped.hpp"

namespace calvo::models {
namespace {

using namespace calvo::literals;

TEST(TransferModel, IsLatencyPlusOperationsTimesTheirCost) {
  const TransferModel link{.latency = Seconds{5e-6},
                           .per_operation = Seconds{3.5e-6},
                           .bandwidth = 50_GBps,
                           .curve = {}};
  EXPECT_DOUBLE_EQ(link.time(Bytes{1'000'000}, 10).count(), 5e-6 + 10 * (3.5e-6 + 20e-6));
  EXPECT_DOUBLE_EQ(link.rate(Bytes{1'000'000}).count(), 1e6 / 23.5e-6);
  EXPECT_EQ(link.time(Bytes{1'000'000}, 0), Seconds{0});
}

TEST(TransferModel, CurveBoundsTheRateFromAbove) {
  const TransferModel link{.latency = Seconds{0},
                           .per_operation = Seconds{0},
                           .bandwidth = 50_GBps,
                           .curve = {{64_KiB, 10_GBps}, {256_KiB, 30_GBps}, {1_MiB, 90_GBps}}};
  EXPECT_DOUBLE_EQ(link.rate(16_KiB).count(), 10e9);   // below the curve: its first point
  EXPECT_DOUBLE_EQ(link.rate(128_KiB).count(), 20e9);  // half way in log(size)
  EXPECT_DOUBLE_EQ(link.rate(256_KiB).count(), 30e9);
  EXPECT_DOUBLE_EQ(link.rate(1_MiB).count(), 50e9);  // the law is lower
}

TEST(TransferModel, RefusesAnEmptyOperation) {
  const TransferModel link{.latency = {}, .per_operation = {}, .bandwidth = 1_GBps, .curve = {}};
  EXPECT_THROW(link.time(Bytes{0}, 1), ContractViolation);
}

class TransferModelProperty : public ::testing::TestWithParam<int> {};

TEST_P(TransferModelProperty, LargerTransfersTakeLongerOnEveryShippedLink) {
  Random random(static_cast<std::uint64_t>(GetParam()));
  std::vector<TransferModel> links;
  for (const GpuSpec& gpu : testing::catalogue().gpus) links.push_back(gpu.pcie);
  for (const auto* kinds :
       {&testing::catalogue().nics, &testing::catalogue().pcie, &testing::catalogue().storage}) {
    for (const LinkKind& kind : *kinds) links.push_back(kind.link);
  }
  for (const TransferModel& link : links) {
    const Bytes size{static_cast<std::int64_t>(1 + random.below(64 << 20))};
    const auto operations = static_cast<std::int64_t>(1 + random.below(1000));
    EXPECT_LT(link.time(size, operations), link.time(size, operations + 1));
    const Bytes larger{size.count() + size.count() / 10 + 1};
    EXPECT_LE(link.time(size, operations), link.time(larger, operations));
    EXPECT_LE(link.rate(size), link.bandwidth);
  }
}

INSTANTIATE_TEST_SUITE_P(Seed, TransferModelProperty, ::testing::Range(0, 50));

}  // namespace
}  // namespace calvo::models
