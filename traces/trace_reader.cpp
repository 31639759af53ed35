#include <fmt/format.h>

#include "core/gzip_lines.hpp"
#include "traces/agentic.hpp"
#include "traces/azure.hpp"
#include "traces/mooncake.hpp"
#include "traces/trace.hpp"

namespace calvo::traces {

Trace read_trace(const std::string& file, const ReadOptions& options) {
  std::string first;
  {
    LineReader reader(file);
    if (!reader.next()) {
      throw InputError({file, 0, 0}, "", "holds no request; give a trace with some");
    }
    first = reader.line().substr(0, 60);
  }
  if (first.starts_with('{')) return read_mooncake(file, options);
  if (first.starts_with("session\tstream\t")) return read_agentic(file, options);
  if (first.starts_with("TIMESTAMP,")) return read_azure(file);
  if (first.starts_with("client,start_s,")) {
    throw InputError({file, 1, 1}, "",
                     "is a ServeGen table of arrival rates, not a trace of requests; name it as "
                     "the arrival process of a synthetic workload");
  }
  throw InputError({file, 1, 1}, "",
                   fmt::format("unknown trace format \"{}\" (one of: Mooncake JSONL, agentic TSV, "
                               "Azure CSV)",
                               first));
}

}  // namespace calvo::traces
