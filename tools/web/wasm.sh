#!/bin/sh
# wasm.sh: the C of the live figures as WebAssembly, build/web/live.wasm: the book's own files, naive kernels.
#
# usage: wasm.sh   (from the root; needs Debian's clang, lld, wasi-libc and libclang-rt-14-dev-wasm32)
#
# No disk, no threads and no libraries: web/memory_files.c stands for files and safetensors, tools/web/shim for
# what remains of OpenMP and libunistring (letters beyond Latin are left as they are).
set -eu
export LC_ALL=C
out=build/web/wasm
mkdir -p $out/include
# Declarations of libraries of which nothing is called.
cp /usr/include/zlib.h /usr/include/zconf.h $out/include/
flags="--target=wasm32-wasi -O3 -msimd128 -fopenmp-simd -ffp-contract=fast -fno-math-errno -fno-trapping-math -std=c17
    -D_DEFAULT_SOURCE -ffunction-sections -Wno-unknown-pragmas -Wno-pass-failed
    -Itools/web/shim -Isrc -idirafter $out/include"
sources="src/web/*.c src/base/arena.c src/base/error.c src/base/format.c src/base/memory.c src/base/random.c src/base/shape.c src/base/stopwatch.c
    tools/web/shim/shim.c src/tensor/*.c src/nn/*.c src/models/*.c src/kernels/naive.c src/kernels/common.c src/data/scenes.c
    src/data/shapes.c src/data/dataset.c src/data/image.c src/data/pairs.c src/data/tokenizer.c src/eval/predictions.c src/train/checkpoint.c
    src/train/data_parallel.c src/train/world_one.c src/train/optimizer.c src/train/shuffle.c src/tasks/classify.c"
export FLAGS="$flags"
for source in $sources; do
    object=$out/$(echo "$source" | tr / _).o
    [ -e "$object" ] && [ -z "$(find "$source" tools/web/shim src -newer "$object" -name '*.[ch]' | head -1)" ] ||
        echo "$source $object"
done | xargs -r -P 2 -L 1 sh -c 'clang $FLAGS -c "$0" -o "$1"'
clang --target=wasm32-wasi -mexec-model=reactor $(for s in $sources; do echo "$out/$(echo "$s" | tr / _).o"; done) -o build/web/live.wasm \
    -Wl,--gc-sections -Wl,--strip-all -Wl,-z,stack-size=1048576 -Wl,--export=malloc
