#include "traces/named_requests.hpp"

#include <algorithm>
#include <cmath>

#include "core/contract.hpp"
#include "traces/block_names.hpp"
#include "traces/session_contents.hpp"

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
  Knowledge known;
  known.owner.resize(count);
  known.tokens.resize(count);
  for (std::size_t i = count; i-- > 0;) {
    const TraceRequest& request = trace.requests[played[i].source];
    if (next[i] == none || !is_continued(trace, request, trace.requests[played[next[i]].source])) {
      known.owner[i] = static_cast<std::uint32_t>(i);
      known.tokens[i] = trace.block_tokens.count() > 0 ? request.input : 0;
      continue;
    }
    known.owner[i] = known.owner[next[i]];
    const std::int64_t next_input = trace.requests[played[next[i]].source].input;
    known.tokens[i] =
        std::min(std::int64_t{request.input} + std::max(1, request.output), next_input);
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
    if (trace.closed_loop) {  // the requests of a session are neighbours
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
