#include "realrun/engine/checks.hpp"

#include <algorithm>
#include <optional>
#include <string>

#include <fmt/format.h>
#include <sched.h>

#include "core/input_error.hpp"

namespace calvo::realrun {
namespace {

class Checker {
public:
  explicit Checker(const scenarios::Scenario& scenario) : file_(scenario.file) {}
  void refuse_if(bool wrong, const std::string& key, const std::string& problem) const {
    if (wrong) throw InputError({file_, 0, 0}, key, problem);
  }

private:
  std::string file_;
};

}  // namespace

void check_testbed(const scenarios::Scenario& scenario, const RealrunOptions& options) {
  const Checker check(scenario);
  const models::ModelShape& model = scenario.model;
  check.refuse_if(scenario.engine.tensor_parallel > 1, "engine.tensor_parallel",
                  fmt::format("\"{}\"; a real run has one device for each instance; set 1",
                              scenario.engine.tensor_parallel));
  check.refuse_if(model.mla_kv_lora > 0 || model.experts > 0 || model.window_layers > 0, "model",
                  fmt::format("\"{}\" has latent attention, experts or sliding windows; devices "
                              "compute dense models with grouped-query attention, for example "
                              "Llama-3.1-8B",
                              model.name));
  check.refuse_if(model.bytes_per_value != 2, "model.bytes_per_value",
                  fmt::format("\"{}\"; KV of real runs is bf16, 2 bytes", model.bytes_per_value));
  const auto nodes = static_cast<std::size_t>(scenario.instance.storage_nodes);
  check.refuse_if(options.nodes.size() != nodes, "topology.storage_nodes",
                  fmt::format("the scenario has {} and {} are given; name each with one --node "
                              "HOST:PORT, or none to have them started here",
                              nodes, options.nodes.size()));
  for (std::size_t i = 0; i < nodes; ++i) {
    const auto same = [&](const Endpoint& other) {
      return other.text() == options.nodes[i].text();
    };
    check.refuse_if(
        std::ranges::count_if(options.nodes, same) > 1, "--node",
        fmt::format("\"{}\" is given twice; give each storage node once", options.nodes[i].text()));
  }
  check.refuse_if(options.rails < 1 || options.rails > 16, "--rails",
                  fmt::format("\"{}\"; there are 1 to 16", options.rails));
  cpu_set_t cores;
  CPU_ZERO(&cores);
  sched_getaffinity(0, sizeof cores, &cores);
  const auto expect_core = [&](const char* flag, std::optional<int> core) {
    check.refuse_if(core && !CPU_ISSET(static_cast<std::size_t>(*core), &cores), flag,
                    fmt::format("this process may not run on core \"{}\"; it has {} cores (taskset "
                                "-p says which)",
                                core.value_or(0), CPU_COUNT(&cores)));
  };
  expect_core("--control-core", options.control_core);
  expect_core("--network-core", options.network_core);
}

void check_scenario(const scenarios::Scenario& scenario, const RealrunOptions& options) {
  check_testbed(scenario, options);
  const Checker check(scenario);
  check.refuse_if(scenario.simulation.granularity == scenarios::Granularity::block,
                  "simulation.granularity",
                  "\"block\" is an option of the simulator; a real run moves runs of blocks, take "
                  "it out");
  check.refuse_if(scenario.simulation.truth_noise != 0, "simulation.truth_noise",
                  fmt::format("\"{}\"; a real run has noise of its own, take it out",
                              scenario.simulation.truth_noise));
  check.refuse_if(
      !scenario.faults.empty(), "faults",
      "are those of the simulated world; take them out, and give the storage nodes that "
      "calvo starts their own, for example --faults hang@5s..7s");
  check.refuse_if(options.transfer_limit <= Nanoseconds{0}, "--transfer-limit",
                  "not above 0; give a time like 2 s");
}

}  // namespace calvo::realrun
