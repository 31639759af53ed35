// One engine's calls to a storage node, once hands are shaken. Frames in, frames out; no socket.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "realrun/node/block_pool.hpp"
#include "realrun/node/tally.hpp"
#include "realrun/wire/frame.hpp"
#include "realrun/wire/messages.hpp"

namespace calvo::realrun {

struct SessionOptions {
  std::uint64_t config = 0;      ///< NodeConfig::digest_word()
  std::uint64_t model_seed = 0;  ///< of synthetic blocks
  bool synthetic_on_demand = false;
  std::size_t most_leases = 1 << 16;
};

class Session {
public:
  /// Pool and tally outlive the session.
  Session(BlockPool& pool, Tally& tally, const SessionOptions& options)
      : pool_(pool), tally_(tally), options_(options) {}
  ~Session() { close(); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Carries out a call, appends its answer. False: malformed, the connection must end.
  bool take(const Frame& frame, Bytestring& out);

  /// Gives back all leases, and what was stored of a run that was never finished. The engine must
  /// no longer be able to read the pool.
  void close();

private:
  struct OpenStore {
    std::uint64_t tag = 0;
    BlockRun run;
    BlockPool::Store store;
    std::vector<std::int32_t> wanted;  ///< by index, in order
    std::size_t received = 0;          ///< of these
    std::int32_t bad = 0;              ///< the first that was not right
    std::string problem;               ///< of that, if there is one

    /// Leading blocks of the run that are there or have been received.
    std::int32_t good() const;
  };

  bool lookup(const Frame& frame, Bytestring& out);
  bool lease(const Frame& frame, Bytestring& out);
  bool release(const Frame& frame);
  bool begin_store(const Frame& frame, Bytestring& out);
  bool store_block(const Frame& frame, Bytestring& out);
  void finish_store(Bytestring* out);
  void count_pool();

  BlockPool& pool_;
  Tally& tally_;
  SessionOptions options_;
  std::map<std::uint64_t, BlockRun> leases_;
  std::uint64_t next_lease_ = 1;
  std::unique_ptr<OpenStore> store_;
};

}  // namespace calvo::realrun
