// Kernels write their stack scratch before they read it.
[module: System.Runtime.CompilerServices.SkipLocalsInit]
