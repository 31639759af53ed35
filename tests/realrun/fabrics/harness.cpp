#include "harness.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <semaphore>

#include <gtest/gtest.h>

#include "core/random.hpp"
#include "realrun/fabrics/ofi.hpp"
#include "realrun/fabrics/verbs.hpp"

namespace calvo::realrun {
namespace {

std::string environment(const char* name, const std::string& fallback) {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? fallback : value;
}

void take(FabricClient& client, std::vector<ReadDone>& done) {
  std::array<ReadDone, 7> some;
  const std::size_t count = client.poll(some);
  done.insert(done.end(), some.begin(), some.begin() + static_cast<std::ptrdiff_t>(count));
}

}  // namespace

std::vector<std::string> fabrics_to_test() {
  const std::string wanted = environment("CALVO_FABRIC", "");
  if (!wanted.empty()) return {wanted};
  std::vector<std::string> names;
  for (const FabricInfo& info : fabrics()) {
    if (info.missing) continue;
    if (info.name == "ofi") {
      for (const char* provider : {"tcp;ofi_rxm", "net", "shm"}) {
        const FabricInfo one = ofi_fabric(provider);
        if (!one.missing) names.push_back(one.name);
      }
    } else {
      names.push_back(info.name);
    }
  }
  return names;
}

std::string bind_address(const std::string& fabric) {
  const std::string wanted = environment("CALVO_FABRIC_BIND", "");
  if (!wanted.empty()) return wanted;
  const auto devices = fabric == "verbs" ? verbs_addresses() : std::vector<std::string>();
  return devices.empty() ? "127.0.0.1" : devices.front();
}

std::string peer_host(const std::string& fabric) {
  return environment("CALVO_FABRIC_HOST", bind_address(fabric));
}

std::byte pool_byte(std::uint64_t seed, std::uint64_t index) {
  const std::uint64_t word = mix_bits(mix_bits(seed) + index / 8);
  return static_cast<std::byte>(word >> (index % 8 * 8));
}

std::vector<std::byte> make_pool(std::uint64_t seed, std::size_t bytes) {
  std::vector<std::byte> pool((bytes + 7) / 8 * 8);
  for (std::size_t word = 0; word * 8 < pool.size(); ++word) {
    const std::uint64_t value = mix_bits(mix_bits(seed) + word);
    std::memcpy(pool.data() + word * 8, &value, 8);
  }
  pool.resize(bytes);
  return pool;
}

std::span<const std::byte> shared_pool() {
  static const std::vector<std::byte> pool = make_pool(1, pool_size);
  return pool;
}

Ticket ticket(std::uint64_t number) {
  Ticket made;
  for (std::size_t i = 0; i < sizeof made.bytes; ++i) {
    made.bytes[i] = pool_byte(number + 0x71c4e7, i);
  }
  return made;
}

bool all_are(std::byte value, std::span<const std::byte> bytes) {
  return bytes.empty() ||
         (bytes[0] == value && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

Landing::Landing(std::size_t bytes) : bytes_(bytes, canary) {}

std::span<std::byte> Landing::slot(std::size_t size) {
  constexpr std::size_t gap = 61;  // slots lie anywhere, not aligned
  const std::size_t begin = used_ + gap;
  EXPECT_LE(begin + size + gap, bytes_.size()) << "the test needs more memory to land in";
  const auto slot = std::span(bytes_).subspan(begin, size);
  std::ranges::fill(slot, blank);
  slots_.push_back(slot);
  used_ = begin + size;
  return slot;
}

void Landing::clear() {
  slots_.clear();
  std::ranges::fill(std::span(bytes_).first(used_), canary);
  used_ = 0;
}

bool Landing::canaries_live() const {
  const std::byte* from = bytes_.data();
  for (const auto& slot : slots_) {
    if (!all_are(canary, {from, slot.data()})) return false;
    from = slot.data() + slot.size();
  }
  return all_are(canary, {from, bytes_.data() + bytes_.size()});
}

bool Landing::is_blank(std::span<const std::byte> slot) {
  return all_are(blank, slot);
}

bool holds_pool(std::span<const std::byte> bytes, std::uint64_t seed, std::uint64_t offset) {
  static const std::vector<std::byte> other = make_pool(2, pool_size);
  EXPECT_TRUE(seed == 1 || seed == 2);
  const std::span<const std::byte> pool = seed == 1 ? shared_pool() : other;
  return offset <= pool.size() && bytes.size() <= pool.size() - offset &&
         std::memcmp(bytes.data(), pool.data() + offset, bytes.size()) == 0;
}

void post_all(FabricClient& client, PeerId peer, std::span<const Read> reads,
              std::vector<ReadDone>& done) {
  const auto give_up = std::chrono::steady_clock::now() + patience;
  while (!reads.empty()) {
    const std::size_t taken = client.post(peer, reads);
    ASSERT_LE(taken, reads.size());
    reads = reads.subspan(taken);
    if (taken == 0) {
      ASSERT_LT(std::chrono::steady_clock::now(), give_up) << reads.size() << " reads not posted";
      client.wait(std::chrono::milliseconds{50});
      take(client, done);
    }
  }
}

void await(FabricClient& client, std::size_t count, std::vector<ReadDone>& done) {
  const auto give_up = std::chrono::steady_clock::now() + patience;
  while (true) {
    take(client, done);
    if (done.size() >= count) break;
    ASSERT_LT(std::chrono::steady_clock::now(), give_up) << done.size() << " of " << count;
    client.wait(std::chrono::milliseconds{50});
  }
}

std::vector<ReadDone> read_all(FabricClient& client, PeerId peer, std::span<const Read> reads) {
  std::vector<ReadDone> done;
  post_all(client, peer, reads, done);
  await(client, reads.size(), done);
  return done;
}

bool is_silent(FabricClient& client) {
  client.wait(std::chrono::milliseconds{5});
  std::array<ReadDone, 1> one;
  return client.poll(one) == 0;
}

}  // namespace calvo::realrun
