#include "analysis/explain_pieces.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "analysis/explain_split.hpp"

namespace calvo::analysis {

void PieceList::add(Instant from, Instant to, Nanoseconds time, Culprit culprit,
                    std::string resource, How how, std::vector<RequestId> whom) {
  if (time.count() <= 0) return;
  std::ranges::sort(whom);
  ExplainPiece piece{from, to, time, stage_, culprit, std::move(resource), how, std::move(whom)};
  // Pieces of one interval stand side by side, so the one to go on with may be a few back.
  const std::size_t look = std::min<std::size_t>(pieces_.size(), 8);
  for (std::size_t i = pieces_.size(); i > pieces_.size() - look; --i) {
    ExplainPiece& last = pieces_[i - 1];
    if (last.to != from || last.stage != piece.stage || last.culprit != piece.culprit ||
        last.resource != piece.resource || last.how != piece.how || last.whom != piece.whom) {
      continue;
    }
    last.to = to;
    last.time += time;
    return;
  }
  pieces_.push_back(std::move(piece));
}

void PieceList::add_busy(Instant from, Instant to, Nanoseconds time, Culprit culprit,
                         const std::string& resource, const std::vector<RequestId>& whom) {
  std::vector<RequestId> sides[2];
  for (const RequestId other : whom) {
    if (other != request_.id) sides[before(other) ? 0 : 1].push_back(other);
  }
  if (sides[0].empty() && sides[1].empty()) {
    return add(from, to, time, culprit, resource, How::others, {});
  }
  const double weights[] = {static_cast<double>(sides[0].size()),
                            static_cast<double>(sides[1].size())};
  const std::vector<Nanoseconds> parts = split_time(time, weights);
  add(from, to, parts[0], culprit, resource, How::earlier, sides[0]);
  add(from, to, parts[1], culprit, resource, How::later, sides[1]);
}

std::string PieceList::of_instance(std::string_view what) const {
  return "instance" + std::to_string(request_.instance) + "." + std::string(what);
}

bool PieceList::before(RequestId other) const {
  const ExplainRequest* its = index_.find(other);
  if (its == nullptr) return true;
  const Instant mine = request_.times.arrival;
  return std::tuple(its->times.arrival, raw(other)) < std::tuple(mine, raw(request_.id));
}

}  // namespace calvo::analysis
