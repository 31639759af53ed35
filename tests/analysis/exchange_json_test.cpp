// Golden outputs: the run of the fixture in the words of other benchmarks. Its latencies are exact
// by hand: TTFT 21, 21, 41 ms, 10 ms a token, 11 tokens each.
#include "analysis/exchange_json.hpp"

#include <gtest/gtest.h>

#include "tests/analysis/fixture.hpp"

namespace calvo::analysis {
namespace {

using testing::at_ms;
using testing::loaded_request;
using testing::small_run;
using testing::TemporaryDirectory;
using testing::write_run;

/// Three requests that completed, one late; one of the warm-up; one that was refused.
RunDirectory a_run(const TemporaryDirectory& directory) {
  RunResult run = small_run();
  run.requests[2].times.first_token = at_ms(250 + 41);
  run.requests[2].times.finish = at_ms(250 + 141);
  run.requests.push_back(loaded_request(3, 260));
  run.requests[3].outcome = Outcome::rejected;
  run.requests[3].times.first_token = run.requests[3].times.finish = never;
  for (RequestRecord& request : run.requests) {
    for (Instant* date :
         {&request.times.arrival, &request.times.lookup_done, &request.times.load_start,
          &request.times.network_done, &request.times.loaded, &request.times.prefill_start,
          &request.times.first_token, &request.times.finish}) {
      if (*date != never) *date += testing::ms(1000);
    }
  }
  run.requests.push_back(loaded_request(4, 0));
  RunLabels labels = testing::labels();
  labels.warm_up = testing::ms(1000);
  return read_run_directory(write_run(directory / "run", run, labels));
}

/// A line for each key.
std::string lines_of(const nlohmann::ordered_json& json) {
  std::string text = "{\n";
  const char* separator = "";
  for (const auto& [key, value] : json.items()) {
    text += separator + ("\"" + key + "\":") + value.dump();
    separator = ",\n";
  }
  return text + "\n}";
}

const RunOrigin origin = {"Llama-3.1-8B", "2026-11-21T07:20:00Z", "calvo run s.yaml"};

TEST(VllmJson, IsWhatVllmBenchServeWrites) {
  const TemporaryDirectory directory;
  EXPECT_EQ(lines_of(to_vllm_json(a_run(directory), origin)), R"json({
"date":"20261121-072000",
"backend":"calvo",
"label":"calvo",
"model_id":"Llama-3.1-8B",
"tokenizer_id":"Llama-3.1-8B",
"num_prompts":4,
"request_rate":11.538461538461538,
"duration":0.391,
"completed":3,
"failed":1,
"total_input_tokens":3000,
"total_output_tokens":33,
"request_throughput":7.672634271099744,
"request_goodput":5.115089514066496,
"output_throughput":84.39897698209718,
"total_token_throughput":7757.0332480818415,
"input_lens":[1000,1000,1000,1000],
"output_lens":[11,11,11,0],
"ttfts":[0.021,0.021,0.041,0.0],
"latencies":[0.121,0.121,0.141,0.0],
"start_times":[1.0,1.1,1.25,1.26],
"errors":["","","","rejected"],
"max_concurrent_requests":2,
"mean_ttft_ms":27.666666666666668,
"median_ttft_ms":21.0,
"std_ttft_ms":9.428090415820632,
"p90_ttft_ms":37.0,
"p95_ttft_ms":39.0,
"p99_ttft_ms":40.6,
"mean_tpot_ms":10.0,
"median_tpot_ms":10.0,
"std_tpot_ms":0.0,
"p90_tpot_ms":10.0,
"p95_tpot_ms":10.0,
"p99_tpot_ms":10.0,
"mean_e2el_ms":127.66666666666667,
"median_e2el_ms":121.0,
"std_e2el_ms":9.428090415820634,
"p90_e2el_ms":137.0,
"p95_e2el_ms":139.0,
"p99_e2el_ms":140.6
})json");
}

TEST(AiperfJson, IsWhatAiperfExports) {
  const TemporaryDirectory directory;
  EXPECT_EQ(lines_of(to_aiperf_json(a_run(directory), origin)), R"json({
"schema_version":"1.3",
"request_throughput":{"unit":"requests/sec","avg":7.672634271099744},
"request_latency":{"unit":"ms","avg":127.66666666666667,"p1":121.0,"p5":121.0,"p10":121.0,"p25":121.0,"p50":121.0,"p75":131.0,"p90":137.0,"p95":139.0,"p99":140.6,"min":121.0,"max":141.0,"std":9.428090415820634,"count":3,"sum":383.0},
"request_count":{"unit":"requests","avg":3.0},
"time_to_first_token":{"unit":"ms","avg":27.666666666666668,"p1":21.0,"p5":21.0,"p10":21.0,"p25":21.0,"p50":21.0,"p75":31.0,"p90":37.0,"p95":39.0,"p99":40.6,"min":21.0,"max":41.0,"std":9.428090415820632,"count":3,"sum":83.0},
"inter_token_latency":{"unit":"ms","avg":10.0,"p1":10.0,"p5":10.0,"p10":10.0,"p25":10.0,"p50":10.0,"p75":10.0,"p90":10.0,"p95":10.0,"p99":10.0,"min":10.0,"max":10.0,"std":0.0,"count":3,"sum":30.0},
"output_token_throughput":{"unit":"tokens/sec","avg":84.39897698209718},
"total_token_throughput":{"unit":"tokens/sec","avg":7757.0332480818415},
"output_token_throughput_per_user":{"unit":"tokens/sec/user","avg":100.0,"p1":100.0,"p5":100.0,"p10":100.0,"p25":100.0,"p50":100.0,"p75":100.0,"p90":100.0,"p95":100.0,"p99":100.0,"min":100.0,"max":100.0,"std":0.0,"count":3,"sum":300.0},
"output_sequence_length":{"unit":"tokens","avg":11.0,"p1":11.0,"p5":11.0,"p10":11.0,"p25":11.0,"p50":11.0,"p75":11.0,"p90":11.0,"p95":11.0,"p99":11.0,"min":11.0,"max":11.0,"std":0.0,"count":3,"sum":33.0},
"input_sequence_length":{"unit":"tokens","avg":1000.0,"p1":1000.0,"p5":1000.0,"p10":1000.0,"p25":1000.0,"p50":1000.0,"p75":1000.0,"p90":1000.0,"p95":1000.0,"p99":1000.0,"min":1000.0,"max":1000.0,"std":0.0,"count":3,"sum":3000.0},
"goodput":{"unit":"requests/sec","avg":5.115089514066496},
"good_request_count":{"unit":"requests","avg":2.0},
"benchmark_duration":{"unit":"sec","avg":0.391},
"total_isl":{"unit":"tokens","avg":3000.0},
"total_osl":{"unit":"tokens","avg":33.0},
"error_request_count":{"unit":"requests","avg":1.0},
"run_info":{"random_seed":7,"run_label":"small, calvo","cli_command":"calvo run s.yaml"},
"was_cancelled":false,
"error_summary":[{"error_details":{"type":"rejected"},"count":1}]
})json");
}

TEST(ExchangeJson, OfNothingHasNoStatistics) {
  const TemporaryDirectory directory;
  const RunDirectory run =
      read_run_directory(write_run(directory / "run", RunResult{}, testing::labels()));
  const auto vllm = to_vllm_json(run, {});
  EXPECT_EQ(vllm["p99_ttft_ms"], 0.0);
  EXPECT_EQ(vllm["request_goodput"], nullptr);
  EXPECT_EQ(vllm["request_rate"], "inf");
  const auto aiperf = to_aiperf_json(run, {});
  EXPECT_FALSE(aiperf.contains("time_to_first_token"));
  EXPECT_FALSE(aiperf.contains("goodput"));
  EXPECT_EQ(aiperf["request_count"]["avg"], 0.0);
}

}  // namespace
}  // namespace calvo::analysis
