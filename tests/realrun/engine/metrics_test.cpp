#include "realrun/engine/metrics.hpp"

#include <chrono>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "realrun/fabrics/socket.hpp"

namespace calvo::realrun {
namespace {

using ::testing::HasSubstr;

std::string page(std::uint16_t port) {
  const transport::Deadline deadline = transport::deadline_in(std::chrono::seconds{60});
  const transport::Fd socket = transport::connect_to("127.0.0.1", port, deadline);
  const std::string request =
      "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  transport::send_all(socket.get(), std::as_bytes(std::span(request)), deadline);
  std::string answer;
  char c = 0;
  while (transport::receive_all(socket.get(), std::as_writable_bytes(std::span(&c, 1)), deadline)) {
    answer.push_back(c);
  }
  return answer;
}

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
  const std::string text = page(metrics.port());
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
