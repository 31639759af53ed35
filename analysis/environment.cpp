#include "analysis/environment.hpp"

namespace calvo::analysis {

nlohmann::ordered_json to_json(const Environment& environment) {
  nlohmann::ordered_json json = {{"driver", environment.driver}};
  if (!environment.fabric.empty()) json["fabric"] = environment.fabric;
  if (!environment.device.empty()) json["device"] = environment.device;
  json.update({{"command", environment.command},
               {"version", environment.version},
               {"git_commit", environment.git_commit},
               {"compiler", environment.compiler},
               {"build_type", environment.build_type},
               {"simgrid_version", environment.simgrid_version},
               {"host", environment.host},
               {"cpu", environment.cpu},
               {"date", environment.date},
               {"wall_s", environment.wall_s},
               {"cpu_s", environment.cpu_s},
               {"total_cpu_s", environment.total_cpu_s},
               {"peak_memory_bytes", environment.peak_memory_bytes},
               {"requests_per_cpu_s", environment.requests_per_cpu_s},
               {"events_per_cpu_s", environment.events_per_cpu_s}});
  return json;
}

}  // namespace calvo::analysis
