# The program, and beside it the scenarios and data that it looks for in share/calvo.
include(GNUInstallDirs)
install(TARGETS calvo RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY scenarios/ DESTINATION ${CMAKE_INSTALL_DATADIR}/calvo/scenarios
        FILES_MATCHING PATTERN "*.yaml")
install(DIRECTORY report/web DESTINATION ${CMAKE_INSTALL_DATADIR}/calvo/report)
install(DIRECTORY data DESTINATION ${CMAKE_INSTALL_DATADIR}/calvo)
install(FILES README.md LICENSE NOTICE DESTINATION ${CMAKE_INSTALL_DOCDIR})
