#include "kernels/gpu/simt_emulator.hpp"

#include <algorithm>
#include <array>
#include <exception>
#include <memory>
#include <utility>
#include <vector>

#include <ucontext.h>
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

#include "core/contract.hpp"
#include "core/random.hpp"
#include "kernels/bf16.hpp"
#include "kernels/gpu/fragments.hpp"

namespace calvo::kernels::gpu::simt {
namespace {

constexpr int lanes = 32;
constexpr std::size_t stack_bytes = 128 << 10;
constexpr std::byte poison{0xff};  // 0xffff is a NaN in bf16, 0xffffffff one in float

/// A copy that has started.
struct PendingCopy {
  SharedAddress to;
  const void* from;  ///< null: zeros
};

struct Fiber {
  ucontext_t context{};
  std::unique_ptr<std::byte[]> stack{new std::byte[stack_bytes]};
  enum class State : std::uint8_t { ready, at_block, at_warp, finished } state = State::ready;
  std::vector<std::vector<PendingCopy>> groups;  ///< committed, oldest first
  std::vector<PendingCopy> open_group;
};

/// What the lanes of a warp put together. Two by turns: a fast lane may be at the next exchange
/// while a slow one has not looked at this one yet, never two ahead.
struct Warp {
  std::array<std::vector<std::byte>, 2> board;
  int arrived = 0;
  int turn = 0;
  std::int64_t complete = 0;  ///< exchanges
};

/// The thread block that runs.
struct Block {
  const std::function<void()>* body = nullptr;
  LaunchShape shape;
  std::int64_t index = 0;
  std::vector<Fiber> fibers;
  std::vector<Warp> warps;
  std::vector<std::byte> shared;
  std::int32_t current = 0;
  ucontext_t scheduler{};
  const void* scheduler_stack = nullptr;  ///< for the address sanitizer
  std::size_t scheduler_stack_size = 0;
  std::exception_ptr error;

  Fiber& fiber() { return fibers[static_cast<std::size_t>(current)]; }
  Warp& warp() { return warps[static_cast<std::size_t>(current / lanes)]; }
};

Block* running = nullptr;  // fibers share one CPU thread

/// Goes on in another context, whose stack it names to the address sanitizer; returns when somebody
/// comes back to this one. `mine` null: nobody will.
void switch_to(ucontext_t& to, [[maybe_unused]] const void* stack,
               [[maybe_unused]] std::size_t size, ucontext_t& from, [[maybe_unused]] void** mine) {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(mine, stack, size);
#endif
  swapcontext(&from, &to);
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(mine != nullptr ? *mine : nullptr, nullptr, nullptr);
#endif
}

void enter_fiber() {
  Block& block = *running;
  void* mine = nullptr;
  switch_to(block.fiber().context, block.fiber().stack.get(), stack_bytes, block.scheduler, &mine);
}

void wait_as(Fiber::State state) {
  Block& block = *running;
  Fiber& fiber = block.fiber();
  fiber.state = state;
  void* mine = nullptr;
  switch_to(block.scheduler, block.scheduler_stack, block.scheduler_stack_size, fiber.context,
            &mine);
}

void fiber_main() {
  Block& block = *running;
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(nullptr, &block.scheduler_stack, &block.scheduler_stack_size);
#endif
  try {
    (*block.body)();
  } catch (...) {
    if (!block.error) block.error = std::current_exception();
  }
  block.fiber().state = Fiber::State::finished;
  switch_to(block.scheduler, block.scheduler_stack, block.scheduler_stack_size,
            block.fiber().context, nullptr);
}

bool all_of(const Block& block, std::int32_t first, std::int32_t count, Fiber::State state) {
  return std::all_of(block.fibers.begin() + first, block.fibers.begin() + first + count,
                     [&](const Fiber& fiber) { return fiber.state == state; });
}

void release(Block& block, std::int32_t first, std::int32_t count) {
  for (std::int32_t i = first; i < first + count; ++i) {
    block.fibers[static_cast<std::size_t>(i)].state = Fiber::State::ready;
  }
}

/// Lets the block go on if all of it is at a barrier.
bool release_complete(Block& block) {
  if (!all_of(block, 0, block.shape.threads, Fiber::State::at_block)) return false;
  release(block, 0, block.shape.threads);
  return true;
}

void start(Block& block, std::int32_t i) {
  Fiber& fiber = block.fibers[static_cast<std::size_t>(i)];
  fiber.state = Fiber::State::ready;
  fiber.groups.clear();
  fiber.open_group.clear();
  getcontext(&fiber.context);
  fiber.context.uc_stack.ss_sp = fiber.stack.get();
  fiber.context.uc_stack.ss_size = stack_bytes;
  fiber.context.uc_link = nullptr;
  makecontext(&fiber.context, fiber_main, 0);
}

void run_block(Block& block, Random& random) {
  const std::int32_t count = block.shape.threads;
  std::ranges::fill(block.shared, poison);
  for (Warp& warp : block.warps) warp = {};
  for (std::int32_t i = 0; i < count; ++i) start(block, i);
  std::vector<std::int32_t> order(block.warps.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::int32_t>(i);
  // Warp by warp, each until it waits for the others: what one does too early, the others meet. Now
  // and then one is held up on its way.
  bool held_up = false;
  do {
    held_up = false;
    for (std::size_t i = order.size(); i > 1; --i) {
      std::swap(order[i - 1], order[random.below(i)]);
    }
    for (const std::int32_t warp : order) {
      const auto turn = static_cast<std::int32_t>(random.below(lanes));
      while (true) {
        for (std::int32_t lane = 0; lane < lanes; ++lane) {
          block.current = warp * lanes + (lane + turn) % lanes;
          if (block.fiber().state == Fiber::State::ready) {
            enter_fiber();
          }
        }
        if (!all_of(block, warp * lanes, lanes, Fiber::State::at_warp)) break;
        release(block, warp * lanes, lanes);
        if (random.below(16) == 0) {
          held_up = true;
          break;
        }
      }
    }
  } while (held_up || release_complete(block));
  if (block.error) std::rethrow_exception(block.error);
  CALVO_EXPECT(all_of(block, 0, count, Fiber::State::finished));  // else some wait for ever
}

void land(const PendingCopy& copy) {
  std::byte* to = running->shared.data() + copy.to;
  if (copy.from == nullptr) {
    std::memset(to, 0, sizeof(Word));
  } else {
    std::memcpy(to, copy.from, sizeof(Word));
  }
}

void load_four(std::uint32_t (&to)[4], SharedAddress from, bool transposed) {
  CALVO_EXPECT(from % sizeof(Word) == 0 && from + sizeof(Word) <= running->shared.size());
  const std::byte* rows = exchange(&from, sizeof from);
  const int lane = running->current % lanes;
  for (int matrix = 0; matrix < 4; ++matrix) {
    std::uint32_t pair = 0;
    for (int i = 0; i < 2; ++i) {
      const int row = transposed ? lane % 4 * 2 + i : lane / 4;
      const int column = transposed ? lane / 4 : lane % 4 * 2 + i;
      SharedAddress address = 0;
      std::memcpy(&address, rows + static_cast<std::size_t>(matrix * 8 + row) * sizeof address,
                  sizeof address);
      std::uint16_t value = 0;
      std::memcpy(&value, running->shared.data() + address + 2 * column, sizeof value);
      pair |= std::uint32_t{value} << (16 * i);
    }
    to[matrix] = pair;
  }
}

float half_of(std::uint32_t pair, int i) {
  return to_float(Bf16{static_cast<std::uint16_t>(pair >> (16 * i))});
}

}  // namespace

void emulate(const LaunchShape& shape, std::uint64_t seed, const std::function<void()>& body) {
  CALVO_EXPECT(running == nullptr && shape.threads > 0 && shape.threads % lanes == 0);
  Block block;
  block.body = &body;
  block.shape = shape;
  block.fibers = std::vector<Fiber>(static_cast<std::size_t>(shape.threads));
  block.warps.resize(static_cast<std::size_t>(shape.threads / lanes));
  block.shared.resize(static_cast<std::size_t>(shape.shared_bytes));
  running = &block;
  const std::unique_ptr<Block*, void (*)(Block**)> reset(&running,
                                                         [](Block** it) { *it = nullptr; });
  Random random(seed);
  for (block.index = 0; block.index < shape.blocks; ++block.index) run_block(block, random);
}

int thread_index() {
  return running->current;
}
std::int64_t block_index() {
  return running->index;
}
std::int64_t block_count() {
  return running->shape.blocks;
}
int thread_count() {
  return running->shape.threads;
}

std::byte* shared_memory() {
  return running->shared.data();
}
SharedAddress shared_address(const void* shared) {
  return static_cast<SharedAddress>(static_cast<const std::byte*>(shared) - running->shared.data());
}

void sync_block() {
  wait_as(Fiber::State::at_block);
}
void sync_warp() {
  wait_as(Fiber::State::at_warp);
}

const std::byte* exchange(const void* mine, std::size_t size) {
  Warp& warp = running->warp();
  const auto lane = static_cast<std::size_t>(running->current % lanes);
  std::vector<std::byte>& board = warp.board[static_cast<std::size_t>(warp.turn)];
  if (warp.arrived == 0) board.assign(size * lanes, std::byte{0});
  CALVO_EXPECT(board.size() == size * lanes);  // else lanes are at different exchanges
  std::memcpy(board.data() + lane * size, mine, size);
  const std::int64_t before = warp.complete;
  if (++warp.arrived == lanes) {
    warp.arrived = 0;
    warp.turn = 1 - warp.turn;
    ++warp.complete;
  }
  wait_as(Fiber::State::at_warp);
  CALVO_EXPECT(warp.complete > before);  // else some lanes only synchronised
  return board.data();
}

bool any(bool value) {
  const std::byte* values = exchange(&value, sizeof value);
  return std::any_of(values, values + lanes, [](std::byte v) { return v != std::byte{0}; });
}

void copy_async(SharedAddress to, const void* from, bool valid) {
  CALVO_EXPECT(to % sizeof(Word) == 0 && to + sizeof(Word) <= running->shared.size());
  CALVO_EXPECT(reinterpret_cast<std::uintptr_t>(from) % sizeof(Word) == 0);
  std::memset(running->shared.data() + to, static_cast<int>(poison), sizeof(Word));
  running->fiber().open_group.push_back({to, valid ? from : nullptr});
}

void commit_copies() {
  Fiber& fiber = running->fiber();
  fiber.groups.push_back(std::exchange(fiber.open_group, {}));
}

void wait_copies_until(int pending) {
  Fiber& fiber = running->fiber();
  while (static_cast<int>(fiber.groups.size()) > pending) {
    std::ranges::for_each(fiber.groups.front(), land);
    fiber.groups.erase(fiber.groups.begin());
  }
  // PTX: wait_group 0 awaits committed groups; copies without a group stay under way.
}

void load_matrices(std::uint32_t (&to)[4], SharedAddress from) {
  load_four(to, from, false);
}
void load_matrices_transposed(std::uint32_t (&to)[4], SharedAddress from) {
  load_four(to, from, true);
}

void multiply_add(float (&sums)[4], const std::uint32_t (&a)[4], std::uint32_t b0,
                  std::uint32_t b1) {
  std::array<float, 12> mine;
  for (int i = 0; i < 12; ++i) {
    const std::uint32_t pair = i < 8 ? a[i / 2] : i < 10 ? b0 : b1;
    mine[static_cast<std::size_t>(i)] = half_of(pair, i % 2);
  }
  const auto* all = reinterpret_cast<const float*>(exchange(mine.data(), sizeof mine));
  // The tables of the PTX ISA: element (row, k) of a is held by lane row % 8 * 4 + k % 8 / 2, in
  // register row / 8 + k / 8 * 2; (k, column) of b by lane column * 4 + k % 8 / 2, in k / 8.
  const int lane = running->current % lanes;
  for (int i = 0; i < 4; ++i) {
    const int row = lane / 4 + i / 2 * 8;
    const int column = lane % 4 * 2 + i % 2;
    float sum = 0;
    for (int k = 0; k < 16; ++k) {
      sum += all[(row % 8 * 4 + k % 8 / 2) * 12 + (row / 8 + k / 8 * 2) * 2 + k % 2] *
             all[(column * 4 + k % 8 / 2) * 12 + 8 + k / 8 * 2 + k % 2];
    }
    sums[i] += sum;
  }
}

std::uint32_t pack_bf16(float low, float high) {
  const auto bits = [](float value) {
    return std::uint32_t{std::isnan(value) ? std::uint16_t{0x7fff}
                                           : static_cast<std::uint16_t>(to_bf16(value))};
  };
  return bits(low) | bits(high) << 16;
}

}  // namespace calvo::kernels::gpu::simt
