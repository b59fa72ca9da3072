# Tangled from chapters/66-programs.nw: edit that, not this.
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
    'clip-tiny': (32, 3, 4, 128, 6, 4),
    'siglip-tiny': (32, 3, 4, 128, 6, 4),
    'mae-tiny': (32, 3, 4, 128, 6, 4),
    'language-tiny': (32, 3, 4, 128, 6, 4),
}
name, threads = sys.argv[1], int(sys.argv[2])
steps = int(sys.argv[3]) if len(sys.argv) > 3 else 15
os.environ['OMP_NUM_THREADS'] = os.environ['OPENBLAS_NUM_THREADS'] = str(threads)

import torch  # noqa: E402  (it reads the numbers of threads when loaded)
from torch import nn  # noqa: E402
import torch.nn.functional as F  # noqa: E402

class Block(nn.Module):
    def __init__(self, width, heads, mask=None):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.fc1, self.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.mask = mask

    def attend(self, x):
        B, T, C = x.shape
        q, k, v = self.qkv(x).view(B, T, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(2, 3) * (C // self.heads) ** -0.5
        weights = (scores if self.mask is None else scores + self.mask).softmax(3)
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

class CLIP(nn.Module):
    def __init__(self, *sizes, width=128, context=16, tokens=514, sigmoid=False):
        super().__init__()
        self.image = ViT(*sizes)
        self.image.head = nn.Linear(sizes[3], width, bias=False)
        self.token = nn.Embedding(tokens, width)
        self.position = nn.Parameter(torch.randn(context, width))
        mask = torch.full((context, context), float('-inf')).triu(1)
        self.blocks = nn.Sequential(*(Block(width, 4, mask) for _ in range(3)))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, width, bias=False)
        self.scale = nn.Parameter(torch.tensor(1 / 0.07).log())
        self.bias = nn.Parameter(torch.tensor(-10.0)) if sigmoid else None

    def forward(self, images, ids):
        text = self.norm(self.blocks(self.token(ids) + self.position))[:, -1]
        u = F.normalize(self.image(images), dim=1)
        v = F.normalize(self.head(text), dim=1)
        logits, pairs = self.scale.exp() * u @ v.t(), torch.arange(len(u))
        if self.bias is not None:
            z = 2 * torch.eye(len(u)) - 1
            return -F.logsigmoid(z * (logits + self.bias)).sum() / len(u)
        return (F.cross_entropy(logits, pairs) + F.cross_entropy(logits.t(), pairs)) / 2

class MAE(nn.Module):
    def __init__(self, size, channels, patch, width, depth, heads, inner=64):
        super().__init__()
        self.vit = ViT(size, channels, patch, width, depth, heads)
        tokens, self.patch = (size // patch) ** 2, patch
        self.kept = tokens // 4
        self.to_inner = nn.Linear(width, inner)
        self.mask = nn.Parameter(torch.randn(1, 1, inner))
        self.register_buffer('places', torch.randn(1, tokens + 1, inner))
        self.decoder = nn.Sequential(*(Block(inner, 4) for _ in range(2)))
        self.norm = nn.LayerNorm(inner)
        self.out = nn.Linear(inner, channels * patch * patch)

    def forward(self, images, _):
        x = self.vit.patch(images).flatten(2).transpose(1, 2) + self.vit.position[:, 1:]
        B, T, _ = x.shape
        keep = torch.rand(B, T).argsort(1)[:, :self.kept, None]
        x = x.gather(1, keep.expand(-1, -1, x.shape[2]))
        x = torch.cat([self.vit.cls.expand(B, -1, -1), x], 1)
        x = self.to_inner(self.vit.norm(self.vit.blocks(x)))
        places = keep.expand(-1, -1, x.shape[2])
        y = self.mask.expand(B, T, -1).scatter(1, places, x[:, 1:])
        y = self.decoder(torch.cat([x[:, :1], y], 1) + self.places)
        said = self.out(self.norm(y))[:, 1:]
        want = F.unfold(images, self.patch, stride=self.patch).transpose(1, 2)
        spread = (want.var(2, keepdim=True) + 1e-6).sqrt()
        want = (want - want.mean(2, keepdim=True)) / spread
        hidden = torch.ones(B, T).scatter(1, keep[:, :, 0], 0.0)
        return (((said - want) ** 2).mean(2) * hidden).sum() / hidden.sum()

class Language(nn.Module):
    def __init__(self, *sizes, width=128, question=7, words=16, tokens=514):
        super().__init__()
        self.image, self.question = ViT(*sizes), question
        self.image.requires_grad_(False)
        self.connector = nn.Linear(sizes[3], width)
        self.token = nn.Embedding(tokens, width)
        total = (sizes[0] // sizes[2]) ** 2 + words
        self.position = nn.Parameter(torch.randn(total, width))
        mask = torch.full((total, total), float('-inf')).triu(1)
        self.blocks = nn.Sequential(*(Block(width, 4, mask) for _ in range(3)))
        self.norm = nn.LayerNorm(width)

    def forward(self, images, ids):
        with torch.no_grad():
            vit = self.image
            x = vit.patch(images).flatten(2).transpose(1, 2)
            x = torch.cat([vit.cls.expand(len(x), -1, -1), x], 1) + vit.position
            x = vit.norm(vit.blocks(x))[:, 1:]
        x = torch.cat([self.connector(x), self.token(ids)], 1) + self.position
        x = self.norm(self.blocks(x))
        first = x.shape[1] - ids.shape[1] + self.question
        logits = x[:, first:-1] @ self.token.weight.t()
        return F.cross_entropy(logits.flatten(0, 1), ids[:, self.question + 1:].flatten())

torch.set_num_threads(threads)
torch.manual_seed(0)
size, channels = MODELS[name][:2]
clip, mae = name.endswith('lip-tiny'), name.startswith('mae')
language = name.startswith('language')
batch = 128 if clip or mae else 64
sigmoid = {'sigmoid': True} if name.startswith('siglip') else {}
kind = CLIP if clip else MAE if mae else Language if language else ViT
model = kind(*MODELS[name], **sigmoid)
if mae:  # what an autoencoder does without
    del model.vit.head
if language:
    del model.image.head
trained = [p for p in model.parameters() if p.requires_grad]
optimizer = torch.optim.AdamW(trained, lr=1e-3, weight_decay=0.05)
images = torch.randn(batch, channels, size, size)
texts, whole = clip or language, clip or mae or language
other = torch.randint(514, (batch, 16)) if texts else torch.randint(10, (batch,))
times = []
for step in range(steps + 4):
    start = time.perf_counter()
    optimizer.zero_grad(set_to_none=True)
    loss = model(images, other) if whole else F.cross_entropy(model(images), other)
    loss.backward()
    nn.utils.clip_grad_norm_(trained, 1)
    optimizer.step()
    times.append(time.perf_counter() - start)
print(f'{1e3 * statistics.median(times[4:]):.3f}')

