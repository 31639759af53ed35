# With CALVO_UNITY the sources of a target are compiled a few at a time: most of the time that a file
# takes goes into the headers it includes, more so under a sanitizer.
option(CALVO_UNITY "Compile several sources at a time: the whole build in a third of the time" OFF)

function(calvo_unity_builds)
  get_property(targets DIRECTORY PROPERTY BUILDSYSTEM_TARGETS)
  foreach(target ${targets})
    get_target_property(type ${target} TYPE)
    if(NOT type MATCHES "STATIC_LIBRARY|EXECUTABLE")
      continue()
    endif()
    get_target_property(sources ${target} SOURCES)
    list(FILTER sources INCLUDE REGEX "\\.cpp$")
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${sources})
    execute_process(COMMAND ${Python3_EXECUTABLE}
      ${PROJECT_SOURCE_DIR}/cmake/unity_groups.py 16 ${sources}
      WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} OUTPUT_VARIABLE lines COMMAND_ERROR_IS_FATAL ANY)
    string(REGEX REPLACE "\n" ";" lines "${lines}")
    foreach(line ${lines})
      string(REGEX MATCH "^([0-9]+) (.*)$" _ "${line}")
      set_source_files_properties(${CMAKE_MATCH_2} PROPERTIES
        UNITY_GROUP "${target}_${CMAKE_MATCH_1}")  # by target: one source may be in several
    endforeach()
    # Two warnings take one source for another's header: a type made of unnamed ones, and a local name
    # that is a global one of a neighbour. The dev preset, file by file, has both of them.
    target_compile_options(${target} PRIVATE
      "$<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-subobject-linkage;-Wno-shadow;-Wshadow=local>")
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
  endforeach()
endfunction()

if(CALVO_UNITY)
  calvo_unity_builds()
endif()
