// What a request waits for while loads are under way: links, and those who fill them.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "analysis/explain_pieces.hpp"

namespace calvo::analysis {

/// Adds pieces for [from, to), in which the request waits for what the function says.
class TransferCauses {
public:
  /// Both outlive it.
  TransferCauses(const ExplainIndex& index, PieceList& pieces)
      : index_(index), request_(pieces.request()), pieces_(pieces) {}

  /// Transfers of `whose`, which bring what it needs itself.
  void own(bool network, RequestId whose, Instant from, Instant to);
  /// Room in the window that other transfers fill.
  void others(bool network, Instant from, Instant to);
  /// The loads of a step's members. Calls idle(from, to) where none is under way.
  void of_step(Instant from, Instant to, const std::function<void(Instant, Instant)>& idle);

private:
  using Indices = std::vector<std::uint32_t>;  ///< of transfers
  using Takes = std::function<bool(const ExplainTransfer&)>;
  using Use = std::function<void(Instant, Instant, const Indices&)>;

  /// Those that `takes` wants and that may be under way in [from, to), by date.
  Indices under_way(Instant from, Instant to, const Takes& takes) const;
  /// Calls use(from, to, those of `list` that are under way) for parts of [from, to) in which
  /// nothing changes.
  void each_part(const Indices& list, Instant from, Instant to, const Use& use) const;
  const LimitSpan* limit_at(std::uint32_t transfer, Instant date) const;
  std::pair<Culprit, std::string> limits_of(const LimitSpan& span) const;
  void share_out(Instant from, Instant to, const Indices& now, const Takes& is_own);
  void flowing(std::uint32_t transfer, Instant from, Instant to, Nanoseconds time, bool own);
  void unseen(Instant from, Instant to);

  const ExplainIndex& index_;
  const ExplainRequest& request_;
  PieceList& pieces_;
};

}  // namespace calvo::analysis
