#!/usr/bin/env bash
# Installs what Impasto needs on Debian or Ubuntu: system packages that are missing, a virtual environment, pinned wheels.
# Usage: deploy/install.sh PYTHON VENV
set -euo pipefail
python=$1 venv=$2
cd "$(dirname "$0")/.."

missing=()
for package in g++ pkg-config libmypaint-dev mypaint-brushes libosmesa6; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
# Debian's own python3.11 comes without pip's installer and without the headers that a native build needs.
complete='import ensurepip, pathlib, sysconfig; assert (pathlib.Path(sysconfig.get_path("include")) / "Python.h").exists()'
"$python" -c "$complete" 2>/dev/null || missing+=(python3.11 python3.11-venv python3.11-dev)
if ((${#missing[@]})); then
    if ! command -v apt-get >/dev/null; then
        echo "install: need ${missing[*]}; see pymypaint/README.md for other systems" >&2
        exit 1
    fi
    sudo=$([ "$(id -u)" = 0 ] || echo sudo)
    echo "installing ${missing[*]}"
    $sudo apt-get update -qq
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    rm -rf "$venv"
    "$python" -m venv "$venv"
fi
pip=("$venv/bin/python" -m pip install --quiet --disable-pip-version-check --constraint constraints.txt)
# torch first and alone: asked for beside torchvision, a resolver may take a newer build with gigabytes of CUDA.
"$venv/bin/python" -c 'import torch' 2>/dev/null || "${pip[@]}" torch
"${pip[@]}" ./pymypaint
"${pip[@]}" --editable '.[dev,redis,scenes]'
