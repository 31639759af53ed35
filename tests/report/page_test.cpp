#include "report/page.hpp"

#include <csignal>
#include <filesystem>
#include <iterator>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "report/text_file.hpp"
#include "tests/report/fixture.hpp"

namespace calvo::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::string web = std::string(CALVO_SOURCE_DIR) + "/report/web";

TEST(Page, HoldsAllThatItNames) {
  const std::string page = render_page(web, {{"title", "x"}});
  EXPECT_TRUE(is_page(page));
  EXPECT_THAT(page, Not(HasSubstr("<script src")));
  EXPECT_THAT(page, Not(HasSubstr("<link rel=\"stylesheet\"")));
  EXPECT_THAT(page, Not(HasSubstr("{{data}}")));
  EXPECT_THAT(page, HasSubstr(packed("{\"title\":\"x\"}")));
}

TEST(Page, DoesNotLetAScriptEndItsElement) {
  const Folder folder;
  analysis::write_file(folder / "page.html",
                       "<!doctype html>\n<!-- calvo report -->\n<script src=\"a.js\"></script>");
  analysis::write_file(folder / "a.js", "'</SCRIPT>'");
  const std::string page = render_page(folder / ".", {});
  EXPECT_THAT(page, HasSubstr("'<\\/SCRIPT>'"));
}

TEST(Page, NamesAFileThatItLacks) {
  const Folder folder;
  EXPECT_THAT(error_of([&] { render_page(folder / ".", {}); }),
              HasSubstr("page.html:0:0: is missing"));
}

TEST(Packed, IsGzipInBase64OfEveryLength) {
  EXPECT_THAT(packed(""), ::testing::StartsWith("H4sI"));
  for (std::size_t length = 0; length < 9; ++length) {
    EXPECT_EQ(packed(std::string(length, 'x')).size() % 4, 0U);
  }
  EXPECT_EQ(packed("same"), packed("same"));
}

TEST(WritePage, ReplacesAReportAndNothingElse) {
  const Folder folder;
  const std::string page = "<!doctype html>\n<!-- calvo report -->\nnew";
  write_page(folder / "r.html", "<!doctype html>\n<!-- calvo report -->\nold");
  write_page(folder / "r.html", page);
  EXPECT_EQ(read_text(folder / "r.html"), page);
  analysis::write_file(folder / "mine.html", "my own");
  EXPECT_THAT(error_of([&] { write_page(folder / "mine.html", page); }),
              HasSubstr("mine.html:0:0: --out: exists and is no report; choose another name"));
  EXPECT_EQ(read_text(folder / "mine.html"), "my own");
  EXPECT_THAT(error_of([&] { write_page(folder / ".", page); }), HasSubstr("is a directory"));
  EXPECT_THAT(
      error_of([&] { write_page(folder / "no/r.html", page); }),
      HasSubstr("cannot be made (No such file or directory); choose another place with --out"));
}

TEST(WritePage, LeavesTheOldReportWholeIfTheNewOneDoesNotFit) {
  const Folder folder;
  const std::string old = "<!doctype html>\n<!-- calvo report -->\nold";
  write_page(folder / "r.html", old);
  const auto on_limit = std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{1000, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::string error =
      error_of([&] { write_page(folder / "r.html", old + std::string(100'000, 'x')); });
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, on_limit);
  EXPECT_THAT(
      error,
      HasSubstr("r.html:0:0: cannot be written (File too large); choose another place with --out"));
  EXPECT_EQ(read_text(folder / "r.html"), old);
  const std::filesystem::directory_iterator files(folder / ".");
  EXPECT_EQ(std::distance(begin(files), end(files)), 1) << "a partial file was left";
}

}  // namespace
}  // namespace calvo::report
