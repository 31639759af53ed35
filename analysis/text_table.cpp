#include "analysis/text_table.hpp"

#include <algorithm>
#include <functional>

#include <fmt/format.h>

#include "core/contract.hpp"

namespace calvo::analysis {
namespace {

using Row = TextTable::Row;

std::string as_text(const TextTable& table) {
  std::vector<std::size_t> widths(table.rows.front().size());
  for (const Row& row : table.rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  for (const Row& row : table.rows) {
    std::string line = fmt::format("{:<{}}", row.front(), widths.front());
    for (std::size_t i = 1; i + 1 < row.size(); ++i) {
      line += fmt::format("  {:>{}}", row[i], widths[i]);
    }
    if (row.size() > 1) line += "  " + row.back();
    while (line.ends_with(' ')) line.pop_back();
    out += line + "\n";
  }
  return out;
}

std::string joined(const Row& row, const char* between,
                   const std::function<std::string(const std::string&)>& escape) {
  std::string out;
  for (std::size_t i = 0; i < row.size(); ++i) out += (i == 0 ? "" : between) + escape(row[i]);
  return out;
}

std::string replaced(const std::string& text, std::string_view special,
                     const std::function<std::string(char)>& with) {
  std::string out;
  for (const char c : text) {
    out += special.find(c) == std::string_view::npos ? std::string(1, c) : with(c);
  }
  return out;
}

std::string as_markdown(const TextTable& table) {
  const auto escape = [](const std::string& text) {
    return replaced(text, "|*_\\", [](char c) { return std::string("\\") + c; });
  };
  std::string out;
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    out += "| " + joined(table.rows[i], " | ", escape) + " |\n";
    if (i > 0) continue;
    out += "|---|";
    for (std::size_t column = 1; column < table.rows[0].size(); ++column) out += "---:|";
    out += "\n";
  }
  return out;
}

std::string as_latex(const TextTable& table) {
  const auto escape = [](const std::string& text) {
    return replaced(text, "&%$#_{}~^\\<>", [](char c) -> std::string {
      switch (c) {
        case '~':
          return "\\textasciitilde{}";
        case '^':
          return "\\textasciicircum{}";
        case '\\':
          return "\\textbackslash{}";
        case '<':
          return "$<$";
        case '>':
          return "$>$";
        default:
          return std::string("\\") + c;
      }
    });
  };
  std::string out = "\\begin{tabular}{l" + std::string(table.rows.front().size() - 1, 'r') + "}\n";
  out += "\\toprule\n";
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    out += joined(table.rows[i], " & ", escape) + " \\\\\n";
    if (i == 0) out += "\\midrule\n";
  }
  return out + "\\bottomrule\n\\end{tabular}\n";
}

std::string as_csv(const TextTable& table) {
  const auto escape = [](const std::string& text) {
    if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
    return "\"" + replaced(text, "\"", [](char) { return std::string("\"\""); }) + "\"";
  };
  std::string out;
  for (const Row& row : table.rows) out += joined(row, ",", escape) + "\n";
  return out;
}

}  // namespace

std::vector<std::string_view> table_format_names() {
  return {"text", "markdown", "latex", "csv"};
}

std::string render(const TextTable& table, TableFormat format) {
  CALVO_EXPECT(!table.rows.empty() && !table.rows.front().empty());
  switch (format) {
    case TableFormat::text:
      return as_text(table);
    case TableFormat::markdown:
      return as_markdown(table);
    case TableFormat::latex:
      return as_latex(table);
    case TableFormat::csv:
      return as_csv(table);
  }
  return {};
}

}  // namespace calvo::analysis
