#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace calvo::analysis {

enum class TableFormat { text, markdown, latex, csv };

/// "text", "markdown", "latex", "csv", in the order of the enumerators.
std::vector<std::string_view> table_format_names();

/// A table for people or papers.
struct TextTable {
  using Row = std::vector<std::string>;
  std::vector<Row> rows;  ///< the first is the heading; all of one length
};

/// Text: columns with two spaces between them, the first and the last to the left, numbers between
/// them to the right. LaTeX: a tabular of the booktabs package. Ends with a newline. Requires:
/// rows.
std::string render(const TextTable& table, TableFormat format);

}  // namespace calvo::analysis
