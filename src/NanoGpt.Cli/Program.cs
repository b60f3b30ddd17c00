using NanoGpt.Cli;

return CommandLine.Run(args);
