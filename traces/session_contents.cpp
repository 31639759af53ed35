#include "traces/session_contents.hpp"

#include <algorithm>

namespace calvo::traces {

void SessionContents::begin(std::int32_t session, const TraceRequest& first) {
  space_ = static_cast<std::uint64_t>(session) + 1;
  shared_.clear();
  const double tokens =
      shared_prefix_ * trace_.sessions[static_cast<std::size_t>(session)].shared_tokens;
  auto left = static_cast<std::int64_t>(tokens / static_cast<double>(trace_.block_tokens.count()));
  std::uint64_t position = 0;
  for (const TraceRun& run : trace_.content(first)) {
    if (left <= 0) break;
    const auto count = static_cast<std::int32_t>(std::min<std::int64_t>(left, run.count));
    shared_.push_back({{run.first, count}, position});
    position += static_cast<std::uint64_t>(count);
    left -= count;
  }
}

void SessionContents::map(const TraceRequest& request, std::vector<ContentRun>& out) const {
  out.clear();
  for (TraceRun run : trace_.content(request)) {
    while (run.count > 0) {
      const ContentRun piece = leading_piece(run);
      out.push_back(piece);
      run.first += static_cast<std::uint64_t>(piece.count);
      run.count -= piece.count;
    }
  }
  if (trace_.last_block == LastBlock::unnamed && request.input % trace_.block_tokens.count() != 0) {
    out.push_back({tail_space, static_cast<std::uint64_t>(&request - trace_.requests.data()), 1});
  }
}

ContentRun SessionContents::leading_piece(TraceRun run) const {
  if (trace_.scope == IdScope::trace) return {0, run.first, run.count};
  std::int32_t count = run.count;
  for (const SharedPart& part : shared_) {
    if (run.first >= part.ids.first + static_cast<std::uint64_t>(part.ids.count)) continue;
    if (run.first >= part.ids.first) {
      const std::uint64_t inside = run.first - part.ids.first;
      const auto left = part.ids.count - static_cast<std::int32_t>(inside);
      return {0, part.position + inside, std::min(run.count, left)};
    }
    count = static_cast<std::int32_t>(
        std::min<std::uint64_t>(static_cast<std::uint64_t>(count), part.ids.first - run.first));
  }
  return {space_, run.first, count};
}

}  // namespace calvo::traces
