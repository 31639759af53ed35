// What follows from a scenario's options: memory in blocks, models, requests with deadlines.
#pragma once

#include <map>
#include <string>

#include "scenarios/draft.hpp"
#include "scenarios/scenario.hpp"

namespace calvo::scenarios {

/// Fills everything of a Scenario but its texts. `root` is the section that `draft` was read from:
/// errors name its places. Throws InputError.
Scenario derive(const Draft& draft, const YamlSection& root, const FieldContext& context);

/// What a workload is, without its requests.
struct WorkloadFacts {
  std::size_t requests = 0;
  Tokens shortest{0};    ///< input + output of the shortest request
  Instant last_start{};  ///< the last arrival that is known before anything runs
};
/// By their text, block size and seed.
using KnownWorkloads = std::map<std::string, WorkloadFacts>;

/// Throws what derive() would throw. Makes no models, and no workload that is known.
WorkloadFacts check_draft(const Draft& draft, const YamlSection& root, const FieldContext& context,
                          KnownWorkloads& known);

/// Blocks of the tiers. Throws InputError if the model does not fit, a block is larger than a tier,
/// or the engine loads through a host tier that does not exist.
control::InstanceResources derive_instance(const Draft& draft, const YamlSection& root);
std::int64_t derive_remote_blocks(const Draft& draft, const YamlSection& root, Bytes block_bytes);

}  // namespace calvo::scenarios
