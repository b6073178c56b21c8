#!/usr/bin/env bash
# Installs what Impasto needs on Debian or Ubuntu: system packages that are missing, a virtual environment, pinned wheels.
# Usage: deploy/install.sh PYTHON VENV
set -euo pipefail
python=$1 venv=$2
cd "$(dirname "$0")/.."

missing=()
for package in g++ pkg-config libmypaint-dev mypaint-brushes redis-server; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
command -v "$python" >/dev/null || missing+=(python3.11 python3.11-venv python3.11-dev)
if ((${#missing[@]})); then
    if ! command -v apt-get >/dev/null; then
        echo "install: need ${missing[*]}; see pymypaint/README.md for other systems" >&2
        exit 1
    fi
    sudo=$([ "$(id -u)" = 0 ] || echo sudo)
    echo "installing ${missing[*]}"
    # The server is started by each run on a port of its own, so the system's service is not wanted.
    $sudo apt-get update -qq
    $sudo env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
pip=("$venv/bin/python" -m pip install --quiet --disable-pip-version-check --constraint constraints.txt)
# torch first and alone: asked for beside torchvision, a resolver may take a newer build with gigabytes of CUDA.
"$venv/bin/python" -c 'import torch' 2>/dev/null || "${pip[@]}" torch
"${pip[@]}" ./pymypaint
"${pip[@]}" --editable '.[dev,redis]'
