#include "realrun/engine/connector.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <memory>
#include <utility>

#include "core/input_error.hpp"

namespace calvo::realrun {
namespace {

using std::chrono::milliseconds;

milliseconds pause_before(std::int32_t attempt) {
  return std::min(milliseconds{5} * (1 << std::min(attempt, 10)), milliseconds{1000});
}

}  // namespace

void complain(NoticeRing& notices, const std::string& text) {
  Notice notice;
  notice.kind = Notice::Kind::complaint;
  notice.text = text;
  notices.push(std::move(notice));
}

Connector::Connector(const Parts& parts, NoticeRing& notices)
    : parts_(parts), notices_(notices), lines_(parts.hosts.size()) {
  try {
    for (std::uint32_t i = 0; i < lines_.size(); ++i) {
      lines_[i].worker.start("connector" + std::to_string(i), std::nullopt, notices,
                             [this, i] { work(StorageId{i}); });
    }
  } catch (...) {  // no more threads are to be had
    stop();
    throw;
  }
}

Connector::~Connector() {
  stop();
}

void Connector::stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_.request_stop();
  }
  changed_.notify_all();
  for (Line& line : lines_) line.worker.join();
}

void Connector::request(StorageId node, Ring<RailOrder>& rail, Nanoseconds pause) {
  const auto due = std::chrono::steady_clock::now() + std::max<Nanoseconds>(pause_before(0), pause);
  {
    const std::lock_guard lock(mutex_);
    lines_[raw(node)].wishes.push_back({&rail, 0, due});
  }
  changed_.notify_all();
}

void Connector::work(StorageId node) {
  std::vector<Wish>& wishes = lines_[raw(node)].wishes;
  std::unique_lock lock(mutex_);
  while (!stop_.stop_requested()) {
    const auto next = std::ranges::min_element(wishes, {}, &Wish::due);
    if (next == wishes.end()) {
      changed_.wait(lock);
      continue;
    }
    const auto due = next->due;  // wishes may grow while this waits
    if (std::chrono::steady_clock::now() < due) {
      changed_.wait_until(lock, due);
      continue;
    }
    Wish wish = *next;
    wishes.erase(next);
    lock.unlock();
    std::unique_ptr<NodeLink> link;
    try {
      link = parts_.connect(raw(node), stop_.get_token());
    } catch (const InputError& error) {  // only a person can mend it, perhaps while this runs
      complain(notices_, error.what());
      ++wish.attempts;
    } catch (const std::exception&) {  // not yet: it is tried again
      ++wish.attempts;
    }
    if (link) {
      wish.rail->push(Connected{node, std::move(link)});
      lock.lock();
    } else {
      lock.lock();
      wish.due = std::chrono::steady_clock::now() + pause_before(wish.attempts);
      wishes.push_back(wish);
    }
  }
}

}  // namespace calvo::realrun
