#include "core/contract.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/input_error.hpp"

namespace calvo {
namespace {

using testing::HasSubstr;

int half(int even) {
  CALVO_EXPECT(even % 2 == 0);
  const int result = even / 2;
  CALVO_ENSURE(result * 2 == even);
  return result;
}

TEST(Contract, HoldsItsPeaceWhereItIsKept) {
  EXPECT_EQ(half(4), 2);
}

TEST(Contract, NamesTheConditionAndThePlaceWhereItIsBroken) {
  try {
    half(3);
    FAIL() << "an odd number was halved";
  } catch (const ContractViolation& error) {
    EXPECT_THAT(error.what(), HasSubstr("contract_test.cpp:"));
    EXPECT_THAT(error.what(), HasSubstr("precondition failed: even % 2 == 0"));
  }
}

TEST(InputError, PutsThePlaceBeforeTheProblem) {
  EXPECT_STREQ(InputError({"s.yaml", 3, 7}, "nic.rate", "missing").what(),
               "s.yaml:3:7: nic.rate: missing");
  EXPECT_STREQ(InputError({"s.yaml", 0, 0}, "", "is empty").what(), "s.yaml:0:0: is empty");
}

}  // namespace
}  // namespace calvo
