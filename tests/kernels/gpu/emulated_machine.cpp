#include "tests/kernels/gpu/emulated_machine.hpp"

#include <cmath>

#include "kernels/gpu/decode_attention.cuh"
#include "kernels/gpu/elementwise.cuh"
#include "kernels/gpu/kv_copy.cuh"
#include "kernels/gpu/lse_merge.cuh"
#include "kernels/gpu/prefill_attention.cuh"
#include "kernels/gpu/rope.cuh"
#include "kernels/gpu/sm_copy.cuh"
#include "kernels/gpu/weight_fill.cuh"

namespace calvo::kernels::gpu::testing {

using simt::emulate;

void EmulatedMachine::run(const Embedding& args) {
  emulate(embedding_shape(args), seed_, [&] { embedding_row(args); });
}
void EmulatedMachine::run(const RmsNorm& args) {
  emulate(rms_norm_shape(args), seed_, [&] { rms_norm_row(args); });
}
void EmulatedMachine::run(const Swiglu& args) {
  emulate(swiglu_shape(args), seed_, [&] { swiglu_segment(args); });
}
void EmulatedMachine::run(const Argmax& args) {
  emulate(argmax_shape(args), seed_, [&] { argmax_row(args); });
}
void EmulatedMachine::run(const RopeTable& args) {
  const RopeTableWork work{args, std::log2(args.base)};
  emulate(rope_table_shape(args), seed_, [&] { rope_table_pair(work); });
}
void EmulatedMachine::run(const RopeKvWrite& args) {
  emulate(rope_kv_write_shape(args), seed_, [&] { rope_kv_write_row(args); });
}
void EmulatedMachine::run(const PrefillAttention& args) {
  if (args.kv.layout.head_dim == 64) {
    emulate(prefill_shape<64>(args), seed_, [&] { Prefill<64>(args).run(); });
  } else {
    emulate(prefill_shape<128>(args), seed_, [&] { Prefill<128>(args).run(); });
  }
}
void EmulatedMachine::run(const DecodeAttention& args) {
  const bool narrow = args.kv.layout.head_dim == 64;
  if (narrow) {
    emulate(decode_shape<64>(args), seed_, [&] { Decode<64>(args).run(); });
  } else {
    emulate(decode_shape<128>(args), seed_, [&] { Decode<128>(args).run(); });
  }
  if (args.plan.splits == 1) return;
  emulate(decode_merge_shape(args), seed_,
          [&] { narrow ? decode_merge<64>(args) : decode_merge<128>(args); });
}
void EmulatedMachine::run(const LseMerge& args) {
  emulate(lse_merge_shape(args), seed_, [&] { lse_merge_word(args); });
}
void EmulatedMachine::run(const SmCopy& args) {
  emulate(sm_copy_shape(args), seed_, [&] { sm_copy_segments_of_warp(args); });
}
void EmulatedMachine::run(const MatrixFill& args) {
  emulate(fill_matrix_shape(args), seed_, [&] { fill_segment(args); });
}
void EmulatedMachine::run(const VectorFill& args) {
  emulate(fill_vector_shape(args), seed_, [&] { fill_element(args); });
}
void EmulatedMachine::gather(const KvCopy& args) {
  for (std::int64_t i = 0; args.checksums != nullptr && i < args.blocks; ++i) args.checksums[i] = 0;
  emulate(kv_copy_shape(args), seed_, [&] {
    args.checksums != nullptr ? kv_copy_block<false, true>(args)
                              : kv_copy_block<false, false>(args);
  });
}
void EmulatedMachine::scatter(const KvCopy& args) {
  for (std::int64_t i = 0; args.checksums != nullptr && i < args.blocks; ++i) args.checksums[i] = 0;
  emulate(kv_copy_shape(args), seed_, [&] {
    args.checksums != nullptr ? kv_copy_block<true, true>(args) : kv_copy_block<true, false>(args);
  });
}

}  // namespace calvo::kernels::gpu::testing
