# Tangled from chapters/68-library.nw: edit that, not this.
"""Median milliseconds of ViT-B/16 at 224 in PyTorch, for so many pictures at once.

usage: /usr/bin/python3 torch_forward.py BATCH THREADS
       /usr/bin/python3 torch_forward.py --onnx FILE    write the network out instead
"""
import statistics
import sys
import time

import torch
from torch import nn
import torch.nn.functional as F

SIDE, PATCH, WIDTH, DEPTH, HEADS, CLASSES = 224, 16, 768, 12, 12, 1000

class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH, 1e-6), nn.LayerNorm(WIDTH, 1e-6)
        self.qkv, self.proj = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.fc1, self.fc2 = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x):
        B, T, C = x.shape
        qkv = self.qkv(self.norm1(x)).view(B, T, 3, HEADS, C // HEADS)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        weights = (q @ k.transpose(2, 3) * (C // HEADS) ** -0.5).softmax(3)
        x = x + self.proj((weights @ v).transpose(1, 2).reshape(B, T, C))
        return x + self.fc2(F.gelu(self.fc1(self.norm2(x))))

class ViT(nn.Module):
    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, WIDTH, PATCH, PATCH)
        self.cls = nn.Parameter(torch.zeros(1, 1, WIDTH))
        self.positions = nn.Parameter(torch.zeros(1, (SIDE // PATCH) ** 2 + 1, WIDTH))
        self.blocks = nn.ModuleList(Block() for _ in range(DEPTH))
        self.norm, self.head = nn.LayerNorm(WIDTH, 1e-6), nn.Linear(WIDTH, CLASSES)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls.expand(x.shape[0], -1, -1), x], 1) + self.positions
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x)[:, 0])

torch.manual_seed(1)
model = ViT().eval()
if sys.argv[1] == '--onnx':
    torch.onnx.export(model, torch.zeros(1, 3, SIDE, SIDE), sys.argv[2],
                      input_names=['x'], output_names=['y'], opset_version=16,
                      dynamic_axes={'x': {0: 'batch'}, 'y': {0: 'batch'}})
    sys.exit()
batch, threads = int(sys.argv[1]), int(sys.argv[2])
torch.set_num_threads(threads)
x, times = torch.full((batch, 3, SIDE, SIDE), 0.5), []
with torch.inference_mode():
    traced = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(model, x)))
    for _ in range(20 if batch == 1 else 4):
        start = time.perf_counter()
        traced(x)
        times.append(time.perf_counter() - start)
print(statistics.median(times) * 1e3)
