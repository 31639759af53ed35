// An RDMA device reads and writes locked memory only: what a process is told that may not lock so
// much. They need an RDMA device and run with CALVO_FABRIC=verbs (see harness.hpp).
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "harness.hpp"
#include "realrun/fabrics/verbs.hpp"
#include "tests/realrun/lock_limit.hpp"

namespace calvo::realrun {
namespace {

/// Ends this process with what `work` says is wrong.
[[noreturn]] void tell_what_is_wrong(void (*work)()) {
  try {
    work();
    std::fputs("nothing", stderr);
  } catch (const std::runtime_error& error) {
    std::fputs(error.what(), stderr);
  }
  std::_Exit(0);
}

constexpr std::size_t pool_bytes = 4 << 20;

std::unique_ptr<FabricServer> serve(std::span<const std::byte> pool) {
  return verbs_fabric().make_server(pool, {.bind = bind_address(), .port = 0, .gate = nullptr});
}

void serve_what_may_not_be_locked() {
  const std::vector<std::byte> pool(pool_bytes);
  lock_at_most(pool_bytes / 2);
  serve(pool);
}

void read_into_what_may_not_be_locked() {
  Node node({.fabric = "verbs"});
  std::vector<std::byte> slots(pool_bytes);
  lock_at_most(pool_bytes / 2);
  const auto client = verbs_fabric().make_client();
  client->register_memory(slots);
  client->connect(peer_host(), node.admit(ticket(1)), ticket(1), patience);
}

void connect_twice_where_one_may() {
  const std::vector<std::byte> pool(pool_bytes);
  lock_at_most(pool_bytes + pool_bytes / 2);
  const auto server = serve(pool);
  std::byte slots[2][4096];
  const auto first = verbs_fabric().make_client();
  first->register_memory(slots[0]);
  first->connect(peer_host(), server->admit(ticket(1)), ticket(1), patience);
  const auto second = verbs_fabric().make_client();
  second->register_memory(slots[1]);
  second->connect(peer_host(), server->admit(ticket(2)), ticket(2), patience);
}

class VerbsDeviceMemlock : public testing::Test {
protected:
  void SetUp() override {
    const char* wanted = std::getenv("CALVO_FABRIC");
    if (wanted == nullptr || std::string_view(wanted) != "verbs") {
      GTEST_SKIP() << "not asked to use RDMA devices (CALVO_FABRIC)";
    }
    GTEST_FLAG_SET(death_test_style, "threadsafe");  // a process of its own for each
  }

  static void expect_told(void (*work)(), const std::string& error) {
    EXPECT_EXIT(tell_what_is_wrong(work), testing::ExitedWithCode(0), error);
  }
};

constexpr const char* remedy =
    ": Cannot allocate memory; raise the limit of locked memory \\(ulimit -l\\) or make the pool "
    "smaller$";

TEST_F(VerbsDeviceMemlock, APoolThatMayNotBeLockedIsRefusedAtOnce) {
  expect_told(
      serve_what_may_not_be_locked,
      std::string("^a pool of 4194304 bytes cannot be registered with [a-z0-9_]+") + remedy);
}

TEST_F(VerbsDeviceMemlock, AnEngineIsToldThatItsSlotsMayNotBeLocked) {
  expect_told(read_into_what_may_not_be_locked,
              std::string("4194304 bytes of memory cannot be registered with [a-z0-9_]+") + remedy);
}

TEST_F(VerbsDeviceMemlock, OneConnectionTooManyIsToldWhatItsNodeLacks) {
  expect_told(connect_twice_where_one_may,
              "the storage node refuses: it could not register its pool for one more connection; "
              "raise its limit of locked memory \\(ulimit -l\\)$");
}

}  // namespace
}  // namespace calvo::realrun
