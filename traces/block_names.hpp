// From the contents that a trace knows, in blocks of its own size, to the names of KV blocks of the
// scenario's size.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/request.hpp"
#include "traces/block_table.hpp"

namespace calvo::traces {

/// `count` trace blocks with consecutive ids. Ids of different spaces name different contents.
/// Space 0 is common to a whole run, others belong to one session.
struct ContentRun {
  std::uint64_t space = 0;
  std::uint64_t first = 0;
  std::int32_t count = 0;

  friend bool operator==(const ContentRun&, const ContentRun&) = default;
};

/// Gives engine blocks their BlockIds: two blocks get the same one exactly when their prefixes are
/// made of the same trace content, position for position. Ids are dense from 0, and blocks first
/// seen one after the other get consecutive ones.
///
/// Cost: with engine blocks that divide the trace's, one table look-up a trace block, else one an
/// engine block; only for what a request does not have in common with the last one named through
/// the same Stream.
class BlockNames {
public:
  /// What was named last in one stream of requests, so that the next one costs its news only.
  class Stream {
    friend class BlockNames;
    std::vector<ContentRun> content_;
    std::vector<std::uint64_t> chain_;  ///< hash of the prefix up to and including unit k
    std::vector<BlockRun> names_;       ///< of all these units
  };

  /// Requires: both above 0. A unit is a trace block if the engine's blocks divide it, else an
  /// engine block.
  BlockNames(Tokens trace_block, Tokens engine_block);

  /// Appends to `out` the names of the whole engine blocks in the first `tokens` of `content`.
  /// Requires: content covers them.
  void name(Stream& stream, std::span<const ContentRun> content, Tokens tokens,
            std::vector<BlockRun>& out);

  /// Appends `count` names that no other block has.
  void name_fresh(std::int64_t count, std::vector<BlockRun>& out);

  /// Forgets the contents of spaces other than 0: their session is over.
  void end_session() { session_.clear(); }

  /// All ids given out are below this.
  std::uint64_t id_limit() const { return next_id_; }

private:
  void extend(Stream& stream, std::int64_t units);
  std::uint64_t intern(std::uint64_t key, bool common);

  std::int64_t trace_block_;
  std::int64_t engine_block_;
  std::int64_t per_unit_;  ///< engine blocks in a unit
  std::int64_t unit_tokens_;
  std::uint64_t next_id_ = 0;
  BlockTable common_;
  BlockTable session_;
};

/// Appends a run, joined to the last one where their ids follow each other.
void append_run(std::vector<BlockRun>& runs, BlockRun run);

/// Number of blocks in the runs.
std::int64_t block_count(std::span<const BlockRun> runs);

}  // namespace calvo::traces
