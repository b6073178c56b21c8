#include <cstdlib>
#include <cstring>

#include "kernels.h"

namespace pymypaint {

namespace baseline { extern const Kernels kKernels; }
#ifdef PYMYPAINT_X86_KERNELS
namespace avx2 { extern const Kernels kKernels; }
namespace avx512 { extern const Kernels kKernels; }
#endif

namespace {

const Kernels& choose() {
#ifdef PYMYPAINT_X86_KERNELS
  // PYMYPAINT_KERNELS names the most advanced version to use: the tests compare the versions with it.
  const char* limit = std::getenv("PYMYPAINT_KERNELS");
  const bool only_baseline = limit && std::strcmp(limit, "baseline") == 0;
  const bool no_avx512 = limit && std::strcmp(limit, "avx512") != 0;
  __builtin_cpu_init();
  if (!only_baseline && __builtin_cpu_supports("avx2")) {
    const bool has_avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                            __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    return has_avx512 && !no_avx512 ? avx512::kKernels : avx2::kKernels;
  }
#endif
  return baseline::kKernels;
}

}  // namespace

const Kernels& kernels() {
  static const Kernels& chosen = choose();
  return chosen;
}

}  // namespace pymypaint
