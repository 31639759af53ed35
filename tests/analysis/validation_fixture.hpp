// Simulated and real runs made by hand.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "analysis/validation.hpp"

namespace calvo::analysis::testing {

/// A run whose i-th request arrives at i seconds and has a TTFT of `ttft_ms[i]`, of which the
/// network takes half, PCIe a tenth, and compute the rest.
inline ValidationRun run_of(const std::string& path, Driver driver, const std::string& engine,
                            const std::vector<double>& ttft_ms,
                            std::optional<double> deadline_ms = std::nullopt) {
  ValidationRun run;
  run.driver = driver;
  run.run.path = path;
  run.run.summary.labels.scenario = "s";
  run.run.summary.labels.engine = engine;
  run.run.summary.labels.seed = 1;
  if (driver == Driver::realrun) {
    run.fabric = "tcp";
    run.device = "host";
    run.load.lateness_p99_s = 1e-6;
    run.load.spare_cpu_busy = 0.1;
  }
  for (std::size_t i = 0; i < ttft_ms.size(); ++i) {
    RequestRow row;
    row.id = i;
    row.session = i;
    row.input_tokens = 1000;
    row.arrival_s = static_cast<double>(i);
    row.outcome = Outcome::completed;
    row.ttft_s = 1e-3 * ttft_ms[i];
    if (deadline_ms) row.deadline_s = 1e-3 * *deadline_ms;
    row.stages_s = {0, 0, 0.5e-3 * ttft_ms[i], 0.1e-3 * ttft_ms[i], 0.4e-3 * ttft_ms[i]};
    run.run.requests.push_back(row);
  }
  run.run.summary.ttft = spread_of(ttft_ms);
  return run;
}

inline ValidationRun simulated(const std::vector<double>& ttft_ms,
                               std::optional<double> deadline_ms = std::nullopt,
                               const std::string& engine = "e") {
  return run_of("sim/" + engine, Driver::sim, engine, ttft_ms, deadline_ms);
}

inline ValidationRun real(int number, const std::vector<double>& ttft_ms,
                          std::optional<double> deadline_ms = std::nullopt,
                          const std::string& engine = "e") {
  ValidationRun run = run_of("real/" + engine + "-" + std::to_string(number), Driver::realrun,
                             engine, ttft_ms, deadline_ms);
  for (RequestRow& row : run.run.requests) row.arrival_s += 1e-6 * number;  // as no two do
  return run;
}

}  // namespace calvo::analysis::testing
