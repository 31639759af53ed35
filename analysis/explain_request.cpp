// One request: what it waited for, whom and where, moment by moment.
#include <algorithm>

#include "analysis/explain.hpp"
#include "analysis/explain_steps.hpp"
#include "analysis/request_metrics.hpp"
#include "core/contract.hpp"

namespace calvo::analysis {
namespace {

/// Where the stages of a request meet; stages that it has not reached begin with the end of `span`.
StageDates dates_of(const RequestTimes& times, Instant end) {
  if (times.first_token != never) return stage_dates_of(times);
  const auto or_end = [&](Instant date) { return std::min(date, end); };
  StageDates dates;
  dates.looked_up = or_end(times.lookup_done);
  dates.load_start = std::max(dates.looked_up, or_end(times.load_start));
  dates.network_done = std::max(dates.load_start, or_end(times.network_done));
  dates.loaded = std::max(dates.network_done, or_end(times.loaded));
  dates.prefill_start = std::max(dates.loaded, or_end(times.prefill_start));
  return dates;
}

/// Attributes the time of one request, piece by piece.
class RequestExplainer {
public:
  RequestExplainer(const ExplainIndex& index, const ExplainRequest& request)
      : evidence_(index.evidence),
        request_(request),
        pieces_(index, request),
        transfers_(index, pieces_),
        steps_(index, pieces_, transfers_) {}

  std::vector<ExplainPiece> run() {
    if (request_.outcome == Outcome::rejected) return {};
    const RequestTimes& times = request_.times;
    const bool to_first = times.first_token == never || request_.late_ttft || !request_.late;
    const Instant from = to_first ? times.arrival : times.first_token;
    const Instant last = to_first ? times.first_token : times.finish;
    const Instant to = std::min(last, evidence_.end);
    if (from >= to) return {};
    marks_ = to_first ? stage_marks(from, to) : std::vector<Mark>{{from, Stage::decode}};
    const auto first = std::ranges::lower_bound(
        evidence_.waits, raw(request_.id), {}, [](const ExplainWait& w) { return raw(w.request); });
    Instant at = from;
    for (auto wait = first; wait != evidence_.waits.end() && wait->request == request_.id; ++wait) {
      note_ready(*wait);
      const Instant begin = std::clamp(wait->from, at, to);
      const Instant end = std::clamp(wait->to, begin, to);
      by_stage(at, begin, nullptr);  // a hole in the record
      by_stage(begin, end, &*wait);
      at = end;
    }
    by_stage(at, to, nullptr);
    return pieces_.take();
  }

private:
  struct Mark {
    Instant from;
    Stage stage;
  };

  std::vector<Mark> stage_marks(Instant from, Instant to) const {
    const StageDates dates = dates_of(request_.times, to);
    return {{from, Stage::lookup},
            {dates.looked_up, Stage::queue},
            {dates.load_start, Stage::network},
            {dates.network_done, Stage::pcie},
            {dates.loaded, Stage::queue},
            {dates.prefill_start, Stage::compute}};
  }

  /// Since when it has waited for steps without a break.
  void note_ready(const ExplainWait& wait) {
    const bool for_step = wait.why == Waiting::step || wait.why == Waiting::load_start ||
                          wait.why == Waiting::copy_start;
    if (for_step && !for_step_) ready_ = wait.from;
    for_step_ = for_step;
  }

  void by_stage(Instant from, Instant to, const ExplainWait* wait) {
    for (std::size_t i = 0; i < marks_.size() && from < to; ++i) {
      const Instant until = i + 1 < marks_.size() ? std::min(to, marks_[i + 1].from) : to;
      if (until <= from) continue;
      pieces_.enter(marks_[i].stage);
      if (wait == nullptr) {
        pieces_.add(from, until, until - from, Culprit::none, "", How::unknown, {});
      } else {
        attribute(*wait, from, until);
      }
      from = until;
    }
  }

  void attribute(const ExplainWait& wait, Instant from, Instant to) {
    const auto all = [&](Culprit culprit, const char* what, How how) {
      pieces_.add(from, to, to - from, culprit, pieces_.of_instance(what), how, {});
    };
    switch (wait.why) {
      case Waiting::lookup:
        return all(Culprit::lookup, "lookup", How::own);
      case Waiting::prefetch_bound:
        return all(Culprit::request_limit, "prefetch_requests", How::full);
      case Waiting::network:
        return transfers_.own(true, wait.whose, from, to);
      case Waiting::pcie:
        return transfers_.own(false, wait.whose, from, to);
      case Waiting::network_window:
        return transfers_.others(true, from, to);
      case Waiting::pcie_window:
        return transfers_.others(false, from, to);
      case Waiting::host_memory:
        return all(Culprit::host_memory, "host_memory", How::full);
      case Waiting::gpu_memory:
        return steps_.gpu_memory(from, to);
      case Waiting::load_start:
      case Waiting::copy_start:
      case Waiting::step:
      case Waiting::step_loads:
      case Waiting::compute:
      case Waiting::decode:
        return steps_.wait(wait.why, ready_, from, to);
      case Waiting::unknown:
        break;
    }
    pieces_.add(from, to, to - from, Culprit::none, "", How::unknown, {});
  }

  const ExplainEvidence& evidence_;
  const ExplainRequest& request_;
  PieceList pieces_;
  TransferCauses transfers_;
  StepCauses steps_;
  std::vector<Mark> marks_;
  Instant ready_{};  ///< since when it has waited for steps without a break
  bool for_step_ = false;
};

}  // namespace

std::vector<ExplainPiece> Explainer::pieces(std::size_t index) const {
  const std::vector<ExplainRequest>& requests = index_.evidence.requests;
  CALVO_EXPECT(index < requests.size());
  return RequestExplainer(index_, requests[index]).run();
}

}  // namespace calvo::analysis
