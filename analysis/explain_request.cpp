// One request: what it waited for, whom and where, moment by moment.
#include <algorithm>
#include <set>
#include <tuple>

#include "analysis/explain.hpp"
#include "analysis/explain_split.hpp"
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

std::string of_instance(std::uint32_t instance, std::string_view what) {
  return "instance" + std::to_string(instance) + "." + std::string(what);
}

}  // namespace

/// Attributes the time of one request, piece by piece.
class RequestExplainer {
public:
  RequestExplainer(const Explainer& explainer, const ExplainRequest& request)
      : all_(explainer), evidence_(explainer.evidence_), request_(request) {}

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
    return std::move(pieces_);
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
      stage_ = marks_[i].stage;
      if (wait == nullptr) {
        add(from, until, until - from, Culprit::none, "", How::unknown, {});
      } else {
        attribute(*wait, from, until);
      }
      from = until;
    }
  }

  void attribute(const ExplainWait& wait, Instant from, Instant to) {
    const std::uint32_t instance = request_.instance;
    const auto all = [&](Culprit culprit, std::string resource, How how) {
      add(from, to, to - from, culprit, std::move(resource), how, {});
    };
    switch (wait.why) {
      case Waiting::lookup:
        return all(Culprit::lookup, of_instance(instance, "lookup"), How::own);
      case Waiting::prefetch_bound:
        return all(Culprit::request_limit, of_instance(instance, "prefetch_requests"), How::full);
      case Waiting::network:
        return own_transfers(true, wait.whose, from, to);
      case Waiting::pcie:
        return own_transfers(false, wait.whose, from, to);
      case Waiting::network_window:
        return others_transfers(true, from, to);
      case Waiting::pcie_window:
        return others_transfers(false, from, to);
      case Waiting::host_memory:
        return all(Culprit::host_memory, of_instance(instance, "host_memory"), How::full);
      case Waiting::gpu_memory:
        return gpu_memory(from, to);
      case Waiting::load_start:
      case Waiting::copy_start:
      case Waiting::step:
      case Waiting::step_loads:
      case Waiting::compute:
      case Waiting::decode:
        return by_step(wait.why, from, to);
      case Waiting::unknown:
        break;
    }
    all(Culprit::none, "", How::unknown);
  }

  // ------------------------------------------------------------------------ transfers

  /// Transfers that may be under way in [from, to), by date.
  template <class Take>
  std::vector<std::uint32_t> transfers(Instant from, Instant to, Take&& take) const {
    const std::vector<std::uint32_t>& here = all_.transfers_of_[request_.instance];
    const auto& list = evidence_.transfers;
    const Instant earliest = from - all_.longest_[request_.instance];
    auto next = std::ranges::lower_bound(here, earliest, {},
                                         [&](std::uint32_t i) { return list[i].posted; });
    std::vector<std::uint32_t> found;
    for (; next != here.end() && list[*next].posted < to; ++next) {
      if (list[*next].end > from && list[*next].inward && take(list[*next])) found.push_back(*next);
    }
    return found;
  }

  /// Calls use(from, to, transfers under way) for parts of [from, to) in which nothing changes.
  template <class Use>
  void sweep(const std::vector<std::uint32_t>& list, Instant from, Instant to, Use&& use) const {
    std::set<Instant> cuts{from, to};
    const auto cut = [&](Instant date) {
      if (from < date && date < to) cuts.insert(date);
    };
    for (const std::uint32_t i : list) {
      const ExplainTransfer& transfer = evidence_.transfers[i];
      cut(transfer.posted);
      cut(transfer.begin);
      cut(transfer.end);
      for (const LimitSpan& span : all_.limits_[i]) cut(span.from);
    }
    for (auto begin = cuts.begin(), end = std::next(begin); end != cuts.end(); ++begin, ++end) {
      std::vector<std::uint32_t> active;
      for (const std::uint32_t i : list) {
        const ExplainTransfer& transfer = evidence_.transfers[i];
        if (transfer.posted <= *begin && *end <= transfer.end) active.push_back(i);
      }
      use(*begin, *end, active);
    }
  }

  const LimitSpan* limit_at(std::uint32_t transfer, Instant date) const {
    for (const LimitSpan& span : all_.limits_[transfer]) {
      if (span.from <= date && date < span.to) return &span;
    }
    return nullptr;
  }

  std::pair<Culprit, std::string> limits_of(const LimitSpan& span) const {
    Culprit culprit = evidence_.links[span.links.front()].kind;
    std::string names;
    for (const std::uint32_t link : span.links) {
      const ExplainLink& info = evidence_.links[link];
      if (info.kind != culprit) culprit = Culprit::alike;
      names += (names.empty() ? "" : " = ") + info.name;
    }
    return {culprit, names};
  }

  bool before(RequestId other) const {
    const ExplainRequest* its = all_.find(other);
    if (its == nullptr) return true;
    const Instant mine = request_.times.arrival;
    return std::tuple(its->times.arrival, raw(other)) < std::tuple(mine, raw(request_.id));
  }

  /// `time` of a resource that worked for these.
  void for_whom(Instant from, Instant to, Nanoseconds time, Culprit culprit,
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

  void flowing(std::uint32_t transfer, Instant from, Instant to, Nanoseconds time, bool own) {
    const ExplainTransfer& its = evidence_.transfers[transfer];
    const LimitSpan* span = limit_at(transfer, from);
    if (span == nullptr || span->links.empty()) {
      const Culprit culprit = from < its.begin ? Culprit::set_up : Culprit::none;
      const How how = culprit == Culprit::none     ? How::unknown
                      : its.request == request_.id ? How::own
                                                   : How::others;
      const char* what = its.network ? "network.set_up" : "pcie.set_up";
      return add(from, to, time, culprit,
                 culprit == Culprit::none ? "" : of_instance(its.instance, what), how, {});
    }
    const auto [culprit, resource] = limits_of(*span);
    if (!own) return for_whom(from, to, time, culprit, resource, {its.request});
    const double weights[] = {span->share, 1 - span->share};
    const std::vector<Nanoseconds> parts = split_time(time, weights);
    const bool mine = its.request == request_.id;
    std::vector<RequestId> whose;
    if (!mine) whose.push_back(its.request);
    add(from, to, parts[0], culprit, resource, mine ? How::own : How::shared, whose);
    add(from, to, parts[1], culprit, resource, How::beside, span->beside);
  }

  void own_transfers(bool network, RequestId whose, Instant from, Instant to) {
    const auto list = transfers(from, to, [&](const ExplainTransfer& transfer) {
      return transfer.network == network && transfer.request == whose;
    });
    sweep(list, from, to, [&](Instant begin, Instant end, const std::vector<std::uint32_t>& now) {
      if (now.empty()) {
        return add(begin, end, end - begin, Culprit::software,
                   of_instance(request_.instance, "engine"), How::unseen, {});
      }
      share_out(begin, end, now, true);
    });
  }

  void others_transfers(bool network, Instant from, Instant to) {
    const auto list = transfers(
        from, to, [&](const ExplainTransfer& transfer) { return transfer.network == network; });
    sweep(list, from, to, [&](Instant begin, Instant end, std::vector<std::uint32_t> now) {
      // Copies behind a running fetch do not count against the window.
      std::erase_if(now, [&](std::uint32_t i) {
        const std::int64_t leader = evidence_.transfers[i].follows;
        return leader >= 0 && evidence_.transfers[static_cast<std::size_t>(leader)].end > begin;
      });
      if (now.empty()) {
        return add(begin, end, end - begin, Culprit::software,
                   of_instance(request_.instance, "engine"), How::unseen, {});
      }
      share_out(begin, end, now, false);
    });
  }

  void share_out(Instant from, Instant to, const std::vector<std::uint32_t>& now, bool own) {
    const std::vector<double> weights(now.size(), 1.0);
    const std::vector<Nanoseconds> parts = split_time(to - from, weights);
    for (std::size_t i = 0; i < now.size(); ++i) flowing(now[i], from, to, parts[i], own);
  }

  // ------------------------------------------------------------------------ steps

  /// Calls use(from, to, step or null) for the parts of [from, to).
  template <class Use>
  void steps(Instant from, Instant to, Use&& use) const {
    const std::vector<std::uint32_t>& here = all_.steps_of_[request_.instance];
    auto next = std::ranges::upper_bound(here, from, {},
                                         [&](std::uint32_t i) { return evidence_.steps[i].end; });
    for (; next != here.end() && from < to; ++next) {
      const ExplainStep& step = evidence_.steps[*next];
      if (step.formed >= to) break;
      if (from < step.formed) use(from, step.formed, nullptr);
      const Instant begin = std::max(from, step.formed);
      const Instant end = std::min(to, step.end);
      if (begin < end) use(begin, end, &step);
      from = std::max(from, end);
    }
    if (from < to) use(from, to, nullptr);
  }

  void gpu_memory(Instant from, Instant to) {
    const std::string resource = of_instance(request_.instance, "gpu_memory");
    steps(from, to, [&](Instant begin, Instant end, const ExplainStep* step) {
      std::vector<RequestId> holders;
      if (step != nullptr) {
        holders = step->prompts;
        holders.insert(holders.end(), step->decodes.begin(), step->decodes.end());
        std::erase(holders, request_.id);
        std::ranges::sort(holders);
      }
      add(begin, end, end - begin, Culprit::gpu_memory, resource, How::full, std::move(holders));
    });
  }

  void by_step(Waiting why, Instant from, Instant to) {
    steps(from, to, [&](Instant begin, Instant end, const ExplainStep* step) {
      if (step == nullptr) {
        return add(begin, end, end - begin, Culprit::none, "", How::unknown, {});
      }
      if (begin < step->begin) loads_of_step(step->prompts, begin, std::min(end, step->begin));
      if (step->begin < end) in_step(why, *step, std::max(begin, step->begin), end);
    });
  }

  /// The step waits for loads of its members, and with it all that wait for the step.
  void loads_of_step(const std::vector<RequestId>& members, Instant from, Instant to) {
    const auto list = transfers(from, to, [](const ExplainTransfer&) { return true; });
    sweep(list, from, to, [&](Instant begin, Instant end, std::vector<std::uint32_t> now) {
      const bool network =
          std::ranges::any_of(now, [&](std::uint32_t i) { return evidence_.transfers[i].network; });
      std::erase_if(now, [&](std::uint32_t i) {
        return evidence_.transfers[i].network != network;  // copies go on behind what is fetched
      });
      if (now.empty()) return memory_of_members(members, begin, end);
      const std::vector<double> weights(now.size(), 1.0);
      const std::vector<Nanoseconds> parts = split_time(end - begin, weights);
      for (std::size_t i = 0; i < now.size(); ++i) {
        flowing(now[i], begin, end, parts[i], evidence_.transfers[now[i]].request == request_.id);
      }
    });
  }

  /// Nothing is under way for the step: the memory that its first member in this plight waits for.
  void memory_of_members(const std::vector<RequestId>& members, Instant from, Instant to) {
    for (const RequestId member : members) {
      const auto key = [](const ExplainWait& wait) {
        return std::pair(raw(wait.request), wait.from);
      };
      auto wait = std::ranges::upper_bound(evidence_.waits, std::pair(raw(member), from), {}, key);
      if (wait == evidence_.waits.begin()) continue;
      --wait;
      if (wait->request != member || wait->to <= from) continue;
      const bool host = wait->why == Waiting::host_memory;
      if (!host && wait->why != Waiting::gpu_memory) continue;
      const Instant until = std::min(to, wait->to);
      add(from, until, until - from, host ? Culprit::host_memory : Culprit::gpu_memory,
          of_instance(request_.instance, host ? "host_memory" : "gpu_memory"), How::full,
          without_self({member}));
      from = until;
      break;
    }
    if (from < to) add(from, to, to - from, Culprit::none, "", How::unknown, {});
  }

  void in_step(Waiting why, const ExplainStep& step, Instant from, Instant to) {
    const std::uint32_t instance = request_.instance;
    const double length = static_cast<double>((step.end - step.begin).count());
    const double software = std::min(length, static_cast<double>(step.software.count()));
    const bool own = why == Waiting::compute || why == Waiting::decode;
    const bool refused = !own && ready_ <= step.formed;
    if (refused && step.limit == StepLimit::max_running) {
      return add(from, to, to - from, Culprit::request_limit, of_instance(instance, "max_running"),
                 How::full, step.prompts);
    }
    // What a larger budget would have spared: the fixed part of a step that was full.
    const bool cut_short = why == Waiting::compute && step.end < request_.times.first_token;
    const bool budget =
        step.full && (cut_short || (refused && step.limit == StepLimit::token_budget));
    const double fixed =
        budget ? std::min(length, static_cast<double>(step.once.count())) : software;
    const double weights[] = {fixed, length - fixed};
    const std::vector<Nanoseconds> parts = split_time(to - from, weights);
    if (budget) {
      add(from, to, parts[0], Culprit::token_budget, of_instance(instance, "token_budget"),
          How::full, without_self(step.prompts));
    } else {
      add(from, to, parts[0], Culprit::software, of_instance(instance, "engine"),
          own ? How::own : How::others, {});
    }
    const std::string gpu = of_instance(instance, "gpu");
    if (why == Waiting::compute || (why == Waiting::decode && step.prompts.empty())) {
      add(from, to, parts[1], Culprit::gpu_compute, gpu, How::own, {});
    } else {
      for_whom(from, to, parts[1], Culprit::gpu_compute, gpu, step.prompts);
    }
  }

  std::vector<RequestId> without_self(std::vector<RequestId> list) const {
    std::erase(list, request_.id);
    return list;
  }

  // ------------------------------------------------------------------------

  void add(Instant from, Instant to, Nanoseconds time, Culprit culprit, std::string resource,
           How how, std::vector<RequestId> whom) {
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

  const Explainer& all_;
  const ExplainEvidence& evidence_;
  const ExplainRequest& request_;
  std::vector<Mark> marks_;
  std::vector<ExplainPiece> pieces_;
  Stage stage_ = Stage::lookup;
  Instant ready_{};
  bool for_step_ = false;
};

std::vector<ExplainPiece> Explainer::pieces(std::size_t index) const {
  CALVO_EXPECT(index < evidence_.requests.size());
  return RequestExplainer(*this, evidence_.requests[index]).run();
}

}  // namespace calvo::analysis
