// What tells the scenarios of runs apart besides engine and seed.
#pragma once

#include <string>
#include <vector>

namespace calvo::analysis {

struct ScenarioOrigin {
  std::string directory;
  std::string scenario;  ///< its name
  std::string engine;
  bool real = false;
};

/// Of each run, what distinguishes its scenario from those of the others: nothing if there is one
/// scenario, else its name and, where runs of that name differ, what they set differently
/// ("demo, rate 4"). Two runs have the same text only if they may be compared: only seed, engine,
/// what a run leaves on disk and, between a simulation and a real run, what a calibration says
/// (hardware, costs) differ. Settings of an engine distinguish runs of one engine name. A run
/// without a resolved scenario is known by its name alone. Throws InputError if a scenario cannot
/// be read.
std::vector<std::string> distinguishing_settings(const std::vector<ScenarioOrigin>& runs);

}  // namespace calvo::analysis
