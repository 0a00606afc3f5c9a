#!/usr/bin/env bash
# Type-checks the features `cuda` and `flash-attn` on a machine with neither a GPU nor a CUDA toolkit.
#
# usage: type-check.sh [arguments of `cargo check`]
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# Its own folder: a later build with the real toolkit must never find these empty kernels in its cache. The place of the stand-in
# toolkit stays the same from run to run, or cargo would take every run for a new toolkit and start over.
CARGO_TARGET_DIR=$(realpath -m "${CARGO_TARGET_DIR:-$here/../../../target}")/cuda-check
home=$CARGO_TARGET_DIR/stand-in-toolkit
mkdir -p "$home/bin" "$home/include"
cp -p "$here/nvcc-stand-in" "$home/bin/nvcc"
cp -p "$here/git-stand-in" "$home/bin/git"
touch -r "$here/nvcc-stand-in" "$home/include/cuda.h"

# Fetched headers are kept there: the user's own must stay what they are.
export CUDAFORGE_HOME=$home/fetched
export CARGO_TARGET_DIR CUDA_HOME=$home CUDA_PATH=$home NVCC=$home/bin/nvcc PATH=$home/bin:$PATH CUDA_COMPUTE_CAP=90
for feature in cuda flash-attn; do
    cargo check --release -p tradewind-candle --features $feature "$@"
done
