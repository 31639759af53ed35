#include "sim/layer_pipeline.hpp"

#include <vector>

#include <gtest/gtest.h>

#include "core/random.hpp"

namespace calvo::sim {
namespace {

TEST(LayerPipeline, LayersThatAreReadyRunBackToBack) {
  const std::vector<Seconds> ready(10, Seconds{1});
  EXPECT_DOUBLE_EQ(last_layer_end(ready, Seconds{3}, Seconds{0.5}).count(), 8.0);
  EXPECT_DOUBLE_EQ(last_layer_end({}, Seconds{3}, Seconds{0.5}).count(), 3.0);
}

TEST(LayerPipeline, SlowArrivalsHideAllComputeButTheLastLayers) {
  std::vector<Seconds> ready;
  for (int i = 1; i <= 10; ++i) ready.emplace_back(i);
  EXPECT_DOUBLE_EQ(last_layer_end(ready, Seconds{0}, Seconds{0.5}).count(), 10.5);
}

TEST(LayerPipeline, OneLateLayerHoldsUpThoseBehindIt) {
  const std::vector<Seconds> ready = {Seconds{0}, Seconds{6}, Seconds{0}, Seconds{0}};
  EXPECT_DOUBLE_EQ(last_layer_end(ready, Seconds{0}, Seconds{1}).count(), 9.0);
}

class LayerPipelineProperty : public ::testing::TestWithParam<unsigned> {};

// Property: for arrivals at a constant rate the closed form is the recurrence.
TEST_P(LayerPipelineProperty, ClosedFormIsTheRecurrence) {
  Random random(GetParam());
  for (int i = 0; i < 100; ++i) {
    const int layers = 1 + static_cast<int>(random.below(80));
    const Seconds first{random.uniform()};
    const Seconds last = layers == 1 ? first : first + Seconds{random.uniform() * 2};
    const Seconds start{random.uniform() * 2};
    const Seconds per_layer{random.uniform() * 0.05};
    std::vector<Seconds> ready;
    for (int l = 0; l < layers; ++l) {
      ready.push_back(layers == 1 ? first : first + (last - first) * l / (layers - 1));
    }
    ASSERT_NEAR(last_layer_end(first, last, layers, start, per_layer).count(),
                last_layer_end(ready, start, per_layer).count(), 1e-12);
  }
}

INSTANTIATE_TEST_SUITE_P(Seed, LayerPipelineProperty, ::testing::Range(0U, 50U));

}  // namespace
}  // namespace calvo::sim
