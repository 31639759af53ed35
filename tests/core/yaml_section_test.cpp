#include "core/yaml_section.hpp"

#include <array>
#include <filesystem>
#include <fstream>
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace calvo {
namespace {

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

std::string error_of(const std::string& text) {
  return message_of([&] {
    const YamlSection root = YamlSection::load_text(text, "s.yaml");
    const YamlSection nic = root.section("nic");
    nic.required<BytesPerSecond>("bandwidth", positive<BytesPerSecond>());
    nic.optional("latency", Seconds{0});
    nic.optional("queues", std::int32_t{1}, between<std::int32_t>(1, 8));
    nic.optional("share", Share{1});
    nic.optional_list<Tokens>("sizes");
    static constexpr std::array<std::string_view, 2> kinds = {"ethernet", "infiniband"};
    nic.optional_name("kind", "network", kinds, 0);
    root.reject_unknown_keys();
  });
}

TEST(YamlSection, AcceptsAQuantityWithItsUnit) {
  EXPECT_EQ(error_of("nic:\n  bandwidth: 400 Gbit/s\n"), "no error");
}

TEST(YamlSection, NamesLineColumnPathAndUnits) {
  EXPECT_EQ(error_of("nic:\n  bandwidth: 400 Gb\n"),
            "s.yaml:2:14: nic.bandwidth: unknown unit \"Gb\" in \"400 Gb\" (one of: B/s, kB/s, "
            "MB/s, GB/s, TB/s, KiB/s, MiB/s, GiB/s, Mbit/s, Gbit/s, Tbit/s)");
}

TEST(YamlSection, RefusesABareNumberWhereAUnitIsNeeded) {
  EXPECT_EQ(error_of("nic:\n  bandwidth: 400\n"),
            "s.yaml:2:14: nic.bandwidth: missing unit in \"400\" (one of: B/s, kB/s, MB/s, GB/s, "
            "TB/s, KiB/s, MiB/s, GiB/s, Mbit/s, Gbit/s, Tbit/s)");
}

TEST(YamlSection, RefusesANegativeQuantityAtItsPosition) {
  EXPECT_EQ(error_of("nic:\n  bandwidth: -4 GB/s\n"),
            "s.yaml:2:14: nic.bandwidth: \"-4 GB/s\" is negative (expected a rate like "
            "400 Gbit/s)");
}

TEST(YamlSection, RefusesWhatIsNotFinite) {
  EXPECT_EQ(error_of("nic:\n  bandwidth: .nan\n"),
            "s.yaml:2:14: nic.bandwidth: \".nan\" is not a finite number (expected a rate like "
            "400 Gbit/s)");
  EXPECT_EQ(error_of("nic:\n  bandwidth: inf GB/s\n"),
            "s.yaml:2:14: nic.bandwidth: \"inf GB/s\" is not a finite number (expected a rate like "
            "400 Gbit/s)");
}

TEST(YamlSection, RefusesANumberOutsideItsRange) {
  EXPECT_EQ(error_of("nic:\n  bandwidth: 0 GB/s\n"),
            "s.yaml:2:14: nic.bandwidth: \"0 GB/s\" is out of range (must be above 0 B/s)");
  EXPECT_EQ(error_of("nic:\n  bandwidth: 1 GB/s\n  queues: 9\n"),
            "s.yaml:3:11: nic.queues: \"9\" is out of range (must be 1 to 8)");
  EXPECT_EQ(error_of("nic:\n  bandwidth: 1 GB/s\n  share: 120 %\n"),
            "s.yaml:3:10: nic.share: \"120 %\" is outside 0 to 1 (expected a share like 0.75 or "
            "75 %)");
}

TEST(YamlSection, RefusesAnUnknownKeyAndNamesTheNearest) {
  EXPECT_EQ(error_of("nic:\n  bandwidth: 1 GB/s\n  latancy: 2 us\n"),
            "s.yaml:3:3: nic.latancy: unknown key (did you mean \"latency\"?)");
}

TEST(YamlSection, ListsTheKeysThatExistWhenNoneIsNear) {
  EXPECT_EQ(error_of("nic:\n  bandwidth: 1 GB/s\n  colour: red\n"),
            "s.yaml:3:3: nic.colour: unknown key (one of: bandwidth, latency, queues, share, "
            "sizes, kind)");
}

TEST(YamlSection, RefusesAnUnknownNameAndNamesTheNearest) {
  EXPECT_EQ(error_of("nic:\n  bandwidth: 1 GB/s\n  kind: infinband\n"),
            "s.yaml:3:9: nic.kind: unknown network \"infinband\" (did you mean \"infiniband\"?)");
}

TEST(YamlSection, ReportsAMissingKeyAtItsMapping) {
  EXPECT_EQ(error_of("nic:\n  latency: 2 us\n"),
            "s.yaml:2:3: nic.bandwidth: missing; add \"bandwidth: ...\"");
}

TEST(YamlSection, RefusesAKeyWithoutAValue) {
  EXPECT_EQ(error_of("nic:\n  bandwidth:\n"),
            "s.yaml:2:3: nic.bandwidth: has no value; write one or remove the key");
}

TEST(YamlSection, RefusesTheWrongShapeOfAValue) {
  EXPECT_EQ(error_of("nic: 3\n"),
            "s.yaml:1:6: nic: a mapping like \"name: value\" is expected, not \"3\"");
  EXPECT_EQ(error_of("nic:\n  bandwidth: [1 GB/s]\n"),
            "s.yaml:2:14: nic.bandwidth: a single value is expected, not a list");
  EXPECT_EQ(error_of("nic:\n  bandwidth: 1 GB/s\n  sizes: 4\n"),
            "s.yaml:3:10: nic.sizes: a list like [a, b] is expected");
  EXPECT_EQ(error_of("nic:\n  bandwidth: 1 GB/s\n  sizes: [4, x]\n"),
            "s.yaml:3:14: nic.sizes.1: \"x\" is not a whole number of tokens (expected a number "
            "like 512)");
}

TEST(YamlSection, RefusesAKeyGivenTwice) {
  EXPECT_EQ(error_of("nic:\n  bandwidth: 1 GB/s\n  bandwidth: 2 GB/s\n"),
            "s.yaml:3:3: bandwidth: key given twice, first at line 2; remove one of them");
}

TEST(YamlSection, ReportsASyntaxErrorWithItsPosition) {
  EXPECT_EQ(error_of("nic: [1\n"), "s.yaml:2:1: not YAML: end of sequence flow not found");
}

TEST(YamlSection, RefusesASecondDocument) {
  EXPECT_EQ(error_of("nic:\n  bandwidth: 1 GB/s\n---\nnic: 1\n"),
            "s.yaml:4:1: a second document; keep one document in a file");
}

TEST(YamlSection, RefusesADocumentThatIsNoMapping) {
  EXPECT_EQ(error_of("- 1\n"),
            "s.yaml:1:1: a mapping like \"name: value\" is expected, not a list");
}

TEST(YamlSection, ExpandsAliasesAndMerges) {
  const YamlSection root = YamlSection::load_text(
      "base: &base {latency: 2 us, bandwidth: 1 GB/s}\n"
      "nic: {<<: *base, bandwidth: 2 GB/s}\n",
      "s.yaml");
  const YamlSection nic = root.section("nic");
  EXPECT_EQ(nic.required<Seconds>("latency"), Seconds{2e-6});
  EXPECT_EQ(nic.required<BytesPerSecond>("bandwidth"), BytesPerSecond{2e9});
}

TEST(YamlSection, RefusesAliasesThatGrowWithoutBound) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    const std::string earlier = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int k = 0; k < 10; ++k) text += (k == 0 ? "" : ", ") + earlier;
    text += "]\n";
  }
  EXPECT_THAT(message_of([&] { read_yaml_text(text, "s.yaml"); }),
              testing::HasSubstr("more than a million values after its aliases are expanded"));
}

TEST(YamlSection, ReadsListsOfMappings) {
  const YamlSection root =
      YamlSection::load_text("hosts:\n  - {name: a}\n  - {name: b, size: 1 GiB}\n", "s.yaml");
  std::vector<std::string> names;
  for (const YamlSection& host : root.sections("hosts")) {
    names.push_back(host.required<std::string>("name"));
  }
  EXPECT_THAT(names, testing::ElementsAre("a", "b"));
  EXPECT_EQ(message_of([&] { root.reject_unknown_keys(); }),
            "s.yaml:3:15: hosts.1.size: unknown key (one of: name)");
}

TEST(YamlSection, SaysWhichKeysItsReaderKnows) {
  const YamlSection root = YamlSection::load_text("hosts: [{name: a}]\n", "s.yaml");
  root.optional("seed", std::int64_t{1});
  for (const YamlSection& host : root.sections("hosts")) host.required<std::string>("name");
  EXPECT_THAT(root.asked_paths(), testing::ElementsAre("hosts", "hosts.*.name", "seed"));
}

class YamlFile : public testing::Test {
protected:
  void SetUp() override {
    folder_ = std::filesystem::path(testing::TempDir()) /
              ("calvo_yaml_" +
               std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string write(const std::string& text) const {
    const std::string file = (folder_ / "s.yaml").string();
    std::ofstream(file) << text;
    return file;
  }
  std::filesystem::path folder_;
};

TEST_F(YamlFile, RefusesAMissingFile) {
  const std::string file = (folder_ / "none.yaml").string();
  EXPECT_EQ(message_of([&] { YamlSection::load_file(file); }),
            file + ":0:0: no such file; check the path");
}

TEST_F(YamlFile, RefusesADirectory) {
  EXPECT_EQ(message_of([&] { YamlSection::load_file(folder_.string()); }),
            folder_.string() + ":0:0: is a directory; name a YAML file in it");
}

TEST_F(YamlFile, RefusesAnEmptyFile) {
  for (const std::string text : {"", "# only a comment\n"}) {
    const std::string file = write(text);
    EXPECT_EQ(message_of([&] { YamlSection::load_file(file); }),
              file + ":0:0: is empty; a mapping like \"name: value\" is expected");
  }
}

TEST_F(YamlFile, RefusesABinaryFile) {
  const std::string file = write(std::string("a: \0b", 5));
  EXPECT_EQ(message_of([&] { YamlSection::load_file(file); }),
            file + ":0:0: is a binary file; name a YAML file");
}

YamlSection with_override(const std::string& text, const std::string& argument) {
  static constexpr std::string_view named[] = {"engine"};
  YamlNode root = read_yaml_text(text, "s.yaml");
  apply_override(root, argument, named);
  return YamlSection(std::move(root));
}

TEST(YamlOverride, ReplacesAValue) {
  const YamlSection root = with_override("nic: {bandwidth: 1 GB/s}\n", "nic.bandwidth=400 Gbit/s");
  EXPECT_EQ(root.section("nic").required<BytesPerSecond>("bandwidth"), BytesPerSecond{50e9});
}

TEST(YamlOverride, MakesMappingsOnTheWay) {
  const YamlSection root = with_override("seed: 1\n", "nic.port.latency=2 us");
  EXPECT_EQ(root.section("nic").section("port").required<Seconds>("latency"), Seconds{2e-6});
}

TEST(YamlOverride, ReachesItemsOfAList) {
  const YamlSection root = with_override("hosts: [{name: a}, {name: b}]\n", "hosts.1.name=c");
  EXPECT_EQ(root.sections("hosts")[1].required<std::string>("name"), "c");
}

TEST(YamlOverride, TakesListsAndMappings) {
  const YamlSection root = with_override("seed: 1\n", "sizes=[1, 2]");
  EXPECT_THAT(root.required_list<std::int32_t>("sizes"), testing::ElementsAre(1, 2));
}

TEST(YamlOverride, TurnsANameIntoItsBase) {
  const YamlSection engine = with_override("engine: calvo\n", "engine.cut=never").section("engine");
  EXPECT_EQ(engine.required<std::string>("base"), "calvo");
  EXPECT_EQ(engine.required<std::string>("cut"), "never");
}

TEST(YamlOverride, NamesTheFlagAsTheFileOfAnError) {
  EXPECT_EQ(message_of([] {
              with_override("nic: {bandwidth: 1 GB/s}\n", "nic.bandwidth=4")
                  .section("nic")
                  .required<Seconds>("bandwidth");
            }),
            "--set nic.bandwidth=4:1:15: nic.bandwidth: missing unit in \"4\" (one of: ns, us, ms, "
            "s, min, h)");
}

TEST(YamlOverride, RefusesAnUnknownPathLikeAnUnknownKey) {
  EXPECT_EQ(message_of([] {
              const YamlSection root =
                  with_override("nic: {bandwidth: 1 GB/s}\n", "nic.bandwith=4");
              root.section("nic").required<BytesPerSecond>("bandwidth");
              root.reject_unknown_keys();
            }),
            "--set nic.bandwith=4:1:5: nic.bandwith: unknown key (did you mean \"bandwidth\"?)");
}

TEST(YamlOverride, RefusesAMalformedArgument) {
  const auto error = [](const std::string& argument) {
    return message_of([&] { with_override("a: 1\nl: [1]\n", argument); });
  };
  EXPECT_EQ(error("seed"), "--set seed:1:5: no \"=\"; write --set a.b.c=value");
  EXPECT_EQ(error("a..b=1"), "--set a..b=1:1:3: empty name in the path; write --set a.b.c=value");
  EXPECT_EQ(error("=1"), "--set =1:1:1: empty name in the path; write --set a.b.c=value");
  EXPECT_EQ(error("a.b=1"),
            "--set a.b=1:1:3: a.b: \"a\" is the value \"1\", which has no parts; set \"a\" itself");
  EXPECT_EQ(error("l.7=1"), "--set l.7=1:1:3: l.7: no such item; the list has items 0 to 0");
  EXPECT_EQ(error("a=[1"), "--set a=[1:1:3: not YAML: end of sequence flow not found");
}

}  // namespace
}  // namespace calvo
