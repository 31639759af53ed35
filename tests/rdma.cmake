# Whole runs over each fabric, and verbs on a kernel that has RDMA devices; skipped where there is no
# such fabric or no such kernel. Sanitizers are left to the tests that need no emulated machine, and
# do not know what libfabric loses.
if(NOT CMAKE_CXX_FLAGS MATCHES "-fsanitize")
  add_test(NAME rdma_in_vm
    COMMAND ${PROJECT_SOURCE_DIR}/tests/rdma_in_vm_test ${PROJECT_BINARY_DIR})
  set_tests_properties(rdma_in_vm PROPERTIES
    LABELS rdma SKIP_RETURN_CODE 69 TIMEOUT 2400 PROCESSORS 2 COST 200)

  function(whole_run name fabric)
    add_test(NAME ${name}
      COMMAND ${PROJECT_SOURCE_DIR}/tests/rdma_vm/whole_run $<TARGET_FILE:calvo> "${fabric}" 127.0.0.1)
    set_tests_properties(${name} PROPERTIES LABELS whole_run SKIP_RETURN_CODE 69 TIMEOUT 600)
  endfunction()
  whole_run(whole_run_over_tcp tcp)
  whole_run(whole_run_over_rxm "ofi:tcp;ofi_rxm")
  whole_run(whole_run_over_shm ofi:shm)
endif()
