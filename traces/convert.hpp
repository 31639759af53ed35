#pragma once

#include <string>

#include "traces/trace.hpp"

namespace calvo::traces {

struct ConvertOptions {
  ReadOptions read;
  double shared_prefix = 0.75;  ///< as in ClosedLoopOptions; here it is written into the block ids
};

/// Reads a trace of any known format and writes it as Mooncake JSONL, gzipped if `out` ends in
/// ".gz"; "-" is the standard output. Throws InputError for a bad trace, before anything is
/// written, and if `out` cannot be written.
void convert(const std::string& file, const std::string& out, const ConvertOptions& options = {});

}  // namespace calvo::traces
