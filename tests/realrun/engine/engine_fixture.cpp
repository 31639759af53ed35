#include "tests/realrun/engine/engine_fixture.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iterator>
#include <limits>

#include "realrun/engine/local_nodes.hpp"
#include "realrun/engine/parts.hpp"
#include "realrun/wire/secret.hpp"
#include "tests/realrun/tiny_scenario.hpp"

#ifdef __SANITIZE_THREAD__
// Storage nodes are other processes. Here they are threads, and what orders a slot's last byte on
// the data connection before its next block is the engine's release on the control connection: two
// sockets, which the sanitizer does not see through.
extern "C" const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions() {
  return "race:calvo::realrun::Session::store_block\n";
}
#endif

namespace calvo::realrun::testing {
scenarios::Scenario small_scenario(std::vector<std::string> overrides) {
  scenarios::LoadOptions load;
  load.overrides = std::move(overrides);
  return scenarios::load_scenario_text(calvo::testing::tiny_scenario("30", "400 /s"), "small.yaml",
                                       load);
}

NodeOptions node_options(const scenarios::Scenario& scenario, Contents contents, std::uint32_t node,
                         const FaultScript& faults) {
  NodeOptions options;
  options.key = loopback_key();
  options.config = node_config(scenario, 1);
  options.capacity_blocks = scenario.remote_blocks;
  if (contents == Contents::initial) options.preload.runs = initial_share(scenario, node);
  options.faults = faults;
  const auto slows = [](const Fault& fault) { return fault.kind == FaultKind::slow; };
  if (std::ranges::any_of(faults.faults, slows)) options.pace = BytesPerSecond{100e6};
  return options;
}

Nodes::Nodes(const scenarios::Scenario& scenario, Contents contents,
             std::vector<FaultScript> faults) {
  faults.resize(static_cast<std::size_t>(scenario.instance.storage_nodes));
  for (std::uint32_t i = 0; i < faults.size(); ++i) {
    nodes_.push_back(std::make_unique<NodeServer>(node_options(scenario, contents, i, faults[i])));
  }
}

std::vector<Endpoint> Nodes::endpoints() const {
  std::vector<Endpoint> all;
  for (const auto& node : nodes_) all.push_back({"127.0.0.1", node->port()});
  return all;
}

std::uint64_t Nodes::stored_blocks() const {
  std::uint64_t blocks = 0;
  for (const auto& node : nodes_) {
    if (node) blocks += node->counters().stored_blocks;
  }
  return blocks;
}

RealrunOptions options_for(const Nodes& nodes) {
  return options_for(nodes.endpoints());
}

RealrunOptions options_for(std::vector<Endpoint> nodes) {
  RealrunOptions options;
  options.nodes = std::move(nodes);
  options.key = loopback_key();
  options.canaries = true;
  options.keep_logits = true;
  options.transfer_limit = Nanoseconds{30'000'000'000};  // a loaded machine is no fault
  return options;
}

Recorded record(scenarios::Scenario& scenario, const RealrunOptions& options) {
  Recorded recorded;
  RealrunOptions with_log = options;
  with_log.event_log_sink = [&](std::span<const std::byte> bytes) {
    recorded.log.insert(recorded.log.end(), bytes.begin(), bytes.end());
  };
  recorded.result = realrun(scenario, with_log);
  return recorded;
}

std::string replay_difference(const Recorded& recorded, const scenarios::Scenario& scenario) {
  const control::ReplayReport report =
      control::replay(recorded.log, "log", scenario.engine, scenario.instance,
                      scenario.topology.serving_nodes * scenario.topology.instances_per_node,
                      scenario.routing, *scenario.estimates);
  if (!report.difference) return {};
  return "batch " + std::to_string(report.difference->batch) + " of reducer " +
         std::to_string(report.difference->reducer);
}

double largest_distance(const RealrunResult& a, const RealrunResult& b) {
  double largest = 0;
  for (std::size_t request = 0; request < std::max(a.logits.size(), b.logits.size()); ++request) {
    if (request >= a.logits.size() || request >= b.logits.size()) return -1;
    const std::vector<float>& mine = a.logits[request];
    const std::vector<float>& theirs = b.logits[request];
    if (mine.empty() || mine.size() != theirs.size()) return -1;
    for (std::size_t i = 0; i < mine.size(); ++i) {
      const double distance = std::abs(mine[i] - theirs[i]);
      if (!(distance <= largest)) largest = distance;  // a NaN stays
    }
  }
  return largest;
}

std::int64_t ended(const RealrunResult& result) {
  return std::ranges::count_if(result.run.requests, [](const RequestRecord& request) {
    return request.outcome != Outcome::unfinished;
  });
}

std::int64_t completed(const RealrunResult& result) {
  return std::ranges::count(result.run.requests, Outcome::completed, &RequestRecord::outcome);
}

std::vector<std::string> engine_names() {
  std::vector<std::string> names;
  for (const scenarios::EngineRow& row :
       scenarios::list_engines(scenarios::default_search_path())) {
    names.push_back(row.name);
  }
  return names;
}

namespace {

int entries(const char* folder) {
  return static_cast<int>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

}  // namespace

int open_descriptors() {
  return entries("/proc/self/fd");
}

int threads() {
  return entries("/proc/self/task");
}

}  // namespace calvo::realrun::testing
