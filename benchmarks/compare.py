#!/usr/bin/env python3
"""Whole training steps beside PyTorch's: the same shape, the same machine, the same minutes.

    python3 benchmarks/compare.py                                    everything, three rounds
    python3 benchmarks/compare.py --shapes char-0.8M --rounds 1      a first look
    python3 benchmarks/compare.py --out benchmarks/results/CPU.md    keep the table

Needs a Python with torch, and .NET. On Debian: apt install python3-torch libopenblas0-openmp (the reference BLAS that torch
would otherwise find is slow and would flatter us).
"""
import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
RUN_LIMIT = 3600    # seconds; a run that takes longer has hung

SHAPES = {
    "char-0.8M": dict(n_layer=4, n_head=4, n_embd=128, block_size=64, batch_size=12, vocab_size=65),
    "char-10.6M": dict(n_layer=6, n_head=6, n_embd=384, block_size=256, batch_size=64, vocab_size=65),
    "gpt2-124M-T1024": dict(n_layer=12, n_head=12, n_embd=768, block_size=1024, batch_size=4, vocab_size=50304),
    "gpt2-124M-T64": dict(n_layer=12, n_head=12, n_embd=768, block_size=64, batch_size=4, vocab_size=50304),
}
DTYPES = ["float32", "bfloat16"]


class Failure(Exception):
    """A run gave no result; says why in a line."""


def main():
    a = arguments()
    torch = torch_version(a.python)
    if a.torch_compile and int(torch.split(".")[0]) < 2:
        sys.exit(f"torch {torch} has no torch.compile: leave out --torch-compile, or give a newer one with --python.")
    torch += openblas_kernels(a.python)
    modes = ["eager", "compile"] if a.torch_compile else ["eager"]

    rows, failed = [], False
    for shape in a.shapes:
        for dtype in a.dtypes:
            # Interleaved, so that a busy minute of the machine strikes both.
            ours, theirs = [], {mode: [] for mode in modes}
            try:
                for n in range(a.rounds):
                    ours.append(run(f"{shape} {dtype}, round {n + 1}, nanogpt", nanogpt_command(a, shape, dtype)))
                    for mode in modes:
                        theirs[mode].append(run(f"{shape} {dtype}, round {n + 1}, PyTorch {mode}", torch_command(a, shape, dtype, mode)))
                rows += [row(shape, dtype, mode, ours, theirs[mode]) for mode in modes]
            except Failure as failure:
                failed = True
                print(failure, file=sys.stderr)
                rows.append([shape, dtype, "", f"failed: {failure}"] + [""] * 8)

    text = header(a, torch) + table(rows)
    print(text)
    if a.out:
        beside = a.out.with_name(a.out.name + ".tmp")
        beside.write_text(text, encoding="utf-8")
        beside.replace(a.out)
    sys.exit(1 if failed else 0)


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--shapes", type=lambda s: chosen(s, SHAPES), default=list(SHAPES), help="of " + ",".join(SHAPES))
    p.add_argument("--dtypes", type=lambda s: chosen(s, DTYPES), default=DTYPES, help="of " + ",".join(DTYPES))
    p.add_argument("--rounds", type=int, default=3, help="runs of each, ours and PyTorch's in turn; medians are shown")
    p.add_argument("--threads", type=int, default=0, help="for both; 0: every core")
    p.add_argument("--seconds", type=float, default=10, help="a PyTorch run ends after this long, but not before five steps")
    p.add_argument("--nanogpt", type=Path, default=ROOT / ("nanogpt.cmd" if os.name == "nt" else "nanogpt"),
                   help="the program or its .dll; by default the script at the root, which builds it when needed")
    p.add_argument("--python", default=sys.executable, help="a Python that has torch")
    p.add_argument("--torch-compile", action="store_true", help="measure torch.compile too (torch 2 and later)")
    p.add_argument("--out", type=Path, help="write the table there as well")
    a = p.parse_args()
    if a.rounds < 1:
        p.error("--rounds must be at least 1.")
    if not a.nanogpt.exists():
        p.error(f"there is no {a.nanogpt}: build it, or give its path with --nanogpt.")
    return a


def chosen(text, known):
    names = text.split(",")
    for name in names:
        if name not in known:
            raise argparse.ArgumentTypeError(f"{name} is none of {', '.join(known)}")
    return names


def nanogpt_command(a, shape, dtype):
    program = ["dotnet", str(a.nanogpt)] if a.nanogpt.suffix == ".dll" else [str(a.nanogpt)]
    return program + ["bench", "--json", f"--dtype={dtype}", f"--threads={a.threads}"] + options(shape)


def torch_command(a, shape, dtype, mode):
    command = [a.python, str(HERE / "pytorch" / "gpt.py"), "bench", f"--dtype={dtype}", f"--threads={a.threads}", f"--seconds={a.seconds}"]
    return command + (["--compile"] if mode == "compile" else []) + options(shape)


def options(shape):
    return [f"--{key}={value}" for key, value in SHAPES[shape].items()]


def run(what, command):
    """The last line of what a command prints, which is JSON."""
    print(what, end=" ", file=sys.stderr, flush=True)
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_LIMIT)
    except subprocess.TimeoutExpired:
        raise Failure(f"{what} took more than {RUN_LIMIT} seconds") from None
    if done.returncode != 0:
        last = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()[-1]
        raise Failure(f"{what} ended with code {done.returncode}: {last}")
    try:
        result = json.loads(done.stdout.strip().splitlines()[-1])
    except (IndexError, ValueError):
        raise Failure(f"{what} printed no JSON") from None
    print(f"{result['tokens_per_second']:,.0f} tok/s", file=sys.stderr, flush=True)
    return result


def row(shape, dtype, mode, ours, theirs):
    def median(runs, key):
        return statistics.median(r[key] for r in runs)

    def memory(runs):
        return f"{max(r['peak_rss_bytes'] for r in runs) / 2**30:.2f} GiB"

    ratios = [o["tokens_per_second"] / t["tokens_per_second"] for o, t in zip(ours, theirs)]
    return [
        shape, dtype, mode,
        f"{median(ours, 'tokens_per_second'):,.0f}", f"{median(ours, 'model_gflops'):,.1f}", f"{median(ours, 'peak_fraction'):.3f}",
        f"{median(theirs, 'tokens_per_second'):,.0f}", f"{median(theirs, 'model_gflops'):,.1f}",
        f"**{statistics.median(ratios):.2f}×**", f"{min(ratios):.2f} to {max(ratios):.2f}", memory(ours), memory(theirs),
    ]


def table(rows):
    names = ["shape", "dtype", "PyTorch mode", "ours tok/s", "GFLOP/s", "of peak", "PyTorch tok/s", "GFLOP/s", "ratio", "ratio, least to most", "our memory", "PyTorch's"]
    lines = [names, ["---"] * 3 + ["---:"] * (len(names) - 3)] + rows
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines) + "\n"


def header(a, torch):
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    shapes = "\n".join(f"- {name}: {', '.join(f'{k} {v}' for k, v in SHAPES[name].items())}" for name in a.shapes)
    return f"""# Training steps beside PyTorch: {cpu_model()}

{datetime.date.today()} · {cores} cores{f", {a.threads} threads" if a.threads else ""} · {operating_system()} · .NET {dotnet_version()} · torch {torch} · nanogpt {commit()}

A whole step: forward, loss, backward, clipping, AdamW. Median of {a.rounds}, ours and PyTorch's in turn; memory is the most that a run held.
GFLOP/s are those of the model, (6N + 12·L·C·T) per token; the peak is what the same run reached from registers in the same dtype.

{shapes}

"""


def cpu_model():
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return first_line(["sysctl", "-n", "machdep.cpu.brand_string"]) or platform.processor() or platform.machine()


def operating_system():
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"] + " " + platform.machine()
    except (OSError, AttributeError, KeyError):
        return platform.platform(terse=True)


def dotnet_version():
    runtimes = first_line(["dotnet", "--list-runtimes"], all_lines=True) or ""
    versions = [line.split()[1] for line in runtimes.splitlines() if line.startswith("Microsoft.NETCore.App ")]
    return versions[-1] if versions else "?"


def commit():
    changed = first_line(["git", "-C", str(ROOT), "status", "--porcelain", "--untracked-files=no"])
    return (first_line(["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]) or "?") + (" with changes" if changed else "")


def torch_version(python):
    version = first_line([python, "-c", "import torch; print(torch.__version__)"])
    if not version:
        sys.exit(f"{python} has no torch: install it, or give another Python with --python.")
    return version


def openblas_kernels(python):
    """Which kernels OpenBLAS chose, if torch multiplies with it. A processor newer than itself gets those of 2004, which would flatter us: it is then told what the processor has."""
    def core():
        done = finished([python, "-c", "import torch; torch.ones(64, 64) @ torch.ones(64, 64)"], OPENBLAS_VERBOSE="2")
        lines = done.stderr.splitlines() if done else []
        return next((line.removeprefix("Core:").strip() for line in lines if line.startswith("Core:")), None)

    if (name := core()) == "Prescott" and "OPENBLAS_CORETYPE" not in os.environ:
        flags = Path("/proc/cpuinfo").read_text().split() if Path("/proc/cpuinfo").exists() else []
        newer = "SkylakeX" if "avx512vl" in flags else "Haswell" if "avx2" in flags else None
        if newer:
            os.environ["OPENBLAS_CORETYPE"] = newer
            return f", OpenBLAS with the kernels of {core()} (OPENBLAS_CORETYPE; by itself it chose Prescott's)"
    return f", OpenBLAS with the kernels of {name}" if name else ""


def first_line(command, all_lines=False):
    """What a command prints, or None where it fails."""
    done = finished(command)
    text = done.stdout.strip() if done and done.returncode == 0 else ""
    return None if not text else text if all_lines else text.splitlines()[0]


def finished(command, **variables):
    """A short command once it has ended, or None where it could not be run."""
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=60, env={**os.environ, **variables})
    except (OSError, subprocess.TimeoutExpired):
        return None


if __name__ == "__main__":
    main()
