namespace NanoGpt.Training;

/// <summary>One <c>key: value</c> of a config file, before it is known whether the key exists and the value fits.</summary>
/// <param name="Name">The key as written.</param>
/// <param name="Value">A bool, long, double or string; any other object fits no key.</param>
/// <param name="Given">The value as written, for an error.</param>
/// <param name="Line">Its line in the file, from 1.</param>
internal readonly record struct ConfigEntry(string Name, object Value, string Given, int Line);
