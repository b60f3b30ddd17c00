namespace NanoGpt.Tests;
public class Placeholder { [Fact] public void Builds() => Assert.True(typeof(Placeholder).IsPublic); }
