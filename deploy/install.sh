#!/usr/bin/env bash
# Installs what Impasto needs: system packages that are missing (by apt, and by nothing where nothing is missing), a
# virtual environment, pinned wheels. Usage: deploy/install.sh PYTHON VENV
# PYTHON may be empty: the first of python3.11, python3.12, python3.13, python3 that works, then one that uv knows, then
# one that apt has.
set -euo pipefail
python=$1 venv=$2
cd "$(dirname "$0")/.."
# A shell with conda's compilers switched on points pkg-config, CMake and the compiler at conda's own libraries.
unset CC CXX CFLAGS CXXFLAGS CPPFLAGS LDFLAGS PKG_CONFIG PKG_CONFIG_PATH CMAKE_ARGS CMAKE_PREFIX_PATH PYTHONHOME

has() { command -v "$1" >/dev/null 2>&1; }
# Debian's own pythons come without pip's installer and without the headers that a native build needs.
complete() {
    "$1" -c 'import ensurepip, pathlib, sys, sysconfig, venv
assert sys.version_info >= (3, 11) and (pathlib.Path(sysconfig.get_path("include")) / "Python.h").exists()' 2>/dev/null
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; elif has sudo; then sudo "$@"; else
        echo "install: needs somebody who may run: $*" >&2
        exit 1
    fi
}
apt_has() { apt-cache show "$1" >/dev/null 2>&1; }
updated=
update() { [ -n "$updated" ] || as_root apt-get update -qq; updated=yes; }

ready() { complete "$venv/bin/python" && { "$venv/bin/python" -m pip --version || "$venv/bin/python" -m ensurepip; } >/dev/null 2>&1; }
missing=()
if ! ready; then
    if [ -z "$python" ]; then
        for name in python3.11 python3.12 python3.13 python3; do
            if complete "$name"; then python=$name; break; fi
        done
    fi
    if [ -z "$python" ] && has uv; then python=$(uv python find '>=3.11,<3.14' 2>/dev/null || true); fi
    if [ -z "$python" ] && has apt-get; then
        update
        for name in python3.11 python3.12 python3.13; do
            if apt_has "$name"; then python=$name; break; fi
        done
    fi
    if [ -z "$python" ]; then
        echo "install: found no Python from 3.11 to 3.13 with venv and headers; name one: make PYTHON=..." >&2
        exit 1
    fi
    if ! complete "$python"; then
        case $python in
            python3.*) missing+=("$python" "$python-venv" "$python-dev") ;;
            *) echo "install: $python is not Python 3.11 or later with venv, ensurepip and headers" >&2; exit 1 ;;
        esac
    fi
fi

has g++ || has clang++ || missing+=(g++)
has pkg-config || missing+=(pkg-config)
pkg-config --exists 'libmypaint >= 1.6' 2>/dev/null || missing+=(libmypaint-dev)
brushes=$(pkg-config --variable=brushesdir mypaint-brushes-1.0 2>/dev/null || true)
[ -f "${brushes:-/usr/share/mypaint-data/1.0/brushes}/classic/pen.myb" ] || missing+=(mypaint-brushes)
# For MuJoCo's scenes only, which say so themselves.
libraries=$({ ldconfig -p || /sbin/ldconfig -p; } 2>/dev/null || true)
[[ $libraries == *libOSMesa.so* || $libraries == *libEGL_nvidia* ]] || missing+=(libosmesa6)

if ((${#missing[@]})) && ! has apt-get; then
    if [ "${missing[*]}" != libosmesa6 ]; then
        echo "install: need ${missing[*]} (Debian's names; see pymypaint/README.md for other systems)" >&2
        exit 1
    fi
elif ((${#missing[@]})); then
    update
    if [[ " ${missing[*]} " == *" libosmesa6 "* ]] && ! apt_has libosmesa6; then
        echo "install: this system has no libosmesa6; scenes want a GPU and libegl1 here" >&2
        missing=("${missing[@]/libosmesa6/}")
    fi
    echo "installing ${missing[*]}"
    # shellcheck disable=SC2068 # without the empty word
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends ${missing[@]} >/dev/null
fi

if ! ready; then
    rm -rf "$venv"
    "$python" -m venv "$venv"
fi
pip=("$venv/bin/python" -m pip install --quiet --disable-pip-version-check --constraint constraints.txt)
# torch first and alone: asked for beside torchvision, a resolver may take a newer build with gigabytes of CUDA.
"$venv/bin/python" -c 'import torch' 2>/dev/null || "${pip[@]}" torch
"${pip[@]}" ./pymypaint
"${pip[@]}" --editable '.[dev,redis,scenes]'
