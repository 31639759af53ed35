#include "analysis/occupancy_csv.hpp"

#include <algorithm>
#include <iterator>

#include "analysis/output_file.hpp"
#include "core/contract.hpp"

namespace calvo::analysis {

void write_occupancy_csv(const std::string& path, const RunResult& run) {
  OutputFile file(path);
  fmt::memory_buffer& out = file.buffer();
  out.append(std::string_view("from_s,to_s"));
  for (const MemoryHistory& memory : run.memory) {
    fmt::format_to(std::back_inserter(out), ",{}", memory.name);
    CALVO_EXPECT(memory.interval == run.memory.front().interval);
    CALVO_EXPECT(memory.shares.size() == run.memory.front().shares.size());
  }
  out.push_back('\n');
  const std::size_t rows = run.memory.empty() ? 0 : run.memory.front().shares.size();
  for (std::size_t i = 0; i < rows; ++i) {
    const Nanoseconds from = run.memory.front().interval * static_cast<std::int64_t>(i);
    append_seconds(out, from);
    out.push_back(',');
    append_seconds(out, std::min(from + run.memory.front().interval, run.end.time_since_epoch()));
    for (const MemoryHistory& memory : run.memory) {
      fmt::format_to(std::back_inserter(out), ",{:.6f}", memory.shares[i]);
    }
    out.push_back('\n');
    file.flush_if_large();
  }
  file.close();
}

}  // namespace calvo::analysis
