#include "analysis/validation_match.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>
#include <set>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "analysis/validation_load.hpp"
#include "analysis/validation_scenario.hpp"
#include "core/input_error.hpp"

namespace calvo::analysis {
namespace {

[[noreturn]] void refuse(const ValidationRun& run, const std::string& problem) {
  throw InputError({run.run.path, 0, 0}, "", problem);
}

std::string cell_text(const MatchedCell& cell) {
  return fmt::format("scenario \"{}\" with engine \"{}\"", cell.scenario, cell.engine);
}

void refuse_repeated_directories(std::span<const ValidationRun> runs) {
  std::set<std::filesystem::path> seen;
  for (const ValidationRun& run : runs) {
    if (!seen.insert(std::filesystem::weakly_canonical(run.run.path)).second) {
      refuse(run, "is named twice; name each run once");
    }
  }
}

std::string plural(std::int64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

/// What broke between a real run and its storage nodes; none: nothing that it tells of.
std::optional<std::string> broken_in(const LoadQuality& load) {
  std::vector<std::string> parts;
  if (load.nodes_lost > 0) {
    parts.push_back(fmt::format("lost {}", plural(load.nodes_lost, "storage node")));
  }
  if (load.corrupt_blocks > 0) {
    parts.push_back(fmt::format("was given {}", plural(load.corrupt_blocks, "corrupt block")));
  }
  if (load.nodes_lost == 0 && load.reconnects > 0) {
    parts.push_back(fmt::format("had to make {} anew", plural(load.reconnects, "connection")));
  }
  if (parts.empty()) return std::nullopt;
  return fmt::format("it {}", fmt::join(parts, " and "));
}

/// Why nothing may rest on a real run; none if it is sound.
std::optional<std::string> fault_of(const ValidationRun& real) {
  const Summary& summary = real.run.summary;
  if (!summary.complete) return "it was interrupted";
  const LoadQuality& load = real.load;
  if (load.faults.empty()) {
    if (auto broken = broken_in(load)) return broken;
  }
  if (load.lateness_p99_s && came_late(*load.lateness_p99_s, summary.ttft)) {
    return fmt::format(
        "its load came late: P99 {:.3f} ms, above {:.0f} % of its median TTFT {:.3f} ms",
        1e3 * *load.lateness_p99_s, 100 * most_lateness, summary.ttft.median);
  }
  if (load.spare_cpu_busy && was_too_busy(*load.spare_cpu_busy)) {
    return fmt::format("its spare core was {:.0f} % busy, above {:.0f} %",
                       100 * *load.spare_cpu_busy, 100 * most_spare_busy);
  }
  return std::nullopt;
}

/// Sorts the runs into cells; the real ones unchecked.
std::vector<MatchedCell> cells_of(std::span<const ValidationRun> runs) {
  std::vector<MatchedCell> cells;
  for (const ValidationRun& run : runs) {
    const RunLabels& labels = run.run.summary.labels;
    auto cell = std::ranges::find_if(cells, [&](const MatchedCell& known) {
      return known.scenario == labels.scenario && known.engine == labels.engine;
    });
    if (cell == cells.end()) {
      cells.emplace_back();
      cell = std::prev(cells.end());
      cell->scenario = labels.scenario;
      cell->engine = labels.engine;
    }
    if (run.driver == Driver::realrun) {
      cell->repeats.push_back(&run);
    } else if (cell->prediction == nullptr) {
      cell->prediction = &run;
    } else {
      refuse(run, fmt::format("simulates {}, and so does {}; leave one of them out",
                              cell_text(*cell), cell->prediction->run.path));
    }
  }
  return cells;
}

void refuse_lone_runs(const std::vector<MatchedCell>& cells) {
  const SourcePos pos{"calvo validate", 0, 0};
  const auto has = [&](auto test) { return std::ranges::any_of(cells, test); };
  if (!has([](const MatchedCell& cell) { return cell.prediction != nullptr; })) {
    throw InputError(pos, "", "all runs are real; name those that `calvo run` predicted them with");
  }
  if (!has([](const MatchedCell& cell) { return !cell.repeats.empty(); })) {
    throw InputError(pos, "", "all runs are simulated; name real ones, of `calvo realrun`, too");
  }
  for (const MatchedCell& cell : cells) {
    if (cell.prediction == nullptr) {
      refuse(*cell.repeats.front(),
             fmt::format("nobody simulated {}; do, or leave this run out", cell_text(cell)));
    }
    if (cell.repeats.empty()) {
      refuse(*cell.prediction,
             fmt::format("nobody measured {}; do, or leave this run out", cell_text(cell)));
    }
    if (!cell.prediction->run.summary.complete) {
      refuse(*cell.prediction, "was interrupted, so it predicts nothing; simulate it again");
    }
  }
}

void refuse_other_labels(const ValidationRun& prediction, const ValidationRun& real) {
  const RunLabels& expected = prediction.run.summary.labels;
  const RunLabels& labels = real.run.summary.labels;
  const auto differ = [&](const char* what, const std::string& is, const std::string& was) {
    refuse(real, fmt::format("has {} {}, and its prediction {} has {}; run one of them again", what,
                             is, prediction.run.path, was));
  };
  if (labels.seed != expected.seed) {
    differ("seed", std::to_string(labels.seed), std::to_string(expected.seed));
  }
  if (labels.warm_up != expected.warm_up) {
    differ("warm-up", fmt::format("{} s", to_seconds(labels.warm_up).count()),
           fmt::format("{} s", to_seconds(expected.warm_up).count()));
  }
  if (labels.tpot_objective != expected.tpot_objective) {
    differ("TPOT objective", fmt::format("{} s", to_seconds(labels.tpot_objective).count()),
           fmt::format("{} s", to_seconds(expected.tpot_objective).count()));
  }
}

RowsById rows_of(const ValidationRun& run) {
  RowsById rows;
  for (const RequestRow& row : run.run.requests) {
    if (!rows.emplace(row.id, &row).second) {
      refuse(run, fmt::format("has request {} twice; run it again", row.id));
    }
  }
  return rows;
}

void refuse_other_work(const ValidationRun& prediction, const RowsById& predicted,
                       const ValidationRun& real, const RowsById& measured) {
  for (const auto& [id, row] : measured) {
    const auto found = predicted.find(id);
    if (found == predicted.end()) continue;
    const RequestRow& twin = *found->second;
    if (row->session != twin.session || row->turn != twin.turn ||
        row->input_tokens != twin.input_tokens) {
      refuse(real, fmt::format("request {} is turn {} of session {} with {} input tokens, and in "
                               "its prediction {} turn {} of session {} with {}; the workloads "
                               "differ: run one of them again",
                               id, row->turn, row->session, row->input_tokens, prediction.run.path,
                               twin.turn, twin.session, twin.input_tokens));
    }
  }
}

void warn_about_deadlines(const MatchedCell& cell, const std::vector<RowsById>& rows,
                          std::vector<std::string>& warnings) {
  for (std::size_t i = 1; i < rows.size(); ++i) {
    const auto differing = std::ranges::count_if(rows[i], [&](const auto& entry) {
      const auto found = rows.front().find(entry.first);
      return found != rows.front().end() && found->second->deadline_s != entry.second->deadline_s;
    });
    if (differing == 0) continue;
    warnings.push_back(fmt::format(
        "{}: {} of its deadlines are others than in its prediction, by which all are judged; "
        "an order by deadlines may have differed",
        cell.repeats[i - 1]->run.path, differing));
  }
}

/// The first ids of `ids`, in words.
std::string some(const std::vector<std::uint64_t>& ids) {
  constexpr std::size_t shown = 3;
  const std::vector<std::uint64_t> first(
      ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(std::min(shown, ids.size())));
  return fmt::format("{} request{} ({}{})", ids.size(), ids.size() == 1 ? "" : "s",
                     fmt::join(first, ", "), ids.size() > shown ? ", ..." : "");
}

std::vector<std::uint64_t> absent(const RowsById& from, const RowsById& wanted) {
  std::vector<std::uint64_t> ids;
  for (const auto& [id, row] : wanted) {
    if (!from.contains(id)) ids.push_back(id);
  }
  return ids;
}

void warn_about_absent(const MatchedCell& cell, const std::vector<RowsById>& rows,
                       std::vector<std::string>& warnings) {
  const std::string& predicted = cell.prediction->run.path;
  for (std::size_t i = 1; i < rows.size(); ++i) {
    const std::string& real = cell.repeats[i - 1]->run.path;
    const auto warn = [&](const std::string& where, const std::string& not_in,
                          const std::vector<std::uint64_t>& ids) {
      if (ids.empty()) return;
      warnings.push_back(fmt::format("{}: {} of it {} not in {} and left out", where, some(ids),
                                     ids.size() == 1 ? "is" : "are", not_in));
    };
    warn(predicted, real, absent(rows[i], rows.front()));
    warn(real, predicted, absent(rows.front(), rows[i]));
  }
}

/// Leaves in each of `rows` the counted requests only.
void keep_counted(const MatchedCell& cell, std::vector<RowsById>& rows) {
  const RunDirectory& prediction = cell.prediction->run;
  const double warm_up_s = to_seconds(prediction.summary.labels.warm_up).count();
  std::set<std::uint64_t> counted;
  for (const auto& [id, row] : rows.front()) {
    const auto in_run = [id = id](const RowsById& run) { return run.contains(id); };
    if (row->arrival_s >= warm_up_s && std::ranges::all_of(rows, in_run)) counted.insert(id);
  }
  if (counted.empty()) {
    refuse(*cell.prediction,
           "has no measured request in common with all of its real runs; do "
           "they have the same workload?");
  }
  for (RowsById& run : rows) {
    std::erase_if(run, [&](const auto& entry) { return !counted.contains(entry.first); });
  }
}

/// Moves unsound repeats to `discarded`, and sorts the rest so that results do not hang on the
/// order of arguments.
void discard(MatchedCell& cell, std::vector<std::string>& warnings) {
  std::ranges::sort(cell.repeats, {}, [](const ValidationRun* run) { return run->run.path; });
  std::erase_if(cell.repeats, [&](const ValidationRun* real) {
    const auto fault = fault_of(*real);
    if (!fault) return false;
    cell.discarded.push_back({real->run.path, *fault});
    warnings.push_back(fmt::format("{} is discarded: {}", real->run.path, *fault));
    return true;
  });
  if (cell.repeats.empty()) {
    warnings.push_back(cell_text(cell) + " has no valid real run left");
  } else if (cell.repeats.size() == 1) {
    warnings.push_back(cell_text(cell) +
                       " has one valid real run: no interval, no spread, no significant pair");
  }
}

void warn_about_faults(const MatchedCell& cell, std::vector<std::string>& warnings) {
  for (const ValidationRun* real : cell.repeats) {
    if (real->load.faults.empty()) continue;
    warnings.push_back(
        fmt::format("{}: its storage nodes had faults on order (--faults {}); does its prediction "
                    "have them, too?",
                    real->run.path, fmt::join(real->load.faults, " --faults ")));
  }
}

/// Of the counted requests that completed; none without input.
std::optional<double> hit_ratio(const RowsById& rows) {
  std::int64_t cached = 0, input = 0;
  for (const auto& [id, row] : rows) {
    if (row->outcome != Outcome::completed) continue;
    cached += row->cached_tokens;
    input += row->input_tokens;
  }
  if (input == 0) return std::nullopt;
  return static_cast<double>(cached) / static_cast<double>(input);
}

/// Storage nodes that keep what an earlier run has stored, or that were filled otherwise, show
/// here.
void warn_about_hits(const MatchedCell& cell, std::vector<std::string>& warnings) {
  const std::optional<double> predicted = hit_ratio(cell.rows.front());
  const ValidationRun *fewest = nullptr, *most = nullptr;
  double low = 0, high = 0;
  for (std::size_t i = 0; i < cell.repeats.size(); ++i) {
    const std::optional<double> measured = hit_ratio(cell.rows[i + 1]);
    if (!measured) continue;
    if (fewest == nullptr || *measured < low) fewest = cell.repeats[i], low = *measured;
    if (most == nullptr || *measured > high) most = cell.repeats[i], high = *measured;
  }
  if (fewest == nullptr || !predicted) return;
  if (high - low > most_hit_difference) {
    warnings.push_back(fmt::format(
        "{}: the hit ratio of its real runs goes from {:.1f} % ({}) to {:.1f} % ({}); did storage "
        "nodes keep blocks of an earlier run?",
        cell_text(cell), 100 * low, fewest->run.path, 100 * high, most->run.path));
  } else if (std::max(*predicted - low, high - *predicted) > most_hit_difference) {
    warnings.push_back(fmt::format(
        "{}: the hit ratio is {:.1f} % simulated and {:.1f} to {:.1f} % in its real runs; were the "
        "storage nodes filled as the scenario says?",
        cell_text(cell), 100 * *predicted, 100 * low, 100 * high));
  }
}

double completed_of(const RowsById& rows) {
  return static_cast<double>(std::ranges::count_if(
      rows, [](const auto& entry) { return entry.second->outcome == Outcome::completed; }));
}

/// Latencies do not show what was rejected or never ended, and attainment does only where there
/// are deadlines.
void warn_about_completed(const MatchedCell& cell, std::vector<std::string>& warnings) {
  const auto counted = static_cast<double>(cell.rows.front().size());
  const double predicted = completed_of(cell.rows.front());
  for (std::size_t i = 0; i < cell.repeats.size(); ++i) {
    const double measured = completed_of(cell.rows[i + 1]);
    if (std::abs(measured - predicted) <= most_completed_difference * counted) continue;
    warnings.push_back(
        fmt::format("{}: {:.1f} % of its counted requests completed, and {:.1f} % in its "
                    "prediction {}; TTFTs are of those only",
                    cell.repeats[i]->run.path, 100 * measured / counted, 100 * predicted / counted,
                    cell.prediction->run.path));
  }
}

/// No two real runs take the same times.
void warn_about_copies(const MatchedCell& cell, std::vector<std::string>& warnings) {
  const auto same_times = [](const auto& a, const auto& b) {
    return a.second->arrival_s == b.second->arrival_s && a.second->ttft_s == b.second->ttft_s;
  };
  for (std::size_t i = 1; i < cell.repeats.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (!std::ranges::equal(cell.rows[i + 1], cell.rows[j + 1], same_times)) continue;
      warnings.push_back(
          fmt::format("{} took the times of {}, each to the last digit: a copy is no "
                      "repeat, and makes intervals too narrow",
                      cell.repeats[i]->run.path, cell.repeats[j]->run.path));
      break;
    }
  }
}

void match_requests(MatchedCell& cell, std::vector<std::string>& warnings) {
  cell.rows.push_back(rows_of(*cell.prediction));
  for (const ValidationRun* real : cell.repeats) {
    refuse_other_labels(*cell.prediction, *real);
    cell.rows.push_back(rows_of(*real));
    refuse_other_work(*cell.prediction, cell.rows.front(), *real, cell.rows.back());
    if (const auto other = scenario_difference(real->run.path, cell.prediction->run.path)) {
      warnings.push_back(fmt::format("{}: {}", real->run.path, *other));
    }
  }
  warn_about_absent(cell, cell.rows, warnings);
  warn_about_deadlines(cell, cell.rows, warnings);
  keep_counted(cell, cell.rows);
  warn_about_completed(cell, warnings);
  warn_about_hits(cell, warnings);
  warn_about_copies(cell, warnings);
}

void warn_about_testbeds(std::span<const ValidationRun> runs, std::vector<std::string>& warnings) {
  std::set<std::string> testbeds;
  std::size_t silent = 0;
  for (const ValidationRun& run : runs) {
    if (run.driver == Driver::sim) continue;
    testbeds.insert(fmt::format("{} + {} on {}", run.fabric, run.device, run.host));
    silent += run.load.lateness_p99_s ? 0 : 1;
  }
  if (testbeds.size() > 1) {
    warnings.push_back(
        fmt::format("the real runs are of different testbeds: {}", fmt::join(testbeds, "; ")));
  }
  if (silent > 0) {
    warnings.push_back(fmt::format("{} real run{} not say how late the load came", silent,
                                   silent == 1 ? " does" : "s do"));
  }
}

}  // namespace

Matched match_runs(std::span<const ValidationRun> runs) {
  refuse_repeated_directories(runs);
  Matched matched;
  matched.cells = cells_of(runs);
  refuse_lone_runs(matched.cells);
  warn_about_testbeds(runs, matched.warnings);
  for (MatchedCell& cell : matched.cells) {
    discard(cell, matched.warnings);
    warn_about_faults(cell, matched.warnings);
    if (!cell.repeats.empty()) match_requests(cell, matched.warnings);
  }
  return matched;
}

}  // namespace calvo::analysis
