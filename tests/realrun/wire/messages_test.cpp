#include "realrun/wire/messages.hpp"

#include <limits>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "realrun/wire/node_config.hpp"

namespace calvo::realrun {
namespace {

using ::testing::ElementsAre;

constexpr std::uint64_t last_name = std::numeric_limits<std::uint64_t>::max();

/// The payload of the one frame in `bytes`.
Bytestring payload_of(const Bytestring& bytes) {
  return {bytes.begin() + frame_header_bytes, bytes.end()};
}

template <class Message>
Bytestring payload(const Message& message) {
  Bytestring bytes;
  append(bytes, 5, message);
  return payload_of(bytes);
}

Bytestring lookup_payload(std::span<const BlockRun> runs) {
  Bytestring bytes;
  append(bytes, 5, runs);
  return payload_of(bytes);
}

TEST(Messages, ComeBackAsTheyWere) {
  const BlockRun runs[] = {{BlockId{1}, 2}, {BlockId{last_name - 5}, 5}};
  EXPECT_THAT(decode_lookup(lookup_payload(runs))->runs, ElementsAre(runs[0], runs[1]));
  EXPECT_THAT(decode_lookup_answer(payload(LookupAnswer{{0, 7}}))->counts, ElementsAre(0, 7));
  EXPECT_EQ(decode_lease(payload(LeaseCall{runs[0]}))->run, runs[0]);
  const auto lease = decode_lease_answer(payload(LeaseAnswer{9, {3, last_name}}));
  EXPECT_EQ(lease->lease, 9U);
  EXPECT_THAT(lease->slots, ElementsAre(3, last_name));
  EXPECT_EQ(decode_release(payload(ReleaseCall{77}))->lease, 77U);
  EXPECT_EQ(decode_store_begin(payload(StoreBegin{runs[1]}))->run, runs[1]);
  EXPECT_THAT(decode_store_wanted(payload(StoreWanted{{{0, 2}, {3, 1}}}))->ranges,
              ElementsAre(StoreWanted::Range{0, 2}, StoreWanted::Range{3, 1}));
  EXPECT_TRUE(decode_store_wanted(payload(StoreWanted{}))->ranges.empty());
  const Bytestring block(33, std::byte{8});
  const Bytestring stored = payload(StoreBlock{4, block});
  EXPECT_EQ(decode_store_block(stored)->index, 4U);
  EXPECT_TRUE(std::ranges::equal(decode_store_block(stored)->bytes, block));
  const auto answer = decode_store_answer(payload(StoreAnswer{6, 2, "no room"}));
  EXPECT_EQ(answer->blocks, 6);
  EXPECT_EQ(answer->written, 2);
  EXPECT_EQ(answer->text, "no room");
  EXPECT_EQ(decode_refused(payload(RefusedAnswer{"why"}))->text, "why");
}

TEST(Messages, AWelcomeComesBackAsItWas) {
  WelcomeBody body;
  body.capacity_blocks = 10;
  body.stored_blocks = 3;
  body.slot_stride = 192;
  body.pool_bytes = 1920;
  body.index = 7;
  body.preloaded = 0x0123456789abcdef;
  body.written_blocks = 512;
  body.ticket[31] = std::byte{9};
  body.offers = {{"tcp", Bytestring(5, std::byte{1})}, {"verbs", Bytestring(4096, std::byte{2})}};
  Bytestring bytes;
  encode(body, bytes);
  const auto back = decode_welcome_body(bytes);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->capacity_blocks, 10);
  EXPECT_EQ(back->stored_blocks, 3);
  EXPECT_EQ(back->slot_stride, 192);
  EXPECT_EQ(back->pool_bytes, 1920U);
  EXPECT_EQ(back->index, 7);
  EXPECT_EQ(back->preloaded, 0x0123456789abcdefU);
  EXPECT_EQ(back->written_blocks, 512U);
  EXPECT_EQ(back->ticket[31], std::byte{9});
  EXPECT_EQ(back->offers, body.offers);
}

TEST(Messages, AWelcomeOfNoScenarioHasNoIndexAndNoOtherNegativeOneIsTaken) {
  WelcomeBody body;
  Bytestring bytes;
  encode(body, bytes);
  EXPECT_EQ(decode_welcome_body(bytes)->index, -1);
  body.index = -2;
  bytes.clear();
  encode(body, bytes);
  EXPECT_FALSE(decode_welcome_body(bytes));
}

TEST(Messages, TheDigestOfBlocksCoversNamesCountsAndOrder) {
  const BlockRun a{BlockId{1}, 2}, b{BlockId{9}, 1}, c{BlockId{1}, 3};
  const auto of = [](std::vector<BlockRun> runs) { return digest_of(runs); };
  const std::vector<std::uint64_t> all = {of({}), of({a}), of({a, b}), of({b, a}), of({c, b})};
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) EXPECT_NE(all[i], all[j]) << i << " " << j;
  }
  EXPECT_EQ(of({a, b}), of({a, b}));
}

TEST(Messages, RunsThatNoPoolCanHoldAreRefused) {
  EXPECT_TRUE(is_valid_run({BlockId{last_name - 1}, 1}));
  EXPECT_TRUE(is_valid_run({BlockId{0}, most_blocks_of_run}));
  for (const BlockRun run :
       {BlockRun{BlockId{1}, 0}, BlockRun{BlockId{1}, -1},
        BlockRun{BlockId{0}, most_blocks_of_run + 1}, BlockRun{BlockId{last_name}, 1},
        BlockRun{BlockId{last_name - 3}, 4}}) {
    EXPECT_FALSE(is_valid_run(run)) << raw(run.first) << "+" << run.count;
    EXPECT_FALSE(decode_lease(payload(LeaseCall{run})));
    EXPECT_FALSE(decode_store_begin(payload(StoreBegin{run})));
    EXPECT_FALSE(decode_lookup(lookup_payload(std::span(&run, 1))));
  }
}

TEST(Messages, NegativeCountsAreRefused) {
  EXPECT_FALSE(decode_lookup_answer(payload(LookupAnswer{{-1}})));
  EXPECT_FALSE(decode_store_answer(payload(StoreAnswer{-1, 0, ""})));
  EXPECT_FALSE(decode_store_answer(payload(StoreAnswer{0, -1, ""})));
}

TEST(Messages, RangesOfARunAreInOrderAndApart) {
  using Ranges = std::vector<StoreWanted::Range>;
  EXPECT_TRUE(decode_store_wanted(payload(StoreWanted{{{0, 1}, {2, most_blocks_of_run - 2}}})));
  for (const Ranges& ranges :
       {Ranges{{-1, 2}}, Ranges{{0, 0}}, Ranges{{0, -1}}, Ranges{{0, 2}, {2, 1}},
        Ranges{{4, 1}, {0, 1}}, Ranges{{0, most_blocks_of_run + 1}},
        Ranges{{1, most_blocks_of_run}}, Ranges{{most_blocks_of_run, 1}},
        Ranges{{std::numeric_limits<std::int32_t>::max(), 1}}}) {
    EXPECT_FALSE(decode_store_wanted(payload(StoreWanted{ranges})));
  }
}

TEST(Messages, TextsOfAPeerHaveNothingThatATerminalObeys) {
  EXPECT_EQ(decode_refused(payload(RefusedAnswer{"a\x1b[31m\nb"}))->text, "a?[31m?b");
  EXPECT_EQ(decode_store_answer(payload(StoreAnswer{0, 0, "\x07"}))->text, "?");
}

TEST(Messages, LongTextsAreCutByTheSender) {
  const Bytestring bytes = payload(RefusedAnswer{std::string(5000, 'x')});
  EXPECT_LE(bytes.size(), *largest_payload(FrameSource::node_answers, FrameType::refused, 0));
  EXPECT_EQ(decode_refused(bytes)->text, std::string(1024, 'x'));
}

struct Case {
  std::string name;
  Bytestring bytes;
  bool (*decodes)(std::span<const std::byte>);
};

std::vector<Case> cases() {
  const BlockRun runs[] = {{BlockId{1}, 2}, {BlockId{9}, 1}};
  WelcomeBody body;
  body.capacity_blocks = 2;
  body.offers = {{"tcp", Bytestring(3)}};
  Bytestring welcome;
  encode(body, welcome);
  Bytestring config;
  encode(NodeConfig{1024, 16, "tiny", 1}, config);
  return {
      {"lookup", lookup_payload(runs), [](auto b) { return decode_lookup(b).has_value(); }},
      {"lookup_answer", payload(LookupAnswer{{1, 2}}),
       [](auto b) { return decode_lookup_answer(b).has_value(); }},
      {"lease", payload(LeaseCall{runs[0]}), [](auto b) { return decode_lease(b).has_value(); }},
      {"lease_answer", payload(LeaseAnswer{1, {2, 3}}),
       [](auto b) { return decode_lease_answer(b).has_value(); }},
      {"release", payload(ReleaseCall{1}), [](auto b) { return decode_release(b).has_value(); }},
      {"store_begin", payload(StoreBegin{runs[0]}),
       [](auto b) { return decode_store_begin(b).has_value(); }},
      {"store_wanted", payload(StoreWanted{{{1, 2}, {5, 1}}}),
       [](auto b) { return decode_store_wanted(b).has_value(); }},
      {"store_answer", payload(StoreAnswer{1, 1, "why"}),
       [](auto b) { return decode_store_answer(b).has_value(); }},
      {"refused", payload(RefusedAnswer{"why"}),
       [](auto b) { return decode_refused(b).has_value(); }},
      {"welcome", welcome, [](auto b) { return decode_welcome_body(b).has_value(); }},
      {"config", config, [](auto b) { return decode_config(b).has_value(); }},
  };
}

TEST(Messages, EveryTruncationAndEveryExtraByteIsRefused) {
  for (const Case& it : cases()) {
    EXPECT_TRUE(it.decodes(it.bytes)) << it.name;
    for (std::size_t size = 0; size < it.bytes.size(); ++size) {
      EXPECT_FALSE(it.decodes(std::span(it.bytes).first(size))) << it.name << " of " << size;
    }
    Bytestring longer = it.bytes;
    longer.push_back(std::byte{0});
    EXPECT_FALSE(it.decodes(longer)) << it.name;
  }
}

TEST(Messages, EveryBitFlipIsRefusedOrAnotherMessageWithinBounds) {
  for (const Case& it : cases()) {
    Bytestring bytes = it.bytes;
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
      bytes[bit / 8] ^= std::byte{1} << (bit % 8);
      it.decodes(bytes);  // the sanitizers watch
      if (const auto lookup = decode_lookup(bytes)) {
        EXPECT_TRUE(std::ranges::all_of(lookup->runs, is_valid_run)) << it.name << " bit " << bit;
      }
      bytes[bit / 8] ^= std::byte{1} << (bit % 8);
    }
    EXPECT_TRUE(it.decodes(bytes)) << it.name;
  }
}

TEST(Messages, ACountThatClaimsMoreThanThereIsTakesNoMemory) {
  Bytestring bytes;
  ByteWriter(bytes).number(std::uint32_t{0xffffffff});
  EXPECT_FALSE(decode_lookup(bytes));
  EXPECT_FALSE(decode_lookup_answer(bytes));
  Bytestring lease;
  ByteWriter(lease).number(std::uint64_t{1});
  ByteWriter(lease).number(std::uint32_t{0xffffffff});
  EXPECT_FALSE(decode_lease_answer(lease));
}

TEST(NodeConfig, TheDigestCoversEachField) {
  const NodeConfig config{1024, 16, "tiny", 1};
  for (const NodeConfig& other :
       {NodeConfig{1026, 16, "tiny", 1}, NodeConfig{1024, 32, "tiny", 1},
        NodeConfig{1024, 16, "tinx", 1}, NodeConfig{1024, 16, "tiny", 2}}) {
    EXPECT_NE(config.digest(), other.digest()) << differences(config, other);
  }
  EXPECT_EQ(config.digest(), (NodeConfig{1024, 16, "tiny", 1}.digest()));
}

TEST(NodeConfig, DifferencesNameEachFieldAndBothValues) {
  const NodeConfig here{1024, 16, "tiny", 1};
  EXPECT_EQ(differences(here, here), "");
  EXPECT_EQ(differences(here, {1024, 32, "tiny", 1}), "block_tokens is 32 there and 16 here");
  EXPECT_EQ(differences(here, {2048, 32, "b\nc", 2}),
            "model is \"b?c\" there and \"tiny\" here, block_tokens is 32 there and 16 here, "
            "block_bytes is 2048 there and 1024 here, model_seed is 2 there and 1 here");
}

}  // namespace
}  // namespace calvo::realrun
