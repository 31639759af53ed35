// How much sooner a sweep is done with two jobs than with one, from the program's start to its end:
//   build/release/sweep_bench --benchmark_repetitions=5
// On a quiet machine with two cores, two jobs are to take at most 1 / 1.8 of the time of one. What
// the machine itself allows is read beside it: two sweeps of one job each, in two programs that
// know nothing of each other, do twice the work of one. What two jobs gain is bounded by
// 2 x (one job) / (two sweeps apart).
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <unistd.h>

namespace {

namespace fs = std::filesystem;

class SweepPlace {
public:
  SweepPlace() : path_(fs::temp_directory_path() / ("sweep_bench_" + std::to_string(::getpid()))) {
    fs::create_directories(path_);
    std::ofstream(path_ / "w.yaml")
        << "scenario: " CALVO_SOURCE_DIR
           "/scenarios/examples/calvo_loogle.yaml\n"
           "engines: [vllm_sync, calvo]\n"
           "seeds: 20\n"
           "set: {workload.synthetic.count: 3000}\n"
           "axes: {workload.synthetic.arrival.rate: [0.8 /s, 1.2 /s]}\n";
  }
  ~SweepPlace() { fs::remove_all(path_); }
  SweepPlace(const SweepPlace&) = delete;
  SweepPlace& operator=(const SweepPlace&) = delete;

  std::string command(long jobs, const char* out) const {
    return fmt::format("{} sweep {} --quiet --force --jobs {} --out {} >/dev/null", CALVO_PROGRAM,
                       (path_ / "w.yaml").string(), jobs, (path_ / out).string());
  }

private:
  fs::path path_;
};

void run(const std::string& command) {
  if (std::system(command.c_str()) != 0) throw std::runtime_error("failed: " + command);
}

void sweep_of_80_points(benchmark::State& state) {
  const SweepPlace place;
  for (auto _ : state) run(place.command(state.range(0), "out"));
}

void two_sweeps_apart(benchmark::State& state) {
  const SweepPlace place;
  const std::string both =
      fmt::format("{} & {} && wait $!", place.command(1, "one"), place.command(1, "other"));
  for (auto _ : state) run(both);
}

}  // namespace

BENCHMARK(sweep_of_80_points)
    ->ArgName("jobs")
    ->Arg(1)
    ->Arg(2)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK(two_sweeps_apart)->UseRealTime()->Unit(benchmark::kMillisecond);

BENCHMARK_MAIN();
