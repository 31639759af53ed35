// What a run's log shows of its requests, transfers and steps.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/request.hpp"
#include "core/waiting.hpp"

namespace calvo::analysis {

/// What a request can have waited for, as a kind of thing that can be made larger.
enum class Culprit : std::uint8_t {
  storage_nic,
  serving_nic,
  fabric,  ///< cables between switches
  pcie_switch,
  pcie_lane,
  dram,
  alike,  ///< links of several kinds that limit alike: none helps alone
  gpu_compute,
  gpu_memory,
  host_memory,
  token_budget,
  request_limit,  ///< concurrent_prefills, max_running, prefetch_requests
  software,       ///< fixed costs of the engine
  set_up,         ///< of transfers: latency and cost per operation
  lookup,
  none,  ///< not attributed
};
/// "storage NIC", "token budget", ...; none: "not attributed"
std::string_view name_of(Culprit culprit);

struct ExplainLink {
  std::string name;  ///< "storage0.nic0.tx"
  Culprit kind{};
  double capacity = 0;  ///< bytes/s
};

/// A link that a transfer crosses with `share` of its bytes.
struct ExplainCrossing {
  std::uint32_t link = 0;
  double share = 1;
};

struct ExplainTransfer {
  bool network = false;  ///< a fetch or store; else over PCIe
  bool inward = true;    ///< towards the GPU; else a write-back, which no request waits for
  std::uint32_t instance = 0;
  RequestId request{};               ///< inward only
  Instant posted{}, begin{}, end{};  ///< begin: first byte, at the earliest
  std::vector<ExplainCrossing> links;
  double cap = 0;  ///< bytes/s at this size of operation, whatever the links carry
  std::vector<std::uint32_t> cap_links;  ///< of `links`, those whose operations are that slow
  std::int64_t follows = -1;             ///< index of the fetch whose blocks it copies as they land
};

struct ExplainStep {
  std::uint32_t instance = 0;
  Instant formed{}, begin{}, end{};  ///< formed .. begin: waits for loads of its members
  std::vector<RequestId> prompts;    ///< with tokens of their prompts in it
  std::vector<RequestId> decodes;
  bool full = false;        ///< it has as many tokens as the budget allows
  StepLimit limit{};        ///< why it took no more requests
  Nanoseconds software{0};  ///< of its time, fixed cost of the engine
  Nanoseconds once{0};      ///< of its time, what a larger step would not take twice, with that
};

/// A request waited for this from `from` until `to`.
struct ExplainWait {
  RequestId request{};
  Waiting why{};
  RequestId whose{};
  Instant from{}, to{};
};

struct ExplainRequest {
  RequestId id{};
  std::uint32_t instance = 0;
  Tokens input, cached, output;
  RequestTimes times;
  Nanoseconds deadline{Nanoseconds::max()};
  Outcome outcome = Outcome::unfinished;
  bool measured = true;    ///< arrived after the warm-up: counts in totals
  bool late = false;       ///< missed its objectives
  bool late_ttft = false;  ///< at least that for the first token
};

/// Requests by id; transfers by date of posting; steps by date; waits by request, then date.
struct ExplainEvidence {
  Instant end{};  ///< of the run
  std::vector<ExplainLink> links;
  std::vector<ExplainTransfer> transfers;
  std::vector<ExplainStep> steps;
  std::vector<ExplainWait> waits;
  std::vector<Decision> decisions;  ///< by date
  std::vector<ExplainRequest> requests;
};

}  // namespace calvo::analysis
