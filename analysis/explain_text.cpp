#include "analysis/explain_text.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <tuple>

#include <fmt/format.h>

#include "analysis/text_table.hpp"
#include "core/contract.hpp"

namespace calvo::analysis {
namespace {

constexpr std::size_t shown_rows = 16;
constexpr double shown_share = 0.0005;
constexpr std::size_t shown_ahead = 5;

std::string milliseconds(Nanoseconds time) {
  return fmt::format("{:.3f} ms", static_cast<double>(time.count()) * 1e-6);
}

std::string seconds_text(Nanoseconds time) {
  return fmt::format("{:.3f} s", to_seconds(time).count());
}

double share_of(Nanoseconds part, Nanoseconds whole) {
  return whole.count() > 0 ? static_cast<double>(part.count()) / static_cast<double>(whole.count())
                           : 0;
}

std::string percent(double share) {
  return fmt::format("{:.1f} %", 100 * share);
}

std::string counted(std::int64_t n, std::string_view what) {
  return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s");
}

std::string names(const std::vector<RequestId>& whom, std::size_t most) {
  std::string out;
  for (std::size_t i = 0; i < std::min(most, whom.size()); ++i) {
    out += fmt::format("{}{}", i == 0 ? "" : ", ", raw(whom[i]));
  }
  if (whom.size() > most) out += fmt::format(" and {} more", whom.size() - most);
  return out;
}

/// The culprit of most late requests; null where nothing was attributed.
const ExplainKind* worst(const ExplainTable& table) {
  const ExplainKind* found = nullptr;
  for (const ExplainKind& kind : table.kinds) {
    if (kind.culprit == Culprit::none) continue;
    if (found == nullptr || kind.worst_of > found->worst_of) found = &kind;
  }
  return found;
}

Nanoseconds residual(const ExplainTable& table) {
  for (const ExplainKind& kind : table.kinds) {
    if (kind.culprit == Culprit::none) return kind.time;
  }
  return Nanoseconds{0};
}

std::string resources_of(const ExplainKind& kind) {
  std::string out;
  for (std::size_t i = 0; i < std::min<std::size_t>(3, kind.resources.size()); ++i) {
    out += (i == 0 ? "" : ", ") + kind.resources[i];
  }
  return out + (kind.resources.size() > 3 ? ", ..." : "");
}

std::string closing(const ExplainTable& table) {
  const ExplainKind* kind = worst(table);
  if (kind == nullptr) return "No cause shows in the log.\n";
  return fmt::format(
      "Most often late because of: {} ({}), the largest part of the time of {} of {} late "
      "requests, {} of all their time.\n",
      name_of(kind->culprit), resources_of(*kind), kind->worst_of, table.late - table.rejected,
      percent(share_of(kind->time, table.time)));
}

/// A line where the run warmed up; else nothing.
std::string left_out(const ExplainTable& table) {
  if (table.not_measured == 0) return "";
  return fmt::format("{} that arrived during the warm-up left out, as in the run's metrics.\n",
                     counted(table.not_measured, "request"));
}

std::string decision_line(const Decision& decision, const ExplainLabels& labels) {
  std::string line = fmt::format("T_load {:.3f} ms, T_comp {:.3f} ms", 1e3 * decision.load.count(),
                                 1e3 * decision.compute.count());
  if (decision.deadline != never) {
    const double left = to_seconds(decision.deadline - decision.date).count();
    line += fmt::format(", deadline in {:.3f} ms, slack {:.3f} ms", 1e3 * left,
                        1e3 * (left - decision.load.count() - decision.compute.count()));
  }
  line += fmt::format("; keys: network {:.6g} ({}), pcie {:.6g} ({}), prefill {:.6g} ({})",
                      decision.network_key, labels.network_order, decision.pcie_key,
                      labels.pcie_order, decision.prefill_key, labels.prefill_order);
  return line;
}

/// A use of a resource that goes on while those beside it or in memory change is one line.
std::vector<ExplainPiece> merged(const std::vector<ExplainPiece>& pieces) {
  std::vector<ExplainPiece> out;
  std::map<std::tuple<Stage, Culprit, std::string, How>, std::size_t> last;
  for (const ExplainPiece& piece : pieces) {
    const bool may = piece.how == How::own || piece.how == How::beside || piece.how == How::full;
    const auto [found, fresh] = last.try_emplace(
        std::tuple(piece.stage, piece.culprit, piece.resource, piece.how), out.size());
    if (fresh || !may || out[found->second].to != piece.from) {
      found->second = out.size();
      out.push_back(piece);
      continue;
    }
    ExplainPiece& before = out[found->second];
    before.to = piece.to;
    before.time += piece.time;
    std::vector<RequestId> both;
    std::ranges::set_union(before.whom, piece.whom, std::back_inserter(both));
    before.whom = std::move(both);
  }
  return out;
}

}  // namespace

std::string_view words_for(How how, Culprit culprit) {
  switch (how) {
    case How::own:
      return culprit == Culprit::lookup ? "answer of the pool" : "its own use";
    case How::shared:
      return "another's transfer of what it needed too";
    case How::earlier:
      return "busy for earlier requests";
    case How::later:
      return "busy for later requests, which overtook";
    case How::beside:
      return "shared with others";
    case How::others:
      return culprit == Culprit::gpu_compute ? "busy decoding" : "in the way for others";
    case How::full:
      return culprit == Culprit::token_budget ? "used up" : "full";
    case How::unseen:
      return "done, not yet seen by the engine";
    case How::unknown:
      break;
  }
  return "no cause in the log";
}

ExplainedRequest explained(const ExplainEvidence& evidence, const Explainer& explainer,
                           std::size_t index) {
  CALVO_EXPECT(index < evidence.requests.size());
  ExplainedRequest out;
  out.request = &evidence.requests[index];
  out.pieces = explainer.pieces(index);
  std::map<RequestId, Nanoseconds> blamed;
  for (const ExplainPiece& piece : out.pieces) {
    for (const RequestId id : piece.whom) {
      blamed[id] += piece.time / static_cast<std::int64_t>(piece.whom.size());
    }
  }
  out.pieces = merged(out.pieces);
  std::map<RequestId, Decision> last;
  for (const Decision& decision : evidence.decisions) {
    if (decision.request == out.request->id) out.decisions.push_back(decision);
    if (blamed.contains(decision.request)) last[decision.request] = decision;
  }
  std::vector<std::pair<RequestId, Nanoseconds>> order(blamed.begin(), blamed.end());
  std::ranges::stable_sort(order, [](const auto& a, const auto& b) { return a.second > b.second; });
  for (const auto& [id, time] : order) {
    if (last.contains(id) && out.ahead.size() < shown_ahead) out.ahead.push_back(last[id]);
  }
  return out;
}

std::string to_text(const ExplainTable& table, const ExplainLabels& labels) {
  if (table.late == 0) {
    return fmt::format("{}: no late request among {}\n", labels.run, table.requests) +
           left_out(table);
  }
  std::string out =
      fmt::format("{}: {} of {} late", labels.run, table.late, counted(table.requests, "request"));
  if (table.late_ttft < table.late) {
    out += fmt::format(", {} for their time per output token only", table.late - table.late_ttft);
  }
  if (table.rejected > 0) out += fmt::format(", {} rejected", table.rejected);
  out += "\n" + left_out(table);
  out += fmt::format("Where their {} went, from arrival to first token:\n\n",
                     seconds_text(table.time));
  TextTable text;
  text.rows.push_back({"stage: waiting for", "time", "share", "requests", "how"});
  Nanoseconds rest = table.time;
  std::size_t rows = 0;
  for (; rows < std::min(shown_rows, table.rows.size()); ++rows) {
    const ExplainRow& row = table.rows[rows];
    if (share_of(row.time, table.time) < shown_share) break;
    rest -= row.time;
    std::string how{words_for(row.how, row.culprit)};
    for (std::size_t i = 0; i < row.blamed.size(); ++i) {
      how += fmt::format("{}{}", i == 0 ? ", most for " : ", ", raw(row.blamed[i].request));
    }
    text.rows.push_back(
        {fmt::format("{}: {}", name_of(row.stage), row.resource.empty() ? "?" : row.resource),
         seconds_text(row.time), percent(share_of(row.time, table.time)),
         std::to_string(row.requests), how});
  }
  out += render(text, TableFormat::text);
  if (rows < table.rows.size()) {
    out += fmt::format("and {} with {} together; --format json has all\n",
                       counted(static_cast<std::int64_t>(table.rows.size() - rows), "smaller row"),
                       seconds_text(rest));
  }
  out += "\nBy kind:";
  for (const ExplainKind& kind : table.kinds) {
    if (kind.culprit == Culprit::none || share_of(kind.time, table.time) < shown_share) continue;
    out += fmt::format(" {} {},", name_of(kind.culprit), percent(share_of(kind.time, table.time)));
  }
  out += fmt::format(" not attributed {}.\n", percent(share_of(residual(table), table.time)));
  if (table.overtaken > 0) {
    out += fmt::format("{} waited while a request that came later was served.\n",
                       counted(table.overtaken, "late request"));
  }
  return out + closing(table);
}

std::string to_text(const ExplainedRequest& it, const ExplainLabels& labels) {
  const ExplainRequest& request = *it.request;
  const RequestTimes& times = request.times;
  std::string out =
      fmt::format("{}: request {} on instance {}, {} in ({} cached), {} out\n", labels.run,
                  raw(request.id), request.instance, counted(request.input.count(), "token"),
                  request.cached.count(), request.output.count());
  out += fmt::format("arrived at {:.6f} s; ", seconds_of(times.arrival));
  if (request.outcome == Outcome::rejected) {
    return out + "rejected at once: larger than GPU memory\n";
  }
  out += times.first_token == never
             ? "no first token"
             : "first token after " + milliseconds(times.first_token - times.arrival);
  if (request.deadline != Nanoseconds::max()) {
    out += ", objective " + milliseconds(request.deadline);
  }
  out += request.late ? ": late" : ": not late";
  out += request.measured ? "\n\n" : ", during the warm-up: in no total\n\n";

  TextTable text;
  text.rows.push_back({"stage: waiting for", "from", "to", "time", "how"});
  Nanoseconds total{0}, unknown{0};
  for (const ExplainPiece& piece : it.pieces) {
    total += piece.time;
    if (piece.culprit == Culprit::none) unknown += piece.time;
    std::string how{words_for(piece.how, piece.culprit)};
    if (!piece.whom.empty()) how += ": " + names(piece.whom, 6);
    text.rows.push_back(
        {fmt::format("{}: {}", name_of(piece.stage), piece.resource.empty() ? "?" : piece.resource),
         milliseconds(piece.from - times.arrival), milliseconds(piece.to - times.arrival),
         milliseconds(piece.time), how});
  }
  out += render(text, TableFormat::text);
  out += fmt::format("in all {}; not attributed {}\n", milliseconds(total), milliseconds(unknown));
  for (const Decision& decision : it.decisions) {
    out += fmt::format("\nWhat the policies saw of it at {} ({} to load, {} to compute):\n  {}\n",
                       milliseconds(decision.date - times.arrival),
                       counted(decision.cached.count(), "token"), decision.fresh.count(),
                       decision_line(decision, labels));
  }
  if (!it.ahead.empty()) out += "and of those that it waited for most (smaller keys go first):\n";
  for (const Decision& decision : it.ahead) {
    out +=
        fmt::format("  request {} at {}: {}\n", raw(decision.request),
                    milliseconds(decision.date - times.arrival), decision_line(decision, labels));
  }
  return out;
}

}  // namespace calvo::analysis
