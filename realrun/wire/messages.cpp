#include "realrun/wire/messages.hpp"

#include <limits>
#include <utility>

#include "core/contract.hpp"
#include "realrun/wire/crypto.hpp"

namespace calvo::realrun {
namespace {

constexpr std::size_t most_text = 1024;
constexpr std::size_t most_offers = 8;
constexpr std::size_t most_blob = 4096;

void write_run(ByteWriter& writer, BlockRun run) {
  writer.number(raw(run.first));
  writer.number(run.count);
}

BlockRun read_run(ByteReader& reader) {
  BlockRun run;
  run.first = BlockId{reader.number<std::uint64_t>()};
  run.count = reader.number<std::int32_t>();
  if (!is_valid_run(run)) reader.fail();
  return run;
}

template <class Message>
std::optional<Message> whole(const ByteReader& reader, Message message) {
  if (!reader.complete()) return std::nullopt;
  return std::optional<Message>(std::move(message));
}

template <class Write>
void append_as(Bytestring& out, FrameType type, std::uint64_t tag, Write write) {
  Bytestring payload;
  ByteWriter writer(payload);
  write(writer);
  append_frame(out, type, tag, payload);
}

}  // namespace

bool is_valid_run(BlockRun run) {
  return run.count > 0 && run.count <= most_blocks_of_run &&
         raw(run.first) <=
             std::numeric_limits<std::uint64_t>::max() - static_cast<std::uint64_t>(run.count);
}

void append(Bytestring& out, std::uint64_t tag, std::span<const BlockRun> lookup) {
  CALVO_EXPECT(lookup.size() <= most_runs_of_lookup);
  append_as(out, FrameType::lookup, tag, [&](ByteWriter& writer) {
    writer.number(static_cast<std::uint32_t>(lookup.size()));
    for (const BlockRun run : lookup) write_run(writer, run);
  });
}

void append(Bytestring& out, std::uint64_t tag, const LookupAnswer& message) {
  append_as(out, FrameType::lookup_reply, tag, [&](ByteWriter& writer) {
    writer.number(static_cast<std::uint32_t>(message.counts.size()));
    for (const std::int32_t count : message.counts) writer.number(count);
  });
}

void append(Bytestring& out, std::uint64_t tag, const LeaseCall& message) {
  append_as(out, FrameType::lease, tag,
            [&](ByteWriter& writer) { write_run(writer, message.run); });
}

void append(Bytestring& out, std::uint64_t tag, const LeaseAnswer& message) {
  append_as(out, FrameType::lease_reply, tag, [&](ByteWriter& writer) {
    writer.number(message.lease);
    writer.number(static_cast<std::uint32_t>(message.slots.size()));
    for (const std::uint64_t slot : message.slots) writer.number(slot);
  });
}

void append(Bytestring& out, std::uint64_t tag, const ReleaseCall& message) {
  append_as(out, FrameType::release, tag,
            [&](ByteWriter& writer) { writer.number(message.lease); });
}

void append(Bytestring& out, std::uint64_t tag, const StoreBegin& message) {
  append_as(out, FrameType::store_begin, tag,
            [&](ByteWriter& writer) { write_run(writer, message.run); });
}

void append(Bytestring& out, std::uint64_t tag, const StoreWanted& message) {
  append_as(out, FrameType::store_wanted, tag, [&](ByteWriter& writer) {
    writer.number(static_cast<std::uint32_t>(message.ranges.size()));
    for (const StoreWanted::Range range : message.ranges) {
      writer.number(range.from);
      writer.number(range.count);
    }
  });
}

void append(Bytestring& out, std::uint64_t tag, const StoreBlock& message) {
  out.reserve(out.size() + frame_header_bytes + 4 + message.bytes.size());
  append_header(out, FrameType::store_block, tag, 4 + message.bytes.size());
  ByteWriter writer(out);
  writer.number(message.index);
  writer.raw(message.bytes);
}

void append(Bytestring& out, std::uint64_t tag, const StoreAnswer& message) {
  append_as(out, FrameType::store_reply, tag, [&](ByteWriter& writer) {
    writer.number(message.blocks);
    writer.number(message.written);
    writer.text(message.text.substr(0, most_text));
  });
}

void append(Bytestring& out, std::uint64_t tag, const RefusedAnswer& message) {
  append_as(out, FrameType::refused, tag,
            [&](ByteWriter& writer) { writer.text(message.text.substr(0, most_text)); });
}

std::optional<LookupCall> decode_lookup(std::span<const std::byte> payload) {
  ByteReader reader(payload);
  const auto runs = reader.number<std::uint32_t>();
  if (runs > most_runs_of_lookup || reader.left() != std::size_t{runs} * 12) return std::nullopt;
  LookupCall call;
  call.runs.reserve(runs);
  for (std::uint32_t i = 0; i < runs; ++i) call.runs.push_back(read_run(reader));
  return whole(reader, std::move(call));
}

std::optional<LookupAnswer> decode_lookup_answer(std::span<const std::byte> payload) {
  ByteReader reader(payload);
  const auto counts = reader.number<std::uint32_t>();
  if (reader.left() != std::size_t{counts} * 4) return std::nullopt;
  LookupAnswer answer;
  answer.counts.reserve(counts);
  for (std::uint32_t i = 0; i < counts; ++i) {
    answer.counts.push_back(reader.number<std::int32_t>());
    if (answer.counts.back() < 0) reader.fail();
  }
  return whole(reader, std::move(answer));
}

std::optional<LeaseCall> decode_lease(std::span<const std::byte> payload) {
  ByteReader reader(payload);
  const LeaseCall call{read_run(reader)};
  return whole(reader, call);
}

std::optional<LeaseAnswer> decode_lease_answer(std::span<const std::byte> payload) {
  ByteReader reader(payload);
  LeaseAnswer answer;
  answer.lease = reader.number<std::uint64_t>();
  const auto slots = reader.number<std::uint32_t>();
  if (reader.left() != std::size_t{slots} * 8) return std::nullopt;
  answer.slots.reserve(slots);
  for (std::uint32_t i = 0; i < slots; ++i) answer.slots.push_back(reader.number<std::uint64_t>());
  return whole(reader, std::move(answer));
}

std::optional<ReleaseCall> decode_release(std::span<const std::byte> payload) {
  ByteReader reader(payload);
  const ReleaseCall call{reader.number<std::uint64_t>()};
  return whole(reader, call);
}

std::optional<StoreBegin> decode_store_begin(std::span<const std::byte> payload) {
  ByteReader reader(payload);
  const StoreBegin call{read_run(reader)};
  return whole(reader, call);
}

std::optional<StoreWanted> decode_store_wanted(std::span<const std::byte> payload) {
  ByteReader reader(payload);
  const auto ranges = reader.number<std::uint32_t>();
  if (reader.left() != std::size_t{ranges} * 8) return std::nullopt;
  StoreWanted wanted;
  wanted.ranges.reserve(ranges);
  std::int32_t end = -1;  // of the range before, and one block
  for (std::uint32_t i = 0; i < ranges; ++i) {
    const auto from = reader.number<std::int32_t>();
    const auto count = reader.number<std::int32_t>();
    if (from <= end || from >= most_blocks_of_run || count < 1 ||
        count > most_blocks_of_run - from) {
      return std::nullopt;
    }
    end = from + count;
    wanted.ranges.push_back({from, count});
  }
  return whole(reader, std::move(wanted));
}

std::optional<StoreBlock> decode_store_block(std::span<const std::byte> payload) {
  ByteReader reader(payload);
  StoreBlock block;
  block.index = reader.number<std::uint32_t>();
  block.bytes = reader.raw(reader.left());
  return whole(reader, block);
}

std::optional<StoreAnswer> decode_store_answer(std::span<const std::byte> payload) {
  ByteReader reader(payload);
  StoreAnswer answer;
  answer.blocks = reader.number<std::int32_t>();
  answer.written = reader.number<std::int32_t>();
  answer.text = printable(reader.text());
  if (answer.blocks < 0 || answer.written < 0) reader.fail();
  return whole(reader, std::move(answer));
}

std::optional<RefusedAnswer> decode_refused(std::span<const std::byte> payload) {
  ByteReader reader(payload);
  RefusedAnswer answer{printable(reader.text())};
  return whole(reader, std::move(answer));
}

std::uint64_t digest_of(std::span<const BlockRun> runs) {
  Bytestring bytes;
  ByteWriter writer(bytes);
  for (const BlockRun run : runs) write_run(writer, run);
  const Digest whole = sha256(bytes);
  return ByteReader(whole).number<std::uint64_t>();
}

void encode(const WelcomeBody& body, Bytestring& out) {
  CALVO_EXPECT(body.offers.size() <= most_offers);
  ByteWriter writer(out);
  writer.number(body.capacity_blocks);
  writer.number(body.stored_blocks);
  writer.number(body.slot_stride);
  writer.number(body.pool_bytes);
  writer.number(body.index);
  writer.number(body.preloaded);
  writer.number(body.written_blocks);
  writer.raw(body.ticket);
  writer.number(static_cast<std::uint16_t>(body.offers.size()));
  for (const WelcomeBody::Offer& offer : body.offers) {
    CALVO_EXPECT(offer.blob.size() <= most_blob);
    writer.text(offer.fabric);
    writer.number(static_cast<std::uint16_t>(offer.blob.size()));
    writer.raw(offer.blob);
  }
}

std::optional<WelcomeBody> decode_welcome_body(std::span<const std::byte> bytes) {
  ByteReader reader(bytes);
  WelcomeBody body;
  body.capacity_blocks = reader.number<std::int64_t>();
  body.stored_blocks = reader.number<std::int64_t>();
  body.slot_stride = reader.number<std::int64_t>();
  body.pool_bytes = reader.number<std::uint64_t>();
  body.index = reader.number<std::int32_t>();
  body.preloaded = reader.number<std::uint64_t>();
  body.written_blocks = reader.number<std::uint64_t>();
  reader.raw_into(body.ticket);
  const auto offers = reader.number<std::uint16_t>();
  if (offers > most_offers || body.capacity_blocks < 0 || body.stored_blocks < 0 ||
      body.stored_blocks > body.capacity_blocks || body.slot_stride < 0 || body.index < -1) {
    return std::nullopt;
  }
  for (std::uint16_t i = 0; i < offers; ++i) {
    WelcomeBody::Offer& offer = body.offers.emplace_back();
    offer.fabric = reader.text();
    const auto size = reader.number<std::uint16_t>();
    if (size > most_blob) return std::nullopt;
    const std::span<const std::byte> blob = reader.raw(size);
    offer.blob.assign(blob.begin(), blob.end());
  }
  return whole(reader, std::move(body));
}

}  // namespace calvo::realrun
