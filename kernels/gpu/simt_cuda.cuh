#pragma once

#include "kernels/gpu/simt.hpp"

#define CALVO_DEVICE __device__ __forceinline__
#define CALVO_UNROLL _Pragma("unroll")
#define CALVO_UNROLL_BY(n) _Pragma(CALVO_TEXT_(unroll n))
#define CALVO_TEXT_(text) #text

namespace calvo::kernels::gpu::simt {

CALVO_DEVICE int thread_index() {
  return static_cast<int>(threadIdx.x);
}
CALVO_DEVICE std::int64_t block_index() {
  return blockIdx.x;
}
CALVO_DEVICE std::int64_t block_count() {
  return gridDim.x;
}
CALVO_DEVICE int thread_count() {
  return static_cast<int>(blockDim.x);
}

CALVO_DEVICE std::byte* shared_memory() {
  extern __shared__ __align__(128) unsigned char dynamic_shared[];
  return reinterpret_cast<std::byte*>(dynamic_shared);
}
CALVO_DEVICE SharedAddress shared_address(const void* shared) {
  return static_cast<SharedAddress>(__cvta_generic_to_shared(shared));
}

CALVO_DEVICE void sync_block() {
  __syncthreads();
}
CALVO_DEVICE void sync_warp() {
  __syncwarp();
}
template <class T>
CALVO_DEVICE T shuffle(T value, int lane) {
  return __shfl_sync(0xffffffffU, value, lane);
}
template <class T>
CALVO_DEVICE T shuffle_xor(T value, int mask) {
  return __shfl_xor_sync(0xffffffffU, value, mask);
}
CALVO_DEVICE bool any(bool value) {
  return __any_sync(0xffffffffU, value) != 0;
}

/// For data that nobody reads again soon.
CALVO_DEVICE Word load_streamed(const Word* from) {
  const uint4 value = __ldcs(reinterpret_cast<const uint4*>(from));
  return {value.x, value.y, value.z, value.w};
}
CALVO_DEVICE void store_streamed(Word* to, Word value) {
  __stcs(reinterpret_cast<uint4*>(to), make_uint4(value.x, value.y, value.z, value.w));
}
/// Of what comes from shared memory: there the compiler makes four stores of 4 bytes of store().
CALVO_DEVICE void store_global(Word* to, Word value) {
  __stwb(reinterpret_cast<uint4*>(to), make_uint4(value.x, value.y, value.z, value.w));
}
CALVO_DEVICE Word load(const Word* from) {
  const uint4 value = *reinterpret_cast<const uint4*>(from);
  return {value.x, value.y, value.z, value.w};
}
CALVO_DEVICE void store(Word* to, Word value) {
  *reinterpret_cast<uint4*>(to) = make_uint4(value.x, value.y, value.z, value.w);
}
/// Two 16-bit values at once.
template <class T>
CALVO_DEVICE std::uint32_t load_pair(const T* from) {
  static_assert(sizeof(T) == 2);
  return *reinterpret_cast<const std::uint32_t*>(from);
}
template <class T>
CALVO_DEVICE void store_pair(T* to, std::uint32_t pair) {
  static_assert(sizeof(T) == 2);
  *reinterpret_cast<std::uint32_t*>(to) = pair;
}
CALVO_DEVICE void add_atomically(std::uint64_t* to, std::uint64_t value) {
  atomicAdd(reinterpret_cast<unsigned long long*>(to), static_cast<unsigned long long>(value));
}

/// 16 bytes into shared memory, asynchronously; zeros if not `valid` (then `from` is not read).
CALVO_DEVICE void copy_async(SharedAddress to, const void* from, bool valid) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to),
               "l"(__cvta_generic_to_global(from)), "r"(valid ? 16 : 0)
               : "memory");
}
/// Ends a group of this thread's copies.
CALVO_DEVICE void commit_copies() {
  asm volatile("cp.async.commit_group;" ::: "memory");
}
/// Until at most `pending` of this thread's latest groups are under way.
template <int pending>
CALVO_DEVICE void wait_copies() {
  asm volatile("cp.async.wait_group %0;" ::"n"(pending) : "memory");
}

/// Four 8 x 8 matrices of 16-bit values; lane i names row i % 8 of matrix i / 8.
CALVO_DEVICE void load_matrices(std::uint32_t (&to)[4], SharedAddress from) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
               : "r"(from)
               : "memory");
}
CALVO_DEVICE void load_matrices_transposed(std::uint32_t (&to)[4], SharedAddress from) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
               : "r"(from)
               : "memory");
}
/// sums += a * b: [16][8] += [16][16] * [16][8], bf16 into float.
CALVO_DEVICE void multiply_add(float (&sums)[4], const std::uint32_t (&a)[4], std::uint32_t b0,
                               std::uint32_t b1) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
      "{%8, %9}, {%0, %1, %2, %3};"
      : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
/// Two floats as bf16, the first in the lower half.
CALVO_DEVICE std::uint32_t pack_bf16(float low, float high) {
  std::uint32_t packed;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(packed) : "f"(high), "f"(low));
  return packed;
}

CALVO_DEVICE float as_float(std::uint32_t bits) {
  return __uint_as_float(bits);
}
/// 2^x; 0 for -infinity.
CALVO_DEVICE float exp2_fast(float x) {
  float result;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
  return result;
}
CALVO_DEVICE float exp_fast(float x) {
  return __expf(x);
}
CALVO_DEVICE float divide_fast(float x, float y) {
  return __fdividef(x, y);
}
CALVO_DEVICE float log_fast(float x) {
  return __logf(x);
}
CALVO_DEVICE float square_root(float x) {
  return sqrtf(x);
}
CALVO_DEVICE float larger(float a, float b) {
  return fmaxf(a, b);
}
CALVO_DEVICE void sine_cosine_of_pi(double x, double* sine, double* cosine) {
  sincospi(x, sine, cosine);
}
CALVO_DEVICE double exp2_double(double x) {
  return exp2(x);
}

}  // namespace calvo::kernels::gpu::simt
