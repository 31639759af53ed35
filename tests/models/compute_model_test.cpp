#include <array>
#include <cmath>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/contract.hpp"
#include "core/random.hpp"
#include "models/linear_compute_model.hpp"
#include "tests/models/shipped.hpp"

namespace calvo::models {
namespace {

using testing::compute_model;

// A roofline GPU: no tables at all.
GpuSpec without_tables() {
  GpuSpec spec = testing::gpu("H100");
  spec.kernel_tables.clear();
  return spec;
}

struct Subject {
  std::string name;
  std::shared_ptr<const ComputeModel> model;
};

// GQA, MoE, MLA by table, MLA by roofline, sliding windows, split over GPUs, no tables, straight
// lines.
std::vector<Subject> subjects() {
  std::vector<Subject> all;
  for (const auto& [name, gpu, split] :
       std::vector<std::tuple<std::string, std::string, std::int32_t>>{
           {"Llama-3.1-8B", "H100", 1},
           {"Qwen2.5-14B", "H200", 2},
           {"Qwen3-30B-A3B", "B200", 1},
           {"DeepSeek-V3", "H200", 8},
           {"GLM-5", "B200", 8},
           {"gpt-oss-120b", "H100", 4}}) {
    all.push_back({name, compute_model(testing::model(name), testing::gpu(gpu), split, 1.17)});
  }
  all.push_back({"roofline", compute_model(testing::model("Llama-3.1-8B"), without_tables(), 1)});
  all.push_back({"linear", std::make_shared<LinearComputeModel>(
                               LinearComputeModel::Options{.prefill_fixed = Seconds{8e-3},
                                                           .per_token = Seconds{20e-6},
                                                           .per_pair = Seconds{1e-10},
                                                           .decode_fixed = Seconds{6e-3},
                                                           .per_sequence = Seconds{30e-6},
                                                           .per_context_token = Seconds{2e-8},
                                                           .layers = 32})});
  return all;
}

class ComputeModelProperty : public ::testing::TestWithParam<int> {};

TEST_P(ComputeModelProperty, EveryIterationOfALeapTakesWhatItWouldTakeAlone) {
  Random random(static_cast<std::uint64_t>(GetParam()));
  for (const Subject& subject : subjects()) {
    const auto batch = static_cast<std::int64_t>(1 + random.below(300));
    const auto context = batch * static_cast<std::int64_t>(random.below(40000)) +
                         static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(batch)));
    const StepTime leap = subject.model->step({{}, batch, Tokens{context}});
    ASSERT_GE(leap.valid, 1) << subject.name;
    const std::int64_t last = std::min<std::int64_t>(leap.valid, 100000) - 1;
    for (const std::int64_t i : {std::int64_t{0}, last / 3, last / 2, last}) {
      const StepTime alone = subject.model->step({{}, batch, Tokens{context + i * batch}});
      EXPECT_NEAR((leap.first + static_cast<double>(i) * leap.growth).count(), alone.first.count(),
                  1e-10)
          << subject.name << " batch " << batch << " context " << context << " iteration " << i;
    }
  }
}

TEST_P(ComputeModelProperty, MoreWorkNeverTakesLess) {
  Random random(static_cast<std::uint64_t>(GetParam()));
  for (const Subject& subject : subjects()) {
    const Tokens new_tokens{static_cast<std::int64_t>(1 + random.below(20000))};
    const Tokens context{static_cast<std::int64_t>(random.below(100000))};
    const Tokens more{static_cast<std::int64_t>(1 + random.below(5000))};
    const Seconds base = subject.model->prefill(new_tokens, context);
    EXPECT_GT(base.count(), 0) << subject.name;
    EXPECT_LE(base, subject.model->prefill(new_tokens + more, context)) << subject.name;
    EXPECT_LE(base, subject.model->prefill(new_tokens, context + more)) << subject.name;

    const auto batch = static_cast<std::int64_t>(1 + random.below(256));
    const Tokens cached{batch * static_cast<std::int64_t>(random.below(30000))};
    const Seconds decode = subject.model->step({{}, batch, cached}).first;
    EXPECT_LE(decode, subject.model->step({{}, batch, cached + more}).first) << subject.name;
    const Tokens mean{cached.count() / batch};
    EXPECT_LE(decode, subject.model->step({{}, batch + 1, cached + mean}).first) << subject.name;

    const PrefillPart part{new_tokens, context};
    const Seconds mixed = subject.model->step({{&part, 1}, batch, cached}).first;
    EXPECT_GE(mixed, std::max(base, decode)) << subject.name;
    EXPECT_LE(mixed.count(), (base + decode).count() * (1 + 1e-12)) << subject.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Seed, ComputeModelProperty, ::testing::Range(0, 50));

TEST(TableComputeModel, LoneLayerKernelsAddUpToTheMeasuredTimes) {
  // Llama-3.1-8B on one H100, 4096 tokens: 6144 x 4096 and 4096 x 4096 are measured shapes, the
  // FFN's lie between 12288 and 16384, and between 16384 and 51200.
  const KernelTables& tables = testing::tables_of("h100");
  const auto measured = [](const WideTable& table, const std::vector<std::int64_t>& key, double x) {
    for (const WideTable::Row& row : table.rows) {
      for (std::size_t i = 0; row.key == key && i < row.x.size(); ++i) {
        if (row.x[i] == x) return row.seconds[i];
      }
    }
    return std::nan("");
  };
  const auto between = [&](std::int64_t n0, std::int64_t n1, double n, std::int64_t k, bool swap,
                           double m) {
    const double part = std::log(n / static_cast<double>(n0)) /
                        std::log(static_cast<double>(n1) / static_cast<double>(n0));
    const auto at = [&](std::int64_t a) {
      return std::log(measured(tables.gemm, swap ? std::vector{k, a} : std::vector{a, k}, m));
    };
    return std::exp((1 - part) * at(n0) + part * at(n1));
  };
  const double layer = measured(tables.gemm, {6144, 4096}, 4096) +
                       measured(tables.gemm, {4096, 4096}, 4096) +
                       between(16384, 51200, 28672, 4096, false, 4096) +
                       between(12288, 16384, 14336, 4096, true, 4096) +
                       measured(tables.context, {32, 8, 128, 0, 1}, 4096);
  const double vocabulary = 128256.0 / 65536 * measured(tables.gemm, {65536, 4096}, 1);
  const auto model = compute_model(testing::model("Llama-3.1-8B"), testing::gpu("H100"), 1);
  EXPECT_NEAR(model->prefill(Tokens{4096}, Tokens{0}).count(), 32 * layer + vocabulary,
              0.004 * 32 * layer);  // noise: larger sizes that measured faster are averaged
}

TEST(TableComputeModel, DecodeAttentionIsTheMeasuredOneAtMeasuredPoints) {
  const auto model = compute_model(testing::model("Llama-3.1-8B"), testing::gpu("H100"), 1);
  const auto at = [&](std::int64_t kv) {
    return model->step({{}, 8, Tokens{8 * kv}}).first.count();
  };
  // From 2047 to 8191 cached tokens eight sequences go from 40.443 to 100.49 us a layer.
  EXPECT_NEAR(at(8191) - at(2047), 32 * (100.49e-6 - 40.443e-6), 1e-9);
  const StepTime step = model->step({{}, 8, Tokens{8 * 2047}});
  EXPECT_EQ(step.valid, 4095 - 2047 + 1);
}

TEST(TableComputeModel, EqualPromptsOfAStepTakeTheMeasuredBatch) {
  const auto model = compute_model(testing::model("Llama-3.1-8B"), testing::gpu("H100"), 1);
  const std::array<PrefillPart, 4> parts{{{Tokens{1024}, Tokens{0}},
                                          {Tokens{1024}, Tokens{0}},
                                          {Tokens{1024}, Tokens{0}},
                                          {Tokens{1024}, Tokens{0}}}};
  const double four = model->step({parts, 0, Tokens{0}}).first.count();
  const double one = model->step({std::span(parts).first(1), 0, Tokens{0}}).first.count();
  // Same GEMMs as a prompt of 4096; attention of batch 4 at 1024, from the table: 121.39 us.
  const double gemms = model->prefill(Tokens{4096}, Tokens{0}).count() - 32 * 264.31e-6;
  EXPECT_NEAR(four - gemms, 32 * 121.39e-6, 20e-6);  // the vocabulary's GEMM has four rows
  EXPECT_LT(four, 4 * one);
}

TEST(TableComputeModel, OverheadMultipliesEverything) {
  const ModelShape& shape = testing::model("DeepSeek-V3");
  const auto plain = compute_model(shape, testing::gpu("H200"), 8);
  const auto slow = compute_model(shape, testing::gpu("H200"), 8, 1.5);
  const PrefillPart part{Tokens{700}, Tokens{9000}};
  const StepShape mixed{{&part, 1}, 5, Tokens{12345}};
  EXPECT_NEAR(slow->step(mixed).first / plain->step(mixed).first, 1.5, 1e-12);
  EXPECT_NEAR(slow->step(mixed).growth / plain->step(mixed).growth, 1.5, 1e-12);
}

TEST(TableComputeModel, EveryModelOfTheCatalogueRunsOnEveryGpu) {
  for (const ModelShape& shape : testing::catalogue().models) {
    if (shape.params_billion < 0.1) continue;  // made for a CPU: a GPU only launches kernels
    for (const GpuSpec& gpu : testing::catalogue().gpus) {
      if (gpu.kernel_tables.empty()) continue;
      double before = 1e9;
      for (const std::int32_t split : {1, 2, 4, 8}) {
        if (split_problem(shape, split)) continue;
        const auto model = compute_model(shape, gpu, split);
        const double prefill = model->prefill(Tokens{8192}, Tokens{0}).count();
        EXPECT_LT(prefill, before) << shape.name << " on " << split << " " << gpu.name;
        // Between a tenth and all of the peak: 2 flops a weight and token, at least.
        const double peak =
            2 * 8192 * shape.active_params_billion * 1e9 / (gpu.bf16.count() * split);
        EXPECT_GT(prefill, peak) << shape.name << " on " << split << " " << gpu.name;
        EXPECT_LT(prefill, 16 * peak) << shape.name << " on " << split << " " << gpu.name;
        before = prefill;
      }
    }
  }
}

TEST(TableComputeModel, SaysWhichPartsAreMeasured) {
  const auto model = compute_model(testing::model("GLM-5"), testing::gpu("H100"), 8);
  std::string text;
  for (const PartSource& part : model->sources()) text += part.part + ": " + part.source + "; ";
  EXPECT_EQ(text,
            "attention (MLA): roofline; experts: roofline; all-reduce: tables; gemm: tables; ");
}

TEST(SplitProblem, NamesTheHeads) {
  EXPECT_EQ(split_problem(testing::model("Llama-3.1-8B"), 8), std::nullopt);
  EXPECT_EQ(split_problem(testing::model("Qwen2.5-7B"), 8),
            "\"8\" does not divide the 28 attention heads of Qwen2.5-7B");
  EXPECT_EQ(split_problem(testing::model("Llama-3.1-8B"), 0),
            "\"0\" is out of range (must be at least 1)");
}

TEST(LinearComputeModel, IsItsFormula) {
  const LinearComputeModel model({.prefill_fixed = Seconds{10e-3},
                                  .per_token = Seconds{20e-6},
                                  .per_pair = Seconds{1e-9},
                                  .decode_fixed = Seconds{6e-3},
                                  .per_sequence = Seconds{50e-6},
                                  .per_context_token = Seconds{2e-8},
                                  .layers = 32});
  EXPECT_DOUBLE_EQ(model.prefill(Tokens{100}, Tokens{1000}).count(),
                   10e-3 + 100 * 20e-6 + 100 * 1050 * 1e-9);
  const StepTime decode = model.step({{}, 4, Tokens{8000}});
  EXPECT_DOUBLE_EQ(decode.first.count(), 6e-3 + 4 * 50e-6 + 8000 * 2e-8);
  EXPECT_DOUBLE_EQ(decode.growth.count(), 4 * 2e-8);
  EXPECT_THROW(model.step({{}, 0, Tokens{0}}), ContractViolation);
}

}  // namespace
}  // namespace calvo::models
