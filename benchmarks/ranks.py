#!/usr/bin/env python3
"""One process with two threads beside two ranks with one thread each: the same training steps, the same cores, the same minutes.

    python3 benchmarks/ranks.py                                      both models, Open MPI and MPICH, five rounds
    python3 benchmarks/ranks.py --models=124M --mpi=mpich --rounds=1 a first look

Needs a build (dotnet build -c Release), and mpirun: apt install openmpi-bin libopenmpi-dev mpich.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NANOGPT = ["dotnet", str(ROOT / "src/NanoGpt.Cli/bin/Release/net10.0/nanogpt.dll")]
RUN_LIMIT = 900     # seconds; a run that takes longer has hung
SHAPES = {
    "10.6M": dict(dataset="dotnet_docs_char", n_layer=6, n_head=6, n_embd=384, block_size=256, batch_size=16, gradient_accumulation_steps=4, max_iters=6),
    "124M": dict(dataset="text", n_layer=12, n_head=12, n_embd=768, block_size=256, batch_size=1, gradient_accumulation_steps=8, max_iters=3),
}
COMMON = dict(out_dir="out", dropout=0, log_interval=1, eval_interval=1000000, eval_iters=1, sample_tokens=0)
LAUNCHERS = {
    "openmpi": ["mpirun.openmpi", "--allow-run-as-root", "-n", "2"],
    "mpich": ["mpirun.mpich", "-n", "2"],
}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--models", nargs="+", choices=SHAPES, default=list(SHAPES))
    p.add_argument("--mpi", nargs="+", choices=LAUNCHERS, default=list(LAUNCHERS))
    p.add_argument("--rounds", type=int, default=5)
    a = p.parse_args()

    print("| model | MPI | 1 rank × 2 threads, tokens/s | 2 ranks × 1 thread | ratio (median of the rounds') | least to most | waiting |")
    print("|---|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as work:
        os.chdir(work)
        run([*NANOGPT, "prepare", "dotnet_docs_char"])
        run([*NANOGPT, "prepare", "text", "--input", str(ROOT / "README.md"), str(ROOT / "ARCHITECTURE.md"), str(ROOT / "docs")])
        for model in a.models:
            for mpi in a.mpi:
                # In turn, so that a busy minute of the machine strikes both.
                rounds = [(train(model, [], 2), train(model, LAUNCHERS[mpi], 1)) for _ in range(a.rounds)]
                alone, ranks = [one[0] for one, _ in rounds], [two[0] for _, two in rounds]
                ratios = [two / one for one, two in zip(alone, ranks)]
                waiting = statistics.median(two[1] for _, two in rounds)
                print(f"| {model} | {mpi} | {figures(alone)} | {figures(ranks)} | {statistics.median(ratios):.3f} "
                      f"| {min(ratios):.2f} to {max(ratios):.2f} | {waiting:.1%} |", flush=True)


def train(model, launcher, threads):
    """Tokens per second and the share waited: medians of the steps after the first."""
    keys = [f"--{key}={value}" for key, value in {**COMMON, **SHAPES[model], "threads": threads}.items()]
    run([*launcher, *NANOGPT, "train", *keys])
    lines = [json.loads(line) for line in Path("out/metrics.jsonl").read_text().splitlines()]
    steps = [line for line in lines if "ms" in line and line["iter"] > 0]
    return statistics.median(s["tokens_per_second"] for s in steps), statistics.median(s.get("waiting", 0) for s in steps)


def run(command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_LIMIT)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\nended with {done.returncode}:\n{(done.stdout + done.stderr)[-2000:]}")


def figures(values):
    return " / ".join(f"{value:,.0f}" for value in values)


if __name__ == "__main__":
    main()
