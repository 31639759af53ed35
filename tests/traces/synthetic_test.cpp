#include "traces/synthetic.hpp"

#include <cmath>
#include <map>

#include <gtest/gtest.h>

#include "tests/traces/files.hpp"

namespace calvo::traces {
namespace {

LengthDistribution fixed(double mean) {
  LengthDistribution lengths;
  lengths.mean = mean;
  return lengths;
}

SyntheticOptions plain(std::int64_t count) {
  SyntheticOptions options;
  options.count = count;
  options.context = fixed(1000);
  options.query = fixed(24);
  options.output = fixed(40);
  return options;
}

std::int64_t stored_blocks(const Plan& plan) {
  std::int64_t blocks = 0;
  for (const BlockRun& run : plan.stored) blocks += run.count;
  return blocks;
}

TEST(Synthetic, GivesEachRequestAContextOfItsOwn) {
  const Plan plan = plan_synthetic(plain(10), Tokens{100}, 1);
  ASSERT_EQ(plan.requests.size(), 10U);
  std::map<std::uint64_t, int> users;
  for (const RequestSpec& request : plan.requests) {
    EXPECT_EQ(request.input, Tokens{1024});
    EXPECT_EQ(request.output, Tokens{40});
    EXPECT_EQ(request.prompt_blocks, 10);
    EXPECT_EQ(request.pool_hit_blocks, 0);
    for (const BlockRun& run : request.blocks) {
      for (int i = 0; i < run.count; ++i) ++users[raw(block_of(run, i))];
    }
  }
  for (const auto& [id, count] : users) EXPECT_EQ(count, 1) << id;
  EXPECT_TRUE(plan.stored.empty());
}

TEST(Synthetic, StoresTheWholeBlocksOfTheHitFraction) {
  SyntheticOptions options = plain(10);
  options.hit_fractions = {0.55};
  const Plan plan = plan_synthetic(options, Tokens{100}, 1);
  for (const RequestSpec& request : plan.requests) EXPECT_EQ(request.pool_hit_blocks, 5);
  EXPECT_EQ(stored_blocks(plan), 50);
}

TEST(Synthetic, DrawsHitFractionsFromTheList) {
  SyntheticOptions options = plain(4000);
  options.hit_fractions = {0.25, 0.5, 0.75, 1.0};
  const Plan plan = plan_synthetic(options, Tokens{10}, 1);
  std::map<std::int32_t, int> counts;
  for (const RequestSpec& request : plan.requests) ++counts[request.pool_hit_blocks];
  ASSERT_EQ(counts.size(), 4U);
  for (const std::int32_t hit : {25, 50, 75, 100}) EXPECT_NEAR(counts[hit], 1000, 120) << hit;
}

TEST(Synthetic, SharesThePrefixAndDrawnContexts) {
  SyntheticOptions options = plain(200);
  options.shared_prefix = fixed(500);
  options.contexts = 3;
  const Plan plan = plan_synthetic(options, Tokens{100}, 1);
  std::map<std::uint64_t, int> contexts;
  EXPECT_EQ(plan.requests[0].pool_hit_blocks, 0);
  for (const RequestSpec& request : plan.requests) {
    EXPECT_EQ(raw(request.blocks[0].first), 0U);
    if (request.id != RequestId{0}) {
      EXPECT_GE(request.pool_hit_blocks, 5);
      if (request.pool_hit_blocks == 15) ++contexts[15];
    }
  }
  EXPECT_EQ(contexts[15], 197);  // each context is new once
}

TEST(Synthetic, KeepsLengthsWhenOnlyTheArrivalsChange) {
  SyntheticOptions options = plain(50);
  options.context.kind = LengthKind::lognormal;
  options.context.cv = 1;
  const Plan a = plan_synthetic(options, Tokens{16}, 1);
  options.arrival.rate = 5;
  const Plan b = plan_synthetic(options, Tokens{16}, 1);
  const Plan c = plan_synthetic(options, Tokens{16}, 2);
  EXPECT_NE(a.earliest, b.earliest);
  bool differs = false;
  for (std::size_t i = 0; i < 50; ++i) {
    EXPECT_EQ(a.requests[i].input, b.requests[i].input);
    differs = differs || a.requests[i].input != c.requests[i].input;
  }
  EXPECT_TRUE(differs);
}

TEST(Synthetic, StopsAtItsDuration) {
  SyntheticOptions options = plain(0);
  options.duration_s = 1000;
  options.arrival.rate = 2;
  const Plan plan = plan_synthetic(options, Tokens{16}, 1);
  EXPECT_NEAR(static_cast<double>(plan.requests.size()), 2000, 200);
  EXPECT_LT(to_seconds(plan.earliest.back()).count(), 1000);
}

TEST(Synthetic, DrawsUniformAndEmpiricalLengthsWithinBounds) {
  SyntheticOptions options = plain(2000);
  options.query.kind = LengthKind::uniform;
  options.query.low = Tokens{5};
  options.query.high = Tokens{7};
  options.output.kind = LengthKind::empirical;
  options.output.values = {3, 9};
  std::map<std::int64_t, int> queries;
  std::map<std::int64_t, int> outputs;
  for (const RequestSpec& request : plan_synthetic(options, Tokens{16}, 1).requests) {
    ++queries[request.input.count() - 1000];
    ++outputs[request.output.count()];
  }
  EXPECT_EQ(queries.size(), 3U);
  EXPECT_EQ(queries.begin()->first, 5);
  EXPECT_EQ(queries.rbegin()->first, 7);
  EXPECT_EQ(outputs.size(), 2U);
  EXPECT_NEAR(outputs[3], 1000, 120);
}

TEST(Synthetic, DrawsLengthsFromATrace) {
  SyntheticOptions options = plain(5000);
  options.output.kind = LengthKind::empirical;
  options.output.file = shipped("AzureLLMInferenceTrace_code.csv.gz");
  options.output.column = LengthColumn::output;
  double sum = 0;
  for (const RequestSpec& request : plan_synthetic(options, Tokens{16}, 1).requests) {
    sum += static_cast<double>(request.output.count());
  }
  EXPECT_NEAR(sum / 5000, 27.9, 3);
}

struct Table {
  CalvoDataset dataset;
  std::size_t requests;
  double context;
  double query;
};

std::string name_of(const ::testing::TestParamInfo<Table>& param) {
  switch (param.param.dataset) {
    case CalvoDataset::loogle:
      return "LooGle";
    case CalvoDataset::icl:
      return "Icl";
    case CalvoDataset::code:
      break;
  }
  return "Code";
}

class CalvoWorkload : public ::testing::TestWithParam<Table> {};

TEST_P(CalvoWorkload, HasThePublishedShape) {
  SyntheticOptions options = calvo_workload(GetParam().dataset);
  EXPECT_EQ(static_cast<std::size_t>(options.count), GetParam().requests);
  options.count = 5000;
  const Plan plan = plan_synthetic(options, Tokens{256}, 1);
  double sum = 0;
  double squares = 0;
  for (const RequestSpec& request : plan.requests) {
    const double context = static_cast<double>(request.input.count()) - GetParam().query;
    sum += context;
    squares += context * context;
    ASSERT_EQ(request.pool_hit_blocks, static_cast<std::int32_t>(context) / 256);
  }
  const double mean = sum / 5000;
  EXPECT_NEAR(mean, GetParam().context, 0.02 * GetParam().context);
  EXPECT_NEAR(std::sqrt(squares / 5000 - mean * mean) / mean, 0.35, 0.02);
}

INSTANTIATE_TEST_SUITE_P(Paper, CalvoWorkload,
                         ::testing::Values(Table{CalvoDataset::loogle, 120, 28'100, 28},
                                           Table{CalvoDataset::icl, 120, 28'300, 61},
                                           Table{CalvoDataset::code, 100, 38'300, 209}),
                         name_of);

TEST(InlineRequests, ComeAsWrittenInOrderOfDate) {
  const std::vector<InlineRequest> requests = {{2.5, Tokens{1000}, Tokens{1}, Tokens{9}},
                                               {0, Tokens{300}, Tokens{50}, Tokens{1}},
                                               {0, Tokens{0}, Tokens{64}, Tokens{1}}};
  const Plan plan = plan_requests(requests, Tokens{64});
  ASSERT_EQ(plan.requests.size(), 3U);
  EXPECT_EQ(plan.requests[0].input, Tokens{350});
  EXPECT_EQ(plan.requests[0].prompt_blocks, 5);
  EXPECT_EQ(plan.requests[0].pool_hit_blocks, 4);  // 300 tokens hold 4 whole blocks of 64
  EXPECT_EQ(plan.requests[1].pool_hit_blocks, 0);
  EXPECT_EQ(plan.requests[2].pool_hit_blocks, 15);
  EXPECT_EQ(plan.earliest[2], Nanoseconds{2'500'000'000});
  EXPECT_EQ(stored_blocks(plan), 19);
}

}  // namespace
}  // namespace calvo::traces
