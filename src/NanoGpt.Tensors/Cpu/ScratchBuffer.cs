using System.Runtime.InteropServices;

namespace NanoGpt.Tensors.Cpu;

/// <summary>Working memory of a kernel: grows to the largest request, is never read before it is written.</summary>
internal sealed unsafe class ScratchBuffer : IDisposable
{
    float* buffer;
    long length;

    [ThreadStatic] static ScratchBuffer? ofThread;

    /// <summary>The buffer of the thread that asks.</summary>
    public static ScratchBuffer OfThread => ofThread ??= new();

    public float* Get(long count)
    {
        if (count > length)
        {
            Release();
            buffer = (float*)CpuMemory.Allocate(count * sizeof(float));
            length = count;
        }
        return buffer;
    }

    void Release()
    {
        if (buffer != null) CpuMemory.Free((nint)buffer);
        buffer = null;
        length = 0;
    }

    public void Dispose()
    {
        Release();
        GC.SuppressFinalize(this);
    }

    ~ScratchBuffer() => Release();
}
