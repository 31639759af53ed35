#include "realrun/devices/cuda/cuda_device.hpp"

#include <algorithm>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/contract.hpp"
#include "core/input_error.hpp"
#include "tests/gpu/devices/cuda_shapes.hpp"
#include "tests/realrun/devices/device_under_test.hpp"

namespace calvo::realrun {
namespace {

using testing::bf16_tolerance;
using testing::compute;
using testing::make;
using testing::options_under_test;
using testing::random_tokens;
using testing::relative_distance;
using testing::shuffled;
using testing::vocab;

std::string refusal_of(const DeviceOptions& options) {
  try {
    make(options);
  } catch (const InputError& error) {
    return error.what();
  }
  return "accepted";
}

class AgainstTheHost : public ::testing::TestWithParam<std::int32_t> {
protected:
  static DeviceOptions options(std::int64_t pages) {
    DeviceOptions result = options_under_test(16, pages);
    result.shape = testing::gpu_shape(GetParam());
    result.host_bytes = pages * page_bytes(result);
    return result;
  }
};

TEST_P(AgainstTheHost, PromptsAndDecodesHaveItsLogits) {
  const DeviceOptions both = options(24);
  const auto gpu = make(both);
  const auto host = device("host").make(both);
  for (const std::int64_t length : {1, 2, 5, 60, 64, 129, 300}) {
    SCOPED_TRACE(length);
    const std::vector<std::int32_t> tokens =
        random_tokens(static_cast<std::uint64_t>(length), length + 8, vocab());
    const std::span<const std::int32_t> all = tokens;
    const std::vector<std::int32_t> pages = shuffled(3, 0, 24);
    const auto count = static_cast<std::size_t>(length);
    const auto expect_same = [&](std::span<const std::int32_t> fresh, std::int64_t context) {
      EXPECT_LT(relative_distance(compute(*gpu, fresh, context, pages).logits,
                                  compute(*host, fresh, context, pages).logits),
                bf16_tolerance);
    };
    expect_same(all.first(count), 0);
    for (std::size_t i = 0; i < 8; ++i) {  // teacher-forced; from the second on by a graph
      expect_same(all.subspan(count + i, 1), length + static_cast<std::int64_t>(i));
    }
  }
}

TEST_P(AgainstTheHost, ItsKvComputesTheSameOnTheGpuWithinTolerance) {
  const DeviceOptions both = options(8);
  const auto gpu = make(both);
  const auto host = device("host").make(both);
  const std::vector<std::int32_t> tokens = random_tokens(9, 120, vocab());
  const std::span<const std::int32_t> all = tokens;
  const std::vector<std::int32_t> pages = shuffled(1, 0, 8);
  const SequenceResult whole = compute(*host, all, 0, pages);
  const auto prefix = std::span(pages).first(6);
  ASSERT_TRUE(testing::copy_blocks(*host, CopyDirection::out, prefix, host->host_memory().data()));
  std::ranges::copy(host->host_memory(), gpu->host_memory().begin());
  ASSERT_TRUE(testing::copy_blocks(*gpu, CopyDirection::in, prefix, gpu->host_memory().data()));
  EXPECT_LT(relative_distance(compute(*gpu, all.subspan(96), 96, pages).logits, whole.logits),
            bf16_tolerance);
}

INSTANTIATE_TEST_SUITE_P(HeadDim, AgainstTheHost, ::testing::Values(64, 128));

TEST(CudaDevice, GraphsGiveTheLogitsOfStepsWithout) {
  DeviceOptions options = options_under_test(16, 200);
  const auto with = make(options);
  options.graphs = false;
  const auto without = make(options);
  constexpr std::int32_t sequences = 5;  // a bucket of 6: one sequence of padding
  std::vector<std::vector<std::int32_t>> tokens;
  std::vector<std::vector<std::int32_t>> pages;
  for (std::int32_t i = 0; i < sequences; ++i) {
    tokens.push_back(random_tokens(static_cast<std::uint64_t>(i), 100 + 90 * i + 6, vocab()));
    pages.push_back(shuffled(static_cast<std::uint64_t>(i), 40 * i, 40));
    const auto prompt = std::span(tokens.back()).first(tokens.back().size() - 6);
    compute(*with, prompt, 0, pages.back());
    compute(*without, prompt, 0, pages.back());
  }
  for (std::size_t round = 0; round < 6; ++round) {
    std::vector<SequenceStep> steps;
    for (std::size_t i = 0; i < sequences; ++i) {
      const std::size_t at = tokens[i].size() - 6 + round;
      steps.push_back(
          {std::span(tokens[i]).subspan(at, 1), static_cast<std::int64_t>(at), pages[i], true});
    }
    std::vector<SequenceResult> a;
    std::vector<SequenceResult> b;
    with->step({steps, {}}, a);
    without->step({steps, {}}, b);
    for (std::size_t i = 0; i < sequences; ++i) {
      EXPECT_LT(relative_distance(a[i].logits, b[i].logits), bf16_tolerance) << round;
      EXPECT_EQ(a[i].next_token, std::ranges::max_element(a[i].logits) - a[i].logits.begin());
    }
  }
  EXPECT_GT(graph_steps(*with), 0);
  EXPECT_EQ(graph_steps(*without), 0);
}

TEST(CudaDevice, AStepLargerThanItsWorkSpaceIsComputedInParts) {
  DeviceOptions options = options_under_test(256, 40);
  options.shape.max_context = 16384;
  const auto device = make(options);
  const std::vector<std::int32_t> tokens = random_tokens(2, 10'000, vocab());  // 8,192 rows at once
  const std::span<const std::int32_t> all = tokens;
  const std::vector<std::int32_t> pages = shuffled(2, 0, 40);
  const std::vector<float> whole = compute(*device, all, 0, pages).logits;
  compute(*device, all.first(5000), 0, pages);
  EXPECT_LT(relative_distance(compute(*device, all.subspan(5000), 5000, pages).logits, whole),
            bf16_tolerance);
}

TEST(CudaDevice, RefusesWhatItCannotHave) {
  DeviceOptions options = options_under_test(16, 4);
  options.pages = std::int64_t{1} << 32;
  EXPECT_THAT(refusal_of(options),
              ::testing::MatchesRegex("device cuda:0:0: memory: [0-9.]+ GiB of weights, [0-9.]+ "
                                      "GiB of pages and [0-9.]+ GiB of work space do not fit into "
                                      "the [0-9.]+ GiB that are free on .*; take a smaller .*"));
  options = options_under_test(16, 4);
  options.shape.head_dim = 32;
  EXPECT_THAT(refusal_of(options), ::testing::HasSubstr("model: \"small\" has heads of 32"));
  options = options_under_test(16, 4);
  options.pace_step = Seconds{1e-3};
  EXPECT_THAT(refusal_of(options), ::testing::HasSubstr("they are for device host"));
}

TEST(CudaDevice, RefusesBrokenPageTablesTokensAndAddresses) {
  const auto device = make(options_under_test(16, 4));
  const std::vector<std::int32_t> tokens = random_tokens(1, 20, vocab());
  for (const std::vector<std::int32_t>& pages : {std::vector<std::int32_t>{0}, {0, 4}, {0, -1}}) {
    EXPECT_THROW(compute(*device, tokens, 0, pages), ContractViolation);
  }
  const std::vector<std::int32_t> unknown = {vocab()};
  const std::vector<std::int32_t> pages = {0};
  EXPECT_THROW(compute(*device, unknown, 0, pages), ContractViolation);
  std::byte elsewhere{};
  CopyJob job;
  job.blocks = {{0, &elsewhere}};  // not pinned: the GPU must not be sent there
  EXPECT_THROW(device->copies().post(job), ContractViolation);
}

}  // namespace
}  // namespace calvo::realrun
