#include "cli/load_report.hpp"

#include <algorithm>
#include <span>

#include <fmt/format.h>

#include "analysis/statistics.hpp"
#include "analysis/validation_load.hpp"
#include "realrun/engine/breakage.hpp"

namespace calvo::cli {
namespace {

nlohmann::ordered_json quantile_of(std::vector<double> values, double q) {
  if (values.empty()) return nullptr;
  std::ranges::sort(values);
  return analysis::quantile(values, q);
}

nlohmann::ordered_json lost_nodes_of(const realrun::LoadReport& load) {
  const auto seconds = [](Instant date) { return to_seconds(date - Instant{}).count(); };
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const realrun::LostNode& lost : load.lost_nodes) {
    all.push_back({{"node", lost.node},
                   {"address", lost.address},
                   {"times", lost.times},
                   {"first_s", seconds(lost.first)},
                   {"back_s", nullptr}});
    if (lost.back) all.back()["back_s"] = seconds(*lost.back);
  }
  return all;
}

double or_zero(const nlohmann::ordered_json& value) {
  return value.is_null() ? 0 : value.get<double>();
}

}  // namespace

nlohmann::ordered_json to_json(const realrun::LoadReport& load) {
  return {{"lateness_p50_s", quantile_of(load.lateness_s, 0.5)},
          {"lateness_p99_s", quantile_of(load.lateness_s, 0.99)},
          {"cpu_busy", load.cpu_busy},
          {"machine_busy", load.machine_busy},
          {"spare_cpu_busy", load.spare_cpu_busy},
          {"verify_s", load.verify_s},
          {"verified_blocks", load.verified_blocks},
          {"corrupt_blocks", load.corrupt_blocks},
          {"timeouts", load.timeouts},
          {"reconnects", load.reconnects},
          {"nodes_lost", load.lost_nodes.size()},
          {"lost_nodes", lost_nodes_of(load)},
          {"faults", load.faults},
          {"lookup_p50_s", quantile_of(load.lookup_s, 0.5)},
          {"lookup_p99_s", quantile_of(load.lookup_s, 0.99)},
          {"lease_p50_s", quantile_of(load.lease_s, 0.5)},
          {"lease_p99_s", quantile_of(load.lease_s, 0.99)}};
}

std::string to_text(const realrun::LoadReport& load) {
  const nlohmann::ordered_json json = to_json(load);
  const auto milliseconds = [&](const char* key) { return 1e3 * or_zero(json[key]); };
  const auto line = [](const char* name, const std::string& value) {
    return fmt::format("{:<40} {}\n", name, value);
  };
  return line("Arrivals late, P50 / P99 (ms):",
              fmt::format("{:.3f} / {:.3f}", milliseconds("lateness_p50_s"),
                          milliseconds("lateness_p99_s"))) +
         line("Lookup, P50 / P99 (ms):",
              fmt::format("{:.3f} / {:.3f}", milliseconds("lookup_p50_s"),
                          milliseconds("lookup_p99_s"))) +
         line("Lease before data, P50 / P99 (ms):",
              fmt::format("{:.3f} / {:.3f}", milliseconds("lease_p50_s"),
                          milliseconds("lease_p99_s"))) +
         line("Blocks verified / corrupt:", fmt::format("{} / {} ({:.3f} s)", load.verified_blocks,
                                                        load.corrupt_blocks, load.verify_s)) +
         line("Nodes lost / timeouts / reconnects:",
              fmt::format("{} / {} / {}", load.lost_nodes.size(), load.timeouts, load.reconnects)) +
         line("CPU of this process / of the machine:",
              fmt::format("{:.0f} % of a core / {:.0f} %", 100 * load.cpu_busy,
                          100 * load.machine_busy));
}

std::vector<std::string> load_warnings(const realrun::LoadReport& load,
                                       const analysis::Summary& summary) {
  std::vector<std::string> warnings = load.complaints;
  const std::vector<std::string> broken = realrun::breakage(load);
  warnings.insert(warnings.end(), broken.begin(), broken.end());
  const double lateness_s = or_zero(quantile_of(load.lateness_s, 0.99));
  if (analysis::came_late(lateness_s, summary.ttft)) {
    warnings.push_back(fmt::format(
        "arrivals were up to {:.2f} ms late (P99), more than {:.0f} % of the median TTFT of {:.1f} "
        "ms: the machine is too busy for this load",
        1e3 * lateness_s, 100 * analysis::most_lateness, summary.ttft.median));
  }
  if (analysis::was_too_busy(load.spare_cpu_busy)) {
    warnings.push_back(fmt::format(
        "the cores that compute is not pinned to were {:.0f} % busy: network and copies "
        "may have waited for a core",
        100 * load.spare_cpu_busy));
  }
  return warnings;
}

}  // namespace calvo::cli
