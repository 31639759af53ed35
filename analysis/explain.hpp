// Where the time of late requests went: by stage, resource and cause. docs/explain.md has the rules
// of attribution in words.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/explain_index.hpp"

namespace calvo::analysis {

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

/// Of measured requests.
struct ExplainTable {
  std::int64_t requests = 0;
  std::int64_t not_measured = 0;  ///< arrived during the warm-up: in nothing else here
  std::int64_t late = 0;
  std::int64_t late_ttft = 0;
  std::int64_t rejected = 0;       ///< late, and in no row: they never waited
  Nanoseconds time{0};             ///< of all late requests that were not rejected
  std::vector<ExplainRow> rows;    ///< most time first
  std::vector<ExplainKind> kinds;  ///< most time first; `none` is the residual
  std::int64_t overtaken = 0;      ///< late requests with any piece of How::later
};

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
  ExplainIndex index_;
};

}  // namespace calvo::analysis
