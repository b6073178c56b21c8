#!/bin/sh
# Builds pymypaint with AddressSanitizer and UndefinedBehaviorSanitizer beside the installed one, and runs the test suite
# on it. Any report ends the run with an error. Needs GCC, and pytest, nanobind and scikit-build-core in $PYTHON's
# environment:
#
#     PYTHON=.venv/bin/python pymypaint/tests/asan.sh [pytest arguments]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3}
target=$(mktemp -d)
trap 'rm -rf "$target"' EXIT
"$python" -m pip install --quiet --no-deps --no-build-isolation --target "$target" \
    --config-settings=cmake.define.PYMYPAINT_SANITIZE=ON --config-settings=install.strip=false "$here/.."
# Leaks are not looked for: the interpreter itself frees little at its end.
export ASAN_OPTIONS=detect_leaks=0:strict_string_checks=1 UBSAN_OPTIONS=print_stacktrace=1
export PYTHONPATH="$target"
LD_PRELOAD="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libubsan.so)" \
    "$python" -m pytest -p no:cacheprovider --capture=sys "$here" "$@"  # fd capture would hide reports
