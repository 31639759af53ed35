# The verbs fabric on a kernel that has RDMA devices; skipped where none can be prepared.
add_test(NAME rdma_in_vm
  COMMAND ${PROJECT_SOURCE_DIR}/tests/rdma_in_vm_test $<TARGET_FILE:calvo_realrun_fabrics_tests>)
set_tests_properties(rdma_in_vm PROPERTIES
  LABELS rdma SKIP_RETURN_CODE 69 TIMEOUT 1200 PROCESSORS 2)
