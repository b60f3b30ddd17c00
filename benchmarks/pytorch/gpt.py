"""GPT-2 in PyTorch as nanoGPT trains it, written for comparison: forward, loss, backward, clip, AdamW.

    python3 gpt.py bench --n_layer=4 --n_head=4 --n_embd=128 --block_size=64 --batch_size=12 --vocab_size=65
    python3 gpt.py learn --data=data/shakespeare_char --seed=1

bench prints one line of JSON with the keys of `nanogpt bench --json`; learn trains the README's CPU run and prints the loss
over the whole validation split.
"""
import argparse
import json
import math
import os
import resource
import time

import torch
import torch.nn as nn
from torch.nn import functional as F


class Norm(nn.Module):
    def __init__(self, width, bias):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width)) if bias else None

    def forward(self, x):
        return F.layer_norm(x, self.weight.shape, self.weight, self.bias, 1e-5)


class Block(nn.Module):
    def __init__(self, a):
        super().__init__()
        c = a.n_embd
        self.heads, self.dropout = a.n_head, a.dropout
        self.ln_1, self.ln_2 = Norm(c, a.bias), Norm(c, a.bias)
        self.qkv, self.proj = nn.Linear(c, 3 * c, bias=a.bias), nn.Linear(c, c, bias=a.bias)
        self.fc, self.out = nn.Linear(c, 4 * c, bias=a.bias), nn.Linear(4 * c, c, bias=a.bias)
        self.register_buffer("mask", torch.tril(torch.ones(a.block_size, a.block_size)).view(1, 1, a.block_size, a.block_size), persistent=False)

    def attend(self, x):
        b, t, c = x.shape
        q, k, v = (s.view(b, t, self.heads, c // self.heads).transpose(1, 2) for s in self.qkv(x).split(c, dim=2))
        if hasattr(F, "scaled_dot_product_attention"):
            y = F.scaled_dot_product_attention(q, k, v, dropout_p=self.dropout if self.training else 0, is_causal=True)
        else:
            s = (q @ k.transpose(-2, -1)) / math.sqrt(k.size(-1))
            s = F.softmax(s.masked_fill(self.mask[:, :, :t, :t] == 0, float("-inf")), dim=-1)
            y = F.dropout(s, self.dropout, self.training) @ v
        return F.dropout(self.proj(y.transpose(1, 2).contiguous().view(b, t, c)), self.dropout, self.training)

    def forward(self, x):
        x = x + self.attend(self.ln_1(x))
        return x + F.dropout(self.out(F.gelu(self.fc(self.ln_2(x)))), self.dropout, self.training)


class Gpt(nn.Module):
    def __init__(self, a):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(a.vocab_size, a.n_embd), nn.Embedding(a.block_size, a.n_embd)
        self.blocks = nn.ModuleList(Block(a) for _ in range(a.n_layer))
        self.ln_f = Norm(a.n_embd, a.bias)
        self.head = nn.Linear(a.n_embd, a.vocab_size, bias=False)
        self.wte.weight = self.head.weight
        for name, p in self.named_parameters():
            if name.endswith("bias"):
                nn.init.zeros_(p)
            elif p.dim() >= 2:
                residual = name.endswith("proj.weight") or name.endswith("out.weight")
                nn.init.normal_(p, 0.0, 0.02 / math.sqrt(2 * a.n_layer) if residual else 0.02)

    def forward(self, x, y):
        h = self.wte(x) + self.wpe(torch.arange(x.size(1)))
        for block in self.blocks:
            h = block(h)
        logits = self.head(self.ln_f(h))
        return F.cross_entropy(logits.view(-1, logits.size(-1)), y.view(-1))


def optimizer_of(model, lr, betas):
    decay = [p for p in model.parameters() if p.dim() >= 2]
    rest = [p for p in model.parameters() if p.dim() < 2]
    return torch.optim.AdamW([{"params": decay, "weight_decay": 0.1}, {"params": rest, "weight_decay": 0.0}], lr=lr, betas=betas)


def flops_per_token(a, model):
    n = sum(p.numel() for p in model.parameters()) - model.wpe.weight.numel()
    return 6 * n + 12 * a.n_layer * a.n_embd * a.block_size


def bench(a):
    model = Gpt(a)
    step_model = torch.compile(model) if a.compile else model
    optimizer = optimizer_of(model, 1e-3, (0.9, 0.99))
    x = torch.randint(a.vocab_size, (a.batch_size, a.block_size))
    y = torch.randint(a.vocab_size, (a.batch_size, a.block_size))
    times, deadline = [], 0
    while len(times) < a.steps + 2 and (len(times) < 5 or time.perf_counter() < deadline):
        start = time.perf_counter()
        if len(times) == 2:         # two steps to warm up, and to compile
            deadline = start + a.seconds
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=a.dtype == "bfloat16"):
            loss = step_model(x, y)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        times.append(time.perf_counter() - start)
    times = sorted(times[2:])
    seconds = times[len(times) // 2]
    rate = a.batch_size * a.block_size / seconds
    print(json.dumps({
        "tokens_per_second": rate, "ms_per_step": seconds * 1000, "model_gflops": rate * flops_per_token(a, model) / 1e9,
        "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, "threads": torch.get_num_threads(),
        "dtype": a.dtype, "compile": a.compile, "torch": torch.__version__, "steps": len(times),
    }), flush=True)


def learn(a):
    import numpy as np
    torch.manual_seed(a.seed)
    train, val = (torch.from_numpy(np.fromfile(os.path.join(a.data, f), dtype=np.uint16).astype(np.int64)) for f in ("train.bin", "val.bin"))
    model = Gpt(a)
    optimizer = optimizer_of(model, 1e-3, (0.9, 0.99))
    t = a.block_size
    for it in range(2001):
        lr = 1e-3 * (it + 1) / 101 if it < 100 else 1e-4 + 0.5 * (1e-3 - 1e-4) * (1 + math.cos(math.pi * (it - 100) / 1900))
        for group in optimizer.param_groups:
            group["lr"] = lr
        starts = torch.randint(len(train) - t, (a.batch_size,))
        loss = model(torch.stack([train[s:s + t] for s in starts]), torch.stack([train[s + 1:s + 1 + t] for s in starts]))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    model.eval()
    with torch.no_grad():
        windows = (len(val) - 1) // t
        total = 0.0
        for w in range(0, windows, 64):
            rows = range(w, min(windows, w + 64))
            x, y = torch.stack([val[i * t:i * t + t] for i in rows]), torch.stack([val[i * t + 1:i * t + 1 + t] for i in rows])
            total += model(x, y).item() * len(rows)
    print(json.dumps({"seed": a.seed, "val_loss": total / windows}), flush=True)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("task", choices=["bench", "learn"])
    for name, default in dict(n_layer=4, n_head=4, n_embd=128, block_size=64, batch_size=12, vocab_size=65, steps=1000, threads=0, seed=1).items():
        p.add_argument("--" + name, type=int, default=default)
    p.add_argument("--dropout", type=float, default=0.0)
    p.add_argument("--seconds", type=float, default=10.0)
    p.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    p.add_argument("--bias", action="store_true")
    p.add_argument("--compile", action="store_true")
    p.add_argument("--data", default="data/shakespeare_char")
    a = p.parse_args()
    torch.set_num_threads(a.threads or os.cpu_count())      # its own default can be one thread too few
    {"bench": bench, "learn": learn}[a.task](a)


if __name__ == "__main__":
    main()
