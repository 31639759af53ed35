#pragma once

#include <nlohmann/json.hpp>

#include "report/sources.hpp"

namespace calvo::report {

/// Runs beyond these are shown without their requests and without plots over time.
inline constexpr std::size_t most_detailed_runs = 12;

/// The content of a report: what report/web/ draws. The same sources give the same model.
///   title, made_by     texts
///   notes              texts: what was left out
///   x                  {label, unit}: the horizontal axis of the plots over the load; may be null
///   points             {engine, real, variant, load, x, runs, metrics}: metrics as sweep.json has
///                      them
///   groups             {engine, real, variant, load, rate, runs: [index], distribution, stages}
///   pairs              {simulated, real}: indices of groups of the same scenario and engine
///   runs               {label, directory, engine, seed, real, group, summary, environment,
///                      scenario, requests, time, occupancy}; the last three may be null
///   differences        {key, values}: what the scenarios of the runs do not agree in
///   sweeps             {directory, sweep}: sweep.json but for its cells
nlohmann::ordered_json model_of(const Sources& sources, const std::string& version);

}  // namespace calvo::report
