#pragma once

#include <cstdint>
#include <string>

#include <nlohmann/json.hpp>

namespace calvo::analysis {

/// How a run came about and what it cost: everything that may differ between two runs of the same
/// scenario and seed, and therefore stays out of the other files.
struct Environment {
  std::string driver;  ///< who executed the commands: "sim" or "realrun"
  std::string fabric;  ///< realrun: by name; the next likewise
  std::string device;
  std::string command;
  std::string version;
  std::string git_commit;  ///< when the build was configured; empty if unknown
  std::string compiler;
  std::string build_type;
  std::string simgrid_version;
  std::string host;
  std::string cpu;
  std::string date;  ///< ISO 8601, UTC
  double wall_s = 0;
  double cpu_s = 0;        ///< user + system, of the simulation itself
  double total_cpu_s = 0;  ///< of the process so far: reading the trace included
  std::int64_t peak_memory_bytes = 0;
  double requests_per_cpu_s = 0;  ///< over cpu_s
  double events_per_cpu_s = 0;
};

nlohmann::ordered_json to_json(const Environment& environment);

}  // namespace calvo::analysis
