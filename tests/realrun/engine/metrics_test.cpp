#include "realrun/engine/metrics.hpp"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/realrun/scrape.hpp"

namespace calvo::realrun {
namespace {

using ::testing::HasSubstr;

TEST(Metrics, WhatOnlyGrowsIsACounterAndTheRestAreGauges) {
  Metrics metrics(0);
  Metrics::Sample sample;
  sample.arrived = 7;
  sample.in_flight = 5;
  sample.counters.fetched_blocks = 40;
  metrics.show(sample);
  sample.arrived = 9;
  sample.in_flight = 2;
  sample.counters.steps = 3;
  metrics.show(sample);
  const std::string text = scrape(metrics.port());
  for (const char* line :
       {"\n# TYPE calvo_requests_arrived_total counter\ncalvo_requests_arrived_total 9",
        "\n# TYPE calvo_operations gauge\ncalvo_operations 2",
        "\n# TYPE calvo_fetched_blocks_total counter\ncalvo_fetched_blocks_total 40",
        "\n# TYPE calvo_steps_total counter\ncalvo_steps_total 3",
        "\n# TYPE calvo_requests_ended_total counter", "\n# TYPE calvo_copied_blocks_total counter",
        "\n# TYPE calvo_stored_blocks_total counter",
        "\n# TYPE calvo_corrupt_fetches_total counter",
        "\n# TYPE calvo_timed_out_fetches_total counter", "\n# TYPE calvo_gpu_blocks gauge",
        "\n# TYPE calvo_host_blocks gauge", "\n# TYPE calvo_quarantined_blocks gauge"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

}  // namespace
}  // namespace calvo::realrun
