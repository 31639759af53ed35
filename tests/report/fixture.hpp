// Run directories made by hand, for what a report says of them.
#pragma once

#include <filesystem>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

#include "analysis/output_file.hpp"
#include "analysis/requests_csv.hpp"
#include "analysis/run_directory.hpp"
#include "analysis/summary_json.hpp"
#include "analysis/timeline_json.hpp"
#include "core/input_error.hpp"

namespace calvo::report {

/// A directory of its own for a test; gone when the test is.
class Folder {
public:
  Folder() {
    static int count = 0;
    path_ = std::filesystem::temp_directory_path() /
            ("calvo-report-" + std::to_string(::getpid()) + "-" + std::to_string(count++));
    std::filesystem::create_directories(path_);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }

private:
  std::filesystem::path path_;
};

struct MadeRun {
  std::string engine = "calvo";
  std::uint64_t seed = 1;
  std::string driver = "sim";
  std::string extra = {};      ///< more lines of the scenario
  int requests = 4;            ///< one a second, from the first second on
  std::int64_t ttft_ms = 500;  ///< of the first one; each next one takes as long again
};

inline Instant at_ms(std::int64_t ms) {
  return Instant{Nanoseconds{ms * 1'000'000}};
}

/// Loads over the network for a tenth of its TTFT, is queued before for half of it and after for a
/// tenth, and computes for the rest. Deadline one second.
inline RequestRecord request(int id, std::int64_t arrival_ms, std::int64_t ttft_ms) {
  RequestRecord record;
  record.id = static_cast<RequestId>(id);
  record.session = static_cast<SessionId>(id / 2);
  record.input = Tokens{1000};
  record.cached = Tokens{400};
  record.output = Tokens{11};
  record.outcome = Outcome::completed;
  record.deadline = Nanoseconds{1'000'000'000};
  record.times.arrival = at_ms(arrival_ms);
  record.times.lookup_done = at_ms(arrival_ms);
  record.times.load_start = at_ms(arrival_ms + ttft_ms * 5 / 10);
  record.times.network_done = at_ms(arrival_ms + ttft_ms * 6 / 10);
  record.times.loaded = record.times.network_done;
  record.times.prefill_start = at_ms(arrival_ms + ttft_ms * 7 / 10);
  record.times.first_token = at_ms(arrival_ms + ttft_ms);
  record.times.finish = at_ms(arrival_ms + ttft_ms + 1000);
  return record;
}

/// Writes all files of a run directory at `path`.
inline void make_run(const std::string& path, const MadeRun& made = {}) {
  RunResult result;
  for (int i = 0; i < made.requests; ++i) {
    result.requests.push_back(request(i, 1000 * (i + 1), made.ttft_ms * (i + 1)));
  }
  result.end = at_ms(1000 * made.requests + made.ttft_ms * made.requests + 1000);
  result.resources.push_back({"instance0.gpu", ResourceKind::gpu, 0.25, 0, Bytes{0}, 0.2});
  result.tracks = {"instance0.gpu"};
  result.timeline.push_back({0, RequestId{0}, true, "prefill", at_ms(1000), at_ms(3000)});
  const analysis::RunLabels labels{"made", made.engine, made.seed, Nanoseconds{0}, Nanoseconds{0}};
  std::filesystem::create_directories(path);
  const auto write = [&](const char* name, const std::string& text) {
    analysis::write_file(path + "/" + name, text);
  };
  write(analysis::summary_file, to_json(analysis::summarize(result, labels)).dump(2));
  write(analysis::scenario_file, "name: made\nseed: " + std::to_string(made.seed) +
                                     "\nengine: {name: " + made.engine + "}\n" + made.extra);
  write(analysis::environment_file, "{\"driver\": \"" + made.driver + "\"}");
  analysis::write_requests_csv(path + "/" + analysis::requests_file, result, labels);
  analysis::write_timeline_json(path + "/" + analysis::timeline_file, result);
}

template <class Work>
std::string error_of(Work work) {
  try {
    work();
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace calvo::report
