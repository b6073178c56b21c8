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
#endif

namespace {

const Kernels& choose() {
#ifdef PYMYPAINT_X86_KERNELS
  // Versions for AVX-512 were no faster. PYMYPAINT_KERNELS=baseline is for the tests, which compare the versions.
  const char* asked = std::getenv("PYMYPAINT_KERNELS");
  const bool only_baseline = asked && std::strcmp(asked, "baseline") == 0;
  __builtin_cpu_init();
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
