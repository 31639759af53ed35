#include "realrun/engine/ingress.hpp"

#include <algorithm>
#include <utility>

namespace calvo::realrun {
namespace {

constexpr std::size_t ring_capacity = 4096;

bool later(const traces::Due& a, const traces::Due& b) {
  return a.at != b.at ? a.at > b.at : raw(a.request->id) > raw(b.request->id);
}

}  // namespace

Ingress::Ingress(std::vector<traces::Due> known, const WallClock& clock, NoticeRing& notices)
    : clock_(clock), notices_(notices), orders_(ring_capacity, bell_), due_(std::move(known)) {
  std::ranges::make_heap(due_, later);
}

void Ingress::start(std::optional<int> core) {
  worker_.start(
      "ingress", core, notices_, [this] { work(); }, Turns::prompt);
}

void Ingress::work() {
  std::vector<Order> inbox;
  for (;;) {
    inbox.clear();
    orders_.drain(inbox);
    for (const Order& order : inbox) {
      if (!order) return;
      due_.push_back(*order);
      std::ranges::push_heap(due_, later);
    }
    while (!due_.empty() && due_.front().at <= clock_.now()) {
      std::ranges::pop_heap(due_, later);
      Notice arrival;
      arrival.kind = Notice::Kind::arrival;
      arrival.spec = due_.back().request;
      arrival.due = due_.back().at;
      due_.pop_back();
      notices_.push(std::move(arrival));
    }
    bell_.arm();
    if (!orders_.empty()) {
      bell_.disarm();
      continue;
    }
    bell_.sleep(due_.empty() ? Nanoseconds::max() : due_.front().at - clock_.now());
  }
}

}  // namespace calvo::realrun
