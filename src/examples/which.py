# Tangled from chapters/17-published.nw: edit that, not this.
import ctypes, sys

sight = ctypes.CDLL("libsight.so")
sight.sight_clip_open.restype = ctypes.c_void_p
sight.sight_error.restype = ctypes.c_char_p
model, picture, captions = sys.argv[1], sys.argv[2], sys.argv[3:]
clip = ctypes.c_void_p(sight.sight_clip_open(model.encode()))
if not clip:
    sys.exit(sight.sight_error().decode())
size, n = sight.sight_clip_dim(clip), len(captions)
image, texts, scores = ((ctypes.c_float * k)() for k in (size, n * size, n))
words = (ctypes.c_char_p * n)(*(c.encode() for c in captions))
for function in (sight.sight_clip_encode_file, sight.sight_clip_encode_texts):
    function.restype = ctypes.c_bool
if not (sight.sight_clip_encode_file(clip, picture.encode(), image)
        and sight.sight_clip_encode_texts(clip, words, n, texts)):
    sys.exit(sight.sight_error().decode())
sight.sight_clip_scores(clip, image, 1, texts, n, scores)
for caption, score in zip(captions, scores):
    print(f"{score:.4f}\t{caption}")
