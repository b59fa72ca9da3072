# Tangled from chapters/07-fast.nw: edit that, not this.
"""Median milliseconds of a PyTorch training step of the book's ViTs.

usage: /usr/bin/python3 torch_step.py MODEL THREADS [STEPS]

A step is the same as build/bench takes: clear, forward, loss, backward, clip, AdamW.
"""
import os
import statistics
import sys
import time

MODELS = {  # image size, channels, patch, width, depth, heads
    'vit-mnist': (28, 1, 7, 64, 4, 4),
    'vit-cifar': (32, 3, 4, 128, 6, 4),
    'vit-cifar-192': (32, 3, 4, 192, 9, 12),
}
BATCH = 64
name, threads = sys.argv[1], int(sys.argv[2])
steps = int(sys.argv[3]) if len(sys.argv) > 3 else 15
os.environ['OMP_NUM_THREADS'] = os.environ['OPENBLAS_NUM_THREADS'] = str(threads)

import torch  # noqa: E402  (it reads the numbers of threads when loaded)
from torch import nn  # noqa: E402
import torch.nn.functional as F  # noqa: E402

class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.fc1, self.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def attend(self, x):
        B, T, C = x.shape
        q, k, v = self.qkv(x).view(B, T, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        weights = (q @ k.transpose(2, 3) * (C // self.heads) ** -0.5).softmax(3)
        return self.proj((weights @ v).transpose(1, 2).reshape(B, T, C))

    def forward(self, x):
        x = x + self.attend(self.norm1(x))
        return x + self.fc2(F.gelu(self.fc1(self.norm2(x))))

class ViT(nn.Module):
    def __init__(self, size, channels, patch, width, depth, heads):
        super().__init__()
        self.patch = nn.Conv2d(channels, width, patch, patch)
        self.cls = nn.Parameter(torch.zeros(1, 1, width))
        self.position = nn.Parameter(torch.randn(1, (size // patch) ** 2 + 1, width))
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(depth)))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 10)

    def forward(self, images):
        x = self.patch(images).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls.expand(len(x), -1, -1), x], 1) + self.position
        return self.head(self.norm(self.blocks(x))[:, 0])

torch.set_num_threads(threads)
torch.manual_seed(0)
size, channels = MODELS[name][:2]
model = ViT(*MODELS[name])
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.05)
images = torch.randn(BATCH, channels, size, size)
labels = torch.randint(10, (BATCH,))
times = []
for step in range(steps + 4):
    start = time.perf_counter()
    optimizer.zero_grad(set_to_none=True)
    F.cross_entropy(model(images), labels).backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1)
    optimizer.step()
    times.append(time.perf_counter() - start)
print(f'{1e3 * statistics.median(times[4:]):.3f}')

