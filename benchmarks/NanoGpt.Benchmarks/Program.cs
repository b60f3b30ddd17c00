using BenchmarkDotNet.Running;
using NanoGpt.Benchmarks;

// --filter '*Gemm*' chooses, --list flat names; without arguments everything runs.
BenchmarkSwitcher.FromAssembly(typeof(KernelBenchmark).Assembly).Run(args.Length == 0 ? ["--filter", "*"] : args, new KernelConfig());
