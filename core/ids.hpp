// Names of things for the whole run. None is an index into anything or a count of anything.
#pragma once

#include <cstdint>

namespace calvo {

enum class RequestId : std::uint64_t {};
enum class SessionId : std::uint64_t {};
enum class InstanceId : std::uint32_t {};
enum class StorageId : std::uint32_t {};
/// A transfer, step or timer that a controller started; unique within its instance.
enum class RunId : std::uint64_t {};

/// Names a KV block by its whole prefix: equal ids mean equal tokens from the first one on.
/// The workload gives consecutive ids to blocks that it first saw one after the other, so that a
/// prefix of thousands of blocks is a handful of runs.
enum class BlockId : std::uint64_t {};

constexpr std::uint64_t raw(RequestId id) {
  return static_cast<std::uint64_t>(id);
}
constexpr std::uint64_t raw(SessionId id) {
  return static_cast<std::uint64_t>(id);
}
constexpr std::uint32_t raw(InstanceId id) {
  return static_cast<std::uint32_t>(id);
}
constexpr std::uint32_t raw(StorageId id) {
  return static_cast<std::uint32_t>(id);
}
constexpr std::uint64_t raw(RunId id) {
  return static_cast<std::uint64_t>(id);
}
constexpr std::uint64_t raw(BlockId id) {
  return static_cast<std::uint64_t>(id);
}

}  // namespace calvo
