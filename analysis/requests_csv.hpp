// requests.csv: a row a request. Times are seconds with nine decimals, printed from whole
// nanoseconds; what does not apply is empty.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "analysis/summary.hpp"
#include "core/request.hpp"

namespace calvo::analysis {

/// One row for each request that arrived, by request id. Throws InputError if it cannot.
void write_requests_csv(const std::string& path, const RunResult& run, const RunLabels& labels);

/// Columns of `RequestRow::stages_s`, in this order.
inline constexpr std::array<const char*, 5> stage_columns = {"queue", "lookup", "network", "pcie",
                                                             "compute"};

/// A row as `compare`, `validate` and `report` need it.
struct RequestRow {
  std::uint64_t id = 0;
  std::uint64_t session = 0;
  std::int64_t turn = 0;
  std::int64_t input_tokens = 0;
  double arrival_s = 0;
  std::optional<double> ttft_s;
  std::optional<double> deadline_s;
  std::optional<std::array<double, 5>> stages_s;  ///< parts of the TTFT, where there is one
  Outcome outcome = Outcome::unfinished;
  std::int64_t instance = 0;
  std::int64_t cached_tokens = 0;
  std::int64_t output_tokens = 0;
  std::optional<double> e2e_s;
  std::optional<bool> slo_met;
};

/// Throws InputError for a file that is missing or is not such a table.
std::vector<RequestRow> read_requests_csv(const std::string& path);

}  // namespace calvo::analysis
