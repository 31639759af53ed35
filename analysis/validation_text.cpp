#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "analysis/validation_report.hpp"

namespace calvo::analysis {
namespace {

std::string plural(std::size_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string headline(const Validation& validation) {
  std::size_t repeats = 0;
  for (const ValidatedCell& cell : validation.cells) repeats += cell.repeats.size();
  return fmt::format("{} x engines: {}; {} ({} discarded)",
                     plural(validation.scenarios.size(), "scenario"),
                     plural(validation.cells.size(), "cell"), plural(repeats, "valid real run"),
                     validation.discarded);
}

std::string table_text(const ReportTable& table) {
  std::string text = table.title + "\n";
  std::vector<std::size_t> widths(table.rows.front().size());
  for (const auto& row : table.rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const auto& row : table.rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += fmt::format("{}{:<{}}", i == 0 ? "" : "  ", row[i], widths[i]);
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  for (const std::string& note : table.notes) text += "  " + note + "\n";
  return text;
}

/// Names may hold what Markdown takes for its own.
std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == '|' || c == '*' || c == '_' || c == '<' || c == '>' || c == '\\') result += '\\';
    result += c;
  }
  return result;
}

std::string table_markdown(const ReportTable& table) {
  std::string text = "### " + escaped(table.title) + "\n\n";
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    text += "|";
    for (const std::string& cell : table.rows[i]) text += " " + escaped(cell) + " |";
    text += "\n";
    if (i > 0) continue;
    text += "|";
    for (std::size_t column = 0; column < table.rows[i].size(); ++column) text += "---|";
    text += "\n";
  }
  text += "\n";
  for (const std::string& note : table.notes) text += "* " + escaped(note) + "\n";
  return text + (table.notes.empty() ? "" : "\n");
}

std::string amount(const Check& check, double value) {
  if (check.key == "flipped_pairs") return fmt::format("{:.0f}", value);
  const bool points = check.key.ends_with("attainment");
  return fmt::format("{:.2f} {}", 100 * value, points ? "points" : "%");
}

std::string check_text(const Check& check) {
  if (!check.value) {
    return fmt::format("{}: nothing to judge (limit {})", check.key, amount(check, check.limit));
  }
  return fmt::format("{}: {} {} {}{}", check.key, amount(check, *check.value),
                     *check.value <= check.limit ? "<=" : ">", amount(check, check.limit),
                     check.worst_cell.empty() ? "" : " (" + check.worst_cell + ")");
}

const char* word_of(const Check& check) {
  if (!check.passed) return "OUTSIDE";
  return check.value ? "ok" : "-";
}

std::string verdict_title(const Verdict& verdict) {
  return fmt::format(
      "{} tolerance, judged over {}", verdict.passed ? "WITHIN" : "OUTSIDE",
      verdict.on_held_out ? "the held out scenarios" : "all scenarios (none is held out)");
}

std::vector<std::string> verdict_lines(const Verdict& verdict) {
  std::vector<std::string> lines;
  for (const Check& check : verdict.checks) {
    lines.push_back(fmt::format("{:<8}{}", word_of(check), check_text(check)));
  }
  for (const std::string& cell : verdict.unmeasured) {
    lines.push_back(fmt::format("{:<8}no valid real run: {}", "OUTSIDE", cell));
  }
  return lines;
}

}  // namespace

std::string to_text(const Validation& validation, const Verdict& verdict) {
  std::string text = headline(validation) + "\n";
  for (const ReportTable& table : tables_of(validation, Detail::brief)) {
    text += "\n" + table_text(table);
  }
  text += "\n" + verdict_title(verdict) + "\n";
  for (const std::string& line : verdict_lines(verdict)) text += "  " + line + "\n";
  for (const std::string& warning : validation.warnings) text += "warning: " + warning + "\n";
  return text;
}

std::string to_markdown(const Validation& validation, const Verdict& verdict) {
  std::string text = "## Simulated against real\n\n" + headline(validation) +
                     ". Scenarios with a star were held out: named before anything was measured.\n"
                     "\n**" +
                     verdict_title(verdict) + "**\n\n";
  for (const std::string& line : verdict_lines(verdict)) text += "* " + escaped(line) + "\n";
  text += "\n";
  for (const ReportTable& table : tables_of(validation, Detail::full)) {
    text += table_markdown(table);
  }
  if (!validation.warnings.empty()) text += "### Warnings\n\n";
  for (const std::string& warning : validation.warnings) text += "* " + escaped(warning) + "\n";
  return text;
}

}  // namespace calvo::analysis
