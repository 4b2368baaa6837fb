# NVIDIA GPUs: the kernels and the device that runs them, where there is a CUDA compiler that works; elsewhere
# cuda_left_out.cc, which says so. CUDACXX, CMAKE_CUDA_COMPILER or `npm run toolchain` name the compiler.
option(ARC2FACE_CUDA "Build for NVIDIA GPUs where there is a CUDA compiler" ON)
set(without_cuda "ARC2FACE_CUDA is off")
if(ARC2FACE_CUDA)
  if(ARC2FACE_NVCC AND NOT DEFINED ENV{CUDACXX})
    set(ENV{CUDACXX} "${ARC2FACE_NVCC}")
  endif()
  include(CheckLanguage)
  check_language(CUDA)
  set(without_cuda "found no CUDA compiler that works (npm run toolchain)")
  if(CMAKE_CUDA_COMPILER)
    if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
      # The machine code of every generation that the compiler knows, and for later ones a form that the driver compiles.
      set(CMAKE_CUDA_ARCHITECTURES all-major)
    endif()
    set(CMAKE_CUDA_RUNTIME_LIBRARY Static)  # so that the addon loads on machines without NVIDIA's files
    enable_language(CUDA)
    set(without_cuda "")
    # CMake before 3.26 does not know what nvcc has been able to since 12.0.
    if(NOT DEFINED CMAKE_CUDA20_STANDARD_COMPILE_OPTION)
      set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
      set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION -std=c++20)
    endif()
    if(CMAKE_CUDA_COMPILER_VERSION VERSION_LESS 12)
      set(without_cuda "CUDA ${CMAKE_CUDA_COMPILER_VERSION} is too old, 12.0 is the least")
    endif()
  endif()
endif()

if(without_cuda)
  message(STATUS "Without CUDA: ${without_cuda}")
  target_sources(arc2face_core PRIVATE native/device/cuda_left_out.cc)
  return()
endif()
message(STATUS "With CUDA ${CMAKE_CUDA_COMPILER_VERSION} for architectures ${CMAKE_CUDA_ARCHITECTURES}")
file(GLOB CUDA_SOURCES CONFIGURE_DEPENDS native/device/cuda/*.cc native/diffusion/*.cu native/image/*.cu)
target_sources(arc2face_core PRIVATE ${CUDA_SOURCES})
# The target is older than these settings.
set_target_properties(arc2face_core PROPERTIES CUDA_ARCHITECTURES "${CMAKE_CUDA_ARCHITECTURES}"
                                               CUDA_RUNTIME_LIBRARY Static)
target_include_directories(arc2face_core SYSTEM PRIVATE ${CMAKE_CUDA_TOOLKIT_INCLUDE_DIRECTORIES})
# Kernels and definitions share their arithmetic: here, too, nothing may be contracted.
set(cuda_options -fmad=false)
if(NOT MSVC)
  list(APPEND cuda_options -Xcompiler=-Wall,-Wextra,-ffp-contract=off)
endif()
target_compile_options(arc2face_core PRIVATE "$<$<COMPILE_LANGUAGE:CUDA>:${cuda_options}>")
