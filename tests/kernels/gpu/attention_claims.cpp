#include <algorithm>
#include <limits>

#include "kernels/lse_merge.hpp"
#include "tests/kernels/gpu/attention_cases.hpp"
#include "tests/kernels/gpu/claims.hpp"

namespace calvo::kernels::gpu::testing {
namespace {

std::int32_t one_of(Random& random, std::initializer_list<std::int32_t> values) {
  return values.begin()[random.below(values.size())];
}

/// Several sequences; among them one that is short, one without context, one row alone.
AttentionCase random_case(Machine& machine, unsigned seed) {
  Random random(seed, 3);
  const auto most = static_cast<std::uint64_t>(machine.scale());
  const auto below = [&](std::uint64_t n) {
    return static_cast<std::int32_t>(random.below(n * most));
  };
  const std::int32_t dim = seed % 2 == 0 ? 64 : 128;
  const std::int32_t group = one_of(random, {1, 3, 4, 8});
  std::vector<SequenceRows> sequences = {{1 + below(100 / static_cast<unsigned>(group)), below(90)},
                                         {1 + below(30), 0},
                                         {1, 1 + below(200)}};
  std::rotate(sequences.begin(), sequences.begin() + static_cast<std::ptrdiff_t>(random.below(3)),
              sequences.end());
  return {seed,
          dim,
          1 + static_cast<std::int32_t>(random.below(2)),
          group,
          one_of(random, {1, 7, 16, 64, 80}),
          sequences};
}

void prefill_equals_the_reference(Machine& machine, unsigned seed) {
  AttentionCase data = random_case(machine, seed);
  AttentionRun run{data, machine};
  run.prefill();
  for (std::size_t s = 0; s < data.sequences.size(); ++s) {
    run.expect_like_reference(s, 0, data.sequences[s].context + data.sequences[s].rows);
  }
}

/// The parts over [0, context) and [context, ...): each like the reference, and merged the whole.
void parts_equal_the_reference_and_merge(Machine& machine, unsigned seed) {
  AttentionCase data = random_case(machine, seed);
  AttentionRun prefix{data, machine};
  prefix.prefill(nullptr, prefix.first.data());
  AttentionRun fresh{data, machine};
  fresh.prefill(fresh.first.data(), nullptr);
  AttentionRun whole{data, machine};
  std::vector<Bf16> parts;
  std::vector<float> lses;
  for (AttentionRun* run : {&prefix, &fresh}) {
    const std::vector<Bf16> out = run->out.values();
    for (std::int64_t row = 0; row < data.row_begin.back(); ++row) {
      const auto at = out.begin() + row * data.stride;
      parts.insert(parts.end(), at, at + data.q_width());
    }
    const std::vector<float> lse = run->lse.values();
    lses.insert(lses.end(), lse.begin(), lse.end());
  }
  const Array<Bf16> part_array(machine, parts);
  const Array<float> lse_array(machine, lses);
  const Array<Bf16> merged(machine, std::vector<Bf16>(parts.size() / 2, nan_bf16));
  machine.run(LseMerge{.parts = part_array.data(),
                       .part_lse = lse_array.data(),
                       .count = 2,
                       .out = merged.data(),
                       .lse = whole.lse.data(),
                       .rows = data.row_begin.back() * std::int64_t{data.q_heads()},
                       .width = data.layout.head_dim});
  std::vector<Bf16> strided(data.q.size(), nan_bf16);
  const std::vector<Bf16> dense = merged.values();
  for (std::int64_t row = 0; row < data.row_begin.back(); ++row) {
    std::copy_n(dense.begin() + row * data.q_width(), data.q_width(),
                strided.begin() + row * data.stride);
  }
  machine.to_device(whole.out.data(), strided.data(), strided.size() * sizeof(Bf16));
  for (std::size_t s = 0; s < data.sequences.size(); ++s) {
    const std::int64_t context = data.sequences[s].context;
    prefix.expect_like_reference(s, 0, context);
    fresh.expect_like_reference(s, context, context + data.sequences[s].rows);
    whole.expect_like_reference(s, 0, context + data.sequences[s].rows);
  }
}

/// Key ranges that start and end anywhere, and none at all.
void prefill_keeps_to_its_keys(Machine& machine, unsigned seed) {
  AttentionCase data = random_case(machine, seed);
  Random random(seed, 4);
  std::vector<std::int32_t> begin, end;
  for (const SequenceRows& sequence : data.sequences) {
    const auto keys = static_cast<std::uint64_t>(sequence.context + sequence.rows);
    begin.push_back(static_cast<std::int32_t>(random.below(keys)));
    end.push_back(static_cast<std::int32_t>(random.below(keys + 1)));
  }
  begin[0] = end[0];
  const Array<std::int32_t> begins(machine, begin);
  const Array<std::int32_t> ends(machine, end);
  AttentionRun run{data, machine};
  run.prefill(begins.data(), ends.data());
  for (std::size_t s = 0; s < data.sequences.size(); ++s) {
    run.expect_like_reference(s, begin[s], end[s]);
  }
}

void prefill_leaves_sequences_without_tiles(Machine& machine, unsigned seed) {
  AttentionCase data(seed, 64, 1, 2, 16, {{3, 5}, {0, 9}, {4, 0}});
  AttentionRun run{data, machine};
  const std::vector<SequenceRows> all = data.sequences;
  data.sequences[0].rows = 0;  // for the tiles only
  run.prefill();
  data.sequences = all;
  run.expect_like_reference(2, 0, 4);
  const std::vector<Bf16> out = run.out.values();
  EXPECT_TRUE(std::all_of(out.begin(), out.begin() + 3 * data.stride,
                          [](Bf16 value) { return value == nan_bf16; }));
}

/// Decode of some of the sequences, each with one row.
void decode_equals_the_reference(Machine& machine, unsigned seed) {
  Random random(seed, 5);
  const auto below = [&](std::uint64_t n) {
    return static_cast<std::int32_t>(random.below(n * static_cast<unsigned>(machine.scale())));
  };
  const std::int32_t dim = seed % 2 == 0 ? 64 : 128;
  const std::int32_t group = one_of(random, {1, 4, 8, 20});
  AttentionCase data(seed, dim, group == 20 ? 1 : 2, group, one_of(random, {1, 16, 50}),
                     {{1, 0}, {1, 150 + below(300)}, {1, below(64)}, {1, 63}});
  const std::vector<std::int32_t> members = {3, 0, 1};
  DecodePlan plan;
  plan.split_keys = one_of(random, {64, 128, 1 << 20});
  plan.splits = (data.sequences[1].context + plan.split_keys) / plan.split_keys;
  if (seed % 3 == 0 && plan.splits > 2) plan.splits = 2;  // the last takes the rest
  plan.workspace_bytes =
      plan.splits == 1 ? 0 : 4 * decode_workspace_floats(3, plan.splits, data.q_heads(), dim);
  AttentionRun run{data, machine};
  run.decode(plan, members);
  for (const std::int32_t s : members) {
    const auto index = static_cast<std::size_t>(s);
    run.expect_like_reference(index, 0, data.sequences[index].context + 1);
  }
  const std::vector<Bf16> out = run.out.values();
  EXPECT_TRUE(std::all_of(out.begin() + 2 * data.stride, out.begin() + 3 * data.stride,
                          [](Bf16 value) { return value == nan_bf16; }));
}

/// Scores that exp cannot hold.
void attention_is_stable(Machine& machine, unsigned seed) {
  AttentionCase data(seed, seed % 2 == 0 ? 64 : 128, 1, 4, 16, {{1, 150}});
  for (Bf16& value : data.q) value = to_bf16(to_float(value) * 64);
  AttentionRun prefill{data, machine};
  prefill.prefill();
  prefill.expect_like_reference(0, 0, 151);
  AttentionRun decode{data, machine};
  decode.decode({64, 3, 4 * decode_workspace_floats(1, 3, 4, data.layout.head_dim)}, {0});
  decode.expect_like_reference(0, 0, 151);
}

void merge_equals_the_reference_part_by_part(Machine& machine, unsigned seed) {
  constexpr std::int64_t rows = 13;
  constexpr std::int64_t width = 24;
  constexpr std::int32_t count = 3;
  constexpr float none = -std::numeric_limits<float>::infinity();
  std::vector<Bf16> parts = random_bf16(seed, count * rows * width);
  std::vector<float> lses = widened(random_bf16(seed + 1, count * rows));
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int32_t n = 0; n < count; ++n) {
      if ((row >> n & 1) != 0) continue;  // row 0 has no part at all, row 7 all of them
      lses[static_cast<std::size_t>(n * rows + row)] = none;
      std::fill_n(parts.begin() + (n * rows + row) * width, width, nan_bf16);
    }
  }
  std::vector<float> expected(rows * width, 0.0F);
  std::vector<float> expected_lse(rows, none);
  for (std::int32_t n = 0; n < count; ++n) {
    std::vector<float> part =
        widened(std::span(parts).subspan(static_cast<std::size_t>(n * rows * width), rows * width));
    for (float& value : part) value = std::isnan(value) ? 0 : value;
    lse_merge_reference({.a = expected.data(),
                         .lse_a = expected_lse.data(),
                         .b = part.data(),
                         .lse_b = lses.data() + n * rows,
                         .out = expected.data(),
                         .lse = expected_lse.data(),
                         .rows = rows,
                         .width = width});
  }
  const Array<Bf16> part_array(machine, parts);
  const Array<float> lse_array(machine, lses);
  const Array<Bf16> out(machine, std::vector<Bf16>(rows * width, nan_bf16));
  const Array<float> lse(machine, std::vector<float>(rows, NAN));
  machine.run(LseMerge{.parts = part_array.data(),
                       .part_lse = lse_array.data(),
                       .count = count,
                       .out = out.data(),
                       .lse = lse.data(),
                       .rows = rows,
                       .width = width});
  EXPECT_LT(distance(widened(out.values()), expected), rounding_tolerance);
  EXPECT_LT(distance(lse.values(), expected_lse), 1e-5);
}

}  // namespace

std::vector<Claim> attention_claims() {
  return {{"PrefillEqualsTheReference", prefill_equals_the_reference},
          {"PartsEqualTheReferenceAndMerge", parts_equal_the_reference_and_merge},
          {"PrefillKeepsToItsKeys", prefill_keeps_to_its_keys},
          {"PrefillLeavesSequencesWithoutTiles", prefill_leaves_sequences_without_tiles},
          {"DecodeEqualsTheReference", decode_equals_the_reference},
          {"AttentionIsStableForScoresThatExpCannotHold", attention_is_stable},
          {"MergeEqualsTheReferencePartByPart", merge_equals_the_reference_part_by_part}};
}

}  // namespace calvo::kernels::gpu::testing
