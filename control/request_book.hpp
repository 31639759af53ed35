// What a driver, simulated or real, writes down of each request from its arrival to its end.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "control/commands.hpp"
#include "control/events.hpp"
#include "core/request.hpp"

namespace calvo::control {

class RequestBook {
public:
  /// `specs`: all there can be, by id; they outlive it.
  explicit RequestBook(std::span<RequestSpec> specs) : specs_(specs), rows_(specs.size(), none) {}

  /// Requires: there is such a request.
  RequestSpec& spec(RequestId id) const;

  /// It has come in, at the date that its spec says. Once for each request.
  void arrived(const RequestSpec& spec);
  /// The router has sent it to an instance, for which this is the event. Requires: it has arrived.
  Event dispatched(const Command& dispatch);
  /// It is over: `end` is finish, reject or cancelled. One that completes has made all of its
  /// output, or its first token alone where there is no decode. Requires: it has arrived.
  void ended(const Command& end, bool decode);

  std::int64_t ended() const { return ended_; }
  /// How many there can be.
  std::int64_t size() const { return static_cast<std::int64_t>(specs_.size()); }
  /// Of those that have arrived, by id. The book is empty then.
  std::vector<RequestRecord> take();

private:
  static constexpr std::int32_t none = -1;

  RequestRecord& record(RequestId id);

  std::span<RequestSpec> specs_;
  std::vector<std::int32_t> rows_;  ///< by request id: its place in records_; none: not arrived
  std::vector<RequestRecord> records_;
  std::int64_t ended_ = 0;
};

}  // namespace calvo::control
