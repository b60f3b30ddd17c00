Console.WriteLine("nanogpt");
