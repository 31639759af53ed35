// Runs made by hand.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

#include "analysis/output_file.hpp"
#include "analysis/requests_csv.hpp"
#include "analysis/run_directory.hpp"
#include "analysis/summary.hpp"
#include "analysis/summary_json.hpp"
#include "core/input_error.hpp"
#include "core/run_result.hpp"

namespace calvo::analysis::testing {

inline Nanoseconds ms(std::int64_t n) {
  return Nanoseconds{n * 1'000'000};
}
inline Instant at_ms(std::int64_t n) {
  return Instant{ms(n)};
}

/// A request with all its stages: lookup 1 ms, queue 2 + 5 ms, network 3 ms, pcie 4 ms, compute
/// 6 ms, so TTFT 21 ms; then 10 ms a token.
inline RequestRecord loaded_request(std::uint64_t id, std::int64_t arrival_ms) {
  RequestRecord request;
  request.id = RequestId{id};
  request.session = SessionId{id / 2};
  request.turn = static_cast<std::int32_t>(id % 2);
  request.input = Tokens{1000};
  request.cached = Tokens{600};
  request.output = Tokens{11};
  request.outcome = Outcome::completed;
  request.deadline = ms(25);
  request.times = {.arrival = at_ms(arrival_ms),
                   .lookup_done = at_ms(arrival_ms + 1),
                   .load_start = at_ms(arrival_ms + 3),
                   .network_done = at_ms(arrival_ms + 6),
                   .loaded = at_ms(arrival_ms + 10),
                   .prefill_start = at_ms(arrival_ms + 15),
                   .first_token = at_ms(arrival_ms + 21),
                   .finish = at_ms(arrival_ms + 121)};
  return request;
}

inline RunResult small_run() {
  RunResult run;
  run.requests = {loaded_request(0, 0), loaded_request(1, 100), loaded_request(2, 250)};
  run.resources = {{"instance0.gpu", ResourceKind::gpu, 0.4, 0, Bytes{0}},
                   {"serving0.nic0.rx", ResourceKind::network, 0.8, 0, Bytes{1'000'000}},
                   {"instance0.gpu_memory", ResourceKind::memory, 0.95, 1.0, Bytes{0}}};
  run.tracks = {"instance0.gpu", "serving0.nic0.rx"};
  run.timeline = {{0, RequestId{0}, true, "prefill", at_ms(15), at_ms(21)},
                  {0, RequestId{1}, true, "prefill", at_ms(18), at_ms(30)},
                  {1, RequestId{0}, true, "network_load", at_ms(3), at_ms(6)},
                  {0, RequestId{}, false, "decode", at_ms(21), at_ms(40)}};
  run.counters.events = 42;
  run.end = at_ms(400);
  return run;
}

inline RunLabels labels() {
  RunLabels labels;
  labels.scenario = "small";
  labels.engine = "calvo";
  labels.seed = 7;
  return labels;
}

/// A directory that is gone when the test is.
class TemporaryDirectory {
public:
  TemporaryDirectory() {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    path_ = std::filesystem::temp_directory_path() /
            (std::string("calvo_") + test->test_suite_name() + "_" + test->name() + "_" +
             std::to_string(static_cast<long>(::getpid())));
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  bool is_empty() const { return std::filesystem::is_empty(path_); }

private:
  std::filesystem::path path_;
};

/// Writes a whole run directory.
inline std::string write_run(const std::string& path, const RunResult& run, const RunLabels& labels,
                             Taken taken = Taken::refuse) {
  RunDirectoryWriter writer(path, taken);
  write_file(writer.file(summary_file), to_json(summarize(run, labels)).dump(2));
  write_requests_csv(writer.file(requests_file), run, labels);
  return writer.commit();
}

inline std::string read_file(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  EXPECT_TRUE(stream) << path;
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

template <class Call>
std::string error_of(Call call) {
  try {
    call();
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace calvo::analysis::testing
