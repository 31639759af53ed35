// How much sooner a sweep is done with two jobs than with one, from the program's start to its end:
//   build/release/sweep_bench --benchmark_repetitions=5
// On a quiet machine with two cores, two jobs are to take at most 1 / 1.8 of the time of one.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include <benchmark/benchmark.h>
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
           "set: {workload.synthetic.count: 1000}\n"
           "axes: {workload.synthetic.arrival.rate: [0.8 /s, 1.2 /s]}\n";
  }
  ~SweepPlace() { fs::remove_all(path_); }
  SweepPlace(const SweepPlace&) = delete;
  SweepPlace& operator=(const SweepPlace&) = delete;

  void run(long jobs) const {
    const std::string command = std::string(CALVO_PROGRAM) + " sweep " +
                                (path_ / "w.yaml").string() + " --quiet --force --jobs " +
                                std::to_string(jobs) + " --out " + (path_ / "out").string() +
                                " >/dev/null";
    if (std::system(command.c_str()) != 0) throw std::runtime_error("failed: " + command);
  }

private:
  fs::path path_;
};

void sweep_of_80_points(benchmark::State& state) {
  const SweepPlace place;
  for (auto _ : state) place.run(state.range(0));
}

}  // namespace

BENCHMARK(sweep_of_80_points)->Arg(1)->Arg(2)->UseRealTime()->Unit(benchmark::kMillisecond);

BENCHMARK_MAIN();
