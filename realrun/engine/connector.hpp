#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <stop_token>
#include <vector>

#include "realrun/engine/messages.hpp"
#include "realrun/engine/ring.hpp"
#include "realrun/engine/worker.hpp"

namespace calvo::realrun {

/// Connects to nodes that were lost, again and again with growing pauses, on a thread of its own:
/// a connection to a dead node may block.
class Connector {
public:
  Connector(const Parts& parts, NoticeRing& notices);
  ~Connector();

  /// The link goes to `rail` when there is one. Any thread.
  void request(StorageId node, Ring<RailOrder>& rail);
  void stop();

private:
  struct Wish {
    StorageId node{};
    Ring<RailOrder>* rail = nullptr;
    std::int32_t attempts = 0;
    std::chrono::steady_clock::time_point due;
  };
  void work();

  const Parts& parts_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Wish> wishes_;
  bool stop_ = false;
  Worker worker_;
};

}  // namespace calvo::realrun
