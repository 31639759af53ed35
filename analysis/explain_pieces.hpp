// The pieces of one request as they are found.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "analysis/explain.hpp"

namespace calvo::analysis {

/// Collects them. Those alike that follow one another are one.
class PieceList {
public:
  /// Both outlive it.
  PieceList(const ExplainIndex& index, const ExplainRequest& request)
      : index_(index), request_(request) {}

  const ExplainRequest& request() const { return request_; }
  /// Of the pieces that are added from here on.
  void enter(Stage stage) { stage_ = stage; }

  void add(Instant from, Instant to, Nanoseconds time, Culprit culprit, std::string resource,
           How how, std::vector<RequestId> whom);
  /// `time` of a resource that worked for these: busy for earlier and for later ones.
  void add_busy(Instant from, Instant to, Nanoseconds time, Culprit culprit,
                const std::string& resource, const std::vector<RequestId>& whom);
  /// "instance0.what", of the request's instance.
  std::string of_instance(std::string_view what) const;

  std::vector<ExplainPiece> take() { return std::move(pieces_); }

private:
  bool before(RequestId other) const;

  const ExplainIndex& index_;
  const ExplainRequest& request_;
  Stage stage_ = Stage::lookup;
  std::vector<ExplainPiece> pieces_;
};

}  // namespace calvo::analysis
