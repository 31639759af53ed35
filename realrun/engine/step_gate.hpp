#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <span>

#include "realrun/engine/messages.hpp"

namespace calvo::realrun {

/// Where a step waits for the layers that copies still bring.
class StepGate {
public:
  /// Blocks until every copy has brought `layer`, or the gate is opened for good.
  void wait(std::int32_t layer, std::span<const std::shared_ptr<CopyProgress>> copies) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] {
      for (const auto& copy : copies) {
        if (copy->layers.load() <= layer && !open_) return false;
      }
      return true;
    });
  }

  void bring(CopyProgress& copy, std::int32_t layers) {
    {
      const std::lock_guard lock(mutex_);
      copy.layers.store(layers);
    }
    changed_.notify_all();
  }

  void open() {
    {
      const std::lock_guard lock(mutex_);
      open_ = true;
    }
    changed_.notify_all();
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
};

}  // namespace calvo::realrun
