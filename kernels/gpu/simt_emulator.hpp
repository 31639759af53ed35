// A GPU for tests: each thread of a thread block is a fiber on this CPU thread; what a warp does
// together waits for its 32 lanes, a barrier for the block. It is built to show mistakes:
// * fibers run in an order drawn from a seed, each as far as it can alone;
// * shared memory starts as NaN, is exactly as large as asked for and checked at each access by its
//   address; asynchronous copies turn their target into NaN when they start and land only when they
//   are waited for;
// * a barrier that some threads do not reach is a contract violation.
#pragma once

#include <bit>
#include <cmath>
#include <cstring>
#include <functional>

#include "kernels/gpu/simt.hpp"

#define CALVO_DEVICE inline
#define CALVO_UNROLL
#define CALVO_UNROLL_BY(n)

namespace calvo::kernels::gpu::simt {

/// Runs `body` in each thread of each thread block, one block after the other. Throws
/// ContractViolation if a block gets stuck, and what `body` throws.
void emulate(const LaunchShape& shape, std::uint64_t seed, const std::function<void()>& body);

int thread_index();
std::int64_t block_index();
std::int64_t block_count();
int thread_count();

std::byte* shared_memory();
SharedAddress shared_address(const void* shared);

void sync_block();
void sync_warp();

/// Each lane gives `size` bytes; all lanes' bytes, side by side, once they are there. Valid until
/// the lane's next exchange.
const std::byte* exchange(const void* mine, std::size_t size);

template <class T>
T shuffle(T value, int lane) {
  T result;
  std::memcpy(&result, exchange(&value, sizeof(T)) + static_cast<std::size_t>(lane) * sizeof(T),
              sizeof(T));
  return result;
}
template <class T>
T shuffle_xor(T value, int mask) {
  return shuffle(value, (thread_index() % 32) ^ mask);
}
bool any(bool value);

/// From memory that holds other types.
inline Word load(const Word* from) {
  Word word;
  std::memcpy(&word, static_cast<const void*>(from), sizeof word);
  return word;
}
inline void store(Word* to, Word value) {
  std::memcpy(static_cast<void*>(to), &value, sizeof value);
}
inline Word load_streamed(const Word* from) {
  return load(from);
}
inline void store_streamed(Word* to, Word value) {
  store(to, value);
}
inline void store_global(Word* to, Word value) {
  store(to, value);
}
template <class T>
std::uint32_t load_pair(const T* from) {
  static_assert(sizeof(T) == 2);
  std::uint32_t pair;
  std::memcpy(&pair, from, sizeof pair);
  return pair;
}
template <class T>
void store_pair(T* to, std::uint32_t pair) {
  static_assert(sizeof(T) == 2);
  std::memcpy(to, &pair, sizeof pair);
}
inline void add_atomically(std::uint64_t* to, std::uint64_t value) {
  *to += value;
}

void copy_async(SharedAddress to, const void* from, bool valid);
void commit_copies();
void wait_copies_until(int pending);
template <int pending>
void wait_copies() {
  wait_copies_until(pending);
}

void load_matrices(std::uint32_t (&to)[4], SharedAddress from);
void load_matrices_transposed(std::uint32_t (&to)[4], SharedAddress from);
void multiply_add(float (&sums)[4], const std::uint32_t (&a)[4], std::uint32_t b0,
                  std::uint32_t b1);
std::uint32_t pack_bf16(float low, float high);

inline float as_float(std::uint32_t bits) {
  return std::bit_cast<float>(bits);
}
inline float exp2_fast(float x) {
  return std::exp2(x);
}
inline float exp_fast(float x) {
  return std::exp(x);
}
inline float divide_fast(float x, float y) {
  return x / y;
}
inline float log_fast(float x) {
  return std::log(x);
}
inline float square_root(float x) {
  return std::sqrt(x);
}
inline float larger(float a, float b) {
  return std::fmax(a, b);
}
inline void sine_cosine_of_pi(double x, double* sine, double* cosine) {
  const double turn = std::fmod(x, 2.0) * 3.14159265358979323846;
  *sine = std::sin(turn);
  *cosine = std::cos(turn);
}
inline double exp2_double(double x) {
  return std::exp2(x);
}

}  // namespace calvo::kernels::gpu::simt
