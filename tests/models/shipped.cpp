#include "tests/models/shipped.hpp"

#include <map>
#include <utility>

#include "core/contract.hpp"
#include "core/gzip_lines.hpp"

namespace calvo::models::testing {

const Catalogue& catalogue() {
  static const Catalogue all = Catalogue::load(catalogue_directory());
  return all;
}

const KernelTables& tables_of(const std::string& prefix) {
  static std::map<std::string, KernelTables> loaded;
  const auto found = loaded.find(prefix);
  if (found != loaded.end()) return found->second;
  return loaded.emplace(prefix, KernelTables::load(table_directory(), prefix)).first->second;
}

const ModelShape& model(const std::string& name) {
  const ModelShape* found = catalogue().find_model(name);
  CALVO_EXPECT(found != nullptr);
  return *found;
}

const GpuSpec& gpu(const std::string& name) {
  const GpuSpec* found = catalogue().find_gpu(name);
  CALVO_EXPECT(found != nullptr);
  return *found;
}

std::shared_ptr<const TableComputeModel> compute_model(const ModelShape& shape, const GpuSpec& spec,
                                                       std::int32_t tensor_parallel,
                                                       double overhead) {
  const KernelTables* tables =
      spec.kernel_tables.empty() ? nullptr : &tables_of(spec.kernel_tables);
  return std::make_shared<TableComputeModel>(make_step_parts(shape, spec, tensor_parallel, tables),
                                             overhead, shape.layers);
}

std::vector<std::vector<std::pair<std::string, std::string>>> read_csv(const std::string& path) {
  const auto cells_of = [](std::string_view line) {
    std::vector<std::string> cells(1);
    bool quoted = false;
    for (const char c : line) {
      if (c == '"') {
        quoted = !quoted;
      } else if (c == ',' && !quoted) {
        cells.emplace_back();
      } else {
        cells.back() += c;
      }
    }
    return cells;
  };
  LineReader reader(path);
  CALVO_EXPECT(reader.next());
  const std::vector<std::string> header = cells_of(reader.line());
  std::vector<std::vector<std::pair<std::string, std::string>>> rows;
  while (reader.next()) {
    const std::vector<std::string> cells = cells_of(reader.line());
    CALVO_EXPECT(cells.size() == header.size());
    auto& row = rows.emplace_back();
    for (std::size_t i = 0; i < cells.size(); ++i) row.emplace_back(header[i], cells[i]);
  }
  return rows;
}

}  // namespace calvo::models::testing
