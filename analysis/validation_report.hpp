// What a validation says: to people in a terminal or on a page, and to programs.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "analysis/validation.hpp"
#include "analysis/validation_tolerance.hpp"

namespace calvo::analysis {

/// A table with its heading as first row, and what must be said below it.
struct ReportTable {
  std::string title;
  std::vector<std::vector<std::string>> rows;
  std::vector<std::string> notes;
};

/// brief: stages as one line a cell; full: with intervals and spreads.
enum class Detail { brief, full };
std::vector<ReportTable> tables_of(const Validation& validation, Detail detail);

/// All end with a newline.
std::string to_text(const Validation& validation, const Verdict& verdict);
std::string to_markdown(const Validation& validation, const Verdict& verdict);

/// Keys in a fixed order; what there is not is null. Shares and relative errors are fractions.
nlohmann::ordered_json to_json(const Validation& validation, const Verdict& verdict);

}  // namespace calvo::analysis
