// Where the time of late requests went: by stage, resource and cause. docs/explain.md has the rules
// of attribution in words.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
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

enum class Stage : std::uint8_t { lookup, queue, network, pcie, compute, decode };
std::string_view name_of(Stage stage);

/// How it stood between the request and the resource.
enum class How : std::uint8_t {
  own,      ///< it used the resource itself
  shared,   ///< another's transfer brought what it needed too
  earlier,  ///< others used it, that had arrived before
  later,    ///< others used it, that arrived after it: the order put them first
  beside,   ///< it used the resource itself, and others did at the same time
  others,   ///< work of nobody in particular, such as decoding or write-back
  full,     ///< a memory or a limit was used up
  unseen,   ///< it was done, and the engine had not looked yet
  unknown,
};
std::string_view name_of(How how);

/// ------------------------------------------------------------------ what a run's log shows

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

/// ------------------------------------------------------------------ what came of it

/// Part of a request's time with one cause.
struct ExplainPiece {
  Instant from{}, to{};
  Nanoseconds time{0};  ///< of that interval: less than all where causes share it
  Stage stage{};
  Culprit culprit = Culprit::none;
  std::string resource;  ///< "storage0.nic0.tx"; two that limited alike are joined by " = "
  How how = How::unknown;
  std::vector<RequestId> whom;  ///< for whom the resource worked, by id

  friend bool operator==(const ExplainPiece&, const ExplainPiece&) = default;
};

struct ExplainBlame {
  RequestId request{};
  Nanoseconds time{0};
};

struct ExplainRow {
  Stage stage{};
  Culprit culprit{};
  std::string resource;
  How how{};
  Nanoseconds time{0};
  std::int64_t requests = 0;         ///< late ones that have any of it
  std::vector<ExplainBlame> blamed;  ///< at most three, most time first
};

struct ExplainKind {
  Culprit culprit{};
  Nanoseconds time{0};
  std::int64_t worst_of = 0;           ///< late requests that lost most of their time here
  std::vector<std::string> resources;  ///< most time first
};

struct ExplainTable {
  std::int64_t requests = 0;
  std::int64_t late = 0;
  std::int64_t late_ttft = 0;
  std::int64_t rejected = 0;       ///< late, and in no row: they never waited
  Nanoseconds time{0};             ///< of all late requests that were not rejected
  std::vector<ExplainRow> rows;    ///< most time first
  std::vector<ExplainKind> kinds;  ///< most time first; `none` is the residual
  std::int64_t overtaken = 0;      ///< late requests with any piece of How::later
};

/// From when until when these links limited a transfer.
struct LimitSpan {
  Instant from{}, to{};
  std::vector<std::uint32_t> links;  ///< ascending; several: alike
  double share = 1;                  ///< of the rate that it would have had alone
  std::vector<RequestId> beside;     ///< requests with other transfers on these links, ascending

  friend bool operator==(const LimitSpan&, const LimitSpan&) = default;
};

/// For each transfer, what limited it while it flowed, by date: the links that max-min fair sharing
/// between all transfers in flight would have filled first, or those of `cap_links`.
/// Source: Bertsekas and Gallager, Data Networks (2nd ed., 1992), section 6.5.2.
std::vector<std::vector<LimitSpan>> limiting_links(const ExplainEvidence& evidence);

/// Attributes the time of requests. Borrows the evidence.
class Explainer {
public:
  explicit Explainer(const ExplainEvidence& evidence);

  /// The pieces of one request, by date: from its arrival to its first token, or, if that was in
  /// time and the request late all the same, from there to its last one; to the end of the run
  /// where that never came. Their times sum to that span. None if it was rejected.
  /// Requires: `index` into evidence.requests.
  std::vector<ExplainPiece> pieces(std::size_t index) const;

  ExplainTable table() const;

private:
  friend class RequestExplainer;

  const ExplainRequest* find(RequestId id) const;

  const ExplainEvidence& evidence_;
  std::vector<std::vector<LimitSpan>> limits_;               ///< by transfer
  std::vector<std::vector<std::uint32_t>> transfers_of_;     ///< by instance, by date
  std::vector<std::vector<std::uint32_t>> steps_of_;         ///< by instance, by date
  std::vector<Nanoseconds> longest_;                         ///< of its transfers, by instance
  std::unordered_map<std::uint64_t, std::size_t> index_of_;  ///< of a request, by id
};

}  // namespace calvo::analysis
