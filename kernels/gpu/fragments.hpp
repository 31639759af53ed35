// Where a lane's values stand in the matrices that tensor cores multiply, and how tiles lie in
// shared memory. Sources: PTX ISA, "Matrix Fragments for mma.m16n8k16" and "ldmatrix".
#pragma once

namespace calvo::kernels::gpu {

/// Byte of a 16-byte chunk of a tile whose rows have `chunks` chunks (a multiple of 8): chunks of 8
/// rows below each other lie in different banks.
constexpr int swizzled(int row, int chunk, int chunks) {
  return (row * chunks + (chunk ^ (row & 7))) * 16;
}

/// A row and a 16-byte chunk of a tile.
struct ChunkPlace {
  int row = 0;
  int chunk = 0;
};

/// What lane `lane` names to ldmatrix to get the left operand [16 rows][16 values] row by row.
constexpr ChunkPlace left_operand_place(int lane) {
  return {lane & 15, lane >> 4};
}
/// ... to get two right operands [16 values][8 keys], from rows that are keys; registers 0 and 1
/// belong to keys 0-7, 2 and 3 to keys 8-15.
constexpr ChunkPlace keys_operand_place(int lane) {
  return {(lane & 7) + ((lane >> 4) << 3), (lane >> 3) & 1};
}
/// ... to get two right operands [16 keys][8 values], transposed from rows that are keys; registers
/// 0 and 1 belong to values 0-7, 2 and 3 to values 8-15.
constexpr ChunkPlace values_operand_place(int lane) {
  return {lane & 15, lane >> 4};
}

/// Where sum i of a lane stands in [16 rows][8 columns].
constexpr int sum_row(int lane, int i) {
  return (lane >> 2) + (i >> 1) * 8;
}
constexpr int sum_column(int lane, int i) {
  return (lane & 3) * 2 + (i & 1);
}

}  // namespace calvo::kernels::gpu
