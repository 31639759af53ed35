#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

#include "core/input_error.hpp"
#include "sweeps/check_cells.hpp"

namespace calvo::sweeps::testing {

/// A folder with a scenario, s.yaml, and sweep files that name it. Gone when the test is.
class SweepFolder {
public:
  SweepFolder() {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    path_ = std::filesystem::temp_directory_path() /
            (std::string("calvo_sweeps_") + test->name() + "_" + std::to_string(::getpid()));
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
    std::ofstream(path_ / "s.yaml") << R"(name: small
seed: 4
model: Llama-3.1-8B
hardware: {gpu: H100, nic: rdma_100g}
workload: {synthetic: {arrival: {rate: 2 /s}, count: 10, context: 1000, query: 10}}
)";
  }
  ~SweepFolder() { std::filesystem::remove_all(path_); }
  SweepFolder(const SweepFolder&) = delete;
  SweepFolder& operator=(const SweepFolder&) = delete;

  SweepFile read(const std::string& text) const {
    return read_sweep_text("scenario: s.yaml\n" + text, (path_ / "w.yaml").string());
  }
  Plan plan(const std::string& text) const { return Plan(read(text)); }

  /// What is said against the sweep "scenario: s.yaml" + text, without the folder.
  std::string error_of(const std::string& text) const {
    try {
      check_cells(plan(text));
    } catch (const InputError& error) {
      std::string message = error.what();
      const std::string folder = path_.string() + "/";
      for (auto at = message.find(folder); at != std::string::npos; at = message.find(folder)) {
        message.erase(at, folder.size());
      }
      return message;
    }
    return "nothing";
  }

private:
  std::filesystem::path path_;
};

}  // namespace calvo::sweeps::testing
