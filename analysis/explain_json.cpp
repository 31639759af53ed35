#include "analysis/explain_text.hpp"

namespace calvo::analysis {
namespace {

using Json = nlohmann::ordered_json;

double in_seconds(Nanoseconds time) {
  return to_seconds(time).count();
}

Json ids(const std::vector<RequestId>& list) {
  Json out = Json::array();
  for (const RequestId id : list) out.push_back(raw(id));
  return out;
}

Json decision_json(const Decision& decision, Instant arrival, const ExplainLabels& labels) {
  Json out = {
      {"request", raw(decision.request)},       {"at_s", in_seconds(decision.date - arrival)},
      {"load_tokens", decision.cached.count()}, {"compute_tokens", decision.fresh.count()},
      {"t_load_s", decision.load.count()},      {"t_comp_s", decision.compute.count()}};
  if (decision.deadline != never) {
    const double left = in_seconds(decision.deadline - decision.date);
    out["deadline_in_s"] = left;
    out["slack_s"] = left - decision.load.count() - decision.compute.count();
  } else {
    out["deadline_in_s"] = nullptr;
    out["slack_s"] = nullptr;
  }
  out["network"] = {{"order", labels.network_order}, {"key", decision.network_key}};
  out["pcie"] = {{"order", labels.pcie_order}, {"key", decision.pcie_key}};
  out["prefill"] = {{"order", labels.prefill_order}, {"key", decision.prefill_key}};
  return out;
}

}  // namespace

Json to_json(const ExplainTable& table, const ExplainLabels& labels) {
  Json out = {{"run", labels.run},
              {"requests", table.requests},
              {"not_measured", table.not_measured},
              {"late", table.late},
              {"late_ttft", table.late_ttft},
              {"rejected", table.rejected},
              {"overtaken", table.overtaken},
              {"time_s", in_seconds(table.time)}};
  double residual = 0;
  Json culprit = nullptr;
  std::int64_t most = -1;
  Json kinds = Json::array();
  for (const ExplainKind& kind : table.kinds) {
    if (kind.culprit == Culprit::none) {
      residual = in_seconds(kind.time);
      continue;
    }
    if (kind.worst_of > most) {
      most = kind.worst_of;
      culprit = name_of(kind.culprit);
    }
    kinds.push_back({{"kind", name_of(kind.culprit)},
                     {"time_s", in_seconds(kind.time)},
                     {"largest_of_requests", kind.worst_of},
                     {"resources", kind.resources}});
  }
  out["culprit"] = culprit;
  out["not_attributed_s"] = residual;
  out["kinds"] = std::move(kinds);
  out["rows"] = Json::array();
  for (const ExplainRow& row : table.rows) {
    Json whom = Json::array();
    for (const ExplainBlame& blame : row.blamed) {
      whom.push_back({{"request", raw(blame.request)}, {"time_s", in_seconds(blame.time)}});
    }
    out["rows"].push_back({{"stage", name_of(row.stage)},
                           {"kind", name_of(row.culprit)},
                           {"resource", row.resource},
                           {"how", name_of(row.how)},
                           {"time_s", in_seconds(row.time)},
                           {"requests", row.requests},
                           {"whom", std::move(whom)}});
  }
  return out;
}

Json to_json(const ExplainedRequest& it, const ExplainLabels& labels) {
  const ExplainRequest& request = *it.request;
  const Instant arrival = request.times.arrival;
  Json out = {{"run", labels.run},
              {"request", raw(request.id)},
              {"instance", request.instance},
              {"input_tokens", request.input.count()},
              {"cached_tokens", request.cached.count()},
              {"output_tokens", request.output.count()},
              {"outcome", name_of(request.outcome)},
              {"measured", request.measured},
              {"late", request.late},
              {"arrival_s", seconds_of(arrival)}};
  out["ttft_s"] = request.times.first_token == never
                      ? Json(nullptr)
                      : Json(in_seconds(request.times.first_token - arrival));
  out["deadline_s"] =
      request.deadline == Nanoseconds::max() ? Json(nullptr) : Json(in_seconds(request.deadline));
  out["pieces"] = Json::array();
  for (const ExplainPiece& piece : it.pieces) {
    out["pieces"].push_back({{"from_s", in_seconds(piece.from - arrival)},
                             {"to_s", in_seconds(piece.to - arrival)},
                             {"time_s", in_seconds(piece.time)},
                             {"stage", name_of(piece.stage)},
                             {"kind", name_of(piece.culprit)},
                             {"resource", piece.resource},
                             {"how", name_of(piece.how)},
                             {"whom", ids(piece.whom)}});
  }
  out["decisions"] = Json::array();
  for (const Decision& decision : it.decisions) {
    out["decisions"].push_back(decision_json(decision, arrival, labels));
  }
  out["ahead"] = Json::array();
  for (const Decision& decision : it.ahead) {
    out["ahead"].push_back(decision_json(decision, arrival, labels));
  }
  return out;
}

}  // namespace calvo::analysis
