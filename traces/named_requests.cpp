#include "traces/named_requests.hpp"

#include <algorithm>
#include <cmath>

#include "core/contract.hpp"
#include "traces/block_names.hpp"

namespace calvo::traces {
namespace {

/// Whether the full trace blocks of `a` lead the prompt of `b`, which is not shorter.
bool is_continued(const Trace& trace, const TraceRequest& a, const TraceRequest& b) {
  if (trace.block_tokens.count() == 0 || b.input < a.input) return false;
  std::int64_t left = a.input / trace.block_tokens.count();
  const auto runs_a = trace.content(a);
  const auto runs_b = trace.content(b);
  // Runs are maximal, so equal contents have equal runs up to the last one.
  for (std::size_t i = 0; left > 0; ++i) {
    if (i == runs_b.size() || runs_a[i].first != runs_b[i].first) return false;
    const std::int64_t common = std::min(runs_a[i].count, runs_b[i].count);
    left -= common;
    if (left > 0 && runs_a[i].count != runs_b[i].count) return false;
  }
  return true;
}

/// Maps the ids of one session to contents: its shared prefix to space 0, the rest to its own.
class SessionContents {
public:
  SessionContents(const Trace& trace, double shared_prefix)
      : trace_(trace), shared_prefix_(shared_prefix) {}

  void begin(std::int32_t session, const TraceRequest& first) {
    space_ = static_cast<std::uint64_t>(session) + 1;
    shared_.clear();
    const double tokens =
        shared_prefix_ * trace_.sessions[static_cast<std::size_t>(session)].shared_tokens;
    auto left =
        static_cast<std::int64_t>(tokens / static_cast<double>(trace_.block_tokens.count()));
    std::uint64_t position = 0;
    for (const TraceRun& run : trace_.content(first)) {
      if (left <= 0) break;
      const auto count = static_cast<std::int32_t>(std::min<std::int64_t>(left, run.count));
      shared_.push_back({{run.first, count}, position});
      position += static_cast<std::uint64_t>(count);
      left -= count;
    }
  }

  void map(const TraceRequest& request, std::vector<ContentRun>& out) const {
    out.clear();
    for (TraceRun run : trace_.content(request)) {
      while (run.count > 0) {
        const ContentRun piece = leading_piece(run);
        out.push_back(piece);
        run.first += static_cast<std::uint64_t>(piece.count);
        run.count -= piece.count;
      }
    }
  }

private:
  struct SharedPart {
    TraceRun ids;
    std::uint64_t position = 0;
  };

  ContentRun leading_piece(TraceRun run) const {
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

  const Trace& trace_;
  double shared_prefix_;
  std::uint64_t space_ = 0;
  std::vector<SharedPart> shared_;
};

/// For each played request the one whose content tells its tokens: the end of its chain of
/// continuations, or itself; and how many of its tokens are known that way.
struct Knowledge {
  std::vector<std::uint32_t> owner;
  std::vector<std::int64_t> tokens;
};

Knowledge find_owners(const Trace& trace, std::span<const Played> played) {
  const std::size_t count = played.size();
  constexpr std::uint32_t none = ~std::uint32_t{0};
  std::vector<std::uint32_t> next(count, none);
  for (std::size_t i = count; i-- > 0;) {
    if (played[i].previous < 0) continue;
    CALVO_EXPECT(static_cast<std::size_t>(played[i].previous) < i);
    next[static_cast<std::size_t>(played[i].previous)] = static_cast<std::uint32_t>(i);
  }
  const auto named_tokens = [&](const TraceRequest& request) -> std::int64_t {
    if (trace.block_tokens.count() == 0) return 0;
    if (trace.last_block == LastBlock::named) return request.input;
    return request.input / trace.block_tokens.count() * trace.block_tokens.count();
  };
  Knowledge known;
  known.owner.resize(count);
  known.tokens.resize(count);
  for (std::size_t i = count; i-- > 0;) {
    const TraceRequest& request = trace.requests[played[i].source];
    if (next[i] == none || !is_continued(trace, request, trace.requests[played[next[i]].source])) {
      known.owner[i] = static_cast<std::uint32_t>(i);
      known.tokens[i] = named_tokens(request);
      continue;
    }
    known.owner[i] = known.owner[next[i]];
    const TraceRequest& owner = trace.requests[played[known.owner[i]].source];
    const std::int64_t next_input = trace.requests[played[next[i]].source].input;
    known.tokens[i] = std::min({std::int64_t{request.input} + std::max(1, request.output),
                                next_input, named_tokens(owner)});
  }
  return known;
}

}  // namespace

NamedRequests name_requests(const Trace& trace, std::span<const Played> played, Tokens engine_block,
                            double shared_prefix) {
  CALVO_EXPECT(shared_prefix >= 0 && shared_prefix <= 1);
  const Knowledge known = find_owners(trace, played);
  const Tokens trace_block = trace.block_tokens.count() > 0 ? trace.block_tokens : engine_block;
  BlockNames names(trace_block, engine_block);
  SessionContents contents(trace, shared_prefix);
  std::vector<BlockNames::Stream> streams;
  std::vector<ContentRun> content;
  std::vector<BlockRun> blocks;
  std::int32_t session = -1;

  NamedRequests named;
  named.requests.reserve(played.size());
  for (std::size_t i = 0; i < played.size(); ++i) {
    const TraceRequest& source = trace.requests[played[i].source];
    std::size_t stream = 0;
    if (trace.scope == IdScope::session) {
      if (source.session != session) {
        session = source.session;
        names.end_session();
        streams.clear();
        contents.begin(session, source);
      }
      stream = static_cast<std::size_t>(source.stream);
    }
    if (stream >= streams.size()) streams.resize(stream + 1);

    RequestSpec request;
    request.id = RequestId{i};
    request.session = SessionId{static_cast<std::uint64_t>(played[i].session)};
    request.turn = played[i].turn;
    request.input = Tokens{source.input};
    request.output = Tokens{std::max(1, source.output)};
    request.prompt_blocks = static_cast<std::int32_t>(source.input / engine_block.count());
    blocks.clear();
    if (known.tokens[i] > 0) {
      contents.map(trace.requests[played[known.owner[i]].source], content);
      names.name(streams[stream], content, Tokens{known.tokens[i]}, blocks);
    }
    const std::int64_t all = (request.input + request.output).count() / engine_block.count();
    names.name_fresh(all - known.tokens[i] / engine_block.count(), blocks);
    request.blocks.assign(blocks.begin(), blocks.end());
    named.requests.push_back(std::move(request));
  }
  named.id_limit = names.id_limit();
  return named;
}

}  // namespace calvo::traces
