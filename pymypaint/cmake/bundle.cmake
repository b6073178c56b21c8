# The self-contained wheel: libmypaint and json-c compiled into the module, brushes and licences beside it, all from the
# folder ${PYMYPAINT_BUNDLE} that deploy/bundle.sh fills:
#   libmypaint/, json-c/   sources, as released
#   mypaint-data/          brushes, as `mypaint-brushes` installs them
#   licenses/              one file for each of the three
enable_language(C)
get_filename_component(BUNDLE "${PYMYPAINT_BUNDLE}" ABSOLUTE)
foreach(part libmypaint/mypaint-brush.c json-c/CMakeLists.txt mypaint-data/1.0/brushes/classic/pen.myb licenses)
  if(NOT EXISTS "${BUNDLE}/${part}")
    message(FATAL_ERROR " PYMYPAINT_BUNDLE: ${BUNDLE} has no ${part}; deploy/bundle.sh fills such a folder.")
  endif()
endforeach()

set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_POLICY_DEFAULT_CMP0077 NEW) # or json-c's options would overrule the next four lines
set(BUILD_SHARED_LIBS OFF)
set(BUILD_TESTING OFF)
set(DISABLE_EXTRA_LIBS ON)
set(DISABLE_WERROR ON)
set(HAVE_ARC4RANDOM FALSE) # new in glibc 2.36, and all that would keep the wheel from 2.35
set(CMAKE_POLICY_VERSION_MINIMUM 3.5) # json-c asks for a CMake that CMake 4 no longer imitates
add_subdirectory("${BUNDLE}/json-c" json-c EXCLUDE_FROM_ALL)

# Copied, because a release carries the config.h of the machine that made it, which asks for GLib.
set(LIBMYPAINT "${CMAKE_CURRENT_BINARY_DIR}/libmypaint")
file(GLOB LIBMYPAINT_FILES "${BUNDLE}/libmypaint/*.c" "${BUNDLE}/libmypaint/*.h")
list(FILTER LIBMYPAINT_FILES EXCLUDE REGEX "/config\\.h$")
file(COPY ${LIBMYPAINT_FILES} "${BUNDLE}/libmypaint/glib" "${BUNDLE}/libmypaint/fastapprox" DESTINATION "${LIBMYPAINT}")
file(WRITE "${LIBMYPAINT}/config.h" "#define MYPAINT_CONFIG_USE_GLIB 0\n")

# The engine. The tiled surface is left out: pymypaint draws on its own.
set(ENGINE helpers mypaint mypaint-brush mypaint-brush-settings mypaint-mapping mypaint-rectangle mypaint-surface rng-double)
list(TRANSFORM ENGINE PREPEND "${LIBMYPAINT}/")
list(TRANSFORM ENGINE APPEND ".c")
add_library(mypaint STATIC ${ENGINE})
target_include_directories(mypaint PUBLIC "${LIBMYPAINT}" PRIVATE "${BUNDLE}/json-c" "${CMAKE_CURRENT_BINARY_DIR}/json-c")
target_compile_options(mypaint PRIVATE -O2 -ffp-contract=off -w)
target_compile_definitions(mypaint PRIVATE _POSIX_C_SOURCE=200809L _DEFAULT_SOURCE) # M_PI
target_link_libraries(mypaint PUBLIC json-c)
add_library(PkgConfig::MYPAINT ALIAS mypaint)

install(DIRECTORY "${BUNDLE}/mypaint-data" DESTINATION pymypaint FILES_MATCHING PATTERN "*.myb")
install(DIRECTORY "${BUNDLE}/licenses" DESTINATION pymypaint)
