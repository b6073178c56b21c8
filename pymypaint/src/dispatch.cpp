#include <cstdlib>
#include <cstring>

#include "kernels.h"

namespace pymypaint {

namespace baseline {
extern const Kernels kKernels;
}
#ifdef PYMYPAINT_X86_KERNELS
namespace avx2 {
extern const Kernels kKernels;
}
namespace avx512 {
extern const Kernels kKernels;
}
#endif

namespace {

const Kernels& choose() {
#ifdef PYMYPAINT_X86_KERNELS
  // PYMYPAINT_KERNELS names the best version that is allowed: the tests compare them.
  const char* asked = std::getenv("PYMYPAINT_KERNELS");
  const bool only_baseline = asked && std::strcmp(asked, "baseline") == 0;
  const bool only_avx2 = asked && std::strcmp(asked, "avx2") == 0;
  __builtin_cpu_init();
  const bool has_avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                          __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  if (!only_baseline && !only_avx2 && has_avx512) return avx512::kKernels;
  if (!only_baseline && __builtin_cpu_supports("avx2")) return avx2::kKernels;
#endif
  return baseline::kKernels;
}

}  // namespace

const Kernels& kernels() {
  static const Kernels& chosen = choose();
  return chosen;
}

}  // namespace pymypaint
