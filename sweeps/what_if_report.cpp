#include "sweeps/what_if_report.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "sweeps/cell_runs.hpp"
#include "sweeps/report_parts.hpp"

namespace calvo::sweeps {
namespace {

using analysis::Interval;
using analysis::TableFormat;
using analysis::TextTable;

void append_effect(TextTable::Row& row, const Effect& effect, double unit) {
  row.push_back(effect.mean.count > 0 ? decimal(unit * effect.mean.mean) : "-");
  if (!effect.difference) {
    row.insert(row.end(), {"-", "-", ""});
    return;
  }
  row.push_back(decimal(unit * effect.difference->mean, Sign::always));
  row.push_back(interval_text(effect.difference->ci95, unit, Sign::always));
  row.emplace_back(effect.significant() ? "*" : "");
}

bool helps(const RankedChange& change) {
  return change.attainment.difference && change.attainment.difference->mean > 0;
}

std::vector<const RankedChange*> of_kind(const WhatIf& what_if, ChangeKind kind) {
  std::vector<const RankedChange*> found;
  for (const RankedChange& each : what_if.changes) {
    if (each.change.kind == kind) found.push_back(&each);
  }
  return found;
}

TextTable table_of(const std::vector<const RankedChange*>& changes, std::size_t most) {
  const bool engine = changes.front()->change.kind == ChangeKind::engine;
  TextTable table;
  table.rows.push_back({engine ? "switch" : "resource", "rank", "attainment (%)", "more", "[95 %]",
                        "", "mean TTFT (ms)", "more", "[95 %]", "", "what"});
  for (const RankedChange* each : changes) {
    if (most != 0 && table.rows.size() > most) break;
    TextTable::Row row = {each->change.name, std::to_string(each->rank)};
    append_effect(row, each->attainment, 100);
    append_effect(row, each->ttft, 1);
    row.push_back(each->change.detail);
    table.rows.push_back(std::move(row));
  }
  return table;
}

void append_numbers(TextTable::Row& row, const Effect& effect) {
  const auto& difference = effect.difference;
  const std::optional<Interval> interval = difference ? difference->ci95 : std::nullopt;
  row.push_back(full(known_mean(effect.mean)));
  row.push_back(difference ? full(difference->mean) : "");
  append_full(row, interval);
  row.push_back(interval ? full(effect.adjusted_p) : "");
}

TextTable number_table(const WhatIf& what_if) {
  TextTable table;
  TextTable::Row heading = {"rank", "change", "kind", "detail"};
  for (const char* metric : {attainment_metric, ttft_metric}) {
    for (const char* part : {"", "_more", "_more_low", "_more_high", "_adjusted_p"}) {
      heading.push_back(std::string(metric) + part);
    }
  }
  table.rows.push_back(std::move(heading));
  for (const RankedChange& each : what_if.changes) {
    TextTable::Row row = {std::to_string(each.rank), each.change.name,
                          std::string(name_of(each.change.kind)), each.change.detail};
    append_numbers(row, each.attainment);
    append_numbers(row, each.ttft);
    table.rows.push_back(std::move(row));
  }
  return table;
}

std::string headline(const WhatIf& what_if) {
  std::string text = fmt::format(
      "{} under {}, {} seed{}: attainment {:.1f} % {}, mean TTFT {:.1f} ms {}", what_if.scenario,
      what_if.engine, what_if.seeds.size(), what_if.seeds.size() == 1 ? "" : "s",
      100 * what_if.attainment.mean, interval_text(what_if.attainment.interval, 100),
      what_if.ttft.mean, interval_text(what_if.ttft.interval, 1));
  if (!what_if.bottleneck.empty()) text += "; busiest: " + what_if.bottleneck;
  return text + "\n";
}

/// What the changes of a kind come to, in a sentence.
std::string verdict(const std::vector<const RankedChange*>& changes) {
  const bool engine = changes.front()->change.kind == ChangeKind::engine;
  const char* kind = engine ? "switches" : "resources";
  const auto raises = [](const RankedChange* each) {
    return each->attainment.significant() && each->attainment.difference->mean > 0;
  };
  const RankedChange& first = *changes.front();
  if (!helps(first)) {
    return fmt::format("None of {} {} raises attainment.\n", changes.size(), kind);
  }
  return fmt::format("Of {} {}: {} ({}), {} points {}{}; {} raise{} attainment significantly.\n",
                     changes.size(), kind, first.change.name, first.change.detail,
                     decimal(100 * first.attainment.difference->mean, Sign::always),
                     interval_text(first.attainment.difference->ci95, 100, Sign::always),
                     raises(&first) ? "" : ", not significant (--seeds asks for more simulations)",
                     std::ranges::count_if(changes, raises),
                     std::ranges::count_if(changes, raises) == 1 ? "s" : "");
}

/// The commands that simulate the best of each kind.
std::string to_try(const std::vector<const RankedChange*>& best, bool relative_deadlines) {
  std::string text;
  for (const RankedChange* each : best) {
    if (!each->change.run.empty()) text += "  " + each->change.run + "\n";
  }
  if (text.empty()) return text;
  if (relative_deadlines) {
    text +=
        "(There deadlines are multiples of what the changed machine takes alone, so attainment\n"
        "differs.)\n";
  }
  return "To try the best:\n" + text;
}

std::string notes(const WhatIf& what_if, bool cut) {
  std::string text = cut ? "--top 0 shows the changes that are worth less.\n" : "";
  text +=
      "One change at a time; differences are paired by seed. * significant at 5 % after Holm's\n"
      "correction for the changes of a table. Deadlines stay those of the scenario as it is.\n";
  if (!what_if.failed.empty()) {
    std::string names;
    for (const FailedChange& each : what_if.failed) {
      names += (names.empty() ? "" : ", ") + each.change.name;
    }
    text += fmt::format("Not possible here (--json says why): {}.\n", names);
  }
  return text;
}

std::string commented(const std::string& text) {
  std::string result = "% ";
  for (std::size_t i = 0; i < text.size(); ++i) {
    result += text[i];
    if (text[i] == '\n' && i + 1 < text.size()) result += "% ";
  }
  return result;
}

}  // namespace

std::string to_text(const WhatIf& what_if, TableFormat format, std::size_t most) {
  if (format == TableFormat::csv) return analysis::render(number_table(what_if), format);
  std::string before = headline(what_if);
  if (what_if.attainment.mean > 0.999) {
    before += "Every request meets its objectives: there is next to nothing to raise.\n";
  }
  std::string tables;
  std::vector<const RankedChange*> best;
  bool cut = false;
  for (const ChangeKind kind : {ChangeKind::resource, ChangeKind::engine}) {
    const auto changes = of_kind(what_if, kind);
    if (changes.empty()) continue;
    before += verdict(changes);
    if (helps(*changes.front())) best.push_back(changes.front());
    tables += (tables.empty() ? "" : "\n") + analysis::render(table_of(changes, most), format);
    cut = cut || (most != 0 && changes.size() > most);
  }
  const bool machines = !best.empty() && best.front()->change.kind == ChangeKind::resource;
  const std::string after =
      notes(what_if, cut) + to_try(best, machines && what_if.relative_deadlines);
  if (format == TableFormat::latex) return commented(before) + tables + commented(after);
  return before + "\n" + tables + "\n" + after;
}

}  // namespace calvo::sweeps
