// The catalogue and the tables as shipped, read once a test program.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "models/catalogue.hpp"
#include "models/kernel_tables.hpp"
#include "models/table_compute_model.hpp"

namespace calvo::models::testing {

inline std::string catalogue_directory() {
  return std::string(CALVO_SOURCE_DIR) + "/scenarios/catalogue";
}
inline std::string table_directory() {
  return std::string(CALVO_SOURCE_DIR) + "/data/hardware";
}

const Catalogue& catalogue();
const KernelTables& tables_of(const std::string& prefix);
const ModelShape& model(const std::string& name);
const GpuSpec& gpu(const std::string& name);

/// With the shipped tables (without any if the GPU has none) and the given overhead.
std::shared_ptr<const TableComputeModel> compute_model(const ModelShape& shape, const GpuSpec& gpu,
                                                       std::int32_t tensor_parallel,
                                                       double overhead = 1);

/// Rows of a CSV with a header, as text by column name; quotes as in RFC 4180.
std::vector<std::vector<std::pair<std::string, std::string>>> read_csv(const std::string& path);

}  // namespace calvo::models::testing
