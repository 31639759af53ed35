# What `calvo report` writes, in a real Chromium. Without one this is skipped; with
# CALVO_REQUIRE_BROWSER=1 it fails.
add_test(NAME browser COMMAND Python3::Interpreter
  ${PROJECT_SOURCE_DIR}/tests/browser/report_test.py $<TARGET_FILE:calvo>)
set_tests_properties(browser PROPERTIES TIMEOUT 1200 LABELS browser SKIP_RETURN_CODE 77)
