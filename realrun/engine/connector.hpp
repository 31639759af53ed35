#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

#include "realrun/engine/messages.hpp"
#include "realrun/engine/ring.hpp"
#include "realrun/engine/worker.hpp"

namespace calvo::realrun {

/// Tells whoever started the run. The control thread tells it once.
void complain(NoticeRing& notices, const std::string& text);

/// Connects to nodes that were lost, again and again with growing pauses. Each node has a thread
/// for it: to connect to a dead node may block, and to look up its name, and no other node waits
/// for that. A node that answers and cannot be used is complained of.
class Connector {
public:
  /// Its threads run where the calling one may.
  Connector(const Parts& parts, NoticeRing& notices);
  ~Connector();

  /// The link goes to `rail` when there is one; it is not tried before `pause` is over. Any thread.
  void request(StorageId node, Ring<RailOrder>& rail, Nanoseconds pause);
  void stop();

private:
  struct Wish {
    Ring<RailOrder>* rail = nullptr;
    std::int32_t attempts = 0;
    std::chrono::steady_clock::time_point due;
  };
  struct Line {  ///< to one node
    std::vector<Wish> wishes;
    Worker worker;
  };
  void work(StorageId node);

  const Parts& parts_;
  NoticeRing& notices_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::stop_source stop_;
  std::deque<Line> lines_;  ///< by node
};

}  // namespace calvo::realrun
